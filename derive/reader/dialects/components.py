"""Shortcodes of Hugo, components of React, boxes of MyST, tags beside formulas -> dollars, character for character."""

from __future__ import annotations

import re

from derive.patterns import regex

_SHORTCODE = regex(
    r"\{\{[<%]\s*(?:katex|mathjax|math)\b(?P<said>[^<>%{}\n]*)[>%]\}\}(?P<tex>(?:(?!\{\{)[^$])*?)"
    r"\{\{[<%]\s*/(?:katex|mathjax|math)\s*[>%]\}\}"
)
_COMPONENT = regex(
    r"<(?P<kind>Block|Inline)Math\b[^<>{}\"]*?\b(?:math|formula)=(?P<opened>\"|\{\"|\{`|\{String\.raw`)"
    r"(?P<tex>(?:(?![\"`$]).)+?)(?:\"\}|`\}|\")[^<>{}]*?/>"
)
_BOX = regex(
    r"^(?P<opened>[ \t]*(?P<mark>`{3,}|~{3,})\{(?:admonition|note|tip|hint|important|warning|caution|attention|danger|"
    r"error|seealso|dropdown|exercise|solution|topic|sidebar|margin|list-table|tabs?|tab-(?:set|item)|card|grid|"
    r"grid-item(?:-card)?|details|aside|(?:prf:)?(?:theorem|proof|lemma|definition|"
    r"example|remark|corollary|proposition))\}[^\n]*\n(?:[ \t]*:[\w-]+:[^\n]*\n)*)(?P<body>.*?)"
    r"^(?P<closed>[ \t]*(?P=mark)[ \t]*)$",
    re.MULTILINE | re.DOTALL,
)
"""A fence around text, which is no code."""
_TAG_BEHIND = regex(r"(?<=\$\$)[ \t]*</?[A-Za-z][^<>\n]*>[ \t]*$", re.MULTILINE)
_WRITTEN = regex(r"[^\s]")


def usual(text: str) -> str:
    """The text with dollars around what such marks display."""
    if "{" in text:
        text = _BOX.sub(_opened, text)
    text = _TAG_BEHIND.sub(lambda m: " " * len(m.group()), text)
    text = _SHORTCODE.sub(_shortcode, text) if "{{" in text else text
    return _COMPONENT.sub(_component, text) if "Math" in text else text


def _opened(match: re.Match[str]) -> str:
    """What stands in a box, without its marks."""
    body = _BOX.sub(_opened, match["body"])
    return _WRITTEN.sub(" ", match["opened"]) + body + _WRITTEN.sub(" ", match["closed"])


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
