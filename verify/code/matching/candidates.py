"""Every way in which a person's arrays could be the parameters of a cell, the likeliest first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sympy import HadamardProduct

from derive import catalogue
from derive.cell import Cell
from derive.nodes import Quantity
from verify.code.calling import words
from verify.code.calling.axes import Axes, numbered
from verify.code.calling.base import Variable
from verify.code.calling.engine import CallPlan
from verify.code.matching.apart import apart
from verify.code.matching.heads import HEADS, below, with_head, with_readout
from verify.code.matching.match import READOUT, READOUT_BIAS, Block, Match, is_left
from verify.code.mistakes.local import parts
from verify.code.mistakes.other_cells import families


def candidates(plan: CallPlan, cell: Cell, of: Sequence[str] = HEADS) -> Iterator[Match]:
    """Every way in which their arrays could be the cell's, the likeliest first."""
    arrays = [v for v in plan.variables.values() if v.part in ("weight", "bias")]
    gates = words.families([v.name for v in arrays])
    readouts = {v.name for v in arrays if "?" not in gates[v.name] and _is_readout(v, plan)}
    if not readouts or cell.output.shape != below(catalogue.find(HEADS[0])).shape:
        heads = [cell]  # one with a readout of its own takes no other
        arrays = [v for v in arrays if v.name not in readouts]
    elif plan.loss:
        heads = [with_head(cell, head) for head in of]
    else:
        heads = [with_readout(cell, head) for head in of]
    for whole in heads:
        yield from _candidates(plan, cell, whole, arrays, readouts)
    if (other := apart(cell)) is not None:
        yield from candidates(plan, other, of)


def _candidates(
    plan: CallPlan, cell: Cell, whole: Cell, arrays: Sequence[Variable], readouts: set[str]
) -> Iterator[Match]:
    names = {p.name: p for p in cell.parameters}
    roles, letters = _roles(cell)
    vectors = [n for n in names if n in _entrywise(cell)]
    extras = [n for n in names if n not in {*vectors, *(_join(p, g) for p in roles.values() for g in letters)}]
    lines = [v for v in arrays if len(_of_one(v.axes)) == 1 and v.name not in readouts]
    of_units = [v.name for v in lines if v.part == "weight"] or [v.name for v in lines]
    groups = words.families([v.name for v in arrays])
    weights = [_of_one(v.axes) for v in arrays if v.part == "weight"]
    sides = [is_left(axes, True) for axes in weights if len(axes) == 2 and axes[0] != axes[1]]
    states = {v.name: s for v in plan.variables.values() if v.part in ("h", "c") and (s := _state(v.part, cell))}
    stacked = [v.name for v in arrays if v.part == "bias" and "?" not in groups[v.name] and v.name not in readouts]
    apart = {groups[v.name]: None for v in arrays if v.part == "bias" and "?" in groups[v.name]}
    pair = list(apart) if len(apart) == 2 and extras else []
    stacks: tuple[str, ...] = ("hx",)
    if any("J" in v.axes for v in arrays):
        stacks = ("hx", "xh")
    elif any("N" in v.axes for v in arrays):
        stacks = ("1xh", "1hx", "xh1", "hx1")
    for left, order, columns, first, chosen in itertools.product(
        sides[:1] or [True, False],
        _orders(letters, groups),
        stacks,
        (0, 1) if len(stacked) > 1 or pair else (0,),
        _assigned(of_units, vectors),
    ):
        found: list[Block] = []
        for variable in arrays:
            if variable.name in readouts and "M" in variable.axes:  # with a column for the bias
                at = "1h" if columns.startswith("1") else "h1"
                found += [
                    Block(variable.name, ours, f"[{ours}]", columns=f"{at}:{part}")
                    for ours, part in ((READOUT, "h"), (READOUT_BIAS, "1"))
                ]
                continue
            if variable.name in readouts:
                found.append(Block(variable.name, READOUT_BIAS if variable.part == "bias" else READOUT, columns="all"))
                continue
            if variable.name in chosen:
                found.append(Block(variable.name, chosen[variable.name], columns="all"))
                continue
            second = variable.name in stacked and len(stacked) > 1 and stacked.index(variable.name) % 2 != first
            second = second or (groups[variable.name] in pair and pair.index(groups[variable.name]) != first)
            found += _blocks(variable, order, columns, left, roles, extras if second else (), groups)
        known = {p.name: p for p in whole.parameters}
        missing = [n for n in known if n not in {b.ours for b in found}]
        if any(b.ours not in known for b in found) or any("1" not in map(str, known[n].shape) for n in missing):
            continue
        assumed = [f"gates in the order {', '.join(order)}"] if len(letters) > 1 else []
        assumed += [f"no {', '.join(missing)} (zero)"] if missing else []
        yield Match(whole, plan, tuple(found), left, states, assumed=tuple(assumed))


