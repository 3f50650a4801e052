"""Functions of numbers that compiled loops call: those of NumPy's words, as numba turns them into vector code."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive import functions
from derive.functions import ENTRIES, ScalarFunction
from derive.targets.language.code import Call, Code, Name, Number, Product, Sum, python
from derive.targets.lowering.scalars import lowered_scalar
from derive.targets.native.entries import PREFIX, NotCompiledError
from derive.targets.passes.rewriting import mapped, substituted

_WRITTEN = {
    "tanh": ("a", "tanh_of_number(a)"),
    "exp": ("a", "exp_of_number(a)"),
    "log": ("a", "np.log(a)"),
    "sqrt": ("a", "np.sqrt(a)"),
    "sin": ("a", "np.sin(a)"),
    "cos": ("a", "np.cos(a)"),
    "erf": ("a", "math.erf(a)"),
    "abs": ("a", "np.abs(a)"),
    "sign": ("a", "np.sign(a)"),
    "sigmoid": ("a", "type(a)(0.5) + type(a)(0.5) * tanh_of_number(type(a)(0.5) * a)"),
    "relu": ("a", "a if a > 0 else 0 * a"),
    "identity": ("a", "a"),
    "heaviside": ("a", "type(a)(a > 0)"),
    "floor": ("a", "np.floor(a)"),
    "ceil": ("a", "np.ceil(a)"),
    "round": ("a", "np.floor(a + type(a)(0.5))"),
    "softplus": ("a", "(a if a > 0 else 0 * a) + np.log1p(exp_of_number(-a if a > 0 else a))"),
    "max": ("a, b", "a if a - b > 0 else b"),
    "min": ("a, b", "a if a - b < 0 else b"),
    "where": ("condition, a, b", "a if condition else b"),
    "gated": ("gate, a", "a if gate > 0 else 0 * gate"),
}
"""By name: arguments and value."""


def texts(used: Collection[str], own: Sequence[ScalarFunction]) -> list[str]:
    """The definitions of the functions of numbers, each before what calls it; `own` are the note's functions."""
    defined = {function.name: function for function in own}
    found: dict[str, str] = {}

    def define(name: str) -> None:
        if name in found:
            return
        if name in _WRITTEN:
            found[name] = _definition(name, *_WRITTEN[name])
            return
        if name not in defined or name in ENTRIES:
            raise NotCompiledError(f"{name} has no form for numbers")
        body = defined[name].body
        called: set[str] = set()
        value = mapped(lowered_scalar(body.expr, called), _of_numbers)
        for other in sorted(called_in(value)):
            define(other)
        found[name] = _definition(name, ", ".join("ab"[: len(body.variables)]), python(value)[0])

    for name in sorted(used):
        define(name)
    return list(found.values())


def numbers_table() -> list[str]:
    """The functions that one may choose and their slopes, and a table of them by the functions of NumPy."""
    choosable = [name for name, entry in ENTRIES.items() if entry.choosable and len(entry.function.body.variables) == 1]
    found: list[str] = []
    pairs: list[str] = []
    for name in choosable:
        slope = functions.slope(ENTRIES[name].function)
        if slope == 0:
            continue
        called: set[str] = set()
        value = mapped(lowered_scalar(slope, called), _of_numbers)
        itself = Call(f"{PREFIX}{name}", (Name("a"),))
        value = Sum(((False, substituted(value, {Name("y"): itself})), (False, Product((Number("0"), Name("a"))))))
        found += texts({name} | called_in(value), ())
        found.append(_definition(f"{name}_slope", "a", python(value)[0]))
        pairs += [f"    {one}: {PREFIX}{one}," for one in (name, f"{name}_slope")]
    return [*found, "\n".join(["NUMBERS = {", *pairs, "}", '"""The functions of numbers, by those of arrays."""'])]


def called_in(code: Code) -> set[str]:
    """The functions of numbers that an expression calls, without their prefix."""
    found: set[str] = set()

    def look(part: Code) -> None:
        if isinstance(part, Call) and part.function.startswith(PREFIX):
            found.add(part.function.removeprefix(PREFIX))

    mapped(code, look)
    return found


def _of_numbers(code: Code) -> Code | None:
    match code:
        case Call(function, arguments) if not function.startswith(PREFIX):
            inner = tuple(mapped(argument, _of_numbers) for argument in arguments)
            return Call(PREFIX + function.removeprefix("np."), inner)
    return None


def _definition(name: str, arguments: str, value: str) -> str:
    return f'@compiled\ndef {PREFIX}{name}({arguments}):\n    """{name} of numbers."""\n    return {value}'
