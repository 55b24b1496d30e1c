"""What everything in a network is called: a layer's names are those of its cell with the layer above, W_i⁽¹⁾.

What goes from block to block has one name: the input of the second layer is the output of the first. A wire that only
says of which step a value is taken (`last(h)`, `x[t-1]`) has none: h_T, x_{t−1}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ...derivation import NetworkDerivation
from ...equations import Block, Network, Wire
from ...language.wiring import EACH, STEPS, has_steps
from ...sizes import Size
from ..document import Writer
from ..names import Name, Naming, first_free, short_layers, split_name
from ..notation import Notation
from ..view import MOVED
from .moments import FIRST, LAST, NOW, Moment

_OTHER_STEPS = ["s", "r", "u", "j", "i", "k", "l", "q", "p"]
_ACCENTS = {"mean": "bar", "reverse": "tilde"}
_SEQUENCES = ("n", "q", "r", "l", "s", "k", "ν")


@dataclass(frozen=True, slots=True)
class Known:
    """A value of the network: its name without a step, the time axis that the name runs over, and the `ways` from the
    value to the name, the outermost first (`last`, `shift`)."""

    name: Name
    axis: str
    ways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkNames:
    """`values`, `params` and `sizes` by their names in the network, `units` the unit vectors of whole numbers, `layers`
    what is written above the names of a block, `own` the names of values within a stretch of equations, `steps` the
    letters of each time axis: of a step and of the last. `inner` are the wires without a name of their own. `upstream`
    and `outside` are the letters of what comes from above into a block and into the network; `sequences` counts these.
    """

    values: Mapping[str, Known]
    params: Mapping[str, Name]
    units: Mapping[str, Known]
    sizes: Mapping[str, str]
    layers: Mapping[str, str]
    own: Mapping[str, Mapping[str, Name]]
    steps: Mapping[str, tuple[str, str]]
    inner: frozenset[str]
    upstream: str
    outside: str
    sequences: str
    raised: bool

    def at(self, value: str, moment: Moment = NOW) -> Name:
        """The name of a value at a step."""
        return self.reached(self.values[value], moment)

    def reached(self, known: Known, moment: Moment = NOW) -> Name:
        for way in known.ways:
            match way:
                case "last":
                    moment = LAST
                case "first":
                    moment = FIRST
                case "shift":
                    moment = moment.later(-1)
                case _:
                    moment = moment.turned()
        return self.timed(known.name, known.axis, moment)

    def timed(self, name: Name, axis: str, moment: Moment) -> Name:
        if not has_steps(axis):
            return name
        return replace(name, time=moment.written(*self.steps[axis]), raised=self.raised)

    def adjoint(self, value: str, moment: Moment = NOW, *, outside: bool = False) -> Name:
        """What comes from above into a value, or of it from `outside` the network."""
        known = self.values[value]
        letter = self.outside if outside else self.upstream
        return self.timed(Name(letter, of=replace(known.name, layer=""), layer=known.name.layer), known.axis, moment)

    def size(self, size: Size) -> Size:
        return size.renamed(dict(zip(size.names, (self.sizes.get(name, name) for name in size.names), strict=True)))


@dataclass(frozen=True, slots=True)
class BlockNaming(Naming):
    """What a cell's variables are called in one block of a network, where the block's t is `now`."""

    block: Block | None = None
    writer: Writer | None = None
    network: NetworkNames | None = None
    now: Moment = NOW

    def __call__(self, variable: str, time: str | None = None) -> Name:
        assert self.writer is not None
        variable, moved, at = variable.partition(MOVED)
        time = at if moved else time
        name, known = self.names[variable], self.writer.derivation.variables[variable]
        if known.role in ("input", "parameter", "previous", "value"):
            return self._own(variable, name.time if time is None else time)
        of = known.written
        if name.prefixed and name.of is not None:
            return replace(name, of=self._own(of, name.of.time if time is None else time))
        own = self._own(of, "")
        words = self._time(name.time if time is None else time)
        if name.of is not None:
            return replace(name, of=replace(own, layer="", time=""), layer=own.layer, time=words)
        if name.accents and name.base == self.names[of].base:  # the name itself with a bar
            return replace(own, accents=(*own.accents, name.accents[-1]), time=words, raised=name.raised)
        return replace(name, primes=own.primes, layer=own.layer, time=words)

    def _own(self, variable: str, words: str) -> Name:
        assert self.block is not None
        assert self.network is not None
        assert self.writer is not None
        role = self.writer.derivation.variables[variable].role
        if role == "input":
            value = self.block.inputs[variable]
            return self.network.at(value, self._moment(words or "t"))
        if role == "parameter":
            return self.network.params.get(self.block.params.get(variable, ""), self.names[variable])
        return replace(self.names[variable], time=self._time(words))

    def _moment(self, words: str) -> Moment:
        moment = Moment.of(words)
        assert self.block is not None
        return (moment.from_the_end() if self.block.reverse else moment).within(self.now)

    def _time(self, words: str) -> str:
        """The step in the letters of the block's axis; where everything is moved, also of what needs no step else."""
        assert self.block is not None
        assert self.network is not None
        if self.block.axis == EACH or (not words and self.now == NOW):
            return ""
        return self._moment(words or "t").written(*self.network.steps[self.block.axis])


