"""Functions that a note defines by an expression, and slopes that it declares beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, Lambda, exp, pi
from sympy import S as Singletons
from sympy.core.symbol import Symbol as Scalar

from derive import functions
from derive.errors import InputError, Place
from derive.functions import ScalarFunction
from derive.reader.meaning.quantities import Meaning
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Multiply,
    Power,
    Ref,
    Term,
    Total,
    exact_power,
    mapped,
    references,
    walk,
)
from derive.reader.meaning.vocabulary import Macro, Vocabulary
from derive.reader.questions.guesses import Guess
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Syntax

STEPS = frozenset({"Theta", "H"})
"""Letters of the unit step, where a slope is declared for them and nothing else is said."""


@dataclass(frozen=True)
class Written:
    """A function as its note writes it: the names of its arguments, and its expression in them."""

    arguments: tuple[str, ...]
    term: Term
    letters: tuple[tuple[str, str], ...] = ()
    """What else it is made of, with how that is written: parameters of its own."""
    parameters: bool = False
    """Whether arguments behind a semicolon are parameters: f(x; W)."""


@dataclass(frozen=True)
class Slope:
    """A slope declared beside a function, with the function's letter as it is written."""

    body: Lambda
    latex: str
    place: Place


def base_of(found: Symbol, fragment: Fragment) -> str | None:
    """The function whose slope this letter with a prime is; in plain text a tick that transposes is a prime."""
    if found.offset is not None or found.indices or found.power is not None:
        return None
    if found.primes == 1 and not found.transposed and found.name.endswith("_prime"):
        return found.name.removesuffix("_prime")
    return found.name if fragment.plain and found.transposed and not found.primes else None


def written(name: Symbol, group: Group, right: Syntax, fragment: Fragment, vocabulary: Vocabulary) -> Written:
    """A function given by an expression in its arguments."""
    parameters = [symbol(cell, fragment) for row in group.rows for cell in row]
    names = tuple(parameter.name for parameter in parameters if parameter is not None)
    if len(names) != len(parameters) or len(set(names)) != len(names):
        raise fragment.error("a function needs letters as arguments", group.start, group.end)
    known = {one: value for one, value in vocabulary.functions.items() if one not in names}
    inside = Vocabulary({*vocabulary.quantities, *names}, known, vocabulary.constants)
    term = Meaning(fragment, inside).term(right)
    own = {ref.name for ref in references(term)} - {*names, "pi"}
    letters = tuple((name, latex) for name, latex in inside.letters.items() if name in own)
    return Written(names, term, letters, len(group.rows) > 1)


def made(name: str, written: Written, taken: frozenset[str]) -> ScalarFunction | Macro:
    """The function: entry by entry, or put in where it is used, being of whole vectors or with parameters of its own.

    `taken` are letters that stand for no number.
    """
    if len(written.arguments) > 2 or written.letters or written.parameters or _of_vectors(written.term):
        return Macro(name, written.arguments, written.term)
    body = body_of(written, taken)
    same = len(written.arguments) == 1 and body.expr == body.variables[0]
    return functions.ENTRIES["identity"].function if same else ScalarFunction(name, body)


def with_numbers(vocabulary: Vocabulary, defined: dict[str, Written], taken: frozenset[str]) -> None:
    """Put the numbers into functions that are declared behind them: f(a) = α a, α = 0.1."""
    for name, how in defined.items():
        given = {one: vocabulary.constants[one] for one, _ in how.letters if one in vocabulary.constants}
        if given:

            def number(part: Term, known: Mapping[str, Expr] = given) -> Term | None:
                if isinstance(part, Ref) and part.name in known and part.offset is None:
                    return Constant(known[part.name], span=part.span)
                return None

            left = tuple(pair for pair in how.letters if pair[0] not in given)
            defined[name] = new = replace(how, term=mapped(how.term, number), letters=left)
            vocabulary.functions[name] = made(name, new, taken)
            vocabulary.quantities.difference_update(given)


def body_of(written: Written, taken: frozenset[str]) -> Lambda:
    """A function of numbers as an expression of SymPy."""
    arguments = dict(zip(written.arguments, (functions.a, functions.b), strict=False))
    known = arguments if "pi" in taken else {"pi": pi, **arguments}
    return Lambda(tuple(arguments.values()), scalar(written.term, known))


