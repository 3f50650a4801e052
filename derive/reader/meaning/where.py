"""What "where" lines declare: sizes, functions, constants, roles and facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer, Rational

from derive import functions
from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.meaning.defined import Slope, Written, base_of, body_of, made, written
from derive.reader.meaning.letters import identifier, label, letter, number_of, only, time_of
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.vocabulary import ACTIVATIONS, Vocabulary
from derive.reader.resolving.document import Row
from derive.reader.resolving.rewriting import letters, symbol_of
from derive.reader.sizes.shapes import ONE, Dim, Sizes
from derive.reader.text import syntax
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration
from derive.reader.text.said import COMPARED, DIAGONAL, FUNCTION, NUMBER, SOME_DIAGONAL, VECTOR
from derive.reader.text.syntax import Chain, Group, Mark, Name, Number, Ones, Product, Run, Scripted, Sum, Syntax

FORMS = (
    "readable: $x_t \\in \\mathbb{R}^{D}$, $D = H$, $\\sigma = \\operatorname{ReLU}$, $\\phi(a) = ...$, "
    "$\\alpha = 0.1$, $h_0 = 0$"
)


_WORD = regex(r"[^\W\d_]{2,}")
_IDEOGRAPHS = regex(r"[\u4e00-\u9fff]{3,}")
INDICES = frozenset({"t", "i", "j", "k"})
COUNTED = INDICES | {"l", "ell", "m", "n", "s"}
"""Letters that a set of whole numbers makes indices."""


@dataclass
class Declared:
    """Everything that a note declares."""

    vocabulary: Vocabulary
    sizes: Sizes
    shapes: dict[str, tuple[Dim, Dim]] = field(default_factory=dict)
    either: set[str] = field(default_factory=set)
    """The vectors with one size, as in ℝⁿ, which says nothing of rows and columns."""
    inputs: dict[str, int | None] = field(default_factory=dict)
    targets: dict[str, int | None] = field(default_factory=dict)
    output: str | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    equations: list[tuple[Fragment, Chain]] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    """The names that some equation gives a value at a step."""
    used: set[str] = field(default_factory=set)
    """The names of all letters in the displayed formulas."""
    written: dict[str, Written] = field(default_factory=dict)
    """Functions by their expressions."""
    slopes: dict[str, Slope] = field(default_factory=dict)
    """Slopes declared beside functions, by the functions' names."""
    diagonal: dict[str, Place] = field(default_factory=dict)
    """Letters that words call diagonal matrices."""
    some_diagonal: dict[str, Place] = field(default_factory=dict)
    """Letters that words give as examples of diagonal matrices."""
    vectors: set[str] = field(default_factory=set)
    """Letters that words call vectors."""
    starts: dict[str, str] = field(default_factory=dict)
    """States that start from a parameter: {state: parameter}."""

    beside: list[tuple[Fragment, Chain]] = field(default_factory=list)
    """Formulas in running text that declare nothing."""
    running: bool = False
    """Whether the line that is read is running text."""

    def read(self, declaration: Declaration, formulas: Sequence[tuple[Fragment, Sequence[Row]]]) -> None:
        """Take in one declaring line, whose formulas come as their rows."""
        self.running = _is_sentence(declaration.words)
        for fragment, rows in formulas:
            if declaration.key == COMPARED:
                continue  # which part a letter has in the loss is no matter of shapes
            if declaration.key == "said":
                self._said(fragment, rows)
            elif declaration.key.split()[0] in (NUMBER, VECTOR, DIAGONAL, FUNCTION, SOME_DIAGONAL):
                self._in_words(declaration.key, fragment, rows)
            elif declaration.key in ("where", "for"):
                self._where(fragment, rows, strict=declaration.key == "where")
            elif declaration.key == "assume":
                self._assume(fragment, rows, declaration.words)
            else:
                self._role(declaration.key, fragment, rows)

    def _role(self, key: str, fragment: Fragment, rows: Sequence[Row]) -> None:
        for row in rows:
            for part in row:
                found = (
                    symbol(part, fragment) if isinstance(part, Name | Scripted | Group) else self._timed(part, fragment)
                )
                if found is None:
                    raise fragment.error(f"{key}: expected a quantity such as h_t", part.start, part.end)
                self._known(found, fragment)
                if key == "output":
                    if self.output not in (None, found.name):
                        raise fragment.error("a second output", part.start, part.end, "a cell has one output")
                    self.output = found.name
                else:
                    (self.inputs if key == "input" else self.targets)[found.name] = found.offset

    def _timed(self, node: Syntax, fragment: Fragment) -> Symbol | None:
        """h(t): a letter and a time in brackets."""
        if isinstance(node, Run) and len(node.factors) == 2 and isinstance(node.factors[1], Group):
            found = symbol(node.factors[0], fragment)
            offset = time_of(node.factors[1])
            if found is not None and offset is not None:
                found.offset = offset
                return found
        return None

    def _known(self, found: Symbol, fragment: Fragment) -> None:
        self.vocabulary.quantities.add(found.name)
        self.vocabulary.declared.add(found.name)
        if found.offset is None:
            self.vocabulary.timeless.add(found.name)
        self.places.setdefault(found.name, fragment.place(found.start, found.end))

    def _where(self, fragment: Fragment, rows: Sequence[Row], *, strict: bool) -> None:
        waiting: list[Syntax] = []
        for row in rows:
            for part in row:
                if not isinstance(part, Chain):
                    waiting.append(part)
                    continue
                self.relation(part, waiting, fragment, strict=strict)
                waiting = []

    def _said(self, fragment: Fragment, rows: Sequence[Row]) -> None:
        """Shapes of letters, and functions of one, in running text, where the equations have these letters."""
        for row in rows:
            listed: list[Syntax] = []
            for part in row:
                if isinstance(part, Chain) and isinstance(part.sides[0], Run):
                    self._function_said(part, fragment)
                    continue
                left = part.sides[0] if isinstance(part, Chain) else part
                found = symbol(left, fragment) if letter(left) is not None else None
                if found is not None and found.name in self.used:
                    listed.append(left)
                if isinstance(part, Chain) and listed and [one.type for one in part.relations] == ["IN"]:
                    self.relation(replace(part, sides=(listed[-1], part.sides[1])), listed[:-1], fragment)
                if isinstance(part, Chain):
                    listed = []

    def _function_said(self, part: Chain, fragment: Fragment) -> None:
        """f(x) = ... of x alone, where nothing else says what f is."""
        left = part.sides[0]
        called, group = left.factors if isinstance(left, Run) and len(left.factors) == 2 else (None, None)
        named = symbol(called, fragment) if called is not None and letter(called) is not None else None
        if named is None or named.name not in self.used or not isinstance(group, Group) or len(part.sides) != 2:
            return
        if named.name in self.assigned or named.primes or self.vocabulary.known_function(named.name) is not None:
            return
        how = written(named, group, part.sides[1], fragment, self.vocabulary)
        if not how.letters:
            self._defined(named, how, fragment)

    def _in_words(self, key: str, fragment: Fragment, rows: Sequence[Row]) -> None:
        """What words say of a letter of the equations that nothing else declares: a number, a diagonal, a function."""
        for part in rows[0] if len(rows) == 1 else ():
            self._of_letter(key, part, fragment)

    def _of_letter(self, key: str, part: Syntax, fragment: Fragment) -> None:
        left = part.sides[0] if isinstance(part, Chain) else part
        if isinstance(left, Run) and len(left.factors) == 2 and _is_placeholder(left.factors[1]):
            left = left.factors[0]  # g(\cdot)
        found = symbol(left, fragment) if letter(left) is not None else None
        if found is None or found.name not in self.used:
            return
        kind, _, name = key.partition(" ")
        known = self.vocabulary.known_function(found.name)
        if kind == FUNCTION:
            chosen = functions.function(name)
            usual = found.name.partition("_")[0] in ACTIVATIONS and found.name not in self.vocabulary.functions
            free = found.offset is None and found.name not in self.assigned and (known is None or usual)
            if chosen is not None and free:
                self.vocabulary.functions[found.name] = chosen
        elif kind == NUMBER and found.name not in self.shapes and known is None:
            self.shapes[found.name] = (ONE, ONE)
            self._known(found, fragment)
        elif kind == VECTOR:
            self.vectors.add(found.name)
        elif kind == SOME_DIAGONAL:
            self.some_diagonal[found.name] = fragment.place(found.start, found.end)
        elif kind == DIAGONAL and found.offset is None and found.name not in self.assigned:
            self.diagonal[found.name] = fragment.place(found.start, found.end)
            if found.name in self.shapes:
                self.shapes[found.name] = (self.shapes[found.name][0], ONE)

    def relation(self, chain: Chain, before: list[Syntax], fragment: Fragment, *, strict: bool = True) -> None:
        """One relation; `before` are the letters listed before it, as in W, U ∈ ..."""
        unclear = fragment.error("cannot understand this declaration", chain.start, chain.end, FORMS)
        left, right = chain.sides[0], chain.sides[1]
        kinds = [relation.type for relation in chain.relations]
        if kinds[0] == "EQ" and len(kinds) > 1 and set(kinds[1:]) == {"RELATION"}:  # f(a) = ... > 0
            kinds, chain = kinds[:1], replace(chain, sides=chain.sides[:2], relations=chain.relations[:1])
        first = symbol(left, fragment) if letter(left) is not None else None
        if not before and first is not None and first.name in INDICES and first.offset is None and not _real(right):
            return  # the range of an index
        if kinds == ["IN"] and first is not None and first.name in COUNTED and _is_listed(right):
            return
        if kinds == ["IN"]:
            for node in (*before, left):
                found = self._timed(node, fragment) or (symbol(node, fragment) if letter(node) is not None else None)
                if found is None:
                    raise unclear
                self._known(found, fragment)
                if isinstance(right, Group) and found.name in self.assigned:
                    continue  # the range of every entry
                shape = self._space(right, fragment)
                if found.transposed:
                    self._shape(found, (shape[1], shape[0]), fragment)
                    continue
                self._shape(found, shape, fragment)
                if ONE not in shape[:1] and _has_one_size(right):
                    self.either.add(found.name)
            return
        if before or kinds != ["EQ"]:
            if strict:
                self._unclear(unclear, fragment, chain)
            return
        self._equation(chain, left, right, first, fragment, unclear if strict else None)

    def _unclear(self, error: InputError, fragment: Fragment, chain: Chain) -> None:
        """Raise the error; within running text what says nothing of a letter stands beside the cell."""
        if not self.running:
            raise error
        self.beside.append((fragment, chain))

    def _equation(
        self, chain: Chain, left: Syntax, right: Syntax, first: Symbol | None, fragment: Fragment,
        unclear: InputError | None,
    ) -> None:  # fmt: skip
        if (first is not None and first.offset is not None) or self._timed(left, fragment) is not None:
            self.equations.append((fragment, chain))
            return
        if first is not None:
            value = Integer(0) if isinstance(right, Number) and right.text == "0" else _value(right, fragment)
            named = symbol(right, fragment) if letter(right) is not None else None
            known = None if named is None else self.vocabulary.known_function(named.name)
            if value is not None:
                base = first.name.removesuffix("_0")
                if base != first.name and value == 0:
                    self.facts.append(("starts at zero", base))
                    self.places.setdefault(base, fragment.place(first.start, first.end))
                else:
                    self._known(first, fragment)
                    self.vocabulary.quantities.discard(first.name)
                    self.vocabulary.constants[first.name] = value
                return
            started = first.name.removesuffix("_0")
            if named is not None and named.offset is None and started != first.name and started in self.assigned:
                self.starts[started] = named.name
                self.vocabulary.letters.setdefault(named.name, named.latex)
                self._known(named, fragment)
                return
            if named is not None and known is not None and named.offset is None:
                self.vocabulary.functions[first.name] = known
                self.places.setdefault(first.name, fragment.place(first.start, first.end))
                return
            if named is not None and named.offset is None and len(named.name) > 2 and "_" not in named.name:
                raise fragment.error(
                    f"unknown function {named.name}", named.start, named.end,
                    f"known: {', '.join(sorted(functions.ENTRIES))}, softmax",
                )  # fmt: skip
            both = named is not None and {first.name, named.name} <= self.used - self.vocabulary.sizes
            if named is not None and named.offset is None and not both:
                self.sizes.equate(first.name, named.name)
                return
            if unclear is not None and first.name in self.used and not first.transposed and first.power is None:
                self.equations.append((fragment, chain))  # a constant made of parameters
                return
        elif isinstance(left, Run) and len(left.factors) == 2 and isinstance(left.factors[1], Group):
            name, group = symbol(left.factors[0], fragment), left.factors[1]
            if name is not None and name.offset is None:
                self._defined(name, written(name, group, right, fragment, self.vocabulary), fragment)
                inside = (symbol_of(node, fragment) for node in letters(right))
                self.vocabulary.called |= {one.name for one in inside if one is not None}
                return
        if unclear is not None:
            self._unclear(unclear, fragment, chain)

    def _defined(self, name: Symbol, how: Written, fragment: Fragment) -> None:
        """A function by its expression; f'(a) = ... is the slope of f, where f is a function."""
        place, taken = fragment.place(name.start, name.end), frozenset({*self.assigned, *self.shapes})
        base = base_of(name, fragment)
        if base is not None and len(how.arguments) == 1:
            letter_ = name.latex.removesuffix("^{\\prime}").removesuffix("'")
            self.slopes[base] = Slope(body_of(how, taken), letter_, place)
            return
        self.vocabulary.functions[name.name] = made(name.name, how, taken)
        self.written[name.name] = how
        for own, latex in how.letters:
            self.vocabulary.letters.setdefault(own, latex)
            self.vocabulary.quantities.add(own)
        self.places.setdefault(name.name, place)

    def _assume(self, fragment: Fragment, rows: Sequence[Row], words: str) -> None:
        """Σy = 1, h_0 = 0, or a letter that the words call one-hot."""
        for row in rows:
            for part in row:
                found = letter(part) is not None and symbol(part, fragment)
                if found and "hot" in words.lower():
                    self._fact("one-hot", found, fragment)
                    continue
                if isinstance(part, Chain) and [relation.type for relation in part.relations] == ["EQ"]:
                    value = number_of(part.sides[1])
                    summed = _summed(part.sides[0], fragment)
                    if value == 1 and summed is not None:
                        self._fact("sums to one", summed, fragment)
                        continue
                    start = letter(part.sides[0]) is not None and symbol(part.sides[0], fragment)
                    if value == 0 and start and start.name.endswith("_0"):
                        self.facts.append(("starts at zero", start.name.removesuffix("_0")))
                        self.places.setdefault(start.name.removesuffix("_0"), fragment.place(part.start, part.end))
                        continue
                raise fragment.error(
                    "cannot understand this assumption", part.start, part.end,
                    "readable: $\\mathbf{1}^\\top y_t = 1$, $\\sum_i y_{t,i} = 1$, $h_0 = 0$, $y_t$ one-hot",
                )  # fmt: skip

    def _fact(self, kind: str, found: Symbol, fragment: Fragment) -> None:
        self._known(found, fragment)
        self.facts.append((kind, found.name))

    def _shape(self, found: Symbol, shape: tuple[Dim, Dim], fragment: Fragment) -> None:
        """Keep a declared shape; a second one must be the same."""
        before = self.shapes.setdefault(found.name, shape)
        if [*map(self.sizes.find, before)] != [*map(self.sizes.find, shape)]:
            first, second = ("×".join(self.sizes.show(dim, {}) for dim in dims) for dims in (before, shape))
            raise fragment.error(
                f"{found.name} is declared with two shapes, {first} and {second}", found.start, found.end,
                "keep one; two letters for one size are declared as $D = H$ before",
            )  # fmt: skip

    def _space(self, node: Syntax, fragment: Fragment) -> tuple[Dim, Dim]:
        """The rows and columns of ℝ^{H × D}."""
        base, dims = node, None
        if isinstance(node, Scripted):
            base = node.base
            if len(node.scripts) != 1 or node.scripts[0].kind != "sup" or len(node.scripts[0].rows) != 1:
                raise fragment.error("cannot read this set", node.start, node.end, "write \\mathbb{R}^{H \\times D}")
            dims = node.scripts[0].rows[0]
        if not ((isinstance(base, Name) and base.word in ("R", "ℝ")) or isinstance(base, Group)):
            raise fragment.error("cannot read this set", node.start, node.end, "write \\mathbb{R}^{H \\times D}")
        if dims is None:
            return ONE, ONE
        parts: list[Syntax] = []
        for cell in dims:
            if isinstance(cell, Group) and cell.bracket == "LPAR" and (inner := only(cell.rows)) is not None:
                cell = inner
            times = isinstance(cell, Product) and all(o.kind == "TIMES" and not o.negative for o in cell.operators)
            parts.extend(cell.factors if isinstance(cell, Product) and times else (cell,))
        if len(parts) > 2:
            raise fragment.error("at most rows and columns can be read", node.start, node.end)
        read = [self._size(part, fragment) for part in parts]
        return (read[0], read[1] if len(read) > 1 else ONE)

    def _size(self, node: Syntax, fragment: Fragment) -> Dim:
        """H, 2H, H + D or 10."""
        if isinstance(node, Number) and node.text.isdigit() and int(node.text) > 0:
            return Dim(int(node.text))
        if isinstance(node, Group) and (inner := only(node.rows)) is not None:
            return self._size(inner, fragment)
        if isinstance(node, Sum) and all(sign == 1 for sign, _ in node.terms):
            total = Dim(0)
            for _, part in node.terms:
                total += self._size(part, fragment)
            return total
        if isinstance(node, Run) and len(node.factors) == 2 and isinstance(node.factors[0], Number):
            count = node.factors[0].text
            if count.isdigit() and 0 < int(count) < 100:
                one = self._size(node.factors[1], fragment)
                total = one
                for _ in range(int(count) - 1):
                    total += one
                return total
        if isinstance(node, Name | Scripted) and letter(node) is not None:
            name = letter(node)
            assert name is not None
            labels = [
                label(cell, fragment) for script in getattr(node, "scripts", ()) for row in script.rows for cell in row
            ]
            named = identifier("_".join([name.word, *labels]))
            self.vocabulary.sizes.add(named)
            return self.sizes.letter(named)
        raise fragment.error("cannot read this size", node.start, node.end, "write a letter, a number, 2H or H + D")


