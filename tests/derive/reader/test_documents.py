"""What published documentation prints is read as printed, and what documents leave open is asked for at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive.errors import InputError
from derive.reader import read_equations, read_file, reading_of
from derive.reader.dialects.assumed_macros import with_assumed
from derive.reader.document.reading import shape, told

DATA = Path(__file__).parents[2] / "data"

PRINTED = {
    # output; states; inputs; number of parameters
    "torch_rnn": "h; h (H); x (D); 4",
    "torch_lstm": "h; h (H) c (H); x (D); 16",
    "torch_gru": "h; h (H); x (D); 12",
    "torch_rnn_cell": "h; h (H); x (D); 4",
    "torch_lstm_cell": "h; h (H) c (H); x (D); 16",
    "torch_gru_cell": "h; h (H); x (D); 12",
    "onnx_rnn": "H; H (H); X (D); 4",
    "onnx_gru": "H; H (H); X (D); 12",
    "onnx_lstm": "H; H (H) C (H); X (D); 19",
    "flax_simple": "h; h (H); x (D); 3",
    "flax_gru": "h; h (H); x (D); 10",
    "flax_lstm": "h; h (H) c (H); x (D); 12",
    "julia_mgu": "h; h (H); x (D); 8",
    "julia_indrnn": "h; h (H); x (D); 3",
    "julia_ran": "h; h (H) c (H); x (D); 7",
    "julia_fastgrnn": "h; h (H); x (D); 6",
    "d2l_rnn": "O; H (h); X (d); 5",
    "torch_gru_docstring.rst": "h; h (H); x (D); 12",
    "onnx_lstm_list": "H; H (H) C (H); X (D); 19",
    "onnx_gru_list": "H; H (H); X (D); 12",
    "flax_simple_variants.rst": "h; h (H); x (D); 3",
    "bare_array.txt": "h; h (H) c (H); x (D); 16",
    "d2l_rnn_chapter": "O; H (h); X (d); 5",
    "d2l_bptt_chapter": "o; h (H); x (D); 3",
    "macros.tex": "h; h (H); x (D); 3",
    "notebook.ipynb": "h; h (H); x (D); 2",
    "page.html": "h; h (H); x (D); 3",
    "text_headings": "h; h (H); x (D); 3",
}
"""Names without a suffix are Markdown."""


def printed(name):
    return DATA / "printed" / (name if "." in name else f"{name}.md")


@pytest.mark.parametrize("name", PRINTED)
def test_documentation_reads_as_printed(name):
    cell = read_file(printed(name))
    groups = [" ".join(f"{q.name} {shape(q)}" for q in some) for some in (cell.states, cell.inputs)]
    assert "; ".join([cell.output.name, *groups, str(len(cell.parameters))]) == PRINTED[name]


def test_one_of_several_models_is_a_guess_and_the_others_are_told():
    read = reading_of((DATA / "printed" / "flax_simple_variants.rst").read_text(), "variants.rst")
    assert [str(guess) for guess in read.cell.guesses if "line 5" in guess.taken and "line 13" in guess.otherwise]
    assert [one.written for one in read.remarks] == [
        r"\begin{array}{ll} h' = \tanh(W_i x + b_i + W_h h + h) \end{array}"
    ]


def test_defaults_of_documentation_are_taken_and_marked():
    gru = (DATA / "printed" / "onnx_gru_list.md").read_text()
    read = reading_of(gru, "gru.md")
    guesses = [str(guess) for guess in read.cell.guesses]
    assert any("f=Sigmoid, g=Tanh" in guess for guess in guesses)
    assert any("linear_before_reset != 0" in guess for guess in guesses)
    assert "tanh(Wh X_t + Rh (r_t ⊙ H_{t-1}) + Rbh + Wbh)" in str(read)
    with pytest.raises(InputError, match="assigned twice"):
        reading_of(gru.replace("default, when", "when"), "gru.md")  # neither is the default


SLOPES = {
    "f'(a) = 1 - f(a)^2": ("txt", "but not what f is"),
    "where f = tanh and f'(a) = 1/(1+a^2).": ("txt", "is not its derivative"),
    "$$ f'(a) = \\frac{1}{1+a^2} $$": ("md", "but not what f is"),
    "where $f = \\tanh$ and $f'(a) = 1$": ("md", "is not its derivative"),
    "where $f = \\tanh$ and $f'(a) = 1 - \\tanh^2(a)$": ("md", ""),
    "where $f = \\sigma$, $f'(a) = \\sigma(a) (1 - \\sigma(a))$": ("md", ""),
    "where f = sign and f'(a) = 1.": ("txt", ""),
}


@pytest.mark.parametrize("line", SLOPES)
def test_a_slope_beside_its_function_is_its_derivative_or_that_of_a_flat_one(line, tmp_path):
    suffix, refused = SLOPES[line]
    path = tmp_path / f"slope.{suffix}"
    cell = "h_t = f(W x_t + U h_{t-1})"
    path.write_text(f"$$ {cell} $$\n\n{line}\n" if suffix == "md" else f"{cell}\n{line}\n")
    if refused:
        with pytest.raises(InputError, match=f"the slope of f is declared, .*{refused}"):
            read_file(path)
    else:
        assert read_file(path).declared_slopes == (("f",) if "sign" in line else ())


def test_a_where_line_without_marks_is_taken(tmp_path):
    path = tmp_path / "where.txt"
    path.write_text("h_t = f(W x_t + g(U h_{t-1}))\nwhere f = tanh and g(a) = a/(1+a).\n")
    read = str(reading_of(path.read_text(), "where.txt"))
    assert "h_t = tanh(W x_t + g(U h_{t-1}))" in read
    assert "g(a) = a/(a + 1)" in read


def test_a_letter_explained_in_words_stands_beside_the_cell():
    told_of = [one.written for one in reading_of(printed("torch_gru_docstring.rst").read_text(), "a.rst").remarks]
    assert any(one.startswith(r"k = \frac{1}") for one in told_of)
    with pytest.raises(InputError, match="unknown function foo"):
        read_equations(["h_t = f(W x_t + U h_{t-1})"], [r"f = \operatorname{foo}"])


WRITTEN = {
    # states; inputs; parameters, each with its shape up to the letters of sizes
    "label_powers": "s: 1; u: 1; M_1: 2 M_2: 2 b: 1",
    "typeface_calligraphic": "s: 1; u: 1; K_cal: 2 K: 2 b: 1",
    "typeface_bold": "r: 1; e: 1; G_bold: 2 G: 2 d_bold: 1 d: 1",
    "outer_product": "Z: 2; p: 1 r: 1 e: 1; ",
    "outer_product_otimes": "Z: 2; p: 1 r: 1 e: 1; ",
    "outer_product_projected": "Z: 2; u: 1; A: 2 B: 2 C: 2",
    "diagonal_decay": "Z: 2; a: 1 r: 1 p: 1 e: 1; ",
    "locals_without_t": "q: 1; u: 1; A: 2 C: 2 a: 1 B: 2",
    "primed_next_two_states": "s: 1 c: 1; u: 1; A: 2 B: 2 a: 1 E: 2 F: 2 e: 1 W: 2 R: 2",
    "previous_by_word": "s: 1; u: 1; W: 2 R: 2 b: 1",
    "new_and_old_by_word": "s: 1; u: 1; A: 2 B: 2 W: 2",
    "time_letter_n": "s: 1; u: 1; W: 2 R: 2 b: 1",
    "time_letter_k": "s: 1; u: 1; A: 2 B: 2 C: 2 E: 2",
    "time_in_brackets": "s: 1; u: 1; W: 2 V: 2 C: 2",
    "delayed_input": "s: 1 u_before: 1; u: 1; W: 2 V: 2 R: 2",
    "second_order": "s: 1 s_before: 1; u: 1; W: 2 R: 2 Q: 2",
    "step_delta_bold": "s: 1; u: 1; A: 2 B: 2 W: 2",
    "trailing_set_and_range": "s: 1; u: 1; W: 2 R: 2 b: 1",
    "leading_number_and_for": "s: 1; u: 1; R: 2 W: 2",
    "array_ll": "s: 1; u: 1; A: 2 a: 1 B: 2 b: 1 C: 2 c: 1 E: 2 e: 1",
    "rows": "s: 1; u: 1; A: 2 B: 2 b: 1",
    "rows_transposed": "s: 1; u: 1; A: 2 a: 1 B: 2 b: 1",
    "rows_declared": "s: 1; u: 1; A: 2 B: 2 b: 1",
    "chain_of_names": "c: 1; u: 1; W: 2 R: 2",
    "chain_of_equals": "s: 1; u: 1; W: 2 R: 2 V: 2",
    "tuple_left": "s: 1 c: 1; u: 1; P: 2 R: 2 b: 1",
    "stacked_left": "s: 1 c: 1; u: 1; P: 2",
    "index_sums": "s: 1; u: 1; W: 2 R: 2 b: 1",
    "layers_by_index": "s: 1; u: 1; W: 2 A_1: 2 b_1: 1 A_2: 2 b_2: 1 A_3: 2 b_3: 1",
    "constant_matrices": "s: 1; u: 1; A: 2 B: 2 C: 2",
    "layer_norm_arguments": "s: 1; u: 1; g_1: 1 W: 2 b_1: 1 g_2: 1 R: 2 b_2: 1",
    "number_gate": "s: 1; d: 0 u: 1; W: 2 R: 2",
    "number_gate_computed": "s: 1; u: 1; w: 1 a: 0",
    "masked": "s: 1; m: 1 u: 1 M: 2; R: 2 W: 2",
    "no_input": "s: 1; ; R: 2 b: 1",
    "closed_loop": "e: 1 s: 1; ; R: 2 W: 2 C: 2",
}


def rank(quantity):
    return sum(str(size) != "1" for size in quantity.shape)


@pytest.mark.parametrize("name", WRITTEN)
def test_habits_of_writing(name):
    cell = read_file(DATA / "written" / f"{name}.md")
    groups = (cell.states, cell.inputs, cell.parameters)
    assert "; ".join(" ".join(f"{q.name}: {rank(q)}" for q in some) for some in groups) == WRITTEN[name]


ASKED = {
    "step_width": [r"\Delta t"],
    "step_ratio": [r"\Delta t", r"\tau"],
    "squashed_numbers": [r"\mu", r"\nu"],
    "two_rates": [r"\eta", r"\kappa"],
    "mean_over_N": ["N"],
    "primed_without_state": ["s has no time"],
    "forgotten_t": ["u has no time"],
    "layer_norm_bare": ["LN"],
    "unread_gate": ["r_t", "s_t"],
    "two_states_which_output": ["c_t", "s_t"],
    "convolution": ["a convolution cannot be read"],
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_open_is_asked_for_in_one_message(name):
    with pytest.raises(InputError) as caught:
        read_file(DATA / "written" / f"{name}.md")
    assert all(letter in caught.value.message for letter in ASKED[name]), caught.value.message
    assert caught.value.hint


def test_answering_once_is_enough():
    equation = r"s_t = s_{t-1} + \frac{\Delta t}{\tau} (\tanh(W u_t + R s_{t-1}) - s_{t-1})"
    cell = read_equations([equation], [r"\Delta t = 0.1", r"\tau = 2"])
    assert [q.name for q in cell.parameters] == ["W", "R"]


def test_claims_do_not_disturb_the_cell_and_are_told():
    text = r"""# A study note

