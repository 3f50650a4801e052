"""Chapters written by hand: what stands in them in place of a mark, and how they are told in another language."""

from __future__ import annotations

import re

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.errors import ProgramFault
from derive.languages import Language
from derive.patterns import regex
from derive.targets.pictures import picture
from verify.formulas.claims import check
from verify.reports.wording import MARKS, TITLES, details, split

SAME = "<!-- same -->"
"""In a translation: the next block of code or mathematics of the English chapter."""
_BLOCK = regex(r"^```.*?^```$|^\$\$\n.*?^\$\$$", re.MULTILINE | re.DOTALL)
_MARK = regex(r"^<!-- (picture|check): (\S+)(?: (.+))? -->$", re.MULTILINE)
_FENCE = regex(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def blocks(chapter: str) -> list[str]:
    """The blocks of code and of mathematics in a chapter; lists of pages are none."""
    return [block for block in _BLOCK.findall(chapter) if "{toctree}" not in block]


def translation(text: str, english: str, language: Language) -> str:
    """A chapter in another language with the blocks of the English one; raises ProgramFault where they do not fit."""
    own = blocks(english)
    if text.count(SAME) != len(own):
        title = english.lstrip("# ").partition("\n")[0]
        raise ProgramFault("site", f"{text.count(SAME)} places for {len(own)} blocks in {language.name}", title)
    rest = iter(own)
    return re.sub(re.escape(SAME), lambda _: _printed(next(rest), language), text)


def _printed(block: str, language: Language) -> str:
    """A block as a command prints it in this language."""
    if not block.startswith("```console\n"):
        return block
    return "\n".join(line if line[:2] in ("$ ", "``") else language.lines(line) for line in block.split("\n"))


def filled(chapter: str, language: Language) -> str:
    """A chapter with its pictures and verdicts; raises InputError for a cell that is not known."""

    def written(found: re.Match[str]) -> str:
        kind, cell, rest = found.groups()
        return _picture(cell, rest or "", language) if kind == "picture" else _verdict(cell, rest or "", language)

    return _MARK.sub(written, chapter)


def _picture(cell: str, kind: str, language: Language) -> str:
    drawn = picture(differentiate(catalogue.find(cell)), backward=kind == "backward", language=language)
    return f'<div class="picture">\n{drawn.strip()}\n</div>'


def _verdict(cell: str, formula: str, language: Language) -> str:
    """A formula judged as the page is built, so that what is shown is what is said."""
    (judgement,) = check(formula, catalogue.find(cell))
    word = judgement.word
    title = f"{MARKS[word].split()[0]} {language.say(TITLES[word])}"
    lines = [f'<div class="judged {word.value}">', "", f'<p class="verdict">{title}</p>', "", _display(formula), ""]
    for detail in (one.said(language.say) for one in details(judgement)):
        shown = f"\n\n{_display(detail.text)}\n" if detail.latex else f" {roles(detail.text)}"
        lines += [f"**{detail.label}**:{shown}", ""]
    return "\n".join([*lines, "</div>"])


def _display(latex: str) -> str:
    return f"```{{math}}\n{latex}\n```"


def roles(text: str) -> str:
    """Words with formulas between dollar signs, in the words of MyST."""
    return "".join(f"{{math}}`{part}`" if formula else part for part, formula in split(text))


def by_paragraphs(text: str, language: Language) -> str:
    """A generated page whose paragraphs are sentences of the table; what is in none stays as it is."""
    pieces = _FENCE.split(text)
    fences = _FENCE.findall(text)
    told = ["\n\n".join(_paragraph(each, language) for each in piece.split("\n\n")) for piece in pieces]
    return "".join(part for pair in zip(told, [*fences, ""], strict=True) for part in pair)


def _paragraph(text: str, language: Language) -> str:
    if text.lstrip().startswith("|"):
        return "\n".join("|".join(_sentence(cell, language) for cell in line.split("|")) for line in text.split("\n"))
    if re.match(r"\s*- ", text):
        return "\n".join(_line(line, language) for line in text.split("\n"))
    whole = " ".join(text.split())
    return text.replace(text.strip(), _line(whole, language)) if whole else text


def _line(line: str, language: Language) -> str:
    """A line of words: a heading, an item, or a picture keeps its signs."""
    if verdict := re.fullmatch(r"\*\*(\S+) (.+?)\*\*, (.+)", line):
        comma = language.sentences.get("…, …", ", ")
        return f"**{verdict[1]} {language.say(verdict[2])}**{comma}{language.say(verdict[3])}"
    found = re.fullmatch(r"(#+ |- |!\[)?(.*?)(\]\(\S+\)|:)?", line)
    assert found is not None
    bare, colon = (found[2], found[3] or "")
    if colon == ":" and language.find(bare) is None:
        bare, colon = f"{bare}:", ""
    return (found[1] or "") + _sentence(bare, language) + colon


def _sentence(words: str, language: Language) -> str:
    """A sentence said with its formulas and its code filled in."""
    parts: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        parts.append(found[0])
        return f"{{{len(parts)}}}"

    bare = re.sub(r"\$`[^`]*`\$|`[^`]*`", numbered, words.strip())
    said = language.sentences.get(bare)
    if said is None:
        plain = re.sub(r"\$`([^`]*)`\$", r"$\1$", words.strip())
        told = re.sub(r"\$([^$]*)\$", r"$`\1`$", language.say(plain))
        return words.replace(words.strip(), told) if words.strip() else words
    return words.replace(words.strip(), re.sub(r"\{(\d+)\}", lambda slot: parts[int(slot[1]) - 1], said))
