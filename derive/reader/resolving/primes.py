"""{h_{t-1}}' -> a letter of its own: what is made of h_{t-1} in this step, beside which h' is another."""

from __future__ import annotations

from derive.reader.meaning.letters import made_of_before, time_of
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import scripts_of, whole_letter, with_scripts
from derive.reader.text.syntax import Scripted, Syntax


def resolve(document: Document) -> None:
    """Write it with one prime more, as it is named: a step in it would be the time of h'."""

    def change(node: Syntax) -> Syntax | None:
        if not whole_letter(node):
            return None
        if not isinstance(node, Scripted) or not made_of_before(node):
            return node
        kept = (one for one in scripts_of(node) if all(time_of(cell) != -1 for row in one.rows for cell in row))
        return with_scripts(node, (*kept, node.scripts[0]))

    document.rewrite(change)
