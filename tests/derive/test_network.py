"""Networks: names, sizes, the cut of a head, and what is told where something cannot be put together."""

from __future__ import annotations

import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.layers import two_layers
from derive.networks.network import Copy, Direction, Network, Reads
from derive.nodes import Adjoint, Quantity, t
from derive.notation import find
from derive.reader import read_note
from derive.targets import TARGETS
from derive.targets.formula import latex, text

BOTH = Direction.BIDIRECTIONAL


def note(*lines: str) -> Cell:
    return read_note("\n\n".join(lines), "mine.md")


def test_names_and_letters_tell_layer_and_direction() -> None:
    network = Network.of(catalogue.find("lstm"), layers=2, direction=BOTH)
    assert [copy.suffix for copy in network.copies] == ["_l0", "_l0_reverse", "_l1", "_l1_reverse"]
    cell = network.cell_of(Copy(1, reverse=True))
    assert [q.name for q in cell.states] == ["h_l1_reverse", "c_l1_reverse"]
    assert latex(cell.quantities["W_i_l1_reverse"], cell.notation) == r"W_i^{(1)\leftarrow}"


def test_a_layer_reads_what_the_layer_below_gives() -> None:
    network = Network.of(catalogue.find("gru"), layers=2, direction=BOTH, head=catalogue.find_head("softmax"))
    shapes = {q.name: tuple(map(str, q.shape)) for q in network.parameters}
    assert shapes["W_z_l0"] == ("H", "D")
    assert shapes["W_z_l1"] == ("H", "2*H")
    assert shapes["U_z_l1"] == ("H", "H")
    assert shapes["V"] == ("K", "2*H")


def test_the_error_comes_down_a_layer() -> None:
    """δ of layer l - 1 from δ of layer l at the same step and from its own at the next, as derived."""
    derivation = differentiate(two_layers(catalogue.find("rnn")))
    below = derivation.by_name["h_below"]
    printed = f"{text(Adjoint(below.of), derivation.cell.notation)} = {text(below.value, derivation.cell.notation)}"
    assert printed == ("∂J/∂h^{(l-1)}_t = (W^{(l)})ᵀ (∂J/∂net^{(l)}_{h,t}) + (U^{(l-1)})ᵀ (∂J/∂net^{(l-1)}_{h,t+1})")
    assert [path.crosses_time for path in below.paths] == [False, True]


def test_layers_stand_in_the_letters_of_a_notation() -> None:
    network = Network.of(catalogue.find("rnn"), layers=2, head=catalogue.find_head("softmax"))
    page = TARGETS["text"].render_network(network, find("goodfellow"), "")
    assert "h^{(l)}^(t) = tanh(U^{(l)} h^{(l-1)}^(t) + W^{(l)} h^{(l)}^(t-1) + b^{(l)})" in page
    assert "o^(t) = V h^(t) + c" in page
    assert "Letters: Goodfellow" in page


def test_a_head_is_cut_behind_its_last_parameter(head: Cell) -> None:
    network = Network.of(catalogue.find("rnn"), head=head)
    assert network.readout is not None
    assert network.loss is not None
    assert set(network.readout.parameters) == set(head.parameters)
    assert network.loss.inputs[0] == network.readout.output
    assert network.loss.targets == head.targets
    assert network.loss.assumptions == head.assumptions


def test_a_letter_of_the_head_gives_way_to_the_cells() -> None:
    cell = note(r"$$ h_t = \tanh(W x_t + U h_{t-1}) $$", r"where $x_t \in \mathbb{R}^{K}$")
    network = Network.of(cell, head=catalogue.find_head("softmax"))
    assert tuple(map(str, network.parameters[-2].shape)) == ("K_out", "H")


def test_every_cell_stands_above_itself(cell: Cell) -> None:
    two = two_layers(cell)
    assert len(two.states) == 2 * len(cell.states)
    assert len(two.equations) == 2 * len(cell.equations)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rnn: Network.of(rnn, layers=0), "at least one layer, not 0"),
        (lambda rnn: Network.of(catalogue.find_head("softmax")), "softmax_cross_entropy is a head"),
        (lambda rnn: Network.of(rnn, head=rnn), "rnn has no target, so it is no head"),
        (lambda rnn: Network.of(rnn, reads=Reads.LAST_STEP), "a head reads the last step alone"),
        (lambda rnn: Network.of(note(r"$$ h_t = \tanh(U h_{t-1}) $$")), "no input at every step"),
        (
            lambda rnn: Network.of(note(r"$$ h_t = \tanh(W x_t + h_{t-1}) + x_t $$"), layers=2, direction=BOTH),
            r"layer 1 gets 2\*H entries from the layer below it, but x of",
        ),
        (lambda rnn: catalogue.find_head("softmax", "squared-error"), "no head is called softmax with the loss"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make(catalogue.find("rnn"))


def test_a_title_says_what_it_is() -> None:
    head = catalogue.find_head("softmax", "cross-entropy")
    network = Network.of(catalogue.find("gru"), layers=2, direction=BOTH, head=head, reads=Reads.LAST_STEP)
    assert network.title == "GRU, 2 layers, bidirectional, with Softmax cross-entropy at the last step"


def test_equations_of_neighbours_share_the_lower_output() -> None:
    two = two_layers(catalogue.find("gru"))
    above = next(e for e in two.equations if e.symbol.name == "z_above")
    assert above.expression.has(Quantity("h_below", *two.quantities["h_below"].shape, t))


def test_one_cell_is_made_without_reading_the_other_notes() -> None:
    catalogue._note.cache_clear()
    assert catalogue.made("lstm").name == "lstm"
    assert catalogue._note.cache_info().currsize == 1
