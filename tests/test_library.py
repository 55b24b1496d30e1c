"""The zoo and the files that cells come from."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import symrnn
from symrnn.library import as_cell

PAIR = "def first(x, h):\n    return x + h\n\ndef second(x, h):\n    return x - h\n"
ZOO = {"gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn"}


def test_the_zoo_is_a_mapping_from_names_to_cells() -> None:
    assert isinstance(symrnn.zoo, Mapping)
    assert set(symrnn.zoo) >= ZOO
    assert len(symrnn.zoo) == len(set(symrnn.zoo))
    assert "lstm" in symrnn.zoo
    assert all(symrnn.zoo[name].name == name for name in symrnn.zoo)
    assert repr(symrnn.zoo) == f"<Zoo: {', '.join(symrnn.zoo)}>"


def test_the_zoo_is_read_only_and_parses_a_cell_once() -> None:
    with pytest.raises(TypeError):
        symrnn.zoo["mine"] = symrnn.zoo["lstm"]
    with pytest.raises(KeyError):
        symrnn.zoo["ltsm"]
    assert symrnn.zoo["lstm"] is symrnn.zoo["lstm"]


def test_load_takes_a_name_of_the_zoo() -> None:
    assert symrnn.load("gru") is symrnn.zoo["gru"]


def test_load_takes_a_file_and_one_of_its_functions(tmp_path: Path) -> None:
    (tmp_path / "pair.py").write_text(PAIR)
    (tmp_path / "one.py").write_text(PAIR.split("\n\n")[0])
    assert symrnn.load(f"{tmp_path}/pair.py:second").name == "second"
    assert symrnn.load(f"{tmp_path}/one.py").name == "first"
    assert symrnn.load(f"{tmp_path}/one.py:first").name == "first"


def test_a_file_wins_over_nothing_but_not_over_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lstm").write_text(PAIR)
    (tmp_path / "mine").write_text(PAIR.split("\n\n")[0])
    assert symrnn.load("lstm") is symrnn.zoo["lstm"]
    assert symrnn.load("mine").name == "first"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_may_have_a_byte_order_mark_and_any_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    file = tmp_path / "greek.py"
    text = "def f(x, h):\n    'α'\n    return α * x + h\n".replace("\n", end)
    file.write_bytes(text.encode(encoding))
    assert list(symrnn.load(str(file)).params) == ["α"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.load(f"{tmp_path}/none.py")
    assert str(caught.value) == f"cannot read {tmp_path}/none.py: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(symrnn.OptionError, match="Is a directory"):
        symrnn.load(f"{tmp_path}/folder.py")


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(symrnn.OptionError, match="embedded null byte"):
        symrnn.load("a\0.py")


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes(b"def f(x, h):\n    '\xe9'\n    return x + h\n")
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.load(str(file))
    assert str(caught.value) == "latin.py: this is not UTF-8 text: invalid continuation byte at byte 18"


def test_a_misspelt_name_suggests() -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.load("ltsm")
    assert str(caught.value) == (
        "there is no cell called 'ltsm'; did you mean `lstm`?\n"
        f"  `symrnn list` names the {len(symrnn.zoo)} cells of the zoo\n"
        "  for a cell of your own give its file, such as my_cell.py or my_cell.py:name"
    )


def test_a_name_like_nothing_known_suggests_nothing() -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.load("zebra")
    assert str(caught.value).split("\n")[0] == "there is no cell called 'zebra'"


def _plain(x, h):
    return tanh(W @ x + R @ h)


def test_whatever_describes_a_cell_is_one(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text("def one(x, h):\n    return x + h\n")
    assert as_cell("lstm") is symrnn.zoo["lstm"]
    assert as_cell(str(file)).name == "one"
    assert as_cell(f"{file}:one").name == "one"
    assert as_cell("def f(x, h): return x + h").name == "f"
    assert as_cell("\n    def g(x, h):\n        return x + h\n").name == "g"
    assert as_cell(_plain).name == "_plain"
    assert as_cell(symrnn.zoo["gru"]) is symrnn.zoo["gru"]
