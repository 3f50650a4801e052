"""Hostile, random and mutated formulas: the string of every number, the same on every machine."""

from __future__ import annotations

import random
from functools import cache

import mutated_texts
from registry import RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.lettering import lettered
from derive.nodes import Adjoint
from derive.notation import notations
from derive.reader.text import words
from derive.targets.formula import latex, text

NAMES = RATED

_LETTERS = list("abcdefghijklmnopqrstuvwxyzABCDEHIJKLTUVWXYZ0123456789")
_GRAMMAR = [
    *(f"\\{command}" for command in (*words.COMMANDS, *words.GREEK, *words.FUNCTION_COMMANDS, *words.ACCENTS)),
    *words.SYMBOLS, *words.OPENING, *words.CLOSING, *words.WORDS, *words.UNICODE_LETTERS, *words.SUBSCRIPTS,
    *words.SUPERSCRIPTS, *words.COMBINING,
    *(f"\\begin{{{name}}}" for name in (*words.MATRICES, *words.LAYOUTS)),
    *(f"\\end{{{name}}}" for name in (*words.MATRICES, *words.LAYOUTS)),
    *(f"\\{font}{{" for font in (*words.WORD_FONTS, *words.LETTER_FONTS)),
]  # fmt: skip
_COMMON = [
    "{", "}", "(", ")", "[", "]", "_", "^", "_{", "^{", "=", " = ", "+", "-", "*", "/", ",", "&", r"\\", "'", "|", "<",
    ">", ":", ";", ".", "…", "@", "\x00", "%", "$", "#", "~", "\n", " ", r"\frac{", "}{", r"\partial ", "∂", "J", "W",
    "U", "V", "h_t", "c_{t+1}", "x_t", "net_t", r"\delta_t", r"\odot", r"^\top", r"^{\top}", "^T", r"\sum_{t=1}^{T}",
    r"\sum_t", r"\sum_{i}", r"\sum_{k=0}^{10^9}", r"\prod_{j=k+1}^{t}", r"\prod_{j=1}^{99999999}", r"\text{if}",
    r"\text{", r"\mathrm{diag}", "diag(", r"\operatorname{sech}^2", r"\mathbf{1}", "𝟏", "I", r"\nabla_W", "dW", "dh_t",
    r"\boxed{", r"\underbrace{", r"\overbrace{", r"\leftarrow", "+=", r"\in", r"\mathbb{R}^{n\times m}", r"\neq",
    "__import__('os')", "eval(", "exec(", "^{99999}", "^{-999999999}", "999999999999", "10^{10^{10}}", "[:, :3]",
    "[0:2]", r"\dots", r"\cdots", r"\vdots", "···", r"\sqrt{", r"\lVert", r"\rVert", r"\left(", r"\right)", "1/T",
    r"\tag{1}", r"\label{", r"\def\x{\x\x}\x", r"\input{/etc/passwd}", "\u200b", "😀", "中", "ﷺ", "\ud7ff", "\ufeff",
    r"\begin{cases}", r"\end{cases}", r"\begin{matrix}", r"\end{matrix}", "h_0 = 0", "_0", "_{t-1}", "_{T}", "_{3}",
    r"\langle t \rangle", "^{(t)}", "^{<t-1>}",
]  # fmt: skip
_MOMENTS = [
    "t",
    "t-1",
    "t+1",
    "T",
    "0",
    "1",
    "3",
    "99",
    "10^9",
    "t+99999999",
    "-t",
    "tt",
    "{t}",
    "k",
    "T-t",
    "t^2",
    "2t",
]
_NUMBERS = ["9" * 12, "9" * 39, "9" * 60, "9" * 3000, "1e999", "0", "0.0", "1/0", "-1", "1/3", "0.5", "10^9", "2^{64}"]
_HOSTILE = [
    "__import__('os').system('exit 1')", "h_t = __import__('os')", "{n}", "h_t = {n} h_t", "h_t^{{{n}}} = h_t",
    r"\frac{{\partial J}}{{\partial W}} = \sum_{{k=0}}^{{{n}}} \delta_k x_k^\top", r"\sum_{{t={n}}}^{{T}} h_t = 0",
    r"\prod_{{j=1}}^{{{n}}} \frac{{\partial h_j}}{{\partial h_{{j-1}}}} = I", "h_{{{n}}} = 0", "h_{{t+{n}}} = h_t",
    r"\tanh(h_t)^{{{n}}} = 1", "x^{{{n}}} = x", "({n})^{{{n}}} = h_t", "h_t = h_t / {n}", "h_t = {n}^{{h_t}}",
    r"(h_t + c_t)^{{{n}}} = h_t", r"U^{{{n}}} = U", r"\sqrt{{{n}}} h_t = h_t", "J = {n}", r"W[{n}:, :] = W",
    r"\frac{{h_t}}{{{n}}} = 0", r"\sigma^{{{n}}}(h_t) = 0", r"\frac{{\partial^{{{n}}} J}}{{\partial h_t^{{{n}}}}} = 0",
]  # fmt: skip
_OPENERS = [
    ("(", ")"), ("{", "}"), ("[", "]"), (r"\left(", r"\right)"), (r"\tanh(", ")"), (r"\sqrt{", "}"),
    (r"\frac{1}{", "}"),
    (r"\mathbf{", "}"), (r"\hat{", "}"), ("_{", "}"), ("^{", "}"), (r"\text{", "}"), (r"\mathrm{diag}(", ")"),
    (r"\sum_{t=1}^T (", ")"), ("-(", ")"), ("(1 + ", ")"), ("(", r")^\top"), ("(", ")^2"), (r"\boxed{", "}"),
    (r"\begin{matrix}", r"\end{matrix}"), ("|", "|"), (r"\frac{\partial ", r"}{\partial h_t}"),
    ("1 - (", ") (1 + h_t)"),
]  # fmt: skip
_REPEATED = [
    " = h_t", " + h_t", " - h_t", r" \odot h_t", " h_t", r"\\ h_t = h_t", "'", "_t", "^2", "^\\top", " U",
    " x_t x_t^\\top",
    r" \odot (1 + h_t)", " (h_t + x_t)", "&", "=", ",", "-", "/2", "|", "(", "1", r"\sum_t ", r"\prod_t ", "∂", ".",
    r" \frac{\partial h_t}{\partial h_{t-1}}", r" + \frac{\partial J}{\partial h_t}", r"\tanh ", "h", "\u0302", " ",
]  # fmt: skip


