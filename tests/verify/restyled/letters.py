"""Other letters for times, states, weights, losses and gates of a note, and other places for their times."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

_MATH = re.compile(
    r"\$\$.+?\$\$|\$[^$\n]+\$|\\\[.+?\\\]|\\\(.+?\\\)|```math\n.+?```"
    r"|\\begin\{(?P<kind>(?:align|equation|gather|multline)\*?)\}.+?\\end\{(?P=kind)\}",
    re.DOTALL,
)
_GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
_WORD = re.compile(
    rf"\\(?:text\w*|mbox|operatorname\*?|begin|end|tag|label|color|mathbb|cite|ref)\s*{_GROUP}"
    r"|\\(?:mathrm|mathsf|mathit)\s*\{[^{}_^]*\w{2}[^{}_^]*\}|\\\\\[[^\]]*\]|```math"
    r"|(?<![\\A-Za-z])(?:[a-z]{3,}|if|so|is|of|Diag)(?![A-Za-z])|\\[^A-Za-z]"
)
_GREEK = (
    r"\\(?:alpha|beta|gamma|delta|epsilon|varepsilon|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|varphi|psi|omega"
    r"|Gamma|Delta|Theta|Lambda|Phi|Psi|Omega|ell)(?![A-Za-z])"
)
_DRESS = r"\\(?:mathbf|boldsymbol|bm|vec|mathrm|mathcal|tilde|widetilde|hat|widehat|bar|overline)(?![A-Za-z])"
_ATOM = re.compile(rf"(?:{_DRESS}\s*)+(?:{_GROUP}|{_GREEK}|[A-Za-z])|{_GREEK}|[A-Za-z]")
_TOKEN = re.compile(r"\\[A-Za-z]+|[A-Za-z]")
_COMMAND = re.compile(r"\\[A-Za-z]+|.", re.DOTALL)
_SCRIPT = re.compile(rf"\s*([_^])\s*({_GROUP}|\\[A-Za-z]+|[A-Za-z0-9*])")
_TRANSPOSED = re.compile(r"T|\\top|\\intercal|\\mathsf\{T\}|\\mathrm\{T\}|\\prime|[2*+]|-1|\{\s*(?:T|\\top|2|-1)\s*\}")

Change = Callable[[str, str | None, str | None], str | None]
"""A letter with what stands below and above it, without braces, to how it is to be written; None to leave it."""


class UnfitError(Exception):
    """The note cannot be written that way and still say the same."""


def _whole(change: Callable[[str], str], note: str) -> str | None:
    """The formulas of a note changed; None if some stand where they are not found, or the change is unfit."""
    if re.search(r"[_^=∂]", re.sub(r"https?://\S+|\w+_\w+\.md", "", _MATH.sub("", note))):
        return None
    try:
        return _MATH.sub(lambda match: change(match[0]), note)
    except UnfitError:
        return None


def _written(change: Change, formula: str) -> str:
    """A formula with its letters changed, those in scripts of letters that are left alone too."""
    out, at = [], 0
    while at < len(formula):
        if word := _WORD.match(formula, at):
            out.append(word[0])
            at = word.end()
        elif atom := _ATOM.match(formula, at):
            end, scripts = atom.end(), {"_": None, "^": None}
            while (script := _SCRIPT.match(formula, end)) and scripts[script[1]] is None:
                inner = script[2]
                scripts[script[1]] = inner[1:-1].strip() if inner[0] == "{" else inner
                end = script.end()
            new = change(atom[0], scripts["_"], scripts["^"])
            out.append(atom[0] if new is None else new)
            at = atom.end() if new is None else end
            if new is not None and new[-1:].isalpha() and "\\" in new and formula[at : at + 1].isalpha():
                out.append(" ")
        else:
            command = _COMMAND.match(formula, at)
            assert command
            out.append(command[0])
            at = command.end()
    return "".join(out)


def _letters_of(note: str) -> list[tuple[str, str | None, str | None]]:
    found: list[tuple[str, str | None, str | None]] = []

    def seen(base: str, sub: str | None, sup: str | None) -> None:
        found.append((base, sub, sup))

    for match in _MATH.finditer(note):
        _written(seen, match[0])
    return found


def _bare(base: str) -> str:
    """A letter without font, braces and marks: h of \\tilde{\\mathbf h}."""
    return re.sub(rf"{_DRESS}|[{{}}\s]", "", base)


# Renaming


def renamed(table: Mapping[str, str], note: str) -> str | None:
    """Letters of a note by others, where all of the first are in use and none of the others is."""
    tokens = {token for match in _MATH.finditer(note) for token in _tokens(match[0])}
    if not tokens & set(table) or tokens & (set(table.values()) - set(table)):
        return None
    formulas = _whole(partial(_renamed, table), note)
    if formulas is None:
        return None
    between = _MATH.split(formulas)  # prose may name the letters alone
    for old in table:
        if (
            len(old) == 1
            and old not in "aAI"
            and any(re.search(rf"(?<![\w'’-]){old}(?![\w'’-])", text or "") for text in between)
        ):
            return None
    return formulas


def _tokens(formula: str) -> list[str]:
    return _TOKEN.findall(_protected(formula, lambda text: text, ""))


def _protected(formula: str, change: Callable[[str], str], word: str | None = None) -> str:
    out, at, plain = [], 0, []
    while at < len(formula):
        if found := _WORD.match(formula, at):
            out += [change("".join(plain)), found[0] if word is None else word]
            plain, at = [], found.end()
        else:
            command = _COMMAND.match(formula, at)
            assert command
            plain.append(command[0])
            at = command.end()
    return "".join([*out, change("".join(plain))])


def _renamed(table: Mapping[str, str], formula: str) -> str:
    def other(match: re.Match[str]) -> str:
        new = table.get(match[0], match[0])
        glued = new[-1:].isalpha() and "\\" in new and match.string[match.end() : match.end() + 1].isalpha()
        return new + " " if glued else new

    if "T" in table and re.search(r"\^\s*\{?\s*t\b", formula):
        raise UnfitError
    limit = re.compile(r"(\\(?:sum|prod)(?:\\limits)?\s*(?:_(?:\{[^{}]*\}|\w))?\s*\^)\s*(?:T(?![A-Za-z])|\{T\})")
    kept = re.sub(r"\^\s*(T(?![A-Za-z])|\{\s*T\s*\})", "^\ue000", limit.sub(r"\1{{T}}", formula)).replace(
        "{{T}}", "{T}"
    )
    return _protected(kept, partial(_TOKEN.sub, other)).replace("\ue000", "T")


# Places of times


_STEP = r"\\tau|[A-Za-z]"
_SUMS = re.compile(rf"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{{?\s*({_STEP})\s*=[^{{}}]*\}}\s*\^\s*\{{?\s*({_STEP})")


def clocks(note: str) -> set[str]:
    """Letters that count steps: what stands as t - 1 somewhere, the ends of sums over them."""
    letters = _letters_of(note)
    counted = {
        match[1]
        for _, *scripts in letters
        for script in scripts
        for match in re.finditer(r"(?<![\w\\])(\\tau|[a-zA-Z])\s*[-+]\s*\d", script or "")
    }
    sums = _SUMS.findall(note)
    ends = {last for first, last in sums if first in counted}
    running = {first for first, last in sums if last in counted | ends}
    return counted | ends | running


def _is_time(script: str, steps: set[str]) -> bool:
    found = re.fullmatch(rf"({_STEP})(?:\s*[-+]\s*\w+)*|\d+", script)
    return found is not None and (found[1] is None or found[1] in steps)


def placed(write: Callable[[str, str], str], note: str) -> str | None:
    r"""Times that stand below letters, elsewhere: h_t as h^{(t)}, with powers behind a bracket."""
    steps = clocks(note)
    timed = {
        _bare(base)
        for base, sub, _ in _letters_of(note)
        if sub and not sub.isdigit() and _is_time(sub.split(",")[0].strip(), steps)
    }
    lost = re.search(r"(?<![A-Za-z\\])[a-z]t(?![A-Za-z])|[a-z}]\{t", "".join(m[0] for m in _MATH.finditer(note)))
    if not steps or not timed or lost:  # zt and h{t-1}: scripts that are missing
        return None

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        if _bare(base) not in timed or sub is None:
            return None
        time, _, rest = sub.partition(",")
        if not _is_time(time.strip(), steps):
            if len(sub) == 1 and sub.islower() and not rest:
                raise UnfitError
            return None
        if rest and (time.strip().isdigit() or _is_time(rest.strip(), steps)):
            raise UnfitError
        entry = f"_{{{rest.strip()}}}" if rest else ""
        moved = write(base, time.strip())
        moved = base + entry + moved.removeprefix(base) if moved.endswith(")") else moved + entry
        if sup is None:
            return moved
        if not _TRANSPOSED.fullmatch(sup):
            raise UnfitError
        power = f"^{sup}" if len(sup) == 1 or sup[0] == "\\" else f"^{{{sup}}}"
        return f"({moved}){power}" if "^" in moved or "_" not in moved else moved + power

    return _whole(partial(_written, change), note)


def _small(base: str, bold: str) -> str:
    return bold if len(base) == 1 and base.islower() else ""


PLACES: dict[str, Callable[[str, str], str]] = {
    "times in brackets above": lambda base, time: f"{base}^{{({time})}}",
    "times above": lambda base, time: f"{base}^{{{time}}}",
    "times in angles": lambda base, time: rf"{base}^{{\langle {time} \rangle}}",
    "times as arguments": lambda base, time: f"{base}({time})",
    "times apart": lambda base, time: f"{base} _ {{ {' '.join(_COMMAND.findall(time.replace(' ', '')))} }}",
    "bold around times": lambda base, time: _small(base, rf"\mathbf{{{base}_{{{time}}}}}") or f"{base}_{{{time}}}",
    "bold with times above": lambda base, time: (_small(base, rf"\mathbf{{{base}}}") or base) + f"^{{({time})}}",
}


# Weights, losses, gates, functions


def rewritten(change: Change, note: str) -> str | None:
    return _whole(partial(_written, change), note)


def weights(write: Callable[[str, str], str], note: str) -> str | None:
    """Weights with two letters below them in another spelling: W_{xh}."""

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        if not re.fullmatch("[WUV]", _bare(base)) or not re.fullmatch("[a-z]{2}", sub or "") or "t" in (sub or ""):
            return None
        new = write(base, sub or "")
        if sup is None:
            return new
        return f"{new}^{{{sup}}}" if "^" not in new else rf"({new})^{{{sup}}}" if "T" not in sup else f"({new})^{sup}"

    return rewritten(change, note)


_READ = r"(?<![A-Za-z\\])W\s*(?:\\cdot|\\,)?\s*([a-z])_(?:t|\{t(-1)?\})"
"""What a weight acts on: x_t, or h_{t-1} with a step back."""


def by_use(table: Mapping[str, str], note: str) -> str | None:
    """The two or three letters of the plain network's weights named by what they join."""
    letters = _letters_of(note)
    formulas = "".join(match[0] for match in _MATH.finditer(note))
    if any(base in ("U", "V", "W") and sub for base, sub, _ in letters):
        return None
    beside = {
        letter: {(read, bool(before)) for read, before in re.findall(_READ.replace("W", letter), formulas)}
        for letter in "UVW"
    }
    part = {
        letter: "hh" if ("h", True) in read else "xh" if ("x", False) in read else "hy"
        for letter, read in beside.items()
        if read
    }
    if sorted(part.values()) not in (["hh", "hy", "xh"], ["hh", "xh"]):
        return None

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        if base not in part:
            return None
        return table[part[base]] + (f"^{{{sup}}}" if sup and sup != "T" else "^T" if sup else "")

    return rewritten(change, note)


