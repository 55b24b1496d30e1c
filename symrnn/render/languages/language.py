"""What a language must say: its rules and phrases, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
