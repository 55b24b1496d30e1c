"""A guess at the line of source that a finding is about: the assignment whose target is called like the wrong array.

People call δ_{a_f} `df`, `daf`, `d_f`, `df_raw`, `delta_f`; what a line assigns to, and the names on its right side,
are compared with the equation's. It is a guess and is called one.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .findings import Finding
from .running import is_installed
from .styles import Code

_MOST = 64
# What people call the adjoint of a net input, whichever it is; and what formulas and lines of code have in common.
_NET_INPUTS = {"da", "dz", "draw", "dpre", "dnet", "dtanh", "dact", "delta", "ds", "du", "gz", "ga"}
_MARKS = {"1 −": r"1(\.0?)?\s*-", "tanh": r"tanh", "²": r"\*\*\s*2|square", "σ": r"sig", "ᵀ": r"\.T\b|transpose|dot|@"}


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    function: str
    target: str
    text: str
    names: frozenset[str]
    looped: bool


def guess_lines(code: Code, findings: Sequence[Finding]) -> list[str]:
    """For each finding `my_lstm.py: backward -> likely the line that reads …`; nothing where no line looks like it."""
    lines = list(_lines_of(code))
    return [_guess(lines, finding) for finding in findings]


def _guess(lines: list[_Line], finding: Finding) -> str:
    if not finding.equation or finding.equation.startswith("epsilon_"):  # which has no line of its own in a loop
        return ""
    wanted = _wanted(finding.equation)
    scored = [(_score(line, wanted, finding), place, line) for place, line in enumerate(lines)]
    best = max(scored, key=lambda item: (item[0], -item[1]), default=None)
    if best is None or best[0] < 2:
        return ""
    line = best[2]
    return f"{line.file}: {line.function} -> likely the line that reads `{line.text}`"


def _wanted(equation: str) -> tuple[str, str]:
    """What kind of quantity it is, and of which value: (`delta`, `f`), (`grad`, `wf`), (`carry`, `c`)."""
    kind, _, rest = equation.partition("_")
    if kind == "delta" and rest.startswith(("a_", "u_", "q_")):
        rest = rest[2:]
    return kind, _plain(rest.removesuffix("_0"))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _score(line: _Line, wanted: tuple[str, str], finding: Finding) -> float:
    kind, value = wanted
    target = _plain(line.target)
    if not target.startswith(("d", "grad", "delta", "g")):
        return 0.0
    core = re.sub(r"(raw|pre|net|input|hat|bar|next|prev|sum|total|t)$", "", target)
    gradient = re.sub(r"^(delta|grad|d|g)", "", core)
    score = 0.0
    if gradient in (value, f"a{value}", f"{value}a", f"z{value}"):
        score = 3.0
    elif target in _NET_INPUTS if kind == "delta" else gradient in (value[:1], f"{value[:1]}h", f"{value[:1]}x"):
        score = 2.0
    if kind == "carry" and gradient == value and target.endswith(("next", "prev")):
        score = 4.0
    if not score:
        return 0.0
    formulas = f"{finding.computed} {finding.expected}"
    said = {_plain(word) for word in re.findall(r"[A-Za-z]\w*", formulas.replace("δ_", "d"))}
    new = _tokens(finding.computed) - _tokens(finding.expected)
    strange = bool({_plain(re.sub(r"_(\{.*\}|t)$", "", token)) for token in new} & {_plain(n) for n in line.names})
    looks = sum(mark in formulas and re.search(pattern, line.text) is not None for mark, pattern in _MARKS.items())
    return (
        score
        + 0.1 * len(said & {_plain(name) for name in line.names})
        + 0.5 * line.looped
        + 1.3 * looks
        + 2.0 * strange
    )


def _tokens(formula: str) -> set[str]:
    """The names in a formula, with their times."""
    return set(re.findall(r"[A-Za-zδκε]\w*(?:_?\{[^}]*\})?", formula))


def _lines_of(code: Code) -> Iterator[_Line]:
    """The assignments of the files that the code is from, function by function."""
    start = [
        part for part in (code.backward, code.make, code.forward) if part is not None and not isinstance(part, str)
    ]
    for file in _files(start):
        text = "".join(linecache.getlines(file))
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        name, rows = Path(file).name, text.splitlines()
        for owner in ast.walk(tree):
            if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _assignments(owner, name, rows)


def _assignments(owner: ast.FunctionDef | ast.AsyncFunctionDef, file: str, rows: list[str]) -> Iterator[_Line]:
    looped = {id(node) for loop in ast.walk(owner) if isinstance(loop, ast.For | ast.While) for node in ast.walk(loop)}
    for node in ast.walk(owner):
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) or node.value is None:
            continue
        written = " ".join(" ".join(rows[node.lineno - 1 : node.end_lineno or node.lineno]).split())
        names = frozenset(n.id for n in ast.walk(node.value) if isinstance(n, ast.Name))
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                yield _Line(file, owner.name, _called(each), written, names, id(node) in looped)


def _files(start: list[Any]) -> list[str]:
    """The source files of some functions and of what they call, libraries left out."""
    files: dict[str, None] = {}
    pending, seen = list(start), set()
    while pending and len(seen) < _MOST:
        thing = inspect.unwrap(pending.pop(0)) if callable(pending[0]) else pending.pop(0)
        file = _file_of(thing)
        if id(thing) in seen or not file:
            continue
        seen.add(id(thing))
        files.setdefault(file)
        if inspect.isfunction(thing):
            cells = [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
            named = [thing.__globals__[name] for name in thing.__code__.co_names if name in thing.__globals__]
            pending += [other for other in (*cells, *named) if _is_code(other)]
    return list(files)


def _is_code(thing: Any) -> bool:
    return inspect.isfunction(thing) or inspect.isclass(thing) or inspect.ismodule(thing)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _file_of(thing: Any) -> str:
    """The source file of a function, class or module of the person's own; empty for what is installed."""
    try:
        file = inspect.getsourcefile(thing) or inspect.getfile(thing)
    except (TypeError, OSError):
        return ""
    return "" if is_installed(file) or not linecache.getlines(file) else file


def _called(node: ast.expr) -> str:
    """What is assigned to: a name, the last part of an attribute, or a dictionary's key."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            return key if key.startswith("d") else f"d{key}"
        case ast.Subscript(value=inner):
            return _called(inner)
        case _:
            return ""
