"""A loop as kernels and the lines of Python that launch them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sympy import Expr

from derive.targets.language.code import Assign, Code, Index, Name, Transposed, comment, python, size_text
from derive.targets.language.names import Names
from derive.targets.passes.loops import Body
from derive.targets.passes.shapes import Shape, Shapes
from derive.targets.torch.dialect import code_in_torch
from derive.targets.triton.kernel import Kernel, listed
from derive.targets.triton.registers import Constants
from derive.targets.triton.steps import Cut, Group, Library, Line, in_parts, lines_of


class FusedLoop:
    """One loop: afterwards `before` is what stands before it, `kernels` their texts, `called` what these call."""

    def __init__(
        self,
        body: Body,
        shapes: Shapes,
        names: Names,
        sizes: Sequence[Expr],
        opened: Sequence[str],
        own: Collection[str],
    ) -> None:
        """`opened` are functions that are chosen later, `own` those of the note."""
        self._body = body
        self._shapes = shapes
        self._names = names
        self._sizes = sizes
        self._opened = opened
        self._own = own
        self._constants = Constants(body, shapes, names)
        self._read: dict[str, None] = {}
        self._memory: list[str] = []
        """What kernels write for each other and for themselves."""
        self.kernels: list[str] = []
        self.called: set[str] = set()
        self.rows: dict[tuple[str, ...], None] = {}
        """The shapes of the values of one example."""

    @property
    def before(self) -> list[Assign]:
        """What all steps share, to be computed before the loop."""
        return self._constants.before

    def lines(self, word: str, buffers: Collection[str]) -> list[str]:
        """The loop in Python; `word` begins the names of its kernels, `buffers` are arrays made for it."""
        body = lines_of(self._body, self._shapes)
        states = [array for array in buffers if array in self._body.longer and array in self._body.filled]
        kernel = self._kernel(names := self._names.local())
        steps = f"The steps of `{word}`, from the {'last' if self._body.backwards else 'first'}."
        text = kernel.over_time(f"{word}_kernel", steps, in_parts(body, names, self._shapes), states)
        self._keep(kernel, text)
        matrices = kernel.matrices
        rows = 16 if matrices and all(len(row) == 1 for row in self.rows) else 1
        kernel_name, warps = f"{word}_kernel", 8 if matrices else 4
        self._memory += kernel.memory
        made = [self._made(one) for one in kernel.memory]
        by_steps = self._by_steps(word, body) if matrices else []
        given = [array for array in self._read if array not in buffers and array not in self._memory]
        found = ["(", *listed(given), ") = contiguous(", *listed(given), ")"] if given else []
        if not by_steps:
            return [*found, *_inside("if run and T and B:", self._launch(kernel_name, kernel, rows, (), warps))]
        programs, words = self._call(kernel, rows, matrices, warps)
        fits = f"{'on_chip' if rows == 16 else 'kept'}({', '.join(matrices)})"
        at_once = [f"ran = {fits} and launched(", *listed([kernel_name, programs, *words]), ")"]
        return [*found, *_inside("if run and T and B:", [*made, *at_once, *_inside("if not ran:", by_steps)])]

    def _kernel(self, names: Names, stored: Collection[str] = ()) -> Kernel:
        return Kernel(self._body, self._constants, self._shapes, names, self._sizes, self._opened, self._own, stored)

    def _keep(self, kernel: Kernel, text: str) -> None:
        self.kernels.append(text)
        self.called |= kernel.called
        self._read |= dict.fromkeys(kernel.arguments)
        self.rows |= dict.fromkeys(kernel.rows)

    def _by_steps(self, word: str, body: Sequence[Line]) -> list[str]:
        """The loop over t in Python, where a library multiplies matrices."""
        cut = Cut(self._constants, self._shapes, self._names, self._body.carried)
        pieces = cut.run(body)
        self._memory += cut.memory
        inner: list[str] = []
        views: dict[Code, Name] = {}
        count = sum(isinstance(piece, Group) for piece in pieces)
        for piece in pieces:
            match piece:
                case Library(name, left, right, formula):
                    inner += comment(formula)
                    if right not in views:
                        views[right] = self._names.numbered("matrix")
                    inner.append(f"torch.mm({python(left)[0]}, {views[right].name}, out={name.name})")
                case Group(lines, stored):
                    number = sum(f"{word}_step" in text for text in self.kernels) + 1
                    called = f"{word}_step" + (f"_{number}" if count > 1 else "")
                    names = self._names.local()
                    kernel = self._kernel(names, stored)
                    about = f"What `{word}` computes at step t" + (f", part {number} of {count}." if count > 1 else ".")
                    text = kernel.one_step(called, about, in_parts(lines, names, self._shapes, stored))
                    self._keep(kernel, text)
                    inner += self._launch(called, kernel, 1, (), warps=4)
        made = [self._made(name) for name in cut.memory]
        made += [f"{name.name} = {python(code_in_torch(self._viewed(right)))[0]}" for right, name in views.items()]
        steps = "reversed(range(T))" if self._body.backwards else "range(T)"
        return [*made, f"for t in {steps}:", *(f"    {line}" for line in inner)]

    def _made(self, name: str) -> str:
        return f"{name} = torch.empty({_shape_text(self._shapes.known[name])}, dtype=dtype, device=device)"

    def _viewed(self, code: Code) -> Code:
        """A matrix as a view of a tensor that is there before the loop."""
        match code:
            case Name():
                return code
            case Transposed(of):
                return Transposed(self._viewed(of))
            case Index(of, index):
                return Index(self._viewed(of), index)
        return self._constants.named(code)

    def _launch(self, name: str, kernel: Kernel, rows: int, matrices: Sequence[str], warps: int) -> list[str]:
        programs, words = self._call(kernel, rows, matrices, warps)
        return [f"{name}[({programs},)](", *listed(words), ")"]

    @staticmethod
    def _call(kernel: Kernel, rows: int, matrices: Sequence[str], warps: int) -> tuple[str, list[str]]:
        """How many programs run, and what each is given."""
        fixed = [f"{argument}={value}" for argument, value in kernel.fixed.items()]
        told = f"**options({', '.join(['dtype', 'lengths', *matrices])})"
        words = [*kernel.arguments, "lengths", *fixed, f"ROWS={rows}", f"num_warps={warps}", told]
        return "B" if rows == 1 else f"-(-B // {rows})", words


def _inside(head: str, lines: Sequence[str]) -> list[str]:
    return [head, *(f"    {line}" for line in lines)]


def _shape_text(shape: Shape) -> str:
    return f"({', '.join(map(size_text, shape))}{',' if len(shape) == 1 else ''})"
