"""A whole module: the lowered functions, their checks and their documentation, put into the template."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from sympy import Symbol

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.functions import ENTRIES, ScalarFunction
from derive.nodes import size
from derive.targets.formula import text
from derive.targets.numpy import loss_text, scopes
from derive.targets.numpy.backward import Backward
from derive.targets.numpy.code import Code, Name, free_names, python
from derive.targets.numpy.forward import Forward
from derive.targets.numpy.functions_text import Functions
from derive.targets.numpy.helpers import choices, functions_in, helper_texts
from derive.targets.numpy.names import Names
from derive.targets.numpy.pieces import Function, axes_text, tuple_text
from derive.targets.numpy.plan import Plan
from derive.targets.numpy.single_step import Passes, lower_step, to_cache
from derive.targets.numpy.sweep import Sweep
from derive.targets.passes import optimised
from derive.targets.passes.unread import without_unread


@dataclass(frozen=True)
class Parts:
    """What one derivation puts into a module."""

    program: Cell
    parameters: Mapping[str, str]
    states: Mapping[str, str]
    init: Function
    forward: Function
    backward: Function
    step: Function
    step_backward: Function
    helpers: tuple[str, ...]
    table: Mapping[str, str]


def module(derivation: Derivation, origin: str = "", *, passes: bool = True) -> str:
    """The text of a standalone NumPy module with the cell's forward and backward functions.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone. Without
    `passes` the functions over a sequence are as they were lowered, which computes the same more slowly.
    """
    own = parts(derivation, passes=passes)
    return filled(
        "module.py.jinja",
        title=plain(derivation.cell.title),
        source=source_line(derivation.cell.source),
        origin=plain(origin),
        opened=[function.name for function in own.program.open_functions],
        equations=equation_lines(derivation.cell),
        parameters=own.parameters,
        states=own.states,
        functions=[own.init, own.forward, own.backward, own.step, own.step_backward],
        helpers=own.helpers,
        table=own.table,
    )


@dataclass(frozen=True)
class Lowered:
    """A derivation as programs: over a sequence and for one step, with the names in them and the helpers they call."""

    sweep: Sweep
    names: Names
    letters: Mapping[Symbol, Symbol]
    step: Passes
    sequence: Passes
    helpers: set[str]
    parts: Mapping[Code, Name]
    """The names at t of parts of stacked arrays."""

    @property
    def program(self) -> Cell:
        return self.sweep.program


def lowered(derivation: Derivation) -> Lowered:
    """The lowered programs of a derivation, which every target of code prints."""
    names = Names()
    derivation = _with_safe_functions(derivation, names)
    letters = local_sizes(derivation.program)
    sweep = Sweep(derivation.mapped(lambda node: node.xreplace(letters)) if letters else derivation)
    helpers = loss_text.used(sweep.program)
    step = lower_step(sweep, names, helpers)
    plan = Plan(sweep, names)
    sequence, stacked = _over_time(plan, helpers)
    return Lowered(sweep, names, letters, step, sequence, helpers, stacked)


def fast_passes(low: Lowered) -> Passes:
    """The programs over a sequence after the passes that make them fast."""
    own, program, names = low.sequence, low.program, low.names
    outside = {names.whole(q).name for q in (*program.states, program.output)}
    outside |= {name for text in own.named.values() for name in re.findall(r"\w+", text)} if program.is_loss else set()
    forward, backward = optimised(
        program, names, own.forward, own.backward, own.gradients, outside, low.parts, low.helpers
    )
    cached = to_cache(backward, low.sweep, names, low.helpers)
    return Passes(forward, backward, cached, own.gradients, own.named)


def parts(derivation: Derivation, prefix: str = "", *, passes: bool = True) -> Parts:
    """The functions of one derivation, with a prefix before their names, and what they need."""
    low = lowered(derivation)
    program = low.program
    sequence = fast_passes(low) if passes else low.sequence  # may call helpers of its own
    opened = [function.name for function in program.open_functions]
    helpers = low.helpers - {*opened, *(f"{name}_slope" for name in opened)}
    definitions, table = choices() if opened else ([], {})
    letters = {str(local): str(letter) for letter, local in low.letters.items()}
    functions = Functions(program, low.names, letters, prefix)
    return Parts(
        program=program,
        parameters={
            **{q.name: tuple_text(axes_text(q)) for q in derivation.program.parameters},
            **{start: tuple_text(axes_text(derivation.program.quantities[s])) for s, start in derivation.cell.starts},
        },
        states={q.name: tuple_text(axes_text(q)) for q in derivation.program.states},
        forward=functions.forward(sequence),
        init=functions.init(),
        backward=functions.backward(sequence),
        step=functions.step(low.step),
        step_backward=functions.step_backward(low.step),
        helpers=tuple(dict.fromkeys([*definitions, *helper_texts(helpers | functions.helpers, called(program))])),
        table={name: f"({', '.join(pair)})" for name, pair in table.items()},
    )


def called(program: Cell) -> list[ScalarFunction]:
    """The scalar functions that the equations call."""
    return [function for equation in program.equations for function in functions_in(equation.expression)]


def _with_safe_functions(derivation: Derivation, names: Names) -> Derivation:
    """The derivation where a note's own functions have names that hide nothing the module calls."""
    own = [
        f for f in dict.fromkeys(called(derivation.program)) if f.name not in ENTRIES or ENTRIES[f.name].function != f
    ]
    safe = {function: ScalarFunction(names.reserved(function).name, function.body) for function in own}
    changed = {old: new for old, new in safe.items() if old != new}
    return derivation.mapped(lambda node: node.xreplace(changed)) if changed else derivation


