"""The derivation engine: one pullback rule per node, and the reverse sweep over one step at a symbolic t.

A pullback takes the gradient of a node's value and gives the gradient that reaches each operand. The sweep runs it
from every equation to the quantities in it; a quantity's gradient is the sum over the equations that use it, at t
and, for a state, at t + 1. Nothing here depends on the number of steps or on a size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import singledispatch

from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Heaviside,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Symbol,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive import functions
from derive.calculus.derivation import Derivation, Gradient, Path, Step
from derive.calculus.program import named_preactivations
from derive.calculus.simplify import simplified
from derive.calculus.softmax import softmax_jacobian
from derive.cell import Cell
from derive.errors import DerivationError
from derive.nodes import (
    Adjoint,
    Concat,
    Elementwise,
    Node,
    Quantity,
    Slice,
    Softmax,
    T,
    add,
    apply,
    block,
    coefficient,
    concat,
    describe,
    diag,
    diagonal,
    hadamard,
    leaves,
    matmul,
    ones,
    power,
    scale,
    shift,
    sum_over_time,
    t,
    transpose,
)


@dataclass(frozen=True)
class Pull:
    """What a rule gives for one operand: the gradient that reaches it, the rule's name and its reason."""

    operand: Node
    gradient: Node
    rule: str
    why: str


