"""How every variable is called on paper: a base, subscripts, accents, a time; the choices are data (`Notation`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from types import MappingProxyType

import sympy

from ..derivation import Derivation
from ..language.nodes import own_name
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

    `time` is `t`, `t-1`, `t+1`, `0`, `1`, `T` or `T+1`, set as a superscript if `raised`; `prefixed` puts the base
    before `of`, where ∂ stands for ∂L/∂; `accents` (`bar`, `tilde`, `hat`) stand on the base, the innermost first;
    `verbatim` keeps a name as it was written, where setting it nicely would make it equal to another one; `layer` tells
    the layers of a network apart: W_i⁽¹⁾.
    """

    base: str
    subscripts: tuple[str, ...] = ()
    of: Name | None = None
    time: str = ""
    primes: int = 0
    verbatim: bool = False
    prefixed: bool = False
    accents: tuple[str, ...] = ()
    raised: bool = False
    layer: str = ""

    def at(self, time: str) -> Name:
        """The same at another time; what is written before a name takes its time from that name."""
        if self.prefixed and self.of is not None:
            return replace(self, of=self.of.at(time))
        return replace(self, time=time)

    def within(self, layer: str) -> Name:
        """The same in a layer of a network, behind which stands the part of the cell."""
        return replace(self, layer=",".join(filter(None, (layer, self.layer))))

    @property
    def ends_raised(self) -> bool:
        """Whether it ends in a superscript, so that a power needs parentheses."""
        if self.prefixed and self.of is not None:
            return self.of.ends_raised
        return bool(self.layer) or (self.raised and bool(self.time))

    @property
    def takes_transpose(self) -> bool:
        """Whether the sign of a transpose stands beside the layer: W⁽¹⁾ᵀ."""
        return bool(self.layer) and not (self.raised and self.time)


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
    uses = Counter(str(symbol) for equation in derivation.forward for symbol in equation.expr.free_symbols)
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
    names = own_names(derivation, notation)
    gates = net_inputs(derivation) if notation.net == "gate" else {}
    bases = {name.base for name in names.values()}
    adjoint = first_free(notation.letters_adjoint, bases)
    value = first_free(notation.letters_value, bases | {adjoint}) if gates else adjoint
    carry = first_free(notation.letters_carry, bases | {adjoint, value})
    clash = {name.base for name in names.values() if name.time and name.subscripts}
    upstream = first_free(notation.letters_upstream, clash | {adjoint, carry, value})
    raised = notation.time == "superscript"
    for variable in derivation.variables.values():
        if variable.name in names:
            continue
        of = names[variable.written]
        match variable.role:
            case "adjoint" if variable.written not in gates:
                name = _adjoint(of, value, notation)
            case "adjoint" if of.base == "a" and of.subscripts and not of.verbatim:  # δ_f for the net input a_f
                name = Name(adjoint, of.subscripts, time=of.time, raised=raised, layer=of.layer)
            case "adjoint":
                name = _adjoint(of, adjoint, notation)
            case "upstream":
                name = Name(upstream, of=replace(of.at(""), layer=""), time="t", raised=raised, layer=of.layer)
            case "rate" if of.prefixed:  # the rate of ∂L/∂W is a product with the Hessian
                name = Name("Hv", of=of.of)
            case "rate":
                name = replace(of, accents=(*of.accents, "dot"))
            case "carry":
                name = Name(carry, of=of.at(""), time="t+1", raised=raised)
            case _:
                first = derivation.variables[variable.written].role == "previous"
                name = gradient_name(of.at("0") if first else of, notation)
        names[variable.name] = name
    shared = {name.base for name in names.values() if not name.subscripts and not name.time and not name.accents}
    letters = (value, adjoint) if gates else (value,)
    general = tuple(_adjoint(Name("v", raised=raised), letter, notation) for letter in letters)
    return Naming(MappingProxyType(names), general, frozenset(derivation.cell.dims) & shared)


