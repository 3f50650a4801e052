from __future__ import annotations

import pytest

from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Quantity, t
from derive.notation import AS_WRITTEN, Notation, TimeStyle, find, notations, spelled, take_apart
from derive.program import named_preactivations
from derive.targets.formula import latex, text

NOTATIONS = {AS_WRITTEN.name: AS_WRITTEN, **notations()}


def letters(cell: Cell, notation: Notation, write: type) -> list[str]:
    program = named_preactivations(cell)
    chosen = notation.among(program.quantities)
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
