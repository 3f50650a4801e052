"""A note for a recurrent node of ONNX whose functions or clip no cell of the catalogue has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.errors import InputError
from verify.weights.blocks import Rows, contents
from verify.weights.of_onnx import DIRECTIONS, direction_of, plain


@dataclass(frozen=True)
class OnnxNote:
    """The equations of a node as a note, and the table that `from_onnx` and `to_onnx` take for it."""

    text: str
    arrays: Mapping[str, Rows]


def onnx_note(operator: str, attributes: Mapping[str, Any] | None = None, *, peepholes: bool = False) -> OnnxNote:
    """The cell that a node computes, by its operator and attributes: any activations, and `clip`.

    As in onnxruntime, `clip` bounds what the functions of gates are applied to, not the c_t that h is applied to.
    `peepholes`: whether the node has the input P. Raises InputError where the equations are not known.
    """
    given = {key: plain(value) for key, value in (attributes or {}).items()}
    known = contents("onnx_notes")
    settings = {key: given.pop(key, default) for key, default in contents("onnx")["settings"].items()}
    directions = len(DIRECTIONS[direction_of(given.pop("direction", "forward"))])
    clip = given.pop("clip", None)
    names = given.pop("activations", None) or known["defaults"].get(operator, []) * directions
    numbers = {key: given.pop(f"activation_{key}", None) or [] for key in ("alpha", "beta")}
    for ignored in contents("onnx")["ignored"]:
        given.pop(ignored, None)
    if given:
        raise InputError(f"{operator} with {', '.join(given)} is not supported")
    for row in known["nodes"]:
        if row["operator"] != operator or row.get("peepholes", False) != peepholes:
            continue
        if all(row.get(key, 0) == value for key, value in settings.items()):
            functions = _functions(operator, names, numbers, directions, None if clip is None else _positive(clip))
            return OnnxNote(_text(operator, row["equations"], functions), row["arrays"])
    raise InputError(f"no equations are known for {operator} with {settings | {'peepholes': peepholes}}")


def _text(operator: str, equations: Sequence[str], functions: Mapping[str, str]) -> str:
    sizes = [r"$x_t \in \mathbb{R}^{D}$", r"$h_t \in \mathbb{R}^{H}$"]
    defined = [f"${letter}(a) = {tex}$" for letter, tex in functions.items()]
    lines = " \\\\\n".join(equation.replace(" = ", " &= ", 1) for equation in equations)
    return (
        f"# ONNX {operator}\n\n$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$\n\n"
        f"where {', '.join([*sizes, *defined])}\n"
    )


def _functions(
    operator: str, names: Sequence[str], numbers: Mapping[str, Sequence[float]], directions: int, clip: str | None
) -> dict[str, str]:
    """Each function by its letter, of a number that is clipped before, where the function is a gate's."""
    known = contents("onnx_notes")
    letters = known["letters"][operator]
    if len(names) != len(letters) * directions:
        raise InputError(f"{operator} has {len(names)} activations, expected {len(letters) * directions}")
    left = {key: iter(values) for key, values in numbers.items()}
    clipped = [letter in known["clipped"] for letter in letters] * directions
    found = [_function(name, left, clip if own else None) for name, own in zip(names, clipped, strict=True)]
    if any(next(values, None) is not None for values in left.values()):
        raise InputError(f"more values of activation_alpha or activation_beta than {', '.join(names)} have")
    first = found[: len(letters)]
    if found != first * directions:
        raise InputError("the two directions have different functions", hint="split the node into one for each")
    return dict(zip(letters, first, strict=True))


def _function(name: str, left: Mapping[str, Iterator[float]], clip: str | None) -> str:
    row = contents("onnx_notes")["functions"].get(name.lower())
    if row is None:
        raise InputError(f"{name} is no activation of ONNX's recurrent operators")
    values = {}
    for key in (key for key in left if key in row):
        value = next(left[key], row[key])
        if value == "":  # ONNX gives no default
            raise InputError(f"{name} needs activation_{key}")
        values[key] = _number(value)
    argument = "a" if clip is None else rf"\max(-{clip}, \min({clip}, a))"
    return str(row["tex"]).format(a=argument, **values)


def _positive(clip: float) -> str:
    if not clip > 0:
        raise InputError(f"clip is {clip}, expected a positive number")
    return _number(clip)


def _number(value: float) -> str:
    """The shortest decimal of a number of single precision, which is what attributes are."""
    if not math.isfinite(value):
        raise InputError(f"{value} is no finite number")
    text = np.format_float_positional(np.float32(value), trim="-")
    return f"({text})" if value < 0 else text
