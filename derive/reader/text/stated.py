"""Formulas that stand as lines of plain text: in fences without a language, in comments and docstrings, in bare notes.

A line is a formula where one of its parts says that something is something and holds no running words. Marks of lists
and comments, a title before it and a remark behind it are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.lexing.latex import latex_tokens
from derive.reader.text.lexing.plain import plain_tokens
from derive.reader.text.words import GREEK, WORDS

_MARKS = regex(r"[ \t]*(?:(?://[/!]?|#+|%+|;;+|\*|>|\"\"\"|''')(?![*=\w∂]|\s*=)[ \t]?)*[ \t]*")
_ITEM = regex(r"(?:[-*+•▪◦‣]|\(?\d{1,2}[.)]|[①-⑳])[ \t]+")
_APART = regex(
    r"[ \t]*(?:→|⇒|⟹|⟶|=>|(?<!-)->|;)[ \t]*|[ \t]*,[ \t]{2,}|(?<=[^\s=])[ \t]{3,}(?=[^\s(\[=:≔≡])|[ \t]+(?:#|//)[ \t]"
)
_TITLE = regex(r"(?:[^=∂:：+*/^()]|\([^()=]*\))*[:：][ \t]*(?![=])")
_LEAD = regex(
    r"(?i:so|thus|then|hence|therefore|this|where|with|and|here|now|so that|gives|since|note|i\.e\.|e\.g\.|also|from)"
    r"[ \t]*[,:]?[ \t]+(?=\S)"
    r"|(?!Tanh|Sigm|Soft|Diag|Delta|Gamma|Log|Exp|Relu|Sum|Prod)[A-Z][a-z]{2,}[ \t]+(?=[A-Za-z∂]\w{0,3}(?:_|[ \t]*=))"
)
"""A word that leads over to a formula."""
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))
_BACK = regex(r"[ \t]*(?:←|⟵|<-{1,2})")
_RELATION = regex(r"(?P<sign>(?<![<>!=~])[:+]?=(?!=)|≔|≡)")
_BOUND = regex(r"\s*(?:\|\||‖)[^=≤]*(?:∂|d\w)[^=≤]*/[^=≤]*(?:\|\||‖)\s*(?P<sign>≤|⩽|<=)")
"""The norm of a derivative below a bound."""
_DRAWN = dict.fromkeys(range(0x2500, 0x2580), " ")
"""Lines of boxes around plain text."""
_FROM_TO = regex(r"(?P<sign>[Σ∑∏Π]|\b(?:sum|prod))\((?P<first>\w=[^()]*?\S) to (?P<last>\w(?:[-+]\d)?)\)")
_IN_WORDS = regex(
    r"\b(?P<sign>sum|product)[ ](?:(?:from|for)[ ])?(?P<first>\w=[^\s,;()]+)[ ]to[ ](?P<last>\w(?:[-+]\d)?)[ ]of[ ]"
    r"|\b(?P<over>sum|product)[ ]over[ ](?P<index>[a-z])[ ]of[ ]",
    re.IGNORECASE,
)
"""The sum over t of x_t, the product from k=2 to T of a_k."""
_SLIPPED = regex(r"(?<=\w)_t\{-(?P<steps>\d)\}")
"""h_t{-1} for h_{t-1}."""
_PARTIAL = regex(r"(?<![\w])d[LJE]_(?=d[A-Za-z])")
"""Before the letter of a gradient that code calls dL_dh."""
_OUTER = regex(r"(?<![\w.])(?P<module>np\.)?outer\((?P<one>[^(),]+),[ ](?P<other>[^(),]+)\)")
_AT_A_STEP = regex(r"_\{?t\b|\^\{?t\b|_\{t")
"""A letter at a step as no program writes it."""
_ARGUMENT = r"(?:[^(),]|\((?:[^()]|\([^()]*\))*\))+"
_DOT = regex(rf"(?<![\w.])(?P<module>np\.)?dot\((?P<one>{_ARGUMENT})(?P<sep>,[ ]?)(?P<other>{_ARGUMENT})\)")
_METHOD = regex(r"(?<=[\w\])}])\.dot(?=\()")
_MODULE = regex(r"(?<![\w.])np\.(?=(?:tanh|exp|log|sum)\()")
_NOTHING = "\u00a0"
"""A blank that is no gap."""
_SUMMED = regex(r"(?:[∑∏ΣΠ]|\b(?:sum|prod))(?:[_^](?:\{[^{}]*\}|\([^()]*\)|\w+))*[ \t]*$|[-+*·=×@⊙∘][ \t]*$")
"""Before a bracket that is a factor or what is summed, however wide the gap is."""
_COLUMN = regex(r"[ \t]{2,}[(\[（].*$|[ \t]*[（][^（）]*[）][ \t]*$")
_DASH = regex(r"[ \t]+[-–—]{1,3}[ \t]+(?=\S)")
_BRACKETED = regex(r"[ \t]+\((?P<inside>[^()]*(?:\([^()]*\)[^()]*)*)\)[ \t]*[.,;]?$")
_NUMBERED = regex(r"(?<=[\w)\]}])[ \t]+\(\d{1,2}(?:\.\d{1,2})?[a-z]?\)$")
"""The number of an equation behind it, and no factor."""
_CLAUSE = regex(
    r"[ \t]*[,.;，。；]?[ \t]+"
    r"(?!(?:if|when)[ \t](?![tkn][ \t]*[<>=])[^=]*?(?:[<>≥≤]|>=|<=)[^=])"  # a condition on values is no remark
    r"(?:where|with|for|if|when|since|because|so that|which|as|from|at|and|in)[ \t]+\S.*$"
)
_ENDING = " \t.,;:，。；*_"
_SIZES = regex(r"\w{2,}x\d\b|\)x\d\b")
"""Sizes beside each other: hdx1 = hdx(hd+F) @ (hd+F)x1."""
_DOTS = regex(r"[-+*=·⊙×@][ \t]*(?:\.\.\.|…|⋯)[ \t]*$")
_OPEN_END = regex(r"(?:[-+*=·⊙×@∘]|:=)\s*$")
"""Where a formula goes on with the next line, whatever that begins with."""
_OTHER_SCRIPT = regex(r"[\u0400-\u04FF\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]")
_BETWEEN_WORDS = regex(r"[^\u0400-\u04FF\u3000-\u30FF\u3400-\u9FFF\uAC00-\uD7AF\uFF01-\uFF5E]+")
"""What stands between words and marks of another script."""
_SUPPOSED = regex(
    r"(?:如果|若|当|當|假设|假設|假如|取|例如|比如|只有|只要|不是|并非|而非|错误|もし|仮に|例えば|만약|예를 들어"
    r"|если|при|когда|например|не)\W*\Z"
)
_SAID_BEHIND = regex(
    r"\s*(?:[,，.。;；、!！?？(（]|\Z|となる|になる|である|です|だ|이다|입니다|이 된다|가 된다|로 계산)"
)
"""Behind a formula that words of another script say: a mark, the end, or that it is so."""
_LET = regex(r"(?:设|設|令|пусть)\W*\Z")
_LET_BEHIND = regex(r"\s*(?:とする|とおく|라고 하자)")
_JOINING = frozenset({
    "and", "or", "so", "that", "this", "then", "there", "thus", "hence", "where", "which", "with", "while", "we",
    "it", "our", "since", "because", "but", "as", "at", "for", "in", "is", "follows", "holds", "becomes", "gives",
    "yields", "means", "again", "too",
})  # fmt: skip
"""Words of sentences before and behind which a formula may stand."""
_SMALL = _JOINING | {"are", "was", "be", "by", "from", "into", "of", "on", "to", "the", "its", "using", "get", "gets"}
"""Words that are too short to tell from letters."""
_SUPPOSING = regex(
    r"\b(?:if|unless|when|whenever|suppos\w+|assum\w+|imagin\w+|say|e\.g|example|not|never|cannot|no|wrong\w*|incorrect\w*|"
    r"mistak\w*|false|instead|rather|would|could|might|may|naive\w*|tempt\w*|forg[eo]t\w*|only|without|cases?|special|"
    r"linear|terms?|parts?|local\w*|direct\w*|approximat\w*|truncat\w*|ignor\w*|neglect\w*|drop\w*|last|final|first|alone|"
    r"(?-i:[tTkn])[ ]*=[ ]*(?:[\dT]))\b|n't\b",
    re.IGNORECASE,
)
"""Words by which a sentence may suppose, deny or limit what it says."""
_SENTENCE_END = regex(r"[.!?][ \t]+(?=[A-Z])")
_COMPUTED = regex(r"[=≡][^=]*[A-Za-z][^=]*[(+*@·×⊙∘]|[=≡]\s*[A-Za-z]\w*[ \t]*\(")
_READS = regex(r"^[^=\s]+\s*=[^=]*[A-Za-z]_\{?[a-z]")
"""A quantity by what another is at a step: y_t = V h_t."""
_WORDS = regex(r"(?<![\w.\\])(?P<first>[A-Za-z][a-z]+)[ \t]+(?P<second>[A-Za-z][a-z]+)(?![\w(\[])")
_LONG = regex(r"(?<![\w.\\])[A-Za-z][a-z]{3,}(?![\w(\[])")
_KNOWN = {*WORDS, *GREEK}
_CODE = regex(r"[A-Za-z]\w*\.(?!T(?!\w))[A-Za-z_]|[\"`$\\?!&@]{2}|[\"`$\\?]|\w\[\]|\b(?:return|import|def|let|var)\b")
_COMMAND = regex(r"\\(?:[A-Za-z]{2,})(?![A-Za-z])")
"""A command of LaTeX, which makes its line LaTeX."""
_HADAMARD = {r"\circ": "∘", r"\odot": "⊙"}
_NAMES = regex(r"(?<![A-Za-z\\])[A-Za-z]\w*_[A-Za-z]{3,}")
"""Names of programs, which LaTeX would take apart: h_prev."""
_DERIVED = regex(r"∂|∇|(?<![A-Za-z])d\w*[^\s=]{0,12}/d\w|[δΔ]|\\(?:partial|nabla|[dD]elta)(?![A-Za-z])|\\frac\s*\{\s*d")
_NAMED_DELTA = regex(r"(?<![A-Za-z_])delta_(?=[A-Za-su-z]\w*_)")
"""The δ of delta_h_t."""
_BEFORE = regex(r"t\s*[-−]\s*(?:1|dt(?!\w)|Δt)|t\{-1\}|prev(?![a-z])|ₜ₋₁")
_MATHEMATICAL = regex(r"[_\u0370-\u03FF∂∇√∑∏⊙∘₀-ₜ¹²³⁰-ⁿᵀ^@*+·×]|\w\(")
_STEP = regex(r"^\w+(?:\^\w+)?(?:_\{?t\}?|\^\{?t\}?|\[t\]|\(t\)|ₜ|ᵗ)$")
"""A quantity at a step."""
_NUMBER = regex(r"[\d\s.eE+\-*/()]+")
_LIMITS = regex(r"_\{[^{}]*\}")
"""What stands below a sum or product."""
_OPERATORS = regex(r"[ \t]*(?:[+=·×⊙∘*/@]|[-−](?=[ \t]*[^\s\d]))")


@dataclass(frozen=True)
class Said:
    """A stretch of a line of a text that is a formula, or goes on with the one before it."""

    number: int
    column: int
    text: str
    line: str
    goes_on: bool = False


def stated(lines: Iterable[tuple[int, str]], file: str, *, latex: bool = False) -> list[Fragment]:
    """The formulas of numbered lines in their order; a line that begins with a sign goes on with the one before it.

    With `latex` lines with commands of LaTeX are read too.
    """
    groups: list[list[Said]] = []
    last = -1
    as_written: dict[int, str] = {}
    for number, written in lines:
        line, as_written[number] = _usual(written), written
        behind = bool(groups) and last == number - 1
        if behind and _OPEN_END.search(groups[-1][-1].text) and (rest := _rest(number, line)) is not None:
            groups[-1].append(rest)
            last = number
            continue
        for said in _parts(number, line, open_=behind, latex=latex):
            if said.goes_on:
                groups[-1].append(said)
            else:
                groups.append([said])
            last = number
    return [_fragment(group, file, as_written) for group in groups]


def _usual(line: str) -> str:
    """A line without the borders of boxes, its sums as Σ_{t=1}^{T}; each sign where it stood."""
    line = _SLIPPED.sub(r"_{t-\g<steps>}", _IN_WORDS.sub(_as_signs, line))
    line = _NAMED_DELTA.sub(lambda m: "δ".ljust(len(m.group()), _NOTHING), line)
    if _NAMES.search(line) and set(_COMMAND.findall(line)) <= _HADAMARD.keys():
        line = _COMMAND.sub(lambda m: _HADAMARD[m.group()].ljust(len(m.group()), _NOTHING), line)
    line = _FROM_TO.sub(lambda m: f"{m['sign']}_{{{m['first']}}}^{{{m['last']}}}", line.translate(_DRAWN))
    if _AT_A_STEP.search(line):
        line = _DOT.sub(lambda m: f"{_NOTHING * len((m['module'] or '') + m['sep'])}({m['one']})@({m['other']})", line)
        line = _METHOD.sub(f"@{3 * _NOTHING}", _MODULE.sub(3 * _NOTHING, line))
    line = _OUTER.sub(lambda m: f"{_NOTHING * (2 + len(m['module'] or ''))}({m['one']})@({m['other']}).T", line)
    return _PARTIAL.sub(3 * _NOTHING, line)


def _as_signs(match: re.Match[str]) -> str:
    sign = "Σ" if (match["sign"] or match["over"]).lower() == "sum" else "∏"
    limits = f"_{match['index']}" if match["over"] else f"_{{{match['first']}}}^{{{match['last']}}}"
    return f"{sign}{limits}".ljust(len(match.group()), _NOTHING)


def speaks_of_steps(fragments: Iterable[Fragment]) -> bool:
    """Whether any of these formulas is of a step before, or a derivative: what tells formulas from settings."""
    return any(_BEFORE.search(one.text) or _DERIVED.search(one.text) for one in fragments)


def derivative(fragment: Fragment) -> bool:
    """Whether the formula says what a derivative is."""
    return _DERIVED.search(_RELATION.split(fragment.text)[0]) is not None


def _fragment(group: list[Said], file: str, as_written: Mapping[int, str]) -> Fragment:
    content, written, marks = "", "", []
    for said in group:
        line = as_written[said.number]
        marks.append(Line(len(content), said.number, said.column, line))
        content += said.text + "\n"
        written += line[said.column - 1 : said.column - 1 + len(said.text)] + "\n"
    text = content.rstrip("\n")
    return Fragment(text, file, tuple(marks), plain=_COMMAND.search(text) is None, as_written=written[: len(text)])


def _parts(number: int, line: str, *, open_: bool, latex: bool) -> Iterator[Said]:
    """The formulas of one line."""
    start = _MARKS.match(line).end()  # type: ignore[union-attr]  # it matches nothing too
    plain = _LIMITS.sub(lambda m: " " * len(m.group()), line)
    if open_ and (goes := _OPERATORS.match(line, start)) and not _RELATION.search(plain, goes.end()):
        end = _without_remark(line, start, len(line))
        if line[goes.end() : end].strip() and not _prose(line[start:end]) and not _CODE.search(line[start:end]):
            yield Said(number, start + 1, line[start:end], line, goes_on=True)
            return
    if item := _ITEM.match(line, start):
        start = item.end()
    for begin, end in _pieces(line, start):
        title = _TITLE.match(line, begin, end)
        if title is not None and _RELATION.search(line, title.end(), end):
            begin = title.end()
        while (lead := _LEAD.match(line, begin, end)) is not None:
            begin = lead.end()
        whole = begin, end
        end = _without_remark(line, begin, end)
        begin += len(line[begin:end]) - len(line[begin:end].lstrip(" \t*"))
        spoken = _JOINING & {*line[begin:end].split()}
        if formula(line[begin:end], latex=latex) and not spoken:
            yield Said(number, begin + 1, line[begin:end], line)
            continue
        for first, last in (*_between_words(line, *whole), *_in_sentences(line, *whole)):
            if formula(line[first:last], latex=latex):
                yield Said(number, first + 1, line[first:last], line)


def _between_words(line: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """What stands by itself among words of another script, which suppose nothing: 其中 z = W h, ..."""
    if not _OTHER_SCRIPT.search(line, begin, end):
        return
    for between in _BETWEEN_WORDS.finditer(line, begin, end):
        text = between.group().rstrip(_ENDING)
        first = between.start() + len(text) - len(text.lstrip(" \t*"))
        last = between.start() + len(text)
        if (
            all(text.count(left) == text.count(right) for left, right in _PAIRS)
            and not _OPERATORS.match(line, first, last)
            and not _OPEN_END.search(text)
            and not _SUPPOSED.search(line[begin:first])
            and (
                (_SAID_BEHIND.match(line, last, end) and not _LET.search(line[begin:first]))
                or (_lets(text) and (_SAID_BEHIND.match(line, last, end) or _LET_BEHIND.match(line, last, end)))
            )
        ):
            yield first, last


def _in_sentences(line: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """What sentences that suppose nothing say: the state is h_t = tanh(W x_t), so dL/dW = ... holds."""
    if _OTHER_SCRIPT.search(line, begin, end):
        return
    borders = [begin, *(each.end() for each in _SENTENCE_END.finditer(line, begin, end)), end]
    for start, stop in pairwise(borders):
        words = list(re.finditer(r"\S+", line[start:stop]))
        spoken = [_is_word(word.group()) for word in words]
        if not any(spoken) or _SUPPOSING.search(line, start, stop):
            continue
        for is_spoken, group in groupby(range(len(words)), spoken.__getitem__):
            stretch = [words[at] for at in group]
            text = line[start + stretch[0].start() : start + stretch[-1].end()]
            behind = words[words.index(stretch[-1]) + 1 :][:1]
            ends = not behind or text[-1] in ",;:.)" or _bare(behind[0].group()).lower() in _JOINING
            text = text.rstrip(_ENDING)
            first = start + stretch[0].start()
            if (
                not is_spoken
                and ends
                and all(text.count(left) == text.count(right) for left, right in _PAIRS)
                and not _OPERATORS.match(text)
                and not _OPEN_END.search(text)
                and (_DERIVED.search(text.partition("=")[0]) or _lets(text) or _READS.search(text))
            ):
                yield first, first + len(text)


def _bare(token: str) -> str:
    return token.strip("*_()\"'.,;:!?")


def _is_word(token: str) -> bool:
    """Whether a token is a word of a sentence, and no letter of a formula."""
    word = _bare(token)
    plain = word.replace("-", "").replace("'", "")
    return word.lower() in _SMALL or (len(plain) > 3 and plain.isalpha() and plain not in _KNOWN)


def _lets(text: str) -> bool:
    """Whether a formula that words set, let a = W h + b, names what is computed, and supposes no value."""
    return _DERIVED.search(text) is None and _COMPUTED.search(text) is not None


def _rest(number: int, line: str) -> Said | None:
    """What a line adds to a formula that ended with a sign."""
    start = _MARKS.match(line).end()  # type: ignore[union-attr]  # it matches nothing too
    end = _without_remark(line, start, len(line))
    text = line[start:end]
    if not text.strip() or _RELATION.search(text) or _prose(text) or _CODE.search(text):
        return None
    return Said(number, start + 1, text, line, goes_on=True)


def _pieces(line: str, start: int) -> Iterator[tuple[int, int]]:
    """What stands apart in a line: behind arrows, wide spaces and signs of comments."""
    begin = start
    for apart in _APART.finditer(line, start):
        if any(
            line.count(left, begin, apart.start()) > line.count(right, begin, apart.start()) for left, right in _PAIRS
        ):
            continue
        yield begin, apart.start()
        begin = apart.end()
        if line[apart.start() : apart.end()].strip() in ("#", "//"):
            return
    yield begin, len(line)


def _without_remark(line: str, begin: int, end: int) -> int:
    """Where a formula ends before the remark behind it."""
    text = line[begin:end]
    if (back := _BACK.search(text)) and _RELATION.search(text[: back.start()]):
        text = text[: back.start()]
    column = _COLUMN.search(text)
    if column and _RELATION.search(text[: column.start()] or "=") and not _SUMMED.search(text[: column.start()]):
        text = text[: column.start()]
    dashes = list(_DASH.finditer(text))
    ends = [*(each.start() for each in dashes), len(text)][1:]
    for dash, behind in zip(dashes, ends, strict=True):
        if _said_behind(text, dash, behind):
            text = text[: dash.start()]
            break
    while (bracketed := _BRACKETED.search(text)) and _prose(bracketed.group("inside"), alone=True):
        text = text[: bracketed.start()]
    if clause := _CLAUSE.search(text):
        text = text[: clause.start()]
    if (numbered := _NUMBERED.search(text.rstrip(_ENDING))) and _RELATION.search(text[: numbered.start()]):
        text = text[: numbered.start()]
    if _DOTS.search(text):
        return begin + len(text.rstrip())
    if (open_ := text.rstrip())[-1:] == "*":
        return begin + len(open_)
    return begin + len(text.rstrip(_ENDING))


def _said_behind(text: str, dash: re.Match[str], end: int) -> bool:
    """Whether words stand behind a dash; a lone name behind a minus is what is subtracted."""
    if any(text.count(left, 0, dash.start()) > text.count(right, 0, dash.start()) for left, right in _PAIRS):
        return False
    said = text[dash.end() : end]
    sign = dash.group()
    alone = not _MATHEMATICAL.search(said) and (sign.strip() != "-" or len(sign) - len(sign.lstrip()) > 1)
    return _prose(said, alone=alone)


def _prose(text: str, *, alone: bool = False) -> bool:
    """Whether running words stand in a text; `alone`: whether one long word is enough."""
    if _OTHER_SCRIPT.search(text):
        return True
    at = 0
    while found := _WORDS.search(text, at):
        if not _KNOWN & {found.group("first"), found.group("second")}:
            return True
        at = found.start("second")
    return alone and any(word.group() not in _KNOWN for word in _LONG.finditer(text))


def formula(text: str, *, latex: bool = False) -> bool:
    """Whether a stretch of a line says what a quantity is."""
    relation = _BOUND.match(text) or _RELATION.search(text)
    latex = latex and _COMMAND.search(text) is not None
    if (
        relation is None
        or _CODE.search(_COMMAND.sub("", text) if latex else text)
        or _SIZES.search(text)
        or _prose(text)
    ):
        return False
    left, right = text[: relation.start("sign")].strip(), text[relation.end() :].strip()
    if not left or not right or _NUMBER.fullmatch(right):
        return False
    if _DERIVED.search(left):
        return True
    if not (latex or _MATHEMATICAL.search(text) or _STEP.search(left)):
        return False
    try:
        (latex_tokens if latex else plain_tokens)(Fragment.of(text, plain=not latex))
    except InputError:
        return _STEP.search(left) is not None  # it says what a quantity is at a step, and must not be passed over
    return True
