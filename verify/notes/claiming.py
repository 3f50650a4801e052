"""What claims nothing, though it looks like a claim: steps of training, conditions, names of things."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import letter, number_of
from derive.reader.meaning.vocabulary import is_general, names_function
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import PICKED, is_value, letter_named
from derive.reader.models.equations.gradients import is_gradient, names_a_family
from derive.reader.models.equations.supposing import assumed, flat, supposed
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Bars, Big, Name, Scripted, Sum
from verify.formulas.judgement import A_NAME, Judgement, Word
from verify.notes.audited import ANOTHER, Audited
from verify.notes.backward.updates import TAKEN, of_an_update
from verify.notes.files import Formula

A_PART = "says which part of it a letter stands for"
A_FAMILY = "says that a letter with a quantity below it is the gradient by that"
A_START = "what a gradient is set to before the first step of the backward pass"
A_LOSS = "names the loss"
A_CARRY = "carries a value on to the next pass of a loop"
A_WISH = "says when errors neither vanish nor grow"
A_CASE = "says for which value of a quantity something is said"
OF_WEIGHTS = "asks something of parameters alone, which the model leaves free"
SUPPOSED = "a condition, as the words before it say"
A_DEPENDENCE = "says what a quantity depends on"
A_STEP_AGAINST = "wrong if Δ is the gradient, and no step against it"
AN_UPDATE = "a step of training, which claims nothing of the gradient in it"
A_GRADIENT = "{letter} is a gradient, as another formula has it, of what is not known in this cell"
_UNKNOWN = regex(r"names .+, which the cell does not have")
IN_WORDS = "says it in words alone"
_STARTED = regex(
    r"(?:初始化|置零|\binitiali[sz](?:e|ing|ed)\b|\bset(?:ting)?\b)[^$=.;。；]{0,40}[\s$`\\(]*\Z", re.IGNORECASE
)
_COMPARED = regex(r"[<>≤≥≪≫]|\\(?:leq?|geq?|leqslant|geqslant|ll|gg|lt|gt)(?![A-Za-z])")
_STRICT = frozenset(["<", ">", r"\lt", r"\gt"])
_SUPPOSED = regex(
    r"(?:当|若|如果|假如|假设|只要|條件|条件|當|\b(?:if|when|whenever|suppose|assuming|provided|conditions?)\b)"
    r"[^$.;。；，,]{0,12}[\s$`\\(]*\Z|\|\s*\**\$+`?\s*\Z",
    re.IGNORECASE,
)
_LET = regex(r"(?:\b(?:let|define|denote)\b|定义|[令记设])[^.;。；]*\Z", re.IGNORECASE)
_ERROR = regex(r"\s*(?:\\(?:delta|varepsilon|epsilon)(?![A-Za-z])|δ|ε)")
"""An error letter, and what stands before what is said of one."""
_CONSTANT = regex(rf"{_ERROR.pattern}[^=]*=[^=]*=\s*1[\s.,;}}]*\Z")
"""δ^{t-1} = δ^t W f'(u^{t-1}) = 1, as the constant error flow is asked for: no gradient of a loss is 1 by itself."""
_WORDS = regex(
    r"(?:\\(?:text(?:rm|bf|it|sf|normal)?|mbox|mathrm|operatorname)\s*\{[^{}]*\}|[\s&=+\-{}()\[\].,;·×*≈→]"
    r"|\\(?:boxed|times|cdot|approx|propto|to|rightarrow|left|right|q?quad|,|;|\\|(?:begin|end)\{[a-z]+\*?\})(?![A-Za-z]))+"
)
"""An equation between words: \\text{gradient} = \\text{direct part} + \\text{rest}."""
_PHRASE = regex(r"\{\s*[^\W\d_]{2,}[\s-]+[^\W\d_]{2,}[^{}]*\}")
_SAID = regex(
    r"(?:[^=\\]|\\(?!\\|(?:leq?|geq?|approx|text|mbox)(?![A-Za-z])))+=(?:\s|&|\\[,;: ])*"
    r"\\(?:text(?:rm|bf|it|sf)?|mbox)\s*\{\s*(?:[^\W\d_]+[\s-]+){2,}[^\W\d_]+\s*\}[\s.,;]*"
)
"""What a quantity is in three words or more, and in nothing else: = \\text{largest value of the product}."""
_STEP_T = r"\}?\s*[_^]?\s*[{(]*\s*t\s*"
_SPLIT = regex(
    rf"[\s&]*(?:\\mathcal\s*)?\{{?(?P<loss>{'|'.join(sorted(LOSSES, key=len, reverse=True))}){_STEP_T}[)}}]*\s*&?="
    rf"(?!.*\\partial).*(?<![A-Za-z])(?P=loss){_STEP_T}\+\s*1",
    re.DOTALL,
)
"""L_t = l_t + L_{t+1}, which calls L_t the losses from t on."""
_RELATED = r"(?:[<>≤≥≈]|\\(?:leq?|geq?|leqslant|geqslant|approx|in|lt|gt|ll|gg|to)(?![A-Za-z]))"
_HALF = regex(rf"\s*{_RELATED}|\s*(?:=|\\rightarrow(?![A-Za-z]))\s*(?:-?[\d.]+|-?\\infty)\s*\Z")
"""Which begins in the words before it: always ≤ 1."""
_IN_BRACKETS = regex(rf"\s*\(\s*{_RELATED}[^()=]*\)\s*")
"""Behind a word: small values (< 1)."""
_CALLED = regex(
    r"[\s&]*\\Delta\s*\{?\s*(?![WUVb\\])[A-Za-z](?:\s*[_^]\s*(?:\{[^{}=]*\}|\w))*\s*\}?\s*&?:?="
    r"(?!.*(?:\\(?:partial|nabla|[dD]elta|eta|alpha)(?![A-Za-z])|[∂∇δΔ=]|(?<![A-Za-z])d[A-Za-z]))",
    re.DOTALL,
)
"""Δc = o ⊙ (1 - tanh²(c)), whose right side has no gradient: a name for it, no gradient."""
_INNER = regex(r"\{[^{}]*\}")
_UPDATE = regex(
    r"(?:\s|&|\\begin\{[a-z]+\*?\})*(?P<letter>[^=&\s](?:[^=&]{0,30}?[^=&\s])?)[\s&]*"
    r"(?:(?P<arrow>\\leftarrow(?![A-Za-z])|\\gets(?![A-Za-z])|←)|:?=)[\s&]*(?P=letter)\s*"
    r"(?:-\s*(?:\\(?:eta|alpha|lambda|epsilon|varepsilon|gamma|mu|rho)(?![A-Za-z])|lr\b|\\text\{lr\}"
    r"|\d*\.?\d+(?:\s|\\[,;]|\\cdot|\\times|\*)*(?=\\(?:nabla|[dt]?frac|partial|delta|mathrm|bar)|[∇∂δ]|d\s?[A-Za-z\\]))"
    r"|(?(arrow)(?:-|\\cdot|\\times|\\min|/)|(?!)))"
)
"""W = W - η ∂L/∂W, and what an arrow gives a letter that it had: g ← g · min(1, c/‖g‖)."""
_RATE = r"\s*\(?\s*(?:\\(?:eta|alpha|lambda|epsilon|varepsilon|gamma|mu|rho)(?![A-Za-z])|lr\b|\\text\{lr\})"
_STEP = regex(
    rf"(?:\s|&)*(?:[^=&\s-][^=&-]{{0,30}}?\s*(?:\\mathrel\s*\{{\s*-\s*\}}|-)\s*={_RATE}"
    rf"|\\Delta\s*[^=&\s][^=&]{{0,30}}?&?=\s*-{_RATE})"
)
"""W -= η dW and ΔW = -η ∂L/∂W."""
_AGAINST = regex(r"(?:\s|&)*\\Delta(?![A-Za-z])\s*[^=&\s][^=&]{0,30}?&?\s*=\s*&?\s*-")
"""ΔW = -Σ_t δ_t x_tᵀ, with the minus of a step against the gradient."""
_ZEROED = regex(r"(?:[^=]*(?:\\partial|\\delta|\bd[A-Za-z])[^=]*=\s*(?:\\mathbf\s*\{?|\\vec\s*\{?)?0\}?\s*[,.;]?\s*)+")
_PARTS = regex(
    r"=\s*\\?\[(?:\\[,;! ]|\s)*"
    r"(?:(?:\\?[A-Za-z]|[_^{}])+\s*(?:[,;](?:\\[,;! ]|\s)*|(?:\\[,;! ])?\\?\]\s*\Z)){2,}"
)
"""A list of letters, each for a part of what stands left of it."""
_OF_BLOCKS = regex(
    r"\A\s*[A-Za-z]\s*_\s*(?:[A-Za-su-z]|\{[^{}t]*\})\s*&?=\s*\\begin\{[bp]matrix\}"
    r"(?:[\s&,A-Za-z]|_\s*\{[^{}t]*\}|_\s*[A-Za-su-z]|\\\\)+\\end\{[bp]matrix\}[\s.,;]*\Z"
)
"""A weight put together of letters without a time."""
_CARRIED = regex(
    r"\A\s*(?P<letter>[A-Za-z]\w*?)_\{?(?:prev|previous|last|old)\}?\s*=\s*(?P=letter)(?:_\{?(?:t|new|next|cur)\}?|\[t\])?\s*\Z"
)
_MATRIX = r"(?:\\math(?:bf|rm)\s*\{\s*)?[A-Z]\s*\}?(?:_(?:[A-Za-su-z]|\{[A-Za-z]{2,}\}))?\s*"
_ABOVE = r"(?:\^\s*\{?\s*(?:T|\\top|\\intercal|-1)\s*\}?\s*)?"
_ORTHOGONAL = regex(
    rf"[\s&]*{_MATRIX}{_ABOVE}(?:\\cdot\s*)?(?:{_MATRIX}{_ABOVE})?&?=\s*"
    r"(?:\\(?:math(?:bf|bb|rm)|boldsymbol|bm)\s*\{?\s*)?(?:I|\\?1)(?:_(?:\w|\{\w+\}))?\s*\}?[\s.,;]*"
)
"""W^T W = I, as an initialization has it."""
_MAP = regex(r"[^=:]*:[^=:]*\\(?:(?:long)?mapsto|to|(?:long)?rightarrow)(?![A-Za-z])[^=]*")
"""LSTM : (x_t, h_{t-1}) ↦ h_t, and L : ℝ^n → ℝ."""
_CUT = regex(r"\A\s*(\S+)\s*:?=\s*\1\s*\[[^\[\]=]*:[^\[\]=]*\]\s*\Z")


