"""Parts of a gradient that words name: behind a bar, |_{direct}, or below the loss, ∂L_{future}/∂c_t."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from derive.errors import OpenQuestionError
from derive.patterns import regex
from derive.reader.claims.gradients.deltas import Deltas
from derive.reader.claims.gradients.shares import DIRECT, INDIRECT, LATER, NOW, VIA
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, time_expression
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.text.syntax import Chain, Name, Run, Syntax
from derive.reader.text.words import SAID

_STEPS = frozenset(["step", "time", "timestep"])
_WORDS = regex(r"[^\W\d_]+")
_COMMAND = regex(r"\\[A-Za-z]+")
_NAMED = regex(r"(?<![A-Za-z\\])([LJEC])\}?\s*_\s*\{?\s*\\(?:text|math|operatorname)[a-z]*\s*\{\s*([^{}]+?)\s*\}")
"""A loss with a word below it."""
_OF_ALL = frozenset(["total", "tot", "all", "overall", "whole", "full", "sum", "seq", "sequence"])
_CHINESE = sorted((word for word in DIRECT | INDIRECT | NOW | LATER | VIA if word[0] >= "一"), key=len, reverse=True)
_NAMING = regex("|".join(_CHINESE))
_TOGETHER = regex(rf"(?:{_NAMING.pattern}|来自|來自|时刻|時刻|时间步|時間步|贡献|貢獻|部分|损失|損失|层|層|项|項|的)+")
"""Chinese words written together, with some that say no more: 来自当前输出的贡献."""


class NamedParts(Deltas):
    """The part of a claim's reader that knows what words call parts of a gradient."""

    def part_named(self, said: Term, script: Syntax) -> Term | None:
        """The part of a derivative that the words behind a bar name: direct, of this step, of later ones, via h_t."""
        factors = script.factors if isinstance(script, Run) else (script,)
        words = [part.word[1:] for part in factors if isinstance(part, Name) and part.word.startswith(SAID)]
        rest = [part for part in factors if not (isinstance(part, Name) and part.word.startswith(SAID))]
        spoken = {part for each in words for word in _WORDS.findall(each) for part in _apart(word)} | set(words)
        if isinstance(said, tree.Derivative):
            if any(time_expression(part) != said.of.time for part in rest):
                return None
            direct = replace(said, immediate=True)
            if said.immediate:
                return direct if spoken & DIRECT and not rest else None
            if spoken & INDIRECT:
                apart = not spoken & DIRECT and self.carries(said.of.name) and said.of.name == said.by.name
                return tree.Add(((1, said), (-1, direct))) if apart else None
            return direct if spoken & DIRECT else None
        if not isinstance(said, Gradient) or said.immediate or said.by.at:
            return None
        if (step := _through_step(script)) is not None:
            return self._of_the_next_step(said, step)
        if not words and len(rest) == 1 and (step := time_expression(rest[0])) is not None:
            part = self._of_the_next_step(said, step)  # ∂J/∂h_{t-1} |_t
            return said if part and self.guess("bar", "the bar only says at which step a formula is meant") else part
        if len(rest) == 1 and (not words or spoken & VIA):
            via = self.letters.taken(rest[0], self.fragment)
            found = None if via is None else self.letters.resolve(via, self.fragment)
            return None if found is None or found.at else tree.Through(said.by, said.only, Ref(found.name, found.time))
        return None if rest else self._spoken(said, spoken)

    def _of_the_next_step(self, said: Gradient, step: Expr) -> Term | None:
        """What comes to the only state from the step after its own."""
        alone = [state.name for state in self.letters.cell.states] == [said.by.name]
        follows = said.by.time is not None and step == said.by.time + 1
        return tree.Through(said.by, said.only, Ref(said.by.name, step)) if alone and follows else None

    def of_labelled_loss(self, said: Gradient, loss: Written) -> Term:
        """The gradient of L, or the part of it that the label of L names: ∂L_{future}/∂c_t, ∂L_{direct}/∂c_t."""
        spoken = {
            word
            for _, part in loss.parts
            for word in _WORDS.findall(_COMMAND.sub(" ", self.fragment.text[part.start : part.end]).lower())
        }
        if not spoken & (LATER | NOW | DIRECT):
            if self._is_one_of_several(loss, spoken):
                raise OpenQuestionError(f"nothing says what {loss.base} with each of its labels is")
            return said
        if said.by.time is None or said.immediate or said.by.at:
            return said
        found = self._spoken(said, spoken, of_the_loss=True)
        if found is None:
            raise OpenQuestionError(f"what part of the gradient by {said.by.name} the label of its loss means is open")
        return found

    def _is_one_of_several(self, loss: Written, spoken: set[str]) -> bool:
        """Whether other losses of this letter stand beside a loss that a word names: L_{task} and L_{reg}."""
        words = {word for word in spoken if len(word) > 1} - _OF_ALL
        others = {found for found in _NAMED.findall(self.fragment.text) if found[0] == loss.base}
        return bool(words) and len({label.lower() for _, label in others} - _OF_ALL) > 1

    def _spoken(self, said: Gradient, spoken: set[str], *, of_the_loss: bool = False) -> Term | None:
        """The part that these words name; `of_the_loss`: they stand below the loss, not behind a bar."""
        if said.by.time is None or said.only is not None or (spoken & NOW and spoken & LATER):
            return None
        own = replace(said, only=said.by.time)
        name = said.by.name
        state = name in {state.name for state in self.letters.cell.states}
        through = tree.Through(said.by, None, Ref(name, said.by.time + 1))
        if spoken & NOW:
            words = f"the word means what does not come through {name} of the next step"
            kept = state and name != self.letters.cell.output.name and self.carries(name)
            return tree.Add(((1, said), (-1, through))) if kept and self.guess("bar", words) else own
        if spoken & LATER:
            later = tree.Add(((1, said), (-1, own)))
            if not state:
                return later
            # a state that its own next value reads hands that down, beside what acts on it from outside
            itself = name != self.letters.cell.output.name and self.carries(name)
            if itself and of_the_loss:
                words = f"the label of the loss means all that comes from later steps to {name}"
                return later if self.guess("bar", words) else through
            words = f"the word means what comes through {name} of the next step alone"
            return through if self.guess("bar", words) else later
        if not spoken & DIRECT or not state:
            return None
        words = f"the word means what the loss of that step reads of {name}"
        return own if self.guess("bar", words) else through


def _apart(word: str) -> list[str]:
    """The words that are written together here, as Chinese words are; one that has others in it as it is."""
    return _NAMING.findall(word) if _TOGETHER.fullmatch(word) else [word]


def _through_step(script: Syntax) -> Expr | None:
    """The step that words behind a bar say a part comes through: via t = 2, from step t+1."""
    named = script.sides if isinstance(script, Chain) and len(script.sides) == 2 else (script,)
    factors = named[0].factors if isinstance(named[0], Run) else (named[0],)
    words = [part.word[1:] for part in factors if isinstance(part, Name) and part.word.startswith(SAID)]
    rest = [part for part in factors if not (isinstance(part, Name) and part.word.startswith(SAID))]
    spoken = {word for each in words for word in _WORDS.findall(each)}
    if not spoken & VIA or len(rest) != 1:
        return None
    if len(named) == 2:
        return time_expression(named[1]) if isinstance(rest[0], Name) and rest[0].word == "t" else None
    return time_expression(rest[0]) if spoken & _STEPS else None
