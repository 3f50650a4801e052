"""Notes: titles, sources, displayed formulas wherever they stand, declaring lines; and the catalogue."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files

import pytest

from derive import catalogue
from derive.cell import Assumption
from derive.errors import InputError
from derive.nodes import Quantity, size, t
from derive.notation import said_at
from derive.reader import read_file, read_note

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))

FORMULA = r"h_t = \tanh(W x_t + U h_{t-1})"
PLACES = [
    f"$$\n{FORMULA}\n$$",
    f"$${FORMULA}$$",
    f"Words $${FORMULA}$$ and words.",
    f"Words\n$$\n{FORMULA}\n$$\nmore words",
    f"\\[ {FORMULA} \\]",
    f"```math\n{FORMULA}\n```",
    f"> quoted\n> $$\n> {FORMULA}\n> $$",
    f"- item\n\n  $$\n  {FORMULA}\n  $$",
    f"1. one\n   - two $${FORMULA}$$",
    f"$$\n\\begin{{aligned}}\n{FORMULA.replace('=', '&=')}\n\\end{{aligned}}\n$$",
    f"\\begin{{align}}\n{FORMULA.replace('=', '&=')} \\label{{a}}\n\\end{{align}}",
    "$$\nh_t = \\tanh(W x_t\n+ U h_{t-1})\n$$",
    "```equations\nh_t = tanh(W @ x_t\n           + U @ h[t-1])  # words\n```",
    "```text\nh_t = tanh(W @ x_t + U @ h[t-1])\n```",
    f"${FORMULA}$",
]


@pytest.mark.parametrize("body", PLACES)
def test_formulas_are_found_wherever_they_stand(body):
    cell = read_note(f"# Title\n\n{body}\n")
    assert [e.symbol.name for e in cell.equations] == ["h"]
    assert cell.states == (Quantity("h", size("H"), 1, t),)
    assert cell.equations == read_note(f"$${FORMULA}$$").equations


def test_several_equations_in_one_formula():
    cell = read_note(
        "# G\n\n$$\n\\begin{align*}\nz_t &= \\sigma(W x_t), \\quad r_t = \\tanh(V x_t). \\tag{1} \\\\[2pt]\n"
        "h_t &= z_t \\odot h_{t-1} \\\\\n    &\\quad + r_t\n\\end{align*}\n$$\n"
    )
    assert [e.symbol.name for e in cell.equations] == ["z", "r", "h"]
    assert (cell.equations[2].place.line, cell.equations[2].place.end_line) == (6, 7)


def test_title_source_and_name(tmp_path):
    text = (
        "---\ntitle: no\n---\n\n# GRU (reset after)\n\nSource: Someone 2014, $x$, page 1\n\n## B\n\n$$h_t = W x_t$$\n"
    )
    cell = read_note(text)
    assert (cell.name, cell.title, cell.source) == ("gru_reset_after", "GRU (reset after)", "Someone 2014, $x$, page 1")
    path = tmp_path / "my-cell 2.md"
    path.write_text("$$h_t = W x_t$$", encoding="utf-8")
    assert read_file(path).name == "my_cell_2"
    assert read_note("# 循环神经网络\n\n$$h_t = W x_t$$", "循环.md").name == "cell"
    assert read_note("# 1.背景\n\n$$h_t = W x_t$$").name == "cell_1"
    assert read_note("# Lambda class\n\n$$h_t = W x_t$$").name == "lambda_class"
    assert read_note("# class\n\n$$h_t = W x_t$$").name == "class_"


def test_windows_line_ends_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "note.md"
    path.write_bytes(b"\xef\xbb\xbf# A\r\n\r\n$$\r\nh_t = W x_t\r\n+ \\foo\r\n$$\r\n")
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert (caught.value.place.line, caught.value.place.column) == (5, 3)


NOTE = r"""# A cell

$$
h_t = \phi(W x_t + U h_{t-1} + A v), \quad o_t = V h_t
$$

Here is prose about $W$ and $g_t$ that says nothing, where $x = 2$ is no declaration.

where $\odot$ is elementwise and $\foo$ is only mentioned

where $x_t \in \mathbb{R}^{m}$ is the input, $h_t \in \mathbb{R}^{n}$ the state
and $\phi(a) = a / (1 + |a|)$,
- $U \in \mathbb{R}^{n \times n}$, $h_0 = 0$

