"""A GRU on torch tensors with its backward written out, under no_grad; the first state is zero."""

import torch


def gru(x, w, u, b):
    """x (T, N, D); w, u and b are lists in the order z, r, n."""
    h = torch.zeros(x.shape[1], u[0].shape[0], dtype=x.dtype)
    hs, saved = [], []
    for xt in x:
        z = torch.sigmoid(xt @ w[0].T + h @ u[0].T + b[0])
        r = torch.sigmoid(xt @ w[1].T + h @ u[1].T + b[1])
        n = torch.tanh(xt @ w[2].T + (r * h) @ u[2].T + b[2])
        saved.append((xt, h, z, r, n))
        h = z * h + (1 - z) * n
        hs.append(h)
    return torch.stack(hs), saved


@torch.no_grad()
def gru_backward(dhs, saved, w, u, b):
    dw, du, db = ([torch.zeros_like(p) for p in group] for group in (w, u, b))
    dxs = []
    carry = torch.zeros_like(dhs[0])
    for t in reversed(range(len(saved))):
        x, h, z, r, n = saved[t]
        dh = dhs[t] + carry
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        drh = dn @ u[2]
        dr = drh * h * r * (1 - r)
        for k, (delta, before) in enumerate(((dz, h), (dr, h), (dn, r * h))):
            dw[k] += delta.T @ x
            du[k] += delta.T @ before
            db[k] += delta.sum(0)
        dxs.insert(0, dz @ w[0] + dr @ w[1] + dn @ w[2])
        carry = dh * z + dz @ u[0] + dr @ u[1] + drh * r
    return dw, du, db, torch.stack(dxs)
