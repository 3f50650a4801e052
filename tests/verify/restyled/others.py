"""What may stand in a note beside its model: other models, and lines that say nothing of any."""

from __future__ import annotations

MODELS = {
    "rnn of other letters": r"""
## A simple network

$$ s_t = \tanh(A u_t + B s_{t-1} + d) $$
$$ q_t = C s_t + e $$
$$ \frac{\partial E}{\partial A} = \sum_t \left(\frac{\partial E}{\partial s_t} \odot (1 - s_t^2)\right) u_t^\top $$
""",
    "rnn of the same letters": r"""
## A simple network

The plain network has no gates:

$$ h_t = \tanh(W_{xh} x_t + W_{hh} h_{t-1} + b_h) $$
$$ y_t = W_{hy} h_t + b_y $$
$$ \frac{\partial L}{\partial W_{hh}} = \sum_t (\frac{\partial L}{\partial h_t} \odot (1 - h_t^2)) h_{t-1}^\top $$
""",
    "lstm": r"""
## LSTM

$$ f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f) $$
$$ i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) $$
$$ o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o) $$
$$ \tilde{c}_t = \tanh(W_c x_t + U_c h_{t-1} + b_c) $$
$$ c_t = f_t \odot c_{t-1} + i_t \odot \tilde{c}_t $$
$$ h_t = o_t \odot \tanh(c_t) $$
$$ \frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot \tanh(c_t) $$
""",
    "gru": r"""
## GRU

$$ \begin{aligned}
z_t &= \sigma(W_z x_t + U_z h_{t-1} + b_z) \\
r_t &= \sigma(W_r x_t + U_r h_{t-1} + b_r) \\
\tilde{h}_t &= \tanh(W_h x_t + U_h (r_t \odot h_{t-1}) + b_h) \\
h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot \tilde{h}_t
\end{aligned} $$

$$ \frac{\partial h_t}{\partial \tilde{h}_t} = \operatorname{diag}(z_t) $$
""",
    "layer": r"""
## A layer without time

$$ z = W x + b, \quad a = \sigma(z), \quad \hat{y} = \operatorname{softmax}(V a + c) $$
$$ \frac{\partial L}{\partial W} = \left((V^\top (\hat{y} - y)) \odot a \odot (1 - a)\right) x^\top $$
""",
    "attention": r"""
## Attention

$$ e_{tj} = v_a^\top \tanh(W_a s_{t-1} + U_a h_j) $$
$$ \alpha_{tj} = \frac{\exp(e_{tj})}{\sum_k \exp(e_{tk})}, \qquad c_t = \sum_j \alpha_{tj} h_j $$
$$ \operatorname{Attention}(Q, K, V) = \operatorname{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V $$
""",
    "optimizer": r"""
## Training

$$ \theta \leftarrow \theta - \eta \nabla_\theta L $$
$$ m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 $$
$$ \theta_t = \theta_{t-1} - \eta \frac{m_t}{\sqrt{v_t} + \epsilon} $$
$$ W = W - \alpha \frac{\partial L}{\partial W} $$
""",
    "loss": r"""
## Losses in general

$$ L(\hat{y}, y) = \frac{1}{N} \sum_{i=1}^{N} (\hat{y}_i - y_i)^2 $$
$$ L(\hat{y}, y) = -\sum_{k} y_k \log \hat{y}_k $$
""",
}

LINES = {
    "nonsense": r"$$ Q = \operatorname{foo}(\star) $$",
    "inequality": r"$$ \|q\| \le \gamma < 1 $$",
    "dimension count": r"$$ 4(n m + n^2 + n) $$",
    "order": "The cost is $$O(T)$$ in all.",
    "update": r"$$ \theta \leftarrow \theta - \eta \nabla_\theta L $$",
    "probability": r"$$ p(x_1, \ldots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \ldots, x_{t-1}) $$",
    "numbers": r"$$ \tanh(0.5 \cdot 1 + 0.3 \cdot 0) = 0.462 $$",
    "piecewise": r"$$ \operatorname{ReLU}(x) = \begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases} $$",
    "sigmoid": r"$$ \sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \sigma'(x) = \sigma(x)(1 - \sigma(x)) $$",
    "code": (
        "```python\nfor t in range(len(inputs)):\n    xs[t] = one_hot(inputs[t])\n"
        "    hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t-1] + bh)\n    ys[t] = Why @ hs[t] + by\n```"
    ),
    "table": "| name | shape |\n|---|---|\n| input | (T, B, D) |\n| hidden state | (T, B, H) |",
    "ellipsis": r"$$ \vdots $$",
    "unfinished": "$$ h_t = $$",
    "unfinished loss": "$$ L = $$",
    "general": r"$$ h_t = f(h_{t-1}, x_t) $$",
    "generating": r"$$ x_{t+1} \sim \operatorname{softmax}(q_t) $$",
    "argmax": r"$$ k^* = \arg\max_k p_k $$",
    "clipping": r"$$ g \leftarrow \frac{\tau}{\|g\|} g \quad \text{if } \|g\| > \tau $$",
    "broken": r"$$ h_t = \tanh(W x_t + $$",
    "unrolled": r"$$ h_1 \to h_2 \to \cdots \to h_T $$",
    "start": "$$ h_0 = 0 $$",
}
