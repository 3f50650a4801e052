"""All evidence for a network: the exact proof of its parts, and its module against other roads to the same numbers.

The reference runs the equations of every copy of the cell over the steps in that copy's own order, in an interpreter
that shares nothing with the generated module; torch and JAX differentiate it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Expr

from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.networks.layers import two_layers
from derive.networks.network import Network, Reads
from derive.nodes import Quantity
from derive.targets.numpy.network import network_module
from verify.numbers.apart import here
from verify.numbers.case import DEFAULT_FUNCTION, Array, Arrays, Case
from verify.numbers.evidence import BATCH, SEED, STEPS, Away, Evidence, evidence, measured
from verify.numbers.load import load
from verify.numbers.numeric import max_of, relative_error
from verify.numbers.oracles import Engine, NumPy, simulate
from verify.truth.exact import whole
from verify.truth.proof import prove
from verify.truth.verdict import Verdict
from verify.truth.world import distinct_sizes


@dataclass(frozen=True)
class NetworkCase(Case):
    """The arrays of one call of a network; J = Σ d_ys · ys + Σ d_final · final + its loss, if it has one."""

    network: Network | None = None
    masks: Arrays | None = None
    targets: Arrays | None = None

    @classmethod
    def drawn(
        cls, network: Network, T: int, B: int, rng: np.random.Generator, lengths: Array | None = None
    ) -> NetworkCase:
        """Random numbers everywhere; sizes all different."""
        face = _face(network)
        sizes = {str(letter): number for letter, number in distinct_sizes(face).items()}
        drawn = Case.draw(face, sizes, T, B, rng)
        width = number(network.width, sizes)
        masks = {f"mask_l{layer}": rng.uniform(0.5, 2.0, (T, B, width)) for layer in range(1, network.layers)}
        targets: Arrays | None = None
        d_output = drawn.d_output
        if network.loss is not None:
            loss_sizes = _loss_sizes(network, sizes)
            loss = Case.draw(network.loss, loss_sizes, T, B, rng)
            targets = {q.name: loss.given[q.name] for q in network.loss.targets}
            if network.reads is Reads.LAST_STEP and network.head is not None:
                targets = {name: value[0] for name, value in targets.items()}
                d_output = d_output[0]
        return cls(
            cell=face,
            sizes=sizes,
            T=T,
            B=B,
            # Layers multiply: with numbers of order one some cells leave the range in which a softmax has a logarithm.
            given={name: value / network.layers for name, value in drawn.given.items()},
            d_output=d_output,
            d_final=drawn.d_final,
            functions={f.base: DEFAULT_FUNCTION for f in network.cell.open_functions},
            network=network,
            masks=masks if network.mask is not None else {},
            targets=targets,
            lengths=lengths,
        )

    @property
    def _network(self) -> Network:
        assert self.network is not None
        return self.network

    @property
    def declared(self) -> tuple[str, ...]:
        """The functions of the network's parts whose slopes are declared."""
        network = self._network
        parts = (network.cell, network.readout, network.loss)
        return tuple(dict.fromkeys(name for part in parts if part is not None for name in part.declared_slopes))

    @property
    def one_step(self) -> bool:
        """Whether the outputs are those of one step, without a time."""
        return self._network.reads is Reads.LAST_STEP and self._network.head is not None

    def _alone(self, k: int) -> NetworkCase:
        T = self.T if self.lengths is None else int(self.lengths[k])
        each = slice(k, k + 1)
        timed = each if self.one_step else (slice(T), each)
        return replace(
            self,
            T=T,
            B=1,
            given=self.of(k),
            d_output=self.d_output[timed],
            d_final={name: value[each] for name, value in self.d_final.items()},
            masks={name: value[:T, each] for name, value in (self.masks or {}).items()},
            targets=self.targets and {name: value[timed] for name, value in self.targets.items()},
            lengths=None,
        )

    def forward(self, module: ModuleType, given: Arrays | None = None) -> tuple[Array, Arrays, Any]:
        """Outputs, final states and the cache."""
        params = self.named(self.cell.parameters, given)
        first, *others = self.named(self.cell.inputs, given).items()
        rest = {**dict(others), **self.named(self.cell.states, given), **(self.masks or {})}
        if self.lengths is not None:
            rest["lengths"] = self.lengths
        outputs, final, cache = module.forward(params, first[1], **rest, **self.functions)
        return outputs, final, cache

    def objective(self, module: ModuleType, given: Arrays | None = None) -> Any:
        """J of the given arrays, by the module."""
        outputs, final, _ = self.forward(module, given)
        total = np.sum(self.d_output * outputs) + sum(np.sum(seed * final[name]) for name, seed in self.d_final.items())
        return total if self.targets is None else total + self._loss(module, outputs)[0]

    def backward(self, module: ModuleType) -> dict[str, Array]:
        """The module's gradients of J by name."""
        outputs, _, cache = self.forward(module)
        d_ys = self.d_output if self.targets is None else self.d_output + self._loss(module, outputs)[1]
        return dict(module.backward(cache, d_ys, **self.d_final))

    def _loss(self, module: ModuleType, outputs: Array) -> tuple[Any, Array, Any]:
        assert self.targets is not None
        counted = {} if self.one_step else {"lengths": self.lengths}
        found: tuple[Any, Array, Any] = module.loss(outputs, *self.targets.values(), **counted)
        return found


