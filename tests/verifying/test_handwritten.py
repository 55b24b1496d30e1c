"""The hand-written implementations are right, their planted bugs are bugs, and the catalogue says what each one computes."""

import importlib.util
import pathlib
import re
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest

import symrnn

_HERE = pathlib.Path(__file__).with_name("handwritten")
_spec = importlib.util.spec_from_file_location("symrnn_handwritten", _HERE / "__init__.py")
handwritten = importlib.util.module_from_spec(_spec)
sys.modules["symrnn_handwritten"] = handwritten
_spec.loader.exec_module(handwritten)

BUGS, IMPLEMENTATIONS, PAIRS, build = (getattr(handwritten, k) for k in ("BUGS", "IMPLEMENTATIONS", "PAIRS", "build"))
paper = importlib.import_module("symrnn_handwritten.paper")
SHEETS = {i.sheet.name: i.sheet for i in IMPLEMENTATIONS.values()}

# T, N, m, n, d: all sizes different where that tells a transpose; upstream on every step, the last one, the final states
CASES = ((1, 1, 2, 3, 4), (2, 1, 3, 4, 2), (4, 3, 2, 5, 3))
UPSTREAMS = ("all", "last", "final", "large")


@cache
def _point(cell, case, upstream):
    """Parameters, x, states and upstream gradients for a cell."""
    sheet, sizes = SHEETS[cell], dict(zip("TNmnd", case, strict=True))
    T, N = sizes["T"], sizes["N"]
    generator = np.random.default_rng([*case, 7])

    def draw(letters, *lead):
        return generator.standard_normal((*lead, *(sizes[k] for k in letters)))

    params = {k: draw(s) for k, s in sheet.params.items()}
    x, state = draw("m", T, N), {k: draw(s, N) for k, s in sheet.states.items()}
    d_outputs, d_final = draw("n", T, N), {k: draw(s, N) for k, s in sheet.states.items()}
    if upstream in ("last", "final"):
        d_outputs[: T if upstream == "final" else T - 1] = 0
    if upstream in ("all", "last"):
        d_final = {k: 0 * v for k, v in d_final.items()}
    if upstream == "large":
        d_outputs, d_final = 30 * d_outputs, {k: 30 * v for k, v in d_final.items()}
    return params, x, state, d_outputs, d_final


def _takes(backward, argument):
    return argument in backward.__code__.co_varnames[: backward.__code__.co_argcount]


def _fitted(backward, cell, case, upstream, *, output_only=False):
    """The point without the upstream gradients that the code has no argument for, or that `output_only` leaves out."""
    params, x, state, d_outputs, d_final = _point(cell, case, upstream)
    if not _takes(backward, "d_outputs"):
        d_outputs = 0 * d_outputs
    if not _takes(backward, "d_final_state"):
        d_final = {k: 0 * v for k, v in d_final.items()}
    if output_only and _takes(backward, "d_outputs"):
        # Some glue adds the gradient of the final h to the last step's: what a wrong formula does to the two may differ.
        d_final = {k: 0 * v if k == SHEETS[cell].output else v for k, v in d_final.items()}
    return params, x, state, d_outputs, d_final


def _call(backward, params, x, state, d_outputs, d_final):
    given = {"d_outputs": d_outputs, "d_final_state": d_final}
    taken = {k: v for k, v in given.items() if _takes(backward, k)}
    return backward(params, x, state, **taken)


def _copies(point):
    return tuple({k: v.copy() for k, v in p.items()} if isinstance(p, dict) else p.copy() for p in point)


def _distance(found, right):
    """The largest deviation of any array, relative to the array's largest entry (or to 1)."""
    flat = [
        {**{f"grad_{k}": v for k, v in d[0].items()}, "grad_x": d[1], **{f"grad_{k}_0": v for k, v in d[2].items()}}
        for d in (found, right)
    ]
    assert set(flat[0]) == set(flat[1])
    worst = 0.0
    for k, array in flat[1].items():
        assert np.shape(flat[0][k]) == array.shape, (k, np.shape(flat[0][k]), array.shape)
        worst = max(worst, float(np.max(np.abs(flat[0][k] - array)) / max(1.0, np.max(np.abs(array)))))
    return worst


