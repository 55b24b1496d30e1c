"""The text of the whole module: docstring, imports, helpers, the Function, and the `torch.nn.Module` around it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...derivation import Derivation
from ...equations import Cell
from ...operations import BY_HEAD
from ...sizes import Shape
from ..names import PYTHON
from ..parts import in_docstring
from .function import AGAIN, WIDTH, filled, write_function
from .plan import Plan, plan

IMPORTS = ("import torch",)


@dataclass(frozen=True, slots=True)
class Layer:
    """A cell's part of a module: the name of its class, the source of the function and of the layer around it, and the
    helper functions that these call; `dims` are the layer's arguments by the cell's sizes."""

    name: str
    function: str
    layer: str
    helpers: frozenset[str]
    imports: tuple[str, ...]
    dims: Mapping[str, str]


def write_layer(derivation: Derivation, taken: Iterable[str] = (), steps: Iterable[str] = ()) -> Layer:
    """A cell's part of a module in which some names are `taken`; its sizes that are numbers of `steps` are known only
    when it is called, so that they are no arguments of the layer."""
    draft = plan(derivation)
    draft = replace(draft, layer_dims={dim: name for dim, name in draft.layer_dims.items() if dim not in {*steps}})
    name = class_name(derivation.cell.name, taken)
    rows = [BY_HEAD[head] for head in draft.heads if isinstance(head, type) and head in BY_HEAD]
    forms = [row.torch for row in rows if row.torch is not None]
    needs_math = any(isinstance(form.code, str) and "math." in form.code for form in forms)
    return Layer(
        name,
        "\n".join(write_function(draft, f"{name}Function")),
        "\n".join(_module(draft, name)),
        frozenset([*(form.helper for form in forms if form.helper), *([AGAIN] if draft.kept else [])]),
        ("import math", "") if needs_math else (),
        draft.layer_dims,
    )


def emit_torch(derivation: Derivation) -> str:
    """The source of a module that needs torch alone: the cell over whole sequences with its derived gradients."""
    layer = write_layer(derivation)
    helpers = "\n\n".join(sorted(layer.helpers))
    head = [_docstring(derivation.cell, layer.name), "", *layer.imports, *IMPORTS, "", ""]
    return "\n".join([*head, *([helpers, ""] if helpers else []), layer.function, "", "", layer.layer, ""])


def class_name(name: str, taken: Iterable[str] = ()) -> str:
    """`my_cell` as `MyCell`; what Python or the module itself calls so is a cell by name."""
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    while not camel or camel in PYTHON or camel in taken:
        camel += "Cell"
    return camel


def _docstring(cell: Cell, name: str) -> str:
    about = in_docstring(cell.doc.split("\n")[0] if cell.doc else cell.name)
    sizes = ", ".join(f"{dim}={8 * (k + 1)}" for k, dim in enumerate(cell.dims))
    lines = [f'"""{cell.name} in PyTorch, with backward equations derived by symrnn.', "", about, ""]
    lines += [f"    layer = {name}({sizes})", "    outputs, final_state = layer(x)", ""]
    lines.append(f"x: {'a dict of ' if len(cell.inputs) > 1 else ''}{_shapes(cell.inputs, 'T, N')}")
    lines.append(f"state, final_state: {_shapes(cell.states, 'N') or 'none'}{' (a dict)' if cell.states else ''}")
    lines.append(f"outputs: {'a dict of ' if len(cell.outputs) > 1 else ''}{_shapes(cell.outputs, 'T, N')}")
    groups: dict[Shape, list[str]] = {}
    for param, shape in cell.params.items():
        groups.setdefault(shape, []).append(param)
    listed = [f"{', '.join(names)} {_shape(shape, '')}" for shape, names in groups.items()]
    lines += textwrap.wrap("parameters: " + ("; ".join(listed) or "none"), WIDTH, subsequent_indent="    ")
    lines += ["", "T steps, N sequences; equation numbers are those of the derivation."]
    return "\n".join([*lines, '"""'])


def _shapes(shapes: Mapping[str, Shape], lead: str) -> str:
    return "; ".join(f"{name} {_shape(shape, lead)}" for name, shape in shapes.items())


def _shape(shape: Shape, lead: str) -> str:
    sizes = [*([lead] if lead else []), *map(str, shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 and ',' not in sizes[0] else ''})"


# The layer ---------------------------------------------------------------------------------------------------


def _module(plan: Plan, name: str) -> list[str]:
    cell, names = plan.cell, plan.names
    sizes, printer = list(plan.layer_dims.values()), replace(plan.printer("x"), dims=plan.layer_dims)
    lines = [
        f"class {name}(torch.nn.Module):",
        f'    """A layer of {cell.name}.',
        "",
        "    Parameters start uniform: a matrix within ±1/√columns, a vector within ±1/√length, a scalar within ±1.",
        '    """',
        "",
        *filled("def __init__(", ["self", *sizes, "*", "device=None", "dtype=None"], "):", 4),
        "        super().__init__()",
    ]
    lines += [f"        self.{size} = {size}" for size in sizes]
    for param, shape in cell.params.items():
        text = ", ".join(printer.size(size) for size in shape) or "()"
        made = f"torch.empty({text}, device=device, dtype=dtype)"
        lines.append(f"        self.{names[param]} = torch.nn.Parameter({made})")
    lines += [
        "        self.reset_parameters()",
        "",
        "    def reset_parameters(self):",
        "        for parameter in self.parameters():",
        "            bound = parameter.shape[-1] ** -0.5 if parameter.dim() else 1.0",
        "            torch.nn.init.uniform_(parameter, -bound, bound)",
        "",
        *_call(plan, name),
    ]
    return lines


def _call(plan: Plan, name: str) -> list[str]:
    cell, names = plan.cell, plan.names
    several_inputs, several_outputs = len(cell.inputs) > 1, len(cell.outputs) > 1
    first = f'x["{next(iter(cell.inputs))}"]' if several_inputs else "x"
    start = "; without a state it starts from zero" if cell.states else ""
    lines = [
        "    def forward(self, x, state=None):",
        f'        """Outputs at every step, and the final state{start}."""',
    ]
    on_self = replace(plan.printer("x"), dims={dim: f"self.{name}" for dim, name in plan.layer_dims.items()})
    if cell.states:
        lines += ["        if state is None:", "            state = {"]
        for state, shape in cell.states.items():
            sizes = ", ".join([f"{first}.shape[1]", *(on_self.size(size) for size in shape)])
            lines.append(f'                "{state}": {first}.new_zeros({sizes}),')
        lines.append("            }")
    arguments = [f'x["{key}"]' for key in cell.inputs] if several_inputs else ["x"]
    arguments += [f'state["{state}"]' for state in cell.states]
    arguments += [f"self.{names[param]}" for param in cell.params]
    target = "results" if several_outputs else "outputs, *final" if cell.states else "(outputs,)"
    lines += filled(f"{target} = {name}Function.apply(", arguments, ")", 8)
    states = _names(cell.states)
    if several_outputs:
        outputs = _names(cell.outputs)
        count = len(cell.outputs)
        final = f"dict(zip({states}, results[{count}:], strict=True))" if cell.states else "{}"
        lines.append(f"        outputs = dict(zip({outputs}, results[:{count}], strict=True))")
        lines.append(f"        return outputs, {final}")
    else:
        final = f"dict(zip({states}, final, strict=True))" if cell.states else "{}"
        lines.append(f"        return outputs, {final}")
    return lines


def _names(names: Iterable[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"
