"""Words in a formula: labels before it, remarks and conditions behind it; everything else is not understood.

What a word may say is a list, and where it stands counts: `output gate:` before a formula and `by the chain rule`
behind it change nothing; `half of` does, and a formula with words that are not understood is not decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from derive.patterns import regex
from derive.reader.claims.statements import chinese, tongues
from derive.reader.text.line_ends import line_ends
from derive.reader.text.words import listed

TEXT = regex(
    r"\\(?:text|textrm|textnormal|textsf|textup|mbox|mathrm|(?:textit|textbf|emph)(?!\s*\{\s*[^\W\d_]\s*\}))\s*\{([^{}]*)\}"
)
_BARE = regex(
    r"(?<=\s)(?:if|unless|not|half|minus|twice|times|of|when|where|otherwise|for|and|or|the|is|are|negative)(?=\s)"
)
"""Words typed as letters."""
_WIDE = regex(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]+")
_PUNCTUATION = regex(r"[\u3000-\u303f\uff01-\uff5e]+")

NOUNS = tongues.NOUNS.union(
    listed(
        "gate gates output outputs input inputs forget cell cells state states hidden candidate reset update memory "
        "new old loss losses error errors gradient gradients derivative derivatives jacobian jacobians weight weights "
        "bias biases layer layers forward backward pass step steps time equation equations eq eqs rule rules chain "
        "product quotient sum linearity definition definitions lemma theorem proposition formula identity expression "
        "backpropagation backprop bptt recursion recurrence induction softmax sigmoid tanh activation activations "
        "parameter parameters matrix matrices vector vectors recurrent peephole context modulation carousel block net "
        "elementwise element wise hadamard pointwise multiplication "
        "projection embedding readout parameter total partial immediate direct claim proof part a b c d "
        "need needs needed final result recorded verified shown derived next future later current function functions "
        "compute computes computing computation calculate calculates calculation decay decays additive multiplicative"
    )
)
"""What a formula can be about: these words name things."""
CONNECTIVES = tongues.CONNECTIVES.union(
    listed(
        "so thus hence therefore then and also finally similarly analogously likewise consequently moreover further "
        "we have get obtain find know see this gives yields that which i.e. e.g. because since as follows now here "
        "note recall using by from via applying due to the an of in its our again "
        "above below before previous earlier following same way above. is are was it case to pre depends on"
    )
)
"""Words that join formulas to the text around them."""
_NAMES = NOUNS | CONNECTIVES | frozenset(listed("bptt hadamard jacobi leibniz"))
"""Words of Latin letters that may stand among Chinese ones."""
_STARTS = frozenset(
    listed(
        "by using from via applying due see since because as similarly analogously likewise which i.e. e.g. again need"
    )
)
"""The words a remark behind a formula begins with."""
_RELATING = frozenset(listed("of in on is are was it its to which that case since because from by depends"))
"""Words that need something behind them: not at the end of a label."""
CONDITIONS = regex(
    r"\b(?:if|when|whenever|for|where|with|unless|except|provided|given|assuming|suppose|otherwise|at|only)\b"
    r"|如果|假如|假设|若|当(?!前)",
    re.I,
)
INTRODUCING = frozenset(listed("set let since because as vs vs. versus"))
"""Words before another formula in the same line, which is read as one of its own."""
_ALL_STEPS = regex(r"[,;]\s*t\s*=\s*\d+\s*(?:,\s*\d+\s*)*,\s*(?:\\[lc]?dots|\.\.\.)\s*,\s*T\s*\Z")
"""For which steps the letters in such a remark are needed."""
_DEFINED = regex(
    r"(?:\s|&|\\[,;: ]|\\q?quad(?![A-Za-z]))*(?:\\(?:mathcal|mathbf|tilde|hat|bar)\s*)?(?:\{\s*)?"
    r"(?:\\?[A-Za-z]+)(?:\s*\})?\s*"
    r"[_^](?:\{[^{}=]*\}|[A-Za-z])(?:\s*[_^](?:\{[^{}=]*\}|[A-Za-z]))?\s*&?\s*:?="
)
_COMPUTED = regex(r"[A-Za-z].*[A-Za-z]", re.DOTALL)
"""What has more than one letter, as no value of an index has."""
_ENDED = regex(r"(?:,|;|\\q?quad(?![A-Za-z]))(?:\s|\\[,;: ])*\Z")
_EQUATED = regex(r"(?<![<>:!])=")
_POINTING = frozenset(listed("need needs needed using uses via from"))
"""What such a remark in brackets may say before the letters that it names."""
_WAYS = frozenset(listed("path paths way ways through along one ones added arriving coming comes flowing above below"))
"""What such a remark may say of where a part of a gradient comes from."""
_TERMS = frozenset(
    listed("term terms path paths contribution contributions rest others termos términos termes terme caminhos caminos")
)
_OTHER = frozenset(
    listed(
        "other additional indirect further remaining extra more small smaller gated gating controlled dependent "
        "dependence dependencies outros adicionais indiretos restantes controlados por otros adicionales indirectos "
        "autres additionnels indirects supplémentaires weitere andere indirekte übrige restliche"
    )
)
_REST_IN_CHINESE = regex(
    r"(?:其他|其它|其余|其餘|间接|間接|剩余|剩餘|额外|額外|门控|門控|相关|相關|的|梯度|贡献|貢獻|依赖于?|依賴於?|取决于|取決於"
    r"|涉及|来自|來自|通过|通過|经由|經由|经过|經過|关于|關於|各个?|输入|輸入|遗忘|遺忘|输出|輸出|更新|重置|候选|隐藏状态|隱藏狀態"
    r"|门|門|导数|導數)*"
    r"(?:项|項|路径|路徑|贡献|貢獻)"
)
"""What the rest of a sum is called, and what may be said of it."""
_RELATED = regex(r"[=<>≤≥≠∈]|\\(?:le|leq|ge|geq|ne|neq|in|lt|gt|approx|to|rightarrow)(?![A-Za-z])")
_SPACES = r"\s|&|\\[,;:!> ]|\\q?quad(?![A-Za-z])|~|\\displaystyle|\\(?:left|right)\."
_LEADING = regex(rf"(?:{_SPACES}|\\begin\{{[a-z]+\*?\}}(?:\{{[^{{}}]*\}})?|\{{|\$|\(\d+\)|[,.;])*")
_TRAILING = regex(
    rf"(?:{_SPACES}|\}}|\\end\{{[a-z]+\*?\}}|[,.;:]|\\(?:tag|label)\*?\{{[^{{}}]*\}}|\\n(?:onumber|otag)|\$|\(\d[\d.]*\))*"
)
_OPENED = regex(r"(?P<bracket>(?:\\left|\\[bB]igg?l?)?\s*\((?:\s|\\[,;:! ])*)\Z")
_CLOSED = regex(r"(?:\s|\\[,;:! ])*(?:\\right|\\[bB]igg?r?)?\s*\)")
_MEMBER = regex(
    r"(?:\\left)?\(\s*(?:\\in(?![A-Za-z])|∈)\s*(?:\\mathbb\s*\{?\s*R\s*\}?|ℝ)"
    r"\s*(?:\^\s*(?:\{[^{}()]*\}|\w))?\s*(?:\\right)?\)"
)
"""(∈ ℝ^d) behind a formula: the space of what it speaks of."""
_ARROW = regex(r"→|\\(?:to|rightarrow|longrightarrow)(?![A-Za-z])")
_LIMIT = regex(rf"\\text\s*\{{\s*(?:as|when)\s*\}}[^=\\]*(?:{_ARROW.pattern})\s*(?:\\infty|∞|0)(?![A-Za-z\d])")
"""as T - t → ∞, behind an arrow: of what goes to a limit the arrow says nothing that is judged."""
_CALLED = regex(rf"(?:{_SPACES})*(?:≈|∝|\\(?:approx|propto|sim|simeq|equiv)(?![A-Za-z]))")
"""Behind words that are the left side: gradient scale ≈ 0.9^{10}."""
_APART = regex(rf"(?:&|\\q?quad(?![A-Za-z])|~~|\\;\\;)(?:{_SPACES})*\Z")
_NO_PRODUCT = regex(
    r"\bnot\s+(?:an?|the)\s+(?:matrix |dot |inner |outer |scalar |matrix-vector )?(?:product|multiplication|sum)"
    r"(?:\s+over\s+(?:the |all )?(?:time|steps|time steps))?\s*!?", re.IGNORECASE,
)  # fmt: skip
"""What an operation is said not to be, which it is as it stands."""
_BREAK = regex(
    r"(?<!\\)\\\\|\\(?:Long)?(?:left)?[Rr]ightarrow(?![A-Za-z])|\\(?:implies|iff|therefore|because)(?![A-Za-z])|"
    r"\\begin\s*\{(\w*matrix|cases|array)\}|\\end\s*\{(\w*matrix|cases|array)\}"
)


_WORD = regex(r"[A-Za-z]+(?:(?:\\_)[A-Za-z]+)*")
_SCRIPTS = regex(r"\s*[_^]")
"""Behind a word: with a script it is the name of a quantity, pre_t."""
WANTING = regex(r"(?:[+*-]|\\(?:odot|cdot|times|circ))(?:\s|\\[,;: ])*\Z")
"""A sign at the end of a text, behind which an operand is wanted."""


@dataclass(frozen=True)
class Aside:
    """Words in a formula, text[start:end] with what belongs to them.

    A remark, a condition, the rest of a sum (+ other terms), or not understood.
    """

    start: int
    end: int
    kind: str
    words: str = ""
    rest: int = 0
    """For a condition: where what follows its words begins."""


def rows(text: str) -> list[tuple[int, int]]:
    """The lines of a formula; the rows of a matrix are none."""
    found, start, depth = [], 0, 0
    if ends := line_ends(text):
        edges = [0, *sorted(ends), len(text)]
        return list(pairwise(edges))
    for match in _BREAK.finditer(text):
        if match.group(1) or match.group(2):
            depth += 1 if match.group(1) else -1
        elif depth == 0:
            found.append((start, match.start()))
            start = match.end()
    return [*found, (start, len(text))]


def asides(text: str) -> list[Aside]:
    """All words of a formula in LaTeX, with what they are."""
    whole = [*_MEMBER.finditer(text), *(m for m in _LIMIT.finditer(text) if _ARROW.search(text, 0, m.start()))]
    found = [Aside(match.start(), match.end(), "remark") for match in whole]
    for start, end in rows(text):
        found += [a for a in _in_row(text, start, end) if not any(b.start <= a.start < b.end for b in found)]
    return sorted(found, key=lambda aside: aside.start)


def _in_row(text: str, start: int, end: int) -> Iterator[Aside]:
    spoken = [(m.start(), m.end(), m.group(1)) for m in TEXT.finditer(text, start, end)]
    spoken = [each for each in spoken if not (_WORD.fullmatch(each[2]) and _SCRIPTS.match(text, each[1]))]
    covered = [(a, b) for a, b, _ in spoken]
    loose = [*_BARE.finditer(text, start, end), *_WIDE.finditer(text, start, end)]
    spoken += [
        (m.start(), m.end(), m.group())
        for m in loose
        if not any(a <= m.start() < b for a, b in covered) and not _PUNCTUATION.fullmatch(m.group())
    ]
    spoken = sorted(_with_brackets(text, start, end, a, b, tongues.in_english(words)) for a, b, words in spoken)
    shown = list(text)  # what stands around a word, without the words that are understood
    done: dict[int, Aside] = {}

    def around(first: int, last: int) -> tuple[str, str]:
        return "".join(shown[start:first]), "".join(shown[last:end])

    def take(first: int, last: int, kind: str, words: str, rest: int = 0) -> None:
        done[first] = Aside(first, last, kind, words, rest)
        shown[first:last] = " " * (last - first)

    if (pointing := _in_brackets(text, start, end, spoken)) is not None:
        take(*pointing)
    for first, last, words in spoken:  # labels, from the left
        if any(a.start <= first < a.end for a in done.values()):
            continue
        before, behind = around(first, last)
        if start == 0 and _LEADING.fullmatch(before) and (sign := _CALLED.match(behind)) and _names(words):
            take(first, last + sign.end(), "remark", words)  # words are the left side
        elif _LEADING.fullmatch(before) and (stop := _label(words, behind)) is not None:
            take(first, last + stop, "remark", words)
    for first, last, words in spoken:  # a condition takes what follows it
        if first in done or any(a.start <= first < a.end for a in done.values()):
            continue
        before, behind = around(first, last)
        if _in_cases(text, first):
            if CONDITIONS.fullmatch(words.strip()) or not words.strip():
                take(first, last, "remark", words)
        elif _script(before):
            continue
        elif (begins := CONDITIONS.match(words.strip(" ,;.()（）"))) and begins.group().lower() != "only":
            alone = begins.group().lower() == "where" and words.strip(" ,;") == begins.group()
            if alone and _defines(behind, _LEADING.fullmatch(before) is not None):
                take(first, last, "remark", words)
                continue
            kind = "unknown" if begins.group().lower() in ("unless", "except") else "condition"
            if (bracket := _OPENED.search(before)) and (close := _bracketed(behind)) is not None:
                opened, stop = start + bracket.start("bracket"), last + close
                take(first, stop, kind, words, last)
                take(opened, first, "remark", "")
                closed = _CLOSED.match(text, stop, end)
                assert closed is not None  # `_bracketed` found it
                take(stop, closed.end(), "remark", "")
                continue
            if _LEADING.fullmatch(before):
                stop = _clause_end(behind)
                take(first, last + stop, kind, words, last)
            else:
                take(first, end - len(_end_of(behind)), kind, words, last)
    for first, last, words in reversed(spoken):  # remarks, from the right
        if first in done or any(a.start <= first < a.end for a in done.values()):
            continue
        before, behind = around(first, last)
        if _script(before):
            continue
        if words.strip().lower() in INTRODUCING and _ENDED.search(before) and _EQUATED.search(behind):
            take(first, last, "remark", words)
            continue
        if (pointed := _pointed_at(words, before, behind)) is not None:
            take(start + pointed[0], last + pointed[1], "remark", words)
        elif words.strip() and WANTING.search(before) and _TRAILING.fullmatch(behind):
            take(first, last, "rest" if before.rstrip().endswith("+") and _left_open(words) else "unknown", words)
        elif not words.strip() or (_TRAILING.fullmatch(behind) and _remark(words, before)):
            take(first, last, "remark", words)
        elif not _is_name(text, first, words, behind):
            take(first, last, "unknown", words)
    yield from done.values()


def _names(words: str) -> bool:
    """Whether words are what something is called, and none of them relates it to the formula."""
    return len(_split(words)) > 1 and words.strip()[0] not in "([" and not CONDITIONS.search(words)


def _defines(behind: str, leads: bool) -> bool:
    """Whether a letter with scripts is said to be something that is computed: ... where L_t = (y_t - r_t)^2.

    `leads`: whether nothing stands before the word, so that it may be a chain of equations, too.
    """
    found = _DEFINED.match(behind)
    if found is None or _COMPUTED.search(behind, found.end()) is None:
        return False
    related = {match.group() for match in _RELATED.finditer(behind, found.end())}
    return not related - ({"="} if leads else set())


def _in_brackets(
    text: str, start: int, end: int, spoken: Sequence[tuple[int, int, str]]
) -> tuple[int, int, str, str] | None:
    """Words in brackets apart from a formula, with letters between them: (the path through h_t, and what came)."""
    opened = next((each for each in spoken if each[2].lstrip().startswith("(") and ")" not in each[2]), None)
    last = spoken[-1] if spoken else None
    if opened is None or last is None or opened is last or not last[2].rstrip(" .,;").endswith(")"):
        return None
    inside = [words for first, _, words in spoken if first >= opened[0]]
    said = " ".join(inside)
    plain = _APART.search(text, start, opened[0]) and _TRAILING.fullmatch(text, last[1], end)
    if not plain or _RELATED.search(text, opened[1], last[0]) or CONDITIONS.search(said):
        return None
    if not _listed(said, NOUNS | CONNECTIVES | _WAYS):
        return None
    return opened[0], last[1], "remark", said


def _with_brackets(text: str, start: int, end: int, first: int, last: int, words: str) -> tuple[int, int, str]:
    """Words with the brackets around them, where nothing else stands in these; no argument of a function."""
    before = _OPENED.search(text, start, first)
    behind = _CLOSED.match(text, last, end)
    parts = _split(words)
    if before is None or behind is None or not parts:
        return first, last, words
    if parts[0] not in _STARTS and not _APART.search(text, start, before.start("bracket")):
        return first, last, words  # perhaps the argument of a function
    return before.start("bracket"), behind.end(), f"({words})"


def _pointed_at(words: str, before: str, behind: str) -> tuple[int, int] | None:
    """Where brackets apart from a formula open and close that only name what it needs: (need h_t)."""
    bracket, close = _OPENED.search(before), _bracketed(behind)
    if bracket is None or close is None or not _listed(words, _POINTING):
        return None
    if not _APART.search(before[: bracket.start("bracket")]) or _RELATED.search(_ALL_STEPS.sub("", behind[:close])):
        return None
    closed = _CLOSED.match(behind, close)
    return None if closed is None else (bracket.start("bracket"), closed.end())


def _bracketed(behind: str) -> int | None:
    """How far what stands in brackets reaches that are open before it; None where they do not close the line."""
    depth = 0
    for match in re.finditer(r"\(|\)", behind):
        depth += 1 if match.group() == "(" else -1
        if depth < 0:
            before = re.search(r"(?:\\right|\\[bB]igg?r?)?\s*\Z", behind[: match.start()])
            assert before is not None
            return before.start() if _TRAILING.fullmatch(behind, match.end()) else None
    return None


def _in_cases(text: str, at: int) -> bool:
    before = text[:at]
    return before.count(r"\begin{cases}") > before.count(r"\end{cases}")


def _script(before: str) -> bool:
    """Whether a script begins here, whose words label a letter, or that of a bar stands open: |_{via h_t}."""
    if re.search(r"[_^]\s*\{?\s*\Z", before):
        return True
    bar = before.rfind("|_{")
    return bar >= 0 and before.count("{", bar) > before.count("}", bar)


def _is_name(text: str, start: int, words: str, behind: str) -> bool:
    """Whether this is one word that may be the name of a function or quantity; blanks around it need a script."""
    word = (words.strip() if re.match(r"\s*[_^]", behind) else words).replace(r"\_", "_")
    return text[start] == "\\" and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", word) is not None


def _split(words: str) -> list[str]:
    return [each for each in re.split(r"[\s,;:()\[\]'’-]+|\.(?=\s|$)", words.lower()) if each]


def _listed(words: str, allowed: frozenset[str]) -> bool:
    parts = _split(words)
    return bool(parts) and all(part in allowed or re.fullmatch(r"\d[\d.]*", part) for part in parts)


def _label(words: str, behind: str) -> int | None:
    """How far a label before a formula reaches behind its words; None where this is none."""
    if chinese.SCRIPT.search(words):
        colon = re.match(r"\s*[:：]", behind)
        return None if not chinese.known(words, _NAMES) else colon.end() if colon else 0
    if _listed(words, CONNECTIVES) and _split(words)[-1] not in _RELATING:
        return 0
    if not _listed(words, NOUNS | CONNECTIVES):
        return None
    bare = words.strip()
    if bare.endswith(":") or (bare.startswith("(") and bare.endswith(")")):
        return 0
    named = re.match(r"[^=:\\{}\[\]]*:(?!=)", behind)  # gradient of U:
    if named:
        return named.end()
    ends_openly = _split(words)[-1] in _RELATING
    return 0 if not ends_openly and re.match(r"(?:\\[,;: ]|\s)*(?:\\q?quad(?![A-Za-z])|&)", behind) else None


def _remark(words: str, before: str) -> bool:
    """Whether words behind a formula only say where it comes from or what it is about."""
    if chinese.SCRIPT.search(words):
        return chinese.remark(words, _NAMES)
    words = _NO_PRODUCT.sub("", words)
    parts = _split(words)
    if not _listed(words, NOUNS | CONNECTIVES):
        return False
    bare = words.strip(" ,.;")
    bracketed = bare[0] + bare[-1] in ("()", "[]")
    return parts[0] in _STARTS or bracketed or (parts[-1] not in _RELATING and bool(_APART.search(before)))


def _left_open(words: str) -> bool:
    """Whether words behind a + are the rest of the sum, of which nothing is said but where it comes from."""
    parts = frozenset(_split(words))
    if chinese.SCRIPT.search(words):
        return _REST_IN_CHINESE.fullmatch(words.strip(" ()（）")) is not None
    return bool(parts & _TERMS) and parts <= _TERMS | _OTHER | _WAYS | NOUNS | CONNECTIVES


def _clause_end(behind: str) -> int:
    """How far a condition before a formula reaches."""
    match = re.search(r"[:,]|\\q?quad(?![A-Za-z])", behind)
    return match.end() if match else len(behind)


def _end_of(behind: str) -> str:
    """What of the rest of a line belongs to no condition: ends of brackets and environments."""
    match = re.search(r"(?:\s|\}|\\end\{[a-z]+\*?\}|\\(?:tag|label)\*?\{[^{}]*\})*\Z", behind)
    assert match is not None
    opened = behind[: match.start()]
    if opened.count("{") > opened.count("}"):  # the brace that ends here was opened by the condition
        return re.sub(r"^\s*\}", "", match.group())
    return match.group()
