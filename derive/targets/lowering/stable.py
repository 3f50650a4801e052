"""Forms that do not overflow: the logarithm of a softmax or a sigmoid is computed from its argument, and what is
written out in exponentials by σ and softplus."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import MatAdd

from derive import functions
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Node, Quantity, Softmax, add, apply, ones, scale, substitute
from derive.targets.lowering.exponentials import exponentials_bounded

LOG_SOFTMAX = "log_softmax"
"""The helper that computes log softmax(z); not an elementwise function, but it takes the place of one."""


def stable(node: Node, definitions: Mapping[Quantity, Node]) -> Node:
    """Rewrite quotients of exponentials, log(1 + e^z), log(softmax(z)), log(σ(z)) and log(1 - σ(z)), the last three
    also where the inner value has a name."""

    def rewritten(part: Node) -> Node | None:
        bounded = exponentials_bounded(part)
        if bounded is not None:
            return bounded if bounded == part else substitute(bounded, rewritten)
        if not (isinstance(part, Elementwise) and part.function.name == "log"):
            return None
        (inside,) = part.operands
        whole = definitions.get(inside, inside)
        if isinstance(whole, Softmax):
            return Elementwise(ScalarFunction(LOG_SOFTMAX), whole.operand)
        if _is_sigmoid(whole):
            return scale(-1, _softplus(scale(-1, whole.operands[0])))
        terms = inside.args if isinstance(inside, MatAdd) else (inside,)
        complement = add(ones(*inside.shape), *(scale(-1, term) for term in terms))
        complement = definitions.get(complement, complement)
        if _is_sigmoid(complement):
            return scale(-1, _softplus(complement.operands[0]))
        return None

    return substitute(node, rewritten)


def _is_sigmoid(node: Node) -> bool:
    return isinstance(node, Elementwise) and node.function.name == "sigmoid"


def _softplus(node: Node) -> Node:
    softplus = functions.function("softplus")
    assert softplus is not None
    return apply(softplus, node)
