"""Letters for the argument of a function: a_o, and z of ∂ŷ_t/∂z_t ∂z_t/∂W, which nothing defines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr

from derive import nodes
from derive.nodes import Elementwise, Quantity, Softmax
from derive.patterns import regex
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Found, Letters
from derive.reader.meaning.letters import ARGUMENTS, Written, identifier, taken
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Fraction, Run, Syntax

_ACCENTS = ("tilde", "hat")
_BAR = r"\s*\{?\s*(?:\\(?:mathbf|boldsymbol|bm)\s*\{?\s*)?\\(?:overline|bar)(?![A-Za-z])"
_BARRED = regex(rf"(?:'\s*(?:\\(?:left|[Bb]igg?l?)\s*)?\(|(?:\\(?:delta|partial)|δ|∂)(?![A-Za-z])){_BAR}")
_NAMED_SIGMA = regex(
    r"(?:\\partial|∂)\s*\{?\s*(?:\\sigma(?![A-Za-z])|σ)\s*_\s*(?:\w|\{[^{}]*\})(?!\s*(?:\\left\s*)?\()"
)
"""σ_o that is differentiated, or that something is differentiated by: no function, but what it is taken of."""


def argument_of(letters: Letters, written: Written, fragment: Fragment, *, barred: bool = False) -> Found | None:
    """What a_o means, where nothing else has that name: the argument of the function whose value o is.

    With `barred`, or where a formula has the slope at such a letter or differentiates by it, o with a bar means it too.
    """
    value = _value_of_softmax(letters, written, fragment) or _predicted(letters, written, fragment)
    if value is not None:
        return value
    certain = not letters.meant.bars and _BARRED.search(fragment.text) is not None
    barred = barred or certain
    below = written.base.removesuffix("_bar") if barred else written.base
    bar = below != written.base
    base, _, glued = written.base.partition("_")  # z_o typed as plain text
    named = base in ARGUMENTS or (base == "sigma" and _NAMED_SIGMA.search(fragment.text) is not None)
    if not (bar or named or letters.between) or written.primes or written.stars or written.transposed:
        return None
    holders = {e.symbol.name: e.expression for e in letters.program.equations}
    for labels, time, at, layer in letters.ways(written, fragment):
        labels = [glued, *labels] if glued and not bar else labels
        alone = "" if bar or labels else letters.known.get("net", "").removeprefix("net_")
        above = letters.between.get(identifier("_".join([base, *labels])), "")
        usual = bar or (named and (labels or alone))
        if not above and (layer or len(labels) > (not bar) or not usual):
            continue
        spelled = [*labels, alone or below][0]
        bare = next((spelled.removesuffix(mark) for mark in _ACCENTS if spelled.endswith(mark)), spelled).lower()
        accented = [name for name in holders for mark in _ACCENTS if name.lower() == f"{bare}_{mark}"]
        alike = spelled.isdigit() or spelled not in letters.known  # z^2 of h^2, and z_f of Γ_f
        of_layer = [name for name in holders if alike and name.endswith(f"_{spelled}")]
        of_layer = [name for name in of_layer if isinstance(holders[name], Elementwise)]
        accented += of_layer if len(of_layer) == 1 else []
        for holder in [*([above] if above else ()), *([letters.known.get(spelled, ""), *accented] if usual else ())]:
            inside = holders.get(holder)
            operands = inside.operands if isinstance(inside, Elementwise) else ()
            net = inside.operand if isinstance(inside, Softmax) else operands[0] if len(operands) == 1 else None
            letter = written.base if bar or alone or (above and not labels) else f"{base}_{spelled}"
            other = Guess(f"{letter} is not the argument of {holder}", holds=False, doubtful=True)
            told = bar and certain
            if isinstance(net, Quantity) and (told or not letters.guesses.other(f"argument {holder}", other)):
                letters.guesses.assumed[net.name] = f"{letter} is the argument of {holder}"
                return Found(net.name, nodes.t if time is None else time, at)
    return None


def _value_of_softmax(letters: Letters, written: Written, fragment: Fragment) -> Found | None:
    """What σ_i means where the document defines σ as the softmax: an entry of its value."""
    name = dict(letters.meant.softmaxes).get(written.base)
    found = None if name is None else letters.resolve(replace(written, base=name, face=""), fragment, noted=False)
    if found is not None:
        letters.guesses.assumed[found.name] = f"{written.base} stands for {found.name}"
    return found


def _predicted(letters: Letters, written: Written, fragment: Fragment) -> Found | None:
    """ŷ_t for the y_t of ∂L/∂y_t ∂ŷ_t/∂h_t, where nothing is called y."""
    name = letters.known.get(f"{written.base}_hat")
    above = re.search(
        rf"(?:\\partial|∂)\s*\{{?\s*\\(?:wide)?hat\s*\{{?\s*{re.escape(written.base)}(?![A-Za-z])", fragment.text
    )
    if name is None or above is None or len(written.base) > 1 or written.primes or written.transposed:
        return None
    for labels, time, at, layer in letters.ways(written, fragment):
        other = Guess(f"{written.base} is not {name}", holds=False, doubtful=True)
        if not (labels or at or layer) and time is not None and not letters.guesses.other(f"hat {written.base}", other):
            letters.guesses.assumed[name] = f"{written.base} stands for {name}"
            return Found(name, time, at)
    return None


def between(sides: Sequence[Syntax], letters: Letters, fragment: Fragment) -> dict[str, str]:
    """Names of letters that something is differentiated by, each with the one quantity above it.

    They are differentiated too, ∂s/∂z ∂z/∂W, or usually stand for arguments, or name the function: ∂s/∂φ_s.
    """
    pairs = [pair for side in sides for pair in _derivatives(side)]
    above = {name for one, _ in pairs for name in letters.spellings(one, fragment)}
    values = {e.symbol.name: e.expression for e in letters.program.equations}
    applied = {name: value.function.name for name, value in values.items() if isinstance(value, Elementwise)}
    found: dict[str, set[str]] = {}
    for one, other in pairs:
        holder = letters.resolve(one, fragment, noted=False)
        if holder is None or letters.resolve(other, fragment, noted=False) is not None:
            continue
        for name in letters.spellings(other, fragment):
            if name in above or other.base in ARGUMENTS or name == applied.get(holder.name):
                found.setdefault(name, set()).add(holder.name)
    return {name: holders.pop() for name, holders in found.items() if len(holders) == 1}


def spans(sides: Sequence[Syntax], letters: Letters, fragment: Fragment) -> set[tuple[Expr, Expr]]:
    """The earlier and the later step of derivatives of a quantity by itself, ∂h_t/∂h_k."""
    found: set[tuple[Expr, Expr]] = set()
    for one, other in (pair for side in sides for pair in _derivatives(side)):
        ends = [letters.resolve(each, fragment, noted=False) for each in (other, one)]
        early, late = (None if end is None else end.time for end in ends)
        if early is not None and late is not None and ends[0].name == ends[1].name:  # type: ignore[union-attr]
            found.add((early, late))
    return found


def _derivatives(side: Syntax) -> Iterator[tuple[Written, Written]]:
    """What is differentiated and by what, where both are one letter; below the line the ∂ may be left out."""
    for node in walk(side):
        if isinstance(node, Fraction) and (one := _behind_sign(node.above)) is not None:
            other = _behind_sign(node.below) or taken(node.below)
            if other is not None:
                yield one, other


def _behind_sign(half: Syntax) -> Written | None:
    read = [taken(part) for part in half.factors] if isinstance(half, Run) else []
    return read[1] if len(read) == 2 and read[0] is not None and read[0].base in ("partial", "d") else None