def name_block(block: Block, writer: Writer, names: NetworkNames, now: Moment = NOW) -> Writer:
    """The writer of a cell's equations, under the names that they have in a block."""
    naming, own = writer.display.naming, names.own[block.name]
    layer = names.layers[block.name]
    known = {
        variable: replace(own.get(variable, name), time=name.time, raised=name.raised).within(layer)
        if not name.prefixed
        else name
        for variable, name in naming.names.items()
    }  # fmt: skip
    shown = BlockNaming(MappingProxyType(known), naming.general, naming.dimensions, block, writer, names, now)
    return replace(writer, display=replace(writer.display, naming=shown))


def begins(value: str, network: Network) -> bool:
    """Whether a value is a state that begins at something else than zero."""
    return any(block.init and value in block.outputs.values() for block in network.blocks)


def name_network(derivation: NetworkDerivation, writers: Mapping[str, Writer], notation: Notation) -> NetworkNames:
    """Decide what everything is called; `writers` are those of the blocks' cells, by block."""
    return _Naming(derivation.network, writers, notation).run()


class _Naming:
    """The names that were given so far."""

    def __init__(self, network: Network, writers: Mapping[str, Writer], notation: Notation) -> None:
        self.network, self.writers, self.notation = network, writers, notation
        self.scans = [block for block in network.blocks if block.scanned]
        self.taken = {Name("L")}  # the loss
        self.values: dict[str, Known] = {}
        self.params: dict[str, Name] = {}
        self.own: dict[str, Mapping[str, Name]] = {}
        self.units: dict[str, Known] = {}
        self.inner: set[str] = set()

    def run(self) -> NetworkNames:
        network = self.network
        for name in network.arguments:
            self.values[name] = Known(self._take(split_name(name), name), network.axes[name])
        for name in network.params:
            if "." not in name:
                self.params[name] = self._take(split_name(name), name)
        for block in network.blocks:
            if not block.scanned:
                self.own[block.name] = MappingProxyType(dict(self._stretch(block)))
        layers = self._layers()
        for step in network.steps:
            if isinstance(step, Wire):
                self._wire(step)
            elif step.scanned:
                self._scan(step, layers)
            else:
                for name, value in step.outputs.items():
                    self.values[value] = Known(self.own[step.name][name], step.axis)
        bases = {name.base for name in self.taken} | {
            name.base for block in self.scans for name in self._cell_names(block)
        }
        used = {writer.display.naming(name).base for writer in self.writers.values()
                for name in (*writer.derivation.upstream.values(), *writer.derivation.carries.values())}  # fmt: skip
        upstream = self._upstream()
        outside = first_free(self.notation.letters_upstream, bases | used | {upstream})
        sizes = self._sizes(layers)
        sequences = first_free(_SEQUENCES, bases | set(sizes.values()))
        return NetworkNames(
            MappingProxyType(self.values), MappingProxyType(self.params), MappingProxyType(self.units),
            MappingProxyType(sizes),
            MappingProxyType(layers | {block.name: "" for block in network.blocks if not block.scanned}),
            MappingProxyType(self.own), MappingProxyType(self._steps(bases)), frozenset(self.inner), upstream, outside,
            sequences, self.notation.time == "superscript",
        )  # fmt: skip

    def _take(self, wish: Name, written: str) -> Name:
        """A name that nothing else in the network has."""
        wishes = [wish, replace(wish, primes=wish.primes + 1), replace(wish, primes=wish.primes + 2)]
        wishes += [Name(written, verbatim=True), *(Name(f"{written}{k}", verbatim=True) for k in range(2, 100))]
        found = next(name for name in wishes if name not in self.taken)
        self.taken.add(found)
        return found

    def _stretch(self, block: Block) -> Iterator[tuple[str, Name]]:
        """The names of values that a stretch of equations computes."""
        writer = self.writers[block.name]
        for equation in writer.derivation.forward:
            name = equation.name
            wish = split_name(name) if name in self.network.shapes else writer.display.naming(name)
            yield name, self._take(replace(wish, time="", raised=False), name)

    # Layers -------------------------------------------------------------------------------------------------

    def _cell_names(self, block: Block) -> Iterator[Name]:
        """What a cell calls its own, without steps."""
        writer = self.writers[block.name]
        for name, variable in writer.derivation.variables.items():
            if variable.role in ("parameter", "previous", "value"):
                yield replace(writer.display.naming(name), time="", raised=False)

    def _layers(self) -> dict[str, str]:
        """What stands above the names of each scan: 1 of `h1`, b of `hb`, else its whole name; nothing where there is
        one scan alone and none of its names is another's too."""
        names = [block.name for block in self.scans]
        if len(names) == 1 and not self.taken & set(self._cell_names(self.scans[0])):
            return {names[0]: ""}
        found = short_layers(names)
        if len(names) == 1:
            return {names[0]: found[names[0]] if found[names[0]] != names[0] else "1"}
        return found

    def _scan(self, block: Block, layers: Mapping[str, str]) -> None:
        writer, states = self.writers[block.name], {s.name: s for s in block.cell.program.states}
        naming = writer.display.naming
        # what the step before handed on has the name under which this step hands it on
        self.own[block.name] = MappingProxyType({state.previous: naming(state.new) for state in states.values()})
        for name, value in block.outputs.items():
            own = replace(naming(name), time="", raised=False).within(layers[block.name])
            self.values[value] = Known(own, block.axis)
        for name, value in block.finals.items():
            own = replace(naming(states[name].new), time="", raised=False).within(layers[block.name])
            self.values[value] = Known(own, block.axis, ("first" if block.reverse else "last",))
        self.taken |= {name.within(layers[block.name]) for name in self._cell_names(block)}
        layer = layers[block.bearer]
        for name in writer.derivation.cell.params:
            if name in block.params:
                self.params.setdefault(block.params[name], naming(name).within(layer))

    # Wires --------------------------------------------------------------------------------------------------

    def _wire(self, wire: Wire) -> None:
        source = self.values[wire.of]
        written = self.network.plan.variables[wire.of].written
        hidden = wire.name.startswith(f"{written}_")  # nobody gave it a name: it stood within a line
        first = wire.way == "shift" and begins(wire.of, self.network)
        own_ends = wire.axis in self.network.lengths and wire.way in ("last", "reverse")
        wish = split_name(wire.name)
        if wire.way in ("embed", "one_hot") and wire.of not in self.units:
            unit = replace(source.name, subscripts=(*source.name.subscripts, "hot"))
            self.units[wire.of] = Known(self._take(unit, f"{wire.of}_hot"), source.axis)
        axis = wire.axis if wire.way == "steps" else self.network.axes.get(wire.name, EACH)
        if wire.way in ("steps", "places"):
            wish = Name("keep" if wire.way == "steps" else "valid")
        elif wire.way == "one_hot":
            self.values[wire.name] = self.units[wire.of]
            self.inner.add(wire.name)
            return
        elif hidden and wire.way in ("last", "first", "shift", "reverse") and not own_ends and not first:
            self.values[wire.name] = replace(source, ways=(wire.way, *source.ways))
            self.inner.add(wire.name)
            return
        elif hidden and wire.table is not None:
            wish = split_name(wire.table.lower())
        elif hidden and wire.way == "rows":
            wish = replace(source.name, base=source.name.base.upper())
        elif hidden and wire.way in _ACCENTS:
            wish = replace(source.name, accents=(*source.name.accents, _ACCENTS[wire.way]))
        elif hidden:
            wish = replace(source.name, subscripts=(*source.name.subscripts, "prev" if first else wire.way))
        self.values[wire.name] = Known(self._take(wish, wire.name), axis)

    # Letters ------------------------------------------------------------------------------------------------

    def _upstream(self) -> str:
        for writer in self.writers.values():
            for name in writer.derivation.upstream.values():
                return writer.display.naming(name).base
        raise AssertionError("a network has a block")

    def _steps(self, bases: set[str]) -> dict[str, tuple[str, str]]:
        """A letter for the steps of each time axis, and one for its length."""
        found = {STEPS: ("t", "T")}
        for axis in dict.fromkeys(self.network.axes.values()):
            if axis == STEPS or not has_steps(axis):
                continue
            used = bases | {step for step, _ in found.values()}
            step = first_free([axis[0].lower(), *_OTHER_STEPS], used)
            found[axis] = (step, axis if len(axis) == 1 else step.upper())
        return found

    def _sizes(self, layers: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for dim in self.network.dims:
            scan, _, size = dim.rpartition(".")
            layer = layers.get(scan, scan)
            name = f"{layer}.{size}" if scan and layer else size
            found[dim] = name if name not in found.values() else dim
        return found