@cache
def _right(cell, case, upstream, outputs, final):
    """By the sheet; cached for the upstream gradients that a kind of code takes."""
    params, x, state, d_outputs, d_final = _point(cell, case, upstream)
    d_outputs, d_final = d_outputs * outputs, {k: v * final for k, v in d_final.items()}
    return paper.backward(SHEETS[cell], params, x, state, d_outputs, d_final)


def _reference(backward, cell, case, upstream):
    return _right(cell, case, upstream, _takes(backward, "d_outputs"), _takes(backward, "d_final_state"))


@pytest.mark.parametrize("cell", SHEETS)
@pytest.mark.parametrize("case", CASES[:2])
def test_the_sheets_agree_with_complex_step(cell, case):
    params, x, state, d_outputs, d_final = _point(cell, case, "both")

    def loss(params, x, state):
        outputs, final = paper.forward(SHEETS[cell], params, x, state)
        return np.sum(outputs * d_outputs) + sum(np.sum(final[k] * d_final[k]) for k in final)

    def differentiate(array, loss_of):
        gradient = np.empty(array.shape)
        for at in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[at] += 1e-30j
            gradient[at] = loss_of(moved).imag / 1e-30
        return gradient

    gradients = (
        {k: differentiate(v, lambda moved, k=k: loss({**params, k: moved}, x, state)) for k, v in params.items()},
        differentiate(x, lambda moved: loss(params, moved, state)),
        {k: differentiate(v, lambda moved, k=k: loss(params, x, {**state, k: moved})) for k, v in state.items()},
    )
    assert _distance(_right(cell, case, "both", True, True), gradients) < 1e-12


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_each_implementation_is_right(name):
    implementation = IMPLEMENTATIONS[name]
    cell, tolerance = implementation.sheet.name, 1e-4 if implementation.dtype == "float32" else 1e-10
    _, forward, backward = build(name)
    for case in CASES:
        for upstream in UPSTREAMS:
            point = _fitted(backward, cell, case, upstream)
            before = _copies(point)
            outputs, final = forward(*point[:3])
            expected_outputs, expected_final = paper.forward(implementation.sheet, *point[:3])
            if outputs is not None:
                assert np.max(np.abs(outputs - expected_outputs)) < tolerance
            assert set(final) == set(expected_final)
            for k, value in final.items():
                assert np.max(np.abs(value - expected_final[k])) < tolerance
            first = _copies(_call(backward, *point))
            assert _distance(first, _reference(backward, cell, case, upstream)) < tolerance
            # again, for what an object may have kept; and the caller's arrays are as they were
            assert _distance(_call(backward, *point), first) == 0
            for was, now in zip(before, point, strict=True):
                pairs = [(was[k], now[k]) for k in was] if isinstance(was, dict) else [(was, now)]
                assert all(np.array_equal(a, b) for a, b in pairs)
        if implementation.dtype == "float32":
            assert _distance(first, _reference(backward, cell, case, upstream)) > 1e-12


def _symptoms(backward, cell):
    """The largest deviation of a first call, of a second one on the same arrays, and whether the arrays changed."""
    first = second = 0.0
    changed = False
    for case in CASES:
        for upstream in UPSTREAMS:
            right, point = _reference(backward, cell, case, upstream), _copies(_fitted(backward, cell, case, upstream))
            before = _copies(point)
            first = max(first, _distance(_copies(_call(backward, *point)), right))
            for was, now in zip(before, point, strict=True):
                pairs = [(was[k], now[k]) for k in was] if isinstance(was, dict) else [(was, now)]
                changed = changed or not all(np.array_equal(a, b) for a, b in pairs)
            again = _copies(_fitted(backward, cell, case, upstream))
            second = max(second, _distance(_copies(_call(backward, *again)), right))
    return first, second, changed


@pytest.mark.parametrize("bug", BUGS.values(), ids=list(BUGS))
def test_each_bug_is_one(bug):
    implementation = IMPLEMENTATIONS[bug.implementation]
    cell = implementation.sheet.name
    assert implementation.path.read_text(encoding="utf-8").count(bug.replace) == 1
    fresh = build(bug.implementation, bug)[2]
    first, second, changed = _symptoms(fresh, cell)
    if bug.kind == "mutation":
        assert changed
        assert first < 1e-10
    elif bug.kind == "state leak":
        alone = build(bug.implementation, bug)[2]
        point = _fitted(alone, cell, CASES[1], "all")
        assert _distance(_call(alone, *point), _reference(alone, cell, CASES[1], "all")) < 1e-10
        assert second > 1e-6
        assert not changed
    elif bug.kind == "precision":
        assert 1e-9 < first < 1e-5
    elif bug.kind == "clipping":
        assert first > 1e-6
        small = _copies(_fitted(fresh, cell, CASES[1], "all"))
        small = (*small[:3], 1e-3 * small[3], {k: 1e-3 * v for k, v in small[4].items()})
        assert _distance(_call(fresh, *small), paper.backward(implementation.sheet, *small)) < 1e-10
    else:
        assert first > 1e-6
        assert not changed


