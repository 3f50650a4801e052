# ruff: noqa: E501 - lines of generated files are as long as they are
"""Code written at random: protocol x layout x order of gates x names x planted mistakes, as text of a file.

Every variant is put together from the same few lines, so that what is planted is known; none of it is run by the code
under test before it is judged.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

GATES = {"rnn": "a", "lstm": "ifog", "gru": "zrn"}
STYLES = ("rows", "time first", "columns", "dict", "class", "layer")
NAMES = (
    ("x", "h0", "Wx", "Wh", "b"),
    ("inputs", "h_init", "W_in", "W_rec", "bias"),
    ("X", "h_prev", "Wxh", "Whh", "bh"),
)

FORWARD = {
    "rnn": "new = np.tanh(a)\n    kept = (new,)",
    "lstm": "{gates} = {split}\n    i, f, o, g = sig(i), sig(f), sig(o), np.tanh(g)\n    nc = f * c + i * g\n"
    "    new = o * np.tanh(nc)\n    kept = (i, f, o, g, c, nc)\n    c = nc",
    "gru": "ax, ah = xs[t] @ Wx + b, h @ Wh\n    z = sig(ax[:, {z}] + ah[:, {z}])\n    r = sig(ax[:, {r}] + ah[:, {r}])\n"
    "    n = np.tanh(ax[:, {n}] + (r * h) @ Wh[:, {n}])\n    new = (1 - z) * h + z * n\n    kept = (z, r, n)",
}
BACKWARD = {
    "rnn": "(new,) = kept\n    da = dh * (1 - {slope}new{end} ** 2)\n    dWh_t = h.T @ da\n    dh = da @ Wh{T}",
    "lstm": "i, f, o, g, c0, nc = kept\n    tc = np.tanh(nc)\n    dc = {dc}dh * o * (1 - tc ** 2)\n"
    "    parts = dict(i=dc * g * i * (1 - i), f=dc * c0 * f * (1 - f), o=dh * tc * o * (1 - o), "
    "g=dc * i * (1 - {slope}g{end} ** 2))\n    da = np.hstack([parts[k] for k in {order!r}])\n    dc = dc * f\n"
    "    dWh_t = h.T @ da\n    dh = da @ Wh.T",
    "gru": "z, r, n = kept\n    dn = dh * z * (1 - {slope}n{end} ** 2)\n    dz = dh * (n - h) * z * (1 - z)\n"
    "    dm = dn @ Wh[:, {n}].T\n    dr = dm * h * r * (1 - r)\n    parts = dict(z=dz, r=dr, n=dn)\n"
    "    da = np.hstack([parts[k] for k in {order!r}])\n    left = dict(z=h, r=h, n=r * h)\n"
    "    dWh_t = np.hstack([left[k].T @ parts[k] for k in {order!r}])\n"
    "    dh = {keep}dm * r + dz @ Wh[:, {z}].T + dr @ Wh[:, {r}].T",
}

MISTAKES = {
    "no carry": ("carry", ("rnn", "lstm", "gru")),
    "no carry of c": ("carry", ("lstm",)),
    "overwritten": ("overwritten", ("rnn", "lstm", "gru")),
    "mean": ("1/b", ("rnn", "lstm", "gru")),
    "twice": ("multiplied by 2", ("rnn", "lstm", "gru")),
    "first step": ("first step|t = 0", ("rnn", "lstm", "gru")),
    "last step": ("last step|not counted", ("rnn", "lstm", "gru")),
    "slope": ("slope", ("rnn", "lstm", "gru")),
    "not transposed": ("transpose", ("rnn",)),
    "keep": ("1 - z|path|carry", ("gru",)),
    "last 5": ("5|truncat", ("rnn", "lstm", "gru")),
    "sign": ("-1|sign", ("rnn", "lstm", "gru")),
}
"""What is planted, words that the answer must hold, and the cells in which it can be."""


@dataclass(frozen=True)
class Variant:
    """A file, the target in it, the cell, and what was planted."""

    text: str
    target: str
    cell: str
    mistake: str

    @property
    def words(self) -> str:
        return MISTAKES[self.mistake][0] if self.mistake else ""


def variant(seed: int, mistake: str = "", style: str = "") -> Variant:
    """A file at random with one mistake planted in it, or none."""
    rng = random.Random(seed)
    cell = rng.choice(MISTAKES[mistake][1] if mistake else list(GATES))
    style = style or rng.choice(STYLES)
    order = "".join(rng.sample(GATES[cell], len(GATES[cell])))
    text = f"import numpy as np\n\n\ndef sig(a):\n    return 1 / (1 + np.exp(-a))\n\n\n{_passes(cell, order, mistake)}"
    names = rng.choice(NAMES)
    wrapped, target = _wrapped(style, names, len(order))
    named = {"rnn": "rnn", "lstm": "lstm", "gru": "gru"}[cell]
    return Variant(text + wrapped, target, named, mistake)


def _passes(cell: str, order: str, mistake: str) -> str:
    H = "H"
    slices = {k: f"{p} * {H}:{p + 1} * {H}" for p, k in enumerate(order)}
    split = ", ".join(f"a[:, {slices[k]}]" for k in "ifog" if k in slices)
    forward = FORWARD[cell].format(gates="i, f, o, g", split=split, **(slices if cell == "gru" else {}))
    backward = BACKWARD[cell].format(
        slope="np.tanh(" if mistake == "slope" else "",
        end=")" if mistake == "slope" else "",
        T="" if mistake == "not transposed" else ".T",
        dc="" if mistake == "no carry of c" else "dc + ",
        keep="" if mistake == "keep" else "dh * (1 - z) + ",
        order=order,
        **(slices if cell == "gru" else {}),
    )
    start = {
        "first step": "range(T - 1, 0, -1)",
        "last step": "range(T - 2, -1, -1)",
        "last 5": "range(T - 1, max(-1, T - 6), -1)",
    }
    loop = start.get(mistake, "range(T - 1, -1, -1)")
    add = "=" if mistake == "overwritten" else "+="
    scale = {"mean": " / B", "twice": " * 2", "sign": " * -1"}.get(mistake, "")
    carry = "dhs[t]" if mistake == "no carry" else "dhs[t] + dh"
    return f'''def passes(xs, h, Wx, Wh, b):
    """xs (T, B, D) -> states (T, B, H) and what the way back needs."""
    H, c, out, steps = Wh.shape[0], np.zeros_like(h), [], []
    for t in range(len(xs)):
        a = xs[t] @ Wx + h @ Wh + b
{_in(forward)}
        steps.append((h, kept))
        h = new
        out.append(h)
    return np.array(out), (xs, steps, Wx, Wh)


def back(dhs, cache):
    xs, steps, Wx, Wh = cache
    T, B, H = dhs.shape
    dxs, dWx, dWh, db = np.zeros_like(xs), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[1])
    dh, dc = np.zeros((B, H)), np.zeros((B, H))
    for t in {loop}:
        h, kept = steps[t]
        dh = {carry}
{_in(backward)}
        dWx += xs[t].T @ da
        dWh {add} dWh_t
        db += da.sum(0)
        dxs[t] = da @ Wx.T
    return dxs, dh, dWx, dWh{scale}, db


'''


def _in(lines: str) -> str:
    return "\n".join(f"        {line.strip()}" for line in lines.splitlines())


def _wrapped(style: str, names: tuple[str, ...], gates: int) -> tuple[str, str]:
    x, h, Wx, Wh, b = names
    if style in ("rows", "time first"):
        turn = ".swapaxes(0, 1)" if style == "rows" else ""
        return (
            f"def my_forward({x}, {h}, {Wx}, {Wh}, {b}):\n    hs, cache = passes({x}{turn}, {h}, {Wx}, {Wh}, {b})\n"
            f"    return hs{turn}, cache\n\n\ndef my_backward(dhs, cache):\n    dxs, dh, dWx, dWh, db = back(dhs{turn}, cache)\n"
            f"    return dxs{turn}, dh, dWx, dWh, db\n",
            "my_backward",
        )
    if style == "columns":
        return (
            f"def my_forward({x}, {h}, {Wx}, {Wh}, {b}):\n"
            f"    hs, cache = passes({x}.transpose(2, 1, 0), {h}.T, {Wx}.T, {Wh}.T, {b}[:, 0])\n"
            "    return hs.transpose(2, 1, 0), cache\n\n\ndef my_backward(dhs, cache):\n"
            "    dxs, dh, dWx, dWh, db = back(dhs.transpose(2, 1, 0), cache)\n"
            "    return dxs.transpose(2, 1, 0), dh.T, dWx.T, dWh.T, db[:, None]\n",
            "my_backward",
        )
    if style == "dict":
        return (
            f"def my_forward(params, {x}, {h}):\n"
            f'    hs, cache = passes({x}, {h}, params["{Wx}"].T, params["{Wh}"].T, params["{b}"])\n    return hs, cache\n\n\n'
            "def my_backward(cache, dhs):\n    dxs, dh, dWx, dWh, db = back(dhs, cache)\n"
            f'    return {{"{x}": dxs, "{h}": dh, "{Wx}": dWx.T, "{Wh}": dWh.T, "{b}": db}}\n',
            "my_backward",
        )
    if style == "class":
        return (
            f"class Net:\n    def __init__(self, input_size, hidden_size):\n        k = {gates} * hidden_size\n"
            f"        self.{Wx} = np.random.randn(input_size, k)\n        self.{Wh} = np.random.randn(hidden_size, k)\n"
            f"        self.{b} = np.zeros(k)\n\n    def forward(self, x):\n        h = np.zeros((x.shape[0], self.{Wh}.shape[0]))\n"
            f"        hs, self.cache = passes(x.swapaxes(0, 1), h, self.{Wx}, self.{Wh}, self.{b})\n"
            "        return hs.swapaxes(0, 1)\n\n    def backward(self, d_out):\n"
            f"        dx, self.dh, self.d{Wx}, self.d{Wh}, self.d{b} = back(d_out.swapaxes(0, 1), self.cache)\n"
            "        return dx.swapaxes(0, 1)\n",
            "Net",
        )
    return (
        "class Layer:\n    def __init__(self, Wx, Wh, b):\n        self.params = [Wx, Wh, b]\n"
        "        self.grads = [np.zeros_like(p) for p in self.params]\n        self.h = None\n\n    def forward(self, xs):\n"
        "        h = np.zeros((xs.shape[0], self.params[1].shape[0])) if self.h is None else self.h\n"
        "        hs, self.cache = passes(xs.swapaxes(0, 1), h, *self.params)\n        return hs.swapaxes(0, 1)\n\n"
        "    def backward(self, dhs):\n        dxs, self.dh, *grads = back(dhs.swapaxes(0, 1), self.cache)\n"
        "        for grad, value in zip(self.grads, grads):\n            grad[...] = value\n        return dxs.swapaxes(0, 1)\n",
        "Layer",
    )
