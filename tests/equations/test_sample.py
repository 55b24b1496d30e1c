"""Random arrays for a cell: reproducible, of the right shapes, and with clear refusals."""

import numpy as np
import pytest

import symrnn

LSTM = symrnn.load("lstm")


def test_shapes_are_the_canonical_layout() -> None:
    sample = LSTM.sample(T=7, N=2, dims={"m": 4, "n": 6})
    assert sample.x.shape == (7, 2, 4)
    assert {name: array.shape for name, array in sample.state.items()} == {"h": (2, 6), "c": (2, 6)}
    assert sample.params["W_i"].shape == (6, 4)
    assert sample.params["R_i"].shape == (6, 6)
    assert sample.params["b_i"].shape == (6,)
    assert list(sample.params) == list(LSTM.params)


def test_several_inputs_matrix_states_and_scalars() -> None:
    cell = symrnn.cell(
        "def f(x, k, /, S: matrix, s: scalar):\n    S = s * S + outer(W @ x, k)\n    s = tanh(alpha * s)\n"
        "    alpha: scalar\n    return S, s\n"
    )
    sample = cell.sample(T=4, N=3, dims={"m": 5, "n": 6, "p": 7})
    assert isinstance(sample.x, dict)
    sizes = dict(zip(cell.dims, cell.dims, strict=True))
    assert {name: array.shape[:2] for name, array in sample.x.items()} == {"x": (4, 3), "k": (4, 3)}
    assert sample.state["S"].shape == (3, 6, sample.x["k"].shape[2])
    assert sample.state["s"].shape == (3,)
    assert sample.params["alpha"].shape == ()
    assert set(sizes) == {"n", "m", "p"}


def test_the_same_seed_gives_the_same_and_another_seed_another() -> None:
    first, again, other = LSTM.sample(seed=1), LSTM.sample(seed=1), LSTM.sample(seed=2)
    assert np.array_equal(first.x, again.x)
    assert all(np.array_equal(first.params[name], again.params[name]) for name in LSTM.params)
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_have_the_type_that_was_asked_for(dtype: str) -> None:
    sample = LSTM.sample(dtype=dtype)
    assert {str(array.dtype) for array in (sample.x, *sample.params.values(), *sample.state.values())} == {dtype}


def test_initial_states_are_not_zero() -> None:
    assert all((array != 0).all() for array in LSTM.sample().state.values())


def test_scale_multiplies_the_parameters_alone() -> None:
    one, three = LSTM.sample(scale=1.0), LSTM.sample(scale=3.0)
    assert np.allclose(3 * one.params["R_i"], three.params["R_i"], rtol=1e-15)
    assert np.array_equal(one.x, three.x)


def test_default_sizes_differ_from_each_other_and_fit_the_slices() -> None:
    cell = symrnn.cell("def f(x, h):\n    return tanh(W @ x[6:] + R @ h)\n")
    sample = cell.sample()
    assert sample.x.shape[2] > 6
    assert len({sample.x.shape[2], sample.state["h"].shape[1]}) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: LSTM.sample(dims={"N": 3}),
            "lstm has no dimension 'N'; it has: m, n. did you mean `n`?",
        ),
        (lambda: LSTM.sample(dims={"n": 0}), "`dims['n']` is a whole number of at least 1, not 0 (int)"),
        (lambda: LSTM.sample(T=0), "`T` is a whole number of at least 1, not 0 (int)"),
        (lambda: LSTM.sample(N=-1), "`N` is a whole number of at least 1, not -1 (int)"),
        (
            lambda: LSTM.sample(dtype="float16"),
            "`dtype` is one of 'float32', 'float64', not 'float16' (str); did you mean `float64`?",
        ),
        (
            lambda: symrnn.cell("def f(x, h: vector):\n    return W @ x[6:]\n").sample(dims={"m": 6, "n": 2}),
            "f needs m - 7 ≥ 0 for its slices, and the sizes are m = 6, n = 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message: str) -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        call()
    assert str(caught.value) == message


def test_sizes_that_cannot_be_found_are_asked_for() -> None:
    cell = symrnn.cell("def f(x, h):\n    return W @ x[k:l] + R @ x[l:k] + h\n")
    with pytest.raises(symrnn.InputError, match="no sizes were found that fit f: give dims=…, such that"):
        cell.sample()


# Kinds -------------------------------------------------------------------------------------------------------


def _arrays(sample) -> dict:
    return {**sample.params, "x": sample.x, **{f"{name}_0": array for name, array in sample.state.items()}}


@pytest.mark.parametrize(("kind", "factor"), [("tiny", 2.0**-20), ("saturated", 8.0), ("huge", 2.0**10)])
def test_kinds_scale_the_parameters_and_nothing_else(kind: str, factor: float) -> None:
    plain, other = LSTM.sample(seed=3), LSTM.sample(seed=3, kind=kind)
    for name, array in plain.params.items():
        np.testing.assert_array_equal(other.params[name], array * factor)
    np.testing.assert_array_equal(other.x, plain.x)
    np.testing.assert_array_equal(other.state["h"], plain.state["h"])
    np.testing.assert_array_equal(LSTM.sample(seed=3, kind="ordinary").params["R_f"], plain.params["R_f"])


def test_saturated_gates_are_saturated_and_huge_ones_are_constant() -> None:
    for kind, least in (("saturated", 0.5), ("huge", 0.95)):
        s = LSTM.sample(T=1, N=50, dims={"m": 8, "n": 8}, kind=kind)
        net = s.x[0] @ s.params["W_f"].T + s.state["h"] @ s.params["R_f"].T + s.params["b_f"]
        assert (np.abs(net) > 6).mean() > least


@pytest.mark.parametrize("seed", range(10))
def test_zeros_come_as_whole_arrays_and_as_entries(seed: int) -> None:
    plain, other = (_arrays(LSTM.sample(seed=seed, kind=kind)) for kind in ("ordinary", "zeros"))
    zeros = {name: float((array == 0).mean()) for name, array in other.items()}
    assert sum(share == 1 for share in zeros.values()) >= len(zeros) // 3
    assert any(0 < share < 1 for share in zeros.values())
    assert any(share == 0 for share in zeros.values())
    for name, array in other.items():
        np.testing.assert_array_equal(array[array != 0], plain[name][array != 0])
    again = _arrays(LSTM.sample(seed=seed, kind="zeros"))
    np.testing.assert_equal(again, other)


def test_zeros_reach_different_arrays_for_different_seeds() -> None:
    cleared = {
        name
        for seed in range(20)
        for name, array in _arrays(LSTM.sample(seed=seed, kind="zeros")).items()
        if not array.any()
    }
    assert cleared == set(_arrays(LSTM.sample()))


def test_a_misspelt_kind_raises() -> None:
    with pytest.raises(symrnn.OptionError, match=r"not 'zeroes' \(str\); did you mean `zeros`"):
        LSTM.sample(kind="zeroes")
