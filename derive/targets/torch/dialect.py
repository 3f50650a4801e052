"""The lowered program in torch's words: the same statements, with torch's functions and constructors."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.errors import DerivationError
from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Blocks,
    Buffer,
    Call,
    Code,
    Each,
    Fill,
    Index,
    Loop,
    MatrixProduct,
    Memory,
    Method,
    Name,
    Number,
    Power,
    Product,
    Remark,
    Statement,
    Sum,
    Transposed,
    Tuple,
    WithLengths,
    size_text,
)

_SAME = {
    "broadcast_to", "ceil", "cos", "exp", "floor", "log", "log1p", "sign", "sin", "sqrt", "swapaxes", "tanh",
    "where", "zeros_like",
}  # fmt: skip
"""Functions that torch calls as NumPy does."""

_MADE = {"ones", "zeros", "empty", "eye"}
"""Functions that make a new array: torch must be told on which device."""

BATCHES = "batch_times"
"""The helper that multiplies batches of matrices."""

IN_MEMORY = "in_memory"
"""The helper that makes large tensors."""

_WRITES = {
    ".dot": "torch.mm",
    "np.add": "torch.add",
    "np.add.reduce": "torch.sum",
    "np.cos": "torch.cos",
    "np.divide": "torch.div",
    "np.exp": "torch.exp",
    "np.log": "torch.log",
    "np.log1p": "torch.log1p",
    "np.matmul": BATCHES,
    "np.multiply": "torch.mul",
    "np.negative": "torch.neg",
    "np.power": "torch.pow",
    "np.sin": "torch.sin",
    "np.sqrt": "torch.sqrt",
    "np.square": "torch.square",
    "np.subtract": "torch.sub",
    "np.tanh": "torch.tanh",
}
"""What writes into existing memory, by its word in NumPy."""

_KEYWORDS = {"axis=": "dim=", "axis1=": "dim1=", "axis2=": "dim2=", "keepdims=": "keepdim="}


def in_torch(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with every array function in torch's words; raises DerivationError for one that has none."""
    return [_statement(statement) for statement in statements]


def owned(statements: Sequence[Statement], names: Collection[str]) -> list[Statement]:
    """The statements, where what is returned by name is no other name for, and no view of, another tensor."""

    def cloned(statement: Statement) -> Statement:
        match statement:
            case Assign((Name(name),), value, formula) if name in names and _is_view(value):
                return Assign(statement.targets, Method(value, "clone()"), formula)
        return statement

    return [cloned(statement) for statement in statements]


def views_of(statements: Sequence[Statement], names: Collection[str]) -> list[Assign]:
    """The statements before the loop that make those names views of other tensors, with the views they are made of."""
    wanted, found = set(names), []
    for statement in reversed(statements):
        match statement:
            case Assign((Name(name),), value) if name in wanted and (base := _viewed(value)):
                found.append(statement)
                wanted.add(base)
    return found[::-1]


def _viewed(value: Code) -> str:
    """The variable that a value is a view of; empty where it is none."""
    match value:
        case Name(name):
            return name
        case Index(of) | Transposed(of) | Call("np.swapaxes" | "np.diagonal", (of, *_)):
            return _viewed(of)
    return ""


def _is_view(value: Code) -> bool:
    views = {"np.broadcast_to", "np.swapaxes", "np.diagonal"}
    return isinstance(value, Name | Index | Transposed) or (isinstance(value, Call) and value.function in views)


