"""A planted bug: an edit of somebody's source, and what is wrong with the formulas after it."""

from dataclasses import dataclass

from .implementations import WRITTEN

KINDS = (
    "wrong factor",
    "missing factor",
    "extra factor",
    "missing path",
    "wrong time index",
    "missing transpose",
    "swapped gates",
    "sign",
    "scale",
    "lost accumulation",
    "missing carry",
    "truncated carry",
    "first step",
    "state leak",
    "clipping",
    "mutation",
    "precision",
)


@dataclass(frozen=True, slots=True)
class Bug:
    """`replace` occurs once in the implementation's source and becomes `by`.

    `pattern` numbers the bugs seen in public code, 0 is none of them. `kind` is what the numbers show: a `+=` lost within a
    step is a missing path, and only over time a lost accumulation; a term too many counts as an extra factor.

    `equation` is the derived equation that is wrong, or several that may be blamed; none where no formula is wrong (a
    leak, clipping, mutation, precision). `computed` is the right side that the code computes for the first of them, in
    the notation of `sheets.py`, or lines `name = right side` where more than one equation is wrong at once. `note`
    says in words what no formula says.
    """

    id: str
    implementation: str
    pattern: int
    kind: str
    equation: str | tuple[str, ...]
    computed: str
    replace: str
    by: str
    note: str = ""

    @property
    def equations(self) -> tuple[str, ...]:
        names = (self.equation,) if isinstance(self.equation, str) else self.equation
        return tuple(name for name in names if name)

    @property
    def changed(self) -> dict[str, str]:
        """The wrong equations: left side to right side."""
        if " = " in self.computed:
            return dict(line.strip().split(" = ", 1) for line in self.computed.splitlines())
        return {self.equations[0]: self.computed} if self.computed else {}

    @property
    def expected(self) -> str:
        """What should be there, as `computed` has it."""
        sheet = WRITTEN[self.implementation].sheet
        if " = " in self.computed:
            return "\n".join(f"{name} = {sheet.equation(name)}" for name in self.changed)
        return sheet.equation(self.equations[0]) if self.equations else ""


def table(implementation, *rows):
    """Rows of one implementation: (slug, pattern, kind, equation, computed, replace, by[, note])."""
    return tuple(Bug(f"{implementation}/{slug}", implementation, *rest) for slug, *rest in rows)
