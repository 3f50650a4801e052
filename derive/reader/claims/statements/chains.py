"""Text of a formula -> the chains in it: `a = b = c` with their places, prose and decoration blanked out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Expr

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.claims.statements.cased import as_cases
from derive.reader.claims.statements.clauses import apart
from derive.reader.claims.statements.prose import TEXT, WANTING, Aside, asides, rows
from derive.reader.claims.statements.stated import Stated, about_time, at_step, before_last, given, in_words, ordered
from derive.reader.meaning.letters import letter, only
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.tokens import Token
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Dots, Group, Mark, Name, Number, Ones, Product, Run, Sum, Syntax, is_one
from derive.reader.text.usual import in_usual_words
from derive.reader.text.words import FUNCTION_COMMANDS, LAYOUTS, SIZES_OF_TYPE

_DROPPED = regex(r"\\(?:boxed|underbrace|overbrace|fbox|ensuremath|displaystyle|left\.|right\.)(?![A-Za-z])")
_BRACE_NOTE = regex(r"\\(?:under|over)brace(?![A-Za-z])")
_ACCUMULATED = regex(r"\+\s*=|\\mathrel\{\+\}=|\\mathrel\{\+=\}|\{\+=\}|\{\+\}\s*\{=\}")
_SIZED = regex(
    r"=(?:\s|&)*\\?[A-Za-z]+\s*_\s*\{[^{}=]*\\times[^{}=]*\}(?=\s*&?\s*=\s*(?:\\left\s*)?\[\s*\\?[A-Za-z]+\s*[_^]\s*"
    r"\{\s*(?P<index>[i-r])\s*,?\s*(?P=index)\s*\}\s*=)"
)
"""A letter with sizes below it, for the diagonal matrix whose entries stand behind it."""
_WIDE = regex(r"[\u2460-\u2473\u2776-\u277f\u3000-\u303f\uff01-\uff5e]+")
"""Signs of Chinese text and numbers in circles, which say nothing of the formula."""
_ARROW = regex(r"\A(?:\s|&|\\[,;: ])*(?:→|\\(?:to|(?:long)?rightarrow)(?![A-Za-z]))")
"""Before a formula, for what is found next."""
_LIMIT = regex(
    r"\\lim\s*(?:\\limits)?\s*_\s*\{[^{}]*\}(?P<of>(?:(?!\\\\|\\(?:leq?|geq?|neq?|lt|gt|in)(?![A-Za-z]))[^=<>≤≥≠∈])*?)"
    r"(?P<sign>=|→|\\(?:to|rightarrow)(?![A-Za-z]))"
)
"""A limit of something, and the sign behind it."""
_PLACE = r"\{\s*\\cdot\s*\}"
_BLANK = r"(?:\s|~|\\[,;: ])*"
_MEANING = regex(
    rf"&{_BLANK}\(?{_BLANK}(?:(?:\\[dt]?frac\s*{_PLACE}\s*{_PLACE}|[⊙∘⊗·]|\\(?:odot|circ|otimes|cdot)(?![A-Za-z]))"
    rf"{_BLANK}\\(?:text\w*|mbox)\s*\{{(?![^{{}}]*\b(?:if|when|not)\b)[^{{}}]*\}}"
    rf"|[a-z]_(?:t|\{{t\}}){_BLANK}\\(?:text\w*|mbox)\s*\{{[\s~]*(?:is|being)(?![^{{}}]*\b(?:if|when|not)\b)"
    rf"[^{{}}]*\bone-hot\b[^{{}}]*\}}){_BLANK}\)?(?=[\s.,]*(?:\\\\|\\end\b|\Z))"
)
"""Beside an equation, what a sign or target in it is: & \\odot \\text{ is elementwise}, & y_t \\text{ is one-hot}."""
_SMALL = regex(r"(?<=\+)(?P<blank>\s*)(?:\\mathcal\s*\{\s*O\s*\}|O)\s*\(\s*\\text\s*\{[^{}()]*\}\s*\)(?=[\s.,;]*\Z)")
"""What a sum goes on with, as words say in the O of it: + O(indirect paths)."""
_CELL_DOT = regex(r"((?:\\\\|&|matrix\})\s*)([·.⋮])(?=(\s*(?:\\\\|&|\\end)))()")
_DOT_ROW = regex(
    r"((?:\\\\|matrix\})\s*)((?:&|\s|[·.⋮…⋯]|\\[vdc]dots|\\cdot(?![a-z]))*[·.⋮…⋯s](?:&|\s|[·.⋮…⋯]|\\[vdc]dots)*)(?=\\\\|\\end)"
)
_EMPTY = regex(r"\{\s*\}")
_WANTING = regex(
    r"(?:[_^]|\\(?:[dt]?frac|sqrt|hat|widehat|tilde|widetilde|bar|overline|dot|vec|math[a-z]+|boldsymbol|bm))\s*\Z"
)
"""What needs an argument: empty braces behind it are not decoration."""
_CASES = regex(r"\\begin\s*\{cases\}.*?\\end\s*\{cases\}", re.DOTALL)
_SIDE_BY_SIDE = regex(r"&?\s*\\end\s*\{cases\}(?:\s|\\[,;: ]|\\q?quad(?![A-Za-z])|,)*\\begin\s*\{cases\}(?=[^&]*?=)")
"""Where systems of equations stand beside each other: those of the next step."""
_BECAUSE = regex(
    r"(?:\((?:\s|\\[,;: ])*\\(?:(?:because|therefore)(?![A-Za-z])|text\w*\s*\{\s*(?:because|since|as|by)\b)"
    r"|\\text\w*\s*\{\s*\(\s*(?:because|since)\b[^(){}]*\})"
    r"(?:(?=[\s{}]*\\sum[^()=]*=\s*1\s*\))|(?![^()]*=\s*(?:[0-9.]+|I|\\\w+\s*\{\s*[0I]\s*\})\s*(?:\\text\w*\s*\{\s*)?\)))"
)
_OF_CLASS = regex(
    r"(?<=\\log)(?P<before>\s*(?:\\left|\\[bB]igg?l?)?\s*[({]?\s*)(?P<letter>(?:\\(?:wide)?hat\s*)?\{?[a-z]\}?)\s*"
    r"_\s*\{\s*t\s*,\s*(?P<of>[a-z]_(?:t|\{t\}))\s*\}"
)
"""The entry of a distribution that belongs to the class of the step, log p_{t, y_t} for log p_t[y_t]."""
_NAMING = (
    "logits?|size|shape|dim|dimension|of|a|the|scalar|vector|matrix|row|column|hidden|state|output|input|gate|candidate|"
    "cell|weights?|bias|probabilities|probability|distribution|prediction|target|label|loss|batch|vocabulary|with"
)
_BESIDE = regex(
    r"\\q?quad(?:\s|~|\\[,;: ])*\((?:\s|\\[,;: ])*\\text\w*\s*\{(?:[\s,:;]*\b(?:" + _NAMING + r")\b)+[\s,:;]*\}"
    r"[^()=<>\\]{1,12}\)(?=[\s.,]*(?:\\\\|\\end\b|\Z))"
)
"""Words with a letter among them behind an equation: (logits, size V)."""
_NUMBER = regex(
    r"\\q?quad(?:\s|\\[,;: ])*\(\s*(?:(?P<letter>[a-z])(?P=letter)+|iv|vi+|\*+)\s*\)(?=[\s.,}]*(?:\\\\|\\end\b|\Z))"
)
"""The number of an equation in letters: \\qquad (ii)."""
_CASE_END = regex(r"(?<![.\\])[,.;](?=\s*(?:\\\\|\\end\b))")
"""What stands behind the condition of a case and says nothing."""
_FRACTION = regex(r"\\[dt]?frac\s*(?=\{)")
_SIGMA = regex(r"Σ(?=\s*_)")
_RELATION_NOTE = regex(r"\\(?:stackrel|overset|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*(?:\{\s*:?=\s*\}|:?=)")
_BOX = regex(rf"\\(?:boxed|fbox|displaylines|{'|'.join(sorted(SIZES_OF_TYPE))}|bbox\s*(?:\[[^\]]*\])?)\s*(?=\{{)")
_PRIMES = [
    rf"\s*(?:'{{{many}}}(?!')|\^\s*(?:\\prime(?![A-Za-z])|\{{\s*(?:\\prime\s*){{{many}}}\}}))" for many in (2, 1)
]
_PRIMED = (
    r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{?\s*(?P<letter>[a-z])%s"
    r"|_\s*\{\s*[i-n]?\s*(?P<entry>[i-n])%s|_\s*\{\s*(?P<step>t)%s"
)
_PRIMED_INDEX = {prime: regex(_PRIMED.replace("%s", prime)) for prime in _PRIMES}
_GAP = regex(r"(?:(?:\\q?quad(?![A-Za-z])|(?<!\\)&)(?:\s|\\[,;: ])*)+")
_BRACKETED = regex(r"\(\s{0,2}(?!\s)[^()=]*=[^=]*\)[\s.,]*(?:\\end\s*\{[a-z]+\*?\}\s*)?")
"""An equation in brackets, without words before it in them, which are blanks by then."""
_WIDE_SPACE = regex(r"[,;]?(?:\s|\\[,;: ])*(?:\\q?quad(?![A-Za-z])|\\[mh]space\s*\{[^{}]*\})(?:\s|\\[,;: ])*")
_RELATED = regex(r"(?<![:<>])=|[<>≤≥≠∈]|\\(?:le|leq|ge|geq|ne|neq|in|lt|gt|leftarrow)(?![A-Za-z])")
_SET = regex(rf"{_RELATED.pattern}|:=")
_COMPARED = regex(rf"{_RELATED.pattern}|≈|∝|→|:|\\(?:approx|propto|sim|to|equiv)(?![A-Za-z])")
_GOES_ON = regex(
    r"(?:\s|&)*(?:[=+]|(?:[-−*/]|\\(?:odot|cdot|times|circ|otimes)(?![A-Za-z])|(?:\\(?:left|[bB]igg?l?)\s*)?"
    r"(?:\(|\[(?!\s*-?[\d.]+\s*[a-z]{2}\s*\]))(?!\s*(?:\\text|\\mbox|[^\W\d_]{3})))(?=(?:(?!\\\\)[^=])*(?:\\\\|\Z)))"
)
"""A row that begins with a sign or bracket, and claims nothing by itself."""
_LAYOUT = regex(rf"\\(?:begin|end)\s*\{{(?:{'|'.join(sorted(map(re.escape, LAYOUTS)))})\}}")
_OPEN_END = regex(r"(?:[=+\-*/(<>≤≥≠∈&]|\\(?:le|leq|ge|geq|ne|neq|in|odot|cdot|times|circ)(?![A-Za-z])|\\\\)\s*\Z")
_OPEN_START = regex(r"\s*(?:[=+\-*/)<>≤≥≠∈,;.]|\\(?:le|leq|ge|geq|ne|neq|in|odot|cdot|times|circ)(?![A-Za-z]))")
_SIZE = r"[A-Za-z](?:_(?:[A-Za-z0-9]|\{[A-Za-z0-9]+\}))?|\d+|\([A-Za-z0-9+ ]+\)"
_SHAPED = regex(
    rf"(?:\bis|\b(?:has|with|of|the)?\s*(?:shape|size)|:)\s*(?:an?|of)?\s*\}}?(?:\\[ ,;:]|\s|\\q?quad)*"
    rf"\(?(?P<sizes>(?:{_SIZE})\s*(?:\\times|×|\bx\b|\bby\b|,)\s*(?:{_SIZE}))\)?\s*[.,]?\s*$"
)
_IS = regex(r"(?:\\[ ,;:]|\s)*(?:\\(?:text|textrm|mbox|mathrm)\s*\{\s*(?:is|has)\b[^{}]*\}|\b(?:is|has)\b.*|:).*$")
_NEXT = regex(r"t\s*\+\s*1")


_FONT_OPENED = regex(r"\\(?:mathbf|boldsymbol|bm|mathrm|mathit|mathsf|text(?:bf|it|rm)?)\s*\{\s*\Z")


def _closes_more(text: str) -> bool:
    """Whether a brace ends in a text that does not begin there."""
    depth = 0
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return True
    return False


@dataclass(frozen=True)
class Statement:
    """One line of a formula: its sides, the relations between them, and conditions such as i ≠ j beside it."""

    fragment: Fragment
    sides: tuple[Syntax, ...]
    relations: tuple[Token, ...]
    conditions: tuple[Chain, ...] = ()
    accumulated: bool = False
    moment: Expr | None = None
    """The step for which the formula is stated, where it says so: T in `for t = T`."""
    unread: str = ""
    """A condition beside the formula that is not read."""
    words: str = ""
    """Words in the formula that are not understood."""
    given: bool = False
    """Whether this is itself a condition of the formula beside it."""

    def text(self, start: int, end: int) -> str:
        """What is written from here to there, on one line, with the font that its first letters share: \\mathbf{dq}."""
        opened = _FONT_OPENED.search(self.fragment.written[:start])
        if opened is not None and _closes_more(self.fragment.written[start:end]):
            start = opened.start()
        return " ".join(self.fragment.quoted(start, end).split())

    def place(self, number: int) -> Place:
        """Where the side behind the relation of that number stands."""
        first = self.relations[number].start
        return self.fragment.place(first, self.sides[number + 1].end)


@lru_cache(4096)
def blanked(text: str) -> tuple[str, bool]:
    """The text without decoration and prose, character for character in place; and whether it says +=."""
    read, accumulated, _ = _undecorated(text, plain=False)
    return read, accumulated


def _undecorated(text: str, *, plain: bool) -> tuple[str, bool, list[Aside]]:
    """The text without decoration and prose, whether it says +=, and the words that stood in it."""
    text = _LIMIT.sub(_as_arrow, _ARROW.sub(_spaces, as_cases(text)))
    for match in list(_BRACE_NOTE.finditer(text)):
        text = _without_note(text, match.end())
    for match in list(_BOX.finditer(text)):
        text = _without_box(text, match.start(), match.end())
    text = _DROPPED.sub(_spaces, text)
    text = _without_primed_index(text)
    text = _NUMBER.sub(_spaces, _MEANING.sub(_spaces, _BESIDE.sub(_spaces, text)))
    text = _OF_CLASS.sub(lambda m: f"{m['before']}{m['letter']}_t[{m['of']}]".ljust(len(m.group())), text)
    for match in list(_BECAUSE.finditer(text)):
        text = _without_reason(text, match.start(), match.end())
    text = _SIDE_BY_SIDE.sub(lambda m: r"\\".ljust(len(m.group())), text)
    text = _SIZED.sub(_spaces, text)
    text = _RELATION_NOTE.sub(lambda m: "=".rjust(len(m.group())), text)
    text = _SMALL.sub(lambda m: f"{m['blank']}{{…{' ' * (len(m.group()) - len(m['blank']) - 3)}}}", text)
    spoken = [] if plain else asides(text)
    for aside in spoken:
        operand = aside.kind == "unknown" and WANTING.search(text, 0, aside.start) is not None
        blank = " " * (aside.end - aside.start)
        if (operand or aside.kind == "rest") and len(blank) > 2:  # it stands for an operand
            blank = f"{{{'1' if operand else '…'}{blank[3:]}}}"
        elif aside.kind == "remark" and aside.words.strip(" ,;") == "where" and _ends_here(text[: aside.start]):
            blank = f",{blank[1:]}"
        text = text[: aside.start] + blank + text[aside.end :]
    text = _WIDE.sub(_spaces, text)
    text = _CASES.sub(lambda m: _CASE_END.sub(_spaces, m.group()), text)
    seconds = {_closing(text, match.end()) for match in _FRACTION.finditer(text)}
    text = _EMPTY.sub(lambda m: m.group() if m.start() in seconds or _wanting(text, m.start()) else _spaces(m), text)
    text = _SIGMA.sub("∑", text)
    text = _DOT_ROW.sub(lambda m: m.group(1) + "…".ljust(len(m.group(2))), text)
    text = _CELL_DOT.sub(lambda m: m.group(1) + "…", text)
    if not plain:
        text = _separated(text)
    found = _ACCUMULATED.search(text)
    return _ACCUMULATED.sub(lambda m: "=".rjust(len(m.group())), text), found is not None, spoken


def _ends_here(before: str) -> bool:
    """Whether an equation may end here, with nothing behind it that sets it apart from the next."""
    row = before.rpartition("\\\\")[2].rstrip()
    return _related(row) and row[-1:] not in ",;&=" and _depth(row) == 0


def _without_primed_index(text: str) -> str:
    """The text with another letter where a sum or product counts by t': s_{t'}, and s_t' too."""
    for prime, counted in _PRIMED_INDEX.items():
        for index in dict.fromkeys(
            match["letter"] or match["entry"] or match["step"] for match in counted.finditer(text)
        ):
            free = next((each for each in "kjimnq" if not re.search(rf"(?<![A-Za-z\\]){each}(?![A-Za-z])", text)), None)
            if free is not None:
                primed = re.compile(rf"(?:(?<![A-Za-z\\])|(?<=\{{[A-Za-z])){index}{prime}")
                text = primed.sub(lambda m, free=free: free.ljust(len(m.group())), text)  # type: ignore[misc]
    return text


