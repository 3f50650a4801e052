from __future__ import annotations

import pytest
from sympy import MatMul, preorder_traversal

from derive import catalogue, generate
from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.lettering import lettered, parts_played
from derive.nodes import Quantity, leaves, t
from derive.notation import AS_WRITTEN, Notation, TimeStyle, find, notations, spelled, take_apart
from derive.targets.formula import latex, text
from verify import check
from verify.formulas.judgement import Word

NOTATIONS = {AS_WRITTEN.name: AS_WRITTEN, **notations()}


def letters(cell: Cell, notation: Notation, write: type) -> list[str]:
    program = named_preactivations(cell)
    chosen = lettered(notation, program)
    return [write(quantity, chosen) for quantity in program.quantities.values()] + [str(chosen.letter("J"))]


@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
@pytest.mark.parametrize("write", [latex, text])
def test_no_two_names_print_alike(registered, notation, write):
    printed = letters(registered, notation, write)
    assert len(set(printed)) == len(printed)


@pytest.mark.parametrize("notation", notations().values(), ids=notations())
def test_every_letter_of_the_table_leads_back_to_its_name(registered, notation):
    program = named_preactivations(registered)
    chosen = notation.among(program.quantities)
    tabled = {name for name, _ in chosen.letters}
    for name in program.quantities.keys() & tabled:
        back = chosen.name_of(str(chosen.letter(name)))
        assert back is not None
        assert chosen.letter(back) == chosen.letter(name)


def test_a_pattern_leads_back_to_its_name():
    assert find("d2l").name_of(r"\mathbf{W}_{xi}") == "W_i"
    assert find("goodfellow").name_of("U_f") == "W_f"
    assert find("goodfellow").name_of("Q") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h", "h"),
        ("W_xi", "W_{xi}"),
        ("h_tilde", r"\tilde{h}"),
        ("y_hat", r"\hat{y}"),
        ("Gamma_f", r"\Gamma_f"),
        ("alpha", r"\alpha"),
        ("f_prime", r"f^\prime"),
        ("c_star", r"c^\ast"),
        ("net_i", r"\mathrm{net}_i"),
        ("net_h_tilde", r"\mathrm{net}_{\tilde{h}}"),
        ("W_alpha", r"W_{\alpha}".replace("{", "").replace("}", "")),
    ],
)
def test_names_are_spelled_as_they_were_read(name, expected):
    assert str(spelled(name)) == expected


@pytest.mark.parametrize(
    ("notation", "name", "expected"),
    [
        ("goodfellow", "W", "U"),
        ("goodfellow", "net_h", "a"),
        ("deeplearning-ai", "i", r"\Gamma_u"),
        ("deeplearning-ai", "W_i", "W_{ux}"),
        ("deeplearning-ai", "net_i", r"\mathrm{net}_u"),
        ("d2l", "U_f", r"\mathbf{W}_{hf}"),
        ("memory", "g", r"\hat{C}"),
        ("torch", "W_g", "W_{ig}"),
    ],
)
def test_letters_of_a_notation(notation, name, expected):
    assert str(find(notation).among(["i", "f", "o", "g", "c", "h", "W_i"]).letter(name)) == expected


def test_the_company_of_a_name_decides():
    notation = find("goodfellow")
    assert str(notation.among(["z", "r"]).letter("z")) == "u"
    assert str(notation.among(["z", "V"]).letter("z")) == "o"
    assert str(notation.among(["z"]).letter("z")) == "z"


@pytest.mark.parametrize(
    ("style", "name", "in_latex", "in_text"),
    [
        (TimeStyle.SUBSCRIPT, "h", "h_{t-1}", "h_{t-1}"),
        (TimeStyle.PARENTHESES, "h", "h^{(t-1)}", "h^(t-1)"),
        (TimeStyle.ANGLES, "h", r"h^{\langle t-1 \rangle}", "h^<t-1>"),
        (TimeStyle.SUPERSCRIPT, "h", "h^{t-1}", "h^{t-1}"),
        (TimeStyle.SUBSCRIPT, "Gamma_f", r"\Gamma_{f,t-1}", "Γ_{f,t-1}"),
        (TimeStyle.PARENTHESES, "Gamma_f", r"\Gamma_f^{(t-1)}", "Γ_f^(t-1)"),
        (TimeStyle.SUBSCRIPT, "c_star", r"c_{t-1}^\ast", "c*_{t-1}"),
        (TimeStyle.PARENTHESES, "c_star", r"{c^\ast}^{(t-1)}", "c*^(t-1)"),
    ],
)
def test_the_time_stands_where_the_style_says(style, name, in_latex, in_text):
    quantity = Quantity(name, 3, 1, t - 1)
    assert latex(quantity, Notation("styled", time=style)) == in_latex
    assert text(quantity, Notation("styled", time=style)) == in_text


@pytest.mark.parametrize(
    ("letter", "parts"),
    [
        (r"\mathbf{W}_{xi}", (r"\mathbf{W}", "xi", "")),
        (r"\hat y", (r"\hat{y}", "", "")),
        ("f'", ("f", "", r"\prime")),
        ("c_t^*", ("c", "t", "*")),
        (r"W_\alpha", ("W", r"\alpha", "")),
    ],
)
def test_letters_are_taken_apart(letter, parts):
    assert tuple(take_apart(letter)) == parts


def test_unbalanced_braces_in_a_letter_are_an_error():
    with pytest.raises(InputError, match="unbalanced"):
        take_apart("W_{x")


