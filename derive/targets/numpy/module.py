"""A whole module: the lowered functions, their checks and their documentation, put into the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.targets.lowering.lowered import Lowered, lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy import examples_text
from derive.targets.numpy.functions_text import Functions
from derive.targets.numpy.helpers import choices, helper_texts
from derive.targets.numpy.passes.tuned import tuned
from derive.targets.numpy.pieces import Function
from derive.targets.templates import environment
from derive.targets.words import axes_text, equation_lines, plain, source_line, tuple_text


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
    stacks: tuple[str, ...]
    """The parameters that `forward` reads as one array each, as tuples of names."""
    packs: bool
    """Whether `forward` takes parameters as `pack` makes them."""
    workspaces: bool
    """Whether `forward` takes a workspace."""


def module(derivation: Derivation, origin: str = "", *, passes: bool = True) -> str:
    """The text of a standalone NumPy module with the cell's forward and backward functions.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone. Without
    `passes` the functions over a sequence are as they were lowered, which computes the same more slowly.
    """
    low = lowered(derivation)
    sequence = tuned(low) if passes else low.sequence
    return whole(derivation, parts(derivation, low, sequence, workspaces=passes), origin)


def whole(derivation: Derivation, own: Parts, origin: str, imports: Sequence[str] = (), compiled: str = "") -> str:
    """The text of a module; `compiled` is what stands at its end where its loops are compiled."""
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
        stacks=own.stacks,
        packs=own.packs,
        workspaces=own.workspaces,
        imports=examples_text.imports(own.helpers, imports),
        compiled=compiled,
    )


def parts(
    derivation: Derivation,
    low: Lowered,
    sequence: Passes,
    prefix: str = "",
    cut: bool = True,
    workspaces: bool = False,
) -> Parts:
    """The functions of one derivation, with a prefix before their names, and what they need.

    `sequence` are the programs over a sequence, after the passes that one wants, `cut` and `workspaces` are as in
    `Functions`.
    """
    program = low.program
    opened = [function.name for function in program.open_functions]
    helpers = low.helpers - {*opened, *(f"{name}_slope" for name in opened)}
    definitions, table = choices() if opened else ([], {})
    letters = {str(local): str(letter) for letter, local in low.letters.items()}
    functions = Functions(program, low.names, letters, prefix, cut, workspaces)
    forward = functions.forward(sequence)
    return Parts(
        program=program,
        parameters={
            **{q.name: tuple_text(axes_text(q)) for q in derivation.program.parameters},
            **{start: tuple_text(axes_text(derivation.program.quantities[s])) for s, start in derivation.cell.starts},
        },
        states={q.name: tuple_text(axes_text(q)) for q in derivation.program.states},
        forward=forward,
        init=functions.init(),
        backward=functions.backward(sequence),
        step=functions.step(low.step),
        step_backward=functions.step_backward(low.step),
        helpers=tuple(dict.fromkeys([*definitions, *helper_texts(helpers | functions.helpers, low.own)])),
        table={name: f"({', '.join(pair)})" for name, pair in table.items()},
        stacks=tuple(map(tuple_text, functions.stacks)),
        packs=functions.packs,
        workspaces=functions.has_workspaces,
    )


def filled(name: str, **values: object) -> str:
    """A template of this folder with its values."""
    return environment("derive.targets.numpy").get_template(name).render(**values).rstrip() + "\n"