def _without_reason(text: str, start: int, inside: int) -> str:
    """Blank a reason in brackets behind a formula: (∵ h_t = ...); one of the brackets may stand in words."""
    depth = 1
    for i in range(inside, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            reason = text[start : i + 1]
            end = i + 1 if reason.count("{") == reason.count("}") else text.find("}", i) + 1
            return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:] if end else text
    return text


def _without_box(text: str, start: int, brace: int) -> str:
    """Blank a box or a colour; its braces too where they hold a whole equation."""
    end = _closing(text, brace)
    if end is None:
        return text
    if _RELATED.search(text, brace, end):
        return text[:start] + " " * (brace + 1 - start) + text[brace + 1 : end - 1] + " " + text[end:]
    return text[:start] + " " * (brace - start) + text[brace:]


def _separated(text: str) -> str:
    """Claims in one line with a wide space between them, with a comma there instead."""
    for start, end in rows(text):
        gaps = [m for m in _GAP.finditer(text, start, end) if _depth(text[start : m.start()]) == 0]
        first, starts = start, [*(m.start() for m in gaps), end]
        for gap, until in zip(gaps, starts[1:], strict=True):
            before, behind = text[first : gap.start()], text[gap.end() : until]
            apart = _related(before) and (_related(behind) or _BRACKETED.fullmatch(behind))
            if apart and not _OPEN_END.search(before) and not _OPEN_START.match(behind) and "," not in before[-2:]:
                text = text[: gap.start()] + ",".ljust(gap.end() - gap.start()) + text[gap.end() :]
                first = gap.end()
    return text


