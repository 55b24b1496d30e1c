"""Cells that call their own what emitted programs call theirs, against numbers that know no names."""

import importlib.util
import random
import re
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

import symrnn

# x, h, c, W, R, U, b, q, s, u, i, f, g, a, y, the size of x, that of h
CELL = """
def {cell}({0}: "({15},)", /, {1}: "({16},)", {2}: "({16},)"):
    {3}: ({16}, {15})
    {4}: ({16}, {16})
    {5}: ({16}, {16})
    {6}: ({16},)
    {7}: ({16},)
    {8}: scalar
    {9} = exp({6})
    {10} = sigmoid({3} @ {0} + {4} @ {1} + {6} + {7} * {2})
    {11} = sigmoid({3} @ {0} + {4}.T @ {1} + {1} @ {4})
    {12} = tanh({5} @ ({10} * {1}) + {5} @ {9} + {8} * {0}[0])
    {13} = {5} @ {2} + {6} - mean({12})
    {2} = {11} * {2} + ({10} + {13}) * {12}
    {1} = {10} * tanh({2}) + softplus({13}) / 4
    {14} = log({11}) + {1} * {13}
    return ({13}, {14}), ({1}, {2})
"""
PLAIN = [*"xhcWRUbqsuifgaymn"]
WORDS = """
net delta_net spare_1 spare_2 spare_all_1 factor_1 factor_1_all sums_h sums_h_prev weight_h weight_x_t R_half q_half out axis
grad_net input_sums block gates work tape rows product array N T t np math torch self double float int restrict steps i j k
outputs state params packed grads d_x d_outputs d_final_state kept like held h_states h_all delta_h carry_h upstream_h
delta_block net_bias final_state forward backward pack name value values start range zip len dict ctx deltas cls dtype
device apply training x_t at step stride sequence temporary_1 sum_1 dot_1 real REAL TANH copy clear total initial final
delta_gates delta_gates_all grad_weight_h_prev loss slope check draw pairs worst size_t add_matvec errno d_out_a out_a
"""
FIXED = {
    "net": "net delta_net block gates R tape rows product array work packed input_sums grad_net N T n_ np",
    "families": "x h c W factor_1 sums_h spare_1 R_half weight_h weight_x_t factor_1_all h_states h_all delta_h carry_h T N",
    "c": "int double for_ restrict real REAL TANH copy clear step stride at sequence i j forward backward",
}
NAMINGS = {key: names.split() for key, names in FIXED.items()}
NAMINGS |= {f"drawn_{k}": random.Random(k).sample(WORDS.split(), 17) for k in range(8)}


def cell(names, called="f"):
    return symrnn.cell(CELL.format(*names, cell=called))


def step(P, x, h, c):
    """The cell by hand, for one sequence."""
    W, R, U, b, q, s = P
    u = np.exp(b)
    i = 1 / (1 + np.exp(-(W @ x + R @ h + b + q * c)))
    f = 1 / (1 + np.exp(-(W @ x + R.T @ h + h @ R)))
    g = np.tanh(U @ (i * h) + U @ u + s * x[0])
    a = U @ c + b - g.sum() / len(g)
    c = f * c + (i + a) * g
    h = i * np.tanh(c) + np.log(1 + np.exp(a)) / 4
    return (a, np.log(f) + h * a), h, c


class Problem:
    """Arrays in a fixed order, gradients from above, and the gradients by complex step."""

    T, N, m, n = 3, 2, 3, 2

    def __init__(self):
        draw = np.random.default_rng(7).standard_normal
        T, N, m, n = self.T, self.N, self.m, self.n
        self.params = [draw(shape) / 2 for shape in [(n, m), (n, n), (n, n), (n,), (n,), ()]]
        self.x, self.states = draw((T, N, m)), [draw((N, n)), draw((N, n))]
        self.above, self.last = [draw((T, N, n)), draw((T, N, n))], [draw((N, n)), draw((N, n))]
        self.gradients = [self.slopes(k) for k in range(9)]

    def loss(self, arrays):
        *P, x, h0, c0 = arrays
        total = 0
        for s in range(self.N):
            h, c = h0[s], c0[s]
            for t in range(self.T):
                outputs, h, c = step(P, x[t, s], h, c)
                total += sum((g[t, s] * y).sum() for g, y in zip(self.above, outputs, strict=True))
            total += (self.last[0][s] * h).sum() + (self.last[1][s] * c).sum()
        return total

    def slopes(self, place):
        arrays = [np.asarray(a, complex) for a in (*self.params, self.x, *self.states)]
        result = np.empty(arrays[place].shape)
        for index in np.ndindex(result.shape):
            arrays[place][index] += 1e-30j
            result[index] = self.loss(arrays).imag / 1e-30
            arrays[place][index] -= 1e-30j
        return result


