"""Habits from NumPy, PyTorch and Python: each is refused with what to write in its place, and that can be read."""

import ast
import re
import warnings

import pytest

import symrnn
from symrnn.language.idioms import EXPRESSIONS, FUNCTIONS_OF_OTHERS, STATEMENTS
from symrnn.operations.table import FUNCTIONS

LINE = "def f(x, h, c):\n    h = h + c * ({})\n    c = x\n    return h, c\n"
BODY = "def f(x, h):\n    {}\n    return h\n"

EXPRESSION = {
    "inv(R) @ h": "there is no inverse: make it a parameter",
    "np.linalg.inv(R) @ h": "there is no inverse",
    "einsum('ij,j', W, x)": "write the product: W @ x, outer(a, b), dot(a, b), or sum(a * b)",
    "x.reshape(2, 3)": "shapes follow from the products",
    "h.view(-1)": "shapes follow from the products",
    "transpose(W) @ x": "write W.T",
    "W.t() @ x": "write W.T",
    "matmul(W, x)": "write the product: W @ x",
    "torch.mm(W, x)": "write the product: W @ x",
    "np.tanh(x)": "write tanh(…) without a module before it",
    "torch.sigmoid(x)": "write sigmoid(…) without a module before it",
    "torch.nn.functional.relu(x)": "write relu(…) without a module before it",
    "F.relu(x)": "write relu(…) without a module before it",
    "h.tanh()": "write tanh(…) with the value in the parentheses",
    "np.concatenate([h, x])": "[a, b] concatenates",
    "cat([h, x])": "[a, b] concatenates",
    "torch.clamp(x, -1, 1)": "write clip(a, lower, upper)",
    "h.chunk(4)": "a part is a[lower:upper]: a[:n], a[n:2*n]",
    "split(h, 4)": "a part is a[lower:upper]",
    "zeros_like(h)": "a number stands beside any shape",
    "self.W @ x": "write W: names that are never assigned are parameters",
    "self.linear(x)": "a cell has no `self`",
    "x.shape": "sizes are names of their own, such as n",
    "tan(x)": "write sin(a) / cos(a)",
    "layer_norm(x)": "write it out: u = a - mean(a)",
    "max(x, h)": "maximum(a, b) takes the larger of two",
    "sigmod(x)": "did you mean `sigmoid`?",
    "σ(x)": "write sigmoid(a)",
    "sum(x, 1)": "leave the axis out",
    "tanh(x, h)": "give a alone",
    "(h + x)(c)": "a product has a sign",
    "lambda a: a": "write its expression where it is used",
    "[a for a in x]": "write its terms out",
    "f'{x}'": "names are no text",
    "(y := x)": "give it a line of its own: name = expression",
    "x if h > 0 else c": "where(a > b, u, v) chooses between values",
    "x and h": "where(a > b, u, v) chooses between values",
    "not x": "conditions are 1 or 0",
    "x & h": "conditions are 1 or 0",
    "x == h": "two real numbers are hardly ever equal",
    "x % h": "write mod(a, b)",
    "x // h": "floor(a / b)",
    "x ^ 2": "write ** for a power",
    "tanh(*x)": "write the arguments out, one by one",
    "(x, h)": "[a, b] concatenates",
    "{'a': x}": "give each value a line of its own",
    "(yield x)": "end with one return",
    "None": "use integers and decimals",
}
STATEMENT = {
    "for t in T: h = x": "a cell is one step, and symrnn goes over t",
    "while True: h = x": "a cell is one step, and symrnn goes over t",
    "if x > 0: h = x": "where(a > b, u, v) chooses between values",
    "assert x > 0": "remove it",
    "print(h)": "remove it",
    "with torch.no_grad(): h = x": "take its lines out",
    "import numpy as np": "functions need no module",
    "from numpy import tanh": "functions need no module",
    "global W": "a name that is never assigned is a parameter",
    "def g(a): return a": "write it above, beginning its line",
    "class A: pass": "a cell is one function",
    "del x": "remove it",
    "pass": "remove it",
    "h == x": "one = gives a name a value: h = …",
    "tanh(h)": "give it a name, `y = tanh(h)`",
    "yield h": "end with one return",
    "a, b = x, h": "write one assignment a line",
    "self.h = x": "write one assignment a line",
    "h //= x": "h = floor(h / …)",
    "h **= 2": "h = h ** 2",
    "h %= x": "h = mod(h, …)",
}
DEFINITION = {
    "async def f(x, h): return h": "write def without async",
    "class A:\n    def forward(self, x, h): return h": "a cell is one function",
    "def f(x, *h): return x": "def cell(x, h, c)",
    "def f(x, h=0): return x + h": "def cell(x, h, c)",
    "def f(x, *, h): return x + h": "def cell(x, h, c)",
    "@torch.jit.script\ndef f(x, h): return x + h": "remove the decorator",
    "f = lambda x, h: x + h": "a cell is a function: def my_cell(x, h)",
    "def f(x, S: (k, n, n)): return x": "write one matrix a head",
    "def f(self, x, h): return tanh(W @ x + h)": "take `self` out",
}
TEXTS = (
    {LINE.format(written): mend for written, mend in EXPRESSION.items()}
    | {BODY.format(written): mend for written, mend in STATEMENT.items()}
    | DEFINITION
)


@pytest.mark.parametrize("text", TEXTS, ids=[*EXPRESSION, *STATEMENT, *DEFINITION])
def test_a_habit_is_told_what_to_write(text: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(text)
    assert TEXTS[text] in caught.value.mend, caught.value


def test_no_function_of_ours_is_taken_for_one_of_others() -> None:
    assert not set(FUNCTIONS) & set(FUNCTIONS_OF_OTHERS)


@pytest.mark.parametrize("mend", sorted({m for m in FUNCTIONS_OF_OTHERS.values() if m.startswith("write ")}))
def test_what_is_to_be_written_can_be_read(mend: str) -> None:
    for part in re.split(r", or |, then |, (?![^(]*\))", mend):
        formula = re.sub(r"^(or )?(write )?(it out: |the product: )?(\w+ = )?| (for|which) .*", "", part)
        if re.search(r"[-+*/@(]", formula):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", symrnn.CellWarning)
                assert symrnn.cell(f"def f(a):\n    y = {formula.replace('lower, upper', '-1, 1')}\n    return y\n")


def test_every_kind_of_statement_and_expression_that_python_has_is_known() -> None:
    plain = {"Assign", "AugAssign", "AnnAssign", "Return", "Expr", "TypeAlias"}
    assert {kind.__name__ for kind in ast.stmt.__subclasses__()} <= plain | set(STATEMENTS)
    ours = {"Attribute", "BinOp", "Call", "Compare", "Constant", "List", "Name", "Subscript", "UnaryOp"}
    inner = {"FormattedValue", "TemplateStr", "Interpolation"}
    kinds = {kind.__name__ for kind in ast.expr.__subclasses__()}
    deprecated = {"Num", "Str", "Bytes", "NameConstant", "Ellipsis"}
    assert kinds - deprecated <= ours | inner | set(EXPRESSIONS)