def _related(text: str) -> bool:
    """Whether two sides are compared here, outside brackets."""
    return any(_depth(text[: match.start()]) == 0 for match in _SET.finditer(text))


def _depth(text: str) -> int:
    """How many brackets and environments are open at the end of a text."""
    plain = re.sub(r"\\left\s*\.|\\right\s*\.", "", text)
    opened = len(re.findall(r"[({\[]|\\begin\s*\{\w*matrix|\\begin\s*\{(?:cases|array)", plain))
    return opened - len(re.findall(r"[)}\]]|\\end\s*\{\w*matrix|\\end\s*\{(?:cases|array)", plain))


def _as_arrow(limit: re.Match[str]) -> str:
    """What goes to a limit, lim ‖W‖^t = 0, as an arrow says it: ‖W‖^t → 0."""
    return f"{limit['of']}→".rjust(len(limit.group()))


def _wanting(text: str, end: int) -> bool:
    return _WANTING.search(text, max(0, end - 20), end) is not None


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _without_note(text: str, start: int) -> str:
    """Blank what stands under a brace: \\underbrace{a}_{note}."""
    end = _closing(text, start)
    if end is None:
        return text
    rest = re.compile(r"\s*[_^]\s*\{").match(text, end)
    if rest is None:
        return text
    stop = _closing(text, rest.end() - 1)
    return text if stop is None else text[:end] + " " * (stop - end) + text[stop:]


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0 and text[i] == "}":
            return i + 1
        if depth == 0 and not text[i].isspace():
            return None
    return None