def equation_lines(cell: Cell) -> list[str]:
    """The equations of a cell, for a docstring."""
    lines = (f"{text(e.symbol)} = {text(e.expression)}" for e in cell.equations)
    return [textwrap.fill(line, 112, subsequent_indent=8 * " ") for line in lines]


def _over_time(plan: Plan, helpers: set[str]) -> tuple[Passes, dict[Code, Name]]:
    """`forward` and `backward`, with only the arrays that something reads; the names at t of parts of stacks."""
    program, names = plan.program, plan.names
    lowered = Forward(plan, helpers)
    forward = lowered.statements()
    lowered_back = Backward(plan, lowered.values, helpers)
    backward, gradients = lowered_back.statements()
    backward = without_unread(backward, {value.split("[")[0] for value in gradients.values()})
    cached = to_cache(backward, plan.sweep, names, helpers)
    outside = {*cached, *(names.whole(q).name for q in (*program.states, program.output))}
    values = plan.values_over_time()
    named = {q.name: python(values[q])[0] for q in plan.sweep.forward}
    if program.is_loss:
        outside |= {name for q in plan.sweep.forward for name in free_names(values[q])}
    passes = Passes(without_unread(forward, outside), backward, cached, gradients, named)
    given = [names.whole(q).name for q in (*program.parameters, *program.inputs)]
    given += [f"{function.name}{slope}" for function in program.open_functions for slope in ("", "_slope")]
    scopes.check(
        passes.forward,
        passes.backward,
        given=(*given, *(names.before(s).name for s in program.states), "dtype"),
        timed=("d_ys", "d_losses", *(names.whole(q).name for q in program.inputs if q.time is not None)),
        arriving=("d_ys", "d_losses", *(names.carry(s).name for s in program.states), "dtype"),
        carried=[names.carry(s).name for s in program.states],
        cached=cached,
        returned=[value.split("[")[0] for value in gradients.values()],
    )
    return passes, lowered_back.parts


def local_sizes(program: Cell) -> dict[Symbol, Symbol]:
    """Other names for the sizes whose letters are quantities of the cell too, such as a state H of size H."""
    return {letter: size(f"{letter}_size") for letter in program.sizes if str(letter) in program.quantities}


def source_line(words: str) -> str:
    """Where the equations come from, for a docstring."""
    return textwrap.fill(f"Source: {plain(words).rstrip('.')}.", 118) if words else ""


def plain(words: str) -> str:
    """Text from a note, fit to stand in a docstring: one line, no quotes or backslashes that could end it."""
    shown = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(shown.replace("\\", "\\\\").replace('"', "'").split())


def filled(name: str, **values: object) -> str:
    """A template of this folder with its values."""
    return _environment().get_template(name).render(**values).rstrip() + "\n"


@cache
def _environment() -> Environment:
    loader = PackageLoader("derive.targets.numpy")
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