def test_an_unknown_notation_lists_the_known_ones():
    with pytest.raises(InputError) as caught:
        find("goodfelow")
    assert all(name in str(caught.value) for name in notations())


RECURRENCES = {
    "goodfellow": [r"a^{(t)} = b + W h^{(t-1)} + U x^{(t)}", r"h^{(t)} = \tanh(a^{(t)})", r"o^{(t)} = c + V h^{(t)}"],
    "deeplearning-ai": [
        r"a^{\langle t \rangle} = \tanh(W_{aa} a^{\langle t-1 \rangle} + W_{ax} x^{\langle t \rangle} + b_a)",
        r"y^{\langle t \rangle} = W_{ya} a^{\langle t \rangle} + b_y",
    ],
    "d2l": [
        r"H_t = \tanh(\mathbf{W}_{xh} X_t + \mathbf{W}_{hh} H_{t-1} + \mathbf{b}_h)",
        r"O_t = \mathbf{W}_{hy} H_t + \mathbf{b}_y",
    ],
    "memory": ["S_t = f(U X_t + W S_{t-1})", "q_t = V S_t"],
    "net": [r"\mathrm{net}_t = U x_t + W s_{t-1}", r"s_t = f(\mathrm{net}_t)", "q_t = V s_t"],
    "torch": [r"h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})"],
    "as in the catalogue": [r"h_t = \tanh(W x_t + U h_{t-1} + b)", "o_t = V h_t + c"],
}
"""One recurrence as different authors write it; what their letters have in common is what each weight acts on."""


@pytest.mark.parametrize("own", RECURRENCES)
@pytest.mark.parametrize("asked", notations())
def test_weights_are_lettered_by_the_part_they_play(own, asked):
    cell = Cell.from_latex(RECURRENCES[own])
    program = named_preactivations(cell)
    chosen = lettered(find(asked), program)
    table = find(asked).among([*"Wxh", *(["V"] if len(cell.parameters) > 3 else [])])
    by_part = {q.name: [str(chosen.letter(q.name))] for q in cell.parameters}
    state = cell.states[0].name
    entry = next(
        e.expression for e in program.equations if any(q.name == cell.inputs[0].name for q in leaves(e.expression))
    )
    for product in (part for part in preorder_traversal(entry) if isinstance(part, MatMul)):
        weight, operand = product.args
        expected = {cell.inputs[0].name: "W", state: "U"}[operand.name]
        assert by_part[weight.name] == [str(table.letter(expected))]
    assert str(chosen.letter(state)) == str(table.letter("h"))


@pytest.mark.parametrize("own", [name for name in RECURRENCES if name in notations()])
def test_a_note_in_the_letters_of_a_notation_stays_as_it_is(own):
    cell = Cell.from_latex(RECURRENCES[own])
    program = named_preactivations(cell)
    chosen = lettered(find(own), program)
    for q in cell.parameters:
        assert str(chosen.letter(q.name)) == str(cell.notation.letter(q.name))
    assert str(chosen.letter(cell.states[0].name)) == str(cell.notation.letter(cell.states[0].name))


def test_gates_keep_what_stands_behind_their_letter():
    gated = [
        r"f_t = \sigma(b_f + U_f x_t + W_f h_{t-1})",
        r"g_t = \sigma(b_g + U_g x_t + W_g h_{t-1})",
        r"s_t = f_t \odot s_{t-1} + g_t \odot \sigma(b + U x_t + W h_{t-1})",
        r"h_t = \tanh(s_t)",
    ]
    program = named_preactivations(Cell.from_latex(gated))
    chosen = lettered(find("goodfellow"), program)
    assert [str(chosen.letter(name)) for name in ("U_f", "W_f", "b_f", "U", "W")] == ["U_f", "W_f", "b_f", "U", "W"]
    other = lettered(find("deeplearning-ai"), program)
    assert [str(other.letter(name)) for name in ("U_f", "W_f", "U", "W")] == ["W_{fx}", "W_{fa}", "W_{ax}", "W_{aa}"]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru_reset_after", *catalogue.heads()])
def test_the_letters_of_the_tables_are_left_alone(name):
    assert parts_played(named_preactivations(catalogue.find(name))) == {}


@pytest.mark.parametrize(
    "unclear",
    [
        "h_t = U (x_t + h_{t-1})",
        "h_t = U x_t + U h_{t-1}",
        "h_t = U x_t + A x_t + W h_{t-1}",
        r"h_t = \tanh(U x_t + W p_t)",
    ],
)
def test_where_parts_are_not_clear_names_count(unclear):
    extra = [r"p_t = P h_{t-1}"] if "p_t" in unclear else []
    where = [r"x_t \in \mathbb{R}^{H}", r"h_t \in \mathbb{R}^{H}", r"W, U \in \mathbb{R}^{H \times H}"]
    cell = Cell.from_latex([unclear, *extra], where=where if "W" in unclear else where[:2])
    assert str(lettered(find("goodfellow"), cell).letter("U")) == "W"


def test_what_is_printed_in_a_notation_can_be_checked_in_it():
    cell = Cell.from_latex(RECURRENCES["goodfellow"][:2], output="h_t")
    assert "W h^(t-1)" in generate(cell, "text", notation=find("goodfellow"))
    for letter, operand in (("U", "x^{(t)}"), ("W", "h^{(t-1)}")):
        left, error = rf"\frac{{\partial J}}{{\partial {letter}}}", r"\frac{\partial J}{\partial a^{(t)}}"
        (judged,) = check(rf"{left} = \sum_t {error} {operand}^\top", cell, notation=find("goodfellow"))
        assert judged.word is Word.PROVED