def statements(fragment: Fragment) -> list[Statement]:
    """The lines of a formula that have a relation, and those that continue the line before.

    Raises InputError with the place of what cannot be parsed.
    """
    found = _statements(fragment)
    if isinstance(found, InputError):
        raise found.with_traceback(None)
    return list(found)


@lru_cache(4096)
def _statements(fragment: Fragment) -> tuple[Statement, ...] | InputError:
    """Formulas of a note are read by many, and once for each model that they are held against."""
    try:
        return tuple(_read(fragment))
    except InputError as error:
        return error


def _read(fragment: Fragment) -> list[Statement]:
    text, accumulated, spoken = _undecorated(fragment.text, plain=fragment.plain)
    if not text.strip():
        return []
    if (shape := _shape_in_words(fragment)) is not None:
        return [shape]
    ends = [end for _, end in rows(text)]
    found: list[Statement] = []
    for one in apart(text, spoken):
        read = replace(fragment, text=one)
        for row in parse(read) if one.strip() else []:
            line = bisect_left(ends, row[0].start)
            here = [aside for aside in spoken if bisect_left(ends, aside.start) == line]
            found += _in_row(row, read, fragment, accumulated, here)
    return found


def _in_row(
    row: tuple[Syntax, ...], read: Fragment, fragment: Fragment, accumulated: bool, spoken: list[Aside]
) -> list[Statement]:
    """The statements of one line, with the conditions that stand in it."""
    text = read.text
    unknown = [aside for aside in spoken if aside.kind == "unknown"]
    stated = [_condition_of(aside, fragment) for aside in spoken if aside.kind == "condition"]
    spoken_moments = [each.moment for each in stated if each.moment is not None]
    unread = "; ".join(each.unread for each in stated if each.unread)
    said = tuple(part for each in stated for part in each.conditions)
    head, *beside = row[0], *map(_without_brackets, row[1:])
    conditions = tuple(part for part in (*beside, *said) if isinstance(part, Chain) and _is_condition(part))
    moments = [step for part in beside if (step := at_step(part)) is not None]
    facts = [part for part in beside if given(part) and at_step(part) is None]
    kept = [part for part in beside if part not in (*conditions, *facts) and at_step(part) is None]
    unread = "; ".join([*([unread] if unread else []), *(text[part.start : part.end] for part in facts)])
    found: list[Statement] = []
    for part in (head, *kept):
        words = "; ".join(" ".join(aside.words.split()) for aside in unknown if not _elsewhere(aside, part, row))
        if not isinstance(part, Chain):
            found.append(Statement(fragment, (part,), (), conditions, words=words))
            continue
        part, more = _beside(part)
        steps = moments + [step for each in more if (step := at_step(each)) is not None] + spoken_moments
        aside = tuple(each for each in (*conditions, *more) if not about_time(each))
        about = [each for each in (*conditions, *more) if about_time(each) and at_step(each) is None]
        aside += tuple(each for each in about if ordered(each) is not None)
        others = [each for each in about if ordered(each) is None and not (_NEXT.search(text) and before_last(each))]
        open_ = unread or " ".join(fragment.text[each.start : each.end] for each in others)
        part, added = _update(_without_dots(part), read)
        plain = Statement(
            fragment, part.sides, part.relations, aside, accumulated or added, steps[0] if steps else None, open_, words
        )
        found += _by_case(plain, text) or [plain]
    for part in facts:
        assert isinstance(part, Chain)
        found.append(Statement(fragment, part.sides, part.relations, given=True))
    return found


