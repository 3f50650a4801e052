"""Python names for the quantities of a cell: the cell's own letters, made distinct from everything else in sight."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

from derive.errors import InputError
from derive.functions import ENTRIES, ScalarFunction
from derive.nodes import Elementwise, Node, Quantity, Softmax, leaves
from derive.targets.language.code import Name

_TAKEN = frozenset(keyword.kwlist) | {
    *dir(builtins),
    *("np", "t", "T", "B", "params", "cache", "values", "arrays", "sizes", "key", "axes", "axis", "dtype", "rng"),
    *("d_ys", "d_y", "ys", "final", "d_losses", "losses", "outputs"),
    *("init", "step", "forward", "backward", "step_backward", "PARAMETERS", "STATES", "FUNCTIONS"),
    *("lengths", "repeated", "cut", "weights", "reduction", "step_weights", "weighted", "one_hot"),
    *("block", "start", "stop", "checkpoint", "run", "forward_by_blocks", "backward_by_blocks"),
    *(
        "run_compiled",
        "forward_loop",
        "backward_loop",
        "compiled",
        "compiled_loop",
        "product_into",
        *("rows_by_panels", "panels_for", "in_panels", "new_panels", "product_of", "product_rows"),
        *("products_of", "shares_of_products", "SHARES", "processor_now", "kept_apart", "placed"),
        *("tile", "in_parts", "threading", "binding", "ir", "COMPILING", "TILED", "FEATURES", "VECTOR", "VECTORS"),
        "kind",
        "numba",
        "types",
        "warnings",
    ),
    *("torch", "math", "device", "given", "computed", "chosen", "d_final", "cached"),
    *("LEFT", "Lent", "memory", "copied", "FEW", "SHARED", "are_few", "is_plain", "arrays_of", "in_memory"),
    *("in_pieces", "in_columns", "piece_rows", "piece_places", "product_with", "steps_together", "added", "rows_plus"),
    *(
        "pieces_of",
        "gates_of",
        "gates_times",
        "by_gates",
        "is_apart",
        "larger",
        "sum_of_rows",
        "pack",
        "Packed",
        "STACKS",
        "LAST",
        *("workspace", "Workspace", "Turn", "turn", "turn_of", "room", "landed", "steps"),
    ),
    *(
        "functools",
        "contextlib",
        "os",
        "threads",
        "LIMITING",
        "libraries",
        "library_threads",
        "parts_of",
        "in_parts_of_batch",
    ),
    *("examples", "joined_examples", "as_it_lies"),
    *("forward_in_parts", "backward_in_parts", "parts", "timed", "others", "caches"),
    *("rows", "rows_times", "in_rows", "batch_times", "joined", "softmax", "log_softmax", "argparse"),
    *("own", "turned", "last", "at_last", "loss", "predict", "sgd", "evaluated", "updated", "pieces", "main"),
    *ENTRIES,
    *(f"{name}_slope" for name in ENTRIES),
}
"""What a module itself calls by name."""


MADE_OF_NAMES = ("{}", "{}_t", "{}_prev", "d_{}", "d_{}_t", "d_{}_next", "d_{}_last", "d_{}_prev")
"""The names that a module makes of that of a quantity."""


class Names:
    """Hands out each name once; the same thing asked for again gets the same name."""

    def __init__(self) -> None:
        self._taken = set(_TAKEN)
        self._given: dict[tuple[str, object], Name] = {}

    def fresh(self, wanted: str) -> Name:
        """`wanted`, or with underscores behind it until it is free."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return Name(wanted)

    def local(self, used: Iterable[str] = ()) -> Names:
        """The same names, for the variables of one function, some `used` there: what is added is free elsewhere."""
        found = Names()
        found._taken, found._given = self._taken.union(used), dict(self._given)
        return found

    def numbered(self, wanted: str) -> Name:
        """`wanted`, or with a number behind it."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        return self.fresh(name)

    def reserved(self, function: ScalarFunction) -> Name:
        """The name of a function that the module defines or, if it is left open, takes as an argument.

        Raises InputError for an open function whose name the module needs: its callers must know it by its own name.
        """
        if not function.specified and function.name in self._taken:
            raise InputError(f"the code cannot have a function called {function.name}", hint="give it another letter")
        return self._same("function", function, function.name.replace("'", "_slope"))

    def _same(self, kind: str, of: object, wanted: str) -> Name:
        if (kind, of) not in self._given:
            self._given[kind, of] = self.fresh(wanted)
        return self._given[kind, of]

    def whole(self, quantity: Quantity) -> Name:
        """A parameter, a constant input, or the values of a quantity at all times."""
        return self._same("whole", quantity.name, quantity.name)

    def now(self, quantity: Quantity) -> Name:
        """The value at t."""
        return self._same("now", quantity.name, f"{quantity.name}_t")

    def now_inner(self, value: Node) -> Name:
        """A function value inside an equation at t, such as tanh_c_t."""
        return self._same("now inner", value, f"{_words(value)}_t")

    def whole_inner(self, value: Node) -> Name:
        """The same at all times."""
        return self._same("whole inner", value, _words(value))

    def temporary(self, value: Node) -> Name:
        """A value used more than once: through_U for Uᵀ∂J/∂net, or the function it is."""
        letters = "_".join(leaf.name for leaf in leaves(value))
        is_function = isinstance(value, Elementwise | Softmax)
        return self.fresh(f"{_words(value)}_t" if is_function else f"through_{letters or 'product'}")

    def before(self, state: Quantity) -> Name:
        """The value of a state at t - 1."""
        return self._same("before", state.name, f"{state.name}_prev")

    def gradients(self, quantity: Quantity) -> Name:
        """The gradient of a parameter or initial state, or those of a quantity at all times."""
        return self._same("gradients", quantity.name, f"d_{quantity.name}")

    def gradient(self, quantity: Quantity) -> Name:
        """The gradient at t."""
        return self._same("gradient", quantity.name, f"d_{quantity.name}_t")

    def carry(self, state: Quantity) -> Name:
        """The gradient that reaches a state from the next step."""
        return self._same("carry", state.name, f"d_{state.name}_next")

    def last(self, state: Quantity) -> Name:
        """What J asks of the final state."""
        return self._same("last", state.name, f"d_{state.name}_last")

    def through(self, state: Quantity) -> Name:
        """The gradient that reaches a state of the step before."""
        return self._same("through", state.name, f"d_{state.name}_prev")


def _words(value: Node) -> str:
    function = value.function.name.replace("'", "_slope") if isinstance(value, Elementwise) else "softmax"
    return "_".join((function, *(leaf.name for leaf in leaves(value))))