@cache
def sources(name: str) -> tuple[tuple[str, str | None], ...]:
    """True formulas of a model in its own letters (LaTeX and plain text) and in every notation."""
    found = differentiate(catalogue.find(name)).summed_losses
    formulas: list[tuple[str, str | None]] = []
    for key in (None, *notations()):
        table = found.cell.notation if key is None else lettered(notations()[key], found.program)
        for gradient in found.gradients:
            for printer in (latex, text):
                sides = (printer(node, table) for node in (Adjoint(gradient.of), gradient.value))
                formulas.append((" = ".join(sides), key))
        for equation in found.cell.equations:
            formulas.append((f"{latex(equation.symbol, table)} = {latex(equation.expression, table)}", key))
    return tuple(formulas)


def case(number: int) -> tuple[str, str, str | None]:
    """The name of a model, a string, and the notation it is read in."""
    rng = random.Random(f"fuzz {number}")
    name = rng.choice(NAMES)
    kind = rng.random()
    own, notation = rng.choice(sources(name))
    if kind < 0.35:
        return name, _edited(rng, own), notation
    if kind < 0.45:
        return name, mutated_texts.disturbed(name, number)[1], None
    if kind < 0.55:
        return name, own.partition("=")[0] + "= " + _grown(rng, name, rng.randint(1, 6)), notation
    if kind < 0.65:
        other, _ = rng.choice(sources(rng.choice(NAMES)))
        return name, _spliced(rng, own, other), notation
    if kind < 0.80:
        return name, _soup(rng), notation
    if kind < 0.88:
        return name, rng.choice(_HOSTILE).format(n=rng.choice(_NUMBERS)), None
    if kind < 0.94:
        return name, _nested(rng, own), None
    if kind < 0.97:
        return name, _long(rng, own), None
    return name, "".join(chr(_code(rng)) for _ in range(rng.randint(0, 60))), None


