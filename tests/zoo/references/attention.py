"""References for linear attention: transcriptions of the papers, flash-linear-attention's plain versions, RWKV-4 of transformers."""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import elu, layer_norm, logsigmoid, normalize, silu, softplus

from .reference import Reference, by_steps

# Transcriptions of the papers: batches of row vectors. -----------------------------------------------------------


def _rwkv_given(p, x, shifted):
    """r, k and v of RWKV-4, for all steps or one, from the tokens and the tokens before them."""
    mixed = {name: x * p[f"mu_{name}"] + shifted * (1 - p[f"mu_{name}"]) for name in "rkv"}
    return torch.sigmoid(mixed["r"] @ p["W_r"].T), mixed["k"] @ p["W_k"].T, mixed["v"] @ p["W_v"].T


def rwkv4_paper(p, x, state):
    """Peng et al. 2023, equation 16: the sum over all tokens so far, weighted, written out. The state enters as a sum
    over the tokens before the first."""
    r, k, v = _rwkv_given(p, x, torch.cat([state["s"][None], x[:-1]]))
    decay = torch.exp(p["w"])

    def summed(t, bonus):
        """Numerator and denominator at step t: `bonus` is what replaces the present token's decay."""
        steps = t if bonus is not None else t + 1
        num = torch.exp(-steps * decay) * state["a"]
        den = torch.exp(-steps * decay) * state["b"]
        for i in range(t + 1):
            exponent = bonus if i == t and bonus is not None else -(steps - 1 - i) * decay
            num = num + torch.exp(exponent + k[i]) * v[i]
            den = den + torch.exp(exponent + k[i])
        return num, den

    read = [summed(t, p["u"]) for t in range(len(x))]
    outputs = torch.stack([r[t] * (num / den) for t, (num, den) in enumerate(read)]) @ p["W_o"].T
    num, den = summed(len(x) - 1, None)
    return outputs, {"s": x[-1], "a": num, "b": den}


def _rwkv4_stabilised_step(p, x, s, a, b, top):
    """Peng et al. 2023, appendix D: numerator and denominator with the largest exponent taken out."""
    r, k, v = _rwkv_given(p, x, s)
    largest = torch.maximum(top, p["u"] + k)
    old, new = torch.exp(top - largest), torch.exp(p["u"] + k - largest)
    output = (r * (old * a + new * v) / (old * b + new)) @ p["W_o"].T
    decayed = top - torch.exp(p["w"])
    largest = torch.maximum(decayed, k)
    old, new = torch.exp(decayed - largest), torch.exp(k - largest)
    return output, x, old * a + new * v, old * b + new, largest


def _qkv(p, x):
    return x @ p["W_q"].T, x @ p["W_k"].T, x @ p["W_v"].T


def _written(v, k):
    return torch.einsum("bi,bj->bij", v, k)


def _read(S, q):
    return torch.einsum("bij,bj->bi", S, q)


def _linear_attention_step(p, x, S, z):
    """Katharopoulos et al. 2020, equations 16 to 20."""
    q, k, v = _qkv(p, x)
    q, k = elu(q) + 1, elu(k) + 1
    S, z = S + _written(v, k), z + k
    return _read(S, q) / (z * q).sum(-1, keepdim=True), S, z


def _retention_step(p, x, S):
    """Sun et al. 2023, equation 6."""
    q, k, v = _qkv(p, x)
    S = p["gamma"] * S + _written(v, k)
    return _read(S, q), S


def _gla_decay(p, x):
    return torch.sigmoid(x @ p["W_alpha"].T + p["b_alpha"]).pow(1 / 16)


def _gla_step(p, x, S):
    """Yang et al. 2023, equations 3 and 8."""
    q, k, v = _qkv(p, x)
    S = S * _gla_decay(p, x)[:, None, :] + _written(v, k)
    return _read(S, q), S


def _delta_given(p, x):
    q, k, v = _qkv(p, x)
    return normalize(silu(q), eps=0), normalize(silu(k), eps=0), v, torch.sigmoid(x @ p["w_beta"])


def _corrected(S, k, v, beta):
    """S (1 − β k kᵀ) + β v kᵀ, as the papers write it, the matrix in full."""
    identity = torch.eye(k.shape[-1], dtype=k.dtype)
    return S @ (identity - beta[:, None, None] * _written(k, k)) + beta[:, None, None] * _written(v, k)


