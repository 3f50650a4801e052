"""Read-outs that a document never writes: ŷ_t and W_y of ∂L/∂W_y = Σ_t (ŷ_t - y_t) h_t^⊤, found in what it claims."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import letter
from derive.reader.meaning.symbols import symbol
from derive.reader.models.equations.equation import LOSSES, TIMES, Equation, Mention, mentions
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.names import ABOUT
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found
from derive.reader.text.syntax import Sum, Syntax

_SIGMOID = regex(r"\s*\\(?:sigma|operatorname\s*\{(?:sigmoid|\\sigma)\}|text\s*\{sigmoid\})\s*(?:\\left)?\s*\(")
CALLED = regex(r"\s*(?:\\[A-Za-z]+(?:\s*\{[A-Za-z]+\})?|[A-Za-z]+)\s*(?:\\left)?\s*\(")
_OPEN_CALL = regex(
    r"\s*(?:\\sigma\s*_|\\(?:var)?phi(?![a-z])\s*_?|\\psi(?![a-z])\s*_?|[fgG]\s*_?)"
    r"(?:(?<=_)\s*(?:\{[^{}]*\}|[A-Za-z]))?\s*(?:\\left)?\s*(?=\()"
)
"""A function that a letter stands for: σ_y(, g(, φ_o(."""
_LAST = regex(r"(?<![A-Za-z\\^])T(?![A-Za-z])")
_PREDICTED = ("p", "o")
"""What is predicted where no letter has a hat."""


@dataclass(frozen=True)
class _Read:
    """What a claim has of a read-out: the letter that is differentiated by, and the state, None for a bias."""

    name: str
    state: str | None
    rows: bool
    formula: tuple[int, Found]


def unwritten_head(
    known: Sequence[Equation], formulas: Sequence[tuple[int, Found]], *, softmax: bool, compared: Collection[str] = ()
) -> Instead | None:
    """The read-out that the claims of a document have and that no equation of it gives; None where that is not plain.

    `softmax`: whether the document speaks of a softmax or the cross-entropy; else what is read out is linear.
    `compared`: the letters that its words call targets.
    """
    said = [(each, one) for each in formulas for one in statements_of(each[1])]
    targets = {e.target for e in known}
    written = targets | {m.name for e in known for m in e.used}
    subtracted = {pair for _, one in said for pair in differences(one) if _is_residual(*pair, compared)}
    if len(subtracted) == 1 and (only := _loss_alone(known, said, min(subtracted), softmax, compared)) is not None:
        return only
    pairs = {pair for pair in subtracted if pair[0] not in written and pair[1] not in targets}
    if len(pairs) > 1:
        return None
    if not pairs:
        same = _called_so(known, said, targets, written, subtracted, compared)
        return _linear(known, said, targets, written) or same
    ((predicted, target),) = pairs
    residuals = {name for _, one in said if (name := _named(one, (predicted, target)))}
    found = _found(known, said, {predicted, target, *residuals}, {predicted, *residuals}, written)
    if found is None:
        return None
    time = TIMES[found.source.style]
    y_hat, y = (f"{spelled(name)}{time}" for name in (predicted, target))
    value = rf"\operatorname{{softmax}}({found.sum})" if softmax else found.sum
    texts = [(f"{y_hat} = {value}", predicted)]
    if not any(e.loss for e in known):
        loss = loss_letter(said)
        turned = rf"\log({y_hat}) {{{y}}}^\top" if found.rows else rf"{{{y}}}^\top \log {y_hat}"
        how = f"-{turned}" if softmax else rf"\tfrac12 \|{y_hat} - {y}\|^2"
        texts.append((rf"{loss}{time} = {how}", loss))
    return _made(known, found, texts, {predicted, target, *residuals})


def _loss_alone(
    known: Sequence[Equation], said: Sequence[tuple[tuple[int, Found], Statement]], pair: tuple[str, str],
    softmax: bool, compared: Collection[str],
) -> Instead | None:  # fmt: skip
    """The loss of which ŷ - y is the gradient, for a read-out ŷ that the document writes without one.

    A read-out by a function that is left open is the softmax, where the document speaks of that or the cross-entropy.
    That of a softmax with a ŷ is `entropies.in_words`; with another letter it takes words that say what the target is.
    """
    predicted, target = pair
    sources = [e for e in known if e.target == predicted and not e.numbered]
    if len(sources) != 1 or any(e.loss for e in known) or any(target in e.names for e in known):
        return None
    (source,) = sources
    loss, time = loss_letter(said), TIMES[source.style]
    y_hat, y = (f"{{{one}}}{time}" if "_" in one else f"{one}{time}" for one in map(str, map(spelled, pair)))
    open_ = _OPEN_CALL.match(source.right)
    texts = []
    if any(_times_slope(one, pair, source) for _, one in said):
        open_, how = None, rf"\tfrac12 \|{y_hat} - {y}\|^2"
    elif open_ is not None and softmax:
        texts.append((rf"{y_hat} = \operatorname{{softmax}}{source.right[open_.end() :].rstrip()}", predicted))
        how = rf"-{{{y}}}^\top \log {y_hat}"
    elif "softmax" in source.right and target in compared:
        how = rf"-{{{y}}}^\top \log {y_hat}"
    elif _SIGMOID.match(source.right):
        how = rf"-{{{y}}}^\top \log {y_hat} - (1 - {y})^\top \log(1 - {y_hat})"
    elif open_ is not None or CALLED.match(source.right):
        return None  # a softmax has its own, and of others ŷ - y is no gradient
    else:
        how = rf"\tfrac12 \|{y_hat} - {y}\|^2"
    texts.append((f"{loss}{time} = {how}", loss))
    made = (replace(source.rewritten(*each), space=None, whole=None, said="") for each in texts)
    residuals = {name for _, one in said if (name := _named(one, pair))}
    letters = frozenset({predicted, target, *residuals})
    shown = " and ".join(f"${text}$" for text, _ in texts)
    kept = [e for e in known if e is not source or not open_]
    return Instead((*kept, *made), letters, f"{shown}, which the note does not write")


def _times_slope(statement: Statement, pair: tuple[str, str], source: Equation) -> bool:
    """Whether ŷ - y stands beside the slope of what gives ŷ, at its argument: the loss is half the square of it."""
    if pair not in differences(statement):
        return False
    function, _, argument = _plain(source.right).partition("(")
    text = _LAST.sub("t", _plain(statement.fragment.text))
    return bool(argument) and any(f"{function}{prime}({argument}" in text for prime in ("'", r"^\prime", r"^{\prime}"))


def _plain(text: str) -> str:
    return "".join(text.replace(r"\left(", "(").replace(r"\right)", ")").split())


@dataclass(frozen=True)
class _ReadOut:
    """The state that is read out, and by what."""

    source: Equation
    sum: str
    rows: bool
    parameters: frozenset[str]
    formula: tuple[int, Found]


def _linear(
    known: Sequence[Equation], said: Sequence[tuple[tuple[int, Found], Statement]], targets: Collection[str],
    written: Collection[str],
) -> Instead | None:  # fmt: skip
    """o_t = V h_t of ∂L/∂V = Σ_t ∂L/∂o_t h_t^⊤, where the loss may be anything."""
    outputs = {name for _, one in said for name in _differentiated(one, targets, written)}
    if len(outputs) != 1:
        return None
    found = _found(known, said, outputs, outputs, written)
    if found is None:
        return None
    (output,) = outputs
    return _made(known, found, [(f"{spelled(output)}{TIMES[found.source.style]} = {found.sum}", output)], outputs)


def _called_so(
    known: Sequence[Equation], said: Sequence[tuple[tuple[int, Found], Statement]], targets: Collection[str],
    written: Collection[str], subtracted: Collection[tuple[str, str]], compared: Collection[str],
) -> Instead | None:  # fmt: skip
    """ŷ_t = V h_t of a document that calls the read-out y_t in its equation and ŷ_t in its gradients.

    Of a softmax it is that if ŷ_t - y_t stands there, which is the gradient of the cross-entropy with the target y_t.
    """
    names = {m.name for _, one in said for side in one.sides for m in _mentions(side, one.fragment) if m.offset == 0}
    hats = {name for name in names - set(written) if name.endswith("_hat") and name.removesuffix("_hat") in targets}
    if len(hats) != 1 or hats & set(compared):
        return None
    (hat,) = hats
    bare = hat.removesuffix("_hat")
    ways = [e for e in known if e.target == bare]
    if len(ways) != 1 or any(m.name == bare for e in known for m in e.used):
        return None
    (source,) = ways
    parameters = {m.name for m in source.used if m.offset is None}
    made = [replace(source.with_target(hat), space=None, said="")]
    words = f"${spelled(hat)}$ is what line {source.place[1]} calls ${spelled(bare)}$"
    if "softmax" in source.right:
        if (hat, bare) not in subtracted or any(e.loss for e in known):
            return None
        loss, time = loss_letter(said, targets), TIMES[source.style]
        y_hat, y = f"{spelled(hat)}{time}", f"{spelled(bare)}{time}"
        text = rf"{loss}{time} = -{{{y}}}^\top \log {y_hat}"
        made.append(replace(source.rewritten(text, loss), space=None, whole=None, said=""))
        words = f"{words}, and ${text}$, which the note does not write"
    errors = {m.name for _, one in said for m in _beside_a_difference(one, (hat, bare))} & {"delta"}
    letters = frozenset({hat, *parameters, *errors})
    return Instead((*(e for e in known if e is not source), *made), letters, words)


def _differentiated(one: Statement, targets: Collection[str], written: Collection[str]) -> Iterator[str]:
    """The one letter of a step beside a state in Σ_t ∂L/∂o_t h_t^⊤ that nothing gives a value."""
    for side in one.sides[1:]:
        found = _mentions(side, one.fragment)
        unknown = {m.name for m in found if m.offset == 0 and m.name not in {*written, *ABOUT, *LOSSES}}
        others = {m.name for m in found} - unknown - ABOUT - LOSSES
        if len(unknown) == 1 and len(others) == 1 and others <= set(targets) and DERIVATIVE.search(
            one.fragment.text, side.start, side.end
        ):  # fmt: skip
            yield unknown.pop()


def _found(
    known: Sequence[Equation], said: Sequence[tuple[tuple[int, Found], Statement]], error: Collection[str],
    needed: Collection[str], written: Collection[str],
) -> _ReadOut | None:  # fmt: skip
    """What claims have of the read-out whose error stands in them; None where that is not plain."""
    before = {m.name for e in known for m in e.used if m.offset is not None and m.offset < e.offset}
    states = {e.target: e for e in known if e.offset == 0 and e.target in before}
    reads = [read for each, one in said for read in _reads(one, each, error, needed, states, written)]
    weights = {read.name for read in reads if read.state is not None}
    biases = {read.name for read in reads if read.state is None}
    if len(weights) != 1 or len(biases) > 1:
        return None
    first = next(read for read in reads if read.state is not None)
    assert first.state is not None
    source = states[first.state]
    state, weight = f"{spelled(first.state)}{TIMES[source.style]}", str(spelled(first.name))
    parts = [f"{state} {weight}" if first.rows else f"{weight} {state}", *(str(spelled(name)) for name in biases)]
    return _ReadOut(source, " + ".join(parts), first.rows, frozenset(weights | biases), first.formula)


def _made(
    known: Sequence[Equation], found: _ReadOut, texts: Sequence[tuple[str, str]], letters: Collection[str]
) -> Instead:
    """The equations with those in these words, each with its target."""
    index, formula = found.formula
    made = (
        replace(
            found.source.rewritten(text, name), section=formula.section, index=index, space=None, at_end=False,
            numbered="", whole=None, said="",
        )
        for text, name in texts
    )  # fmt: skip
    shown = " and ".join(f"${text}$" for text, _ in texts)
    return Instead((*known, *made), found.parameters.union(letters), f"{shown}, which the note does not write")


def statements_of(formula: Found) -> list[Statement]:
    """What a formula says in relations; nothing where it cannot be read."""
    try:
        return [one for one in statements(formula.fragment) if len(one.sides) > 1]
    except (InputError, RecursionError):
        return []


def differences(statement: Statement) -> Iterator[tuple[str, str]]:
    """The names in every a - b."""
    for side in statement.sides:
        for part in walk(side):
            if (pair := _difference(part, statement.fragment)) is not None:
                yield pair


def _difference(part: Syntax, fragment: Fragment) -> tuple[str, str] | None:
    if not isinstance(part, Sum) or [sign for sign, _ in part.terms] != [1, -1]:
        return None
    names = []
    for _, term in part.terms:
        try:
            found = symbol(term, fragment) if letter(term) is not None else None
        except InputError:
            return None
        if found is None or found.transposed or found.offset not in (0, None):
            return None
        names.append(found.name)
    predicted, target = names
    return predicted, target


def _is_residual(predicted: str, target: str, compared: Collection[str]) -> bool:
    """Whether a - b is a prediction without its target: ŷ - y, and y - ŷ where words call ŷ the target."""
    if {predicted, target} & set(compared):
        return target in compared and predicted not in compared
    hat = predicted in (f"{target}_hat", f"{target}_pred")
    return hat or (predicted in _PREDICTED and target == "y")


def _named(statement: Statement, pair: tuple[str, str]) -> str:
    """The letter that a statement gives the difference: e of e_t = ŷ_t - y_t."""
    left, right = statement.sides[:2]
    if _difference(right, statement.fragment) != pair:
        return ""
    names = {m.name for m in _mentions(left, statement.fragment)} - ABOUT - LOSSES - set(pair)
    return names.pop() if len(names) == 1 else ""


def _beside_a_difference(statement: Statement, pair: tuple[str, str]) -> list[Mention]:
    """What a statement says that the difference is: δ of δ = ŷ_t - y_t and of ŷ_t - y_t = δ."""
    equal = any(_difference(side, statement.fragment) == pair for side in statement.sides)
    ends = (statement.sides[0], statement.sides[-1]) if equal else ()
    return [m for side in ends for m in _mentions(side, statement.fragment)]


def _reads(
    statement: Statement, formula: tuple[int, Found], error: Collection[str], needed: Collection[str],
    states: Collection[str], written: Collection[str],
) -> Iterator[_Read]:  # fmt: skip
    """What a statement says of a read-out: ∂L/∂W = Σ_t e_t h_t^⊤, ∂L/∂b = Σ_t e_t."""
    left = _mentions(statement.sides[0], statement.fragment)
    by = [m for m in left if m.name not in ABOUT | LOSSES | set(error)]
    for side in statement.sides[1:]:
        found = _mentions(side, statement.fragment)
        names = {m.name for m in found} - ABOUT - LOSSES
        read = names & set(states) - set(error)
        if len(by) != 1 or by[0].offset is not None or by[0].name in written or not names & set(needed):
            continue
        if names - set(error) - read or len(read) > 1:
            continue
        state = next(iter(read), None)
        first = min((m.start for m in found if m.name == state), default=0)
        rows = state is not None and first < min(m.start for m in found if m.name in error)
        yield _Read(by[0].name, state, rows, formula)


def _mentions(side: Syntax, fragment: Fragment) -> list[Mention]:
    alone = replace(fragment, text=" " * side.start + fragment.text[side.start : side.end])
    try:
        return mentions(alone)
    except (InputError, RecursionError):
        return []


def loss_letter(said: Sequence[tuple[tuple[int, Found], Statement]], taken: Collection[str] = ()) -> str:
    """The letter of what is minimised."""
    names = {m.name for _, one in said for m in _mentions(one.sides[0], one.fragment)} - set(taken)
    return next((each for each in ("L", "J", "E", "C") if each in names), "L")
