"""A person's function from a file of theirs: importing it, and telling where in it something went wrong."""

from __future__ import annotations

import contextlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from derive import catalogue
from derive.errors import InputError, Place
from verify.code.layout import Layout, read_names
from verify.code.report import CodeReport
from verify.handwritten import check_backward

HINT = "give path.py:function, or path.py for a module with forward and backward"


def function_of(spec: str) -> Any:
    """The function, class or module that `path.py:function` names; importing it runs the file.

    Raises InputError if there is no such file or function, and, with its place, for what the file itself raises.
    """
    path, _, name = spec.rpartition(":") if not spec.endswith(".py") else (spec, "", "")
    if not path or not path.endswith(".py"):
        raise InputError(f"{spec} names no function in a Python file", hint=HINT)
    file = Path(path)
    if not file.is_file():
        raise InputError(f"there is no file {path}", hint=HINT)
    with located(file):
        found: Any = _imported(file)
    for part in filter(None, name.split(".")):
        if not hasattr(found, part):
            known = [word for word, value in vars(found).items() if callable(value) and not word.startswith("_")]
            raise InputError(f"{path} has no {name}", hint=f"it has {', '.join(known)}" if known else HINT)
        found = getattr(found, part)
    if isinstance(found, type):
        with located(file):
            found = found()
    return found


def checked(spec: str, cell: str, layout: str, names: str, tolerance: float | None) -> CodeReport:
    """Check the function that `spec` names; everything is given as it is written on a command line."""
    place, bound = read_layout(layout), read_names(names)
    known = catalogue.find(cell)
    function = function_of(spec)
    with located(Path(spec if spec.endswith(".py") else spec.rpartition(":")[0])):
        return check_backward(function, known, layout=place, names=bound, tolerance=tolerance)


def _imported(file: Path) -> Any:
    name = f"_checked_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)  # their own neighbours are imported as when they run the file
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
        del sys.modules[name]
    return module


@contextlib.contextmanager
def located(file: Path) -> Iterator[None]:
    """Turn what a person's code raises into one message with the line in their file; what it prints goes to stderr."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{type(error).__name__}: {error}".rstrip(": "), _place(error, file)) from error


def _place(error: BaseException, file: Path) -> Place | None:
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        text = (error.text or "").rstrip("\n")
        return Place(error.filename, error.lineno, error.offset or 1, error.lineno, text)
    frames = [frame for frame in _frames(error.__traceback__) if Path(frame.filename).resolve() == file.resolve()]
    if not frames or frames[-1].lineno is None:
        return None
    line = frames[-1].lineno
    text = linecache.getline(str(file), line).rstrip("\n")
    return Place(str(file), line, len(text) - len(text.lstrip()) + 1, line, text, len(text.strip()))


def _frames(found: TracebackType | None) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(found))


def read_layout(text: str) -> Layout:
    """A layout as it is written on a command line: `BTn`, `nBT, vectors=n1, transposed, gates=ifgo`."""
    known: dict[str, Callable[[str], Any]] = {"vectors": str, "gates": _gates, "transposed": lambda _: True}
    found: dict[str, Any] = {}
    for place, word in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        key, _, value = word.partition("=")
        if key in known:
            found[key] = known[key](value)
        elif place == 0 and not value:
            found["sequence"] = word
        else:
            raise InputError(
                f"the layout {word!r} is not understood", hint="as in: BTn, vectors=n1, transposed, gates=ifgo"
            )
    return Layout(**found)


def _gates(value: str) -> tuple[str, ...]:
    return tuple(value.split("/")) if "/" in value else tuple(value)
