"""The pages of the site: a derivation as MyST Markdown, its code beside it, and its letters in every notation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from derive.calculus.adjoint import differentiate
from derive.calculus.bptt import through_time
from derive.calculus.derivation import Derivation
from derive.calculus.sections import Section
from derive.calculus.softmax import softmax_sections
from derive.calculus.vanishing import vanishing
from derive.languages import ENGLISH, Language
from derive.networks.network import Network
from derive.notation import Notation, notations
from derive.targets.pages import MARKDOWN
from derive.targets.pages.composition import composition, parts_to_show
from derive.targets.pages.model import Block, Page
from derive.targets.pages.printing import Format
from derive.targets.pages.writer import page
from derive.targets.pictures import network_picture, picture
from derive.targets.site.beside import code_of_displays
from derive.targets.site.displays import display
from derive.targets.site.switch import Letters, letters_of
from derive.targets.templates import environment


@dataclass(frozen=True)
class Chapter:
    """A derivation on a page of the site: what is printed, the code of each formula, the letters, and two pictures.

    `mark` stands before every anchor, so that several derivations fit on one page; `drawn` has the pictures again in
    the letters of every notation.
    """

    content: Page
    code: Mapping[int, str]
    letters: Letters
    mark: str
    flow: str
    back: str
    drawn: Mapping[str, Mapping[str, str]]
    language: Language = ENGLISH

    def symbol(self, name: str) -> str:
        """The letter of a quantity, as the page prints it."""
        return next((row.symbol for row in self.content.symbols if row.code == name), f"`{name}`")

    def word(self, block: Block) -> str:
        """The heading of a gradient, in words first."""
        return self.language.say("Gradient with respect to {symbol}").replace("{symbol}", self.symbol(block.of))


def form(mark: str = "", language: Language = ENGLISH) -> Format:
    """Formulas as roles, numbers as links to the formulas that have them."""
    return replace(
        MARKDOWN,
        inline=lambda formula: "{math}`" + formula + "`",
        numbered=lambda number: f'<a class="eqref" href="#{mark}eq-{number}">({number})</a>',
        language=language,
    )


def cell_page(derivation: Derivation, module: str, origin: str, closing: str = "", language: Language = ENGLISH) -> str:
    """The page of a cell or head.

    `module` is the text of its NumPy module; `closing` is Markdown that stands at the end.
    """
    after = (*through_time(derivation), *vanishing(derivation))
    chapters = [_chapter(derivation, after, module, form(language=language), "")]
    return _rendered(chapters, origin, derivation.cell.title, (), closing, language)


def network_page(network: Network, origin: str, closing: str = "", language: Language = ENGLISH) -> str:
    """The page of a network: how it is put together, and the derivation of each part."""
    chapters = []
    for number, cell in enumerate(parts_to_show(network), start=1):
        derivation = differentiate(cell)
        mark = f"part-{number}-"
        chapters.append(_chapter(derivation, through_time(derivation), "", form(mark, language), mark))
    words = list(map(form(language=language).prose, composition(network)))
    return _rendered(
        chapters, origin, network.title, words, closing, language, network_picture(network, language=language)
    )


def _chapter(derivation: Derivation, after: Sequence[Section], module: str, style: Format, mark: str) -> Chapter:
    before = softmax_sections(derivation)
    content = page(derivation, None, before, after, style)
    flow, back = _pictures(derivation, None, style.language)
    drawn = {name: _pictures(derivation, notation, style.language) for name, notation in notations().items()}
    return Chapter(
        content,
        code_of_displays(derivation, content, module) if module else {},
        letters_of(derivation, content, before, after, style),
        mark,
        flow,
        back,
        {name: {f"{mark}flow": _unstyled(one), f"{mark}back": _unstyled(two)} for name, (one, two) in drawn.items()},
        style.language,
    )


def _pictures(derivation: Derivation, notation: Notation | None, language: Language) -> tuple[str, str]:
    one, two = (picture(derivation, notation, backward=backward, language=language) for backward in (False, True))
    return one, two


def _unstyled(drawn: str) -> str:
    """A picture without its style and its comment, which the page has already."""
    return re.sub(r"<style>.*?</style>\n|<!--.*?-->\n", "", drawn, flags=re.DOTALL).strip()


def _rendered(
    chapters: Sequence[Chapter],
    origin: str,
    title: str,
    words: Sequence[str],
    closing: str,
    language: Language,
    whole: str = "",
) -> str:
    template = environment("derive.targets.site", display=display).get_template("derivation.md.jinja")
    written = template.render(
        chapters=chapters, origin=origin, title=MARKDOWN.words(language.say(title)), words=words, closing=closing,
        whole=whole,
        letters=Letters.together([chapter.letters for chapter in chapters]), say=language.say,
        pictures=_pictures_table(chapters),
    )  # fmt: skip
    return written.rstrip() + "\n"


def _pictures_table(chapters: Sequence[Chapter]) -> str:
    """The pictures in other letters by notation and by what they show, for a script element."""
    tables = {name: dict(chain.from_iterable(c.drawn[name].items() for c in chapters)) for name in notations()}
    return json.dumps(tables, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def script_words(language: Language) -> str:
    """JavaScript: what the script of the pages says, in this language."""
    return f"window.backproofWords = {json.dumps({word: language.say(word) for word in BAR}, ensure_ascii=False)};\n"


BAR = ("Letters", "as in the note", "Open every step", "Close every step")
"""What the script writes above a derivation."""
