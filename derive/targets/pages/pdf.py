"""LaTeX to PDF by pdflatex, which is the person's own, and what its log says."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from derive.errors import InputError, ProgramFault

_OVERFULL = re.compile(r"^Overfull \\hbox \(([\d.]+)pt too wide\)", re.MULTILINE)


@dataclass(frozen=True)
class Pdf:
    """The bytes of a document, and by how many points its widest line leaves the text."""

    content: bytes
    overfull: float


def compiled(document: str, runs: int = 1) -> Pdf:
    """A document typeset; a table of contents needs a second run.

    Raises InputError where pdflatex is missing, ProgramFault where it finds an error.
    """
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("a PDF needs pdflatex", hint="install TeX Live, or write FILE.tex")
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
