"""A module whose loops numba compiles: the NumPy module as it was lowered, with a function of numbers for each loop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.calculus.derivation import Derivation
from derive.networks.network import Network
from derive.targets.language.code import (
    MEMORY,
    Assign,
    Call,
    Code,
    Loop,
    MatrixProduct,
    Name,
    Number,
    Remark,
    Statement,
    Transposed,
    Tuple,
    Unless,
    read,
)
from derive.targets.lowering.lowered import Lowered, lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.native.entries import NotCompiledError
from derive.targets.native.helpers import numbers_table, texts
from derive.targets.native.kernel import Kernel
from derive.targets.native.terms import terms_in_loop
from derive.targets.native.within import within_steps
from derive.targets.numpy.module import parts, whole
from derive.targets.numpy.network import whole as network_whole
from derive.targets.numpy.network.assembly import Assembly
from derive.targets.passes import products
from derive.targets.passes.hoisting import Hoisting
from derive.targets.passes.loops import Body, always_there, learn, opened
from derive.targets.passes.pipeline import added_in_place, arriving_shapes, given_shapes, learn_shapes
from derive.targets.passes.rewriting import mapped, substituted
from derive.targets.passes.shapes import Shapes
from derive.targets.templates import environment

BY_PANELS = 2**15
"""The multiplications of a matrix product from which on its matrix is cut into panels."""

_IMPORTS = tuple(f"import {name}" for name in ("contextlib", "functools", "math", "os", "threading", "warnings"))

WRITTEN_OUT = 2**18
"""The multiplications of a matrix product up to which it is faster than a library and the call of it."""


def module(derivation: Derivation, origin: str = "") -> str:
    """The text of a standalone module of the same contract as the NumPy module's, whose loops numba compiles.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone.
    """
    low = lowered(derivation)
    made = _Compiled(low)
    sequence = made.sequence()
    return whole(derivation, parts(derivation, low, sequence, cut=False), origin, _IMPORTS, made.text())


def network_module(network: Network, origin: str = "") -> str:
    """The text of a standalone module of a network, of the same contract as the NumPy module's.

    The loops of its cell are compiled, once for all copies. `origin` is the file the equations come from.
    """
    made: list[_Compiled] = []

    def over_time(low: Lowered) -> Passes:
        made.append(_Compiled(low))
        return made[-1].sequence()

    net = Assembly(network, over_time, cut=False)
    assert net.parts
    return network_whole(net, origin, imports=_IMPORTS, compiled=made[-1].text())


def _with_own_products(statement: Statement, shapes: Shapes) -> Statement:
    """A statement around a loop whose products over all steps are computed by compiled code."""

    def change(code: Code) -> Code | None:
        match code:
            case Call("rows_times", (left, right)):
                return Call("product_of", (mapped(left, change), mapped(right, change)))
            case MatrixProduct(Transposed(Call("rows", _)) as left, Call("rows", _) as right):
                return Call("product_of", (mapped(left, change), mapped(right, change)))
        return None

    match statement:
        case Assign(targets, value, formula):
            return Assign(targets, mapped(products.narrowed(value, shapes), change), formula)
    return statement


def _at_once(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with products that follow each other and do not read one another as one call."""
    found: list[Statement] = []
    made: dict[Name, Code] = {}

    def end() -> None:
        if len(made) > 1:
            found[-len(made) :] = [Assign((Tuple(tuple(made)),), Call("products_of", tuple(made.values())))]
        made.clear()

    for statement in statements:
        match statement:
            case Assign((Name() as name,), Call("product_of", pair), "") if name not in made and not {
                one.name for one in made
            }.intersection(read([statement])):
                made[name] = Tuple(pair)
            case _:
                end()
        found.append(statement)
    end()
    return found


