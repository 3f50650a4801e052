"""Letters that the document defines as gradients, errors, norms or bounds; and what all parts of the reader share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from sympy import Expr

from derive import functions, nodes
from derive.errors import InputError, OpenQuestionError
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Letters, layered
from derive.reader.claims.statements import left_out
from derive.reader.meaning import tree
from derive.reader.meaning.letters import (
    TIME_LETTERS,
    Written,
    identifier,
    label,
    time_expression,
)
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.meaning.walk import Walk
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Syntax


class Defined(Walk):
    """The part of a claim's reader that knows what the document defines, and asks about what it leaves open."""

    def __init__(self, fragment: Fragment, letters: Letters, deltas: dict[str, Gradient] | None = None) -> None:
        super().__init__(fragment)
        self.letters = letters
        self.deltas = deltas if deltas is not None else {}
        self.open = {f.name: f for f in letters.cell.functions if not functions.is_entry(f)}
        """The functions that the cell declares itself, or leaves open."""

    def unclear(self, message: str, node: Syntax, hint: str = "") -> OpenQuestionError:
        return OpenQuestionError(message, self.fragment.place(node.start, node.end), hint)

    def guess(self, key: str, words: str, *, holds: bool = True, doubtful: bool = False) -> bool:
        """Note that something was read in one of two ways; whether it is to be read in the other."""
        return self.letters.guesses.other(key, Guess(words, holds, doubtful))

    def averaged(self, said: Term) -> Term:
        """The gradient that a δ or d means of which the document says nothing, perhaps with what divides its loss."""
        several = {(letter, loss.factor) for letter, loss in self.letters.meant.losses if loss.step is None}
        whole = {factor: letter for letter, factor in sorted(several, key=str) if factor != 1}
        small = [part for part in tree.walk(said) if isinstance(part, Gradient) and part.spelling != "partial"]
        if len(whole) != 1 or not small or any(part.only is not None for part in small):
            return said
        ((factor, letter),) = whole.items()
        if any(part.by.time is not None for part in small):
            key, words = "factor", f"δ and d before a value of a step are of {letter}, with its factor {factor}"
        else:
            key, words = "parameter factor", f"δ and d before a parameter are of {letter}, with its factor {factor}"
        if self.guess(key, words):
            return tree.Multiply((tree.Constant(factor), said))
        return said

    def meant(self, found: Written) -> Term | None:
        """What the document says that a letter stands for, at the time written."""
        if (paired := self._paired(found)) is not None:
            return paired
        if (derived := self._by_entries(found)) is not None:
            return derived
        errors = dict(self.letters.meant.errors)
        if not errors:
            return None
        if (bound := self.bound(found, errors)) is not None:
            return bound
        for labels, time, at, layer in self.letters.ways(found, self.fragment):
            letter = identifier("_".join([found.base, *labels]))
            said = errors.get(letter)
            entry = len(at) == 1 and isinstance(said, Gradient) and said.by.time is not None and not said.by.at
            if said is not None and (entry or not at):
                said = self._of_two_losses(letter, said)
                if entry and isinstance(said, Gradient):
                    said = replace(said, by=replace(said.by, at=at))
                if layer:
                    words = layered(found, layer)
                    self.letters.guesses.layers |= {p.name: words for p in tree.walk(said) if isinstance(p, Ref)}
                if found.transposed and isinstance(said, Gradient):
                    said = replace(said, spelling="delta")  # δ^T is a row whatever ∂J/∂h is, so δ is none
                at_time = dict.fromkeys((nodes.t, left_out.STEP), nodes.t if time is None else time)
                return tree.at_times(said, partial(_moved, at_time))
        return None

    def _by_entries(self, found: Written) -> Term | None:
        """p_{ij}^k, where the document says that it stands for ∂h_k/∂W_{ij}."""
        for name, indices, said in self.letters.meant.entries:
            for way in self.letters.ways(found, self.fragment) if name.startswith(found.base) else ():
                if identifier("_".join([found.base, *way.labels])) == name and len(way.at) == len(indices):
                    places = dict(zip(indices, way.at, strict=True))
                    of, by = (replace(one, at=tuple(places[i] for i in one.at)) for one in (said.of, said.by))
                    return replace(said, of=replace(of, time=nodes.t if way.time is None else way.time), by=by)
        return None

    def _of_two_losses(self, letter: str, said: Term) -> Term:
        """The gradient that an error letter is, where the document defines it of two losses; the other as a guess."""
        for name, loss, words, other in self.letters.meant.twice:
            if name == letter and isinstance(said, Gradient):
                if self.guess("loss", other):
                    return replace(said, only=loss)
                self.letters.guesses.granted[words] = None
        return said

    def steps_of(self, found: Written) -> tuple[Expr, Expr] | None:
        """The two steps of δ_{t,k}, δ_k^{(t)} and δ_2^3, in the order written; None where there are not just these."""
        times = [time_expression(part, TIME_LETTERS | self.letters.timed_letters) for _, part in found.parts]
        times += [found.power] if found.power is not None else []
        if len(times) != 2 or found.primes:
            return None
        first, second = times
        return None if first is None or second is None else (first, second)

    def _paired(self, found: Written) -> Term | None:
        """δ_{t,k}, where the document says of which step's loss it is the gradient, and by which step's value."""
        for name, symbols, said in self.letters.meant.pairs:
            steps = self.steps_of(found) if name == found.base else None
            if steps is not None:
                return tree.at_times(said, partial(_moved, dict(zip(symbols, steps, strict=True))))
            known = name in dict(self.letters.meant.errors)
            if name == found.base and len(found.parts) == 1 and not (known and self._is_now(found.parts[0][1])):
                raise OpenQuestionError(f"{name} has two steps where the document defines it, and one here")
        return None

    def _is_now(self, script: Syntax) -> bool:
        """Whether a script is a step as t is: t, t + 1, 3."""
        step = time_expression(script, TIME_LETTERS | self.letters.timed_letters)
        return step is not None and not step.free_symbols - {nodes.t, nodes.T}

    def bound(self, found: Written, errors: Mapping[str, Term]) -> Term | None:
        """β and β^{τ-k}, where the document says that β stands for norms: what is raised is a power."""
        try:
            labels = [label(part, self.fragment) for kind, part in found.parts if kind == "sub"]
        except InputError:
            return None
        name = identifier("_".join([found.base, *labels]))
        said = errors.get(name)
        of_norms = said is not None and any(isinstance(part, tree.Norm | tree.Constant) for part in tree.walk(said))
        if said is None or found.primes or not of_norms:
            return None
        if name in self.letters.meant.above:
            self.letters.guesses.granted[f"{name} is a bound at every step, as the document says"] = None
        raised = [time_expression(part) for kind, part in found.parts if kind != "sub"]
        if not raised or len(raised) > 1 or raised[0] is None:
            return said if not raised else None
        return tree.Power(said, raised[0])


def _moved(times: dict[Expr, Expr], time: Expr) -> Expr:
    return time.xreplace(times)
