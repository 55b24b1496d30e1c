"""Files are written whole or not at all."""

import os
import stat
import sys
from pathlib import Path

import pytest

from symrnn.cli import main
from symrnn.files import write_whole

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and devices are those of POSIX")


def test_o_writes_the_answer_to_a_file_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gru.txt"
    assert main(["show", "gru", "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["show", "gru"]) == 0
    assert file.read_text(encoding="utf-8") == capsys.readouterr().out
    assert os.listdir(tmp_path) == ["gru.txt"]


def test_a_minus_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["code", "rnn", "-o", "-"]) == 0
    assert "def backward" in capsys.readouterr().out


def test_a_wrong_cell_leaves_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "old.py"
    file.write_text("old")
    assert main(["code", "ltsm", "-o", str(file)]) == 2
    assert file.read_text() == "old"


def test_a_failure_while_writing_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "old.py"
    file.write_text("old")

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["old.py"]


@needs_posix
def test_permissions_are_those_of_the_old_file_or_the_usual_ones(tmp_path: Path) -> None:
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.write_text("old")
    old.chmod(0o640)
    plain.write_text("plain")
    write_whole(old, "text")
    write_whole(new, "text")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "δ.txt"
    write_whole(file, "δ\n")
    assert file.read_bytes() == "δ\n".encode()
