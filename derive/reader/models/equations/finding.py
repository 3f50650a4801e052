"""The forward equations in a formula, which assign to a quantity at t without any derivative; and what is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from derive.errors import InputError, Place
from derive.notation import TimeStyle
from derive.patterns import regex
from derive.reader.claims.statements.chains import lines
from derive.reader.meaning.letters import letter, number_of, only, time_of
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.vocabulary import is_general, names_function
from derive.reader.models.equations.arguments import named_on_the_way
from derive.reader.models.equations.equation import EVERY_STEP, LOSSES, Equation, mentions
from derive.reader.models.equations.names import is_error, letter_name, spelled_names
from derive.reader.models.equations.remarks import operands_in_words, with_other_values, without_remarks
from derive.reader.models.equations.supposing import as_equal, constant, supposed
from derive.reader.models.equations.together.blocks import row_by_row
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Group, Mark, Name, Run, Script, Scripted, Sum, Syntax, is_drawn
from derive.reader.text.words import SAID, SUBSCRIPTS

LONGEST_LEFT = 60
"""Characters of a left side that is one letter."""
_D = r"(?:\\(?:mathrm|text|rm)\s*(?:\{\s*d\s*\}|d(?![A-Za-z]))|d)"
"""The d of a derivative: \\frac{dL}{dh_t}, \\frac{\\mathrm{d} L}{\\mathrm{d} h_t}."""
_WHOLE = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
"""What stands within braces."""
DERIVATIVE = regex(
    r"\\(?:partial|nabla|delta|mathrm\s*\{\s*d\s*\})|∂|δ|∇"
    rf"|\\[dtc]?frac\s*\{{\s*{_D}\s*(?:[A-Za-z\\]{_WHOLE})?\}}\s*\{{\s*{_D}\s*[A-Za-z\\]"
    rf"|(?<![\w.\\])d[A-Za-z](?:_\w+|_\{{[^{{}}]*\}})?\s*/\s*d[A-Za-z]"
)
_NUMBERED = regex(
    r"(?P<letter>\s*(?:\\?[A-Za-z]+|\\(?:wide)?(?:hat|tilde)\s*(?:\{\s*\\?[A-Za-z]+\s*\}|[A-Za-z]))"
    r"(?:\^(?:\d|\{\(?\d\)?\}))?)_\{?(?P<step>[1-9])\}?\s*"
)
_SMALL_STEP = regex(r"[₀-₉](?![₀-₉])")
_LAID_OUT = regex(r"\\(?:begin|end)\s*\{[A-Za-z]+\}|\\(?:left|right|quad|cdots|vdots|dots)(?![A-Za-z])")
_DIFFERENTIAL = regex(r"\s*d[A-Za-z]\s*_")
"""dh_3, of which LaTeX makes a d beside a letter: a gradient."""
NO_TIME = "the left side has no time that can be read"
APPROXIMATE = frozenset([r"\approx", "≈", r"\simeq", r"\cong", r"\sim", r"\propto"])
"""Relations with which a quantity is given a value that is not said exactly."""
RELATION = regex(r":=|=|≔|≈|←|\\(?:approx|simeq|leftarrow|gets|coloneqq|triangleq|equiv|sim|propto)(?![A-Za-z])")
_DRAWN = regex(
    r"\\sim(?![A-Za-z])\s*&?\s*(?:\\(?:operatorname\*?|math[a-z]+|text[a-z]*)\s*\{\s*\w+\s*\}|[PpNU](?![A-Za-z])|softmax)\s*"
    r"(?:\\left\s*)?\("
)
"""x_{t+1} ~ softmax(o_t): what is drawn from a distribution."""
_SIGN_BEHIND = regex(rf"\s*&?\s*(?:{RELATION.pattern})?\s*&?\s*\Z")
_COUNTED = regex(r"\\(?:sum|prod|max|min)(?:\\limits)?\s*_\s*\{?\s*([a-z])(?![A-Za-z])")
_UP_TO = regex(r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{[^{}]*\}\s*\^\s*\{?\s*([A-Za-z])(?![A-Za-z])")
"""The size up to which a sum counts, whatever else has this letter."""
_APART = regex(r"\s*[a-zT]\s*-\s*(?:[a-zT]|\d)[\s.,;]*")
"""Two steps, as in ℓ = i - j: how far apart they are."""
_ENTRY = regex(r"(?<=[A-Za-z0-9}])\[[^\[\],;]*\]")
"""Which entry of a letter is meant, as in p_t[c_t]."""
_PRIMED = regex(r"(?<![A-Za-z\\])[A-Za-z](?=\s*(?:'|\^\s*\{?\s*\\prime(?![A-Za-z])))")
"""The value before, as h' in h = f(W x + U h')."""
_AT_A_STEP = regex(r"[_^(,]\s*(?:[{(<]|\\langle|\s)*t(?![A-Za-z])")
_WRAPPING = regex(r"\\(?:begin|end)\{[a-z]+\*?\}|&")
_SLOPED = frozenset(["sigma", "tanh", "phi", "varphi", "psi", "f", "g", "sigmoid", "relu"])
"""Letters of functions whose primes are slopes."""
_IN_A_CASE = regex(
    r"=\s*[\d.]+\s*(?:\\[,;: ]|\s|\\q?quad)*\\(?:(?:Long)?[Rr]ightarrow|implies|to)(?:\\[,;: ]|\s|&|\{)*\Z"
)
"""Before an equation: the value of a gate, for which alone it is said."""
_SIZES = regex(r"\^\s*\{(?P<sizes>.*)\}\s*\Z", re.DOTALL)


def equations(formula: Found, index: int) -> Iterator[Equation]:
    """The forward equations in a formula; a value that is supposed for a while is none."""
    others = with_other_values(formula.fragment)
    for found in () if supposed(formula) else _equations(formula, index):
        if not _is_open_loss(found):
            yield replace(found, displayed=found.displayed and formula.displayed, or_else=found.place[1] in others)


def suppositions(formula: Found, index: int) -> Iterator[Equation]:
    """The equations that a formula of running text supposes for what follows."""
    return _equations(formula, index) if supposed(formula) else iter(())


def rough_suppositions(formula: Found, index: int) -> Iterator[Equation]:
    """What a formula of running text supposes roughly, as the equations f_t = 1 of f_t ≈ 1."""
    equal = as_equal(formula)
    return iter(()) if equal is None else suppositions(equal, index)


def open_losses(formula: Found, index: int) -> Iterator[Equation]:
    """The equations that leave open what a loss is: L_t = ℓ(y_t, h_t)."""
    return filter(_is_open_loss, _equations(formula, index))


def _is_open_loss(found: Equation) -> bool:
    return found.general and found.target in LOSSES


def _equations(formula: Found, index: int) -> Iterator[Equation]:
    fragment = without_remarks(formula.fragment)
    unsaid = operands_in_words(formula.fragment)
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        rows = _rows(fragment)
    waiting = [part for row in rows for part in row]
    for part in waiting:
        if any(part.start <= aside.start < part.end for aside in unsaid):
            continue
        whole, part = part, without_membership(part)
        if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
            continue
        if is_drawn(part.relations):
            continue
        left, *values = part.sides
        if _IN_A_CASE.search(fragment.text, 0, left.start):
            continue
        if len(values) > 1 and _names_again(left, values, fragment):  # o_t = ŷ_t = σ(z_t) gives ŷ_t its value too
            waiting.append(replace(part, sides=part.sides[1:], relations=part.relations[1:], start=values[0].start))
        after = (*values[1:], left)
        right = next(
            (
                side
                for side, then in zip(values, after, strict=True)
                if not is_general(side) and not names_function(side, then, fragment.text)
            ),
            values[0],
        )
        text = fragment.text[left.start : right.end]
        if DERIVATIVE.search(text) or has_slope(right) or is_error(text):
            continue
        cut = _without_between(fragment, left, values[0], right)
        place = fragment.place(left.start)
        at = (place.file, place.line, place.column)
        edges = (left.end - left.start, values[0].start - left.start, formula.section, index, at)
        if found := _target(left, fragment):
            if _is_copy(found.name, right, fragment):
                continue
            space = declared_space(fragment, left, whole)
            style = found.style or TimeStyle.SUBSCRIPT
            yield Equation(found.name, found.offset or 0, style, cut, *edges, general=is_general(right), space=space)
            if is_general(right) and found.name in LOSSES:
                continue
            yield from named_on_the_way(part, fragment, formula, index)
            for side in part.sides[2:]:
                parts = f"{fragment.text[side.start : side.end]} = {fragment.text[left.start : left.end]}"
                for one in stacked(side, fragment):
                    split = Equation(one.name, one.offset or 0, one.style or style, cut, *edges)
                    yield replace(split.rewritten(parts), place=_place_of(fragment, side))
        elif (several := stacked(left, fragment)) and not constant(right):
            apart = row_by_row(left, right, fragment)
            for number, found in enumerate(several):
                style = found.style or TimeStyle.SUBSCRIPT
                written = Equation(found.name, found.offset or 0, style, cut, *edges)
                own = written.rewritten(apart[number], found.name) if apart else written
                if apart and found.offset is None:  # (i, f) = (σ(î), σ(f̂))
                    named = {m.name for m in own.used if m.name.startswith(f"{found.name}_")}
                    own = replace(own.with_steps(named), said=EVERY_STEP.format(name=found.name))
                yield own
        elif (numbered := _numbered(text, edges[1])) and (fragment.plain or not _DIFFERENTIAL.match(text)):
            style = TimeStyle.SUBSCRIPT
            step = " ".join(text[: edges[0]].split())
            valued = len(values) > 1 and is_value(fragment.text[values[-1].start : values[-1].end])
            written = Equation("", 0, style, cut, *edges, numbered=step, valued=valued, general=is_general(right))
            yield written.rewritten(numbered, _letter_of(numbered, fragment))


def _names_again(left: Syntax, values: Sequence[Syntax], fragment: Fragment) -> bool:
    """Whether the second side of a chain is another letter, and the third what both of them are."""
    if letter(values[0]) is None or letter(values[1]) is not None or is_general(values[1]):
        return False
    first, second = (letter_named(fragment.text[side.start : side.end]) for side in (left, values[0]))
    return bool(second) and first != second


def _place_of(fragment: Fragment, side: Syntax) -> tuple[str, int, int]:
    place = piece(fragment, side.start, side.end).place(0)
    return place.file, place.line, place.column


def _without_between(fragment: Fragment, left: Syntax, first: Syntax, right: Syntax) -> Fragment:
    """An equation of a chain: a = c of a = b = c."""
    cut = piece(fragment, left.start, right.end)
    if first is right:
        return cut
    text = cut.text[: first.start - left.start] + cut.text[right.start - left.start :]
    return replace(cut, text=text, lines=cut.lines[:1])


def has_slope(side: Syntax) -> bool:
    """Whether a side speaks of a slope, as in diag(σ'(z_t)): then it is part of a derivative."""
    for node in walk(side):
        for called, behind in pairwise(node.factors if isinstance(node, Run) else ()):
            if not isinstance(called, Scripted) or not isinstance(behind, Group) or not isinstance(called.base, Name):
                continue
            if called.base.word in _SLOPED and any(map(_is_prime, called.scripts)):
                return True
    return any(isinstance(node, Run) and _is_square_slope(node) for node in walk(side))


def _is_square_slope(run: Run) -> bool:
    """Whether a diagonal matrix has the slope of tanh in it, diag(1 - h_t^2)."""
    for called, behind in pairwise(run.factors):
        inner = only(behind.rows) if isinstance(behind, Group) else None
        if (
            not isinstance(called, Name)
            or called.word.removeprefix(SAID).lower() != "diag"
            or not isinstance(inner, Sum)
        ):
            continue
        (sign, one), *others = inner.terms
        raised = [
            script for _, term in others for node in walk(term) if isinstance(node, Scripted) for script in node.scripts
        ]
        if len(others) == 1 and sign == 1 and number_of(one) == 1 and others[0][0] == -1:
            return any(script.kind == "sup" and number_of(only(script.rows)) == 2 for script in raised)
    return False


def parts_of_derivatives(formula: Found) -> Iterator[str]:
    """The letters that a formula gives parts of derivatives: D of D_j = diag(σ'(z_j)), J of J_t = ∂h_t/∂h_{t-1}."""
    fragment = without_remarks(formula.fragment)
    try:
        chains = [part for row in parse(fragment) for part in row if isinstance(part, Chain)]
    except (InputError, RecursionError):
        return
    pairs = [chain.sides[:2] for chain in chains if chain.relations[0].type == "EQ"]
    pairs += [chain.sides[:-3:-1] for chain in chains if chain.relations[-1].word.strip() == "=:"]
    for left, right in pairs:
        derived = DERIVATIVE.search(fragment.text, right.start, right.end) is not None or has_slope(right)
        if derived and letter(left) is not None and not DERIVATIVE.search(fragment.text, left.start, left.end):
            try:
                found = symbol(left, fragment)
            except InputError:
                continue
            updated = {m.name for m in mentions(fragment) if right.start <= m.start < right.end}  # W = W - η ∂L/∂W
            if found is not None and not found.transposed and found.power is None and found.name not in updated:
                yield found.name


def _is_prime(script: Script) -> bool:
    cell = only(script.rows)
    return script.kind == "prime" or (isinstance(cell, Mark) and cell.kind == "prime")


def stands_alone(fragment: Fragment) -> bool:
    """Whether what was cut out of a formula can be read by itself."""
    try:
        parse(fragment)
    except (InputError, RecursionError):
        return False
    return True


def without_membership(part: Syntax) -> Syntax:
    """A chain without the set that its last side is said to lie in: a = b in a = b ∈ ℝⁿ."""
    if not isinstance(part, Chain) or len(part.sides) < 3 or part.relations[-1].type != "IN":
        return part
    return replace(part, sides=part.sides[:-1], relations=part.relations[:-1], end=part.sides[-2].end)


def declared_space(fragment: Fragment, left: Syntax, whole: Syntax) -> Fragment | None:
    """What a chain that ends in a set says of its first side."""
    if not isinstance(whole, Chain) or whole.relations[-1].type != "IN":
        return None
    space = fragment.text[whole.sides[-1].start : whole.sides[-1].end]
    sizes = _SIZES.search(space)
    each = re.split(r"\\times|×", sizes.group("sizes")) if sizes else []
    if "+" in space or (len(each) == 2 and "1" not in map(str.strip, each)):
        return None  # what is computed at a step is a vector: the first may count the examples of a batch
    cut = piece(fragment, left.start, left.end)
    return replace(cut, text=f"{cut.text.strip()} \\in {space}")


def _rows(fragment: Fragment) -> list[tuple[Syntax, ...]]:
    """The lines of a formula that can be parsed, where the whole cannot."""
    found: list[tuple[Syntax, ...]] = []
    for line in lines(fragment):
        try:
            found += parse(line) if line.text.strip() else []
        except (InputError, RecursionError):
            continue
    return found


def is_copy(fragment: Fragment) -> bool:
    """Whether a formula says W_t = W and nothing else."""
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        return False
    chains = [part for row in rows for part in row]
    if len(chains) != 1 or not isinstance(chains[0], Chain) or len(chains[0].sides) != 2:
        return False
    left, right = chains[0].sides
    found = _target(left, fragment)
    return found is not None and _is_copy(found.name, right, fragment)


def _is_copy(name: str, right: Syntax, fragment: Fragment) -> bool:
    """W_t = W: a copy for every step, of which the model has one."""
    try:
        copied = symbol(right, fragment) if letter(right) is not None else None
    except InputError:
        return False
    return copied is not None and copied.name == name and copied.offset is None


@dataclass(frozen=True)
class Unread:
    """An equation that a note writes for a quantity, and that makes no equation of a model: `used` are names in it."""

    name: str
    used: frozenset[str]
    reason: str
    section: tuple[str, ...]
    place: Place


PICKED = regex(
    r"[\s&]*(?P<letter>\\?[A-Za-z]+)\s*_\s*\{?\s*(?P<step>[a-z])\s*\}?[\s&]*:?=[\s&]*(?P=letter)\s*"
    r"\[[^\[\]=]*(?<![A-Za-z])(?P=step)(?![A-Za-z])[^\[\]=]*\][\s.,;]*(?:\\tag\s*\{[^{}]*\}\s*)?"
)
"""X_s = X[:, s], which only says where the input of a step stands."""


def unread(formula: Found) -> Iterator[Unread]:
    """Equations of a formula whose left side is a letter, and that cannot be parsed or have no time."""
    if supposed(formula):
        return
    fragment = without_remarks(formula.fragment)
    unsaid = operands_in_words(formula.fragment)
    for line in [*lines(fragment)] or [fragment]:
        relation = RELATION.search(line.text)
        if relation is None or DERIVATIVE.search(line.text):
            continue
        left = _WRAPPING.sub(_blanks, line.text[: relation.start()])
        name = letter_named(left)
        reason = _not_usable(replace(line, text=_WRAPPING.sub(_blanks, line.text))) if name else ""
        if name and (words := [a.words for a in unsaid if relation.end() <= a.start < len(line.text)]):
            reason = f"the words '{'; '.join(words)}' are not understood"
        if reason:
            right = line.text[relation.end() :]
            used = frozenset(spelled_names(_ENTRY.sub(" ", right)))
            used -= {*_COUNTED.findall(line.text), *_UP_TO.findall(line.text)}
            if _APART.fullmatch(right) or PICKED.fullmatch(line.text):
                continue
            if name in spelled_names(_PRIMED.sub(" ", right)) and not _AT_A_STEP.search(left):
                continue  # W = W - λ Σ_t ... is a step of training
            yield Unread(name, used, reason, formula.section, line.place(len(left) - len(left.lstrip())))


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match.group())


