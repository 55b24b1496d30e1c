"""Light things stay light, the layers point one way, and the public names are all there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import symrnn

ROOT = Path(symrnn.__file__).parent
# What `import symrnn`, the list of cells and the help must not pull in.
HEAVY = ("sympy", "numpy", "mpmath", "hypothesis")


def loaded_by(program: str) -> list[str]:
    """The heavy modules that a fresh process has loaded after running a program."""
    report = f"import sys\n{program}\nprint('LOADED', *(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, timeout=120, check=True)
    *_, last = done.stdout.splitlines()
    assert last.startswith("LOADED")
    return last.split()[1:]


@pytest.mark.parametrize(
    "program",
    [
        "import symrnn",
        "import symrnn; dir(symrnn); symrnn.__version__; symrnn.SymrnnError",
        "import symrnn; list(symrnn.zoo), 'lstm' in symrnn.zoo",
        "from symrnn.cli import main; assert main(['--help']) == 0",
        "from symrnn.cli import main; assert main(['check', '--help']) == 0",
        "from symrnn.cli import main; assert main(['--version']) == 0",
        "from symrnn.cli import main; assert main(['list']) == 0",
        "from symrnn.cli import main; assert main(['shwo']) == 2",
        "from symrnn.cli import main; assert main(['check', '--all', '--seeds', '0']) == 2",
        "import symrnn.testing; dir(symrnn.testing)",
        "import symrnn.plugin",
    ],
)
def test_light_calls_import_neither_sympy_nor_numpy(program: str) -> None:
    assert loaded_by(program) == []


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_by("import symrnn; symrnn.derive") != []


def test_every_public_name_is_there() -> None:
    for name in symrnn.__all__:
        assert getattr(symrnn, name) is not None, name
    assert set(symrnn.__all__) <= set(dir(symrnn))


def test_a_misspelt_name_of_the_package_raises() -> None:
    with pytest.raises(AttributeError, match="module 'symrnn' has no attribute 'dervie'"):
        symrnn.dervie  # noqa: B018


# Left to right: nothing imports from what stands to its right (imports for types alone and doors aside).
ROOMS = [
    "errors",
    "arguments",
    "files",
    "catalogue",
    "sizes",
    "operations",
    "language",
    "equations",
    "library",
    "derivation",
    "layouts",
]
RIGHT = ["render", "numeric", "checking", "verifying", "testing", "campaign", "publishing"]


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_on_the_left_imports_what_is_on_the_right(room: str) -> None:
    place = ROOT / room
    files = [ROOT / f"{room}.py"] if not place.is_dir() else sorted(place.glob("*.py"))
    allowed = {*ROOMS[: ROOMS.index(room) + 1]}
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in tree.body:  # an import inside a function is a door that opens when it is used
            if isinstance(node, ast.ImportFrom) and node.level > (1 if place.is_dir() else 0):
                assert (node.module or "").split(".")[0] in allowed, f"{file.name} imports {node.module}"


@pytest.mark.parametrize("room", RIGHT)
def test_the_rooms_on_the_right_do_not_import_the_shell(room: str) -> None:
    for file in sorted((ROOT / room).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                assert (node.module or "").split(".")[0] != "cli", file.name


def test_every_module_opens_with_a_docstring_and_only_programs_print() -> None:
    for file in sorted(ROOT.rglob("*.py")):
        if "cells" in file.relative_to(ROOT).parts[:1]:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), file
        calls = [
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        if file.parent.name != "cli" and file.name != "__main__.py":
            assert "print" not in calls, file
