"""An autograd.Function with its own backward pass over the whole sequence."""

import torch


class RNNFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, W, U, b):
        hs = [h0]
        for t in range(x.shape[0]):
            hs.append(torch.tanh(x[t] @ W.t() + hs[-1] @ U.t() + b))
        ctx.save_for_backward(x, W, U, *hs)
        return torch.stack(hs[1:])

    @staticmethod
    def backward(ctx, dout):
        x, W, U, *hs = ctx.saved_tensors
        dx, dW, dU = torch.zeros_like(x), torch.zeros_like(W), torch.zeros_like(U)
        db = torch.zeros(W.shape[0], dtype=x.dtype)
        dh_next = torch.zeros_like(hs[0])
        for t in reversed(range(x.shape[0])):
            dh = dout[t] + dh_next
            da = dh * (1 - hs[t + 1] ** 2)
            dW += da.T @ x[t]
            dU += da.T @ hs[t]
            db += da.sum(dim=0)
            dx[t] = da @ W
            dh_next = da @ U
        return dx, dh_next, dW, dU, db
