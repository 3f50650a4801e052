"""A prime behind a label, f^{(out)'}, as the function's."""

from __future__ import annotations

from derive.reader.text.syntax import Group, Script, Scripted, Syntax


def labelled(node: Syntax) -> Syntax | None:
    """f^{(out)'} as f^{(out)} with a prime."""
    if not isinstance(node, Scripted) or len(node.scripts) != 1 or node.scripts[0].kind != "sup":
        return None
    (script,) = node.scripts
    cell = script.rows[0][0] if len(script.rows) == 1 and len(script.rows[0]) == 1 else None
    if not isinstance(cell, Scripted) or not isinstance(cell.base, Group) or cell.base.bracket != "LPAR":
        return None
    if any(one.kind != "prime" for one in cell.scripts):
        return None
    label = Script(script.start, script.end, "sup", ((cell.base,),))
    return Scripted(node.start, node.end, node.base, (label, *cell.scripts))
