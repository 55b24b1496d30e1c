"""From the name of a program and the bugs to plant in it to a fresh module."""

from collections.abc import Iterable
from types import ModuleType

from verifying.handwritten.bug import Bug
from verifying.handwritten.build import module_of
from verifying.handwritten.implementations import edited

from . import bugs_formulas, bugs_shapes, bugs_verdicts, programs, rewritten, several

PROGRAMS = programs.PROGRAMS | rewritten.PROGRAMS
_PLANTED = [bug for room in (bugs_verdicts, bugs_formulas, bugs_shapes) for bug in room.BUGS]
BUGS = {bug.id: bug for bug in _PLANTED}
assert len(BUGS) == len(_PLANTED), "two bugs have the same id"
SEVERAL = tuple(tuple(BUGS[f"{name}/{slug}"] for slug in slugs.split()) for name, slugs in several.SEVERAL)


def source_of(name: str, bugs: Iterable[Bug] = ()) -> str:
    """A program's text with bugs planted; an edit's text occurs exactly once in it."""
    program = PROGRAMS[name]
    source = edited(program.path.read_text(encoding="utf-8"), program.edits, name)
    for bug in bugs:
        if bug.implementation != name:
            raise AssertionError(f"{bug.id} is a bug of {bug.implementation}, not of {name}")
        source = edited(source, ((bug.replace, bug.by),), bug.id)
    return source


def build(name: str, bugs: Iterable[Bug] = ()) -> ModuleType:
    """The program in a fresh module."""
    return module_of(source_of(name, bugs), PROGRAMS[name].path, name)


def lines_of(bug: Bug, bugs: Iterable[Bug]) -> list[str]:
    """The lines that a planted bug changed, as the buggy text has them; with what was taken out, the lines around."""
    before, after = source_of(bug.implementation).splitlines(), source_of(bug.implementation, bugs).splitlines()
    at = "\n".join(before).index(bug.replace)
    first = "\n".join(before)[:at].count("\n")
    taken = range(first, first + bug.replace.count("\n") + 1)
    around = [before[line] for line in (taken.start - 1, *taken, taken.stop) if line < len(before)]
    changed = set(after) - set(before)
    mine = [
        line
        for line in after
        if line in changed and any(part.strip() and part.strip() in line for part in bug.by.split("\n"))
    ]
    return [line.strip() for line in (mine or around)]
