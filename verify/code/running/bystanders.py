"""Stand-ins for modules that are not installed and that a backward pass does not need: plots, progress bars, logs.

They can be imported and named. What calls one, or derives a class from it, raises ModuleNotFoundError then and there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

BYSTANDERS = frozenset(
    {"IPython", "colorama", "emoji", "imageio", "ipywidgets", "matplotlib", "mpl_toolkits", "plotly", "prettytable"}
    | {"progressbar", "pylab", "rich", "seaborn", "tabulate", "tensorboard", "tensorboardX", "termcolor", "tqdm"}
    | {"wandb"}
)
"""Modules that show, log or report."""


class _Absent(ModuleType):
    """A module, or something in it, that is not there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(f"{self.__name__}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> NoReturn:
        self._missing()

    def __mro_entries__(self, bases: tuple[Any, ...]) -> NoReturn:
        self._missing()

    def _missing(self) -> NoReturn:
        root = self.__name__.split(".")[0]
        raise ModuleNotFoundError(f"No module named {root!r}", name=root)


def _asked_by_a_library() -> bool:
    """Whether an installed package imports a module now, not a person's file."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None and bool({"site-packages", "dist-packages"} & {*Path(frame.f_code.co_filename).parts})


class _Finder(MetaPathFinder, Loader):
    """Finds a stand-in where nothing else has found a module."""

    def __init__(self) -> None:
        self.used: dict[str, None] = {}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        root = fullname.split(".")[0]
        if root not in BYSTANDERS or (root != fullname and not isinstance(sys.modules.get(root), _Absent)):
            return None
        if root == fullname and _asked_by_a_library():
            return None  # which knows what to do without it
        self.used[root] = None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


@contextmanager
def stood_in() -> Iterator[dict[str, None]]:
    """While it lasts, the modules of the table that are not installed can be imported; yields those that were."""
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        yield finder.used
    finally:
        sys.meta_path.remove(finder)
