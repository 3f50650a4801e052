"""How names are written: a table from names to LaTeX letters and a style for the time index. Data only."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

from derive.errors import InputError
from derive.patterns import regex

GREEK: Mapping[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
"""Greek letters by their LaTeX name."""

ACCENTS: Mapping[str, str] = {
    "hat": "\N{COMBINING CIRCUMFLEX ACCENT}",
    "tilde": "\N{COMBINING TILDE}",
    "bar": "\N{COMBINING MACRON}",
    "vec": "\N{COMBINING RIGHT ARROW ABOVE}",
    "dot": "\N{COMBINING DOT ABOVE}",
}
"""Accents by their LaTeX name, which is also the ending of an identifier (`y_hat`)."""

WIDE: Mapping[str, str] = {"widehat": "hat", "widetilde": "tilde", "overline": "bar", "overrightarrow": "vec"}
"""Wide accents by their LaTeX name, each with the one that it is."""

MARKS: Mapping[str, str] = {"prime": r"\prime", "star": r"\ast"}
"""Endings of an identifier that are written as superscripts (`f_prime`, `c_star`)."""


class TimeStyle(Enum):
    """Where the time index stands."""

    SUBSCRIPT = "h_t"
    PARENTHESES = "h^{(t)}"
    ANGLES = r"h^{\langle t \rangle}"
    SUPERSCRIPT = "h^t"


class Letter(NamedTuple):
    """A LaTeX letter taken apart: `\\mathbf{W}_{xi}` has the base `\\mathbf{W}` and the subscript `xi`."""

    base: str
    below: str = ""
    above: str = ""

    def __str__(self) -> str:
        return self.base + script("_", self.below) + script("^", self.above)


@dataclass(frozen=True)
class Notation:
    """Letters for names: exact (`h`) or with one star for a subscript (`W_*`); the first match counts.

    `given` holds letters that apply, before all others, in the company of another name: a `z` beside an `r` is not
    the `z` beside a `V`. `title`, `source` and `remarks` are for a reader.
    """

    name: str
    letters: tuple[tuple[str, str], ...] = ()
    time: TimeStyle = TimeStyle.SUBSCRIPT
    given: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    title: str = ""
    source: str = ""
    remarks: tuple[str, ...] = ()
    later: frozenset[str] = frozenset()
    """Names whose value of step t is written at t + 1."""
    _found: dict[str, Letter] = field(default_factory=dict, init=False, repr=False, compare=False)

    def among(self, names: Iterable[str]) -> Notation:
        """This notation for a cell with these names: what is `given` for them joins the letters.

        A name whose letter another name has too keeps its own, so that no two names print alike.
        """
        present = dict.fromkeys(names)
        extra = tuple(letter for name, letters in self.given if name in present for letter in letters)
        found = replace(self, letters=extra + self.letters, given=()) if self.given else self
        for _ in present:
            written = {name: str(found.letter(name)) for name in present}
            often = Counter(written.values())
            own = {name: str(spelled(name)) for name, letter in written.items() if often[letter] > 1}
            changed = tuple((name, letter) for name, letter in own.items() if letter != written[name])
            if not changed:
                break
            found = replace(found, letters=changed + found.letters)
        return found

    def letter(self, name: str) -> Letter:
        """The letter of a name, without a time."""
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def word(self, function: str) -> str:
        """How the author writes a function that has a name, if the table says so and it is a LaTeX command."""
        written = self._exact.get(function, "")
        return written if written.startswith("\\") else ""

    def name_of(self, latex: str) -> str | None:
        """The name that this notation writes as `latex` (without a time), if its table has one."""
        wanted = take_apart(latex)
        for pattern, written in self.letters:
            if "*" not in pattern:
                if take_apart(written) == wanted:
                    return pattern
                continue
            shape = take_apart(written)
            if (shape.base, shape.above) == (wanted.base, wanted.above):
                before, _, after = shape.below.partition("*")
                if wanted.below.startswith(before) and wanted.below.endswith(after):
                    star = wanted.below[len(before) : len(wanted.below) - len(after)]
                    if star and pattern.replace("*", star) != pattern:
                        return pattern.replace("*", star)
        return None

    def _look_up(self, name: str) -> Letter:
        if name in self._exact:
            return take_apart(self._exact[name])
        for before, after, written in self._patterns:
            star = name[len(before) : len(name) - len(after)]
            if name.startswith(before) and name.endswith(after) and star and star not in (*ACCENTS, *MARKS):
                return Letter(*(_put(self._below(star), part) for part in take_apart(written)))
        head, _, rest = name.partition("_")
        return spelled(head)._replace(below=self._below(rest)) if rest in self._exact else spelled(name)

    def _below(self, name: str) -> str:
        """A name as a subscript: the gate i that is written \\Gamma_u makes W_i a W_u."""
        if name not in self._exact:
            return spelled_below(name)
        letter = take_apart(self._exact[name])
        return letter.below or letter.base

    @cached_property
    def _exact(self) -> Mapping[str, str]:
        return {name: written for name, written in reversed(self.letters) if "*" not in name}

    @cached_property
    def _patterns(self) -> tuple[tuple[str, str, str], ...]:
        stars = ((name.partition("*"), written) for name, written in self.letters if "*" in name)
        return tuple((before, after, written) for (before, _, after), written in stars)


AS_WRITTEN = Notation("as written")
"""Names printed as they are, times as subscripts."""


@cache
def notations() -> Mapping[str, Notation]:
    """The notations of `derive/notations/`, by name."""
    folder = files("derive") / "notations"
    tables = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name)
    return {entry.name[:-5]: load(entry.name[:-5], entry.read_text(encoding="utf-8")) for entry in tables}


def load(name: str, table: str) -> Notation:
    """A notation from the text of its table (TOML)."""
    data = tomllib.loads(table)
    return Notation(
        name=name,
        letters=tuple(data.get("letters", {}).items()),
        time=TimeStyle[data.get("time", "subscript").upper()],
        given=tuple((beside, tuple(letters.items())) for beside, letters in data.get("given", {}).items()),
        title=data.get("title", name),
        source=data.get("source", ""),
        remarks=tuple(data.get("remarks", ())),
    )


def find(name: str) -> Notation:
    """The notation of that name.

    Raises InputError, which lists the known ones.
    """
    known = notations()
    if name not in known:
        raise InputError(f"there is no notation {name!r}", hint="known notations: " + ", ".join(known))
    return known[name]


@cache
def spelled(name: str) -> Letter:
    """The LaTeX letter of an identifier: `W_xi` is W_{xi}, `h_tilde` \\tilde{h}, `Gamma_f` \\Gamma_f."""
    head, *rest = name.split("_")
    base = _spelled_base(head)
    below: list[str] = []
    above = ""
    for part in rest:
        if part in ACCENTS and below:
            below[-1] = rf"\{part}{{{below[-1]}}}"
        elif part in ACCENTS:
            base = rf"\{part}{{{base}}}"
        elif part in MARKS and not below:
            above += MARKS[part]
        else:
            below.append(_spelled_part(part))
    return Letter(base, ",".join(below), above)


def timed(latex: str, time: str = "t") -> str:
    """A letter in LaTeX with a time below it, beside the labels that stand there: s_9 is s_{9,t}."""
    depth, below = 0, -1
    for place, character in enumerate(latex):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "_" and depth == 0:
            below = place
    if below < 0:
        return f"{latex}_{time}" if len(time) == 1 else f"{latex}_{{{time}}}"
    found = _SUBSCRIPT.match(latex, below)
    assert found is not None  # an underscore has its argument
    labels = found.group("several") or found.group("one")
    return f"{latex[:below]}_{{{labels},{time}}}{latex[found.end() :]}"


def said_at(name: str, time: str = "t") -> str:
    """An identifier as a letter with a time, for what a message tells a person to write."""
    return timed(str(spelled(name)), time)


_SUBSCRIPT = regex(r"_\s*(?:\{(?P<several>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}|(?P<one>\\[A-Za-z]+|\S))")


@cache
def spelled_below(name: str) -> str:
    """An identifier as the subscript of another: `xi` stays x and i, `h_tilde` is \\tilde{h}."""
    head, *rest = name.split("_")
    return spelled("x_" + "_".join((head, *rest))).below


def _put(star: str, part: str) -> str:
    """A part of a letter with its star replaced; a command ends before the letter behind it."""
    before, found, after = part.partition("*")
    gap = " " if after[:1].isalpha() and re.search(r"\\[A-Za-z]+$", star) else ""
    return f"{before}{star}{gap}{after}" if found else part


def _spelled_base(part: str) -> str:
    if part in GREEK:
        return "\\" + part
    return part if len(part) == 1 else rf"\mathrm{{{part}}}"


_STEP = regex(r"([A-Za-z])(minus|plus)(\d+)")


def _spelled_part(part: str) -> str:
    if step := _STEP.fullmatch(part):  # the layer below, l-1
        return f"{step[1]}{'-' if step[2] == 'minus' else '+'}{step[3]}"
    # W_xi is W with the subscripts x and i, as the papers write it, not W with the subscript ξ.
    return "\\" + part if part in GREEK and len(part) > 2 else part


_SCRIPT = regex(r"([_^])\s*(\{|\\[A-Za-z]+|\S)")


@cache
def take_apart(latex: str) -> Letter:
    """The base, subscript and superscript of a LaTeX letter."""
    latex = latex.strip()
    base, below, above = "", "", ""
    i = 0
    while i < len(latex):
        if latex[i] == "'":
            above += r"\prime"
            i += 1
        elif latex[i] in "_^" and (found := _SCRIPT.match(latex, i)):
            content, end = _group(latex, found.start(2)) if found.group(2) == "{" else (found.group(2), found.end())
            if latex[i] == "_":
                below += content
            else:
                above += content
            i = end
        elif latex[i] == "{":
            content, end = _group(latex, i)
            base += "{" + content + "}"
            i = end
        else:
            base += latex[i]
            i += 1
    return Letter(re.sub(r"\\(hat|tilde|bar|vec|dot) +(\w)", r"\\\1{\2}", base).strip(), below.strip(), above.strip())


def _group(latex: str, start: int) -> tuple[str, int]:
    depth = 0
    for i in range(start, len(latex)):
        depth += {"{": 1, "}": -1}.get(latex[i], 0)
        if depth == 0:
            return latex[start + 1 : i], i + 1
    raise InputError(f"unbalanced braces in the letter {latex!r}")


def script(mark: str, content: str) -> str:
    """A subscript or superscript, in braces where TeX needs them."""
    if not content:
        return ""
    return mark + (content if re.fullmatch(r"\w|\\[A-Za-z]+", content) else f"{{{content}}}")
