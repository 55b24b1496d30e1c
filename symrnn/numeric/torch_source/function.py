"""The text of the `torch.autograd.Function`: the forward pass over all steps and the derived backward pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...derivation.analysis import names_read
from ..dimensions import Reading
from ..parts import needed_readings, solved
from ..statement import Text
from .plan import Plan

WIDTH = 100


AGAIN = '''\
class _Again:
    """Stands for ctx where the steps run once more, so that what they keep has a history."""

    def save_for_backward(self, *values):
        self.saved_tensors = values
'''
"""Autograd keeps no history within a Function. Who differentiates the backward pass asks for the steps as functions of
what came in; the derived backward equations are operations that PyTorch differentiates, as they are."""


def write_function(plan: Plan, name: str) -> list[str]:
    """The class, line by line."""
    return [
        f"class {name}(torch.autograd.Function):",
        f'    """The steps of {plan.cell.name} and their derived gradients."""',
        "",
        "    @staticmethod",
        *_forward(plan),
        "",
        "    @staticmethod",
        *_backward(plan, name),
    ]


def filled(prefix: str, items: Iterable[str], suffix: str, indent: int) -> list[str]:
    """`prefix item, item suffix` on one line, or with the items filled into lines of their own."""
    margin, listed = " " * indent, list(items)
    line = f"{margin}{prefix}{', '.join(listed)}{suffix}"
    if len(line) <= WIDTH:
        return [line]
    lines = [" " * (indent + 4)]
    for place, item in enumerate(listed):
        piece = item + ("," if place + 1 < len(listed) else "")
        if lines[-1].strip() and len(lines[-1]) + 1 + len(piece) > WIDTH:
            lines.append(" " * (indent + 4))
        lines[-1] += (" " if lines[-1].strip() else "") + piece
    return [f"{margin}{prefix}".rstrip(), *lines, f"{margin}{suffix}"]


# Forward -----------------------------------------------------------------------------------------------------


def _forward(plan: Plan) -> list[str]:
    cell, names = plan.cell, plan.names
    states, outputs = cell.program.states, list(cell.outputs)
    first = next(iter(plan.sequences.values()))
    arguments = ["ctx", *plan.sequences.values(), *plan.initial.values(), *(names[p] for p in cell.params)]
    body: list[str] = []
    many = len(outputs) > 1
    lists = ", ".join(f'"{output}": []' for output in outputs)
    body.append(f"        outputs = {{{lists}}}" if many else "        outputs = []")
    if plan.kept:
        body.append("        steps = []")
    read = names_read(plan.derivation.forward)
    remembered = [state for state in states if state.previous in read or state.previous in plan.kept]
    previous = ", ".join(names[state.previous] for state in remembered)
    if remembered:
        body.append(f"        {previous} = {', '.join(plan.initial[state.name] for state in remembered)}")
    steps = [f"            {names[name]} = {source}[t]" for name, source in plan.sequences.items() if name in read]
    body += [f"        for {'t' if steps else '_'} in range(T):", *steps]
    for equation in plan.derivation.forward:
        body += plan.statement(names[equation.name], equation, first, 12)
    for output in outputs:
        place = f'outputs["{output}"]' if many else "outputs"
        body.append(f"            {place}.append({names[output]})")
    if plan.kept:
        body += filled("steps.append((", _one(names[name] for name in plan.kept), "))", 12)
    if remembered:
        body.append(f"            {previous} = {', '.join(names[state.new] for state in remembered)}")
    saved = [*_saved(plan).values(), *(["*(value for step in steps for value in step)"] if plan.kept else [])]
    body += filled("ctx.save_for_backward(", saved, ")", 8)
    backward_sizes = _backward_sizes(plan)
    if backward_sizes:
        body.append(f"        ctx.sizes = {_tuple(plan.dims[d] for d in backward_sizes)}")
    finals = [names[s.new] + (".clone()" if plan.is_view(s.new) or _twice(plan, s.new) else "") for s in states]
    stacked = [f'torch.stack(outputs["{o}"])' if many else "torch.stack(outputs)" for o in outputs]
    body += filled("return (", _one([*stacked, *finals]), ")", 8)
    wanted = [*plan.analysis.sizes_used(plan.derivation.forward), *backward_sizes]
    return [
        *filled("def forward(", arguments, "):", 4),
        _sequence_line(first, samples=plan.analysis.speaks_of_sequences(plan.derivation.forward)),
        *_dimension_lines(plan, wanted),
        *body,
    ]


def _twice(plan: Plan, name: str) -> bool:
    """Whether a value is the new value of two states."""
    return sum(state.new == name for state in plan.cell.program.states) > 1


def _sequence_line(like: str, *, samples: bool) -> str:
    """T, and N where the body speaks of it."""
    return f"        T, N = {like}.shape[:2]" if samples else f"        T = {like}.shape[0]"


def _dimension_lines(plan: Plan, wanted: Iterable[str]) -> list[str]:
    """Read each dimension off a tensor that shows it, the plainest first."""
    holders = {"x": plan.sequences, "state": plan.initial, "params": plan.names}
    return [
        f"        {plan.dims[reading.dim]} = {solved(reading, _axis(holders, reading), plan.plain)}"
        for reading in needed_readings(plan.cell, wanted)
    ]


def _axis(holders: Mapping[str, Mapping[str, str]], reading: Reading) -> Text:
    return Text(f"{holders[reading.holder][reading.array]}.shape[{reading.axis}]")


def _backward_sizes(plan: Plan) -> tuple[str, ...]:
    return plan.analysis.sizes_used((*plan.analysis.adjoints, *plan.derivation.gradients))


def _saved(plan: Plan) -> dict[str, str]:
    """What the backward pass reads, or needs the shape of for zeros, of all that came in: the name that it has there,
    and the one that the forward pass has for it. Where it reads what steps keep, all is saved, so that they can run
    once more."""
    read = plan.analysis.read_backwards | {plan.analysis.owner(e).name for e in plan.early}
    given = {**plan.sequences, **{f"{s} at first": name for s, name in plan.initial.items()}}
    given |= {name: plan.names[name] for name in plan.cell.params}
    return {name: source for name, source in given.items() if plan.kept or name in read}


# Backward ----------------------------------------------------------------------------------------------------


def _backward(plan: Plan, function: str) -> list[str]:
    cell, names, derivation = plan.cell, plan.names, plan.derivation
    carries = [names[derivation.carries[state]] for state in cell.states]
    like = next(iter(plan.upstreams.values()))
    body = _loop(plan, like)
    results: list[str] = []
    if plan.late:
        body.append("        # What no step waits for, for all steps at once: T and N become one axis of samples.")
        body += _joined(plan)
    for equation in plan.late:
        body += plan.statement(names[equation.name], equation, like, 8)
    grads = {plan.analysis.owner(e).name: e for e in derivation.gradients}
    printed = (*(e for e in plan.analysis.adjoints if e.expr != 0), *plan.early, *plan.late)
    samples = plan.analysis.speaks_of_sequences(printed) or any(grads[name] in plan.late for name in cell.inputs)
    for name in cell.inputs:
        grad = names[grads[name].name]
        results.append(f"{grad}.unflatten(0, (T, N))" if grads[name] in plan.late else f"torch.stack({grad})")
    results += carries
    results += [names[grads[name].name] for name in cell.params]
    body += filled("return (", _one(results), ")", 8)
    return [
        *filled("def backward(", ["ctx", *plan.upstreams.values(), *carries], "):", 4),
        *_read_back(plan, function),
        _sequence_line(like, samples=samples),
        *body,
    ]


def _read_back(plan: Plan, function: str) -> list[str]:
    """What the forward pass left: as it is, or with a history where the backward pass shall be differentiated."""
    prelude: list[str] = []
    saved = _saved(plan)
    if plan.kept:
        read = plan.analysis.read_backwards | {plan.analysis.owner(e).name for e in plan.early}
        prelude += [
            "        saved = ctx.saved_tensors",
            "        if torch.is_grad_enabled():  # create_graph=True: this pass shall be differentiated in turn",
            "            again = _Again()",
            f"            {function}.forward(again, *saved[:{len(saved)}])",
            "            saved = again.saved_tensors",
        ]
        targets = [source if name in read else "_" for name, source in saved.items()]
        while targets and targets[-1] == "_":
            targets.pop()
        prelude += _unpacked_from(targets, f"saved[:{len(targets)}]") if targets else []
        prelude.append(f"        kept = saved[{len(saved)}:]")
    elif saved:
        prelude += _unpacked_from([*saved.values()], "ctx.saved_tensors")
    sizes = [plan.dims[d] for d in _backward_sizes(plan)]
    if sizes:
        prelude += _unpacked_from(sizes, "ctx.sizes")
    if plan.kept:
        count = len(plan.kept)
        prelude.append(f"        steps = [kept[start : start + {count}] for start in range(0, len(kept), {count})]")
    return prelude


def _loop(plan: Plan, like: str) -> list[str]:
    """From the last step to the first: adjoints, and the gradients that cannot wait."""
    names, derivation = plan.names, plan.derivation
    lines: list[str] = []
    for equation in plan.early:
        of = plan.analysis.owner(equation).name
        zeros = f"torch.zeros_like({names[of]})"
        lines.append(f"        {names[equation.name]} = {'[()] * T' if _is_input(plan, of) else zeros}")
    waiting = _waiting(plan)
    if waiting:
        lines.append("        deltas = [()] * T")
    lines.append("        for t in reversed(range(T)):")
    if plan.kept:
        read = [names[name] for name in plan.kept]
        lines += [f"            {_unpack(read)} = steps[t]"] if len(", ".join(read)) < 70 else [
            *filled("(", read, ") = steps[t]", 12)
        ]  # fmt: skip
    inputs_read = names_read((*plan.analysis.adjoints, *plan.early))
    lines += [
        f"            {names[name]} = {source}[t]" for name, source in plan.sequences.items() if name in inputs_read
    ]
    lines += [
        f"            {names[derivation.upstream[output]]} = {source}[t]" for output, source in plan.upstreams.items()
    ]
    for equation in plan.analysis.adjoints:
        if equation.expr == 0 and equation.kind == "carry":
            name = names[equation.name]
            lines.append(f"            {name} = torch.zeros_like({name})  # ({equation.number})")
        else:
            lines += plan.statement(names[equation.name], equation, like, 12)
    for equation in plan.early:
        of, name = plan.analysis.owner(equation).name, names[equation.name]
        if _is_input(plan, of):
            lines += plan.statement(f"{name}[t]", equation, like, 12)
        elif equation.expr != 0:
            lines += plan.statement(name, equation, like, 12, "+=")
    if waiting:
        lines += filled("deltas[t] = (", _one(names[name] for name in waiting), ")", 12)
    return lines


def _waiting(plan: Plan) -> list[str]:
    """The adjoints that gradients after the loop read."""
    read = names_read(plan.late)
    return [v.name for v in plan.derivation.variables.values() if v.name in read and v.role == "adjoint"]


def _joined(plan: Plan) -> list[str]:
    """Values of all steps one after the other."""
    read, names = names_read(plan.late), plan.names
    lines = [
        f"        {names[name]} = torch.cat([step[{place}] for step in deltas])"
        for place, name in enumerate(_waiting(plan))
    ]
    lines += [
        f"        {names[name]} = torch.cat([step[{place}] for step in steps])"
        for place, name in enumerate(plan.kept)
        if name in read and name in plan.analysis.batched
    ]
    return lines + [
        f"        {names[name]} = {source}.flatten(0, 1)" for name, source in plan.sequences.items() if name in read
    ]


def _is_input(plan: Plan, name: str) -> bool:
    return plan.derivation.variables[name].role == "input"


# Pieces ------------------------------------------------------------------------------------------------------


def _one(items: Iterable[str]) -> list[str]:
    """Items of a tuple: a lone one ends with a comma."""
    listed = list(items)
    return [f"{listed[0]},"] if len(listed) == 1 else listed


def _tuple(items: Iterable[str]) -> str:
    return f"({', '.join(_one(items))})"


def _unpack(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else ", ".join(items)


def _unpacked_from(targets: list[str], source: str) -> list[str]:
    line = f"        {_unpack(targets)} = {source}"
    return [line] if len(line) <= WIDTH else filled("(", targets, f") = {source}", 8)
