"""How formulas are written, as a value: `Notation` holds every choice, presets bear the names of well-known texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Self

from ..arguments import instance
from ..errors import OptionError, nearest

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adjoint": ("delta", "prefix", "bar", "partial", "d"),
        "vectors": ("column", "row"),
        "weights": ("separate", "joined"),
        "product": ("odot", "circ", "asterisk"),
        "time": ("subscript", "superscript"),
        "times": ("needed", "every"),
        "net": ("own", "bar", "gate"),
        "derivative": ("output", "net"),
        "layout": ("denominator", "numerator"),
        "lines": ("each", "merged"),
        "carries": ("named", "inline"),
    }
)
"""What each option may say, the usual choice first."""


@dataclass(frozen=True, slots=True)
class Notation:
    """Every choice about how a derivation is written; the formulas mean the same under each.

    `adjoint`     δ_v, δv, v̄, ∂L/∂v or dv
    `vectors`     columns (W x) or rows, batch first (x W): every matrix is then the transpose of the column one
    `weights`     separate ones, or one matrix over [h, x] where several meet in a sum
    `product`     ⊙, ∘ or ∗ for the elementwise product
    `time`        h_t or hᵗ;  `times`: where it is needed, or on every value
    `net`         a net input has its own name (a_f), is the value with a bar (f̄), or is known by its gate: δ_f is
                  then the adjoint of f's net input, and adjoints of values have the letters `letters_value`
    `derivative`  in terms of the output, f ⊙ (1 − f), or of the net input, σ′(a_f)
    `layout`      a gradient has the shape of its variable (denominator), or the transposed one (numerator)
    `lines`       each adjoint has a line, or what is used once as a factor is merged into the line that uses it
    `carries`     what step t+1 hands back has a name and a line, or is written out where it enters
    `names`       pairs (pattern, new): `("g", "z")`, `("W_*", "W_i*")`; `C_tilde` and `C_bar` put an accent on C; a
                  pattern that begins with a capital is for parameters alone
    `letters_…`   for adjoints, adjoints of values, carries and gradients from above, best first; a letter that the
                  cell uses itself gives way to the next
    """

    adjoint: str = "delta"
    vectors: str = "column"
    weights: str = "separate"
    product: str = "odot"
    time: str = "subscript"
    times: str = "needed"
    net: str = "own"
    derivative: str = "output"
    layout: str = "denominator"
    lines: str = "each"
    carries: str = "named"
    names: tuple[tuple[str, str], ...] = ()
    letters_adjoint: tuple[str, ...] = ("δ", "η", "ξ", "θ")
    letters_value: tuple[str, ...] = ("ε", "ϑ", "ϵ")
    letters_carry: tuple[str, ...] = ("κ", "χ", "ρ", "ν")
    letters_upstream: tuple[str, ...] = ("ε", "γ", "ζ", "τ")

    def __new__(cls, *choices: Any, **options: Any) -> Self:
        """Refuses a misspelt option with the nearest one, before a bare TypeError would."""
        known = [part.name for part in fields(cls)]
        for option in options:
            if option not in known:
                raise _no_option(option, known)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for option, known in CHOICES.items():
            value = getattr(self, option)
            if value not in known:
                meant = nearest(str(value), list(known)) or f"it may be: {', '.join(known)}"
                raise OptionError(f"{value!r} is no choice for the notation's `{option}`; {meant}")
        for option in ("letters_adjoint", "letters_value", "letters_carry", "letters_upstream"):
            if not getattr(self, option):
                raise OptionError(f"the notation's `{option}` needs at least one letter")
        if self.net == "bar" and self.adjoint == "bar":
            raise OptionError("a bar cannot mark both net inputs (net='bar') and adjoints (adjoint='bar')")
        if self.net == "gate" and self.adjoint not in ("delta", "prefix"):
            raise OptionError(
                f"net='gate' tells adjoints apart by their letters, adjoint={self.adjoint!r} has none\n"
                "  mend: adjoint='delta'"
            )


STANDARD = Notation()

PRESETS: Mapping[str, Notation] = MappingProxyType(
    {
        "standard": STANDARD,
        # Greff, Srivastava, Koutník, Steunebrink & Schmidhuber, LSTM: A Search Space Odyssey, appendix
        "greff": Notation(
            adjoint="prefix", time="superscript", times="every", net="bar", derivative="net", lines="merged",
            carries="inline", names=(("g", "z"), ("*_g", "*_z"), ("h", "y")), letters_upstream=("Δ", "γ", "ζ"),
        ),
        # Graves, Supervised Sequence Labelling with Recurrent Neural Networks, chapter 4
        "graves": Notation(
            time="superscript", times="every", net="gate", derivative="net", lines="merged", carries="inline",
            names=(
                ("b_i", "w_iota"), ("b_f", "w_phi"), ("b_o", "w_omega"), ("b_g", "w_c"),
                ("i", "b_iota"), ("f", "b_phi"), ("o", "b_omega"), ("c", "s_c"), ("h", "b_c"),
                ("*_i", "*_iota"), ("*_f", "*_phi"), ("*_o", "*_omega"), ("*_g", "*_c"),
            ),
            letters_upstream=("γ", "ζ", "τ"),
        ),
        # Olah, Understanding LSTM Networks
        "colah": Notation(
            adjoint="partial", weights="joined", product="asterisk", times="every",
            names=(("g", "C_tilde"), ("*_g", "*_C"), ("c", "C"), ("n", "h_tilde"), ("*_n", "*_h")),
        ),
        # The assignments of Stanford's course CS231n
        "cs231n": Notation(
            adjoint="d", vectors="row", names=(("W_*", "W_x_*"), ("R_*", "W_h_*"), ("W", "W_x"), ("R", "W_h")),
        ),
        # The documentation of torch.nn.LSTM and torch.nn.GRU
        "pytorch": Notation(
            adjoint="partial", times="every", names=(("W_*", "W_i*"), ("R_*", "W_h*"), ("W", "W_ih"), ("R", "W_hh")),
        ),
    }
)  # fmt: skip
"""Notations by name."""


def read_notation(words: str | Notation) -> Notation:
    """A notation from words: a preset, options, or both: `greff`, `vectors=row`, `colah,time=superscript`."""
    if isinstance(words, Notation):
        return words
    instance("notation", words, str, "a Notation, or words such as 'greff' or 'vectors=row'")
    notation = STANDARD
    for place, word in enumerate(part.strip() for part in words.split(",")):
        option, equals, value = (part.strip() for part in word.partition("="))
        if not equals:
            if place or word not in PRESETS:
                if word in CHOICES:
                    raise OptionError(f"{word!r} takes a value: {word}={' or '.join(CHOICES[word])}")
                meant = nearest(word, [*PRESETS, *CHOICES]) or f"the presets are: {', '.join(PRESETS)}"
                raise OptionError(f"{word!r} is not a notation; {meant}")
            notation = PRESETS[word]
            continue
        if option not in CHOICES:
            raise _no_option(option, list(CHOICES))
        notation = replace(notation, **{option: value})
    return notation


def _no_option(option: str, known: list[str]) -> OptionError:
    meant = nearest(option, known) or f"the options are: {', '.join(known)}"
    return OptionError(f"a notation has no option {option!r}; {meant}")


def rename(name: str, pairs: tuple[tuple[str, str], ...]) -> str | None:
    """The new form of a name under the first pattern that fits it, None where none does; `*` stands for any letters."""
    for pattern, new in pairs:
        head, star, tail = pattern.partition("*")
        if not star:
            if name == pattern:
                return new
        elif len(name) > len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
            return new.replace("*", name[len(head) : len(name) - len(tail)])
    return None
