"""Norms, Jacobians, connectivity and contributions of an LSTM, beside complex steps of an LSTM written by hand."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.flowing import Trajectory

Array = np.ndarray[Any, Any]
T, N, M, SIZE = 6, 2, 3, 4
H = 1e-30


def sigma(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def run(
    params: list[Mapping[str, Array]], x: Array, h: Array, c: Array, add: Mapping[tuple[str, int], Array]
) -> tuple[list[Array], list[Array]]:
    """An LSTM, step by step, each step with parameters of its own; what is added to h_t or c_t is seen by all that reads
    it."""
    hs, cs = [h], [c]
    for t in range(1, len(x) + 1):
        p = params[t - 1]
        i, f, o = (sigma(p[f"W_{k}"] @ x[t - 1] + p[f"R_{k}"] @ h + p[f"b_{k}"]) for k in "ifo")
        c = f * c + i * np.tanh(p["W_g"] @ x[t - 1] + p["R_g"] @ h + p["b_g"]) + add.get(("c", t), 0)
        h = o * np.tanh(c) + add.get(("h", t), 0)
        hs.append(h)
        cs.append(c)
    return hs, cs


def complex_step(f: Callable[[Array], Array], size: int) -> Array:
    """The Jacobian of f at zero, column by column."""
    return np.stack([np.imag(f(1j * H * unit)) / H for unit in np.eye(size)], axis=-1)


@pytest.fixture(scope="module")
def arrays() -> Any:
    return symrnn.load("lstm").sample(T, N, 3, {"m": M, "n": SIZE})


@pytest.fixture(scope="module")
def found(arrays: Any) -> Trajectory:
    flow = symrnn.flow(
        "lstm", T=T, N=N, dims={"m": M, "n": SIZE}, params=arrays.params, x=arrays.x, state=arrays.state, seed=5
    )
    return flow[0]


def direction() -> Array:
    u = np.random.default_rng((5, 1)).standard_normal(SIZE)
    return u / np.linalg.norm(u)


@pytest.mark.parametrize("state", ["h", "c"])
def test_norms_are_those_of_complex_steps(arrays: Any, found: Trajectory, state: str) -> None:
    for n in range(N):
        for t in range(T + 1):

            def last(d: Array, n: int = n, t: int = t) -> Array:
                start = {name: arrays.state[name][n] + (d if (name, 0) == (state, t) else 0) for name in ("h", "c")}
                return run([arrays.params] * T, arrays.x[:, n], start["h"], start["c"], {(state, t): d})[0][-1]

            slopes = direction() @ complex_step(last, SIZE)
            assert found.norms[state].values[t, n] == pytest.approx(np.linalg.norm(slopes), rel=1e-12)


def test_a_loss_at_every_step(arrays: Any) -> None:
    flow = symrnn.flow(
        "lstm", T=T, N=N, dims={"m": M, "n": SIZE}, params=arrays.params, x=arrays.x, state=arrays.state, seed=5,
        loss="all",
    )  # fmt: skip

    def total(d: Array) -> Array:
        hs, _ = run([arrays.params] * T, arrays.x[:, 0], arrays.state["h"][0], arrays.state["c"][0], {("h", 2): d})
        return np.asarray([sum(direction() @ h for h in hs[1:])])

    slopes = complex_step(total, SIZE)[0]
    assert flow.norms["h"].values[2, 0] == pytest.approx(np.linalg.norm(slopes), rel=1e-12)


def test_step_jacobians_and_long_products(arrays: Any, found: Trajectory) -> None:
    hs, cs = run([arrays.params] * T, arrays.x[:, 0], arrays.state["h"][0], arrays.state["c"][0], {})

    def between(first: int, last: int) -> Array:
        def f(d: Array) -> Array:
            start = hs[first] + d[:SIZE], cs[first] + d[SIZE:]
            after = run([arrays.params] * (last - first), arrays.x[first:last, 0], *start, {})
            return np.concatenate([after[0][-1], after[1][-1]])

        return complex_step(f, 2 * SIZE)

    for t in range(T):
        np.testing.assert_allclose(found.jacobians[t], between(t, t + 1), rtol=1e-12, atol=1e-15)
    assert found.long_term.lags.tolist() == list(range(T + 1))
    for lag in range(1, T + 1):
        whole = between(T - lag, T)
        for name, place in (("h", slice(0, SIZE)), ("c", slice(SIZE, None))):
            wanted = np.linalg.svd(whole[place, place], compute_uv=False)
            np.testing.assert_allclose(found.singular_values[name][lag], wanted, rtol=1e-10, atol=1e-14)
        assert found.long_term.condition[lag] == pytest.approx(np.log10(np.linalg.cond(whole)), rel=1e-6)
        assert found.long_term.steps[lag] >= np.linalg.norm(whole, 2) * (1 - 1e-12)


def test_connectivity(arrays: Any, found: Trajectory) -> None:
    wanted = np.zeros((T, T))
    for k in range(T):

        def outputs(d: Array, k: int = k) -> Array:
            x = arrays.x[:, 0].astype(complex)
            x[k] += d
            return np.stack(run([arrays.params] * T, x, arrays.state["h"][0], arrays.state["c"][0], {})[0][1:])

        wanted[:, k] = np.linalg.norm(complex_step(outputs, M), axis=(1, 2))
    np.testing.assert_allclose(found.connectivity.norms, wanted, rtol=1e-12)


def test_contributions_and_truncation(arrays: Any, found: Trajectory) -> None:
    name, gradients = "R_f", []
    for k in range(T):

        def loss(d: Array, k: int = k) -> Array:
            params = [dict(arrays.params) for _ in range(T)]
            params[k][name] = params[k][name] + d.reshape(SIZE, SIZE)
            ends = [
                direction() @ run(params, arrays.x[:, n], arrays.state["h"][n], arrays.state["c"][n], {})[0][-1]
                for n in range(N)
            ]
            return np.asarray([sum(ends) / N])

        gradients.append(complex_step(loss, SIZE**2).reshape(SIZE, SIZE))
    np.testing.assert_allclose(found.contributions[name], gradients, rtol=1e-10, atol=1e-16)
    kept = {other: part[-2:].sum(axis=0).ravel() for other, part in found.contributions.items()}
    full = {other: part.sum(axis=0).ravel() for other, part in found.contributions.items()}
    g, whole = np.concatenate([*kept.values()]), np.concatenate([*full.values()])
    assert found.truncation.cosine[1] == pytest.approx(g @ whole / np.linalg.norm(g) / np.linalg.norm(whole))
    assert found.truncation.ratio[1] == pytest.approx(np.linalg.norm(g) / np.linalg.norm(whole))
    assert found.clipping.norm == pytest.approx(np.linalg.norm(whole))


def test_windows_of_a_loss_at_every_step(arrays: Any) -> None:
    """A window of two steps sees no loss outside of itself: the sum over windows, each run by itself."""
    given = {"T": T, "N": 1, "dims": {"m": M, "n": SIZE}, "params": arrays.params, "seed": 5, "loss": "all"}
    x, state = arrays.x[:, :1], {name: array[:1] for name, array in arrays.state.items()}
    found = symrnn.flow("lstm", x=x, state=state, **given)[0]
    hs, cs = run([arrays.params] * T, x[:, 0], state["h"][0], state["c"][0], {})
    total = 0
    for start in range(0, T, 2):
        starts = {"h": hs[start][None], "c": cs[start][None]}
        part = symrnn.flow("lstm", x=x[start : start + 2], state=starts, **{**given, "T": 2})[0]
        total = total + np.concatenate([a.sum(axis=0).ravel() for a in part.contributions.values()])
    full = np.concatenate([a.sum(axis=0).ravel() for a in found.contributions.values()])
    place = found.truncation.k.tolist().index(2)
    assert found.truncation.ratio[place] == pytest.approx(np.linalg.norm(total) / np.linalg.norm(full), rel=1e-12)
    assert found.truncation.cosine[-1] == pytest.approx(1.0)
