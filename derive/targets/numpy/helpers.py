"""Helper functions that a generated module carries: only those it calls, each stable and fit for complex arrays."""

from __future__ import annotations

from collections.abc import Collection

from derive import functions
from derive.functions import ENTRIES, ERF, ScalarFunction
from derive.targets.language.code import MEMORY
from derive.targets.lowering.scalars import scalar
from derive.targets.numpy.examples_text import CALLED, LIBRARY_THREADS, PARTS

_WRITTEN = {
    "rows": '''def rows(a):
    """(T, B, n) as T·B rows."""
    return a.reshape(-1, a.shape[-1])''',
    "rows_times": '''def rows_times(a, matrix, out=None):
    """a @ matrix for every step and example at once: products of many rows."""
    left, (K, N) = rows(a), matrix.shape
    if len(left) * N * K < 2**20 and len(left) * N < 2**14:
        return left.dot(matrix, None if out is None else rows(out)).reshape(*a.shape[:-1], N)
    found = memory((*a.shape[:-1], N), np.promote_types(a.dtype, matrix.dtype)) if out is None else out
    many, columns = piece(len(left), K, N, found.dtype, 2**26)
    if many == len(left) or left.size * N > 2**25 and library_threads() > 1 or columns < 48:
        left.dot(matrix, rows(found))
    else:
        places = rows(found).reshape(-1, many, N // columns, columns).swapaxes(1, 2)
        np.matmul(left.reshape(-1, 1, many, K), in_columns(matrix, columns), out=places)
    return found''',
    "rows_plus": '''def rows_plus(a, matrix, term):
    """a @ matrix + term for every step and example at once."""
    if is_cheap_row(a, matrix, term):
        return rows_times(*with_row(a, matrix, term))
    found = rows_times(a, matrix)
    return np.add(found, term, out=found)''',
    "with_row": '''def is_cheap_row(a, matrix, term):
    """Whether a vector is better one more row of the matrix than added to the product: with many examples."""
    K, N = matrix.shape
    return 2 * K <= N and (64 + 4 * K) * K <= a.size and np.ndim(term) == 1


def with_row(a, matrix, term):
    """a with ones and the matrix with one more row, the term, whose product is a @ matrix + term."""
    found = memory((*a.shape[:-1], a.shape[-1] + 1), a.dtype)
    found[..., :-1] = a
    found[..., -1] = 1
    return found, np.concatenate((matrix, term[None]))''',
    MEMORY: '''LEFT = []
"""Memory that arrays of earlier calls have left."""


class Lent:
    """Memory that goes to LEFT when the last array in it is gone."""

    def __init__(self, block):
        self.block, self.__array_interface__ = block, block.__array_interface__

    def __del__(self, left=LEFT):
        left.append(self.block)
        while sum(block.nbytes for block in left) > 2**28:
            del left[:1]


def memory(shape, dtype):
    """np.empty; what is not small from the start of a line of the cache, and large memory from what is left: the system
    clears what is new."""
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size < 2**15 or dtype.hasobject:
        return np.empty(shape, dtype)
    room = size + 64
    if size < 2**17:
        best = whole = np.empty(room, np.uint8)
    else:
        blocks = []
        try:
            while True:
                blocks.append(LEFT.pop())
        except IndexError:  # all are here, except what another thread took
            pass
        fitting = [block for block in blocks if room <= block.nbytes <= 2 * room]
        best = min(fitting, key=len) if fitting else np.empty(room, np.uint8)
        LEFT.extend(block for block in reversed(blocks) if block is not best)
        whole = np.asarray(Lent(best))
    start = -best.__array_interface__["data"][0] % 64
    return np.ndarray(shape, dtype, whole, start)''',
    "copied": '''def copied(a):
    """A copy of a in memory of its own."""
    found = memory(a.shape, a.dtype)
    found[...] = a
    return found''',
    "in_rows": '''def in_rows(matrix, T, B):
    """The matrix in one piece, which products read faster, where T steps of B rows are worth the copy."""
    return np.ascontiguousarray(matrix) if T > 8 and B > 4 else matrix''',
    "piece": '''def has_small_products():
    """Whether the library multiplies small matrices as they stand: OpenBLAS on processors with AVX-512."""
    config = np.show_config(mode="dicts")
    extensions = config.get("SIMD Extensions", {})
    known = (*extensions.get("baseline", ()), *extensions.get("found", ()))
    library = config.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    return "openblas" in library and any(name.startswith(("AVX512", "X86_V4")) for name in known)


SMALL_PRODUCTS = has_small_products()


def piece(B, K, N, dtype, most=2**23, gates=1):
    """How many rows and columns at a time B rows are multiplied by a (K, N) matrix; all at once beyond `most`."""
    few = 2**62 if B <= 32 else most  # the library copies the matrix, which takes longest where it multiplies few rows
    if not 10**6 < B * K * N <= few or not SMALL_PRODUCTS or dtype.char not in "fd":
        return B, N
    wide = N // gates
    for columns in (64, 80, 96, 48, 32, min(wide, 160), *range(95, 39, -1), wide):
        if wide % columns == 0:
            small = min(B, 10**6 // (K * columns), 128)  # multiplications: what the library calls small
            rows = next((n for n in range(small, 7, -1) if B % n == 0), 0)
            if rows:
                return rows, columns
    return B, N''',
    "in_columns": '''def in_columns(matrix, columns):
    """Blocks of so many columns of a matrix, each in one piece."""
    K, N = matrix.shape
    found = memory((N // columns, K, columns), matrix.dtype)
    found[...] = matrix.reshape(K, -1, columns).swapaxes(0, 1)
    return found''',
    "in_pieces": '''def in_pieces(matrix, T, B, gates=1):
    """The matrix as T products of B rows with it read it fastest: in one piece, or in blocks of columns (of gates)."""
    if T <= 8:
        return matrix
    K, N = matrix.shape
    _, columns = sizes = piece(B, K, N, matrix.dtype, gates=gates)
    if gates > 1 and columns % 16 and columns < N // gates:  # which is slower than what gates would gain
        gates = 1
        _, columns = sizes = piece(B, K, N, matrix.dtype)
    if sizes == (B, N):
        return np.ascontiguousarray(matrix)
    blocks = in_columns(matrix, columns)
    return blocks if gates == 1 else blocks.reshape(gates, -1, K, columns)''',
    "pieces_of": '''def pieces_of(B, matrix):
    """The rows and columns of each product of B rows and what `in_pieces` has made, and the gates it is cut into."""
    *blocks, K, columns = matrix.shape
    gates = blocks[0] if len(blocks) == 2 else 1
    rows, _ = piece(B, K, matrix.size // K, matrix.dtype, gates=gates)
    return rows, columns, gates''',
    "is_apart": '''def is_apart(B, N, gates):
    """Whether the gates of products (B, N) are put apart: few numbers, for which another call takes less than rows."""
    return gates > 1 and B > 1 and B * N <= 2**11 * gates''',
    "product_with": '''def product_with(matrix, B=1, gates=1):
    """What multiplies B rows by what `in_pieces` has made, and puts its gates where `gates_of` reads them."""
    if matrix.ndim > 2:
        return np.matmul
    N = matrix.shape[1]
    if not is_apart(B, N, gates):
        return np.ndarray.dot
    product = np.empty((B, N), matrix.dtype)
    by_gates = product.reshape(B, gates, N // gates).swapaxes(0, 1)

    def times(rows, matrix, places):
        rows.dot(matrix, product)
        places[...] = by_gates

    return times''',
    "piece_rows": '''def piece_rows(a, matrix):
    """The rows of a in pieces that are multiplied by those of the matrix."""
    if matrix.ndim == 2:
        return a
    *leading, B, K = a.shape
    rows, _, _ = pieces_of(B, matrix)
    return a.reshape(*leading, B // rows, *(1,) * (matrix.ndim - 2), rows, K)''',
    "piece_places": '''def piece_places(a, matrix, gates=1):
    """The entries of a in pieces, each where a product of `piece_rows` and a piece of the matrix is written."""
    B, N = a.shape
    if matrix.ndim == 2:
        return a.reshape(gates, B, N // gates) if is_apart(B, N, gates) else a
    rows, columns, gates = pieces_of(B, matrix)
    if gates == 1:
        return a.reshape(B // rows, rows, N // columns, columns).swapaxes(1, 2)
    return a.reshape(gates, B // rows, rows, N // gates // columns, columns).transpose(1, 0, 3, 2, 4)''',
    "by_gates": '''def by_gates(a, gates):
    """(T, B, gates · H) as (T, B, gates, H)."""
    return a.reshape(*a.shape[:-1], gates, a.shape[-1] // gates)''',
    "gates_of": '''def gates_of(a, matrix, gates):
    """The gates (gates, B, H) of a product (B, gates · H), which mostly lie so where `piece_places` has put them."""
    B, N = a.shape
    if matrix.ndim == 4 or matrix.ndim == 2 and is_apart(B, N, gates):
        return a.reshape(gates, B, N // gates)
    return a.reshape(B, gates, N // gates).swapaxes(0, 1)''',
    "gates_times": '''def gates_times(gates, a, matrix, term):
    """a @ matrix + term by gates (T, gates, B, H): each in one piece where products of small matrices write it so."""
    T, B, (K, N) = *a.shape[:2], matrix.shape
    is_small = SMALL_PRODUCTS and B >= 8 and is_cheap_row(a, matrix, term)
    if is_small:
        rows, columns = piece(B, K + 1, N, a.dtype, 2**62, gates=gates)
        is_even = columns >= N // gates or columns % 16 == 0
        columns = min(columns, N // gates)
        is_small = is_even and rows * columns * (K + 1) <= 10**6
    if is_small and a.size * N > 2**25 and library_threads() > 1:
        a, matrix = with_row(a, matrix, term)
        found = memory((gates, T, B, N // gates), np.result_type(a, matrix))
        np.matmul(a.reshape(T * B, K + 1), in_columns(matrix, N // gates), out=found.reshape(gates, T * B, -1))
        return found.swapaxes(0, 1)
    if not is_small:
        found = rows_plus(a, matrix, term).reshape(T, B, gates, N // gates).swapaxes(1, 2)
        return np.ascontiguousarray(found) if B * N <= 2**11 * gates else found
    a, matrix = with_row(a, matrix, term)
    found = memory((T, gates, B, N // gates), np.result_type(a, matrix))
    places = found.reshape(T, gates, B // rows, rows, N // gates // columns, columns).transpose(0, 2, 1, 4, 3, 5)
    blocks = in_columns(matrix, columns).reshape(gates, -1, K + 1, columns)
    np.matmul(a.reshape(T, B // rows, 1, 1, rows, K + 1), blocks, out=places)
    return found''',
    "steps_together": '''def steps_together(block, T, B, n):
    """How many steps n numbers of each example are kept for: some if those stay in the cache and all would not."""
    steps, whole = block * -(-max(256, 2**17 // n) // max(1, B * block)), T * B * n
    if steps * B * n > 2**18 or whole <= 2**19 or whole <= 2**21 and library_threads() > 1:
        return max(T, 1)
    return steps''',
    "added": '''def added(total, part):
    """The sum of the parts so far, None before the first, and one more, in the memory of the first."""
    if total is None:
        return part
    total += part
    return total''',
    "joined": '''def joined(*parts, axis):
    """Parts joined along an axis, those without leading axes repeated along the others' leading axes."""
    leading = np.broadcast_shapes(*(part.shape[:axis] for part in parts))
    return np.concatenate([np.broadcast_to(part, leading + part.shape[axis:]) for part in parts], axis=axis)''',
    "forward_by_blocks": '''def forward_by_blocks(params, timed, others, states, lengths, checkpoint):
    """`forward` some steps at a time; the cache holds what each block was given."""
    block = 32 if checkpoint is None else checkpoint
    if not isinstance(block, (int, np.integer)) or block < 1:
        raise ValueError(f"checkpoint is {block!r}, expected a number of steps from 1 on")
    T = len(next(iter(timed.values())))
    outputs, blocks = [], []
    last = T if lengths is None else int(lengths.max(initial=0))
    for start in range(0, max(last, 1), block):
        given = {name: a[:last][start:start + block] for name, a in timed.items()}
        steps = min(block, last - start)
        left = None if lengths is None else np.clip(lengths - start, 0, steps)
        blocks.append((steps, {**given, **others, **states, "lengths": left}))
        ys, final, _ = forward(params, **blocks[-1][1])
        outputs.append(ys)
        states = dict(zip(states, final.values()))
    outputs.append(np.zeros((T - last, *ys.shape[1:]), ys.dtype))
    return np.concatenate(outputs), final, (params, (T, blocks))''',
    "backward_by_blocks": '''def backward_by_blocks(cache, d_ys, d_states, timed):
    """`backward` from the last block to the first, each computed again from the states before it."""
    params, (T, blocks) = cache
    if np.shape(d_ys)[:1] != (T,):
        raise ValueError(f"d_ys has shape {np.shape(d_ys)}, expected {T} steps")
    stop = sum(steps for steps, _ in blocks)
    rest, parts, sums = T - stop, {}, {}
    for steps, given in reversed(blocks):
        _, _, again = forward(params, **given)
        found = backward(again, d_ys[stop - steps:stop], **d_states)
        d_states = dict(zip(d_states, (found[name] for name in STATES)))
        stop -= steps
        for name, gradient in found.items():
            if name in timed:
                parts.setdefault(name, [np.zeros((rest, *gradient.shape[1:]), gradient.dtype)]).insert(0, gradient)
            elif name not in STATES:
                sums[name] = sums.get(name, 0) + gradient
    parts = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    return {name: {**sums, **parts}.get(name, found[name]) for name in found}''',
    **PARTS,
    "larger": '''def larger(dtype):
    """What writes the larger of two numbers, of complex ones that with the larger real part."""
    if dtype.kind == "f":
        return np.maximum

    def larger_into(a, b, *, out):
        out[...] = np.where((a - b).real > 0, a, b)

    return larger_into''',
    "gated": '''def gated(gate, a):
    """a where the gate is 1; where it is 0 that is the product, whatever a is."""
    return np.where(gate > 0, a, 0)''',
    "sum_of_rows": '''def sum_of_rows(a):
    """The sum over steps and examples, of rows by a product, which takes half the time."""
    return np.ones(a.shape[0] * a.shape[1], a.dtype).dot(rows(a)) if a.ndim == 3 else a.sum(axis=(0, 1))''',
    "softmax": '''def softmax(a):
    """exp(a) / Σ exp(a) along the last axis; the largest entry is subtracted first, so that exp cannot overflow."""
    powers = np.exp(a - a.real.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)''',
    "erf": f'''def erf(a):
    """The error function, entry by entry; beside the real axis to first order, as the complex step needs it."""
    import math

    return {ERF}''',
    "log_softmax": '''def log_softmax(a):
    """log softmax(a) along the last axis without forming a quotient."""
    shifted = a - a.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))''',
    "one_hot": '''def one_hot(name, target, axes, arrays, lengths=None):
    """Indices of classes as distributions, anything else as it is; past the end any index may stand."""
    if not isinstance(target, np.ndarray) or target.dtype.kind not in "iu" or target.ndim != len(axes) - 1:
        return target
    sizes, dtype = _checked(arrays)
    leading, classes = tuple(_length(axis, sizes) for axis in axes[:-1]), _length(axes[-1], sizes)
    if target.shape != leading:
        wanted = f"({', '.join(axes[:-1])}) = {leading}"
        raise ValueError(f"{name} has shape {target.shape}, expected indices of classes of shape {wanted}")
    fits = (target >= 0) & (target < classes)
    wrong = np.argwhere(cut(~fits, None if lengths is None else _lengths(lengths, *leading)))
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        raise ValueError(f"{name}{list(place)} is {target[place]}, expected a class from 0 to {classes - 1}")
    return np.eye(classes, dtype=dtype)[np.where(fits, target, 0)]''',
    "step_weights": '''def step_weights(weights, reduction, lengths, T, B, dtype):
    """What each loss counts for (T, B), zero past the end, with the sum 1 for a mean; None where all count 1."""
    if reduction not in (None, "sum", "mean"):
        raise ValueError(f"reduction is {reduction!r}, expected None, 'sum' or 'mean'")
    if weights is None:
        if lengths is None and reduction != "mean":
            return None
        weights = np.ones((T, B), dtype)
    weights = np.asarray(weights)
    if weights.shape != (T, B) or weights.dtype.kind not in "biufc":
        raise ValueError(
            f"weights has shape {weights.shape} and dtype {weights.dtype}, "
            f"expected numbers or a mask of shape (T, B) = {(T, B)}"
        )
    weights = cut(weights.astype(dtype), lengths)
    return weights / (weights.sum() or 1) if reduction == "mean" else weights''',
    "weighted": '''def weighted(losses, weights):
    """Each times its weight; what does not count is zero whatever it is."""
    if weights is None:
        return losses
    found = np.zeros(weights.shape, np.result_type(losses, weights))
    return np.multiply(losses, weights, out=found, where=weights != 0)''',
}
"""Helpers that no entry of `derive.functions` describes."""

