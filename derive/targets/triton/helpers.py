"""Functions of entries in Triton's words, and those that a note defines or that are chosen when a module is run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive import functions
from derive.functions import ENTRIES, ScalarFunction
from derive.targets.language.code import Call, Code, Name, Number, Power, Product, Sum, python
from derive.targets.lowering.scalars import lowered_scalar
from derive.targets.passes.rewriting import mapped, substituted, within

PREFIX = "fused_"
"""Before the names of functions in kernels, which stand beside those of tensors."""

WHOLE_POWER = "whole_power"
"""The function for powers that are whole numbers."""

_WRITTEN = {
    "tanh": ("a", ["b = a * a", "series = a * (1 + b * (-0.3333333333333333 + b * (0.13333333333333333 + b * ("
                   "-0.05396825396825397 + b * (0.021869488536155203 + b * -0.008863235529902197)))))",
                   "power = tl.exp(-2 * tl.abs(a))", "found = (1 - power) / (1 + power)",
                   "return tl.where(tl.abs(a) < 0.0625, series, tl.where(a < 0, -found, found))"]),
    "exp": ("a", ["return tl.exp(a)"]),
    "log": ("a", ["return tl.log(a)"]),
    "sqrt": ("a", ["return tl.sqrt(a)"]),
    "sin": ("a", ["return tl.sin(a)"]),
    "cos": ("a", ["return tl.cos(a)"]),
    "erf": ("a", ["return tl.erf(a)"]),
    "abs": ("a", ["return tl.abs(a)"]),
    "sign": ("a", ["return tl.where(a > 0, 1.0, tl.where(a < 0, -1.0, a))"]),
    "sigmoid": ("a", ["power = tl.exp(-tl.abs(a))", "return tl.where(a < 0, power, 1.0) / (1 + power)"]),
    "relu": ("a", ["return tl.where(a > 0, a, 0 * a)"]),
    "identity": ("a", ["return a"]),
    "heaviside": ("a", ["return tl.where(a > 0, 1.0, 0 * a)"]),
    "floor": ("a", ["return tl.floor(a)"]),
    "ceil": ("a", ["return tl.ceil(a)"]),
    "round": ("a", ["return tl.floor(a + 0.5)"]),
    "log1p": ("a", ["b = 1 + a", "c = tl.where(b == 1, 1.0, b - 1)",
                    "return tl.where(b == 1, a, tl.log(b) * (a / c))"]),
    "softplus": ("a", ["return tl.where(a > 0, a, 0 * a) + fused_log1p(tl.exp(-tl.abs(a)))"]),
    "max": ("a, b", ["return tl.where(a - b > 0, a, b)"]),
    "min": ("a, b", ["return tl.where(a - b < 0, a, b)"]),
    "gated": ("gate, a", ["return tl.where(gate > 0, a, 0 * gate)"]),
}  # fmt: skip
"""By name: arguments and body. exp and log are as exact as the device's, tanh is so near zero too."""

_CALLED = {"softplus": ("log1p",)}


class NotFusedError(Exception):
    """A construct that has no form in a kernel; the words say which."""


def is_entrywise(name: str, own: Collection[str]) -> bool:
    """Whether a function of the program goes entry by entry in a kernel; `own` are those of the note."""
    return name in _WRITTEN or name in own


def texts(used: Collection[str], own: Sequence[ScalarFunction]) -> list[str]:
    """The definitions of the functions, each before what calls it; `own` are the note's functions."""
    defined = {function.name: function for function in own}
    found: dict[str, str] = {}

    def define(name: str) -> None:
        if name in found:
            return
        if name in defined and name not in ENTRIES:
            body = defined[name].body
            value = mapped(lowered_scalar(body.expr, set()), _of_registers)
            for other in sorted(called_in(value)):
                define(other)
            found[name] = _definition(name, ", ".join("ab"[: len(body.variables)]), [f"return {python(value)[0]}"])
        elif name in _WRITTEN:
            for other in _CALLED.get(name, ()):
                define(other)
            found[name] = _definition(name, *_WRITTEN[name])
        else:
            raise NotFusedError(f"{name} has no form in a kernel")

    for name in sorted(used):
        define(name)
    return list(found.values())


def chosen_table() -> list[str]:
    """The functions that one may choose and their slopes, and a table of them."""
    found: list[str] = []
    pairs: list[str] = []
    for name, entry in ENTRIES.items():
        if not entry.choosable or len(entry.function.body.variables) != 1:
            continue
        slope = functions.slope(entry.function)
        if slope == 0:
            continue
        value = mapped(lowered_scalar(slope, set()), _of_registers)
        itself = Call(f"{PREFIX}{name}", (Name("a"),))
        value = Sum(((False, substituted(value, {Name("y"): itself})), (False, Product((Number("0"), Name("a"))))))
        found += texts({name} | called_in(value), ())
        found.append(_definition(f"{name}_slope", "a", [f"return {python(value)[0]}"]))
        pairs.append(f'    "{name}": ({PREFIX}{name}, {PREFIX}{name}_slope),')
    return [*found, "\n".join(["FUSED = {", *pairs, "}", '"""The functions that may be chosen, in kernels."""'])]


def power(value: Code, exponent: str) -> Code:
    """A value to a fixed power."""
    if not exponent.lstrip("-").isdigit():
        return Call("tl.exp", (Product((Number(exponent), Call("tl.log", (value,)))),))
    whole = Call(WHOLE_POWER, (value, Number(exponent.lstrip("-"))))
    return Product((), (whole,)) if exponent.startswith("-") else whole


def called_in(code: Code) -> set[str]:
    """The functions that an expression of a kernel calls, without their prefix."""
    return {
        part.function.removeprefix(PREFIX)
        for part in within(code)
        if isinstance(part, Call) and part.function.startswith(PREFIX)
    }


def _of_registers(code: Code) -> Code | None:
    match code:
        case Power(base, exponent):
            return power(mapped(base, _of_registers), exponent)
        case Call(function, arguments) if not function.startswith(PREFIX):
            inner = tuple(mapped(argument, _of_registers) for argument in arguments)
            return Call(PREFIX + function.removeprefix("np."), inner)
    return None


def _definition(name: str, arguments: str, body: Sequence[str]) -> str:
    lines = [f'"""{name}, entry by entry."""', *body]
    return "\n".join(["@triton.jit", f"def {PREFIX}{name}({arguments}):", *(f"    {line}" for line in lines)])
