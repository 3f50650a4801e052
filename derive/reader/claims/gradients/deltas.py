"""δ in a claim: δ_t, δ_h^{(t)}, δ_{f,t}, δ_{ij}."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from derive import functions, nodes
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Quantity, Softmax
from derive.reader.claims.classes import equal
from derive.reader.claims.gradients.defined import Defined
from derive.reader.claims.gradients.shares import share
from derive.reader.claims.letters import Found, beside
from derive.reader.meaning import tree
from derive.reader.meaning.letters import (
    ENTRY_LETTERS,
    TIME_LETTERS,
    Written,
    identifier,
    label,
    number_of,
    only,
    taken,
    time_expression,
)
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Run, Sum, Syntax
from derive.reader.text.words import BESIDE, SAID

MARKS = ("bar", "hat", "tilde")
"""What may stand over δ."""
_PREDICTED = ("hat", "pred")
"""What the letter of a prediction has beside that of its target."""
OUTER = frozenset(["out", "output"])
"""Labels of the layer that computes the output."""
OPEN_FUNCTIONS = frozenset(["phi", "varphi", "psi", "f", "g"])
"""What a function is called that a text leaves open."""


class Deltas(Defined):
    """The part of a claim's reader that knows δ."""

    def _of_a_loss(self, found: Written, node: Syntax) -> Term | None:
        """δ_k^{(t)}, the gradient of the loss of step t by what belongs to step k."""
        kinds = dict(found.parts)
        if len(found.parts) != 2 or set(kinds) != {"sub", "sup"}:
            return None
        loss, step = (time_expression(kinds[kind], TIME_LETTERS) for kind in ("sup", "sub"))
        if loss is None or step is None:
            return None
        said = self.delta(replace(found, parts=[("sub", kinds["sub"])]), node)
        return tree.mapped(said, lambda p: replace(p, only=loss) if isinstance(p, Gradient) else None) if said else None

    def delta(self, found: Written, node: Syntax) -> Term | None:
        """δ_t, δ_h^{(t)}, δ_{ij}."""
        if (marked := self._marked(found, node)) is not None:
            return marked
        if found.base not in ("delta", "Delta", "varepsilon", "epsilon"):
            return None
        found = replace(found, parts=[(kind, self._bare(one)) for kind, part in found.parts for one in _several(part)])
        if (handed := self._handed(found) or self._labelled_share(found)) is not None:
            return handed
        pair = [one for kind, part in found.parts if kind == "sub" for one in _beside(part)]
        same = equal(pair[0], pair[1], self.letters, self.fragment) if len(pair) == 2 else None
        if same is not None and (len(found.parts) == 1 or self._are_indices(found) or isinstance(same, Ref)):
            return same
        if (entry := self._entry_of(found, node)) is not None:
            return entry
        for name in self.letters.known:
            if name.startswith("net_") and name[4:] in _joined(found, self.fragment):
                own = self.letters.known[name]
                steps = [step for _, part in found.parts if (step := self._beside(part, name[4:])) is not None]
                return self._net_or_plain(found, Ref(own, steps[0] if steps else self.letters.moment(own)))
        if (apart := self._of_the_output(found) or self._of_another_layer(found)) is not None:
            return apart
        argument = self._labelled(found, "net")
        plain = self._labelled(found, "")
        if plain is not None and (by := self.compared(plain.by)) != plain.by:
            plain, nets = replace(plain, by=by), self.argument_of(by.name)
            return tree.Error(replace(plain, by=replace(by, name=nets[0])), plain) if nets else plain
        if argument is not None and plain is not None and argument.by.name != plain.by.name:
            return tree.Error(argument, plain)
        if argument is not None or plain is not None:
            return argument or plain
        if (of_a_loss := self._of_a_loss(found, node)) is not None:
            return of_a_loss
        moments = [self._when(part, ENTRY_LETTERS) for _, part in found.parts]
        if len(moments) > 1 or None in moments:
            raise self.unclear(f"the scripts of {self.written(node)} are not read", node)
        # Of the layer in which the state stands, not of the one that reads it out.
        nets = [name for state in self.letters.cell.states for name in self.argument_of(state.name)]
        if not self.letters.cell.states:
            nets = [name for e in self.letters.program.equations for name in self.argument_of(e.symbol.name)]
        if len(nets) != 1:
            raise self.unclear("δ without a label can be the gradient of several quantities here", node)
        alone = replace(found, base=nets[0])
        resolved = self.letters.resolve(alone, self.fragment)
        steps = [step for step in moments if step is not None]
        value = Ref(nets[0], steps[0] if steps else nodes.t) if resolved is None else as_value(resolved)
        holders = [q for q in self.letters.quantities if self.argument_of(q) == [nets[0]]]
        other = f"δ is the gradient of {holders[0]} itself, not of its argument" if len(holders) == 1 else ""
        if other and self.guess("itself", other, holds=False):
            value = replace(value, name=holders[0])
        return Gradient(value, self.letters.asked(value), False, "delta")

    def _are_indices(self, found: Written) -> bool:
        """Whether δ_{i,k} has indices of other letters, w_{i,j} and h_k, which stand below none of them together."""
        names = {part.word for _, part in found.parts if isinstance(part, Name)}
        if len(found.parts) != 2 or self.letters.leading or any(names <= below for below in self.letters.indices):
            return False
        return names <= set().union(*self.letters.indices)

    def _of_the_output(self, found: Written) -> Gradient | None:
        """δ^{out,t}: of the argument of what the last layer computes from the states, or of that itself."""
        labels = [part for _, part in found.parts if self._when(part) is None]
        words = {label(part, self.fragment) for part in labels}
        steps = [step for _, part in found.parts if (step := self._when(part)) is not None]
        output = self.letters.cell.output.name
        states = {state.name for state in self.letters.cell.states}
        if len(labels) != 1 or not words & (OUTER - self.letters.known.keys()) or len(steps) > 1:
            return None
        if output in states or self.letters.cell.is_loss:
            return None
        name = next(iter(self.argument_of(output)), output)
        self.letters.guesses.granted[f"δ of the layer {min(words)} is the gradient by {name}"] = None
        value = Ref(name, steps[0] if steps else self.letters.moment(name))
        return Gradient(value, self.letters.asked(value), False, "delta")

    def _of_another_layer(self, found: Written) -> Gradient | None:
        """δ_t^{l-1}, where one value with this label is a function of its argument: a_t^{l-1} = f(z_t^{l-1})."""
        labels = [part for kind, part in found.parts if kind == "sup" and isinstance(part, Sum)]
        steps = [step for _, part in found.parts if part not in labels and (step := self._when(part)) is not None]
        if len(labels) != 1 or len(found.parts) != 1 + len(steps) or labels[0].terms[0][0] < 0:
            return None
        word = label(labels[0], self.fragment)
        names = {a for q in self.letters.quantities if q.endswith(f"_{word}") for a in self.argument_of(q)}
        if len(names) != 1:
            return None
        (name,) = names
        words = f"δ of the layer {self.written(labels[0])} is the gradient by the argument of its value"
        self.letters.guesses.granted[words] = None
        value = Ref(name, steps[0] if steps else self.letters.moment(name))
        return Gradient(value, self.letters.asked(value), False, "delta")

    def _entry_of(self, found: Written, node: Syntax) -> Term | None:
        """δ_{t,i}, δ_i^t: one entry of δ_t."""
        kinds = [kind for kind, _ in found.parts]
        if kinds == ["sub", "sup", "sup"] and (self._when(found.parts[2][1]) or nodes.T).has(nodes.t):
            place = self.letters.entry(found.parts[0][1], True)  # δ_k^{(out),t}, one entry of δ^{(out),t}
            whole = None if place is None else self.delta(replace(found, parts=found.parts[1:]), node)
            return replace(whole, by=replace(whole.by, at=(place,))) if isinstance(whole, Gradient) else None
        if kinds not in (["sub", "sub"], ["sub", "sup"]):
            return None
        step, index = found.parts if kinds[1] == "sub" else reversed(found.parts)  # δ_t^l, raised, is of a layer
        moment, place = self._when(step[1]), self.letters.entry(index[1])
        if moment is None or place is None or moment == place:
            return None
        if kinds[1] == "sup" and (str(place) in self.letters.known or not moment.has(nodes.t)):
            return None  # δ_x^{(t)} of a quantity x
        whole = self.delta(replace(found, parts=[step]), node)
        return replace(whole, by=replace(whole.by, at=(place,))) if isinstance(whole, Gradient) else None

    def _marked(self, found: Written, node: Syntax) -> Term | None:
        """δ with a bar, hat or tilde and the letter of a gate: the gradient of its argument beside δ of the gate."""
        plain, _, mark = found.base.rpartition("_")
        if plain not in ("delta", "Delta") or mark not in MARKS:
            return None
        argument = self._labelled(replace(found, base=plain), "net")
        if argument is None or not argument.by.name.startswith("net_"):
            return None
        self.letters.guesses.granted["δ with a mark over it is the gradient of the argument"] = None
        if self.guess("marked error", "δ with a mark over it is something else", holds=False, doubtful=True):
            raise self.unclear(f"{self.written(node)} is not known", node)
        return argument

    def _bare(self, part: Syntax) -> Syntax:
        """The label in a bracket: the h of δ^{(h)}."""
        inner = only(part.rows) if isinstance(part, Group) and part.bracket == "LPAR" else None
        return part if inner is None or self._when(inner) is not None or number_of(inner) is not None else inner

    def _handed(self, found: Written) -> Term | None:
        """δ_t^{next} of a cell with one state: what the step after hands back to it."""
        cells = [part for _, part in found.parts if self._when(part) is None]
        steps = [step for _, part in found.parts if (step := self._when(part)) is not None]
        if len(cells) != 1 or len(self.letters.cell.states) != 1 or len(steps) > 1:
            return None
        word = beside(Written("delta", [("sub", cells[0])]), self.fragment)
        (state,) = self.letters.cell.states
        step = steps[0] if steps else nodes.t
        return tree.Handed(Ref(state.name, step), BESIDE[word] < 0) if word else None

    def _labelled_share(self, found: Written) -> Term | None:
        """δ_t^{h, future} and δ_{h,local}: of the gradient by a state the share of the step after, or of its own."""
        cells = [each for _, part in found.parts for each in (part.factors if isinstance(part, Run) else (part,))]
        cells = [part for cell in cells for each in listed_in(cell) for part in _apart(each)]
        steps = [step for cell in cells if (step := self._when(cell)) is not None]
        cells = [cell for cell in cells if self._when(cell) is None]
        if len(cells) != 2 or len(steps) > 1:
            return None
        first, last = cells
        state = self.letters.taken(first, self.fragment) if share(last, self.fragment) else None
        resolved = None if state is None else self.letters.resolve(state, self.fragment)
        if state is None or resolved is None or resolved.at:
            return None
        own = nodes.t if resolved.time is None else resolved.time
        written = bool(steps) or any(self._when(part) is not None for _, part in state.parts)
        value = Ref(resolved.name, steps[0] if steps else own)
        return self.share_of(value, share(last, self.fragment), written)

    def share_of(self, value: Ref, kind: int, written: bool = True) -> Term | None:
        """Of the gradient by a state what the step after hands back to it, or what the loss of its step reads of it."""
        states = {one.name for one in self.letters.cell.states}
        if value.name not in states or value.time is None or not kind:
            return None
        if kind > 0:
            if value.time == nodes.t + 1 and self.guess(
                "handing", "the step at the label is that which hands the share back"
            ):
                value = replace(value, time=value.time - 1)
            return tree.Handed(value, True, True, anywhen=not written)
        if len(states) > 1 and value.name != self.letters.cell.output.name and self.carries(value.name):
            return None
        return Gradient(value, value.time, False, "delta")

    def carries(self, name: str) -> bool:
        """Whether the equation of a state reads that state of the step before."""
        return any(
            e.symbol.name == name and e.expression.has(e.symbol.at(nodes.t - 1)) for e in self.letters.cell.equations
        )

    def _net_or_plain(self, found: Written, net: Ref) -> Term:
        argument = Gradient(net, self.letters.asked(net), False, "delta")
        plain = self._labelled(found, "")
        return argument if plain is None or plain.by.name == net.name else tree.Error(argument, plain)

    def _labelled(self, found: Written, prefix: str) -> Gradient | None:
        """The gradient that a δ with a label means: of net_q, or of q itself."""
        if (whole := self._in_pieces(found)) is not None:
            return whole
        for position, (_, part) in enumerate(found.parts):
            cells = list(part.factors) if isinstance(part, Run) else [part]
            inner = self.letters.taken(cells[0], self.fragment)
            if inner is None or inner.base in ("partial", *TIME_LETTERS - {"k"}):
                continue
            rest = [("sub", cell) for cell in cells[1:]]
            others = [*inner.parts, *rest, *found.parts[:position], *found.parts[position + 1 :]]
            others_beside = [cell for kind, cell in (*rest, *found.parts[:position], *found.parts[position + 1 :])]
            apart = any(self._when(cell) is None for _, cell in inner.parts)  # z_h is another letter than z
            base = None if apart else self.letters.known.get(inner.base)
            resolved = None
            if base is None:
                resolved = self.letters.resolve(replace(inner, parts=others), self.fragment)
                base = resolved.name if resolved else self._predicted(inner.base, prefix)
                if base is None:
                    continue
            base = self.compared(Ref(base, None)).name
            names = [base] if not prefix else [f"net_{base}", *self.argument_of(base)]
            for name in names:
                if name in self.letters.quantities and self.letters.is_timed(name):
                    own = set(base.split("_")[1:]) if resolved is not None else set()  # z_2, of δ_{z2,t}
                    free = [cell for _, cell in others if label(cell, self.fragment) not in own]
                    left = [cell for cell in others_beside if cell in free and self._when(cell) is None]
                    steps = {id(cell): step for cell in free if (step := self._when(cell)) is not None}
                    now = [cell for cell in free if id(cell) in steps and steps[id(cell)].has(nodes.t)]
                    if not left and len(steps) == 2 and len(now) == 1:  # δ_{y,k}^t: k is no step beside t
                        left = [cell for cell in free if id(cell) in steps and cell is not now[0]]
                        steps = {id(now[0]): steps[id(now[0])]}
                    entry = self.letters.entry(left[0], True) if len(left) == 1 else None
                    if left and entry is None:
                        raise self.unclear(f"the label {self.written(left[0])} of δ is not read", left[0])
                    when = next(iter(steps.values()), None)
                    when = self.letters.moment(name, base) if when is None else self.letters.placed(base, when)
                    value = Ref(name, when, () if entry is None else (entry,))
                    return Gradient(value, self.letters.asked(value), False, "delta")
        return None

    def _predicted(self, letter: str, prefix: str) -> str | None:
        """ŷ, whose argument δ_y is the gradient by where nothing else is called y."""
        base = self._prediction(letter) if prefix else None
        if base is not None and len(arguments := self.argument_of(base)) == 1:
            self.letters.guesses.assumed[arguments[0]] = f"δ_{letter} is the gradient by the argument of {base}"
            return base
        return None

    def _prediction(self, letter: str) -> str | None:
        """What stands for the prediction of a target with this letter."""
        return next((name for mark in _PREDICTED if (name := self.letters.known.get(f"{letter}_{mark}"))), None)

    def compared(self, value: Ref) -> Ref:
        """ŷ for a target y that the loss alone reads: what d and δ before y are the gradient by; else the same."""
        given = value.name in {one.name for one in self.letters.cell.inputs}
        if not given or not self.letters.cell.is_loss:
            return value
        read = {e.symbol.name: {q.name for q in nodes.leaves(e.expression)} for e in self.letters.cell.equations}
        if [name for name, names in read.items() if value.name in names] != [self.letters.cell.output.name]:
            return value
        beside = read.keys() & read[self.letters.cell.output.name]
        predicted = self._prediction(value.name) or (min(beside) if len(beside) == 1 else None)
        if predicted is None:
            return value
        self.letters.guesses.granted[f"∂, d and δ of the target {value.name} mean those of {predicted}"] = None
        return replace(value, name=predicted)

    def _in_pieces(self, found: Written) -> Gradient | None:
        """The gradient by a quantity with a label, whose letters δ has in several scripts: δ^r_{a,t} of a^r_t."""
        cells = [each for _, part in found.parts for each in (part.factors if isinstance(part, Run) else (part,))]
        steps = [step for cell in cells if (step := self._when(cell)) is not None]
        labels = [label(cell, self.fragment) for cell in cells if self._when(cell) is None]
        if len(labels) != 2 or len(steps) > 1:
            return None
        for spelled in (labels, labels[::-1]):
            name = self.letters.known.get(identifier("_".join(spelled)))
            if name is not None and self.letters.is_timed(name):
                value = Ref(name, steps[0] if steps else self.letters.moment(name))
                return Gradient(value, self.letters.asked(value), False, "delta")
        return None

    def _when(self, cell: Syntax, more: frozenset[str] = frozenset()) -> Expr | None:
        """A time in a script of δ; any letter but those of times, and `more`, is a label there or of a state."""
        time = time_expression(cell)
        states = {state.name for state in self.letters.cell.states} - {"t", "T"}
        letters = (TIME_LETTERS - states) | self.letters.timed_letters | more
        return time if time is None or all(str(symbol) in letters for symbol in time.free_symbols) else None

    def _beside(self, part: Syntax, name: str) -> Expr | None:
        """The time in a script part of δ that is not its label."""
        if name in _joined(Written("delta", [("sub", part)]), self.fragment):
            return self._when(part.factors[1]) if isinstance(part, Run) and len(part.factors) == 2 else None
        return self._when(part)

    def argument_of(self, name: str) -> list[str]:
        found = [e.expression for e in self.letters.program.equations if e.symbol.name == name]
        operands = [e.operands[0] for e in found if isinstance(e, Elementwise)]
        operands += [e.operand for e in found if isinstance(e, Softmax)]
        return [operand.name for operand in operands if isinstance(operand, Quantity)]

    def unsaid_slope(self, found: Written, group: Group | None) -> ScalarFunction | str | None:
        """φ' of the argument of a value, where nothing is called φ: the slope of the function that gives the value.

        Beside a gate f, f' of the argument of another function f_{l-1} is the slope of that. At what is left out, or at
        a letter that nothing defines, it is the slope of the one function that the cell has. σ_h' is that of the one
        which gives h.
        """
        inner = None if group is None else only(group.rows)
        gives = self._given_by(found)
        plain = found.primes == 1 and not ((found.parts and not gives) or found.power or found.transposed)
        if inner is None or not plain or found.base not in (OPEN_FUNCTIONS | {"sigma"} if gives else OPEN_FUNCTIONS):
            return None
        argument = self.letters.taken(inner, self.fragment)
        value = None if argument is None else self.letters.resolve(argument, self.fragment, noted=False)
        applied = [
            (e.symbol.name, e.expression.function)
            for e in self.letters.program.equations
            if isinstance(e.expression, Elementwise) and len(e.expression.operands) == 1
            if value is None or self.argument_of(e.symbol.name) == [value.name]
            if value is not None or not (self.letters.cell.is_loss and e.symbol == self.letters.cell.output)
            if gives in ("", e.symbol.name)
        ]
        if len(applied) != 1 or (value is not None and value.at and not gives):
            return None
        function = applied[0][1]
        if not (function.name.startswith(f"{found.base}_") if found.base in self.letters.known else function.specified):
            return None
        letter = f"{found.base}_{gives}" if gives else found.base
        self.letters.guesses.granted[f"{letter} is {function.name}, which gives {applied[0][0]}"] = None
        return f"{function.name}'" if functions.is_entry(function) else function.prime()

    def _given_by(self, found: Written) -> str:
        """The value that a function has as its label: h of σ_h."""
        try:
            labels = [label(part, self.fragment) for kind, part in found.parts if kind == "sub"]
        except InputError:
            return ""
        known = {e.symbol.name for e in self.letters.cell.equations}
        return labels[0] if len(labels) == len(found.parts) == 1 and labels[0] in known else ""

    def jacobian_of_softmax(self, found: Written, group: Group | None) -> Term | None:
        """ψ'(z_t) and softmax'(z_t), where z_t is what a softmax is taken of: its Jacobian there."""
        inner = None if group is None else only(group.rows)
        argument = None if inner is None else self.letters.taken(inner, self.fragment)
        plain = found.primes == 1 and not (found.parts or found.power or found.transposed)
        if argument is None or not plain or found.base not in OPEN_FUNCTIONS | {"softmax"}:
            return None
        value = self.letters.resolve(argument, self.fragment, noted=False)
        given = [
            e.symbol.name
            for e in self.letters.program.equations
            if isinstance(e.expression, Softmax) and value and self.argument_of(e.symbol.name) == [value.name]
        ]
        if value is None or value.at or len(given) != 1:
            return None
        if found.base in OPEN_FUNCTIONS:
            self.letters.guesses.granted[f"{found.base} is softmax, which gives {given[0]}"] = None
        return tree.Derivative(Ref(given[0], value.time), as_value(value))


