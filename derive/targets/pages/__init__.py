"""The pages: Derivation -> one `model.Page` per format -> a template for Markdown, LaTeX or plain text."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from jinja2 import Environment

from derive.calculus.adjoint import differentiate
from derive.calculus.bptt import jacobian, through_time
from derive.calculus.derivation import Derivation
from derive.calculus.sections import Equality, Section
from derive.calculus.softmax import softmax_sections
from derive.calculus.vanishing import vanishing
from derive.errors import InputError
from derive.languages import ENGLISH, Language
from derive.networks.network import Network
from derive.nodes import Jacobian, t
from derive.notation import GREEK, Notation
from derive.patterns import regex
from derive.targets.pages import writer
from derive.targets.pages.composition import composition, parts_to_show
from derive.targets.pages.folding import folded
from derive.targets.pages.model import Display, Page
from derive.targets.pages.printing import Format
from derive.targets.pages.writer import page
from derive.targets.templates import environment
from derive.targets.vocabulary import Latex, Text

TEXT_WIDTH = 88
_HELD = "\ue000"  # a space within a formula, while a paragraph is broken into lines


def markdown(
    derivation: Derivation,
    notation: Notation | None = None,
    sections: Sequence[Section] | None = None,
    origin: str = "",
    language: Language = ENGLISH,
) -> str:
    """A page for a code host, in the letters of the notation or of the author.

    `sections` stand in the place of those on time; `origin` is the file that the equations come from.
    """
    return _render("page.md.jinja", derivation, notation, sections, origin, replace(MARKDOWN, language=language))


def markdown_section(derivation: Derivation, title: str, notation: Notation | None = None) -> str:
    """One section on time of the Markdown page, below its heading and with the page's numbers; "" if it has none."""
    content = page(derivation, notation, softmax_sections(derivation), _on_time(derivation), MARKDOWN)
    template = _environment().get_template("section.md.jinja")
    blocks = (block for part in content.parts for block in part.blocks if block.heading == title)
    return "".join(template.render(block=block).strip() + "\n" for block in blocks)


def latex(
    derivation: Derivation,
    notation: Notation | None = None,
    sections: Sequence[Section] | None = None,
    origin: str = "",
    language: Language = ENGLISH,
) -> str:
    """A standalone article for pdflatex with the content of the Markdown page."""
    return _render("page.tex.jinja", derivation, notation, sections, origin, replace(LATEX, language=language))


def text(
    derivation: Derivation,
    notation: Notation | None = None,
    sections: Sequence[Section] | None = None,
    origin: str = "",
    language: Language = ENGLISH,
) -> str:
    """The same for a terminal."""
    return _render("page.txt.jinja", derivation, notation, sections, origin, replace(TEXT, language=language))


def _render(
    template: str,
    derivation: Derivation,
    notation: Notation | None,
    sections: Sequence[Section] | None,
    origin: str,
    form: Format,
) -> str:
    after = _on_time(derivation) if sections is None else sections
    content = page(derivation, notation, softmax_sections(derivation), after, form)
    return _filled(template, [content], origin, language=form.language)


def excerpt(
    form: str,
    derivation: Derivation,
    of: Sequence[str],
    by: Sequence[str] = (),
    notation: Notation | None = None,
    origin: str = "",
    language: Language = ENGLISH,
) -> str:
    """The gradients of J by the quantities named in `of` or in `by`, with what they need; `form` as in `of_network`.

    Where both name something: the Jacobians of the one by the other, within a step and from one to the next. Raises
    InputError for a name that is no quantity of the cell, and where there is no such Jacobian.
    """
    of, by = ([derivation[name].of.name for name in names] for names in (of, by))
    template, style = FORMS[form][0], replace(FORMS[form][1], language=language)
    names, after = ((), _jacobians(derivation, of, by)) if of and by else ((*of, *by), ())
    content = writer.excerpt(derivation, notation, names, softmax_sections(derivation), after, style)
    return _filled(template, [content], origin, language=language)


