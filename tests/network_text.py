"""What the text of a network means, by walking through it with arrays, one sequence at a time; nothing of symrnn's
language, kernels or emitters is used.

A sequence has the steps that its lengths say and no others: padding is cut off before anything is computed. Every array
has a first axis of copies, as the cells' interpreter wants it, and the numbers are NumPy's complex ones or PyTorch's.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symrnn.testing.outside.interpret import _Walk, meaning_of

Steps = list  # the values of an axis


@dataclass
class NetworkText:
    """A text taken apart; `given` are arrays by name, of one sequence: a list where there are steps."""

    text: str
    zoo: Mapping[str, str]
    numbers: Any
    sizes: Mapping[str, int] = field(default_factory=dict)
    classes: int = 0
    copies: int = 1

    def __post_init__(self) -> None:
        functions: dict[str, Any] = {
            node.name: node for node in ast.parse(self.text).body if isinstance(node, ast.FunctionDef)
        }
        self.function = functions.pop("net")
        self.cells = {name: ast.unparse(node) for name, node in functions.items()}

    def run(self, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The loss, by step or alone, if there is one, and the outputs."""
        self.values = dict(given)
        self.times: dict[str, int] = {}
        for node in self.function.body:
            if isinstance(node, ast.Return):
                return self.returned(node.value)
            try:
                self.statement(node)
            except KeyError:  # a line that nothing reads has no parameters; whoever read it would fail
                continue
        raise AssertionError

    def returned(self, node: Any) -> tuple[Any, dict[str, Any]]:
        if isinstance(node, ast.Tuple) and isinstance(node.elts[-1], ast.Tuple):
            loss, beside = node.elts[0], node.elts[-1].elts
        elif isinstance(node, ast.Tuple):
            loss, beside = None, node.elts
        elif isinstance(node, ast.Name):
            loss, beside = None, [node]
        else:
            loss, beside = node, []
        return None if loss is None else self.value(loss), {
            name: self.values[name] for name in map(ast.unparse, beside)
        }

    def statement(self, node: Any) -> None:
        match node:
            case ast.For(target=ast.Name(), iter=ast.Call(args=[ast.Constant(int(rounds))]), body=body):
                for line in body * rounds:
                    self.statement(line)
            case ast.Assign([target], ast.Call(ast.Name("scan")) as call):
                self.scan(target, call)
            case ast.Assign([ast.Name(name)], value):
                self.values[name] = self.value(value)
            case ast.AnnAssign():
                pass
            case _:
                raise NotImplementedError(ast.unparse(node))

    # Expressions --------------------------------------------------------------------------------------------

    def value(self, node: Any) -> Any:
        match node:
            case ast.Call(ast.Name("last" | "first" as way), [of]):
                return self.value(of)[-1 if way == "last" else 0]
            case ast.Call(ast.Name("reverse"), [of]):
                return self.value(of)[::-1]
            case ast.Call(ast.Name("sum" | "mean" as way), [of], [ast.keyword("over")]):
                steps = self.value(of)
                return sum(steps[1:], steps[0]) / (len(steps) if way == "mean" else 1)
            case ast.Call(ast.Name("rows"), [of]):
                return self.stack(self.value(of))
            case ast.Call(ast.Name("embed"), [ast.Name(table), ast.Name(ids)]):
                return self.over(self.values[ids], lambda k: self.values[table][:, k])
            case ast.Call(ast.Name("one_hot"), [ast.Name(ids)]):
                return self.over(self.values[ids], self.unit)
            case ast.Call(ast.Name("cross_entropy"), [scores, ast.Name("targets")]):
                return self.combine(self.value(scores), self.values["targets"],
                                    lambda z, k: self.numbers.functions["logsumexp"](z) - z[:, k])  # fmt: skip
            case ast.Call(ast.Name("squared_error"), [a, b]):
                return self.value(ast.parse(f"sum(({ast.unparse(a)} - {ast.unparse(b)})**2) / 2", mode="eval").body)
            case ast.Call(ast.Name("binary_cross_entropy"), [a, b]):
                z, y = ast.unparse(a), ast.unparse(b)
                return self.value(ast.parse(f"sum(softplus({z}) - ({y}) * ({z}))", mode="eval").body)
            case ast.Subscript(of, ast.BinOp(ast.Name("t"), ast.Sub(), ast.Constant(int(back)))):
                steps = self.value(of)
                return [0 * steps[0]] * min(back, len(steps)) + steps[: max(0, len(steps) - back)]
            case _:
                return self.per_step(node)

    def per_step(self, node: Any) -> Any:
        """An expression without wires at its root: those inside are names first, then it is walked at every step."""
        names = dict(self.values)
        text = self
        wires = ("last", "first", "reverse", "rows", "embed", "one_hot", "cross_entropy", "squared_error",
                 "binary_cross_entropy")  # fmt: skip

        class Hoist(ast.NodeTransformer):
            def generic_visit(self, inner: Any) -> Any:
                led = (
                    isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)
                    and (inner.func.id in wires or any(k.arg == "over" for k in inner.keywords))
                ) or (isinstance(inner, ast.Subscript) and any(isinstance(n, ast.Name) and n.id == "t" for n in ast.walk(inner.slice)))  # fmt: skip
                if led:
                    name = f"_{len(names)}"
                    names[name] = text.value(inner)
                    return ast.Name(name, ast.Load())
                return super().generic_visit(inner)

        tree = Hoist().visit(ast.parse(ast.unparse(node), mode="eval")).body
        read = {leaf.id for leaf in ast.walk(tree) if isinstance(leaf, ast.Name) and leaf.id in names}
        count = {len(names[name]) for name in read if isinstance(names[name], list)}
        if not count:
            return _Walk(self.numbers, names, self.sizes).value(tree)
        (T,) = count
        return [
            _Walk(
                self.numbers, {n: names[n][t] if isinstance(names[n], list) else names[n] for n in read}, self.sizes
            ).value(tree)
            for t in range(T)
        ]

    def over(self, value: Any, function: Any) -> Any:
        return [function(one) for one in value] if isinstance(value, list) else function(value)

    def combine(self, a: Any, b: Any, function: Any) -> Any:
        return [function(x, y) for x, y in zip(a, b, strict=True)] if isinstance(a, list) else function(a, b)

    def stack(self, steps: list) -> Any:
        if isinstance(steps[0], np.ndarray):
            return np.stack(np.broadcast_arrays(*steps), axis=1)
        import torch

        return torch.stack(steps, 1)

    def unit(self, k: int) -> Any:
        like = np.eye(self.classes)[k][None].repeat(self.copies, axis=0)
        return like if isinstance(self.numbers.functions["exp"](np.zeros(1)), np.ndarray) else _tensor(like)

    # Scans --------------------------------------------------------------------------------------------------

    def scan(self, target: Any, call: Any) -> None:
        outputs, finals = (target, None) if isinstance(target, ast.Name) else target.elts
        options: dict[Any, Any] = {keyword.arg: keyword.value for keyword in call.keywords}
        name = outputs.id
        cell: Any = call.args[0]
        copies = 1
        if isinstance(cell, ast.Call):
            cell, copies = cell.args[0], int(ast.unparse(cell.args[1]))
        meaning = meaning_of(self.cells.get(cell.id) or self.zoo[cell.id])
        inputs = [self.value(argument) for argument in call.args[1:]]
        self.times[name] = self.times.get(name, 0) + 1
        where = f"{name}{self.times[name]}" if self.inside(call) else name
        where = options["params"].id if "params" in options else where
        if copies == 1:
            starts = options.get("init")
            starts = starts.elts if isinstance(starts, ast.Tuple) else [starts] if starts is not None else None
            found, ends = self.recurrence(meaning, where, inputs, starts, "reverse" in options)
            self.values[name] = found
            for final, end in zip(finals.elts if finals else [], ends, strict=False):
                self.values[final.id] = end
            return
        parts = []
        for k in range(copies):
            width = inputs[0][0].shape[1] // copies
            piece = [step[:, k * width : (k + 1) * width] for step in inputs[0]]
            parts.append(self.recurrence(meaning, f"{name}_{k + 1}", [piece], None, "reverse" in options)[0])
        self.values[name] = [self.numbers.join(list(steps)) for steps in zip(*parts, strict=True)]

    def inside(self, call: ast.Call) -> bool:
        loops = [node for node in ast.walk(self.function) if isinstance(node, ast.For)]
        return any(node is call for loop in loops for node in ast.walk(loop))

    def recurrence(self, meaning: Any, bearer: str, inputs: list, starts: list | None, reverse: bool) -> tuple:
        params = {name: self.values[f"{bearer}.{name}"] for name in meaning.params}
        T = max(len(value) for value in inputs if isinstance(value, list))
        if starts is None:
            first = [self.zero(params, meaning, state) for state in meaning.states]
        else:
            first = [self.value(start) for start in starts]
        state = dict(zip(meaning.states, first, strict=True))
        outputs: list[Any] = [None] * T
        for t in reversed(range(T)) if reverse else range(T):
            given = {n: v[t] if isinstance(v, list) else v for n, v in zip(meaning.inputs, inputs, strict=True)}
            made, new = meaning.step(self.numbers, {**params, **given, **state}, self.sizes)
            outputs[t] = made[0]
            state = dict(zip(meaning.states, new, strict=True))
        return outputs, list(state.values())

    def zero(self, params: Mapping[str, Any], meaning: Any, state: str) -> Any:
        """A zero state, as wide as the rows of the cell's first matrix W."""
        wide = next(value for name, value in params.items() if name.startswith("W"))
        return 0 * wide[:, :, 0]


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.as_tensor(array)


