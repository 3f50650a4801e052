"""Which cell is this? Each finds itself under other letters; what is another model is never called the same."""

from __future__ import annotations

import random

import pytest
from registry import ALL

from derive import catalogue
from derive.cell import Cell, Equation
from derive.errors import InputError
from derive.nodes import Elementwise, Node, Quantity, add, scale, substitute
from derive.reader import read_note
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.which import Match, which
from verify.which.exchanged import exchanged
from verify.which.given import given
from verify.which.telling import lines, to_json, used_by

GRU = r"""# Mine

$$ u_t = \sigma(P_u x_t + Q_u s_{t-1} + a_u) $$
$$ v_t = \sigma(P_v x_t + Q_v s_{t-1} + a_v) $$
$$ k_t = \tanh(P_k x_t + Q_k (v_t \odot s_{t-1}) + a_k) $$
$$ s_t = u_t \odot s_{t-1} + (1 - u_t) \odot k_t $$

where $x_t \in \mathbb{R}^{D}$, $s_t \in \mathbb{R}^{H}$
"""


FOUND = [name for k, name in enumerate(catalogue.cells()) if ALL or k % 4 == 0]
"""Every fourth cell; all where BACKPROOF_ALL_CELLS is set."""


def _nearest(text: str) -> Match:
    return which(read_note(text, "mine.md"))[0]


def _kinds(match: Match) -> set[str]:
    return {difference.kind for difference in match.differences}


def _renamed(cell: Cell, seed: int) -> Cell:
    """The same cell with every name replaced and the terms of its sums in another order."""
    rng = random.Random(seed)
    names = list(cell.quantities)
    others = [f"q{k}" for k in range(len(names))]
    rng.shuffle(others)
    called = dict(zip(names, others, strict=True))

    def other(node: Node) -> Node | None:
        if isinstance(node, Quantity):
            return Quantity(called[node.name], *node.shape, node.time)
        if node.is_MatAdd:
            terms = [substitute(term, other) for term in node.args]
            rng.shuffle(terms)
            return add(*terms)
        return None

    def moved(quantities: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
        return tuple(substitute(q, other) for q in quantities)  # type: ignore[misc]

    equations = [Equation(substitute(e.symbol, other), substitute(e.expression, other)) for e in cell.equations]
    return Cell(
        equations=tuple(equations),
        name="mine",
        title="Mine",
        inputs=moved(cell.inputs),
        states=moved(cell.states),
        parameters=moved(cell.parameters),
        output=moved((cell.output,))[0],
    )


@pytest.mark.parametrize("name", FOUND)
def test_a_cell_under_other_letters_is_found_and_proved(name: str) -> None:
    cell = catalogue.find(name)
    found = which(_renamed(cell, seed=len(cell.name)))
    twins = [match.cell.name for match in found if match.proved]
    assert cell.name in twins
    assert not found[0].differences


@pytest.mark.parametrize("name", ["gru", "scrn"])
def test_one_changed_function_is_another_model(name: str) -> None:
    cell = catalogue.find(name)
    changed = 0
    for k, equation in enumerate(cell.equations):
        if not isinstance(equation.expression, Elementwise):
            continue
        wrong = scale(2, equation.expression)
        equations = (*cell.equations[:k], Equation(equation.symbol, wrong), *cell.equations[k + 1 :])
        found = which(Cell(equations, "mine", "Mine", cell.inputs, cell.states, cell.parameters, cell.output))
        assert not any(match.proved for match in found)
        changed += 1
    assert changed


def test_a_gate_that_opens_the_other_way_round_is_the_same_model_and_said() -> None:
    match = _nearest(GRU)
    assert (match.cell.name, match.proved) == ("gru", True)
    assert _kinds(match) == {"gate the other way round"}
    assert match.differences[0].here == "u"
    assert used_by(match) == ["keras", "onnx", "tf1", "coreml"]  # which have it this way round
    told = "\n".join(lines([match], "Mine"))
    assert "u opens the other way round: 1 - u does what z does there" in told
    assert "P_u is its W_z" in told


def test_a_turned_gate_whose_argument_has_no_weight_is_not_proved_the_same() -> None:
    match = _nearest(GRU.replace("Q_u s_{t-1} + a_u)", "Q_u s_{t-1} + s_{t-1})"))
    assert not match.proved


@pytest.mark.parametrize(
    ("text", "other", "kind"),
    [
        (r"Q_k (v_t \odot s_{t-1})", r"v_t \odot (Q_k s_{t-1})", "after the product"),
        (r"\tanh(P_k", r"\operatorname{ReLU}(P_k", "activation"),
        (r" + a_v)", ")", "no bias"),
        (r"+ a_v)", "+ d_v + a_v)", "number of biases"),
        (r"+ a_v)", r"+ a_v + e \odot s_{t-1})", "extra term"),
        (r"Q_v s_{t-1}", r"Q_u s_{t-1}", "one for two"),
    ],
)
def test_each_difference_has_its_name(text: str, other: str, kind: str) -> None:
    assert text in GRU
    match = next(m for m in which(read_note(GRU.replace(text, other), "mine.md")) if m.cell.name == "gru")
    assert kind in _kinds(match) or (kind == "one for two" and "two for one" in _kinds(match))
    assert match.proved == (kind == "number of biases")
    assert all(each["detail"] for each in to_json([match])["cells"][0]["differences"])


def test_stacked_operands_are_two_weights() -> None:
    stacked = GRU.replace("P_v x_t + Q_v s_{t-1}", "Q_v [s_{t-1}; x_t]")
    match = _nearest(stacked)
    assert match.proved
    assert match.letters["U_r"] == "Q_v[:, 0:H]"


def test_torch_writes_two_biases() -> None:
    text = r"""# torch

$$ r_t = \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) $$
$$ z_t = \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) $$
$$ n_t = \tanh(W_{in} x_t + b_{in} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) $$
$$ h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1} $$

where $x_t \in \mathbb{R}^{D}$, $h_t \in \mathbb{R}^{H}$
"""
    match = _nearest(text)
    assert (match.cell.name, match.proved, _kinds(match)) == ("gru_reset_after", True, {"number of biases"})
    assert used_by(match) == ["torch", "keras", "onnx"]


def test_a_head_is_no_recurrent_cell() -> None:
    with pytest.raises(InputError, match="no recurrent cell"):
        which(catalogue.find("softmax_cross_entropy"))


def test_a_gate_that_opens_the_other_way_is_told_of_a_wrong_formula():
    said = check(
        r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot (h_{t-1} - \tilde h_t)",
        catalogue.find("gru"),
    )
    assert said[0].word is Word.WRONG
    assert "z opens the other way round" in said[0].true_when
    assert [gate for gate, _ in exchanged(catalogue.find("gru"))] == ["z"]
    assert not list(exchanged(catalogue.find("lstm")))
    ((_, turned),) = exchanged(catalogue.find("gru"))
    ((_, back),) = exchanged(turned)
    assert back == catalogue.find("gru")


def test_an_open_output_is_no_obstacle(tmp_path) -> None:
    note = tmp_path / "two.md"
    note.write_text(GRU.replace("\nwhere", "$$ m_t = 0.9 m_{t-1} + 0.1 w \\odot x_t $$\n\nwhere", 1), "utf-8")
    read = given(str(note))
    assert [cell.output.name for cell in read] == ["s", "m"]
    assert which(read[0])
