"""Values that claims call otherwise than their equations: \\tilde{h}_t of a candidate n_t, ŷ of a read-out o_t."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.models.equations.equation import TIMES, Equation
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.heads import CALLED
from derive.reader.models.equations.names import names
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.note import Found

_CANDIDATE = regex(r"[\s&]*(?:\\tanh|\\(?:text|operatorname|mathrm)\s*\{\s*tanh\s*\}|tanh)(?![A-Za-z])")


def under_other_names(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Iterator[Instead]:
    """The equations with the letter that claims have for a value in place of its own, where only one can be meant."""
    written = {name for e in known if not e.loss for name in e.names}
    spoken = {name for _, formula in formulas for name in names(formula.fragment)} - written
    claims = [formula for _, formula in formulas if DERIVATIVE.search(formula.text)]
    derived = {name for formula in claims for name in names(formula.fragment)}
    for name in sorted(spoken):
        bare, _, mark = name.rpartition("_")
        ways = (
            _candidates(known, bare) if mark == "tilde" else _read_outs(known, bare, derived) if mark == "hat" else []
        )
        if len({e.target for e in ways}) == 1:
            (source, *_) = ways
            letter, own = spelled(name), spelled(source.target)
            others = (e for e in known if mark != "hat" or not e.loss)  # that of the softmax says nothing of o_t itself
            yield Instead(
                tuple(_with(e, source.target, name) for e in others), frozenset({name}),
                f"${letter}$ is what line {source.place[1]} calls ${own}$",
            )  # fmt: skip


def applied_twice(known: Sequence[Equation]) -> Iterator[Instead]:
    """z_t = A of z_t = σ(A) beside h_t = σ(z_t), where the document has h_t = σ(A), too."""
    for slip in known:
        called = CALLED.match(slip.right)
        name = f"{spelled(slip.target)}{TIMES[slip.style]}"
        if called is None or not slip.right.rstrip().endswith(")"):
            continue
        of_it = _plain(f"{called.group()}{name})")
        outer = {e.target for e in known if _plain(e.right) == of_it} - {slip.target}
        if any(e.target in outer and _plain(e.right) == _plain(slip.right) for e in known):
            text = f"{name} = {slip.right.rstrip()[called.end() : -1]}"
            meant = replace(slip.rewritten(text), space=None, said="")
            words = f"${name}$ of line {slip.place[1]} is the argument, to which the function is applied but once"
            yield Instead(tuple(meant if e is slip else e for e in known), frozenset({slip.target}), words, slip=True)


def _plain(text: str) -> str:
    return "".join(text.replace(r"\left(", "(").replace(r"\right)", ")").split())


def _candidates(known: Sequence[Equation], state: str) -> list[Equation]:
    """The equations of the one tanh that the next value of a state is made of besides that state and gates."""
    after = [e for e in known if e.target == state and not _CANDIDATE.match(e.right)]
    read = {m.name for e in after for m in e.used if m.offset == e.offset} - {state}
    before = {m.name for e in known for m in e.used if m.offset is not None and m.offset < e.offset}
    if state not in before:
        return []
    return [e for e in known if e.target in read - before and _CANDIDATE.match(e.right)]


def _read_outs(known: Sequence[Equation], target: str, spoken: Collection[str]) -> list[Equation]:
    """The equations of what is read out of the states, where nothing else is made of that alone.

    `spoken` is what is differentiated: beside ∂o_t and ∂ŷ_t, ŷ_t is a function of o_t.
    """
    losses = [e for e in known if e.loss]
    if any(target == e.target for e in known) or not all(_compares(e, f"{target}_hat") for e in losses):
        return []
    read = {m.name for e in known for m in e.used if m.offset is not None}
    ends = [e for e in known if e.target not in read and not e.numbered and e not in losses]
    states = {m.name for e in known for m in e.used if m.offset is not None and m.offset < e.offset}
    steps = [{m.name for m in e.used if m.offset == e.offset} for e in ends]
    if not all(step and step <= states for step in steps):
        return []
    return ends if all(CALLED.match(e.right) for e in ends) or not {e.target for e in ends}.intersection(spoken) else []


def _compares(loss: Equation, predicted: str) -> bool:
    """Whether a loss compares what nothing computes, in a way that only a softmax goes with."""
    return loss.loss == "cross-entropy" and any(m.name == predicted for m in loss.used)


def _with(equation: Equation, own: str, name: str) -> Equation:
    """The equation with another letter for a value of its step."""
    letter = f"{spelled(name)}{TIMES[equation.style]}"
    text = equation.fragment.text
    for mention in sorted((m for m in equation.used if (m.name, m.offset) == (own, 0)), key=lambda m: -m.start):
        text = f"{text[: mention.start]}{letter}{text[mention.end :]}"
    changed = equation if text == equation.fragment.text else equation.rewritten(text)
    return replace(changed.with_target(name), said=equation.said) if equation.target == own else changed
