"""Two typefaces of one letter that a document uses side by side are two letters."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import base_of, letters, symbol_of
from derive.reader.text.faces import apart, face
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Name, Syntax


def _said_of(part: Syntax) -> Syntax:
    """What a declaration is about: the set behind ∈ is no letter of the document."""
    member = isinstance(part, Chain) and len(part.sides) == 2 and part.relations[0].type == "IN"
    return part.sides[0] if member and isinstance(part, Chain) else part


def _carried(steps: list[set[int | None]]) -> bool:
    """Whether of two typefaces one stands at the step before alone, where the other never stands."""
    before = [each == {-1} for each in steps]
    return (
        len(steps) == 2
        and sum(before) == 1
        and all(one or (0 in each and -1 not in each) for each, one in zip(steps, before, strict=True))
    )


def resolve(document: Document) -> None:
    """Give letters that differ in their typeface alone names of their own, where one formula has both."""
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    together: dict[str, set[str]] = defaultdict(set)
    written: dict[tuple[str, str], str] = {}
    steps: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for fragment, part in document.said():
        here: dict[str, set[str]] = defaultdict(set)
        for node in letters(_said_of(part)):
            base, found = base_of(node), symbol_of(node, fragment)
            if found is not None and isinstance(base, Name):
                uses[found.name][face(base)] += 1
                here[found.name].add(face(base))
                steps[found.name, face(base)].add(found.offset)
                written.setdefault((found.name, face(base)), base.latex)
        for name, beside in here.items():
            if len(beside) > 1:
                together[name] |= beside
    if not any(len(faces) > 1 for faces in uses.values()):
        return
    for name, faces in uses.items():
        carried = _carried([steps[name, one] for one in faces])
        if len(faces) > 1 and (name not in together or carried):
            together.pop(name, None)
            several = " and ".join(written[name, one] for one in faces)
            why = "one of them is only that of the step before" if carried else "no formula has both typefaces of it"
            document.guesses.append(Guess(f"{several} are one letter", "two letters", why))

    def kept(name: str) -> str:
        return "" if "" in uses[name] else uses[name].most_common(1)[0][0]

    def rename(node: Syntax) -> Syntax | None:
        base, found = base_of(node), symbol_of(node, document.fragment)
        if found is None or not isinstance(base, Name):
            return None
        own = face(base)
        if found.name not in together or own == kept(found.name):
            return node
        word = apart(base.word, own)
        return rewritten(node, lambda part: replace(part, word=word) if part is base else None)

    document.rewrite(rename)
