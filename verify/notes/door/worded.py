"""Words for a term or a left side, + (from future timesteps): shares of the gradient that a formula is of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from derive.patterns import regex
from derive.reader.claims.gradients.shares import SAYING, share_in_words
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

OTHERS = "what is said to go likewise for {letters} is not judged"
STAND = "the words {words} stand for that share of the gradient"

_S = r"(?:\s|&|\\[,;:! ]|\\q?quad(?![A-Za-z]))*"
_TEXT = r"\\(?:text|textrm|mathrm|mbox|textit)\s*\{"
_LETTER = (
    r"(?:\\[A-Za-z]+\s*\{\s*[A-Za-z]\s*\}|\\[A-Za-z]+|[A-Za-z])"
    r"(?:\s*[_^]\s*(?:\{[^{}]*\}|[A-Za-z0-9]))*"
)
_GRADIENT = regex(
    rf"{_S}\\[dt]?frac\s*\{{\s*\\partial\s*(?P<loss>[^{{}}]*|\\[a-z]+\s*\{{[^{{}}]*\}}[^{{}}]*)\}}"
    rf"\s*\{{\s*\\partial\s*(?P<by>(?:[^{{}}]|\{{[^{{}}]*\}})*)\}}{_S}(?:=|:=|\\equiv)"
)
"""∂L/∂c_t =, of which the right side has shares."""
_TERM = regex(
    rf"(?P<before>[=+]{_S}|\\sum\s*_\s*(?:[a-z]|\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}){_S})"
    rf"(?P<term>{_TEXT}\s*\(?(?P<words>[^{{}}$]*?)\)?\s*\}}(?:{_S}(?P<of>{_LETTER}))?(?:{_S}{_TEXT}\s*\)\s*\}})?)"
    rf"(?={_S}(?:[+=.]|-|,|\\\\|\\end|\Z|\}}_))"
)
_LEFT = regex(
    rf"(?:\A|\\\\|\\begin\{{[a-z]+\*?\}}){_S}(?P<term>{_TEXT}(?P<words>[^{{}}$]+)\}}{_S}(?P<of>{_LETTER})){_S}="
)
"""Future error C_t ="""
_LOSS = regex(r"\\partial\s*\{?\s*(?P<loss>\\(?:mathcal|mathrm)\s*\{[A-Z]\}|\\ell|[LJE])(?![A-Za-z])")
_SAYING_IN_CHINESE = regex(r"来自|來自|时间步|時間步|时刻|時刻|贡献|貢獻|部分|损失|損失|梯度|误差|誤差|的|项|項")
_EVERY = regex(r"\\sum\s*_\s*\{\s*(?P<all>\\text\s*\{\s*(?:all|every)\s*\})\s*[a-z]\s*\}")
"""Σ_{all t}"""
_LIKEWISE = regex(
    rf"(?:[,;.]|\\q?quad(?![A-Za-z])|\s)+{_S}{_TEXT}\s*\(?\s*(?:and\s+)?(?:likewise|similarly|analogously|the\s+same|idem)\s+(?:for|with)"
    rf"(?:\s+the)?\s*\}}{_S}(?P<others>{_LETTER}(?:{_S}(?:,|{_TEXT}\s*,?\s*and\s*\}}){_S}{_LETTER})*){_S}"
    rf"(?:\)|{_TEXT}\s*\)\s*\}})?{_S}\.?{_S}\Z"
)
"""\\text{and likewise for } W_x, b"""


def with_words_read(document: Document) -> Document:
    """The document with shares of gradients in the place of the words that name them."""
    parts = (replace(part, formulas=tuple(map(_read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _read(formula: Formula) -> Formula:
    fragment = formula.fragment
    if fragment.plain or not formula.claims or "\\" not in fragment.text:
        return formula
    likewise = _LIKEWISE.search(fragment.text)
    if likewise is not None:
        words = OTHERS.format(letters=", ".join(f"${one}$" for one in re.findall(_LETTER, likewise["others"])))
        fragment = replace(
            fragment, text=fragment.text[: likewise.start()].ljust(len(fragment.text)), as_written=fragment.written,
            given="; ".join(filter(None, (fragment.given, words))),
        )  # fmt: skip
        formula = replace(formula, fragment=fragment)
    found = sorted(_changes(fragment.text))
    if not found:
        return formula
    every = (match.span("all") for match in _EVERY.finditer(fragment.text))
    words = ", ".join(dict.fromkeys(f"'{said}'" for *_, said in found))
    given = "; ".join(filter(None, (fragment.given, STAND.format(words=words))))
    changes = [*(change[:3] for change in found), *((start, end, " ") for start, end in every)]
    made = changed(fragment, fragment.text, sorted(changes))
    return replace(formula, fragment=replace(made, given=given))


def _changes(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Where words stand, what is put there, and the words."""
    loss = _LOSS.search(text)
    for left in _LEFT.finditer(text):
        kind = _kind(left["words"])
        if loss is not None and kind:
            share = rf"\frac{{\partial {loss['loss']}}}{{\partial {left['of']}}}\bigg|_{{\text{{{kind}}}}}"
            yield (*left.span("term"), share, left["words"].strip())
    rows = [0, *(match.end() for match in re.finditer(r"\\\\", text)), len(text)]
    for start, end in pairwise(rows):
        of = _GRADIENT.match(text, start, end)
        for term in _TERM.finditer(text, of.end() - 1, end) if of is not None else ():
            behind = _behind(term, of)
            if of is not None and behind:
                share = rf"\frac{{\partial {of['loss']}}}{{\partial {of['by']}}}\bigg|_{{{behind}}}"
                yield (*term.span("term"), share, " ".join(term["words"].split()))


def _behind(term: re.Match[str], of: re.Match[str] | None) -> str:
    """What the bar says in the place of words: future, current, or a step by which a parameter is used."""
    if kind := _kind(term["words"]):
        return rf"\text{{{kind}}}" if of is not None and re.search(r"_|\^", of["by"]) else ""
    words = _spoken(term["words"])
    step = _step(term["of"] or "", words)
    return rf"\text{{step }} {step}" if step and words and words <= SAYING else ""


def _step(of: str, words: set[str]) -> str:
    """The step t of `timestep t`, and the 3 of s_3."""
    if words & {"step", "timestep"}:
        return of if re.fullmatch(r"[a-z0-9]", of) else ""
    numbered = re.fullmatch(r"[a-z]\s*_\s*\{?\s*([a-z0-9])\s*\}?", of)
    return numbered.group(1) if numbered and "from" in words else ""


def _kind(words: str) -> str:
    """The word behind a bar for the share that words name, if they do."""
    return {1: "future", -1: "current"}.get(share_in_words(_spoken(words)), "")


def _spoken(words: str) -> set[str]:
    """The words in small letters, and the Chinese ones apart from those that say no more."""
    spoken = set(re.findall(r"[^\W\d_]+", words.lower()))
    apart = (_SAYING_IN_CHINESE.sub(" ", word).split() if word[0] >= "一" else [word] for word in spoken)
    return {part for each in apart for part in each}
