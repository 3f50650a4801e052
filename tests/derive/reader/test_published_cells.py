"""Habits of published cells: what is read of them, what is asked for, and what is refused by its name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from derive import generate
from derive.errors import InputError
from derive.reader import reading_of
from derive.reader.document.reading import told
from verify import load
from verify.numbers.written import checked

READ = {
    # note: (equations as read, letters with their number of axes)
    "a delay with a name": (
        "$$h_{t+1} = \\tanh(W h_{t-d} + U x_t)$$\n\n$d = 1$",
        ["h_t = tanh(W h_{before,t-1} + U x_t)"],
        "h 1 h_before 1; x 1; W 2 U 2",
    ),
    "a letter of depth": (
        "$$r_{0,t} = s_{t-1} + W u_t$$\n$$r_{\\ell,t} = \\tanh(A_\\ell r_{\\ell-1,t}), \\quad \\ell = 1, \\dots, L$$\n"
        "$$s_t = r_{2,t}$$\n\nwhere $L = 2$",
        ["r_{2,t} = tanh(A_2 r_{1,t})"],
        "s 1; u 1; W 2 A_1 2 A_2 2",
    ),
    "words at the left": (
        "$$Keep_t = \\sigma(W \\times [S_{t-1}, x_t] + b)$$\n$$Old_t = Keep_t \\times Old_{t-1} + C x_t$$\n"
        "$$S_t = tanh(Old_t)$$",
        ["Old_t = Keep_t ⊙ Old_{t-1} + C x_t"],
        "S 1 Old 1; x 1; W 2 b 1 C 2",
    ),
    "joined words": (
        "$$update-gate = \\sigma(W x_t + U h_{t-1})$$\n"
        "$$h_t = (1 - update-gate) \\odot h_{t-1} + update-gate \\odot \\tanh(V x_t)$$",
        ["h_t = (1 - update-gate_t) ⊙ h_{t-1} + update-gate_t ⊙ tanh(V x_t)"],
        "h 1; x 1; W 2 U 2 V 2",
    ),
    "an underscore in text": (
        "$$h_t = \\tanh(W x_t + U h\\_prev)$$\n$$y_t = w\\_ \\odot h_t$$",
        ["y_t = w\\_ ⊙ h_t"],
        "h 1; x 1; W 2 U 2 w_ 1",
    ),
    "said in running text": (
        "The decay $\\gamma_t = e^{W x_t} \\in (0, 1]$ is used so:\n\n$$h_t = \\gamma_t \\odot h_{t-1} + V x_t$$",
        ["γ_t = exp(W x_t)", "h_t = γ_t ⊙ h_{t-1} + V x_t"],
        "h 1; x 1; W 2 V 2",
    ),
    "a special case in running text": (
        "$$h_t = \\gamma \\odot h_{t-1} + V x_t$$\n\nIf $\\gamma = \\exp(a)$ the decay is positive.",
        ["h_t = γ ⊙ h_{t-1} + V x_t"],
        "h 1; x 1; gamma 1 V 2",
    ),
    "numbers by word": (
        "$$S_t = \\alpha_t S_{t-1} + \\beta_t v_t k_t^\\top$$\n$$o_t = S_t q_t$$\n\n"
        "The gates $\\alpha_t$ and $\\beta_t$ are scalars per head.",
        ["S_t = α_t S_{t-1} + v_t β_t k_tᵀ"],
        "S 2; alpha 0 v 1 beta 0 k 1 q 1; ",
    ),
    "numbers in a list": (
        "$$h_t = \\alpha_t h_{t-1} + (1 - \\alpha_t) W x_t$$\n\nwhere\n- $\\alpha_t \\in (0, 1)$ — scalar gate",
        ["h_t = α_t h_{t-1} + W x_t (1 - α_t)"],
        "h 1; alpha 0 x 1; W 2",
    ),
    "diagonal by word": (
        "$$h_t = A h_{t-1} + W \\phi(h_{t-1}) + C x_t$$\n\n"
        "where $\\phi$ is the ReLU activation, $A$ is a diagonal matrix.",
        ["h_t = diag(A) h_{t-1} + W ReLU(h_{t-1}) + C x_t"],
        "h 1; x 1; A 1 W 2 C 2",
    ),
    "标量": (
        "$$h_t = \\alpha_t h_{t-1} + W x_t$$\n\n其中 $\\alpha_t$ 是标量。",
        ["h_t = α_t h_{t-1} + W x_t"],
        "h 1; alpha 0 x 1; W 2",
    ),
    "a value of its own beside a primed one": (
        "$$r = \\sigma(R [h_{t-1}, x_t])$$\n得到${h_{t-1}}' = h_{t-1} \\odot r$：\n"
        "$$h' = \\tanh(W [{h_{t-1}}', x_t])$$\n"
        "$$h_t = r \\odot h_{t-1} + (1 - r) \\odot h'$$",
        ["h^{′′}_t = h_{t-1} ⊙ r_t", "h′_t = tanh(W [h^{′′}_t; x_t])"],
        "h 1; x 1; R 2 W 2",
    ),
    "a local of the step before that nothing reads": (
        "$$\\tilde{c}_{t-1} = f_t \\odot c_{t-1}$$\n$$f_t = \\sigma(W x_t)$$\n"
        "$$c_t = \\tanh(V x_t + U c_{t-1})$$\n\noutput: $c_t$",
        ["c̃_t = f_t ⊙ c_{t-1}"],
        "c 1; x 1; W 2 V 2 U 2",
    ),
    "a letter with two values": (
        "$$l = \\tanh(W x_t)$$\n$$l = \\tanh(l + c_{\\text{state}})$$\n$$c_{\\text{new}} = l \\odot \\sigma(V x_t)$$",
        ["l^1_t = tanh(W x_t)", "l_t = tanh(l^1_t + c_{t-1})"],
        "c 1; x 1; W 2 V 2",
    ),
    "one entry": (
        "$$p_{ti} = \\frac{a_{ti}^2}{c_{t-1,i}} + w_{ti}$$\n$$c_{ti} = p_{ti} k_{ti} + \\operatorname{mean}_i a_{ti}$$",
        ["p_t = a_t² / c_{t-1} + w_t"],
        "c 1; a 1 w 1 k 1; ",
    ),
    "lists with commas": (
        "$$f'_t, i'_t \\leftarrow \\frac{f_t}{f_t + i_t}, \\frac{i_t}{f_t + i_t}$$\n"
        "$$f_t, i_t = \\sigma(W x_t + b)$$\n$$h_t = f'_t \\odot h_{t-1} + i'_t \\odot (V x_t)$$",
        ["f′_t = f_t / (f_t + i_t)", "i′_t = i_t / (f_t + i_t)"],
        "h 1; x 1; W 2 b 1 V 2",
    ),
    "a range of steps that ends in a length": (
        "$$S_n = D S_{n-1} + K x_n, \\quad n = 1, \\cdots, |x|$$",
        ["S_t = D S_{t-1} + K x_t"],
        "S 1; x 1; D 2 K 2",
    ),
    "a value named as a function": (
        "$$s_t = \\tanh(U s_{t-1} + W x_t)$$\n$$\\operatorname{Read}(x_t) = V s_t$$",
        ["Read_t = V s_t"],
        "s 1; x 1; U 2 W 2 V 2",
    ),
    "another letter at t - 1": (
        "$$\\tilde{h}_{t-1} = f_t \\odot c_{t-1}$$\n$$f_t = \\sigma(W x_t)$$\n"
        "$$\\tilde{h}_t = \\tanh(U \\tilde{h}_{t-1})$$\n$$c_t = \\tilde{h}_t$$",
        ["h̃_{found,t} = f_t ⊙ c_{t-1}", "h̃_t = tanh(U h̃_{found,t})"],
        "c 1; x 1; W 2 U 2",
    ),
    "a one above an input": (
        "$$x_t = \\tanh(W [1; u_t] + V x_{t-1})$$",
        ["x_t = tanh(W [1; u_t] + V x_{t-1})"],
        "x 1; u 1; W 2 V 2",
    ),
    "a row of ones": (
        "$$S_t = (\\alpha_t^\\top \\mathbf{1}) \\odot S_{t-1} + k_t^\\top v_t$$\n\n"
        "where $\\alpha_t, k_t \\in \\mathbb{R}^{1 \\times K}$, $v_t \\in \\mathbb{R}^{1 \\times V}$",
        [],
        "S 2; alpha 1 k 1 v 1; ",
    ),
    "the next step of an interval": (
        "$$h(t+\\Delta t) = h(t) + \\Delta t \\tanh(W h(t) + V x(t))$$\n\nwhere $\\Delta t \\in \\mathbb{R}$",
        [],
        "h 1; x 1; W 2 V 2 Delta_t 0",
    ),
    "an exponent of the step": (
        "$$r_t = \\sigma(W x_t)$$\n$$h_t = a^{r_t} \\odot h_{t-1} + V x_t$$",
        ["h_t = exp(r_t ⊙ log(a)) ⊙ h_{t-1} + V x_t"],
        "h 1; x 1; W 2 a 1 V 2",
    ),
    "words of programs": (
        "```equations\nh = dot(inputs, W) + b\noutput = tanh(h + dot(prev_output, U))\n```",
        [],
        "output 1; inputs 1; W 2 b 1 U 2",
    ),
}


def _axes(quantity):
    return sum(str(size) != "1" for size in quantity.shape)


@pytest.mark.parametrize("name", READ)
def test_what_is_printed_is_read(name):
    note, lines, letters = READ[name]
    cell = reading_of(note).cell
    groups = (cell.states, cell.inputs, cell.parameters)
    assert "; ".join(" ".join(f"{q.name} {_axes(q)}" for q in some) for some in groups) == letters
    assert set(lines) <= set(told(cell)), list(told(cell))


REFUSED = {
    "a delay without its number": ("$$h_t = \\tanh(U h_{t-d} + W x_t)$$", "how many steps d is", "$d = 2$"),
    "complex": ("$$h_t = \\lambda h_{t-1} + B x_t$$\n$$y_t = Re[C h_t]$$", "complex numbers", "two states"),
    "gradient": (
        "$$M_t = M_{t-1} - \\eta \\nabla \\ell(M_{t-1}; x_t)$$", "a gradient within an equation",
        "write the gradient out"
    ),
    "an open function of several": (
        "$$h_t = h_{t-1} + g(h_{t-1}, x_t) \\odot x_t$$", "what g makes of its 2 arguments is open", "W a + U b"
    ),
    "a sum over the others": (
        "$$v_j^{t} = \\tanh(\\sum_{i \\neq j} W_{ji} v_i^{t-1} + x_j^t)$$",
        "a sum that leaves out an entry", "diagonal of W",
    ),
    "some diagonal matrices": (
        "$$h_t = \\tanh(W_{ha} h_{t-1} + W_{hb} h_{t-1} + V x_t)$$\n\n"
        "The matrices of gates (e.g. $W_{ha}$) are diagonal.",
        "diagonal: which ones is open", "where $W_{ha}$, $W_{hb}$ are diagonal matrices",
    ),
    "inverse": (
        "$$H_t = g H_{t-1} + k_t k_t^\\top$$\n$$x_t = (H_t + \\lambda I)^{-1} q_t$$\n\n"
        "where $g \\in \\mathbb{R}$, $\\lambda \\in \\mathbb{R}$, $H_t \\in \\mathbb{R}^{K \\times K}$",
        "the inverse of a matrix", "products",
    ),
    "flow": ("$$\\dot{h}(t) = \\tanh(W h(t) + V x(t))$$", "a differential equation", "one step"),
    "flow as a fraction": ("$$\\frac{dh(t)}{dt} = -h(t) + \\tanh(W h(t))$$", "a differential equation", "one step"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_named_with_what_to_write(name):
    note, message, hint = REFUSED[name]
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        reading_of(note)
    assert hint in caught.value.hint


def test_a_directive_with_a_space_before_its_colons():
    text = "Cell\n====\n\n.. math ::\n    h_t = \\tanh(W x_t + U h_{t-1})\n"
    assert [q.name for q in reading_of(text, "cell.rst").cell.states] == ["h"]


def test_a_size_may_have_the_name_of_a_gradient():
    note = (
        "$$S_t = \\alpha_t (S_{t-1} (I - k_t k_t^\\top)) + v_t k_t^\\top$$\n$$o_t = S_t q_t$$\n\n"
        "where $\\alpha_t \\in \\mathbb{R}$, $S_t \\in \\mathbb{R}^{d_v \\times d_k}$\n\ninput: $q_t$"
    )
    module = load(generate(reading_of(note).cell))
    rng = np.random.default_rng(0)
    axes = {"alpha": (1,), "v": (2,), "k": (3,), "q": (3,)}
    given = {name: rng.normal(size=(4, 2, *rest)) for name, rest in axes.items()}
    ys, _, cache = module.forward(module.init(d_v=2, d_k=3, rng=rng), **given)
    grads = module.backward(cache, np.ones_like(ys))
    given["k"][1, 0, 2] += 1e-6
    more, _, _ = module.forward({}, **given)
    assert np.isclose((more - ys).sum() / 1e-6, grads["k"][1, 0, 2], rtol=1e-4)


def test_a_declared_slope_holds_for_conditions_too():
    note = (
        "$$u_t = b u_{t-1} + W x_t$$\n$$s_t = \\begin{cases} 1 & u_t > a \\\\ 0 & \\text{otherwise} \\end{cases}$$\n\n"
        "where $a \\in \\mathbb{R}$, $b \\in \\mathbb{R}$, $\\operatorname{heaviside}'(a) = \\max(0, 1 - |a|)$"
    )
    cell = reading_of(note).cell
    assert load(generate(cell)).PARAMETERS == {"b": (), "W": ("H", "D"), "a": ()}


def test_an_input_may_be_called_as_the_size_of_the_batch():
    note = "$$h_t = a_t h_{t-1} + B_t x_t$$\n\nwhere $a_t, x_t \\in \\mathbb{R}$, $h_t \\in \\mathbb{R}^N$"
    cell = reading_of(note).cell
    assert checked(cell, generate(cell))
