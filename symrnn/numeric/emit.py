"""From a derivation to a NumPy module: a forward and a backward pass over batches of whole sequences.

The plain form: one equation a line, in the order and under the numbers of the formulas, in a loop over the steps.
"""

from __future__ import annotations

from dataclasses import replace

from ..derivation import Derivation
from ..derivation.analysis import Analysis, names_read
from ..equations import Equation
from ..language.nodes import Name, Node, walk
from .names import HELPERS, PYTHON, Names
from .parts import WIDTH, Core, dimension_statements, docstring, helper_sources, imports
from .printer import NumpyPrinter
from .statement import Call, heads_in, indented

_WORDS = {
    "np", "math", "T", "N", "t", "params", "x", "state", "steps", "tape", "outputs", "final_state",
    "d_outputs", "d_final_state", "grads", "d_x", "d_state", "forward", "backward", "sizes",
}  # fmt: skip
"""The arguments and the own variables of both passes."""


def emit(derivation: Derivation) -> str:
    """The source of a module with `forward(params, x, state)` and `backward(tape, d_outputs, d_final_state)`; it has no
    use for `work`, which the fast form keeps its arrays in."""
    core = plain_core(derivation)
    return "\n".join([docstring(derivation.cell), "", *core.imports, "", ""]) + "\n" + core.functions


def plain_core(derivation: Derivation) -> Core:
    """What the module computes with."""
    return _Emitter(derivation).core()


