"""An adapter to fill in, for code that could not be called: in a form that is always understood, with the names of the
cell, and with every function of the file that it may call.

Where the target takes targets, the form is loss(params, x, y) -> loss, gradients; else it is forward and backward.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence

from derive.cell import Cell
from verify.code.calling import words
from verify.code.calling.base import Target, calls
from verify.code.calling.search import AXES

READOUT = {"W_y": "K H", "b_y": "K"}
"""What a loss has beside the parameters of the cell: a readout."""


def skeleton(target: Target, cell: Cell, protocol: str = "") -> str:
    """Python text with the names and shapes of the cell, and the signatures of the file as a comment.

    protocol: `loss` for the form with a loss, where the target takes no targets.
    """
    takes_targets = protocol == "loss" or any(
        words.part(p.name) == "target" for f in _methods(target) for p in calls(f)
    )
    return (_loss if takes_targets else _passes)(target, cell)


def _passes(target: Target, cell: Cell) -> str:
    states = [f"{s.name}0" for s in cell.states]
    arguments = ["x", *states, *(p.name for p in cell.parameters)]
    shapes = {"x": "T D", **{s: _axes(q.shape) for s, q in zip(states, cell.states, strict=True)}, **_shapes(cell)}
    results = _lines(f'"d{name}": ...' for name in arguments)
    return f'''{_head(target, cell, "backward", shapes)}

def forward({", ".join(arguments)}):
    """Returns the outputs, one row for each step, and what backward needs."""
    outputs, kept = ..., ...  # call yours
    return outputs, kept


def backward(d_outputs, kept):
    """d_outputs: the gradient of every output. Returns the gradients by name; leave out what yours does not give."""
    found = ...  # call yours
    return {{
{results}
    }}
'''


def _loss(target: Target, cell: Cell) -> str:
    shapes = {"x": "T D", "y": "T K", **_shapes(cell), **READOUT}
    names = [name for name in shapes if name not in ("x", "y")]
    results = _lines(f'"{name}": ...' for name in names)
    unpacked = _lines(f'{name} = params["{name}"]' for name in names)
    return f'''{_head(target, cell, "loss", shapes)}

def loss(params, x, y):
    """y: a distribution over classes, or numbers, for each step. Returns J and its gradients by name."""
{unpacked.replace(",", "").replace("        ", "    ")}
    J = ...  # call yours; where it returns no loss, write the one it is meant for: -(y * np.log(p)).sum()
    found = ...  # call yours
    return J, {{
{results}
    }}
'''


def _lines(entries: Iterable[str]) -> str:
    return "\n".join(f"        {entry}," for entry in entries)


def _head(target: Target, cell: Cell, name: str, shapes: Mapping[str, str]) -> str:
    module = target.source.module.__name__
    axes = "\n".join(f'    "{name}": "{text}",' for name, text in shapes.items() if AXES.fullmatch(text))
    described = "\n".join(f"#   {line}" for line in _signatures(target))
    return f'''"""Calls {target.name} of {target.source.path.name}: put your calls in the place of the three dots.

Then: backproof check-code THIS_FILE:{name} --cell {cell.name}
"""

import numpy as np
{_import(module, target.source.path.name)}

# What {target.source.path.name} has:
{described}
# The axes of what is given, here one sequence; "T B D" or "B T D" are several at once. A gradient has the shape of its
# array. What your code does not have (a bias, an initial state) is left out of the arguments and of the results.
SHAPES = {{
{axes}
}}
'''


def _import(module: str, file: str) -> str:
    if all(word.isidentifier() for word in module.split(".")) and file.endswith(".py"):
        return f"import {module} as theirs"
    return f"import theirs  # {file} under a name that can be imported, as theirs.py beside this file"


def _signatures(target: Target) -> list[str]:
    """The functions and methods of the file, the target first."""
    space = target.space
    own = [n for n, v in space.items() if getattr(v, "__module__", "") == target.source.module.__name__ and callable(v)]
    found = []
    for name in sorted(own, key=lambda n: n != target.name.split(".")[0]):
        value = space[name]
        found.append(f"theirs.{name}{_signature(value)}")
        if inspect.isclass(value):
            found += [f"    .{n}{_signature(f)}" for n, f in vars(value).items() if _told(n, f)]
    return found


def _told(name: str, value: object) -> bool:
    return inspect.isfunction(value) and not name.startswith("__")


def _methods(target: Target) -> list[object]:
    if not inspect.isclass(target.value):
        return [target.value]
    return [f for n, f in vars(target.value).items() if _told(n, f)]


def _signature(value: object) -> str:
    """What a function takes, without what it is bound to."""
    taken = [p for k, p in enumerate(calls(value)) if k or p.name != "self"]
    return f"({', '.join(_argument(p) for p in taken)})"


def _argument(one: inspect.Parameter) -> str:
    stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
    plain = isinstance(one.default, int | float | str | bool | None)
    default = "" if one.default is one.empty else f"={one.default!r}" if plain else "=..."
    return f"{stars}{one.name}{default}"


def _axes(shape: Sequence[object]) -> str:
    return " ".join(str(n) for n in shape if str(n) != "1") or "1"


def _shapes(cell: Cell) -> dict[str, str]:
    return {p.name: _axes(p.shape) for p in cell.parameters}