def letter_named(text: str) -> str:
    """The name of the one letter that a text is, perhaps with arguments behind it; empty if it is anything else."""
    if not text.strip() or len(text.strip()) > LONGEST_LEFT:
        return ""
    fragment = Fragment.of(text)
    try:
        rows = parse(fragment)
        (part,) = [part for row in rows for part in row]
        first = part.factors[0] if isinstance(part, Run) and len(part.factors) == 2 else part
        found = symbol(first, fragment) if letter(first) is not None else None
    except (InputError, ValueError):
        return ""
    if isinstance(part, Run) and not (len(part.factors) == 2 and isinstance(part.factors[1], Group)):
        return ""
    return found.name if found is not None else ""


def _not_usable(fragment: Fragment) -> str:
    """Why a text that looks like an equation is none; nothing where it is one, or says only what a letter is."""
    try:
        rows = parse(fragment)
    except InputError as error:
        return error.message
    except RecursionError:
        return "nested too deep"
    for chain in (part for row in rows for part in row if isinstance(part, Chain)):
        if has_slope(chain.sides[1]):
            continue
        kinds = {relation.type for relation in chain.relations}
        if kinds == {"EQ"} and _target(chain.sides[0], fragment) is None and _computes(chain.sides[1], fragment):
            return NO_TIME
        if kinds == {"RELATION"} and chain.relations[0].word.strip() in APPROXIMATE:
            if _DRAWN.search(fragment.text, chain.sides[0].end):
                return ""  # no derivative passes through what is drawn
            right = chain.sides[1]  # f_t ≈ 1 says how large it is
            said = number_of(right) is not None or is_value(fragment.text[right.start : right.end])
            return "" if said else "it is no equality"
    return ""


