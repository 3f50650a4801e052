"""What the text of a function is made of: its parts, and its arguments with their axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.nodes import Node, Quantity
from derive.targets.numpy.code import folded, size_text
from derive.targets.numpy.frame import axes


@dataclass(frozen=True)
class Function:
    """One function of the module, as text."""

    signature: str
    summary: str
    details: tuple[str, ...]
    body: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(part for line in self.body for part in folded(line)))


@dataclass(frozen=True)
class Argument:
    """An array argument: its name, its axes, whether it may be None, and the variable the body knows it by.

    `classes`: whether an index of a class may stand for the last axis.
    """

    name: str
    axes: tuple[str, ...]
    optional: bool = False
    bound: str = ""
    classes: bool = False


def tuple_text(items: Iterable[str]) -> str:
    """A tuple of strings as Python text."""
    quoted = [f'"{item}"' for item in items]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"


def axes_text(node: Node) -> tuple[str, ...]:
    """The axes of one value behind the leading ones; a scalar parameter has none, a scalar quantity one of length 1."""
    if node.shape == (1, 1):
        return () if isinstance(node, Quantity) and node.time is None else ("1",)
    return tuple(map(size_text, axes(node)))


def names_text(names: Sequence[str]) -> str:
    """A tuple of variables as Python text."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def listed(arguments: Sequence[Argument]) -> list[str]:
    """The statements that add arguments to the arrays which are checked."""
    body = []
    for a in arguments:
        shape = tuple_text(a.axes)
        if a.classes:
            lengths = ", lengths" if a.axes[0] == "T" else ""
            body.append(f'{a.name} = one_hot("{a.name}", {a.name}, {shape}, arrays{lengths})')
        line = f'arrays.append(("{a.name}", {a.name}, {shape}))'
        body += [f"if {a.name} is not None:", f"    {line}"] if a.optional else [line]
    return body


def init_function(letters: Sequence[str]) -> Function:
    """`init` for sizes of these letters."""
    sizes = ", ".join(f'"{letter}": {letter}' for letter in letters)
    body = (
        f"sizes = {{{sizes}}}",
        "params = {}",
        "for name, axes in PARAMETERS.items():",
        "    shape = tuple(_length(axis, sizes) for axis in axes)",
        "    bound = 1.0 / np.sqrt(shape[-1] if shape else 1)",
        "    params[name] = np.asarray(rng.uniform(-bound, bound, shape), dtype)",
        "return params",
    )
    return Function(
        f"init(*, {', '.join([*letters, 'rng'])}, dtype=np.float64)",
        "Random parameters by name, every entry uniform in ±1/√m.",
        ("m: the length of the last axis (1 for a scalar).", "rng: a numpy.random.Generator."),
        body,
    )
