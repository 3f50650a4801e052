"""Random well-typed cells: each a note, and a direct evaluation of its equations that shares nothing with the product.

A part of an expression is made together with its LaTeX and with the function that computes it, so that the reader,
the derivation and the code are all held against something else. `draw(n)` gives a number below n: `random.Random`'s
`randrange`, or what hypothesis draws, which shrinks towards 0; so the simplest choice is always the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

Draw = Callable[[int], int]
Shape = tuple[str, str]
ONE = "1"
SUM, PRODUCT, ATOM = 1, 2, 3
"""How tightly the outermost operation of a part binds."""

STATES = ("h", "s", "c", "m")
NAMED = ("a", "z", "r", "g", "o", "q", "k", "p", r"\tilde{h}", r"\bar{c}")
MATRICES = ("W", "U", "V", "R", "P", "A", "B", "K", "Q", "G")
VECTORS = ("b", "w", "u", r"\beta", r"\gamma")
SCALARS = (r"\lambda", r"\mu", r"\nu")


class Values(NamedTuple):
    """What an evaluation reads: an array library, values by letter and offset in time, and numbers for size letters."""

    library: ModuleType
    known: Mapping[tuple[str, int | None], Any]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Part:
    """An expression: its LaTeX, how tightly it binds, its shape, and its value, (..., rows, columns)."""

    tex: str
    binding: int
    shape: Shape
    value: Callable[[Values], Any]

    def inside(self, least: int) -> str:
        """The LaTeX in brackets if it binds less than is needed."""
        return self.tex if self.binding >= least else rf"\left({self.tex}\right)"


def letter(name: str, offset: int | None, shape: Shape) -> Part:
    """A quantity at t (0), at t - 1 (-1), or without a time (None)."""
    time = {None: "", 0: "t", -1: "t-1"}[offset]
    head, _, label = name.partition("_")
    script = ",".join(filter(None, (label, time)))
    tex = f"{head}_{{{script}}}" if script else head
    return Part(tex, ATOM, shape, lambda v: v.known[name, offset])


def _sigmoid(v: Values, a: Any) -> Any:
    return 0.5 * (1 + v.library.tanh(0.5 * a))


def _softplus(v: Values, a: Any) -> Any:
    return v.library.log(1 + v.library.exp(a))


def _relu(v: Values, a: Any) -> Any:
    return v.library.where(a > 0, a, 0 * a)


FUNCTIONS: Mapping[str, Callable[[Values, Any], Any]] = {
    r"\tanh": lambda v, a: v.library.tanh(a),
    r"\sigma": _sigmoid,
    r"\operatorname{ReLU}": _relu,
    r"\operatorname{softplus}": _softplus,
    r"\sin": lambda v, a: v.library.sin(a),
    r"\cos": lambda v, a: v.library.cos(a),
}
OWN: Mapping[str, tuple[str, Callable[[Values, Any], Any]]] = {
    r"\phi": (r"\phi(a) = a \sigma(a)", lambda v, a: a * _sigmoid(v, a)),
    r"\psi": (
        r"\psi(a) = \max(0, a) + \min(0, \exp(a) - 1)",
        lambda v, a: v.library.where(a > 0, a, v.library.exp(a) - 1),
    ),
    r"\rho": (r"\rho(a) = \frac{a}{1 + |a|}", lambda v, a: a / (1 + abs(a))),
    r"\kappa": (
        r"\kappa(a) = \min(1, \max(0, 0.2 a + 0.5))",
        lambda v, a: v.library.clip(0.2 * a + 0.5, 0, 1),
    ),
}
"""Functions that a note declares itself."""


def _log_softmax(v: Values, a: Any) -> Any:
    return a - v.library.log(v.library.exp(a).sum(-2))[..., None, :]


LOSSES: Sequence[tuple[str, str, Callable[[Values, Any, Any], Any]]] = (
    (r"\frac{1}{2} \lVert f_{t} - l_{t} \rVert^2", "", lambda v, f, a: 0.5 * (f - a) ** 2),
    (
        r"-f_{t}^\top \log \operatorname{softmax}(l_{t})",
        r"\mathbf{1}^\top f_t = 1",
        lambda v, f, a: -f * _log_softmax(v, a),
    ),
    (
        r"-f_{t}^\top \log \sigma(l_{t}) - (1 - f_{t})^\top \log(1 - \sigma(l_{t}))",
        "",
        lambda v, f, a: f * _softplus(v, -a) + (1 - f) * _softplus(v, a),
    ),
)
"""Losses of a target f and a readout l: as they are written, what is assumed of f, and their entries."""


@dataclass
class RandomCell:
    """A note's text, its quantities by letter, and its equations to evaluate."""

    text: str
    parameters: Mapping[str, Shape]
    inputs: Mapping[str, Shape]
    constant: Mapping[str, Shape]
    states: Mapping[str, Shape]
    equations: Sequence[tuple[str, Part]]
    output: str
    targets: Mapping[str, Shape] = field(default_factory=dict)

    def run(self, library: ModuleType, given: Mapping[str, Any], sizes: Mapping[str, int], T: int) -> tuple[Any, Any]:
        """Outputs of all steps and the final states; `given` holds (n, m), (T, B, n, m) or (B, n, m) by letter."""
        states = {name: given[name] for name in self.states}
        fixed = {(name, None): given[name] for name in (*self.parameters, *self.constant)}
        outputs = []
        for time in range(T):
            known = {**fixed, **{(name, 0): given[name][time] for name in (*self.inputs, *self.targets)}}
            known |= {(name, -1): value for name, value in states.items()}
            for name, part in self.equations:
                known[name, 0] = part.value(Values(library, known, sizes))
            states = {name: known[name, 0] for name in states}
            outputs.append(known[self.output, 0])
        return outputs, states