def _computes(right: Syntax, fragment: Fragment) -> bool:
    """Whether a right side computes something from more than one letter."""
    if isinstance(right, Group) and sum(map(len, right.rows)) > 1:
        return False  # a list
    text = " " * right.start + fragment.text[right.start : right.end]
    return len({mention.name for mention in mentions(replace(fragment, text=text))}) > 1


def _target(left: Syntax, fragment: Fragment) -> Symbol | None:
    """The quantity at some t that this assigns; a list of arguments behind it says nothing."""
    factors = left.factors if isinstance(left, Run) else (left,)
    if letter(factors[0]) is None or len(factors) > 2:
        return None
    try:
        found = symbol(factors[0], fragment)
    except InputError:
        return None
    if found is None or found.transposed or found.power is not None:
        return None
    if len(factors) == 2:
        group = factors[1]
        if not isinstance(group, Group):
            return None
        if found.offset is None and (offset := time_of(group)) is not None:
            found.offset, found.style = offset, TimeStyle.PARENTHESES
    return found if found.offset is not None else None


def stacked(left: Syntax, fragment: Fragment) -> list[Symbol]:
    """The quantities of a list or column that is given a value as a whole: (i, f, o, g) = ...; none for another one."""
    cells = [cell for row in left.rows for cell in row] if isinstance(left, Group) else []
    if len(cells) < 2 or not all(letter(cell) is not None for cell in cells):
        return []
    try:
        found = [symbol(cell, fragment) for cell in cells]
    except InputError:
        return []
    named = [one for one in found if one is not None and not one.transposed and one.power is None]
    return named if len(named) == len(cells) == len({one.name for one in named}) else []