_LOSSES = ("L", "J", "E", r"\mathcal{L}", r"\mathcal L", r"\ell")


def loss(new: str, note: str) -> str | None:
    """Another letter for the loss."""
    letters = _letters_of(note)
    here = {
        base
        for base, *_ in letters
        if base in _LOSSES and re.search(rf"\\partial\s*{re.escape(base)}(?![A-Za-z])", note)
    }
    if len(here) != 1 or any(_bare(base) == _bare(new) for base, *_ in letters):
        return None
    old = here.pop()

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        return new + (f"_{{{sub}}}" if sub else "") + (f"^{{{sup}}}" if sup else "") if base == old else None

    return rewritten(change, note)


def gates(write: Callable[[str, str], str], note: str) -> str | None:
    """The gates of an LSTM in other letters."""
    letters = _letters_of(note)
    timed = {base for base, sub, _ in letters if sub == "t"}
    if not {"i", "f", "o", "c"} <= timed or any(base == r"\Gamma" for base, *_ in letters):
        return None

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        if base not in ("i", "f", "o") or not sub or not re.match(r"t\b", sub) or sup:
            return None
        return write(base, sub)

    return rewritten(change, note)


def marks(table: Mapping[str, str], note: str) -> str | None:
    r"""Candidates with another mark, or another letter: \tilde c_t as \hat c_t."""
    letters = _letters_of(note)
    bases = {base.replace(" ", "") for base, *_ in letters}
    for letter, new in table.items():
        old = {rf"\tilde{{{letter}}}", rf"\tilde{letter}"}
        if not old & bases:
            continue
        if {_bare(base) for base, *_ in letters if "tilde" not in base} & {new} or new in bases:
            return None

        def change(base: str, sub: str | None, sup: str | None, old: set[str] = old, new: str = new) -> str | None:
            if base.replace(" ", "") not in old:
                return None
            return new + (f"_{{{sub}}}" if sub else "") + (f"^{{{sup}}}" if sup else "")

        return rewritten(change, note)
    return None


