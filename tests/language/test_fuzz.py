"""Whatever the text, symrnn answers with a cell or with an error of its own."""

import warnings

from hypothesis import example, given
from hypothesis import strategies as st

import symrnn

TEXTS = [
    *(symrnn.zoo[name].text for name in symrnn.zoo),
    "def f(x, k, /, h: (n,), S: matrix, s: scalar):\n"
    "    a: (2*n,) = W @ [h, x[1:], k] + b\n"
    "    g = where(a[:n] > 0.5, elu(a[:n], alpha=2), clip(a[n:], -1, 1)) ** 2\n"
    "    S = s * S.T.T + outer(g, h) / 3\n"
    "    s += dot(h, g) * mean(S) - norm(x)\n"
    "    h = softmax(S @ h) * g\n"
    "    return logsumexp(h), (h, S, s)\n",
]
PIECES = st.sampled_from(
    [
        "def",
        "return",
        "x",
        "h",
        "c",
        "W",
        "@",
        "*",
        "**",
        "/",
        "+",
        "-",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ";",
        "=",
        "==",
        ">",
        "<",
        ".",
        ".T",
        "'",
        '"',
        '"""',
        "#",
        "\\",
        "\n",
        "\t",
        "0",
        "1",
        "-1",
        "0.5",
        "1e300",
        "1j",
        "n",
        "scalar",
        "tanh(",
        "where(",
        "clip(",
        "softmax(",
        "lambda",
        "if",
        "else",
        "for",
        "in",
        "while",
        "await",
        "yield",
        ":=",
        "None",
        "True",
        "...",
        "|",
        "&",
        "~",
        "%",
        "//",
        "σ",
        "ｘ",
        "\x00",
        "\ufeff",
    ]
)


def read(text: str) -> None:
    """Most of what can be read at all deserves a warning; these are asked elsewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", symrnn.CellWarning)
            cell = symrnn.cell(text)
        symrnn.derive(cell)
        cell.sample()
    except symrnn.SymrnnError as error:
        assert str(error).strip()


@given(st.text(max_size=200))
@example("def f(x, h): return")
@example("\ufeffdef f(x, h): return x + h")
@example("\\\n\f")
def test_random_text(text: str) -> None:
    read(text)


@given(st.lists(PIECES, max_size=40).map(" ".join))
def test_random_words_of_the_language(text: str) -> None:
    read(f"def f(x, h):\n    h = {text}\n    return h\n")


@st.composite
def mutants(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(PIECES | st.just("") | st.text(max_size=3)) + text[stop:]
    return text


@given(mutants())
def test_random_mutations_of_cells(text: str) -> None:
    read(text)


@st.composite
def shuffled(draw: st.DrawFn) -> str:
    """A cell with lines left out, repeated or moved, and names swapped: syntactically fine, often wrong."""
    lines = draw(st.sampled_from(TEXTS)).rstrip("\n").split("\n")
    body = draw(st.lists(st.sampled_from(lines[1:]), min_size=1, max_size=12))
    text = "\n".join([lines[0], *body, lines[-1]]) + "\n"
    for _ in range(draw(st.integers(0, 3))):
        old, new = draw(st.sampled_from(["x", "h", "c", "W", "R", "S", "n", "@", "*", "+"])), draw(PIECES)
        text = text.replace(f" {old} ", f" {new} ")
    return text


@given(shuffled())
def test_random_orders_of_lines(text: str) -> None:
    read(text)
