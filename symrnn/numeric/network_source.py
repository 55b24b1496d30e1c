"""A network as a NumPy module of its own: its blocks' passes as functions, and the wires between them as statements.

make_lstm()                          the cell's pack, forward and backward, once for all blocks that run it
forward(params, x)                   block by block, wire by wire; what it computes stands in `values` by name
backward(tape, d_outputs)            the same in reverse; what a value has received stands in `received`
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..derivation import Derivation, NetworkDerivation
from ..equations import Block, Network, Wire
from ..language.wiring import EACH
from .dimensions import full_shape, network_readings
from .emit import plain_core
from .fast import fast_core
from .names import PYTHON, Names
from .parts import Core, in_docstring, show_array
from .wires import MASKS, WIRES, counted, look_up, look_up_back, reverse, unit_vectors

_WORDS = """
np math Any params x tape tapes values sizes received given above back own state forward backward
"""


def emit_network(derivation: NetworkDerivation, *, plain: bool = False) -> str:
    """The source of a module with `forward(params, x)` and `backward(tape, d_outputs)`; a block whose fast form is not
    right has the plain one."""
    names = Names(
        _WORDS.split(), PYTHON, [function.__name__ for pair in WIRES.values() for function in pair],
        [function.__name__ for function in (*MASKS.values(), counted, look_up, look_up_back, unit_vectors)],
    )  # fmt: skip
    cores: dict[int, tuple[str, Core]] = {}
    for block in derivation.network.blocks:
        own = derivation.derivations[block.name]
        if id(own) not in cores:
            cores[id(own)] = names.take(block.cell.name, "cell_"), _core(own, plain)
    cells = {name: cores[id(own)][0] for name, own in derivation.derivations.items()}
    emitter = _Emitter(derivation.network, cells)
    passes = [emitter.forward(), emitter.backward()]
    imports = dict.fromkeys(line for _, core in cores.values() for line in core.imports if line)
    head = [_docstring(derivation.network), "", *(["from typing import Any", ""] if emitter.called else []), *imports]
    parts = [inspect.getsource(function).rstrip() for function in emitter.called.values()]
    parts += [_maker(name, core) for name, core in cores.values()]
    made = [f"{name}_pack, {name}_forward, {name}_backward = make_{name}()" for name, _ in cores.values()]
    return "\n\n\n".join(["\n".join(head), *parts, "\n".join(made), *("\n".join(lines) for lines in passes)]) + "\n"


def _core(derivation: Derivation, plain: bool) -> Core:
    return plain_core(derivation) if plain or not _is_right(derivation) else fast_core(derivation)


def _is_right(derivation: Derivation) -> bool:
    """Of a fast form, as far as there is NumPy to try it with."""
    try:
        from .trial import is_right
    except ModuleNotFoundError:
        return True
    return is_right(derivation)


def _maker(name: str, core: Core) -> str:
    """The functions of a cell within one function, so that no two cells' helpers meet."""
    inner = textwrap.indent(core.functions.rstrip(), "    ")
    pack = "pack" if core.packs else "dict"
    return f'def make_{name}():\n    """The passes of {name}."""\n\n{inner}\n\n    return {pack}, forward, backward'


def _docstring(network: Network) -> str:
    first = in_docstring(network.doc.split("\n")[0]) if network.doc else network.name
    what = "the loss" if network.loss else "outputs"
    lines = [f'"""{network.name}: {what} and all gradients in NumPy, derived by symrnn.', "", first, ""]
    lines += [f"params: {'; '.join(show_array(name, shape) for name, shape in network.params.items())}"]
    lines += [f"x: {'; '.join(show_array(name, full_shape(network, name)) for name in network.inputs)}", '"""']
    return "\n".join(line for text in lines for line in (textwrap.wrap(text, 100, subsequent_indent="  ") or [""]))


