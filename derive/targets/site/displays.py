"""A numbered formula as LaTeX."""

from __future__ import annotations

from derive.targets.pages.model import Display


def display(formula: Display) -> str:
    """The LaTeX of a numbered formula, without its number."""
    if len(formula.lines) == 1:
        return " ".join(filter(None, formula.lines[0]))
    lines = (f"{left}&{right}" if not left else f"{left} &{right}" for left, right in formula.lines)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
