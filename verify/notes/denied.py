"""Formulas that a note quotes as wrong: one must not write ..., which is false."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from verify.formulas.judgement import Word
from verify.notes.audited import Audited
from verify.notes.claiming import as_nothing

DENIED = "quoted as wrong, as the words beside it say"
_MARKS = r"[\s$`*:：,，（(\\\[「“\"]*"
_BEFORE = regex(
    r"(?:(?:\b(?:do(?:es)? not|don't|never|(?:must|should|may|can) ?not|can't|mustn't|shouldn't|wrong to|incorrect to|"
    r"(?:a|common|typical|frequent) mistake (?:is )?to|instead of|rather than)\s+(?:simply |just |directly )?"
    r"(?:writ(?:e|ing)|us(?:e|ing)|say(?:ing)?|hav(?:e|ing)|tak(?:e|ing))(?: (?:that|down))?"
    r"|\bne (?:doit|faut|peut|pas)(?: (?:pas|jamais|surtout|donc))* écrire|\b(?:au lieu|plutôt que) d'écrire"
    r"|\bno (?:se )?(?:debe|puede|hay que)(?: escribir)|\bnão se (?:deve|pode) escrever"
    r"|\bdarf (?:man )?nicht schreiben|\bнельзя (?:писать|записать)"
    r"|(?:不能|不应|不应该|不可以?|不要|切勿|错误地?|误)(?:直接)?(?:写成|写为|写作|写))"
    r"|(?:\A|\n|[.。;；!]\s*|❌\s*)[\s*>#-]*(?:❌|(?:wrong|incorrect|false|faux|fausse?|falsch|incorrecto?|errado|неверно|"
    r"错误(?:的?写法|的?公式)?|错)(?=[\s*]*[:：])))" + _MARKS + r"\Z",
    re.IGNORECASE,
)
"""What stands right before such a formula."""
_BEHIND = regex(
    r"[\s$`.,;:。，；\\\])）|*>]*(?:—|–|-)?\s*(?:\b(?:"
    r"(?:but )?(?:this|that|which|it)(?: (?:equality|equation|formula|expression|identity))?"
    r" (?:is|would be) (?:wrong|incorrect|false|not (?:true|right|correct|valid))"
    r"|(?:(?:mais )?cette (?:égalité|équation|formule|expression)|ce qui|ceci|cela)"
    r" est (?:fausse?|incorrecte?|inexacte?)"
    r"|(?:diese (?:gleichung|formel)|das) ist (?:falsch|nicht richtig)"
    r"|(?:esta (?:igualdad|ecuación|fórmula)|esto) es (?:fals[ao]|incorrect[ao])"
    r"|это (?:равенство |выражение )?неверно)"
    r"|这(?:个|一)?(?:等式|公式|式子|写法)?是(?:错误?的|不对的|不正确的)|は(?:誤り|間違い))",
    re.IGNORECASE,
)
"""What stands right behind it."""
_NEAR = 160


def denied(audited: Audited, lines: Sequence[str]) -> Audited:
    """A formula that is not right, as the words beside it say: nothing that its author claims."""
    open_ = [one for one in audited.judgements if one.word in (Word.WRONG, Word.UNDECIDED)]
    if not open_ or not _is_denied(audited, lines):
        return audited
    return replace(audited, judgements=tuple(as_nothing(o, DENIED) if o in open_ else o for o in audited.judgements))


def _is_denied(audited: Audited, lines: Sequence[str]) -> bool:
    place = audited.formula.place
    first, last = place.line - 1, place.end_line - 1
    if not 0 <= first <= last < len(lines):
        return False
    before = "\n".join([*lines[max(0, first - 3) : first], lines[first][: place.column - 1]])
    end = place.column - 1 + place.length if first == last else len(lines[last])
    behind = "\n".join([lines[last][end:], *lines[last + 1 : last + 4]])
    return bool(_BEFORE.search(before[-_NEAR:]) or _BEHIND.match(behind[:_NEAR]))
