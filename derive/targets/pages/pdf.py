"""LaTeX to PDF by pdflatex, which is the person's own, and what its log says."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from derive.errors import InputError, ProgramFault
from derive.patterns import regex

_OVERFULL = regex(r"^Overfull \\hbox \(([\d.]+)pt too wide\)", re.MULTILINE)


def _installed(*files: str) -> bool:
    """Whether TeX finds all these files."""
    finder = shutil.which("kpsewhich")
    if finder is None:
        return False
    found = subprocess.run([finder, *files], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return len(found.stdout.split()) == len(files)


@dataclass(frozen=True)
class Pdf:
    """The bytes of a document, and by how many points its widest line leaves the text."""

    content: bytes
    overfull: float


def compiled(document: str, runs: int = 1, font: str = "") -> Pdf:
    """A document typeset; a table of contents needs a second run. `font`: that of a script that is not Latin.

    Raises InputError where pdflatex or the font is missing, ProgramFault where it finds an error.
    """
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("a PDF needs pdflatex", hint="install TeX Live, or write FILE.tex")
    if font and not _installed("CJKutf8.sty", f"c70{font}.fd"):
        raise InputError(
            f"a PDF in this script needs CJKutf8 and the font {font} of TeX Live",
            hint="in Debian: apt install latex-cjk-chinese latex-cjk-chinese-arphic-gbsn00lp; or write FILE.md",
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "page.tex").write_text(document, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
        for _ in range(runs):
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise ProgramFault("pdf", "pdflatex found an error", done.stdout.decode("utf-8", "replace")[-2000:])
        log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
        return Pdf((folder / "page.pdf").read_bytes(), max(map(float, _OVERFULL.findall(log)), default=0.0))