class _Emitter:
    """What one module is written from."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.cell = derivation.cell
        self.program = derivation.cell.program
        variables = derivation.variables
        self.analysis = Analysis(derivation)
        self.backward = (*derivation.adjoints, *derivation.gradients)
        # Steps of inputs have `_t`; a dimension may share its name with a variable in the formulas, never in the code.
        names = Names(_WORDS, HELPERS, PYTHON)
        self.names = {v.name: names.take(f"{v.name}_t" if v.role == "input" else v.name) for v in variables.values()}
        self.printer = NumpyPrinter(
            {variable.name: variable.role for variable in variables.values()},
            {variable.name: variable.shape for variable in variables.values()},
            {name: name in self.analysis.batched for name in variables},
            self.names,
            {dim: names.take(dim, "dim_") for dim in self.cell.dims},
            {name: index for index, name in enumerate(variables)},
        )

    # The module ---------------------------------------------------------------------------------------------

    def core(self) -> Core:
        body = "\n".join([*self._forward(), "", "", *self._backward()])
        heads = frozenset[Call]().union(*(heads_in(t.expr) for e in self.derivation.equations for t in e.terms))
        helpers = helper_sources(heads)
        return Core(tuple(imports(heads)), (helpers + "\n\n" if helpers else "") + body + "\n", packs=False)

    # The forward pass ---------------------------------------------------------------------------------------

    def _forward(self) -> list[str]:
        program, names = self.program, self.names
        lines = ["def forward(params, x, state, work=None):"]
        lines.append('    """Outputs, final state, and the tape that `backward` reads."""')
        lines += self._unpack_params()
        lines.append(f"    T, N = {self._first_input()}.shape[:2]")
        body = self._forward_body()
        needed = self.analysis.kept(self.backward, ("input", "previous", "value"))
        dims_forward, dims_backward = map(self.analysis.sizes_used, (self.derivation.forward, self.backward))
        lines += indented(dimension_statements(self.cell, self.printer, [*dims_forward, *dims_backward]))
        lines += [f'    {names[state.new]} = state["{state.name}"]' for state in program.states]
        many = len(program.outputs) > 1
        empty = ", ".join(f'"{name}": []' for name in program.outputs)
        lines.append(f"    outputs = {{{empty}}}" if many else "    outputs = []")
        lines += ["    steps = []", "    for t in range(T):"]
        lines += self._step_inputs()
        previous = [(names[state.previous], names[state.new]) for state in program.states]
        if previous:
            lines.append(f"        {', '.join(p for p, _ in previous)} = {', '.join(n for _, n in previous)}")
        lines += body
        for output in program.outputs:
            place = f'outputs["{output}"]' if many else "outputs"
            lines.append(f"        {place}.append({names[output]})")
        lines.append(f"        steps.append({_tuple([names[name] for name in needed])})")
        finals = ", ".join(f'"{state.name}": np.array({names[state.new]})' for state in program.states)
        result = "{name: np.stack(values) for name, values in outputs.items()}" if many else "np.stack(outputs)"
        sizes = f"{_tuple([self.printer.dims[d] for d in dims_backward])}, " if dims_backward else ""
        lines.append(f"    return {result}, {{{finals}}}, (params, {sizes}steps)")
        return lines

    def _forward_body(self) -> list[str]:
        lines: list[str] = []
        for equation in self.derivation.forward:
            lines += self._statement(self.names[equation.name], "=", equation)
        return lines

    def _spread(self, equation: Equation) -> str | None:
        """The shape to broadcast a value to, where its expression alone does not have it."""
        if not self.analysis.is_broadcast(equation):
            return None
        lead = ["N"] if self.analysis.owner(equation).name in self.analysis.batched else []
        return _tuple([*lead, *(self.printer.size(size) for size in equation.shape)])

    def _unpack_params(self) -> list[str]:
        return [f'    {self.names[name]} = params["{name}"]' for name in self.cell.params]

    def _first_input(self) -> str:
        return "x" if len(self.cell.inputs) == 1 else f'x["{next(iter(self.cell.inputs))}"]'

    def _step_inputs(self) -> list[str]:
        many = len(self.cell.inputs) > 1
        used = names_read(self.derivation.equations)
        places = {name: f'x["{name}"]' if many else "x" for name in self.cell.inputs if name in used}
        return [f"        {self.names[name]} = {place}[t]" for name, place in places.items()]

    # The backward pass --------------------------------------------------------------------------------------

    def _backward(self) -> list[str]:
        program, names, derivation = self.program, self.names, self.derivation
        dims = self.analysis.sizes_used(self.backward)
        lines = [
            "def backward(tape, d_outputs, d_final_state, work=None):",
            '    """Gradients by the parameters, the inputs and the initial state."""',
            f"    params, {'sizes, ' if dims else ''}steps = tape",
        ]
        if dims:
            lines.append(f"    {_unpacked([self.printer.dims[d] for d in dims])} = sizes")
        used = names_read(self.backward)
        lines += [f'    {names[name]} = params["{name}"]' for name in self.cell.params if name in used]
        many = len(program.outputs) > 1
        first = next(iter(self.cell.outputs))
        shown = f'd_outputs["{first}"]' if many else "d_outputs"
        lines.append(f"    T, N = {shown}.shape[:2]")
        for state in program.states:
            lines.append(f'    {names[derivation.carries[state.name]]} = d_final_state["{state.name}"]')
        lines.append("    grads = {name: np.zeros_like(value) for name, value in params.items()}")
        several = len(self.cell.inputs) > 1
        inputs = ", ".join(f'"{name}": [None] * T' for name in self.cell.inputs)
        lines.append(f"    d_x = {{{inputs}}}" if several else "    d_x = [None] * T")
        lines.append("    for t in reversed(range(T)):")
        needed = self.analysis.kept(self.backward, ("input", "previous", "value"))
        if needed:
            lines.append(f"        {_unpacked([names[name] for name in needed])} = steps[t]")
        for output, upstream in derivation.upstream.items():
            lines.append(f"        {names[upstream]} = " + (f'd_outputs["{output}"][t]' if many else "d_outputs[t]"))
        for equation in derivation.adjoints:
            lines += self._adjoint(equation)
        lines += self._gradient_lines(several)
        states = ", ".join(f'"{s.name}": np.array({names[derivation.carries[s.name]]})' for s in program.states)
        stacked = "{name: np.stack(values) for name, values in d_x.items()}" if several else "np.stack(d_x)"
        lines.append(f"    return grads, {stacked}, {{{states}}}")
        return lines

    def _adjoint(self, equation: Equation) -> list[str]:
        name = self.names[equation.name]
        if equation.expr == 0 and equation.kind == "carry":
            return [f"        {name} = np.zeros_like({name})  # ({equation.number})"]
        return self._statement(name, "=", equation, reduce=self.analysis.is_summed(equation))

    def _gradient_lines(self, several: bool) -> list[str]:
        lines: list[str] = []
        for equation in self.derivation.gradients:
            of = self.derivation.variables[equation.name].written
            role = self.derivation.variables[of].role
            if role == "parameter" and equation.expr != 0:
                lines += self._statement(f'grads["{of}"]', "+=", equation, reduce=True)
            elif role == "input":
                lines += self._statement(f'd_x["{of}"][t]' if several else "d_x[t]", "=", equation)
        return lines

    # Lines --------------------------------------------------------------------------------------------------

    def _statement(self, target: str, sign: str, equation: Equation, *, reduce: bool = False) -> list[str]:
        """One assignment under its number, broken at its sums where it is long; `reduce` sums over the batch."""
        comment = f"  # ({equation.number})"
        spread = self._spread(equation)
        if not equation.expr.free_symbols:
            value = self.printer.text(equation.expr).code
            return [f"        {target} {sign} np.full({spread}, {value}, dtype={self._like(equation)}.dtype){comment}"]
        printer = self.printer
        if equation.written is not None:
            printer = replace(printer, order=_places(equation.written), as_written=True)
        pieces = printer.sum_of(tuple(term.expr for term in equation.terms), len(equation.shape), reduce=reduce)
        if spread is not None:
            pieces = [f"np.broadcast_to({' '.join(pieces)}, {spread})"]
        line = f"        {target} {sign} {' '.join(pieces)}"
        if len(line) + len(comment) <= WIDTH or len(pieces) == 1:
            return [line + comment]
        return [f"        {target} {sign} ({comment}", *(f"            {piece}" for piece in pieces), "        )"]

    def _like(self, equation: Equation) -> str:
        """An array at hand whose type a constant takes."""
        if equation.kind != "forward":
            return "d_outputs" if len(self.program.outputs) == 1 else f'd_outputs["{next(iter(self.cell.outputs))}"]'
        return self._first_input()


def _places(node: Node) -> dict[str, int]:
    """The place of each name in a formula as it was written."""
    places: dict[str, int] = {}
    for leaf in walk(node):
        if isinstance(leaf, Name):
            places.setdefault(leaf.id, len(places))
    return places


def _tuple(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _unpacked(items: list[str]) -> str:
    return ", ".join(items) + ("," if len(items) == 1 else "")