def _without_brackets(part: Syntax) -> Syntax:
    """An equation beside another one, (i = k), as such."""
    inner = only(part.rows) if isinstance(part, Group) and part.bracket == "LPAR" else None
    return inner if isinstance(inner, Chain) else part


def _elsewhere(aside: Aside, part: Syntax, row: tuple[Syntax, ...]) -> bool:
    """Whether words stand inside of another formula of the same line, and say nothing of this one."""
    return any(
        other is not part and not other.start <= part.start < other.end and other.start <= aside.start < other.end
        for other in row
    )


def _condition_of(aside: Aside, fragment: Fragment) -> Stated:
    """What a condition in words says: a step, indices, or nothing that is read."""
    found = in_words(aside.words, in_usual_words(fragment.text[aside.rest : aside.end], fragment.times))
    if not found.unread:
        return found
    clause = re.sub(r"[:,.]\s*\Z", lambda m: " " * len(m.group()), fragment.text[: aside.end])
    clause = re.sub(r"\\q?quad(?![A-Za-z])", lambda m: " " * len(m.group()), clause[aside.rest :])
    try:
        parts = [part for row in parse(replace(fragment, text=" " * aside.rest + clause)) for part in row]
    except InputError:
        return found
    if len(parts) == 1 and isinstance(parts[0], Chain) and (_compares_indices(parts[0]) or ordered(parts[0])):
        return Stated(conditions=(parts[0],))
    return found


