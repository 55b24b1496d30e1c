"""A sheet of formulas evaluated line by line, one sequence and one step at a time: slow, and plain to see through."""

from functools import cache

import numpy as np


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _softmax(a):
    return np.exp(a) / np.exp(a).sum()


_FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "outer": np.outer,
    "dot": np.dot,
    "sum": np.sum,
    "diag": np.diag,
}


@cache
def _compiled(formula):
    return compile(formula, formula, "eval")


def _value(formula, names):
    return eval(_compiled(formula), {"__builtins__": {}, **_FUNCTIONS}, names)


def _lines(text):
    return [line.split(" = ", 1) for line in text.splitlines()]


@cache
def _in_order(text, changed):
    """The backward lines with some changed, each after the lines that it reads: a wrong formula may read later ones."""
    waiting = [(name, dict(changed).get(name, formula)) for name, formula in _lines(text) if not name.endswith("_0")]
    ordered = []
    while waiting:
        unknown = {name for name, _ in waiting if name.startswith("delta_")}
        ready = [line for line in waiting if not unknown & set(_compiled(line[1]).co_names)]
        assert ready, f"formulas that read each other: {sorted(unknown)}"
        ordered += ready
        waiting = [line for line in waiting if line not in ready]
    return ordered


def steps(sheet, params, x, state):
    """The values of every name at each step of one sequence: x (T, m), states without a batch axis."""
    found = []
    for t, x_t in enumerate(x, start=1):
        names = {**params, "x": x_t, "t": t, "T": len(x), **{f"{s}_prev": v for s, v in state.items()}}
        for name, formula in _lines(sheet.forward):
            names[name] = _value(formula, names)
        state = {s: names[s] for s in state}
        found.append(names)
    return found


def forward(sheet, params, x, state):
    """The canonical forward pass: x (T, N, m), states with a batch axis."""
    runs = [steps(sheet, params, x[:, j], {s: v[j] for s, v in state.items()}) for j in range(x.shape[1])]
    outputs = np.stack([np.stack([names[sheet.output] for names in run]) for run in runs], axis=1)
    return outputs, {s: np.stack([run[-1][s] for run in runs]) for s in state}


def _one(sheet, changed, params, x, state, d_outputs, d_final, N):
    found = steps(sheet, params, x, state)
    carry = {f"carry_{s}": v for s, v in d_final.items()}
    lines = _in_order(sheet.backward, tuple(changed.items()))
    grads, dx = {}, [None] * len(x)
    for t in range(len(x), 0, -1):
        # A wrong formula may look at any value of the step before or of the last step, too.
        names = {f"{k}_last": v for k, v in found[-1].items()}
        names |= {f"{k}_prev": v for k, v in found[t - 2].items()} if t > 1 else {}
        names |= {**found[t - 1], **carry, "N": N, f"upstream_{sheet.output}": d_outputs[t - 1]}
        names[f"upstream_{sheet.output}_last"] = d_outputs[-1]
        passed = dict(carry)
        for name, formula in lines:
            value = _value(formula, names)
            if name in carry:
                passed[name] = value
            elif name == "grad_x":
                dx[t - 1] = value
            elif name.startswith("grad_"):
                grads[name] = grads.get(name, 0) + value
            else:
                names[name] = value
        carry = passed
    initial = {f"grad_{s}_0": _value(changed.get(f"grad_{s}_0", f"carry_{s}"), {**names, **carry}) for s in state}
    return (
        {p: grads[f"grad_{p}"] for p in params},
        np.stack(dx),
        {s: initial[f"grad_{s}_0"] + 0 * state[s] for s in state},
    )


def backward(sheet, params, x, state, d_outputs, d_final_state, changed=None):
    """The canonical backward pass by the sheet's formulas, some of them changed: a dict from a left side to a right one."""
    runs = [
        _one(
            sheet,
            changed or {},
            params,
            x[:, j],
            {s: v[j] for s, v in state.items()},
            d_outputs[:, j],
            {s: v[j] for s, v in d_final_state.items()},
            x.shape[1],
        )
        for j in range(x.shape[1])
    ]
    d_params = {p: sum(run[0][p] for run in runs) for p in params}
    return (
        d_params,
        np.stack([run[1] for run in runs], axis=1),
        {s: np.stack([run[2][s] for run in runs]) for s in state},
    )
