"""What closes a page: the backward pass in the order of the code, and the rules it used, each with a short proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from sympy import Expr, Mul, Pow, exp

from derive import functions
from derive.calculus.adjoint import as_node
from derive.calculus.derivation import Derivation, Gradient, Step
from derive.functions import ScalarFunction
from derive.nodes import (
    Adjoint,
    Elementwise,
    Node,
    Quantity,
    Softmax,
    apply,
    concat,
    diag,
    hadamard,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from derive.targets.formula import show
from derive.targets.language.names import Names
from derive.targets.pages.model import Block, Item, Part, Point
from derive.targets.pages.printing import Printing

N, K = size("n"), size("k")
y, x, v, a, b = (Quantity(name, N) for name in "yxvab")
W, z = Quantity("W", N, K), Quantity("x", K)
AT = Quantity("a", 1)

Words = tuple[str, Mapping[str, Node]]
"""A sentence with nodes in braces, and these nodes."""


def backward_pass(p: Printing, numbers: Mapping[Quantity, int]) -> Part:
    """Every gradient once more, in the order in which the code computes it, with its variable there."""
    program, names = p.derivation.program, Names()
    assigned = {equation.symbol.name for equation in program.equations}

    def point(gradient: Gradient) -> Point:
        of = gradient.of
        shown = f"{show(Adjoint(of), p.v).text} = {show(gradient.value, p.v).text}"
        variable = names.gradient(of) if of.time is not None else names.gradients(of)
        large = rf"\displaystyle {shown}" if r"\frac" in shown else shown
        return Point(f"{p.math(large)} {p.form.numbered(numbers[of])}, {p.form.code(variable.name)}")

    within = tuple(point(g) for g in p.derivation.gradients if g.of.name in assigned)
    after = tuple(point(g) for g in p.derivation.gradients if g.of.name not in assigned)
    words = p.say(
        "All gradients once more, with their variables in {function} of the generated module, where each line stands "
        "under its formula.",
        function=p.form.code("step_backward"),
    )
    order = p.say("From the last step to the first, in this order:" if program.states else "In this order:")
    items = [Item(p.joined([words, order]), within, numbered=True)]
    if after:
        items.append(Item(p.say("With these known at every step:"), after))
    return Part(p.say("The backward pass in order"), blocks=(Block("", tuple(items)),))


def rules_used(p: Printing) -> Part | None:
    """The rules that the steps of the page name, each proved in two lines; None where none needs a proof."""
    found: dict[str, Point] = {}
    for step in steps_of(p.derivation):
        if step.rule in found or (step.rule not in PROOFS and not isinstance(step_function(p, step), ScalarFunction)):
            continue
        known = step_function(p, step)
        lines = PROOFS[step.rule] if known is None else _chain(known)
        proof = tuple(_told(p, line) for line in lines)
        if known is not None:
            proof += tuple(_slope(p, known))
        found[step.rule] = Point(p.form.strong(p.say(step.rule)), proof)
    if not found:
        return None
    words = p.say("Why each is so: something moves a little, and what follows is computed again.")
    return Part(p.say("The rules used"), words, (Block("", (Item(points=tuple(found.values())),)),))


def steps_of(derivation: Derivation) -> Iterator[Step]:
    """Every step of every path."""
    for gradient in derivation.gradients:
        for path in gradient.paths:
            yield from path.steps


def step_function(p: Printing, step: Step) -> ScalarFunction | None:
    """The function that a chain rule goes through."""
    lead, _, name = step.rule.rpartition(" ")
    if lead not in ("chain rule through", "declared slope of"):
        return None
    called = (f for e in p.derivation.program.equations for f in _functions(e.expression))
    return next((f for f in called if f.name == name), None)


def _functions(node: Node) -> Iterable[ScalarFunction]:
    return [part.function for part in node.atoms(Elementwise)]


def _told(p: Printing, line: Words) -> str:
    """A sentence in the words and formulas of the page."""
    words, nodes = line
    return p.say(words, J=p.math(p.loss) if "{J}" in words else "", **{name: p.m(node) for name, node in nodes.items()})


def _moves(value: Node, by: Node, moved: Node, pulled: Node, letter: Node = x) -> tuple[Words, Words]:
    """y is `value`; where x moves by v, y moves by `moved`, and what stands before v in J's change is the gradient."""
    change, again = matmul(transpose(Adjoint(y)), moved), matmul(transpose(pulled), by)
    that_is = "" if again == change else "That is {again}. "
    return (
        ("{y} is {value}: where {x} moves by {v}, it moves by {moved}, and {J} by {change}.",
         {"y": y, "value": value, "x": letter, "v": by, "moved": moved, "change": change}),
        (that_is + "What stands before {v}, transposed, is the gradient {pulled}.",
         {"again": again, "v": by, "pulled": pulled}),
    )  # fmt: skip


