"""An RNN for torch with the step as an autograd function; a sequence starts from zeros."""

import torch


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, W, R, b):
        new = torch.tanh(x @ W.t() + h @ R.t() + b)
        ctx.save_for_backward(x, h, W, R, new)
        return new

    @staticmethod
    def backward(ctx, grad):
        x, h, W, R, new = ctx.saved_tensors
        da = grad * (1 - new * new)
        return da @ W, da @ R, da.t() @ x, da.t() @ h, da.sum(0)


def forward(x, W, R, b):
    h = x.new_zeros(x.shape[1], R.shape[0])
    outputs = []
    for t in range(x.shape[0]):
        h = Step.apply(x[t], h, W, R, b)
        outputs.append(h)
    return torch.stack(outputs)
