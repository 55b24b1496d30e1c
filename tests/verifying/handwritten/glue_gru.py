"""The hand-written GRUs, with the reset gate before and after the product, as canonical callables."""

import numpy as np

from .blocks import columns, join_all, one_by_one, renamed, split_all, with_last


def plain(m):
    layouts = renamed("Wz=W_z Wr=W_r Wn=W_n Rz=R_z Rr=R_r Rn=R_n bz=b_z br=b_r bn=b_n")

    def forward(params, x, state):
        hs, _ = m.gru_forward(x, state["h"], **join_all(layouts, params))
        return hs, {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        _, cache = m.gru_forward(x, state["h"], **theirs)
        *grads, dx, dh0 = m.gru_backward(d_outputs, d_final_state["h"], cache, *list(theirs.values())[:6])
        return split_all(layouts, dict(zip(theirs, grads, strict=True)), params), dx, {"h": dh0}

    return forward, backward


def batch_first(m):
    layouts = renamed("Uz=W_z Ur=W_r Uh=W_n Vz=R_z Vr=R_r Vh=R_n bz=b_z br=b_r bh=b_n", transpose="UV")

    def forward(params, x, state):
        S, *_ = m.gru_forward(x.swapaxes(0, 1), state["h"], join_all(layouts, params))
        return S[:, 1:].swapaxes(0, 1), {"h": S[:, -1]}

    def backward(params, x, state, d_outputs, d_final_state):
        X, w = x.swapaxes(0, 1), join_all(layouts, params)
        dS = with_last(d_outputs, d_final_state["h"]).swapaxes(0, 1)
        g, dX, dh0 = m.gru_backward(X, *m.gru_forward(X, state["h"], w), dS, w)
        return split_all(layouts, g, params), dX.swapaxes(0, 1), {"h": dh0}

    return forward, backward


def fused(m):
    layouts = {"W_gates": "W_r.T W_z.T; R_r.T R_z.T", "b_gates": "b_r b_z", "W_cand": "W_n.T; R_n.T", "b_cand": "b_n"}

    def forward(params, x, state):
        outs, _ = m.forward(x, state["h"], **join_all(layouts, params))
        return outs, {"h": outs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        _, cache = m.forward(x, state["h"], **theirs)
        *grads, dx, dh0 = m.backward(d_outputs, d_final_state["h"], cache, theirs["W_gates"], theirs["W_cand"])
        return split_all(layouts, dict(zip(layouts, grads, strict=True)), params), dx, {"h": dh0}

    return forward, backward


def layer(m):
    layouts = {p + k: f"{ours}_{o}" for p, ours in ("WW", "UR", "bb") for k, o in ("zz", "rr", "hn")}
    kept = {}

    def run(params, x, state):
        net = kept.setdefault(params["W_z"].shape, m.GRULayer(*params["W_z"].shape[::-1]))
        net.params = {k: v if k[0] != "b" else v[None] for k, v in join_all(layouts, params).items()}
        net.zero_grad()
        net.init_state(state["h"])
        return net, np.array([net.step(x_t) for x_t in x])

    def forward(params, x, state):
        _, outputs = run(params, x, state)
        return outputs, {"h": outputs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh, dx = d_final_state["h"], []
        for d_output in d_outputs[::-1]:
            dx_t, dh = net.step_back(dh + d_output)
            dx.append(dx_t)
        return split_all(layouts, net.grads, params), np.array(dx[::-1]), {"h": dh}

    return forward, backward


def sgd(m):
    layouts = {"z": "R_z W_z b_z:", "r": "R_r W_r b_r:", "h": "R_n W_n b_n:"}

    def run(params, x, state):
        net = m.GRU(*join_all(layouts, params).values(), lr=1.0)
        return net, net.forward(columns(x), state["h"][:, None])

    def forward(params, x, state):
        _, hs = run(params, x, state)
        return np.array(hs)[:, :, 0], {"h": hs[-1][:, 0]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        before = {k: w.copy() for k, w in zip("zrh", (net.wz, net.wr, net.wh), strict=True)}
        dxs, dh0 = net.backward(columns(with_last(d_outputs, d_final_state["h"])))
        step = {k: before[k] - w for k, w in zip("zrh", (net.wz, net.wr, net.wh), strict=True)}
        return split_all(layouts, step, params), np.array(dxs)[:, :, 0], {"h": dh0[:, 0]}

    return one_by_one(forward, backward)


def steps(m):
    layouts = renamed("Wz=W_z Uz=R_z bz=b_z Wr=W_r Ur=R_r br=b_r Wh=W_n Uh=R_n bh=b_n")

    def run(params, x, state):
        h, hs, memories = state["h"], [], []
        for x_t in x:
            h, memory = m.step(x_t, h, **join_all(layouts, params))
            hs.append(h)
            memories.append(memory)
        return np.array(hs), memories

    def forward(params, x, state):
        hs, _ = run(params, x, state)
        return hs, {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        weights = {k: v for k, v in join_all(layouts, params).items() if k[0] != "b"}
        dh, dx, total = d_final_state["h"], [], {}
        for memory, d_output in zip(run(params, x, state)[1][::-1], d_outputs[::-1], strict=True):
            dx_t, dh, grads = m.step_backward(dh + d_output, memory, **weights)
            total = {k: total.get(k, 0) + v for k, v in grads.items()}
            dx.append(dx_t)
        return split_all(layouts, total, params), np.array(dx[::-1]), {"h": dh}

    return one_by_one(forward, backward)


def reset_after_plain(m):
    layouts = renamed("Wz=W_z Wr=W_r Wn=W_n Rz=R_z Rr=R_r Rn=R_n bz=b_z br=b_r bWn=b_Wn bRn=b_Rn")

    def forward(params, x, state):
        out, _ = m.forward(x, state["h"], join_all(layouts, params))
        return out, {"h": out[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        p = join_all(layouts, params)
        _, steps = m.forward(x, state["h"], p)
        g, dx, dh0 = m.backward(x, steps, p, d_outputs, d_final_state["h"])
        return split_all(layouts, g, params), dx, {"h": dh0}

    return forward, backward


def reset_after_batch_first(m):
    layouts = renamed("xz=W_z hz=R_z bz=b_z xr=W_r hr=R_r br=b_r xn=W_n hn=R_n bxn=b_Wn bhn=b_Rn", transpose="xh")

    def forward(params, x, state):
        outputs, _ = m.forward(x.swapaxes(0, 1), state["h"], join_all(layouts, params))
        return outputs.swapaxes(0, 1), {"h": outputs[:, -1]}

    def backward(params, x, state, d_outputs, d_final_state):
        w = join_all(layouts, params)
        _, caches = m.forward(x.swapaxes(0, 1), state["h"], w)
        dw, dx, dh0 = m.backward(d_outputs.swapaxes(0, 1), d_final_state["h"], caches, w)
        return split_all(layouts, dw, params), dx.swapaxes(0, 1), {"h": dh0}

    return forward, backward


def reset_after_fused(m):
    # weight_ih and weight_hh as PyTorch has them; of the two biases of r and z the cell has one, the hidden one here.
    weights = {"w_ih": "W_r; W_z; W_n", "w_hh": "R_r; R_z; R_n"}

    def arrays(params):
        zero = np.zeros_like(params["b_r"])
        b_ih = np.concatenate([zero, zero, params["b_Wn"]])
        return {**join_all(weights, params), "b_ih": b_ih, "b_hh": np.concatenate([params["b_r"], params["b_z"], params["b_Rn"]])}  # fmt: skip

    def forward(params, x, state):
        hs, _ = m.gru_forward(x, state["h"], **arrays(params))
        return hs[1:], {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = arrays(params)
        hs, gates = m.gru_forward(x, state["h"], **theirs)
        dy = with_last(d_outputs, d_final_state["h"])
        dx, dh, dw_ih, dw_hh, db_ih, db_hh = m.gru_backward(dy, x, hs, gates, theirs["w_ih"], theirs["w_hh"])
        b_r, b_z, b_Rn = np.split(db_hh, 3)
        biases = {"b_r": b_r, "b_z": b_z, "b_Rn": b_Rn, "b_Wn": np.split(db_ih, 3)[2]}
        return split_all(weights, {"w_ih": dw_ih, "w_hh": dw_hh}, params) | biases, dx, {"h": dh}

    return forward, backward


def reset_after_layer(m):
    kept = {}

    def run(params, x, state):
        net = kept.setdefault(params["W_z"].shape, m.ResetAfterGRU(*params["W_z"].shape[::-1]))
        for name, value in params.items():
            setattr(net, name.replace("_", ""), value)
        net.clear()
        return net, np.array(net.forward(x, state["h"]))

    def forward(params, x, state):
        _, outputs = run(params, x, state)
        return outputs, {"h": outputs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh0 = net.backward(d_outputs, d_final_state["h"])
        grads = {name: getattr(net, "g" + name.replace("_", "")) for name in params}
        return grads, np.array([net.gxs[t] for t in range(1, len(x) + 1)]), {"h": dh0}

    return forward, backward