def _jacobians(derivation: Derivation, of: Sequence[str], by: Sequence[str]) -> tuple[Section, ...]:
    """What each in `of` makes of each in `by`, at the same step and one step later."""
    quantities = derivation.program.quantities
    found: list[Equality] = []
    for above, below in ((quantities[a], quantities[b]) for a in of for b in by):
        moments = (t, t - 1) if below in derivation.program.states else (t,)
        for moment in moments if above.time is not None and below.time is not None else ():
            matrix = None if above == below and moment == t else jacobian(derivation, above, below.at(moment))
            if matrix is not None:
                found.append(Equality((Jacobian(above, below.at(moment)), matrix)))
    if not found:
        raise InputError(
            f"no Jacobian of {', '.join(of)} by {', '.join(by)} within a step or from one step to the next",
            hint="both must be vectors of a step; --of or --by alone is the gradient of J",
        )
    return (Section("Jacobians", tuple(found)),)


def of_network(
    form: str,
    network: Network,
    notation: Notation | None = None,
    origin: str = "",
    language: Language = ENGLISH,
) -> str:
    """The pages of a network's parts as one text; `form` is markdown, latex or text.

    The layers (layer l above layer l - 1 where there are several), the place where two directions meet, dropout, and
    the head: each with its whole derivation.
    """
    template, style = FORMS[form][0], replace(FORMS[form][1], language=language)
    words = list(map(style.prose, composition(network)))
    if notation is not None:
        network = network.in_letters(notation)
        letters = style.sentence("Letters: {title}.", title=style.prose(notation.title))
        words.append(language.gap.join([letters, *map(style.prose, notation.remarks)]))
    return _filled(template, _parts(network, style), origin, style.words(network.title), words, language)


def book(title: str, parts: Mapping[str, Sequence[Derivation | Network]]) -> str:
    """Derivations and networks as one book for pdflatex; `parts` are its parts by their headings."""
    template = _environment().get_template("book.tex.jinja")
    chapters = [(heading, list(map(_chapter, made))) for heading, made in parts.items()]
    return template.render(title=LATEX.words(title), parts=chapters, say=ENGLISH.say).rstrip() + "\n"


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book: what it is about, in words, and one page, or one for each part of a network."""

    title: str
    words: Sequence[str]
    pages: Sequence[Page]


def _chapter(made: Derivation | Network) -> Chapter:
    if isinstance(made, Derivation):
        content = page(made, None, softmax_sections(made), _on_time(made), LATEX)
        return Chapter(content.title, (), (content,))
    return Chapter(LATEX.words(made.title), list(map(LATEX.prose, composition(made))), _parts(made, LATEX))


def _parts(network: Network, style: Format) -> list[Page]:
    """The pages of a network's parts."""
    found = map(differentiate, parts_to_show(network))
    return [page(one, None, softmax_sections(one), through_time(one), style) for one in found]


def _filled(
    template: str,
    pages: Sequence[Page],
    origin: str,
    title: str = "",
    words: Sequence[str] = (),
    language: Language = ENGLISH,
) -> str:
    told = {
        "pages": pages,
        "origin": origin,
        "title": title,
        "words": words,
        "say": language.say,
        "font": language.font,
    }
    written = _environment().get_template(template).render(told)
    return written.replace(_HELD, " ").rstrip() + "\n"


@lru_cache(1)  # the same for a cell's Markdown, LaTeX and text
def _on_time(derivation: Derivation) -> tuple[Section, ...]:
    return (*through_time(derivation), *vanishing(derivation))


@cache
def _environment() -> Environment:
    return environment(
        "derive.targets.pages",
        wrapped=_wrapped,
        columns=columns,
        padded=_padded,
        tex=_tex_words,
        wide=_wide,
        fold=_fold,
    )


