"""What stands behind a whole equation, or before it, and is no part of it: numbers, words, signs, ends of proofs."""

from __future__ import annotations

from derive.patterns import regex

_GAP = r"(?:\s|~|&|\\[,;:! ]|\\(?:q?quad|hfill)(?![A-Za-z]))"
_TEXT = r"\\(?:text(?:rm|it|bf|normal)?|mbox)\s*"
_NUMBER = r"\(\d{1,3}(?:\.\d{1,3})*[a-z]?\)"
_CLOSED = rf"(?:(?:[.,;]|{_GAP})*(?=\\\\|\\end\b|\\(?:tag|label|notag|nonumber)(?![A-Za-z])|\}}?\s*\Z))"
_LAST = rf"(?:{_CLOSED}|(?={_GAP}+{_NUMBER}{_CLOSED}))"
"""The end of a row, but for a number."""
_OWN = rf"{_NUMBER}(?:{_CLOSED}|(?={_GAP}*\\q?quad{_GAP}*(?:\(?{_TEXT}|\\forall(?![A-Za-z]))))"
_DOTS = r"(?:\\[cl]?dots(?![A-Za-z])|…|⋯|·{2,})"

NUMBERED = regex(rf"\\(?:q?quad|[ ;])\s*{_OWN}")
NUMBER_BEHIND = regex(_OWN)
NUMBER_BEFORE = regex(
    rf"\s*{_NUMBER}(?:\s|~|\\[,;:> ]|\\q?quad(?![A-Za-z]))+"
    r"(?=[^\W\d_]|[{(\[|]|\\(?!(?:odot|circ|cdot|times|otimes|oplus|pm|leq?|geq?|neq?|to)(?![A-Za-z]))[A-Za-z])"
)
SIGN_BEHIND = regex(rf"\(\s*(?:\\(?P<sign>[A-Za-z]+)|\*+|[†‡★☆])\s*\){_LAST}")
COMMENT = regex(rf"\\q?quad{_GAP}*(?P<bracket>\()?{_TEXT}\{{[^{{}}$]*\}}(?(bracket)[^()=\\]{{0,12}}\)|\)?){_LAST}")
r"""Words behind a whole equation, as in h_t = f(x_t) \quad \text{(hidden state)}."""
_EVERY = (
    r"\\forall\s*\{?[tkij]\}?(?:\s*(?:=|\\in(?![A-Za-z]))\s*(?:\\?[{\[])?\s*1\s*,?\s*"
    r"(?:\\[cl]?dots(?![A-Za-z])|\.\.\.|…)\s*,?\s*T\s*(?:\\?[}\]])?)?"
)
"""What is said of every step is said of step t."""
MARK_BEHIND = regex(
    rf"(?:\\(?:blacksquare|square|Box|checkmark|qed(?:symbol)?)(?![A-Za-z])|{_DOTS}(?:\s*{_DOTS})*\s*{_NUMBER}|{_EVERY})"
    rf"{_LAST}"
)
"""The end of a proof, dots that lead to a number, and for every t."""
