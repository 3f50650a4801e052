"""What a message tells a person to write can be read: letters with labels keep one subscript."""

from __future__ import annotations

import re
from itertools import product

import pytest

from derive.errors import InputError
from derive.notation import said_at, timed
from derive.reader import read_note
from derive.reader.meaning.symbols import symbol
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse

LETTERS = [
    base + below + above
    for base, below, above in product(
        ["s", r"\alpha", r"\hat{s}", r"\tilde s", r"\mathbf{s}", r"\mathrm{net}"],
        ["", "_9", "_{9}", "_{xi}", r"_\alpha", "_{h,2}", r"_{\text{in}}", r"_{\mathrm{in}}"],
        ["", "^{(1)}", "'"],
    )
]


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_with_a_time_is_read_as_that_letter(letter: str) -> None:
    found = {}
    for time in ("", "t", "t-1"):
        fragment = Fragment.of(timed(letter, time) if time else letter)
        ((node,),) = parse(fragment)
        read = symbol(node, fragment)
        assert read is not None
        found[time] = (read.name, read.offset)
    name = found[""][0]
    assert found == {"": (name, None), "t": (name, 0), "t-1": (name, -1)}


@pytest.mark.parametrize(("name", "written"), [("s", "s_t"), ("s_9", "s_{9,t}"), ("h_tilde", r"\tilde{h}_t")])
def test_an_identifier_with_a_time(name: str, written: str) -> None:
    assert said_at(name) == written


@pytest.mark.parametrize("letter", ["s", "s_{9}", "s_{ab}", r"\hat{s}_{9}", r"\beta_2"])
def test_the_line_that_names_the_output_can_be_pasted(letter: str) -> None:

    equations = "\n\n".join(
        f"$$ {timed(each)} = {weight} x_t + {carry} {timed(each, 't-1')} $$"
        for each, weight, carry in ((letter, "W", "U"), ("r_1", "V", "P"))
    )
    with pytest.raises(InputError) as refused:
        read_note(f"# Two states\n\n{equations}", "note.md")
    lines = re.findall(r"output: \$[^$]*\$", refused.value.hint)
    assert len(lines) == 1
    read_note(f"# Two states\n\n{equations}\n\n{lines[0]}\n", "note.md")
