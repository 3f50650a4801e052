"""Other ways to write a formula in LaTeX: derivatives, products, transposes, brackets, sums, whole equations."""

from __future__ import annotations

import re
from collections.abc import Iterator


def spellings(formula: str) -> Iterator[tuple[str, str]]:
    """Other ways to write derivatives, products, transposes, brackets and sums; the formula is LaTeX."""
    derivative = re.compile(r"\\frac\{\\partial J\}\{\\partial ((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
    if derivative.search(formula):
        yield "∂J/∂q on one line", derivative.sub(r"(\\partial J/\\partial \1)", formula)
        yield r"\nabla", derivative.sub(r"(\\nabla_{\1} J)", formula)
        yield "dq", derivative.sub(r"d\1", formula)
        yield r"\delta q", derivative.sub(r"\\delta \1", formula)
        yield "dJ/dq", derivative.sub(r"\\frac{dJ}{d\1}", formula)
        yield "∂L", derivative.sub(r"\\frac{\\partial L}{\\partial \1}", formula) if r"L_t" not in formula else formula
        yield r"\dfrac", formula.replace(r"\frac", r"\dfrac")
    if r"\odot" in formula:
        for sign in (r"\circ", r"\ast", "*", "⊙", "∘"):
            plain = re.sub(r"\^\{\\odot 2\}", "^2", formula)
            yield f"{sign} for ⊙", plain.replace(r"\odot", sign)
    if r"\top" in formula:
        for mark in ("^T", "^{T}", r"^{\top}", r"^{\mathrm{T}}", r"^{\mathrm T}", r"^\mathsf{T}", r"^\intercal", "ᵀ"):
            yield f"{mark} for a transpose", formula.replace(r"^\top", mark)
        yield "' for a transpose", formula.replace(r"^\top", "'")
    if r"^{\odot 2}" in formula:
        for mark in ("^2", "^{2}", r"^{\circ 2}"):
            yield f"{mark} for a square", formula.replace(r"^{\odot 2}", mark)
    if r"\tanh" in formula:
        yield "1 - tanh² as sech²", formula.replace(r"(1 - \tanh^2(c_t))", r"\operatorname{sech}^2(c_t)")
        yield "1 - tanh² as sech²", formula.replace(r"(1 - \tanh^2(c_t))", r"\mathrm{sech}^2(c_t)")
        yield "1 - tanh² as tanh'", formula.replace(r"(1 - \tanh^2(c_t))", r"\tanh'(c_t)")
        yield "tanh in roman", formula.replace(r"\tanh", r"\operatorname{tanh}")
        yield "tanh as a word", formula.replace(r"\tanh", "tanh").replace("tanh^2(c_t)", "tanh(c_t)^2")
        yield "a bracket squared", formula.replace(r"\tanh^2(c_t)", r"(\tanh(c_t))^2")
    if r"\sigma" in formula:
        yield "σ as a word", formula.replace(r"\sigma", r"\operatorname{sigmoid}")
        yield "σ as a letter", formula.replace(r"\sigma", "σ")
    if r"\sum" in formula:
        for index in ("k", "s", r"\tau"):
            found = _reindexed(formula, index)
            if found is not None:
                yield f"the index {index}", found
        yield "a sum without bounds", formula.replace(r"\sum_{t=1}^{T}", r"\sum_t")
        yield "a sum of bounds without braces", formula.replace(r"\sum_{t=1}^{T}", r"\sum_{t=1}^T")
        yield "limits", formula.replace(r"\sum_", r"\sum\limits_")
    yield "spaces", formula.replace(" ", r"\, ").replace(r"\partial\, ", r"\partial ")
    yield (
        "big brackets",
        formula.replace("(", r"\left(")
        .replace(")", r"\right)")
        .replace(r"\left\left", r"\left")
        .replace(r"\right\right", r"\right"),
    )
    yield "square brackets", formula.replace(r"\left(", "[").replace(r"\right)", "]")
    left, _, right = formula.partition(" = ")
    yield "sides exchanged", f"{right} = {left}"
    yield "both sides transposed", rf"({left})^\top = ({right})^\top"
    yield "both sides negated", f"-({left}) = -({right})"
    yield "both sides doubled", f"2 ({left}) = 2 ({right})"
    yield "transposed twice as a whole", rf"{left} = \left(\left({right}\right)^\top\right)^\top"
    yield "aligned", r"\begin{aligned} " + left + " &= " + right + r" \end{aligned}"
    yield "boxed", r"\boxed{" + formula + "}"
    yield "bold", re.sub(r"(?<![A-Za-z\\{])([WUV])(?=_)", r"\\mathbf{\1}", formula)
    if re.search(r"(?<![A-Za-z])t(?![A-Za-z])", formula) and r"\sum" not in formula:
        yield "shifted to t + 1", _shifted(formula, 1)
        yield "shifted to t - 1", _shifted(formula, -1)


def _reindexed(formula: str, index: str) -> str | None:
    left, _, right = formula.partition(" = ")
    if re.search(r"(?<![A-Za-z\\])t(?![A-Za-z])", left):
        return None
    return left + " = " + re.sub(r"(?<![A-Za-z\\])t(?![A-Za-z])", lambda _: index, right)


def _shifted(formula: str, by: int) -> str:
    def moved(match: re.Match[str]) -> str:
        offset = int((match.group(1) or "0").replace(" ", "")) + by
        return "t" if offset == 0 else f"t{offset:+d}"

    braced = re.sub(r"_t(?![A-Za-z])", "_{t}", formula)
    return re.sub(r"(?<![A-Za-z\\])t((?:[+-]\d)?)(?![A-Za-z])", moved, braced)
