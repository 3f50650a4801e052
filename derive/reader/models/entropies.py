"""The cross-entropy of a note that calls it by its name, or has the likelihood or the gradient that it is of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.models.equations.equation import LOSSES, TIMES, Equation
from derive.reader.models.equations.names import letter_name, stripped
from derive.reader.text.note import Found

_MINIMISED = regex(r"(?:\\partial|(?<![A-Za-z])d)\s*\{?\s*(?:\\mathcal\s*)?\{?\s*([LJEC])(?![A-Za-z])")
_ENTROPY = regex(
    r"(?:\\[A-Za-z]+\s*\{?\s*)*(?P<loss>[A-Za-z]+)[^=]*?=\s*(?:\\[A-Za-z]+\s*\{)?\s*"
    r"(?:CE|[Cc]ross(?:\\?[\s_-])*[Ee]ntropy(?:\\?[\s_]*[Ll]oss)?)\s*\}?\s*(?:\\left)?\(\s*"
    r"(?P<first>[^,()]+)\s*,\s*(?P<second>[^,()]+?)\s*(?:\\right)?\)[\s.,;]*"
)
"""L_t = CrossEntropy(y_t, p_t)."""
_SUM = (
    r"\\sum\s*(?:\\limits\s*)?_\s*(?:t(?![a-z])|\\tau(?![a-z])|\{\s*(?:t|\\tau)\s*(?:=\s*[01]\s*)?\})"
    r"(?:\s*\^\s*(?:[A-Za-z]|\{[^{}]*\}|\\tau))?\s*"
)
_LIKELIHOOD = regex(
    r"(?:\\[A-Za-z]+\s*\{?\s*)*(?P<loss>[A-Za-z]+)[^=]*?="
    rf"\s*(?:{_SUM}(?:\\[A-Za-z]+\s*\{{?\s*)*(?P=loss)[^=]*=\s*)?-\s*(?:{_SUM})?"
    r"\\?(?:log|ln)\s*(?:\\left|\\!|\[)*\s*"
    r"(?:\\(?:mathbb|mathrm|text)\s*\{)?[pP]r?\}?\s*(?:_\s*(?:\{.{1,20}?\}+|\\?[A-Za-z]+)\s*)?"
    r"(?:\\(?:left|!|[bB]igg?l?)|\s)*\(\s*(?P<target>[^()|=,]+?|[^()|=,]*\([^()]*\)[^()|=,]*?)\s*"
    r"(?:\\mid(?![A-Za-z])|\\vert(?![A-Za-z])|\||\\;?\|).*\)[\s\].,;]*",
    re.DOTALL,
)
"""L_t = -log p(y_t | x_1, ..., x_t), or L = Σ_t L_t = -Σ_t log p(y_t | x_1, ..., x_t)."""
_OF_A_CLASS = regex(
    r"(?:\\[A-Za-z]+\s*\{?\s*)*(?P<loss>[A-Za-z]+)[^=]*?="
    rf"\s*-\s*(?:{_SUM})?\\?(?:log|ln)\s*(?:\\(?:left|!|[bB]igg?l?)|[({{\[]|\s)*"
    r"(?P<first>\\?[A-Za-z]+|\\(?:wide)?hat\s*\{?\s*[A-Za-z]\s*\}?)\s*_\s*(?:t\s*\[|\{\s*t\s*(?:\}\s*\[|,))\s*"
    r"(?P<second>\\(?:text(?:rm|it)?|math(?:rm|it)|operatorname)\s*\{\s*(?:targets?|true|label|correct|gold|class|truth)\s*\})"
    r"[\s\]})]*(?:\\(?:right|[bB]igg?r?)\s*[)\]])?[\s.,;]*"
)
"""L_t = -log p_{t, target}: the entry of the class that a word names."""
_QUOTIENT = regex(r"[\s&]*\\[dt]?frac\s*\{\s*(?:\\exp(?![A-Za-z])|e\s*\^)[^=]*?\}\s*\{\s*\\sum")
"""The softmax as it is written out."""
_BETWEEN_ROWS = regex(
    r"\\\\(?:\s*\[[^\[\]]*\])?|\\left\s*\\\{\s*(?=\\begin)|(?<=\})\s*\\right\s*\.|"
    r"\\(?:begin|end)\s*\{[a-z]+\*?\}(?:\s*\{[lcr|\s]*\})?"
)
OF_A_CLASS = "the loss is the cross-entropy of {target}, which is one-hot, with {predicted}: it picks an entry of that"
LIKELIHOOD = "the loss is the cross-entropy of {target} with {predicted}, as -log p({target} | ...) is"


def in_words(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]], *, called: bool) -> Iterator[Equation]:
    """The cross-entropy of every ŷ_t = softmax(...) with y_t, for a note without an equation of a loss.

    `called`: the note calls it that; else it must take ŷ - y for a gradient, which no other usual loss has here.
    """
    predicted = [e for e in known if "softmax" in e.right and e.target.endswith("_hat")]
    if len({e.target for e in predicted}) != 1 or any(e.loss for e in known):
        return
    target = predicted[-1].target.removesuffix("_hat")
    letters = {match for _, formula in formulas for match in _MINIMISED.findall(formula.text)}
    of = re.escape(target)
    difference = re.compile(rf"\\(?:wide)?hat\s*\{{?\s*{of}[^=+]{{0,12}}-\s*{of}(?![A-Za-z])")
    taken = any(difference.search(formula.text) for _, formula in formulas)
    # dW and δ do not say of what they are the gradient
    letter_ = next((each for each in ("L", "J", "E", "C") if each in letters), "L" if called and taken else None)
    logits = {_bare(e.right) for e in known if e.target in {m.name for one in predicted for m in one.used}}
    if letter_ is None or any(e.target == target and _bare(e.right) not in logits for e in known):
        return
    if not called and not taken:
        return
    how = "as the note says in words" if called else "as the note has its gradient"
    for source in {(e.section, _bare(e.right)): e for e in predicted}.values():
        time = TIMES[source.style]
        y, y_hat = (f"{spelled(name)}{time}" for name in (target, source.target))
        written = source.in_latex(rf"{letter_}{time} = -{{{y}}}^\top \log {y_hat}", letter_)
        yield replace(written, said=f"the loss is the cross-entropy, {how}", space=None)


def named_entropy(formulas: Sequence[tuple[int, Found]], known: Sequence[Equation]) -> Iterator[Equation]:
    """The cross-entropy of a softmax that a note names, L_t = CrossEntropy(y_t, p_t), or as L_t = -log p(y_t | ...).

    So is L_t = -log p_{t, target}.

    What the equations read is no target: x_{t+1} of a model of language is another step's.
    """
    predicted = {e.target: e for e in known if "softmax" in e.right or (_QUOTIENT.match(e.right) and not e.entry)}
    read = {m.name for e in known if e.target not in LOSSES for m in e.used}
    lines = [(index, formula, row) for index, formula in formulas for row in _rows(formula.text)]
    for index, formula, text in lines:
        picked = _OF_A_CLASS.fullmatch(text)
        match = picked or _ENTROPY.fullmatch(text)
        names = [letter_name(match.group(part)) for part in ("loss", "first", "second")] if match else []
        likely = _LIKELIHOOD.fullmatch(text) if match is None and len(predicted) == 1 else None
        if likely is not None:
            said_of = stripped(letter_name(likely.group("target")))
            names = [letter_name(likely.group("loss")), "" if said_of in read else said_of, *predicted]
        given = [name for name in names[1:] if name in predicted]
        if not names or names[0] not in LOSSES or len(given) != 1 or not all(names):
            continue
        source = predicted[given[0]]
        (target,) = (name for name in names[1:] if name != given[0])
        time, place = TIMES[source.style], formula.fragment.place(_unaligned(formula.text).index(text))
        y, y_hat = (f"{spelled(name)}{time}" for name in (target, source.target))
        written = source.in_latex(rf"{names[0]}{time} = -{{{y}}}^\top \log {y_hat}", names[0])
        at = (place.file, place.line, place.column)
        said = LIKELIHOOD if likely is not None else OF_A_CLASS if picked is not None else ""
        said = said.format(target=target, predicted=source.target)
        yield replace(written, section=formula.section, index=index, place=at, space=None, at_end=False, said=said)


def _rows(formula: str) -> Iterator[str]:
    """What a formula says in each of its lines."""
    return filter(None, (row.strip() for row in _BETWEEN_ROWS.split(_unaligned(formula))))


def _unaligned(formula: str) -> str:
    return formula.replace("&", " ")


def _bare(text: str) -> str:
    return "".join(text.split()).rstrip(".,;")