$$ h_t = \tanh(W x_t + U h_{t-1}) $$

$$ \frac{\partial J}{\partial U} = \sum_t \frac{\partial J}{\partial h_t} h_{t-1}^\top $$

$$ J = \sum_t L_t $$
"""
    found = reading_of(text)
    assert [e.symbol.name for e in found.cell.equations] == ["h"]
    assert len(found.remarks) == 2
    assert "beside: " in str(found)


@pytest.mark.parametrize(
    ("equations", "taken"),
    [
        (["s_t = u_t A + s_{t-1} B"], "vectors are rows"),
        ([r"h_t = g_t \odot h_{t-1} + W x_t"], "$g_t$ is an input"),
        ([r"\mathbf{h}_t = \tanh(W x_t + U \mathbf{h}_{t-1})", "y_t = V h_t"], "are one letter"),
        ([r"c_t = f_t \otimes c_{t-1} + \tanh(W x_t)", r"f_t = \sigma(V x_t)"], "entry by entry"),
        ([r"c_t = f_t c_{t-1} + \tanh(W x_t)", r"f_t = \sigma(V x_t)"], "$f_t c_{t-1}$ is taken entry by entry"),
        ([r"h_t = \tanh(V x_t + Q r_t \odot h_{t-1})", r"r_t = \sigma(W x_t)"], "$Q r_t$ is multiplied before ⊙"),
        ([r"h_t = \tanh W x_t + U h_{t-1}"], r"$\tanh$ is of $W x_t$"),
        ([r"h_t = \tanh(W * x_t + U h_{t-1})"], "is the matrix product"),
        ([r"h_t = (1 - \sigma(W x_t - \beta)) \odot h_{t-1} + x_t"], r"$\beta$ is a vector"),
        ([r"h_t = h_{t-1} + (\tanh(W x_t) - h_{t-1}) / k"], "$k$ is a vector"),
    ],
)
def test_guesses_are_marked(equations, taken):
    cell = read_equations(equations)
    assert any(taken in guess.taken and guess.otherwise and guess.why for guess in cell.guesses)
    assert any(line.startswith("guess: ") for line in told(cell))


@pytest.mark.parametrize(
    "equation",
    [
        r"h_t = \lambda \odot h_{t-1} + (1 - \lambda) \odot \tanh(W x_t + b)",
        r"h_t = p \odot \tanh(W x_t + U h_{t-1} + b) + (W x_t) \odot h_{t-1}",
        r"h_t = \tanh(W \cdot x_t + U h_{t-1} + c) |h_{t-1}^\top x_t|",
    ],
)
def test_what_the_signs_say_is_no_guess(equation):
    assert read_equations([equation]).guesses == ()


def test_the_set_of_numbers_is_no_letter_of_the_document():
    assert read_equations([r"h_t = \tanh(W x_t + R h_{t-1})"], [r"x_t \in \mathbb{R}^{D}"]).guesses == ()


def test_the_catalogue_is_read_without_a_guess():
    derive = Path(__file__).parents[3] / "derive"
    for path in sorted((*derive.glob("cells/*.md"), *derive.glob("heads/*.md"))):
        assert read_file(path).guesses == (), path.name


def test_warnings():
    lines = list(told(read_equations(["a_t = W x_t", "y_t = a_t"])))
    assert "warning: no recurrence: nothing of step t - 1 is used" in lines
    assert "warning: the output y only copies a" in lines


def test_the_commands_tell_how_a_note_was_read(tmp_path):
    note = tmp_path / "note.md"
    note.write_text("# N\n\n$$ s_t = \\tanh(u_t A + s_{t-1} B) $$\n", encoding="utf-8")
    read = CliRunner().invoke(main, ["read", str(note)])
    assert read.exit_code == 0
    assert "s_t = tanh(Aᵀ u_t + Bᵀ s_{t-1})" in read.output
    told_json = json.loads(CliRunner().invoke(main, ["read", str(note), "--json"]).stdout)
    assert told_json["inputs"] == [{"name": "u", "latex": "u_t", "shape": ["D", "1"], "time": True}]
    assert told_json["guesses"][0]["taken"].startswith("vectors are rows")
    derived = CliRunner().invoke(main, ["derive", str(note)])
    assert "read as:" in derived.stderr
    assert "read as:" not in derived.stdout
    generated = CliRunner().invoke(main, ["generate", str(note), "-o", str(tmp_path / "n.py"), "--json"])
    assert json.loads(generated.stdout)["reading"]["output"] == "s"


def test_equations_in_running_text_make_the_cell_where_no_others_do():
    text = (
        "The state is $h_t = \\tanh(W h_{t-1} + U x_t)$ and is read by $y_t = V h_t$; "
        "the loss is $L = \\sum_t L_t$ with $L_t = \\frac12 \\|y_t - d_t\\|^2$, of which $\\frac{dL}{dV}$ is a part."
    )
    found = reading_of(text, "spoken.md")
    assert [each.name for each in found.cell.states] == ["h"]
    assert found.cell.output.name == "L"
    assert any("running text" in guess.taken for guess in found.cell.guesses)
    shown = reading_of(text.replace("$h_t", "\n\n$$h_t").replace("x_t)$", "x_t)$$\n\n"), "shown.md")
    assert not any("running text" in guess.taken for guess in shown.cell.guesses)
    with pytest.raises(InputError, match="no equation found"):
        reading_of("The state $h_t$ depends on $x_t$.", "none.md")


GATES = r"""- Forget: \(f_t = \sigma(W_f [h_{t-1}, x_t])\)
- Input: \(i_t = sigma(W_i [h_{t-1}, x_t])\)
- State: \(c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_c [h_{t-1}, x_t])\)
- Hidden: \(h_t = \tanh(c_t)\)
"""


def test_errors_that_cannot_be_read_hold_no_equation_and_text_completes_itself() -> None:
    errors = r"$$ \delta^f_t = \delta^c_t \odot c_{t-1} \odot \sigma'(f_t \text{ input}) $$"
    more = r"$$ \delta^c_t = \delta^h_t \odot (1 - h_t^2) + \delta^c_{t+1} \odot f_{t+1} $$"
    cell = reading_of(f"# A\n\n{GATES}\nWith $\\delta^h_t$ given:\n\n{errors}\n\n{more}\n").cell
    assert {state.name for state in cell.states} == {"h", "c"}
    assert [function.name for function in cell.functions] == ["sigmoid", "tanh"]


@pytest.mark.parametrize(
    "beside", [r"f_t \approx \sigma(1) = 0.73", r"L_{t+1:T} = \sum_{s=t+1}^T L_s", r"\tanh'(a_t) = 1 - h_t^2"]
)
def test_what_declares_nothing_is_passed_over_with_a_remark(beside: str) -> None:
    found = reading_of(f"# A\n\n$$ h_t = \\tanh(W x_t + U h_{{t-1}}) $$\n\nwhere ${beside}$.\n")
    assert [state.name for state in found.cell.states] == ["h"]
    assert len(found.remarks) == 1


def test_commands_that_a_document_does_not_define_are_one_guess():
    text = (
        "Let $\\bs{W}$ act on $\\x_t \\in \\R^D$, and $\\y_t = \\bs{V}\\h_t$.\n\n"
        "$$\\h_t = \\tanh(\\bs{W}\\x_t + \\bs{U}\\h_{t-1})$$\n\n$$\\o_t = \\bs{V}\\h_t$$\n"
    )
    found = reading_of(text, "rnn.md")
    guesses = [guess.taken for guess in found.cell.guesses if "commands" in guess.taken]
    assert guesses == [r"commands are read by their names: \bs{x} = \boldsymbol{x}, \x = x, \y = y, \h = h, \o = o"]


@pytest.mark.parametrize(
    "formula", [r"\h{a} + \h_t", r"\pd{a}{b} + \frac{\pd a}{\pd b}", r"a \pm b", r"a \n b", r"a \\h_t", r"\xt"]
)
def test_what_a_command_may_be_is_guessed_where_its_uses_say_one_thing(formula):
    assert with_assumed([formula], {}) == {}
