"""The hand-written fast weight memories and tied minimal gated units as canonical callables."""

import numpy as np

from .blocks import join_all, one_by_one, split_all, with_last


def memory_plain(m):
    def forward(params, x, state):
        ys, S, _ = m.forward(x, state["S"], params)
        return ys, {"S": S}

    def backward(params, x, state, d_outputs, d_final_state):
        *_, tape = m.forward(x, state["S"], params)
        d, dx, dS = m.backward(x, tape, params, d_outputs, d_final_state["S"])
        return d, dx, {"S": dS}

    return forward, backward


def memory_batch_first(m):
    layouts = {"Wk": "W_k.T", "Wv": "W_v.T", "bv": "b_v", "Wq": "W_q.T", "Wg": "W_g.T", "bg": "b_g"}

    def forward(params, x, state):
        y, cache = m.memory_forward(x.swapaxes(0, 1), state["S"], **join_all(layouts, params))
        return y.swapaxes(0, 1), {"S": cache[-1][-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        _, cache = m.memory_forward(x.swapaxes(0, 1), state["S"], **theirs)
        weights = [theirs[k] for k in ("Wk", "Wv", "Wq", "Wg")]
        dx, dS, *grads = m.memory_backward(d_outputs.swapaxes(0, 1), d_final_state["S"], cache, *weights)
        return split_all(layouts, dict(zip(layouts, grads, strict=True)), params), dx.swapaxes(0, 1), {"S": dS}

    return forward, backward


def memory_fused(m):
    layouts = {"W": "W_k; W_q; W_v; W_g", "b": "b_v b_g"}

    def forward(params, x, state):
        ys, S, _ = m.forward(x, state["S"], **join_all(layouts, params))
        return ys, {"S": S}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        *_, steps = m.forward(x, state["S"], **theirs)
        dW, db, dxs, dS = m.backward(d_outputs, d_final_state["S"], x, steps, theirs["W"])
        return split_all(layouts, {"W": dW, "b": db}, params), dxs, {"S": dS}

    return one_by_one(forward, backward)


def memory_object(m):
    def run(params, x, state):
        net = m.DeltaMemory(*(params[k] for k in ("W_k", "W_v", "b_v", "W_q", "W_g", "b_g")))
        net.start(state["S"])
        return net, np.array([net.step(x_t) for x_t in x])

    def forward(params, x, state):
        net, outputs = run(params, x, state)
        return outputs, {"S": net.S[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dxs, dS = net.backward(d_outputs, d_final_state["S"])
        return {k: getattr(net, "d" + k.replace("_", "")) for k in params}, np.array(dxs), {"S": dS}

    return one_by_one(forward, backward)


def mgu_plain(m):
    def forward(params, x, state):
        hs, _ = m.forward(x, state["h"], params)
        return np.array(hs[1:]), {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        hs, cache = m.forward(x, state["h"], params)
        dp, dx, dh0 = m.backward(x, hs, cache, params, d_outputs, d_final_state["h"])
        return dp, dx, {"h": dh0}

    return forward, backward


def mgu_batch_first(m):
    layouts = {"Wf": "W_f.T", "Wn": "W_n.T", "U": "R.T", "bf": "b_f", "bn": "b_n"}

    def forward(params, x, state):
        H, _ = m.layer_forward(x.swapaxes(0, 1), state["h"], *join_all(layouts, params).values())
        return H.swapaxes(0, 1), {"h": H[:, -1]}

    def backward(params, x, state, d_outputs, d_final_state):
        weights = list(join_all(layouts, params).values())
        _, caches = m.layer_forward(x.swapaxes(0, 1), state["h"], *weights)
        dH = with_last(d_outputs, d_final_state["h"]).swapaxes(0, 1)
        dX, dh0, grads = m.layer_backward(dH, caches, *weights[:3])
        return split_all(layouts, dict(zip(layouts, grads, strict=True)), params), dX.swapaxes(0, 1), {"h": dh0}

    return forward, backward


def mgu_fused(m):
    layouts = {"W": "W_n; W_f", "U": "R", "b": "b_n b_f"}

    def forward(params, x, state):
        hs, _, _ = m.mgu_forward(x, state["h"], **join_all(layouts, params))
        return hs[1:], {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        cache = m.mgu_forward(x, state["h"], **theirs)
        *grads, db, dx, dh0 = m.mgu_backward(d_outputs, d_final_state["h"], x, *cache, theirs["W"], theirs["U"])
        return split_all(layouts, dict(zip("WUb", (*grads, db), strict=True)), params), dx, {"h": dh0}

    return forward, backward


def mgu_object(m):
    kept = {}

    def run(params, x, state):
        names = ("W_f", "W_n", "R", "b_f", "b_n")
        net = kept.setdefault(params["W_f"].shape, m.MGU(*(params[k] for k in names)))
        for k in names:
            setattr(net, k, params[k])
        net.reset(state["h"])
        return net, np.array([net.feed(x_t) for x_t in x])

    def forward(params, x, state):
        net, outputs = run(params, x, state)
        return outputs, {"h": net.h[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh, dx = d_final_state["h"], []
        for t in range(len(x), 0, -1):
            dx_t, dh = net.feed_back(t, dh + d_outputs[t - 1])
            dx.append(dx_t)
        return {k: getattr(net, "g" + k) for k in params}, np.array(dx[::-1]), {"h": dh}

    return one_by_one(forward, backward)
