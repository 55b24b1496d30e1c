"""Source text with a name, and the errors that point into it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import CellError, CellWarning, Span, shorten
from .syntax import cure

# Generous for anything that a person writes; small enough that nothing takes long.
LARGEST_TEXT = 1_000_000
_UNREADABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A text, what to call it in messages, and the line that its first line has in the file it came from."""

    text: str
    where: str = "cell"
    first_line: int = 1
    lines: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Lines as Python's own reader counts them; split once, because every node asks for its place.
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        object.__setattr__(self, "lines", tuple(lines))

    def error(
        self, problem: str, span: Span | None = None, *, facts: tuple[str, ...] = (), mend: str = ""
    ) -> CellError:
        """An error at a place of this text; of what was called, the calls are facts."""
        if span is not None and span.called is not None:
            span, calls = self._calls(span)
            facts += calls
        line_text = self.line(span.line) if span is not None else ""
        return CellError(problem, where=self.where, span=span, line_text=line_text, facts=facts, mend=mend)

    def warning(self, problem: str, span: Span, *, mend: str) -> CellWarning:
        """A warning at a place of this text."""
        return CellWarning(problem, where=self.where, span=span, line_text=self.line(span.line), mend=mend)

    def _calls(self, span: Span) -> tuple[Span, tuple[str, ...]]:
        """The innermost place within this text, and the way to it: a cell of the zoo is not the writer's to change."""
        facts: list[str] = []
        while span.called is not None and span.called.line is not None:
            facts.append(f"in `{span.called.name}` of the zoo: {shorten(span.called.line.strip(), 90)}")
            span = span.called.call
        call, facts = span.called, facts[:1]
        while call is not None:
            facts.append(f"called in line {call.call.line}: {self.excerpt(call.call)}")
            call = call.call.called
        return span, tuple(facts)

    def span(self, node: ast.AST) -> Span:
        """The place of a syntax node, with columns counted in characters."""
        if (placed := getattr(node, "place", None)) is not None:  # of a definition that is called
            return placed
        line, end_line = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or getattr(node, "lineno", 1)
        column = self._characters(line, getattr(node, "col_offset", 0))
        end_column = self._characters(end_line, getattr(node, "end_col_offset", None) or column + 1)
        shift = self.first_line - 1
        return Span(line + shift, column, end_line + shift, end_column)

    def line(self, number: int) -> str:
        """A line by the number that messages give it."""
        index = number - self.first_line
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def _characters(self, line: int, byte_offset: int) -> int:
        """`ast` counts columns in bytes of UTF-8; a caret needs characters."""
        if self.text.isascii():
            return byte_offset
        return len(self.line(line + self.first_line - 1).encode()[:byte_offset].decode(errors="ignore"))

    def excerpt(self, span: Span) -> str:
        """The source of a stretch on one line, shortened in the middle where it is long."""
        line = span.called.line if span.called and span.called.line is not None else self.line(span.line)
        end = span.end_column if span.end_line == span.line else len(line)
        return shorten(line[span.column : end].strip())


def parse_module(source: Source) -> ast.Module:
    """The syntax tree of a text; it is read, never executed. Every way to fail becomes a `CellError`."""
    if len(source.text) > LARGEST_TEXT:
        raise source.error(
            f"the text has {len(source.text):,} characters; at most {LARGEST_TEXT:,} are read",
            mend="put the cell into a file of its own",
        )
    unreadable = _UNREADABLE.search(source.text)
    if unreadable is not None:
        code = ord(unreadable.group())
        raise source.error(
            f"the character U+{code:04X} cannot stand in a text",
            _place(source, unreadable.start()),
            mend="remove it",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody's docstring is not our business
            return ast.parse(source.text)
    except SyntaxError as error:
        line = (error.lineno or 1) + source.first_line - 1
        column = max(0, (error.offset or 1) - 1)
        end = (error.end_offset or 0) - 1
        span = Span(line, column, line, end if end > column else column + 1)
        mend = cure(error.msg, source.line(line), column)
        if "int_max_str_digits" in error.msg:
            place = _longest_line(source)
            raise source.error("this number has more digits than can be read", place, mend=mend) from None
        raise source.error(f"this is not Python syntax: {error.msg}", span, mend=mend) from None
    except (RecursionError, MemoryError):
        raise source.error(
            "an expression is nested too deeply to be read",
            _longest_line(source),
            mend="give its parts names, one line each",
        ) from None
    except ValueError as error:
        raise source.error(f"this is not text that Python can read: {error}", mend="save it as UTF-8 text") from None


def _place(source: Source, offset: int) -> Span:
    """The place of one character of the text."""
    before = Source(source.text[:offset]).lines
    line, column = len(before) - 1 + source.first_line, len(before[-1])
    return Span(line, column, line, column + 1)


def _longest_line(source: Source) -> Span:
    lines = source.lines
    index = max(range(len(lines)), key=lambda i: len(lines[i]))
    line, text = index + source.first_line, lines[index]
    return Span(line, len(text) - len(text.lstrip()), line, len(text))


def source_of_function(function: Callable[..., Any]) -> Source:
    """The text of a function, for `@symrnn.cell`; the function itself is never called."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CellError(
            f"the source of {getattr(function, '__qualname__', function)!r} cannot be found",
            mend="pass the cell as text: symrnn.cell('''def ...''')",
        ) from None
    file = inspect.getsourcefile(function) or "function"
    where = file.replace("\\", "/").rsplit("/", 1)[-1]
    return Source(textwrap.dedent("".join(lines)), where, max(first, 1))