input: $v$
Output: $h_t$
"""


def test_declaring_lines():
    cell = read_note(NOTE)
    assert cell.output == Quantity("h", size("n"), 1, t)
    assert cell.inputs == (Quantity("x", size("m"), 1, t), Quantity("v", size("n_v")))
    assert cell.assumptions == (Assumption("starts at zero", Quantity("h", size("n"), 1, t)),)
    assert cell.quantities["V"].shape == (size("n_o"), size("n"))
    assert cell.open_functions == ()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (r"assume: $\mathbf{1}^\top y_t = 1$", "sums to one"),
        (r"assume: $\sum_i y_{t,i} = 1$", "sums to one"),
        (r"assume: $\sum_i y_i^{(t)} = 1$", "sums to one"),
        (r"assume: $y_t$ is one-hot", "one-hot"),
    ],
)
def test_assumptions(line, kind):
    cell = read_note(f"$$L_t = -y_t^\\top \\log p_t$$\n\ninput: $p_t$\ntarget: $y_t$\n{line}\n")
    assert cell.assumptions == (Assumption(kind, cell.quantities["y"]),)
    assert cell.targets == (cell.quantities["y"],)


def test_functions_and_constants_may_be_displayed_too():
    cell = read_note("$$f(a) = \\tanh(2 a)$$\n\n$$\\alpha = 1/3, \\quad h_t = \\alpha f(W g(x_t))$$\n\n$$g = \\tanh$$")
    assert cell.open_functions == ()
    assert [q.name for q in cell.parameters] == ["W"]


def test_the_catalogue():
    cells, heads = catalogue.cells(), catalogue.heads()
    assert {"rnn", "lstm", "gru", "gru_reset_after"} <= set(cells)
    assert {"softmax_cross_entropy", "sigmoid_binary_cross_entropy", "linear_squared_error"} <= set(heads)
    assert list(cells) == sorted(cells)
    for cell in (*cells.values(), *heads.values()):
        assert cell.source
        assert catalogue.find(cell.name) is cell
        for name in (cell.name, *cell.quantities):
            assert name.isidentifier()
            assert name.isascii()


@pytest.mark.parametrize("name", sorted(catalogue.cells()))
def test_every_cell_of_the_catalogue(name):
    cell = catalogue.cells()[name]
    assert cell.states
    assert cell.output not in cell.states or cell.states[0] == cell.output
    assert cell.inputs[0].name in ("x", "X")
    assert cell.inputs[0].time == t
    assert not cell.is_loss


@pytest.mark.parametrize("name", sorted(catalogue.cells()))
def test_claims_in_a_note_do_not_disturb_its_cell(name):
    cell = catalogue.cells()[name]
    state, output = said_at(cell.states[0].name), said_at(cell.output.name)
    before = said_at(cell.states[0].name, "t-1")
    claims = (
        rf"\frac{{\partial {state}}}{{\partial {before}}} = \operatorname{{diag}}(1 - {state} \odot {state})",
        rf"\frac{{\partial J}}{{\partial {state}}} = {state} \odot \frac{{\partial J}}{{\partial {output}}}",
    )
    text = files("derive").joinpath("cells", f"{name}.md").read_text(encoding="utf-8")
    beside = read_note("\n\n".join([text, "## Backward", *(f"$$ {claim} $$" for claim in claims)]), f"{name}.md")
    assert [(e.symbol, e.expression) for e in beside.equations] == [(e.symbol, e.expression) for e in cell.equations]
    assert beside.output == cell.output


@pytest.mark.parametrize("name", sorted(catalogue.heads()))
def test_every_head_of_the_catalogue(name):
    head = catalogue.heads()[name]
    assert head.output == Quantity("L", 1, 1, t)
    assert [q.name for q in head.targets] == ["y"]
    assert head.states == ()
    assert [str(letter) for letter in head.sizes] == ["H", "K"]


def test_the_catalogue_cannot_be_changed_by_its_users():
    catalogue.cells().clear()
    assert catalogue.cells()


def test_find(tmp_path):
    path = tmp_path / "mine.md"
    path.write_text(f"$${FORMULA}$$", encoding="utf-8")
    assert catalogue.find(str(path)).name == "mine"
    with pytest.raises(InputError, match="no cell or note is called lsmt") as caught:
        catalogue.find("lsmt")
    assert "did you mean lstm?" in caught.value.hint
    assert "gru_reset_after" in caught.value.hint


def test_reading_does_not_depend_on_the_hash_seed():
    names = [*catalogue.cells(), *catalogue.heads()][:: 1 if FULL else 4]
    script = (
        "from sympy import srepr; from derive import catalogue\n"
        f"for name in {names}:\n"
        "    c = catalogue.find(name)\n"
        "    print(c.name, c.notation.letters, c.parameters, c.sizes)\n"
        "    for e in c.equations: print(srepr(e.symbol), e.expression, e.expression.args)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, check=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