_CALLED = {
    "rows_times": ("rows", MEMORY, "piece", "in_columns", LIBRARY_THREADS),
    "sum_of_rows": ("rows",),
    "rows_plus": ("rows_times", "with_row"),
    "with_row": ("rows", MEMORY),
    "in_columns": (MEMORY,),
    "copied": (MEMORY,),
    "in_pieces": ("piece", "in_columns"),
    "pieces_of": ("piece",),
    "piece_rows": ("pieces_of",),
    "piece_places": ("pieces_of", "is_apart"),
    "product_with": ("is_apart",),
    "gates_of": ("is_apart",),
    "gates_times": ("rows_plus", "in_columns"),
    "steps_together": (LIBRARY_THREADS,),
    **CALLED,
}
"""What these call of each other."""


def helper_texts(used: Collection[str], own: Collection[ScalarFunction]) -> list[str]:
    """The definitions of the helpers that were used, each before what calls it; `own` are the note's functions."""
    defined = {function.name: function for function in own}
    texts: dict[str, str] = {}

    def define(name: str) -> None:
        if name in texts:
            return
        if name in _WRITTEN:
            for other in _CALLED.get(name, ()):
                define(other)
            texts[name] = _WRITTEN[name]
        elif name in ENTRIES:
            texts[name] = _definition(name, len(ENTRIES[name].function.body.variables), ENTRIES[name].numpy)
        else:
            called: set[str] = set()
            body = scalar(defined[name].body.expr, called)
            for other in sorted(called):
                define(other)
            texts[name] = _definition(name, len(defined[name].body.variables), body)

    for name in sorted(used):
        define(name)
    return list(texts.values())


def choices() -> tuple[list[str], dict[str, tuple[str, str]]]:
    """The functions one may choose for an unspecified one: definitions, and (value, slope) by name."""
    texts: list[str] = []
    table: dict[str, tuple[str, str]] = {}
    needed: set[str] = set()
    for name, entry in ENTRIES.items():
        if entry.choosable and len(entry.function.body.variables) == 1 and functions.slope(entry.function) != 0:
            needed.add(name)
            text = scalar(functions.slope(entry.function), needed)
            opening = f"    y = {name}(a)\n" if "y" in text.replace("np.", "") else ""
            texts.append(
                f'def {name}_slope(a):\n    """The derivative of {name}."""\n{opening}    return {text} + 0 * a'
                if text in ("1", "1.0")
                else f'def {name}_slope(a):\n    """The derivative of {name}."""\n{opening}    return {text}'
            )
            table[name] = (name, f"{name}_slope")
    return [*helper_texts(needed, ()), *texts], table


def _definition(name: str, arity: int, body: str) -> str:
    arguments = ", ".join("ab"[:arity])
    return f'def {name}({arguments}):\n    """{name}, entry by entry."""\n    return {body}'
