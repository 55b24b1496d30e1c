"""What the literature says of vanishing and exploding gradients, shown: linear and tanh networks, forget biases, bounds,
Lyapunov exponents."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.checking.floats import FLOATS
from symrnn.checking.interpreter import Interpreter
from symrnn.derivation import derive
from symrnn.flowing import Flow, lyapunov
from symrnn.flowing.passes import Passes, step_jacobians

Array = np.ndarray[Any, Any]
LINEAR = "def linear(x, h):\n    h = R @ h + W @ x\n    return h\n"


def drawn(name: str, radius: float, n: int = 32, m: int = 8) -> Array:
    """The matrix R of a sample, scaled to a spectral radius by hand."""
    R = (
        symrnn.cell(LINEAR if name == "linear" else symrnn.load(name).text)
        .sample(100, 8, 0, {"m": m, "n": n})
        .params["R"]
    )
    return R * (radius / np.abs(np.linalg.eigvals(R)).max())


def direction(seed: int = 0, n: int = 32) -> Array:
    u = np.random.default_rng((seed, 1)).standard_normal(n)
    return u / np.linalg.norm(u)


@pytest.mark.parametrize(("radius", "trend"), [(0.5, "vanishes"), (1.5, "explodes")])
@pytest.mark.parametrize("name", ["linear", "rnn"])
def test_a_linear_network_and_one_held_at_zero_follow_the_powers_of_r(name: str, radius: float, trend: str) -> None:
    held = {} if name == "linear" else {"h": 0, "x": 0, "b": 0}
    flow = symrnn.flow(LINEAR if name == "linear" else name, set={"R": f"radius {radius}", **held})
    R, row = drawn(name, radius), direction()
    wanted = [np.linalg.norm(row)]
    for _ in range(100):
        row = row @ R
        wanted.append(float(np.linalg.norm(row)))
    np.testing.assert_allclose(flow.norms["h"].median, wanted[::-1], rtol=1e-10)
    assert flow.norms["h"].trend == trend
    assert flow.norms["h"].rate == pytest.approx(radius, rel=0.03)


def test_tanh_with_unit_inputs_vanishes_at_a_radius_above_one_and_the_page_says_why() -> None:
    flow = symrnn.flow("rnn", set={"R": "radius 1.5", "x": 1})
    assert flow.norms["h"].trend == "vanishes"
    bound = flow.only.bound
    assert bound is not None
    assert bound.radius == pytest.approx(1.5)
    assert bound.norm > 1.5
    assert bound.mean_slope < 0.5
    assert "why it vanishes although the spectral radius of R is 1.5: the units are saturated" in flow.text()
    assert "why it vanishes" not in symrnn.flow("rnn", set={"R": "radius 0.5"}).text()


def test_an_orthogonal_linear_network_keeps_the_gradient() -> None:
    flow = symrnn.flow(LINEAR, set={"R": "orthogonal"})
    assert flow.norms["h"].trend == "is kept"
    np.testing.assert_allclose(flow.norms["h"].values, 1.0, rtol=1e-12)
    np.testing.assert_allclose(flow.singular_values["h"], 1.0, rtol=1e-12)


def test_an_open_forget_gate_keeps_the_gradient_of_the_cell() -> None:
    flow = symrnn.flow("lstm", set={"b_f": [0, 5]})
    shut, open_ = flow
    assert (shut.label, open_.label) == ("lstm, b_f = 0", "lstm, b_f = 5")
    assert shut.norms["c"].trend == "vanishes"
    assert open_.norms["c"].trend == "is kept"
    f = np.exp(np.log(np.abs(open_.paths["c"].products[-1])) / 100)  # the geometric mean of the gates
    assert open_.paths["c"].factor == "diag(f)"
    assert 0.97 < np.median(f) < 1
    assert flow["lstm, b_f = 5"] is open_


# Bounds ----------------------------------------------------------------------------------------------------------

NETWORKS, STEPS = 10_000, 12


@pytest.mark.parametrize(("name", "gamma"), [("rnn", 1.0), ("rnn_sigmoid", 0.25)])
def test_no_network_of_ten_thousand_exceeds_its_bound(name: str, gamma: float) -> None:
    """‖∂h_T/∂h_t‖ ≤ (γ λ₁)^(T−t), with λ₁ the largest singular value of R; so λ₁ < 1/γ is enough for vanishing. The
    networks lie where the steps of one would, each with parameters of its own."""
    random, dims = np.random.default_rng(7), {"m": 1, "n": 3}
    scale = random.uniform(0.05, 3 / gamma, (NETWORKS, 1, 1))
    params = {
        "W": random.standard_normal((NETWORKS, 3, 1)),
        "R": scale * random.standard_normal((NETWORKS, 3, 3)) / 3**0.5,
        "b": random.standard_normal((NETWORKS, 3)),
    }
    x = [{"x": random.standard_normal((NETWORKS, 1))} for _ in range(STEPS)]
    derivation = derive(symrnn.load(name))
    of = Interpreter(derivation, FLOATS, dims, NETWORKS)
    steps = of.forward(params, x, {"h": random.standard_normal((NETWORKS, 3))})
    bound = gamma * np.linalg.norm(params["R"], 2, axis=(1, 2))
    product = np.broadcast_to(np.eye(3), (NETWORKS, 3, 3))
    for lag, step in enumerate(reversed(steps), start=1):
        product = product @ jacobians_of(derivation, dims, params, step)
        assert np.all(np.linalg.norm(product, 2, axis=(1, 2)) <= bound**lag * (1 + 1e-12))
    small = bound < 1
    assert 1000 < small.sum() < NETWORKS - 1000
    assert np.all(np.linalg.norm(product[small], 2, axis=(1, 2)) < 1)


def jacobians_of(derivation: symrnn.Derivation, dims: Mapping[str, int], params: Any, step: Any) -> Array:
    values = {name: value[:, None] for name, value in step.items() if name not in params}
    own = {name: array[None] for name, array in params.items()}
    first = Passes(derivation, dims, NETWORKS, 1, 1.0, own, values, {}, (), {})
    return step_jacobians(first).states


@pytest.mark.parametrize(("name", "slope"), [("rnn", 1.0), ("rnn_sigmoid", 0.25), ("rnn_relu", 1.0), ("linear", 1.0)])
def test_the_bound_of_a_flow_is_that_of_its_matrix(name: str, slope: float) -> None:
    for seed in range(5):
        flow = symrnn.flow(LINEAR if name == "linear" else name, dims={"n": 6}, T=20, seed=seed)
        R = (
            symrnn.cell(LINEAR if name == "linear" else symrnn.load(name).text)
            .sample(20, 8, seed, {"m": 8, "n": 6})
            .params["R"]
        )
        bound = flow.only.bound
        assert bound is not None
        assert bound.rate == pytest.approx(slope * np.linalg.norm(R, 2))
        largest, lags = flow.singular_values["h"][:, 0], flow.only.long_term.lags
        assert np.all(largest <= bound.over(lags) * (1 + 1e-12))
        assert np.all(largest <= flow.only.long_term.steps * (1 + 1e-12))


def test_other_local_jacobians_have_no_such_bound() -> None:
    assert symrnn.flow("lstm", T=3).only.bound is None
    assert symrnn.flow("gru", T=3).only.bound is None


# Lyapunov exponents ----------------------------------------------------------------------------------------------


def exponents(R: Array) -> Array:
    flow = symrnn.flow(LINEAR, T=400, N=1, dims={"n": len(R)}, params={"R": R}, transient=300)
    return flow.only.exponents


def test_exponents_of_linear_networks_are_the_logarithms_of_the_eigenvalues() -> None:
    random = np.random.default_rng(3)
    q, _ = np.linalg.qr(random.standard_normal((5, 5)))
    turn = np.zeros((5, 5))
    for k, (size, angle) in enumerate([(1.2, 0.7), (0.5, 2.1)]):
        c, s = size * np.cos(angle), size * np.sin(angle)
        turn[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[c, -s], [s, c]]
    turn[4, 4] = -0.8
    normal = q @ turn @ q.T
    np.testing.assert_allclose(exponents(normal), np.log([1.2, 1.2, 0.8, 0.5, 0.5]), atol=1e-8)
    v = random.standard_normal((4, 4))
    apart = v @ np.diag([1.3, -0.9, 0.6, 0.4]) @ np.linalg.inv(v)
    np.testing.assert_allclose(exponents(apart), np.log([1.3, 0.9, 0.6, 0.4]), atol=1e-8)


def test_exponents_of_an_orthogonal_linear_network_are_zero() -> None:
    found = symrnn.flow(LINEAR, set={"R": "orthogonal"}).only
    np.testing.assert_allclose(found.exponents, 0.0, atol=1e-8)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "linear"])
def test_exponents_add_up_to_the_mean_logarithm_of_the_determinant(name: str) -> None:
    found = symrnn.flow(LINEAR if name == "linear" else name, T=60, dims={"n": 5}, transient=20).only
    _, logs = np.linalg.slogdet(found.jacobians[20:])
    assert found.exponents.sum() == pytest.approx(logs.mean(), abs=1e-8)
    assert np.all(np.diff(found.exponents) <= 0)


def test_a_frame_that_has_not_settled_is_not_counted() -> None:
    steps = np.stack([np.eye(2) * 5] * 3 + [np.diag([2.0, 0.5])] * 10)
    np.testing.assert_allclose(lyapunov(steps, 3), np.log([2.0, 0.5]), atol=1e-12)


def test_equal_calls_give_equal_flows() -> None:
    def one() -> Flow:
        return symrnn.flow(["rnn", "gru"], T=10, dims={"n": 3}, seed=4)

    assert one().to_json() == one().to_json()
    assert one().to_json() != symrnn.flow(["rnn", "gru"], T=10, dims={"n": 3}, seed=5).to_json()