def _edited(rng: random.Random, formula: str) -> str:
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(formula) + 1)
        stop = min(len(formula), start + rng.choice([0, 1, 1, 2, 6]))
        piece = rng.choice(
            [rng.choice(_COMMON), rng.choice(_LETTERS), rng.choice(_GRAMMAR), "", formula[start:stop] * 2]
        )
        if rng.random() < 0.1:
            piece = "_{" + rng.choice(_MOMENTS) + "}"
        formula = formula[:start] + piece + formula[stop:]
    return formula


def _spliced(rng: random.Random, one: str, other: str) -> str:
    cut, join = rng.randrange(len(one) + 1), rng.randrange(len(other) + 1)
    return one[:cut] + other[join:]


def _soup(rng: random.Random) -> str:
    pool = rng.choice([_COMMON, _GRAMMAR, _COMMON + _GRAMMAR + _LETTERS])
    return rng.choice(["", " "]).join(rng.choice(pool) for _ in range(rng.randint(1, 40)))


_PATTERNS = [
    "{} + {}", "{} - {}", "{} {}", r"{} \odot {}", r"{} {} \odot {}", r"({})^\top", r"\frac{{{}}}{{{}}}",
    "({} + {}) {}",
    r"\sum_{{k=1}}^{{T}} ({})", r"\sum_{{t}} {}", r"\prod_{{j=k+1}}^{{t}} ({})", r"\mathrm{{diag}}({})", r"\tanh({})",
    r"\sigma({})", r"\operatorname{{softmax}}({})", r"\sqrt{{{}}}", "({})^2", "({})^{{-1}}", "1 - {}", "2 {}", "-({})",
    r"\begin{{bmatrix}} {} \\ {} \end{{bmatrix}}", r"\begin{{bmatrix}} {} & {} \end{{bmatrix}}",
    "({})_i", "({})_{{ij}}",
    r"\left|{}\right|", r"\sum_i ({})_i", r"\log({})", r"\exp({})", r"\mathbf{{1}}^\top {}", "[{}, {}]", "({})'",
]  # fmt: skip


def _grown(rng: random.Random, name: str, depth: int) -> str:
    """A well-formed expression in the letters of a model."""
    if depth == 0 or rng.random() < 0.15:
        quantities = list(mutated_texts.derivation(name).program.quantities.values())
        one, other = rng.choice(quantities), rng.choice(quantities)
        moment = rng.choice(["t", "t", "t-1", "t+1", "T", "0", "1", "k", "j-1"])
        letter = latex(one).replace("t", moment) if one.time is not None and len(one.name) == 1 else latex(one)
        kinds = [letter] * 3 + [rf"\frac{{\partial J}}{{\partial {letter}}}"]
        kinds += [
            rf"\frac{{\partial {letter}}}{{\partial {latex(other)}}}",
            letter + "_{ij}",
            rf"\delta_{{{moment}}}",
            "1",
            "I",
        ]
        return rng.choice(kinds)
    pattern = rng.choice(_PATTERNS)
    return pattern.format(*(_grown(rng, name, depth - 1) for _ in range(3)))


def _nested(rng: random.Random, own: str) -> str:
    depth = rng.choice([3, 10, 20, 40, 49, 51, 200, 900])
    pairs = [rng.choice(_OPENERS)] if rng.random() < 0.5 else rng.sample(_OPENERS, 3)
    chosen = [rng.choice(pairs) for _ in range(depth)]
    inside = rng.choice(["h_t", "x_t", "h_{t-1}", "1", ""])
    closing = "".join(close for _, close in reversed(chosen))
    body = "".join(opening for opening, _ in chosen) + inside + (closing if rng.random() < 0.9 else closing[:-1])
    return own.partition("=")[0] + "= " + body if rng.random() < 0.7 else body


def _long(rng: random.Random, own: str) -> str:
    times = rng.choice([5, 20, 60, 150, 400, 5000])
    return (
        own + rng.choice(_REPEATED) * times
        if rng.random() < 0.7
        else own.partition("=")[0] + "=" + rng.choice(_REPEATED) * times
    )


def _code(rng: random.Random) -> int:
    code = rng.choice(
        [rng.randrange(0x80), rng.randrange(0x2000, 0x2300), rng.randrange(0x300, 0x600), rng.randrange(0x110000)]
    )
    return 0x3B1 if 0xD800 <= code < 0xE000 else code