def nothing(formula: Formula) -> str:
    """Why a formula claims nothing, whatever the model is; empty if it may claim something."""
    if names_a_family(formula):
        return A_FAMILY
    if _SPLIT.match(formula.text):
        return A_LOSS
    if _SAID.fullmatch(formula.text) or (_PHRASE.search(formula.text) and _WORDS.fullmatch(formula.text)):
        return IN_WORDS
    if _CALLED.match(formula.text) or PICKED.fullmatch(formula.text):
        return A_NAME
    if _CUT.match(formula.text):
        return A_PART
    if _CONSTANT.match(formula.text):
        return A_WISH
    if (not formula.displayed and _HALF.match(formula.text)) or _IN_BRACKETS.fullmatch(formula.text):
        return A_CASE
    if all(_is_update(line) for line in formula.text.split(r"\\") if line.strip()):
        return AN_UPDATE
    return SUPPOSED if _is_supposed(formula) else A_START if _is_start(formula) else ""


def _is_update(line: str) -> bool:
    return bool(_UPDATE.match(line) or _STEP.match(line)) and _INNER.sub("", line).count("=") <= 1


def names_an_error(formula: Formula) -> bool:
    """Whether an error letter gets its meaning here, as the words before it say: let δ_t = ..."""
    place = formula.place
    said = _LET.search(place.text[: place.column - 1]) and _ERROR.match(formula.text)
    return bool(said) and not formula.displayed


