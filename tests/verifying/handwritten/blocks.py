"""Between the cell's own arrays and a person's: stacked, transposed and renamed ones, and one sequence at a time.

A layout is a text such as `W_i.T W_f.T; R_i.T R_f.T`: a space sets blocks side by side, a semicolon below each other,
`.T` transposes, and `b_i:` is the vector as a column.
"""

import numpy as np


def _terms(layout):
    return [row.split() for row in layout.split(";")]


def _block(term, params):
    if term.endswith(".T"):
        return params[term[:-2]].T
    return params[term[:-1]][:, None] if term.endswith(":") else params[term]


def join(layout, params):
    """The person's array that a layout describes; an array that is just one of the cell's is not copied."""
    rows = _terms(layout)
    if rows == [rows[0][:1]]:
        return _block(rows[0][0], params)
    joined = [np.concatenate([_block(term, params) for term in row], axis=-1) for row in rows]
    return joined[0] if len(joined) == 1 else np.concatenate([np.atleast_2d(row) for row in joined])


def split(layout, array, params):
    """What `join` joined, taken apart again: a gradient in the person's layout by the names of the cell."""
    array, parts, top = np.atleast_2d(array), {}, 0
    for row in _terms(layout):
        left = 0
        for term in row:
            height, width = np.atleast_2d(_block(term, params)).shape
            piece, name = array[top : top + height, left : left + width], term.removesuffix(".T").rstrip(":")
            parts[name] = (piece.T if term.endswith(".T") else piece).reshape(params[name].shape)
            left += width
        top += height
    return parts


def join_all(layouts, params):
    return {theirs: join(layout, params) for theirs, layout in layouts.items()}


def split_all(layouts, grads, params):
    parts = {}
    for theirs, layout in layouts.items():
        parts.update(split(layout, grads[theirs], params))
    return parts


def renamed(theirs_to_ours, transpose=""):
    """Layouts from pairs of names such as `Wxi=W_i`; the person's matrices whose names start with one of `transpose` are transposed."""
    pairs = [pair.split("=") for pair in theirs_to_ours.split()]
    return {theirs: ours + (".T" if transpose and theirs[0] in transpose else "") for theirs, ours in pairs}


def with_last(d_outputs, d_final):
    """For code that takes no gradient of the final state: what it adds up to at the last step's output."""
    return np.concatenate([d_outputs[:-1], (d_outputs[-1] + d_final)[None]])


def columns(sequence):
    """(T, n) as a list of columns (n, 1)."""
    return [step[:, None] for step in sequence]


def one_by_one(forward, backward):
    """The canonical pair from functions of one sequence: x (T, m), states and final states (n,), outputs (T, n)."""

    def forward_all(params, x, state):
        results = [forward(params, x[:, j], {k: v[j] for k, v in state.items()}) for j in range(x.shape[1])]
        final = {k: np.stack([last[k] for _, last in results]) for k in state}
        return np.stack([outputs for outputs, _ in results], axis=1), final

    def backward_all(params, x, state, d_outputs, d_final_state):
        results = [
            backward(
                params,
                x[:, j],
                {k: v[j] for k, v in state.items()},
                d_outputs[:, j],
                {k: v[j] for k, v in d_final_state.items()},
            )
            for j in range(x.shape[1])
        ]
        d_params = {k: sum(d[k] for d, _, _ in results) for k in params}
        d_x = np.stack([dx for _, dx, _ in results], axis=1)
        return d_params, d_x, {k: np.stack([d[k] for _, _, d in results]) for k in state}

    return forward_all, backward_all
