"""Two typefaces of one letter that a document uses side by side are two letters."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from derive.reader.resolving.document import Document
from derive.reader.resolving.guesses import Guess
from derive.reader.resolving.rewriting import base_of, letters, symbol_of
from derive.reader.text.faces import apart, face
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Name, Syntax


def _said_of(part: Syntax) -> Syntax:
    """What a declaration is about: the set behind ∈ is no letter of the document."""
    member = isinstance(part, Chain) and len(part.sides) == 2 and part.relations[0].type == "IN"
    return part.sides[0] if member and isinstance(part, Chain) else part


def resolve(document: Document) -> None:
    """Give letters that differ in their typeface alone names of their own, where one formula has both."""
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    together: dict[str, set[str]] = defaultdict(set)
    written: dict[tuple[str, str], str] = {}
    for fragment, part in document.said():
        here: dict[str, set[str]] = defaultdict(set)
        for node in letters(_said_of(part)):
            base, found = base_of(node), symbol_of(node, fragment)
            if found is not None and isinstance(base, Name):
                uses[found.name][face(base)] += 1
                here[found.name].add(face(base))
                written.setdefault((found.name, face(base)), base.latex)
        for name, beside in here.items():
            if len(beside) > 1:
                together[name] |= beside
    if not any(len(faces) > 1 for faces in uses.values()):
        return
    for name, faces in uses.items():
        if len(faces) > 1 and name not in together:
            several = " and ".join(written[name, one] for one in faces)
            document.guesses.append(
                Guess(f"{several} are one letter", "two letters", "no formula has both typefaces of it")
            )

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
