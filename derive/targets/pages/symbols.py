"""What the letters and signs on a page mean."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Expr, Lambda

from derive import functions
from derive.calculus.adjoint import as_node
from derive.calculus.program import ARGUMENT
from derive.functions import ScalarFunction
from derive.nodes import Adjoint, Quantity
from derive.targets.formula import show
from derive.targets.pages.model import Row
from derive.targets.pages.printing import Printing
from derive.targets.vocabulary import Latex, Text


def symbols(p: Printing) -> tuple[Row, ...]:
    """The table of symbols: the author's, then those named by the derivation, then open functions."""
    program = p.derivation.program
    rows = [_row(p, q, _role(p, q)) for q in program.quantities.values() if q.name not in p.introduced]
    for equation in program.equations:
        q = equation.symbol
        if q.name in p.introduced:
            kind = "argument of a function" if q.name.startswith(f"{ARGUMENT}_") else "linear factor"
            rows.append(_row(p, q, f"{kind}, named here"))
    for name in (e.symbol.name for e in program.equations if e.symbol.name in p.deltas):
        q = program.quantities[name]
        role = p.say("short for {gradient}", gradient=p.form.inline(p.gradient_of(q).partition(" = ")[2]))
        rows.append(Row(p.m(Adjoint(q)), role, _shape(p, q), ""))
    for function in p.derivation.cell.functions:
        if function.declared is not None:
            rows.append(Row(p.math(p.v.word(function)), _declared(p, function, function.declared), "", function.name))
    for function in p.derivation.cell.open_functions:
        name = p.math(p.v.word(function))
        slope = p.math(p.v.word(function.prime()))
        role = p.say("any function, entry by entry; its slope is {slope}", slope=slope)
        rows.append(Row(name, role, "", function.name))
    return tuple(rows)


def _declared(p: Printing, function: ScalarFunction, stated: Lambda) -> str:
    """What a function with a declared slope is, and that slope."""

    def equation(name: str, expression: Expr) -> str:
        value = show(as_node(expression, {functions.a: Quantity("a", 1)}), p.v).text
        return p.form.inline(f"{name}(a) = {value}")

    word = p.v.word(function)
    slope = equation(f"{word}'", stated(functions.a))
    known = functions.function(function.name)
    named = known is not None and known.body == function.body
    if named:
        return p.say("entry by entry; its slope is declared, {slope}", slope=slope)
    value = equation(word, function.body(functions.a))
    return p.say("entry by entry, {value}; its slope is declared, {slope}", value=value, slope=slope)


def _row(p: Printing, quantity: Quantity, role: str) -> Row:
    return Row(p.m(quantity), p.say(role), _shape(p, quantity), quantity.name)


def _shape(p: Printing, quantity: Quantity) -> str:
    rows, cols = quantity.shape
    if cols == 1:
        return p.math(p.v.amount(rows))
    times = r"\times" if p.form.vocabulary is Latex else "×"
    return p.math(f"{p.v.amount(rows)} {times} {p.v.amount(cols)}")


def _role(p: Printing, quantity: Quantity) -> str:
    program = p.derivation.program
    if quantity in program.targets:
        return "target, given at every step"
    if quantity in program.inputs:
        return "input, given at every step" if quantity.time is not None else "input, the same at every step"
    if quantity in program.parameters:
        return "parameter"
    role = "state, carried from step to step" if quantity in program.states else "value within a step"
    return role + ("; output" if quantity == program.output else "")


def conventions(p: Printing) -> Iterable[str]:
    """What the signs on this page mean; only those that occur."""
    q = p.v.letter("q").text
    loss, letter = p.math(p.loss), p.form.inline(q)
    between = "/" if p.form.vocabulary is Text else " / "
    below = f"{between}{p.v.partial}{q}"
    gradient = p.form.inline(f"{p.v.partial}{p.loss}{below}")
    immediate = p.form.inline(f"{p.v.immediate}{p.loss}{below}")
    readers = "any function of the outputs of all steps"
    if p.derivation.program.states:
        readers += " and of the final states"
    yield p.say(f"{{J}} is a scalar, {readers}. Vectors are columns.", J=loss)
    total = "{gradient} is the total gradient, with everything later recomputed; it has the shape of {q}."
    yield p.say(total, gradient=gradient, q=letter)
    seen = "\n".join(p.printed)
    if p.v.immediate in seen:
        direct = "{immediate} is the immediate part: what {J} reads itself, nothing recomputed."
        yield p.say(direct, immediate=immediate, J=loss)
    if p.v.odot in seen:
        product = "{sign} multiplies entry by entry; other products are matrix products."
        yield p.say(product, sign=p.form.inline(p.v.odot))
    if p.v.one in seen:
        yield p.say("{one} is a column of ones.", one=p.form.inline(p.v.one))
    if p.v.norm_sign in seen:
        spectral = p.form.inline(p.v.norm(r"\cdot" if p.form.vocabulary is Latex else "·", False))
        largest = p.form.inline(p.v.norm(q, True))
        norms = "{norm} is the spectral norm of a matrix, {largest} the largest magnitude of an entry."
        yield p.say(norms, norm=spectral, largest=largest)
    if p.v.product_sign in seen:
        yield p.say("In a product over steps the factor of the latest step stands leftmost.")
