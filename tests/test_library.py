"""The zoo and the files that cells come from."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import symrnn
from symrnn.library import LARGEST_FILE, as_cell, read_stream

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


def refusal(path: object) -> list[str]:
    """What is said of a path that cannot be read, line by line."""
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.load(str(path))
    return str(caught.value).split("\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.py") == [
        f"cannot read {tmp_path}/none.py: No such file or directory",
        "  mend: check the path; `symrnn list` names the cells that need no file",
    ]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    assert refusal(tmp_path / "folder.py") == [
        f"cannot read {tmp_path}/folder.py: it is a folder",
        "  mend: give a file in it, such as my_cell.py",
    ]
    assert refusal(tmp_path) == [
        f"cannot read {tmp_path}: it is a folder",
        "  mend: give a file in it, such as my_cell.py",
    ]


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    assert refusal("a\0.py")[0] == "cannot read a�.py: embedded null byte"
    assert refusal("a\0b")[0] == "there is no cell called 'a�b'"
    assert refusal("x" * 300 + ".py")[0].endswith("xxx.py: File name too long")
    assert refusal("x" * 300)[0] == f"there is no cell called '{'x' * 28} … {'x' * 28}'"


@pytest.mark.skipif(not hasattr(os, "mkfifo") or not Path("/dev/zero").exists(), reason="POSIX has these")
def test_devices_and_pipes_are_refused_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe.py", tmp_path / "zero.py", "/dev/zero"):
        assert refusal(path) == [
            f"cannot read {path}: it is a device or a pipe, not a file",
            "  mend: give a file, or - for standard input",
        ]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "shut" / "cell.py"
    file.parent.mkdir()
    file.write_text(PAIR)
    file.chmod(0)
    assert refusal(file)[0] == f"cannot read {file}: Permission denied"
    file.parent.chmod(0)
    assert refusal(file)[0] == f"cannot read {file}: Permission denied"
    file.parent.chmod(0o700)


def test_a_file_or_a_stream_is_read_up_to_a_megabyte(tmp_path: Path) -> None:
    file, text = tmp_path / "long.py", PAIR.split("\n\n")[0]
    file.write_text(text + "#" * (LARGEST_FILE - len(text)))
    assert symrnn.load(str(file)).name == "first"
    file.write_text(text + "#" * (LARGEST_FILE - len(text) + 1))
    assert refusal(file) == [
        f"cannot read {file}: it is longer than 1,000,000 bytes, and no more is read",
        "  mend: put the cell into a file of its own",
    ]

    class Endless(io.RawIOBase):
        given = 0

        def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            self.given += len(buffer)
            return len(buffer)

        def readable(self) -> bool:
            return True

    endless = Endless()
    with pytest.raises(symrnn.OptionError, match="cannot read standard input: it is longer"):
        read_stream(io.BufferedReader(endless), "standard input")
    assert endless.given < 2 * LARGEST_FILE


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes(b"def f(x, h):\n    '\xe9'\n    return x + h\n")
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.load(str(file))
    assert str(caught.value) == (
        "latin.py: this is not UTF-8 text: invalid continuation byte at byte 18\n  mend: save it as UTF-8"
    )


def test_a_misspelt_name_suggests() -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.load("ltsm")
    assert str(caught.value) == (
        "there is no cell called 'ltsm'; did you mean `lstm`?\n"
        f"  `symrnn list` names the {len(symrnn.zoo)} cells of the zoo, and the networks\n"
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