def _numbered(text: str, right_start: int) -> str | None:
    """s_3 = f(U x_t + W s_2) as an equation for step t."""
    typed = [
        _SMALL_STEP.sub(lambda match: f"_{SUBSCRIPTS[match.group()]}", part)
        for part in (text[:right_start], text[right_start:])
    ]
    left = _NUMBERED.fullmatch(_SIGN_BEHIND.sub("", typed[0]))
    if left is None:
        return None
    step = int(left.group("step"))
    before, here = (rf"_(?:\{{{number}\}}|{number}(?!\d))" for number in (step - 1, step))
    right = re.sub(before, "_{t-1}", typed[1])
    apart = re.sub(rf"(?<![A-Za-z\\])[WUVb]{here}", "", right)
    if right == typed[1] and not re.search(here, apart):
        return None  # z_1 = W_1 h_t + b_1: the number of a layer
    right = re.sub(here, "_t", right)
    if right == typed[1]:
        return None
    return f"{left.group('letter').strip()}_t = {right}"


def is_value(text: str) -> bool:
    """Whether numbers alone stand here: 0.3, (0.1, -0.2), a matrix of them."""
    return re.search(r"\d", text) is not None and re.search(r"[A-Za-z]", _LAID_OUT.sub("", text)) is None


def _letter_of(text: str, fragment: Fragment) -> str:
    return letter_name(text.partition("_")[0].strip(), layered=fragment.layered)
