"""Tokens with exact positions, and the bookkeeping that both lexers share: brackets, bars, ends of equations."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.text.fragment import DEEPEST, LONGEST, LONGEST_NAME, LONGEST_NUMBER, Fragment
from derive.reader.text.words import PAIRS, listed

_THOUSANDS = regex(r"\d{1,3}(?:,\d{3})+(?![\d,])")
_ARITHMETIC = frozenset(listed("NUMBER PLUS MINUS DOT TIMES SLASH EQ RELATION"))
"""What arithmetic on numbers is made of."""


@dataclass
class Token:
    """A token as the parser wants it; `word` is the name that a NAME stands for, `latex` how it is written."""

    type: str
    start: int
    end: int
    word: str = ""
    latex: str = ""

    # The parser's end-of-input token borrows these.
    line = column = end_line = end_column = None

    @property
    def start_pos(self) -> int:
        return self.start

    @property
    def end_pos(self) -> int:
        return self.end

    @property
    def is_arrow(self) -> bool:
        """Whether it is a relation that assigns (dW ← dW + a), or draws what depends on what (h_3 ← h_2 ← h_1)."""
        return self.word.strip() in ("←", r"\leftarrow", r"\gets", "<-")


@dataclass
class Tokens:
    """The tokens of one fragment while they are being collected."""

    fragment: Fragment
    items: list[Token] = field(default_factory=list)
    open: list[Token] = field(default_factory=list)
    scripting: list[bool] = field(default_factory=list)  # of each open group: whether it is a script
    scripts: int = 0  # in a row, of which the last ends before items[scripts_end]
    scripts_end: int = 0

    def __post_init__(self) -> None:
        if len(self.fragment.text) > LONGEST:
            raise self.fragment.error(
                f"this formula is {len(self.fragment.text)} characters long; at most {LONGEST} are read", 0
            )

    def error(self, message: str, start: int, end: int | None = None, hint: str = "") -> InputError:
        """An error at this place of the fragment."""
        return self.fragment.error(message, start, end, hint)

    def emit(self, type_: str, start: int, end: int, word: str = "", latex: str = "") -> None:
        """Add a token that stands alone."""
        if type_ == "NUMBER" and end - start > LONGEST_NUMBER:
            raise self.error(f"a number of {end - start} digits", start, end, f"at most {LONGEST_NUMBER} are read")
        if type_ in ("SUB", "SUP"):
            self.scripts = self.scripts + 1 if self.scripts_end == len(self.items) else 1
            if self.scripts > LONGEST_NAME:
                raise self.error(f"more than {LONGEST_NAME} scripts in a row", start, end)
        self.items.append(Token(type_, start, end, word or self.fragment.text[start:end], latex))

    def grouped(self, start: int, end: int) -> int:
        """Where the number at `start` ends that is written 4,096, in the result of arithmetic; else 0.

        Elsewhere a comma separates: d = 64,128 may be two sizes.
        """
        match = _THOUSANDS.match(self.fragment.text, start, end)
        if match is None or not self.items or self.items[-1].type not in ("EQ", "RELATION"):
            return 0
        row = list(takewhile(lambda token: token.type != "NEWLINE", reversed(self.items)))
        if len(row) < len("a+b="):
            return 0
        return match.end() if all(token.type in _ARITHMETIC for token in row) else 0

    @property
    def ends_an_operand(self) -> bool:
        """Whether what stands last is a value, in a row that has an equals sign."""
        if not self.items or self.items[-1].type not in _VALUES:
            return False
        row = (token.type for token in reversed(self.items))
        return "EQ" in takewhile(lambda type_: type_ != "NEWLINE", row)

    @property
    def ends_an_equation(self) -> bool:
        """Whether a whole equation may end here, behind its comma or full stop too."""
        return not self.open and bool(self.items) and (self.ends_an_operand or self.items[-1].type in _STOPS)

    def opening(self, type_: str, start: int, end: int) -> None:
        """Add a token that opens a group."""
        self.scripting.append(bool(self.items) and self.items[-1].type in ("SUB", "SUP"))
        self.emit(type_, start, end)
        self.open.append(self.items[-1])
        if len(self.open) > DEEPEST:
            raise self.error(f"brackets are nested more than {DEEPEST} deep", start)

    def closing(self, type_: str, start: int, end: int) -> None:
        """Add a token that closes the innermost group."""
        text = self.fragment.text
        if not self.open:
            raise self.error(f"{text[start:end]!r} closes nothing", start, end, "remove it, or open it before")
        opened = self.open.pop()
        if self._half_open(opened, type_):
            type_ = PAIRS[opened.type]
        if PAIRS[opened.type] != type_:
            place = self.fragment.place(opened.start)
            raise self.error(
                f"{text[start:end]!r} cannot close {text[opened.start : opened.end]!r} of "
                f"line {place.line}, column {place.column}",
                start, end, "close the inner bracket first",
            )  # fmt: skip
        self.emit(type_, start, end)
        if self.scripting.pop():
            self.scripts_end = len(self.items)

    def _half_open(self, opened: Token, type_: str) -> bool:
        """Whether a bracket ends an interval that has one of its ends: a ∈ (0, 1]."""
        if {opened.type, PAIRS[opened.type], type_} not in ({"LPAR", "RPAR", "RBRACK"}, {"LBRACK", "RBRACK", "RPAR"}):
            return False
        inside = next(i for i, token in enumerate(self.items) if token is opened)
        kinds = [token.type for token in self.items[inside - 1 :]]
        return kinds[0] == "IN" and kinds.count("COMMA") == 1

    def bar(self, start: int, end: int, left: str, right: str) -> None:
        """Add a bar that opens, closes, is put behind a derivative, or separates two matrices, by what is around it."""
        inner = self.open[-1].type if self.open else ""
        evaluated = left == "LABS" and inner != left and self.after_operand
        if evaluated and self.fragment.text[end:].lstrip().startswith("_"):
            self.emit("MARK", start, end, "at")  # no bar that opens carries a script
        elif inner == left:
            self.closing(right, start, end)
        elif inner in ("LBRACK", "MATRIX") and self.after_operand and not self._leans(start, end):
            self.emit("MID", start, end)
        elif inner == "LPAR" and self.after_operand and left == "LABS" and self._alone(end):
            self.emit("MID", start, end)  # p(y | x)
        else:
            self.opening(left, start, end)

    def _leans(self, start: int, end: int) -> bool:
        """Whether a bar leans on what follows and has another in the same cell: [¼ ‖R‖, 0], unlike [W | b]."""
        text = self.fragment.text
        return text[start - 1 : start].isspace() and _CLOSED.match(text, end) is not None

    def _alone(self, end: int) -> bool:
        """Whether no other bar stands before the bracket that closes what is open."""
        depth = 0
        for sign in self.fragment.text[end:]:
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if depth < 0 or sign in "|‖":
                return depth < 0
        return False

    @property
    def after_operand(self) -> bool:
        """Whether the last token ends an operand, so that an operator may follow."""
        return bool(self.items) and self.items[-1].type in _ENDS_OPERAND

    @property
    def innermost(self) -> str:
        """The type of the innermost open group, or nothing."""
        return self.open[-1].type if self.open else ""

    @property
    def bounds_begin(self) -> bool:
        """Whether a value stands open below a sum or product sign: {j=t."""
        if self.innermost != "LBRACE":
            return False
        at = next(i for i, token in enumerate(self.items) if token is self.open[-1])
        around = [token.type for token in (*self.items[max(0, at - 2) : at], *self.items[at + 1 : at + 3])]
        return around == ["BIG", "SUB", "NAME", "EQ"]

    def finish(self) -> list[Token]:
        """All tokens, with ends of equations only where an equation ends."""
        if self.open:
            opened = self.open[-1]
            written = self.fragment.text[opened.start : opened.end]
            raise self.error(f"{written!r} is never closed", opened.start, opened.end, "add the closing bracket")
        return _fractions(_equation_ends(_left_out(self.items), self.fragment), self.fragment.text)


def _left_out(items: list[Token]) -> list[Token]:
    """The dot of f(·), whose argument is not said, as dots."""
    found = list(items)
    for index in range(1, len(items) - 1):
        token = items[index]
        alone = items[index - 1].type == "LPAR" and items[index + 1].type == "RPAR"
        if alone and token.type == "TIMES" and token.word in ("\\cdot", "·", "⋅", "\\bullet"):
            found[index] = Token("DOTS", token.start, token.end, token.word)
    return found


_CLOSED = regex(r"[^\s,;\]|‖][^,;\]|‖]*[|‖]")
_ENDS_OPERAND = frozenset(
    listed("NAME NUMBER ONES RPAR RBRACK RBRACE RANGLE RABS RNORM ENDMATRIX PRIME TICK MARK TOP DOTS")
)
_CONTINUES = frozenset(listed("EQ IN RELATION PLUS MINUS DOT TIMES SLASH OTIMES"))
_STOPS = frozenset(["COMMA", "PERIOD"])
_VALUES = frozenset(["NAME", "NUMBER", "ONES", "RPAR", "RBRACE", "RBRACK", "RABS", "RNORM", "ENDMATRIX", "MARK"])
_ENDS = frozenset(["NEWLINE", "COMMA", "PERIOD", "SEMI"])


def _equation_ends(items: list[Token], fragment: Fragment) -> list[Token]:
    """Drop the separators that end nothing: doubled ones, and those before or after an operator."""
    upcoming = [""] * len(items)
    for index in range(len(items) - 2, -1, -1):
        after = items[index + 1].type
        upcoming[index] = upcoming[index + 1] if after in _ENDS else after
    kept: list[Token] = []
    aside: list[Token] = []
    depth = 0
    for index, token in enumerate(items):
        if kept and _twice(kept[-1], token, items[index - 1]):
            continue
        if token.type in PAIRS:
            depth += 1
        elif token.type in PAIRS.values():
            depth -= 1
            while kept and kept[-1].type in ("SEMI", "PERIOD", "COMMA", "NEWLINE"):
                kept.pop()
        if token.type in _ENDS and (depth == 0 or token.type in ("NEWLINE", "PERIOD")):
            following = upcoming[index]
            if token.type == "PERIOD":
                if following and items[index + 1].type not in (*_ENDS, *PAIRS.values()):
                    if kept and _multiplies(kept[-1], token, items[index + 1 :]):
                        kept.append(Token("TIMES", token.start, token.end, token.word))
                        continue
                    raise fragment.error("a period inside a formula", token.start, token.end)
                continue
            if depth or not kept or not following or kept[-1].type in _ENDS or following in _CONTINUES:
                if kept and kept[-1].type == "COMMA" and token.type == "NEWLINE" and following not in _CONTINUES:
                    kept[-1] = token
                if token.type == "NEWLINE" and following == "EQ" and not depth:
                    aside += _taken_aside(kept, fragment.text)
                continue
            if kept[-1].type in _CONTINUES and token.type == "NEWLINE":
                continue
            if token.type == "NEWLINE" and following in ("LPAR", "LBRACK") and _goes_on(kept, items[index + 1 :]):
                continue
            if token.type == "SEMI":
                token = Token("NEWLINE", token.start, token.end, token.word)
            if token.type == "NEWLINE":
                kept, aside = [*kept, *aside], []
        kept.append(token)
    return [*kept, *aside]


def _twice(before: Token, token: Token, last: Token) -> bool:
    """Whether a sign is repeated, at the end of a row and the beginning of the next; of + and + also in one row."""
    return token.type == before.type and (
        token.type == "PLUS" or (last.type == "NEWLINE" and token.type in ("EQ", "TIMES", "DOT"))
    )


_PUT_IN = regex(r"(?<=\s),|,\s{4}")
"""The comma that stands for a column or a wide space; of equations with one that is typed the last goes on."""


def _taken_aside(kept: list[Token], text: str) -> list[Token]:
    """The equation beside one that goes on in the next row, a = b & z = c \\\\ = d, which stands behind that then."""
    depth, commas = 0, []
    row = len(kept) - len(list(takewhile(lambda token: token.type != "NEWLINE", reversed(kept))))
    for index in range(row, len(kept)):
        depth += (kept[index].type in PAIRS) - (kept[index].type in PAIRS.values())
        if kept[index].type == "COMMA" and not depth and _PUT_IN.match(text, kept[index].start):
            commas.append(index)
    taken = kept[commas[0] :] if commas else []
    if not all(any(each.type == "EQ" for each in part) for part in (kept[row : len(kept) - len(taken)], taken)):
        return []
    del kept[commas[0] :]
    return taken


def _goes_on(before: list[Token], after: list[Token]) -> bool:
    """Whether a row that begins with a bracket is a factor of the right side above it: derivatives, and no relation."""
    above = takewhile(lambda token: token.type != "NEWLINE", reversed(before))
    types = [token.type for token in takewhile(lambda token: token.type != "NEWLINE", after)]
    claims = not {"EQ", "RELATION", "IN", "COMMA"}.isdisjoint(types)
    equal = any(token.type == "EQ" for token in above)
    return equal and not claims and "FRAC" in types and before[-1].type in _ENDS_OPERAND


def _multiplies(before: Token, period: Token, after: list[Token]) -> bool:
    """Whether a period is the sign of a product: without blanks, or with one on each side and no = behind it."""
    first = after[0]
    operands = before.type in _ENDS_OPERAND - {"NUMBER"} and first.type in ("FRAC", "NAME", *PAIRS)
    close = before.end == period.start and first.start == period.end
    apart = before.end < period.start and period.end < first.start
    if not operands or not (close or apart):
        return False
    rest = takewhile(lambda token: token.type not in _ENDS, after)
    return close or all(token.type != "EQ" for token in rest)


def _fractions(items: list[Token], text: str) -> list[Token]:
    """1/2 as one number."""
    kept: list[Token] = []
    for token in items:
        if (
            token.type == "NUMBER"
            and len(kept) >= 2
            and kept[-1].type == "SLASH"
            and kept[-2].type == "NUMBER"
            and kept[-2].word.isdigit()
            and token.word.isdigit()
            and int(token.word)
        ):
            numerator = kept[-2]
            del kept[-2:]
            token = Token("NUMBER", numerator.start, token.end, f"{numerator.word}/{token.word}")
        kept.append(token)
    return kept
