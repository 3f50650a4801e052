"""LaTeX -> tokens. Letters are factors (`Ux_t` is U x_t) except for known words; positions are exact."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches

from derive.reader import words
from derive.reader.fragment import DEEPEST, Fragment, matching_braces
from derive.reader.letters import unicode_letter
from derive.reader.tokens import Token, Tokens

_COMMAND = re.compile(r"\\([A-Za-z]+\*?|.|\Z)", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LETTERS = re.compile(r"[A-Za-z]+")
_SPACE = re.compile(r"(?:\s|~|%[^\n]*(?:\n|\Z)|\$)+")
_DOTS = re.compile(r"\.\.\.+|···+|⋅⋅⋅+|…|⋯|。。。+")
_SLIP = re.compile(r"\{([A-Za-z]{2,4})\}")
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]+\*?)\}")
_LINE_SPACE = re.compile(r"\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu|px)\s*\]")
_NUMBERED = re.compile(r"\\q?quad\s*\(\d[\d.]*[a-z]?\)[\s.,]*(?=\\\\|\\end\b|\Z)")
_SIGN_ALONE = re.compile(r"\{\s*([+\-−])\s*\}")
_BRACKETED_TIME = re.compile(r"<[^<>{}\\]{1,12}>|\([^(){}\\]{1,12}\)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*")


def latex_tokens(fragment: Fragment) -> list[Token]:
    """The tokens of a LaTeX formula."""
    return LatexLexer(fragment).run()


class LatexLexer:
    """Walks once over the text of a fragment."""

    def __init__(self, fragment: Fragment) -> None:
        self.fragment = fragment
        self.text = fragment.text
        self.out = Tokens(fragment)
        self.closers = matching_braces(fragment)
        self.environments: list[tuple[str, int]] = []
        self.depth = 0

    def run(self) -> list[Token]:
        """All tokens."""
        self.lex(0, len(self.text))
        if self.environments:
            name, start = self.environments[-1]
            raise self.out.error(f"\\begin{{{name}}} is never ended", start, start + 6, f"add \\end{{{name}}}")
        return self.out.finish()

    def lex(self, position: int, end: int) -> None:
        """Lex text[position:end]."""
        while position < end:
            position = self.step(position, end)

    def step(self, i: int, end: int, single: bool = False) -> int:
        """Lex one token at i and return where the next one starts; `single`: a one-letter argument."""
        text, out = self.text, self.out
        if match := _SPACE.match(text, i, end):
            return match.end()
        c = text[i]
        if c == "\\":
            return self.command(i, end)
        if c.isascii() and c.isalpha():
            if single:
                return self.name(i, i + 1)
            return self.letters(i, end)
        if c.isdigit() and c.isascii():
            stop = i + 1 if single else _NUMBER.match(text, i, end).end()  # type: ignore[union-attr]
            out.emit("NUMBER", i, stop)
            return stop
        if match := _DOTS.match(text, i, end):
            out.emit("DOTS", i, match.end())
            return match.end()
        if c in "_^":
            return self.script(i, end)
        if c == "{":
            out.opening("LBRACE", i, i + 1)
            return i + 1
        if c == "}":
            out.closing("RBRACE", i, i + 1)
            return i + 1
        if c in "'’′":
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
                out.emit("COMMA", i, i + 1)
            return i + 1
        if c == "𝟏":
            out.emit("ONES", i, i + 1)
            return i + 1
        if c == "|" or c == "‖":
            double = c == "‖" or text.startswith("||", i)
            out.bar(i, i + len(c) + (c == "|" and double), *(("LNORM", "RNORM") if double else ("LABS", "RABS")))
            return i + (2 if c == "|" and double else 1)
        if c == ":" and text.startswith("=", i + 1):
            out.emit("EQ", i, i + 2)
            return i + 2
        if c in "<>":
            if c == "<":
                out.opening("LANGLE", i, i + 1)
            else:
                out.closing("RANGLE", i, i + 1)
            return i + 1
        if c in words.OPENING:
            out.opening(words.OPENING[c][0], i, i + 1)
            return i + 1
        if c in words.CLOSING:
            out.closing(words.CLOSING[c], i, i + 1)
            return i + 1
        if c in ".。":
            out.emit("PERIOD", i, i + 1)
            return i + 1
        if c in words.SYMBOLS:
            out.emit(words.SYMBOLS[c], i, i + 1)
            return i + 1
        return unicode_letter(out, i, end)

    def letters(self, i: int, end: int) -> int:
        """A run of letters: known words, longest first, and single letters."""
        run = _LETTERS.match(self.text, i, end)
        assert run is not None
        stop = run.end()
        if stop < end and unicodedata.combining(self.text[stop]):
            stop -= 1  # the last letter carries an accent typed as a character
            if stop == i:
                return unicode_letter(self.out, i, end)
        first = len(self.out.items)
        while i < stop:
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
        if len(written) == 1 and (slip := _SLIP.match(self.text, stop, end)):
            # W{xh}, with the underscore forgotten
            self.out.emit("SUB", stop, stop)
            self.out.opening("LBRACE", stop, stop + 1)
            self.lex(slip.start(1), slip.end(1))
            self.out.closing("RBRACE", slip.end() - 1, slip.end())
            return slip.end()
        return stop

    def name(self, start: int, end: int) -> int:
        """A letter or known word."""
        written = self.text[start:end]
        self.out.emit("NAME", start, end, words.WORDS.get(written, written), written)
        return end

    def script(self, i: int, end: int) -> int:
        """`_` or `^` with its argument, which is always put in braces."""
        out = self.out
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
        if self.text[j] == "{":
            out.opening("LBRACE", j, j + 1)
            return j + 1
        out.opening("LBRACE", j, j)
        if bracketed := _BRACKETED_TIME.match(self.text, j, end):  # a^<t>, a^(t-1)
            closing = bracketed.end() - 1
            kind = "ANGLE" if self.text[j] == "<" else "PAR"
            out.opening(f"L{kind}", j, j + 1)
            self.lex(j + 1, closing)
            out.closing(f"R{kind}", closing, closing + 1)
            out.closing("RBRACE", closing + 1, closing + 1)
            return closing + 1
        stop = self.step(j, end, single=True)
        if out.items[-1].type == "LBRACE" or out.innermost != "LBRACE":
            raise out.error(f"{self.text[i]!r} needs braces around what follows", i, j + 1)
        out.closing("RBRACE", stop, stop)
        return stop

    @property
    def in_matrix(self) -> bool:
        """Whether & and \\\\ separate entries here."""
        return bool(self.environments) and self.environments[-1][0] in words.MATRICES

    def argument(self, i: int, end: int, command: str) -> tuple[int, int, int]:
        """The argument after a command: its first and last character, and where the text goes on."""
        j = i
        while j < end and self.text[j].isspace():
            j += 1
        if j >= end or self.text[j] in "}&^_)]":
            raise self.out.error(f"\\{command} needs an argument", i - len(command) - 1, i)
        if self.text[j] == "{":
            stop = self.closers[j]
            return j + 1, stop, stop + 1
        if self.text[j] == "\\":
            match = _COMMAND.match(self.text, j, end)
            assert match is not None
            stop = match.end()
            if match.group(1) in words.LETTER_FONTS | words.WORD_FONTS | words.ACCENTS.keys():
                self.deeper(j)
                _, _, stop = self.argument(stop, end, match.group(1))
                self.depth -= 1
            return j, stop, stop
        return j, j + 1, j + 1

    def deeper(self, position: int) -> None:
        """Count a level of commands within commands."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.out.error(f"commands are nested more than {DEEPEST} deep", position)

    def command(self, i: int, end: int) -> int:
        """A backslash command."""
        match = _COMMAND.match(self.text, i, end)
        assert match is not None
        name, after = match.group(1), match.end()
        if name.endswith("*") and name not in words.SKIPPED_ARGUMENTS:
            name, after = name[:-1], after - (name != "operatorname*")
        out = self.out
        if name == "\\" or name in ("cr", "newline"):
            if space := _LINE_SPACE.match(self.text, after, end):
                after = space.end()
            out.emit("SEMI" if self.in_matrix else "NEWLINE", i, after)
            return after
        if name == "|" or name == "Vert":
            out.bar(i, after, "LNORM", "RNORM")
        elif name == "vert":
            out.bar(i, after, "LABS", "RABS")
        elif name in words.SPACING:
            if numbered := _NUMBERED.match(self.text, i, end):
                return numbered.end()  # \quad (3) at the end is the equation's number, no factor
            if name in ("left", "right") and self.text.startswith(".", after):
                after += 1
        elif name in ("mid", "vdots"):
            inner = out.innermost
            out.emit("MID" if inner in ("LBRACK", "MATRIX", "LPAR") and not self.in_matrix else "DOTS", i, after)
        elif name in ("{", "lbrace"):
            out.opening("LPAR", i, after)
        elif name in ("}", "rbrace"):
            out.closing("RPAR", i, after)
        elif name in words.GREEK:
            out.emit("NAME", i, after, words.GREEK[name], self.text[i:after])
        elif name in words.FUNCTION_COMMANDS:
            out.emit("NAME", i, after, words.WORDS[name], self.text[i:after])
        elif name in words.COMMANDS:
            out.emit(words.COMMANDS[name], i, after)
        elif name == "prime":
            out.emit("MARK", i, after, "prime")
        elif name in words.OPENING:
            out.opening(words.OPENING[name][0], i, after)
        elif name in words.CLOSING:
            out.closing(words.CLOSING[name], i, after)
        elif name in words.ACCENTS:
            return self.accent(name, i, after, end)
        elif name in words.WORD_FONTS or name in words.LETTER_FONTS:
            return self.font(name, i, after, end)
        elif name in words.SKIPPED_ARGUMENTS:
            return self.argument(after, end, name)[2]
        elif name in ("begin", "end"):
            return self.environment(name, i, after, end)
        elif name in ("frac", "dfrac", "tfrac", "cfrac", "sqrt"):
            return self.fraction(name, i, after, end)
        else:
            raise out.error(f"unknown command \\{name}", i, after, _instead(name))
        return after

    def fraction(self, name: str, i: int, after: int, end: int) -> int:
        """\\frac and \\sqrt, with every argument in braces."""
        self.out.emit("SQRT" if name == "sqrt" else "FRAC", i, after)
        self.deeper(i)
        for _ in range(1 if name == "sqrt" else 2):
            start, stop, after = self.argument(after, end, name)
            self.out.opening("LBRACE", start - (after > stop), start)
            self.lex(start, stop)
            self.out.closing("RBRACE", stop, after)
        self.depth -= 1
        return after

    def environment(self, kind: str, i: int, after: int, end: int) -> int:
        """\\begin{...} or \\end{...}."""
        match = _ENVIRONMENT.match(self.text, after, end)
        if match is None:
            raise self.out.error(f"\\{kind} needs the name of an environment in braces", i, after)
        name, after = match.group(1), match.end()
        if name not in words.LAYOUTS and name not in words.MATRICES:
            raise self.out.error(
                f"unknown environment {name}", i, after, "use aligned, align, gather, split or bmatrix"
            )
        if kind == "end":
            if not self.environments or self.environments[-1][0] != name:
                raise self.out.error(f"\\end{{{name}}} ends nothing", i, after, f"add \\begin{{{name}}} before it")
            if name in words.MATRICES:
                self.out.closing("ENDMATRIX", i, after)
            else:
                self.out.emit("NEWLINE", i, after)
            self.environments.pop()
            return after
        self.environments.append((name, i))
        if name in words.MATRICES:
            self.out.opening("MATRIX", i, after)
        if name in ("array", "alignat*", "alignedat"):
            after = self.argument(after, end, name)[2]
        return after

    def font(self, name: str, i: int, after: int, end: int) -> int:
        """A font command: its argument is one word, or letters that keep the font when printed."""
        start, stop, following = self.argument(after, end, name)
        inner = self.text[start:stop].strip()
        out = self.out
        if inner in ("1", "𝟏"):
            out.emit("ONES", i, following)
            return following
        if inner == "0":
            out.emit("NUMBER", i, following, "0")
            return following
        if name in words.WORD_FONTS and _WORD.fullmatch(inner):
            word = re.sub(r"[ _-]+", "_", inner).strip("_")
            out.emit("NAME", i, following, words.WORDS.get(word, word), self.text[i:following])
            return following
        first = len(out.items)
        self.deeper(i)
        self.lex(start, stop)
        self.depth -= 1
        for token in out.items[first:]:
            if token.type == "NAME":
                token.latex = f"\\{name}{{{token.latex}}}"
        if len(out.items) == first + 1:
            out.items[-1].start, out.items[-1].end = i, following
        return following

    def accent(self, name: str, i: int, after: int, end: int) -> int:
        """An accent: it belongs to the first letter of its argument, scripts may follow inside."""
        start, stop, following = self.argument(after, end, name)
        out = self.out
        first = len(out.items)
        self.deeper(i)
        self.lex(start, stop)
        self.depth -= 1
        added = out.items[first:]
        depth, letters = 0, []
        for token in added:
            depth += (token.type == "LBRACE") - (token.type == "RBRACE")
            if depth == 0 and token.type not in ("SUB", "SUP", "RBRACE"):
                letters.append(token)
        if len(letters) != 1 or letters[0].type != "NAME" or letters[0] is not added[0]:
            raise out.error(f"\\{name} needs one letter", i, following, f"write \\{name}{{h}}, for example")
        token = letters[0]
        token.word = f"{token.word}_{words.ACCENTS[name]}"
        token.latex = f"\\{name}{{{token.latex}}}"
        token.start = i
        if len(added) == 1:
            token.end = following
        return following


def _instead(name: str) -> str:
    """What to write for a command that is not known."""
    if name in words.AMBIGUOUS:
        return words.AMBIGUOUS[name]
    close = get_close_matches(name, words.KNOWN_COMMANDS, n=1)
    return f"did you mean \\{close[0]}?" if close else "a function is written \\operatorname{name}(...)"
