"""Cells and their modules by name: of the catalogue, else of the tests' own notes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from derive import catalogue
from derive.adjoint import differentiate
from derive.targets import numpy as numpy_target
from verify.load import load
from verify.weights import part
from verify.weights.of_onnx import in_reverse

NOTES = Path(__file__).parents[2] / "data/cells"


@cache
def cell(name):
    return catalogue.find(name if name in catalogue.cells() else str(NOTES / f"{name}.md"))


@cache
def module(name):
    return load(numpy_target.module(differentiate(cell(name))), name)


def parameters(name, rng, D=3, H=5):
    return module(name).init(D=D, H=H, rng=rng)


class Stack:
    """Layers and directions over generated modules, as torch stacks them; initial states (copies, B, H)."""

    def __init__(self, name, params, layers, directions):
        self.code, self.params = module(name), params
        self.copies = [(layer, reverse) for layer in range(layers) for reverse in directions]
        self.directions = directions

    def forward(self, x, states, lengths):
        self.lengths, self.caches, finals = lengths, [], []
        for k, (layer, reverse) in enumerate(self.copies):
            if reverse == self.directions[0]:
                below, outputs = (x if layer == 0 else np.concatenate(outputs, axis=-1)), []  # noqa: F821
            given = {state: value[k] for state, value in states.items()}
            rows = in_reverse(below, lengths) if reverse else below
            own = part(self.params, layer, reverse=reverse)
            ys, final, cache = self.code.forward(own, rows, **given, lengths=lengths)
            outputs.append(in_reverse(ys, lengths) if reverse else ys)
            self.caches.append(cache)
            finals.append(final)
        return np.concatenate(outputs, axis=-1), {s: np.stack([f[s] for f in finals]) for s in states}

    def backward(self, d_ys, d_final):
        found, d_states, d_below = {}, {state: [None] * len(self.copies) for state in d_final}, d_ys
        for k in reversed(range(len(self.copies))):
            layer, reverse = self.copies[k]
            if reverse == self.directions[-1]:
                d_outputs, d_below = np.split(d_below, len(self.directions), axis=-1), 0
            d_own = d_outputs[self.directions.index(reverse)]
            d_own = in_reverse(d_own, self.lengths) if reverse else d_own
            grads = self.code.backward(self.caches[k], d_own, **{s: v[k] for s, v in d_final.items()})
            d_x = grads.pop("x")
            d_below = d_below + (in_reverse(d_x, self.lengths) if reverse else d_x)
            for state in d_final:
                d_states[state][k] = grads.pop(state)
            found |= {f"{n}_l{layer}{'_reverse' * reverse}": g for n, g in grads.items()}
        return found, d_below, {state: np.stack(value) for state, value in d_states.items()}
