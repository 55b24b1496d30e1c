"""What to write where Python's own parser gives up: a cure for each of its complaints."""

from __future__ import annotations

import re
import unicodedata

from ..errors import nearest

_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|\*\*|//|:=|[=<>!]=|[^\w\s]")
_LINE = "a line of a cell is name = expression, such as h = tanh(W @ x + R @ h + b)"
_HEADER = "a cell begins with a line such as def cell(x, h):"
_MEANT = {
    **dict.fromkeys("−–—‐‑‒﹣", "-"),
    **dict.fromkeys("×·⋅∙•∗⊙∘⨀✕", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‘’‚‛`´", "'"),
    **dict.fromkeys("≤⩽", "<="),
    **dict.fromkeys("≥⩾", ">="),
    **dict.fromkeys("ᵀ⊤", ".T"),
    **dict.fromkeys("←≔≝", "="),
    **{power: f" ** {digit}" for digit, power in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "√": "sqrt(…)",
    "∑": "sum(…)",
    "⊗": "outer(a, b)",
    "½": "0.5",
}
_COMPLAINTS: tuple[tuple[str, str], ...] = (
    ("unexpected indent", "begin the line below the line before it: all lines of a cell are indented alike"),
    ("unindent does not match", "begin the line below the line before it: all lines of a cell are indented alike"),
    ("inconsistent use of tabs", "indent every line with four spaces, and no tab"),
    ("expected an indented block", "indent the lines below the def by four spaces: h = …, and return h at the end"),
    ("forgot a comma", "a product has a sign: W @ x, f * c; arguments are parted by commas: maximum(a, b)"),
    ("line continuation", "remove the backslash; a long expression goes on within parentheses"),
    ("parameters cannot be parenthesized", "name the arguments one by one: def cell(x, h, c):"),
    ("int_max_str_digits", "write the number in fewer digits, or as 1e20"),
    ("leading zeros", "write the number without the zeros in front"),
    ("literal", "a name begins with a letter, a number is 2 or 0.5, and a product has a sign: 2 * h"),
    ("too many nested|too many levels|too complex|stack overflow", "give its parts names, one line each"),
    ("cannot assign|contain assignment|illegal target|only single target", "one name stands before the =: h = tanh(a)"),
    ("duplicate argument", "give each argument a name of its own"),
    ("default argument|bare \\*|var-positional|named arguments", "name inputs and states alone: def cell(x, h, c):"),
    ("positional argument|keyword argument|argument unpacking", "values come first, options last: elu(a, alpha=2)"),
    ("after '?expr|conditional expression|expected 'else'", "where(a > b, u, v) chooses between values"),
    ("EOF", "close what is open: every ( [ and quotation has its end"),
    ("outside|await|yield|async", "a cell is lines name = expression, and one return at the end"),
)  # fmt: skip
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def cure(complaint: str, line: str, column: int) -> str:
    """What to write instead, from Python's complaint, the line that it points to and the column there."""
    if found := re.search(r"invalid (non-printable )?character.*?U\+([0-9A-F]+)", complaint):
        return _character(chr(int(found[2], 16)))
    if "unterminated" in complaint or "EOF in multi-line" in complaint:
        return (
            "end the text with the quotation mark that it begins with; mathematics has none, ′ is a name such as h_new"
        )
    if found := re.search(r"'(.)' was never closed", complaint):
        return f"write the `{_PAIRS[found[1]]}` that belongs to this `{found[1]}`, or remove the `{found[1]}`"
    if found := re.search(r"unmatched '(.)'", complaint):
        return f"remove this `{found[1]}`, or open it before"
    if found := re.search(r"parenthesis '(.)' does not match opening parenthesis '(.)'", complaint):
        return f"write `{_PAIRS[found[2]]}` in place of this `{found[1]}`, or close what was opened between the two"
    for pattern, mend in _COMPLAINTS:
        if re.search(pattern, complaint):
            return mend
    return _between(line, column)


def _character(character: str) -> str:
    meant = _MEANT.get(character) or unicodedata.normalize("NFKC", character)
    if character == "′":
        return "a name is made of letters, digits and _: write h_new"
    if meant != character and meant.isascii() and meant.strip():
        return f"write {meant.strip()}"
    if not character.isprintable() or character.isspace():
        return "remove it; it cannot be seen and means nothing here"
    return "names are made of Latin and Greek letters, digits and _, signs are + - * / ** @"


def _between(line: str, column: int) -> str:
    """A cure from what stands before and at the place where Python stopped: an operand or a sign is missing, or one of
    the two is too many."""
    before = [match.group() for match in _TOKEN.finditer(line[:column])]
    match = _TOKEN.search(line, column)
    here = match.group() if match else ""
    last = before[-1] if before else ""
    first = before[0] if before else here
    if (
        line.strip()[:1]
        and first not in ("def", "return")
        and (word := nearest(first, ["def", "return"]))
        and _opens(here)
    ):
        return f"{word} {_HEADER if 'def' in word else 'A cell ends with return h, c'}"
    if first == "def":
        return _HEADER
    if _ends(last) and _opens(here):
        return f"a sign is missing between `{last}` and `{here}`: W @ x, f * c, a + b"
    if _ends(last) and not here:
        return f"the line stops after `{last}`: {_LINE}"
    if _ends(last):
        return f"`{here}` says nothing here; remove it: {_LINE}"
    if last:
        what = f"between `{last}` and `{here}`" if here else f"after `{last}`, where the line ends"
        return f"a name, a number or an expression is missing {what}"
    return f"`{here}` begins no line: {_LINE}" if here else _LINE


def _ends(token: str) -> bool:
    """Whether an operand may end with a token."""
    return token in (")", "]") or token[:1].isalnum() or token[:1] == "_"


def _opens(token: str) -> bool:
    """Whether an operand may begin with a token."""
    return token in ("(", "[") or token[:1].isalnum() or token[:1] == "_"
