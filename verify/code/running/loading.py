"""A person's file as a module: run as when they run it, or, where that does not end or fails, its definitions alone.

Whatever keeps a file from being used is one `UnusableError` with its place in the file.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from verify.code.running.bystanders import BYSTANDERS, stood_in

OURS = ("verify", "derive", "generated", "backproof")

SAMPLE = "the quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" * 40
"""What a script reads in place of a text file that is not there."""


class UnusableError(Exception):
    """Why a file, or a function in it, cannot be judged: one line, with its place where there is one."""


@dataclass
class Source:
    """A loaded file: its module, its syntax tree, and what was noted on the way."""

    path: Path
    module: ModuleType
    tree: ast.Module
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def split_target(spec: str) -> tuple[Path, str]:
    """The file and the name that `FILE[:TARGET]` names."""
    for ending in (".py", ".ipynb"):
        before, found, after = spec.rpartition(ending)
        if found and (not after or after.startswith(":")):
            return Path(before + ending), after[1:]
    raise UnusableError(f"{spec} names no function in a Python file: give path.py:function, or path.ipynb:function")


def text_of(path: Path) -> str:
    """The Python text of a file; of a notebook its code without magics."""
    try:
        raw = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start})") from None
    if path.suffix != ".ipynb":
        return raw
    return "\n".join(text for _, text in notebook_cells(path, raw))


def notebook_cells(path: Path, raw: str) -> Iterator[tuple[int, str]]:
    """The code cells of a notebook by their number, magics and shell lines left blank."""
    try:
        cells = json.loads(raw)["cells"]
    except (ValueError, KeyError, TypeError):
        raise UnusableError(f"{path}: is no notebook") from None
    for number, cell in enumerate(cells):
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        lines = ("".join(source) if isinstance(source, list) else str(source)).splitlines()
        if lines and lines[0].lstrip().startswith("%%"):
            lines = []
        kept = [
            "" if line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?") else line for line in lines
        ]
        yield number, "\n".join(kept)


def parsed(path: Path, text: str) -> ast.Module:
    """The syntax tree; raises UnusableError with the line."""
    try:
        return ast.parse(text, str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}" if line else str(path)
        message = getattr(error, "msg", str(error))
        old = "Missing parentheses in call to" in message or "Did you mean print" in message
        raise UnusableError(f"{place}: {message} (line {line}{', written for Python 2?' if old else ''})") from None


def imported(path: Path, *, definitions: bool = False) -> Source:
    """Run a file; with `definitions` only what stands outside loops and calls, each statement by itself."""
    if not path.is_file():
        raise UnusableError(f"there is no file {path}")
    path = path.resolve()
    tree = parsed(path, text_of(path))
    package, root = _package(path)
    _first_on_path(root)
    module = ModuleType(f"{package}.{path.stem}" if package else path.stem)
    module.__file__ = str(path)
    module.__dict__["__builtins__"] = builtins
    if package:
        module.__package__ = package
        _guarded_import(package, path)
    sys.modules[module.__name__] = module
    source = Source(path, module, tree)
    with stood_in() as absent:
        _run(source, definitions)
    if absent:
        source.notes.append(f"not installed, and not needed where it is not called: {', '.join(absent)}")
    return source


def _run(source: Source, definitions: bool) -> None:
    tree, path, module = source.tree, source.path, source.module
    if not definitions:
        try:
            _execute(tree, path, module)
        except SystemExit as error:
            source.notes.append(
                f"the file ends with sys.exit({error.code if error.code is not None else ''}) when it is run"
            )
        except ModuleNotFoundError as error:
            if error.name not in BYSTANDERS:
                raise UnusableError(
                    f"{place_of(error, path)}needs the module {error.name}, which is not installed"
                ) from None
            source.failures.append(told(error, path))
            definitions = True
        except Exception as error:  # whatever a person's file may raise
            source.failures.append(told(error, path))
            definitions = True
    if definitions:
        _definitions(source)


def _definitions(source: Source) -> None:
    """Every statement outside loops by itself; what fails is left out."""
    left = 0
    with _sample_texts(source):
        for statement in source.tree.body:
            if isinstance(statement, ast.While | ast.For | ast.AsyncFor) or _is_call(statement):
                left += 1
                continue
            try:
                _execute(ast.Module([statement], []), source.path, source.module)
            except ModuleNotFoundError as error:
                if error.name not in BYSTANDERS:
                    raise UnusableError(
                        f"{place_of(error, source.path)}needs the module {error.name}, which is not installed"
                    ) from None
                source.failures.append(told(error, source.path))
            except (Exception, SystemExit) as error:  # whatever a person's file may raise
                name = _text_read(statement)
                if name:
                    source.module.__dict__[name] = SAMPLE
                    source.notes.append(f"{name} could not be read: a sample text stands in for it")
                else:
                    source.failures.append(told(error, source.path))
    if left:
        source.notes.append(
            f"only the definitions of the file were run: {left} loops and calls at its top level were not"
        )


def _text_read(statement: ast.stmt) -> str:
    """The name to which a statement gives the text of a file."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return ""
    opens = any(isinstance(n, ast.Call) and ast.unparse(n.func) == "open" for n in ast.walk(statement.value))
    return statement.targets[0].id if opens else ""


