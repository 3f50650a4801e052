"""The ways in which code for recurrent networks is called: one entry each, tried in this order.

An entry is a module with `recognises(target)` and `bound(target)`, which answers with a plan (`base.Plan`) or raises
`MisfitError`. A protocol is added by writing such a module and a row here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from verify.code.calling import rightness, words
from verify.code.calling.base import MisfitError, Target, calls
from verify.code.calling.engine import CallPlan
from verify.code.protocols import within


@dataclass(frozen=True)
class Protocol:
    """One way of calling: the name for `--as`, a sentence for people, and the module that finds it."""

    name: str
    about: str
    module: str

    def recognises(self, target: Target) -> bool:
        """Whether the names and signatures look like it."""
        return bool(import_module(f"verify.code.protocols.{self.module}").recognises(target))

    def bound(self, target: Target) -> CallPlan:
        """The plan; raises MisfitError."""
        found: Callable[[Target], CallPlan] = import_module(f"verify.code.protocols.{self.module}").bound
        return found(target)


PROTOCOLS = (
    Protocol("torch", "an nn.Module, or an autograd.Function with its own backward", "torch_code"),
    Protocol("predictions", "forward(x) -> predictions; backward(y) or bptt(x, y); no loss is returned", "predicting"),
    Protocol("loss", "a class with a method that gives a loss and gradients: forward_backward(x, y)", "loss_methods"),
    Protocol("layer", "a class with params and grads lists: Layer(Wx, Wh, b), forward(xs), backward(dhs)", "objects"),
    Protocol("framework", "a class made from sizes, its arrays in attributes: forward(X), backward(grad)", "objects"),
    Protocol("min-char-rnn", "lossFun(inputs, targets, hprev) -> loss, gradients; parameters in globals", "losses"),
    Protocol("cs231n", "rnn_forward(x, h0, Wx, Wh, b) -> h, cache; rnn_backward(dh, cache); x (N, T, D)", "functions"),
    Protocol(
        "deeplearning-ai", "columns: rnn_forward(x, a0, parameters); rnn_backward(da, caches); x (n, m, T)", "functions"
    ),
    Protocol("functions", "any other pair of functions: time first, one sequence, one step", "functions"),
    Protocol("loss", "loss(params, x, y) -> loss, gradients", "losses"),
    Protocol("one-function", "gradients(params, x, d_ys) -> gradients, both passes in one", "one_function"),
)


def names() -> list[str]:
    """The names for `--as`."""
    return list(dict.fromkeys(protocol.name for protocol in PROTOCOLS))


def bound(target: Target, name: str = "") -> CallPlan:
    """The plan of the first protocol that fits, or of the named one; raises MisfitError with what came furthest."""
    target = within.of_object(target)
    failures: list[str] = []
    reserve: CallPlan | None = None
    tried: set[str] = set()
    for protocol in PROTOCOLS:
        if protocol.module in tried or (name and protocol.name != name):
            continue
        if not name and not protocol.recognises(target):
            continue
        tried.add(protocol.module)
        try:
            plan = protocol.bound(target)
            if plan.unproved:
                reserve = reserve or plan
                failures.append(plan.unproved)
                continue
            if failures:
                _established(plan, failures[0])
            return plan
        except MisfitError as error:
            failures.append(str(error))
    if reserve is not None:
        return reserve
    if failures:
        raise MisfitError(failures[0])
    raise MisfitError(
        f"{_signature(target)}: how it is called could not be told: no forward function beside it, no target or loss "
        f"among what it takes and returns; name the protocol with --as ({', '.join(names())}), or write an adapter: "
        "--skeleton prints one"
    )


def _signature(target: Target) -> str:
    """The name of a target and what it takes, for a class with its methods."""
    if not inspect.isclass(target.value):
        return f"{target.name}({', '.join(p.name for p in calls(target.value))})"
    methods = ", ".join(n for n, f in vars(target.value).items() if inspect.isfunction(f) and not n.startswith("__"))
    return f"{target.name} (a class with {methods or 'no methods'})"


def _established(plan: CallPlan, failure: str) -> None:
    """Raise MisfitError where a target by its name is read as the gradient of the outputs and then nothing is right:
    such code may be right, for a loss that was not found."""
    seeds = [n for n, source in plan.sources.items() if source.startswith("seed ") and words.part(n) == "target"]
    if seeds and not rightness.factors(plan):
        raise MisfitError(failure)