@singledispatch
def pullback(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    """The gradient that reaches each operand of `node`; `output` is a name for the node's value if it has one.

    One rule per node, registered below. Raises DerivationError for a node without a rule.
    """
    raise DerivationError(f"no differentiation rule for {type(node).__name__}")


@pullback.register(Quantity)
@pullback.register(OneMatrix)
@pullback.register(ZeroMatrix)
@pullback.register(Identity)
def _leaf(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    yield from ()


@pullback.register(MatAdd)
def _sum(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    for term in node.args:
        yield Pull(term, gradient, "sum rule", "every term of a sum receives the whole gradient")


@pullback.register(MatMul)
def _product(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    factor, base = coefficient(node)
    if not isinstance(base, MatMul):
        yield Pull(base, scale(factor, gradient), "constant factor", "a constant factor multiplies the gradient")
        return
    for k, operand in enumerate(base.args):
        before = [transpose(m) for m in reversed(base.args[:k])]
        after = [transpose(m) for m in reversed(base.args[k + 1 :])]
        yield Pull(
            operand,
            scale(factor, matmul(*before, gradient, *after)),
            "matrix product",
            "the other factors come over transposed, each on its own side",
        )


@pullback.register(Transpose)
def _transpose(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    yield Pull(node.arg, transpose(gradient), "transpose", "the gradient is transposed back")


@pullback.register(HadamardProduct)
def _elementwise_product(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    for k, operand in enumerate(node.args):
        others = node.args[:k] + node.args[k + 1 :]
        yield Pull(operand, hadamard(gradient, *others), "product rule", "each factor is weighted by the others")


@pullback.register(HadamardPower)
def _power(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    inner = power(node.base, node.exp - 1)
    yield Pull(node.base, scale(node.exp, hadamard(gradient, inner)), "power rule", "entry by entry")


@pullback.register(Elementwise)
def _chain(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    declared = node.function.declared is not None
    taken = "written in its value where that is possible"
    why = f"the slope is taken at the argument of the function and {'is the declared one' if declared else taken}"
    rule = f"{'declared slope of' if declared else 'chain rule through'} {node.function.name}"
    for k, operand in enumerate(node.operands):
        yield Pull(operand, hadamard(gradient, slope(node, k, output)), rule, why)


@pullback.register(Softmax)
def _softmax(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    reaching = add(*(_times(transpose(term), gradient) for term in softmax_jacobian(output)))
    yield Pull(
        node.operand, reaching, "softmax Jacobian", "every output of a softmax depends on every one of its inputs"
    )


@pullback.register(DiagMatrix)
def _diag(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    yield Pull(node.args[0], diagonal(gradient), "diagonal matrix", "only the diagonal depends on the vector")


@pullback.register(DiagonalOf)
def _diagonal(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    yield Pull(node.arg, diag(gradient), "diagonal", "only the diagonal is read")


@pullback.register(Concat)
def _concat(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    start: Expr = 0
    for part in node.parts:
        length = part.shape[node.axis]
        yield Pull(part, block(node.axis, gradient, start, length), "stacking", "each part receives its own block")
        start += length


@pullback.register(Slice)
def _slice(node: Node, gradient: Node, output: Node) -> Iterator[Pull]:
    def gap(length: Expr) -> list[Node]:
        across = node.shape[1 - node.axis]
        return [] if length == 0 else [ZeroMatrix(*((length, across) if node.axis == 0 else (across, length)))]

    behind = node.operand.shape[node.axis] - node.start - node.length
    padded = concat(node.axis, *gap(node.start), gradient, *gap(behind))
    yield Pull(node.operand, padded, "slicing", "what was cut off receives nothing")


def _times(matrix: Node, vector: Node) -> Node:
    """matrix @ vector, with a diagonal matrix written as an elementwise product."""
    factor, base = coefficient(matrix)
    return scale(factor, hadamard(base.args[0], vector) if isinstance(base, DiagMatrix) else matmul(base, vector))


def slope(node: Elementwise, argument: int, output: Node) -> Node:
    """The slope of an elementwise function at its operands, as a node; `output` stands for the function's value.

    A declared slope keeps its name, Θ', unless it is a number.
    """
    if node.function.declared is not None and not node.function.declared.expr.is_number:
        return apply(node.function.prime(), *node.operands)
    known = dict(zip(node.function.body.variables, node.operands, strict=True)) | {functions.y: output}
    return as_node(functions.slope(node.function, argument), known)


def as_node(expression: Expr, known: dict[Symbol, Node]) -> Node:
    """A scalar expression in the symbols `known`, entry by entry."""
    shape = next(iter(known.values())).shape
    if expression in known:
        return known[expression]
    if expression.is_number:  # √2 and π too
        return scale(expression, ones(*shape))
    arguments = expression.args[:1] if isinstance(expression, Heaviside) else expression.args  # without its value at 0
    operands = [as_node(argument, known) for argument in arguments]
    if expression.is_Add:
        # Numbers and positive terms lead: 1 - y², not -y² + 1.
        return add(*sorted(operands, key=lambda term: coefficient(term)[0].could_extract_minus_sign()))
    if expression.is_Mul:
        return hadamard(*operands)
    if expression.is_Pow and expression.exp.is_Number:
        return power(operands[0], expression.exp)
    called = expression.func.__name__
    function = functions.function(called.lower()) or functions.function(called) or functions.ScalarFunction(called)
    return apply(function, *operands)


@dataclass(frozen=True)
class Arrival:
    """The gradient that arrives at one occurrence of a quantity in an equation, and the steps that led there."""

    quantity: Quantity
    gradient: Node
    steps: tuple[Step, ...]


def arrivals(
    node: Node, gradient: Node, output: Node | None = None, *, given: frozenset[str] = frozenset()
) -> Iterator[Arrival]:
    """Run the pullbacks from a node down to the quantities in it; `given` may stand under a threshold alone.

    A condition on an input, 1 where k_t > 0, passes nothing on to it: that is meant.
    """
    if isinstance(node, Quantity):
        yield Arrival(node, gradient, ())
        return
    for pull in pullback(node, gradient, node if output is None else output):
        if not leaves(pull.operand):
            continue
        if isinstance(pull.gradient, ZeroMatrix):
            if all(leaf.name in given for leaf in leaves(pull.operand)):
                continue
            name = node.function.name if isinstance(node, Elementwise) else "f"
            letter = name if len(name) == 1 else rf"\operatorname{{{name}}}"
            raise DerivationError(
                f"the derivative of {describe(node)} vanishes although it depends on {describe(pull.operand)}",
                hint="a function with slope 0 everywhere, such as step or sign, passes no gradient on; "
                f"another slope can be declared, as in ${letter}'(a) = \\max(0, 1 - |a|)$",
            )
        step = Step(pull.operand, gradient, pull.rule, pull.gradient, pull.why)
        recorded = () if pull.gradient == gradient else (step,)
        for arrival in arrivals(pull.operand, pull.gradient, given=given):
            yield Arrival(arrival.quantity, arrival.gradient, recorded + arrival.steps)


def differentiate(cell: Cell) -> Derivation:
    """Derive the gradient of J with respect to every quantity of a cell at a symbolic t.

    J is any function of the outputs of all steps (and of the final states). Gradients come in the order of the
    reverse sweep: assigned quantities backwards, inputs, then parameters. Raises DerivationError for an equation
    that cannot be differentiated. (Werbos 1990; Baydin et al. 2018, section 3.2.)
    """
    program = named_preactivations(cell)
    inputs = frozenset(quantity.name for quantity in program.inputs)
    paths: dict[Quantity, list[Path]] = defaultdict(list)
    for equation in program.equations:
        arrived: dict[Quantity, list[Arrival]] = defaultdict(list)
        try:
            for arrival in arrivals(equation.expression, Adjoint(equation.symbol), equation.symbol, given=inputs):
                arrived[arrival.quantity].append(arrival)
        except DerivationError as error:
            error.place = error.place or equation.place
            raise
        for quantity, found in arrived.items():
            term = add(*(arrival.gradient for arrival in found))
            paths[quantity].append(
                Path(equation.symbol, term, tuple(step for arrival in found for step in arrival.steps))
            )

    gradients: dict[Quantity, Gradient] = {}
    assigned = [equation.symbol for equation in reversed(program.equations)]
    given = [quantity for quantity in program.inputs if quantity not in program.targets]
    for quantity in (*assigned, *given, *program.parameters):
        found_paths: list[Path] = []
        if quantity == program.output:
            found_paths.append(Path(None, Adjoint(quantity, True)))
        found_paths += paths[quantity]
        if quantity in program.states:
            found_paths += [_next_step(path) for path in paths[quantity.at(t - 1)]]
        gradients[quantity] = _gathered(program, quantity, tuple(found_paths), gradients)
    return Derivation(cell, program, _with_inherited_assumptions(tuple(gradients.values())))


def _with_inherited_assumptions(gradients: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """What rests on a gradient rests on its assumptions too."""
    read = {g.of.name: {part.quantity.name for part in g.value.atoms(Adjoint)} for g in gradients}
    held = {g.of.name: dict.fromkeys(g.assumptions) for g in gradients}
    changed = any(held.values())
    while changed:
        changed = False
        for name, sources in read.items():
            for source in sorted(sources & held.keys()):
                changed = changed or not held[source].keys() <= held[name].keys()
                held[name] |= held[source]
    return tuple(replace(g, assumptions=tuple(held[g.of.name])) for g in gradients)


def _next_step(path: Path) -> Path:
    """A path from t - 1 into step t, seen from t: into step t + 1."""
    assert path.via is not None
    steps = tuple(Step(shift(s.quantity, 1), shift(s.before, 1), s.rule, shift(s.after, 1), s.why) for s in path.steps)
    return Path(path.via.at(t + 1), shift(path.term, 1), steps)


def _gathered(program: Cell, quantity: Quantity, paths: tuple[Path, ...], known: dict[Quantity, Gradient]) -> Gradient:
    """The sum of the paths, simplified; for a parameter or a constant input, summed over t."""
    if not paths:
        why = "No path leads from it to J: its gradient is zero."
        return Gradient(quantity, (), ZeroMatrix(*quantity.shape), (), why, notation=program.notation)
    value, steps, assumptions = simplified(add(*(path.term for path in paths)), program, known)
    if quantity.time is None:
        value = sum_over_time(value, t, 1, T)
    return Gradient(quantity, paths, value, steps, _why(quantity, paths), assumptions, program.notation)


def _number(count: int) -> str:
    words = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six", 7: "Seven", 8: "Eight", 9: "Nine"}
    return words.get(count, str(count))


def _why(quantity: Quantity, paths: tuple[Path, ...]) -> str:
    """In words: how many paths meet, which of them leave the step, and what is summed."""
    count = f"{_number(len(paths))} paths meet here and their gradients add."
    crossing = sum(path.crosses_time for path in paths)
    sentences = [count] if len(paths) > 1 else ["Only one path leads to J."]
    if crossing and crossing < len(paths):
        which, left = ("One of them leads", "it") if crossing == 1 else (f"{_number(crossing)} of them lead", "them")
        sentences.append(f"{which} through the next step; leaving {left} out cuts the gradient off from the future.")
    elif crossing:
        sentences.append(
            "It leads through the next step." if len(paths) == 1 else "All of them lead through the next step."
        )
    if quantity.time is None:
        sentences.append("It is used at every step, so the contributions of all steps add up.")
    return " ".join(sentences)
