"""Many notes audited at once, each in one of some processes; what is found does not depend on how many there are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from derive.errors import InputError, ProgramFault
from verify.notes.audit import Audit, audit

SUFFIXES = (".md", ".markdown", ".ipynb", ".tex", ".rst", ".rest", ".html", ".htm", ".xhtml")
"""The files of a folder that are notes."""


def notes_in(paths: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
    """The notes that paths name: files as they are, folders by the notes in and below them, in order of their names.

    Hidden files and folders are left out, corrected copies, and what `exclude` names (patterns such as `drafts/*`, of
    the path as given or below the folder). Raises InputError for a folder without notes.
    """
    found: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        within = [file for file in sorted(Path(path).rglob("*")) if _is_note(file, Path(path), exclude)]
        if not within:
            raise InputError(f"there is no note in {path}", hint="notes end in " + ", ".join(SUFFIXES))
        found += map(str, within)
    return list(dict.fromkeys(found))


def _is_note(file: Path, folder: Path, exclude: Sequence[str]) -> bool:
    if any(fnmatch(name, pattern) for pattern in exclude for name in (file.as_posix(), _below(file, folder))):
        return False
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    copy = Path(file.stem).suffix == ".fixed"
    return file.suffix.lower() in SUFFIXES and not hidden and not copy and file.is_file()


def _below(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def audits(
    notes: Sequence[str],
    *,
    cell: str | None = None,
    notation: str | None = None,
    jobs: int = 1,
    told: Callable[[str], None] = lambda name: None,
) -> Iterator[Audit | InputError]:
    """What `audit` finds in each note, or why it cannot be read, in the order of the notes.

    `jobs`: how many processes work on them; `told` is called with the name of each note before its audit is waited for.
    """
    one = partial(_found, cell=cell, notation=notation)
    if jobs == 1 or len(notes) < 2:
        for note in notes:
            told(Path(note).name)
            yield one(note)
        return
    # Processes that are started anew: a fork of this one would take over locks of its threads.
    with ProcessPoolExecutor(min(jobs, len(notes)), multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(one, note) for note in notes]
        try:
            for note, result in zip(notes, waiting, strict=True):
                told(Path(note).name)
                yield result.result()
        except BrokenProcessPool as error:
            raise ProgramFault("a process that ended", f"while notes were audited: {error}") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _found(note: str, *, cell: str | None, notation: str | None) -> Audit | InputError:
    try:
        return audit(note, cell=cell, notation=notation)
    except InputError as error:
        return error
