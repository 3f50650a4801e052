"""The passes in their order, for `forward` and for `backward`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush

from sympy import Expr, Integer

from derive.cell import Cell
from derive.nodes import Quantity
from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Buffer,
    Call,
    Code,
    Index,
    Loop,
    Name,
    Remark,
    Statement,
    Sum,
    free_names,
    read,
)
from derive.targets.language.names import Names
from derive.targets.language.unread import without_unread
from derive.targets.lowering.frame import axes
from derive.targets.lowering.lowered import Lowered
from derive.targets.lowering.single_step import Passes, to_cache
from derive.targets.passes import layout, linear, outer, products
from derive.targets.passes.blocks.by_blocks import by_blocks
from derive.targets.passes.blocks.held import Held
from derive.targets.passes.blocks.windows import Windows, in_windows
from derive.targets.passes.gates import Gates
from derive.targets.passes.hoisting import Hoisting
from derive.targets.passes.in_place import InPlace
from derive.targets.passes.loops import learn, opened
from derive.targets.passes.shapes import B, Shape, Shapes, T


def fast_passes(low: Lowered, *, holding: bool = False) -> Passes:
    """The programs over a sequence after the passes that make them fast; `holding`: the memory of blocks is kept."""
    own, program, names = low.sequence, low.program, low.names
    outside = {names.whole(q).name for q in (*program.states, program.output)}
    outside |= {name for text in own.named.values() for name in re.findall(r"\w+", text)} if program.is_loss else set()
    forward, backward = optimised(
        program, names, own.forward, own.backward, own.gradients, outside, low.parts, low.helpers, holding=holding
    )
    cached = to_cache(backward, low.sweep, names, low.helpers)
    return Passes(forward, backward, cached, own.gradients, own.named)


def optimised(
    program: Cell,
    names: Names,
    forward: Sequence[Statement],
    backward: Sequence[Statement],
    gradients: Mapping[str, str],
    outside: Collection[str],
    parts: Mapping[Code, Name],
    helpers: set[str],
    *,
    holding: bool = False,
) -> tuple[list[Statement], list[Statement]]:
    """`forward` and `backward` after all passes; `outside` are the variables that are read besides.

    `parts` names entries of stacked arrays at t; helper functions that are called are added to `helpers`.
    `holding`: the memory of blocks of steps is made once.
    """
    shapes = Shapes(given_shapes(program, names), {str(size): size for size in program.sizes})
    labels = {**_labels(program, names), **parts}
    ahead = _forward(forward, shapes, names.local(), labels, {*outside, *read(backward)}, helpers, holding)
    cached = dict(shapes.known)
    shapes = Shapes(cached | arriving_shapes(program, names), {str(size): size for size in program.sizes})
    carried = frozenset(names.carry(state).name for state in program.states)
    kept = {value.split("[")[0] for value in gradients.values()}
    back = _backward(backward, shapes, names.local(), labels, carried, kept, helpers, holding)
    back = without_unread(back, kept | carried)
    return without_unread(ahead, {*outside, *read(back)}), back


def given_shapes(program: Cell, names: Names) -> dict[str, Shape]:
    """The shapes of what `forward` is given."""
    found: dict[str, Shape] = {}
    for q in program.parameters:
        found[names.whole(q).name] = () if q.shape == (1, 1) else axes(q)
    for q in program.inputs:
        found[names.whole(q).name] = (*((B,) if q.time is None else (T, B)), *axes(q))
    for s in program.states:
        found[names.before(s).name] = (B, *axes(s))
    return found


def arriving_shapes(program: Cell, names: Names) -> dict[str, Shape]:
    """The shapes of what `backward` is asked."""
    output = program.output
    found: dict[str, Shape] = {"d_losses": (T, B, Integer(1)), "d_ys": (T, B, *axes(output))}
    return found | {names.carry(s).name: (B, *axes(s)) for s in program.states}


def _labels(program: Cell, names: Names) -> dict[Code, Name]:
    found: dict[Code, Name] = {}
    assigned = [equation.symbol for equation in program.equations]
    for q in (*program.inputs, *assigned):
        if isinstance(q, Quantity) and q.time is not None and q not in program.states:
            found[Index(names.whole(q), "t")] = names.now(q)
    for s in program.states:
        found[Index(names.whole(s), "t")] = names.before(s)
        found[Index(names.whole(s), "t + 1")] = names.now(s)
    return found


def learn_shapes(statements: Sequence[Statement], shapes: Shapes) -> None:
    """The shapes of what the statements make."""
    for statement in statements:
        match statement:
            case Buffer(name, own, with_start):
                shapes.known[name] = (T + 1 if with_start else T, B, *own)
            case Assign((Name(name),), value):
                shape = shapes.of(value)
                if shape is not None:
                    shapes.known[name] = shape
                else:
                    shapes.known.pop(name, None)


def _cut_at_loop(statements: Sequence[Statement]) -> tuple[list[Statement], Loop | None, list[Statement]]:
    for k, statement in enumerate(statements):
        if isinstance(statement, Loop):
            return list(statements[:k]), statement, list(statements[k + 1 :])
    return list(statements), None, []


def _forward(
    statements: Sequence[Statement],
    shapes: Shapes,
    names: Names,
    labels: Mapping[Code, Name],
    outside: Collection[str],
    helpers: set[str],
    holding: bool,
) -> list[Statement]:
    before, loop, after = _cut_at_loop(statements)
    learn_shapes(before, shapes)
    if loop is None:
        return before
    body = opened(loop, (), _longer(shapes), labels)
    learn(body, shapes)
    body = products.split(body, shapes)
    hoisting = Hoisting(body, shapes, names.numbered, blocked=False, labels=labels)
    body = hoisting.run()
    helpers |= hoisting.helpers
    if hoisting.over_steps:
        before.append(Remark("what does not depend on the states, for all steps at once"))
    gates = Gates(
        body,
        [*before, *hoisting.constants, *hoisting.over_steps],
        shapes,
        names.numbered,
        {*outside, *read(after)},
    )
    body = gates.run()
    in_place = InPlace(body, shapes, names.numbered, False, repeats=holding)
    each = in_place.run()
    learn_shapes(after, shapes)
    ahead = layout.in_rows(in_place.before, each)
    helpers |= layout.helpers(ahead)
    return [*added_in_place(_ordered(gates.before), shapes), *ahead, each, *after]


def _ordered(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with every definition before what reads it; else as they stand."""
    bound, needed = list(map(_bound, statements)), list(map(_needed, statements))
    binding: dict[str, set[int]] = {}
    reading: dict[str, set[int]] = {}
    for of, named in ((binding, bound), (reading, needed)):
        for k, names in enumerate(named):
            for name in names:
                of.setdefault(name, set()).add(k)

    def is_ready(k: int) -> bool:
        return not any(binding.get(name, set()) - {k} for name in needed[k])

    waiting = dict.fromkeys(range(len(statements)))
    ready = [k for k in waiting if is_ready(k)]
    found = []
    while waiting:
        k = heappop(ready) if ready else next(iter(waiting))
        if k not in waiting:
            continue
        del waiting[k]
        found.append(statements[k])
        for name in bound[k]:
            binding[name].discard(k)
        for other in sorted({reader for name in bound[k] for reader in reading.get(name, ())}):
            if other in waiting and is_ready(other):
                heappush(ready, other)
    return found