class Maker:
    """Makes one cell."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.parameters: dict[str, Shape] = {}
        self.inputs: dict[str, Shape] = {}
        self.constant: dict[str, Shape] = {}
        self.states: dict[str, Shape] = {}
        self.equations: list[tuple[str, Part]] = []
        self.own: dict[str, None] = {}
        self.targets: dict[str, Shape] = {}
        self.assumed = ""
        self.read: set[str] = set()
        self.numbers: dict[str, str] = {}
        self.left = 14
        """How many operations may still be made."""

    # choices

    def chance(self, one_in: int) -> bool:
        """True in one of that many cases; false is the simpler choice."""
        return self.draw(one_in) == one_in - 1

    def one_of(self, options: Sequence[Any]) -> Any:
        return options[self.draw(len(options))]

    def available(self, shape: Shape) -> list[Part]:
        """Letters of a shape that may be read here."""
        found = [letter(name, 0, part.shape) for name, part in self.equations if part.shape == shape]
        found += [letter(name, -1, own) for name, own in self.states.items() if own == shape]
        found += [letter(name, 0, own) for name, own in self.inputs.items() if own == shape]
        return found + [letter(name, None, own) for name, own in self.constant.items() if own == shape]

    def leaf(self, shape: Shape) -> Part:
        """A letter of that shape, or a parameter where there is none."""
        found = self.available(shape)
        return self.reading(self.one_of(found)) if found else self.parameter(shape)

    def reading(self, part: Part) -> Part:
        """A letter that is read."""
        self.read.add(part.tex)
        return part

    def parameter(self, shape: Shape) -> Part:
        """A new parameter, or now and then one that is there already."""
        shared = [name for name, own in self.parameters.items() if own == shape]
        if shared and self.chance(5):
            return letter(self.one_of(shared), None, shape)
        kind = SCALARS if shape == (ONE, ONE) else VECTORS if shape[1] == ONE else MATRICES
        names = [*kind, *(f"{name}_{k}" for k in range(1, 9) for name in kind)]
        name = next(name for name in names if name not in self.parameters)
        self.parameters[name] = shape
        return letter(name, None, shape)

    # expressions

    def part(self, shape: Shape, depth: int) -> Part:
        """An expression of that shape."""
        self.left -= 1
        if depth <= 0 or self.left <= 0:
            return self.leaf(shape)
        kind = "scalar" if shape == (ONE, ONE) else "vector" if shape[1] == ONE else "matrix"
        makers = {
            "vector": [
                self.affine, self.affine, self.gated, self.applied, self.blended, self.summed, self.product,
                self.complement, self.scaled, self.quotient, self.squared, self.times_scalar, self.softmaxed,
                self.diagonal, self.stacked,
            ],
            "matrix": [self.outer, self.summed, self.product, self.applied, self.times_scalar, self.scaled],
            "scalar": [self.dotted, self.applied, self.summed, self.total, self.scaled, self.complement],
        }[kind]  # fmt: skip
        made: Part = self.one_of(makers)(shape, depth)
        return made

    def affine(self, shape: Shape, depth: int) -> Part:
        """W x + U h + b, with expressions instead of the letters now and then."""
        terms = []
        for _ in range(1 + self.draw(3)):
            inner = (self.one_of([name for name in ("H", "D", "N") if self.available((name, ONE))] or ["H"]), ONE)
            operand = self.part(inner, depth - 2) if self.chance(4) else self.leaf(inner)
            matrix = self.parameter((shape[0], inner[0]))
            terms.append(_product(matrix, operand))
        if self.chance(2):
            terms.append(self.parameter(shape))
        return _sum([(1, term) for term in terms])

    def gated(self, shape: Shape, depth: int) -> Part:
        """σ(...) ⊙ ..."""
        gate = _call(r"\sigma", self.part(shape, depth - 1))
        return _entrywise([gate, self.part(shape, depth - 1)])

    def blended(self, shape: Shape, depth: int) -> Part:
        """(1 - z) ⊙ u + z ⊙ v."""
        gate = self.leaf(shape) if self.chance(3) else _call(r"\sigma", self.part(shape, depth - 1))
        closed = _minus_from(1, gate)
        first = _entrywise([closed, self.leaf(shape)])
        return _sum([(1, first), (1, _entrywise([gate, self.part(shape, depth - 1)]))])

    def applied(self, shape: Shape, depth: int) -> Part:
        """A function, one that the note declares now and then."""
        if self.chance(6):
            name = self.one_of(list(OWN))
            self.own[name] = None
            operand = self.part(shape, depth - 1)
            value = OWN[name][1]
            return Part(rf"{name}({operand.tex})", ATOM, shape, lambda v: value(v, operand.value(v)))
        return _call(self.one_of(list(FUNCTIONS)), self.part(shape, depth - 1))

    def summed(self, shape: Shape, depth: int) -> Part:
        terms = [(1, self.part(shape, depth - 1)), (1 - 2 * self.draw(2), self.part(shape, depth - 1))]
        if self.chance(4):
            terms.append((-1, self.leaf(shape)))
        return _sum(terms)

    def product(self, shape: Shape, depth: int) -> Part:
        factors = [self.part(shape, depth - 1), self.part(shape, depth - 1)]
        if self.chance(4):
            factors.append(self.leaf(shape))
        return _entrywise(factors)

    def complement(self, shape: Shape, depth: int) -> Part:
        operand = self.part(shape, depth - 1)
        return _minus_from(1, _minus_from(1, operand) if self.chance(4) else operand)

    def scaled(self, shape: Shape, depth: int) -> Part:
        operand = self.part(shape, depth - 1)
        if self.chance(3):
            number = self.one_of(("0.9", "0.5", "1.5"))
            name = next((known for known, value in self.numbers.items() if value == number), None)
            if name is None:
                name = (r"\alpha", r"\epsilon", r"\tau")[len(self.numbers)] if len(self.numbers) < 3 else r"\alpha"
                self.numbers.setdefault(name, number)
            value = float(self.numbers[name])
            return Part(f"{name} {operand.inside(ATOM)}", PRODUCT, shape, lambda v: value * operand.value(v))
        tex, value = self.one_of((("2", 2.0), (r"\frac{1}{2}", 0.5), ("0.1", 0.1), (r"\frac{1}{H}", None)))
        return Part(
            f"{tex} {operand.inside(ATOM)}",
            PRODUCT,
            shape,
            lambda v: (1 / v.sizes["H"] if value is None else value) * operand.value(v),
        )

    def quotient(self, shape: Shape, depth: int) -> Part:
        above, below = self.part(shape, depth - 1), _call(r"\exp", _call(r"\tanh", self.part(shape, depth - 1)))
        tex = rf"\frac{{{above.tex}}}{{1 + {below.tex}}}"
        return Part(tex, ATOM, shape, lambda v: above.value(v) / (1 + below.value(v)))

    def squared(self, shape: Shape, depth: int) -> Part:
        operand = self.leaf(shape) if self.chance(2) else self.part(shape, depth - 1)
        return _entrywise([operand, operand])

    def times_scalar(self, shape: Shape, depth: int) -> Part:
        scalars = self.available((ONE, ONE))
        chosen = scalars and self.chance(2)
        scalar = self.reading(self.one_of(scalars)) if chosen else self.parameter((ONE, ONE))
        return _product(scalar, self.part(shape, depth - 1))

    def softmaxed(self, shape: Shape, depth: int) -> Part:
        operand = self.part(shape, depth - 1)

        def value(v: Values) -> Any:
            powers = v.library.exp(operand.value(v))
            return powers / powers.sum(-2)[..., None, :]

        return Part(rf"\operatorname{{softmax}}({operand.tex})", ATOM, shape, value)

    def diagonal(self, shape: Shape, depth: int) -> Part:
        vector, operand = self.parameter(shape), self.part(shape, depth - 1)
        tex = rf"\operatorname{{diag}}({vector.tex}) {operand.inside(ATOM)}"
        return Part(tex, PRODUCT, shape, lambda v: vector.value(v) * operand.value(v))

    def stacked(self, shape: Shape, depth: int) -> Part:
        """W [h; x]."""
        rows = [name for name in ("H", "D", "N") if self.available((name, ONE))] or ["H"]
        first, second = (self.leaf((self.one_of(rows), ONE)) for _ in range(2))
        name = next(
            f"{head}_{label}" for label in "cdefijkl" for head in "WU" if f"{head}_{label}" not in self.parameters
        )
        self.parameters[name] = (shape[0], f"{first.shape[0]} + {second.shape[0]}")
        matrix = letter(name, None, self.parameters[name])

        def value(v: Values) -> Any:
            parts = [first.value(v), second.value(v)]
            lead = np.broadcast_shapes(*(tuple(part.shape[:-2]) for part in parts))
            spread = [v.library.broadcast_to(part, (*lead, *part.shape[-2:])) for part in parts]
            return matrix.value(v) @ v.library.concatenate(spread, -2)

        return Part(f"{matrix.tex} [{first.tex}; {second.tex}]", PRODUCT, shape, value)

    def outer(self, shape: Shape, depth: int) -> Part:
        left, right = self.part((shape[0], ONE), depth - 1), self.part((shape[1], ONE), depth - 1)
        tex = rf"{left.inside(ATOM)} {_transposed(right)}"
        return Part(tex, PRODUCT, shape, lambda v: left.value(v) @ v.library.swapaxes(right.value(v), -1, -2))

    def dotted(self, shape: Shape, depth: int) -> Part:
        rows = self.one_of([name for name in ("H", "D", "N") if self.available((name, ONE))] or ["H"])
        left = self.parameter((rows, ONE)) if self.chance(2) else self.leaf((rows, ONE))
        right = self.part((rows, ONE), depth - 1)
        tex = f"{_transposed(left)} {right.inside(ATOM)}"
        return Part(tex, PRODUCT, shape, lambda v: v.library.swapaxes(left.value(v), -1, -2) @ right.value(v))

    def total(self, shape: Shape, depth: int) -> Part:
        operand = self.part(("H", ONE), depth - 1)
        tex = rf"\mathbf{{1}}^\top {operand.inside(ATOM)}"
        return Part(tex, PRODUCT, shape, lambda v: operand.value(v).sum(-2)[..., None, :])

    def applied_matrix(self, shape: Shape, depth: int) -> Part:
        """A matrix state times a vector."""
        states = [name for name, own in self.states.items() if own[1] != ONE and own[0] == shape[0]]
        if not states:
            return self.affine(shape, depth)
        name = self.one_of(states)
        matrix = self.reading(letter(name, -1, self.states[name]))
        return _product(matrix, self.part((matrix.shape[1], ONE), depth - 1))

    # whole cells

    def cell(self, loss: bool = False) -> RandomCell:
        """A cell with one to four states, a loss of its output behind it if asked for."""
        if not self.chance(30):
            self.inputs["x"] = ("D", ONE)
        else:
            self.inputs["x"] = ("H", ONE)
        for k in range(1 + self.draw(4)):
            self.states[STATES[k]] = ("N", ONE) if k and self.chance(5) else ("H", ONE)
        if self.chance(6):
            self.states["S"] = ("H", "N")
        if self.chance(10):
            self.states["n"] = (ONE, ONE)
        if self.chance(8):
            self.inputs["v"] = ("H", ONE)
        if self.chance(10):
            self.constant["e"] = ("H", ONE)
        for name in NAMED[: self.draw(5)]:
            shape = (ONE, ONE) if self.chance(8) else ("N", ONE) if self.chance(8) else ("H", ONE)
            self.equations.append((name, self.top(shape)))
        for name, shape in self.states.items():
            self.equations.append((name, self.top(shape, name)))
        output = next(iter(self.states))
        if self.states[output][1] != ONE or self.chance(3):
            self.equations.append(("y", self.top(("H", ONE))))
            output = "y"
        self._read_everything()
        if loss:
            output = self._add_loss(output)
        return RandomCell(
            self._text(output),
            self.parameters,
            self.inputs,
            self.constant,
            self.states,
            self.equations,
            output,
            self.targets,
        )

    def _add_loss(self, output: str) -> str:
        """A readout of the output, and its loss against a target f; the name of the loss."""
        column, target = ("H", ONE), letter("f", 0, ("H", ONE))
        self.targets["f"] = column
        self.parameters["F"] = ("H", "H")
        self.equations.append(("l", _product(letter("F", None, ("H", "H")), letter(output, 0, column))))
        net = letter("l", 0, column)
        tex, self.assumed, entries = self.one_of(LOSSES)

        def value(v: Values) -> Any:
            return entries(v, target.value(v), net.value(v)).sum(-2)[..., None, :]

        self.equations.append(("L", Part(tex, SUM, (ONE, ONE), value)))
        return "L"

    def _read_everything(self) -> None:
        """What nothing reads is no input; x, which a module needs, is added to the first state."""
        self.constant = {n: s for n, s in self.constant.items() if letter(n, None, s).tex in self.read}
        self.inputs = {n: s for n, s in self.inputs.items() if n == "x" or letter(n, 0, s).tex in self.read}
        x = letter("x", 0, self.inputs["x"])
        if x.tex not in self.read:
            place = next(k for k, (name, _) in enumerate(self.equations) if name == next(iter(self.states)))
            name, part = self.equations[place]
            self.equations[place] = name, _sum([(1, part), (1, _product(self.parameter(("H", x.shape[0])), x))])

    def top(self, shape: Shape, state: str = "") -> Part:
        """The right-hand side of an equation; that of a state reads its value before."""
        self.left = 4 + self.draw(10)
        depth = 1 + self.draw(4)
        if (
            shape[1] == ONE
            and shape[0] != ONE
            and any(own[1] != ONE for own in self.states.values())
            and self.chance(2)
        ):
            made = self.applied_matrix(shape, depth)
        else:
            made = self.part(shape, depth)
        if not state:
            return made
        before = letter(state, -1, shape)
        if before.tex not in self.read or self.chance(3):
            self.reading(before)
            if self.chance(2):
                made = _sum([(1, _entrywise([made, before])), (1, before)])
            else:
                made = _sum([(1, made), (1, before)])
        return made

    def _text(self, output: str) -> str:
        lines = ["# Random", ""]
        for name, part in self.equations:
            lines += [f"$$ {letter(name, 0, part.shape).tex} = {part.tex} $$", ""]
        declared = []
        timed = {**self.inputs, **self.targets, **self.states, **{name: part.shape for name, part in self.equations}}
        for name, shape in timed.items():
            declared.append(f"{letter(name, 0, shape).tex} \\in {_space(shape)}")
        for name, shape in {**self.constant, **self.parameters}.items():
            declared.append(f"{letter(name, None, shape).tex} \\in {_space(shape)}")
        declared += [f"{name} = {number}" for name, number in self.numbers.items()]
        lines += [f"where ${one}$" for one in declared]
        lines += [f"where ${OWN[name][0]}$" for name in self.own]
        lines += [""] + [f"input: ${letter(name, None, shape).tex}$" for name, shape in self.constant.items()]
        lines += [f"target: ${letter(name, 0, shape).tex}$" for name, shape in self.targets.items()]
        lines += [f"assume: ${self.assumed}$"] if self.assumed else []
        lines += [f"output: ${letter(output, 0, ('H', ONE)).tex}$", ""]
        return "\n".join(lines)


def _space(shape: Shape) -> str:
    axes = r" \times ".join(f"({axis})" if "+" in axis else axis for axis in shape if axis != ONE)
    return rf"\mathbb{{R}}^{{{axes}}}" if axes else r"\mathbb{R}"


def _transposed(part: Part) -> str:
    return rf"{part.tex}^\top" if "_" not in part.tex and part.binding == ATOM else rf"{part.inside(ATOM)}^\top"


def _product(left: Part, right: Part) -> Part:
    """A matrix product, or a scalar times anything."""
    tex = f"{left.inside(ATOM)} {right.inside(ATOM)}"
    if left.shape == (ONE, ONE):
        return Part(tex, PRODUCT, right.shape, lambda v: left.value(v) * right.value(v))
    return Part(tex, PRODUCT, (left.shape[0], right.shape[1]), lambda v: left.value(v) @ right.value(v))


def _entrywise(factors: Sequence[Part]) -> Part:
    def value(v: Values) -> Any:
        result = factors[0].value(v)
        for factor in factors[1:]:
            result = result * factor.value(v)
        return result

    scalar = factors[0].shape == (ONE, ONE)
    joined = (" " if scalar else r" \odot ").join(factor.inside(ATOM) for factor in factors)
    return Part(joined, PRODUCT, factors[0].shape, value)


def _sum(terms: Sequence[tuple[int, Part]]) -> Part:
    if len(terms) == 1:
        return terms[0][1]
    tex = ""
    for sign, term in terms:
        tex += (f" {'+' if sign > 0 else '-'} " if tex else "-" if sign < 0 else "") + term.inside(PRODUCT)

    def value(v: Values) -> Any:
        return sum((sign * term.value(v) for sign, term in terms[1:]), terms[0][0] * terms[0][1].value(v))

    return Part(tex, SUM, terms[0][1].shape, value)


def _minus_from(number: int, operand: Part) -> Part:
    return Part(f"{number} - {operand.inside(PRODUCT)}", SUM, operand.shape, lambda v: number - operand.value(v))


def _call(name: str, operand: Part) -> Part:
    value = FUNCTIONS.get(name) or (lambda v, a: v.library.exp(a))
    return Part(f"{name}({operand.tex})", ATOM, operand.shape, lambda v: value(v, operand.value(v)))


def random_cell(draw: Draw, loss: bool = False) -> RandomCell:
    """One cell, as it is or with a loss of its output."""
    return Maker(draw).cell(loss)
