"""References for the cells that are no recurrent networks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch.func import functional_call

from .reference import Reference, by_steps


def forward_step(params, x, alpha):
    """Rabiner's forward recursion with scaling, all in logarithms: a sum over the state before, for every state."""
    joint = alpha[:, :, None] + params["A"] + x[:, None, :]  # (N, before, now)
    unscaled = torch.logsumexp(joint, dim=1)
    scale = torch.logsumexp(unscaled, dim=1)
    return scale, unscaled - scale[:, None]


def hmmlearn_forward(params, x, state):
    """hmmlearn, one sequence at a time; a model with emission log-likelihoods of its own, as its manual has it."""
    from hmmlearn.base import BaseHMM

    class GivenEmissions(BaseHMM):
        def _compute_log_likelihood(self, X):
            return X

        def _check(self):
            self.n_features = self.n_components
            super()._check()

    model = GivenEmissions(n_components=x.shape[-1])
    model.transmat_ = np.exp(params["A"])
    outputs, final = [], []
    for k in range(x.shape[1]):
        model.startprob_ = np.exp(state["alpha"][k]) @ model.transmat_
        log_likelihoods = [model.score(x[: t + 1, k]) for t in range(len(x))]
        _, posteriors = model.score_samples(x[:, k])
        outputs.append(np.diff(log_likelihoods, prepend=0.0))
        final.append(np.log(posteriors[-1]))
    return np.stack(outputs, axis=1), {"alpha": np.stack(final)}


def as_probabilities(params, x, state):
    """Rows of transition probabilities and an initial distribution that add up to 1, which hmmlearn asks for."""
    rows, start = params["A"], state["alpha"]
    rows = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
    return {"A": rows}, x, {"alpha": start - np.logaddexp.reduce(start, axis=1, keepdims=True)}


def torch_layers(params, x, state):
    """torch.nn.Sequential of Linear and Tanh layers."""
    sizes = [x.shape[-1], *(params[f"W_{k}"].shape[0] for k in (1, 2, 3))]
    linear = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(sizes)]
    layers = torch.nn.Sequential(linear[0], torch.nn.Tanh(), linear[1], torch.nn.Tanh(), linear[2])
    arrays = {f"{2 * k}.weight": params[f"W_{k + 1}"] for k in range(3)}
    arrays |= {f"{2 * k}.bias": params[f"b_{k + 1}"] for k in range(3)}
    return functional_call(layers, arrays, (x,)), {}


REFERENCES = [
    Reference("hmm_forward", "the forward recursion in PyTorch", by_steps(forward_step, ("alpha",), torch.stack)),
    Reference(
        "hmm_forward", "hmmlearn", hmmlearn_forward, "arrays", ("hmmlearn",), third_party=True, given=as_probabilities
    ),
    Reference("feedforward", "torch.nn.Sequential", torch_layers, needs=("torch",), third_party=True),
]