def columns(line: str) -> int:
    """How many columns of a terminal a line takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
    return len(line) + wide - sum(bool(unicodedata.combining(character)) for character in line)


def _padded(line: str, width: int) -> str:
    return line + " " * (width - columns(line))


def _wrapped(words: str, indent: str = "", first: str | None = None) -> str:
    if columns(words) > len(words):
        return _wrapped_anywhere(words, indent, indent if first is None else first)
    return textwrap.fill(
        words,
        TEXT_WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


_WIDE, _CLOSING = r"\u3000-\u9fff\uff00-\uffef", "，。：；、）」？！"
_PIECE = regex(rf"[{_WIDE}][{_CLOSING}]*|[^\s{_WIDE}]+[{_CLOSING}]*|\s+")


def _wrapped_anywhere(words: str, indent: str, first: str) -> str:
    """The same for a script that needs no space to break a line, but no line may begin with its closing signs."""
    lines, line = [], first
    for piece in _PIECE.findall(words):
        if columns(line + piece) > TEXT_WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent + piece.lstrip()
        else:
            line += piece
    return "\n".join([*lines, line.rstrip()])


_FRACTION = regex(r"\\frac\{\\partial(?:\^\{\+\})? ?[^{}]*\}\{")


@cache
def _latex_width(formula: str) -> int:
    """Roughly how many letters wide a formula is set: a gradient is as wide as its denominator."""
    narrow = re.sub(r"\\[A-Za-z]+", "x", _FRACTION.sub("", formula))
    return len(re.sub(r"[{}_^ ]", "", narrow))


def _wide(display: Display) -> bool:
    """Whether a formula may be wider than the text of an article."""
    return max(_latex_width("".join(line)) for line in display.lines) > LATEX.width - 6


def _fold(display: Display) -> Display:
    """The formula with lines that fit into an article, where they can be cut."""
    return folded(display, _latex_width, LATEX.width - 2) if _wide(display) else display


@cache
def _markdown_words(words: str) -> str:
    return re.sub(r"(?<![^\W_])_|[\\`*<>\[\]|$]", lambda found: "\\" + found[0], words)


_TEX_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "∂": r"$\partial$", "⊙": r"$\odot$", "→": r"$\to$", "Σ": r"$\sum$", "∏": r"$\prod$",
    "≤": r"$\leq$", "≥": r"$\geq$", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}",
    "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "\N{NO-BREAK SPACE}": "~",
    **{character: "\\" + character for character in "{}#$%&_"},
    **{letter: rf"$\{name}$" for name, letter in GREEK.items() if letter != "Σ"},
}  # fmt: skip


@cache
def _tex_words(words: str) -> str:
    """Words for pdflatex; what its standard fonts lack goes into \\unlettered."""
    out = []
    for run in re.findall(
        r"[\x00-\x7f\u00a0-\u017f]+|[^\x00-\x7f\u00a0-\u017f]+", re.sub(r'"([^"]*)"', r"“\1”", words)
    ):
        pieces = re.split("([" + re.escape("".join(_TEX_SPECIAL)) + "])", run)
        for piece in pieces:
            if piece in _TEX_SPECIAL:
                out.append(_TEX_SPECIAL[piece])
            elif piece and ord(piece[0]) > 0x17F:
                out.append(rf"\unlettered{{{piece}}}")
            else:
                out.append(piece)
    return "".join(out)


MARKDOWN = Format(
    vocabulary=Latex,
    # A host reads _ and * between plain dollar signs as emphasis: a formula is safe in $`...`$ and ```math only.
    inline=lambda formula: f"$`{formula}`$",
    words=_markdown_words,
    strong=lambda words: f"**{words}**",
    code=lambda name: f"`{name}`",
    measure=_latex_width,
    width=58,
    continued=r"\quad {}",
)

LATEX = Format(
    vocabulary=Latex,
    inline=lambda formula: f"${formula}$",
    words=_tex_words,
    strong=lambda words: rf"\emph{{{words}}}",
    code=lambda name: rf"\texttt{{{_tex_words(name)}}}",
    measure=_latex_width,
    width=58,
    continued=r"\quad {}",
)

TEXT = Format(
    vocabulary=Text,
    inline=lambda formula: formula.replace(" ", _HELD) if columns(formula) < TEXT_WIDTH // 2 else formula,
    words=lambda words: words,
    strong=lambda words: words,
    code=lambda name: name,
    measure=columns,
    width=TEXT_WIDTH - 22,
    continued="  ",
)

FORMS = {
    "markdown": ("page.md.jinja", MARKDOWN),
    "latex": ("page.tex.jinja", LATEX),
    "text": ("page.txt.jinja", TEXT),
}
"""The template and the format of every form of a page."""
