"""What arguments, weights and gradients are called in public code: the part that a name plays.

The words are data, in `words.toml`. A name is compared without case and underscores.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from derive.patterns import regex

_TABLE = tomllib.loads((files("verify.code") / "protocols" / "words.toml").read_text(encoding="utf-8"))
(
    INPUTS,
    HIDDEN,
    MEMORY,
    PARAMETERS,
    TARGETS,
    CACHES,
    INPUT_SIZES,
    HIDDEN_SIZES,
    OUTPUT_SIZES,
    RATES,
    MASKS,
    LENGTHS,
    SHAPES,
    ATTENDED,
) = (
    frozenset(_TABLE[key].split())
    for key in (
        "inputs",
        "hidden",
        "memory",
        "parameters",
        "targets",
        "caches",
        "input_sizes",
        "hidden_sizes",
        "output_sizes",
        "rates",
        "masks",
        "lengths",
        "shapes",
        "attended",
    )
)
FORWARD, BACKWARD, OUTPUTS = (tuple(_TABLE[key].split()) for key in ("forward", "backward", "outputs"))
"""Names of methods, and of attributes in which an output is left, the likeliest first."""

GATES = "ifogczrnhuatyksl"
"""Letters of gates and candidates: a family of weights differs by one of these."""

_NOT_GATES = frozenset("y")


@cache
def plain(name: str) -> str:
    """A name without case, underscores and primes; `h_t_minus_1` is `h_prev`."""
    return re.sub(r"(?<=[a-z])t?minus(1|one)$", "prev", re.sub(r"[^a-z0-9]", "", name.lower()))


_BEFORE = "old|prev|previous|last|initial|init|past|start|starting|first|given"
_CARRIED = regex(
    rf"(?:{_BEFORE})?(?:(?P<hidden>h|hx|hidden|hiddenstate|hstate|outputstate)|c|cx|cell|cellstate|cstate|memory|memorycell)"
    rf"(?:{_BEFORE}|0|in|t(?:{_BEFORE})|(?:{_BEFORE})t)?"
)
"""A state that a step is given, whichever word says so: old_cell, hx, initial_hidden_state, h_prev_t."""


_WANTED = regex(
    r"(?:y|batch|seq|sequence|output|out|train|true|word|char|next)?(?:target|label|truth|answer)s?"
    r"(?:y|batch|seq|sequence|t|idx|ids|indices|list|onehot)?|y(?:true|target|label|gold|wanted)s?"
)
"""What is to be predicted, in two words: y_targets, target_seq, label_idx, y_true."""


def part(name: str) -> str:
    """The part that an argument plays by its name: input, h, c, parameters, target, mask, lengths, bias, weight; or
    nothing known."""
    bare = plain(name)
    for words, found in ((PARAMETERS, "parameters"), (INPUTS, "input"), (HIDDEN, "h"), (MEMORY, "c")):
        if bare in words or (name == "X" and found == "input"):
            return found
    if carried := _CARRIED.fullmatch(bare):
        return "h" if carried["hidden"] else "c"
    if bare in TARGETS or _WANTED.fullmatch(bare):
        return "target"
    if bare in MASKS or bare in LENGTHS:
        return "mask" if bare in MASKS else "lengths"
    if is_bias(name):
        return "bias"
    if bare in ATTENDED:
        return ""
    if re.match(r"(w|u|v|r|k|theta|weight|kernel|rec|inp|ug|wg)", bare) or (len(name) <= 4 and name[:1].isupper()):
        return "weight"
    return ""


def is_bias(name: str) -> bool:
    """Whether an array is a bias by its name."""
    bare = plain(name)
    short = bare.startswith("b") and len(bare) <= 4 and not bare.startswith(("ba7",))
    return "bias" in bare or short or re.search(r"[a-z0-9]_b$", name) is not None  # x2h_b


def ungraded(label: str) -> str:
    """The name of what a gradient is the gradient of: `dWx`, `d_W_in`, `grad_W`, `W_grad`, `dLdU`, `self.dW`."""
    bare = re.split(r"[ \[(]", label)[0].split(".")[-1]
    for pattern in (
        r"^dLd_?(?=\w)",
        r"^dJd_?(?=\w)",
        r"^(?:grad|delta|gradient|gradients)_(?=\w)",
        r"^delta(?=[hc]$)",
        r"^d_(?=\w)",
        r"^diff_?(?=\w)",
    ):
        if re.match(pattern, bare):
            return re.sub(pattern, "", bare)
    for pattern in (r"^g(?:rad)?(?=[A-Z])", r"_(?:grad|gradient|g)$", r"^d(?=[A-Za-z])", r"^grad(?=[a-z])"):
        if re.search(pattern, bare):
            return re.sub(pattern, "", bare)
    return bare


def is_gradient(name: str) -> bool:
    """Whether a name says that it is a gradient."""
    return ungraded(name) != name.split(".")[-1]


def families(names: Sequence[str]) -> dict[str, str]:
    """For every name the family it belongs to, with `?` for the letter of the gate: `W?` for W_f, W_i, W_o, W_c."""
    keys = {name: _keys(name) for name in names}
    counts = Counter(key for found in keys.values() for key in set(found))
    pairs = _pairs(keys)
    chosen = {}
    for name, found in keys.items():
        best = max(found, key=lambda key: (counts[key], -found.index(key)), default=name)
        two = next((key for key in found if key in pairs), name)
        chosen[name] = best if counts[best] >= 3 else two
    return chosen


def _pairs(keys: dict[str, list[str]]) -> set[str]:
    """Families of two gates: several that differ by the same two letters, one of which is of a gate; not W_ih, W_hh."""
    letters: dict[str, set[str]] = {}
    for name, found in keys.items():
        for key in found:
            letters.setdefault(key, set()).add(name[key.index("?")])
    twos = {key: frozenset(some) for key, some in letters.items() if len(some) == 2 and some & {*"zfug"}}
    return {key for key, some in twos.items() if list(twos.values()).count(some) > 1}


def _keys(name: str) -> list[str]:
    letters = [k for k, letter in enumerate(name) if letter in GATES and letter not in _NOT_GATES and k > 0]
    return [f"{name[:k]}?{name[k + 1 :]}" for k in reversed(letters)]


KINDS = ("input", "recurrent", "joint", "readout")


def kinds(family: str) -> tuple[str, ...]:
    """What a matrix may act on, by the name of its family, the likeliest first."""
    bare = re.sub(r"[^a-z0-9?]", "", family.lower())
    rest = re.sub(r"^(weights?|kernel|w|theta)", "", bare)
    if rest in ("y", "hy", "ya", "out", "yh", "output", "v", "o", "ho", "as", "hv", "sy", "oh"):
        return ("readout", "recurrent", "input", "joint")
    if rest in ("", "?", "all", "gates", "g", "s", "lstm", "gru", "rnn"):
        return ("joint", "input", "recurrent", "readout")
    if rest in (
        "h",
        "hh",
        "aa",
        "a",
        "rec",
        "r",
        "hh?",
        "h?",
        "?h",
        "ss",
        "recurrent",
        "u",
        "u?",
        "?hh",
        "hidden",
        "a?",
    ):
        return ("recurrent", "input", "readout", "joint")
    if rest in ("i?", "?x", "x?", "?i"):
        return ("input", "recurrent", "joint", "readout")
    if rest.startswith(("u", "r")):
        return ("recurrent", "input", "joint", "readout")
    return ("input", "recurrent", "joint", "readout")


@cache
def is_readout_bias(name: str) -> bool:
    """Whether a bias belongs to a readout by its name."""
    bare = plain(name)
    # o = V h + c beside b; but b_c is the bias of a candidate
    return bare == "c" or re.sub(r"^b(ias)?", "", bare) in ("y", "out", "output", "hy", "v")


def state_part(name: str) -> str:
    """`h` or `c` if a name means the state before, in whatever words: dprev_h, da_prevt, dh_next, d_initial_state."""
    bare = plain(name)
    if bare in HIDDEN:
        return "h"
    if bare in MEMORY:
        return "c"
    core = re.sub(r"(initial|init|prev|previous|next|first|start|last|state|before|t|0|1)", "", bare)
    if core in ("h", "a", "s", "hs", "as", "ss", "hidden", "ah"):
        return "h"
    return "c" if core in ("c", "cs", "cell", "memory") else "h" if core == "" and bare else ""


def means_before(name: str) -> bool:
    """Whether a name says that something belongs to the state before."""
    bare = plain(name)
    return any(word in bare for word in ("prev", "init", "first", "next", "state", "start", "before", "0"))