def _compares_indices(part: Syntax) -> bool:
    """i ≠ j, or i = j."""
    return (
        isinstance(part, Chain)
        and len(part.sides) == 2
        and all(isinstance(side, Name) and side.word in "ijklmn" for side in part.sides)
        and part.relations[0].word.strip() in ("=", "≠", r"\ne", r"\neq")
    )


def _shape_in_words(read: Fragment) -> Statement | None:
    """`W is n × m`, said with a word or a colon."""
    match = _SHAPED.search(read.text)
    found = None if match is None else _IS.search(read.text, 0, match.start("sizes"))
    if match is None or found is None or not read.text[: found.start()].strip():
        return None
    blank = " " * found.end()
    left, right = replace(read, text=read.text[: found.start()]), replace(read, text=blank + match.group("sizes"))
    (first,), (second,) = parse(left)[0], parse(right)[0]
    return Statement(read, (first, second), (Token("IN", found.start(), found.end()),))


def _update(chain: Chain, read: Fragment) -> tuple[Chain, bool]:
    """dW ← dW + a as dW += a; whether it is one."""
    left, right = chain.sides[0], chain.sides[-1]
    if len(chain.sides) != 2 or not chain.relations[0].is_arrow or not isinstance(right, Sum) or len(right.terms) < 2:
        return chain, False

    def written(node: Syntax) -> str:
        return "".join(read.text[node.start : node.end].split())

    others = tuple(term for term in right.terms if term[0] != 1 or written(term[1]) != written(left))
    if len(others) != len(right.terms) - 1:
        return chain, False
    return replace(chain, sides=(left, replace(right, terms=others))), True