def _is_start(formula: Formula) -> bool:
    """Whether gradients are set to zero here, as the words before the formula say."""
    place = formula.place
    return _ZEROED.fullmatch(formula.text) is not None and _STARTED.search(place.text[: place.column - 1]) is not None


def _is_supposed(formula: Formula) -> bool:
    """Whether a value or bound in running text is what words suppose: if f_t = 1, if ‖∂h_j/∂h_{j-1}‖ > 1."""
    if supposed(formula) or assumed(formula) or flat(formula):
        return True
    place = formula.place
    bound = _COMPARED.search(formula.text) is not None and "=" not in formula.text
    return bound and not formula.displayed and _SUPPOSED.search(place.text[: place.column - 1]) is not None


def as_nothing(judgement: Judgement, reason: str) -> Judgement:
    """A judgement on what claims nothing after all."""
    return Judgement(judgement.formula, Word.NOT_A_CLAIM, reason=reason, place=judgement.place)


def of_named_gradients(found: Iterable[Audited], gradients: Collection[str]) -> Iterator[Audited]:
    """The formulas; open where one gives a value to a letter that the note defines as a gradient and that is not read.

    ε_c^t = Σ_k w_{ck} δ_k^t beside ε_c^t = ∂L/∂b_c^t: it claims something, of what nobody knows.
    """
    bases = {name.partition("_")[0] for name in gradients}
    for each in found:
        yield replace(each, judgements=tuple(_of_named_gradient(one, bases) for one in each.judgements))


def _of_named_gradient(judgement: Judgement, bases: Collection[str]) -> Judgement:
    left, equals, right = judgement.formula.partition("=")
    unread = judgement.word is Word.NOT_A_CLAIM and _UNKNOWN.fullmatch(judgement.reason) is not None
    if not unread or not equals or is_gradient(right.rstrip(" .,;")):
        return judgement
    name = letter_named(left.strip(" &")) or ""
    if name.partition("_")[0] not in bases:
        return judgement
    return Judgement(judgement.formula, Word.UNDECIDED, reason=A_GRADIENT.format(letter=name), place=judgement.place)


