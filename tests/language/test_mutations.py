"""Texts with a mistake in them: whoever made it is told what to write.

python tests/language/test_mutations.py [SEED]     every cell of the zoo, mutated; which refusals have no mend
"""

import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator

import pytest

import symrnn

TOKEN = re.compile(r"\w+|\*\*|[^\w\s]|\n")
HOSTILE = (
    "−",
    "×",
    "·",
    "²",
    "′",
    "“",
    "，",
    "（",
    "\u200b",
    "\t",
    "\0",
    "$",
    "?",
    "!",
    "`",
    "'",
    '"',
    "\\",
    "0",
    "=",
    ":",
    "{",
)


def mutants(text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """A text with one thing deleted, doubled, swapped with its neighbour or replaced: what was done, and the text."""
    lines = text.split("\n")
    tokens = [match.span() for match in TOKEN.finditer(text)]
    for what, places in (("character", [(k, k + 1) for k in range(len(text))]), ("token", tokens)):
        k = chance.randrange(len(places) - 1)
        (a, b), (c, d) = places[k], places[k + 1]
        yield f"{what} deleted", text[:a] + text[b:]
        yield f"{what} doubled", text[:b] + text[a:b] + text[b:]
        yield f"{what}s swapped", text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
    k = chance.randrange(len(lines) - 1)
    yield "line deleted", "\n".join(lines[:k] + lines[k + 1 :])
    yield "line doubled", "\n".join(lines[: k + 1] + lines[k:])
    yield "lines swapped", "\n".join([*lines[:k], lines[k + 1], lines[k], *lines[k + 2 :]])
    a, b = chance.choice(tokens)
    odd = chance.choice(HOSTILE)
    yield "token replaced", text[:a] + odd + text[b:]
    yield "sign put in", text[:a] + odd + text[a:]


def refusals(cells: list[str], rounds: int, seed: int = 0) -> tuple[int, list[tuple[str, symrnn.SymrnnError]]]:
    """How many mutants there were, and what was said of those that were refused; anything but an error of ours raises."""
    chance = random.Random(seed)
    count, refused = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", symrnn.CellWarning)
        for cell in cells:
            # Docstrings are long and hold no mathematics.
            text = re.sub(r'\n    """.*?"""', "", symrnn.zoo[cell].text, count=1, flags=re.DOTALL)
            for _ in range(rounds):
                for what, mutant in mutants(text, chance):
                    count += 1
                    try:
                        symrnn.cell(mutant)
                    except symrnn.SymrnnError as error:
                        refused.append((f"{cell}: {what}", error))
    return count, refused


def mend(error: symrnn.SymrnnError) -> str:
    return getattr(error, "mend", "")


def test_whatever_is_refused_is_told_what_to_write() -> None:
    _, refused = refusals(random.Random(1).sample(list(symrnn.zoo), 14), 1)
    bare = [what for what, error in refused if not mend(error)]
    assert len(refused) > 80
    assert len(bare) <= 0.02 * len(refused), bare


BODY = "def f(x, h):\n    h = tanh(W @ x + R @ h + b)\n    return h\n"
BROKEN = {
    BODY.replace("@ h", "@ (h"): "write the `)` that belongs to this `(`",
    BODY.replace("x +", "x) +"): "remove this `)`, or open it before",
    BODY.replace("x +", "x] +"): "write `)` in place of this `]`",
    BODY.replace("W @ x", "W x"): "a product has a sign: W @ x",
    BODY.replace("    h = tanh", "    h tanh"): "a sign is missing between `h` and `tanh`",
    BODY.replace("W @ x", "W @ @ x"): "an expression is missing between `@` and `@`",
    BODY.replace(" + b)", " +"): "write the `)`",
    BODY.replace("h = tanh(W @ x + R @ h + b)", "h = W @"): "an expression is missing after `@`, where the line ends",
    BODY.replace("h = tanh", "h = = tanh"): "an expression is missing between `=` and `=`",
    BODY.replace("    return", "      return"): "all lines of a cell are indented alike",
    BODY.replace("    return", "  return"): "all lines of a cell are indented alike",
    BODY.replace("    ", ""): "indent the lines below the def",
    BODY.replace("    return", "\treturn"): "indent every line with four spaces",
    BODY.replace("):", ")"): "a cell begins with a line such as def cell(x, h):",
    BODY.replace("def ", "dfe "): "did you mean `def`?",
    BODY.replace("return", "retrun"): "did you mean `return`?",
    BODY.replace("W @ x", "W − x"): "write -",
    BODY.replace("W @ x", "W × x"): "write *",
    BODY.replace("W @ x", "W · x"): "write *",
    BODY.replace("W @ x", "x²"): "write ** 2",
    BODY.replace("W @ x", "Wᵀ @ x"): "write W.T",
    BODY.replace("h = ", "h′ = "): "write h_new",
    BODY.replace("(W", "（W"): "write (",
    BODY.replace(", h)", "， h)"): "write ,",
    BODY.replace("W @ x", "W @\u200b x"): "it cannot be seen",
    BODY.replace("x +", "x + \\ "): "remove the backslash",
    BODY.replace("+ b", "+ 007"): "write the number without the zeros",
    BODY.replace("+ b", "+ 2h"): "2 * h",
    BODY.replace("h = tanh", "h + 1 = tanh"): "one name stands before the =",
    BODY.replace("+ b", "+ 'b"): "end the text with the quotation mark",
    BODY.replace("+ b", "+ b\0"): "remove it",
    BODY.replace("(x, h)", "((x, h))"): "name the arguments one by one",
    BODY.replace("+ b", "+ " + "(" * 300 + "b" + ")" * 300): "give its parts names, one line each",
    BODY.replace("+ b", "+ " + "9" * 5000): "write the number in fewer digits",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_python_cannot_read_has_a_cure(text: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(text)
    assert BROKEN[text] in caught.value.mend, caught.value


if __name__ == "__main__":
    tried, said = refusals(list(symrnn.zoo), 4, int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    bare = [(what, error) for what, error in said if not mend(error)]
    kinds = Counter(re.sub(r"`[^`]*`|'[^']*'|\d+", "·", getattr(error, "problem", str(error))) for _, error in bare)
    for problem, number in kinds.most_common():
        print(f"{number:5} {problem}")
    print(f"{tried} mutants, {len(said)} refused, {len(said) - len(bare)} with a mend: {1 - len(bare) / len(said):.2%}")