def _bound(statement: Statement) -> set[str]:
    match statement:
        case Assign(targets):
            return {target.name for target in targets if isinstance(target, Name)}
        case Buffer(name):
            return {name}
    return set()


def _needed(statement: Statement) -> set[str]:
    """What a statement reads, and what it writes into."""
    filled = statement.targets if isinstance(statement, Assign) else ()
    return set(read([statement])).union(*(free_names(target) for target in filled if isinstance(target, Index)))


def added_in_place(statements: Sequence[Statement], shapes: Shapes) -> list[Statement]:
    """A large product to which something is added: in its own memory."""
    found: list[Statement] = []
    for statement in statements:
        match statement:
            case Assign((Name() as name,), Sum(((False, Call("rows_times") as product), *rest)) as total, formula) if (
                (whole := shapes.of(total)) is not None
                and shapes.of(product) == whole
                and all(name.name not in free_names(term) for _, term in rest)
            ):
                found.append(Assign((name,), product, formula))
                found += [Apply("np.subtract" if minus else "np.add", (name, term), name) for minus, term in rest]
            case _:
                found.append(statement)
    return found


def _longer(shapes: Shapes) -> frozenset[str]:
    """The arrays with one more entry in time than there are steps."""
    return frozenset(name for name, shape in shapes.known.items() if shape and shape[0] == T + 1)