def _is_call(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)


@contextlib.contextmanager
def _sample_texts(source: Source) -> Iterator[None]:
    """A text of our own for a text file that is not there, as scripts read their training text before anything else."""
    before = builtins.open

    def opened(file: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return before(file, *arguments, **options)
        except FileNotFoundError:
            mode = str(options.get("mode", arguments[0] if arguments else "r"))
            if not str(file).endswith((".txt", ".text")) or "w" in mode:
                raise
            source.notes.append(f"{file} is not there: a sample text stands in for it")
            return io.BytesIO(SAMPLE.encode()) if "b" in mode else io.StringIO(SAMPLE)

    builtins.open = opened
    try:
        yield
    finally:
        builtins.open = before


def _execute(tree: ast.Module, path: Path, module: ModuleType) -> None:
    exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102  # running their code is what was asked for


def _guarded_import(package: str, path: Path) -> None:
    try:
        importlib.import_module(package)
    except Exception as error:  # whatever a person's package may raise
        raise UnusableError(f"the package {package} cannot be imported: {told(error, path)}") from None


def _package(path: Path) -> tuple[str, Path]:
    """The package that a file belongs to, and the folder that stands first on the path."""
    names: list[str] = []
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join(names), folder


def _first_on_path(root: Path) -> None:
    here = str(Path.cwd())
    sys.path[:] = [str(root), *(entry for entry in sys.path if entry not in (str(root), ""))]
    if here not in sys.path:
        sys.path.append(here)
    hidden = Path(__file__).resolve().parents[3]
    if root == hidden:
        return
    for name in OURS:
        # A module of theirs that is called as one of ours is theirs to them; ours are imported already.
        if (root / f"{name}.py").is_file() or (root / name).is_dir():
            for known in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
                del sys.modules[known]


def told(error: BaseException, path: Path) -> str:
    """An exception in one line, with its place in the person's file."""
    lines = str(error).strip().splitlines()
    message = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    return f"{place_of(error, path)}{message}"


def place_of(error: BaseException, path: Path) -> str:
    """`FILE:LINE: ` of the innermost frame that lies in the person's file, nothing where there is none."""
    line = line_of(error, path)
    return f"{path.name}:{line}: " if line else ""


@lru_cache(maxsize=64)
def _real(path: Path) -> str:
    return os.path.realpath(path)  # asked for at each of thousands of ways to call a function


def line_of(error: BaseException, path: Path) -> int:
    """The line of the innermost frame that lies in the person's file, 0 where there is none."""
    names = (str(path), _real(path))
    line, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename in names:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
