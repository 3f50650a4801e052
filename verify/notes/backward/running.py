"""The lines of a program one after the other, read in every way that its names and layout leave."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, product

from sympy import Integer, Transpose

from derive import nodes
from derive.cell import Cell
from derive.nodes import Quantity
from derive.notation import spelled
from derive.reader.meaning.tree import Gradient, Handed, Ref, Term
from verify.formulas.judgement import Word
from verify.notes.backward.meanings import RIGHT, Line, Program, Steps, Way, read_by
from verify.notes.backward.naming import INNER, index, is_entry, time_of
from verify.notes.backward.statements import Loop, Statement, name_of, of_steps
from verify.notes.backward.writing import NO_EXPRESSION, Layout, NotReadError, Part, Writer

MOST_WAYS = 8
"""Ways of reading what a program is given that are tried."""
NO_GRADIENT = "nothing says which gradient {name} is"
ANY_STEP = r" \quad (k \le t)"
NO_LOSS = "the model has no loss"


def ways(program: Program, layouts: Sequence[Layout]) -> list[Way]:
    """The ways of reading a program in one of these layouts, that with the most right lines first."""
    if not any(program.claims(each) and program.of(each.name) for each in program.body.statements):
        return []
    given, carried = program.given(), program.carries()
    found: list[Way] = []
    lists = [frozenset[str](), *filter(None, [program.ahead()])]
    for layout, ahead in product(layouts, lists):
        for terms in islice(product(*given.values(), *carried.values()), MOST_WAYS):
            own, others = terms[: len(given)], terms[len(given) :]
            way = Way(layout, ahead, dict(zip(given, own, strict=True)), dict(zip(carried, others, strict=True)))
            _Run(program, way).go()
            found.append(way)
            if way.lines and all(line.word in RIGHT for line in way.lines):
                return [way]
    return sorted(found, key=lambda way: -way.right)


def layouts_of(programs: Sequence[Program]) -> Sequence[Layout]:
    """The layouts that programs may have: that in which they compute what the model does, where they do."""
    found = {layout: sum(_computed(program, layout) for program in programs) for layout in Layout}
    most = max(found.values())
    if most:
        return [layout for layout, count in found.items() if count == most]
    in_rows = any(_turns_weights(program.cell) for program in programs)
    return [layout for layout in Layout if not (in_rows and layout is Layout.TRANSPOSED)]


def _turns_weights(cell: Cell) -> bool:
    """Whether the model transposes its weights, as one does that is written in rows."""
    weights = {one.name for one in cell.parameters}
    turned = (node for e in cell.equations for node in e.expression.atoms(Transpose))
    return any(isinstance(node.arg, Quantity) and node.arg.name in weights for node in turned)


def _computed(program: Program, layout: Layout) -> int:
    """How many values of the model a program computes as the model does."""
    run, count = _Run(program, Way(layout, frozenset(), {}, {})), 0
    for each in program.body.statements:
        run.writer.loop = each.loop
        named = program.names.indexed(each.target, each.loop)
        if each.name in program.gradients or each.adds:
            continue
        if named is not None and named.name in program.computed and each.computes and named.offset == 0:
            try:
                value = run.writer.part(each.value)
            except NotReadError:
                continue
            own = program.letters.of(program.names.ref(named, time_of(each.loop)))
            count += program.word(f"{own.text} = {value.text}") in RIGHT
        elif each.name:
            run.value(each)
    return count


class _Run:
    """The lines of a program one after the other, in one way of reading it."""

    def __init__(self, program: Program, way: Way) -> None:
        self.program, self.way = program, way
        program.names.ahead = way.ahead
        self.writer = Writer(program.cell, program.names, program.letters, program.body.functions, way.layout)
        self.writer.known = {name: program.letters.of(said) for name, said in way.given.items()}
        self.terms: dict[str, Term] = dict(way.given)
        self.rests: dict[str, frozenset[str]] = {name: frozenset({name}) for name in way.given}
        self.loops: list[Loop] = []
        self.heads: dict[str, Term] = {}
        """What the names that a loop carries must be at its end, where its next step takes them up."""

    def go(self) -> None:
        for each in self.program.body.statements:
            self._enter(each.loop)
            self.writer.loop = each.loop
            done = len(self.way.lines)
            if each.name in self.program.gradients:
                self._gradient(each)
            elif each.name:
                self.value(each)
            read = [*read_by(each.value), *([each.target] if each.adds else ())]
            keys = {key for node in read for key in (ast.unparse(node), name_of(node) or "")}
            rests = frozenset[str]().union(*(self.rests.get(key, frozenset()) for key in keys))
            self.way.lines[done:] = [replace(line, rests=rests) for line in self.way.lines[done:]]
            if each.name not in self.way.given:
                self.rests[each.name] = self.rests.get(each.name, frozenset()) | rests

    def _enter(self, loop: Loop | None) -> None:
        """What a loop carries from step to step stands at its beginning for what the step behind has left."""
        if loop is None or any(one is loop for one in self.loops):
            return
        if loop.outer is not None:
            self._enter(loop.outer)
        self.loops.append(loop)
        for name in self.program.carried(loop):
            said, before = self.way.carried.get(name), self.terms.get(name)
            if loop.outer is not None and isinstance(before, Gradient):
                said = replace(before, by=replace(before.by, time=INNER), only=nodes.t)
            if isinstance(said, Handed | Gradient) and said.by.time is not None:
                earlier = replace(said, by=replace(said.by, time=said.by.time - 1))
                self.heads[name] = replace(earlier, onward=True) if isinstance(earlier, Handed) else earlier
            self._set(name, said, NO_GRADIENT.format(name=name))

    def _set(self, name: str, said: Term | None, reason: str = "") -> None:
        if said is None:
            self.terms.pop(name, None)
            self.writer.known[name] = reason
        else:
            self.terms[name] = said
            self.writer.known[name] = self.program.letters.of(said)

    def value(self, each: Statement) -> None:
        """A value of the model by its name, else what it is computed from."""
        if not isinstance(each.target, ast.Name):
            return
        if each.adds:
            self.writer.known[each.name] = NO_EXPRESSION.format(text=each.name)
            return
        named = self.program.names.of(each.name)
        try:
            value = self.writer.part(each.value)
        except NotReadError as error:
            if named is None:
                self.writer.known[each.name] = str(error)
            return
        if named is not None:
            own = self.program.letters.of(self.program.names.ref(named, time_of(each.loop)))
            if own == value or self.program.word(f"{own.text} = {value.text}") is not Word.WRONG:
                self.writer.known.pop(each.name, None)
                return
        self.writer.known[each.name] = value

    def _gradient(self, each: Statement) -> None:
        picked = isinstance(each.target, ast.Subscript) and each.adds == "-"
        key = ast.unparse(each.target) if isinstance(each.target, ast.Subscript) and not picked else each.name
        parameter, copied = self.program.parameter(each.name), name_of(each.value)
        at = self._left_behind(each) if parameter is not None else ()
        last = each.loop is not None and self.program.carried(each.loop).get(each.name) == each.number
        head = self.heads.get(each.name) if last else self._of_next(each)
        if not each.computes and not at and (head is None or self.terms.get(copied or "") == head):
            if not each.adds and each.name not in self.way.given and key not in self.way.given:
                self._copied(each, key)
            return
        if parameter is not None and copied is not None and copied not in self.writer.known:
            return  # a share that another function has computed
        try:
            value = self._text(each, parameter)
        except NotReadError as error:
            self.way.lines.append(Line(each, reason=str(error)))
            if parameter is None:
                self._unread(each, key, str(error))
            return
        if at:
            text = self._claim(Gradient(Ref(parameter or ""), None, False, "delta"), value).partition(ANY_STEP)[0]
            self.way.lines.append(Line(each, text, self.program.word(text, at), at=at))
            return
        found = [head] if head is not None else self.program.targets(each, last, self._is_part(each))
        lines = [self._line(each, said, value) for said in found]
        best = next((n for n, line in enumerate(lines) if line.word in RIGHT), None)
        if best is not None:
            self.way.lines.append(lines[best])
            self._set(key, found[best])
            return
        named = self.program.of(each.name) is not None or head is not None
        used = head or (self._by_use(each, key, found) if parameter is None else None)
        if used is not None:
            self.way.lines.append(lines[found.index(used)])
        elif named and all(line.word is Word.WRONG for line in lines):
            self.way.lines.append(lines[0])
        else:
            unread = next((line for line in lines if line.word is not Word.WRONG), None)
            reason = "" if unread is not None and named else NO_GRADIENT.format(name=key)
            self.way.lines.append(
                replace(unread or lines[0], word=Word.UNDECIDED, reason=reason) if lines else Line(each, reason=reason)
            )
        if used is not None:
            self._set(key, used)
        elif parameter is None:
            self.terms.pop(key, None)
            self.writer.known[key] = value

    def _unread(self, each: Statement, key: str, reason: str) -> None:
        """A gradient whose value cannot be read is what the lines behind it take it for, which is told."""
        found = [*self.program.may_be(each.target, each.name, each.loop), *self.program.targets(each, False, False)]
        used = self._by_use(each, key, list(dict.fromkeys(found)))
        self._set(key, used, reason)
        if used is not None:
            self.way.given[key] = used
            self.rests[key] = frozenset({key})

    def _line(self, each: Statement, said: Term, value: Part) -> Line:
        text = self._claim(said, value)
        return Line(each, text, self.program.word(text))

    def _claim(self, said: Term, value: Part) -> str:
        """That a gradient is a value, which lies with its program where that is a matrix."""
        by = getattr(said, "by", None)
        turned = (
            self.way.layout is Layout.ROWS and isinstance(by, Ref) and by.time is None and self.writer.is_matrix(by)
        )
        within = self.writer.loop is not None and self.writer.loop.outer is not None
        text = rf"({value.text})^\top" if turned else value.text
        return f"{self.program.letters.of(said).text} = {text}" + (ANY_STEP if within else "")

    def _text(self, each: Statement, parameter: str | None) -> Part:
        picked = self._picked(each)
        if picked is not None:
            return picked
        if is_entry(each.target) and index(each.target, each.loop) is None:
            raise NotReadError(NO_EXPRESSION.format(text=ast.unparse(each.target)))
        value = self.writer.part(each.value) if parameter is None else self._summed(each.value)
        if not each.adds or parameter is not None:
            return Part(f"-{value.factor}") if each.adds == "-" else value
        before = self.writer.part(each.target)
        sign = {"+": "+", "-": "-", "*": r"\odot"}[each.adds]
        return Part(f"{before.factor} {sign} {value.factor}")

    def _summed(self, value: ast.expr) -> Part:
        """What a parameter's gradient gets from each step: the term of sum(... for t in range(T))."""
        match value:
            case ast.Call(
                func=ast.Name(id="sum"),
                args=[ast.GeneratorExp(elt=term, generators=[ast.comprehension(ast.Name(letter), over, [])])],
            ) if self.writer.loop is None or self.writer.loop.outer is None:
                kept, self.writer.loop = self.writer.loop, Loop(letter, False)
                try:
                    return self.writer.part(term) if of_steps(over) else self.writer.part(value)
                finally:
                    self.writer.loop = kept
        return self.writer.part(value)

    def _picked(self, each: Statement) -> Part | None:
        """dU[:, x[t]] += δ, which is δ xᵀ; and dy[y[t]] -= 1, which takes the target off."""
        if (pair := self.writer.picked(_target_of(each, self.program))) is not None and each.adds in ("", "+"):
            return Part(rf"{self.writer.part(each.value).factor} {pair[1].text}^\top")
        one = isinstance(each.value, ast.Constant) and each.value.value == 1
        if each.adds == "-" and one and isinstance(each.target, ast.Subscript):
            if len(self.program.cell.targets) != 1:
                raise NotReadError(NO_LOSS)
            name = self.program.cell.targets[0].name
            self.program.facts = (f"{spelled(name)}_t one-hot",)
            before, target = self.writer.part(each.target.value), Ref(name, time_of(each.loop))
            return Part(f"{before.factor} - {self.program.letters.of(target).text}")
        return None

    def _copied(self, each: Statement, key: str) -> None:
        """A gradient that is another, or a value: dy = np.copy(p[t])."""
        try:
            self.writer.known[key] = self.writer.part(each.value)
        except NotReadError:
            self.writer.known.pop(key, None)
        source = self.terms.get(ast.unparse(each.value))
        if source is not None:
            self.terms[key] = source

    def _of_next(self, each: Statement) -> Term | None:
        """What an entry of a list is of which the program is given the next: delta[t] beside delta[t + 1]."""
        for name, said in self.way.given.items():
            node = ast.parse(name, mode="eval").body
            if name_of(node) == each.name and index(node, each.loop) == 1 and isinstance(said, Gradient):
                assert said.by.time is not None
                return replace(said, by=replace(said.by, time=said.by.time - 1))
        return None

    def _left_behind(self, each: Statement) -> Steps:
        """The steps of which alone a loop leaves something, where all should be added up."""
        picked = self.writer.picked(_target_of(each, self.program)) is not None
        if each.loop is None or each.adds or each.name not in self.program.body.made:
            return ()
        if not (isinstance(each.target, ast.Name) or picked):
            return ()
        if any(each.name in {name_of(node) for node in read_by(other.value)} for other in self.program.body.statements):
            return ()
        outer = each.loop.outer or each.loop
        last = (nodes.t, Integer(1) if outer.back else nodes.T)
        return (last,) if outer is each.loop else (last, (INNER, Integer(1) if each.loop.back else last[1]))

    def _is_part(self, each: Statement) -> bool:
        """Whether the next line that reads this adds something to it."""
        for other in self.program.body.statements[each.number + 1 :]:
            if other.name == each.name and other.adds == "+":
                return True
            if each.name in {name_of(node) for node in read_by(other.value)}:
                return any(
                    isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
                    and each.name in (name_of(node.left), name_of(node.right))
                    for node in ast.walk(other.value)
                )  # fmt: skip
            if other.name == each.name:
                return False
        return False

    def _by_use(self, each: Statement, key: str, found: Sequence[Term]) -> Term | None:
        """The gradient that later lines take a name for, which are right for it and for no other one."""
        counts: list[int] = []
        behind = self.program.body.statements[each.number + 1 :]
        stop = next((other.number for other in behind if other.name == each.name and not other.adds), None)
        readers = [
            other
            for other in behind
            if (stop is None or other.number < stop) and other.loop is each.loop and self.program.claims(other)
            and key in {ast.unparse(node) for node in read_by(other.value)} and not other.adds.strip("+")
        ]  # fmt: skip
        if not readers:
            return None
        kept = dict(self.writer.known)
        for said in found:
            self.writer.known[key] = self.program.letters.of(said)
            counts.append(sum(self._holds(other) for other in readers))
        self.writer.known = kept
        best = max(counts)
        return found[counts.index(best)] if best and counts.count(best) == 1 else None

    def _holds(self, other: Statement) -> bool:
        parameter = self.program.parameter(other.name)
        try:
            value = self._text(other, parameter)
        except NotReadError:
            return False
        last = other.loop is not None and self.program.carried(other.loop).get(other.name) == other.number
        return any(self._line(other, said, value).word in RIGHT for said in self.program.targets(other, last, False))


def _target_of(each: Statement, program: Program) -> ast.expr:
    """W[:, x[t]] of the target dW[:, x[t]]."""
    if isinstance(each.target, ast.Subscript) and (parameter := program.parameter(each.name)) is not None:
        return ast.Subscript(ast.Name(parameter.replace("_", "")), each.target.slice)
    return each.target