def _check_computed(backward, cell, changed):
    for case in CASES[1:]:
        for upstream in ("all", "both"):
            point = _copies(_fitted(backward, cell, case, upstream, output_only=True))
            computed = paper.backward(SHEETS[cell], *point, changed=changed)
            assert _distance(_call(backward, *point), computed) < 1e-10, (case, upstream)


@pytest.mark.parametrize("bug", [b for b in BUGS.values() if b.computed], ids=lambda b: b.id)
def test_the_catalogue_says_what_the_wrong_code_computes(bug):
    implementation = IMPLEMENTATIONS[bug.implementation]
    cell = implementation.sheet.name
    _check_computed(build(bug.implementation, bug)[2], cell, bug.changed)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].id}+{pair[1].id}")
def test_pairs_of_bugs(pair):
    one, other = pair
    implementation = IMPLEMENTATIONS[one.implementation]
    cell = implementation.sheet.name
    both = build(one.implementation, bugs=pair)[2]
    assert _symptoms(both, cell)[1] > 1e-6
    # Neither hides behind the other.
    for bug in pair:
        alone = build(one.implementation, bug)[2]
        differ = 0.0
        for case in CASES[1:]:
            for upstream in UPSTREAMS:
                results = []
                for backward in (alone, both):
                    _call(backward, *_copies(_fitted(backward, cell, case, upstream)))
                    results.append(_copies(_call(backward, *_copies(_fitted(backward, cell, case, upstream)))))
                differ = max(differ, _distance(*results))
        assert differ > 1e-6, bug.id
    if one.computed and other.computed:
        _check_computed(both, cell, one.changed | other.changed)


def test_the_catalogue_is_whole():
    assert len(IMPLEMENTATIONS) >= 40
    assert len(BUGS) >= 150
    assert len(PAIRS) >= 25
    written = {name for name, i in IMPLEMENTATIONS.items() if not i.edits}
    assert {p.stem for p in (_HERE / "code").glob("*.py")} == written
    assert {b.implementation for b in BUGS.values()} == written
    assert {b.kind for b in BUGS.values()} == set(handwritten.KINDS)
    assert {b.pattern for b in BUGS.values()} == set(range(24))
    assert min(Counter(IMPLEMENTATIONS[name].cell for name in written).values()) >= 4
    for bug in BUGS.values():
        assert bug.computed or bug.note, f"{bug.id} says neither what it computes nor what it does"
        assert bool(bug.equations) == (bug.kind not in ("state leak", "clipping", "mutation", "precision")), bug.id


@pytest.mark.parametrize("cell", SHEETS)
def test_the_names_are_those_of_symrnn(cell):
    sheet = SHEETS[cell]
    derivation = symrnn.derive(sheet.cell)
    names = {equation.name for equation in (*derivation.adjoints, *derivation.gradients)}
    assert {line.split(" = ")[0] for line in sheet.backward.splitlines()} <= names | {"delta_e", "delta_v"}
    for bug in BUGS.values():
        if IMPLEMENTATIONS[bug.implementation].sheet is sheet:
            assert set(bug.equations) <= names, bug.id
            assert set(bug.changed) <= names, bug.id
    parsed = symrnn.load(sheet.cell) if sheet.cell in symrnn.zoo else symrnn.cell(sheet.cell)
    for ours, theirs in ((sheet.params, parsed.params), (sheet.states, parsed.states)):
        sizes = {"m": 2, "n": 3, "d": 5}
        assert {k: tuple(sizes[letter] for letter in v) for k, v in ours.items()} == {
            k: tuple(size.value(sizes) for size in shape) for k, shape in theirs.items()
        }


def test_the_files_know_nothing_of_symrnn_and_of_each_other():
    for path in (_HERE / "code").glob("*.py"):
        imports = re.findall(r"^[ \t]*(?:import|from) .*", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert imports == ["import numpy as np"], path.name
