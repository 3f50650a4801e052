"""A formula in LaTeX as people type it in plain text: ∂J/∂h_t = Uᵀ (∂J/∂h_{t+1} ⊙ (1 - h_{t+1}²))."""

from __future__ import annotations

import re

_PART = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_FRACTION = re.compile(rf"\\[dt]?frac\s*{_PART}\s*{_PART}")
_MATRIX = re.compile(r"\\begin\{[bp]matrix\}(.*?)\\end\{[bp]matrix\}", re.DOTALL)
_ALONE = re.compile(r"(?:\\partial|d[A-Za-z\\]).*|\w|\d+")
_SIGNS = {
    "partial": "∂", "odot": "⊙", "sigma": "σ", "tanh": "tanh", "cdot": "·", "delta": "δ", "sum": "Σ", "prod": "Π",
    "quad": " ", "tau": "τ", "phi": "φ", "exp": "exp", "log": "log", "alpha": "α", "beta": "β", "gamma": "γ",
    "lambda": "λ", "theta": "θ", "eta": "η", "nabla": "∇", "mu": "μ",
}  # fmt: skip


def plain(formula: str, *, code: bool = False) -> str | None:
    """The formula without LaTeX, with `code` as in a program (`*`, `**2`, `.T`); None where it has other commands."""
    while match := _FRACTION.search(formula):
        above, below = (part if _ALONE.fullmatch(part) else f"({part})" for part in match.groups())
        formula = f"{formula[: match.start()]}{above}/{below}{formula[match.end() :]}"
    formula = _MATRIX.sub(lambda m: f"[{m.group(1).replace(chr(92) * 2, ';').replace('&', ',')}]", formula)
    formula = re.sub(r"\\(?:left|right|bigl?|bigr?)(?![a-z])", "", formula)
    formula = re.sub(r"\\partial\s*\^\s*(?:\{\+\}|\+)", "∂⁺", formula)
    formula = re.sub(r"\^\s*\{?\\odot 2\}?|\^\{2\}|\^2(?!\d)", "**2" if code else "²", formula)
    formula = re.sub(r"\^\s*\{?\\top\}?", ".T" if code else "ᵀ", formula)
    formula = re.sub(r"\\(?:operatorname|mathrm)\{(\w+)\}", r"\1", formula)
    formula = re.sub(r"\\tilde\{?(\w)\}?", "\\1\N{COMBINING TILDE}", formula)
    formula = re.sub(r"\\hat\{?(\w)\}?", "\\1\N{COMBINING CIRCUMFLEX ACCENT}", formula)
    formula = re.sub(r"\\[,;: !]", " ", formula)
    signs = {**_SIGNS, "odot": "*"} if code else _SIGNS
    formula = re.sub(r"\\([A-Za-z]+)", lambda m: signs.get(m.group(1), m.group()), formula)
    formula = formula.replace("∂ ", "∂").strip()
    return None if "\\" in formula else formula