def functions(old: str, new: str, note: str) -> str | None:
    """A function by another name."""
    if re.search(rf"{re.escape(old)}(?![A-Za-z])\s*(?:=|\(x\)|\(z\)|\(\\cdot|\}}|_)", note):
        return None
    other = _whole(lambda formula: re.sub(rf"{re.escape(old)}(?![A-Za-z])", lambda _: new, formula), note)
    return other if other != note else None


def bold(note: str) -> str | None:
    """Every weight in bold."""

    def change(base: str, sub: str | None, sup: str | None) -> str | None:
        if base not in ("W", "U", "V", "b"):
            return None
        return (
            rf"\mathbf{{{base}}}"
            + (f"_{{{sub}}}" if sub else "")
            + (f"^{{{sup}}}" if sup and sup != "T" else "^T" if sup else "")
        )

    return rewritten(change, note)


LETTERS: dict[str, Mapping[str, str]] = {
    "t as n to N": {"t": "n", "T": "N"},
    "T as N": {"T": "N"},
    "h as s": {"h": "s"},
    "c as C": {"c": "C"},
    "x as u": {"x": "u"},
    "b as theta": {"b": r"\theta"},
}
WEIGHTS: dict[str, Callable[[str, str], str]] = {
    "weights above": lambda base, names: f"{base}^{{{names}}}",
    "weights with a comma": lambda base, names: f"{base}_{{{names[0]},{names[1]}}}",
    "weights in words": lambda base, names: rf"{base}_{{\text{{{names}}}}}",
}
USES: dict[str, Mapping[str, str]] = {
    "plain weights by two letters": {"xh": "W_{xh}", "hh": "W_{hh}", "hy": "W_{hy}"},
    "plain weights by words": {"xh": r"W_{\text{in}}", "hh": r"W_{\text{rec}}", "hy": r"W_{\text{out}}"},
    "plain weights as of courses": {"xh": "W_{ax}", "hh": "W_{aa}", "hy": "W_{ya}"},
}
LOSSES = {"loss as E": "E", "loss as ell": r"\ell", "loss as a word": r"\mathrm{Loss}"}
_SPOKEN = {"i": "in", "f": "forget", "o": "out"}
GATES: dict[str, Callable[[str, str], str]] = {
    "gates as of courses": lambda letter, time: rf"\Gamma_{letter}^{{\langle {time} \rangle}}",
    "gates in words": lambda letter, time: rf"q_{{{time}}}^{{\text{{{_SPOKEN[letter]}}}}}",
}
MARKS: dict[str, Mapping[str, str]] = {
    "candidates with hats": {letter: rf"\hat{{{letter}}}" for letter in "hcC"},
    "candidates with primes": {letter: f"{letter}'" for letter in "hcC"},
    "candidates by letters": {"h": "n", "c": "g", "C": "g"},
}
FUNCTIONS = {
    "sigmoid in words": (r"\sigma", r"\text{sigmoid}"),
    "tanh in words": (r"\tanh", r"\text{tanh}"),
}

WAYS: dict[str, Way] = {
    **{name: partial(renamed, table) for name, table in LETTERS.items()},
    **{name: partial(placed, write) for name, write in PLACES.items()},
    **{name: partial(weights, write) for name, write in WEIGHTS.items()},
    **{name: partial(by_use, table) for name, table in USES.items()},
    **{name: partial(loss, new) for name, new in LOSSES.items()},
    **{name: partial(gates, write) for name, write in GATES.items()},
    **{name: partial(marks, table) for name, table in MARKS.items()},
    **{name: partial(functions, *names) for name, names in FUNCTIONS.items()},
    "bold weights": bold,
}

MENDED = (
    ("t as n to N", "total_label"), ("loss as ell", "against_the_sum"), ("times apart", "words_for_a_term"),
)  # fmt: skip
"""Notes that were once read otherwise in a style."""
