"""Our packages are found although a person's own files have their names, such as a verify.py in the current folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

PACKAGES = ("derive", "verify", "generated")
HERE = Path(__file__).resolve().parents[1]

_kept: dict[str, ModuleType] = {}
"""Our modules while those of a person stand in their place."""


def found_first() -> None:
    """Put our folder in front where another one hides a package of ours; processes that are started inherit it."""
    if any(hidden(name) for name in PACKAGES):
        sys.path.insert(0, str(HERE))


def hidden(name: str) -> bool:
    """Whether another file would be imported under the name of a package of ours."""
    spec = PathFinder.find_spec(name)
    if spec is None:  # an editable installation is found in another way, after all paths
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return not any(Path(place).resolve().is_relative_to(HERE) for place in places)


@contextmanager
def ours() -> Iterator[None]:
    """Within, the names of our packages mean ours; after it they mean what they meant before."""
    theirs = {name: module for name, module in sys.modules.items() if _named_as_ours(name) and not _is_ours(module)}
    if not theirs and not any(map(hidden, PACKAGES)):
        yield
        return
    path = list(sys.path)
    _taken_out(theirs)
    sys.modules.update(_kept)
    found_first()
    try:
        yield
    finally:
        _kept.update({name: module for name, module in sys.modules.items() if _named_as_ours(name)})
        _taken_out(_kept)
        sys.modules.update(theirs)
        sys.path[:] = path


def _named_as_ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


def _is_ours(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(HERE)


def _taken_out(modules: dict[str, ModuleType]) -> None:
    for name in modules:
        sys.modules.pop(name, None)