def _roles(cell: Cell) -> tuple[dict[str, str], list[str]]:
    """What acts on the input, on the state, and the bias, as prefixes of names; and the letters of the gates."""
    prefixes, letters = families(cell)
    names = {p.name: p for p in cell.parameters}
    data = next((q.shape[0] for q in cell.inputs if q not in cell.targets), None)
    roles: dict[str, str] = {}

    entrywise = _entrywise(cell)

    def role(parameter: Any) -> str:
        if str(parameter.shape[1]) == "1":
            return "vector" if parameter.name in entrywise else "bias"
        return "input" if parameter.shape[1] == data else "recurrent"

    for prefix in prefixes:
        roles.setdefault(role(names[f"{prefix}_{letters[0]}"]), prefix)
    if not roles:
        letters = [""]
        for name, parameter in names.items():
            roles.setdefault(role(parameter), name)
    return roles, letters


def _entrywise(cell: Cell) -> set[str]:
    """The parameters that multiply entry by entry, as of peepholes: vectors, but no biases."""
    known = {p.name for p in cell.parameters}
    products = [part for e in cell.equations for part in parts(e.expression, HadamardProduct)]
    return {one.name for product in products for one in product.args if isinstance(one, Quantity)} & known


def _assigned(theirs: Sequence[str], ours: Sequence[str]) -> list[dict[str, str]]:
    """Every way in which their vectors could be the cell's; those with the same letter at the end first."""
    if not ours or len(theirs) < len(ours) or len(theirs) > 4:
        return [{}]
    ways = [dict(zip(some, ours, strict=True)) for some in itertools.permutations(theirs, len(ours))]
    return sorted(ways, key=lambda way: -sum(a[-1] == b[-1] for a, b in way.items()))


def _join(prefix: str, letter: str) -> str:
    return f"{prefix}_{letter}" if letter else prefix


def _state(part: str, cell: Cell) -> str:
    names = [s.name for s in cell.states]
    if part == "c":
        return "c" if "c" in names else names[1] if len(names) > 1 else ""
    return str(next((n for n in names if n == cell.output.name), names[0] if names else ""))


def _is_readout(variable: Variable, plan: CallPlan) -> bool:
    if "K" in variable.axes:
        return True
    if not plan.loss and not plan.tied:
        return False
    if variable.part == "bias":
        return words.is_readout_bias(variable.name)
    return words.kinds(variable.name)[0] == "readout"


def _orders(letters: list[str], groups: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Orders of gates; where their arrays are named by gates, the same letters first."""
    if len(letters) > 4:
        return [tuple(letters)]
    theirs = _their_letters(groups)
    return sorted(
        itertools.permutations(letters), key=lambda order: -sum(a == b for a, b in zip(order, theirs, strict=False))
    )


def _their_letters(groups: Mapping[str, str]) -> list[str]:
    """The letters of their gates, in the order in which they appear."""
    return list(dict.fromkeys(name[family.index("?")] for name, family in groups.items() if "?" in family))


def _of_one(axes: Axes) -> Axes:
    """The axes of one of the arrays that lie in one."""
    return axes[1:] if numbered(axes) else axes


def _blocks(
    variable: Variable,
    order: tuple[str, ...],
    columns: str,
    left: bool,
    roles: Mapping[str, str],
    extras: Sequence[str],
    groups: Mapping[str, str],
) -> list[Block]:
    family = groups[variable.name]
    single = "?" in family
    gates: Sequence[str] = order
    if single:
        place = _their_letters(groups).index(variable.name[family.index("?")])
        gates = order[place : place + 1]
    axes = _of_one(variable.axes)
    axes = axes if len(axes) == 1 or is_left(axes, left) else axes[::-1]
    if variable.part == "bias":
        insides = [("bias", "all")]
    elif len(axes) == 1:
        insides = [("vector", "all")]
    elif axes[1] in ("J", "N"):
        parts = {"h": "recurrent", "x": "input", "1": "bias"}
        insides = [(parts[letter], f"{columns}:{letter}") for letter in columns]
    else:
        insides = [("input" if axes[1] == "D" else "recurrent", "all")]
    found = []
    for k, gate in enumerate(gates):
        for inside, taken in insides:
            ours = _join(roles[inside], gate) if inside in roles else ""
            if inside == "bias" and extras:
                ours = next((e for e in extras if e.endswith(f"_{gate}")), ours)
            label = f"[{ours}]" if len(gates) > 1 or len(insides) > 1 else ""
            found.append(Block(variable.name, ours, label, k, len(gates), taken))
    return found