@dataclass(slots=True)
class _Emitter:
    """Writes the two passes: `cells` names the functions of each block, `called` is what a module must define."""

    network: Network
    cells: Mapping[str, str]
    called: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def _call(self, function: Callable[..., Any], *arguments: str) -> str:
        for part in (reverse, counted, function):
            if part is function or f"{part.__name__}(" in inspect.getsource(function):
                self.called.setdefault(part.__name__, part)
        return f"{function.__name__}({', '.join(arguments)})"

    def _lengths(self, axis: str) -> tuple[str, ...]:
        name = self.network.lengths.get(axis)
        return (f'values["{name}"]',) if name else ()

    # Forward ------------------------------------------------------------------------------------------------

    def forward(self) -> list[str]:
        net = self.network
        outputs = ", ".join(f'"{name}": values["{value}"]' for name, value in net.outputs.items())
        lines = ["values, tapes, sizes = dict(x), {}, {}", *self._sizes(), "like = next(iter(params.values()))"]
        for name, by in net.cleared.items():
            lines.append(f'values["{name}"] = {self._call(counted, _at("x", name), _at("x", by))}')
        for step in net.steps:
            lines += self._lead(step) if isinstance(step, Wire) else self._run(step)
        result = f"{{{outputs}}}"
        if net.loss is not None:
            lines += self._loss()
            result = f'{{"loss": loss, {outputs}}}' if outputs else "loss"
        what = "The loss" if net.loss and not outputs else "A dict of outputs"
        return [
            "def forward(params, x):",
            f'    """{what}, and the tape that `backward` reads."""',
            *(f"    {line}" for line in lines),
            f"    return {result}, (params, values, tapes, sizes)",
        ]

    def _sizes(self) -> Iterator[str]:
        for reading in network_readings(self.network):
            value = f'{reading.holder}["{reading.array}"].shape[{reading.axis}]'
            rest = str(reading.rest.renamed({name: f'sizes["{name}"]' for name in reading.rest.names}))
            value = value if rest == "0" else f"({value} - ({rest}))"
            yield f'sizes["{reading.dim}"] = {value}' + (f" // {reading.factor}" if reading.factor != 1 else "")

    def _lead(self, wire: Wire) -> Iterator[str]:
        of = f'values["{wire.of}"]'
        if wire.way in MASKS:
            led = self._call(MASKS[wire.way], of, f'sizes["{wire.axis}"]', "like.dtype")
        elif wire.way == "one_hot":
            classes = self.network.classes[wire.of]
            spelt = str(classes.renamed({name: f'sizes["{name}"]' for name in classes.names}))
            led = self._call(unit_vectors, of, spelt, "like.dtype")
        elif wire.table:
            led = self._call(look_up, self._held(wire.table), of, *self._lengths(wire.axis))
        else:
            led = self._call(WIRES[wire.way][0], of, *self._lengths(wire.axis))
        yield f'values["{wire.name}"] = {led}'

    def _held(self, name: str) -> str:
        """A parameter or a value."""
        return f'{"params" if name in self.network.params else "values"}["{name}"]'

    def _onto(self, value: str, axis: str, block: Block) -> str:
        if block.axis == EACH:
            return f"{value}[None]"
        if axis == EACH:
            return f'np.broadcast_to({value}, (sizes["{block.axis}"], *{value}.shape))'
        return self._call(reverse, value, *self._lengths(block.axis)) if block.reverse else value

    def _off(self, value: str, block: Block) -> str:
        if block.axis == EACH:
            return f"{value}[0]"
        return self._call(reverse, value, *self._lengths(block.axis)) if block.reverse else value

    def _run(self, block: Block) -> Iterator[str]:
        net, cell = self.network, self.cells[block.name]
        yield (
            f"# {block.name}: {block.cell.name}"
            + (f" over {block.axis}" if block.axis != EACH else "")
            + (", from the end" if block.reverse else "")
        )
        owns = {own: self._held(name) for own, name in block.params.items()}
        yield from _dict("own", owns)
        inputs = {own: self._onto(f'values["{v}"]', net.axes[v], block) for own, v in block.inputs.items()}
        if len(inputs) > 1:
            yield from _dict("inputs", inputs)
        read = "inputs" if len(inputs) > 1 else next(iter(inputs.values()))
        yield from _dict("state", {own: self._start(block, own) for own in block.cell.states})
        yield f'outputs, final, tapes["{block.name}"] = {cell}_forward({cell}_pack(own), {read}, state)'
        for own, value in block.outputs.items():
            found = f'outputs["{own}"]' if len(block.cell.outputs) > 1 else "outputs"
            yield f'values["{value}"] = {self._off(found, block)}'
        for own, value in block.finals.items():
            yield f'values["{value}"] = final["{own}"]'

    def _start(self, block: Block, state: str) -> str:
        given, shape = block.init.get(state), self._shape(block, state)
        if given is None:
            return f"np.zeros({shape}, like.dtype)"
        held = self._held(given)
        return f"np.ascontiguousarray(np.broadcast_to({held}, {shape}))"

    def _shape(self, block: Block, state: str) -> str:
        sizes = [size.substituted(block.dims) for size in block.cell.states[state]]
        spelt = [str(size.renamed({name: f'sizes["{name}"]' for name in size.names})) for size in sizes]
        whole = [f'sizes["{EACH}"]', *spelt]
        return f"({', '.join(whole)}{',' * (len(whole) == 1)})"

    # The loss -----------------------------------------------------------------------------------------------

    def _weights(self) -> Iterator[str]:
        """`weights`: which entries of the loss count, and by how many it is divided."""
        net = self.network
        counted = f'values["{net.counted}"]' if net.counted else f'np.ones_like(values["{net.loss}"])'
        yield f"weights = {counted}"
        assert net.loss is not None
        if net.counted and net.axes[net.loss] in net.mean:
            axes = "" if EACH in net.mean else "0"
            divisor = f"weights.sum({axes})" if EACH in net.mean else "np.maximum(weights.sum(0), 1)"
            yield f"weights = weights / {divisor}"
        elif net.mean:
            yield f"weights = weights / ({' * '.join(f'sizes[{axis!r}]' for axis in net.mean)})".replace("'", '"')

    def _loss(self) -> Iterator[str]:
        yield from self._weights()
        yield f'loss = np.where(weights != 0, values["{self.network.loss}"], 0) * weights'
        yield "loss = float(loss.sum())"

    # Backward -----------------------------------------------------------------------------------------------

    def backward(self) -> list[str]:
        net = self.network
        above = (
            "d_outputs=1.0" if net.loss and not net.outputs else 'd_outputs={"loss": 1.0}' if net.loss else "d_outputs"
        )
        lines = ["params, values, tapes, sizes = tape", "like = next(iter(params.values()))", *self._above()]
        known = {*net.outputs.values(), *([net.loss] if net.loss else [])}
        for step in reversed(net.steps):
            lines += self._lead_back(step, known) if isinstance(step, Wire) else self._run_back(step, known)
        wanted = [name for name, argument in net.arguments.items() if argument.given == "value"]
        for name, by in net.cleared.items():
            if name in known:
                lines.append(
                    f"{_at('received', name)} = {self._call(counted, _at('received', name), _at('values', by))}"
                )
        result = ", ".join(
            f'"{n}": received["{n}"]' if n in known else f'"{n}": np.zeros_like(values["{n}"])' for n in wanted
        )
        return [
            f"def backward(tape, {above}):",
            '    """Gradients by the parameters and by the inputs."""',
            *(f"    {line}" for line in lines),
            f"    return given, {{{result}}}",
        ]

    def _above(self) -> Iterator[str]:
        net = self.network
        yield "received = {}"
        yield "given = {name: np.zeros_like(value) for name, value in params.items()}"
        if net.loss is not None:
            yield from self._weights()
            part = 'd_outputs.get("loss", 0.0)' if net.outputs else "d_outputs"
            yield f'received["{net.loss}"] = {part} * weights'
        for name, value in net.outputs.items():
            part = f'd_outputs.get("{name}", 0.0)' if net.loss else f'd_outputs["{name}"]'
            sign = "+=" if value == net.loss else "="
            yield f'received["{value}"] {sign} {part} + np.zeros_like(values["{value}"])'

    def _lead_back(self, wire: Wire, known: set[str]) -> Iterator[str]:
        if wire.name not in known or wire.way in MASKS:
            return
        if wire.table:
            if wire.table in self.network.params:
                led = f'received["{wire.name}"], values["{wire.of}"], params["{wire.table}"]'
                yield f'given["{wire.table}"] += {self._call(look_up_back, led, *self._lengths(wire.axis))}'
            return
        led = f'received["{wire.name}"], values["{wire.of}"]'
        yield from self._receive(wire.of, self._call(WIRES[wire.way][1], led, *self._lengths(wire.axis)), known)

    def _receive(self, value: str, part: str, known: set[str]) -> Iterator[str]:
        if self.network.is_differentiable(value):
            place = f'received["{value}"]'
            yield f"{place} = {place} + {part}" if value in known else f"{place} = {part}"
            known.add(value)

    def _run_back(self, block: Block, known: set[str]) -> Iterator[str]:
        net, cell = self.network, self.cells[block.name]
        if not known & {*block.outputs.values(), *block.finals.values()}:
            return
        yield f"# {block.name}"

        def above(value: str, like: str) -> str:
            return f'received["{value}"]' if value in known else like

        parts = {
            own: self._onto(above(value, f'np.zeros_like(values["{value}"])'), block.axis, block)
            for own, value in block.outputs.items()
        }
        if len(parts) > 1:
            yield from _dict("above", parts)
        read = "above" if len(parts) > 1 else next(iter(parts.values()))
        finals = {own: f"np.zeros({self._shape(block, own)}, like.dtype)" for own in block.cell.states}
        finals |= {own: above(value, finals[own]) for own, value in block.finals.items()}
        yield from _dict("final", finals)
        yield f'd_own, d_in, d_state = {cell}_backward(tapes["{block.name}"], {read}, final)'
        for own, name in block.params.items():
            if name in net.params:
                yield f'given["{name}"] += d_own["{own}"]'
        for own, value in block.inputs.items():
            back = f'd_in["{own}"]' if len(block.cell.inputs) > 1 else "d_in"
            led = f"{back}.sum(0)" if net.axes[value] == EACH and block.axis != EACH else self._off(back, block)
            yield from self._receive(value, led, known)
        for own, value in block.init.items():
            if value in net.params:
                yield f'given["{value}"] += d_state["{own}"].sum(0)'
            else:
                yield from self._receive(value, f'd_state["{own}"]', known)


def _at(held: str, name: str) -> str:
    return f'{held}["{name}"]'


def _dict(name: str, entries: Mapping[str, str]) -> Iterator[str]:
    """`name = {…}`, one entry a line where that is long."""
    whole = f"{name} = {{{', '.join(f'{key!r}: {value}' for key, value in entries.items())}}}".replace("'", '"')
    if len(whole) <= 96:
        yield whole
        return
    yield f"{name} = {{"
    yield from (f'    "{key}": {value},' for key, value in entries.items())
    yield "}"
