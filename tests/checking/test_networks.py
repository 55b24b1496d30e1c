"""Check and proof of networks: right ones hold, and one wrong term anywhere is found and named."""

import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import symrnn
from symrnn.checking.networks.points import draw_network_upstreams, find_network_point, run_network
from symrnn.cli import main

TAGGER = """
def tagger(x, y, z: context(n), until: lengths) -> mean(T, N):
    f, fT = scan(elman, x, init=z)
    b = scan(elman, f[t-1], reverse=True)
    k = V @ [f, b] + reverse(f)
    return squared_error(k, y) + sum(square(mean(f, over=time))), (k, fT)
"""
DECODER = """
def attend(x, H: matrix, /, s):
    a = softmax(H @ s)
    s = tanh(R @ s + a @ H + W @ x)
    return s

def decoder(words: integer, memory: over(S), seen: lengths(S), heard: mask) -> mean(T, N):
    s = scan(attend, embed(E, words), rows(memory), init=s0)
    return cross_entropy(V @ s + c, words)
"""
STEP = """
def net(x, y):
    h = scan(elman, x)
    return squared_error(V @ h, y)
"""


class Bent:
    """A kernel whose gradient of one array is off."""

    def __init__(self, kernel, key):
        self.kernel, self.key, self.dtype = kernel, key, kernel.dtype

    def forward(self, *given):
        return self.kernel.forward(*given)

    def backward(self, *given):
        found = self.kernel.backward(*given)
        group, name = self.key
        arrays = dict(getattr(found, group))
        arrays[name] = arrays[name] * (1 + 1e-9)
        return replace(found, **{group: arrays})


@pytest.mark.parametrize("text", [TAGGER, DECODER])
def test_right_networks_agree_with_every_witness(text):
    report = symrnn.check(text)
    assert report, report.text()
    network = symrnn.network(text)
    assert {row.array for row in report.rows} == {
        "output loss",
        *(f"output {name}" for name in network.outputs),
        *(f"∂L/∂{name}" for name in network.params),
        *(f"∂L/∂{name}" for name, argument in network.arguments.items() if argument.given == "value"),
    }
    for row in report.rows:
        if row.array.startswith("∂"):
            assert {"derivation", "module", "complex step", "float32"} <= set(row.agreed), row
        else:
            assert {"derivation", "module", "meaning", "float32"} <= set(row.agreed), row


@pytest.mark.parametrize(("key", "place"), [(("params", "b.R"), "from unit"), (("x", "x"), "step")])
def test_a_gradient_that_is_off_is_named_and_its_place_in_words(key, place):
    def build(derivation, dtype):
        return Bent(derivation.numpy(dtype), key)

    report = symrnn.check(TAGGER, build=build, dims={"m": 1, "n": 1, "b.n": 1})
    assert [row.array for row in report.failures] == [f"∂L/∂{key[1]}"]
    assert "complex step" not in report.failures[0].agreed
    assert place in report.failures[0].worst.place


def test_a_loss_is_checked_with_gradients_on_what_stands_beside_it():
    network = symrnn.network(TAGGER)
    point, _, _ = find_network_point(network, 3, 2, {"m": 2, "n": 3, "b.n": 2}, 0)
    alone, everything = draw_network_upstreams(point, 0)
    assert alone.outputs["loss"] == 1
    assert not alone.outputs["k"].any()
    assert everything.outputs["k"].all()


def test_sequences_of_equal_lengths_are_walked_together_and_each_on_its_own_is_the_same():
    network = symrnn.network(TAGGER)
    point, base, _ = find_network_point(network, 4, 3, {"m": 2, "n": 3, "b.n": 2}, 5)
    lengths = point.x["until"]
    assert sum(len(group.lanes) for group in point.groups) == 3
    for group, (values, _, _) in zip(point.groups, base.runs, strict=True):
        for place, lane in enumerate(group.lanes):
            T = int(lengths[lane])
            x = {
                name: array[:, lane : lane + 1] if array.ndim == 3 else array[lane : lane + 1]
                for name, array in point.x.items()
            }
            x = {name: array[:T] if array.ndim == 3 else array for name, array in x.items()}
            short = replace(point, T=T, N=1, x=x)
            ((alone, _, _),) = run_network(short).runs
            for t in range(T):
                np.testing.assert_allclose(values["k"][t][0, place], alone["k"][t][0, 0], rtol=1e-12)


@pytest.mark.parametrize("text", [STEP, DECODER])
def test_whole_networks_are_proved(text):
    proof = symrnn.prove(text, limit=None)
    assert proof, proof.text()
    network = symrnn.network(text)
    assert {array.array for array in proof.arrays} >= {f"∂L/∂{name}" for name in network.params}
    assert {array.steps for array in proof.arrays} == {1, 2}


def bent(derivation, block, kind):
    """The derivation with one right side of a block doubled."""
    own = derivation.derivations[block]
    equations = tuple(replace(e, terms=e.terms, expr=2 * e.expr) if e.name == kind else e for e in own.gradients)
    own = replace(own, gradients=equations)
    return replace(derivation, derivations=MappingProxyType({**derivation.derivations, block: own}))


def test_a_wrong_block_is_not_proved():
    derivation = symrnn.derive(STEP)
    name = next(e.name for e in derivation.derivations["loss"].gradients if e.why == "parameter")
    wrong = bent(derivation, "loss", name)
    proof = symrnn.prove(STEP, derivation=wrong, limit=None, steps=(1,))
    assert proof.refuted
    assert [array.array for array in proof.arrays if not array] == ["∂L/∂V"]


def test_a_proof_in_a_process_of_its_own_finds_the_cells_of_the_text():
    proof = symrnn.prove(DECODER, steps=(1,), limit=120)
    assert proof, proof.text()


def test_the_command_checks_a_file(tmp_path, capsys):
    file = tmp_path / "net.py"
    file.write_text(STEP)
    assert main(["check", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["held"]
    assert found["proof"]["ok"]
    assert found["check"]["cell"] == "net"


def test_sizes_of_a_network_are_named_and_misspelt_ones_are_told():
    assert symrnn.check(STEP, dims={"h.n": 2, "m": 1}).cases[0].startswith("T = 4, N = 2")
    with pytest.raises(symrnn.SymrnnError, match=r"has no dimension 'h\.k'"):
        symrnn.check(STEP, dims={"h.k": 2})
    with pytest.raises(symrnn.SymrnnError, match="ordinary"):
        symrnn.checking.check_case(STEP, T=2, N=1, kind="zeros")


def test_an_infinite_network_says_which_value_it_is():
    with pytest.raises(symrnn.SymrnnError, match="e is not finite at step 1"):
        symrnn.check(
            "def net(x, y):\n    h = scan(elman, x)\n    e = log(-square(V @ h) - 1)\n    return squared_error(e, y)\n"
        )
