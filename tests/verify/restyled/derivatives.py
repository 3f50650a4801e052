"""Other ways to write gradients, products, transposes, squares and sums in a note."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

_PART = r"\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\}"
_CODE = re.compile(r"(```(?!math).*?```|(?<!\$)`[^`\n]*`(?!\$))", re.DOTALL)
_MATH = re.compile(
    r"(?P<open>(?<!\\)\$\$|\\\[|\\\(|```math\n|\\begin\{(?:equation|align|gather|multline)\*?\}|(?<!\\)\$)"
    r"(?P<body>.+?)(?P<close>(?<!\\)\$\$|\\\]|\\\)|\n```|\\end\{(?:equation|align|gather|multline)\*?\}|(?<!\\)\$)",
    re.DOTALL,
)
_D = r"(?:\\partial(?![A-Za-z])|∂)\s*"
_FACE = r"\\(?:mathbf|boldsymbol|mathcal|bm|mathrm|vec|tilde|hat|bar)\s*"
_LETTER = rf"(?:{_FACE}(?:\{{\\?[A-Za-z]+\}}|\\?[A-Za-z]+)|\\[A-Za-z]+|[A-Za-z])"
_SCRIPT = rf"(?:[_^](?:{_PART}|\\[A-Za-z]+|\w))"
_ATOM = rf"{_LETTER}'*{_SCRIPT}*"
_SCALAR = r"(?:\\mathcal\s*\{?[A-Z]\}?|\\ell|[LJE])(?:_(?:\w|\{[\w+\-\s]*\}))?"
_DERIVATIVE = re.compile(
    rf"\\(?:frac|dfrac|tfrac)\s*\{{\s*{_D}(?P<of>[^{{}}]*(?:{_PART}[^{{}}]*)*)\}}\s*\{{\s*{_D}(?P<by>[^{{}}]*(?:{_PART}[^{{}}]*)*)\}}"
)


def _in_formulas(change: Callable[[str], str]) -> Way:
    """The way that changes every formula between signs of LaTeX."""

    def way(note: str) -> str:
        def inside(m: re.Match[str]) -> str:
            return m["open"] + change(m["body"]) + m["close"]

        return "".join(part if number % 2 else _MATH.sub(inside, part) for number, part in enumerate(_CODE.split(note)))

    return way


def _plain_derivative(m: re.Match[str]) -> bool:
    """Not ∂²L/∂x∂y, ∂⁺, or a whole expression above or below."""
    return not re.search(r"\\partial|∂|\^\{?\+|^\s*\^", m["of"] + m["by"])


def _derivatives(
    spell: Callable[[str, str], str], *, of: str = ".+", by: str = ".+", unless: str = "(?!)", alone: bool = False
) -> Way:
    """Every derivative spelled otherwise, if both parts of it fit; `alone`: in brackets if need be."""

    def one(m: re.Match[str]) -> str:
        above, below = m["of"].strip(), m["by"].strip()
        fits = _plain_derivative(m) and re.fullmatch(of, above) and re.fullmatch(by, below)
        if not fits:
            return m.group()
        return _beside_products(m, spell(above, below)) if alone else spell(above, below)

    changed = _in_formulas(lambda formula: _DERIVATIVE.sub(one, formula))
    return lambda note: None if re.search(unless, note) else changed(note)


def _beside_products(m: re.Match[str], written: str) -> str:
    """In brackets where a product without a sign, or a script, is beside it."""
    behind, before = m.string[m.end() :].lstrip(" \n,.;&"), m.string[: m.start()].rstrip(" \n&")
    ends = re.match(r"$|[=+\-)\]]|\\(odot|cdot|circ|right|quad|qquad|,|\\|tag|end|text|big)", behind)
    begins = re.search(r"(^|[=+\-(\[,]|\\(odot|cdot|circ|left.|quad|qquad|,|\\|\}))$", before)
    return written if ends and begins else f"({written})"


def _one_loss(note: str) -> str | None:
    """The letter of the only loss that is differentiated in a note."""
    losses = {m["of"].strip() for m in _DERIVATIVE.finditer(note) if re.fullmatch(_SCALAR, m["of"].strip())}
    return losses.pop() if len(losses) == 1 else None


def _after_heading(note: str, sentence: str) -> str:
    heading = re.match(r"#[^\n]*\n", note)
    place = heading.end() if heading else 0
    return f"{note[:place]}\n{sentence}\n\n{note[place:].lstrip()}"


def _lettered(spell: Callable[[str], str], sentence: str, *, unless: str) -> Way:
    """Gradients of the only loss as letters, of which a sentence in front says what they are."""

    def way(note: str) -> str | None:
        loss = _one_loss(note)
        if loss is None or re.search(unless, note) or note.startswith("---"):
            return None
        if not re.search(re.escape(loss) + r"[^$=\\]{0,12}=", note):  # a loss that only its gradients name
            return None
        other = _derivatives(lambda _, by: spell(by), of=re.escape(loss), by=_ATOM)(note)
        return None if other is None or other == note else _after_heading(other, sentence)

    return way


def errors_declared(note: str) -> str | None:
    r"""`\delta^h_t`, each declared in front by what it is."""
    loss = _one_loss(note)
    if loss is None or re.search(r"\\delta|δ", note):
        return None
    declared: dict[str, str] = {}

    def spell(_: str, by: str) -> str:
        m = re.fullmatch(r"([a-z])_(\w|\{[^{},]*\})", by)
        if m is None or m[2] == "T" or re.search(r"\d", m[2]):
            return rf"\frac{{\partial {loss}}}{{\partial {by}}}"
        declared[m[1]] = rf"$$ \delta^{{{m[1]}}}_t = \frac{{\partial {loss}}}{{\partial {m[1]}_t}} $$"
        return rf"\delta^{{{m[1]}}}_{m[2]}"

    other = _derivatives(spell, of=re.escape(loss))(note)
    return _after_heading(other, "\n\n".join(declared.values())) if other and declared else None


def _product(sign: str, unless: str = "(?!)") -> Way:
    way = _in_formulas(
        lambda formula: re.sub(
            r"\\odot(?![A-Za-z])\s*", lambda _: sign + " ", re.sub(r"\^\{\\odot ?2\}", "^2", formula)
        )
    )
    return lambda note: None if re.search(unless, note) else way(note)


_TOP = re.compile(
    r"(?P<limits>\\(?:sum|prod)(?:\\limits)?\s*_(?:\{[^{}]*\}|\w)\s*\^(?:\{[^{}]*\}|\w))"
    r"|\^(?:\\top(?![A-Za-z])|\{\s*(?:\\top|T)\s*\}|\\intercal)|(?<=[A-Z\])}])\^T(?![A-Za-z])"
)


def _transposed(*marks: str, unless: str = "(?!)") -> Way:
    def one(m: re.Match[str]) -> str:
        return m["limits"] or marks[sum(map(ord, m.string[: m.start()])) % len(marks)]

    way = _in_formulas(lambda formula: _TOP.sub(one, formula))
    return lambda note: None if re.search(unless, note) else way(note)


_TANH_SQUARED = re.compile(r"1\s*-\s*\\tanh\^\{?2\}?\s*(\((?:[^()]|\([^()]*\))*\)|" + _ATOM + ")")


def _slope_of_tanh(spell: Callable[[str], str]) -> Way:
    def one(m: re.Match[str]) -> str:
        return spell(m[1][1:-1] if m[1].startswith("(") else m[1])

    return _in_formulas(lambda formula: _TANH_SQUARED.sub(one, formula))


def _squared(spell: Callable[[str], str]) -> Way:
    square = re.compile(rf"(?<=1 - )({_LETTER}_(?:\w|\{{[^{{}}]*\}}))\^(?:2|\{{2\}}|\{{\\odot ?2\}})")
    return _in_formulas(lambda formula: square.sub(lambda m: spell(m[1]), formula))


_SUM = re.compile(r"\\sum_\{(?P<i>\w)\s*=\s*(?P<from>1)\}\^(?:\{(?P<to>T)\}|(?P<one>T))")
"""A sum over all steps: without its limits it says the same."""


def _sums(spell: Callable[[str, str, str], str]) -> Way:
    return _in_formulas(lambda formula: _SUM.sub(lambda m: spell(m["i"], m["from"], m["to"] or m["one"]), formula))


def _chained(change: Callable[[str], str]) -> Way:
    """Formulas of one line whose first side is a derivative."""

    def formula(body: str) -> str:
        if not re.match(rf"\s*(?:{_DERIVATIVE.pattern})\s*=", body) or re.search(
            r"\\\\|&|\\text|\\begin|\\q?quad|\\tag|,\s", body
        ):
            return body
        return change(body)

    return _in_formulas(formula)


def _exchanged(body: str) -> str:
    *sides, end = *body.rstrip(" ,.\n").split("="), body[len(body.rstrip(" ,.\n")) :]
    return body if len(sides) != 2 else f" {sides[1].strip()} = {sides[0].strip()}{end}"


def _factors_exchanged(body: str) -> str:
    one = rf"(?:{_DERIVATIVE.pattern.replace('(?P<of>', '(?:').replace('(?P<by>', '(?:')}|{_ATOM}|\((?:[^()])*\))"
    pair = re.compile(rf"(?P<before>[=+]\s*)(?P<a>{one})\s*\\odot\s*(?P<b>{one})(?P<end>\s*(?:$|[+,.]|\\odot))")
    return pair.sub(lambda m: rf"{m['before']}{m['b']} \odot {m['a']}{m['end']}", body)


def _as_diagonal(body: str) -> str:
    one = rf"(?:{_ATOM}|\((?:[^()])*\))"
    pair = re.compile(rf"(?P<before>[=+(]\s*)(?P<a>{one})\s*\\odot(?![A-Za-z])\s*")
    return pair.sub(
        lambda m: rf"{m['before']}\operatorname{{diag}}({m['a'].removeprefix('(').removesuffix(')')}) ", body
    )


def _dotted(body: str) -> str:
    """A sign of multiplication between a matrix and what it multiplies."""
    matrix = r"(?<![A-Za-z\\{])((?:\\mathbf\{[A-Z]\}|[A-Z])(?:_(?:\w|\{[^{}]*\}))?(?:\^(?:\\top|T|\{\\top\}))?)"
    return re.sub(matrix + r"[ ]+(?=[a-z]_|\\frac|\\left|\\hat|\\mathbf)", lambda m: rf"{m[1]} \cdot ", body)


def _of_entries(spell: Callable[[str, str], str]) -> Way:
    r"""`\partial L / \partial o_t = \partial L / \partial h_t \odot \tanh(c_t)` for the entry i."""
    letter = re.compile(r"(?<![A-Za-z\\{])([a-z])_(t|\{t\s*[+-]\s*1\})(?!\w)")
    whole = re.compile(
        r"(?:\\frac|\\partial|\\odot|\\tanh|\\sigma|\\left|\\right|[LJE](?![A-Za-z_])|[a-z]_(?:t|\{t\s*[+-]\s*1\})|[{}()=+\-12^\s,.])+"
    )

    def one(body: str) -> str:
        if not whole.fullmatch(body) or r"\odot" not in body or body.count("=") != 1:
            return body
        return letter.sub(lambda m: spell(m[1], m[2].strip("{}")), body.replace(r"\odot", ""))

    way = _in_formulas(one)
    return lambda note: None if re.search(r"(?<![A-Za-z\\])i_|_\{?i|_\{t,", note) else way(note)


def _any_of(*writings: str) -> Callable[..., str]:
    """Writings with signs for what stands in them, of which the letters choose one."""
    return lambda *parts: writings[sum(map(ord, "".join(parts))) % len(writings)].format(*parts)


WAYS: dict[str, Way] = {
    "fractions": _derivatives(
        _any_of(
            r"{{\partial {0} \over \partial {1}}}",
            r"\dfrac{{\partial {0}}}{{\partial {1}}}",
            r"\frac{{\partial{{{0}}}}}{{\partial{{{1}}}}}",
            r"\frac{{∂{0}}}{{∂{1}}}",
            r"\left[\frac{{\partial {0}}}{{\partial {1}}}\right]",
        )
    ),
    "on one line": _derivatives(_any_of(r"\partial {0}/\partial {1}"), alone=True),
    "roman d": _derivatives(_any_of(r"\frac{{\mathrm{{d}} {0}}}{{\mathrm{{d}} {1}}}")),
    "italic d": _derivatives(_any_of(r"\frac{{d{0}}}{{d{1}}}"), unless=r"(?<![A-Za-z\\])d(?![A-Za-z])"),
    "delta": _derivatives(_any_of(r"\frac{{\delta {0}}}{{\delta {1}}}"), unless=r"\\delta|δ"),
    "nabla": _derivatives(_any_of(r"\nabla_{{{1}}} {0}"), of=_SCALAR),
    "operator": _derivatives(_any_of(r"\frac{{\partial}}{{\partial {1}}} {0}"), of=_SCALAR, alone=True),
    "partial below": _derivatives(_any_of(r"\partial_{{{1}}} {0}"), of=_SCALAR),
    "d letters": _lettered(
        lambda by: f"d{by}",
        "We write dv for the gradient of the loss with respect to v.",
        unless=r"(?<![A-Za-z\\])d[a-zA-Z_]?_|\bd[A-Z]\b",
    ),
    "roman d letters": _lettered(
        lambda by: rf"\mathrm{{d}}{by}",
        "A d in front of a letter stands for the gradient of the loss with respect to it.",
        unless=r"\\mathrm\{?d|(?<![A-Za-z\\])d[a-zA-Z]_",
    ),
    "bars": _lettered(
        lambda by: re.sub(rf"^({_LETTER})", lambda m: rf"\bar{{{m[1]}}}", by),
        "A bar denotes the gradient of the loss with respect to the letter below it.",
        unless=r"\\(bar|overline|tilde|hat)",
    ),
    "errors declared": errors_declared,
    "star": _product("*"),
    "cdot": _product(r"\cdot"),
    "otimes": _product(r"\otimes", r"\\otimes"),
    "times": _product(r"\times", r"\\times"),
    "other products": _product(r"\circ", r"\\circ"),
    "diagonals": _chained(_as_diagonal),
    "factors exchanged": _chained(_factors_exchanged),
    "sides exchanged": _chained(_exchanged),
    "dotted": _in_formulas(_dotted),
    "transposes": _transposed("^T", "^{T}", r"^{\mathsf{T}}", r"^{\intercal}", r"^\mathrm{T}", r"^{\text{T}}"),
    "slopes": _slope_of_tanh(
        _any_of(
            r"\tanh'({0})",
            r"\operatorname{{sech}}^2({0})",
            r"1 - \tanh({0})^2",
            r"1 - (\tanh {0})^2",
            r"1 - [\tanh({0})]^2",
        )
    ),
    "squares": _squared(_any_of(r"{0} \odot {0}", r"{0}^{{\circ 2}}", "({0})^2")),
    "sums": _sums(
        _any_of(
            r"\sum_{0}",
            r"\sum\limits_{{{0}={1}}}^{{{2}}}",
            r"\sum^{{{2}}}_{{{0}={1}}}",
            r"\sum_{{{1} \le {0} \le {2}}}",
            r"\Sigma_{{{0}={1}}}^{{{2}}}",
        )
    ),
}

MENDED = (
    ("nabla", "gru_other_way"), ("on one line", "two_losses"), ("roman d", "families"),
    ("sums", "minus_the_losses"), ("sides exchanged", "arguments_of_gates"),
    ("errors declared", "numbers_of_steps"),
)  # fmt: skip
"""Notes that were once read otherwise in a style."""
