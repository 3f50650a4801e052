"""Syntax tree -> terms: which letters are quantities, which are functions, and what stands next to what."""

from __future__ import annotations

from derive.notation import TimeStyle
from derive.reader.meaning.applying import Applying, entry
from derive.reader.meaning.symbols import letter, number, number_of, only, symbol, time_of
from derive.reader.meaning.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Multiply,
    Ones,
    Outer,
    Power,
    SizeOf,
    Span,
    Stack,
    Term,
    Total,
    Transposed,
)
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text import syntax
from derive.reader.text.syntax import Group, Name, Run, Scripted, Syntax


class Meaning(Applying):
    """Turns the syntax of one fragment into terms."""

    def term(self, node: Syntax) -> Term:
        """The meaning of any expression."""
        at = Span(self.fragment, node.start, node.end)
        match node:
            case Run(factors=factors):
                return self.run(list(factors), node)
            case Name() | Scripted() | Group():
                return self.run([node], node)
            case syntax.Number(text=text):
                return Constant(number(text), span=at)
            case syntax.Ones():
                return Ones(span=at)
            case syntax.Sum(terms=terms):
                return Add(tuple((sign, self.term(term)) for sign, term in terms), span=at)
            case syntax.Dots(factors=factors):
                return Multiply(tuple(map(self.term, factors)), True, span=at)
            case syntax.Product():
                return self.product(node)
            case syntax.Fraction(above=above, below=below):
                if (value := number_of(node)) is not None:
                    return Constant(value, span=at)
                if isinstance(above, Run | syntax.Mark | Name) and _is_partial(above):
                    raise self.error("a derivative is no part of a forward equation", node)
                return Divide(self.term(above), self.divisor(below), span=at)
            case syntax.Root(body=body):
                return Call(entry("sqrt"), (self.term(body),), span=at)
            case syntax.Bars():
                return self.bars(node, ())
            case syntax.Big():
                return self.big(node)
            case syntax.Chain():
                raise self.error("a relation inside an expression", node)
            case syntax.Mark(kind=kind):
                raise self.error(_MARKS.get(kind, f"{kind} cannot stand alone"), node)
        raise self.error("cannot read this", node)

    def divisor(self, node: Syntax) -> Term:
        """What stands below: a letter that where-lines know as a size is that number there, as no one divides by a
        matrix; elsewhere the same letter may be a matrix."""
        if isinstance(node, syntax.Root) and isinstance(self.divisor(node.body), SizeOf):
            raise self.error(
                "the root of a size is no rational number", node, "take such a factor into the parameters beside it"
            )
        return self.size(node) or self.counted(node) or self.term(node)

    def size(self, node: Syntax) -> SizeOf | None:
        """A letter that where-lines know as a size, and nothing else."""
        found = symbol(node, self.fragment, self.bound) if letter(node) is not None else None
        if found is not None and found.name in self.vocabulary.sizes and found.name not in self.vocabulary.timeless:
            plain = found.offset is None and found.power is None and not found.indices
            if plain and found.name not in self.vocabulary.constants:
                return SizeOf(found.name, span=Span(self.fragment, node.start, node.end))
        return None

    def counted(self, node: Syntax) -> Term | None:
        """A product of numbers and sizes below a fraction, such as 2K; None where something else stands there."""
        if isinstance(node, Group) and node.bracket in ("LPAR", "LBRACK") and (inner := only(node.rows)) is not None:
            return self.counted(inner)
        signs = {operator.kind for operator in node.operators} if isinstance(node, syntax.Product) else {"TIMES"}
        if not isinstance(node, Run | syntax.Product) or signs != {"TIMES"}:
            return None
        factors = [self.term(n) if isinstance(n, syntax.Number) else self.size(n) for n in node.factors]
        found = [factor for factor in factors if factor is not None]
        if len(found) < len(factors):
            return None
        return Multiply(tuple(found), False, span=Span(self.fragment, node.start, node.end))

    def run(self, factors: list[Syntax], node: Syntax) -> Term:
        """Factors next to each other: applications first, then products."""
        items: list[Term] = []
        i = 0
        while i < len(factors):
            item, i = self.factor(factors, i)
            items.append(item)
        if len(items) == 1:
            return items[0]
        return Multiply(tuple(items), bool(self.bound), span=Span(self.fragment, node.start, node.end))

    def factor(self, factors: list[Syntax], i: int) -> tuple[Term, int]:
        """The term that starts at factor i, and where the next one starts."""
        node = factors[i]
        following = factors[i + 1] if i + 1 < len(factors) else None
        if letter(node) is None:
            return self.other(node), i + 1
        if (exponential := self.exponential(node)) is not None:
            return exponential, i + 1
        found = symbol(node, self.fragment, self.bound)
        assert found is not None
        group, scripts = bracket(following)
        if group is not None and found.offset is None and (offset := time_of(group)) is not None:
            found.offset, found.end = offset, group.end
            found.style = TimeStyle.PARENTHESES
            return self.scripted(self.reference(found), scripts), i + 2
        called = self.called(found, group)
        if called is None:
            return self.reference(found), i + 1
        known = called if isinstance(called, str) else called.name
        aliased = found.name in self.vocabulary.functions and known != found.name
        if (found.latex.startswith("\\") or "^" in found.latex) and not aliased:
            self.vocabulary.letters.setdefault(known, found.latex)
        self.vocabulary.called.add(found.name)
        if found.transposed or found.indices:
            raise self.error(f"the function {found.name} cannot be transposed or indexed", node)
        if group is not None:
            arguments = tuple(self.term(cell) for row in group.rows for cell in row)
            call = self.call(called, arguments, node.start, group.end, found)
            return self.scripted(call, scripts), i + 2
        stop = i + 1
        while stop < len(factors) and not self.is_function(factors[stop]):
            stop += 1
        if stop == i + 1 and following is not None:
            inner, stop = self.factor(factors, i + 1)
        elif following is None:
            raise self.error(f"{found.name} needs an argument", node, f"write {found.name}(...)")
        else:
            inner = self.run(factors[i + 1 : stop], Syntax(factors[i + 1].start, factors[stop - 1].end))
        return self.call(called, (inner,), node.start, inner.where.end, found), stop

    def applied(self, function: Syntax, term: Term) -> Term:
        """A function, given by its letter, of a term."""
        found = symbol(function, self.fragment)
        called = None if found is None else self.vocabulary.known_function(found.name)
        if found is None or called is None:
            raise self.error("expected a function", function)
        self.vocabulary.called.add(found.name)
        return self.call(called, (term,), term.where.start, term.where.end, found)

    def other(self, node: Syntax) -> Term:
        """A factor that is no letter."""
        if isinstance(node, Scripted):
            if isinstance(node.base, syntax.Bars):
                return self.bars(node.base, node.scripts)
            return self.scripted(self.other(node.base), node.scripts)
        if not isinstance(node, Group):
            return self.term(node)
        cell = only(node.rows)
        if self.fragment.text.startswith(r"\begin{cases}", node.start):
            return self.cases(node)
        if node.bracket == "LANGLE":
            raise self.error("angle brackets mark a time here, as in h^{<t>}", node)
        if cell is not None and node.bracket != "MATRIX":
            return self.term(cell)
        return Stack(
            tuple(tuple(self.term(cell) for cell in row) for row in node.rows),
            span=Span(self.fragment, node.start, node.end),
        )

    def cases(self, node: Group) -> Term:
        """a where c > 0, else b: b + H(c) (a - b), H being 1 where its argument is positive."""
        at = Span(self.fragment, node.start, node.end)
        hint = "write each row as a value & a > b, the last one as a value & \\text{otherwise}"
        rows = [row for row in node.rows if row]
        if len(rows) < 2 or any(len(row) > 2 for row in rows):
            raise self.error("cannot read these cases", node, hint)
        value = self.term(rows[-1][0])
        for row in reversed(rows[:-1]):
            if len(row) != 2 or not isinstance(row[1], syntax.Chain) or len(row[1].sides) != 2:
                raise self.error("cannot read the condition of this case", row[-1], hint)
            written = row[1].relations[0].word
            smaller = written in ("<", "\\lt", "\\le", "\\leq", "\\leqslant", "≤")
            if not smaller and written not in (">", "\\gt", "\\ge", "\\geq", "\\geqslant", "≥"):
                raise self.error(f"a condition with {written} cannot be read", row[1], "compare by > or <")
            left, right = map(self.term, row[1].sides if not smaller else reversed(row[1].sides))
            zero = isinstance(right, Constant) and right.value == 0
            difference = left if zero else Add(((1, left), (-1, right)), span=at)
            chosen = Call(entry("heaviside"), (difference,), span=at)
            value = Add(
                (
                    (1, Multiply((chosen, self.term(row[0])), True, span=at)),
                    (
                        1,
                        Multiply(
                            (Add(((1, Constant(number("1"), span=at)), (-1, chosen)), span=at), value), True, span=at
                        ),
                    ),
                ),
                span=at,
            )
        return value

    def scripted(self, term: Term, scripts: tuple[syntax.Script, ...]) -> Term:
        """A bracket or application with a power or transpose behind it."""
        for script in scripts:
            at = Span(self.fragment, term.where.start, script.end)
            if script.kind == "tick":
                term = Transposed(term, span=at)
                continue
            cell = only(script.rows)
            value = number_of(cell) if script.kind == "sup" else None
            if value is not None:
                term = Power(term, value, span=at)
            elif script.kind == "sup" and (
                (isinstance(cell, syntax.Mark) and cell.kind == "top") or (isinstance(cell, Name) and cell.word == "T")
            ):
                term = Transposed(term, span=at)
            else:
                raise self.error(
                    "only a power or a transpose can stand behind a bracket", script,
                    "a time index belongs to the letter: h_{t-1}",
                )  # fmt: skip
        return term

    def product(self, node: syntax.Product) -> Term:
        """Factors joined by * and /, from left to right."""
        joined = self.term(node.factors[0])
        factors = [joined]
        for operator, right in zip(node.operators, node.factors[1:], strict=True):
            operand = self.divisor(right) if operator.kind == "SLASH" else self.term(right)
            at = Span(self.fragment, node.start, right.end)
            if operator.negative:
                operand = Add(((-1, operand),), span=Span(self.fragment, operator.start, right.end))
            if operator.kind == "OTIMES":
                joined = Outer(joined, operand, span=at)
                factors = [joined]
            elif operator.kind == "TIMES":
                factors.append(operand)
                joined = Multiply(tuple(factors), bool(self.bound), span=at)
            else:
                joined = Divide(joined, operand, span=at)
                factors = [joined]
        return joined

    def bars(self, node: syntax.Bars, scripts: tuple[syntax.Script, ...]) -> Term:
        """|a|, or a norm, squared or not."""
        body = self.term(node.body)
        at = Span(self.fragment, node.start, scripts[-1].end if scripts else node.end)
        if node.bracket == "LABS":
            return self.scripted(Call(entry("abs"), (body,), span=Span(self.fragment, node.start, node.end)), scripts)
        subs = [number_of(only(script.rows)) for script in scripts if script.kind == "sub"]
        sups = [number_of(only(script.rows)) for script in scripts if script.kind == "sup"]
        if subs == [1] and not sups:
            return Total(Call(entry("abs"), (body,), span=at), span=at)
        if subs not in ([], [2]) or sups not in ([], [2]):
            raise self.error("only the norms ‖v‖, ‖v‖^2 and ‖v‖_1 are read", node)
        squared = Total(Multiply((body, body), True, span=at), span=at)
        return squared if sups else Call(entry("sqrt"), (squared,), span=at)

    def big(self, node: syntax.Big) -> Term:
        """A sum over the entries of vectors."""
        if node.sign == "product":
            raise self.error("a product over an index is no part of a forward equation", node)
        index = None
        for script in node.scripts:
            cell = only(script.rows)
            first = cell.sides[0] if isinstance(cell, syntax.Chain) else cell
            if script.kind == "sub" and isinstance(first, Name) and len(first.word) == 1:
                index = first.word
        if index is None or index == "t":
            raise self.error(
                "only a sum over the entries of a vector can be read here", node,
                "write \\sum_i y_i \\log p_i; the sum over t belongs to the loss of a sequence",
            )  # fmt: skip
        inner = Meaning(self.fragment, self.vocabulary, self.bound | {index})
        return Total(inner.term(node.body), span=Span(self.fragment, node.start, node.end))


_MARKS = {
    "dots": "dots cannot be read in a forward equation",
    "partial": "a derivative is no part of a forward equation",
    "top": "a ⊤ can only stand as a superscript",
    "star": "a star can only stand as a superscript",
    "prime": "a prime needs a letter before it",
}


def _is_partial(node: Syntax) -> bool:
    first = node.factors[0] if isinstance(node, Run) else node
    base = first.base if isinstance(first, Scripted) else first
    return isinstance(base, syntax.Mark) and base.kind == "partial"