def _adjoint(of: Name, letter: str, notation: Notation) -> Name:
    """The adjoint of a value. Which step it belongs to is said where it is needed or where it is always said."""
    time = "t" if notation.times == "every" else ""
    match notation.adjoint:
        case "delta":
            own = replace(of.at(""), layer="")
            return Name(letter, of=own, time=time, raised=notation.time == "superscript", layer=of.layer)
        case "prefix":
            return Name(letter, of=of.at(time), prefixed=True)
        case "d":
            return gradient_name(of.at(time), notation)
        case _:
            return gradient_name(of, notation)


def gradient_name(of: Name, notation: Notation) -> Name:
    """What has no letter of its own: ∂L/∂W, or W with a bar or a d."""
    if notation.adjoint == "bar":
        return replace(of, accents=(*of.accents, "bar"))
    return Name("d" if notation.adjoint == "d" else "∂", of=of, prefixed=True)


_MOST_BARS = 3


def own_names(derivation: Derivation, notation: Notation) -> dict[str, Name]:
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
    # A capital speaks of weights: a matrix that is a state, as fast weights are, is no W.
    of_values = tuple(pair for pair in notation.names if not pair[0][:1].isupper())
    layers = short_layers({part: None for v in own if (part := split_name(v.name).layer)})
    names: dict[str, Name] = {}
    # Who is written by a person comes first; the names that lowering gives are the ones to step aside.
    for variable in sorted(own, key=lambda v: (v.role == "value", bars.get(v.name, 0))):
        written = variable.written if variable.role in ("input", "previous") else variable.name
        time = {"input": "t", "previous": "t-1", "parameter": ""}.get(
            variable.role, "t" if every or variable.name in timed else ""
        )
        wishes = [split_name(written), Name(written, verbatim=True)]
        part = wishes[0].layer
        core = written[len(part) + 1 :] if part else written
        renamed = rename(core, notation.names if variable.role == "parameter" else of_values)
        if renamed is not None:
            wishes.insert(0, replace(split_name(renamed, accented=True), layer=part))
        if variable.name in nets:
            inner = names[nets[variable.name]]
            wishes.insert(0, replace(inner, accents=(*inner.accents, "bar")))
        raised = notation.time == "superscript"
        wishes = [replace(w, time=time, raised=raised, layer=layers.get(w.layer, w.layer)) for w in wishes]
        names[variable.name] = next(wish for wish in wishes if wish not in names.values())
    return names


_SHORT = re.compile(r"[^\W\d_](_?[0-9][0-9_]*|[^\W\d_][0-9]*)")


def short_layers(names: Iterable[str]) -> dict[str, str]:
    """What stands above the names of layers: 1 for `h1`, b for `hb`, else the whole name; of a part within a part one
    behind the other."""
    short: dict[str, str] = {}
    for name in names:
        pieces = [(piece, _SHORT.fullmatch(piece)) for piece in name.split(".")]
        short[name] = ",".join((m[1].strip("_") if m else piece).replace("_", ",") for piece, m in pieces)
    count = list(short.values()).count
    return {name: layer if count(layer) == 1 else re.sub("[._]", ",", name) for name, layer in short.items()}


_DIGITS = re.compile(r"([^\W\d]+)(\d+)")


def name_size(piece: str) -> Name:
    """The name of a size; `1.n` is the n of layer 1."""
    layer, _, size = piece.rpartition(".")
    return replace(split_name(size), layer=layer)


def split_name(written: str, accented: bool = False) -> Name:
    """`a_f` is a with the subscript f, `W1` is W with the subscript 1, `alpha` is α, `x_` is x′; if `accented`,
    `C_tilde` is C with a tilde. `h1.W.0` is the member 0 of W in the part h1."""
    if "." in written:
        own = own_name(written)
        part, _, number = written.rpartition(own)
        name = split_name(own, accented)
        members = tuple(number.split(".")[1:])
        return replace(name, subscripts=(*name.subscripts, *members), layer=part.rstrip("."))
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


def first_free(letters: Sequence[str], taken: set[str]) -> str:
    """The best letter that is free, or one of them more than once."""
    more = (letters[0] * k for k in count(2))
    return next(letter for letter in chain(letters, more) if letter not in taken)
