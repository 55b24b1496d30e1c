"""Which file of the package imports which, wherever the import stands, and whether that goes one way."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """A line of `file` that takes something from `target`; `late` where it runs when it is needed, or never (for types)."""

    file: Path
    line: int
    target: Path
    late: bool

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line} imports {self.target.name}"


def read_imports(root: Path) -> list[Import]:
    """All relative imports of a package; its folder of cells holds texts and no modules."""
    files = [file for file in sorted(root.rglob("*.py")) if file.relative_to(root).parts[0] != "cells"]
    return [found for file in files for found in _imports_of(file)]


def _imports_of(file: Path) -> Iterator[Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    first = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                yield Import(file, node.lineno, _module(place, alias.name), id(node) not in first)


def _module(place: Path, name: str) -> Path:
    """The file that `from place import name` reads."""
    within = [place / f"{name}.py", place / name / "__init__.py"]
    return next(file for file in [*within, place.with_suffix(".py"), place / "__init__.py"] if file.is_file())


def circles(root: Path, imports: list[Import]) -> Iterator[str]:
    """A circle in every folder that has one, among its files and the folders in it. Where no folder has any, the whole
    package has none: a circle of files would be one in the innermost folder that holds them all."""
    for folder in (root, *sorted(path for path in root.rglob("*") if path.is_dir())):
        graph: dict[str, set[str]] = {}
        for found in imports:
            if folder in found.file.parents and folder in found.target.parents:
                here, there = (path.relative_to(folder).parts[0] for path in (found.file, found.target))
                if here != there:
                    graph.setdefault(here, set()).add(there)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            yield f"{folder.name}: {' -> '.join(error.args[1])}"
