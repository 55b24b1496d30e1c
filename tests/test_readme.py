"""The README's code runs, its outputs are the program's, its table is the program's."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import symrnn
from symrnn.cli import main
from symrnn.language.expressions import signature
from symrnn.operations.table import FUNCTIONS, OPERATIONS

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PYTHON = [block for language, block in BLOCKS if language == "python"]
CONSOLE = [block for language, block in BLOCKS if language == "console"]

WRONG = "def wrong(x, h):\n    r = sigmoid(W @ [h, x] + b)\n    h = r * h + tanh(W @ x)\n    return h\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a reader follows along: it has the first cell in a file, as the page says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_cell.py").write_text(PYTHON[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copy(Path(__file__).with_name("verifying") / "people.py", tmp_path / "their_code.py")
    for block in PYTHON:
        named = re.match(r"# (\w+\.py)\n", block)
        if named is not None:
            (tmp_path / named[1]).write_text(block, encoding="utf-8")
    paper = (tmp_path / "paper.py").read_text(encoding="utf-8")
    plain = re.sub(r" / r$|^    r = .*\n", "", paper, flags=re.MULTILINE).replace("rms_unit", "plain_unit")
    (tmp_path / "plain.py").write_text(plain, encoding="utf-8")
    (tmp_path / "wrong_cell.py").write_text(WRONG, encoding="utf-8")
    return tmp_path


def test_the_first_screen_has_the_two_commands() -> None:
    first = TEXT.split("\n")[:12]
    assert any(line.startswith("    python -m pip install . && symrnn check lstm") for line in first)
    assert any(line.startswith("    python -m pip install '.[test]' && python -m pytest -n auto") for line in first)


def test_all_python_runs_from_top_to_bottom(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "readme.py"
    file.write_text("\n".join(PYTHON), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("readme", file)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    out = capsys.readouterr().out
    assert "def backward(" in out
    assert "κ_{h,t}" in out


def test_the_guide_shows_what_verify_says(folder: Path) -> None:
    (block,) = (block for block in PYTHON if "def forgetful(" in block)
    (folder / "guide.py").write_text(block, encoding="utf-8")
    done = subprocess.run([sys.executable, "guide.py"], cwd=folder, capture_output=True, text=True, timeout=120)
    shown = [line.removeprefix("# ").strip() for line in block.split("\n") if line.startswith("# ")]
    assert len(shown) == 6
    for line in shown:
        assert line.replace("…:", "guide.py:") in done.stdout, done.stderr


def plain(text: str) -> Iterator[str]:
    """Lines without what differs from one machine to the next: seconds, and in lines with rounding errors all numbers."""
    for line in text.splitlines():
        line = re.sub(r"\d+\.\d+ s\b", "… s", line)
        if re.search(r"\de[+-]\d\d\b", line):
            line = re.sub(r"\b\d[\d.]*(e[+-]\d\d)?", "#", line)
        yield re.sub(r"\s+", " ", line).strip()


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.split("\n")[0][2:])
def test_the_outputs_are_those_of_the_program(block: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, shown = block.split("\n", 1)
    assert command.startswith("$ symrnn ")
    main(command.split()[2:])
    captured = capsys.readouterr()
    real = "\n".join(plain(captured.out + captured.err))
    # A line of dots stands for lines left out; what stands between such lines must follow on each other.
    for excerpt in re.split(r"^…\n", shown, flags=re.MULTILINE):
        assert "\n".join(plain(excerpt)) in real


TABLE = re.compile(r"(\| function \| what it is \| at a kink \|\n\|---\|---\|---\|\n)((?:\|.*\n)+)")


def write_table() -> str:
    """The rows of the table of functions."""
    return "".join(
        f"| `{signature(operation)}` | {operation.about} | {operation.kink + ' ' if operation.kink else ''}|\n"
        for operation in (OPERATIONS[name] for name in FUNCTIONS)
    )


def test_the_table_of_functions_is_written_from_the_rows() -> None:
    found = TABLE.search(TEXT)
    assert found is not None
    assert found[2] == write_table(), "`python tests/test_readme.py` writes it anew"


def test_every_command_and_option_of_the_page_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.findall(r"^    symrnn (\w+) (.*)", TEXT, re.MULTILINE)
    assert [command for command, _ in lines] == ["list", "show", "check", "verify", "export", "code", "flow"]
    for command, rest in lines:
        assert main([command, "--help"]) == 0
        options = re.findall(r"--?\w+", rest.split("   ")[0])
        text = capsys.readouterr().out
        assert all(option in text for option in options)


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([\w.]+)\)", TEXT):
        assert (README.parent / target).is_file(), target


def test_the_changelog_and_the_contributors_page_name_what_is_there() -> None:
    rooms = re.findall(r"^\| `([\w/.]+)` \|", (README.parent / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    package = Path(symrnn.__file__).parent
    assert all((package / room).exists() for room in rooms)
    folders = {f"{entry.name}/" for entry in package.iterdir() if (entry / "__init__.py").is_file()}
    assert folders <= set(rooms)


if __name__ == "__main__":
    README.write_text(TABLE.sub(lambda found: found[1] + write_table(), TEXT), encoding="utf-8")
