"""Which quantity of a model a name of a program is, and at which step."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from sympy import Expr, Symbol

from derive import nodes
from derive.cell import Cell
from derive.patterns import regex
from derive.reader.meaning.tree import Ref
from verify.notes.backward.statements import Loop, name_of

_BEFORE = regex(r"(?:prev|previous|old|last)_?(?P<behind>\w+)|(?P<name>\w+?)_?(?:prev|previous|old|tm1|minus_?1)")
_NEXT = regex(r"(?:next)_(?P<behind>\w+)|(?P<name>\w+?)_?next")
_NOW = regex(r"(?P<name>\w+?)_(?:new|cur|current|t|now|seq)|(?P<letter>[A-Za-z]|cc|[a-z]_)t")
_MANY = regex(r"(?P<letter>\w+?)(?:s|_list|_states|_seq)")
_WORDS = {
    "hidden": "h", "hiddenstate": "h", "cell": "c", "cellstate": "c", "inputs": "x", "input": "x",
    "forgetgate": "f", "inputgate": "i", "outputgate": "o", "updategate": "z", "resetgate": "r",
}  # fmt: skip
_ACCENTED = {
    "c_tilde": ("ctilde", "cc", "ccand", "cbar", "chat", "candidate", "ctil", "g"),
    "h_tilde": ("htilde", "hh", "hcand", "hbar", "hhat", "candidate", "n", "g"),
    "y_hat": ("yhat", "ypred", "probs", "ps", "p", "o", "out", "output"),
}


_TARGETS = ("targets", "target", "labels", "label", "ytrue", "ytarget")


@dataclass(frozen=True)
class Named:
    """A quantity of the model with the steps from the step of the loop; `said` is the word for the step, if any."""

    name: str
    offset: int
    said: str = ""


class Names:
    """The quantities of a cell by the names that programs have for them."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        timed = {state.name for state in cell.states} | {each.name for each in cell.inputs}
        self.inputs = {each.name for each in cell.inputs}
        self.timed = timed | {each.symbol.name for each in cell.equations} | {each.name for each in cell.targets}
        self.by_key = {_key(name): name for name in reversed(list(cell.quantities))}
        for word in _TARGETS if len(cell.targets) == 1 else ():
            self.by_key.setdefault(word, cell.targets[0].name)
        self.ahead: frozenset[str] = frozenset()
        """Lists that have the value of step t at t + 1, as they begin with that of step 0."""
        self.others: dict[str, str] = {}
        """What programs call quantities whose names they cannot have."""
        computed = {each.symbol.name for each in cell.equations}
        for name in computed:
            bare = name.removeprefix("Gamma_")
            for other in _ACCENTED.get(name.lower(), (_key(bare),) if bare != name else ()):
                self.others.setdefault(other, name)

    def _named(self, name: str) -> str | None:
        key = _key(name)
        found = self.by_key.get(key) or self.by_key.get(_WORDS.get(key.lower(), ""))
        if found is None and key == "b":
            states = {state.name for state in self.cell.states}
            biases = [one.name for one in self.cell.parameters if one.name.startswith("b_")]
            of_states = [name for name in biases if name.removeprefix("b_") in states]
            found = biases[0] if len(biases) == 1 else of_states[0] if len(of_states) == 1 else None
        if found is None and len(key) > 1 and key[0] in "WUVRb":
            found = self._by_part(key)
        if found is None and self.by_key.get(key.swapcase()) in self.timed:
            found = self.by_key[key.swapcase()]  # C of the model as c, x of all steps as X
        return found

    def _by_part(self, key: str) -> str | None:
        """Wx and Wh beside W_xh and W_hh; Whx where the model has W_xh."""
        weights = {_key(each.name): each.name for each in self.cell.parameters}
        if len(key) == 2:
            ways = [name for at, name in weights.items() if at[0] == key[0] and len(at) == 3 and at[1] == key[1]]
            states = {state.name for state in self.cell.states}
            ways = [name for name in ways if key[1] not in states or _key(name)[2] == key[1]]
        else:
            ways = [name for at, name in weights.items() if at == key[0] + key[:0:-1]]
        return ways[0] if len(ways) == 1 else None

    def of(self, name: str) -> Named | None:
        """The quantity that a name without an index is."""
        if (found := self._named(name)) is not None:
            return Named(found, 0)
        for way, offset, said in ((_BEFORE, -1, "prev"), (_NEXT, 0, "next"), (_NOW, 0, "")):
            match = way.fullmatch(name)
            if match is not None:
                inner = next(filter(None, match.groupdict().values()))
                found = self._named(inner)
                if found is not None and found in self.timed:
                    return Named(found, offset, said)
        many = _MANY.fullmatch(name)
        found = None if many is None else self._named(many["letter"])
        if found is not None and found in self.timed:
            return Named(found, 0, "all")
        for inner in (name, *((match["name"] or match["letter"]) for match in [_NOW.fullmatch(name)] if match)):
            if _key(inner) in self.others:
                return Named(self.others[_key(inner)], 0)
        return None

    def indexed(self, node: ast.expr, loop: Loop | None) -> Named | None:
        """The quantity that an expression is: a name, an attribute, an entry of a dictionary or of a list of steps."""
        name = name_of(node)
        found = None if name is None else self.of(name)
        if found is None:
            return None
        offset = index(node, loop)
        if offset is None:
            return None if found.said == "all" or is_entry(node) else found
        offset -= name in self.ahead
        return Named(found.name, offset, "") if found.name in self.timed else None

    def ref(self, named: Named, time: Expr) -> Ref:
        return Ref(named.name, time + named.offset) if named.name in self.timed else Ref(named.name)


def is_entry(node: ast.expr) -> bool:
    """Whether this is a part of something that has a name, and not what a dictionary has by a name."""
    return isinstance(node, ast.Subscript) and not (
        isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    )


def index(node: ast.expr, loop: Loop | None) -> int | None:
    """The steps from the step of the loop to that of an index: h[t - 1], x[:, t, :]; None without a step."""
    if not isinstance(node, ast.Subscript) or loop is None:
        return None
    return _offset(node.slice, loop.letter)


def _offset(node: ast.expr, letter: str) -> int | None:
    match node:
        case ast.Name(id=name) if name == letter:
            return 0
        case ast.BinOp(left=ast.Name(id=name), op=ast.Sub() | ast.Add() as op, right=ast.Constant(value=1)) if (
            name == letter
        ):
            return -1 if isinstance(op, ast.Sub) else 1
        case ast.Tuple(elts=several):
            found = [one for each in several if (one := _offset(each, letter)) is not None]
            return found[0] if len(found) == 1 else None
    return None


def time_of(loop: Loop | None) -> Expr:
    """The step that a statement is about: of an inner loop its own letter, else t."""
    return nodes.t if loop is None or loop.outer is None else INNER


INNER = Symbol("k", integer=True)
"""The step of a loop within that over the steps of the losses."""


def _key(name: str) -> str:
    return name.replace("_", "")
