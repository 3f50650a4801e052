"""The entry of a distribution that belongs to the class of a step, log p_t[y_t], as y_t^⊤ log p_t with y_t one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.reader.meaning.letters import only, time_of
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document, Formula, is_claim
from derive.reader.resolving.rewriting import scripts_of, whole_letter, with_scripts
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import rewritten
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Group, Mark, Name, Run, Script, Syntax


def resolve(document: Document) -> None:
    """Every logarithm of such an entry as a product with the vector of the class, which the loss compares with."""
    classes: dict[str, Fragment] = {}

    def change(node: Syntax) -> Syntax | None:
        if not isinstance(node, Run):
            return None
        for at, factor in enumerate(node.factors):
            picked = _picked(node.factors[at + 1 :]) if isinstance(factor, Name) and factor.word == "log" else None
            if picked is None:
                continue
            value, class_, used = picked
            written = document.fragment.text[class_.start : class_.end].strip()
            classes.setdefault(written, Fragment.of(written, document.fragment.file, plain=document.fragment.plain))
            top = Script(class_.end, class_.end, "sup", ((Mark(class_.end, class_.end, "top"),),))
            vector = with_scripts(class_, (*scripts_of(class_), top))
            of = Group(value.start, value.end, "LPAR", ((value,),))
            return replace(node, factors=(*node.factors[:at], vector, factor, of, *node.factors[at + 1 + used :]))
        return None

    for formula in document.formulas:
        document.fragment = formula.fragment
        for number, row in enumerate(formula.rows):
            own = (part if isinstance(part, Chain) and is_claim(part) else rewritten(part, change) for part in row)
            formula.rows[number] = tuple(own)
    for written, fragment in classes.items():
        for key, words in (("target", ""), ("assume", "one-hot")):
            declared = Declaration(key, (fragment,), words)
            document.declarations.append((declared, [Formula(fragment, parse(fragment))]))
        why = "the logarithm of one entry is a cross-entropy"
        document.guesses.append(Guess(f"${written}$ is one-hot, and picks an entry", "it is a factor", why))


def _picked(factors: Sequence[Syntax]) -> tuple[Syntax, Syntax, int] | None:
    """The distribution, the class, and how many factors say so: p_t[y_t], (p_t[y_t]) or p_{t, y_t}."""
    first = factors[0] if factors else None
    if isinstance(first, Group) and first.bracket == "LPAR" and (inner := only(first.rows)) is not None:
        found = _picked(inner.factors if isinstance(inner, Run) else (inner,))
        whole = found is not None and found[2] == (len(inner.factors) if isinstance(inner, Run) else 1)
        return (found[0], found[1], 1) if whole and found is not None else None
    if first is None or not whole_letter(first):
        return None
    behind = factors[1] if len(factors) > 1 else None
    inside = only(behind.rows) if isinstance(behind, Group) and behind.bracket == "LBRACK" else None
    if inside is not None:
        return (first, inside, 2) if _is_of_this_step(inside) else None
    scripts = scripts_of(first)
    cells = scripts[-1].rows[0] if scripts and scripts[-1].kind == "sub" and len(scripts[-1].rows) == 1 else ()
    if len(cells) == 2 and time_of(cells[0]) == 0 and _is_of_this_step(cells[1]):
        return with_scripts(first, (*scripts[:-1], replace(scripts[-1], rows=((cells[0],),)))), cells[1], 1
    return None


def _is_of_this_step(node: Syntax) -> bool:
    """Whether this is a letter at t."""
    return whole_letter(node) and any(time_of(cell) == 0 for s in scripts_of(node) for row in s.rows for cell in row)
