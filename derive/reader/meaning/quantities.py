"""The letters of equations: which are quantities, which are functions, and which neither."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Integer
from sympy import Symbol as Size

from derive.errors import InputError
from derive.functions import ScalarFunction, function
from derive.nodes import t
from derive.notation import TimeStyle
from derive.reader.meaning.letters import Written, letter, only, taken, time_of, valued
from derive.reader.meaning.slices import is_slice, sliced, without_slice
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.tree import (
    Call,
    Constant,
    Divide,
    Identity,
    Multiply,
    Power,
    Ref,
    SizeOf,
    Span,
    Term,
    Total,
    Transposed,
)
from derive.reader.meaning.vocabulary import NAMED, Vocabulary, bracket
from derive.reader.meaning.walk import Function, Walk, entry
from derive.reader.text import syntax
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Mark, Name, Run, Script, Scripted, Syntax
from derive.reader.text.words import ENTRYWISE, GREEK, OPEN, listed

UNSURE = frozenset(listed("alpha beta gamma delta epsilon varepsilon eta kappa lambda_ mu nu omega"))
"""Greek letters that are numbers as often as functions."""

NORMALIZING = frozenset(["layernorm", "layernormalization"])
"""Functions that normalize a whole vector."""

MATRICES = frozenset(listed("A B C D K M P Q R U V W"))
"""Letters that stand for matrices before [h_{t-1}, x_t] in round brackets."""

OF_PARAMETERS = frozenset(["theta", "vartheta", "Theta", "phi", "varphi", "Phi", "psi", "Psi"])
"""Labels that stand for all parameters of a function."""


class Meaning(Walk):
    """Turns the syntax of one fragment of equations into terms; `bound` are the indices of sums around it."""

    def __init__(self, fragment: Fragment, vocabulary: Vocabulary, bound: frozenset[str] = frozenset()) -> None:
        super().__init__(fragment)
        self.vocabulary = vocabulary
        self.bound = bound
        self.entrywise = bool(bound)

    def unclear(self, message: str, node: Syntax, hint: str = "") -> InputError:
        return self.fragment.error(message, node.start, node.end, hint)

    def is_function(self, node: Syntax) -> bool:
        found = symbol(node, self.fragment, self.bound) if letter(node) is not None else None
        return found is not None and found.offset is None and self.vocabulary.known_function(found.name) is not None

    def is_quantity(self, name: str) -> bool:
        return name in self.vocabulary.quantities

    def step(self) -> ScalarFunction:
        known = self.vocabulary.functions.get("heaviside")  # with the slope that the document declares for it
        return known if isinstance(known, ScalarFunction) else super().step()

    def divisor(self, node: Syntax) -> Term:
        """What stands below: a letter that where-lines know as a size is that number there, as no one divides by a
        matrix; elsewhere the same letter may be a matrix."""
        if isinstance(node, syntax.Root):
            return Call(entry("sqrt"), (self.divisor(node.body),), span=self.at(node))
        return self.size(node) or self.counted(node) or self.term(node)

    def rooted(self, node: Syntax) -> Term:
        """A letter of a size under a root is that number, as below a fraction."""
        return self.size(node) or self.counted(node) or self.term(node)

    def size(self, node: Syntax) -> SizeOf | None:
        """A letter that where-lines know as a size, and nothing else."""
        found = symbol(node, self.fragment, self.bound) if letter(node) is not None else None
        if found is not None and found.name in self.vocabulary.sizes and found.name not in self.vocabulary.timeless:
            plain = found.offset is None and found.power is None and not found.indices
            if plain and found.name not in self.vocabulary.constants:
                return SizeOf(found.name, span=self.at(node))
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
        return Multiply(tuple(found), span=self.at(node)) if len(found) == len(factors) else None

    def behind(self, term: Term, script: Script) -> Term | None:
        """A declared number is a power; that of diag(a) is one of its entries, whatever stands in it."""

        def known(node: Syntax) -> Expr | None:
            found = symbol(node, self.fragment)
            if found is None or found.offset is not None or found.name not in self.vocabulary.constants:
                return None
            self.vocabulary.called.add(found.name)
            return self.vocabulary.constants[found.name]

        cell = only(script.rows) if script.kind == "sup" else None
        value = valued(cell, known)
        if isinstance(term, Call) and term.function == "diag" and cell is not None and not isinstance(cell, Mark):
            return None if isinstance(cell, Name) and cell.word == "T" else self._of_entries(term, cell, value)
        return None if value is None else Power(term, value, span=term.span)

    def _of_entries(self, diagonal: Call, exponent: Syntax, value: Expr | None) -> Term:
        """diag(a)^p as diag(a^p), as exp(p log a) where p is no number."""
        (entries,) = diagonal.arguments
        at = diagonal.span
        if value is not None:
            return replace(diagonal, arguments=(Power(entries, value, span=at),))
        logarithm = Call(entry("log"), (entries,), span=at)
        product = Multiply((self.term(exponent), logarithm), False, span=at)
        return replace(diagonal, arguments=(Call(entry("exp"), (product,), span=at),))

    def derivative_of(self, node: syntax.Fraction) -> Term | None:
        first = node.above.factors[0] if isinstance(node.above, Run) else node.above
        base = first.base if isinstance(first, Scripted) else first
        if isinstance(base, Mark) and base.kind == "partial":
            raise self.unclear("a derivative is no part of a forward equation", node)
        return None

    def factor(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i, with slices of it: W[:, D:], z_{t,1:K}."""
        node, part = without_slice(factors[i])
        if part is not None:
            term, following = super().factor([*factors[:i], node, *factors[i + 1 :]], i)
            inner = term.body if isinstance(term, Transposed) else term
            if inner is None or following != i + 1:
                raise self.unclear(f"a part of {self.written(factors[i])} is not read", factors[i])
            cut = self.cut(inner, part, (), factors[i])
            return (Transposed(cut, span=self.at(factors[i])) if isinstance(term, Transposed) else cut), following
        term, following = super().factor(factors, i)
        while term is not None and following < len(factors) and is_slice(factors[following]):
            group, scripts = bracket(factors[following])
            assert group is not None
            term, following = self.cut(term, group, scripts, factors[following]), following + 1
        return term, following

    def cut(self, term: Term, group: Group, scripts: tuple[Script, ...], node: Syntax) -> Term:
        """Rows and columns of something; letters in the borders are sizes."""

        def border(part: Syntax) -> Expr | None:
            found = symbol(part, self.fragment)
            if found is None or found.offset is not None or found.power is not None or found.indices:
                return None
            if found.name in self.vocabulary.constants:
                return self.vocabulary.constants[found.name]
            self.vocabulary.sizes.add(found.name)
            self.vocabulary.called.add(found.name)
            return Size(found.name)

        found = sliced(term, group, border, Span(self.fragment, term.where.start, node.end))
        if found is None:
            raise self.unclear(f"the slice {self.written(node)} is not read", node, "write W[:, D:] or z_{t,1:K}")
        return self.scripted(found, scripts)

    def lettered(self, factors: list[Syntax], i: int) -> tuple[Term, int]:
        node = factors[i]
        found = symbol(node, self.fragment, self.bound)
        assert found is not None
        group, scripts = bracket(factors[i + 1] if i + 1 < len(factors) else None)
        if group is not None and found.offset is None and (offset := time_of(group)) is not None:
            found.offset, found.end, found.style = offset, group.end, TimeStyle.PARENTHESES
            return self.scripted(self.reference(found), scripts), i + 2
        called = self.called(found, group)
        if called is None:
            return self.reference(found), i + 1
        if found.transposed or found.indices:
            raise self.unclear(f"the function {found.name} cannot be transposed or indexed", node)
        known = called if isinstance(called, str) else called.name
        aliased = found.name in self.vocabulary.functions and known != found.name
        if (found.latex.startswith("\\") or "^" in found.latex) and not aliased:
            self.vocabulary.letters.setdefault(known, found.latex)
        self.vocabulary.called.add(found.name)
        written = taken(node)
        assert written is not None
        return self.call(called, written, factors, i)

    def called(self, found: Symbol, group: Group | None) -> Function | None:
        """The function that this letter is, here before a bracket or not; None for a quantity."""
        if found.offset is not None or found.name in self.vocabulary.constants:
            return None
        known = self.vocabulary.known_function(found.name)
        if known is not None:
            return known
        place = self.fragment.place(found.start, found.end)
        base = found.name.split("_")[0]
        if base in NAMED or function(base) is not None:
            raise InputError(
                f"cannot read {found.latex} as a function",
                place,
                f"{base} takes no label; a slope is no forward equation",
            )
        applied = group is not None and group.bracket == "LPAR" and self.vocabulary.only_applied(found.name)
        if (found.name in self.vocabulary.quantities and not applied) or group is None:
            return None
        if found.primes:
            raise InputError(f"the slope {found.name} is no part of a forward equation", place)
        if found.name in UNSURE:
            raise InputError(
                f"is {found.name} a number or a function?", place,
                f"add a line such as ${found.latex} \\in \\mathbb{{R}}$ or ${found.latex}(a) = \\dots$",
            )  # fmt: skip
        behind = found.name.partition("_")[2]
        labels = any(name.endswith(f"_{behind}") for name in self.vocabulary.quantities)  # x_ϕ beside φ_ϕ
        if behind in OF_PARAMETERS and not labels and group.bracket == "LPAR":
            raise InputError(
                f"{found.name} has parameters of its own: what it is is open", place,
                f"add a line such as ${found.latex}(a) = W_2 \\tanh(W_1 a + b_1) + b_2$",
            )  # fmt: skip
        if base in GREEK or (len(base) == 1 and base.islower()):
            return ScalarFunction(found.name) if group.bracket == "LPAR" or base in GREEK else None
        if base.lower() in OPEN:
            return ScalarFunction(found.name)
        if len(base) > 1:
            if base == "LN" or base.lower() in NORMALIZING:
                more = (", g", ", g, b")[: sum(map(len, group.rows)) - 1][-1:]
                given = "".join(more).replace(",", ";", len(group.rows) - 1)
                scaled = "".join(more).replace(", g", " \\odot g").replace(", b", " + b")
                hint = "" if more else ", with a gain and a bias where it has them"
                raise InputError(
                    f"what {found.name} does is open", place,
                    f"add a line such as where ${found.latex}(a{given}) = \\frac{{a - \\operatorname{{mean}}(a)}}"
                    f"{{\\sqrt{{\\operatorname{{var}}(a) + 10^{{-5}}}}}}{scaled}${hint}",
                )  # fmt: skip
            raise InputError(
                f"unknown function {found.name}", place,
                f"known: {', '.join(sorted(ENTRYWISE))}, softmax; or say what it is: "
                f"${found.latex}(a) = \\dots$",
            )  # fmt: skip
        listed = group.bracket == "LPAR" and len(group.rows) == 1 and len(group.rows[0]) > 1
        return ScalarFunction(base) if listed and found.name == base and base not in MATRICES else None

    def reference(self, found: Symbol) -> Term:
        """A quantity with its power and transpose."""
        at = self.at(Syntax(found.start, found.end))
        self.vocabulary.letters.setdefault(found.name, found.latex)
        if found.style is not None:
            self.vocabulary.styles[found.style] += 1
        if found.offset is None and found.name in self.vocabulary.constants:
            self.vocabulary.called.add(found.name)
            term: Term = Constant(self.vocabulary.constants[found.name], span=at)
        elif (number_ := self.sized(found)) is not None:
            return number_
        else:
            if self.bound and not found.indices:
                index = sorted(self.bound)[0]
                raise InputError(
                    f"{found.name} stands inside a sum over {index} without the index {index}",
                    self.fragment.place(found.start, found.end), "put what does not depend on the index before the sum",
                )  # fmt: skip
            if found.name == "t" and found.offset is None and "t" not in self.vocabulary.declared:
                raise InputError(
                    "time steps cannot be counted in an equation", self.fragment.place(found.start, found.end),
                    "give what depends on their number as an input, such as $c_t$ for \\sin(\\omega t)",
                )  # fmt: skip
            identity = found.name == "I" and found.offset is None and "I" not in self.vocabulary.declared
            time = None if found.offset is None else t + found.offset
            term = Identity(span=at) if identity else Ref(found.name, time, span=at)
        if found.power is not None:
            term = Power(term, found.power, span=at)
        return Transposed(term, span=at) if found.transposed else term

    def sized(self, found: Symbol) -> Term | None:
        """d^{-1/2} of a letter that where-lines know as a size: a number, as no matrix has such a power."""
        power, plain = found.power, found.offset is None and not found.indices and not found.transposed
        if power is None or not plain or found.name not in self.vocabulary.sizes - self.vocabulary.timeless:
            return None
        if not (power.is_Rational and power.q <= 2 and (power < 0 or power.q == 2)):
            return None
        at = self.at(Syntax(found.start, found.end))
        one: Term = SizeOf(found.name, span=at)
        if power.q == 2:
            one = Call(entry("sqrt"), (one,), span=at)
        several = one if abs(power.p) == 1 else Multiply((one,) * abs(int(power.p)), span=at)
        return several if power > 0 else Divide(Constant(Integer(1), span=at), several, span=at)

    def applied_to(self, function_: Syntax, term: Term) -> Term:
        """A function, given by its letter, of a term."""
        found = symbol(function_, self.fragment)
        called = None if found is None else self.vocabulary.known_function(found.name)
        if found is None or called is None:
            raise self.unclear("expected a function", function_)
        self.vocabulary.called.add(found.name)
        made = self.applied(called, (term,), term.where, found.name)
        return made if found.power is None else Power(made, found.power, span=term.span)

    def call(self, called: Function, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int]:
        """A function with its argument; within a sum also the entry f(z)_i of a function of the whole vector z."""
        following = factors[i + 1] if i + 1 < len(factors) else None
        indices = [part for part in following.scripts if part.kind == "sub"] if isinstance(following, Scripted) else []
        words = {cell.word for part in indices if isinstance(cell := only(part.rows), Name)}
        if not isinstance(following, Scripted) or not words or not words <= self.bound:
            return super().call(called, found, factors, i)
        rest = tuple(part for part in following.scripts if part not in indices)
        whole = replace(following, scripts=rest) if rest else following.base
        outside = Meaning(self.fragment, self.vocabulary, self.bound - words)
        return outside.call(called, found, [factors[i], whole], 0)[0], i + 2

    def big(self, node: syntax.Big) -> Term:
        """A sum over the entries of vectors."""
        if node.sign == "product":
            raise self.unclear("a product over an index is no part of a forward equation", node)
        index = None
        for script in node.scripts:
            cell = only(script.rows)
            first = cell.sides[0] if isinstance(cell, syntax.Chain) else cell
            if script.kind == "sub" and isinstance(first, Name) and len(first.word) == 1:
                index = first.word
        if index is None or index == "t":
            raise self.unclear(
                "only a sum over the entries of a vector can be read here", node,
                "write \\sum_i y_i \\log p_i; the sum over t belongs to the loss of a sequence",
            )  # fmt: skip
        inner = Meaning(self.fragment, self.vocabulary, self.bound | {index})
        return Total(inner.term(node.body), span=self.at(node))
