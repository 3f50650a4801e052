"""LaTeX -> tokens. Letters are factors (`Ux_t` is U x_t) except for known words; positions are exact."""

from __future__ import annotations

import re
import unicodedata

from derive.patterns import regex
from derive.reader.text import words
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing import behind
from derive.reader.text.lexing.conditions import with_conditions
from derive.reader.text.lexing.latex_commands import Commands
from derive.reader.text.lexing.letters import unicode_letter
from derive.reader.text.lexing.tokens import Token
from derive.reader.text.named import COMPOUND
from derive.reader.text.words import SAID

_NUMBER = regex(r"\d+(?:\.\d+)?")
_LETTERS = regex(r"[A-Za-z]+")
_TIED = regex(r"~(?=[_^])")
_SPACE = regex(r"(?:\s|~|%[^\n]*(?:\n|\Z)|\$)+")
_DOTS = regex(r"\.\.\.+|···+|⋅⋅⋅+|…|⋯|。。。+")
_SLIP = regex(r"\{([A-Za-z]{2,4}|t(?:\s*[-+−]\s*\d)?)\}")
_NAMED_SLIP = regex(r"\{(\\(?:tilde|hat|bar)\s*\{[a-z]\}(?:_?t|_\{t\}|ₜ)|[a-z]_(?:t|\{t\}))\}")
"""Behind z: of z{r_t} and z{\\tilde{h}_t}, with the underscore forgotten."""
_SIGN_ALONE = regex(r"\{\s*([+\-−])\s*\}")
_BRACED = regex(r"\{\s*([+\-−*=·×⊙∘⊗]|:=|\\(?:cdot|times|odot|circ|otimes|ast|bigodot)(?![A-Za-z]))\s*\}")
"""A sign in braces, which keep blanks away from it: a {\\cdot} b, a {=} b."""
_DIRECTION = regex(r"\{\s*\(?\s*(?P<arrow>\\(?:(?P<on>rightarrow|to)|leftarrow|gets))\s*\)?\s*\}")
_BRACKETED_TIME = regex(r"<[^<>{}\\]{1,12}>|\([^(){}\\]{1,12}\)")
_NUMBERED = regex(r"[A-Za-z]\d{1,2}")
_TWO_LETTERS = regex(
    r"(?P<first>[a-z])(?P<second>[a-z])(?![A-Za-z])(?:\s*(?:\*|\\(?:cdot|times)(?![A-Za-z])))?\s*"
    r"(?:(?:(?P=first)|(?P=second))\s*[_^]|(?:\\left\s*)?\[[^\[\]=]*_[^\[\]=]*,[^\[\]=]*\])"
)
"""Behind W_: a label without its braces, before a letter of it with a step, hh h_{t-1}, or a list [x_t, h_{t-1}]."""
_PRIMES = regex(r"\{\s*(['’′‘]+)\s*\}")
_APPLIED = regex(
    r"(?:_\s*(?:[A-Za-z\d]|\{[^{}]*\}))?\s*(?:\\(?:left|[bB]igg?l?)\s*)?\(|_\s*(?:[A-Za-z]|\{[A-Za-z]+\})\s*\Z"
)
"""Behind a function: its label and a bracket, or its label alone where nothing else is said."""
_APART = regex(r"(?:\s|~|\\(?:[:;,> ]|q?quad))\Z")
_LATER = regex(r"\{\s*(?P<sign>>|≥|⩾|\\(?:gt|geq?|geqslant)(?![A-Za-z]))\s*(?P<equal>=)?\s*(?P<step>[a-z])\s*\}")
_COMPARED = regex(r"[=<>≠≤≥]|\\(?:neq?|leq?|geq?|lt|gt|in)(?![A-Za-z])")
_EMPTY_SCRIPT = regex(r"_\s*\{\s*\}")
_SAID = regex(r"\\(?:text(?:rm|it|bf|normal)?|mbox|mathrm|operatorname)\s*\{(?P<words>[^{}]*)\}")
_BARE_WORD = regex(r"(?P<words>[A-Za-z]{4,})(?![A-Za-z])")
_RAISED = regex(r"\{\s*(?P<braced>\d)\s*\}|(?P<bare>\d)")
_BEFORE_RAISED = regex(
    r"(?:\\(?P<named>[A-Za-z]+)|(?<![A-Za-z\\])\\(?:mathbf|boldsymbol|bm|mathrm)\s*\{\s*(?P<faced>[A-Za-z])\s*\}"
    r"|(?P<letter>[A-Za-z]))\s*(?P<below>_\s*(?:\w|\{[^{}]*\}))?\s*\Z"
)
"""A letter before a raised number, perhaps with what stands below it."""
_ANGLES = regex(r"<[^<>=\\]{1,20}>")


