"""A network as a PyTorch module: a layer for each scan, the derived functions of its stretches, wires between them.

The layers are submodules under the names of the scans, so that `state_dict()` has the network's own names: `h1.W_i`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ...derivation import NetworkDerivation
from ...equations import Block, Network, Wire
from ...language.wiring import EACH, FIXED
from ...sizes import Size
from ..dimensions import full_shape
from ..names import Names
from ..parts import in_docstring, show_array
from .function import filled
from .module import IMPORTS, Layer, class_name, write_layer
from .plan import WORDS

_WIRES: Mapping[str, str] = {
    "steps_of": '''\
def steps_of(lengths, T, like):
    """1 at the steps of each sequence, 0 behind its end: (T, N)."""
    return (torch.arange(T, device=lengths.device)[:, None] < lengths).to(like.dtype)
''',
    "places_of": '''\
def places_of(lengths, T, like):
    """The same as a vector of each sequence: (N, T)."""
    return (torch.arange(T, device=lengths.device) < lengths[:, None]).to(like.dtype)
''',
    "counted": '''\
def counted(value, lengths=None):
    """The steps that count, and zeros behind a sequence's end; for a mask, zeros where it is zero."""
    if lengths is None:
        return value
    keep = torch.arange(len(value), device=value.device)[:, None] < lengths if lengths.dim() == 1 else lengths != 0
    return torch.where(keep.reshape(keep.shape + (1,) * (value.dim() - 2)), value, torch.zeros_like(value))
''',
    "reverse": '''\
def reverse(value, lengths=None):
    """The steps from the last to the first; those behind a sequence's end stay where they are."""
    if lengths is None:
        return value.flip(0)
    step = torch.arange(len(value), device=value.device)[:, None]
    return value[torch.where(step < lengths, lengths - 1 - step, step), torch.arange(len(lengths))]
''',
    "last": '''\
def last(value, lengths=None):
    return value[-1] if lengths is None else value[lengths - 1, torch.arange(len(lengths))]
''',
    "first": '''\
def first(value, lengths=None):
    return value[0]
''',
    "shift": '''\
def shift(value, lengths=None):
    """Every step has the value of the step before, the first one zero."""
    return torch.cat([torch.zeros_like(value[:1]), value[:-1]])
''',
    "sum_over": '''\
def sum_over(value, lengths=None):
    return counted(value, lengths).sum(0)
''',
    "mean_over": '''\
def mean_over(value, lengths=None):
    """The mean of the steps that there are, or that count."""
    number = len(value) if lengths is None else lengths.reshape(lengths.shape + (1,) * (value.dim() - 2))
    return counted(value, lengths).sum(0) / number
''',
    "rows_of": '''\
def rows_of(value, lengths=None):
    """All steps of a sequence as the rows of a matrix: (N, T, n)."""
    return counted(value, lengths).transpose(0, 1)
''',
    "look_up": '''\
def look_up(table, ids, lengths=None):
    """The rows of a table that whole numbers name."""
    return torch.nn.functional.embedding(counted(ids, lengths), table)
''',
    "unit_vectors": '''\
