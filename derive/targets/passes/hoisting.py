"""What does not depend on what a loop computes is computed before it, for many steps at once.

Forwards that is what comes from the inputs; backwards, where the recurrence is linear in the adjoints, their
coefficients, which are known after the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Name,
    Number,
    Product,
    Sum,
    Transposed,
    parts,
)
from derive.targets.passes.loops import STEP, Body, is_timed
from derive.targets.passes.outer import is_outer
from derive.targets.passes.rewriting import mapped, multiplied, rebuilt, summed, within
from derive.targets.passes.shapes import BLOCK, Shapes, T

Naming = Callable[[str], Name]

_MIXING = {"joined", "np.concatenate", "np.broadcast_to", "np.diagonal"}
"""Functions whose arguments may not gain a leading axis."""


class Hoisting:
    """Takes out of one loop what can stand before it; `blocked`: for a block of steps at a time."""

    def __init__(
        self, body: Body, shapes: Shapes, fresh: Naming, *, blocked: bool, labels: Mapping[Code, Name]
    ) -> None:
        self.body = body
        self.shapes = shapes
        self.fresh = fresh
        self.blocked = blocked
        self.helpers: set[str] = set()
        self._labels = labels
        self.constants: list[Assign] = []
        self.over_steps: list[Assign] = []
        self._found: dict[Code, Code] = {}

    def run(self) -> Body:
        """The loop that is left; what was taken out stands in `constants` and `over_steps`."""
        statements: list[Assign] = []
        known: dict[Code, Code] = {}
        for statement in self.body.statements:
            value = mapped(statement.value, known.get)
            match statement:
                case Assign((Name(name),), _, _) if name not in self.body.carried and not self._varies(value):
                    found = self._whole(value, name.removesuffix("_t"), statement.formula)
                    if found is not None:
                        known[Name(name)] = found
                        continue
            wanted = self.letters(statement)
            statements.append(Assign(statement.targets, self._hoisted(value, wanted), statement.formula))
        return self.body.with_statements(statements)

    def _varies(self, code: Code) -> bool:
        return self.body.varies(code)

    def letters(self, statement: Assign) -> str:
        """The quantity that a statement computes."""
        for target in statement.targets:
            if target in self._labels:
                return self._labels[target].name.removesuffix("_t")
        target = statement.targets[0]
        while isinstance(target, Index):
            target = target.of
        return target.name.removesuffix("_t") if isinstance(target, Name) else "value"

    def _hoisted(self, code: Code, wanted: str) -> Code:
        if not self._varies(code):
            found = self._whole(code, f"{wanted}_given")
            if found is not None or not is_outer(code, self.shapes):
                return found or code
        match code:
            case Sum(terms):
                constant = [(n, t) for n, t in terms if not self._varies(t)]
                varying = [(n, self._hoisted(t, wanted)) for n, t in terms if self._varies(t)]
                joined = self._joined(constant, f"{wanted}_given")
                if joined is None:
                    return summed([(n, t if is_view(t) else self._hoisted(t, wanted)) for n, t in terms])
                return summed([(False, joined), *varying])
            case Product(factors, divisors):
                return self._product(factors, divisors, wanted)
        inner = parts(code)
        return rebuilt(code, [self._hoisted(part, wanted) for part in inner]) if inner else code

    def _joined(self, constant: Sequence[tuple[bool, Code]], wanted: str) -> Code | None:
        """Terms that are there before the loop, as one term; None where they stay as they are."""
        if not constant or (len(constant) == 1 and is_view(constant[0][1])):
            return None
        return self._whole(summed(constant), wanted)

    def _product(self, factors: Sequence[Code], divisors: Sequence[Code], wanted: str) -> Code:
        varying = [self._hoisted(f, wanted) for f in factors if self._varies(f)]
        below = [self._hoisted(d, wanted) for d in divisors if self._varies(d)]
        known, known_below = [f for f in factors if not self._varies(f)], [d for d in divisors if not self._varies(d)]
        if known and varying and not (len(known) == 1 and isinstance(known[0], Number)):
            coefficient = self._whole(multiplied(known, known_below), self._slope(varying, wanted))
            if coefficient is not None:
                return multiplied([*varying, coefficient], below)
        rest = [self._hoisted(f, wanted) for f in factors]
        return multiplied(rest, [self._hoisted(d, wanted) for d in divisors])

    @staticmethod
    def _slope(varying: Sequence[Code], wanted: str) -> str:
        """∂c/∂i is called c_by_i: what the adjoint of c is multiplied by on its way to i."""
        if wanted.startswith("d_") and len(varying) == 1:
            (of,) = varying
            while isinstance(of, Index):
                of = of.of
            if isinstance(of, Name) and of.name.startswith("d_"):
                return f"{of.name.removeprefix('d_').removesuffix('_t')}_by_{wanted.removeprefix('d_')}"
        return f"{wanted}_given"

    def _whole(self, code: Code, wanted: str, formula: str = "") -> Code | None:
        """The value at t of an array over many steps, or a constant; the expression itself where that is no gain."""
        if is_view(code):
            return code
        if code in self._found:
            return self._found[code]
        step = self.shapes.of(code)
        if step is None or any(isinstance(p, Call) and p.function in _MIXING for p in within(code)):
            return None
        if is_timed(code) and is_outer(code, self.shapes):
            return None
        if not is_timed(code):
            name = self.fresh(wanted)
            self.constants.append(Assign((name,), code, formula))
            self.shapes.known[name.name] = step
            self._found[code] = name
            return name
        many = mapped(code, self._over_steps)
        if self.shapes.of(many) != (BLOCK if self.blocked else T, *step):
            return None
        many = mapped(many, self._as_rows)
        name = self.fresh(wanted)
        self.over_steps.append(Assign((name,), many, formula))
        self.shapes.known[name.name] = (BLOCK if self.blocked else T, *step)
        self._found[code] = Index(name, "t")
        return self._found[code]

    def _as_rows(self, code: Code) -> Code | None:
        """A product of all rows at once with a matrix that is the same for all."""
        if not isinstance(code, MatrixProduct):
            return None
        left, right = self.shapes.of(code.left), self.shapes.of(code.right)
        if left is None or right is None or len(left) != 3 or len(right) != 2:
            return None
        self.helpers.add("rows_times")
        return Call("rows_times", (mapped(code.left, self._as_rows), code.right))

    def _over_steps(self, code: Code) -> Code | None:
        if not (isinstance(code, Index) and code.index in STEP):
            return None
        if isinstance(code.of, Name) and any(code.of == a.targets[0] for a in self.over_steps):
            return code.of
        if self.blocked:
            return Index(code.of, "start:stop" if code.index == "t" else "start + 1:stop + 1")
        if isinstance(code.of, Name) and code.of.name in self.body.longer:
            return Index(code.of, ":-1" if code.index == "t" else "1:")
        return code.of


def is_view(code: Code) -> bool:
    """Whether nothing is computed: a variable, a number, or entries of an array."""
    if isinstance(code, Call) and code.function == "np.swapaxes":
        return is_view(code.arguments[0])
    if isinstance(code, Index | Transposed):
        return is_view(code.of)
    return isinstance(code, Name | Number)
