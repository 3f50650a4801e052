"""Array expressions at one step as expressions of a Triton kernel: values of some examples, held in registers.

A value of shape (B, n, ...) is held for a few examples at once, every axis as long as the next power of two. What lies
past its end is whatever was computed there: it is never written, and set to zero before anything is summed over it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sympy import Expr, Integer

from derive.patterns import regex
from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    Tuple,
    free_names,
    parts,
    python,
    size_text,
)
from derive.targets.language.names import Names
from derive.targets.native.entries import MIXING
from derive.targets.passes.loops import STEP, Body, is_timed
from derive.targets.passes.rewriting import mapped, rebuilt
from derive.targets.passes.shapes import B, Shape, Shapes
from derive.targets.triton.helpers import PREFIX, NotFusedError, is_entrywise, power

PART = regex(r"\.\.\., ([^,:]*):([^,:]*)")
"""The index of some entries of the last axis."""

ONE = Integer(1)


class Constants:
    """What all steps and examples share, named before the loop; shared by the kernels of one loop."""

    def __init__(self, body: Body, shapes: Shapes, names: Names) -> None:
        self._body = body
        self._shapes = shapes
        self._names = names
        self._found: dict[Code, Name] = {}
        self.before: list[Assign] = []

    def holds(self, code: Code) -> bool:
        """Whether the expression is the same at every step and for every example."""
        if isinstance(code, Number) or self._body.varies(code) or is_timed(code):
            return False
        shape = self._shapes.of(code)
        if shape is None or not (shape or free_names(code)):
            return False  # a number, which is written out
        return not shape or shape[0] != B

    def named(self, code: Code) -> Name:
        """The variable that holds it."""
        if isinstance(code, Name):
            return code
        if code not in self._found:
            name = self._names.numbered("constant")
            self._found[code] = name
            shape = self._shapes.of(code)
            assert shape is not None
            self._shapes.known[name.name] = shape
            self.before.append(Assign((name,), code))
        return self._found[code]


class Registers:
    """The values of one kernel: `bound` are those in variables, `lines` computes the others step by step."""

    def __init__(self, constants: Constants, shapes: Shapes, names: Names, functions: Collection[str]) -> None:
        """`functions` are those of the note and those that are chosen when the kernel is run."""
        self._constants = constants
        self._shapes = shapes
        self._functions = functions
        self._names = names
        self.bound: dict[Code, Name] = {}
        self._loaded_names: set[Name] = set()
        self.wholes: set[Code] = set()
        """The variables that have all entries of their shape."""
        self.lines: list[str] = []
        self.first: list[str] = []
        """What stands before the steps."""
        self.matrices: dict[str, Name] = {}
        """The matrices that values are multiplied by, by what reads them."""
        self.late: Collection[Code] = ()
        """Arrays at a step that are written at its end."""
        self.is_written = True
        """Whether something was written since all threads waited for each other."""
        self.memory: list[str] = []
        """What operands are written into."""
        self.multiplied_by: dict[str, None] = {}
        self.arrays: dict[str, None] = {}
        self.called: set[str] = set()
        self.shapes_held: dict[tuple[str, ...], None] = {}
        """The shapes of what is read and written, of one example."""
        self.axes: dict[Expr, str] = {}
        self.row, self.now = (names.fresh(word).name for word in ("row", "now"))

    def shape(self, code: Code) -> Shape:
        """The shape of an expression; raises NotFusedError where it cannot be told."""
        found = self._shapes.of(code)
        if found is None:
            raise NotFusedError(f"the shape of {python(code)[0]} is not known")
        return found

    def along(self, size: Expr) -> str:
        """The variable that runs along an axis of that length."""
        if size not in self.axes:
            self.axes[size] = self._names.fresh("along_" + re.sub(r"\W+", "_", size_text(size))).name
        return self.axes[size]

    def padded(self, size: Expr) -> str:
        """The length of an axis in registers."""
        self.along(size)
        return padded_text(size, self.axes)

    def value(self, code: Code) -> Code:
        """The expression of the kernel."""
        if code in self.bound:
            return self.bound[code]
        if self._constants.holds(code):
            return self._constant(self._constants.named(code))
        match code:
            case Number():
                return code
            case Name(array):
                return self._loaded(code, array, "", self.first)
            case Index(Name(array), index) if index in STEP:
                return self._loaded(code, array, index, self.lines)
            case Index(of, index) if found := PART.fullmatch(index):
                return self._part(code, of, found[1] or "0")
            case Index(of, index):
                return self._indexed(of, index)
            case Sum() | Product():
                return rebuilt(code, [self.value(part) for part in parts(code)])
            case Power(base, exponent):
                return power(self.value(base), exponent)
            case MatrixProduct(left, right):
                return self._product(left, right)
            case Method(of, call):
                return self._reduced(of, call)
            case Call():
                return self._call(code)
        raise NotFusedError(f"{python(code)[0]} has no form in a kernel")

    def whole(self, value: Code, shape: Shape) -> str:
        """The text of a value with all entries of a shape."""
        if value in self.wholes:
            return python(value)[0]
        return f"({python(value)[0]} + {self.zeros(shape)}).to(KIND)"

    def zeros(self, shape: Shape) -> str:
        """The text of zeros."""
        if not shape or shape[0] != B:
            raise NotFusedError(f"zeros of shape {shape}")
        axes = ", ".join(["ROWS", *map(self.padded, shape[1:])])
        return f"tl.zeros(({axes}{',' if len(shape) == 1 else ''}), KIND)"

    def load(self, array: str, index: str, shape: Shape, start: str = "0", width: Expr | None = None) -> str:
        """The text that reads an array at a step (`index` empty: the same at all steps)."""
        return f"{PREFIX}{self._form(shape)}({self._place(array, index, shape, start, width)}, KIND)"

    def store(
        self, array: str, index: str, shape: Shape, value: Code, start: str = "0", width: Expr | None = None
    ) -> str:
        """The statement that writes a value into an array at a step."""
        place = self._place(array, index, shape, start, width)
        self.is_written = True
        return f"{PREFIX}write_{self._form(shape)}({place}, {self.whole(value, shape)})"

    @staticmethod
    def _form(shape: Shape) -> str:
        if len(shape) not in (2, 3) or shape[0] != B:
            raise NotFusedError(f"an array of shape {shape} at a step")
        return "rows" if len(shape) == 2 else "blocks"

    def _place(self, array: str, index: str, shape: Shape, start: str, width: Expr | None) -> str:
        self.arrays[array] = None
        self.shapes_held[tuple(size_text(size) for size in shape[1:])] = None
        if width is not None and len(shape) != 2:
            raise NotFusedError(f"part of an array of shape {shape}")
        last = size_text(width if width is not None else shape[-1])
        entries = " * ".join(map(_factor, [*map(size_text, shape[1:-1]), last]))
        entries = f"({entries})" if len(shape) == 3 else entries
        steps = {"": "", "t": f" + {self.now} * {entries}", "t + 1": f" + ({self.now} + B) * {entries}"}
        base = f"{array}{steps[index]}" + (f" + {start}" if start != "0" else "")
        along = ", ".join(f"{self.along(size)}, {size_text(size)}" for size in shape[1:])
        return f"{base}, {self.row}, B, {along}" + (f", {last}" if len(shape) == 2 else "")

    def _loaded(self, code: Code, array: str, index: str, lines: list[str]) -> Name:
        name = self._names.numbered(f"{array}_{'next' if index == 't + 1' else 'now'}")
        lines.append(f"{name.name} = {self.load(array, index, self.shape(code))}")
        self.bound[code] = name
        self.wholes.add(name)
        self._loaded_names.add(name)
        return name

    def _constant(self, constant: Name) -> Name:
        if constant in self.bound:
            return self.bound[constant]
        shape = self.shape(constant)
        self.arrays[constant.name] = None
        name = self._names.numbered(f"{constant.name}_held")
        along = ", ".join(f"{self.along(size)}, {size_text(size)}" for size in shape)
        match len(shape):
            case 0:
                text = f"tl.load({constant.name}).to(KIND)"
            case 1:
                text = f"{PREFIX}vector({constant.name}, {along}, KIND)"
            case 2:
                text = f"{PREFIX}matrix({constant.name}, {along}, {size_text(shape[1])}, 1).to(KIND)"
            case _:
                raise NotFusedError(f"a constant of shape {shape}")
        self.first.append(f"{name.name} = {text}")
        self.bound[constant] = name
        return name

    def _part(self, code: Index, of: Code, start: str) -> Code:
        """Entries of the last axis of what an array holds."""
        match of:
            case Name(array) | Index(Name(array), _) if of not in self.bound or self.bound[of] in self._loaded_names:
                index = of.index if isinstance(of, Index) else ""
                if index not in ("", *STEP):
                    raise NotFusedError(f"{python(code)[0]} is read in parts")
                name = self._names.numbered(f"{array}_part")
                text = self.load(array, index, self.shape(code), start, self.shape(of)[-1])
                self.lines.append(f"{name.name} = {text}")
                self.bound[code] = name
                self.wholes.add(name)
                return name
        raise NotFusedError(f"{python(code)[0]} has no parts in a kernel")

    def _indexed(self, of: Code, index: str) -> Code:
        """None adds an axis; 0 takes one of length 1 away."""
        rank, items = len(self.shape(of)), index.split(", ")
        if items == ["...", "0"] and self.shape(of)[-1] == ONE:
            if isinstance(of, MatrixProduct):
                return self._product(of.left, of.right, column=True)
            return Call("tl.sum", (self.value(of), Number(str(rank - 1))))
        if set(items) - {"...", ":", "None"}:
            raise NotFusedError(f"[{index}] of a value in a kernel")
        colons = rank - items.count(":")
        found = [one for item in items for one in ([":"] * colons if item == "..." else [item])]
        return Index(self.value(of), ", ".join(found))

    def _product(self, left: Code, right: Code, *, column: bool = False) -> Code:
        first, second = self.shape(left), self.shape(right)
        if first[-1] == ONE and len(first) == len(second):
            found: Code = Product((self.value(left), self.value(right)))
            return Call("tl.sum", (found, Number("2"))) if column else found
        if len(first) == 3 and len(second) == 3 and second[-1] == ONE:
            turned = Call("tl.trans", (self.value(right), Number("(0, 2, 1)")))
            return self._column(left, turned, column)
        if len(first) == 3 and len(second) == 2 and second[-1] == ONE and self._constants.holds(right):
            return self._column(left, Index(Call("tl.trans", (self.value(right),)), "None, :, :"), column)
        if len(first) != 2 or len(second) != 2 or first[0] != B or not self._constants.holds(right):
            raise NotFusedError(f"a product of shapes {first} and {second}")
        return self._rows_times(left, right)

    def _rows_times(self, left: Code, right: Code) -> Name:
        """A product with a matrix that is kept in registers, or read piece by piece, as the operand then is."""
        key = MatrixProduct(left, right)
        if key in self.bound:
            return self.bound[key]
        first, second = self.shape(left), self.shape(right)
        value = self.value(left)
        matrix = self._matrix(right)
        name = self._names.numbered("product")
        operand = python(self._masked(value, first, 1))[0]
        address = self._address(left, value, first)
        base, axes, strides = self._lies(right)
        total = self.zeros(key_shape := self.shape(key))
        self.lines += [
            "if KEPT:",
            f"    {name.name} = {PREFIX}product({operand}, {matrix.name}, ROWS, PRECISION, KIND)",
            "else:",
            f"    {name.name} = {PREFIX}long_product({total}, {address}, {base}, {axes}, {strides}, PRECISION, KIND)",
        ]
        assert key_shape[-1] == second[-1]
        self.bound[key] = name
        self.wholes.add(name)
        return name

    def _address(self, left: Code, value: Code, shape: Shape) -> str:
        """Where an operand lies in memory, into which it is written if it is not there."""
        match left:
            case Index(Name(array), "t") if left not in self.late:
                place = self._place(array, "t", shape, "0", None)
            case Index(Index(Name(array), "t") as whole, index) if found := PART.fullmatch(index):
                place = self._place(array, "t", shape, found[1] or "0", self.shape(whole)[-1])
            case _:
                memory = self._names.numbered("operand")
                self._shapes.known[memory.name] = shape
                self.memory.append(memory.name)
                self.lines += ["if not KEPT:", f"    {self.store(memory.name, '', shape, value)}"]
                self.is_written = True
                place = self._place(memory.name, "", shape, "0", None)
        if self.is_written:
            self.lines += ["if not KEPT:  # what other threads have written is read", "    tl.debug_barrier()"]
            self.is_written = False
        base, row, count, _, length, width = place.split(", ")
        return f"{base}, {row}, {count}, {length}, {width}"

    def _column(self, left: Code, row: Code, column: bool) -> Code:
        """A batch of matrices times one vector each; `column`: without the axis of length 1."""
        total = self._sum(Product((self.value(left), row)), self.shape(left), 2)
        return total if column else Index(total, ":, :, None")

    def _matrix(self, right: Code) -> Name:
        """A matrix, or some of its rows and columns, perhaps transposed."""
        base, _, strides = self._lies(right)
        axes = ", ".join(f"{self.along(size)}, {size_text(size)}" for size in self.shape(right))
        text = f"{PREFIX}matrix({base}, {axes}, {strides})"
        if text not in self.matrices:
            self.matrices[text] = self._names.numbered(f"{base.split(' ')[0]}_matrix")
        return self.matrices[text]

    def _lies(self, right: Code) -> tuple[str, str, str]:
        """Where a matrix lies, its second axis, and how far its rows and columns are apart."""
        constant, starts, turned = self._view(right)
        shape = self.shape(right)
        width = self.shape(constant)[-1]
        strides = [size_text(width), "1"]
        down, across = reversed(strides) if turned else strides
        offset = " + ".join(
            f"{_factor(start)} * {_factor(stride)}"
            for start, stride in zip(starts, strides, strict=True)
            if start != "0"
        )
        base = constant.name + (f" + {offset}" if offset else "")
        self.arrays[constant.name] = None
        self.multiplied_by[constant.name] = None
        return base, f"{self.along(shape[1])}, {size_text(shape[1])}", f"{down}, {across}"

    def _view(self, code: Code) -> tuple[Name, list[str], bool]:
        """The array that a matrix lies in, the row and column where it starts, and whether it is transposed."""
        match code:
            case Name():
                return code, ["0", "0"], False
            case Transposed(of):
                name, starts, turned = self._view(of)
                return name, starts, not turned
            case Index(of, index) if all(":" in item for item in index.split(", ")):
                name, starts, turned = self._view(of)
                own = [item.split(":")[0].strip() or "0" for item in index.split(", ")]
                own += ["0"] * (2 - len(own))
                added = own[::-1] if turned else own
                return name, [_added(a, b) for a, b in zip(starts, added, strict=True)], turned
        return self._constants.named(code), ["0", "0"], False

    def _masked(self, value: Code, shape: Shape, axis: int) -> Code:
        """The value, zero past the end of an axis."""
        size = shape[axis]
        if size == ONE:
            return value
        places = ", ".join(":" if k == axis else "None" for k in range(len(shape)))
        return Call("tl.where", (Number(f"{self.along(size)}[{places}] < {size_text(size)}"), value, Number("0.0")))

    def _sum(self, value: Code, shape: Shape, axis: int, *, kept: bool = False) -> Code:
        keywords = "keep_dims=True" if kept else ""
        if shape[axis] == ONE and kept:
            return value
        return Call("tl.sum", (self._masked(value, shape, axis), Number(str(axis))), keywords)

    def _reduced(self, of: Code, call: str) -> Code:
        if call == "astype(dtype)":
            return self.value(of)
        axis = {"sum(axis=-1)": -1, "sum(axis=-1, keepdims=True)": -1, "sum(axis=-2)": -2}.get(call)
        shape = self.shape(of)
        if axis is None or not shape or shape[0] != B:
            raise NotFusedError(f".{call} in a kernel")
        return self._sum(self.value(of), shape, len(shape) + axis, kept="keepdims" in call)

    def _call(self, code: Call) -> Code:
        name, arguments = code.function.removeprefix("np."), code.arguments
        match name:
            case "zeros" | "zeros_like":
                return Number(self.zeros(self.shape(code)))
            case "broadcast_to":
                return Sum(((False, self.value(arguments[0])), (False, Number(self.zeros(self.shape(code))))))
            case "swapaxes" if arguments[1:] == (Number("-1"), Number("-2")) and len(self.shape(arguments[0])) == 3:
                return Call("tl.trans", (self.value(arguments[0]), Number("(0, 2, 1)")))
            case "softmax" | "log_softmax":
                shape = self.shape(arguments[0])
                if len(shape) != 2 or shape[-1] == ONE:
                    raise NotFusedError(f"{name} of shape {shape}")
                return Call(
                    f"{PREFIX}{name}",
                    (self.value(arguments[0]), Name(self.along(shape[-1])), Number(size_text(shape[-1]))),
                )
        if not is_entrywise(name, self._functions):
            raise NotFusedError(f"{name} has no form in a kernel")
        self.called.add(name)
        return Call(f"{PREFIX}{name}", tuple(self.value(argument) for argument in arguments))


def cut(code: Code, shapes: Shapes) -> Code:
    """The expression where entries of the last axis are taken of its variables and of the columns of matrices."""

    def taken(part: Code) -> Code | None:
        if not (isinstance(part, Index) and (found := PART.fullmatch(part.index))):
            return None
        of, whole, own = part.of, shapes.of(part.of), shapes.of(part)
        if whole is not None and whole == own:
            return cut(of, shapes)
        match of:
            case Index(inner, index) if outer := PART.fullmatch(index):
                first, start, stop = (shapes.size(text or "0") for text in (outer[1], found[1], found[2]))
                if first is None or start is None or stop is None:
                    return None
                return cut(Index(inner, f"..., {size_text(first + start)}:{size_text(first + stop)}"), shapes)
            case MatrixProduct(left, right):
                return MatrixProduct(cut(left, shapes), Index(right, part.index.replace("...", ":")))
            case Sum() | Product() | Power():
                pass
            case Call(function, _, "") if function not in MIXING:
                pass
            case _:
                return None
        cuts: list[Code] = []
        for one in parts(of):
            shape = shapes.of(one)
            if shape is None or whole is None:
                return None
            cuts.append(cut(Index(one, part.index) if shape and shape[-1] == whole[-1] else one, shapes))
        return rebuilt(of, cuts)

    return mapped(code, taken)


def unjoined(code: Code, shapes: Shapes) -> Code:
    """The expression where a product with joined vectors is the sum of its parts, whatever the matrix is."""

    def split(part: Code) -> Code | None:
        match part:
            case MatrixProduct(Product(factors, ()), right) if any(map(_is_joined, factors)):
                rest = [factor for factor in factors if not _is_joined(factor)]
                found = [factor for factor in factors if _is_joined(factor)]
                scales = [shapes.of(factor) for factor in rest]
                if len(found) > 1 or any(shape is None or (shape and shape[-1] != ONE) for shape in scales):
                    return None
                joined = found[0]
                assert isinstance(joined, Call)
                pieces = joined.arguments
                if len(pieces) == 1 and isinstance(pieces[0], Tuple):
                    pieces = pieces[0].items
                scaled = tuple(Product((piece, *rest)) for piece in pieces)
                return split(MatrixProduct(Call("joined", scaled, "axis=-1"), right))
            case MatrixProduct(Call("np.concatenate" | "joined", pieces, "axis=-1"), right):
                if len(pieces) == 1 and isinstance(pieces[0], Tuple):
                    pieces = pieces[0].items
                terms: list[tuple[bool, Code]] = []
                start: Expr = Integer(0)
                for piece in pieces:
                    shape = shapes.of(piece)
                    if shape is None:
                        return None
                    rows = Index(right, f"{size_text(start)}:{size_text(start + shape[-1])}, :")
                    terms.append((False, MatrixProduct(mapped(piece, split), rows)))
                    start += shape[-1]
                return Sum(tuple(terms))
        return None

    return mapped(code, split)


def _is_joined(code: Code) -> bool:
    return isinstance(code, Call) and code.function in ("np.concatenate", "joined") and code.keywords == "axis=-1"


def padded_text(size: Expr, axes: dict[Expr, str]) -> str:
    """The length of an axis in registers: a number, or the argument of the kernel that holds it."""
    if size.is_Integer:
        return "1" if size == ONE else str(max(16, 1 << (int(size) - 1).bit_length()))
    return f"PADDED_{axes[size].removeprefix('along_')}"


def _factor(size: str) -> str:
    return size if size.isalnum() else f"({size})"


def _added(first: str, second: str) -> str:
    return second if first == "0" else first if second == "0" else f"{first} + {second}"