def unit_vectors(ids, classes, like):
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (ids[..., None] == torch.arange(classes, device=ids.device)).to(like.dtype)
''',
}  # fmt: skip
_WAYS = {
    "steps": "steps_of", "places": "places_of", "last": "last", "first": "first", "reverse": "reverse",
    "shift": "shift", "sum": "sum_over", "mean": "mean_over", "rows": "rows_of",
    "embed": "look_up", "one_hot": "unit_vectors",
}  # fmt: skip


def emit_torch_network(derivation: NetworkDerivation) -> str:
    """The source of a module that needs torch alone."""
    net = derivation.network
    name = class_name(net.name)
    layers: dict[int, Layer] = {}
    for block in net.blocks:
        own = derivation.derivations[block.name]
        if id(own) not in layers:
            steps = [dim for dim, size in block.dims.items() if not {*size.names} <= {*net.dims}]
            layers[id(own)] = write_layer(own, [name, *(layer.name for layer in layers.values())], steps)
    of_block = {block: layers[id(derivation.derivations[block])] for block in derivation.derivations}
    writer = _Writer(net, of_block)
    body = writer.module(name)
    helpers = sorted({helper.rstrip() for layer in layers.values() for helper in layer.helpers})
    scanned = {id(of_block[block.name]) for block in net.blocks if block.scanned}
    parts = [*(_WIRES[wire].rstrip() for wire in _WIRES if wire in writer.called), *helpers]
    for layer in layers.values():
        parts += [layer.function, *([layer.layer] if id(layer) in scanned else [])]
    imports = dict.fromkeys(line for layer in layers.values() for line in layer.imports if line)
    head = "\n".join([_docstring(net, name), "", *imports, *([""] if imports else []), *IMPORTS])
    return "\n\n\n".join([head, *parts, "\n".join(body)]) + "\n"


def _docstring(net: Network, name: str) -> str:
    about = in_docstring(net.doc.split("\n")[0] if net.doc else net.name)
    lines = [f'"""{net.name} in PyTorch, with backward equations derived by symrnn.', "", about, ""]
    lines += [f"    network = {name}(…)", f"    {_given_back(net)} = network(x)", ""]
    lines += ["x, a dict: " + "; ".join(show_array(arg, full_shape(net, arg)) for arg in net.inputs)]
    lines += ["parameters: " + ("; ".join(show_array(param, shape) for param, shape in net.params.items()) or "none")]
    return "\n".join([*(line for text in lines for line in textwrap.wrap(text, 100) or [""]), '"""'])


def _given_back(net: Network) -> str:
    return "loss" if net.loss and not net.outputs else "outputs"


@dataclass(slots=True)
class _Writer:
    """Writes the network's class: `layers` by block, `called` are the wires' functions that it needs."""

    network: Network
    layers: Mapping[str, Layer]
    called: set[str] = field(default_factory=set[str])
    sizes: dict[str, str] = field(default_factory=dict[str, str])
    params: dict[str, str] = field(default_factory=dict[str, str])

    def module(self, name: str) -> list[str]:
        net = self.network
        scanned = [block for block in net.blocks if block.scanned]
        bearers = {block.bearer: block for block in reversed(scanned)}  # who bears them may itself be left out
        names = Names(WORDS.split(), bearers)
        own = [param for param in net.params if "." not in param]
        self.params = {param: names.take(param, "p_") for param in own}
        self.sizes = {dim: names.take(dim.replace(".", "_"), "dim_") for dim in net.dims}
        needed = dict.fromkeys(n for p in net.params for size in net.params[p] for n in size.names if n in self.sizes)
        arguments = ["self", "*", *(self.sizes[dim] for dim in needed), "device=None", "dtype=None"]
        lines = [
            f"class {name}(torch.nn.Module):",
            f'    """The network {net.name}."""',
            "",
            *filled("def __init__(", arguments, "):", 4),
            "        super().__init__()",
        ]
        for bearer, block in reversed(bearers.items()):
            dims = [f"{arg}={self._size(block.dims[dim])}" for dim, arg in self.layers[block.name].dims.items()]
            call = [*dims, "device=device", "dtype=dtype"]
            lines += filled(f"self.{bearer} = {self.layers[block.name].name}(", call, ")", 8)
        for param in own:
            shape = ", ".join(self._size(size) for size in net.params[param]) or "()"
            made = f"torch.empty({shape}, device=device, dtype=dtype)"
            lines.append(f"        self.{self.params[param]} = torch.nn.Parameter({made})")
        if own:
            lines += [f"        for parameter in {self._tuple(f'self.{self.params[param]}' for param in own)}:",
                      "            bound = parameter.shape[-1] ** -0.5 if parameter.dim() else 1.0",
                      "            torch.nn.init.uniform_(parameter, -bound, bound)"]  # fmt: skip
        return [*lines, "", *self._forward()]

    def _size(self, size: Size) -> str:
        return str(size.renamed({name: self.sizes[name] for name in size.names}))

    @staticmethod
    def _tuple(items: Iterator[str]) -> str:
        listed = list(items)
        return f"({', '.join(listed)}{',' * (len(listed) == 1)})"

    # Forward ------------------------------------------------------------------------------------------------

    def _forward(self) -> list[str]:
        net = self.network
        first = next((f"self.{self.params[p]}" for p in self.params), "next(self.parameters())")
        lines = [
            "    def forward(self, x):",
            f'        """{"The loss" if net.loss and not net.outputs else "A dict of outputs"}."""',
            "        values = dict(x)",
        ]
        for cleared, by in net.cleared.items():
            kept = self._call("counted", f'x["{cleared}"]', f'x["{by}"]')
            lines.append(f'        values["{cleared}"] = {kept}')
        body = [
            line for step in net.steps for line in (self._lead(step) if isinstance(step, Wire) else self._run(step))
        ]
        if any("like" in line for line in body):
            body.insert(0, f"like = {first}")
        body += self._result()
        return [*lines, *(f"        {line}" for line in body)]

    def _call(self, function: str, *arguments: str) -> str:
        self.called |= {function} | ({"counted"} if "counted(" in _WIRES[function] else set())
        return f"{function}({', '.join(arguments)})"

    def _lengths(self, axis: str) -> tuple[str, ...]:
        name = self.network.lengths.get(axis)
        return (f'values["{name}"]',) if name else ()

    def _steps(self, axis: str) -> str:
        """How many steps an axis has: the length of something that lies on it."""
        net = self.network
        on = next(
            name for name, argument in net.arguments.items() if argument.axis == axis and argument.given != "lengths"
        )
        return f'len(values["{on}"])'

    def _lead(self, wire: Wire) -> Iterator[str]:
        of = f'values["{wire.of}"]'
        if wire.way in ("steps", "places"):
            led = [of, self._steps(wire.axis), "like"]
        elif wire.way == "one_hot":
            led = [of, self._classes(wire.of), "like"]
        else:
            led = [*([self._held(wire.table)] if wire.table else []), of, *self._lengths(wire.axis)]
        yield f'values["{wire.name}"] = {self._call(_WAYS[wire.way], *led)}'

    def _classes(self, name: str) -> str:
        """In how many classes whole numbers count: the length of something that has an entry for each."""
        net, size = self.network, self.network.classes[name]
        held = {f"self.{self.params.get(p, p)}": shape for p, shape in net.params.items()}
        held |= {f'values["{c}"]': net.inputs[c] for c, argument in net.arguments.items() if argument.axis == FIXED}
        return next(f"{text}.shape[{shape.index(size)}]" for text, shape in held.items() if size in shape)

    def _held(self, name: str) -> str:
        """A parameter of the network's own, or a value."""
        return f"self.{self.params[name]}" if name in self.params else f'values["{name}"]'

    def _onto(self, value: str, block: Block) -> str:
        held, axis = f'values["{value}"]', self.network.axes[value]
        if block.axis == EACH:
            return f"{held}[None]"
        if axis == EACH:
            return f"{held}.expand({self._steps(block.axis)}, *{held}.shape)"
        return self._call("reverse", held, *self._lengths(block.axis)) if block.reverse else held

    def _off(self, value: str, block: Block) -> str:
        if block.axis == EACH:
            return f"{value}[0]"
        return self._call("reverse", value, *self._lengths(block.axis)) if block.reverse else value

    def _run(self, block: Block) -> Iterator[str]:
        inputs = {own: self._onto(value, block) for own, value in block.inputs.items()}
        yield f"# {block.name}: {block.cell.name}"
        if block.scanned:
            read = next(iter(inputs.values()))
            if len(inputs) > 1:
                read = "{" + ", ".join(f'"{own}": {value}' for own, value in inputs.items()) + "}"
            state = self._state(block, next(iter(inputs.values())))
            yield f"outputs, final = self.{block.bearer}({', '.join([read, *state])})"
            many = len(block.cell.outputs) > 1
            found: Callable[[int, str], str] = lambda k, own: f'outputs["{own}"]' if many else "outputs"  # noqa: E731
        else:
            given = map(self._held, block.params.values())
            call = f"{self.layers[block.name].name}Function.apply({', '.join([*inputs.values(), *given])})"
            yield f"outputs = {call}"
            found = lambda k, own: f"outputs[{k}]"  # noqa: E731
        for k, (own, value) in enumerate(block.outputs.items()):
            yield f'values["{value}"] = {self._off(found(k, own), block)}'
        for own, value in block.finals.items():
            yield f'values["{value}"] = final["{own}"]'

    def _state(self, block: Block, first: str) -> tuple[str, ...]:
        """The initial state, where it is not zero throughout."""
        if not block.init:
            return ()
        entries: list[str] = []
        layer, bearer = self.layers[block.name], block.bearer
        dims = {dim: f"self.{bearer}.{argument}" for dim, argument in layer.dims.items()}
        for own, shape in block.cell.states.items():
            sizes = [str(size.renamed({name: dims[name] for name in size.names})) for size in shape]
            given = block.init.get(own)
            whole = ", ".join([f"{first}.shape[1]", *sizes])
            if given is None:
                entries.append(f'"{own}": {first}.new_zeros({whole})')
            else:
                entries.append(f'"{own}": {self._held(given)}.expand({whole})')
        return (f"{{{', '.join(entries)}}}",)

    def _result(self) -> Iterator[str]:
        net = self.network
        outputs = ", ".join(f'"{name}": values["{value}"]' for name, value in net.outputs.items())
        if net.loss is None:
            yield f"return {{{outputs}}}"
            return
        loss = f'values["{net.loss}"]'
        if net.counted:
            yield f'weights = values["{net.counted}"]'
            if net.axes[net.loss] in net.mean:
                divisor = "weights.sum()" if EACH in net.mean else "weights.sum(0).clamp(min=1)"
                yield f"weights = weights / {divisor}"
            elif net.mean:
                yield "weights = weights / weights.shape[1]"
            yield f"loss = (torch.where(weights != 0, {loss}, torch.zeros_like({loss})) * weights).sum()"
        elif set(net.mean) == {net.axes[net.loss], EACH}:
            yield f"loss = {loss}.mean()"
        elif net.mean:
            axis = 0 if net.axes[net.loss] in net.mean and net.axes[net.loss] != EACH else -1
            yield f"loss = {loss}.sum() / {loss}.shape[{axis}]"
        else:
            yield f"loss = {loss}.sum()"
        yield f'return {{"loss": loss, {outputs}}}' if outputs else "return loss"
