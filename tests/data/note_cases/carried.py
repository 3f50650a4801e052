"""
for t in range(T):
    h_t = tanh(W @ x_t + U @ h_prev)
    y_t = V @ h_t
    h_prev = h_t

for t in reversed(range(T)):
    dL_dh = V.T @ dL_dy + dh_next
    dL_dV += outer(dL_dy, h[t])
    dL_dV += outer(dL_dh, h[t])
"""
