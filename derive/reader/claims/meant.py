"""What letters of a document stand for beside the quantities of its cell: losses, error letters, fixed steps."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr
from sympy import S as Singletons

from derive.reader.meaning.tree import Term


@dataclass(frozen=True)
class Loss:
    """A letter for a loss: `factor` times the loss of `step`, or times the sum over all steps where that is None."""

    step: Expr | None = None
    factor: Expr = Singletons.One


@dataclass(frozen=True)
class Meant:
    """Definitions of a document, each a pair of a name and what it stands for.

    `errors`, which are gradients and bounds on norms, are said at step t; a letter in `moments` that is written without
    a time belongs to that step; with `bars` a bar over a quantity is the gradient by it.
    """

    losses: tuple[tuple[str, Loss], ...] = ()
    errors: tuple[tuple[str, Term], ...] = ()
    moments: tuple[tuple[str, Expr], ...] = ()
    bars: bool = False
    of_step: bool = False
    """Whether δ and d before a quantity are gradients of the loss of the quantity's own step."""
    families: frozenset[str] = frozenset()
    """Letters that with a quantity below them are the gradient by it: g in g_y = ∂L/∂y."""
    untransposed: bool = False
    """Whether nothing is transposed anywhere, so that vectors side by side may be an outer product."""
    slopes: bool = False
    """Whether slopes are written of the values of several functions, σ'(f_t) and σ'(i_t), so that this is a habit."""
    blocks: tuple[tuple[str, str], ...] = ()
    """Weights that may stand for their columns that act on a quantity, each with that quantity."""


NOTHING = Meant()