def _several(part: Syntax) -> tuple[Syntax, ...]:
    """The scripts of a list in one script: out and t of δ^{out,t}."""
    listed = isinstance(part, Group) and len(part.rows) == 1 and len(part.rows[0]) > 1
    return part.rows[0] if listed and isinstance(part, Group) else (part,)


def _beside(part: Syntax) -> tuple[Syntax, ...]:
    """The letters that stand beside each other: i and j of δ_{ij}."""
    return part.factors if isinstance(part, Run) else (part,)


def listed_in(cell: Syntax) -> list[Syntax]:
    """The letters of a list, as in δ^{h, future}."""
    if isinstance(cell, Group) and len(cell.rows) == 1:
        return list(cell.rows[0])
    return [cell]


def _apart(cell: Syntax) -> list[Syntax]:
    """The h and the local of h_local, typed as one word."""
    words = cell.word.split("_") if isinstance(cell, Name) else []
    if not isinstance(cell, Name) or len(words) != 2 or not all(words):
        return [cell]
    return [replace(cell, word=word) for word in words]


def as_value(found: Found) -> Ref:
    """A resolved letter as a part of a claim."""
    return Ref(found.name, found.time, found.at)


def _joined(found: Written, fragment: Fragment) -> set[str]:
    """The label that a δ may have: its first script part, or the first letter in it."""
    labels: set[str] = set()
    for _, part in found.parts:
        for each in (part, part.factors[0] if isinstance(part, Run) else part):
            inner = taken(each)
            if inner is not None and inner.base != "partial":
                try:
                    labels.add("_".join([inner.base, *(label(p, fragment) for _, p in inner.parts)]))
                except InputError:
                    continue
    return labels - {"t"}


_OF_A_STEP = frozenset(
    ["step", "at step", "in step", "time step", "t", "第", "步", "时刻", "時刻", "第 步", "时间步", "時間步"]
)
"""What words behind a bar may say around the letter of a step: |_{第 i 步}."""


def named_step(script: Syntax) -> Syntax:
    """The step that words or an equation behind a bar name (step k; t = 3), else what stands there."""
    while isinstance(script, Group) and (inner := only(script.rows)) is not None:
        script = inner
    factors = script.factors if isinstance(script, Run) else ()
    words = [part for part in factors if isinstance(part, Name) and part.word.startswith(SAID)]
    rest = [part for part in factors if part not in words]
    named = len(rest) == 1 and words and all(part.word[1:].strip(" .,") in _OF_A_STEP for part in words)
    return rest[0] if named else script
