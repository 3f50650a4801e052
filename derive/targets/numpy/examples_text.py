"""Parts of a batch in threads: the lines of `forward` and `backward` that lead there, and the helpers they call."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import prod

from sympy import Expr, Integer

from derive.nodes import Quantity
from derive.targets.language.code import MEMORY, size_text
from derive.targets.lowering.frame import axes

_IMPORTS = ("import functools", "import os", "import threading")

THREADS, LIBRARY_THREADS = "threads", "library_threads"
"""The helpers that keep threads, and that count those of the library of products."""

PARTS = {
    LIBRARY_THREADS: '''LIMITING = threading.Lock()
"""Held while the library of matrix products runs on one thread."""


@functools.cache
def libraries():
    """The libraries of matrix products that `threadpoolctl` finds; None without these or it."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    found = ThreadpoolController().select(user_api="blas")
    return found if found.lib_controllers else None


def library_threads():
    """How many threads share a large product, as far as one knows."""
    return 1 if libraries() is None else min(library.num_threads for library in libraries().lib_controllers)''',
    "parts_of": '''def parts_of(T, B, weights, n):
    """How many parts a batch is cut into, each run by a thread while the library has one; 0: it runs as it stands.

    A library's threads share out each product and wait for each other awake. Threads for parts of the batch wait for
    nothing but Python, which pays where every call takes long.
    n: the numbers of one example that pass from step to step, each read some thirty times.
    """
    if B < 32 or T < 8 or LIMITING.locked():
        return 0
    wanted = min(B // 16, B * (sum(map(np.size, weights.values())) + 32 * n) // 2**23)
    parts = min(wanted, library_threads()) if wanted > 1 else 0
    return parts if parts > 1 else 0''',
    THREADS: '''@functools.cache
def threads(process, count):
    """So many threads of that process, which sleep until there is something to run: to start one takes longer."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(count)''',
    "in_parts_of_batch": '''def in_parts_of_batch(B, parts, run):
    """What `run` returns for the examples of each part."""
    from concurrent.futures import wait
    from contextvars import copy_context

    first, *others = ((k, slice(B * k // parts, B * (k + 1) // parts)) for k in range(parts))
    with LIMITING, libraries().limit(limits=1):
        pool = threads(os.getpid(), parts - 1)
        waiting = [pool.submit(copy_context().run, run, *part) for part in others]
        try:
            return [run(*first), *(part.result() for part in waiting)]
        finally:
            wait(waiting)


def examples(a, rows, axis=0):
    """Some of the examples, which stand along that axis."""
    return a if a is None else a[(slice(None),) * axis + (rows,)]


def joined_examples(arrays, axis=0):
    """Parts of a batch as one array."""
    shape = list(arrays[0].shape)
    shape[axis] = sum(a.shape[axis] for a in arrays)
    return np.concatenate(arrays, axis=axis, out=memory(shape, arrays[0].dtype))''',
    "forward_in_parts": '''def forward_in_parts(forward, parts, B, params, timed, others, chosen):
    """`forward` for each part of a batch, with the list of their caches; `timed` are arrays with an axis of steps."""

    def run(k, rows):
        own = {name: examples(a, rows, 1) for name, a in timed.items()}
        return forward(params, **own, **{name: examples(a, rows) for name, a in others.items()}, **chosen)

    ys, final, caches = zip(*in_parts_of_batch(B, parts, run))
    return joined_examples(ys, 1), {name: joined_examples([a[name] for a in final]) for name in final[0]}, [*caches]''',
    "backward_in_parts": '''def backward_in_parts(backward, caches, d_ys, d_states, timed, others):
    """`backward` for each part of a batch; gradients but those of `timed` and `others` are summed."""

    def run(k, rows):
        return backward(caches[k], examples(d_ys, rows, 1), **{name: examples(a, rows) for name, a in d_states.items()})

    def together(name, parts):
        if name in timed or name in others:
            return joined_examples(parts, int(name in timed))
        return functools.reduce(np.add, parts)

    found = in_parts_of_batch(d_ys.shape[1], len(caches), run)
    return {name: together(name, [part[name] for part in found]) for name in found[0]}''',
}
"""The helpers by name."""

CALLED = {
    "parts_of": (LIBRARY_THREADS,),
    "in_parts_of_batch": ("parts_of", THREADS),
    "forward_in_parts": ("in_parts_of_batch", MEMORY),
    "backward_in_parts": ("in_parts_of_batch",),
}
"""What these call of each other."""


def imports(helpers: Collection[str], further: Iterable[str] = ()) -> str:
    """The lines of imports of a module with the texts of its helpers."""
    needed = _IMPORTS if PARTS[LIBRARY_THREADS] in helpers else ()
    return "\n".join(sorted({*needed, *further}))


def passing(states: Collection[Quantity]) -> Expr:
    """The numbers of one example that pass from step to step."""
    found: Expr = sum((prod(axes(q), start=Integer(1)) for q in states), Integer(0))
    return found


def to_forward(
    name: str, states: Collection[Quantity], remembered: Collection[str], given: Iterable[Iterable[str]]
) -> list[str]:
    """The way from `forward` to its parts; `given` are the names of the helper's tables."""
    tables = ["{" + ", ".join(f'"{one}": {one}' for one in names) + "}" for names in given]
    return [
        f"parts = parts_of(T, B, params, {size_text(passing(states))})",
        "if parts:",
        f"    timed, others = {tables[0]}, {tables[1]}",
        f"    ys, final, caches = forward_in_parts({name}, parts, B, params, timed, others, {tables[2]})",
        f"    return ys, final, (sizes, dtype, {', '.join(remembered)}, caches)",
    ]


def to_backward(name: str, arriving: str, states: Iterable[str], timed: str, others: str) -> list[str]:
    """The way from `backward` to its parts; `timed` and `others` are tuples of names of gradients."""
    table = "{" + ", ".join(f'"{one}": {one}' for one in states) + "}"
    return [
        "if isinstance(values, list):  # of `forward_in_parts`",
        f"    return backward_in_parts({name}, values, {arriving}, {table}, {timed}, {others})",
    ]