def latex_tokens(fragment: Fragment) -> list[Token]:
    """The tokens of a LaTeX formula."""
    return LatexLexer(fragment).run()


def _from_its_own_side(tokens: list[Token]) -> list[Token]:
    """Rows that go on from words, &= a \\\\ &= b, as the chain a = b."""
    goes_on = [token.type for token in tokens if token.type in ("EQ", "NEWLINE")]
    return tokens[1:] if goes_on[:2] == ["EQ", "EQ"] and tokens[0].type == "EQ" else tokens


class LatexLexer(Commands):
    """Walks once over the text of a fragment."""

    def run(self) -> list[Token]:
        """All tokens."""
        numbered = behind.NUMBER_BEFORE.match(self.text)
        self.lex(numbered.end() if numbered else 0, len(self.text))
        if self.environments:
            name, start = self.environments[-1]
            raise self.out.error(f"\\begin{{{name}}} is never ended", start, start + 6, f"add \\end{{{name}}}")
        return with_conditions(_from_its_own_side(self.out.finish()), self.fragment)

    def lex(self, position: int, end: int) -> None:
        """Lex text[position:end]."""
        while position < end:
            position = self.step(position, end)

    def step(self, i: int, end: int, single: bool = False) -> int:
        """Lex one token at i and return where the next one starts; `single`: a one-letter argument."""
        text, out = self.text, self.out
        if match := _TIED.match(text, i, end):
            letter = text[i - 1] if i and text[i - 1].isalpha() else "x"
            raise out.error(
                "a ~ before a script: as an accent or as a space it can be read in two ways", i, i + 1,
                f"write \\tilde{{{letter}}} where the letter carries a tilde",
            )  # fmt: skip
        if match := _SPACE.match(text, i, end):
            if not self.ends.isdisjoint(range(i, match.end())) and not out.open:
                out.emit("NEWLINE", i, match.end())
            return match.end()
        c = text[i]
        if c == "\\":
            return self.command(i, end)
        if c.isascii() and c.isalpha():
            if single:
                return self.name(i, i + 1)
            return self.letters(i, end)
        if c.isdigit() and c.isascii():
            whole = 0 if single else out.grouped(i, end)
            stop = whole or (i + 1 if single else _NUMBER.match(text, i, end).end())  # type: ignore[union-attr]
            out.emit("NUMBER", i, stop, text[i:stop].replace(",", ""))
            return stop
        if match := _DOTS.match(text, i, end):
            out.emit("DOTS", i, match.end())
            return match.end()
        if c in "_^":
            return self.script(i, end)
        if c == "{":
            if primes := _PRIMES.match(text, i, end):  # f^{l-1}{'}
                for at in range(primes.start(1), primes.end(1)):
                    out.emit("PRIME", at, at + 1, "prime")
                return primes.end()
            if (braced := _BRACED.match(text, i, end)) and out.items and out.items[-1].type not in ("FRAC", "SQRT"):
                self.lex(*braced.span(1))
                return braced.end()
            if out.items and out.items[-1].word == "delta" and out.items[-1].end == i:  # \\delta{h_t}
                out.emit("SUB", i, i)
            out.opening("LBRACE", i, i + 1)
            return i + 1
        if c == "}":
            out.closing("RBRACE", i, i + 1)
            return i + 1
        if c in "'’′‘":
            in_script = bool(out.items) and out.items[-1].type == "LBRACE" and out.innermost == "LBRACE"
            out.emit("MARK" if in_script or single else "PRIME", i, i + 1, "prime")
            return i + 1
        if c == "*" and (single or (out.items and out.items[-1].type == "LBRACE")):
            out.emit("MARK", i, i + 1, "star")
            return i + 1
        if single and c in "+-−":
            out.emit("MARK", i, i + 1, "plus" if c == "+" else "minus")
            return i + 1
        return self.character(i, end)

    def character(self, i: int, end: int) -> int:
        """A character that is a symbol by itself, or a letter that is not ASCII."""
        text, out = self.text, self.out
        c = text[i]
        if c == "&":
            if self.in_matrix:
                if self.environments[-1][0] not in words.ENTRIES_OF_MATRICES and out.items[-1].type in (
                    "COMMA",
                    "PERIOD",
                ):
                    out.items.pop()  # x, & x > 0
                self.blank(i)
                out.emit("COMMA", i, i + 1)
            return i + 1
        range_ = 1 if c == ":" else 2 if text.startswith("..", i) else 0
        if range_ and out.bounds_begin and not _COMPARED.search(text, i, self.closers.get(out.open[-1].start, i)):
            out.closing("RBRACE", i, i)  # ∏_{j=t:k+1}
            out.emit("SUP", i, i)
            out.opening("LBRACE", i, i + range_)
            return i + range_
        if c == ":" and text[i + 1 : i + 2] != "=" and out.innermost in ("LBRACK", "LBRACE"):
            out.emit("MARK", i, i + 1, "colon")
            return i + 1
        if c == "𝟏":
            out.emit("ONES", i, i + 1)
            return i + 1
        if c == "|" or c == "‖":
            double = c == "‖" or text.startswith("||", i)
            out.bar(i, i + len(c) + (c == "|" and double), *(("LNORM", "RNORM") if double else ("LABS", "RABS")))
            return i + (2 if c == "|" and double else 1)
        if text.startswith((":=", "=:"), i):
            out.emit("EQ", i, i + 2)
            return i + 2
        if c in "<>":
            if (c == "<" and not _ANGLES.match(text, i, end)) or (c == ">" and out.innermost != "LANGLE"):
                out.emit("RELATION", i, i + 1)
            elif c == "<":
                out.opening("LANGLE", i, i + 1)
            else:
                out.closing("RANGLE", i, i + 1)
            return i + 1
        if c == "(" and (labelled := self._label_behind(i, end)):
            return labelled
        if c in words.OPENING:
            out.opening(words.OPENING[c][0], i, i + 1)
            return i + 1
        if c in words.CLOSING:
            out.closing(words.CLOSING[c], i, i + 1)
            return i + 1
        if text.startswith(".T", i) and out.after_operand and not text[i + 2 : i + 3].isalnum():
            out.emit("TICK", i, i + 2)  # W.T as programs write it
            return i + 2
        if c in ".。":
            out.emit("PERIOD", i, i + 1)
            return i + 1
        if c in words.SYMBOLS:
            out.emit(words.SYMBOLS[c], i, i + 1)
            return i + 1
        return unicode_letter(out, i, end)

    def _label_behind(self, i: int, end: int) -> int | None:
        """Where a line ends with a sign in brackets that marks it for later, as in `\\: (\\star)`: no factor."""
        numbered = behind.NUMBER_BEHIND.match(self.text, i, end)
        behind_a_value = self.out.ends_an_equation and self.out.items[-1].type not in ("NAME", "NUMBER")
        if numbered and behind_a_value and self.text[i - 1 : i].isspace():
            return numbered.end()
        found = behind.SIGN_BEHIND.match(self.text, i, end)
        if found is None or not self.out.items or not _APART.search(self.text, max(0, i - 6), i):
            return None
        letter = found["sign"] in words.GREEK or found["sign"] in words.FUNCTION_COMMANDS
        return None if letter or found["sign"] in words.PLACES else found.end()

    def _later(self, found: re.Match[str]) -> None:
        """All steps behind one, `{>t}`, as the slice `{t+1:T}`."""
        out, stop = self.out, found.end("step")
        out.opening("LBRACE", found.start(), found.start() + 1)
        out.emit("NAME", found.start("sign"), stop, found["step"])
        if found["sign"] in (">", r"\gt") and not found["equal"]:
            out.emit("PLUS", stop, stop)
            out.emit("NUMBER", stop, stop, "1")
        last = next((own for own, usual in self.fragment.times if usual == "T"), "T")
        out.emit("MARK", stop, stop, "colon")
        out.emit("NAME", stop, stop, last)
        out.closing("RBRACE", found.end() - 1, found.end())

    def letters(self, i: int, end: int) -> int:
        """A run of letters: known words, longest first, and single letters."""
        run = _LETTERS.match(self.text, i, end)
        assert run is not None
        stop = run.end()
        if stop < end and unicodedata.combining(self.text[stop]):
            stop -= 1  # the last letter carries an accent typed as a character
            if stop == i:
                return unicode_letter(self.out, i, end)
        if self.fragment.words and (joined := COMPOUND.match(self.text, i, end)) and joined[0] in self.fragment.words:
            name = re.sub(r"\\_|-", "_", joined[0])
            self.out.emit("NAME", i, joined.end(), name, rf"\text{{{joined[0]}}}")
            return joined.end()
        first = len(self.out.items)
        numbered = _NUMBERED.match(self.text, stop - 1, end)
        while i < stop:
            written = self.text[i:stop]
            if len(written) == 1 and numbered and numbered[0] in self.fragment.words and self._stands_alone(numbered):
                self.out.emit("NAME", i, numbered.end(), numbered[0], rf"\mathit{{{numbered[0]}}}")
                return numbered.end()
            if written in ("loss", "Loss") and i == run.start():  # \\partial loss
                self.out.emit("NAME", i, stop, written, rf"\mathrm{{{written}}}")
                i = stop
                continue
            if written in self.fragment.words:
                font = "" if self.text.startswith("(", stop) else r"\mathit"
                self.out.emit("NAME", i, stop, written, f"{font}{{{written}}}" if font else written)
                i = stop
                continue
            if self.text[i:stop] in words.OPEN and _APPLIED.match(self.text, stop, end):
                self.out.emit("NAME", i, stop, written, rf"\mathrm{{{written}}}")  # act_g(x)
                i = stop
                continue
            if self.text[i:stop] in words.NO_RUNS and self.text.startswith("(", stop):
                i = self.name(i, stop)  # sign(x)
                continue
            word = next((w for w in words.LATEX_WORDS if self.text.startswith(w, i, stop)), None)
            i = self.name(i, i + len(word)) if word else self.name(i, i + 1)
        added = self.out.items[first:]
        written = self.text[run.start() : stop]
        if (
            len(written) > 2
            and self.text.startswith("(", stop)
            and all(len(token.word) == 1 for token in added)
            and written.islower()
        ):
            raise self.out.error(
                f"unknown function {written}", run.start(), stop,
                f"known: {', '.join(sorted(words.ENTRYWISE))}, softmax; or separate the letters of a product",
            )  # fmt: skip
        slip = _SLIP.match(self.text, stop, end) if len(written) == 1 else None
        slip = slip or (_NAMED_SLIP.match(self.text, stop, end) if written in ("a", "z") else None)
        if slip is not None:
            # W{xh} and h{t-1}, with the underscore forgotten
            self.out.emit("SUB", stop, stop)
            self.out.opening("LBRACE", stop, stop + 1)
            self.lex(slip.start(1), slip.end(1))
            self.out.closing("RBRACE", slip.end() - 1, slip.end())
            return slip.end()
        return stop

    def _stands_alone(self, numbered: re.Match[str]) -> bool:
        """Whether a letter with a number is no label: it stands in no script, or has one of its own, e^{z1_t}."""
        return not any(self.out.scripting) or self.text.startswith(("_", "^"), numbered.end())

    def name(self, start: int, end: int) -> int:
        """A letter or known word."""
        written = self.text[start:end]
        self.out.emit("NAME", start, end, words.WORDS.get(written, written), written)
        return end

    def said_behind_a_bar(self, i: int, end: int) -> int:
        """The words of |_{\\text{via } h_t} as names that begin with a quotation mark; formulas as such."""
        while i < end and self.text[i] != "}":
            said = _SAID.match(self.text, i, end) or _BARE_WORD.match(self.text, i, end)
            if said is None:
                i = self.step(i, end)
                continue
            start = said.start("words")
            for number, part in enumerate(said.group("words").split("$")):
                if number % 2:
                    self.lex(start, start + len(part))
                elif part.strip():
                    self.out.emit("NAME", start, start + len(part), SAID + " ".join(part.lower().split(" ")).strip())
                start += len(part) + 1
            i = said.end()
        return i

    def script(self, i: int, end: int) -> int:
        """`_` or `^` with its argument, which is always put in braces."""
        out = self.out
        if nothing := _EMPTY_SCRIPT.match(self.text, i, end):  # \\hat{y_{}}_t
            return nothing.end()
        kind = "SUB" if self.text[i] == "_" else "SUP"
        out.emit(kind, i, i + 1)
        j = i + 1
        while j < end and self.text[j].isspace():
            j += 1
        if j >= end:
            raise out.error(f"{self.text[i]!r} without anything after it", i, i + 1)
        if alone := _SIGN_ALONE.match(self.text, j, end):  # \partial^{+} J
            out.opening("LBRACE", j, j + 1)
            out.emit("MARK", alone.start(1), alone.end(1), "plus" if alone.group(1) == "+" else "minus")
            out.closing("RBRACE", alone.end() - 1, alone.end())
            return alone.end()
        if direction := _DIRECTION.match(self.text, j, end):  # h_t^{(\rightarrow)} of two directions
            word = "forward" if direction.group("on") else "backward"
            out.opening("LBRACE", j, j + 1)
            out.emit("NAME", *direction.span("arrow"), word, rf"\mathrm{{{word}}}")
            out.closing("RBRACE", direction.end() - 1, direction.end())
            return direction.end()
        if later := _LATER.match(self.text, j, end):  # L_{>t}, the losses from t + 1 on
            self._later(later)
            return later.end()
        if kind == "SUP" and (raised := self._raised_label(i, j, end)):
            return raised
        if self.text[j] == "{":
            out.opening("LBRACE", j, j + 1)
            barred = len(out.items) > 2 and out.items[-3].type == "MARK" and out.items[-3].word == "at"
            return self.said_behind_a_bar(j + 1, end) if barred else j + 1
        out.opening("LBRACE", j, j)
        if bracketed := _BRACKETED_TIME.match(self.text, j, end):  # a^<t>, a^(t-1)
            closing = bracketed.end() - 1
            kind = "ANGLE" if self.text[j] == "<" else "PAR"
            out.opening(f"L{kind}", j, j + 1)
            self.lex(j + 1, closing)
            out.closing(f"R{kind}", closing, closing + 1)
            out.closing("RBRACE", closing + 1, closing + 1)
            return closing + 1
        if (label := _TWO_LETTERS.match(self.text, j, end)) and self.text[i - 1 : i + 1] in ("W_", "U_", "V_"):
            self.lex(j, label.end("second"))
            out.closing("RBRACE", label.end("second"), label.end("second"))
            return label.end("second")
        stop = self.step(j, end, single=True)
        if out.items[-1].type == "LBRACE" or out.innermost != "LBRACE":
            raise out.error(f"{self.text[i]!r} needs braces around what follows", i, j + 1)
        out.closing("RBRACE", stop, stop)
        return stop

    def _raised_label(self, i: int, j: int, end: int) -> int | None:
        """A number above one of the letters that have it as a label, W^1 read as W^{(1)}."""
        layered, out = self.fragment.layered, self.out
        raised = _RAISED.match(self.text, j, end) if layered else None
        before = _BEFORE_RAISED.search(self.text, max(0, i - 40), i) if raised else None
        if raised is None or before is None:
            return None
        letter = before["named"] or before["faced"] or before["letter"]
        if layered.isdisjoint((letter, letter + ("_" if before["below"] else "^"))):
            return None
        start, stop = raised.span("braced" if raised["braced"] else "bare")
        out.opening("LBRACE", j, start)
        out.opening("LPAR", start, start)
        out.emit("NUMBER", start, stop, self.text[start:stop])
        out.closing("RPAR", stop, stop)
        out.closing("RBRACE", raised.end() - (raised["braced"] is not None), raised.end())
        return raised.end()
