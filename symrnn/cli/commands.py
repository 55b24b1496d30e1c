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
    from ..equations import Cell, Network


@dataclass(frozen=True, slots=True)
class Answer:
    """What to print, or what is left to print, and whether everything that was checked held; a picture is bytes."""

    text: str | bytes
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
            return code(call)
        case "export":
            return export_pages(call)
        case "demo":
            return demo(call)
        case "flow":
            return flow(call)


def list_cells(call: Call) -> Answer:
    """The cells of the zoo and the ready networks, each with the first line of what it says; or their families."""
    from ..catalogue import read_catalogue, read_everything
    from ..tables import aligned

    catalogue = read_everything()
    if call.family == "":
        cells = read_catalogue().families
        rows: list[list[str]] = []
        for family, title in catalogue.families.items():
            count, kind = len(catalogue.of_family(family)), "cell" if family in cells else "network"
            rows.append([family, f"{count:>2} {kind}{'s' * (count != 1)}", title])
    else:
        entries = catalogue.of_family(call.family) if call.family is not None else tuple(catalogue.entries.values())
        rows = [
            [entry.name, entry.about + (f" Also: {', '.join(entry.aliases)}." if entry.aliases else "")]
            for entry in entries
        ]
    return Answer("\n".join(aligned(rows)))


def show(call: Call) -> Answer:
    """Forward and backward equations, or what else is derived of a cell; or which equations differ between two."""
    from ..derivation import derive, hessian_product, rtrl, tangent, traces
    from ..render import compare, render

    if call.diff:
        first, second = map(_read_cell, call.cells)
        return Answer(compare(first, second, notation=call.notation, lang=call.lang).text())
    ahead = {"forward": tangent, "rtrl": rtrl, "traces": traces, "hessian": hessian_product}
    model = _read(call.cell)
    derivation = ahead[call.mode](model) if call.mode in ahead else derive(model, truncate=call.truncate)
    return Answer(render(derivation, call.format, steps=call.steps, notation=call.notation, lang=call.lang))


def code(call: Call) -> Answer:
    """A program of both passes, or the plan that the fast one follows."""
    if not call.plan:
        from ..derivation import derive

        return Answer(derive(_read(call.cell)).code(call.target))
    from ..numeric.fast import plan_table

    return Answer(plan_table(_derive(call)))


def export_pages(call: Call) -> Answer:
    """Files of published derivations: of the cells and networks that were named, or of all that come with symrnn."""
    from ..library import networks, zoo
    from .export import export

    models = [_read(name) for name in call.cells] or [*zoo.values(), *networks.values()]
    return Answer(*export(call, models))


def check(call: Call) -> Answer:
    """Both verdicts on every cell or network, the numeric check and the exact proof, each printed as soon as it is
    known; or a campaign over many seeds."""
    from ..library import as_cell, zoo
    from .campaign import run_campaign
    from .output import emit

    models = [_read(name) for name in (zoo if call.all else call.cells)]
    if call.seeds is not None or call.random is not None:
        summary = run_campaign([as_cell(model) for model in models], call)
        return Answer(summary.to_json() if call.json else summary.text(), bool(summary))
    held, objects = True, list[str]()
    for place, model in enumerate(models):
        verdicts = dict[str, str]()
        fine = True
        for name, verdict, holds in _verdicts(model, call):
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


def _verdicts(model: Cell | Network, call: Call) -> Iterator[tuple[str, CheckReport | Proof | None, bool]]:
    """The numbers first: a proof may take long, and one that gave up says nothing against what was to be proved."""
    import symrnn

    from ..checking import PROOF_LIMIT
    from .progress import ProofLine

    report = symrnn.check(model, seed=call.seed)
    yield "check", report, bool(report)
    if call.no_proof:
        yield "proof", None, True
        return
    line = ProofLine(sys.stderr)
    try:
        proof = symrnn.prove(model, progress=line.show, limit=call.proof_limit or PROOF_LIMIT)
    finally:
        line.end()
    yield "proof", proof, not proof.refuted


def verify(call: Call) -> Answer:
    """The verdict on a person's code, which runs in a process of its own."""
    from .apart import judge

    job = {"file": call.file, "cell": call.against, "seed": call.seed, "seconds": call.seconds, "json": call.json}
    return Answer(*judge({**job, "heat": sys.stdout.isatty()}))


def demo(call: Call) -> Answer:
    """A network learns a text."""
    from .demo import run_demo

    return Answer(run_demo(call))


def flow(call: Call) -> Answer:
    """Where the gradient goes, in a cell or in several side by side."""
    import symrnn

    found = symrnn.flow([_read(name) for name in call.cells], **call.flow)
    match call.format:
        case "svg":
            return Answer(found.svg(call.lang))
        case "png":
            return Answer(found.png(call.lang))
        case "json":
            return Answer(found.to_json())
        case "csv":
            return Answer(found.csv())
        case _:
            return Answer(found.text())


def _derive(call: Call) -> Derivation:
    from ..derivation import derive

    return derive(_read_cell(call.cell))


def _read_cell(name: str) -> Cell:
    from ..library import as_cell

    return as_cell(_read(name))


def _read(name: str) -> Cell | Network:
    from ..errors import OptionError
    from ..library import load, read_model, read_stream

    if name == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - Python starts so
        raise OptionError("standard input is closed\n  mend: give the cell's file, or its text on standard input")
    return read_model(read_stream(sys.stdin.buffer, "standard input"), "standard input") if name == "-" else load(name)
