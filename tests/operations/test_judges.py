"""Every operation before all that judges gradients: the exact proof, the reference and its rounding, oracles, slopes."""

import re

import pytest
from operations.conformance import texts_of

import symrnn
from symrnn.checking import check_case
from symrnn.checking.oracles import by_slopes, cell_problem, complex_step
from symrnn.checking.points import draw_upstreams, find_point

SIZES = {"n": 3, "m": 2}


@pytest.mark.parametrize("text", texts_of(60), ids=lambda text: text.splitlines()[6].strip())
def test_an_exact_proof(text):
    dims = SIZES if re.search(r":3\]|, 2\]", text) else {"n": 2, "m": 1}
    proof = symrnn.prove(text, limit=None, steps=(1,), dims=dims)
    assert proof, proof.text()


@pytest.mark.parametrize("text", texts_of(40), ids=lambda text: text.splitlines()[6].strip())
def test_the_reference_and_the_oracles(text):
    report = check_case(text, T=1, N=2, dims=SIZES)
    assert report, report.text()


@pytest.mark.parametrize("text", texts_of(40), ids=lambda text: text.splitlines()[6].strip())
def test_slopes_hold_the_gradient_and_refute_another(text):
    point, base, moved = find_point(symrnn.cell(text), 1, 2, SIZES, 5)
    assert moved == ""
    upstream = draw_upstreams(point, 5)[0]
    (truth,) = complex_step(point, (upstream,), base)
    wrong = {key: 1.001 * value for key, value in truth.values.items()}
    for slope in by_slopes(cell_problem(point, (upstream, upstream), base), (dict(truth.values), wrong)):
        if slope.magnitude:
            off = abs(slope.computed - slope.expected) > slope.bar + 1e-13 * slope.magnitude
            assert off is bool(slope.upstream), slope
