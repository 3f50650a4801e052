"""The page of a derivation: every gradient with its paths, steps and reasons, put into words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from derive.calculus.derivation import Derivation, Gradient, Path, Step
from derive.calculus.program import ARGUMENT
from derive.calculus.sections import Equality, Section
from derive.calculus.simplify import constants_out
from derive.cell import Assumption, Cell, Equation
from derive.nodes import Adjoint, Node, T, add, leaves, ones, t, transpose
from derive.notation import AS_WRITTEN, Notation
from derive.targets.formula import show
from derive.targets.pages.closing import backward_pass, rules_used
from derive.targets.pages.model import Block, Item, Page, Part, Point
from derive.targets.pages.printing import Format, Printing
from derive.targets.pages.symbols import conventions, symbols


def page(
    derivation: Derivation,
    notation: Notation | None,
    before: Sequence[Section],
    after: Sequence[Section],
    form: Format,
) -> Page:
    """The page of a derivation in the letters of a notation, or in the author's.

    The sections `before` stand before the gradients, those `after` them are about time.
    """
    return _Writer(derivation, notation or derivation.cell.notation, form).page(before, after)


def excerpt(
    derivation: Derivation,
    notation: Notation | None,
    names: Collection[str],
    before: Sequence[Section],
    after: Sequence[Section],
    form: Format,
) -> Page:
    """The gradients of those names alone, each with the formulas that it needs, numbered as on the whole page.

    It needs the equations by which it reaches J, and the gradients that stand in it. The sections `after` are kept.
    """
    return _Writer(derivation, notation or derivation.cell.notation, form).excerpt(names, before, after)


class _Writer(Printing):
    """The parts of the page, in their order: each numbers its displays when it is written."""

    def page(self, before: Sequence[Section], after: Sequence[Section]) -> Page:
        cell, program = self.derivation.cell, self.derivation.program
        parts = [self.forward(cell)]
        if self.introduced:
            parts.append(self.named(cell, program))
        parts += [Part(self.prose(section.title), blocks=(self.section(section),)) for section in before]
        base = self.count
        self.numbers = {g.of: base + k for k, g in enumerate(self.derivation.gradients, start=1)}
        parts += self.gradients()
        parts += self.ends()
        if self.derivation.cell.is_loss:
            parts.append(self.summed())
        parts.append(backward_pass(self, self.numbers))
        if (rules := rules_used(self)) is not None:
            parts.append(rules)
        if after:
            blocks = tuple(replace(self.section(part), heading=self.prose(part.title)) for part in after)
            parts.append(Part(self.say("Through time"), blocks=blocks))
        table = symbols(self)
        return Page(
            title=self.prose(cell.title),
            source=self.prose(cell.source),
            notation=self.remarks(),
            symbols=table,
            conventions=tuple(conventions(self)),
            parts=tuple(parts),
        )

    def excerpt(self, names: Collection[str], before: Sequence[Section], after: Sequence[Section]) -> Page:
        whole = self.page(before, after)
        wanted = [gradient for gradient in self.derivation.gradients if gradient.of.name in names]
        reached = {path.via.name for gradient in wanted for path in gradient.paths if path.via is not None}
        standing = {a.quantity.name for g in wanted for a in g.value.atoms(Adjoint) if not a.immediate}
        needed = [g for g in self.derivation.gradients if g.of.name in standing - {*names}]
        numbers = {self.places[name] for name in {*names, *reached} & {*self.places}}
        numbers |= {self.numbers[gradient.of] for gradient in needed}
        own = {self.numbers[gradient.of] for gradient in wanted}
        parts = []
        for part in whole.parts[: len(whole.parts) - bool(after)]:
            blocks: list[Block] = []
            for block in part.blocks:
                displays = tuple(display for item in block.items for display in item.displays)
                if own & {display.number for display in displays}:
                    blocks.append(block)
                elif among := tuple(display for display in displays if display.number in numbers):
                    blocks.append(Block("", (Item(displays=among),)))
            if blocks:
                parts.append(replace(part, blocks=tuple(blocks)))
        shown = [g.value for g in (*wanted, *needed)]
        shown += [node for part in after for item in part.items if isinstance(item, Equality) for node in item.members]
        read = {q.name for node in shown for q in leaves(node)} | standing | reached | {*names}
        rows = tuple(row for row in whole.symbols if row.code in read)
        return replace(whole, symbols=rows, parts=(*parts, *(whole.parts[-1:] if after else ())))

    def remarks(self) -> tuple[str, ...]:
        if self.notation.name == AS_WRITTEN.name:
            return ()
        letters = self.say("Letters: {title}.", title=self.prose(self.notation.title))
        return (letters, *map(self.prose, self.notation.remarks))

    def forward(self, cell: Cell) -> Part:
        self.places: dict[str, int] = {}
        return Part(self.say("Equations"), blocks=(self.equations(cell.equations),), opens=True)

    def equations(self, equations: Iterable[Equation]) -> Block:
        displays = []
        for equation in equations:
            displays.append(self.display(equation.symbol, equation.expression))
            self.places[equation.symbol.name] = self.count
        return Block("", (Item(displays=tuple(displays)),))

    def named(self, cell: Cell, program: Cell) -> Part:
        written = {equation.symbol: equation.expression for equation in cell.equations}
        changed = [e for e in program.equations if written.get(e.symbol) != e.expression]
        words = "The same with a name for every argument of a function:"
        if any(not name.startswith(f"{ARGUMENT}_") for name in self.introduced):
            words = "The same with a name for every argument of a function and for every linear factor of a product:"
        return Part(self.say("Equations with their parts named"), self.say(words), (self.equations(changed),))

    def gradients(self) -> list[Part]:
        program = self.derivation.program
        assigned = {equation.symbol.name for equation in program.equations}
        parameters = {q.name for q in program.parameters}
        groups: dict[str, list[Gradient]] = {"Gradients within a step": [], "Inputs": [], "Parameters": []}
        for gradient in self.derivation.gradients:
            name = gradient.of.name
            given = "Parameters" if name in parameters else "Inputs"
            groups["Gradients within a step" if name in assigned else given].append(gradient)
        return [
            Part(self.say(title), blocks=tuple(self.gradient(g, title != "Parameters") for g in group))
            for title, group in groups.items()
            if group
        ]

    def gradient(self, gradient: Gradient, headed: bool) -> Block:
        quantity, paths = gradient.of, gradient.paths
        why = gradient.why if len(paths) > 1 else self.once(gradient.why)
        words = [self.ways(gradient), self.say(why)]
        steps = [path.steps for path in paths]
        items: list[Item] = []
        if len(paths) > 1:
            items.append(Item(self.joined(words), tuple(map(self.path, paths))))
        elif any(steps) and (len(steps[0]) > 1 or gradient.steps):
            items.append(
                Item(self.joined(words), tuple(map(Point, self.steps(steps[0], paths[0].term))), numbered=True)
            )
        elif any(steps):
            items.append(Item(self.joined([*words, self.lead(steps[0][0])])))
        elif paths and paths[0].via is not None:
            items.append(Item(self.joined([*words, self.say("The gradient passes unchanged:")])))
        else:
            items.append(Item(self.joined(words)))
        items += self.simplified(gradient)
        held = [self.assumption(a) for a in gradient.assumptions]
        after = self.say("This holds if {facts}.", facts=self.listed(held, " and ")) if held else ""
        members = dict.fromkeys((gradient.value, constants_out(gradient.value)))
        items.append(Item(displays=(self.display(Adjoint(quantity), *members),), after=after))
        heading = self.gradient_of(quantity) if headed else ""
        return Block(self.form.inline(heading) if heading else "", tuple(items), quantity.name)

    def simplified(self, gradient: Gradient) -> list[Item]:
        """What was done to the sum of the paths."""
        if not gradient.steps:
            return []
        together = ""
        if len(gradient.paths) > 1:
            total = self.large(add(*(path.term for path in gradient.paths)))
            together = self.say("Together {total}.", total=total)
        if len(gradient.steps) == 1:
            return [Item(self.joined([together, self.lead(gradient.steps[0])]))]
        points = tuple(Point(self.step(step)) for step in gradient.steps)
        return [Item(self.joined([together, self.say("Simplified:")]), points, numbered=True)]

    def lead(self, step: Step) -> str:
        """A step that the numbered result shows: its rule alone."""
        rule = self.form.strong(_capital(self.say(step.rule)))
        return self.say("{rule}{why}:", rule=rule, why=self.because(step))

    def step(self, step: Step, place: str = "", to: bool = False) -> str:
        parts = {
            "place": self.say(place),
            "rule": self.form.strong(self.say(step.rule)),
            "quantity": self.m(step.quantity) if to else "",
            "result": self.large(step.after),
            "why": self.because(step),
        }
        return self.say(f"{{place}}{{rule}}{' to {quantity}' if to else ''}: {{result}}{{why}}", **parts)

    def ways(self, gradient: Gradient) -> str:
        """By which paths the quantity reaches J."""
        if not gradient.paths:
            return ""
        say = self.say
        via = [
            (path.crosses_time, f"{self.m(path.via)} {self.form.numbered(self.places[path.via.name])}")
            for path in gradient.paths
            if path.via
        ]
        now = [place for later, place in via if not later]
        next_step = [place for later, place in via if later]
        ways = []
        if any(path.via is None for path in gradient.paths):
            ways.append(say("directly, as the output of the step"))
        if now:
            ways.append(say("through {places}", places=self.listed(now)))
        if next_step:
            ways.append(say("one step later through {places}", places=self.listed(next_step)))
        if len(gradient.paths) == 1 and gradient.paths[0].via is not None:
            number = self.form.numbered(self.numbers[gradient.paths[0].via.at(t)])
            ways[0] = say("{way}, whose gradient is {number}", way=ways[0], number=number)
        listed = self.listed(ways, "; ", ", and ")
        return say("{quantity} reaches {J} {ways}.", quantity=self.m(gradient.of), J=self.math(self.loss), ways=listed)

    def path(self, path: Path) -> Point:
        """One of several paths."""
        if path.via is None:
            return Point(self.say("directly: {term}", term=self.large(path.term)))
        parts = {
            "via": self.m(path.via),
            "gradient": self.m(Adjoint(path.via)),
            "number": self.form.numbered(self.numbers[path.via.at(t)]),
        }
        later = ", one step later" if path.crosses_time else ""
        lead = self.say(f"through {{via}}, with {{gradient}} from {{number}}{later}:", **parts)
        steps = self.steps(path.steps, path.term)
        if len(steps) > 1:
            return Point(lead, steps)
        return Point(self.say("{lead} {step}", lead=lead, step=steps[0] if steps else self.say("unchanged")))

    def steps(self, steps: Sequence[Step], term: Node) -> tuple[str, ...]:
        """The steps of a path; where the quantity stands in several places, each place starts anew."""
        starts = [k for k, step in enumerate(steps) if k == 0 or step.before != steps[k - 1].after]
        lines = []
        for k, step in enumerate(steps):
            several = len(starts) > 1 and k in starts
            place = f"{_ORDINALS[min(starts.index(k), len(_ORDINALS) - 1)]} place, " if several else ""
            lines.append(self.step(step, place, to=len(steps) > 1))
        if len(starts) > 1:
            sum_ = self.form.strong(self.say("sum"))
            lines.append(self.say("{rule}: {result}", rule=sum_, result=self.large(term)))
        return tuple(lines)

    def because(self, step: Step) -> str:
        reason = self.once(step.why)
        return self.say(" ({reason})", reason=self.say(reason)) if reason else ""

    def assumption(self, assumption: Assumption) -> str:
        q = assumption.quantity
        if assumption.kind == "sums to one":
            row = show(transpose(ones(q.shape[0])), self.v).text
            formula = self.math(f"{row} {show(q, self.v).text} = 1")
            return self.say("{formula} (the entries sum to one)", formula=formula)
        if assumption.kind == "starts at zero":
            return self.math(f"{show(q.at(0), self.v).text} = 0")
        return self.say(f"{{quantity}} is {assumption.kind}", quantity=self.m(q))

    def ends(self) -> list[Part]:
        """What holds at the last step and before the first."""
        program = self.derivation.program
        if not program.states:
            return []
        last: list[tuple[Node, Node]] = []
        first: list[tuple[Node, Node]] = []
        for state in program.states:
            paths = self.derivation.by_name[state.name].paths
            within = [path.term for path in paths if not path.crosses_time]
            across = [path.term for path in paths if path.crosses_time]
            if not any(path.via is None for path in paths):
                within.append(Adjoint(state, True))
            last.append((Adjoint(state.at(T)), add(*within).xreplace({t: T})))
            first.append((Adjoint(state.at(0)), add(*across).xreplace({t: 0})))
        at_end, at_start = (
            Block("", (Item(displays=tuple(self.display(*pair) for pair in pairs)),)) for pairs in (last, first)
        )
        end, start = self.math(f"t = {self.v.amount(T)}"), self.math("t = 0")
        say = self.say
        words = say(
            "At {end} there is no next step: the paths through it give way to what {J} reads of the final state "
            "itself, its immediate gradient.",
            end=end,
            J=self.math(self.loss),
        )
        before = say(
            "An initial state enters the first step only: the same formula at {start}, without the immediate term and "
            "the paths within the step.",
            start=start,
        )
        for of, origin in self.derivation.cell.starts:
            before += say(
                " Where none is given, {of} starts from the parameter {origin}, whose gradient is that of the initial "
                "state, summed over the batch.",
                of=str(of),
                origin=str(origin),
            )
        return [
            Part(say("The last step"), words, (at_end,)),
            Part(say("Initial states"), before, (at_start,)),
        ]

    def section(self, section: Section) -> Block:
        """The items of a section, without its title."""
        items = []
        for item in section.items:
            if isinstance(item, Equality):
                reason = self.prose(f"{_capital(item.why)}.") if item.why else ""
                shown = self.display(*item.members, at_most=item.at_most, where=item.where)
                items.append(Item(displays=(shown,), after=reason))
            else:
                items.append(Item(self.prose(item)))
        return Block("", tuple(items))

    def summed(self) -> Part:
        """The gradients of a plain sum of losses, where they differ from those of any J."""
        output, summed = self.derivation.cell.output, self.derivation.summed_losses
        pairs = [
            (Adjoint(gradient.of), gradient.value)
            for gradient, general in zip(summed.gradients, self.derivation.gradients, strict=True)
            if gradient.value != general.value and gradient.of != output
        ]
        total = f"{self.v.bounds(self.v.sum_sign, 't', '1', 'T')} {show(output, self.v).text}"
        given = self.math(f"{self.loss} = {total}")
        words = self.say("With {given} the gradient of each loss is 1:", given=given)
        displays = tuple(self.display(*pair) for pair in pairs)
        return Part(self.say("For a plain sum of losses"), words, (Block("", (Item(displays=displays),)),))


_ORDINALS = ("first", "second", "third", "fourth", "further")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
