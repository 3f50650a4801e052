"""Cells of LaTeX strings from Python: the same reader, and places by item and column."""

from __future__ import annotations

import pytest

from derive import Cell, InputError, find, generate, read_note

RECURRENCE = r"h_t = \tanh(W x_t + U h_{t-1} + b)"
SHAPES = r"x_t \in \mathbb{R}^{D}, h_t \in \mathbb{R}^{H}"


@pytest.mark.parametrize(
    ("equations", "where"),
    [
        ([RECURRENCE], [SHAPES]),
        ([RECURRENCE], SHAPES),
        (RECURRENCE, [r"x_t \in \mathbb{R}^{D}", r"h_t \in \mathbb{R}^{H}"]),
        ([RECURRENCE, f"where {SHAPES}"], []),
        ([f"$$ {RECURRENCE} $$", r"where $x_t \in \mathbb{R}^{D}$ is the input, $h_t \in \mathbb{R}^{H}$"], []),
        ([rf"\[ {RECURRENCE} \]"], [f"where {SHAPES}", "output: h_t"]),
        ([f"${RECURRENCE}$", "output: $h_t$"], SHAPES),
        (["h_t = tanh(W @ x_t + U @ h[t-1] + b)"], [SHAPES]),
    ],
)
def test_strings_are_read_as_a_note_is(equations, where):
    note = find("rnn")
    cell = Cell.from_latex(equations, where=where, name="rnn", title=note.title, source=note.source)
    assert (cell.equations, cell.inputs, cell.states) == (note.equations, note.inputs, note.states)
    assert generate(cell) == generate(note)


def test_functions_and_outputs_are_declared_by_strings():
    cell = Cell.from_latex(
        [r"s_t = \phi(W x_t + U s_{t-1})", "y_t = V s_t"],
        where=r"\phi = \operatorname{ReLU}",
        output="s_t",
        name="My cell",
    )
    assert cell == read_note(
        "# My cell\n\n$$s_t = \\phi(W x_t + U s_{t-1})$$\n$$y_t = V s_t$$\n\n"
        "where $\\phi = \\operatorname{ReLU}$\n\noutput: $s_t$"
    )
    assert cell.name == "my_cell"


@pytest.mark.parametrize(
    ("equations", "where", "line", "column", "message"),
    [
        ([RECURRENCE, r"y_t = \foo h_t"], [], 2, 7, r"unknown command \foo"),
        ([RECURRENCE], [SHAPES, r"Z \in \mathbb{R}^{3}"], 3, 1, "Z is declared, but no equation has it"),
        ([RECURRENCE, r"where Z \in \mathbb{R}^{3}"], [], 2, 7, "Z is declared, but no equation has it"),
        ([f"$$\n{RECURRENCE}\n$$", r"$y_t = \foo h_t$"], [], 4, 8, r"unknown command \foo"),
        ([RECURRENCE, 3], [], 2, 1, "int is no text"),
        ([], [], 1, 1, "no equation found"),
    ],
)
def test_errors_name_the_item_and_the_column(equations, where, line, column, message):
    with pytest.raises(InputError) as caught:
        Cell.from_latex(equations, where=where)
    assert caught.value.message == message
    assert (caught.value.place.line, caught.value.place.column) == (line, column)
