"""How mathematics is written: tables of commands, letters and words. Data only."""

from __future__ import annotations

from derive.functions import DEFINED, ENTRIES


def listed(words: str) -> list[str]:
    """Words with spaces between them, as a list."""
    return words.split()


GREEK = {
    name: name
    for name in listed(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
        "phi chi psi omega varepsilon vartheta varpi varrho varsigma varphi digamma Gamma Delta Theta Lambda "
        "Xi Pi Sigma Upsilon Phi Psi Omega ell nabla"
    )
} | {
    "bigtriangleup": "Delta",
    "triangle": "Delta",
    "vartriangle": "Delta",
    "bigtriangledown": "nabla",
    "triangledown": "nabla",
}
"""Commands that are letters, and their names: triangles are Δ and ∇."""

LATIN_CAPITALS = dict(
    zip(
        listed("Alpha Beta Epsilon Zeta Eta Iota Kappa Mu Nu Omicron Rho Tau Chi"),
        "ABEZHIKMNOPTX",
        strict=True,
    )
)
"""Greek capitals that look like Latin ones, for which LaTeX has no commands and some pages do."""

UNICODE_LETTERS = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωςϕϵϑΓΔΘΛΞΠΣΥΦΨΩℓ∇",
        listed(
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
            "phi chi psi omega sigma phi epsilon theta Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
            "ell nabla"
        ),
        strict=True,
    )
)
"""Greek letters typed as themselves (the n-ary ∑ and ∏ are other characters)."""

ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "dot": "dot", "ddot": "ddot", "overrightarrow": "forward", "overleftarrow": "backward",
    "check": "check", "breve": "breve", "acute": "acute", "grave": "grave", "mathring": "ring", "underline": "under",
}  # fmt: skip
"""Commands over a letter, and what they add to its name."""

COMBINING = {
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "ddot",
    "\u20d7": "vec",
}  # fmt: skip
"""Combining characters over a letter, and what they add to its name."""

ACCENT_COMMANDS = {"hat": "hat", "tilde": "tilde", "bar": "bar", "dot": "dot", "ddot": "ddot", "vec": "vec"}
"""The LaTeX command for what an accent adds to a name."""

WORD_FONTS = frozenset(
    listed("mathrm text operatorname textrm textit textsf texttt mathit mathsf mathtt textnormal mbox textbf")
)
"""Commands whose argument is one word."""

TEXT_FONTS = frozenset(listed("text textrm textnormal mbox"))
"""Those of them that words between formulas stand in."""

LETTER_FONTS = frozenset(
    listed("mathbf boldsymbol bm mathcal mathbb mathfrak mathscr mathds pmb mathnormal bf rm it vec")
)
"""Commands whose argument is letters."""

BESIDE = {
    "prev": -1, "previous": -1, "nextprev": -1, "old": -1, "before": -1, "next": 0, "new": 0, "cur": 0, "current": 0,
}  # fmt: skip
"""Labels that name a step beside the one before or after it: the next state of a step is the one it leaves."""

WORDS: dict[str, str] = {
    **{
        word: entry.name
        for entry in ENTRIES.values()
        for word in (entry.name, *entry.words)
        if word.isascii()
    },
    **{word: one.name for one in DEFINED.values() for word in (one.name, *one.words)},
    "softmax": "softmax", "Softmax": "softmax", "diag": "diag", "Tanh": "tanh", "Sigmoid": "sigmoid", "relu": "relu",
    "sigm": "sigmoid", "sig": "sigmoid", "sigma": "sigma", "sech": "sech", "net": "net", "lin": "lin", "sum": "sum",
    "tan": "tan",
    "Diag": "diag", "mean": "mean", "Mean": "mean", "var": "var", "Var": "var", "std": "std", "cosh": "cosh",
    "sinh": "sinh", "diagonal": "diagonal", "concat": "concat", "Concat": "concat", "concatenate": "concat",
    "CONCAT": "concat",
}  # fmt: skip
"""Words recognised in a run of letters, and the name each stands for."""

OPEN = frozenset(["act", "activation", "nonlinearity", "nonlin"])
"""Words for a function of every entry that is left open."""

NO_RUNS = frozenset(["sig", "step", "sign", "sum", "mean", "var", "std", "elu", "erf", "mish", "silu"])
"""Words that may as well be letters beside each other."""

LATEX_WORDS = tuple(sorted((w for w in WORDS if len(w) > 2 or w in ("ln",) if w not in NO_RUNS), key=lambda w: -len(w)))
"""Those that LaTeX letter runs are searched for, longest first."""

