"""`Linear(x_t)` as W x_t + b, as papers write layers without their weights: each with parameters of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.patterns import regex
from derive.reader.meaning.letters import letter, only
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, whole_letter, with_scripts
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import rewritten, walk
from derive.reader.text.syntax import Chain, Group, Name, Run, Script, Scripted, Sum, Syntax

LAYERS = frozenset(["Linear", "Lin", "lin", "Dense", "FC", "Affine", "linear"])
_LINEAR = regex(r"(?:\\[a-z]+\{)?linear\}?(?:_.*)?")
"""The word for a layer that is one for the identity too, as activations are called."""

UNWRITTEN = "its parameters are not written"


def resolve(document: Document) -> None:
    """Every such layer as a product and a bias; a function of that name which the document defines is none of them."""
    if any(_defines(part) for _, part in document.said()):
        return
    found = [(fragment, node) for fragment, part in document.displayed() for node in _called(part)]
    if not found:
        return
    sizes = _sizes(document)
    taken = {_key(node) for _, part in document.said() for node in letters(part)}
    for formula in document.formulas:
        rows = []
        for row in formula.rows:
            rows.append(tuple(_written_out(part, formula.fragment, document, sizes, taken) for part in row))
        formula.rows = rows


def _is_layer(node: Syntax) -> bool:
    base = base_of(node)
    if not isinstance(base, Name) or not isinstance(node, Name | Scripted | Group):
        return False
    return base.word.partition("_")[0] in LAYERS or _LINEAR.fullmatch(base.latex) is not None


def _is_call(called: Syntax, behind: Syntax) -> bool:
    """Whether a layer stands before its argument; `linear` is the identity before what has weights already."""
    if not _is_layer(called) or not isinstance(behind, Group) or (inner := only(behind.rows)) is None:
        return False
    base = base_of(called)
    both = isinstance(base, Name) and _LINEAR.fullmatch(base.latex) is not None
    return not both or whole_letter(inner) or _is_listed(inner)


def _called(node: Syntax) -> Iterator[Syntax]:
    for part in walk(node):
        if isinstance(part, Run):
            for called, behind in zip(part.factors, part.factors[1:], strict=False):
                if _is_call(called, behind):
                    yield called


def _defines(part: Syntax) -> bool:
    left = part.sides[0] if isinstance(part, Chain) else None
    return isinstance(left, Run) and _is_layer(left.factors[0])


def _sizes(document: Document) -> set[str]:
    """Labels that say how large the value is: those that different quantities share."""
    owners: dict[str, set[str]] = {}
    for _, part in document.displayed():
        if isinstance(part, Chain):
            for node in _called(part):
                owners.setdefault(_label(node), set()).add(_key(part.sides[0]))
    return {one for one, by in owners.items() if len(by) > 1 or one.startswith("d")}


def _written_out(part: Syntax, fragment: Fragment, document: Document, sizes: set[str], taken: set[str]) -> Syntax:
    left = part.sides[0] if isinstance(part, Chain) else None
    owner = None if left is None else base_of(left)
    if not isinstance(part, Chain) or left is None or letter(left) is None or not isinstance(owner, Name):
        return part
    count = len(list(_called(part)))
    number = 0

    def change(node: Syntax) -> Syntax | None:
        nonlocal number
        if not isinstance(node, Run):
            return None
        for at, (called, behind) in enumerate(zip(node.factors, node.factors[1:], strict=False)):
            if not _is_call(called, behind) or not isinstance(behind, Group):
                continue
            number += 1
            label = [] if _label(called) in {"", *sizes} else list(_subscripts(called))
            if not label:
                index = str(number) if count > 1 else ""
                label = [replace(owner, word=owner.word + index, latex=f"{owner.latex} {index}".rstrip())]
            weight, bias = (_parameter(one, label, called) for one in "Wb")
            if _key(weight) in taken:
                return None
            inner = only(behind.rows)
            assert inner is not None
            group = behind if behind.bracket == "LPAR" or _is_listed(inner) else replace(behind, bracket="LPAR")
            product = Run(called.start, behind.end, (weight, group))
            added = Sum(called.start, behind.end, ((1, product), (1, bias)))
            one = Group(called.start, behind.end, "LPAR", ((added,),))
            if not any(guess.why == UNWRITTEN for guess in document.guesses):
                document.guesses.append(_guess(called, behind, fragment))
            rest = Run(node.start, node.end, (*node.factors[:at], one, *node.factors[at + 2 :]))
            return rewritten(rest, change) if len(rest.factors) > 1 else rewritten(one, change)
        return None

    return replace(part, sides=(left, *(rewritten(side, change) for side in part.sides[1:])))


def _guess(called: Syntax, behind: Group, fragment: Fragment) -> Guess:
    written = fragment.text[called.start : behind.end].strip()
    return Guess(
        f"{written} is W v + b, with parameters of its own at each place",
        "write out W v without a bias, or one W for two places",
        UNWRITTEN,
        fragment.place(called.start, behind.end),
    )


def _is_listed(node: Syntax) -> bool:
    return isinstance(node, Group) and node.bracket == "LBRACK"


def _parameter(word: str, label: list[Syntax], at: Syntax) -> Syntax:
    inside: Syntax = label[0] if len(label) == 1 else Run(at.start, at.end, tuple(label))
    return with_scripts(Name(at.start, at.end, word, word), (Script(at.start, at.end, "sub", ((inside,),)),))


def _subscripts(node: Syntax) -> Iterator[Syntax]:
    base = base_of(node)
    if isinstance(base, Name) and (label := base.word.partition("_")[2]):  # linear_z of plain text
        yield Name(base.start, base.end, label, label)
    above = ("sub", "sup")  # lin_{h}^1 beside lin_{h}^2
    yield from (cell for script in scripts_of(node) if script.kind in above for row in script.rows for cell in row)


def _label(node: Syntax) -> str:
    words = (part for one in _subscripts(node) for part in walk(one))
    return "".join(part.word if isinstance(part, Name) else getattr(part, "text", "") for part in words)


def _key(node: Syntax) -> str:
    base = base_of(node)
    word = base.word if isinstance(base, Name) else ""
    return f"{word}_{_label(node)}"
