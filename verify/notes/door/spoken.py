"""What is read from the words of a document: of bars, entropies, numbers, unit vectors and blocks of weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from derive.patterns import regex
from derive.reader.claims.classes import rows_said
from derive.reader.claims.stacking import order_said
from derive.reader.document.words import Words
from derive.reader.models.equations.names import letter_name

_BARS = regex(
    r"\b(?:bars?|barred|overlined?|overlines)\b[^.\n]{0,80}\b(?:gradients?|adjoints?|derivatives?)\b|"
    r"\b(?:gradients?|adjoints?|derivatives?)\b[^.\n]{0,80}\b(?:bars?|barred|overlined?)\b",
    re.IGNORECASE,
)
_ENTROPY = regex(r"\b(?i:cross[\s-]?entropy)\b|交叉熵|\bCE\b")
_FUNCTIONS = regex(r"\b(?:tanh|sigmoid|logistic|relu)\b|双曲正切", re.IGNORECASE)
_NUMBERS = regex(
    r"\b(?:all|every|everything|each)\b[^.\n$]{0,30}\b(?:is|are|being)\b[^.\n$]{0,15}\bscalars?\b"
    r"|\bscalar\s+(?:(?:vanilla|linear|simple|one-unit)\s+)?(?:RNNs?|LSTMs?|GRUs?|case|network|recurrence|notation|version)\b"
    r"|(?:所有|全部|一切|都|均)[^。\n$]{0,10}(?:都?是|都?为)标量|标量(?:的|版)?\s*(?:RNN|LSTM|GRU|情形|情况|网络|记号|形式)",
    re.IGNORECASE,
)
"""Words for letters that are numbers, which counts where they all look like that."""
_UNIT = r"(?:(?:basis|unit|coordinate)\s+vectors?\b|(?:基|单位)向量)"
_E = r"\$\s*(?:\\(?:mathbf|boldsymbol|bm|vec|hat)\s*\{?\s*)?e\s*\}?\s*_\s*\{?\s*[a-z]\s*\}?[^$\n]{0,30}\$"
_BASIS = regex(
    rf"{_E}[^$.\n]{{0,40}}(?:\$[^$\n]{{1,12}}\$)?[^$.\n]{{0,30}}{_UNIT}|{_UNIT}[^$.\n]{{0,30}}{_E}", re.IGNORECASE
)
_COLUMNS = r"\b(?:columns?|blocks?|parts?|slice|sub-?matrix)\b"
_BLOCKS = regex(
    rf"\$(?P<weight>[^$\n]{{1,30}})\$[^.$\n]{{0,60}}?{_COLUMNS}[^.$\n]{{0,60}}?\$(?P<part>[^$\n]{{1,40}})\$"
    rf"|{_COLUMNS}[^.$\n]{{0,30}}?\$(?P<cut>[^$\n]{{1,30}})\$[^.$\n]{{0,40}}?\$(?P<seen>[^$\n]{{1,40}})\$",
    re.IGNORECASE,
)
_CUT = regex(
    r"\$\s*(?P<weight>[A-Z](?:_\{?[A-Za-z]+\}?)?)\s*:?=\s*(?P=weight)\s*\[\s*(?::\s*,)?\s*"
    r"(?P<behind>:)?\s*[nNdD]_\{?(?P<part>[A-Za-z])\}?\s*(?(behind)|:)\s*(?:,\s*:)?\s*\]\s*\$(?P<like>[^$\n]{0,12}\betc\b)?"
)
"""$W_f = W_f[:, :n_a]$ etc.: the columns of W_f that act on a, here or with `n_a:` on what stands behind it."""
_CUT_IN_CODE = regex(r"\bW_?[A-Za-z]{1,2}(?:[\"']\s*\])?\s*\[\s*:\s*,\s*:?\s*n_(?P<part>[A-Za-z])\s*:?\s*\]")
"""parameters["Wf"][:, :n_a] in a program: weights are cut behind the columns that act on a."""


def words_of(texts: Sequence[str]) -> Words:
    """What the texts of a document say of its letters."""
    return Words(
        bars=any(map(_BARS.search, texts)),
        entropy=any(map(_ENTROPY.search, texts)),
        functions=frozenset(each.lower() for text in texts for each in _FUNCTIONS.findall(text)),
        numbers=any(map(_NUMBERS.search, texts)),
        stacking=order_said(texts),
        rows=rows_said(texts),
        basis=any(map(_BASIS.search, texts)),
        blocks=tuple(dict.fromkeys(pair for text in texts for pair in _blocks(text))),
    )


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The names in `the columns of W that act on x`."""
    for match in _BLOCKS.finditer(text):
        weight, part = match.group("weight") or match.group("cut"), match.group("part") or match.group("seen")
        names = letter_name(weight), letter_name(part)
        if all(names):
            yield names
    for match in _CUT.finditer(text):
        weight = "" if match.group("like") else letter_name(match.group("weight"))
        yield weight, match.group("part") + ("" if match.group("behind") else ":")
    for match in _CUT_IN_CODE.finditer(text):
        yield from (("", match.group("part")), ("", f"{match.group('part')}:"))
