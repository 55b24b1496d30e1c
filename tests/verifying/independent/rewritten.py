"""The same programs, respelt in ways that people choose and that change nothing, and other glue for some."""

from dataclasses import replace

from . import glue_layers, glue_losses
from .programs import PROGRAMS as _PLAIN

_ROWS = (
    ("char_script", "chunks", "the loop backward counts in chunks and carries across them", (("    for t in range(T - 1, -1, -1):\n", "    for t in [start + k for start in range(T // 4 * 4, -1, -4) for k in (3, 2, 1, 0) if start + k < T]:\n"),)),
    ("char_script", "wide-clip", "a clip to a bound that no gradient reaches", (("    return loss, [dU", "    for grad in (dU, dW, dV, db, dc):\n        np.clip(grad, -1e12, 1e12, out=grad)\n    return loss, [dU"),)),
    ("char_script", "outer-of-id", "the one-hot column is not used: dU[:, char]", (("dU += da @ x[t].T", "dU[:, [inputs[t]]] += da"),)),
    ("word_model", "no-truncation", "the walk goes to the start", (("range(max(0, t - self.bptt_truncate), t + 1)", "range(t + 1)"),)),
    ("word_model", "one-hot", "one-hot vectors beside word indices", (("dLdU[:, words[step]] += delta_t", "dLdU += np.outer(delta_t, np.arange(self.word_dim) == words[step])"),)),
    ("classify_batch", "masked", "the last output is picked by a mask over all steps", (("    dh = dlogits @ params[\"Wy\"].T\n    for t in range(T, 0, -1):\n        da = dh *", "    above = (np.arange(T + 1) == T)[:, None, None] * (dlogits @ params[\"Wy\"].T)\n    dh = 0\n    for t in range(T, 0, -1):\n        dh = dh + above[t]\n        da = dh *"),)),
    ("classify_batch", "clip-far", "the norm is clipped to a bound that it does not reach", (("    return loss, grads", "    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))\n    for g in grads.values():\n        g *= min(1.0, 1e9 / norm)\n    return loss, grads"),)),
    ("sentiment", "rate", "updates one at a time, with a loop over names", (("        self.Wxh -= learn_rate * d_Wxh\n        self.Why -= learn_rate * d_Why\n", "        for name, d in ((\"Wxh\", d_Wxh), (\"Why\", d_Why)):\n            setattr(self, name, getattr(self, name) - learn_rate * d)\n"),)),
    ("sentiment", "list", "states in a list", (("self.last_hs = {0: h}", "self.last_hs = [h]"), ("self.last_hs[i + 1] = h", "self.last_hs.append(h)"))),
    ("adding_lstm", "reversed-list", "the history turned round by a slice", (("reversed(history):", "history[::-1]:"),)),
    ("adding_lstm", "sech", "the derivative of tanh by cosh", (("dh * o * (1 - tc**2)", "dh * o / np.cosh(c_new) ** 2"),)),
    ("torch_step", "in-two-lines", "the derivative in two lines", (("        da = grad * (1 - new * new)\n", "        slope = 1 - new.pow(2)\n        da = slope * grad\n"),)),
    ("torch_step", "einsum", "products as einsum", (("da.t() @ x, da.t() @ h", "torch.einsum('nh,nd->hd', da, x), torch.einsum('nh,nk->hk', da, h)"),)),
    ("torch_gates", "minus-square", "σ′ as σ − σ²", (("grad * ctx.y * (1 - ctx.y)", "grad * (ctx.y - ctx.y**2)"),)),
    ("torch_gates", "split", "split for chunk", (("gates.chunk(4, dim=1)", "torch.split(gates, hidden, dim=1)"),)),
    ("torch_by_hand", "in-order", "dx in a list by place", (("dxs = []", "dxs = [None] * len(saved)"), ("dxs.insert(0, dz @ w[0] + dr @ w[1] + dn @ w[2])", "dxs[t] = dz @ w[0] + dr @ w[1] + dn @ w[2]"))),
    ("layer_attributes", "keeps-all", "dh of every step as an attribute", (("            self.dh = dout[t] + carry\n            self.da = self.dh *", "            dh = dout[t] + carry\n            self.dh = dh\n            self.da = dh *"),)),
    ("layer_attributes", "dh0-too", "and the gradient of the first state", (("        return self.dx", "        self.dh0 = carry\n        return self.dx"),)),
    ("lstm_attributes", "adds-in-place", "dx by an einsum", (("self.dx[t] += delta @ getattr(self, f\"W{gate}\")", "self.dx[t] += np.einsum(\"nh,hd->nd\", delta, getattr(self, f\"W{gate}\"))"),)),
    ("lstm_attributes", "carries-as-attributes", "the carry of the cell is an attribute", (("            back_c = self.dc * f", "            self.dc_next = back_c = self.dc * f"),)),
    ("rnn_trace", "zero-before", "zeros stand before the first state", (("        if t > 0:\n            dW += h[:, t - 1].T @ dz", "        before = h[:, t - 1] if t > 0 else np.zeros((N, H))\n        dW += before.T @ dz"),)),
    ("trainer_rnn", "in-place", "updates by -=", (("self.b = self.b - self.lr * db", "self.b -= self.lr * db"),)),
    ("trainer_gru", "returned-copies", "returns copies", (("    return grads", "    return {k: v.copy() for k, v in grads.items()}"),)),
    ("trainer_lstm", "norm-unreached", "a bound on the norm that is not reached", (("        self.W -= self", "        dW *= min(1.0, 1e9 / np.linalg.norm(dW))\n        self.W -= self"),)),
    ("logistic_rnn", "minus-square", "σ′ as σ − σ²", (("return y * (1 - y)", "return y - y * y"),)),
    ("gru_cached", "update-in-place", "sums by hand", (("sums = grads if sums is None else tuple(a + b for a, b in zip(sums, grads))", "sums = list(grads) if sums is None else [a + b for a, b in zip(grads, sums)]"),)),
    ("gru_after", "product-again", "the product is computed again in the backward pass", (("dar = dan * q * r", "dar = dan * (hp @ p[\"W_hn\"].T + p[\"b_hn\"]) * r"),)),
    ("rnn_slices", "tensordot", "products by tensordot", (("np.einsum(\"tnk,tnh->kh\", states[:-1], deltas)", "np.tensordot(states[:-1], deltas, axes=((0, 1), (0, 1)))"),)),
    ("lstm_slices", "loop-sums", "the bias by a loop", (("flat.sum(axis=0)", "sum(flat)"),)),
    ("columns_lists", "padded", "a list with the first state in front", (("states = [s[t] for t in range(steps)]", "states = [s[t] for t in range(-1, steps)]"), ("(1 - states[t] ** 2)", "(1 - states[t + 1] ** 2)"), ("states[t - 1] if t > 0 else s[-1]", "states[t]"))),
    ("softmax_tagger", "by-index", "one subtracted at the targets", (("        dscores = (self.y - np.eye(self.y.shape[-1])[tags]) / (T * N)\n", "        dscores = self.y.copy()\n        dscores[np.arange(T)[:, None], np.arange(N), tags] -= 1\n        dscores /= tags.size\n"),)),
    ("stacked", "zip", "the read-out by tensordot", (("np.einsum(\"tnk,tnh->kh\", error, self.inputs[-1])", "np.tensordot(error, self.inputs[-1], ((0, 1), (0, 1)))"),)),
    ("two_layer_words", "table-by-hot", "the table's gradient by one-hot rows", (("    np.add.at(dE, ids, d)\n", "    dE += np.eye(len(E))[ids].reshape(-1, len(E)).T @ d.reshape(-1, d.shape[2])\n"),)),
    ("next_value", "two-loops", "the read-out apart", (("        gWo += np.outer(errors[t], hs[t + 1])\n", ""), ("    return loss, gWx", "    gWo = np.array(errors).T @ np.array(hs[1:])\n    return loss, gWx"))),
    ("binary_sum", "enumerate", "deltas from the end by reversed", (("        d = deltas[-position - 1]\n", "        d = list(reversed(deltas))[position]\n"),)),
)  # fmt: skip

_OTHER_GLUE = (
    ("classify_batch", "network", "as a network", glue_losses.verify_classifier_network),
    ("sentiment", "cell", "as a cell with its loss", glue_losses.verify_sentiment),
    ("rnn_trace", "unread", "the gradient of every state is not read", glue_layers.verify_trace_unread),
)

_ALL = [
    *((name, slug, {"style": style, "edits": edits}) for name, slug, style, edits in _ROWS),
    *((name, slug, {"style": style, "glue": glue}) for name, slug, style, glue in _OTHER_GLUE),
]
PROGRAMS = {f"{name}:{slug}": replace(_PLAIN[name], name=f"{name}:{slug}", **changes) for name, slug, changes in _ALL}
