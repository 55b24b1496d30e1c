"""bigram: the loss and all gradients in NumPy, derived by symrnn.

A Markov chain over the same classes, for contrast: the next depends on the last alone (Markov
  1913).

params: B (K, K)
x: ids (T, N); targets (T, N)
"""

from typing import Any

import numpy as np


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def counted(value: Any, lengths: Any = None) -> Any:
    """The steps that count, and zeros behind a sequence's end; for a mask, zeros where it is zero."""
    if lengths is None:
        return value
    keep = np.arange(len(value))[:, None] < lengths if lengths.ndim == 1 else lengths != 0
    return np.where(keep.reshape(keep.shape + (1,) * (value.ndim - 2)), value, 0)


def look_up(table: Any, ids: Any, lengths: Any = None) -> Any:
    """The rows of a table that whole numbers name."""
    return table.take(counted(ids, lengths), axis=0)


def look_up_back(above: Any, ids: Any, table: Any, lengths: Any = None) -> Any:
    """What rows of the table receive: the sum over the places that read them."""
    ids, above = counted(ids, lengths).ravel(), above.reshape(-1, table.shape[1])
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    back = np.zeros_like(table)
    back[ids[begins]] = np.add.reduceat(above[order], begins, axis=0)
    return back


def make_loss():
    """The passes of loss."""

    def cross_entropy(z, y):
        top = z.max(axis=-1, keepdims=True)
        return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0] - (y * z).sum(axis=-1)


    def softmax(a):
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        return {
            "params": params,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        loss_all = cross_entropy(x["ids_embed"], x["targets_one_hot"])  # (1)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ()}
        return outputs, {}, (kept, x)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        _, x = tape
        delta_loss_all = d_outputs  # (2)
        grads = {
        }
        d_x = {
            "ids_embed": np.array(delta_loss_all[..., None] * (softmax(x["ids_embed"]) - x["targets_one_hot"])),
            "targets_one_hot": np.array(-delta_loss_all[..., None] * x["ids_embed"]),
        }
        return grads, d_x, {}

    return pack, forward, backward


loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["ids"].shape[0]
    sizes["N"] = x["ids"].shape[1]
    sizes["K"] = params["B"].shape[0]
    like = next(iter(params.values()))
    values["targets_one_hot"] = unit_vectors(values["targets"], sizes["K"], like.dtype)
    values["ids_embed"] = look_up(params["B"], values["ids"])
    # loss: loss over T
    own = {}
    inputs = {"ids_embed": values["ids_embed"], "targets_one_hot": values["targets_one_hot"]}
    state = {}
    outputs, final, tapes["loss"] = loss_forward(loss_pack(own), inputs, state)
    values["loss"] = outputs
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    loss = np.where(weights != 0, values["loss"], 0) * weights
    loss = float(loss.sum())
    return loss, (params, values, tapes, sizes)


def backward(tape, d_outputs=1.0):
    """Gradients by the parameters and by the inputs."""
    params, values, tapes, sizes = tape
    like = next(iter(params.values()))
    received = {}
    given = {name: np.zeros_like(value) for name, value in params.items()}
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    received["loss"] = d_outputs * weights
    # loss
    final = {}
    d_own, d_in, d_state = loss_backward(tapes["loss"], received["loss"], final)
    received["ids_embed"] = d_in["ids_embed"]
    given["B"] += look_up_back(received["ids_embed"], values["ids"], params["B"])
    return given, {}
