"""What arguments, weights and gradients are called in public code: the part that a name plays.

Every list is data: a word that is missing here is added here. A name is compared without case and underscores.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

INPUTS = frozenset(
    "x xs xt xseq input inputs inp seq sequence sequences data batch embeddings embedded layerinput xin xbatch "
    "inputseq inputsequence us u0 xsequence tokens emb".split()
)
HIDDEN = frozenset(
    "h h0 hs hp hprev prevh hinit inith initialh hinitial h00 hidden hidden0 hiddenprev prevhidden hiddenstate state "
    "state0 states initialstate initstate prevstate stateprev stateinit s0 sprev prevs a0 aprev preva ainit inita "
    "htm1 hlast h1 hstart prev hold oldh hpast inithidden initialhidden hiddeninit hbefore hpre pre".split()
)
MEMORY = frozenset(
    "c c0 cs cp cprev prevc cinit initc initialc cinitial cell cell0 cellprev prevcell cellstate prevcellstate ctm1 "
    "c1 cstart cold oldc cpast initialcell cellinit cbefore memory prevmemory memoryprev m0 cpre".split()
)
PARAMETERS = frozenset("params parameters param weights theta model p ps paramdict W_dict par pars".split())
TARGETS = frozenset("y ys targets target labels label t ytrue truth wanted yt goal answers gold ygold".split())
CACHES = frozenset(
    "cache caches tape memory ctx context saved store stored history intermediates kept record records steps trace "
    "forwardcache fwdcache forwardresult values vals stash residuals aux".split()
)
INPUT_SIZES = frozenset(
    "inputsize ninput ninputs inputdim nin d din dx indim insize vocabsize nx features nfeatures numfeatures dinput "
    "inputfeatures infeatures wordvecsize embedsize embeddim embeddingsize embeddingdim nvocab vocab xdim dimx "
    "inputdimension inputunits dimin wordvec v sizex worddim xsize nxs nbinputs numinputs charsize ndim".split()
)
HIDDEN_SIZES = frozenset(
    "hiddensize nhidden hiddendim h nunits units nh na hidden nhiddens dh statesize nstate hiddenunits numhidden nbunits "
    "numunits hdim dimh memsize memcellct hiddendimension cellsize outsize latent latentdim dhidden hiddenlayersize "
    "sizeh hiddenfeatures hsize nbhidden dimhidden".split()
)
OUTPUT_SIZES = frozenset(
    "outputsize noutput noutputs outputdim nout k outdim ny classes nclasses numclasses ydim doutput outputunits "
    "nbclasses outfeatures numoutputs ysize".split()
)
SHAPES = frozenset("inputshape shape inputshapes".split())
GATES = "ifogczrnhuatyksl"
"""Letters of gates and candidates: a family of weights differs by one of these."""

_NOT_GATES = frozenset("y")


def plain(name: str) -> str:
    """A name without case, underscores and primes."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def part(name: str) -> str:
    """The part that an argument plays by its name: input, h, c, parameters, target, bias, weight, or nothing known."""
    bare = plain(name)
    for words, found in ((PARAMETERS, "parameters"), (INPUTS, "input"), (HIDDEN, "h"), (MEMORY, "c")):
        if bare in words or (name == "X" and found == "input"):
            return found
    if bare in TARGETS:
        return "target"
    if is_bias(name):
        return "bias"
    if re.match(r"(w|u|v|r|k|theta|weight|kernel|rec|inp|ug|wg)", bare) or (len(name) <= 4 and name[:1].isupper()):
        return "weight"
    return ""


def is_bias(name: str) -> bool:
    """Whether an array is a bias by its name."""
    bare = plain(name)
    return "bias" in bare or (bare.startswith("b") and len(bare) <= 4 and not bare.startswith(("ba7",)))


def ungraded(label: str) -> str:
    """The name of what a gradient is the gradient of: `dWx`, `d_W_in`, `grad_W`, `W_grad`, `dLdU`, `self.dW`."""
    bare = re.split(r"[ \[(]", label)[0].split(".")[-1]
    for pattern in (r"^dLd_?(?=\w)", r"^dJd_?(?=\w)", r"^(?:grad|delta|gradient|gradients)_(?=\w)", r"^d_(?=\w)"):
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
    chosen = {}
    for name, found in keys.items():
        best = max(found, key=lambda key: (counts[key], -found.index(key)), default=name)
        chosen[name] = best if counts[best] >= 3 else name
    return chosen


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
    if rest in ("h", "hh", "aa", "a", "rec", "r", "hh?", "h?", "?h", "ss", "recurrent", "u", "u?", "?hh", "hidden", "a?"):
        return ("recurrent", "input", "readout", "joint")
    if rest in ("i?", "?x", "x?", "?i"):
        return ("input", "recurrent", "joint", "readout")
    if rest.startswith(("u", "r")):
        return ("recurrent", "input", "joint", "readout")
    return ("input", "recurrent", "joint", "readout")


def is_readout_bias(name: str) -> bool:
    """Whether a bias belongs to a readout by its name."""
    rest = re.sub(r"^b(ias)?", "", plain(name))
    return rest in ("y", "out", "output", "hy", "v")


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
