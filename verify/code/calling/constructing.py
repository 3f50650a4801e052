"""Constructing a person's class, and the arrays that the object then keeps.

The arrays it computes with are given to its constructor, or made by it and then replaced.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from derive.patterns import regex
from verify.code.calling import words
from verify.code.calling.axes import FIRST, Setting
from verify.code.calling.base import Target, calls, definition, required
from verify.code.calling.engine import Fixed, Slot, within
from verify.code.calling.search import Wanted, gates
from verify.numbers.case import Array

LISTS = ("grads", "gradients", "grad", "dparams", "d_params", "gradient", "grad_params", "param_grads")
"""Where an object may keep its gradients."""

INDEX_OF = regex(r"(to|2)_?(ix|idx|index|indices|int|id|i|num)s?$", re.IGNORECASE)
WORD_OF = regex(r"^(ix|idx|index|indices|int|id|i|num)s?_?(to|2)", re.IGNORECASE)
"""Dicts from a word to its place, and from a place to its word."""


STEPS = frozenset(
    {"t", "tx", "seqlen", "seqlength", "timesteps", "ntimesteps", "nsteps", "numsteps", "steps", "sequencelength"}
    | {"maxlen"}
)
"""What the number of steps is called in a constructor."""


BATCHES = frozenset({"batchsize", "nbatch", "batch", "minibatchsize"})
"""What the number of examples is called in a constructor."""


class Maker:
    """One way to construct the class: arrays that are variables, and fixed arguments such as sizes."""

    def __init__(self, arrays: list[Wanted], fixed: dict[str, Fixed]) -> None:
        self.arrays, self.fixed = arrays, fixed


def _size(letter: str) -> Fixed:
    return lambda setting, rng: setting.size(letter)


def reads_out(make: Mapping[str, Fixed]) -> bool:
    """Whether a constructor is told the length of a readout."""
    rng = np.random.default_rng(0)
    return any(isinstance(n := give(FIRST, rng), int) and n == FIRST.K for give in make.values())


def _shape(setting: Setting, rng: np.random.Generator) -> tuple[int, int]:
    return (setting.T, setting.D)


def makers(target: Target) -> Iterator[Maker]:
    """Ways to construct, the likeliest first: by the names of arguments, then sizes in the usual order."""
    taken = [p for p in calls(target.value) if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = {p.name for p in required(taken)}
    arrays: list[Wanted] = []
    fixed: dict[str, Fixed] = {}
    unknown: list[str] = []
    flag = next((p.name for p in taken if words.plain(p.name) == "stateful"), None)
    sizes = _lengths(target)
    names = {words.plain(p.name) for p in taken}
    # RNN(n_out): where that is all it takes, the state is what comes out; beside other sizes it is a readout's.
    out = "K" if len(needed) > 1 or names & words.HIDDEN_SIZES else "H"
    hidden = words.HIDDEN_SIZES - {"outsize"} if names & (words.HIDDEN_SIZES - {"outsize"}) else words.HIDDEN_SIZES
    outputs = words.OUTPUT_SIZES | {"outsize"}
    for p in taken:
        bare = words.plain(p.name)
        if p.name in needed and INDEX_OF.search(p.name):
            fixed[p.name] = lambda setting, rng: {chr(97 + k): k for k in range(setting.D)}
        elif p.name in needed and WORD_OF.search(p.name):
            fixed[p.name] = lambda setting, rng: {k: chr(97 + k) for k in range(setting.D)}
        elif p.name == flag:
            fixed[p.name] = lambda setting, rng: True
        elif p.name not in needed:
            if (bare in words.INPUT_SIZES and p.default is None) or (
                bare in words.INPUT_SIZES and isinstance(p.default, int) and not isinstance(p.default, bool)
            ):
                fixed[p.name] = _size("D")
            elif bare in hidden and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size("H")
            elif bare in outputs and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size(out)
            elif bare in words.SHAPES and p.default is None:
                fixed[p.name] = _shape
            elif bare in STEPS and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size("T")
            elif bare in BATCHES and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size("B")
            elif bare == "dtype":
                fixed[p.name] = lambda setting, rng: np.float64
        elif bare in words.SHAPES:
            fixed[p.name] = _shape
        elif bare in words.INPUT_SIZES:
            fixed[p.name] = _size("D")
        elif bare in hidden:
            fixed[p.name] = _size("H")
        elif bare in outputs:
            fixed[p.name] = _size(out)
        elif bare in STEPS:
            fixed[p.name] = _size("T")
        elif bare in ("b", "batchsize", "n", "nbatch") and any(words.part(q) == "weight" for q in needed) is False:
            fixed[p.name] = _size("B")
        elif bare in words.RATES:
            fixed[p.name] = lambda setting, rng: 1.0
        elif bare in ("seed", "rngseed"):
            fixed[p.name] = lambda setting, rng: 0
        elif bare in ("rng", "randomstate", "random"):
            fixed[p.name] = lambda setting, rng: np.random.default_rng(0)
        elif words.part(p.name) in ("weight", "bias") and not bare.startswith(("inp", "rec")) and p.name not in sizes:
            arrays.append(Wanted(p.name, words.part(p.name), Slot("make", p.name)))
        else:
            unknown.append(p.name)
    if not unknown:
        yield Maker(arrays, fixed)
        if flag:
            yield Maker(arrays, {**fixed, flag: lambda setting, rng: False})
        return
    for letters in ("DHK", "HDK", "DDH"):
        if len(unknown) <= len(letters):
            yield Maker(arrays, {**fixed, **{name: _size(a) for name, a in zip(unknown, letters, strict=False)}})


MADE = regex(r"(zeros|ones|empty|full|eye|identity|randn?|normal|uniform|random_sample|standard_normal|random)$")
"""Functions that make arrays of a shape."""


def _lengths(target: Target) -> frozenset[str]:
    """The arguments of a constructor that are lengths there: rng.randn(N, M), np.zeros((N, M))."""
    node = definition(getattr(target.value, "__init__", None), target.source.tree)
    found = set()
    for call in ast.walk(node) if node is not None else ():
        if not isinstance(call, ast.Call) or not MADE.search(ast.unparse(call.func)):
            continue
        for given in [*call.args, *(k.value for k in call.keywords if k.arg in ("size", "shape"))]:
            entries = given.elts if isinstance(given, ast.Tuple | ast.List) else [given]
            found |= {entry.id for entry in entries if isinstance(entry, ast.Name)}
    return frozenset(found)


def example(target: Target, maker: Maker) -> Any:
    """An object made in the first setting, None where its arrays are not known yet."""
    rng = np.random.default_rng(0)
    fixed = {name: give(FIRST, rng) for name, give in maker.fixed.items()}
    if not maker.arrays:
        return target.value(**fixed)
    # Which of their arrays are which is found later; any shapes do where the constructor only keeps them.
    for many in gates(target):
        shapes = {"weight": (FIRST.D, many * FIRST.H), "bias": (many * FIRST.H,)}
        try:
            given = {w.name: rng.normal(size=shapes[w.part]) for w in maker.arrays}
            made = target.value(**given, **fixed)
        except Exception:  # the constructor looks at its arrays: the search will say what it raises
            continue
        maker.given = given  # type: ignore[attr-defined]
        return made
    return None


def attributes(made: Any) -> list[Wanted]:
    """The float arrays that an object keeps, in attributes, lists, dicts and objects within it, each once."""
    wanted: list[Wanted] = []
    seen: set[int] = set()
    for name, slot, value in arrays_of(made):
        if (kept := id(read(made, slot))) in seen or value.size == 0:
            continue
        if words.is_gradient(name) and any(n == words.ungraded(name) for n, _, _ in arrays_of(made)):
            continue
        if any(part in LISTS for part in slot.name.split(".")) or "grad" in name.lower():
            continue
        seen.add(kept)
        found = FIRST.axes(value.shape)
        if "?" in found:
            continue
        part = words.part(name.split(".")[-1])
        if part not in ("h", "c") or "H" not in found:
            part = "bias" if words.is_bias(name.split(".")[-1]) or value.ndim == 1 or 1 in value.shape else "weight"
        wanted.append(Wanted(name, part, slot, found))
    return wanted


def unset_states(target: Target, example: Any, have: list[Wanted]) -> list[Wanted]:
    """States that an object keeps between calls and that are None at first: they can be given."""
    names = {w.name for w in have}
    found = []
    for name, value in vars(example).items() if example is not None and hasattr(example, "__dict__") else ():
        if value is None and name not in names and words.part(name) in ("h", "c") and not words.is_gradient(name):
            found.append(Wanted(name, words.part(name), Slot("attribute", name)))
    return found


def arrays_of(made: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Slot, Array]]:
    """Name, place and value of every float array within an object; names of attributes go before places in lists."""
    listed: list[tuple[str, Slot, Array]] = []
    own = vars(made) if hasattr(made, "__dict__") else {}
    keys = Counter(key for name, value in own.items() if isinstance(value, Mapping) and not words.is_gradient(name)
                   for key in value)  # fmt: skip
    for name, value in own.items():
        place = f"{path}{name}"
        if (tensor := array_of_tensor(value)) is not None:
            yield place, Slot("attribute", place), tensor
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield place, Slot("attribute", place), value
        elif isinstance(value, Mapping):
            for key, inside in value.items():
                if isinstance(inside, np.ndarray) and inside.dtype.kind == "f":
                    label = f"{name}_{key}" if keys[key] > 1 else str(key)  # W["f"] beside b["f"]
                    listed.append((label, Slot("item", place, key), inside))
        elif isinstance(value, list):
            for k, inside in enumerate(value):
                if isinstance(inside, np.ndarray) and inside.dtype.kind == "f":
                    listed.append((f"{name}[{k}]", Slot("item", place, k), inside))
                elif _holds(made, inside, depth):
                    yield from arrays_of(inside, f"{place}.{k}.", depth + 1)
        elif _holds(made, value, depth):
            yield from arrays_of(value, f"{place}.", depth + 1)
    yield from listed


def array_of_tensor(value: Any) -> Array | None:
    """The numbers of a float tensor of torch that is no module's parameter."""
    if not hasattr(value, "detach") or not hasattr(value, "is_floating_point") or not value.is_floating_point():
        return None
    return np.asarray(value.detach().numpy())


def _holds(made: Any, value: Any, depth: int) -> bool:
    """Whether an object within another is one of the file that may keep arrays."""
    own = type(value).__module__ == type(made).__module__
    return depth < 2 and hasattr(value, "__dict__") and own and not callable(value)


def read(made: Any, slot: Slot) -> Any:
    """What stands at a place in an object."""
    owner = within(made, slot.name.split("."))
    return owner if slot.key is None else owner[slot.key]
