"""Files and folders that are not what a command hopes for: each with exit code, message, and nothing lost.

A row is a command, what it meets in an empty folder, and what it says. `export` is called without proof and check.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from symrnn.cli import main
from symrnn.errors import OptionError
from symrnn.files import DRAFT, write_whole
from symrnn.publishing import RECORD, Page, open_folder, write_pages

CELL = "def mine(x, h):\n    h = tanh(W @ x + R @ h + b)\n    return h\n"
PRECIOUS = "precious = 1\n"


def _make(path: str) -> Callable[[Path], None]:
    """A folder or a file of somebody's: `notes/` or `notes/rnn.md`."""

    def make(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (folder / path).mkdir()
        else:
            (folder / path).write_text(CELL if Path(path).name.startswith("mine") else PRECIOUS)

    return make


def _link(path: str, target: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        _make("elsewhere")(folder)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(target)

    return make


def _pipe(path: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / path)

    return make


def _socket(path: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder / path))

    return make


def _record(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "notes").mkdir()
        (folder / "notes" / RECORD).write_text(text)

    return make


def _two(name: str, other: str) -> Callable[[Path], None]:
    """Two files with a cell each, `a.py` and `b.py`."""

    def make(folder: Path) -> None:
        (folder / "a.py").write_text(CELL.replace("mine", name))
        (folder / "b.py").write_text(CELL.replace("mine", other).replace("tanh", "sigmoid"))

    return make


def _nothing(folder: Path) -> None:
    pass


OUTPUT = "standard output may go there, as in `> FILE`"
NOT_OURS = "symrnn did not write this program (the first line of its own ends with `derived by symrnn.`)\n  mend: another name, or move the file away"
NO_RECORD = f"notes/{RECORD} is not a record that symrnn wrote, and is left as it is\n  mend: another folder, or move that file away (pages that are there then need --force)"
FOREIGN = "in notes symrnn did not write {}, or they were changed since\n  mend: another folder, or --force to write over them"
TWO = "and their files would have the same names\n  mend: give one of them another name, or export them to two folders"
RESERVED = "cannot be exported: its files would have names that are reserved\n  mend: give the cell another name"
LONG = "n" * 256

# What is asked for, what is there, and what is said; the exit code of all of them is 2.
REFUSED: list[tuple[list[str], Callable[[Path], None], str]] = [
    # -o of show and code
    (["code", "rnn", "-o", ""], _nothing, "cannot write: -o names no file\n  mend: -o FILE, or - for standard output"),
    (["code", "rnn", "-o", "out/"], _make("out/"), "cannot write out/: it is a folder; name a file in it"),
    (["code", "rnn", "-o", "none/a.py"], _nothing, "cannot write none/a.py: No such file or directory"),
    (["code", "rnn", "-o", "file/a.py"], _make("file"), "cannot write file/a.py: Not a directory"),
    (["show", "rnn", "-o", LONG], _nothing, f"cannot write {LONG}: File name too long"),
    (["show", "rnn", "-o", "a\0b"], _nothing, "cannot write a�b: a path cannot have such a character"),
    (["show", "rnn", "-o", "no\x1b[31m/x"], _nothing, "cannot write no�[31m/x: No such file or directory"),
    (["show", "rnn", "-o", "pipe"], _pipe("pipe"), f"cannot write pipe: it is a device or a pipe, not a file; {OUTPUT}"),
    (["show", "rnn", "-o", "s"], _socket("s"), f"cannot write s: it is a device or a pipe, not a file; {OUTPUT}"),
    (["show", "rnn", "-o", "/dev/full"], _nothing, f"cannot write /dev/full: it is a device or a pipe, not a file; {OUTPUT}"),
    (["show", "rnn", "-o", "link"], _link("link", "elsewhere"), "cannot write link: it is a link to elsewhere; name that file itself, or remove the link"),
    (["show", "rnn", "-o", "link"], _link("link", "nowhere"), "cannot write link: it is a link to nowhere; name that file itself, or remove the link"),
    (["code", "rnn", "-o", "thesis.py"], _make("thesis.py"), f"cannot write thesis.py: {NOT_OURS}"),
    (["show", "rnn", "-o", "thesis.py"], _make("thesis.py"), f"cannot write thesis.py: {NOT_OURS}"),
    (["code", "rnn", "--target", "c", "-o", "thesis.c"], _make("thesis.c"), f"cannot write thesis.c: {NOT_OURS}"),
    (["code", "mine.py", "-o", "mine.py"], _make("mine.py"), "cannot write mine.py: the cell is read from it\n  mend: another name"),
    (["show", "mine.py:mine", "-o", "./mine.py"], _make("mine.py"), "cannot write ./mine.py: the cell is read from it\n  mend: another name"),
    (["show", "mine.txt", "-o", "mine.txt"], _make("mine.txt"), "cannot write mine.txt: the cell is read from it\n  mend: another name"),
    (["show", "--diff", "rnn", "mine.txt", "-o", "mine.txt"], _make("mine.txt"), "cannot write mine.txt: the cell is read from it\n  mend: another name"),
    # -o of export: the folder
    (["export", "rnn", "-o", ""], _nothing, "say where to: symrnn export -o DIR\n  try: symrnn export --help"),
    (["export", "rnn", "-o", "file"], _make("file"), "cannot write to file: it is not a folder"),
    (["export", "rnn", "-o", "file/x"], _make("file"), "cannot write to file/x: Not a directory"),
    (["export", "rnn", "-o", "pipe"], _pipe("pipe"), "cannot write to pipe: it is not a folder"),
    (["export", "rnn", "-o", "/dev/zero"], _nothing, "cannot write to /dev/zero: it is not a folder"),
    (["export", "rnn", "-o", "link"], _link("link", "nowhere"), "cannot write to link: it is not a folder"),
    (["export", "rnn", "-o", "a\0b"], _nothing, "cannot write to a�b: a path cannot have such a character"),
    (["export", "rnn", "-o", LONG], _nothing, f"cannot write to {LONG}: File name too long"),
    # its pages
    (["export", "rnn", "-o", "notes"], _make("notes/rnn.tex"), FOREIGN.format("rnn.tex")),
    (["export", "rnn", "-o", "notes"], _link("notes/rnn.md", "../elsewhere"), FOREIGN.format("rnn.md")),
    (["export", "rnn", "-o", "notes"], _link("notes/rnn.md", "nowhere"), FOREIGN.format("rnn.md")),
    (["export", "rnn", "-o", "notes"], _pipe("notes/rnn.md"), FOREIGN.format("rnn.md")),
    (["export", "rnn", "-o", "notes", "--force"], _pipe("notes/rnn.md"), f"cannot write notes/rnn.md: it is a device or a pipe, not a file; {OUTPUT}"),
    (["export", "rnn", "-o", "notes", "--force"], _make("notes/rnn.md/"), "cannot write notes/rnn.md: it is a folder; name a file in it"),
    (["export", "mine.py", "-o", ".", "--force"], _make("mine.py"), "the cell is read from mine.py\n  mend: another folder"),
    # its record
    (["export", "rnn", "-o", "notes"], _record("[1, 2"), NO_RECORD),
    (["export", "rnn", "-o", "notes"], _record(""), NO_RECORD),
    (["export", "rnn", "-o", "notes", "--force"], _record("[1, 2]"), NO_RECORD),
    (["export", "rnn", "-o", "notes", "--force"], _record('{"name": "my tool", "version": 3}'), NO_RECORD),
    (["export", "rnn", "-o", "notes"], _record('{"rnn.md": "not a mark"}'), NO_RECORD),
    (["export", "rnn", "-o", "notes"], _record("[" * 100_000), NO_RECORD),
    (["export", "rnn", "-o", "notes"], _link(f"notes/{RECORD}", "../elsewhere"), NO_RECORD),
    (["export", "rnn", "-o", "notes"], _pipe(f"notes/{RECORD}"), NO_RECORD),
    # names that meet
    (["export", "a.py", "b.py", "-o", "notes"], _two("mine", "mine"), f"two cells are called mine, {TWO}"),
    (["export", "a.py", "b.py", "-o", "notes"], _two("Mine", "mINE"), f"two cells are called Mine and mINE, {TWO}"),
    (["export", "a.py", "-o", "notes"], _two("README", "b"), f"a cell called README {RESERVED}"),
    (["export", "a.py", "-o", "notes"], _two("index", "b"), f"a cell called index {RESERVED}"),
    (["export", "a.py", "-o", "notes"], _two("Nul", "b"), f"a cell called Nul {RESERVED}"),
    # journals
    (["check", "rnn", "--seeds", "1", "--journal", "j"], _pipe("j"), "the journal j is not a file"),
    (["check", "rnn", "--seeds", "1", "--journal", "/dev/full"], _nothing, "the journal /dev/full is not a file"),
    (["check", "rnn", "--seeds", "1", "--journal", "none/j"], _nothing, "cannot write the journal none/j: No such file or directory"),
    (["check", "rnn", "--seeds", "1", "--journal", "a\0b"], _nothing, "cannot write the journal a�b: a path cannot have such a character"),
]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and links are those of POSIX")
@pytest.mark.parametrize(
    ("call", "there", "message"), REFUSED, ids=[f"{n}-{row[0][0]}" for n, row in enumerate(REFUSED)]
)
def test_what_cannot_be_written_exits_with_2_and_is_left_as_it_is(
    call: list[str],
    there: Callable[[Path], None],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    there(tmp_path)
    before = _snapshot(tmp_path)
    assert main([*call, "--quick", "--jobs", "1"] if call[0] == "export" else call) == 2
    said = capsys.readouterr().err.removeprefix("rnn (1 of 1)\n").removeprefix("mine (1 of 1)\n")
    assert said == f"symrnn: {message}\n"
    assert _snapshot(tmp_path) == before


def _snapshot(folder: Path) -> dict[str, object]:
    """Everything below a folder, with what it holds, where a link points, and who made it."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_ino,
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


def test_a_file_that_is_read_only_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(PRECIOUS)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert main(["show", "rnn", "-o", str(file)]) == 2
    assert capsys.readouterr().err == f"symrnn: cannot write {file}: the file is read-only\n"
    assert main(["export", "rnn", "-o", str(tmp_path), "--quick"]) == 2
    assert capsys.readouterr().err == f"symrnn: cannot write to {tmp_path}: the folder is read-only\n"
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("target", ["numpy", "torch", "c"])
def test_a_program_of_ours_and_an_empty_file_may_be_written_over(target: str, tmp_path: Path) -> None:
    file = tmp_path / ("a.c" if target == "c" else "a.py")
    file.touch()
    assert main(["code", "rnn", "--target", target, "-o", str(file)]) == 0
    assert main(["code", "lstm", "--target", target, "-o", str(file)]) == 0
    assert "lstm" in file.read_text(encoding="utf-8").splitlines()[0]


def test_force_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    _link("notes/rnn.md", "../elsewhere")(tmp_path)
    _make("notes/rnn.tex")(tmp_path)
    assert main(["export", "rnn", "-o", str(tmp_path / "notes"), "--quick", "--force"]) == 0
    assert (tmp_path / "elsewhere").read_text() == PRECIOUS
    assert not (tmp_path / "notes" / "rnn.md").is_symlink()


def test_a_cell_that_is_named_twice_is_exported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "rnn", "elman", "-o", str(tmp_path), "--quick", "--format", "py"]) == 0
    assert capsys.readouterr().err == "rnn (1 of 1)\n"


# An export that is cut short ---------------------------------------------------------------------------------

OLD = [Page(f"{name}.md", f"old {name}\n".encode()) for name in "ab"]
NEW = [Page(f"{name}.md", f"new {name}\n".encode()) for name in "bc"]


class Killed(BaseException):
    """What SIGKILL is to the disk: nothing is done any more, drafts are not cleared away."""


@pytest.mark.parametrize("before", [[], OLD], ids=["new", "again"])
def test_an_export_that_was_killed_at_any_moment_goes_on(
    before: list[Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moment in range(100):
        folder = tmp_path / str(moment)
        with open_folder(str(folder)):
            write_pages(folder, before)
        if not _write_and_die(folder, moment, monkeypatch):
            break
        pages = {path.name: path.read_bytes() for path in folder.glob("*.md")}
        known = {(page.name, page.content) for page in (*before, *NEW)}
        assert pages.items() <= known, moment  # whole pages, old or new
        with open_folder(str(folder)):
            write_pages(folder, NEW)
        left = [page for page in before if page.name == "a.md"]
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != RECORD} == {
            page.name: page.content for page in [*left, *NEW]
        }, moment
        (folder / "b.md").write_text("a remark of mine")
        with pytest.raises(OptionError, match=r"did not write b\.md, or"):
            write_pages(folder, OLD)
    assert moment == 2 * (len(NEW) + 2)  # each file is two moments: its draft, and its place


def _write_and_die(folder: Path, moment: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Write the new pages, and die before or after the draft of a file takes its place."""
    replace, left = os.replace, [moment]

    def count(source: Path, target: Path) -> None:
        for step in (lambda: None, lambda: replace(source, target)):
            step()
            if not left[0]:
                raise Killed
            left[0] -= 1

    unlink = Path.unlink
    with monkeypatch.context() as patched, open_folder(str(folder)):
        patched.setattr(os, "replace", count)
        patched.setattr(
            Path, "unlink", lambda self, missing_ok=False: None if left[0] == 0 else unlink(self, missing_ok)
        )
        try:
            write_pages(folder, NEW)
        except Killed:
            return True
    return False


def test_two_exports_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with open_folder(str(notes)), pytest.raises(OptionError) as caught, open_folder(str(notes)):
        pass
    assert (
        str(caught.value) == f"another export is writing to {notes}\n  mend: wait for its end, or give another folder"
    )
    assert os.listdir(tmp_path) == []  # nothing came of it
    with open_folder(str(notes)) as folder:
        write_pages(folder, OLD)
    assert sorted(os.listdir(notes)) == [RECORD, "a.md", "b.md"]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "old.txt"
    file.write_text(PRECIOUS)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(file, "x" * 2000)
        with open_folder(str(tmp_path)) as folder:
            write_pages(folder, OLD)
            with pytest.raises(OptionError, match=r"cannot write to .*: File too large"):
                write_pages(folder, [Page("d.md", b"x" * 2000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_text() == PRECIOUS
    assert not list(tmp_path.glob(f"{DRAFT}*"))
    write_pages(tmp_path, [Page("d.md", b"x" * 2000)])
