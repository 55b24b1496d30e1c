"""The smallest text that still shows a finding: lines, terms, states and strange names go while it fails."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .compare import Case, Finding, examine
from .draw import Drawn
from .formulas import Shape
from .words import FUNCTIONS

_PLAIN = {0: "s", 1: "v", 2: "W"}
_RANKS = ("scalar", "vector", "matrix")


@dataclass(frozen=True, slots=True)
class Smallest:
    """A finding with the smallest text and sizes that were met."""

    drawn: Drawn
    finding: Finding

    def text(self) -> str:
        return f"{self.finding.text()}\n{self.drawn.text}"


def shrink(drawn: Drawn, seed: int, finding: Finding, seconds: float = 20.0) -> Smallest:
    """Take away what can be taken, one thing at a time, for as long as there is time."""
    until = time.process_time() + seconds
    best = Smallest(drawn, finding)
    tried = set[str]()
    progress = True
    while progress and time.process_time() < until:
        progress = False
        for smaller in _smaller(best):
            key = f"{smaller[0].text} {smaller[1]}"
            if key in tried or time.process_time() > until:
                continue
            tried.add(key)
            found = _still(smaller[0], seed, best.finding, smaller[1])
            if found is not None:
                best, progress = Smallest(smaller[0], found), True
                break
    return best


def _still(drawn: Drawn, seed: int, finding: Finding, case: Case | None) -> Finding | None:
    door = finding.door.split()[0]
    try:
        found = examine(drawn, seed, (door,), [case] if case else [])
    except Exception:  # the text means nothing any more
        return None
    return next((other for other in found.findings if other.sort == finding.sort), None)


def _smaller(best: Smallest) -> Iterator[tuple[Drawn, Case | None]]:
    """What might be tried next, the largest cuts first."""
    drawn, case = best.drawn, best.finding.case
    (function,) = ast.parse(drawn.text).body
    assert isinstance(function, ast.FunctionDef)
    for text in sorted({_text(made) for made in _cuts(function, drawn.shapes)}, key=lambda text: (len(text), text)):
        if text and len(text) < len(drawn.text):
            yield Drawn(text, {n: s for n, s in drawn.shapes.items() if n in _names(ast.parse(text))}), case
    if case:
        for T, N in ((1, 1), (2, 1), (1, 2), (2, 2), (3, 1)):
            if (T * N, T) < (case.T * case.N, case.T):
                yield drawn, replace(case, T=T, N=N)
        for name, count in case.sizes.items():
            if name not in drawn.sizes:
                yield drawn, replace(case, sizes={n: c for n, c in case.sizes.items() if n != name})
            elif count > 1:
                yield drawn, replace(case, sizes={**case.sizes, name: count - 1})
    yield from ((renamed, case) for renamed in _renamed(drawn))


def _cuts(function: ast.FunctionDef, shapes: Mapping[str, Shape]) -> Iterator[ast.FunctionDef]:
    lines = len(function.body) - 1
    for count in dict.fromkeys((lines, lines // 2, lines // 4, 2, 1)):
        for start in range(0, lines - count + 1, max(1, count // 2)):
            if count:
                yield _without(function, start, start + count, shapes)
    for k, line in enumerate(function.body[:-1]):
        if isinstance(line, ast.Assign):
            made = copy.deepcopy(function)
            del made.body[k]
            yield _inlined(made, k, line)
    yield from _fewer_returned(function)
    for k, node in enumerate(ast.walk(function)):
        for child in _inside(node):
            made = copy.deepcopy(function)
            yield _put(made, k, child)


def _without(function: ast.FunctionDef, start: int, stop: int, shapes: Mapping[str, Shape]) -> ast.FunctionDef:
    """Without some lines; what these computed and others read is now a parameter, and its shape is said."""
    made = copy.deepcopy(function)
    cut = made.body[start:stop]
    gone = {
        line.targets[0].id for line in cut if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }
    gone |= {line.target.id for line in cut if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)}
    noted = {name: _RANKS[len(shapes[name])] for name in sorted(gone) if name in shapes}
    notes: list[ast.stmt] = [
        ast.AnnAssign(ast.Name(name), ast.Name(note), None, 1)
        for name, note in noted.items()
        if note == "scalar" or (note == "matrix") != name[0].isupper()
    ]
    made.body[start:stop] = notes
    return made


def _inlined(made: ast.FunctionDef, k: int, line: ast.Assign) -> ast.FunctionDef:
    (target,) = line.targets
    assert isinstance(target, ast.Name)

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(line.value) if node.id == target.id and isinstance(node.ctx, ast.Load) else node

    made = copy.deepcopy(made)
    made.body[k:] = [Inline().visit(later) for later in made.body[k:]]
    return made


def _fewer_returned(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """Without an output, an input, or a state; what reads these then reads a parameter."""
    end = function.body[-1]
    assert isinstance(end, ast.Return)
    apart = isinstance(end.value, ast.Tuple) and len(end.value.elts) == 2 and isinstance(end.value.elts[1], ast.Tuple)
    if apart:
        for k in range(len(_parts(_parts(end.value)[0]))):
            made = copy.deepcopy(function)
            value = made.body[-1].value  # type: ignore[attr-defined]
            outputs = _parts(value.elts[0])
            if len(outputs) > 1:
                del outputs[k]
                value.elts[0] = outputs[0] if len(outputs) == 1 else ast.Tuple(outputs, ast.Load())
                yield made
        made = copy.deepcopy(function)  # the states alone
        slots = made.body[-1].value.elts[1]  # type: ignore[attr-defined]
        made.body[-1].value = slots.elts[0] if len(slots.elts) == 1 else slots  # type: ignore[attr-defined]
        yield made
    states = function.args.args if function.args.posonlyargs else function.args.args[1:]
    for k in range(len(states) if len(states) > 1 else 0):
        made = copy.deepcopy(function)
        del made.args.args[k if function.args.posonlyargs else k + 1]
        value = made.body[-1].value  # type: ignore[attr-defined]
        del (value.elts[1] if apart else value).elts[k]
        if not apart and len(value.elts) == 1:
            made.body[-1].value = value.elts[0]  # type: ignore[attr-defined]
        yield made
    for k in range(len(function.args.posonlyargs) if len(function.args.posonlyargs) > 1 else 0):
        made = copy.deepcopy(function)
        del made.args.posonlyargs[k]
        yield made


def _parts(node: ast.expr | None) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node] if node is not None else []


def _inside(node: ast.AST) -> list[ast.expr]:
    """Expressions that may stand for one: its parts, the names in it, and one."""
    match node:
        case ast.BinOp(left, _, right):
            parts = [left, right]
        case ast.UnaryOp(_, operand) if not isinstance(operand, ast.Constant):
            parts = [operand]
        case ast.Call(_, arguments):
            parts = list(arguments)
        case ast.Attribute(value, _) | ast.Subscript(value, _):
            parts = [value]
        case ast.List(elements):
            parts = list(elements)
        case ast.Compare(left, _, [right]):
            parts = [left, right]
        case _:
            return []
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in FUNCTIONS]
    return [*parts, *(name for name in names if name not in parts)]


def _put(made: ast.FunctionDef, k: int, child: ast.expr) -> ast.FunctionDef:
    old = next(node for at, node in enumerate(ast.walk(made)) if at == k)

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return copy.deepcopy(child) if node is old else super().visit(node)

    return Put().visit(made)


def _text(function: ast.FunctionDef) -> str:
    """Source again, without annotations of what is not there."""
    used = _names(ast.Module([function], []))
    function.body = [
        line
        for line in function.body
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id not in used)
    ]
    try:
        return ast.unparse(ast.fix_missing_locations(function)) + "\n"
    except Exception:
        return ""


def _names(tree: ast.Module) -> set[str]:
    """The names that a cell uses, not counting annotations."""
    notes = {id(n.target) for n in ast.walk(tree) if isinstance(n, ast.AnnAssign)}
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in notes}
    return found | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}


def _renamed(drawn: Drawn) -> Iterator[Drawn]:
    """With an ordinary name for one that is not."""
    tree = ast.parse(drawn.text)
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    taken = _names(tree) | set(drawn.sizes)
    for old in sorted(taken - set(FUNCTIONS) - set(drawn.sizes)):
        rank = len(drawn.shapes.get(old, ((),)))
        new = next(n for k in range(1, 99) if (n := f"{_PLAIN[rank]}{k}") not in taken)
        if old[0] == _PLAIN[rank] and old[1:].isdigit():
            continue
        made = copy.deepcopy(function)
        for node in ast.walk(made):
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new
            elif isinstance(node, ast.arg) and node.arg == old:
                node.arg = new
        shapes = {new if name == old else name: shape for name, shape in drawn.shapes.items()}
        yield Drawn(_text(made), shapes)
