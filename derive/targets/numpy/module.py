"""A whole module: the lowered functions, their checks and their documentation, put into the template."""

from __future__ import annotations

import textwrap
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from sympy import Symbol

from derive.cell import Cell
from derive.derivation import Derivation
from derive.nodes import size
from derive.targets.formula import text
from derive.targets.numpy.backward import Backward
from derive.targets.numpy.forward import Forward
from derive.targets.numpy.functions_text import Functions, axes_text, tuple_text
from derive.targets.numpy.helpers import choices, functions_in, helper_texts
from derive.targets.numpy.names import Names
from derive.targets.numpy.passes import without_unread
from derive.targets.numpy.plan import Plan
from derive.targets.numpy.single_step import Passes, lower_step, to_cache
from derive.targets.numpy.sweep import Sweep


def module(derivation: Derivation, origin: str = "") -> str:
    """The text of a standalone NumPy module with the cell's forward and backward functions.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone.
    """
    letters = local_sizes(derivation.program)
    sweep = Sweep(derivation.mapped(lambda node: node.xreplace(letters)) if letters else derivation)
    program = sweep.program
    helpers: set[str] = set()
    names = Names()
    step = lower_step(sweep, names, helpers)
    sequence = _over_time(Plan(sweep, names), helpers)

    opened = [function.name for function in program.open_functions]
    helpers -= {*opened, *(f"{name}_slope" for name in opened)}
    definitions, table = choices() if opened else ([], {})
    called = [function for equation in program.equations for function in functions_in(equation.expression)]
    functions = Functions(program, names, {str(local): str(letter) for letter, local in letters.items()})
    written = [functions.forward(sequence), functions.backward(sequence), functions.step(step)]
    return _template().render(
        title=_plain(derivation.cell.title),
        source=textwrap.fill(f"Source: {_plain(derivation.cell.source).rstrip('.')}.", 118)
        if derivation.cell.source
        else "",
        origin=_plain(origin),
        equations=[f"{text(e.symbol)} = {text(e.expression)}" for e in derivation.cell.equations],
        parameters={q.name: tuple_text(axes_text(q)) for q in derivation.program.parameters},
        states={q.name: tuple_text(axes_text(q)) for q in derivation.program.states},
        functions=[functions.init(), *written, functions.step_backward(step)],
        helpers=list(dict.fromkeys([*definitions, *helper_texts(helpers, called)])),
        table={name: f"({', '.join(pair)})" for name, pair in table.items()},
    )


def _over_time(plan: Plan, helpers: set[str]) -> Passes:
    """`forward` and `backward`, with only the arrays that something reads."""
    program, names = plan.program, plan.names
    lowered = Forward(plan, helpers)
    forward = lowered.statements()
    backward, gradients = Backward(plan, lowered.values, helpers).statements()
    backward = without_unread(backward, {value.split("[")[0] for value in gradients.values()})
    cached = to_cache(backward, plan.sweep, names, helpers)
    outside = {*cached, *(names.whole(q).name for q in (*program.states, program.output))}
    if program.is_loss:
        outside |= {names.whole(q).name for q in plan.sweep.forward}
    return Passes(without_unread(forward, outside), backward, cached, gradients)


def local_sizes(program: Cell) -> dict[Symbol, Symbol]:
    """Other names for the sizes whose letters are quantities of the cell too, such as a state H of size H."""
    return {letter: size(f"{letter}_size") for letter in program.sizes if str(letter) in program.quantities}


def _source(words: str) -> str:
    return textwrap.fill(f"Source: {_plain(words).rstrip('.')}.", 118) if words else ""


def _plain(words: str) -> str:
    """Text from a note, fit to stand in a docstring: one line, no quotes or backslashes that could end it."""
    shown = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(shown.replace("\\", "\\\\").replace('"', "'").split())


@cache
def _template() -> Template:
    loader = PackageLoader("derive.targets.numpy")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("module.py.jinja")
