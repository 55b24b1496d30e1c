"""The command line as a person meets it: what it prints, where, and with which exit code."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import symrnn
from symrnn.checking.proof import Complete, Proof
from symrnn.cli import main

MGU = """\
def mgu(x, h):
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h
"""


def run(*arguments: str, text: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "symrnn", *arguments],
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        timeout=300,
        env={**os.environ, **environment},
    )


def test_list_names_the_zoo_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*symrnn.zoo, *symrnn.networks]
    (line,) = (line for line in lines if line.split()[0] == "rnn")
    assert re.fullmatch(r"rnn +Elman network with tanh \(Elman 1990\)\. Also: elman(, \w+)*\.", line)


def test_list_of_a_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--family", "gru"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[0] == "gru"
    assert set(names) < set(symrnn.zoo)
    assert "lstm" not in names


def test_list_of_a_family_of_networks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--family", "language"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["char_rnn", "language_model", "bigram", "hidden_markov"]


def test_list_of_the_families(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--family"]) == 0
    lines = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    assert {"rnn", "lstm", "gru"} <= {family for family, _, _, _ in lines}
    assert sum(int(count) for _, count, _, _ in lines) == len(symrnn.zoo) + len(symrnn.networks)
    assert all(title.endswith(".") for _, _, _, title in lines)


def test_show_what_differs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["show", "--diff", "lstm", "peephole_lstm", "--notation", "greff"]) == 0
    assert capsys.readouterr().out == symrnn.compare("lstm", "peephole_lstm", notation="greff").text()
    text = symrnn.zoo["gru"].text.replace("(1 - z)", "(2 - z)")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["show", "gru", "-", "--diff"]) == 0
    shown = capsys.readouterr().out
    assert "-     z ⊙ h_{t−1} + (1 − z) ⊙ n\n+     z ⊙ h_{t−1} + (2 − z) ⊙ n\n" in shown


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("form", ["text", "latex"])
def test_show_prints_what_the_library_renders(capsys: pytest.CaptureFixture[str], form: str, steps: bool) -> None:
    assert main(["show", "gru", "--format", form, *["--steps"] * steps]) == 0
    derivation = symrnn.derive("gru")
    expected = derivation.latex(steps=steps) if form == "latex" else derivation.text(steps=steps)
    assert capsys.readouterr().out == expected.rstrip("\n") + "\n"
    assert len(expected) > 500


def test_code_prints_the_source_of_the_kernel_and_it_is_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["code", "lstm"]) == 0
    source = capsys.readouterr().out
    assert source.rstrip() == symrnn.derive("lstm").numpy().source.rstrip()
    names: dict[str, object] = {}
    exec(source, names)
    assert {"forward", "backward"} <= set(names)


def test_check_prints_both_verdicts_and_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rnn"]) == 0
    report, proof = capsys.readouterr().out.split("\n\n")
    assert report.startswith("rnn: all 7 arrays agree")
    assert proof.startswith("rnn: all 47 entries proved, exactly")


def test_numbers_are_shown_before_the_proof_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def prove(cell: symrnn.Cell, **_: object) -> symrnn.Proof:
        shown.append(capsys.readouterr().out)
        return Proof("rnn", (), (), 60.0, Complete("the limit of 60 s", "time"))

    monkeypatch.setattr(symrnn, "prove", prove)
    assert main(["check", "rnn"]) == 0  # a proof that gives up is no failure
    assert [text.splitlines()[0].split(" (")[0] for text in shown] == ["rnn: all 7 arrays agree"]
    assert capsys.readouterr().out == "\nrnn: nothing proved before the limit of 60 s (60.00 s)\n"


def test_check_without_a_proof(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(symrnn, "prove", None, raising=False)
    assert main(["check", "rnn", "--no-proof", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["held"], answer["proof"], answer["check"]["ok"]) == (True, None, True)


def test_the_limit_of_a_proof_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[object] = []

    def prove(cell: symrnn.Cell, limit: float, **_: object) -> symrnn.Proof:
        limits.append(limit)
        return Proof("rnn", (), (), 0.0)

    monkeypatch.setattr(symrnn, "prove", prove)
    for words in ([], ["--proof-limit", "0.5"]):
        assert main(["check", "rnn", *words]) == 0
    assert limits == [60.0, 0.5]


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rnn", "--seed", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["held", "proof", "check"]
    assert answer["held"] is True
    assert answer["proof"]["cell"] == "rnn"
    assert answer["check"]["seed"] == 3


class _Refuted:
    """A report that did not hold."""

    refuted = True

    def __bool__(self) -> bool:
        return False

    def text(self) -> str:
        return "refuted"

    def to_json(self) -> str:
        return '{"ok": false}'


@pytest.mark.parametrize("which", ["prove", "check"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_check_that_fails_exits_with_1(
    which: str, form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(symrnn, which, lambda cell, **options: _Refuted())
    assert main(["check", "rnn", *form]) == 1
    answer = capsys.readouterr().out
    assert json.loads(answer)["held"] is False if form else "refuted" in answer


@pytest.mark.parametrize("cell", ["mgu.py", "mgu.py:mgu", "-"])
def test_a_cell_comes_from_a_file_or_from_standard_input(cell: str, tmp_path: Path) -> None:
    (tmp_path / "mgu.py").write_text(MGU)
    argument = cell if cell == "-" else str(tmp_path / cell)
    done = run("show", argument, text=MGU, PYTHONIOENCODING="utf-8")
    assert done.stderr == b""
    assert done.returncode == 0
    assert done.stdout.decode().rstrip() == symrnn.derive(MGU).text().rstrip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shwo", "lstm"], "there is no command 'shwo'; did you mean `show`?\n  try: symrnn --help"),
        (
            ["draw"],
            "there is no command 'draw'; the commands are: list, show, check, verify, code, export, demo, flow\n  try: symrnn --help",
        ),
        ([], "a command is missing: list, show, check, verify, code, export, demo, flow\n  try: symrnn --help"),
        (["show"], "the following arguments are required: CELL\n  try: symrnn show --help"),
        (["list", "lstm"], "symrnn list takes no further argument 'lstm'\n  try: symrnn list --help"),
        (
            ["show", "lstm", "--formt", "latex"],
            "symrnn show has no option '--formt'; did you mean `--format`?\n  try: symrnn show --help",
        ),
        (
            ["show", "lstm", "--form=latex"],
            "symrnn show has no option '--form=latex'; did you mean `--format`?\n  try: symrnn show --help",
        ),
        (
            ["list", "--xyz"],
            "symrnn list has no option '--xyz'; it has: --help, --family\n  try: symrnn list --help",
        ),
        (
            ["show", "lstm", "--format", "latx"],
            "argument --format: 'latx' is not a format; did you mean `latex`?\n  try: symrnn show --help",
        ),
        (
            ["show", "lstm", "--format", "svg"],
            "argument --format: 'svg' is not a format; the formats are: text, latex, align, macros, markdown, html, typst, tex\n  try: symrnn show --help",
        ),
        (
            ["check", "lstm", "--seed", "-1"],
            "argument --seed: a seed is a whole number from 0 on, not '-1'\n  try: symrnn check --help",
        ),
        (
            ["check", "lstm", "--seed", "1.5"],
            "argument --seed: a seed is a whole number from 0 on, not '1.5'\n  try: symrnn check --help",
        ),
        (
            ["show", "--diff", "lstm"],
            "--diff compares two cells, and 1 is given\n  try: symrnn show --help",
        ),
        (
            ["show", "--diff", "-", "-"],
            "standard input (-) can be read once\n  try: symrnn show --help",
        ),
        (
            ["show", "lstm", "gru"],
            "one cell is shown at a time, and 2 are given; --diff compares two\n  try: symrnn show --help",
        ),
        (
            ["show", "--diff", "lstm", "gru", "--format", "latex"],
            "--diff prints text; it does not go with --format\n  try: symrnn show --help",
        ),
        (["list", "--family", "lstn"], "the zoo has no family 'lstn'; did you mean `lstm`?"),
        (
            ["show", "none.py"],
            "cannot read none.py: No such file or directory\n"
            "  mend: check the path; `symrnn list` names the cells that need no file",
        ),
        (
            ["show", "ltsm"],
            f"there is no cell called 'ltsm'; did you mean `lstm`?\n  `symrnn list` names the {len(symrnn.zoo)} cells of "
            "the zoo, and the networks\n  for a cell of your own give its file, such as my_cell.py or my_cell.py:name",
        ),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err == f"symrnn: {message}\n"
    assert captured.out == ""


def test_a_wrong_cell_exits_with_2_and_shows_the_place() -> None:
    done = run("show", "-", text="def f(x, h):\n    return foo(x)\n", PYTHONIOENCODING="utf-8")
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().startswith(
        "symrnn: standard input:2: `foo` is not a function of the language\n"
        "    2 |     return foo(x)\n"
        "      |            ^^^\n"
    )


def test_standard_input_that_is_not_utf8_exits_with_2() -> None:
    done = run("show", "-", text=b"def f(x, h):\n    return x + \xff\n")
    assert done.returncode == 2
    assert (
        done.stderr
        == b"symrnn: standard input: this is not UTF-8 text: invalid start byte at byte 28\n  mend: save it as UTF-8\n"
    )


@pytest.mark.parametrize("command", ["", "list", "show", "check", "code"])
def test_help_shows_examples_and_is_wide_enough_for_nobody_to_wrap(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: symrnn {command}".rstrip())
    assert "example" in out
    assert f"\n  symrnn {command or 'check lstm'}" in out
    assert max(map(len, out.splitlines())) <= 120


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"symrnn {symrnn.__version__}\n"


def test_an_ascii_terminal_gets_escapes_and_no_traceback() -> None:
    done = run("show", "lstm", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stderr == b""
    assert rb"\u03b4" in done.stdout
    done.stdout.decode("ascii")


@pytest.mark.skipif(sys.platform == "win32", reason="a broken pipe is an error of its own on POSIX")
@pytest.mark.parametrize("command", ["list", "show lstm", "code lstm", "--help"])
def test_a_reader_that_stops_reading_is_no_error(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "symrnn", *command.split()], stdout=writing, stderr=subprocess.PIPE, timeout=300
        )
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 0


def test_an_interrupt_exits_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(symrnn, "check", interrupt)
    assert main(["check", "rnn"]) == 130
    assert capsys.readouterr() == ("", "")
