"""Other places for the formulas of a note: displays, lists, tables, other kinds of files, decoration."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from restyled import Way

_DISPLAY = re.compile(
    r"^(?P<fence>```|~~~)(?:.*\n)+?(?P=fence)[ \t]*$|^\$\$(?P<body>(?:(?!\n[ \t]*\n)[^$])+)\$\$[ \t]*$", re.MULTILINE
)
_MARKED = re.compile(r"`|<!--|\]\(|\|--")
"""What other kinds of files mark otherwise."""
_ROWS = re.compile(r"\\\\|&|\\begin|\\tag|\\label|\\intertext|%")
_INLINE = re.compile(r"(?<![\\$])\$(?!\$)(?P<body>[^$\n]+)\$(?!\$)")
_CODE = re.compile(r"(^(?:```|~~~)(?:.*\n)+?(?:```|~~~)[ \t]*$|`[^`\n]+`)", re.MULTILINE)


def _alone(body: str | None) -> bool:
    """Whether a display is one whole formula in one row."""
    return body is not None and not _ROWS.search(body) and body.strip() == body.strip().strip("=")


def _each(note: str, change: Callable[[str], str | None]) -> str:
    """The note with another text for every display that is one formula."""

    def changed(match: re.Match[str]) -> str:
        body = match["body"]
        new = change(body.strip()) if _alone(body) else None
        return match.group() if new is None else new

    return _DISPLAY.sub(changed, note)


def _runs(note: str, change: Callable[[list[str]], str | None], least: int = 2) -> str:
    """The note with another text for displays that stand one after the other with nothing between them."""
    runs: list[list[re.Match[str]]] = []
    for match in _DISPLAY.finditer(note):
        if not _alone(match["body"]):
            continue
        if runs and not note[runs[-1][-1].end() : match.start()].strip():
            runs[-1].append(match)
        else:
            runs.append([match])
    written, at = [], 0
    for run in runs:
        new = change([match["body"].strip() for match in run]) if len(run) >= least else None
        if new is not None:
            written += [note[at : run[0].start()], new]
            at = run[-1].end()
    return "".join([*written, note[at:]])


def _one_line(body: str) -> str:
    return " ".join(body.split())


def _set_off(body: str, sign: str = "&=") -> str:
    """The formula with a mark at its first relation that stands outside of braces."""
    depth = 0
    for at, letter in enumerate(body):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0 and letter == "=" and body[at - 1 : at] not in (":", "<", ">", "!"):
            return f"{body[:at]}{sign}{body[at + 1 :]}"
    return body


def _numbered(*forms: str) -> Way:
    """A way that writes displays in these forms by turns."""

    def way(note: str) -> str:
        numbers = iter(range(1, 1000))

        def written(body: str) -> str:
            number = next(numbers)
            return forms[number % len(forms)].format(body=body, n=number)

        return _each(note, written)

    return way


def _aligned(before: str, behind: str, sign: str = "&=", end: str = r" \\") -> Way:
    def rows(bodies: list[str]) -> str:
        return before + f"{end}\n".join(_set_off(_one_line(body), sign) for body in bodies) + behind

    return lambda note: _runs(note, rows)


def _each_line(before: str, between: str = "\n") -> Way:
    """Displays as formulas of running text, in a line each."""

    def inline(bodies: list[str]) -> str:
        lines = (f"{before.format(number)}${_one_line(body)}$" for number, body in enumerate(bodies, 1))
        return f"\n{between.join(lines)}\n"

    return lambda note: _runs(note, inline, 1)


def table(note: str) -> str:
    """A run of displays as rows of a table."""

    def rows(bodies: list[str]) -> str | None:
        if any("|" in body for body in bodies):
            return None
        lines = (f"| {number} | ${_one_line(body)}$ |" for number, body in enumerate(bodies, 1))
        return "\n| Step | Formula |\n|---|---|\n" + "\n".join(lines) + "\n"

    return _runs(note, rows)


def _all(note: str, display: tuple[str, str], inline: tuple[str, str], change: Callable[[str], str] = str) -> str:
    """Other marks for displays and formulas of the running text, outside of code."""
    parts = _CODE.split(note)
    for number in range(0, len(parts), 2):
        text = _DISPLAY.sub(lambda m: f"\0{change(m['body'].strip())}\1", parts[number])
        text = _INLINE.sub(lambda m: f"{inline[0]}{change(m['body'])}{inline[1]}", text)
        parts[number] = text.replace("\0", display[0]).replace("\1", display[1])
    return "".join(parts)


def brackets(note: str) -> str:
    r"""`\[ … \]` and `\( … \)` for dollars."""
    return _all(note, ("\\[ ", " \\]"), ("\\(", "\\)"))


def doubled(note: str) -> str:
    r"""`\\[ … \\]` and `\\( … \\)`, as Jekyll wants them."""
    return _all(note, ("\\\\[ ", " \\\\]"), ("\\\\(", "\\\\)"))


def fences_and_ticks(note: str) -> str:
    """Fences and ticked dollars, as GitHub has them."""
    return _all(note, ("```math\n", "\n```"), ("$`", "`$"))


def myst(note: str) -> str:
    """Directives and roles of MyST."""
    return _all(note, ("```{math}\n:label: eq\n\n", "\n```"), ("{math}`", "`"))


def underscores(note: str) -> str:
    r"""`h\_t` for `h_t`, as some sites want it."""
    return _all(note, ("$$ ", " $$"), ("$", "$"), lambda body: body.replace("_", r"\_"))


def _heading(line: str, form: Callable[[int, str], str]) -> str:
    found = re.match(r"(#{1,6})\s+(.*\S)", line)
    return form(len(found.group(1)), found.group(2)) if found else line


def rst(note: str) -> str | None:
    """reStructuredText."""
    if _MARKED.search(note):
        return None
    text = _all(note, ("\0", "\1"), (":math:`", "`"))
    text = re.sub(
        "\0([^\1]*)\1", lambda m: "\n.. math::\n\n" + re.sub(r"(?m)^\s*(?=\S)", "   ", m[1].strip()) + "\n", text
    )
    return "\n".join(
        _heading(line, lambda level, title: f"{title}\n{'=-~^+*'[level - 1] * (len(title) + 4)}")
        for line in text.split("\n")
    )


def _as_tex(note: str) -> str | None:
    if _MARKED.search(note) or re.search(r"%|^\s*>", note, re.MULTILINE):
        return None
    levels = ("section", "subsection", "subsubsection", "paragraph", "paragraph", "paragraph")
    text = _all(note, ("\\begin{equation}\n", "\n\\end{equation}"), ("$", "$"))
    return "\n".join(
        _heading(line, lambda level, title: f"\\{levels[level - 1]}{{{title}}}") for line in text.split("\n")
    )


def tex(note: str) -> str | None:
    """A LaTeX document."""
    text = _as_tex(note)
    return text and f"\\documentclass{{article}}\n\\begin{{document}}\n{text}\n\\end{{document}}\n"


_INSIDE = r"((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)"
_FRACTION = re.compile(rf"\\frac\s*\{{\s*\\partial\s*{_INSIDE}\}}\s*\{{\s*\\partial\s*{_INSIDE}\}}")
_COMMANDS = r"""\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}
\newcommand{\had}{\odot}
\newcommand{\act}{\tanh}
\newcommand{\hid}[1]{h_{#1}}
"""


def macros(note: str) -> str | None:
    r"""A LaTeX document with commands of its own for derivatives, products and bold letters."""
    text = _as_tex(note)
    if text is None or "\\pd" in text or "\\had" in text:
        return None
    text = _FRACTION.sub(r"\\pd{\1}{\2}", text)
    text = re.sub(r"\\odot(?![A-Za-z])", r"\\had", text)
    text = re.sub(r"\\tanh(?![A-Za-z])", r"\\act", text)
    text = re.sub(r"h_(?:\{t\}|t(?![A-Za-z0-9]))", r"\\hid{t}", text)
    return f"\\documentclass{{article}}\n{_COMMANDS}\\begin{{document}}\n{text}\n\\end{{document}}\n"


def page(note: str) -> str | None:
    """HTML with MathJax."""
    if _MARKED.search(note) or "<" in re.sub(r"\$[^$]*\$", "", note):
        return None
    text = _all(note, ("\\[ ", " \\]"), ("\\(", "\\)"), lambda body: html.escape(body, quote=False))
    blocks = re.split(r"\n\s*\n", re.sub(r"^#.*", "\\g<0>\n", text.strip(), flags=re.MULTILINE))
    shown = [
        _heading(block, "<h{0}>{1}</h{0}>".format) if block.startswith("#") else f"<p>{block}</p>" for block in blocks
    ]
    return "<html><body>\n" + "\n".join(shown) + "\n</body></html>\n"


def notebook(note: str) -> str | None:
    """A notebook with a cell for each paragraph."""
    if _MARKED.search(note):
        return None
    blocks = re.split(r"\n\s*\n", note.strip())
    cells = [{"cell_type": "markdown", "metadata": {}, "source": block.splitlines(keepends=True)} for block in blocks]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def images(note: str) -> str:
    """Formulas as pictures, with their LaTeX in the address."""
    return _each(note, lambda body: f"![formula](https://www.zhihu.com/equation?tex={quote(_one_line(body), safe='')})")


def side_by_side(note: str) -> str:
    """Two formulas in a line."""

    def pairs(bodies: list[str]) -> str:
        lines = (r", \qquad ".join(map(_one_line, bodies[at : at + 2])) for at in range(0, len(bodies), 2))
        return "\n\n".join(f"$$ {line} $$" for line in lines)

    return _runs(note, pairs)


def displays_in_items(note: str) -> str:
    """Displays within the items of a list."""
    return _runs(note, lambda bodies: "\n".join(f"- Step:\n\n  $$\n  {_one_line(body)}\n  $$\n" for body in bodies), 1)


def lines_within(note: str) -> str:
    """A line for each term of a formula."""

    def lines(body: str) -> str | None:
        new = _set_off(body.replace(" + ", "\n+ "), "\n=")
        return None if re.search(r"\n\s*\n", new) else f"$$\n{new}\n$$"

    return _each(note, lines)


WAYS: dict[str, Way] = {
    "tagged": _numbered(r"$$ {body} \tag{{{n}}} $$"),
    "labelled": _numbered("$$ \\label{{eq:{n}}} {body} $$", "$$\n{body}\n$$ {{#eq-{n}}}"),
    "marked": _numbered(
        r"$$ {body}, \quad ({n}) $$",
        r"$$ {body} \cdots ({n}) $$",
        r"$$ {body} \quad (*) $$",
        r"$$ {body}. \qquad \blacksquare $$",
        r"$$ {body} \quad (\star) \tag{{{n}}} $$",
        r"$$ {body} \quad \text{{(chain rule)}} \qquad ({n}) $$",
    ),
    "numbered in front": _numbered(r"$$ ({n})\; {body} $$", "$$ ({n}) {body}, $$", r"$$ ({n}) \quad {body}. $$"),
    "brackets": brackets,
    "doubled": doubled,
    "fences and ticks": fences_and_ticks,
    "directives": myst,
    "underscores": underscores,
    "framed": _numbered(r"$$ \boxed{{{body}}} $$", r"$$ \color{{red}}{{{body}}} $$", r"$$ \displaystyle {body} $$"),
    "lines within": lines_within,
    "equation": _numbered("\\begin{{equation}}\n{body}\n\\end{{equation}}"),
    "aligned": _aligned("$$\n\\begin{aligned}\n", "\n\\end{aligned}\n$$"),
    "eqnarray": _aligned("\\begin{eqnarray}\n", "\n\\end{eqnarray}", "&=&"),
    "brace": _aligned("$$\n\\left\\{\n\\begin{array}{l}\n", "\n\\end{array}\n\\right.\n$$", "="),
    "named items": _each_line("- **Step {}:** "),
    "quote": _each_line("> ", between="\n>\n"),
    "table": table,
    "displays in items": displays_in_items,
    "in a sentence": _numbered("It is $$ {body} $$ here.", "We have\n$$\n{body}\n$$\nhere."),
    "side by side": side_by_side,
    "images": images,
    "rst": rst,
    "tex": tex,
    "macros": macros,
    "page": page,
    "notebook": notebook,
    "spaces": _numbered("$$\t{body}\u00a0$$", "$$\u00a0{body}$$\r"),
}
SUFFIXES = {"rst": ".rst", "tex": ".tex", "macros": ".tex", "page": ".html", "notebook": ".ipynb"}

MENDED = (
    ("eqnarray", "updates"), ("fences and ticks", "diagonal_entries"), ("notebook", "final_state_only"),
)  # fmt: skip
"""Notes that were once read otherwise in a style."""
