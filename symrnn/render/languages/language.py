"""What a language must say: its rules and phrases, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...operations.table import ALL


@dataclass(frozen=True, slots=True)
class Rule:
    """A short `label` that can stand inside formulas, and a `sentence` with places for formulas in braces."""

    label: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Language:
    """Everything that a rendered derivation says in words."""

    code: str
    rules: Mapping[str, Rule]
    phrases: Mapping[str, str]


def all_rules(rules: Mapping[str, Rule], function: Rule) -> Mapping[str, Rule]:
    """The rules of a language, and for each elementwise operation without one what is said of a function, with its
    name in the label."""
    names = [row.name for row in ALL if row.elementwise and row.head is not None]
    defaults = {name: Rule(function.label.format(name.replace("_", " ")), function.sentence) for name in names}
    return MappingProxyType(defaults | dict(rules))
