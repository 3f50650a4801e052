"""Gates computed where their arguments stand, several of them by one call.

What a net receives from the inputs is there before the loop. Where nothing else reads it, the net is added up in its
place, and so is the function of the net: the gates are entries of that array. σ(a) is ½ + ½ tanh(a/2), so that gates
with σ and tanh side by side need one tanh; the inner ½ goes into their weights, where it changes no digit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from derive.targets.language.code import (
    Apply,
    Assign,
    Buffer,
    Call,
    Code,
    Index,
    MatrixProduct,
    Name,
    Number,
    Product,
    Remark,
    Statement,
    Sum,
    Transposed,
    parts,
    size_text,
)
from derive.targets.passes.loops import Body
from derive.targets.passes.rewriting import mapped, names_in, substituted, summed, terms_of, within
from derive.targets.passes.shapes import Shapes

ACTIVATIONS = ("sigmoid", "np.tanh")


@dataclass
class Gates:
    """Moves nets and gates into the arrays that hold what comes from the inputs.

    `before` stands before the loop, `outside` are variables that others read.
    """

    body: Body
    before: list[Statement]
    shapes: Shapes
    fresh: Callable[[str], Name]
    outside: Collection[str]
    _moved: dict[Code, Code] = field(default_factory=dict)
    _views: list[Statement] = field(default_factory=list)
    _taken: list[Code] = field(default_factory=list)

    def run(self) -> Body:
        """The loop that is left; `before` has changed with it."""
        statements = list(self.body.statements)
        for place, statement in enumerate(self.body.statements):
            home = self._home(statement, statements)
            if home is not None:
                statements = self._at_home(statements, place, home)
        statements = self._one_tanh(statements)
        self.before += self._views
        return self.body.with_statements(statements)

    # Nets

    def _home(self, statement: Assign, statements: Sequence[Assign]) -> Code | None:
        """The entries of an array, made before the loop, that a net is the sum of and that nothing else reads."""
        match statement.targets:
            case (Name(),):
                pass
            case _:
                return None
        shape = self.shapes.of(statement.value)
        for negative, term in terms_of(statement.value):
            array = _array_at_t(term)
            if negative or array is None or array.name in self.outside or not self._own(array):
                continue
            uses = [part for s in statements for part in _entries_of(s.value, array)]
            alone = uses.count(term) == 1 and all(use == term or _apart(use, term) for use in uses)
            if alone and shape is not None and self.shapes.of(term) == shape:
                return term
        return None

    def _own(self, array: Name) -> bool:
        """Whether an array was computed before the loop: its memory belongs to nobody else."""
        return any(
            isinstance(s, Assign)
            and s.targets == (array,)
            and isinstance(s.value, Sum | Product | Call)
            and not (isinstance(s.value, Call) and s.value.function in ("np.broadcast_to", "np.swapaxes"))
            for s in self.before
        )

    def _at_home(self, statements: Sequence[Assign], place: int, home: Code) -> list[Assign]:
        net = statements[place].targets[0]
        moved: dict[Code, Code] = {net: home}
        found: list[Assign] = []
        for k, s in enumerate(statements):
            targets = (home,) if k == place else s.targets
            value = _merged(substituted(s.value, moved)) if k > place else s.value
            found.append(Assign(targets, value, s.formula))
        for k in range(place + 1, len(found)):
            s = found[k]
            gate = self._gate(s, home, found)
            if gate is not None:
                found[k] = Assign((gate,), s.value, s.formula)
                found[k + 1 :] = [
                    Assign(o.targets, _merged(substituted(o.value, self._moved)), o.formula) for o in found[k + 1 :]
                ]
        return found

    def _gate(self, statement: Assign, home: Code, statements: Sequence[Assign]) -> Code | None:
        """Where a function of some entries of a net stands, if it can take their place."""
        match statement:
            case Assign(targets, Call(function, (argument,), "")) if function in ACTIVATIONS:
                pass
            case _:
                return None
        array = _array_at_t(argument)
        if array is None or array != _array_at_t(home):
            return None
        readers = [s for s in statements if s is not statement and s.targets != (home,)]
        others = [part for s in readers for part in _entries_of(s.value, array)] + self._taken
        if not all(_apart(other, argument) for other in others):
            return None
        stored = [t for t in targets if isinstance(t, Index)]
        names = [t for t in targets if isinstance(t, Name)]
        if len(stored) > 1 or len(names) > 1:
            return None
        if stored:
            if not (isinstance(stored[0].of, Name) and stored[0].index == "t"):
                return None
            whole = stored[0].of
            kept = [k for k, s in enumerate(self.before) if isinstance(s, Buffer) and s.name == whole.name]
            if len(kept) != 1 or self.shapes.of(stored[0]) != self.shapes.of(argument):
                return None
            self.before[kept[0] : kept[0] + 1] = []
            self._views.append(Assign((whole,), _over_time(argument)))
            self._moved[stored[0]] = argument
        self._taken.append(argument)
        for name in names:
            self._moved[name] = argument
            self.body.labels[argument] = name
        return argument

    # One tanh

    def _one_tanh(self, statements: Sequence[Assign]) -> list[Assign]:
        found = list(statements)
        for net in statements:
            home = net.targets[0]
            array = _array_at_t(home) if len(net.targets) == 1 else None
            if array is None or home not in within(net.value):
                continue
            gates = [s for s in found if _is_gate(s, array) and not _apart(s.targets[0], home)]
            together = self._together(net, home, array, gates, found)
            if together is not None:
                found = together
        return found

    def _together(
        self, net: Assign, home: Code, array: Name, gates: Sequence[Assign], statements: Sequence[Assign]
    ) -> list[Assign] | None:
        """The gates of a net behind it, by one tanh; None where its weights cannot be halved or nothing is gained."""
        spans = [span(gate.targets[0]) for gate in gates]
        sigmoids = [gate for gate in gates if isinstance(gate.value, Call) and gate.value.function == "sigmoid"]
        if not sigmoids:
            return None
        run = _joined_span([span(gate.targets[0]) for gate in sigmoids])
        whole = [gate.targets[0] for gate in gates] == [home]
        if run is None or not (whole or _joined_span(spans) == self._span_of(home)):
            return None
        halved = self._halved(net, home, array, run if len(sigmoids) < len(gates) else None)
        if halved is None:
            return None
        at_t = Index(array, "t")
        sigma: Code = sigmoids[0].targets[0] if len(sigmoids) == 1 else Index(at_t, f"..., {run[0]}:{run[1]}")
        if len(sigmoids) == len(gates):
            sigma = home
        formulas = "\n".join(gate.formula for gate in gates if gate.formula)
        half = Number("0.5")
        made = [
            Assign((home,), halved, net.formula),
            Assign((home,), Call("np.tanh", (home,)), formulas),
            Assign((sigma,), Product((sigma, half))),
            Assign((sigma,), Sum(((False, sigma), (False, half)))),
        ]
        rest = [s for s in statements if s not in gates]
        place = rest.index(net)
        return [*rest[:place], *made, *rest[place + 1 :]]

    def _span_of(self, home: Code) -> tuple[str, str] | None:
        own = span(home)
        shape = self.shapes.of(home)
        return own or (("0", size_text(shape[-1])) if shape else None)

    def _halved(self, net: Assign, home: Code, array: Name, run: tuple[str, str] | None) -> Code | None:
        """The net where the argument of each σ is half of what it was; `run`: where they stand, None: everywhere.

        None where something else is in it than products with parameters and what was there before the loop.
        """
        products = [term for _, term in terms_of(net.value) if term != home]
        if not all(isinstance(term, MatrixProduct) and isinstance(term.right, Transposed) for term in products):
            return None
        made = next((k for k, s in enumerate(self.before) if isinstance(s, Assign) and s.targets == (array,)), None)
        shape = self.shapes.of(home)
        if made is None or shape is None:
            return None
        whole = self.shapes.of(Index(array, "t"))
        assert whole is not None
        everywhere = run is None and span(home) is None
        scale: Code = Number("0.5")
        rows: Code = Number("0.5")
        self.before.append(Remark("½ of σ(a) = ½ + ½ tanh(a/2) goes into the weights"))
        if not everywhere:
            name = self.fresh("halves")
            taken = run or self._span_of(home)
            assert taken is not None
            self.before += [
                Assign((name,), Call("np.ones", (Number(size_text(whole[-1])), Name("dtype")))),
                Assign((Index(name, f"{taken[0]}:{taken[1]}"),), Number("0.5")),
            ]
            self.shapes.known[name.name] = (whole[-1],)
            scale = name
            if run is not None:
                start, stop = self._span_of(home) or ("", "")
                rows = Index(name if span(home) is None else Index(name, f"{start}:{stop}"), ":, None")
        self._scale_made(made, array, scale)
        terms: list[tuple[bool, Code]] = [(False, home)]
        for negative, term in terms_of(net.value):
            if term == home:
                continue
            assert isinstance(term, MatrixProduct)
            assert isinstance(term.right, Transposed)
            matrix = self.fresh(f"{'_'.join(sorted(names_in(term.right)))}_half")
            self.before.append(Assign((matrix,), Product((term.right.of, rows))))
            known = self.shapes.of(term.right.of)
            if known is not None:
                self.shapes.known[matrix.name] = known
            terms.append((negative, MatrixProduct(term.left, Transposed(matrix))))
        return summed(terms)

    def _scale_made(self, place: int, array: Name, scale: Code) -> None:
        """Scales the last axis of an array made before the loop, by its weights where it is a product."""
        made = self.before.pop(place)
        assert isinstance(made, Assign)
        rows = scale if isinstance(scale, Number) else Index(scale, ":, None")
        terms: list[tuple[bool, Code]] = []
        for negative, term in terms_of(made.value):
            match term:
                case Call("rows_times", (operand, Transposed(matrix))):
                    terms.append((negative, Call("rows_times", (operand, Transposed(Product((matrix, rows)))))))
                case Name() | Index() if len(self.shapes.of(term) or (0, 0)) == 1:
                    terms.append((negative, Product((term, scale))))
                case _:
                    self.before += [made, Apply("np.multiply", (array, scale), array)]
                    return
        self.before.append(Assign(made.targets, summed(terms), made.formula))


def _array_at_t(code: Code) -> Name | None:
    """The array of which the code is all entries, or some of the last axis, at t."""
    if isinstance(code, Index) and code.index != "t" and span(code) is not None:
        code = code.of
    return code.of if isinstance(code, Index) and code.index == "t" and isinstance(code.of, Name) else None


def span(code: Code) -> tuple[str, str] | None:
    """First and last of the entries that an index takes of the last axis."""
    found = re.fullmatch(r"\.\.\., ([^,:]+):([^,:]+)", code.index) if isinstance(code, Index) else None
    return (found[1], found[2]) if found else None


def _entries_of(code: Code, array: Name) -> list[Code]:
    """Where an array is read, with the entries taken."""
    if _array_at_t(code) == array:
        return [code]
    if code == array:
        return [code]
    return [found for part in parts(code) for found in _entries_of(part, array)]


def _apart(one: Code, other: Code) -> bool:
    """Whether two parts of an array have no entry in common."""
    first, second = span(one), span(other)
    return first is not None and second is not None and apart_spans(first, second)


def apart_spans(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Whether one ends before or where the other starts, for whatever sizes."""
    return first != second and (_before(first[1], second[0]) or _before(second[1], first[0]))


