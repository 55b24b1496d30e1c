"""Nested parameters and flat names: {"ii": {"kernel": a}} and {"ii.kernel": a}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError


def flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A tree of mappings as one dict, with names joined by dots; a flat dict stays as it is."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{rest}": leaf for rest, leaf in flat(value).items()}
        else:
            found[name] = value
    return found


def nested(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """A dict whose names are joined by dots as a tree, as Flax and Haiku have parameters."""
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *path, last = name.split(".")
        place = tree
        for word in path:
            place = place.setdefault(word, {})
            if not isinstance(place, dict):
                raise InputError(f"{name!r} goes through {word!r}, which is an array itself")
        if isinstance(place.get(last), dict):
            raise InputError(f"{name!r} is an array, and other names go through it")
        place[last] = array
    return tree