def _deltanet_step(p, x, S):
    """Yang et al. 2024 (parallelising the delta rule), section 2."""
    q, k, v, beta = _delta_given(p, x)
    S = _corrected(S, k, v, beta)
    return _read(S, q), S


def _log_decay(p, x):
    """log α as in Mamba 2."""
    return -torch.exp(p["a_log"]) * softplus(x @ p["w_alpha"] + p["b_alpha"])


def _gated_deltanet_step(p, x, S):
    """Yang, Kautz & Hatamizadeh 2024, equation 10."""
    q, k, v, beta = _delta_given(p, x)
    S = _corrected(torch.exp(_log_decay(p, x))[:, None, None] * S, k, v, beta)
    return _read(S, q), S


def _ttt_step(p, x, W, b):
    """Sun et al. 2024, section 2.1: the inner step is autograd's gradient of the inner loss."""
    q, k, v = _qkv(p, x)

    def model(W, b, inputs):
        return inputs + layer_norm(_read(W, inputs) + b, (b.shape[-1],), p["g"], p["s"], eps=1e-6)

    loss = 0.5 * (model(W, b, k) - v).square().sum()
    dW, db = torch.autograd.grad(loss, (W, b), create_graph=True)
    eta = torch.sigmoid(x @ p["w_eta"])[:, None]
    W, b = W - eta[..., None] * dW, b - eta * db
    return model(W, b, q), W, b


# Third parties: one head, batch first, and S transposed. -----------------------------------------------------------


