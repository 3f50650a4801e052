"""Generated source text as a module: written to a temporary file, imported under a name of its own, removed."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

_COUNT = itertools.count()


def load(source: str, name: str = "module", folder: Path | None = None) -> ModuleType:
    """Import the text of a module, whose file stays in `folder` if that is given.

    Whatever its import raises is passed on.
    """
    unique = f"_backproof_{name}_{next(_COUNT)}"
    with nullcontext(folder) if folder is not None else tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{unique}.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(unique, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[unique] = module  # dataclasses look their module up while it is being imported
        try:
            spec.loader.exec_module(module)
        finally:
            del sys.modules[unique]
    return module
