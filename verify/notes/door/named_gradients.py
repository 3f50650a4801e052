"""Letters that words call a gradient, `let g_t be the gradient of the loss with respect to h_t`: models know of them.

δ, which has readings of its own, and letters that formulas give another value are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from derive.patterns import regex
from verify.notes.files import Document, Formula, Part

_INLINE = r"\${{1,2}}\s*(?P<{name}>(?:[^$=|]){{1,60}}?)\s*\${{1,2}}"
_BE = r"(?:be|is|are|denotes?|represents?|stands? for|means?|for|as)"
_LOSS = (
    r"(?:the )?(?:total |overall |whole |full |final |training )*(?:loss|cost|error|objective)(?: function)?"
    r"(?:\s*\$[^$]{1,20}\$)?"
)
_GRADIENT = (
    r"(?:the |a )?(?P<kind>direct |immediate |total |full |whole |accumulated |complete )?(?:loss )?"
    r"(?:gradient|derivative)"
    rf"(?: of (?:{_LOSS}|\$\s*(?:\\mathcal\s*\{{?\s*)?(?:[JLE]|\\ell)\s*\}}?\s*\$))?"
)
_BY = r"(?:with respect to|w\.?\s?r\.?\s?t\.?|on|at|reaching|arriving at)"
_THE = (
    r"(?:the )?(?:(?:(?:new|current|hidden|cell|output|recurrent|internal|memory|network)[\s-])*"
    r"(?:states?|outputs?|activations?|gates?|logits?|pre-?activations?)\s+)?"
)
_LETTER = _INLINE.format(name="letter")
_QUANTITY = _INLINE.format(name="by")
_LETTER_FIRST = regex(rf"{_LETTER}\s*{_BE}\s+{_GRADIENT}\s+{_BY}\s+{_THE}{_QUANTITY}")
_CALLED = regex(
    rf"(?:denote|write|abbreviate|call|set)\s+{_GRADIENT}\s+{_BY}\s+{_THE}{_QUANTITY}\s+(?:by|as)\s+{_LETTER}"
)
_FOR_LOSS = (
    r"(?:总|總)?(?:损失|損失|代价|代價|误差|誤差)(?:函数|函數)?\s*(?:\$[^$]{1,20}\$)?\s*"
    r"(?:对于?|對於?|关于|關於|相对于)"
)
_OF_IT = r"\s*(?:的)?(?P<kind>直接)?(?:梯度|偏?导数|偏?導數)"
_IN_CHINESE = (
    regex(rf"{_LETTER}\s*(?:表示|代表|记为|記為|为|為|是|即)\s*{_FOR_LOSS}[^$，。]{{0,6}}{_QUANTITY}{_OF_IT}"),
    regex(rf"{_FOR_LOSS}[^$，。]{{0,6}}{_QUANTITY}{_OF_IT}\s*(?:记为|記為|记作|記作|为|為)\s*{_LETTER}"),
)
_RAISED = r"\^\s*\{?\s*(?:\(|\\langle|<)\s*t\s*(?:\)|\\rangle|>)\s*\}?"
_STEP = rf"(?:_\s*(?:t(?![A-Za-z])|\{{\s*t\s*\}})|{_RAISED})"
_AT_A_STEP = regex(rf"(?:\\[A-Za-z]+\s*\{{?\s*)?\\?[A-Za-z]+\s*\}}?(?:\^\s*[a-z]|_\s*[a-z])?\s*{_STEP}\s*")
_PAIR = (
    r"\${1,2}\s*(?P<letter>(?:\\(?:delta|varepsilon|epsilon)|[δε])\s*"
    r"_\s*\{?\s*(?P<loss>[a-z])\s*,?\s*(?P<step>[a-z])\s*\}?)\s*\${1,2}"
)
_OF_LOSS_STEP = r"\${1,2}\s*(?P=loss)\s*\${1,2}"
_OF_OWN_STEP = r"\${1,2}\s*(?P=step)\s*\${1,2}"
_AT_OWN_STEP = r"\${1,2}\s*(?P<by>[^$_=]{1,30}_\s*\{?\s*(?P=step)\s*\}?)\s*\${1,2}"
_OF_TWO_STEPS = (
    regex(
        rf"{_PAIR}\s*(?:表示|代表|定义为|定義為|为|為|是|即)[^$，。]{{0,4}}{_OF_LOSS_STEP}\s*(?:个|個)?(?:时刻|時刻|时间步|時間步|步)的?"
        rf"(?:损失|損失|误差|誤差)(?:函数|函數)?\s*(?:对于?|對於?|关于|關於)[^$，。]{{0,6}}(?:{_OF_OWN_STEP}[^$，。]{{0,24}})?"
        rf"{_AT_OWN_STEP}\s*的?(?:梯度|偏?导数|偏?導數)"
    ),
    regex(
        rf"{_PAIR}\s*{_BE}\s+(?:the )?(?:gradient|derivative) of the loss (?:at|of) (?:time |step |time step )?"
        rf"{_OF_LOSS_STEP}\s+{_BY}\s+[^$.,]{{0,50}}(?:{_OF_OWN_STEP}[^$.,]{{0,30}})?{_AT_OWN_STEP}"
    ),
)
"""δ_{t,k} as the derivative of the loss of step t by a value of step k."""
_DELTA = regex(r"\\(?:delta|Delta|nabla|partial)|[δΔ∇∂]")
_DERIVED = regex(r"\\(?:partial|nabla|delta)(?![A-Za-z])|[∂∇δ]")
_SPOKEN_LOSS = regex(
    r"(?:\\partial(?![A-Za-z])|∂)\s*\{?\s*(?P<loss>\\mathcal\s*\{\s*[LJE]\s*\}|\\ell|[LJE])(?![A-Za-z]|\s*[_^])"
)
_PATTERNS = (_LETTER_FIRST, _CALLED, *_IN_CHINESE)
_DIRECT = frozenset(["direct", "immediate", "直接"])


def with_named_gradients(document: Document, formulas: Iterable[Formula]) -> tuple[Formula, ...]:
    """The formulas by which models are found, with what words call a letter in the place where it is mentioned."""
    given = tuple(formulas)
    said = {key: text for part in document.parts for key, text in _said(part)}
    if not said:
        return given
    loss = next((found["loss"] for each in given if (found := _SPOKEN_LOSS.search(each.text))), "L")
    letters = {_bare(text.partition("=")[0]) for text in said.values()}
    known = {letter for letter in letters if not _is_computed(letter, letters, given)}
    return tuple(_stated(each, said, known, loss) for each in given)


def _said(part: Part) -> Iterator[tuple[tuple[str, int, str], str]]:
    """What words say of a letter: file, line and letter, and its equation with {loss} for the loss."""
    for number, line in enumerate(part.text.splitlines(), 1):
        for found in (one for pattern in _PATTERNS for one in pattern.finditer(line)):
            letter, by = found["letter"].strip(), found["by"].strip()
            if _AT_A_STEP.fullmatch(letter) and _AT_A_STEP.fullmatch(by) and not _DELTA.search(letter):
                sign = "^{+}" if (found["kind"] or "").strip() in _DIRECT else ""
                text = rf"{letter} = \frac{{\partial{sign} LOSS}}{{\partial {by}}}"
                yield (part.file, number, letter), text
        for found in (one for pattern in _OF_TWO_STEPS for one in pattern.finditer(line)):
            letter, by = found["letter"].strip(), found["by"].strip()
            yield (
                (part.file, number, letter),
                rf"{letter} = \frac{{\partial LOSS_{{{found['loss']}}}}}{{\partial {by}}}",
            )


def _stated(formula: Formula, said: Mapping[tuple[str, int, str], str], known: set[str], loss: str) -> Formula:
    place = formula.place
    text = said.get((place.file, place.line, formula.text.strip()))
    if text is None or _bare(formula.text) not in known:
        return formula
    fragment = formula.fragment
    made = replace(fragment, text=text.replace("LOSS", loss), as_written=fragment.written, lines=fragment.lines[:1])
    return replace(formula, fragment=made)


def _bare(letter: str) -> str:
    return "".join(letter.split())


def _is_computed(letter: str, letters: set[str], formulas: Iterable[Formula]) -> bool:
    """Whether a formula gives a letter a value without a gradient in it."""
    others = letters - {letter}
    for formula in formulas:
        left, equals, right = _bare(formula.text).replace("&", "").partition("=")
        if equals and left == letter and not _DERIVED.search(right) and not any(_names(right, each) for each in others):
            return True
    return False


def _names(text: str, letter: str) -> bool:
    """Whether a letter of some step stands in a text."""
    base = letter.partition("_")[0].partition("^")[0]
    return re.search(rf"(?<![A-Za-z\\]){re.escape(base)}\s*[_^]", text) is not None
