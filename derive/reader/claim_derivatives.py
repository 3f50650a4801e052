"""Derivatives in a claim: ∂J/∂q in its spellings, ∂a/∂b, δ with and without a label, and the letters of the loss."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from derive import nodes
from derive.errors import InputError
from derive.nodes import Elementwise, Quantity, Softmax
from derive.reader import claimed, syntax
from derive.reader.claim_letters import TIME_LETTERS, Found, Letters, Written, taken, time_expression
from derive.reader.claimed import Gradient, OpenQuestionError, Said, Value
from derive.reader.fragment import Fragment
from derive.reader.symbols import label, number_of
from derive.reader.syntax import Name, Run, Script, Syntax
from derive.reader.vocabulary import bracket

LOSSES = frozenset(["J", "E", "L", "C", "ell", "Loss", "loss", "Cost", "cost"])
"""Letters that stand for the loss where no quantity has them."""
DIFFERENTIALS = frozenset(["d", "partial"])


class Derivatives:
    """The part of a claim's reader that knows derivatives; the rest is in `claim_meaning`."""

    def __init__(self, fragment: Fragment, letters: Letters, deltas: dict[str, Gradient] | None = None) -> None:
        self.fragment = fragment
        self.letters = letters
        self.deltas = deltas if deltas is not None else {}
        self.open = {f.name: f for f in letters.cell.open_functions}

    def error(self, message: str, node: Syntax, hint: str = "") -> InputError:
        return self.fragment.error(message, node.start, node.end, hint)

    def unclear(self, message: str, node: Syntax) -> OpenQuestionError:
        return OpenQuestionError(message, self.fragment.place(node.start, node.end))

    def written(self, node: Syntax) -> str:
        return " ".join(self.fragment.text[node.start : node.end].split())

    def said(self, node: Syntax) -> Said:
        raise NotImplementedError

    def run(self, factors: list[Syntax]) -> Said:
        raise NotImplementedError

    def decorated(self, said: Said, found: Written, scripts: tuple[Script, ...] = ()) -> Said:
        raise NotImplementedError

    def _is_differential(self, node: Syntax) -> bool:
        found = taken(node, self.fragment)
        if found is None or found.base not in DIFFERENTIALS or found.power is not None:
            return False
        return found.base == "partial" or ("d" not in self.letters.known and not found.parts)

    def fraction(self, node: syntax.Fraction) -> Said:
        """A derivative, a number or a quotient."""
        if (value := number_of(node)) is not None:
            return claimed.Scalar(value)
        ups = list(node.above.factors) if isinstance(node.above, Run) else [node.above]
        downs = list(node.below.factors) if isinstance(node.below, Run) else [node.below]
        if self._is_differential(ups[0]) and len(downs) > 1 and self._is_differential(downs[0]):
            return self.derivative(ups[0], ups[1:], downs[1:], node)
        return claimed.Quotient(self.said(node.above), self.said(node.below))

    def derivative(self, sign: Syntax, above: list[Syntax], below: list[Syntax], node: Syntax) -> Said:
        """∂(above)/∂(below)."""
        mark = taken(sign, self.fragment)
        immediate = mark is not None and mark.stars > 0
        if not above:
            raise self.unclear("a derivative of an expression that follows it is not read", node)
        target = taken(below[0], self.fragment) if len(below) == 1 else None
        if target is None:
            raise self.unclear(f"the derivative {self.written(node)} is not read", node)
        resolved = self.letters.resolve(target, self.fragment)
        if resolved is None:
            raise self.unclear(f"{self.written(below[0])} is not known in this cell", below[0])
        by = Value(resolved.name, resolved.time, resolved.at)
        whole = taken(above[0], self.fragment)
        if whole is None or any(bracket(part)[0] is None for part in above[1:]):
            raise self.unclear(f"the derivative {self.written(node)} is not read", node)
        loss = self.loss(whole)
        if loss is not None:
            said: Said = Gradient(by, loss[0], immediate)
        else:
            of = self.letters.resolve(whole, self.fragment)
            if of is None:
                raise self.unclear(f"{self.written(above[0])} is not known in this cell", above[0])
            said = claimed.Derivative(Value(of.name, of.time, of.at), by, immediate)
        return claimed.Flipped(said) if target.transposed else said

    def loss(self, found: Written) -> tuple[Expr | None] | None:
        """The step of the loss that this letter is (None for all steps), or None where it is no loss."""
        output = self.letters.cell.output.name if self.letters.cell.is_loss else None
        resolved = self.letters.resolve(found, self.fragment, None)
        if resolved is not None and resolved.name != output:
            return None
        if resolved is None and found.base not in LOSSES:
            return None
        steps = [time_expression(part) for _, part in found.parts]
        known = [step for step in steps if step is not None]
        return (known[0] if known else None,)

    def differential(self, found: Written, factors: list[Syntax], i: int) -> tuple[Said, int] | None:
        """dW, δh_t, ∇_W J, J_x, and words such as dW."""
        following = factors[i + 1] if i + 1 < len(factors) else None
        target = taken(following, self.fragment) if following is not None else None
        if found.base == "nabla" and found.parts:
            by = taken(found.parts[0][1], self.fragment)
            resolved = by and self.letters.resolve(by, self.fragment)
            loss = self.loss(target) if target is not None else None
            if resolved and loss is not None:
                skip = 2 if i + 2 >= len(factors) or bracket(factors[i + 2])[0] is None else 3
                return Gradient(as_value(resolved), loss[0]), i + skip
            raise self.unclear("the gradient of something that is not known here", factors[i])
        plain = found.base in ("d", "delta", "Delta") and not found.parts and found.base not in self.letters.known
        if plain and target is not None and not found.primes:
            resolved = self.letters.resolve(target, self.fragment)
            if resolved is not None:
                return self.decorated(Gradient(as_value(resolved), None, False, "d"), target), i + 2
        if self.letters.resolve(found, self.fragment) is not None:
            return None
        for prefix, suffix in (("d_", ""), ("d", ""), ("grad_", ""), ("", "_dot"), ("", "_bar")):
            base = found.base
            if base.startswith(prefix) and base.endswith(suffix) and len(base) > len(prefix + suffix):
                inner = base[len(prefix) : len(base) - len(suffix)]
                head, *labels = inner.split("_")
                extra = [("sub", Name(0, 0, "_".join(labels), ""))] if labels else []
                resolved = self.letters.resolve(replace(found, base=head, parts=[*extra, *found.parts]), self.fragment)
                resolved = resolved or self.letters.resolve(replace(found, base=inner), self.fragment)
                if resolved is not None:
                    return self.decorated(Gradient(as_value(resolved), None, False, "d"), found), i + 1
        if found.base in LOSSES and len(found.parts) == 1 and found.parts[0][0] == "sub":
            by = taken(found.parts[0][1], self.fragment)
            resolved = by and self.letters.resolve(by, self.fragment)
            if resolved:
                return self.decorated(Gradient(as_value(resolved)), found), i + 1
        return None

    def delta(self, found: Written, node: Syntax) -> Said | None:
        """δ_t, δ_h^{(t)}, δ_{ij}."""
        if found.base not in ("delta", "Delta", "varepsilon", "epsilon"):
            return None
        if len(found.parts) == 1 and isinstance(run := found.parts[0][1], Run) and len(run.factors) == 2:
            pair = [self.letters.entry(factor) for factor in run.factors]
            if pair[0] is not None and pair[1] is not None:
                return claimed.Kronecker(pair[0], pair[1])
        for name in self.letters.known:
            if name.startswith("net_") and name[4:] in _joined(found, self.fragment):
                own = self.letters.known[name]
                steps = [step for _, part in found.parts if (step := _step(part, name[4:], self.fragment)) is not None]
                return self._net_or_plain(found, Value(own, steps[0] if steps else nodes.t))
        argument = self._labelled(found, "net")
        plain = self._labelled(found, "")
        if argument is not None and plain is not None and argument.by.name != plain.by.name:
            return claimed.Error(argument, plain)
        if argument is not None or plain is not None:
            return argument or plain
        # Of the layer in which the state stands, not of the one that reads it out.
        nets = [name for state in self.letters.cell.states for name in self._argument_of(state.name)]
        if not self.letters.cell.states:
            nets = [name for e in self.letters.program.equations for name in self._argument_of(e.symbol.name)]
        if len(nets) != 1:
            raise self.unclear("δ without a label can be the gradient of several quantities here", node)
        alone = replace(found, base=nets[0])
        resolved = self.letters.resolve(alone, self.fragment)
        if resolved is None:
            steps = [step for _, part in found.parts if (step := time_expression(part)) is not None]
            return Gradient(Value(nets[0], steps[0] if steps else nodes.t), None, False, "delta")
        return Gradient(as_value(resolved), None, False, "delta")

    def _net_or_plain(self, found: Written, net: Value) -> Said:
        argument = Gradient(net, None, False, "delta")
        plain = self._labelled(found, "")
        return argument if plain is None or plain.by.name == net.name else claimed.Error(argument, plain)

    def _labelled(self, found: Written, prefix: str) -> Gradient | None:
        """The gradient that a δ with a label means: of net_q, or of q itself."""
        for position, (_, part) in enumerate(found.parts):
            cells = list(part.factors) if isinstance(part, Run) else [part]
            inner = taken(cells[0], self.fragment)
            if inner is None or inner.base in ("partial", *TIME_LETTERS - {"k"}):
                continue
            rest = [("sub", cell) for cell in cells[1:]]
            others = [*inner.parts, *rest, *found.parts[:position], *found.parts[position + 1 :]]
            base = self.letters.known.get(inner.base)
            if base is None:
                resolved = self.letters.resolve(replace(inner, parts=others), self.fragment)
                base = resolved.name if resolved else None
                if base is None:
                    continue
            names = [base] if not prefix else [f"net_{base}", *self._argument_of(base)]
            for name in names:
                if name in self.letters.quantities and self.letters.is_timed(name):
                    steps = [step for _, cell in others if (step := time_expression(cell)) is not None]
                    return Gradient(Value(name, steps[0] if steps else nodes.t), None, False, "delta")
        return None

    def _argument_of(self, name: str) -> list[str]:
        found = [e.expression for e in self.letters.program.equations if e.symbol.name == name]
        operands = [e.operands[0] for e in found if isinstance(e, Elementwise)]
        operands += [e.operand for e in found if isinstance(e, Softmax)]
        return [operand.name for operand in operands if isinstance(operand, Quantity)]


def as_value(found: Found) -> Value:
    """A resolved letter as a part of a claim."""
    return Value(found.name, found.time, found.at)


def _joined(found: Written, fragment: Fragment) -> set[str]:
    """The label that a δ may have: its first script part, or the first letter in it."""
    labels: set[str] = set()
    for _, part in found.parts:
        for each in (part, part.factors[0] if isinstance(part, Run) else part):
            inner = taken(each, fragment)
            if inner is not None and inner.base != "partial":
                try:
                    labels.add("_".join([inner.base, *(label(p, fragment) for _, p in inner.parts)]))
                except InputError:
                    continue
    return labels - {"t"}


def _step(part: Syntax, name: str, fragment: Fragment) -> Expr | None:
    """The time in a script part of δ that is not its label."""
    if name in _joined(Written("delta", [("sub", part)]), fragment):
        return time_expression(part.factors[1]) if isinstance(part, Run) and len(part.factors) == 2 else None
    return time_expression(part)