@cache
def _fla(operation: str) -> Any:
    """flash-linear-attention's plain version of an operation: its file alone, as importing the package asks for Triton."""
    (folder,) = importlib.util.find_spec("fla").submodule_search_locations
    file = Path(folder, "ops", operation, "naive.py")
    spec = importlib.util.spec_from_file_location(f"fla_naive_{operation}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _time_first(o, S):
    """Outputs (N, T, 1, n) and a state (N, 1, d, n) as symrnn has them, in double precision."""
    return o[:, :, 0].transpose(0, 1).double(), S[:, 0].mT.double()


def _heads(*arrays):
    """(T, N, …) to (N, T, 1, …)."""
    return [array.transpose(0, 1)[:, :, None] for array in arrays]


def linear_attention_fla(p, x, state):
    q, k, v = _qkv(p, x)
    given = _heads(elu(q) + 1, elu(k) + 1, v)
    initial = state["S"].mT[:, None].float(), state["z"][:, None, None].float()
    o, (S, z) = _fla("linear_attn").naive_recurrent_linear_attn(
        *given, scale=1.0, initial_state=initial, output_final_state=True, normalize=True
    )
    o, S = _time_first(o, S)
    return o, {"S": S, "z": z[:, 0, 0].double()}


def retention_fla(p, x, state):
    """Simple gated linear attention with the decay of the head at every step."""
    decay = torch.log(p["gamma"]).expand(x.shape[:2])
    o, S = _fla("simple_gla").naive_chunk_simple_gla(
        *_heads(*_qkv(p, x), decay), initial_state=state["S"].mT[:, None].float(), output_final_state=True,
        chunk_size=len(x), scale=1.0,
    )  # fmt: skip
    o, S = _time_first(o, S)
    return o, {"S": S}


def gla_fla(p, x, state):
    """It divides q by the root of its size and takes the decay's logarithm."""
    q, k, v = _qkv(p, x)
    decay = logsigmoid(x @ p["W_alpha"].T + p["b_alpha"]) / 16
    o, S = _fla("gla").naive_recurrent_gla(
        *_heads(q * math.sqrt(q.shape[-1]), k, v, decay), state["S"].mT[:, None], output_final_state=True
    )
    o, S = _time_first(o, S)
    return o, {"S": S}


def deltanet_fla(p, x, state):
    """Heads before time here; it divides q by the root of its size."""
    q, k, v, beta = _delta_given_all(p, x)
    given = (array.transpose(1, 2) for array in _heads(q * math.sqrt(q.shape[-1]), k, v, beta))
    o, S = _fla("delta_rule").delta_rule_recurrence(*given, initial_state=state["S"].mT[:, None])
    o, S = _time_first(o.transpose(1, 2), S)
    return o, {"S": S}


def gated_deltanet_fla(p, x, state):
    o, S = _fla("gated_delta_rule").naive_recurrent_gated_delta_rule(
        *_heads(*_delta_given_all(p, x), _log_decay(p, x)), scale=1.0,
        initial_state=state["S"].mT[:, None], output_final_state=True,
    )  # fmt: skip
    o, S = _time_first(o, S)
    return o, {"S": S}


def _delta_given_all(p, x):
    q, k, v = _qkv(p, x)
    return normalize(silu(q), dim=-1, eps=0), normalize(silu(k), dim=-1, eps=0), v, torch.sigmoid(x @ p["w_beta"])


def _ttt_fla_step(p, x, W, b):
    """One token. It returns z + LN(z), z = W q + b, where the paper's model is q + LN(z)."""
    q, k, v = (array[:, None, None] for array in _qkv(p, x))
    eta = torch.sigmoid(x @ p["w_eta"])[:, None, None, None]
    o, W, b = _fla("ttt").ttt_linear(
        q.clone(), k, v, p["g"], p["s"], eta, 1.0, 1e-6, 1, W.mT[:, None], b[:, None, None], True
    )
    return (o - (q @ W + b) + q)[:, 0, 0], W[:, 0].mT, b[:, 0, 0]


def rwkv4_stabilised_transformers(p, x, state):
    """The loop that RWKV of transformers falls back on without a GPU, between this cell's projections."""
    from transformers.models.rwkv.modeling_rwkv import rwkv_linear_attention_cpu

    r, k, v = (array.transpose(0, 1) for array in _rwkv_given(p, x, torch.cat([state["s"][None], x[:-1]])))
    initial = [state[name].float() for name in "abp"]
    wkv, final = rwkv_linear_attention_cpu(p["w"], p["u"], k, v, state=initial)
    a, b, top = (array.double() for array in final)
    return ((r * wkv) @ p["W_o"].T).transpose(0, 1), {"s": x[-1], "a": a, "b": b, "p": top}


def rwkv4_transformers(p, x, state):
    """The stabilised code from p = 0; a and b are what it keeps times exp(p)."""
    outputs, final = rwkv4_stabilised_transformers(p, x, {**state, "p": torch.zeros_like(state["a"])})
    scale = torch.exp(final["p"])
    return outputs, {"s": final["s"], "a": final["a"] * scale, "b": final["b"] * scale}


def _decay_of_a_head(params, x, state):
    """γ of the first head: a logarithm is taken of it."""
    return {**params, "gamma": np.array(1 - 2.0**-5)}, x, state


PAPER = "the paper in PyTorch"
FLA = {"needs": ("torch", "fla", "einops"), "third_party": True, "tolerance": 1e-5}  # it works in float32
RWKV = {"needs": ("torch", "transformers"), "third_party": True, "tolerance": 1e-5}  # likewise
LOOP = "transformers' rwkv_linear_attention_cpu"
REFERENCES = [
    Reference("rwkv4", PAPER, rwkv4_paper, needs=("torch",)),
    Reference("rwkv4", LOOP, rwkv4_transformers, **RWKV),
    Reference("rwkv4_stabilised", PAPER, by_steps(_rwkv4_stabilised_step, "sabp", torch.stack), needs=("torch",)),
    Reference("rwkv4_stabilised", LOOP, rwkv4_stabilised_transformers, **RWKV),
    Reference("linear_attention", PAPER, by_steps(_linear_attention_step, "Sz", torch.stack), needs=("torch",)),
    Reference("linear_attention", "fla's naive_recurrent_linear_attn", linear_attention_fla, **FLA),
    Reference("retention", PAPER, by_steps(_retention_step, "S", torch.stack), needs=("torch",)),
    Reference("retention", "fla's naive_chunk_simple_gla", retention_fla, given=_decay_of_a_head, **FLA),
    Reference("gated_linear_attention", PAPER, by_steps(_gla_step, "S", torch.stack), needs=("torch",)),
    Reference("gated_linear_attention", "fla's naive_recurrent_gla", gla_fla, **FLA),
    Reference("deltanet", PAPER, by_steps(_deltanet_step, "S", torch.stack), needs=("torch",)),
    Reference("deltanet", "fla's delta_rule_recurrence", deltanet_fla, **FLA),
    Reference("gated_deltanet", PAPER, by_steps(_gated_deltanet_step, "S", torch.stack), needs=("torch",)),
    Reference("gated_deltanet", "fla's naive_recurrent_gated_delta_rule", gated_deltanet_fla, **FLA),
    Reference("ttt_linear", PAPER, by_steps(_ttt_step, "Wb", torch.stack), needs=("torch",)),
    Reference("ttt_linear", "fla's ttt_linear", by_steps(_ttt_fla_step, "Wb", torch.stack), **FLA),
]