def _real(node: Syntax) -> bool:
    """Whether this is ℝ, or a space of vectors or matrices."""
    base = node.base if isinstance(node, Scripted) else node
    return isinstance(base, Name) and base.word in ("R", "ℝ")


def _is_sentence(words: str) -> bool:
    """Whether words are running text, not those of a line of declarations."""
    return len(_WORD.findall(words)) > 3 or _IDEOGRAPHS.search(words) is not None


def _is_placeholder(node: Syntax) -> bool:
    """Whether this is a bracket around a dot, for any argument."""
    cell = only(node.rows) if isinstance(node, Group) else None
    return isinstance(cell, Mark)


def _is_listed(node: Syntax) -> bool:
    """Whether this is a set by its elements, {1, 2, ..., L}."""
    return isinstance(node, Group) and any(
        isinstance(cell, Mark) and cell.kind == "dots" for row in node.rows for cell in row
    )


def _has_one_size(node: Syntax) -> bool:
    """Whether this is ℝⁿ, not ℝ^{n × 1}."""
    cell = only(node.scripts[0].rows) if isinstance(node, Scripted) else None
    while isinstance(cell, Group) and (inner := only(cell.rows)) is not None:
        cell = inner
    return cell is not None and not isinstance(cell, Product)


def _value(node: Syntax, fragment: Fragment) -> Expr | None:
    """A number as a declaration gives it, 1e-5 too."""
    text = fragment.text[node.start : node.end].strip()
    return Rational(text) if re.fullmatch(r"\d+(\.\d+)?[eE][-+]?\d{1,2}", text) else number_of(node)


def _summed(node: Syntax, fragment: Fragment) -> Symbol | None:
    """The quantity whose entries this sums: 1ᵀy or Σ_i y_i."""
    if isinstance(node, syntax.Big) and node.sign == "sum" and len(node.scripts) == 1:
        index = only(node.scripts[0].rows)
        if isinstance(index, Name):
            return symbol(node.body, fragment, frozenset({index.word}))
    if isinstance(node, Run) and len(node.factors) == 2:
        first, second = node.factors
        if isinstance(first, Scripted) and isinstance(first.base, Ones) and letter(second) is not None:
            return symbol(second, fragment)
    return None