def _matrix() -> tuple[Words, Words]:
    moved = Quantity("v", K)
    return _moves(matmul(W, z), moved, matmul(W, moved), matmul(transpose(W), Adjoint(y)), z)


PROOFS: Mapping[str, tuple[Words, ...]] = {
    "matrix product": (
        *_matrix(),
        ("Of {W} the gradient is {outer}, as {J} changes by the trace of {both} times a change of {W}.",
         {"W": W, "outer": matmul(Adjoint(y), transpose(z)), "both": matmul(z, transpose(Adjoint(y)))}),
    ),
    "product rule": _moves(hadamard(x, b), v, hadamard(b, v), hadamard(Adjoint(y), b)),
    "constant factor": _moves(scale(2, x), v, scale(2, v), scale(2, Adjoint(y))),
    "power rule": _moves(power(x, 2), v, scale(2, hadamard(x, v)), scale(2, hadamard(Adjoint(y), x))),
    "softmax Jacobian": (
        ("Every entry of {s} moves with every entry of {x}: the Jacobian is derived in its own section.",
         {"s": Softmax(x), "x": x}),
        ("Transposed, it takes the gradient back, as a matrix does.", {}),
    ),
    "transpose": (
        ("A transposed value moves by the transposed change, and the same numbers are multiplied and added.", {}),
        ("So the gradient of {x} is that of {row}, transposed back.", {"x": x, "row": transpose(x)}),
    ),
    "stacking": (
        ("{stack} moves part by part, and a sum over all rows is the sum over the rows of each part.",
         {"stack": concat(0, a, b)}),
        ("So {a} receives the first rows of the gradient, and {b} the others.", {"a": a, "b": b}),
    ),
    "slicing": (
        ("What is cut off moves nothing, and what is kept moves as it does.", {}),
        ("So the gradient is put back in its rows, with zeros in the others.", {}),
    ),
    "diagonal matrix": (
        ("{d} moves on its diagonal alone, entry by entry as {x} does.", {"d": diag(x), "x": x}),
        ("So the gradient of {x} is the diagonal of the gradient of {d}.", {"d": diag(x), "x": x}),
    ),
}  # fmt: skip
"""By the names of rules in `derive.calculus.adjoint`."""


def _chain(function: ScalarFunction) -> tuple[Words, ...]:
    slope = function.prime()
    at = apply(ScalarFunction(function.name + "'") if function.declared is None else slope, x)
    return _moves(Elementwise(function, x), v, hadamard(at, v), hadamard(Adjoint(y), at))


def _slope(p: Printing, function: ScalarFunction) -> Iterator[str]:
    """The slope itself, by the quotient rule where the function is a quotient."""
    if not function.specified or len(function.body.variables) != 1 or function.declared is not None:
        return
    shown = [show(one, p.v).text for one in _slopes(function)]
    shown = [one.replace(f" {p.v.odot} ", " ") for one in shown]  # of numbers, whose product needs no sign
    written = f"{p.v.word(function)}'(a)"
    by_rule = " by the quotient rule" if len(shown) > 1 else ""
    told = f"The slope {{name}} is {{members}}{by_rule}."
    yield p.say(told, name=p.math(written), members=p.math(" = ".join(shown)))


@cache
def _slopes(function: ScalarFunction) -> tuple[Node, ...]:
    """The slope at a: by the quotient rule where the function is a quotient, and as it is known."""
    (by,) = function.body.variables
    members: list[Expr] = []
    body = function.body.expr.rewrite(exp)
    below = Mul(*(one.base for one in Mul.make_args(body) if isinstance(one, Pow) and one.exp == -1))
    above = body * below
    if below.has(by):
        members.append(above.diff(by) / below - above * below.diff(by) / below**2)
    members.append(functions.slope(function))
    known = {functions.a: AT, functions.y: Elementwise(function, AT)}
    return tuple(as_node(one.subs(by, functions.a), known) for one in members)