ABOVE = frozenset([">", r"\gt", r"\ge", r"\geq", r"\geqslant", "≥"])
BELOW = frozenset(["<", r"\lt", r"\le", r"\leq", r"\leqslant", "≤"])
"""Relations that compare."""
COMPARED = "for 1 where this holds, else 0, write $s_t = 1[v_t > \\theta]$; else leave it out"
"""What to write for a comparison that is a value."""

SAID = "“"
"""What the name of words behind a bar begins with."""

FUNCTION_COMMANDS = frozenset(listed("tanh exp log ln sin cos max min tan cosh sinh"))
"""Commands that are functions."""

ENTRYWISE = frozenset({*ENTRIES, *DEFINED})
"""Names of functions that are known as expressions."""
SLOPES = ENTRYWISE | {"sigma"}
"""What is a function whatever stands behind it: a prime is its slope, and transposes nothing."""
WITH_SLOPES = SLOPES | {"phi", "varphi", "psi", "f", "g"}
"""What is one where a bracket stands behind its prime."""

SYMBOLS = {
    "=": "EQ", "≔": "EQ", "+": "PLUS", "-": "MINUS", "−": "MINUS", "–": "MINUS", "*": "TIMES", "·": "TIMES",
    "⋅": "TIMES", "×": "TIMES", "∗": "TIMES", "/": "SLASH", "÷": "SLASH", "⊙": "DOT", "∘": "DOT", "◦": "DOT",
    "○": "DOT", "⊗": "OTIMES", ",": "COMMA", "，": "COMMA", "、": "COMMA", ";": "SEMI", "；": "SEMI", "∈": "IN",
    "∂": "PARTIAL", "≠": "RELATION", "≤": "RELATION", "≥": "RELATION", "≈": "RELATION", "∝": "RELATION",
    "→": "RELATION",
    "∑": "BIG", "∏": "BIG", "…": "DOTS", "⋯": "DOTS", "⊤": "TOP", "ᵀ": "TICK",
    "←": "EQ", "∞": "MARK", "@": "TIMES",
}  # fmt: skip
"""Characters that mean the same in LaTeX and in plain text."""

COMMANDS = {
    "cdot": "TIMES", "times": "TIMES", "ast": "TIMES", "bullet": "TIMES", "div": "SLASH", "odot": "DOT", "circ": "DOT",
    "bigodot": "DOT", "in": "IN", "isin": "IN", "partial": "PARTIAL", "part": "PARTIAL", "sdot": "TIMES",
    "sum": "BIG", "prod": "BIG", "neq": "RELATION",
    "ne": "RELATION", "le": "RELATION", "leq": "RELATION", "ge": "RELATION", "geq": "RELATION", "approx": "RELATION",
    "lt": "RELATION", "gt": "RELATION", "leqslant": "RELATION", "geqslant": "RELATION", "lesssim": "RELATION",
    "otimes": "OTIMES", "bigotimes": "OTIMES",
    "propto": "RELATION", "sim": "RELATION", "to": "RELATION", "rightarrow": "RELATION", "coloneqq": "EQ",
    "longrightarrow": "NEWLINE", "mapsto": "RELATION", "longmapsto": "RELATION",
    "leftarrow": "EQ", "gets": "EQ", "equiv": "EQ", "triangleq": "EQ", "top": "TOP", "intercal": "TOP",
    **dict.fromkeys(
        listed("Rightarrow implies Longrightarrow iff Leftrightarrow Longleftrightarrow therefore because"), "NEWLINE"
    ),
    "infty": "MARK",
    "dots": "DOTS", "cdots": "DOTS", "ldots": "DOTS", "ddots": "DOTS", "dotsc": "DOTS", "dotsb": "DOTS",
}  # fmt: skip
"""LaTeX commands without arguments."""

PLACES = frozenset(listed("cdot bullet ast dots ldots cdots infty"))
"""Signs in brackets that stand for an argument, as in f(\\cdot), or are a value."""

SET_ABOVE = {
    r"\sim": "tilde", "~": "tilde", r"\wedge": "hat", r"\land": "hat", "^": "hat", "-": "bar", r"\_": "bar",
    r"\rightarrow": "vec", r"\to": "vec", ".": "dot", r"\cdot": "dot",
}  # fmt: skip
"""What stands above a letter as an accent, where \\stackrel or \\overset puts it there."""

AMBIGUOUS = {
    "star": "a convolution cannot be read: only products of matrices and vectors can",
    "circledast": "a convolution cannot be read: only products of matrices and vectors can",
    "bmod": "time steps cannot be counted in an equation: give the mask m_t as an input",
    "mod": "time steps cannot be counted in an equation: give the mask m_t as an input",
    "pmod": "time steps cannot be counted in an equation: give the mask m_t as an input",
}
"""Commands that mean different things to different authors, and what to write."""

