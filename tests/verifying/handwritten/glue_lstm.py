"""The hand-written LSTMs, with and without peepholes, as canonical callables."""

import numpy as np

from .blocks import columns, join, join_all, one_by_one, renamed, split, split_all, with_last


def plain(m):
    def forward(params, x, state):
        hs, h, c, _ = m.lstm_forward(x, state["h"], state["c"], params)
        return hs, {"h": h, "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        *_, tape = m.lstm_forward(x, state["h"], state["c"], params)
        d, dx, dh0, dc0 = m.lstm_backward(x, tape, params, d_outputs, d_final_state["h"], d_final_state["c"])
        return d, dx, {"h": dh0, "c": dc0}

    return forward, backward


def batch_first(m):
    names = "Wxi=W_i Wxf=W_f Wxo=W_o Wxc=W_g Whi=R_i Whf=R_f Who=R_o Whc=R_g bi=b_i bf=b_f bo=b_o bc=b_g"
    layouts = renamed(names, transpose="W")

    def forward(params, x, state):
        H, h, c, _ = m.forward(x.swapaxes(0, 1), state["h"], state["c"], join_all(layouts, params))
        return H.swapaxes(0, 1), {"h": h, "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        *_, cache = m.forward(x.swapaxes(0, 1), state["h"], state["c"], theirs)
        dH = d_outputs.swapaxes(0, 1)
        grads, dX, dh0, dc0 = m.backward(dH, cache, theirs, d_final_state["h"], d_final_state["c"])
        return split_all(layouts, grads, params), dX.swapaxes(0, 1), {"h": dh0, "c": dc0}

    return forward, backward


def fused(m):
    layouts = {"Wx": "W_i.T W_f.T W_o.T W_g.T", "Wh": "R_i.T R_f.T R_o.T R_g.T", "b": "b_i b_f b_o b_g"}

    def forward(params, x, state):
        h, c, _ = m.lstm_forward(x.swapaxes(0, 1), state["h"], state["c"], **join_all(layouts, params))
        return h.swapaxes(0, 1), {"h": h[:, -1], "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        *_, cache = m.lstm_forward(x.swapaxes(0, 1), state["h"], state["c"], **join_all(layouts, params))
        dh = with_last(d_outputs, d_final_state["h"]).swapaxes(0, 1)
        dx, dh0, dc0, dWx, dWh, db = m.lstm_backward(dh, d_final_state["c"], cache)
        grads = split_all(layouts, {"Wx": dWx, "Wh": dWh, "b": db}, params)
        return grads, dx.swapaxes(0, 1), {"h": dh0, "c": dc0}

    return forward, backward


def bias_row(m):
    layout = "b_i b_f b_o b_g; W_i.T W_f.T W_o.T W_g.T; R_i.T R_f.T R_o.T R_g.T"

    def forward(params, x, state):
        H, c, h, _ = m.forward(x, join(layout, params), state["c"], state["h"])
        return H, {"h": h, "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        *_, cache = m.forward(x, join(layout, params), state["c"], state["h"])
        dX, dW, dc0, dh0 = m.backward(d_outputs, cache, d_final_state["c"], d_final_state["h"])
        return split(layout, dW, params), dX, {"h": dh0, "c": dc0}

    return forward, backward


def layer(m):
    kept = {}
    gates = {"i": "input_gate", "f": "forget_gate", "o": "output_gate", "g": "candidate"}

    def run(params, x, state):
        net = kept.setdefault(params["W_i"].shape, m.LSTM(*params["W_i"].shape[::-1]))
        for k, name in gates.items():
            gate = getattr(net, name)
            gate.W, gate.U, gate.b = params["W_" + k], params["R_" + k], params["b_" + k]
        net.zero_grad()
        return net, np.array(net.forward(x, state["h"], state["c"]))

    def forward(params, x, state):
        net, outputs = run(params, x, state)
        return outputs, {"h": net.h[-1], "c": net.c[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh0, dc0 = net.backward(d_outputs, d_final_state["h"], d_final_state["c"])
        grads = {f"{p}_{k}": getattr(getattr(net, n), a) for k, n in gates.items() for p, a in zip("WRb", ("gW", "gU", "gb"), strict=True)}  # fmt: skip
        return grads, np.array(net.dx[1:]), {"h": dh0, "c": dc0}

    return forward, backward


def steps(m):
    layouts = {"W" + theirs: f"R_{k} W_{k}" for theirs, k in zip("fico", "figo", strict=True)}
    layouts |= {"b" + theirs: f"b_{k}:" for theirs, k in zip("fico", "figo", strict=True)}

    def run(params, x, state):
        theirs, h, c, caches = join_all(layouts, params), state["h"].T, state["c"].T, []
        for x_t in x:
            h, c, cache = m.lstm_cell_forward(x_t.T, h, c, theirs)
            caches.append(cache)
        return h.T, c.T, caches

    def forward(params, x, state):
        h, c, caches = run(params, x, state)
        return np.array([cache[0].T for cache in caches]), {"h": h, "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        dh, dc, dx, total = d_final_state["h"].T, d_final_state["c"].T, [], {}
        for cache, d_output in zip(run(params, x, state)[2][::-1], d_outputs[::-1], strict=True):
            dx_t, dh, dc, grads = m.lstm_cell_backward(dh + d_output.T, dc, cache)
            total = {k: total.get(k, 0) + v for k, v in grads.items()}
            dx.append(dx_t.T)
        return split_all(layouts, total, params), np.array(dx[::-1]), {"h": dh.T, "c": dc.T}

    return forward, backward


def column(m):
    layouts = {"W_" + theirs: f"R_{k} W_{k}" for theirs, k in zip("fiCo", "figo", strict=True)}
    layouts |= {"b_" + theirs: f"b_{k}:" for theirs, k in zip("fiCo", "figo", strict=True)}

    def forward(params, x, state):
        h, c = state["h"][:, None], state["c"][:, None]
        hs, cs = m.forward_backward(columns(x), None, h, c, None, None, join_all(layouts, params))
        final = {"h": hs[len(x) - 1][:, 0], "c": cs[len(x) - 1][:, 0]}
        return np.array([hs[t][:, 0] for t in range(len(x))]), final

    def backward(params, x, state, d_outputs, d_final_state):
        h, c, dh, dc = (v[k][:, None] for v in (state, d_final_state) for k in "hc")
        theirs = join_all(layouts, params)
        d, dxs, dh0, dc0 = m.forward_backward(columns(x), columns(d_outputs), h, c, dh, dc, theirs)
        dx = np.array([dxs[t][:, 0] for t in range(len(x))])
        return split_all(layouts, d, params), dx, {"h": dh0[:, 0], "c": dc0[:, 0]}

    return one_by_one(forward, backward)


def last(m):
    groups = [{k: f"{p}_{ours}{end}" for k, ours in zip("ifoz", "ifog", strict=True)} for p, end in ("W ", "R ", "b:")]

    def run(params, x, state):
        weights = [join_all(group, params) for group in groups]
        return weights, *m.encode(x.transpose(2, 1, 0), state["h"].T, state["c"].T, *weights)

    def forward(params, x, state):
        _, h, c, _ = run(params, x, state)
        return None, {"h": h.T, "c": c.T}

    def backward(params, x, state, d_final_state):
        weights, _, _, trace = run(params, x, state)
        dW, dU, db, dX, dh0, dc0 = m.encode_grad(d_final_state["h"].T, d_final_state["c"].T, trace, *weights)
        grads = [split_all(group, d, params) for group, d in zip(groups, (dW, dU, db), strict=True)]
        return grads[0] | grads[1] | grads[2], dX.transpose(2, 1, 0), {"h": dh0.T, "c": dc0.T}

    return forward, backward


def peephole_plain(m):
    names = "Wi=W_i Wf=W_f Wz=W_g Wo=W_o Ri=R_i Rf=R_f Rz=R_g Ro=R_o bi=b_i bf=b_f bz=b_g bo=b_o pi=p_i pf=p_f po=p_o"
    layouts = renamed(names)

    def forward(params, x, state):
        y, c, *_ = m.forward(x, state["h"], state["c"], join_all(layouts, params))
        return y[1:], {"h": y[-1], "c": c[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        cache = m.forward(x, state["h"], state["c"], theirs)
        grad, dx, dh0, dc0 = m.backward(x, *cache, theirs, d_outputs, d_final_state["h"], d_final_state["c"])
        return split_all(layouts, grad, params), dx, {"h": dh0, "c": dc0}

    return forward, backward


def peephole_batch_first(m):
    groups = [{k: f"{p}_{k}{end}" for k in gates} for p, gates, end in (("W", "ifgo", ".T"), ("R", "ifgo", ".T"), ("p", "ifo", ""), ("b", "ifgo", ""))]  # fmt: skip

    def forward(params, x, state):
        weights = [join_all(group, params) for group in groups]
        hs, cs, _ = m.run(x.swapaxes(0, 1), state["h"], state["c"], *weights)
        return np.array(hs[1:]), {"h": hs[-1], "c": cs[-1]}

    def backward(params, x, state, d_outputs):
        weights, X = [join_all(group, params) for group in groups], x.swapaxes(0, 1)
        hs, cs, gates = m.run(X, state["h"], state["c"], *weights)
        *grads, dX, dh0, dc0 = m.gradients(X, hs, cs, gates, d_outputs.swapaxes(0, 1), *weights)
        d_params = {
            k: v for group, d in zip(groups, grads, strict=True) for k, v in split_all(group, d, params).items()
        }
        return d_params, dX.swapaxes(0, 1), {"h": dh0, "c": dc0}

    return forward, backward


def peephole_fused(m):
    layouts = {"W": "W_g; W_i; W_f; W_o", "R": "R_g; R_i; R_f; R_o", "P": "p_i; p_f; p_o", "b": "b_g b_i b_f b_o"}

    def forward(params, x, state):
        out, h, c, _ = m.forward(x, state["h"], state["c"], **join_all(layouts, params))
        return out, {"h": h, "c": c}

    def backward(params, x, state, d_outputs, d_final_state):
        theirs = join_all(layouts, params)
        *_, saved = m.forward(x, state["h"], state["c"], **theirs)
        weights = theirs["W"], theirs["R"], theirs["P"]
        *grads, dx, dh0, dc0 = m.backward(d_outputs, d_final_state["h"], d_final_state["c"], x, saved, *weights)
        return split_all(layouts, dict(zip("WRPb", grads, strict=True)), params), dx, {"h": dh0, "c": dc0}

    return forward, backward


def peephole_layer(m):
    kept = {}

    def run(params, x, state):
        net = kept.setdefault(params["W_i"].shape, m.PeepholeLSTM(*params["W_i"].shape[::-1]))
        for name, value in params.items():
            setattr(net, name.replace("R", "U").replace("_", ""), value)
        return net, net.forward(x, state["h"], state["c"])

    def forward(params, x, state):
        net, outputs = run(params, x, state)
        return outputs, {"h": net.hs[-1], "c": net.cs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh0, dc0 = net.backward(d_outputs, d_final_state["h"], d_final_state["c"])
        grads = {name: getattr(net, "d" + name.replace("R", "U").replace("_", "")) for name in params}
        return grads, np.array(net.dxs), {"h": dh0, "c": dc0}

    return forward, backward