def _without_dots(chain: Chain) -> Chain:
    """A chain without the sides that dots stand for: ∂h_t/∂h_{t-1} = ⋯ = diag(1 - h_t²) W; not of letters in a row."""
    sides, relations = [chain.sides[0]], []
    for relation, side in zip(chain.relations, chain.sides[1:], strict=True):
        stands = relation.type == "EQ" and isinstance(side, Mark) and side.kind == "dots"
        if not stands or letter(chain.sides[0]) is not None:
            sides.append(side)
            relations.append(relation)
    return replace(chain, sides=tuple(sides), relations=tuple(relations))


def _by_case(statement: Statement, text: str) -> list[Statement]:
    """One statement for every case where the cases are steps: t = T and t < T."""
    group = statement.sides[-1] if statement.relations else None
    if not isinstance(group, Group) or not text.startswith(r"\begin{cases}", group.start):
        return []
    rows = [(row[0], _condition(row)) for row in group.rows]
    if not any(condition is not None and at_step(condition) is not None for _, condition in rows):
        return []
    if any(condition is not None and not about_time(condition) for _, condition in rows):
        return []
    found = []
    for value, condition in rows:
        sides = (*statement.sides[:-1], value)
        found.append(replace(statement, sides=sides, moment=None if condition is None else at_step(condition)))
    return found


def _condition(row: tuple[Syntax, ...]) -> Syntax | None:
    """The condition of a case; None for `otherwise`."""
    return row[1] if len(row) > 1 else None


def _beside(chain: Chain) -> tuple[Chain, tuple[Chain, ...]]:
    """A chain without the condition in brackets behind its last side: a = b (i ≠ j)."""
    rest, condition = _split(chain.sides[-1])
    if condition is None or rest is None:
        return chain, ()
    return replace(chain, sides=(*chain.sides[:-1], rest), end=rest.end), (condition,)


