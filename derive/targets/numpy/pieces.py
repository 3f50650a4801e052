"""What the text of a function is made of: its parts, and its arguments with their axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.targets.language.code import folded
from derive.targets.words import tuple_text


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