class _Compiled:
    """The compiled functions of one module."""

    def __init__(self, low: Lowered) -> None:
        self._low = low
        self._names = low.names.local()
        self._kernels: list[str] = []
        self._helpers: set[str] = set()
        opened_names = [function.name for function in low.program.open_functions]
        self._opened = [f"{name}{slope}" for name in opened_names for slope in ("", "_slope")]
        """The functions that are chosen when a sequence is run."""

    def sequence(self) -> Passes:
        """The programs over a sequence, where each loop is run by a compiled function if that can be done."""
        low = self._low
        program, names, own = low.program, low.names, low.sequence
        sizes = {str(size): size for size in program.sizes}
        shapes = Shapes(given_shapes(program, names), sizes)
        forward = self._compiled(own.forward, shapes, "forward_loop", ())
        shapes = Shapes(shapes.known | arriving_shapes(program, names), sizes)
        backward = self._compiled(own.backward, shapes, "backward_loop", [names.carry(s).name for s in program.states])
        forward, backward = (
            _at_once([_with_own_products(one, shapes) for one in body]) for body in (forward, backward)
        )
        if "rows_times" not in read([*forward, *backward]):
            low.helpers.discard("rows_times")
        low.helpers.update(("rows", MEMORY))
        return replace(own, forward=forward, backward=backward)

    def text(self) -> str:
        """The compiled functions and what they call."""
        template = environment("derive.targets.native").get_template("compiled.py.jinja")
        helpers = texts(self._helpers - set(self._opened), self._low.own)
        if self._opened:
            helpers += numbers_table()
        made = "\n".join(self._kernels)
        return template.render(
            helpers=list(dict.fromkeys(helpers)),
            kernels=self._kernels,
            most=WRITTEN_OUT,
            least=BY_PANELS,
            normalised=[name for name in ("softmax", "log_softmax") if f" {name}_in_place(" in made],
        ).rstrip()

    def _compiled(
        self, statements: Sequence[Statement], shapes: Shapes, name: str, carried: Collection[str]
    ) -> list[Statement]:
        place = next((k for k, statement in enumerate(statements) if isinstance(statement, Loop)), None)
        before = [one for statement in statements[:place] for one in always_there(statement)]
        learn_shapes(before, shapes)
        if place is None:
            return before
        loop, after = statements[place], list(statements[place + 1 :])
        assert isinstance(loop, Loop)
        try:
            return self._around(before, loop, after, shapes, name, carried)
        except NotCompiledError as error:
            why = f"this loop runs in NumPy: {error}"
            return [*before, Remark(why), loop, *after]
        finally:
            learn_shapes(after, shapes)

    def _around(
        self,
        before: list[Statement],
        loop: Loop,
        after: list[Statement],
        shapes: Shapes,
        name: str,
        carried: Collection[str],
    ) -> list[Statement]:
        """The call of the compiled loop with what stands before and after it."""
        own = Shapes(shapes.known, {str(size): size for size in self._low.program.sizes})
        longer = [array for array, shape in own.known.items() if shape and str(shape[0]) == "T + 1"]
        body = opened(loop, carried, longer, {})
        learn(body, own)
        body = products.split(body, own)
        instead: tuple[Statement, ...] = (loop,)
        further: list[Statement] = []
        if loop.backwards:
            kept = {value.split("[")[0] for value in self._low.sequence.gradients.values()}
            within = within_steps(before, body, after, own, kept, self._names.numbered)
            before, body, after = within.before, within.body, within.after
            instead = (*within.first, loop, *within.last)
        else:
            hoisting = Hoisting(body, own, self._names.numbered, blocked=False, labels={})
            body = hoisting.run()
            kept = {*read([*hoisting.constants, *hoisting.over_steps, *after]), *self._low.sequence.cached}
            before, loop, added = terms_in_loop(before, loop, kept, shapes)
            body = body.with_statements([replace(s, value=substituted(s.value, added)) for s in body.statements])
            instead = (loop,)
            further += [*hoisting.constants, *hoisting.over_steps]
            self._low.helpers.update(hoisting.helpers)
        call, prepared = self._kernel(body, own, name, carried)
        return [*added_in_place(before, shapes), *further, *prepared, Unless(call, instead), *after]

    def _kernel(self, body: Body, own: Shapes, name: str, carried: Collection[str]) -> tuple[Call, list[Statement]]:
        """The call of the compiled loop, and what stands before it."""
        kernel = Kernel(body, own, self._names.numbered, self._opened)
        about = f"The steps of `{name.removesuffix('_loop')}`, from the {'last' if body.backwards else 'first'}."
        text = kernel.text(name, about, sizes=[str(size) for size in self._low.program.sizes])
        self._kernels.append(text)
        self._helpers |= kernel.helpers
        further = kernel.before
        further += [Assign((Name(c),), Call("np.ascontiguousarray", (Name(c),))) for c in kernel.filled if c in carried]
        functions = [Number(f"NUMBERS[{function}]") for function in kernel.functions]
        arrays = (kernel.sizes, kernel.scalars, kernel.read, kernel.filled)
        groups = [Tuple(tuple(functions)), *(Tuple(tuple(map(Name, group))) for group in arrays)]
        arguments: list[Code] = [Name(name), *groups, Name("lengths")]
        return Call("run_compiled", (*arguments, Name("B"))), further
