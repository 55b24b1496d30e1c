"""One function a command: it asks the library and returns what to print. Heavy imports wait until they are needed."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from .parser import Call

TYPE_CHECKING = False  # without importing typing: half of what a quick command takes is imports
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..checking import CheckReport, Proof
    from ..derivation import Derivation
    from ..equations import Cell


@dataclass(frozen=True, slots=True)
class Answer:
    """What to print, or what is left to print, and whether everything that was checked held."""

    text: str
    held: bool = True


def run(call: Call) -> Answer:
    """Carry out a call."""
    match call.command:
        case "help":
            return Answer(call.cell)
        case "list":
            return list_cells(call)
        case "show":
            return show(call)
        case "check":
            return check(call)
        case "verify":
            return verify(call)
        case "code":
            return Answer(_derive(call).code(call.target))
        case "export":
            return export_pages(call)


def list_cells(call: Call) -> Answer:
    """The names of the zoo, each with the first line of its description; or its families."""
    from ..catalogue import read_catalogue

    catalogue = read_catalogue()
    if call.family == "":
        counted = {family: len(catalogue.of_family(family)) for family in catalogue.families}
        width = max(map(len, counted), default=0)
        return Answer(
            "\n".join(
                f"{family:<{width}}  {count:>2} cell{'s' * (count != 1):<1}  {catalogue.families[family]}"
                for family, count in counted.items()
            )
        )
    entries = catalogue.of_family(call.family) if call.family is not None else tuple(catalogue.entries.values())
    width = max((len(entry.name) for entry in entries), default=0)
    lines: list[str] = []
    for entry in entries:
        also = f" Also: {', '.join(entry.aliases)}." if entry.aliases else ""
        lines.append(f"{entry.name:<{width}}  {entry.about}{also}")
    return Answer("\n".join(lines))


def show(call: Call) -> Answer:
    """Forward and backward equations; or which of them differ between two cells."""
    from ..render import compare, render

    if call.diff:
        first, second = map(_read_cell, call.cells)
        return Answer(compare(first, second, notation=call.notation, lang=call.lang).text())
    return Answer(render(_derive(call), call.format, steps=call.steps, notation=call.notation, lang=call.lang))


def export_pages(call: Call) -> Answer:
    """Files of published derivations: of the cells that were named, or of the whole zoo."""
    from ..library import zoo
    from .export import export

    cells = [_read_cell(name) for name in call.cells] or list(zoo.values())
    return Answer(*export(call, cells))


def check(call: Call) -> Answer:
    """Both verdicts on every cell, the numeric check and the exact proof, each printed as soon as it is known; or a
    campaign over many seeds."""
    from ..library import zoo
    from .campaign import run_campaign
    from .output import emit

    cells = [_read_cell(name) for name in (zoo if call.all else call.cells)]
    if call.seeds is not None or call.random is not None:
        summary = run_campaign(cells, call)
        return Answer(summary.to_json() if call.json else summary.text(), bool(summary))
    held, objects = True, list[str]()
    for place, cell in enumerate(cells):
        verdicts = dict[str, str]()
        fine = True
        for name, verdict, holds in _verdicts(cell, call):
            fine = fine and holds
            verdicts[name] = "null" if verdict is None else verdict.to_json() if call.json else ""
            if not call.json and verdict is not None:
                emit("\n" * (place > 0 or name == "proof") + verdict.text(), None)
        held = held and fine
        objects.append(f'{{"held": {_word(fine)}, "proof": {verdicts["proof"]}, "check": {verdicts["check"]}}}')
    if not call.json:
        return Answer("", held)
    if len(objects) == 1:
        return Answer(objects[0], held)
    return Answer(f'{{"held": {_word(held)}, "cells": [{", ".join(objects)}]}}', held)


def _word(held: bool) -> str:
    return "true" if held else "false"


def _verdicts(cell: Cell, call: Call) -> Iterator[tuple[str, CheckReport | Proof | None, bool]]:
    """The numbers first: a proof may take long, and one that gave up says nothing against the cell."""
    import symrnn

    from ..checking import PROOF_LIMIT
    from .progress import ProofLine

    report = symrnn.check(cell, seed=call.seed)
    yield "check", report, bool(report)
    if call.no_proof:
        yield "proof", None, True
        return
    line = ProofLine(sys.stderr)
    try:
        proof = symrnn.prove(cell, progress=line.show, limit=call.proof_limit or PROOF_LIMIT)
    finally:
        line.end()
    yield "proof", proof, not proof.refuted


def verify(call: Call) -> Answer:
    """The verdict on a person's code, which runs in a process of its own."""
    from .apart import judge

    job = {"file": call.file, "cell": call.against, "seed": call.seed, "seconds": call.seconds, "json": call.json}
    return Answer(*judge({**job, "heat": sys.stdout.isatty()}))


def _derive(call: Call) -> Derivation:
    from ..derivation import derive

    return derive(_read_cell(call.cell))


def _read_cell(name: str) -> Cell:
    from ..errors import OptionError
    from ..library import load, read_cell, read_stream

    if name == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - Python starts so
        raise OptionError("standard input is closed\n  mend: give the cell's file, or its text on standard input")
    return read_cell(read_stream(sys.stdin.buffer, "standard input"), "standard input") if name == "-" else load(name)
