"""Gates that are blocks of one product: i_t = σ((x_t W + b)_i), f_t = σ((x_t W + b)_f)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.reader.models.equations.equation import TIMES, Equation

_BLOCK = re.compile(r"(?P<close>\\?\)|\\?\])\s*_\s*(?:\{\s*(?P<long>[a-z])\s*\}|(?P<short>[a-z])(?![A-Za-z]))")
_CALL = re.compile(
    r"\s*(?P<function>\\[A-Za-z]+)\s*(?:\\left|\\[bB]igg?l?)?\s*\((?P<inside>.*?)(?:\\right|\\[bB]igg?r?)?\s*\)[\s.,;]*\Z",
    re.DOTALL,
)
SAID = "the blocks of $z_t = {product}$ are those of {gates}, in this order"


def with_blocks(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with a value whose parts are the arguments of such gates, in their order in the document."""
    found: dict[str, list[tuple[Equation, str]]] = {}
    for each in given:
        if (read := _block(each)) is not None:
            found.setdefault("".join(read[1].split()), []).append((each, read[0]))
    several = [gates for gates in found.values() if len({gate.target for gate, _ in gates}) > 1]
    if len(several) != 1 or any(each.target == "z" for each in given):
        return list(given)
    (gates,) = several
    first = gates[0][0]
    read = _block(first)
    assert read is not None
    time = TIMES[first.style]
    product = read[1].strip()
    letters = [rf"\bar{{{gate.target}}}{time}" for gate, _ in gates]
    rows = re.match(r"[\s(]*\\?[a-z]", product) is not None  # x W of rows, whose parts stand side by side
    listed = (" & " if rows else r" \\ ").join(letters)
    said = SAID.format(product=product, gates=", ".join(gate.target for gate, _ in gates))
    new = [replace(first.rewritten(f"z{time} = {product}", "z"), said=said, space=None)]
    split = rf"\begin{{bmatrix}} {listed} \end{{bmatrix}} = z{time}"
    new += [replace(first.rewritten(split, f"{gate.target}_bar"), space=None) for gate, _ in gates]
    gone = {id(gate) for gate, _ in gates}
    for (gate, function), letter in zip(gates, letters, strict=True):
        left = gate.fragment.text[: gate.left_end].strip()
        new.append(gate.rewritten(f"{left} = {function}({letter})"))
    return [*(each for each in given if id(each) not in gone), *new]


def _block(equation: Equation) -> tuple[str, str] | None:
    """The function of a gate that is one block, and what it is a block of."""
    call = _CALL.match(equation.right)
    if call is None or equation.offset != 0:
        return None
    labels = [match.group("long") or match.group("short") for match in _BLOCK.finditer(call.group("inside"))]
    if not labels or set(labels) != {equation.target}:
        return None
    return call.group("function"), _BLOCK.sub(lambda match: match.group("close"), call.group("inside"))