def _backward(
    statements: Sequence[Statement],
    shapes: Shapes,
    names: Names,
    labels: Mapping[Code, Name],
    carried: frozenset[str],
    kept: Collection[str],
    helpers: set[str],
    holding: bool,
) -> list[Statement]:
    before, loop, after = _cut_at_loop(statements)
    after = [_cut(statement, shapes) for statement in after]
    learn_shapes(before, shapes)
    if loop is None:
        return [_cut(statement, shapes) for statement in before]
    body = opened(loop, carried, _longer(shapes), labels)
    learn(body, shapes)
    body = products.split(body, shapes)
    body = linear.joined(body, {*read(after), *kept})
    before, body = outer.formed_in_the_loop(before, body, shapes, {*read(after), *kept})
    moved = by_blocks(before, body, after, shapes, kept, names.numbered)
    hoisting = Hoisting(body, shapes, names.numbered, blocked=True, labels=labels)
    body = hoisting.run()
    helpers |= hoisting.helpers
    local = frozenset(target.name for s in hoisting.over_steps for target in s.targets if isinstance(target, Name))
    local |= moved.arrays
    entries = max((outer.entries(shapes.known[name]) for name in sorted(local)), key=_size, default=Integer(0))
    windows = Windows(moved.before, moved.after)
    if holding and hoisting.over_steps and not moved.made:
        windows = in_windows(moved.before, body, moved.after, shapes, kept, names.numbered)
        local |= windows.arrays
        helpers |= windows.helpers
    in_place = InPlace(body, shapes, names.numbered, bool(local), local, repeats=holding)
    each = in_place.run()
    ahead = layout.in_rows(in_place.before, each)
    helpers |= layout.helpers(ahead)
    found = [*windows.before, *hoisting.constants, *ahead]
    if not local:
        return [*found, each, *windows.after]
    remark = Remark("what the adjoints are multiplied by is known: for a block of steps at once")
    held = Held(shapes, names.numbered)
    over_steps = held.run(hoisting.over_steps) if holding else hoisting.over_steps
    given: list[Statement] = [remark, *held.first, *over_steps] if over_steps else []
    done: list[Statement] = [Remark("what is read of this block's gradients"), *moved.last] if moved.last else []
    first, last = (*moved.first, *windows.first), (*done, *windows.last)
    made = (*moved.made, *windows.made, *held.made)
    blocks = Blocks(entries, (*first, *given, each, *last), made=made, at_least_one=bool(windows.last))
    if moved.made:  # one large array, not many
        blocks = replace(blocks, cached=str(2**18))
    return [*found, *held.before, blocks, *windows.after]


def _size(entries: Expr) -> tuple[int, str]:
    """What puts the larger of two numbers of entries last."""
    return len(str(entries)), str(entries)


def _cut(statement: Statement, shapes: Shapes) -> Statement:
    match statement:
        case Assign(targets, value, formula):
            return Assign(targets, products.narrowed(value, shapes), formula)
    return statement
