"""Formulas in the shortcodes of Hugo and the components of React -> dollars, character for character in place."""

from __future__ import annotations

import re

_SHORTCODE = re.compile(
    r"\{\{[<%]\s*(?:katex|mathjax|math)\b(?P<said>[^<>%{}\n]*)[>%]\}\}(?P<tex>(?:(?!\{\{)[^$])*?)"
    r"\{\{[<%]\s*/(?:katex|mathjax|math)\s*[>%]\}\}"
)
_COMPONENT = re.compile(
    r"<(?P<kind>Block|Inline)Math\b[^<>{}\"]*?\b(?:math|formula)=(?P<opened>\"|\{\"|\{`|\{String\.raw`)"
    r"(?P<tex>(?:(?![\"`$]).)+?)(?:\"\}|`\}|\")[^<>{}]*?/>"
)


def usual(text: str) -> str:
    """The text with dollars around what such marks display."""
    text = _SHORTCODE.sub(_shortcode, text) if "{{" in text else text
    return _COMPONENT.sub(_component, text) if "Math" in text else text


def _shortcode(match: re.Match[str]) -> str:
    displayed = "display" in match["said"] or "\n" in match["tex"]
    return _marked(match, "$$" if displayed else "$", match["tex"])


def _component(match: re.Match[str]) -> str:
    tex = match["tex"]
    if "\\\\" in tex and not re.search(r"(?<!\\)\\(?!\\)", tex):  # a string of a program, where each stands for one
        tex = tex.replace("\\\\", " \\")
    return _marked(match, "$$" if match["kind"] == "Block" else "$", tex)


def _marked(match: re.Match[str], mark: str, tex: str) -> str:
    before, behind = match.start("tex") - match.start(), match.end() - match.end("tex")
    opened = mark.ljust(before) if tex.startswith("\n") else mark.rjust(before)
    return opened + tex + mark.ljust(behind)
