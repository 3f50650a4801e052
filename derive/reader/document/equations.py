"""Which formulas of a document are equations of its cell, which declare, and which are claims beside it."""

from __future__ import annotations

from dataclasses import replace

from derive.reader.document import last_step
from derive.reader.meaning.letters import letter, number_of, time_of
from derive.reader.meaning.symbols import symbol
from derive.reader.meaning.where import Declared
from derive.reader.resolving.document import Document, is_claim
from derive.reader.resolving.rewriting import letters, symbol_of, whole_letter
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Bars, Chain, Group, Name, Number, Run, Sum, Syntax
from derive.reader.text.words import ABOVE, BELOW, COMPARED

ESTIMATES = frozenset(["≈", r"\approx", "∼", r"\sim", r"\simeq", "≃"])
"""Relations by which nothing is defined."""
POSITIVE = frozenset(["softplus", "exp", "sigmoid", "sigma", "abs"])
"""Functions that give nothing below zero."""


def assigned_in(document: Document) -> set[str]:
    """The names that some equation gives a value at a step."""
    found = set()
    for fragment, part in document.displayed():
        left = part.sides[0] if isinstance(part, Chain) else part
        factor = left.factors[0] if isinstance(left, Run) else left
        named = symbol(factor, fragment) if letter(factor) is not None else None
        if named is not None and (named.offset is not None or isinstance(left, Run)):
            found.add(named.name)
    return found


def names_in(document: Document) -> set[str]:
    """The names of all letters in the displayed formulas but those that only say D = H."""
    return {
        found.name
        for fragment, part in document.displayed()
        if not (isinstance(part, Chain) and len(part.sides) == 2 and all(map(whole_letter, part.sides)))
        for node in letters(part)
        if (found := symbol_of(node, fragment)) is not None
    }


def equations_in(document: Document, declared: Declared) -> list[tuple[Fragment, Chain]]:
    """The equations of the displayed formulas; definitions without a time among them are declarations."""
    found, claims = [], []
    for fragment, part in document.displayed():
        if isinstance(part, Name) and part.latex.startswith("\\text"):
            continue  # words beside an equation
        if not isinstance(part, Chain):
            raise fragment.error(
                f"expected '=' after {fragment.text[part.start : part.end].strip()!r}", part.start, part.end,
                "an equation reads h_t = ...",
            )  # fmt: skip
        part = _with_comparison(_without_bound(_without_estimates(part)), fragment)
        relations = [relation.type for relation in part.relations]
        if relations == ["IN"] and is_claim(part):
            continue  # the set that a derivative is in
        if relations == ["IN"]:
            declared.relation(part, [], fragment)
            continue
        if set(relations) != {"EQ"}:
            wrong = next(r for r in part.relations if r.type != "EQ")
            hint = COMPARED if wrong.word in ABOVE | BELOW else ""
            raise fragment.error(f"expected '=', not {wrong.word!r}", wrong.start, wrong.end, hint)
        if _is_definition(part, fragment):
            declared.relation(part, [], fragment)
        elif is_claim(part):
            claims.append((fragment, part))
        else:
            found.append((fragment, part))
    if not found:
        return claims
    if (asked := last_step.question(found, assigned_in(document))) is not None:
        raise asked
    document.remarks += claims
    return found


def _without_estimates(chain: Chain) -> Chain:
    """An equation without what its last side is roughly equal to, or is meant to be: o_t = V h_t ≈ y_t."""
    sides, relations = chain.sides, chain.relations
    while len(relations) > 1 and relations[-1].word in ESTIMATES:
        sides, relations = sides[:-1], relations[:-1]
    return replace(chain, end=sides[-1].end, sides=sides, relations=relations)


def _without_bound(chain: Chain) -> Chain:
    """a_t = softplus(W x_t) > 0 without what only says where a_t lies, as it does by its form."""
    kinds = [relation.type for relation in chain.relations]
    if kinds != ["EQ", "RELATION"] or chain.relations[1].word not in ABOVE or number_of(chain.sides[2]) != 0:
        return chain
    terms = chain.sides[1].terms if isinstance(chain.sides[1], Sum) else ((1, chain.sides[1]),)
    formed = [_is_positive(term) for sign, term in terms if sign == 1]
    plain = all(whole_letter(term) or number_of(term) is not None or _is_positive(term) for _, term in terms)
    if len(formed) < len(terms) or not any(formed) or not plain:
        return chain
    return Chain(chain.start, chain.sides[1].end, chain.sides[:2], chain.relations[:1])


def _is_positive(node: Syntax) -> bool:
    """Whether this is softplus(x), exp(x) or |x|."""
    if isinstance(node, Run) and len(node.factors) == 2:
        called, of = node.factors
        return isinstance(called, Name) and called.word in POSITIVE and isinstance(of, Group)
    return isinstance(node, Bars)


def _with_comparison(chain: Chain, fragment: Fragment) -> Chain:
    """s_t = v_t > a in plain text, as programs write it, as s_t = 1[v_t > a]."""
    kinds = [relation.type for relation in chain.relations]
    if not fragment.plain or kinds != ["EQ", "RELATION"] or chain.relations[1].word not in ABOVE | BELOW:
        return chain
    if number_of(chain.sides[2]) is not None:
        return chain  # a_t = exp(x_t) > 0 may say where a_t lies
    compared = Chain(chain.sides[1].start, chain.end, chain.sides[1:], chain.relations[1:])
    at = compared.start
    one = Run(at, chain.end, (Number(at, at, "1"), Group(at, chain.end, "LBRACK", ((compared,),))))
    return replace(chain, sides=(chain.sides[0], one), relations=chain.relations[:1])


def _is_definition(chain: Chain, fragment: Fragment) -> bool:
    """Whether this says what a function or a constant is: f(a) = ..., σ = ReLU, α = 0.1."""
    left, right = chain.sides[0], chain.sides[1]
    if len(chain.sides) > 2:
        return False
    named = symbol(left, fragment) if letter(left) is not None else None
    if named is not None:
        if named.offset is not None or number_of(right) is not None:
            return named.offset is None
        meant = symbol(right, fragment) if letter(right) is not None else None
        return meant is not None and meant.offset is None
    if not (isinstance(left, Run) and len(left.factors) == 2 and isinstance(left.factors[1], Group)):
        return False
    found = symbol(left.factors[0], fragment) if letter(left.factors[0]) is not None else None
    return found is not None and found.offset is None and time_of(left.factors[1]) is None
