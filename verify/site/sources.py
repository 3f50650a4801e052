"""Every page of the site by its path, rendered purely: made from derivations, or taken from docs/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import derive
import verify
from derive import catalogue
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.languages import ENGLISH, Language, languages
from derive.networks.network import Network
from derive.patterns import regex
from derive.targets import site
from verify.mistakes import dictionary
from verify.site.chapters import by_paragraphs, filled, translation
from verify.site.closing import closing
from verify.site.exercises import exercises, with_exercises

HAND_WRITTEN = "docs/site"
"""Chapters, configuration and static files."""
TAKEN = ("audits", "code", "mistakes", "architecture.md", "conventions.md", "mutation.md", "speed.md", "vanishing.md")
"""Pages of docs/ that the site shows as they are."""
BY_PARAGRAPHS = ("vanishing.md",)
"""Generated pages whose paragraphs have translations."""
ONLY_ENGLISH = "This page is in English alone."

Gathered = Mapping[str, Mapping[str, Any]]
"""Evidence by the name of a cell or network, as `backproof verify --json` prints it."""


def sources(
    root: Path,
    derived: Mapping[str, Derivation],
    evidence: Gathered,
    pdf: bool = False,
    language: Language = ENGLISH,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, str | bytes]:
    """Every source file of the site by its path; `root` is the checkout, `pdf`: pages refer to PDFs of them."""
    found: dict[str, str | bytes] = dict(_written(root, language))
    found["static/words.js"] = site.script_words(language)
    for name in TAKEN:
        for path in sorted((root / "docs" / name).rglob("*.md") if "." not in name else [root / "docs" / name]):
            place = path.relative_to(root / "docs").as_posix()
            found[_index(place)] = for_myst(_taken(path, place, root / HAND_WRITTEN, language))
    found |= {path.name: path.read_bytes() for path in sorted((root / "docs").glob("*.svg"))}
    for name, derivation in derived.items():
        progress(name)
        folder = "heads" if derivation.cell.is_loss else "cells"
        module = (root / "generated" / f"{name}.py").read_text(encoding="utf-8")
        ending = closing(derivation.cell, folder, module, evidence.get(name), pdf, language)
        found[f"{folder}/{name}.md"] = site.cell_page(
            derivation, module, f"derive/{folder}/{name}.md", ending, language
        )
    for name, network in catalogue.networks().items():
        progress(name)
        module = (root / "generated" / f"{name}.py").read_text(encoding="utf-8")
        ending = closing(network, "networks", module, evidence.get(name), language=language)
        found[f"networks/{name}.md"] = site.network_page(network, f"derive/networks/{name}.toml", ending, language)
    found |= _lists(pdf, language)
    found |= _toctrees(found, language)
    found |= _python(language)
    return found


def _written(root: Path, language: Language) -> Iterator[tuple[str, str | bytes]]:
    """What is written by hand for the site."""
    folder = root / HAND_WRITTEN
    known = exercises(folder, language)
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and "__pycache__" not in path.parts and place.parts[0] not in languages():
            if path.suffix == ".md":
                text = _told(path.read_text(encoding="utf-8"), folder / language.name / place, language)
                yield place.as_posix(), filled(with_exercises(text, known, language), language)
            else:
                yield place.as_posix(), path.read_bytes()


def _told(english: str, other: Path, language: Language) -> str:
    """A page in this language, where it was written in it."""
    return translation(other.read_text(encoding="utf-8"), english, language) if other.is_file() else english


def _taken(path: Path, place: str, folder: Path, language: Language) -> str:
    """A page of docs/ in this language: written in it, made again, or put into it paragraph by paragraph."""
    english = path.read_text(encoding="utf-8")
    if language is ENGLISH:
        return english
    if place.startswith("mistakes/"):
        named = {entry.slug: entry for entry in dictionary.entries().values()}
        slug = path.stem
        return dictionary.page(named[slug], language) if slug in named else dictionary.overview(language)
    if (folder / language.name / place).is_file():
        return _told(english, folder / language.name / place, language)
    if place.startswith("audits/") or place in BY_PARAGRAPHS:
        return by_paragraphs(english, language)
    heading, _, rest = english.partition("\n")
    return f"{heading}\n\n*{language.say(ONLY_ENGLISH)}*\n{rest}"


def for_myst(text: str) -> str:
    """A page written for a code host in the words of MyST: formulas as roles, README as the index of its folder."""
    text = _FORMULA_OR_CODE.sub(lambda found: f"{{math}}`{found[1]}`" if found[1] else found[0], text)
    text = text.replace("](../../README.md)", "](../index.md)")
    return re.sub(r"(\]\([^)]*)README\.md", r"\1index.md", text)


_FORMULA_OR_CODE = regex(r"^```.*?^```$|\$`([^`]+)`\$|`[^`]+`", re.MULTILINE | re.DOTALL)


def _index(place: str) -> str:
    return place.replace("README.md", "index.md")


def _lists(pdf: bool, language: Language) -> dict[str, str]:
    """A page that lists the cells, one for the heads, one for the networks."""
    tables: dict[str, list[Cell] | list[Network]] = {
        "cells": list(catalogue.cells().values()),
        "heads": list(catalogue.heads().values()),
        "networks": list(catalogue.networks().values()),
    }
    say = language.say
    found = {}
    for folder, table in tables.items():
        rows = [
            f"- [{_words(say(one.title))}]({one.name}.md) (`{one.name}`): {_words(_source(one, say))}" for one in table
        ]
        tree = _tree([made.name for made in table], hidden=True)
        book = ["", f'<a href="../pdf/book.pdf">{say(_BOOK)}</a>'] if pdf else []
        lines = [f"# {say(folder.capitalize())}", "", say(_ABOUT[folder]), *book, "", *rows, "", tree]
        found[f"{folder}/index.md"] = "\n".join(lines)
    return found


_ABOUT = {
    "cells": "Each page: the equations and their shapes, every gradient with all its steps, the code beside them.",
    "heads": "What stands on top of a cell: an output function with its loss, derived in the same way.",
    "networks": "Layers, directions, dropout and a head put together, each part with its derivation.",
}
_BOOK = "All cells, heads and networks as a book (PDF)"
_MARKUP = regex(r"(?<![^\W_])_|[\\`*<>\[\]|$]")


def _source(made: Cell | Network, say: Callable[[str], str]) -> str:
    return say(made.about) if isinstance(made, Network) else made.source


def _words(text: str) -> str:
    pieces = re.split(r"\$([^$]+)\$", text)
    pieces[::2] = [_MARKUP.sub(lambda found: "\\" + found[0], piece) for piece in pieces[::2]]
    pieces[1::2] = ["{math}`" + piece + "`" for piece in pieces[1::2]]
    return "".join(pieces)


def _tree(names: list[str], hidden: bool) -> str:
    return "\n".join(["```{toctree}", *([":hidden:"] if hidden else []), ":maxdepth: 1", "", *names, "```", ""])


def _toctrees(found: Mapping[str, str | bytes], language: Language) -> dict[str, str]:
    """The lists of mistakes and protocols with a table of contents, and a list of the audits."""
    trees = {}
    for folder in ("mistakes", "code"):
        names = [Path(path).stem for path in found if path.startswith(f"{folder}/") and path != f"{folder}/index.md"]
        text = found[f"{folder}/index.md"]
        assert isinstance(text, str)
        trees[f"{folder}/index.md"] = f"{text}\n{_tree(names, hidden=True)}"
    names = [Path(path).stem for path in found if path.startswith("audits/")]
    about = "Five study notes as their authors published them, every formula in them judged by `backproof audit`."
    title = language.say("Audits of five notes")
    trees["audits/index.md"] = f"# {title}\n\n{language.say(about)}\n\n{_tree(names, hidden=False)}"
    return trees


def _python(language: Language) -> dict[str, str]:
    """The public names of both packages and of one generated module, from their docstrings."""
    pages = {}
    for package, about in (
        (derive, "Equations in, derivations and text out."),
        (verify, "Formulas, notes and code judged; the evidence that what is derived is right."),
    ):
        name = package.__name__
        entries = [_documented(f"{name}.{public}", getattr(package, public)) for public in package.__all__]
        pages[f"python/{name}.md"] = "\n".join(
            [f"# `{name}`", "", language.say(about), "", "```{eval-rst}", *entries, "```", ""]
        )
    module = ".. automodule:: generated.lstm\n   :members: init, forward, backward, step, step_backward\n"
    text = "Every generated module has the same functions; this is that of the LSTM."
    title = language.say("A generated module")
    pages["python/generated.md"] = f"# {title}\n\n{language.say(text)}\n\n```{{eval-rst}}\n{module}\n```\n"
    return pages


def _documented(name: str, value: object) -> str:
    if isinstance(value, type):
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(value):
        return f".. autofunction:: {name}\n"
    return f".. py:data:: {name}\n\n   {_DATA[name]}\n"


_DATA = {
    "derive.TARGETS": "What can be written, by name: what it is, the suffix of its files, the functions that write it.",
    "derive.t": "The symbolic step t.",
}
"""What is no class and no function has no docstring of its own."""