def _before(stop: str, start: str) -> bool:
    """Whether an entry's number is at most another, for whatever sizes: 2 * H and 3 * H."""
    left, right = _terms(stop), _terms(start)
    return all(right[key] >= count for key, count in left.items())


@lru_cache(maxsize=4096)
def _terms(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for term in text.split(" + "):
        factors = term.split(" * ")
        number = [int(f) for f in factors if f.isdigit()]
        letters = " * ".join(sorted(f for f in factors if not f.isdigit()))
        found[letters] += number[0] if number else 1
    return found


def _joined_span(spans: Sequence[tuple[str, str] | None]) -> tuple[str, str] | None:
    """Neighbouring parts as one."""
    if len(spans) == 1:
        return spans[0] or ("", "")
    if any(span is None for span in spans):
        return None
    known = {span[0]: span[1] for span in spans if span is not None}
    starts = [start for start in known if start not in known.values()]
    if len(starts) != 1 or len(known) != len(spans):
        return None
    stop = starts[0]
    for _ in known:
        if stop not in known:
            return None
        stop = known[stop]
    return starts[0], stop


def _merged(code: Code) -> Code:
    """Entries of entries as entries: net[t][..., 0:2H][..., 0:H]."""

    def change(part: Code) -> Code | None:
        outer = span(part)
        if outer is None or not isinstance(part, Index):
            return None
        inner = span(part.of)
        if inner is None or not isinstance(part.of, Index):
            return None
        return Index(part.of.of, f"..., {_added(inner[0], outer[0])}:{_added(inner[0], outer[1])}")

    return mapped(code, change)


def _added(one: str, other: str) -> str:
    """The sum of two sizes, as text."""
    terms = _terms(one) + _terms(other)
    texts = []
    for letters, count in sorted(terms.items()):
        if count and letters:
            texts.append(letters if count == 1 else f"{count} * {letters}")
        elif count:
            texts.append(str(count))
    return " + ".join(texts) or "0"


def _over_time(code: Code) -> Code:
    """Entries at t, at all steps."""
    if isinstance(code, Index) and code.index == "t":
        return code.of
    assert isinstance(code, Index)
    return Index(_over_time(code.of), code.index)


def _is_gate(statement: Assign, array: Name) -> bool:
    match statement:
        case Assign((target,), Call(function, (argument,), "")) if function in ACTIVATIONS:
            return target == argument and _array_at_t(target) == array
    return False
