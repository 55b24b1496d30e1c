"""`symrnn export`: whole folders of pages, and nothing of the user's is lost."""

import pytest

from symrnn.cli import main
from symrnn.publishing import RECORD


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "notes"


def run(*arguments):
    return main(["export", *map(str, arguments), "--quick", "--jobs", "1"])


def test_pages_of_a_cell(folder, capsys):
    assert run("rnn", "-o", folder, "--format", "md,tex,html,typ,py") == 0
    out, err = capsys.readouterr()
    assert out == f"6 files in {folder}\n"
    assert err == "rnn (1 of 1)\n"  # progress goes where it does not mix with answers
    names = {file.name for file in folder.iterdir()}
    assert names == {"rnn.md", "rnn.tex", "rnn.html", "rnn.typ", "rnn.py", "rnn.svg", RECORD}
    assert "![" in (folder / "rnn.md").read_text(encoding="utf-8")
    assert "(rnn.svg)" in (folder / "rnn.md").read_text(encoding="utf-8")


def test_several_cells_have_an_index(folder):
    assert run("rnn", "lstm", "-o", folder, "--format", "md") == 0
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert "[lstm](lstm.md)<br>LSTM with a forget gate" in index
    assert "[svg](lstm.svg)" in index


def test_charts_of_a_run_stand_in_the_pages(folder):
    network = folder.with_name("net.py")
    network.write_text(
        "def net(ids, targets):\n    h = scan(rnn, embed(E, ids))\n    return cross_entropy(V @ h, targets)\n"
    )
    assert run("lstm", "feedforward_softmax", network, "-o", folder, "--flow", "--format", "md,html,tex") == 0
    for name in ("lstm", "net"):
        page = (folder / f"{name}.md").read_text(encoding="utf-8")
        assert f"({name}.flow.svg)" in page
        assert f"({name}.svg)" in page
        chart = (folder / f"{name}.flow.svg").read_text(encoding="utf-8")
        assert chart in (folder / f"{name}.html").read_text(encoding="utf-8")
    assert "flow.svg" not in (folder / "feedforward_softmax.md").read_text(encoding="utf-8")
    assert not (folder / "feedforward_softmax.flow.svg").exists()


def test_writing_again_changes_nothing_and_is_allowed(folder):
    assert run("rnn", "-o", folder) == 0
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert run("rnn", "-o", folder) == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_what_symrnn_did_not_write_is_left_alone(folder, capsys):
    folder.mkdir()
    (folder / "rnn.tex").write_text("my thesis", encoding="utf-8")
    assert run("rnn", "-o", folder) == 2
    assert "symrnn did not write rnn.tex, or they were changed since" in capsys.readouterr().err
    assert (folder / "rnn.tex").read_text(encoding="utf-8") == "my thesis"
    assert [file.name for file in folder.iterdir()] == ["rnn.tex"]  # all or nothing
    assert run("rnn", "-o", folder, "--force") == 0
    assert "my thesis" not in (folder / "rnn.tex").read_text(encoding="utf-8")


def test_what_symrnn_did_not_write_is_seen_before_the_work(folder, capsys):
    folder.mkdir()
    (folder / "README.md").write_text("my thesis", encoding="utf-8")
    assert run("rnn", "lstm", "-o", folder) == 2
    said = capsys.readouterr().err
    assert "symrnn did not write README.md" in said
    assert "(1 of 2)" not in said
    assert [file.name for file in folder.iterdir()] == ["README.md"]


def test_a_page_that_was_changed_by_hand_is_left_alone(folder):
    assert run("rnn", "-o", folder) == 0
    page = folder / "rnn.md"
    page.write_text(page.read_text(encoding="utf-8") + "a remark of mine\n", encoding="utf-8")
    assert run("rnn", "-o", folder) == 2
    assert page.read_text(encoding="utf-8").endswith("a remark of mine\n")


def test_check_tells_what_is_stale(folder, capsys):
    assert run("rnn", "-o", folder) == 0
    assert run("rnn", "-o", folder, "--check") == 0
    page = folder / "rnn.md"
    page.write_text("old", encoding="utf-8")
    (folder / "rnn.py").unlink()
    capsys.readouterr()
    assert run("rnn", "-o", folder, "--check") == 1
    out = capsys.readouterr().out
    assert "rnn.md differs from what symrnn writes now" in out
    assert "rnn.py differs" in out
    assert page.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say where to: symrnn export -o DIR"),
        (("-o", "x", "--format", "mdd"), "'mdd' is not a format to export; did you mean `md`?"),
        (("-o", "x", "--notation", "gref"), "did you mean `greff`?"),
        (("-o", "x", "--lang", "de"), "there is no language 'de'"),
        (("nosuch", "-o", "x"), "there is no cell called 'nosuch'"),
    ],
)
def test_wrong_calls(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["align", "macros", "markdown", "html", "typst", "tex"])
def test_show_in_every_format(form, capsys):
    assert main(["show", "rnn", "--format", form, "--lang", "zh", "--notation", "cs231n"]) == 0
    assert len(capsys.readouterr().out) > 500


def test_a_network_has_pages_with_those_of_its_cells(folder, capsys):
    assert run("char_rnn", "-o", folder, "--format", "md,html") == 0
    assert capsys.readouterr().err == "char_rnn (1 of 2)\nlstm (2 of 2)\n"
    names = {file.name for file in folder.iterdir()}
    assert names == {
        "char_rnn.md", "char_rnn.html", "char_rnn.svg", "lstm.md", "lstm.html", "lstm.svg", "README.md", RECORD,
    }  # fmt: skip
    assert run("char_rnn", "-o", folder, "--format", "md,html", "--check") == 0
    (folder / "char_rnn.md").write_text("mine", encoding="utf-8")
    assert run("char_rnn", "-o", folder, "--format", "md,html") == 2


def test_a_network_is_shown(capsys):
    assert main(["show", "char_rnn", "--lang", "zh", "--steps"]) == 0
    out = capsys.readouterr().out
    assert "反向：h2 (lstm)，t = T … 1" in out
    assert "∂L/∂E" in out
