"""Bounds with letters that nothing defines: ‖∏ J_i‖ ≤ γ^{t-k} follows where each of the t - k factors is at most γ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, starmap

from sympy import Expr

from derive.errors import InputError
from derive.nodes import Node, TimeProduct, matmul, t
from derive.patterns import regex
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import Meant
from derive.reader.claims.sums import bounds
from derive.reader.meaning import tree
from derive.reader.meaning.letters import identifier, label, only, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Bars, Big, Group, Name, Number, Product, Run, Scripted, Syntax
from verify.formulas.bounds import read_as_norms
from verify.formulas.bounds.rules import Rules
from verify.formulas.readings.conventions import Reading
from verify.formulas.readings.expressions import Builder

_STRETCHED = regex(r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])")
EACH = "each of the factors is at most {base} in norm"
OF_ANOTHER = "{base} may be no bound of a norm, as the document speaks of it"


@dataclass(frozen=True)
class Named:
    """A product of what is read, `beside`, and of a base to so many `steps`: its letters, and what is read `inside`."""

    beside: tuple[Term, ...]
    base: str
    letters: frozenset[str]
    inside: tuple[Term, ...]
    steps: Expr


def apart(side: Syntax, claiming: Claiming) -> Named | None:
    """A side as a product in which letters that nothing defines are raised to a number of steps; None for any other."""
    beside: list[Term] = []
    inside: list[Term] = []
    letters: set[str] = set()
    written: list[str] = []
    counts: set[Expr] = set()
    for factor in factors(side):
        base, steps = _raised(factor)
        names = [] if steps is None else [*filter(None, (unknown(one, claiming) for one in factors(base)))]
        if steps is None or not names:
            beside.append(claiming.term(factor))
            continue
        inside += [claiming.term(one) for one in factors(base) if not unknown(one, claiming)]
        letters |= {*names}
        counts.add(steps)
        written.append(" ".join(_STRETCHED.sub("", claiming.written(base)).split()))
    if len(counts) != 1:
        return None
    return Named(tuple(beside), " ".join(written), frozenset(letters), tuple(inside), counts.pop())


def spoken_against(named: Named, meant: Meant) -> str:
    """Why the letters may be no bounds, as the words of the document have them; empty where nothing speaks so."""
    other = bool(named.letters & meant.no_bounds)
    powers = any(isinstance(part, tree.Power | tree.OverTime) for side in named.beside for part in tree.walk(side))
    alone = not (named.inside or powers) and named.letters <= meant.slopes  # the weights are left out
    if "" in meant.no_bounds:
        other |= not named.letters & meant.singular_values
        other |= not named.letters <= meant.singular_values | meant.slopes
    return OF_ANOTHER.format(base=named.base) if other or alone else ""


def holds(smaller: Term, named: Named, rules: Rules) -> bool:
    """Whether the bound follows if each factor is at most what is raised to a power."""
    bench = rules.setting.bench
    builder = Builder(bench.cell, bench.program, Reading())
    try:
        sides = map(read_as_norms, (smaller, *named.beside, *named.inside))
        left, *others = (builder.node(builder.side(side)) for side in sides)
    except InputError:
        return False
    if any(each.shape != (1, 1) for each in (left, *others)):
        return False
    return follows(left, others[: len(named.beside)], others[len(named.beside) :], named.steps, rules)


def factors(side: Syntax) -> Sequence[Syntax]:
    """The factors of a product, brackets undone; ρ(W) is one."""
    plain = isinstance(side, Product) and all(sign.kind == "TIMES" and not sign.negative for sign in side.operators)
    if isinstance(side, Run) and any(starmap(_calls, pairwise(side.factors))):
        return [side]
    if isinstance(side, Run) or (isinstance(side, Product) and plain):
        return [one for factor in side.factors for one in factors(factor)]
    inner = only(side.rows) if isinstance(side, Group) and side.bracket in ("LPAR", "LBRACK", "LBRACE") else None
    return [side] if inner is None else factors(inner)


def _calls(letter: Syntax, behind: Syntax) -> bool:
    """Whether this may be a function of what stands behind it, as no number stands there."""
    group = behind.base if isinstance(behind, Scripted) else behind
    numbers = isinstance(group, Group) and any(isinstance(part, Bars | Number) for part in walk(group))
    return isinstance(letter, Name | Scripted) and isinstance(group, Group) and not numbers


def _raised(side: Syntax) -> tuple[Syntax, Expr | None]:
    """A base and the number of steps that it is raised to, or multiplied over."""
    if isinstance(side, Big) and side.sign == "product":
        first, last = bounds(side).times()
        return side.body, None if first is None or last is None else last - first + 1
    if not isinstance(side, Scripted):
        return side, None
    raised = [script for script in side.scripts if script.kind == "sup"]
    steps = time_expression(only(raised[0].rows)) if len(raised) == 1 else None
    if steps is None or not steps.free_symbols:
        return side, None
    rest = tuple(script for script in side.scripts if script.kind != "sup")
    return (replace(side, scripts=rest) if rest else side.base), steps


def unknown(side: Syntax, claiming: Claiming) -> str:
    """The name of a letter that nothing defines; empty for all else."""
    found = claiming.letters.taken(side, claiming.fragment) if isinstance(side, Name | Scripted) else None
    function = claiming.is_function(side) or (found is not None and found.base in ("max", "min"))
    if found is None or found.primes or found.transposed or found.power is not None or function:
        return ""
    steps = [time_expression(part) for _, part in found.parts]
    if any(step is not None and step.free_symbols and str(step) not in claiming.letters.quantities for step in steps):
        return ""  # λ_i, one of several
    try:
        known = claiming.letters.resolve(found, claiming.fragment, noted=False) is not None
        name = identifier("_".join([found.base, *(label(part, claiming.fragment) for _, part in found.parts)]))
    except InputError:
        return ""
    smallest = name.endswith("_min")
    if known or smallest or claiming.loss(found) is not None or name in dict(claiming.letters.meant.errors):
        return ""
    return name


def follows(left: Node, beside: Sequence[Node], inside: Sequence[Node], steps: Expr, rules: Rules) -> bool:
    """Whether a norm is at most a product of norms and of a base to so many steps, if every factor is at most the base.

    `inside` are the norms in the base: each factor must have them, so that letters stand for the rest of it.
    """
    for smaller, others in _without_gradients(left, beside, rules):
        found = rules.over_steps.multiplied(smaller)
        if found is None or found.last - found.first + 1 - steps != 0:
            continue
        held = [*inside]
        for other in others:
            if not isinstance(other, TimeProduct) or other.last - other.first - (found.last - found.first) != 0:
                break
            one = other.term.xreplace({other.index: t})
            if one != other.term and (other.first, other.last) != (found.first, found.last):
                break
            held.append(one)
        else:
            at_one = [rules.over_steps.at_every_step(one, found) or one for one in held]
            if not held or _all_have(found.node, matmul(*at_one), rules):
                return True
    return False


def _all_have(node: Node, held: Node, rules: Rules) -> bool:
    """Whether the norms of a product are among those that the rules find one factor to be at most."""
    known = rules.norms.polynomial(held)
    if known is None or len(known) != 1:
        return False
    (wanted,) = known
    return any(below and all(not Counter(wanted) - Counter(key) for key in below) for below in rules.above(node))


def _without_gradients(left: Node, beside: Sequence[Node], rules: Rules) -> Iterator[tuple[Node, list[Node]]]:
    """The norms as they are, and ‖g_k‖ beside ‖g_T‖ as that of how the one answers to the other."""
    yield left, [*beside]
    for place, other in enumerate(beside):
        if (response := rules.response(left, other)) is not None:
            yield response, [*beside[:place], *beside[place + 1 :]]
