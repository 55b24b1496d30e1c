"""Light things stay light, the layers point one way, and the public names are all there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from imports import Import, circles, read_imports

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


# Left to right: nothing imports from what stands to its right. DESIGN of the house; a new room has its place here.
ROOMS = [
    "version", "errors", "contents", "arguments", "files", "records", "tables", "sizes", "operations", "catalogue", "language", "equations",
    "library", "derivation", "render", "numeric", "checking", "tangents", "layouts", "mistakes", "flowing", "verifying", "testing", "campaign", "training", "publishing", "cli",
    "plugin", "__init__", "__main__",
]  # fmt: skip
# Methods of a value that open a place further on, when they are called and for types: d.text(), d.numpy(), cell.pack().
DOORS = {
    ("derivation/paged.py", "render"),
    ("derivation/derivation.py", "numeric"),
    ("derivation/network.py", "numeric"),
    ("derivation/ahead.py", "tangents"),
    ("derivation/influence.py", "tangents"),
    ("derivation/eligibility.py", "tangents"),
    ("equations/network.py", "equations/network_sample.py"),
    ("equations/cell.py", "equations/sample.py"),
    ("equations/cell.py", "layouts"),
    ("layouts/layout.py", "layouts/presets.py"),
}


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def doors_of(found: Import) -> set[tuple[str, str]]:
    """The doors that an import goes through: one, or none."""
    file, target = (path.relative_to(ROOT).as_posix() for path in (found.file, found.target))
    return {door for door in DOORS if found.late and door in ((file, target), (file, room_of(found.target)))}


def test_nothing_on_the_left_imports_what_is_on_the_right() -> None:
    """At the top of a module or inside of a function; the doors are the only exceptions."""
    places = {room: place for place, room in enumerate(ROOMS)}
    upwards = [
        str(found)
        for found in read_imports(ROOT)
        if places[room_of(found.file)] < places[room_of(found.target)] and not doors_of(found)
    ]
    assert upwards == []


def test_every_door_is_one() -> None:
    assert {door for found in read_imports(ROOT) for door in doors_of(found)} == DOORS


def test_no_circle_anywhere() -> None:
    assert list(circles(ROOT, [found for found in read_imports(ROOT) if not doors_of(found)])) == []


def test_a_circle_and_a_late_import_are_seen(tmp_path: Path) -> None:
    for name, text in {
        "one/__init__.py": "",
        "one/a.py": "def f():\n    from ..two import b\n    return b\n",
        "two/__init__.py": "from .b import c\n",
        "two/b.py": "from ..one.a import f\nc = f\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_imports(tmp_path)
    assert [str(one) for one in found if one.late] == ["a.py:2 imports b.py"]
    assert list(circles(tmp_path, found)) == [f"{tmp_path.name}: one -> two -> one"]


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