def _depends(place: Place, fragment: Fragment) -> bool:
    """Whether one side of the `=` at a place is f(x_t, h_{t-1}), where nothing is known of f."""
    try:
        chains = statements(fragment)
    except InputError:
        return False
    here = (place.line, place.column)
    return any(
        here == (at.line, at.column)
        and (
            any(map(is_general, chain.sides[number : number + 2]))
            or names_function(chain.sides[number], chain.sides[number + 1], chain.fragment.text)
        )
        for chain in chains
        for number in range(len(chain.relations))
        if (at := chain.place(number)) is not None
    )


def never_wrong(judgement: Judgement, fragment: Fragment, stated: Collection[tuple[int, int]]) -> Judgement:
    """A definition that is not the model's contradicts it, which is no mistake of arithmetic."""
    if judgement.place is not None and judgement.word is Word.UNREADABLE and _MAP.fullmatch(judgement.formula):
        return as_nothing(judgement, A_DEPENDENCE)
    if judgement.place is None or judgement.word not in (Word.WRONG, Word.UNDECIDED):
        return judgement
    if _depends(judgement.place, fragment):
        return as_nothing(judgement, A_DEPENDENCE)
    if _CARRIED.fullmatch(judgement.formula):
        return as_nothing(judgement, A_CARRY)
    if judgement.word is Word.WRONG and TAKEN in fragment.given.split("; ") and _is_update(judgement.formula):
        return of_an_update(judgement, fragment)
    if _is_update(judgement.formula):
        return as_nothing(judgement, AN_UPDATE)
    if judgement.word is Word.WRONG and _AGAINST.match(judgement.formula):
        return Judgement(judgement.formula, Word.UNDECIDED, reason=A_STEP_AGAINST, place=judgement.place)
    if judgement.word is Word.UNDECIDED:
        return judgement
    if any(way.search(judgement.formula) for way in (_PARTS, _OF_BLOCKS)):
        return as_nothing(judgement, A_PART)
    if _sums_a_loss(judgement.formula):
        return as_nothing(judgement, A_LOSS)
    if _ORTHOGONAL.fullmatch(judgement.formula):
        return as_nothing(judgement, OF_WEIGHTS)
    try:
        chains = statements(fragment)
    except InputError:
        return judgement
    for chain in chains:
        start = fragment.place(chain.sides[0].start)
        places = [at for number in range(len(chain.relations)) if (at := chain.place(number)) is not None]
        here = (judgement.place.line, judgement.place.column) in {(at.line, at.column) for at in places}
        sides = chain.sides
        if here and len(sides) == 2 and letter(sides[0]) is not None and number_of(sides[1]) is not None:
            return as_nothing(judgement, A_CASE)
        if here and _is_threshold(chain):
            return as_nothing(judgement, A_CASE)
        if here and (_is_worked(chain) or (start.line, start.column) in stated):
            return as_nothing(judgement, ANOTHER)
    return judgement


def _is_threshold(chain: Statement) -> bool:
    """Whether a norm is set against 1, ‖∂h_i/∂h_{i-1}‖ < 1: the case that is spoken of, whatever the network is."""
    sized = chain.sides[0].base if isinstance(chain.sides[0], Scripted) else chain.sides[0]
    signs = [relation.word.strip() for relation in chain.relations]
    return isinstance(sized, Bars) and signs[0] in _STRICT and len(signs) == 1 and number_of(chain.sides[1]) == 1


def _is_worked(chain: Statement) -> bool:
    """Whether a quantity of one step is worked out for an example, with numbers at the end: h_2 = tanh(z_2) = 0.3."""
    sides = [chain.fragment.text[side.start : side.end] for side in (chain.sides[0], chain.sides[-1])]
    numbered = letter(chain.sides[0]) is not None and re.search(r"_\s*\{?\d+\}?\s*\Z", sides[0]) is not None
    return len(chain.sides) > 2 and numbered and is_value(sides[1])


def _sums_a_loss(formula: str) -> bool:
    """Whether this is L = Σ_t L_t or L = L_1 + L_2, which says what L is, from whatever step on it counts."""
    try:
        chains = statements(Fragment.of(formula))
    except InputError:
        return False
    sides = chains[0].sides if len(chains) == 1 else ()
    if len(sides) != 2 or not isinstance(sides[0], Name) or sides[0].word not in LOSSES:
        return False
    match sides[1]:
        case Big(sign="sum", body=body):
            terms = [letter(body)]
        case Sum(terms=several):
            terms = [letter(term) if sign == 1 else None for sign, term in several]
        case _:
            return False
    return all(each is not None and each.word == sides[0].word for each in terms)
