"""All programs of a derivation: over a sequence and for one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import MatrixExpr, Symbol

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.functions import ScalarFunction, is_entry
from derive.nodes import Elementwise, Node, Quantity, size
from derive.targets.language.code import Code, Name, free_names, python
from derive.targets.language.names import MADE_OF_NAMES, Names
from derive.targets.language.unread import without_unread
from derive.targets.lowering import scopes
from derive.targets.lowering.backward import Backward
from derive.targets.lowering.forward import Forward
from derive.targets.lowering.plan import Plan
from derive.targets.lowering.single_step import Passes, lower_step, to_cache
from derive.targets.lowering.sweep import Sweep


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
    own: tuple[ScalarFunction, ...] = ()
    """The functions and declared slopes that the note defines, by the names they have in the code."""

    @property
    def program(self) -> Cell:
        return self.sweep.program


def lowered(derivation: Derivation) -> Lowered:
    """The lowered programs of a derivation, which every target of code prints."""
    names = Names()
    derivation, own = _with_safe_functions(derivation, names)
    letters = local_sizes(derivation.program)
    sweep = Sweep(derivation.mapped(lambda node: node.xreplace(letters)) if letters else derivation)
    helpers = loss_helpers(sweep.program)
    step = lower_step(sweep, names, helpers)
    plan = Plan(sweep, names)
    sequence, stacked = _over_time(plan, helpers)
    return Lowered(sweep, names, letters, step, sequence, helpers, stacked, own)


def functions_in(node: Node) -> list[ScalarFunction]:
    """The scalar functions an expression calls."""
    found = [node.function] if isinstance(node, Elementwise) else []
    for child in node.args:
        if isinstance(child, MatrixExpr):
            found += functions_in(child)
    return found


def is_class(quantity: Quantity, program: Cell) -> bool:
    """Whether a target is a distribution over classes, so that the index of one may stand for it."""
    facts = {fact.kind for fact in program.assumptions if fact.quantity == quantity}
    return quantity in program.targets and not facts.isdisjoint({"sums to one", "one-hot"})


def loss_helpers(program: Cell) -> set[str]:
    """The helper functions that the losses of a head are counted with."""
    if not program.is_loss:
        return set()
    return {"step_weights", "weighted", *("one_hot" for q in program.targets if is_class(q, program))}


def _with_safe_functions(derivation: Derivation, names: Names) -> tuple[Derivation, tuple[ScalarFunction, ...]]:
    """The derivation where a note's own functions have names that hide nothing the module calls; these functions."""
    found = (function for equation in derivation.program.equations for function in functions_in(equation.expression))
    own = [f for f in dict.fromkeys(found) if not is_entry(f)]
    own += [f.prime() for f in own if f.declared is not None]
    safe = {f: ScalarFunction(names.reserved(f).name, f.body, f.declared) for f in own}
    changed = {old: new for old, new in safe.items() if old != new}
    safely = derivation.mapped(lambda node: node.xreplace(changed)) if changed else derivation
    return safely, tuple(safe.values())


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
    """Other names for the sizes whose letters the code has for something else: a state H of size H, k of size d_k."""
    made = {form.format(name) for name in program.quantities for form in MADE_OF_NAMES}
    return {letter: size(f"{letter}_size") for letter in program.sizes if str(letter) in made}
