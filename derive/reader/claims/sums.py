"""What a sum or product sign runs over: j = 1 to n, k < j ≤ t, j ≠ i, i = t down to k + 1."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import pairwise

from sympy import Expr, Integer, Symbol

from derive.reader.meaning import tree
from derive.reader.meaning.letters import TIME_LETTERS, letter, only, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text import syntax
from derive.reader.text.mapping import inside, parts, rewritten, walk
from derive.reader.text.syntax import Big, Dots, Group, Mark, Name, Number, Product, Run, Script, Scripted, Sum, Syntax

UNSAID = "the product without bounds is taken over the steps from {first} to {last}"
_BELOW = {"<": 1, r"\lt": 1, "≤": 0, "⩽": 0, r"\le": 0, r"\leq": 0, r"\leqslant": 0}
_ABOVE = {">": 1, r"\gt": 1, "≥": 0, "⩾": 0, r"\ge": 0, r"\geq": 0, r"\geqslant": 0}
_WEIGHTS = frozenset("WUVRb")
_UNEQUAL = frozenset(["≠", r"\ne", r"\neq"])


@dataclass(frozen=True)
class Bounds:
    """The index of a big sign and its first and last value; `beyond` are added to values that < or > exclude.

    `without` is the index that is left out, `within` the set that it runs over; `unread` says that something stands
    there that is not understood, as a set is where the index counts.
    """

    word: str = ""
    first: Syntax | None = None
    last: Syntax | None = None
    without: str = ""
    within: str = ""
    beyond: tuple[int, int] = (0, 0)
    unread: bool = False
    implied: bool = False
    """Whether the bounds name no index: the last value is it, as in ∏_{k+1}^{j} a_j."""

    @property
    def unsaid(self) -> bool:
        """Whether the last value is written alone: Σ_t^T."""
        return self.first is not None and self.first.start == self.first.end

    def times(self) -> tuple[Expr | None, Expr | None]:
        """First and last value where they are times; None where nothing or something else stands."""
        low, high = time_expression(self.first), time_expression(self.last)
        return (
            None if low is None else low + Integer(self.beyond[0]),
            None if high is None else high - Integer(self.beyond[1]),
        )


def _implied(node: Big) -> bool:
    """Whether the bounds are two values and no index, which stands in what is multiplied: ∏_{k+1}^{j} a_j."""
    if [script.kind for script in node.scripts] != ["sub", "sup"]:
        return False
    (below, *_), (above, *_) = ([cell for row in script.rows for cell in row] for script in node.scripts)
    if not isinstance(below, Sum) or not isinstance(above, Name) or time_expression(below) is None:
        return False
    return has_free(node.body, above.word) and not has_free(below, above.word)


BATCHES = frozenset(["batch", "samples", "examples", "data"])
"""Words below a sum over the examples of a batch, of which the mathematics has one."""
BATCH_SIZES = frozenset(["batch_size", "batchsize", "batchSize", "n_batch", "num_examples", "n_examples"])
"""Words for how many examples a batch has."""


def _spelled(cell: Syntax) -> str:
    """The word whose letters stand beside each other, as in \\sum_{batch}."""
    names = cell.factors if isinstance(cell, Run) else ()
    return "".join(part.word for part in names if isinstance(part, Name)) if len(names) > 3 else ""


def bounds(node: Big) -> Bounds:
    """What the scripts of a big sign say."""
    kinds = [script.kind for script in node.scripts]
    word, without, within = "", "", ""
    unread = len(set(kinds)) < len(kinds) or not set(kinds) <= {"sub", "sup"}
    ends: dict[str, Syntax] = {}
    beyond = {"first": 0, "last": 0}
    for script in node.scripts:
        cells = [cell for row in script.rows for cell in row]
        if script.kind == "sup" and cells:
            if isinstance(cells[0], Mark):
                unread = True
            ends["last"] = cells[0]
            continue
        if (steps := _steps(cells)) is not None:
            index, ends["first"], ends["last"] = steps
            unread, word = unread or word not in ("", index.word), index.word
            continue
        for cell in cells:
            while isinstance(cell, Group) and (inner := only(cell.rows)) is not None:
                cell = inner
            if (spelled := _spelled(cell)) in BATCHES:
                word = spelled
                continue
            if isinstance(cell, Name):
                unread = unread or word not in ("", cell.word)
                word = word or cell.word
                continue
            if not isinstance(cell, syntax.Chain):
                unread = True
                continue
            kinds = [relation.type for relation in cell.relations]
            signs = [relation.word.strip() for relation in cell.relations]
            left, right = cell.sides[0], cell.sides[-1]
            if kinds == ["EQ"] and isinstance(left, Name):
                unread = unread or word not in ("", left.word)
                word, ends["first"] = left.word, right
            elif kinds == ["IN"] and isinstance(left, Name) and isinstance(right, Name):
                word, within, unread = left.word, right.word, True
            elif len(signs) == 1 and signs[0] in _UNEQUAL and isinstance(left, Name) and isinstance(right, Name):
                own = word or left.word
                word, without = own, right.word if right.word != own else left.word
            elif _ordered(signs) and (middle := _index(cell, word)) is not None:
                at = cell.sides.index(middle)
                assert isinstance(middle, Name)
                word = middle.word
                rising = signs[0] in _BELOW
                for side, position in ((at - 1, at - 1), (at + 1, at)):
                    if 0 <= side < len(cell.sides):
                        end = "first" if (side < at) == rising else "last"
                        ends[end] = cell.sides[side]
                        beyond[end] = {**_BELOW, **_ABOVE}[signs[position]]
            else:
                unread = True
    implied = unread and not word and _implied(node)
    if implied and isinstance(ends["last"], Name):
        word, ends["first"], unread = ends["last"].word, node.scripts[0].rows[0][0], False
    if word in TIME_LETTERS and "first" not in ends and isinstance(ends.get("last"), Name):
        ends["first"] = Number(node.start, node.start, "1")  # Σ_t^T
    excluded = (beyond["first"], beyond["last"])
    return Bounds(word, ends.get("first"), ends.get("last"), without, within, excluded, unread, implied)


def _steps(cells: list[Syntax]) -> tuple[Name, Syntax, Syntax] | None:
    """The index, first and last value of a list of steps with dots: n ∈ {N, ..., 2} and k = 1, 2, ..., t."""
    chain = cells[0] if cells else None
    if not isinstance(chain, syntax.Chain) or len(chain.sides) != 2:
        return None
    left, right = chain.sides
    kind, values = chain.relations[0].type, [right, *cells[1:]]
    if kind == "IN" and isinstance(right, Group) and len(right.rows) == len(cells) == 1:
        values = list(right.rows[0])
    elif kind != "EQ":
        return None
    *known, dots, last = values if len(values) > 2 else (left, left, left)
    if not isinstance(left, Name) or not isinstance(dots, Mark) or dots.kind != "dots":
        return None
    times = [time_expression(each) for each in (*known, last)]
    if any(time is None for time in times) or len(known) > 3:
        return None
    gaps = {second - first for first, second in pairwise(times[:-1]) if first is not None and second is not None}
    return (left, known[0], last) if len(gaps) < 2 and gaps <= {1, -1} else None


def over_letters(node: Big, candidate: bool = False) -> tuple[list[Syntax], str]:
    """The bodies of a sum over a list of letters, Σ_{g ∈ {i, f, o}} W_g^⊤ δ_g, one for each; none for another sum.

    The letters may also stand behind =, as in Σ_{g=i,f,o}. With `candidate` c is c̃, but in the labels of weights.

    And the index, where it is a letter with scripts of its own too: g of ∂L/∂g_t.
    """
    index, members = _listed(node)
    if not isinstance(index, Name) or len(members) < 2 or any(letter(one) is None for one in members):
        return [], ""

    def named(member: Syntax, label: bool = False) -> Callable[[Syntax], Syntax | None]:
        def put(part: Syntax) -> Syntax | None:
            if candidate and not label and isinstance(part, Scripted) and isinstance(part.base, Name):
                return rewritten(part, named(member, True)) if part.base.word in _WEIGHTS else None
            if not isinstance(part, Name) or part.word != index.word:
                return None
            accented = candidate and not label and is_candidate(member)
            return replace(part, word="c_tilde", latex=r"\tilde{c}") if accented else member

        return put

    bases = [part.base for part in walk(node.body) if isinstance(part, Scripted)]
    alone = any(isinstance(base, Name) and base.word == index.word for base in bases)
    return [rewritten(node.body, named(member)) for member in members], index.word if alone else ""


def has_candidate(node: Big) -> bool:
    """Whether a sum runs over the gates f and i, and c."""
    _, members = _listed(node)
    words = {one.word for one in members if isinstance(one, Name)}
    return {"f", "i"} <= words and any(map(is_candidate, members))


def is_candidate(member: Syntax) -> bool:
    """Whether a letter of such a list is c, which is the cell state elsewhere."""
    return isinstance(member, Name) and member.word == "c"


def _listed(node: Big) -> tuple[Syntax | None, tuple[Syntax, ...]]:
    """The index of a sum over a list of letters, and these."""
    cells = [cell for row in node.scripts[0].rows for cell in row] if len(node.scripts) == 1 else []
    first = cells[0] if cells and node.sign == "sum" and node.scripts[0].kind == "sub" else None
    if not isinstance(first, syntax.Chain) or len(first.sides) != 2:
        return None, ()
    index, listed = first.sides
    if first.relations[0].type == "EQ" and len(cells) > 1 and isinstance(listed, Name):
        return index, (listed, *cells[1:])
    within = first.relations[0].type == "IN" and len(cells) == 1 and isinstance(listed, Group)
    return (index, listed.rows[0]) if within and isinstance(listed, Group) and len(listed.rows) == 1 else (None, ())


def shifts(body: Term, index: Symbol) -> bool:
    """Whether an index counts from another step on, as in J_{t+i}, so that it runs over other than all steps."""
    times = (time.free_symbols for time in tree.times(body))
    return any(index in letters and len(letters) > 1 for letters in times)


def unsaid_range(beside: Term | None, body: Term, counter: Symbol) -> tuple[Expr, Expr] | None:
    """The steps of a product without bounds, ∏_j ∂h_j/∂h_{j-1}, by what it is said to be: ∂h_t/∂h_k, or a product."""
    if isinstance(beside, tree.OverTime) and beside.product:
        first, last = beside.first, beside.last
    elif (
        isinstance(beside, tree.Derivative)
        and beside.of.name == beside.by.name
        and beside.of.time is not None
        and beside.by.time is not None
    ):
        first, last = beside.by.time + 1, beside.of.time
    else:
        return None
    onward = any(time == counter + 1 for time in tree.times(body))  # ∂h_{j+1}/∂h_j
    return (first - 1, last - 1) if onward else (first, last)


def largest(node: Syntax, body: Syntax | None) -> Big | None:
    """max_{k<j≤τ} or max_j as a sign in front of what stands behind it; None for any other letter or max."""
    if not isinstance(node, Scripted) or not isinstance(node.base, Name) or node.base.word != "max":
        return None
    if len(node.scripts) != 1 or node.scripts[0].kind != "sub" or body is None:
        return None
    sign = Big(node.start, body.end, "max", node.scripts, body)
    found = bounds(sign)
    return None if found.unread or not found.word or (found.first is None) != (found.last is None) else sign


def nested(node: Big) -> Big:
    """Σ_{i,j} as Σ_i Σ_j; where bounds stand beside the indices, it is left as it is."""
    scripts = [script for script in node.scripts if script.kind == "sub"]
    if len(scripts) != 1 or len(node.scripts) != 1:
        return node
    names = [cell for row in scripts[0].rows for cell in row]
    if len(names) < 2 or not all(isinstance(name, Name) for name in names):
        return node
    body = node.body
    for name in reversed(names):
        body = replace(node, scripts=(replace(scripts[0], rows=((name,),)),), body=body)
    assert isinstance(body, Big)
    return body


def completed(node: Big) -> tuple[Big, str]:
    """The sign with what its bounds leave out, and what was taken for that: Σ_{k=0}{t} a_k and ∏_{k+1}^{j} a_j."""
    cells = [cell for script in node.scripts for row in script.rows for cell in row]
    kinds = [script.kind for script in node.scripts]
    if kinds == ["sub"] and len(cells) == 1 and isinstance(cells[0], syntax.Chain):
        last, rest = _first_braces(node.body)
        if rest is not None and time_expression(last) is not None and bounds(node).first is not None:
            assert last is not None
            above = Script(last.start, last.end, "sup", ((last,),))
            words = f"the {node.sign} ends at what stands in braces behind its sign"
            return replace(node, scripts=(*node.scripts, above), body=rest), words
    if (found := bounds(node)).implied:
        return node, f"the {node.sign} runs over {found.word}, as its bounds name no index"
    return node, ""


def unequal(side: Syntax) -> frozenset[frozenset[str]]:
    """The pairs of letters that a sum of a side keeps apart, Σ_{i≠j}."""
    found = (bounds(part) for part in walk(side) if isinstance(part, Big))
    return frozenset(frozenset((each.word, each.without)) for each in found if each.without)


def other_index(node: Big, found: Bounds, apart: Collection[frozenset[str]]) -> Bounds | None:
    """Σ_{i≠j} as a sum over j, where what is summed has both; and Σ_{i=j} beside it. None for any other sum."""
    first = found.first.word if isinstance(found.first, Name) else ""
    other = found.without or (first if frozenset((found.word, first)) in apart else "")
    if not other or found.word in TIME_LETTERS or not all(has_free(node.body, each) for each in (found.word, other)):
        return None
    if found.without:
        return replace(found, word=other, without=found.word)
    assert found.first is not None
    return replace(found, word=other, first=Name(found.first.start, found.first.end, found.word, found.word))


def at_entry(body: Syntax, found: Bounds) -> Syntax:
    """What the sum over i = j has, which is one term."""
    return rewritten(body, lambda part: found.first if isinstance(part, Name) and part.word == found.word else None)


def _first_braces(body: Syntax) -> tuple[Syntax | None, Syntax | None]:
    """What stands in braces in front of a term, and the term without that."""
    if not isinstance(body, Run | Product | Dots):
        return None, None
    first, others = body.factors[0], body.factors[1:]
    if isinstance(body, Run) and isinstance(first, Group) and first.bracket == "LBRACE":
        return only(first.rows), others[0] if len(others) == 1 else replace(body, start=others[0].start, factors=others)
    last, rest = _first_braces(first)
    return last, None if rest is None else replace(body, start=rest.start, factors=(rest, *others))


def _ordered(signs: list[str]) -> bool:
    """Whether all signs point the same way, so that a chain of two or three sides is an interval."""
    return len(signs) in (1, 2) and (all(s in _BELOW for s in signs) or all(s in _ABOVE for s in signs))


def _index(chain: syntax.Chain, word: str) -> Name | None:
    """The index in k < j ≤ t (the middle one), or in k ≥ t (the left one, unless the right one is known to be it)."""
    if len(chain.sides) == 3:
        middle = chain.sides[1]
        return middle if isinstance(middle, Name) and word in ("", middle.word) else None
    found = [side for side in chain.sides if isinstance(side, Name) and word in ("", side.word)]
    return found[0] if found else None


def inside_times(found: Bounds) -> set[str]:
    """The letters in the bounds, which are times where the index is one."""
    ends = [end for end in found.times() if end is not None]
    return {str(symbol) for end in ends for symbol in end.free_symbols}


def reaching(node: Syntax, own: bool = False) -> Syntax:
    """The same with every ∑ reaching over the terms behind it, up to the last that has its index: Σ_t a_t + b_t.

    Where no term has the index of a sum over steps, Σ_t a + b, it reaches over all.

    Behind a minus, -Σ_t a_t + b_t is -Σ_t (a_t + b_t), or where every term keeps its `own` sign -Σ_t a_t + Σ_t b_t.
    """
    found = inside(node, lambda part: reaching(part, own))
    return _gathered(found, own) if isinstance(found, Sum) else found


def _gathered(node: Sum, own: bool) -> Sum:
    for number, (sign, term) in enumerate(node.terms):
        before, big = (term.factors[:-1], term.factors[-1]) if isinstance(term, Run) else ((), term)
        if not isinstance(big, Big) or big.sign != "sum":
            continue
        word = bounds(big).word
        behind = node.terms[number + 1 :]
        reached = max((i + 1 for i, (_, other) in enumerate(behind) if word and has_free(other, word)), default=0)
        if word in TIME_LETTERS and not reached and not has_free(big.body, word):
            reached = len(behind)  # Σ_t ŷ - y, where no letter is written with its step
        if not reached:
            continue
        end = behind[reached - 1][1].end
        inside = tuple((other * sign if own else other, part) for other, part in behind[:reached])
        body = Sum(big.body.start, end, ((1, big.body), *inside))
        whole: Syntax = replace(big, body=body, end=end)
        whole = replace(term, factors=(*before, whole), end=end) if isinstance(term, Run) else whole
        return replace(node, terms=(*node.terms[:number], (sign, whole), *behind[reached:]))
    return node


def has_free(node: Syntax, word: str) -> bool:
    """Whether an index stands in a part, outside the sums over it."""
    if isinstance(node, Name):
        return node.word == word
    if isinstance(node, Big) and bounds(node).word == word:
        return False
    return any(has_free(part, word) for part in parts(node))
