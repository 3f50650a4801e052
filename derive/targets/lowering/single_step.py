"""`step` and `step_backward`: equation by equation, each line under the formula it implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from sympy import MatMul, ZeroMatrix

from derive.nodes import Adjoint, Node, Quantity, Slice, block, coefficient, matmul, scale, t, transpose
from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Product,
    Statement,
    Sum,
    Transposed,
    assigned,
    read,
    size_text,
)
from derive.targets.language.names import Names
from derive.targets.lowering.expressions import kind_of, lower_full, outer_split
from derive.targets.lowering.frame import Emission, Frame, axes, emit, timeless, unnamed_inner_functions
from derive.targets.lowering.sweep import Sweep


@dataclass(frozen=True)
class Passes:
    """A forward body and its backward body, the values that travel between them, the gradients by key, and the text
    of every assigned value by its name."""

    forward: list[Statement]
    backward: list[Statement]
    cached: tuple[str, ...]
    gradients: dict[str, str]
    named: Mapping[str, str]


def lower_step(sweep: Sweep, names: Names, helpers: set[str]) -> Passes:
    """Lower a single step and its backward pass."""
    program = sweep.program
    values: dict[Node, Code] = {q: names.whole(q) for q in program.parameters}
    values |= {q: names.whole(q) if q.time is None else names.now(q) for q in program.inputs}
    values |= {s.at(t - 1): names.before(s) for s in program.states}
    frame = Frame(values, program.parameters, helpers, sequence=False)

    forward: list[Statement] = []
    for quantity, expression in sweep.forward.items():
        for inner in unnamed_inner_functions(expression, sweep.read_back, frame):
            forward.append(Assign((names.now_inner(inner),), frame.code(inner)))
            frame.values[inner] = names.now_inner(inner)
        code = frame.code(expression)
        if not lower_full(expression, frame).batched:  # a constant, for every example
            every = ", ".join(("B", *map(size_text, axes(quantity))))
            code = Product((Call("np.ones", (Number(f"({every})"), Name("dtype"))), code))
        forward.append(Assign((names.now(quantity),), code, sweep.equation(quantity)))
        frame.values[quantity] = names.now(quantity)
        if not isinstance(expression, Quantity):
            frame.values[expression] = names.now(quantity)

    wanted = [q for q in sweep.backward if q in sweep.needed]
    frame.values[Adjoint(program.output, True)] = Name(sweep.immediate)
    frame.values |= {sweep.carries[s]: names.carry(s) for s in program.states}
    frame.values |= {Adjoint(q): names.gradient(q) for q in wanted}
    emissions: list[Emission] = [((names.gradient(q),), sweep.backward[q], sweep.gradient(q)) for q in wanted]
    inputs = {q: node for q, node in sweep.to_given.items() if q in program.inputs}
    leaving: list[tuple[Name, Code, Node, str]] = [
        (names.through(s), names.carry(s), node, sweep.passed_back(s)) for s, node in sweep.to_previous.items()
    ]
    leaving += [(names.gradient(q), values[q], node, sweep.share(q)) for q, node in inputs.items()]
    emissions += [((name,), node, formula) for name, _, node, formula in leaving if not isinstance(node, ZeroMatrix)]
    backward = emit(emissions, frame, names)
    backward += [zeros_like(name, of, text) for name, of, node, text in leaving if isinstance(node, ZeroMatrix)]
    for parameter in program.parameters:
        node, name = sweep.to_given[parameter], names.gradients(parameter)
        if isinstance(node, ZeroMatrix):
            backward.append(zeros_like(name, names.whole(parameter), sweep.share(parameter)))
        else:
            backward.append(Assign((name,), summed_over_batch(node, frame), sweep.share(parameter)))

    return Passes(
        forward,
        backward,
        to_cache(backward, sweep, names, helpers),
        {q.name: names.gradients(q).name for q in program.parameters}
        | {q.name: names.gradient(q).name for q in inputs}
        | {s.name: names.through(s).name for s in program.states},
        {q.name: names.now(q).name for q in sweep.forward},
    )


def zeros_like(name: Name, of: Code, formula: str = "") -> Assign:
    """A gradient that is zero, in the shape of what it belongs to."""
    return Assign((name,), Call("np.zeros_like", (of,)), formula)


def to_cache(backward: Sequence[Statement], sweep: Sweep, names: Names, helpers: Set[str]) -> tuple[str, ...]:
    """What a backward body reads and neither computes nor receives."""
    program = sweep.program
    chosen = {f"{function.name}{slope}" for function in program.open_functions for slope in ("", "_slope")}
    received = {"d_y", "d_ys", "d_losses", "dtype", "lengths", *(names.carry(s).name for s in program.states)}
    there = assigned(backward) | received | (helpers - chosen)
    return tuple(name for name in read(backward) if name not in there)


def summed_over_batch(node: Node, frame: Frame) -> Code:
    """The sum over all leading axes, in a parameter's shape; an outer product is one matrix product."""
    terms = node.args if node.is_MatAdd else (node,)
    codes = [_summed(term, frame) for term in terms]
    return Sum(tuple((False, code) for code in codes)) if len(codes) > 1 else codes[0]


def _summed(term: Node, frame: Frame) -> Code:
    columns = _outer(term)
    if columns is not None:
        left, right = columns
        sides = [lower_full(left, frame), lower_full(right, frame)]
        if not all(side.batched for side in sides):  # ones or a parameter on one side
            axes = "sum(axis=(0, 1))" if frame.sequence else "sum(axis=0)"
            first, second = (Method(side.code, axes) if side.batched else side.code for side in sides)
            return Product((Index(first, ":, None"), second))
        first, second = frame.code(left), frame.code(right)
        if frame.sequence and _constant(right):
            return MatrixProduct(Transposed(Method(first, "sum(axis=0)")), second)
        if frame.sequence and _constant(left):
            return MatrixProduct(Transposed(first), Method(second, "sum(axis=0)"))
        return MatrixProduct(Transposed(_rows(first, frame)), _rows(second, frame))
    value = lower_full(term, frame)
    if kind_of(term) == "scalar":
        return Method(value.code, "sum()")
    return Method(value.code, "sum(axis=(0, 1))" if frame.sequence else "sum(axis=0)")


def _outer(term: Node) -> tuple[Node, Node] | None:
    """Two columns of which a term is the product of every entry with every other; None where there are none."""
    number, base = coefficient(term)
    if isinstance(base, Slice) and (columns := _outer(base.operand)) is not None:
        left, right = (
            block(0, column, base.start, base.length) if axis == base.axis else column
            for axis, column in enumerate(columns)
        )
        return scale(number, left), right
    split = outer_split(base.args) if isinstance(base, MatMul) else 0
    if not split:
        return None
    return scale(number, matmul(*base.args[:split])), transpose(matmul(*base.args[split:]))


def _constant(node: Node) -> bool:
    """Whether a value of every sequence is the same at all its steps; gradients are of their step."""
    return timeless(node) and not node.atoms(Adjoint)


def _rows(code: Code, frame: Frame) -> Code:
    return Call(frame.uses("rows"), (code,)) if frame.sequence else code
