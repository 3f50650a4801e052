r"""A printed formula as it is typed without LaTeX: dc_t * f_t for \frac{\partial J}{\partial c_t} \odot f_t.

All of this is text: whether it says what is meant is found out by reading it again (`verify.formulas.wrong.closing`).
"""

from __future__ import annotations

import re

from derive.patterns import regex

_BRACES = r"\{(?P<%s>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_GRADIENT = regex(r"\\frac\{\\partial (?P<loss>\w)\}" + _BRACES % "by")
_QUOTIENT = regex(r"\\[dt]?frac" + _BRACES % "above" + _BRACES % "below")
_POWER = regex(r"\\(?P<name>tanh|sigma|cos|sin|log|exp)\^\{?(?P<power>\d)\}?(?P<argument>\((?:[^()]|\([^()]*\))*\))")
_NAMED = regex(r"\\(?:operatorname|mathrm|text)\{(?P<name>\w+)\}")
_GREEK = {"delta": "δ", "sigma": "σ", "alpha": "α", "beta": "β", "gamma": "γ", "phi": "φ", "theta": "θ"}
_FUNCTIONS = ("tanh", "log", "exp", "cos", "sin")
_DIFFERENTIAL = regex(r"(?<![A-Za-z/\\])d(?!iag)[A-Za-z](?!/)")
_SIGNS = regex(r"\.\*|[*∘⊙·]")


def typed(printed: str, author: str) -> str | None:
    """A printed formula in the signs of an author who writes no LaTeX; None where some part has no such form."""
    if "\\" in author:
        return None
    sign = next(iter(_SIGNS.findall(author)), "*")
    small = _DIFFERENTIAL.search(author) is not None and "/d" not in author

    def gradient(found: re.Match[str]) -> str:
        by = found["by"].removeprefix(r"\partial ").strip()
        return f"d{by}" if small else f"d{found['loss']}/d{by}"

    text = printed.replace(r"\left", "").replace(r"\right", "")
    text = _GRADIENT.sub(gradient, _NAMED.sub(lambda found: found["name"], text))
    text = _POWER.sub(lambda found: f"\\{found['name']}{found['argument']}^{found['power']}", text)
    text = _QUOTIENT.sub(lambda found: f"({found['above']})/({found['below']})", text)
    text = text.replace(r"^{\odot 2}", "^2").replace(r"\odot", sign).replace(r"^\top", ".T" if ".T" in author else "^T")
    text = text.replace(r"\sum", "sum")
    for name in _FUNCTIONS:
        text = re.sub(rf"\\{name}(?![a-z])", name, text)
    for name, letter in _GREEK.items():
        text = re.sub(rf"\\{name}(?![a-z]) ?", letter if letter in author or name not in author else name, text)
    return None if "\\" in text else text
