"""How every variable is called on paper: a base, subscripts, accents, a time; the choices are data (`Notation`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import sympy

from ..derivation import Derivation
from ..operations import BY_HEAD
from .notation import STANDARD, Notation, rename

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

    `time` is `t`, `t-1`, `t+1`, `0`, `1`, `T` or `T+1`, set as a superscript if `raised`; `gradient` puts ∂L/∂ before
    `of`, `prefixed` the base; `accents` (`bar`, `tilde`, `hat`) stand on the base, the innermost first; `verbatim`
    keeps a name as it was written, where setting it nicely would make it equal to another one.
    """

    base: str
    subscripts: tuple[str, ...] = ()
    of: Name | None = None
    time: str = ""
    primes: int = 0
    gradient: bool = False
    verbatim: bool = False
    prefixed: bool = False
    accents: tuple[str, ...] = ()
    raised: bool = False

    def at(self, time: str) -> Name:
        """The same at another time; what is written before a name takes its time from that name."""
        if (self.gradient or self.prefixed) and self.of is not None:
            return replace(self, of=self.of.at(time))
        return replace(self, time=time)


@dataclass(frozen=True, slots=True)
class Naming:
    """The name of every variable of a derivation; no two are equal. `general` is how the adjoint of some v looks."""

    names: Mapping[str, Name]
    general: tuple[Name, ...]
    dimensions: frozenset[str] = field(default=frozenset())
    """Dimensions that share their name with a variable, so that formulas must tell them apart."""

    def __call__(self, variable: str, time: str | None = None) -> Name:
        """The name of a variable, at its usual time or at another one."""
        name = self.names[variable]
        return name if time is None else name.at(time)


def net_inputs(derivation: Derivation) -> dict[str, str]:
    """The values that one activation alone acts on, each with the name of that activation's result."""
    uses: dict[str, int] = {}
    for equation in derivation.forward:
        for symbol in equation.expr.free_symbols:
            uses[str(symbol)] = uses.get(str(symbol), 0) + 1
    found: dict[str, str] = {}
    for equation in derivation.forward:
        operation = BY_HEAD.get(type(equation.expr))
        if operation is None or not operation.activation or not isinstance(equation.expr.args[0], sympy.Symbol):
            continue
        operand = equation.expr.args[0].name
        if derivation.variables[operand].role == "value" and uses[operand] == 1:
            found[operand] = equation.name
    return found


def name_variables(derivation: Derivation, notation: Notation = STANDARD) -> Naming:
    """Decide what everything in a derivation is called."""
    variables = derivation.variables
    names = _own_names(derivation, notation)
    bases = {name.base for name in names.values()}
    adjoint = _first_free(notation.letters_adjoint, bases)
    by_gate = net_inputs(derivation) if notation.net == "gate" else {}
    value = _first_free(notation.letters_value, bases | {adjoint}) if by_gate else adjoint
    carry = _first_free(notation.letters_carry, bases | {adjoint, value})
    clash = {name.base for name in names.values() if name.time and name.subscripts}
    upstream = _first_free(notation.letters_upstream, clash | {adjoint, carry, value})
    raised = notation.time == "superscript"

    def adjoint_name(of: Name, letter: str) -> Name:
        """The adjoint of a value. Which step it belongs to is said where it is needed or where it is always said."""
        if notation.adjoint == "partial":
            return Name("", of=of, gradient=True)
        if notation.adjoint == "bar":
            return replace(of, accents=(*of.accents, "bar"))
        time = "t" if notation.times == "every" else ""
        if notation.adjoint == "delta":
            return Name(letter, of=replace(of, time=""), time=time, raised=raised)
        return Name("d" if notation.adjoint == "d" else letter, of=of.at(time), prefixed=True)

    for variable in variables.values():
        if variable.name in names:
            continue
        of = names[variable.written]
        plain = replace(of, time="")
        match variable.role:
            case "adjoint":
                gate = variable.written in by_gate
                letter = adjoint if gate or not by_gate else value
                if gate and of.base == "a" and of.subscripts and not of.verbatim:  # δ_f for the net input a_f
                    names[variable.name] = Name(letter, of.subscripts, time=of.time, raised=raised)
                else:
                    names[variable.name] = adjoint_name(of, letter)
            case "upstream":
                names[variable.name] = Name(upstream, of=plain, time="t", raised=raised)
            case "carry":
                names[variable.name] = Name(carry, of=plain, time="t+1", raised=raised)
            case _:
                at = of.at("0") if variables[variable.written].role == "previous" else of
                names[variable.name] = _gradient_name(at, notation)
    shared = frozenset(derivation.cell.dims) & {
        name.base for name in names.values() if not name.subscripts and not name.time and not name.accents
    }
    v = Name("v", raised=raised)
    general = [adjoint_name(v, value)]
    if by_gate:
        general.append(adjoint_name(v, adjoint))
    return Naming(MappingProxyType(names), tuple(general), shared)