@pytest.fixture(scope="module")
def problem():
    return Problem()


@pytest.fixture(autouse=True)
def _nothing_is_zero_by_chance(monkeypatch):
    """Memory that nobody has written to yet holds NaN."""
    empty = np.empty

    def filled(*args, **more):
        array = empty(*args, **more)
        if array.dtype.kind in "fc":
            array.fill(np.nan)
        return array

    monkeypatch.setattr(np, "empty", filled)


def compare(problem, names, gradients):
    found = [*(gradients.params[name] for name in names[3:9]), gradients.x, *(gradients.state[n] for n in names[1:3])]
    for place, (computed, expected) in enumerate(zip(found, problem.gradients, strict=True)):
        np.testing.assert_allclose(computed, expected, rtol=1e-10, atol=1e-12, err_msg=names[place])


def run(kernel, problem, names, tape="full"):
    params, states = (
        dict(zip(names[3:9], problem.params, strict=True)),
        dict(zip(names[1:3], problem.states, strict=True)),
    )
    _, _, taped = kernel.forward(params, problem.x, states, tape=tape)
    outputs = dict(zip((names[13], names[14]), problem.above, strict=True))
    return kernel.backward(taped, outputs, dict(zip(names[1:3], problem.last, strict=True)))


@pytest.mark.parametrize("naming", ["plain", *NAMINGS])
def test_kernels_are_right_whatever_a_cell_calls_its_own(naming, problem):
    names = PLAIN if naming == "plain" else NAMINGS[naming]
    derivation = symrnn.derive(cell(names))
    for plain, tape in product((False, True), ("full", "checkpoint")):
        compare(problem, names, run(derivation.numpy(plain=plain), problem, names, tape))


@pytest.mark.parametrize("naming", ["c", "drawn_0"])
def test_compiled_kernels_are_right_whatever_a_cell_calls_its_own(naming, problem, backend):
    if backend == "c":
        compare(
            problem,
            NAMINGS[naming],
            run(symrnn.derive(cell(NAMINGS[naming], "int")).numpy(backend="c"), problem, NAMINGS[naming]),
        )


@pytest.mark.parametrize("naming", ["net", "drawn_1", "drawn_2"])
def test_torch_layers_are_right_whatever_a_cell_calls_its_own(naming, problem, tmp_path):
    torch = pytest.importorskip("torch")
    names = NAMINGS[naming]
    (tmp_path / "layer.py").write_text(symrnn.derive(cell(names)).code("torch"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("layer", tmp_path / "layer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dims = cell(names).dims
    layer = module.F(*(problem.m if dim == names[15] else problem.n for dim in dims), dtype=torch.float64)
    params = list(layer.parameters())
    held = [np.shape(p) for p in cell(names).sample(dims={names[15]: 3, names[16]: 2}).params.values()]
    assert [tuple(p.shape) for p in params] == held
    order = list(cell(names).params)
    with torch.no_grad():
        for name, param in zip(order, params, strict=True):
            param.copy_(torch.tensor(problem.params[names[3:9].index(name)]))
    x = torch.tensor(problem.x, requires_grad=True)
    states = [torch.tensor(state, requires_grad=True) for state in problem.states]
    outputs, final = layer(x, dict(zip(names[1:3], states, strict=True)))
    loss = sum((torch.tensor(g) * outputs[n]).sum() for n, g in zip(names[13:15], problem.above, strict=True))
    loss += sum((torch.tensor(g) * final[n]).sum() for n, g in zip(names[1:3], problem.last, strict=True))
    loss.backward()
    grads = {name: param.grad.numpy() for name, param in zip(order, params, strict=True)}
    found = {
        "params": grads,
        "x": x.grad.numpy(),
        "state": dict(zip(names[1:3], (s.grad.numpy() for s in states), strict=True)),
    }
    compare(problem, names, type("Gradients", (), found))


@pytest.mark.parametrize("naming", ["net", "drawn_3"])
def test_a_module_with_such_names_checks_itself(naming, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(symrnn.derive(cell(NAMINGS[naming])).code(), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-W", "error", path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_names_that_clash_with_nothing_stay():
    assert not re.findall(r"(?<![\w.])(?!__)\w+_\b", symrnn.derive(cell(PLAIN)).code())
