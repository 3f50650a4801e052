"""Functions written without what they are taken at: tanh'(·), diag(f') W, 1 - tanh²(·)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, MatAdd, MatMul, Symbol

from derive import nodes
from derive.nodes import Elementwise, Node, Quantity
from derive.patterns import regex
from derive.reader.claims.guesses import Guess
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, only, time_expression
from derive.reader.meaning.tree import Ref, Term
from derive.reader.meaning.walk import Function
from derive.reader.text.syntax import Group, Mark, Sum

if TYPE_CHECKING:
    from derive.reader.claims.letters import Letters
    from derive.reader.claims.meaning import Claiming

_COMMANDS = regex(r"\\[A-Za-z]+")
_MARKS = frozenset(["Gamma", "tilde", "hat", "bar"])
_LETTERS = regex(r"[A-Za-z]+")
STEP = Symbol("step_left_out", integer=True)
"""The step of such an argument: that of the product it stands in, or of the Jacobian it is compared with."""

LEFT_OUT = "what is left out"
"""The argument at dots, σ(·)."""


def dotted(group: Group | None) -> bool:
    """Whether nothing but dots stands in a bracket."""
    inside = only(group.rows) if group is not None else None
    return isinstance(inside, Mark) and inside.kind == "dots"


def _shown(claiming: Claiming, group: Group | None) -> list[Term]:
    """The terms that stand beside dots in a bracket: W h_{k-1} of (W h_{k-1} + …)."""
    inside = only(group.rows) if group is not None else None
    terms = inside.terms if isinstance(inside, Sum) else ()
    kept = [term for _, term in terms if not (isinstance(term, Mark) and term.kind == "dots")]
    if len(kept) == len(terms) or any(sign < 0 for sign, _ in terms):
        return []
    return [claiming.term(term) for term in kept]


def _reads(net: Quantity, shown: list[Term], claiming: Claiming) -> Expr | None:
    """The step at which an argument has all these terms, products of its letters in their order; None where none."""
    found = [e.expression for e in claiming.letters.program.equations if e.symbol.name == net.name]
    added = [part for value in found for part in (value.args if isinstance(value, MatAdd) else (value,))]
    steps: set[Expr] = set()
    for term in shown:
        factors = term.factors if isinstance(term, tree.Multiply) else (term,)
        refs = [factor for factor in factors if isinstance(factor, Ref) and not factor.at]
        for part in added:
            read = part.args if isinstance(part, MatMul) else (part,)
            if len(refs) == len(factors) and [one.name for one in refs] == [getattr(q, "name", "") for q in read]:
                timed = [
                    (one.time, q.time) for one, q in zip(refs, read, strict=True) if None not in (one.time, q.time)
                ]
                steps |= {time - own + nodes.t for time, own in timed}
                break
        else:
            return None
    return steps.pop() if len(steps) == 1 else None


def argument(claiming: Claiming, called: Function, slope: Written, group: Group | None) -> Ref | None:
    """The argument of the one value of a function, where its slope is of nothing, of dots or of an unknown letter."""
    squared = group is None and slope.power == 2  # 1 - tanh²
    shown = _shown(claiming, group)
    if slope.primes != 1 and not (dotted(group) or shown) and not squared:
        return None
    inside = only(group.rows) if group is not None else None
    letter = claiming.letters.taken(inside, claiming.fragment) if inside is not None else None
    time: Expr = STEP
    if group is None or dotted(group) or shown:
        named = LEFT_OUT
    elif inside is None or letter is None or claiming.knows(letter):
        return None
    else:
        steps = [step for _, part in letter.parts if (step := time_expression(part)) is not None]
        if len(steps) != 1:
            return None
        named, time = claiming.written(inside), steps[0]
    function = called.removesuffix("'") if isinstance(called, str) else called.name.removesuffix("'")
    applied = {
        (e.symbol.name, part.operands[0])
        for e in claiming.letters.program.equations
        for part in e.expression.atoms(Elementwise)
        if len(part.operands) == 1 and part.function.name == function
    }
    if len(applied) > 1 and not shown:
        applied = _of_the_left(applied, claiming.fragment.text) or applied
    holders = [name for name, _ in applied]
    nets = [operand.name for _, operand in applied if isinstance(operand, Quantity)] if len(applied) == 1 else []
    guesses = claiming.letters.guesses
    other = Guess(
        f"{named} is not the argument of {holders[0] if holders else function}",
        holds=False,
        doubtful=not (dotted(group) or shown),  # dots stand for nothing else than what the function is taken at
    )
    if shown and (len(applied) != 1 or (step := _reads(next(iter(applied))[1], shown, claiming)) is None):
        return None
    time = step if shown else time
    if len(nets) != 1 or guesses.other(f"argument {nets[0]}", other):
        return None
    guesses.assumed[nets[0]] = words = f"{named} is the argument of {holders[0]}"
    if claiming.bounding and time == STEP:
        guesses.granted[words] = None
    return Ref(nets[0], time)


def _of_the_left(applied: set[tuple[str, Node]], text: str) -> set[tuple[str, Node]]:
    """The one of several values with this function whose letter stands on the left, also as a label: δ^o, W_o, ∂o_t."""
    left, equals, _ = text.partition("=")
    said = set(_LETTERS.findall(_COMMANDS.sub(" ", left))) if equals else set()
    said |= {word[1:] for word in said if word.startswith("d")}  # df_t
    found = {(name, operand) for name, operand in applied if said & ({*name.split("_")} - _MARKS)}
    return found if len(found) == 1 else set()


def sigma(letters: Letters, found: Written) -> str:
    """The function that σ names: the sigmoid, unless its slope is written of a cell that has but one other function."""
    functions = {
        part.function.name
        for equation in letters.cell.equations
        if not (letters.cell.is_loss and equation.symbol == letters.cell.output)
        for part in equation.expression.atoms(Elementwise)
        if len(part.operands) == 1
    }
    if found.primes != 1 or found.parts or len(functions) != 1 or functions & {"sigmoid", "sigma"}:
        return "sigmoid"
    only_one: str = next(iter(functions))
    if letters.guesses.other("sigma", Guess(f"σ stands for {only_one}", holds=False)):
        return only_one
    letters.guesses.assumed["sigma"] = "σ is the sigmoid"
    return "sigmoid"


def placed(said: tuple[Term, Term]) -> tuple[Term, Term]:
    """Both sides of a claim; what is left out belongs to the step of the first value that is differentiated in it."""
    values = [part.of for side in said for part in tree.walk(side) if isinstance(part, tree.Derivative)]
    steps = [value.time for value in values if value.time is not None and not value.time.has(STEP)]
    step = steps[0] if steps else nodes.t
    one, other = (tree.at_times(side, lambda e: e.xreplace({STEP: step})) for side in said)
    return one, other
