"""Superscript digits that number letters, and those that are powers."""

from __future__ import annotations

from collections import defaultdict

from derive.reader.meaning.letters import only
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document, is_claim
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, symbol_of, whole_letter, with_scripts
from derive.reader.text.syntax import Chain, Group, Name, Number, Script, Syntax


def of_t(document: Document) -> None:
    """C^T as a label beside what has it on a left side: nothing is assigned that is transposed."""
    found: set[str] = set()
    for _, part in document.displayed():
        for target in part.sides[:1] if isinstance(part, Chain) and not is_claim(part) else ():
            base = base_of(target)
            if isinstance(base, Name) and any(map(_is_t, scripts_of(target))):
                found.add(base.word)
    if not found:
        return

    def relabel(node: Syntax) -> Syntax | None:
        base = base_of(node)
        if not whole_letter(node) or not isinstance(base, Name):
            return None
        if base.word not in found:
            return node
        scripts = (_label_t(one) if _is_t(one) else one for one in scripts_of(node))
        return with_scripts(node, tuple(scripts))

    document.rewrite(relabel)


def _label_t(script: Script) -> Script:
    cell = script.rows[0][0]
    return Script(script.start, script.end, "sup", ((Name(cell.start, cell.end, "T_", "T"),),))


def _is_t(script: Script) -> bool:
    cell = only(script.rows) if script.kind == "sup" else None
    return isinstance(cell, Name) and cell.word == "T"


def resolve(document: Document) -> None:
    """W^1 and W^2 as labels: no one writes a power 1, gives a power its value, or takes two powers of a matrix."""
    powers: dict[str, set[str]] = defaultdict(set)
    plain: set[str] = set()
    labelled: set[str] = set()
    written: dict[str, str] = {}
    for fragment, part in document.said():
        targets = part.sides[:-1] if isinstance(part, Chain) else ()
        for node in letters(part):
            found = symbol_of(node, fragment)
            base = base_of(node)
            if found is None or not isinstance(base, Name):
                continue
            if found.power is None:
                plain.add(found.name)
                continue
            power = str(found.power)
            if not power.isdigit():
                continue
            powers[found.name].add(power)
            written.setdefault(found.name, base.latex)
            if power == "1" or (node in targets and found.offset is not None):
                labelled.add(found.name)
    for name, several in powers.items():
        if name not in labelled and name not in plain and len(several) > 1 and name[0].isupper():
            labelled.add(name)
            document.guesses.append(
                Guess(
                    f"the superscripts of {written[name]} are labels", "they are powers",
                    f"{written[name]} has {' and '.join(sorted(several))}, and never none",
                )
            )  # fmt: skip
    if not labelled:
        return

    def relabel(node: Syntax) -> Syntax | None:
        found = symbol_of(node, document.fragment)
        if found is None:
            return None
        if found.power is None or found.name not in labelled:
            return node
        return with_scripts(node, tuple(map(_label, scripts_of(node))))

    document.rewrite(relabel)


def _label(script: Script) -> Script:
    """A superscript number in brackets, as labels are written."""
    cell = only(script.rows) if script.kind == "sup" else None
    if not isinstance(cell, Number):
        return script
    inner = Group(cell.start, cell.end, "LPAR", ((cell,),))
    return Script(script.start, script.end, "sup", ((inner,),))
