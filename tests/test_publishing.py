"""What is published: the same from one process as from many, and a table whose numbers are those of the cells."""

import re
from typing import get_args

import numpy as np
import pytest

import symrnn
from symrnn.checking.proof import Cause
from symrnn.publishing import Order, index_page, publish, with_cells
from symrnn.publishing.index import count_entries, operations_of
from symrnn.render import Evidence, make_article, read_language, write_article

MINE = '''
def my_cell(x, s, h):
    """Mine (Me 2026).

    Tested against: nothing at all | yet.
    """
    S: matrix
    s = s + outer(h, h)
    h = tanh(S @ x + s @ h)
    return h, (s, h)
'''.replace("def my_cell(x, s, h)", 'def my_cell(x, s: "(n, n)", h)')


def table_of(page):
    """Rows of the page's tables as dicts."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n?)+", page.content.decode(), re.MULTILINE):
        head, _, *rows = ([f.strip() for f in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.strip().split("\n"))
        found += [dict(zip(head, row, strict=True)) for row in rows]
    return found


@pytest.fixture(scope="module")
def cells():
    return [symrnn.load("rnn"), symrnn.cell(MINE), symrnn.load("peephole_lstm")]


def test_many_processes_write_what_one_writes(cells):
    order = Order(formats=("md", "py"), lang="zh", evidence=False)
    assert list(publish(cells, order, jobs=2)) == list(publish(cells, order))


def test_the_table(cells):
    published = list(publish(cells, Order(formats=("md",))))
    page = index_page(cells, published)
    rows = table_of(page)
    assert [re.match(r"\[(\w+)\]", row["cell"])[1] for row in rows] == [cell.name for cell in cells]
    elman, mine, peephole = rows
    assert "## Simple recurrent networks" in page.content.decode()
    assert (elman["states"], elman["operations"]) == ("h (n)", "matmul, tanh")
    assert "torch.nn.RNN" in elman["tested against"]
    assert "pytorch" in elman["layouts"].split(", ")
    assert (mine["states"], mine["tested against"], mine["layouts"]) == (
        "s (n × n), h (n)",
        r"nothing at all \| yet",
        "",
    )
    assert mine["operations"] == "outer, matmul, tanh"
    # a_i … h forward; δ of each, two that are handed back, and a gradient for every parameter, input and state
    assert peephole["equations"] == f"10 / {10 + 2 + 15 + 1 + 2}"
    for item, row in zip(published, rows, strict=True):
        for column, words in (("proof", r"(\d+) of \1"), ("checks", r"(\d+) of \1")):
            assert re.fullmatch(words, row[column]), (item.name, column)
    chinese = index_page(cells, published, "zh").content.decode()
    assert "| 单元 | 状态 |" in chinese


def test_without_evidence_the_table_does_not_speak_of_it(cells):
    rows = table_of(index_page(cells, list(publish(cells, Order(formats=("md",), evidence=False)))))
    assert "proof" not in rows[0]
    assert "checks" not in rows[0]


@pytest.mark.parametrize("name", ["lstm", "gru_reset_after", "fastgrnn", "mlstm", "lru", "lstm_stacked"])
def test_the_count_of_numbers_is_that_of_the_arrays(name):
    cell = symrnn.load(name)
    dims = dict(zip(cell.dims, (3, 4, 5, 6), strict=False))
    words = count_entries(cell.params.values())
    python = words.replace("²", "**2").replace("³", "**3")
    python = re.sub(r"(?<=[\w)])\s*(?=[a-z(])", "*", python)  # 4n(m + n) -> 4*n*(m + n)
    counted = sum(np.size(array) for array in cell.sample(dims=dims).params.values())
    assert eval(python, {}, dims) == counted


def test_operations_are_in_the_order_of_the_text():
    cell = symrnn.cell("def f(x, h):\n    a = W @ x\n    h = exp(-relu(a)) * h\n    return h")
    assert operations_of(cell) == ("matmul", "exp", "relu")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_says_where_a_proof_gave_up_and_what_it_assumed(lang):
    evidence = Evidence(40, 26, 7, 0, "time", 60.0, ("tanh′ is what it is",))
    page = write_article(make_article(symrnn.derive("rnn"), lang=lang, evidence=evidence), "markdown")
    expected = {
        "en": (
            "Proved: 40 of 66 entries, exactly",
            "The proof gave up at its limit of 60 seconds; that it did speaks neither for nor against the rest.",
            "Assumed, without a check: tanh′ is what it is",
        ),
        "zh": ("已证明：66 个分量中的 40 个", "证明因达到 60 秒的时限而中止", "未经检验的假设：tanh′ is what it is"),
    }
    assert all(words in page for words in expected[lang])
    assert not any(words in page for words in ("all 40", "全部 40"))


def test_every_end_of_a_proof_has_words_in_every_language():
    for lang in ("en", "zh"):
        assert {f"gave_up_{cause}" for cause in get_args(Cause)} <= set(read_language(lang).phrases)


NETWORK = """
def mine(x, h):
    h = tanh(W @ x + R @ h)
    return h

def net(x, y) -> mean(T, N):
    h1 = scan(mine, x)
    h2 = scan(mine, h1)
    return sum((h2 - y) ** 2)

def other(x):
    h = scan(mine, x)
    return h
"""


def test_a_network_of_several_in_a_text_is_published_by_any_process(tmp_path):
    file = tmp_path / "nets.py"
    file.write_text(NETWORK, encoding="utf-8")
    order = Order(formats=("md", "html", "py", "svg"), evidence=False)
    models = with_cells([symrnn.load(f"{file}:net"), symrnn.load("rnn")], order)
    assert [model.name for model in models] == ["net", "rnn", "mine"]
    published = list(publish(models, order, jobs=2))
    assert published == list(publish(models, order))
    pages = {page.name: page.content.decode() for page in published[0].pages}
    assert set(pages) == {"net.md", "net.html", "net.py", "net.svg"}
    assert "[`mine`](mine.md)" in pages["net.md"]
    assert '<a href="mine.html">' in pages["net.html"]
    network, *cells = reversed(table_of(index_page(models, published)))
    assert (network["network"].split("<br>")[0], network["blocks"]) == ("[net](net.md)", "h1: mine, h2: mine, loss")
    assert network["parameters"] == "4: 2·h1.n·(m + h1.n)" or network["parameters"].startswith("4: ")
    forward, rest = map(int, network["equations"].split(" / "))
    numbers = [int(number) for number in re.findall(r"\\text\{\((\d+)\)\}", pages["net.md"])]
    assert numbers == list(range(1, forward + rest + 1))
    assert len(cells) == 2


def test_only_pages_with_links_bring_those_of_cells_along():
    network = symrnn.network(NETWORK.split("def other")[0])
    assert with_cells([network], Order(formats=("pdf", "tex"))) == [network]
