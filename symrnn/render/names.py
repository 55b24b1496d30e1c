"""How every variable is called on paper: a base, subscripts, a time; the letters themselves are data (`Notation`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..derivation import Derivation
from ..language import Variable

_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu "
    "nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
)
_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
_CAPITALS = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
GREEK: Mapping[str, str] = MappingProxyType(
    dict(zip(_WORDS.split(), _LETTERS, strict=True))
    | {word.capitalize(): letter for word, letter in zip(_WORDS.split(), _CAPITALS, strict=True)}
    | {"lam": "λ", "lamda": "λ", "eps": "ε", "Lam": "Λ", "Lamda": "Λ"}
)
"""English word -> Greek letter; `lambda` itself is no name in Python, so people write `lam`."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in parts, for each printer to set in its own way: δ_{a_f} is `δ` of the name `a_f`.

    `time` is `t`, `t-1`, `t+1`, `0`, `1`, `T` or `T+1`; `gradient` puts ∂L/∂ before `of`; `verbatim` keeps a
    name as it was written, where setting it nicely would make it equal to another one.
    """

    base: str
    subscripts: tuple[str, ...] = ()
    of: Name | None = None
    time: str = ""
    primes: int = 0
    gradient: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Notation:
    """Letters for derived quantities, best first; a letter that the cell uses itself gives way to the next."""

    adjoint: tuple[str, ...] = ("δ", "η", "ξ", "θ")
    carry: tuple[str, ...] = ("κ", "χ", "ρ", "ν")
    upstream: tuple[str, ...] = ("ε", "γ", "ζ", "τ")


STANDARD = Notation()


@dataclass(frozen=True, slots=True)
class Naming:
    """The name of every variable of a derivation; no two are equal."""

    names: Mapping[str, Name]
    adjoint: str
    carry: str
    upstream: str
    dimensions: frozenset[str] = field(default=frozenset())
    """Dimensions that share their name with a variable, so that formulas must tell them apart."""

    def __call__(self, variable: str, time: str | None = None) -> Name:
        """The name of a variable, at its usual time or at another one."""
        name = self.names[variable]
        if time is None:
            return name
        if name.gradient and name.of is not None:
            return replace(name, of=replace(name.of, time=time))
        return replace(name, time=time)


def name_variables(derivation: Derivation, notation: Notation = STANDARD) -> Naming:
    """Decide what everything in a derivation is called."""
    program = derivation.cell.program
    timed = {*program.outputs, *(state.new for state in program.states)}
    variables = derivation.variables
    own = [v for v in variables.values() if v.role in ("parameter", "input", "previous", "value")]
    names: dict[str, Name] = {}
    used: set[Name] = set()
    # Who is written by a person comes first; the names that lowering gives are the ones to step aside.
    for variable in sorted(own, key=lambda v: v.role == "value"):
        name = _own_name(variable, timed)
        if name in used:
            name = replace(Name(variable.name, verbatim=True), time=name.time)
        used.add(name)
        names[variable.name] = name
    bases = {name.base for name in names.values()}
    adjoint = _first_free(notation.adjoint, bases)
    carry = _first_free(notation.carry, bases | {adjoint})
    clash = {name.base for name in names.values() if name.time and name.subscripts}
    upstream = _first_free(notation.upstream, clash | {adjoint, carry})
    for variable in variables.values():
        if variable.name in names:
            continue
        of = names[variable.written]
        match variable.role:
            case "adjoint":
                names[variable.name] = Name(adjoint, of=replace(of, time=""))
            case "upstream":
                names[variable.name] = Name(upstream, of=replace(of, time=""), time="t")
            case "carry":
                names[variable.name] = Name(carry, of=replace(of, time=""), time="t+1")
            case _:
                at = replace(of, time="0") if variables[variable.written].role == "previous" else of
                names[variable.name] = Name("", of=at, gradient=True)
    shared = frozenset(derivation.cell.dims) & {
        name.base for name in names.values() if not name.subscripts and not name.time
    }
    return Naming(MappingProxyType(names), adjoint, carry, upstream, shared)


def _own_name(variable: Variable, timed: set[str]) -> Name:
    match variable.role:
        case "input":
            return replace(split_name(variable.written), time="t")
        case "previous":
            return replace(split_name(variable.written), time="t-1")
        case _:
            return replace(split_name(variable.name), time="t" if variable.name in timed else "")


_DIGITS = re.compile(r"([^\W\d]+)(\d+)")


def split_name(written: str) -> Name:
    """`a_f` is a with the subscript f, `W1` is W with the subscript 1, `alpha` is α, `x_` is x′."""
    core = written.strip("_")
    primes = len(written) - len(core)
    parts = [part for part in core.split("_") if part]
    first, rest = parts[0], parts[1:]
    numbered = _DIGITS.fullmatch(first)
    if numbered and (len(numbered[1]) == 1 or numbered[1] in GREEK):
        first, rest = numbered[1], [numbered[2], *rest]
    return Name(GREEK.get(first, first), tuple(GREEK.get(part, part) for part in rest), primes=primes)


def _first_free(letters: Iterable[str], taken: set[str]) -> str:
    wishes = list(letters)
    for letter in wishes:
        if letter not in taken:
            return letter
    k = 2
    while wishes[0] * k in taken:
        k += 1
    return wishes[0] * k
