"""The zoo's pages as they are listed: families, aliases, and the lines that say what a cell was tested against."""

import ast
import re
import subprocess
import sys
from importlib import resources

import pytest

import symrnn
from symrnn.catalogue import Entry, read_catalogue, references_of
from symrnn.errors import OptionError

CATALOGUE = read_catalogue()


@pytest.mark.parametrize("family", list(CATALOGUE.families))
def test_a_family_has_a_title_and_cells(family):
    assert CATALOGUE.families[family].endswith(".")
    assert CATALOGUE.of_family(family)
    assert all(entry.family == family for entry in CATALOGUE.of_family(family))


@pytest.mark.parametrize("entry", CATALOGUE.entries.values(), ids=lambda entry: entry.name)
def test_a_page_says_what_its_cell_is_and_where_it_comes_from(entry: Entry):
    assert entry.about.endswith(".")
    assert len(entry.about) <= 120
    doc = ast.get_docstring(next(n for n in ast.parse(entry.page).body if getattr(n, "name", "") == entry.name)) or ""
    assert re.search(r"\b(19|20)\d\d\b", doc), "no year of a source"
    assert len(doc.split("\n")) > 2, "nothing is said of it but its title"
    assert references_of(doc), "tested against nothing"


def test_what_is_found_is_what_the_pages_hold():
    """The pages are searched for cells; a parser finds the same, with the same docstrings."""
    found = {}
    for file in sorted(resources.files("symrnn").joinpath("cells").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            page = ast.parse(file.read_text(encoding="utf-8"))
            assert CATALOGUE.families[file.name.removesuffix(".py")] == (ast.get_docstring(page) or "").split("\n")[0]
            found |= {
                node.name: ast.get_docstring(node) or "" for node in page.body if isinstance(node, ast.FunctionDef)
            }
    assert sorted(found) == sorted(CATALOGUE.entries)
    assert list(CATALOGUE.families)[:2] == ["rnn", "lstm"]
    for name, entry in CATALOGUE.entries.items():
        assert entry.about == found[name].split("\n")[0]
        assert references_of(found[name]) == references_of(symrnn.zoo[name].doc)


def test_pages_hold_nothing_but_cells():
    for file in resources.files("symrnn").joinpath("cells").iterdir():
        if file.name.endswith(".py"):
            first, *rest = ast.parse(file.read_text(encoding="utf-8")).body
            assert isinstance(first, ast.Expr)
            assert all(isinstance(node, ast.FunctionDef) for node in rest), file.name


def test_names_and_aliases_mean_one_cell_each():
    given = [alias for entry in CATALOGUE.entries.values() for alias in entry.aliases]
    assert len(given) == len(set(given))
    assert not set(given) & set(CATALOGUE.entries)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in [*given, *CATALOGUE.entries])


@pytest.mark.parametrize(
    ("alias", "name"), [("elman", "rnn"), ("cifg", "coupled_lstm"), ("lstm_greff_nog", "lstm_nog")]
)
def test_an_alias_finds_its_cell(alias, name):
    assert symrnn.load(alias) is symrnn.zoo[alias] is symrnn.zoo[name]
    assert alias in symrnn.zoo
    assert alias not in list(symrnn.zoo)


def test_an_alias_close_to_a_typing_error_is_proposed():
    with pytest.raises(OptionError, match="did you mean `elman`"):
        symrnn.load("elmann")


def test_lists_may_run_over_lines():
    doc = (
        "A cell (Somebody 1999).\n\nWords.\n\nTested against: torch.nn.RNN, the paper\nin PyTorch.\n\nAlso called: a.\n"
    )
    assert references_of(doc) == ("torch.nn.RNN", "the paper in PyTorch")
    assert references_of("A cell.") == ()


def test_an_unknown_family_is_refused_with_what_there_is():
    with pytest.raises(OptionError, match="no family 'lstms'; did you mean `lstm`"):
        CATALOGUE.of_family("lstms")


def test_neither_listing_nor_importing_parses_a_cell():
    program = (
        "import sys, symrnn, symrnn.catalogue\n"
        "assert 'symrnn.catalogue' in sys.modules and 'symrnn.language' not in sys.modules\n"
        "list(symrnn.zoo), 'elman' in symrnn.zoo\n"
        "print([m for m in ('sympy', 'numpy', 'symrnn.language', 'symrnn.equations') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