def _gradient_name(of: Name, notation: Notation) -> Name:
    match notation.adjoint:
        case "bar":
            return replace(of, accents=(*of.accents, "bar"))
        case "d":
            return Name("d", of=of, prefixed=True)
        case _:
            return Name("", of=of, gradient=True)


_MOST_BARS = 3


def _own_names(derivation: Derivation, notation: Notation) -> dict[str, Name]:
    """The names of what the cell itself speaks of."""
    program = derivation.cell.program
    every = notation.times == "every"
    timed = {*program.outputs, *(state.new for state in program.states)}
    nets = net_inputs(derivation) if notation.net == "bar" else {}
    bars: dict[str, int] = {}  # how many lines a net input is away from the value whose name it bears
    for name in [equation.name for equation in reversed(derivation.forward) if equation.name in nets]:
        bars[name] = bars.get(nets[name], 0) + 1
        if bars[name] > _MOST_BARS:
            del bars[name], nets[name]
    own = [v for v in derivation.variables.values() if v.role in ("parameter", "input", "previous", "value")]
    names: dict[str, Name] = {}
    used: set[Name] = set()
    # A capital speaks of weights: a matrix that is a state, as fast weights are, is no W.
    of_values = tuple(pair for pair in notation.names if not pair[0][:1].isupper())

    # Who is written by a person comes first; the names that lowering gives are the ones to step aside.
    for variable in sorted(own, key=lambda v: (v.role == "value", bars.get(v.name, 0))):
        written = variable.written if variable.role in ("input", "previous") else variable.name
        time = {"input": "t", "previous": "t-1", "parameter": ""}.get(
            variable.role, "t" if every or variable.name in timed else ""
        )
        wishes = [Name(written, verbatim=True)]
        wishes.insert(0, split_name(written))
        renamed = rename(written, notation.names if variable.role == "parameter" else of_values)
        if renamed is not None:
            wishes.insert(0, split_name(renamed, accented=True))
        if variable.name in nets:
            inner = names[nets[variable.name]]
            wishes.insert(0, replace(inner, accents=(*inner.accents, "bar"), time=""))
        timed_wishes = [replace(wish, time=time, raised=notation.time == "superscript") for wish in wishes]
        names[variable.name] = next(name for name in timed_wishes if name not in used)
        used.add(names[variable.name])
    return names


_DIGITS = re.compile(r"([^\W\d]+)(\d+)")


def split_name(written: str, accented: bool = False) -> Name:
    """`a_f` is a with the subscript f, `W1` is W with the subscript 1, `alpha` is α, `x_` is x′; if `accented`,
    `C_tilde` is C with a tilde."""
    core = written.strip("_")
    primes = len(written) - len(core)
    parts = [part for part in core.split("_") if part]
    first, rest = parts[0], parts[1:]
    accents = tuple(part for part in rest if accented and part in ("bar", "tilde", "hat"))
    rest = [part for part in rest if part not in accents]
    numbered = _DIGITS.fullmatch(first)
    if numbered and (len(numbered[1]) == 1 or numbered[1] in GREEK):
        first, rest = numbered[1], [numbered[2], *rest]
    subscripts = tuple(GREEK.get(part, part) for part in rest)
    return Name(GREEK.get(first, first), subscripts, primes=primes, accents=accents)


def _first_free(letters: Iterable[str], taken: set[str]) -> str:
    wishes = list(letters)
    for letter in wishes:
        if letter not in taken:
            return letter
    k = 2
    while wishes[0] * k in taken:
        k += 1
    return wishes[0] * k