OPENING = {
    "(": ("LPAR", ")"), "（": ("LPAR", "）"), "[": ("LBRACK", "]"), "lbrack": ("LBRACK", "rbrack"),
    "lparen": ("LPAR", "rparen"), "langle": ("LANGLE", "rangle"), "lVert": ("LNORM", "rVert"),
    "lvert": ("LABS", "rvert"), "⟨": ("LANGLE", "⟩"), "〈": ("LANGLE", "〉"),
}  # fmt: skip
"""What opens a group: the token, and how the same group is usually closed."""

CLOSING = {
    ")": "RPAR", "）": "RPAR", "]": "RBRACK", "rbrack": "RBRACK", "rparen": "RPAR", "rangle": "RANGLE",
    "rVert": "RNORM", "rvert": "RABS", "⟩": "RANGLE", "〉": "RANGLE",
}  # fmt: skip
"""What closes a group."""

PAIRS = {
    "LPAR": "RPAR", "LBRACK": "RBRACK", "LBRACE": "RBRACE", "LANGLE": "RANGLE", "LABS": "RABS", "LNORM": "RNORM",
    "MATRIX": "ENDMATRIX",
}  # fmt: skip
"""The token that closes each opening token."""

SPACING = frozenset(
    listed(
        "quad qquad , ; : ! > enspace thinspace medspace thickspace negthinspace left right middle big Big "
        "bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm displaystyle textstyle scriptstyle limits "
        "nolimits nonumber notag hfill boxed strut mathstrut space scriptscriptstyle tiny footnotesize small "
        "normalsize large Large LARGE huge Huge mathrel mathbin mathop mathord mathopen mathclose mathpunct alert"
    )
) | {" ", "\n", "\t"}
"""Commands that say nothing about the mathematics."""

SKIPPED_ARGUMENTS = frozenset(
    listed(
        "tag label hspace vspace phantom hphantom vphantom tag* color textcolor mkern mspace intertext shortintertext"
    )
)
"""Commands that are ignored with their argument."""

DOUBLE_STRUCK = frozenset(["R", "N", "Z", "E"])
"""Letters that pages define as commands of their own for sets: \\R."""

BRACES = frozenset(["underbrace", "overbrace"])
"""Commands that put words below or above a part of a formula."""

JOINING = frozenset(
    [
        *("for", "for all", "where", "with", "if", "when", "and"),
        *("et", "avec", "où", "pour", "si", "y", "con", "donde", "para", "und", "mit", "wobei", "für", "wenn"),
        *("и", "где", "для", "при", "если", "且", "和", "与", "及", "以及", "其中", "并且", "同时"),
        *("かつ", "および", "ただし", "여기서", "그리고"),
    ]
)
"""Words between formulas that say nothing of their own: what follows is another one."""

SIZES_OF_TYPE = frozenset(
    listed("tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge displaystyle textstyle")
)
"""Commands that set how large what follows is printed; braces behind them hold whole formulas."""

LAYOUTS = frozenset(
    listed(
        "aligned align align* alignat alignat* flalign flalign* gather gather* gathered split equation "
        "equation* eqnarray eqnarray* multline multline* alignedat"
    )
)
"""Environments that only lay out equations."""

MATRICES = frozenset(listed("matrix bmatrix pmatrix Bmatrix vmatrix smallmatrix array cases"))
"""Environments that are matrices."""

ENTRIES_OF_MATRICES = frozenset(listed("matrix bmatrix pmatrix Bmatrix vmatrix smallmatrix"))
"""Environments in which an entry may be left empty for zero."""

KNOWN_COMMANDS = sorted(
    {*GREEK, *ACCENTS, *WORD_FONTS, *LETTER_FONTS, *FUNCTION_COMMANDS, *COMMANDS, "frac", "sqrt", "left", "right"}
)
"""Commands to suggest for an unknown one."""

SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋₍₎", "0123456789aehijklmnoprstuvx+-()", strict=True))
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ᵗ⁺⁻⁽⁾", "0123456789t+-()", strict=True))
"""Characters that are scripts by themselves."""


def latex_of(word: str) -> str:
    """A name typed as plain text, as LaTeX: `W_xh` is W_{xh}, `h_tilde` is \\tilde{h}."""
    base, *labels = word.split("_")
    accent = labels[0] if labels and labels[0] in ACCENT_COMMANDS else ""
    letter = f"\\{base}" if base in GREEK else base if len(base) == 1 else f"\\mathrm{{{base}}}"
    if accent:
        letter = f"\\{ACCENT_COMMANDS[accent]}{{{letter}}}"
        labels = labels[1:]
    if not labels:
        return letter
    written = ",".join("\\" + label if label in GREEK else label for label in labels)
    return f"{letter}_{{{written}}}"
