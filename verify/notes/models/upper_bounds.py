"""Letters for upper bounds of norms, as ‖W‖ ‖diag(f'(h_j))‖ ≤ β_W β_h says that β_W and β_h are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from sympy import S

from derive import nodes
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.chains import Statement
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, identifier, label, number_of, only, taken
from derive.reader.meaning.tree import Term
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Bars, Chain, Group, Name, Product, Run, Scripted, Syntax

_OF_EIGENVALUES = (
    r"(?:spectral radi(?:us|i)|eigen-?\s?\w+|autoval\w*|autovet\w*|valeurs? propres?|rayon spectral|собственн\w*"
    r"|valor(?:es)? (?:propi|própri)\w*|r[aá][dt]?io espectral|raggio spettrale|spektralradi\w*|спектральн\w* радиус\w*"
    r"|谱半径|譜半徑|特征值|特徵值|スペクトル半径|固有値|스펙트럼 반경|고윳값|고유값)"
)
EIGENVALUES = regex(_OF_EIGENVALUES, re.IGNORECASE)
"""Words for what bounds no norm: a letter in a note with them may stand for it."""
_OF_NORMS = (
    r"(?:singular\s+values?|spectral\s+norms?|(?:operator|matrix)\s+norms?|(?:upper\s+)?bound(?:s|ed)?\b|valor(?:es)?\s+singular\w*"
    r"|valeurs?\s+singuli\w*|norma\s+espectral|сингулярн\w*|奇异值|奇異值|特異値|특잇?값|谱范数|譜範數|上界|不超过)"
)


def _naming(words: str) -> re.Pattern[str]:
    """The letters that words are said of: $λ$ is the ..., the ... $λ$ of $W$, the ... of $W$, $λ$."""
    return regex(
        rf"\$\s*(?P<letter>[^$=]{{1,40}}?)\s*\$[^.$。]{{0,30}}?{words}"
        rf"|{words}[^.$。]{{0,25}}?\$\s*(?P<behind>[^$=]{{1,40}}?)\s*\$(?:[^.$。]{{0,15}}?\$\s*(?P<last>[^$=]{{1,40}}?)\s*\$)?",
        re.IGNORECASE,
    )


_OF_SLOPES = (
    r"(?:derivatives?|slopes?|activations?|\\(?:tanh|sigma|phi|varphi)\s*'|derivad\w*|d[ée]riv[ée]\w*|ableitung\w*"
    r"|производн\w*|导数|導數|激活|斜率|微分)"
)
_EIGENVALUE, _SINGULAR, _SLOPE = map(_naming, (_OF_EIGENVALUES, _OF_NORMS, _OF_SLOPES))
_DERIVED = tree.Derivative | tree.Gradient
_AT_MOST = frozenset(["≤", "<", "<=", r"\le", r"\leq", r"\leqslant", r"\lt", r"\leqq"])


def products_of_norms(statement: Statement, claiming: Claiming) -> Iterator[tuple[Term, ...]]:
    """The norms whose product a norm is said to be at most: ‖∂h_j/∂h_{j-1}‖ ≤ ‖diag(f')‖ ‖W‖."""
    for left, right in _compared(statement):
        norms = _factors(right)
        said = [term for each in norms if _is_norm(each) and (term := _largest(each, claiming)) is not None]
        if len(said) == len(norms) > 1 and _is_norm(left):
            yield tuple(said)


def upper_bounds(
    statement: Statement, claiming: Claiming, products: Sequence[tuple[Term, ...]] = ()
) -> Iterator[tuple[str, Term]]:
    """The letters that each stand for the largest that a norm is: what holds of these holds of all greater ones.

    `products` are what norms of derivatives are said to be at most, which the same number of letters stands for.
    """
    for left, right in _compared(statement):
        norms, letters = _factors(left), _factors(right)
        if not all(map(_is_norm, norms)):
            continue
        known = dict(claiming.letters.meant.errors)
        named = [_named(each, claiming) for each in letters]
        said = [term for each in norms if (term := _largest(each, claiming)) is not None]
        if len(said) != len(letters) and products and len(products[-1]) == len(letters):
            said = list(products[-1])
        elif len(norms) != len(letters):
            continue
        for name in known.keys() & named:
            said = [term for term in said if term != known[name]]
        new = [name for name in named if name not in known]
        if "" not in new and len(new) == len({*new}) == len(said):
            yield from zip(new, said, strict=True)


def _compared(statement: Statement) -> Iterator[tuple[Syntax, Syntax]]:
    """The sides of which one is said to be at most the other."""
    for relation, pair in zip(statement.relations, pairwise(statement.sides), strict=False):
        if statement.fragment.text[relation.start : relation.end].strip() in _AT_MOST:
            yield pair


def eigenvalues(lines: Iterable[str]) -> set[str]:
    """The letters that words call a spectral radius or an eigenvalue, which may be less than any norm."""
    return _called(_EIGENVALUE, lines)


def singular_values(lines: Iterable[str]) -> set[str]:
    """The letters that words call a singular value, a norm or a bound."""
    return _called(_SINGULAR, lines)


def slopes(lines: Iterable[str]) -> set[str]:
    """The letters that words say of slopes, which are one part of a Jacobian."""
    return _called(_SLOPE, lines)


def equated(statement: Statement, claiming: Claiming) -> str:
    """The name of a letter that stands for no quantity and that an equation says something of; empty for any other."""
    return _named(statement.sides[0], claiming)


def _called(words: re.Pattern[str], lines: Iterable[str]) -> set[str]:
    found = (letter for line in lines for match in words.finditer(line) for letter in match.groups() if letter)
    return {*map(_name, found)} - {""}


def _name(written: str) -> str:
    """The name of a letter with its labels, of λ(W) < 1 too; empty for anything else."""
    fragment = Fragment.of(written)
    try:
        (side,) = parse(fragment)[0]
        side = side.sides[0] if isinstance(side, Chain) else side
        called = isinstance(side, Run) and len(side.factors) == 2 and isinstance(side.factors[1], Group)
        found = taken(side.factors[0] if isinstance(side, Run) and called else side)
        return "" if found is None else _labelled(found, fragment)
    except (InputError, ValueError):
        return ""


def _labelled(found: Written, fragment: Fragment) -> str:
    return identifier("_".join([found.base, *(label(part, fragment) for _, part in found.parts)]))


def _factors(side: Syntax) -> Sequence[Syntax]:
    plain = isinstance(side, Product) and all(sign.kind == "TIMES" and not sign.negative for sign in side.operators)
    if isinstance(side, Run) or (isinstance(side, Product) and plain):
        return [one for factor in side.factors for one in _factors(factor)]
    return [side]


def _is_norm(side: Syntax) -> bool:
    if isinstance(side, Scripted) and [script.kind for script in side.scripts] == ["sub"]:
        side = side.base if number_of(only(side.scripts[0].rows)) == 2 else side
    return isinstance(side, Bars) and side.bracket == "LNORM"


def _named(side: Syntax, claiming: Claiming) -> str:
    """The name of a letter that stands for no quantity; empty for any other."""
    found = claiming.letters.taken(side, claiming.fragment) if isinstance(side, Name | Scripted) else None
    if found is None or found.primes or found.transposed or found.power is not None:
        return ""
    try:
        known = claiming.letters.resolve(found, claiming.fragment, noted=False) is not None
        name = _labelled(found, claiming.fragment)
    except InputError:
        return ""
    return "" if known or claiming.loss(found) is not None else name


def _of_one_step(term: Term) -> bool:
    """Whether this is how a state answers to the step before: ∂h_j/∂h_{j-1}."""
    if not isinstance(term, tree.Derivative) or term.of.time is None or term.by.time is None:
        return False
    return term.of.name == term.by.name and bool(term.of.time - term.by.time == 1) and not (term.of.at or term.by.at)


def _largest(side: Syntax, claiming: Claiming) -> Term | None:
    """A norm of a weight, or the largest of all steps of one that has a step; None for the norm of a derivative."""
    claiming.bounding = True
    try:
        term = claiming.term(side)
    except InputError:
        return None
    finally:
        claiming.bounding = False
    inner = term.body if isinstance(term, tree.Norm) else term
    if not _of_one_step(inner) and any(isinstance(part, _DERIVED) for part in tree.walk(term)):
        return None
    steps = {symbol for time in tree.times(term) for symbol in time.free_symbols}
    if not steps:
        return None if tree.times(term) else term
    step = steps.pop()
    free = tree.index_clash(tree.index_clash(step))  # no index of a product that the letter stands in
    return (
        None if steps else tree.Largest(tree.at_times(term, lambda e: e.xreplace({step: free})), free, S.One, nodes.T)
    )
