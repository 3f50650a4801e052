"""Which gradient each name of a program is: the one under which most of its lines are right."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Expr

from derive import nodes
from derive.calculus.program import ARGUMENT, named_preactivations
from derive.cell import Cell
from derive.nodes import leaves
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Gradient, Handed, Ref, Term, Through, Use
from verify.formulas.judgement import Word
from verify.notes.backward.naming import Named, Names, index, is_entry, time_of
from verify.notes.backward.statements import Body, Loop, Statement, name_of, says_gradient
from verify.notes.backward.writing import Layout, Letters

RIGHT = (Word.PROVED, Word.HOLDS_IF)

Decide = Callable[[str, tuple[tuple[str, Term], ...], tuple[str, ...]], Word]
"""Decides a formula in letters that have these meanings, with what is known of the data."""


Steps = tuple[tuple[Expr, Expr], ...]
"""Letters for steps, each with the step that it is."""


@dataclass(frozen=True)
class Line:
    """A claim of a program: the formula, or why there is none; `at`: the steps of which alone anything is left."""

    statement: Statement
    text: str = ""
    word: Word = Word.UNDECIDED
    reason: str = ""
    at: Steps = ()
    rests: frozenset[str] = frozenset()
    """What the program is given of which it speaks, by other names too."""


@dataclass
class Way:
    """One way of reading a program, with its claims."""

    layout: Layout
    ahead: frozenset[str]
    given: dict[str, Term]
    carried: dict[str, Term]
    """What a loop over the steps carries, as its next step finds it."""
    lines: list[Line] = field(default_factory=list)

    @property
    def right(self) -> int:
        return sum(line.word in RIGHT for line in self.lines)


class Program:
    """One function of a program beside a model."""

    def __init__(self, body: Body, cell: Cell, decide: Decide) -> None:
        self.body, self.cell, self.decide = body, cell, decide
        self.names, self.letters = Names(cell), Letters()
        self.named = named_preactivations(cell)
        self.states = [state.name for state in cell.states]
        self.computed = [
            e.symbol.name for e in self.named.equations if not (cell.is_loss and e.symbol.name == cell.output.name)
        ]
        self.gradients = self._gradients()
        self.known: dict[tuple[str, Steps], Word] = {}
        self.facts: tuple[str, ...] = ()

    def word(self, text: str, at: Steps = ()) -> Word:
        """The word of a formula, decided once."""
        key = text, at
        if key not in self.known:
            self.known[key] = self.decide(text, self.errors(at), self.facts)
        return self.known[key]

    def errors(self, at: Steps = ()) -> tuple[tuple[str, Term], ...]:
        """What the letters stand for, in one step where `at` says so."""
        moved = dict(at)
        return tuple(
            (name, tree.at_times(said, lambda time: time.xreplace(moved))) for name, said in self.letters.errors
        )

    def of(self, name: str) -> Named | None:
        """The quantity by which a gradient's name says that it is."""
        said = says_gradient(name)
        found = self.names.of(said) if said else None
        return None if found is None or found.name in {one.name for one in self.cell.targets} else found

    def _gradients(self) -> set[str]:
        """The names that are gradients: of quantities of the model, what is computed from such, and what makes such."""
        statements = self.body.statements
        names = {name for each in statements for name in (each.name, *map(name_of, read_by(each.value))) if name}
        called = {name for name in names if says_gradient(name) is not None and self.names.of(name) is None}
        found = {name for name in called if self.names.of(says_gradient(name) or "") or name.startswith("delta")}
        while True:
            more = {each.name for each in statements if any(name_of(node) in found for node in read_by(each.value))}
            for each in statements:
                if self.parameter(each.name) is not None:
                    more |= {name for node in read_by(each.value) if (name := name_of(node))}
            if not (more & called) - found:
                return found
            found |= more & called

    def claims(self, each: Statement) -> bool:
        """Whether a statement computes a gradient."""
        return each.name in self.gradients and each.computes

    def carried(self, loop: Loop) -> dict[str, int]:
        """Names that a loop reads before it assigns them, each with the number of its last assignment in it."""
        assigned: set[str] = set()
        early: set[str] = set()
        last: dict[str, int] = {}
        for each in self.body.statements:
            if each.loop is None or not (each.loop is loop or each.loop.outer is loop):
                continue
            read = {name_of(node) for node in read_by(each.value)} | ({each.name} if each.adds else set())
            early |= {name for name in read if name and name not in assigned}
            if isinstance(each.target, ast.Name | ast.Attribute):
                assigned.add(each.name)
                last[each.name] = each.number
        return {
            name: last[name] for name in early & last.keys() if name in self.gradients and self.parameter(name) is None
        }

    def carries(self) -> dict[str, Sequence[Term]]:
        """What a loop over the steps carries from one to the next, each with the gradients that it may be."""
        loops = {each.loop for each in self.body.statements if each.loop is not None and each.loop.outer is None}
        found: dict[str, Sequence[Term]] = {}
        for name in sorted({name for loop in loops for name in self.carried(loop)}):
            named = self.of(name)
            states = self.states if named is None else [named.name] if named.name in self.states else []
            handed = [Handed(Ref(state, nodes.t), False, True) for state in states]
            whole = [gradient_by(one, nodes.t + 1) for state in states for one in (state, self._net(state)) if one]
            if states:
                found[name] = [*handed, *whole]
        return found

    def parameter(self, name: str) -> str | None:
        found = self.of(name)
        return None if found is None or found.name in self.names.timed else found.name

    def ahead(self) -> frozenset[str]:
        """Lists of values that a program reads at t and t + 1 alone, and may have begun with that of step 0."""
        steps: dict[str, set[int]] = {}
        for each in self.body.statements:
            for node in read_by(each.value):
                if (step := index(node, each.loop)) is not None:
                    steps.setdefault(name_of(node) or "", set()).add(step)
        return frozenset(name for name, found in steps.items() if found == {0, 1} and name not in self.gradients)

    def given(self) -> dict[str, Sequence[Term]]:
        """What a program is given, each with the gradients that it may be."""
        assigned: set[str] = set()
        found: dict[str, Sequence[Term]] = {}
        inside = {name for each in self.body.statements if each.loop for name in self.carried(each.loop)}
        for each in self.body.statements:
            for node in (*read_by(each.value), *([each.target] if each.adds else ())):
                name, key = name_of(node) or "", ast.unparse(node)
                if name not in self.gradients or name in assigned or name in inside or key in found:
                    continue
                if node is each.target and self.of(name) is None:
                    continue
                if self.parameter(name) is None and (terms := self.may_be(node, name, each.loop)):
                    found[key] = terms
            if isinstance(each.target, ast.Name) and (each.computes or any(map(self._is_known, read_by(each.value)))):
                assigned.add(each.name)
        return found

    def _is_known(self, node: ast.expr) -> bool:
        name = name_of(node) or ""
        return name in self.gradients or self.names.of(name) is not None

    def may_be(self, node: ast.expr, name: str, loop: Loop | None) -> Sequence[Term]:
        offset, named = index(node, loop), self.of(name)
        time = time_of(loop)
        if offset is None and is_entry(node):
            return []
        if named is None:
            if offset == 1:
                return [gradient_by(one, time + 1) for state in self.states for one in (state, self._net(state)) if one]
            outputs = [
                one for one in self.computed if one.startswith(ARGUMENT) and one.removeprefix("net_") not in self.states
            ]
            return [gradient_by(one, time) for one in (*outputs[-1:], *self.states)] if offset in (None, 0) else []
        if offset is not None and offset != 0:
            return [gradient_by(named.name, time + offset)]
        if named.offset == -1:
            return [gradient_by(named.name, time - 1)]
        here = [
            gradient_by(named.name, time),
            *([gradient_by(self._net(named.name), time)] if self._net(named.name) else []),
        ]
        if named.name not in self.states:
            return here[::-1] if named.name not in self.carriers() else here
        handed: Term = Handed(Ref(named.name, time), False, True)
        own = gradient_by(named.name, time, only=time)
        return [own, here[0], handed] if offset == 0 else [here[0], handed, own]

    def carriers(self) -> set[str]:
        return {q.name for e in self.cell.equations if e.symbol.name in self.states for q in leaves(e.expression)}

    def _net(self, name: str) -> str:
        found = f"{ARGUMENT}_{name}"
        return found if found in self.computed else ""

    def targets(self, each: Statement, last: bool, part: bool) -> Sequence[Term]:
        """The gradients that an assigned name may be; `last`: it goes to the step before; `part`: more is added."""
        time, only = time_of(each.loop), nodes.t if each.loop is not None and each.loop.outer is not None else None
        named, offset = self.of(each.name), index(each.target, each.loop)
        if named is not None and named.name not in self.names.timed:
            return [Use(Ref(named.name), only, time)]
        if named is None:
            behind = time - 1 if last else time
            order = sorted(
                self.computed, key=lambda one: (one.removeprefix("net_") not in self.states, not one.startswith("net_"))
            )
            found: list[Term] = [gradient_by(name, behind, only) for name in order]
            return found if only is not None else [*found, *(gradient_by(name, time, time) for name in order)]
        name = named.name
        here = [gradient_by(name, time, only), *([gradient_by(self._net(name), time, only)] if self._net(name) else [])]
        if only is not None:
            return [gradient_by(name, time - 1, only)] if last or named.offset == -1 or offset == -1 else here
        handed: Term = Handed(Ref(name, time - 1), True, True)
        if named.offset == -1 or offset == -1:
            return [handed, gradient_by(name, time - 1)]
        if named.said == "next":
            return [handed, here[0]] if name in self.states else here
        if part:
            through = [Through(Ref(name, time), None, Ref(one, time)) for one in self._read_by(name)]
            return [*here, gradient_by(name, time, time), *through]
        return here

    def _read_by(self, name: str) -> list[str]:
        return [e.symbol.name for e in self.cell.equations if any(q.name == name for q in leaves(e.expression))]


def gradient_by(name: str, time: Expr, only: Expr | None = None) -> Gradient:
    """The gradient by a quantity at a step, of the loss of one step if `only` says so."""
    return Gradient(Ref(name, time), only, False, "delta")


def read_by(node: ast.expr) -> Iterator[ast.expr]:
    """The names that an expression reads, with their indices."""
    if name_of(node) is not None:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from read_by(child)
        elif isinstance(child, ast.keyword):
            yield from read_by(child.value)