def with_slopes(vocabulary: Vocabulary, slopes: dict[str, Slope], defined: Mapping[str, Written]) -> Iterator[Guess]:
    """Give functions the slopes that are declared for them, under every name they have; what was guessed is told.

    Only a function that is flat but for jumps takes another slope; of any other it is the derivative, and a line that
    says so is dropped from `slopes`. A function that calls one of them is put in where it is used, so that the chain
    rule meets the declared slope.
    """
    changed: dict[ScalarFunction, ScalarFunction | Macro] = {}
    for base, slope in list(slopes.items()):
        known = vocabulary.known_function(base)
        if known is None and base in STEPS and base not in vocabulary.quantities:
            known = functions.function("heaviside")
            yield Guess(
                f"${slope.latex}$ is the unit step, 1 where its argument is positive, else 0",
                f"another function, to be defined as ${slope.latex}(a) = \\dots$",
                "its slope alone is declared",
                slope.place,
            )
        if known is None:
            raise InputError(
                f"the slope of {base} is declared, but not what {base} is", slope.place,
                f"add a line ${slope.latex}(a) = \\dots$",
            )  # fmt: skip
        if not isinstance(known, ScalarFunction) or len(known.body.variables) != 1:
            raise InputError(f"a slope can be declared of functions of one number; {base} is none", slope.place)
        if functions.slope(known) != 0:
            if not _is_derivative(slope.body, known.body):
                raise InputError(
                    f"the slope of {base} is declared, and is not its derivative", slope.place,
                    f"another slope is read of functions that are flat but for jumps; remove the line, or give "
                    f"${slope.latex}$ another letter",
                )  # fmt: skip
            del slopes[base]
            continue
        new = changed[known] = changed[ScalarFunction(base)] = ScalarFunction(base, known.body, slope.body)
        entry = functions.ENTRIES.get(known.name)
        for word in (known.name, *(entry.words if entry else ()), base):
            if word not in vocabulary.quantities or word == base:
                vocabulary.functions[word] = new
    for name, how in defined.items():
        term = _with_changed(how.term, changed)
        before = vocabulary.functions.get(name)
        if term != how.term and before is not None and name not in slopes:
            put_in = vocabulary.functions[name] = Macro(name, how.arguments, term)
            if isinstance(before, ScalarFunction):
                changed[before] = put_in
    for name, value in vocabulary.functions.items():
        if isinstance(value, ScalarFunction) and value in changed:
            vocabulary.functions[name] = changed[value]


def _is_derivative(stated: Lambda, body: Lambda) -> bool:
    (by,) = body.variables
    return bool((stated(by) - body.expr.diff(by)).rewrite(exp).simplify() == 0)


def _with_changed(term: Term, changed: Mapping[ScalarFunction, ScalarFunction | Macro]) -> Term:
    if not any(isinstance(part, Call) and part.function in changed for part in walk(term)):
        return term

    def new(part: Term) -> Term | None:
        if not isinstance(part, Call) or not isinstance(part.function, ScalarFunction) or part.function not in changed:
            return None
        arguments = tuple(_with_changed(argument, changed) for argument in part.arguments)
        function = changed[part.function]
        if isinstance(function, Macro):
            assert part.place is not None
            return function.of(arguments, part.place)
        return replace(part, function=function, arguments=arguments)

    return mapped(term, new)


def _of_vectors(term: Term) -> bool:
    """Whether an expression is about whole vectors."""
    whole = isinstance(term, Total) or (isinstance(term, Call) and isinstance(term.function, str))
    return whole or any(map(_of_vectors, term.parts))


def scalar(term: Term, arguments: Mapping[str, Scalar | Expr]) -> Expr:
    """A term as an expression in scalar arguments, by a closed set of operations."""
    match term:
        case Ref(name=name, time=None) if name in arguments:
            return arguments[name]
        case Constant(value=value):
            return value
        case Add(terms=terms):
            return sum((sign * scalar(part, arguments) for sign, part in terms), Singletons.Zero)
        case Multiply(factors=factors):
            product: Any = Singletons.One
            for factor in factors:
                product *= scalar(factor, arguments)
            return product
        case Divide(above=above, below=below):
            divisor = scalar(below, arguments)
            if divisor == 0:
                raise term.error("division by zero")
            return scalar(above, arguments) / divisor
        case Power(base=base, exponent=exponent):
            return exact_power(scalar(base, arguments), exponent, term)
        case Call(function=ScalarFunction() as function, arguments=inner):
            return function.value(*(scalar(part, arguments) for part in inner))
        case Ref(name=name):
            raise term.error(f"{name} is not an argument of this function")
    raise term.error("this cannot be part of an elementwise function")
