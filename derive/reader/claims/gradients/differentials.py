"""d, δ, Δ and ∇ before a letter, which mean the gradient by it: dW, δh_t, dc_{next}, ∇_W J."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from derive import nodes
from derive.errors import OpenQuestionError
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.arguments import argument_of
from derive.reader.claims.gradients.deltas import MARKS, as_value, listed_in
from derive.reader.claims.gradients.derivatives import LOSSES, Derivatives
from derive.reader.claims.gradients.shares import share
from derive.reader.claims.letters import Found, beside
from derive.reader.meaning import tree
from derive.reader.meaning.letters import TIME_LETTERS, Written, only, time_expression
from derive.reader.meaning.slices import is_slice
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.meaning.vocabulary import bracket, lists_letters
from derive.reader.text.syntax import Group, Name, Script, Scripted, Syntax
from derive.reader.text.words import BESIDE

TOTAL = ("total", "tot", "full")
"""Labels of a gradient as a whole."""
SMALL = ("d", "delta", "Delta", "nabla")
"""What before a quantity means the gradient by it."""
_DERIVED = regex(r"\\(?:partial|delta|Delta|nabla)(?![A-Za-z])|[∂δΔ∇]")


class Differentials(Derivatives):
    """The part of a claim's reader that knows d, δ, Δ and ∇ before a letter."""

    def _given(self, target: Written) -> Term | None:
        """δĉ_t beside δc_t, where nothing is called ĉ: what the step after hands back to the state c."""
        base, _, mark = target.base.rpartition("_")
        states = {state.name for state in self.letters.cell.states}
        if mark not in MARKS or target.base in self.letters.known:
            return None
        found = self.letters.resolve(replace(target, base=base), self.fragment, noted=False)
        if found is None or found.name not in states or found.at:
            return None
        words = f"the error of {spelled(found.name)} with a mark is what the next step hands back to it"
        self.letters.guesses.granted[words] = None
        if self.guess("marked state", "the mark over a state says something else", holds=False, doubtful=True):
            raise OpenQuestionError(f"nothing says what {target.base} is")
        return tree.Handed(as_value(found), False)

    def small(self, value: Ref, written: Written) -> Term:
        """δ or d before a letter: for a gate perhaps the gradient of its argument; dc_{next} and dc_{prev}."""
        word = beside(written, self.fragment)
        if word and value.name in {state.name for state in self.letters.cell.states}:
            self.letters.guesses.assumed.pop(value.name, None)  # what the word means is said of d as a whole
            return tree.Handed(value, BESIDE[word] < 0)
        if value.name in self.letters.meant.upstream and not value.at:
            return tree.Handed(value, False, True)
        value = self.compared(value)
        plain = Gradient(value, self.letters.asked(value), False, "d")
        nets = self.argument_of(value.name)
        if len(nets) != 1 or value.name in {state.name for state in self.letters.cell.states}:
            return plain
        return tree.Differential(plain, replace(plain, by=replace(value, name=nets[0])))

    def _through(self, written: Written) -> Term | None:
        """The c_t^{(h)} of δc_t^{(h)}: of the gradient by c_t what comes through h_t; and δc_t^{next}."""
        if written.transposed or written.primes:
            return None
        if (part := self._share(written)) is not None:
            return part
        if [kind for kind, _ in written.parts] != ["sub", "sup"]:
            return None
        raised = written.parts[1][1]
        by = self.letters.resolve(replace(written, parts=written.parts[:1]), self.fragment, noted=False)
        if by is None or by.time is None or by.at:
            return None
        inner = only(raised.rows) if isinstance(raised, Group) and raised.bracket == "LPAR" else None
        via = None if inner is None else self.letters.taken(inner, self.fragment)
        name = "" if via is None or via.parts else self.letters.known.get(via.base, "")
        if via is None or name in ("", by.name) or not self.letters.is_timed(name):
            return None
        self.letters.guesses.assumed[by.name] = f"({via.base}) raised at {by.name} means what comes through {name}"
        return tree.Through(as_value(by), self.letters.asked(as_value(by)), Ref(name, by.time))

    def _share(self, written: Written) -> Term | None:
        """The h_4^{(2), future} of δh_4^{(2), future}, and h_local: a share of the gradient by a state."""
        base, *glued = written.base.split("_")
        if glued:
            labels = [("sub", Name(0, 0, word, word)) for word in glued]
            written = replace(written, base=base, parts=[*labels, *written.parts])
        parts = [(kind, cell) for kind, part in written.parts for cell in listed_in(part)]
        named = [cell for _, cell in parts if share(cell, self.fragment)]
        if len(named) != 1 or beside(written, self.fragment):
            return None
        rest = [(kind, cell) for kind, cell in parts if cell is not named[0]]
        by = self.letters.resolve(replace(written, parts=rest), self.fragment, noted=False)
        if by is None or by.at:
            return None
        value, kind = as_value(by), share(named[0], self.fragment)
        itself = self.carries(by.name) and by.name != self.letters.cell.output.name
        if kind > 0 and itself and by.time is not None:
            return tree.Through(value, None, Ref(by.name, by.time + 1))
        dated = any(self._when(cell) is not None for _, cell in rest)
        return self.share_of(value, kind, dated)

    def _first(self, spelled: tuple[Written, ...], default: Expr | None, *, parts: bool = False) -> Found | None:
        """The quantity that the first of several spellings means; `parts`: Z_i beside Z_f and Z_o is no entry of Z."""
        found = (self.letters.resolve(each, self.fragment, default) for each in spelled)
        return next((each for each in found if each is not None and not (parts and each.at)), None)

    def _no_factor(self, found: Written, factors: list[Syntax], i: int) -> bool:
        """Whether a small d or δ is no quantity of the cell: no letter of it, or d of dS_t where that has d_t."""
        known = self.letters.known.get(found.base)
        glued = i + 1 < len(factors) and factors[i].end == factors[i + 1].start
        return known is None or (found.base == "d" and glued and self.letters.is_timed(known))

    def _from_above(self, output: Written) -> Term | None:
        """dy_t, where nothing is called y and the state is handed on as it is: what the loss of a step asks of it."""
        state = self.letters.cell.output.name
        steps = [time_expression(part, TIME_LETTERS) for _, part in output.parts]
        if output.base not in ("y", "o", "A") or state not in {one.name for one in self.letters.cell.states}:
            return None
        if len(steps) != 1 or steps[0] is None or not steps[0].has(nodes.t):
            return None
        self.letters.guesses.granted[f"the output {output.base} is {state}, handed on as it is"] = None
        words = f"d{output.base} is another gradient than that of the loss of its step"
        if self.guess("from above", words, holds=False, doubtful=True):
            return None
        return Gradient(Ref(state, steps[0]), steps[0], False, "d")

    def _is_quantity(self, target: Written) -> bool:
        """Whether this is a quantity of the cell or an argument in it, by which ∇ of it is a Jacobian."""
        return self._by(target) is not None and target.power is None

    def _by(self, written: Written) -> Found | None:
        """The quantity of the cell, or the argument in it, that something is differentiated by."""
        return self.letters.resolve(written, self.fragment) or argument_of(self.letters, written, self.fragment)

    def differential(self, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int] | None:
        """dW, δh_t, ∇_W J, J_x, and words such as dW."""
        following = factors[i + 1] if i + 1 < len(factors) else None
        target = self.letters.taken(following, self.fragment) if following is not None else None
        if found.base == "nabla" and found.parts:
            below = [part for kind, part in found.parts if kind == "sub"]
            by = self.letters.taken(below[0], self.fragment) if below else None
            resolved = by and self._by(by)
            loss = self.loss(target) if target is not None else None
            if resolved and target is not None and loss is not None:
                skip = 3 if i + 2 < len(factors) and lists_letters(factors[i + 2]) else 2
                gradient = Gradient(as_value(resolved), loss[0], found.stars > 0)
                if (worded := self.of_labelled_loss(gradient, target)) is not gradient:
                    return worded, i + skip
                return self.weighted(gradient, target), i + skip
            if loss is not None and (copy := self._copy(below)) is not None:
                return self._used(copy, loss[0], below[0]), i + 2
            if resolved and following is None and (step := self._raised(found)) is not None:
                if resolved.time is not None or resolved.at:
                    raise self.unclear(f"the scripts of {self.written(factors[i])} are not read", factors[i])
                return self._used((Ref(resolved.name), step), self.letters.whole, below[0]), i + 1
            if resolved and following is None:
                self.letters.guesses.granted["∇ of nothing is the gradient of the loss"] = None
                return Gradient(as_value(resolved), self.letters.whole, found.stars > 0), i + 1
            end = i + 3 if i + 2 < len(factors) and self._step_behind(factors[i + 2]) is not None else i + 2
            if target is not None and self._is_quantity(target) and (copy := self._copy(below)) is not None:
                return self.by_copy(copy, factors[i + 1 : end], below[0], factors[i]), end
            if resolved and target is not None and loss is None and self._is_quantity(target):
                return self.differentiated(factors[i + 1 : end], as_value(resolved), found.stars > 0, factors[i]), end
            raise self.unclear("the gradient of something that is not known here", factors[i])
        plain = found.base in SMALL and not found.parts and self._no_factor(found, factors, i)
        if plain and found.base == "nabla" and target is not None and (of := self.loss(target)) is not None:
            if (parameter := self.letters.known.get("theta")) is None:
                raise self.unclear(f"{self.written(factors[i])} of a loss does not say by what", factors[i])
            self.letters.guesses.granted["∇ of the loss is the gradient by any parameter"] = None
            return self.weighted(Gradient(Ref(parameter), of[0], found.stars > 0), target), i + 2
        if plain and target is not None and not found.primes:
            if found.base == "d" and (part := self._share(target)) is not None:
                return part, i + 2
            if found.base in ("delta", "Delta") and (through := self._through(target)) is not None:
                return through, i + 2
            resolved = self.letters.resolve(target, self.fragment)
            if resolved is None and found.base in ("delta", "Delta", "d"):
                resolved = argument_of(self.letters, target, self.fragment, barred=True)
            apart = target.transposed or self.letters.resolve(target, self.fragment, None) != resolved
            if resolved is not None and apart and found.base not in ("d", "nabla"):
                apart = self.guess("beside", f"δ {target.base} is a product of two")
            else:
                apart = False
            if (
                resolved is not None
                and found.base == "Delta"
                and not _DERIVED.search(self.fragment.text.partition("=")[0])
            ):
                words = f"Δ{target.base} is a change of {target.base}, not the gradient by it"
                if self.guess("change", words, holds=False, doubtful=True):
                    raise self.unclear(f"{self.written(factors[i])} is a change", factors[i])
            if resolved is not None and not apart:
                return self.decorated(self.small(as_value(resolved), target), target), i + 2
            if resolved is None and following is not None and (copy := self._copy([following])) is not None:
                return self._used(copy, self.letters.whole, following), i + 2
            if resolved is None and (above := self._from_above(target)) is not None:
                return above, i + 2
            if resolved is None and (given := self._given(target)) is not None:
                return self.decorated(given, target), i + 2
        if self.letters.resolve(found, self.fragment) is not None:
            return None
        if found.base.endswith("_bar") and argument_of(self.letters, found, self.fragment) is not None:
            return None
        for prefix, suffix in (("d_", ""), ("d", ""), ("grad_", ""), ("", "_dot"), ("", "_bar")):
            base = found.base
            if base.startswith(prefix) and base.endswith(suffix) and len(base) > len(prefix + suffix):
                inner = base[len(prefix) : len(base) - len(suffix)]
                head, *labels = inner.split("_")
                extra = [("sub", Name(0, 0, "_".join(labels), ""))] if labels else []
                spelled = (replace(found, base=head, parts=[*extra, *found.parts]), replace(found, base=inner))
                if labels and (part := self._share(spelled[0])) is not None:
                    return part, i + 1
                resolved = self._first(spelled, nodes.t, parts=bool(labels))
                if resolved is not None and suffix and not (self.letters.meant.bars and suffix == "_bar"):
                    self.letters.guesses.marked.add(resolved.name)
                    words = f"{self.written(factors[i])} is a letter of its own"
                    if self.guess("mark", words, holds=False, doubtful=True):
                        continue
                if resolved is not None:
                    value, used = as_value(resolved), 0
                    scripts: tuple[Script, ...] = ()
                    group, behind = (None, ()) if is_slice(following) else bracket(following)
                    bare = None if group is None else self._first(spelled, None)
                    when = time_expression(only(group.rows), TIME_LETTERS) if group is not None else None
                    if when is not None and bare is not None and bare.time is None and self.letters.is_timed(bare.name):
                        when = self.letters.placed(value.name, when)
                        value, used, scripts = replace(value, time=when), 1, behind  # df[t]
                    return self.decorated(self.small(value, found), found, scripts), i + 1 + used
        family = found.base in self.letters.meant.families | {"d"} and found.base not in self.letters.known
        if family and found.parts and found.parts[0][0] == "sub" and isinstance(found.parts[0][1], Scripted):
            by = self.letters.taken(found.parts[0][1], self.fragment)
            named = None if by is None else self.letters.resolve(by, self.fragment)
            labels = [part.word if isinstance(part, Name) else "" for _, part in found.parts[1:]]
            if by is not None and named is not None and labels in ([], *([word] for word in TOTAL)):
                said = self.small(as_value(named), by)
                if not labels and named.name in self.letters.meant.totals:
                    said = tree.Handed(as_value(named), False, True)
                return self.decorated(said, found), i + 1
        if found.base in LOSSES and len(found.parts) == 1 and found.parts[0][0] == "sub":
            by = self.letters.taken(found.parts[0][1], self.fragment)
            resolved = by and self.letters.resolve(by, self.fragment)
            if resolved:
                said = self.weighted(Gradient(as_value(resolved)), replace(found, parts=[]))
                return self.decorated(said, found), i + 1
        return None