def number(size: Expr, sizes: Mapping[str, int]) -> int:
    """A size such as 2 H as a number."""
    return whole(size, {symbol: sizes[str(symbol)] for symbol in size.free_symbols})


def _face(network: Network) -> Cell:
    """What a network looks like from outside: the names and shapes of what goes in and comes out."""
    readout = network.readout_in_place
    output = network.cell.output
    top = readout.output if readout is not None else Quantity(output.name, network.width, 1, output.time)
    return Cell(
        name=network.cell.name,
        title=network.title,
        equations=(),
        inputs=network.cell.inputs,
        states=network.states,
        parameters=network.parameters,
        output=top,
    )


def _loss_sizes(network: Network, sizes: Mapping[str, int]) -> dict[str, int]:
    """The loss's letters: what it reads has the length of the network's output."""
    assert network.loss is not None
    face = _face(network)
    rows = number(face.output.shape[0], sizes)
    return {str(letter): rows for letter in network.loss.sizes}


def reference(
    engine: Engine, case: NetworkCase, given: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """Outputs by step, final states and losses by step, of one network without lengths, as columns (B, n, 1)."""
    network = case._network
    below: Sequence[Any] = list(given[network.cell.inputs[0].name])
    final: dict[str, Any] = {}
    tops: list[list[Any]] = []
    for layer in range(network.layers):
        tops = []
        for copy in (c for c in network.copies if c.layer == layer):
            cell = network.cell_of(copy)
            order = slice(None, None, -1) if copy.reverse else slice(None)
            timed = {q.name: list(given[q.name])[order] for q in cell.inputs[1:] if q.time is not None}
            inside = {**given, **timed, cell.inputs[0].name: list(below)[order]}
            ys, states = simulate(engine, replace(case, cell=cell), inside)
            final |= states
            tops.append(ys[order])
        below = [engine.concatenate(list(parts), -2) for parts in zip(*tops, strict=True)]
        if layer + 1 < network.layers and network.mask is not None:
            mask = engine.array((case.masks or {})[f"mask_l{layer + 1}"])
            below = [y * mask[step][..., None] for step, y in enumerate(below)]
    if case.one_step:
        none = engine.array(np.zeros((case.B, number(network.cell.output.shape[0], case.sizes), 1)))
        ends = [ys[0 if turned else -1] if ys else none for ys, turned in zip(tops, network.senses, strict=True)]
        below = [engine.concatenate(ends, -2)]
    steps = replace(case, T=len(below))
    readout = network.readout_in_place
    if readout is not None:
        below, _ = simulate(engine, replace(steps, cell=readout), {**given, readout.inputs[0].name: below})
    losses: list[Any] = []
    if network.loss is not None and case.targets is not None:
        sizes = _loss_sizes(network, case.sizes)
        targets = {name: value[None] if case.one_step else value for name, value in case.targets.items()}
        inside = {**{k: engine.array(v) for k, v in targets.items()}, network.loss.inputs[0].name: below}
        chosen = {f.base: DEFAULT_FUNCTION for f in network.loss.open_functions}
        losses, _ = simulate(engine, replace(steps, cell=network.loss, sizes=sizes, functions=chosen), inside)
    return list(below), final, losses


def objective(engine: Engine, case: NetworkCase, given: Mapping[str, Any]) -> Any:
    """J of the case by the reference; sequences of different lengths are run one by one."""
    if case.lengths is not None:
        return sum(objective(engine, one, case.of(k, given)) for k, one in enumerate(map(case._alone, range(case.B))))
    ys, final, losses = reference(engine, case, given)
    seeds = case.d_output[None] if case.one_step else case.d_output
    total = engine.array(np.zeros(()))
    for value, seed in zip(ys, seeds, strict=True):
        total = total + (value * engine.array(seed)[..., None]).sum()
    for name, seed in case.d_final.items():
        total = total + (final[name].reshape(seed.shape) * engine.array(seed)).sum()
    for loss in losses:
        total = total + loss.sum()
    return total


def evidence_of(made: Cell | Network, away: Away = here) -> Evidence:
    """All evidence for a cell, a head or a network; `away` does the work of an engine (`verify.numbers.evidence`)."""
    return network_evidence(made, away=away) if isinstance(made, Network) else evidence(made, away=away)


def network_evidence(network: Network, module: ModuleType | None = None, away: Away = here) -> Evidence:
    """Derive, generate, load, and gather all evidence for a network; an existing module is judged as it is."""
    module = module or load(network_module(network), "network")
    case = NetworkCase.drawn(network, STEPS, BATCH, np.random.default_rng(SEED))
    return measured(network.name, module, case, _proofs(network), objective, forward_error, away=away)


def _proofs(network: Network) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """The verdict on the gradient of every name of the network, and those on all values in between."""
    own = prove(differentiate(network.cell))
    verdicts = {q.name: own[q.name] for q in network.cell.inputs}
    for copy in network.copies:
        copied = network.cell_of(copy)
        for kind in ("parameters", "states"):
            pairs = zip(getattr(network.cell, kind), getattr(copied, kind), strict=True)
            verdicts |= {new.name: own[old.name] for old, new in pairs}
    others = {f"cell: {name}": verdict for name, verdict in own.items()}
    further = {"meeting": network.meeting, "dropout": network.mask, "readout": network.readout, "loss": network.loss}
    if network.layers > 1:
        further["two layers"] = two_layers(network.cell)
    for role, cell in further.items():
        if cell is not None:
            found = prove(differentiate(cell))
            others |= {f"{role}: {name}": verdict for name, verdict in found.items()}
            if role == "readout":
                verdicts |= {q.name: found[q.name] for q in cell.parameters}
    return verdicts, others


def forward_error(module: ModuleType, case: NetworkCase) -> float:
    """The relative error of outputs, final states and loss against the reference."""
    outputs, final, _ = case.forward(module)
    total = 0.0
    errors = []
    alone = [case] if case.lengths is None else [case._alone(k) for k in range(case.B)]
    for k, one in enumerate(alone):
        each = slice(None) if case.lengths is None else slice(k, k + 1)
        ys, states, losses = reference(NumPy(), one, one.given)
        got = outputs[each] if case.one_step else outputs[: one.T, each]
        errors.append(relative_error(got, np.array(ys).reshape(got.shape), 1.0))
        if not case.one_step and one.T < case.T:
            errors.append(float(np.abs(outputs[one.T :, each]).max()))
        for name, value in states.items():
            errors.append(relative_error(final[name][each], value.reshape(final[name][each].shape), 1.0))
        total += float(sum(np.sum(loss) for loss in losses))
    if case.targets is not None:
        errors.append(relative_error(np.asarray(case._loss(module, outputs)[0]), np.asarray(total), 1.0))
    return max_of(iter(errors))
