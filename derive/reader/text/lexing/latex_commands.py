"""LaTeX commands -> tokens: letters, fractions, fonts, accents, environments."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from difflib import get_close_matches

from derive.patterns import regex
from derive.reader.text import words
from derive.reader.text.fragment import DEEPEST, Fragment, matching_braces
from derive.reader.text.lexing import behind
from derive.reader.text.lexing.letters import BIG, RUNS_OVER
from derive.reader.text.lexing.tokens import Token, Tokens
from derive.reader.text.line_ends import line_ends

_COMMAND = regex(r"\\([A-Za-z]+\*?|.|\Z)", re.DOTALL)
_INTERVAL = regex(
    r"(?:\s|\\[,;!])*(?:t(?![A-Za-z_^'])|\{\s*t\s*\}(?!\s*[_^'])"
    r"|\\(?P<accent>hat|bar|tilde)\s*(?:\{\s*t\s*\}|t(?![A-Za-z]))(?!\s*[_^']))"
)
"""Behind Δ: a t that makes it one letter, also with an accent."""
"""The t of Δt, an interval of time and one name."""
_ALONE = regex(r"(?:(?!\\vert)[^()=])*\)")
"""What stands behind the one bar of a bracket."""
_LAYOUT = rf"\{{(?:{'|'.join(sorted(re.escape(name) for name in words.LAYOUTS))})\}}"
_LAID_OUT = regex(rf"\s*\\(?:\{{|lbrace)\s*(?=\\begin\s*(?:{_LAYOUT}|\{{array\}}\s*(?:\{{[^{{}}]*\}})?[^&\\]*=))")
_AFTER_LAYOUT = regex(rf"\\end\s*{_LAYOUT}\s*\Z")
_BRACE_BEHIND = regex(r"\s*\\(?:\}|rbrace(?![A-Za-z]))")
_DOUBLE_BAR = regex(r"\s*\|\s*\\(?:left|right)\s*\|")
_FOR_ANY = regex(r"\s*[A-Za-z]\s*(?:[,:]|\\quad(?![A-Za-z]))")
_WHOLE = regex(r"\s*\{(?P<relation>\s*\\begin(?![A-Za-z]))?")
_EQUALS = regex(r"\s*(?:\{\s*:?=\s*\}|:?=)")
_ENVIRONMENT = regex(r"\s*\{([A-Za-z]+\*?)\}")
_LINE_SPACE = regex(r"\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu|px)\s*\]")
_BEFORE_ENTRY = frozenset(["MATRIX", "COMMA", "SEMI"])
_LABEL = regex(r"[A-Za-z]+")
_SCRIPT = regex(r"\s*[_^]")
_ALIGNED = regex(r"[^&=\\]*(?:\\(?!\\)[^&=\\]*)*&\s*:?=")
_WORD = regex(r"[A-Za-z](?:[A-Za-z0-9 _-]|\\_)*")
_LABEL = regex(r"[^\W\d_](?:[\w -]|\\_)*")
"""A label in the letters of any language."""
_HEADING = regex(r"[^\W\d_][^{}\\$=]*[:：]")
"""Words above or before equations, as in \\text{second layer:}"""
_ROW_ENDS = regex(r"[\s.,;]*(?:\\\\|\\end\b|\}?\s*\Z)")
_ABOVE = regex(r"\s*(?:\[[^\[\]]*\](?:\s*\{(?:[^{}]|\{[^{}]*\})*\})?|\{(?:[^{}]|\{[^{}]*\})*\})")
"""What stands below and above an arrow."""
_REMARK = regex(r"\([^=^\\$&()]*\s[^=^\\$&()]*\)|(?=[^=]*[^\W\d_]{3})[^=^\\$&_]*\s[^=^\\$&_]*")
_OTHER_LETTER = regex(r"[^\W\d_a-zA-Z\u0370-\u03ff]")


class Commands(ABC):
    """The part of the lexer that knows commands; the walk over the text is in `latex`."""

    def __init__(self, fragment: Fragment) -> None:
        self.fragment = fragment
        self.text = fragment.text
        self.out = Tokens(fragment)
        self.closers = matching_braces(fragment)
        self.ends = line_ends(fragment.text)
        self.environments: list[tuple[str, int]] = []
        self.layouts: set[int] = set()
        """Where arrays begin that are no matrices."""
        self.depth = 0
        self.stacked = 0

    @abstractmethod
    def lex(self, position: int, end: int) -> None:
        """Lex text[position:end]."""

    @property
    def in_matrix(self) -> bool:
        """Whether & and \\\\ separate entries here."""
        return (
            bool(self.environments)
            and self.environments[-1][0] in words.MATRICES
            and self.environments[-1][1] not in self.layouts
        )

    def blank(self, i: int) -> None:
        """An empty entry of a matrix is zero."""
        if self.environments[-1][0] in words.ENTRIES_OF_MATRICES and self.out.items[-1].type in _BEFORE_ENTRY:
            self.out.emit("NUMBER", i, i, "0")

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
        if not name:
            return after  # a page's own break of a line, at the end of a formula
        if name in ("ast", "star") and out.items and out.items[-1].type == "LBRACE":  # y^\ast, as y^*
            out.emit("MARK", i, after, "star")
            return after
        if name in ("0", "1"):  # \\mathbf{1}, as pages shorten it
            out.emit(*(("NUMBER", i, after, "0") if name == "0" else ("ONES", i, after)))
            return after
        if name == "not" and (equals := _EQUALS.match(self.text, after, end)):  # \\not =
            out.emit("RELATION", i, equals.end(), "≠")
            return equals.end()
        if name == "\\" or name in ("cr", "newline") or (name == "\n" and i + 1 in self.ends):
            if space := _LINE_SPACE.match(self.text, after, end):
                after = space.end()
            if self.stacked:
                out.emit("COMMA", i, after)
                return after
            if self.in_matrix and out.items[-1].type == "SEMI":
                return after  # \\\\ in a file that is rendered twice
            if self.in_matrix and out.items[-1].type == "COMMA":
                self.blank(i)
            out.emit("SEMI" if self.in_matrix else "NEWLINE", i, after)
            return after
        if name == "_" and out.items and out.items[-1].type == "NAME" and out.items[-1].end == i:
            return self.underscore(i, after, end)
        if name == "|" or name == "Vert":
            out.bar(i, after, "LNORM", "RNORM")
        elif name == "vert" and out.innermost == "LPAR" and _ALONE.match(self.text, after, end):
            out.emit("MID", i, after)
        elif name == "vert":
            out.bar(i, after, "LABS", "RABS")
        elif name in ("left", "right") and (double := _DOUBLE_BAR.match(self.text, after, end)):
            if name == "left":
                out.opening("LNORM", i, double.end())
            else:
                out.closing("RNORM", i, double.end())
            return double.end()
        elif name == "forall" and not out.items and (any_ := _FOR_ANY.match(self.text, after, end)):
            return any_.end()  # what is said of every k is said of k
        elif out.ends_an_equation and (mark := behind.MARK_BEHIND.match(self.text, i, end)):
            return mark.end()
        elif name == "left" and (brace := _LAID_OUT.match(self.text, after, end)):
            return brace.end()  # the equations behind it stand on lines of their own
        elif name == "right" and (brace := _BRACE_BEHIND.match(self.text, after, end)) and self._behind_a_layout(i):
            return brace.end()
        elif name in words.SPACING:
            if numbered := behind.NUMBERED.match(self.text, i, end):
                return numbered.end()  # \quad (3) at the end is the equation's number, no factor
            if (comment := behind.COMMENT.match(self.text, i, end)) and not self.in_matrix and out.ends_an_operand:
                return comment.end()
            if name in ("left", "right") and self.text.startswith(".", after):
                after += 1
            if name in words.SIZES_OF_TYPE and (whole := _WHOLE.match(self.text, after, end)):
                start, stop, following = self.argument(after, end, name)
                if whole.group("relation") or "=" in self.text[start:stop]:
                    self.lex(start, stop)
                    return following
        elif name in ("mid", "vdots"):
            inner = out.innermost
            out.emit("MID" if inner in ("LBRACK", "MATRIX", "LPAR") and not self.in_matrix else "DOTS", i, after)
        elif name in ("{", "lbrace", "("):
            out.opening("LPAR", i, after)
        elif name in ("}", "rbrace", ")"):
            out.closing("RPAR", i, after)
        elif name in BIG and RUNS_OVER.match(self.text, after, end):
            out.emit("BIG", i, after, BIG[name])
        elif name == "Delta" and (interval := _INTERVAL.match(self.text, after, end)):
            accent = f"_{interval['accent']}" if interval["accent"] else ""
            out.emit("NAME", i, interval.end(), f"{name}_t{accent}", self.text[i : interval.end()])
            return interval.end()
        elif name in words.GREEK:
            out.emit("NAME", i, after, words.GREEK[name], self.text[i:after])
        elif name in words.LATIN_CAPITALS:
            out.emit("NAME", i, after, words.LATIN_CAPITALS[name], words.LATIN_CAPITALS[name])
        elif name in ("Box", "square") and self.text[:i].rstrip(" {").endswith(r"\partial"):  # ∂y/∂□: by anything
            out.emit("NAME", i, after, "Box", self.text[i:after])
        elif name == "sup":  # what no value is above, for bounds the largest
            out.emit("NAME", i, after, words.WORDS["max"], self.text[i:after])
        elif name in words.FUNCTION_COMMANDS:
            out.emit("NAME", i, after, words.WORDS[name], self.text[i:after])
        elif name in words.COMMANDS:
            if words.COMMANDS[name] == "NEWLINE" and out.open:
                raise out.error(f"\\{name} within brackets", i, after, "write each equation on a line of its own")
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
        elif name in words.BRACES:
            return self.brace(name, i, after, end)
        elif name == "displaylines":
            return self.lines(i, after, end)
        elif name in ("stackrel", "overset"):
            return self.set_above(name, i, after, end)
        elif name == "xrightarrow" and (above := _ABOVE.match(self.text, after, end)):
            out.emit("RELATION", i, above.end(), r"\to")
            return above.end()
        elif name == "over":
            self.over(i, after)
        elif name == "substack":
            return self.substack(i, after, end)
        elif name in ("begin", "end"):
            return self.environment(name, i, after, end)
        elif name in ("frac", "dfrac", "tfrac", "cfrac", "sqrt"):
            return self.fraction(name, i, after, end)
        elif name in words.WORDS and len(name) > 1:  # \\diag and \\softmax, which a page's own macros define
            out.emit("NAME", i, after, words.WORDS[name], self.text[i:after])
        elif name in words.DOUBLE_STRUCK:
            out.emit("NAME", i, after, name, rf"\mathbb{{{name}}}")
        else:
            known = "cannot read" if name in words.AMBIGUOUS else "unknown command"
            raise out.error(f"{known} \\{name}", i, after, _instead(name))
        return after

    def underscore(self, i: int, after: int, end: int) -> int:
        """h\\_prev: a letter with a label, as h_{prev}; w\\_: a letter of its own."""
        label = _LABEL.match(self.text, after, end)
        if label is None:
            letter = self.out.items[-1]
            letter.word, letter.latex, letter.end = f"{letter.word}_", f"{letter.latex}\\_", after
            return after
        self.out.emit("SUB", i, after)
        self.out.opening("LBRACE", after, after)
        self.out.emit("NAME", after, label.end(), label[0], label[0])
        self.out.closing("RBRACE", label.end(), label.end())
        return label.end()

    def brace(self, name: str, i: int, after: int, end: int) -> int:
        """\\underbrace{x}_{words}: x alone."""
        start, stop, following = self.argument(after, end, name)
        self.deeper(i)
        self.lex(start, stop)
        self.depth -= 1
        if said := _SCRIPT.match(self.text, following, end):
            following = self.argument(said.end(), end, name)[2]
        return following

    def lines(self, i: int, after: int, end: int) -> int:
        """\\displaylines{a = b \\\\ c = d}: equations on lines of their own."""
        start, stop, following = self.argument(after, end, "displaylines")
        self.deeper(i)
        self.lex(start, stop)
        self.depth -= 1
        self.out.emit("NEWLINE", stop, following)
        return following

    def substack(self, i: int, after: int, end: int) -> int:
        """\\substack{j=1 \\\\ j \\neq i}: conditions with commas between them."""
        start, stop, following = self.argument(after, end, "substack")
        self.deeper(i)
        self.stacked += 1
        self.lex(start, stop)
        self.stacked -= 1
        self.depth -= 1
        return following

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

    def over(self, i: int, after: int) -> None:
        """{a \\over b}: what is open becomes the numerator of a fraction."""
        out = self.out
        if out.innermost != "LBRACE":
            raise out.error("\\over outside braces", i, after, "write \\frac{a}{b}")
        at = next(k for k in range(len(out.items) - 1, -1, -1) if out.items[k] is out.open[-1])
        if at and out.items[at - 1].type in ("SUB", "SUP", "FRAC", "SQRT"):
            raise out.error("\\over directly in a script or fraction", i, after, "write \\frac{a}{b}")
        start = out.open[-1].start
        out.items.insert(at, Token("FRAC", start, start + 1))
        out.closing("RBRACE", i, i)
        out.opening("LBRACE", after, after)

    def set_above(self, name: str, i: int, after: int, end: int) -> int:
        """\\stackrel{\\sim}{h}: a letter with an accent; \\overset{def}{=}: an equals sign."""
        first, last, following = self.argument(after, end, name)
        if equals := _EQUALS.match(self.text, following, end):
            self.out.emit("EQ", i, equals.end())
            return equals.end()
        mark = words.SET_ABOVE.get(self.text[first:last].strip())
        if mark is None:
            raise self.out.error(f"\\{name} that is no accent", i, following, "write the letter without it")
        return self.accent(mark, i, following, end)

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
            if self.in_matrix:
                if self.out.items[-1].type == "COMMA":
                    self.blank(i)
                self.out.closing("ENDMATRIX", i, after)
            else:
                self.out.emit("NEWLINE", i, after)
            self.environments.pop()
            return after
        start = i
        if name in ("array", "alignat", "alignat*", "alignedat"):
            after = self.argument(after, end, name)[2]
        if name in ("array", "cases") and not self.out.open and self._has_equations(name, after, end):
            self.layouts.add(start)
        self.environments.append((name, start))
        if self.in_matrix:
            self.out.opening("MATRIX", i, after)
        return after

    def _behind_a_layout(self, i: int) -> bool:
        """Whether a closing brace stands behind lines of equations, and closes nothing else."""
        return self.out.innermost != "LPAR" and _AFTER_LAYOUT.search(self.text, 0, i) is not None

    def _has_equations(self, name: str, after: int, end: int) -> bool:
        """Whether an array only lays out equations: a matrix has none, and cases stand behind an = of their own."""
        if name == "cases" and self.out.items and self.out.items[-1].type in ("EQ", "PLUS", "MINUS", "TIMES", "DOT"):
            return False
        stop = self.text.find(rf"\end{{{name}}}", after, end)
        inside = self.text[after : stop if stop >= 0 else end]
        if name == "cases" and _ALIGNED.match(inside):
            return True  # s_t &= W x_t
        return "=" in inside.partition("&" if name == "cases" else "\0")[0]

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
        letter = len(inner) == 1 and name not in words.TEXT_FONTS  # \textbf{y}, no Spanish "and"
        if name in words.WORD_FONTS and not letter and inner.lower().strip(" ,:") in words.JOINING:
            if not out.open:
                out.emit("COMMA", i, following)
            return following
        if name in words.WORD_FONTS and _HEADING.fullmatch(inner):
            return following
        said = _REMARK.fullmatch(inner) or (_OTHER_LETTER.search(inner) and "=" not in inner)
        if name in words.WORD_FONTS and said and out.ends_an_operand and _ROW_ENDS.match(self.text, following, end):
            return following
        if name in words.WORD_FONTS and (_LABEL if any(out.scripting) else _WORD).fullmatch(inner):
            word = re.sub(r"[ _\\-]+", "_", inner).strip("_")
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
        elif [token.type for token in out.items[first : first + 2]] in (["NAME", "SUB"], ["NAME", "SUP"]) and (
            _one_letter(out.items[first:])
        ):  # h_t as a whole, so that what is cut out of a formula has its braces
            out.items.insert(first, Token("LBRACE", i, start))
            out.items.append(Token("RBRACE", stop, following))
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
        letters = _outside_scripts(added)
        if len(letters) != 1 or letters[0].type != "NAME" or letters[0] is not added[0]:
            raise out.error(f"\\{name} needs one letter", i, following, f"write \\{name}{{h}}, for example")
        token = letters[0]
        token.word = f"{token.word}_{words.ACCENTS[name]}"
        token.latex = f"\\{name}{{{token.latex}}}"
        token.start = i
        added[-1].end = following  # the braces of the accent belong to the letter
        return following


def _outside_scripts(tokens: Sequence[Token]) -> list[Token]:
    """The tokens that stand in no script."""
    depth, found = 0, []
    for token in tokens:
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
        if depth == 0 and token.type not in ("SUB", "SUP", "RBRACE"):
            found.append(token)
    return found


def _one_letter(tokens: Sequence[Token]) -> bool:
    """Whether the tokens are one letter with its scripts."""
    return len(_outside_scripts(tokens)) == 1


def _instead(name: str) -> str:
    """What to write for a command that is not known."""
    if name in words.AMBIGUOUS:
        return words.AMBIGUOUS[name]
    close = get_close_matches(name, words.KNOWN_COMMANDS, n=1)
    return f"did you mean \\{close[0]}?" if close else "a function is written \\operatorname{name}(...)"
