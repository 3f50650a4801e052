"""Outputs: what is written from a derivation. One folder (or file) each, and a row in this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derive.derivation import Derivation
from derive.notation import Notation


@dataclass(frozen=True)
class Target:
    """One output: what it is, the suffix of its files, and how it is written.

    `render` takes the derivation, the notation (None: the letters of the note) and the file the equations come from.
    """

    about: str
    suffix: str
    render: Callable[[Derivation, Notation | None, str], str]


def _numpy(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.numpy import module

    return module(derivation, origin)


def _markdown(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets import pages

    return pages.markdown(derivation, notation, origin=origin)


def _latex(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets import pages

    return pages.latex(derivation, notation, origin=origin)


def _text(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets import pages

    return pages.text(derivation, notation, origin=origin)


# Each target is imported when it is first used: a command pays only for what it writes.
TARGETS = {
    "numpy": Target("a standalone NumPy module", ".py", _numpy),
    "markdown": Target("a page with formulas, for code hosts", ".md", _markdown),
    "latex": Target("an article for pdflatex", ".tex", _latex),
    "text": Target("plain text for a terminal", ".txt", _text),
}