def _split(side: Syntax) -> tuple[Syntax | None, Chain | None]:
    """A side and the condition in brackets at its end."""
    if isinstance(side, Group) and side.bracket == "LPAR":
        inner = [cell for row in side.rows for cell in row]
        if len(inner) == 1 and isinstance(inner[0], Chain) and (len(inner[0].sides) == 2 or ordered(inner[0])):
            return None, inner[0]
    elif isinstance(side, Sum):
        (*before, (sign, term)) = side.terms
        rest, condition = _split(term)
        if condition is not None and rest is not None:
            return replace(side, terms=(*before, (sign, rest)), end=rest.end), condition
    elif isinstance(side, Run) and len(side.factors) > 1 and _is_indicator(*side.factors[-2:]):
        return side, None
    elif isinstance(side, Run | Dots | Product):
        rest, condition = _split(side.factors[-1])
        if condition is not None and rest is not None:
            return replace(side, factors=(*side.factors[:-1], rest), end=rest.end), condition
        if condition is not None and isinstance(side, Run):
            kept = side.factors[:-1]
            return (kept[0] if len(kept) == 1 else Run(side.start, kept[-1].end, kept)), condition
    return side, None


def _is_indicator(before: Syntax, group: Syntax) -> bool:
    """Whether a condition belongs to the 1 before it: 𝟏{i = j}, but not ≤ 1 (k < t)."""
    return is_one(before) and (isinstance(before, Ones) or before.end == group.start)


def _is_condition(part: Chain) -> bool:
    if len(part.sides) != 2:
        return ordered(part) is not None
    return (part.relations[0].type == "RELATION" and not _is_of_numbers(part.sides[0])) or _compares_indices(part)


def _is_of_numbers(side: Syntax) -> bool:
    """Whether a side has numbers and functions of these alone: tanh(0.5)."""
    parts = [*walk(side)]
    names = [part.word for part in parts if isinstance(part, Name)]
    return any(isinstance(part, Number) for part in parts) and all(
        name in FUNCTION_COMMANDS or name in ("sigma", "sigmoid") for name in names
    )


def lines(fragment: Fragment) -> Iterator[Fragment]:
    """The rows of a formula as fragments of their own, for when the whole cannot be parsed.

    A row that goes on with a sign or bracket belongs to the one before it.
    """
    text = fragment.text
    for match in list(_BOX.finditer(text)):
        text = _without_box(text, match.start(), match.end())
    breaks: list[tuple[int, int]] = []
    depth = 0
    for match in re.finditer(r"\\\\|\\begin\s*\{(\w*matrix|cases|array)\}|\\end\s*\{(\w*matrix|cases|array)\}", text):
        if match.group(1) or match.group(2):
            depth += 1 if match.group(1) else -1
        elif depth == 0 and not _GOES_ON.match(text, match.end()):
            breaks.append(match.span())
    if breaks:
        text = _LAYOUT.sub(_spaces, text)
    yield from _between(fragment, text, breaks)


def apart_in_line(fragment: Fragment) -> list[Fragment]:
    """What stands in one line with wide spaces between, as fragments of their own."""
    gaps = [m.span() for m in _WIDE_SPACE.finditer(fragment.text) if _depth(fragment.text[: m.start()]) == 0]
    return list(_between(fragment, fragment.text, gaps))


def _between(fragment: Fragment, text: str, breaks: Sequence[tuple[int, int]]) -> Iterator[Fragment]:
    starts = [0, *(end for _, end in breaks)]
    for start, end in zip(starts, [*(start for start, _ in breaks), len(text)], strict=True) if breaks else ():
        yield replace(fragment, text=" " * start + text[start:end], as_written=fragment.as_written[:end])


def says_nothing(text: str) -> bool:
    """Whether a text has neither a relation nor words, so that it claims nothing, whatever is in it."""
    return _COMPARED.search(text) is None and TEXT.search(text) is None


__all__ = ["InputError", "Statement", "apart_in_line", "blanked", "lines", "says_nothing", "statements"]