# A network's loss and gradients by such walks -------------------------------------------------------------------


@dataclass
class Trial:
    """A network with arrays, and gradients from above on what it returns."""

    network: Any
    text: str
    zoo: Mapping[str, str]
    params: Mapping[str, np.ndarray]
    x: Mapping[str, np.ndarray]
    above: Mapping[str, Any]
    sizes: Mapping[str, int]

    def differentiable(self) -> list[tuple[str, str]]:
        moved = [name for name, argument in self.network.arguments.items() if argument.given == "value"]
        return [("params", name) for name in self.params] + [("x", name) for name in moved]

    def counts(self, n: int) -> dict[str, int]:
        """How many steps of each axis a sequence has."""
        return {axis: int(self.x[name][n]) for axis, name in self.network.lengths.items()}

    def divisor(self, n: int, axis: str) -> float:
        """What the loss of a sequence is divided by."""
        net, (N, T) = self.network, (self.sizes["N"], self.sizes["T"])
        mask = next((self.x[name] for name, a in net.arguments.items() if a.given == "mask"), None)
        counted = [
            float(mask[:, k].sum()) if mask is not None else self.counts(k).get(axis, T) for k in range(N)
        ]  # fmt: skip
        if axis == "N":
            return N if "N" in net.mean else 1
        if set(net.mean) >= {"T", "N"}:
            return sum(counted)
        return max(1, counted[n]) if "T" in net.mean else N if "N" in net.mean else 1

    def given(self, n: int, lifted: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
        """What sequence n is given, its padding cut off; arrays by key have copies in front."""
        counts = self.counts(n)
        found = {name: lifted["params", name] for name in self.params}
        for name, argument in self.network.arguments.items():
            if argument.given == "lengths":
                continue
            whole = lifted.get(("x", name), None)
            steps = counts.get(argument.axis, self.sizes.get(argument.axis, 0))
            if argument.given == "integer":
                found[name] = (
                    int(self.x[name][n]) if argument.axis == "N" else [int(k) for k in self.x[name][:steps, n]]
                )
            elif whole is None:
                continue  # a mask, which only weighs the loss
            elif argument.axis == "N":
                found[name] = whole[:, n]
            else:
                found[name] = [whole[:, t, n] for t in range(steps)]
        return found

    def objective(self, numbers: Any, lifted: Mapping[tuple[str, str], Any]) -> Any:
        """The weighed sum of everything that is returned, by copy."""
        net = self.network
        classes = next((size.value(self.sizes) for name, size in net.classes.items() if name == "ids"), 0)
        copies = len(next(iter(lifted.values())))
        walk = NetworkText(self.text, self.zoo, numbers, self.sizes, classes, copies)
        mask = next((self.x[name] for name, a in net.arguments.items() if a.given == "mask"), None)
        total: Any = 0.0
        for n in range(self.sizes["N"]):
            loss, outputs = walk.run(self.given(n, lifted))
            if loss is not None:
                steps = loss if isinstance(loss, list) else [loss]
                axis = "T" if isinstance(loss, list) else "N"
                for t, step in enumerate(steps):
                    weight = 1.0 if mask is None or axis == "N" else float(mask[t, n])
                    total = total + self.above["loss"] * weight * step / self.divisor(n, axis)
            for name, value in outputs.items():
                if isinstance(value, list):
                    parts = [(self.above[name][t, n], step) for t, step in enumerate(value)]
                else:
                    parts = [(self.above[name][n], value)]
                for g, y in parts:
                    total = total + (y * (_tensor(g) if not isinstance(y, np.ndarray) else g)).reshape(len(y), -1).sum(
                        1
                    )
        return total

    def complex_step(self, numbers: Any) -> dict[tuple[str, str], np.ndarray]:
        """All gradients, every entry moved by itself in a copy of its own."""
        arrays = {key: (self.params if key[0] == "params" else self.x)[key[1]] for key in self.differentiable()}
        count = sum(array.size for array in arrays.values())
        lifted, place = {}, 0
        for key, array in arrays.items():
            copies = np.broadcast_to(array, (count, *array.shape)).astype(complex)
            for k, index in enumerate(np.ndindex(*array.shape)):
                copies[(place + k, *index)] += 1e-30j
            lifted[key], place = copies, place + array.size
        slopes = np.broadcast_to(np.imag(self.objective(numbers, lifted)) / 1e-30, (count,))
        found, place = {}, 0
        for key, array in arrays.items():
            found[key], place = slopes[place : place + array.size].reshape(array.shape), place + array.size
        return found

    def autograd(self, numbers: Any) -> dict[tuple[str, str], np.ndarray]:
        """The same by PyTorch."""
        import torch

        arrays = {key: (self.params if key[0] == "params" else self.x)[key[1]] for key in self.differentiable()}
        leaves = {key: torch.tensor(array, requires_grad=True) for key, array in arrays.items()}
        total = self.objective(numbers, {key: leaf[None] for key, leaf in leaves.items()})
        total.sum().backward()
        return {k: np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for k, leaf in leaves.items()}
