"""The functions that programs call, as operators: stable, as the helpers of the NumPy modules are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from derive.targets.onnx.graph import Value


class Operators(Protocol):
    """What functions are made with."""

    def entrywise(self, operator: str, *operands: Value) -> Value:
        """An operator on entries, its operands broadcast."""

    def number(self, value: float) -> Value:
        """A number in the type of the arrays."""

    def as_numbers(self, condition: Value) -> Value:
        """1 where a condition is true, 0 elsewhere."""

    def along_last(self, operator: str, operand: Value) -> Value:
        """An operator along the last axis that keeps all axes."""


def _softplus(o: Operators, a: Value) -> Value:
    """max(a, 0) + log(1 + e^-|a|), the logarithm exact also where 1 + e^-|a| rounds to 1."""
    small = o.entrywise("Exp", o.entrywise("Neg", o.entrywise("Abs", a)))
    one = o.number(1)
    above = o.entrywise("Add", one, small)
    rounded = o.entrywise("Sub", above, one)
    same = o.entrywise("Equal", rounded, o.number(0))
    quotient = o.entrywise("Div", small, o.entrywise("Where", same, one, rounded))
    log = o.entrywise("Where", same, small, o.entrywise("Mul", o.entrywise("Log", above), quotient))
    return o.entrywise("Add", o.entrywise("Relu", a), log)


def _sigmoid(o: Operators, a: Value) -> Value:
    """½ + ½ tanh(½ a), which the NumPy module computes too."""
    half = o.number(0.5)
    return o.entrywise("Add", half, o.entrywise("Mul", half, o.entrywise("Tanh", o.entrywise("Mul", half, a))))


def _heaviside(o: Operators, a: Value) -> Value:
    return o.as_numbers(o.entrywise("Greater", a, o.number(0)))


def _gated(o: Operators, gate: Value, a: Value) -> Value:
    return o.entrywise("Where", o.entrywise("Greater", gate, o.number(0)), a, o.number(0))


def _plain(operator: str) -> Callable[..., Value]:
    return lambda o, *operands: o.entrywise(operator, *operands)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "tanh": _plain("Tanh"),
    "sigmoid": _sigmoid,
    "relu": _plain("Relu"),
    "identity": lambda o, a: a,
    "exp": _plain("Exp"),
    "log": _plain("Log"),
    "sqrt": _plain("Sqrt"),
    "sin": _plain("Sin"),
    "cos": _plain("Cos"),
    "abs": _plain("Abs"),
    "sign": _plain("Sign"),
    "heaviside": _heaviside,
    "floor": _plain("Floor"),
    "ceil": _plain("Ceil"),
    "round": lambda o, a: o.entrywise("Floor", o.entrywise("Add", a, o.number(0.5))),
    "softplus": _softplus,
    "erf": _plain("Erf"),
    "max": _plain("Max"),
    "min": _plain("Min"),
    "gated": _gated,
    "softmax": lambda o, a: o.along_last("Softmax", a),
    "log_softmax": lambda o, a: o.along_last("LogSoftmax", a),
}
"""Every entry of `derive.functions`, and the helpers beside them."""
