"""A letter in a formula -> a function with its argument, or a quantity with its power and transpose."""

from __future__ import annotations

from abc import ABC, abstractmethod

from derive.errors import InputError
from derive.functions import ScalarFunction, function
from derive.nodes import t
from derive.reader.meaning.symbols import Symbol, letter, only, symbol, time_of
from derive.reader.meaning.tree import Call, Constant, Identity, Power, Ref, Span, Term, Total, Transposed
from derive.reader.meaning.vocabulary import NAMED, Macro, Vocabulary
from derive.reader.text import syntax, words
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Scripted, Syntax

UNSURE = frozenset(words.listed("alpha beta gamma delta epsilon varepsilon eta kappa lambda_ mu nu omega"))
"""Greek letters that are numbers as often as functions."""


class Applying(ABC):
    """The part of `Meaning` that knows letters; `meaning` knows what joins them."""

    def __init__(self, fragment: Fragment, vocabulary: Vocabulary, bound: frozenset[str] = frozenset()) -> None:
        self.fragment = fragment
        self.vocabulary = vocabulary
        self.bound = bound

    def error(self, message: str, node: Syntax, hint: str = "") -> InputError:
        """An error at a part of the formula."""
        return self.fragment.error(message, node.start, node.end, hint)

    @abstractmethod
    def term(self, node: Syntax) -> Term:
        """The meaning of any expression."""

    def is_function(self, node: Syntax) -> bool:
        """Whether this is a letter that stands for a function."""
        found = symbol(node, self.fragment, self.bound) if letter(node) is not None else None
        return found is not None and found.offset is None and self.vocabulary.known_function(found.name) is not None

    def called(self, found: Symbol, group: Group | None) -> ScalarFunction | Macro | str | None:
        """The function that this letter is, here before a bracket or not; None for a quantity."""
        if found.offset is not None:
            return None
        if found.name in self.vocabulary.constants:
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
        if base in words.GREEK or (len(base) == 1 and base.islower()):
            if group.bracket != "LPAR" and base not in words.GREEK:
                return None
            return ScalarFunction(found.name)
        if len(base) > 1:
            raise InputError(
                f"unknown function {found.name}", place,
                f"known: {', '.join(sorted(words.ENTRYWISE))}, softmax; or say what it is: "
                f"${found.latex}(a) = \\dots$",
            )  # fmt: skip
        return None

    def call(
        self, called: ScalarFunction | Macro | str, arguments: tuple[Term, ...], start: int, end: int, found: Symbol
    ) -> Term:
        """A function applied to its arguments."""
        at = Span(self.fragment, start, end)
        if isinstance(called, Macro):
            inlined = called.of(arguments, self.fragment.place(start, end))
            return inlined if found.power is None else Power(inlined, found.power, span=at)
        wanted = 1 if isinstance(called, str) else len(called.body.variables)
        if len(arguments) != wanted:
            raise InputError(
                f"{found.name} takes {wanted} argument{'s' if wanted > 1 else ''}, not {len(arguments)}",
                self.fragment.place(start, end),
            )
        result: Term = Total(arguments[0], span=at) if called == "sum" else Call(called, arguments, span=at)
        return result if found.power is None else Power(result, found.power, span=at)

    def reference(self, found: Symbol) -> Term:
        """A quantity with its power and transpose."""
        at = Span(self.fragment, found.start, found.end)
        self.remember(found)
        if found.style is not None:
            self.vocabulary.styles[found.style] += 1
        if found.offset is None and found.name in self.vocabulary.constants:
            self.vocabulary.called.add(found.name)
            term: Term = Constant(self.vocabulary.constants[found.name], span=at)
        else:
            if self.bound and not found.indices:
                index = sorted(self.bound)[0]
                raise InputError(
                    f"{found.name} stands inside a sum over {index} without the index {index}",
                    self.fragment.place(found.start, found.end), "put what does not depend on the index before the sum",
                )  # fmt: skip
            identity = found.name == "I" and found.offset is None and "I" not in self.vocabulary.declared
            term = (
                Identity(span=at)
                if identity
                else Ref(found.name, None if found.offset is None else t + found.offset, span=at)
            )
        if found.power is not None:
            term = Power(term, found.power, span=at)
        return Transposed(term, span=at) if found.transposed else term

    def remember(self, found: Symbol) -> None:
        """Keep how the author writes this name."""
        self.vocabulary.letters.setdefault(found.name, found.latex)

    def exponential(self, node: Syntax) -> Term | None:
        """e^{-x}."""
        if not (isinstance(node, Scripted) and isinstance(node.base, Name) and node.base.word == "e"):
            return None
        if len(node.scripts) != 1 or node.scripts[0].kind != "sup" or "e" in self.vocabulary.quantities:
            return None
        cell = only(node.scripts[0].rows)
        if cell is None or time_of(cell) is not None or isinstance(cell, syntax.Mark):
            return None
        return Call(entry("exp"), (self.term(cell),), span=Span(self.fragment, node.start, node.end))


def entry(name: str) -> ScalarFunction:
    """The function of that name, which is in the table."""
    found = function(name)
    assert found is not None
    return found
