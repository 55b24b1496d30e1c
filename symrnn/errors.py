"""The errors that symrnn raises on purpose, each with the place, both sides and a way to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text: lines from 1, columns from 0, the end column exclusive. If it is of a definition that
    another one calls, `called` says from where."""

    line: int
    column: int
    end_line: int
    end_column: int
    called: Called | None = field(default=None, compare=False, repr=False)

    @property
    def foreign(self) -> bool:
        """Whether the stretch is of another text."""
        return self.called is not None and self.called.line is not None

    def __str__(self) -> str:
        return f"line {self.line}" + (f" of {self.called.name}" if self.called and self.foreign else "")


@dataclass(frozen=True, slots=True)
class Called:
    """The call of a definition: its name and the place. `line` is the line of the stretch where that is of another
    text, as a cell of the zoo is."""

    name: str
    call: Span
    line: str | None = None


class SymrnnError(Exception):
    """Base of every error that symrnn raises on purpose."""


class Placed(Exception):
    """A message about a place in a text, with the line, a caret and a mend; the attributes keep the parts, so that an
    editor or a web page can show them in its own way."""

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        span: Span | None = None,
        line_text: str = "",
        facts: tuple[str, ...] = (),
        mend: str = "",
    ) -> None:
        self.problem = problem
        self.where = where
        self.span = span
        self.line_text = line_text
        self.facts = facts
        self.mend = mend
        super().__init__(self._message())

    def _message(self) -> str:
        place = f"{self.where}:{self.span.line}: " if self.span else f"{self.where}: " if self.where else ""
        lines = [f"{place}{self.problem}"]
        if self.span and self.line_text:
            lines += quote(self.line_text, self.span)
        lines += [f"  {fact}" for fact in self.facts]
        if self.mend:
            lines.append(f"  mend: {self.mend}")
        return "\n".join(lines)


class CellError(Placed, SymrnnError):
    """A cell's text cannot be understood; the message shows the line, a caret and a mend."""


class CellWarning(Placed, UserWarning):
    """A cell's text can be understood, and its writer hardly meant it: a name that looks misspelt, or an input, a state
    or a line that nothing reads."""

    @property
    def line(self) -> str:
        """The warning in one line."""
        first = self._message().split("\n")[0]
        return f"{first}{'' if first.endswith('?') else ';'} {self.mend}"


class LayoutError(CellError):
    """A layout's text cannot be understood, or does not fit the cell; shown as a cell's errors are."""


class SubjectError(SymrnnError):
    """Code that is verified did not do what it was called for: it raised, gave back something else, or never ended."""


class OptionError(SymrnnError):
    """A name or a value that a call was given is not one that it knows."""


class InputError(SymrnnError):
    """Arrays given to a kernel or a check do not fit the cell; names the array and both shapes."""


class GradientError(SymrnnError, AssertionError):
    """A gradient that was asserted is not right, or could not be shown to be; the message is the whole report."""


class CampaignError(SymrnnError):
    """A campaign cannot begin or cannot go on: its journal belongs to another one, or its workers cannot work."""


class MissingExtraError(SymrnnError, ImportError):
    """Something needs a package that is not installed: one that an extra brings, or NumPy, without which whatever
    needs no numbers works."""

    def __init__(self, what: str, package: str, extra: str | None) -> None:
        self.what, self.package, self.extra = what, package, extra
        install = f"'symrnn[{extra}]'" if extra else package.lower()
        super().__init__(f"{what} needs {package}\n  mend: python -m pip install {install}")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str | None]]:
        return MissingExtraError, (self.what, self.package, self.extra)


class CompilerError(SymrnnError):
    """Emitted C cannot be compiled here: there is no compiler, it fails, or there is no place for what it makes."""


class KernelWarning(UserWarning):
    """A fast kernel did not compute what its equations say, and the plain one serves; the message shows where."""


# A caret under the thousandth column helps nobody: long lines are shown around the place that matters.
_WINDOW = 96
_LONGEST_WORD = 100


def quote(line_text: str, span: Span) -> list[str]:
    """The source line with a caret under the stretch, cut to a window around it."""
    text = visible(line_text)
    start = min(span.column, len(text))
    stop = span.end_column if span.end_line == span.line else len(text)
    stop = max(start + 1, min(stop, len(text)))
    left = max(0, start - _WINDOW // 2) if len(text) > _WINDOW else 0
    shown = text[left : left + _WINDOW]
    ellipsis_left, ellipsis_right = "…" if left else "", "…" if left + _WINDOW < len(text) else ""
    marks = "^" * max(1, min(stop, left + len(shown)) - start)
    number = f"{span.line:>5} | "
    blank = " " * 5 + " | "
    padding = " " * (len(ellipsis_left) + start - left)
    return [f"{number}{ellipsis_left}{shown}{ellipsis_right}", f"{blank}{padding}{marks}"]


def visible(text: str) -> str:
    """The text with every character that a terminal would obey, turn around or refuse replaced by a mark of one
    column: a tab and other spaces by a space, the rest by �."""
    spaces = (c == "\t" or (c.isspace() and not c.isascii()) for c in text)
    return "".join(c if c.isprintable() else " " if space else "�" for c, space in zip(text, spaces, strict=True))


def shorten(text: str, most: int = 60) -> str:
    """The text made visible, and cut in the middle where it is long."""
    text = visible(text)
    half = most // 2 - 2
    return text if len(text) <= most else f"{text[:half]} … {text[-half:]}"


def harmless(text: str) -> str:
    """A text of many lines as a terminal may be given it: what the terminal would obey (escape codes, a carriage
    return) and what turns a line around becomes �; everything else stays, so that a page loses nothing."""
    return text.translate(_OBEYED)


_CONTROLS = ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
_OBEYED = {code: "�" for first, last in _CONTROLS for code in range(first, last + 1)}


def nearest(word: str, known: list[str]) -> str:
    """`did you mean` for a misspelt word, or an empty string when nothing is near: letters in another case, few slips
    for a word of its length, or a word that is a part of one."""
    import difflib

    lowered = {name.lower(): name for name in known}
    if word.lower() in lowered and word not in known:
        return f"did you mean `{lowered[word.lower()]}`?"
    for close in difflib.get_close_matches(word, known, n=3, cutoff=0.6) if len(word) < _LONGEST_WORD else ():
        part = len(word) > 3 and word in close
        if close != word and (part or slips(word, close) <= max(1, len(word) // 3)):
            return f"did you mean `{close}`?"
    return ""


def slips(word: str, other: str) -> int:
    """How many letters are lost, added, replaced or swapped with their neighbour between two words."""
    before, last = list[int](), list(range(len(other) + 1))
    for i, a in enumerate(word):
        row = [i + 1]
        for j, b in enumerate(other):
            cost = min(last[j] + (a != b), last[j + 1] + 1, row[j] + 1)
            if i and j and a == other[j - 1] and word[i - 1] == b:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