def _statement(statement: Statement) -> Statement:
    match statement:
        case Assign(targets, value, formula):
            return Assign(targets, code_in_torch(value), formula)
        case Buffer(name, axes, with_start, zeros):
            shape = ", ".join(["T + 1" if with_start else "T", "B", *map(size_text, axes)])
            whole = Number(f"({shape})")
            return Assign((Name(name),), _made("zeros", (whole,)) if zeros else _in_memory(whole))
        case Loop(_, body):
            return replace(statement, body=tuple(in_torch(body)))
        case WithLengths(body):
            return replace(statement, body=tuple(Assign(a.targets, code_in_torch(a.value), a.formula) for a in body))
        case Memory(name, axes):
            shape = ", ".join(map(size_text, axes)) + ("," if len(axes) == 1 else "")
            return Assign((Name(name),), _made("empty", (Number(f"({shape})"),)))
        case Apply("np.positive", (value,), out, _, formula):
            return Fill(out, code_in_torch(value), formula)
        case Apply(function, arguments, out, keywords, formula):
            if function not in _WRITES:
                raise DerivationError(f"{function} has no counterpart in torch here")
            return Apply(_WRITES[function], tuple(map(code_in_torch, arguments)), out, _keywords(keywords), formula)
        case Fill(out, value, formula):
            return Fill(out, code_in_torch(value), formula)
        case Remark():
            return statement
        case Each():
            return replace(statement, body=tuple(in_torch(statement.body)), unbound=True)
        case Blocks():
            made = tuple(Assign(one.targets, code_in_torch(one.value)) for one in statement.made)
            cached = f"{'8 * ' if made else ''}cached(device)"  # one large array, not many
            return replace(statement, body=tuple(in_torch(statement.body)), cached=cached, made=made)
    raise DerivationError(f"{type(statement).__name__} has no form in torch here")


def code_in_torch(code: Code) -> Code:
    """An expression in torch's words."""
    match code:
        case Call(function, arguments, keywords):
            return _call(function, tuple(map(code_in_torch, arguments)), keywords)
        case Sum(terms):
            return Sum(tuple((negative, code_in_torch(term)) for negative, term in terms))
        case Product(factors, divisors):
            return Product(tuple(map(code_in_torch, factors)), tuple(map(code_in_torch, divisors)))
        case Index(MatrixProduct(left, right), "..., 0"):
            return Index(Call(BATCHES, (code_in_torch(left), code_in_torch(right))), "..., 0")
        case MatrixProduct(left, Index(_, index) as right) if index.endswith(", None"):  # columns
            return Call(BATCHES, (code_in_torch(left), code_in_torch(right)))
        case MatrixProduct(left, right):
            return MatrixProduct(code_in_torch(left), code_in_torch(right))
        case Power(base, exponent):
            return Power(code_in_torch(base), exponent)
        case Transposed(of):
            return Transposed(code_in_torch(of))
        case Tuple(items):
            return Tuple(tuple(map(code_in_torch, items)))
        case Method(of, call):
            return Method(code_in_torch(of), _keywords(call))
        case Index(of, index):
            return Index(code_in_torch(of), index)
    return code


def text_in_torch(text: str) -> str:
    """The text of an elementwise function in torch's words."""

    def word(found: re.Match[str]) -> str:
        if found[1] not in _SAME:
            raise DerivationError(f"np.{found[1]} has no counterpart in torch here: {text}")
        return f"torch.{found[1]}"

    return re.sub(r"\bnp\.(\w+)", word, text).replace(".astype(", ".to(")


def _call(function: str, arguments: tuple[Code, ...], keywords: str) -> Code:
    if function == MEMORY:
        return _in_memory(arguments[0])
    library, dot, name = function.partition(".")
    if not dot or library != "np":
        return Call(function, arguments, _keywords(keywords))
    if name in _MADE:
        return _made(name, arguments[:1])
    if name == "array":  # made where it is read: a copy from elsewhere cannot be recorded in a CUDA graph
        return Call("torch.full", (Number("()"), arguments[0]), "dtype=dtype, device=device")
    if name == "concatenate":
        return Call("torch.cat", arguments, _keywords(keywords))
    if name == "diagonal" or name in _SAME:
        return Call(f"torch.{name}", arguments, _keywords(keywords))
    raise DerivationError(f"{function} has no counterpart in torch here")


def _in_memory(shape: Code) -> Code:
    return Call(IN_MEMORY, (shape, Name("dtype"), Name("device")))


def _made(name: str, shape: tuple[Code, ...]) -> Code:
    return Call(f"torch.{name}", shape, "dtype=dtype, device=device")


def _keywords(text: str) -> str:
    for old, new in _KEYWORDS.items():
        text = text.replace(old, new)
    return text
