"""Writes the sources of the site and runs Sphinx on them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from derive import catalogue
from derive.build import derivations, require_checkout
from derive.calculus.derivation import Derivation
from derive.errors import InputError, ProgramFault
from derive.languages import find
from derive.targets import pages
from derive.targets.pages.pdf import compiled
from verify.site.sources import Gathered, sources

SPHINX = {"zh": "zh_CN"}
"""How Sphinx calls a language, where it has another name for it."""
NEEDED = ("sphinx", "myst_parser", "furo")


@dataclass(frozen=True)
class Site:
    """What was built, and what Sphinx had to say against it."""

    folder: Path
    pages: int
    warnings: tuple[str, ...]


def built(
    root: Path,
    output: Path,
    evidence: Path | None = None,
    pdf: bool = False,
    lang: str = "en",
    progress: Callable[[str], None] = lambda _: None,
) -> Site:
    """Build the site of the checkout `root` into a folder, with `pdf` every derivation and a book of them beside it.

    Derivations are told in the language `lang`; chapters written by hand are in English.

    `evidence` is a file that `backproof verify --json` wrote. Raises InputError where the extra `docs` is missing, and
    for a folder that holds something else; ProgramFault where Sphinx does not come to an end.
    """
    require_checkout(root)
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(f"the site needs {', '.join(missing)}", hint="pip install 'backproof[docs]'")
    if output.is_dir() and any(output.iterdir()) and not (output / "searchindex.js").is_file():
        raise InputError(f"{output} holds something else", hint="name a new folder, or one that holds a site")
    derived = derivations()
    files = sources(root, derived, gathered(evidence), pdf, find(lang), progress)
    papers = printed(derived, progress) if pdf else {}
    progress("sphinx")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for path, content in files.items():
            target = place / "sources" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        told = _sphinx(root, place, lang)
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(place / "site", output, ignore=shutil.ignore_patterns(".buildinfo", "objects.inv"))
    for name, content in papers.items():
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_bytes(content)
    return Site(output, len(list(output.rglob("*.html"))), told)


def printed(derived: Mapping[str, Derivation], progress: Callable[[str], None] = lambda _: None) -> dict[str, bytes]:
    """Every derivation as a PDF, and all of them with the networks as a book, by their paths in the site."""
    found = {}
    for name, derivation in derived.items():
        progress(f"{name}.pdf")
        found[f"pdf/{name}.pdf"] = compiled(pages.latex(derivation)).content
    progress("book.pdf")
    heads = [one for one in derived.values() if one.cell.is_loss]
    cells = [one for one in derived.values() if not one.cell.is_loss]
    networks = list(catalogue.networks().values())
    text = pages.book("Gradients of recurrent networks", {"Cells": cells, "Heads": heads, "Networks": networks})
    found["pdf/book.pdf"] = compiled(text, runs=2).content
    return found


def gathered(path: Path | None) -> Gathered:
    """Evidence by the name of a cell, from a file; none without one. Raises InputError for another file."""
    if path is None:
        return {}
    try:
        found: Gathered = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, UnicodeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no evidence: {error}", hint="backproof verify --json > FILE") from None
    return found


def _sphinx(root: Path, place: Path, lang: str) -> tuple[str, ...]:
    log = place / "warnings.txt"
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-j", "auto", "-w", str(log)]
    command += ["-d", str(place / "doctrees"), str(place / "sources"), str(place / "site")]
    command += ["-D", f"language={SPHINX.get(lang, lang)}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root.resolve()), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramFault("site", f"Sphinx ended with {done.returncode}", done.stderr[-4000:])
    lines = log.read_text(encoding="utf-8").replace(str(place / "sources") + os.sep, "").splitlines()
    return tuple(line for line in lines if line.strip())
