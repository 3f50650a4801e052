"""The text of generated modules: stacked, hoisted, stable, safe, and right for cells that are out of the ordinary."""

from __future__ import annotations

import ast
import builtins
import re

import numpy as np
import pytest

from derive import Cell, InputError, catalogue, generate
from derive.calculus.adjoint import differentiate
from derive.functions import ENTRIES
from derive.reader import read_note
from derive.targets.numpy import module
from verify.numbers.evidence import evidence
from verify.numbers.load import load

ODD = {
    "constant input": "$$ h_t = \\tanh(W x_t + U h_{t-1} + P v + b) $$\n\ninput: $v$\n",
    "diagonal recurrence": "$$ h_t = a \\odot h_{t-1} + W x_t $$",
    "stacked operand": "$$ h_t = \\tanh(W [h_{t-1}; x_t] + b) $$",
    "peepholes": r"""$$ i_t = \sigma(W_i x_t + U_i h_{t-1} + p_i \odot c_{t-1} + b_i) $$
$$ c_t = (1 - i_t) \odot c_{t-1} + i_t \odot \tanh(W_c x_t + U_c h_{t-1} + b_c) $$
$$ o_t = \sigma(W_o x_t + U_o h_{t-1} + p_o \odot c_t + b_o) $$
$$ h_t = o_t \odot \tanh(c_t) $$""",
    "gate and weights named T": r"""$$ T_t = \sigma(W_T x_t + U_T h_{t-1}) $$
$$ h_t = T_t \odot h_{t-1} + (1 - T_t) \odot \tanh(W x_t) $$""",
    "names that Python or the module uses": r"""$$ \mathrm{np}_t = \sigma(W_{lambda} x_t + U_{np} h_{t-1}) $$
$$ d_{h,t} = \tanh(W x_t + d_{h,t-1}) $$
$$ h_t = \mathrm{np}_t \odot h_{t-1} + V d_{h,t} $$""",
    "a capital letter that is a size too": "$$ H_t = \\tanh(W X_t + U H_{t-1} + b) $$",
    "two inputs": "$$ h_t = \\tanh(W x_t + V u_t + U h_{t-1}) $$",
    "two states of two sizes": r"""$$ m_t = \tanh(A m_{t-1} + W x_t) $$
$$ h_t = \tanh(U h_{t-1} + V m_t + Q m_{t-1}) $$""",
    "linear": "$$ h_t = W x_t + U h_{t-1} $$",
    "one matrix used twice": r"$$ h_t = \tanh(W x_t + U h_{t-1} - U^\top h_{t-1}) $$",
    "scalar parameter": "$$ h_t = h_{t-1} + \\alpha \\tanh(W x_t + U h_{t-1}) $$\n\nwhere $\\alpha \\in \\mathbb{R}$\n",
    "division": r"""$$ n_t = n_{t-1} + \exp(W x_t) $$
$$ m_t = m_{t-1} + \exp(W x_t) \odot (V x_t) $$
$$ h_t = \frac{m_t}{n_t} $$""",
    "softmax inside": r"""$$ a_t = \mathrm{softmax}(W x_t + U h_{t-1}) $$
$$ h_t = a_t \odot \tanh(h_{t-1} + V x_t) $$""",
    "outer-product memory": r"""$$ M_t = \lambda M_{t-1} + (V x_t)(K x_t)^\top $$
$$ h_t = M_t (Q x_t) $$

where $M_t \in \mathbb{R}^{H \times N}$, $x_t \in \mathbb{R}^D$, $\lambda = 0.9$
""",
    "maximum": r"""$$ m_t = \max(W x_t + m_{t-1}, V x_t) $$
$$ h_t = \exp(W x_t - m_t) + U h_{t-1} $$""",
    "a function of the note's own": "$$ h_t = \\phi(W x_t + U h_{t-1}) $$\n\nwhere $\\phi(a) = \\frac{a}{1 + |a|}$\n",
    "normalised": r"""$$ a_t = W x_t + U h_{t-1} $$
$$ h_t = \frac{a_t}{1 + \mathbf{1}^\top (a_t \odot a_t)} $$""",
    "nested functions": r"$$ h_t = \tanh(W \sigma(V x_t + Q h_{t-1}) + \operatorname{softplus}(U h_{t-1})) $$",
    "before and after the loop": r"""$$ e_t = \tanh(E x_t + d) $$
$$ h_t = \tanh(W e_t + U h_{t-1}) $$
$$ q_t = \sigma(P h_t + R e_t) $$
$$ o_t = q_t \odot (V h_t) $$""",
    "bottleneck": r"""$$ p_t = P h_{t-1} $$
$$ h_t = \tanh(W x_t + U p_t) $$""",
    "open functions": "$$ o_t = g(V s_t) $$\n\n$$ s_t = f(U x_t + W s_{t-1}) $$\n",
    "ones around a sum": r"""$$ s_t = v^\top x_t $$
$$ h_t = \tanh(W x_t + M \mathbf{1} + \mathbf{1} (\mathbf{1}^\top (\mathbf{1} s_t + h_{t-1}))
    + \mathbf{1} (\mathbf{1}^\top M u)) $$
where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$, $M \in \mathbb{R}^{H \times N}$, $u \in \mathbb{R}^N$""",
    "a scaled matrix state": r"""$$ s_t = v^\top x_t $$
$$ M_t = s_t M_{t-1} + \mathbf{1} s_t \mathbf{1}^\top + s_t N $$
$$ h_t = \tanh(M_t u) $$
where $x_t \in \mathbb{R}^D$, $M_t, N \in \mathbb{R}^{H \times K}$, $u \in \mathbb{R}^K$""",
    "a state that only sums": r"""$$ s_t = \sum_i h_{i,t-1} + \sum_i x_{i,t} + s_{t-1} $$
$$ h_t = \mathbf{1} s_t $$
where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$, $s_t \in \mathbb{R}$""",
    "an output behind the loop": r"""$$ r_t = \sigma(W_r x_t + v_r \odot c_{t-1}) $$
$$ c_t = 0.5 c_{t-1} + W x_t $$
$$ h_t = r_t \odot c_t + (1 - r_t) \odot x_t $$
where $x_t \in \mathbb{R}^H$, $h_t \in \mathbb{R}^H$""",
    "a softmax output": r"""$$ a^{(t)} = b + Wh^{(t-1)} + Ux^{(t)}, $$
$$ h(t) = tanh(a^{(t)}), $$
$$ o^{(t)} = c + Vh^{(t)}, $$
$$ y^{(t)} = softmax(o^{(t)}), $$""",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_cells_pass_all_evidence(name: str) -> None:
    found = evidence(read_note(f"# Odd\n\n{ODD[name]}", name))
    assert found.passed, found.to_json()


@pytest.mark.parametrize("name", [*catalogue.cells(), *catalogue.heads()])
def test_lines_are_short_and_names_are_used(name: str) -> None:
    text = module(differentiate(catalogue.find(name)), f"{name}.md")
    code = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert "Dummy" not in text
    tree = ast.parse(text)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        loaded = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assert stored - loaded <= {"_"}, f"{name}.{function.name} computes what it does not use: {stored - loaded}"
    assert max(map(len, code)) <= 130


def test_gates_are_one_product() -> None:
    text = module(differentiate(catalogue.find("lstm")))
    forward, backward = (text.split(f"def {name}(")[1].split("\ndef ")[0] for name in ("forward", "backward"))
    loop = re.split(r"\n    for .*?:\n", forward, maxsplit=1, flags=re.DOTALL)[1]
    assert loop.count(" times_") == 1, "all gates in one product with the state"
    assert "rows_times" not in loop, "what acts on the input stands before the loop"
    loops = re.split(r"\n        for .*?:\n", backward, maxsplit=1, flags=re.DOTALL)[1]
    loop, after = loops.split("if not start % window:")
    assert loop.count(" times_") == 1
    assert " * " not in re.sub(r"#.*", "", loop), "coefficients stand before the loop, and what is left writes in place"
    assert after.count("np.dot(rows(") == 2, "one product each for the input's and the state's weights"


def test_losses_do_not_overflow() -> None:
    target = np.array([[[1.0, 0.0, 0.0]]])
    for name in ("softmax_cross_entropy", "sigmoid_binary_cross_entropy"):
        head = load(module(differentiate(catalogue.find(name))), name)
        params = {"V": np.diag([-1000.0, 0.0, 500.0]), "c": np.zeros(3)}
        losses, outputs, cache = head.forward(params, np.ones((1, 1, 3)), target)
        grads = head.backward(cache)
        assert losses.shape == (1, 1)
        assert losses[0, 0] == pytest.approx(1500.0 if name.startswith("softmax") else 1500.0 + np.log(2))
        assert all(np.isfinite(g).all() for g in grads.values())
        assert set(outputs) == {"z", "y_hat"}


def test_open_functions_are_chosen_by_name() -> None:
    found = load(module(differentiate(read_note(ODD["open functions"]))), "open")
    params = found.init(D=2, H=3, n_o=4, rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(3, 2, 2))
    ys, _, _ = found.forward(params, x, f="relu", g="identity")
    assert ys.shape == (3, 2, 4)
    assert not np.allclose(ys, found.forward(params, x)[0])
    with pytest.raises(ValueError, match="f is 'cubic', expected one of tanh"):
        found.forward(params, x, f="cubic")


@pytest.mark.parametrize(
    "words", ['"""\nimport os\nos.abort()\n"""', "\\", 'end"""', "a\x00b\u2028c", "{{ 7 * 7 }} {% for %}", "'''"]
)
def test_words_of_a_note_stay_words(words: str) -> None:
    note = f"# {words}\n\nSource: {words}\n\n$$ h_t = \\tanh(W x_t + U h_{{t-1}}) $$\n"
    text = module(differentiate(read_note(note)), words)
    tree = ast.parse(text)
    kinds = {type(node) for node in tree.body}
    assert kinds == {ast.Expr, ast.Import, ast.Assign, ast.ClassDef, ast.FunctionDef}
    assert "abort" not in {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}


def test_final_and_outputs_are_the_callers_own() -> None:
    found = load(module(differentiate(catalogue.find("gru"))), "own")
    rng = np.random.default_rng(0)
    params = found.init(D=2, H=3, rng=rng)
    x = rng.normal(size=(4, 2, 2))
    ys, final, cache = found.forward(params, x)
    d_ys = rng.normal(size=ys.shape)
    expected = found.backward(cache, d_ys)
    ys[:] = 0
    final["h"][:] = 0
    again = found.backward(cache, d_ys)
    assert all(np.array_equal(expected[key], again[key]) for key in expected)


def test_no_digit_or_date_of_the_machine_in_the_header() -> None:
    text = module(differentiate(catalogue.find("rnn")), "derive/cells/rnn.md")
    header = text.split('"""')[1]
    assert "derive/cells/rnn.md" in header
    assert not re.search(r"\d{4}-\d\d|/home|/tmp|version", header)


def test_the_array_that_is_wrong_is_the_one_that_is_named() -> None:
    found = load(module(differentiate(catalogue.find("lstm"))), "named")
    params = found.init(D=3, H=5, rng=np.random.default_rng(0))
    x = np.zeros((4, 2, 3))
    with pytest.raises(ValueError, match=r"params\['W_i'\] has shape \(5, 5\), expected \(H, D\) = \(5, 3\)"):
        found.forward({**params, "W_i": params["U_i"]}, x)
    with pytest.raises(ValueError, match=r"x has shape \(4, 2, 4\), expected \(T, B, D\) = \(4, 2, 3\)"):
        found.forward(params, np.zeros((4, 2, 4)))


@pytest.mark.parametrize(
    "name", ["zip", "sum", "rows", "joined", "softmax", "relu", "np", "forward", "t", "d_h", "dict", "last"]
)
def test_a_note_may_call_its_function_as_it_likes(name: str) -> None:
    cell = Cell.from_latex(
        [
            rf"z_t = \mathrm{{{name}}}(V x_t) \odot \sigma(P h_{{t-1}})",
            rf"h_t = \mathrm{{{name}}}(W x_t + \max(z_t, U h_{{t-1}}))",
        ],
        where=[rf"\mathrm{{{name}}}(a) = \frac{{a}}{{1 + |a|}}", r"x_t \in \mathbb{R}^{D}, h_t \in \mathbb{R}^{H}"],
    )
    text = generate(cell)
    defined = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert not defined & set(dir(builtins)) - {*ENTRIES}
    assert evidence(cell).passed


def test_an_open_function_has_a_name_that_the_module_does_not_need() -> None:
    with pytest.raises(InputError, match="a function called t"):
        generate(Cell.from_latex(["h_t = t(W x_t + U h_{t-1})"]))
