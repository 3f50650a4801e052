"""Stacked arrays of another framework to the parameters of a cell and back, as a table of names says.

A table lists for each array its blocks in order, each by the name of a parameter: a block that is named twice counts
as a sum (two biases where the cell has one), a minus is a gate that opens the other way, 1 - σ(a) = σ(-a), and an
empty name is a block that the cell does not have.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np

from derive.errors import InputError
from verify.numbers.case import Array

FRAMEWORKS = ("torch", "keras", "onnx", "tf1", "coreml")
"""The frameworks that have a table."""

Rows: TypeAlias = Sequence[str] | Sequence[Sequence[str]]
"""The blocks of an array along its last or only stacked axis; nested where the array has rows of blocks."""


@dataclass(frozen=True)
class Table:
    """The blocks of each array of one framework for one cell.

    `columns` are the arrays whose blocks stand side by side and act on rows from the right; `optional` those that may
    be missing and then count as zero; `apart` those whose blocks have a number of rows of their own. `forget` is the
    bias that a framework may add a number to.
    """

    framework: str
    cell: str
    arrays: Mapping[str, Rows]
    columns: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    forget: str = ""

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters, each once."""
        names = [name.lstrip("-") for rows in self.arrays.values() for row in nested(rows) for name in row]
        return [name for name in dict.fromkeys(names) if name]


def nested(rows: Rows) -> list[list[str]]:
    """Rows of blocks; an array without rows has one."""
    return [[row] if isinstance(row, str) else list(row) for row in rows] if is_nested(rows) else [[*map(str, rows)]]


def is_nested(rows: Rows) -> bool:
    """Whether the array has an axis for rows of blocks."""
    return any(not isinstance(row, str) for row in rows)


@cache
def contents(framework: str) -> Mapping[str, Any]:
    """What is known of a framework: settings, and the table of each cell under `cells`."""
    text = files("verify.weights").joinpath(f"tables/{framework}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def table(framework: str, cell: str | Mapping[str, Rows]) -> Table:
    """The table of a cell by name, or the caller's own, array -> blocks; raises InputError for an unknown name."""
    known = contents(framework)
    if isinstance(cell, str):
        if cell not in known["cells"]:
            raise InputError(
                f"no weights of {framework} are known for {cell}",
                hint=f"known: {', '.join(known['cells'])}; or a table of your own, array -> names of its blocks",
            )
        name, arrays, forget = cell, known["cells"][cell]["arrays"], known["cells"][cell].get("forget", "")
    else:
        name, arrays, forget = "the given table", cell, ""
    columns, optional, apart = (frozenset(known.get(key, ())) for key in ("columns", "optional", "apart"))
    return Table(framework, name, arrays, columns, optional, apart, forget)


def shifted(chosen: Table, params: Mapping[str, Array], by: float) -> dict[str, Array]:
    """The parameters with a number added to the bias of the forget gate, where the cell has one."""
    own = params[chosen.forget] if chosen.forget else None
    return {**params, **({} if own is None else {chosen.forget: own + np.asarray(by, own.dtype)})}


def read(chosen: Table, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters of one copy of the cell; raises InputError for arrays that do not fit."""
    _expect(arrays, chosen)
    found: dict[str, Array] = {}
    length = 0
    for name, rows in chosen.arrays.items():
        if name not in arrays:
            continue
        for row, blocks in zip(_rows(name, arrays[name], rows, chosen), nested(rows), strict=True):
            stacked = row.T if name in chosen.columns else row
            expected = 0 if name in chosen.apart else length
            if stacked.ndim == 0 or len(stacked) % len(blocks) or (expected and len(stacked) != expected * len(blocks)):
                raise InputError(
                    f"{name} has shape {np.shape(arrays[name])}, expected {len(blocks)} blocks of "
                    + (f"{expected} rows" if expected else "the same number of rows")
                )
            length = length if name in chosen.apart else len(stacked) // len(blocks)
            for block, values in zip(blocks, np.split(stacked, len(blocks)), strict=True):
                key, signed = block.lstrip("-"), -values if block.startswith("-") else values
                if key:
                    found[key] = found[key] + signed if key in found else np.array(signed, order="C")
    dtype = np.result_type(*found.values())
    return {key: found[key] if key in found else np.zeros(length, dtype) for key in chosen.parameters}


def write(chosen: Table, params: Mapping[str, Array], *, gradients: bool = False) -> dict[str, Array]:
    """The arrays of one copy of the cell; of two biases that the cell has as one, the second is zero.

    With `gradients`, both have the gradient of their sum.
    """
    missing = [name for name in chosen.parameters if name not in params]
    if missing:
        raise InputError(f"params has no {missing[0]!r}", hint=f"{chosen.cell} has {', '.join(chosen.parameters)}")
    written: set[str] = set()
    arrays: dict[str, Array] = {}
    for name, rows in chosen.arrays.items():
        stacks = []
        for blocks in nested(rows):
            like = next(np.asarray(params[b.lstrip("-")]) for b in blocks if b)
            values = []
            for block in blocks:
                key = block.lstrip("-")
                value = (
                    np.zeros_like(like) if not key or (key in written and not gradients) else np.asarray(params[key])
                )
                values.append(-value if block.startswith("-") else value)
                written.add(key)
            stacked = np.concatenate(values)
            stacks.append(stacked.T.copy() if name in chosen.columns else stacked)
        arrays[name] = np.stack(stacks) if is_nested(rows) else stacks[0]
    return arrays


def _rows(name: str, array: Array, rows: Rows, chosen: Table) -> Sequence[Array]:
    if not is_nested(rows):
        return [np.asarray(array)]
    if np.ndim(array) < 2 or len(array) != len(rows):
        raise InputError(f"{name} has shape {np.shape(array)}, expected {len(rows)} rows for {chosen.cell}")
    return [np.asarray(row) for row in array]


def _expect(names: Collection[str], chosen: Table) -> None:
    """Raises InputError for an array too many or too few."""
    known = f"{chosen.framework} has {', '.join(chosen.arrays)} for {chosen.cell}"
    for name in names:
        if name not in chosen.arrays:
            raise InputError(f"no place for {name}", hint=known)
    for name in chosen.arrays:
        if name not in names and name not in chosen.optional:
            raise InputError(f"{name} is missing", hint=known)


def suffixed(params: Mapping[str, Array], layer: int, *, reverse: bool = False) -> dict[str, Array]:
    """The same under the names they have in a network: W -> W_l0, or W_l0_reverse."""
    return {f"{name}{suffix(layer, reverse)}": value for name, value in params.items()}


def part(params: Mapping[str, Array], layer: int, *, reverse: bool = False) -> dict[str, Array]:
    """One copy's parameters of a network's, under the cell's own names; empty if there is no such copy."""
    wanted = suffix(layer, reverse)
    return {name.removesuffix(wanted): value for name, value in params.items() if name.endswith(wanted)}


def suffix(layer: int, reverse: bool) -> str:
    """What stands behind the names of one copy."""
    return f"_l{layer}" + ("_reverse" if reverse else "")


def copies(names: Collection[str]) -> list[tuple[int, bool]]:
    """The copies, as (layer, reverse), that names speak of, in order."""
    found = {(int(m[1]), bool(m[2])) for name in names if (m := re.search(r"_l(\d+)(_reverse)?$", name))}
    return sorted(found)


def array_of(value: Any) -> Array:
    """A NumPy array of something like one, also of a torch tensor that asks for a gradient."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
