"""Texts that more than one test asks about."""

LAST = """
def rnn_forward(x, h0, W, U, b):
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ W + hs[-1] @ U + b))
    return np.stack(hs[1:], axis=1), (x, hs, W, U)

def rnn_backward(dh, cache):
    x, hs, W, U = cache
    dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(U.shape[0])
    carry = dh[:, -1]
    for t in reversed(range(x.shape[1])):
        da = carry * (1 - hs[t + 1] ** 2)
        dx[:, t], carry = da @ W.T, da @ U.T
        dW += x[:, t].T @ da
        dU += hs[t].T @ da
        db += da.sum(0)
    dh0 = carry
    return dx, dh0, dW, dU, db
"""
