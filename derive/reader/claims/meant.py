"""What letters of a document stand for beside the quantities of its cell: losses, error letters, fixed steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sympy import Expr
from sympy import S as Singletons

from derive import nodes
from derive.reader.meaning.tree import Derivative, Term


class Habit(Enum):
    """A habit of writing that a whole document may keep to, and what is said of it where a verdict rests on it.

    One that shows in the text is noticed (`derive.reader.models.written`); any other is tried where formulas are wrong
    without it (`verify.notes.conventions`). What it changes asks `Meant.keeps`.
    """

    ONWARD = (
        "∂ of the loss of a step is, before what belongs to that step or a later one, that of all losses from it on"
    )
    TERMS = "∂ of the loss of a step by a parameter is the term of that step in the gradient of all losses"
    OWN_USE = "∂ of the loss of a step by a parameter is what its use in that step alone brings"
    HANDED = "∂ by a state of the step before is the part that comes through it, of which the words before speak"
    NO_LATER = "the loss of a step is differentiated by what belongs to that step or an earlier one alone"
    ALONG = "∂ of a state by itself over several steps is taken along that state alone, the others held fixed at each"
    UNTRANSPOSED = "nothing is transposed anywhere, so that vectors side by side may be an outer product"
    UPRIGHT = "weights stand left of the columns that they act on"
    BASIS = "e with an index below it is the vector with a 1 in that row and zeros elsewhere"
    SLOPES = "slopes are written of the values of several functions, σ'(f_t) and σ'(i_t)"


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
    above: tuple[str, ...] = ()
    """Those of `errors` of which the document only says that a norm is at most so much."""
    no_bounds: frozenset[str] = frozenset()
    """Letters that words call an eigenvalue, or an equation something else; the empty name for words near any other."""
    singular_values: frozenset[str] = frozenset()
    """Letters that words call a singular value, a norm or a bound."""
    slopes: frozenset[str] = frozenset()
    """Letters that words say of slopes."""
    pairs: tuple[tuple[str, tuple[Expr, Expr], Term], ...] = ()
    """Letters with two steps, δ_{t,k}: the name, the two steps as written, what it is the gradient of by what."""
    entries: tuple[tuple[str, tuple[Expr, ...], Derivative], ...] = ()
    """Letters for a derivative by entries, p_{ij}^k of ∂h_k/∂W_{ij}: the name, its indices, and the derivative."""
    moments: tuple[tuple[str, Expr], ...] = ()
    bars: bool = False
    ahead: bool = False
    """Whether the equations give step t + 1 from what is known at t, so that sums over all steps begin at 0."""
    behind: frozenset[str] = frozenset()
    """Quantities whose value of step t is written at t - 1: ĥ_{t-1} of ĥ_{t-1} = γ_t ⊙ h_{t-1}."""
    late: frozenset[str] = frozenset()
    """States whose value of step t is written at t + 1: y_{t+1} of s_t = U y_t + W x_t, y_{t+1} = f(s_t)."""
    asked: tuple[tuple[str, Expr, Expr | None], ...] = ()
    """Of which loss δ and d before a quantity are the gradient: the quantity, its step, the step of that loss."""
    twice: tuple[tuple[str, Expr, str, str], ...] = ()
    """Error letters of two losses: the letter, the step of the other loss, words for each of them."""
    families: frozenset[str] = frozenset()
    """Letters that with a quantity below them are the gradient by it: g in g_y = ∂L/∂y."""
    totals: frozenset[str] = frozenset()
    """Quantities whose whole gradient has a label, g_{c_t}^{total}: without it the letter is what comes from t + 1."""
    upstream: frozenset[str] = frozenset()
    """States whose gradient is what the step after hands back, everything of their own step held fixed."""
    hands_back: frozenset[str] = frozenset()
    """States whose whole gradient the document has, so that ∂J/∂c_{t-1} from t alone is what step t hands back."""
    inner: frozenset[str] = frozenset()
    """Values of which ∂J/∂f_t is the gradient by their argument."""
    onward: frozenset[str] = frozenset()
    """Letters for all losses from their step on: L of L_t = l_t + L_{t+1}."""
    unsaid: frozenset[str] = frozenset()
    """Letters of sizes that the document does not speak of as such, so that a sum may run up to one for another."""
    indices: frozenset[str] = frozenset()
    """Letters by which sums of the document count entries, beside those that are usual for it: c of Σ_c y_c log p_c."""
    softmaxes: tuple[tuple[str, str], ...] = ()
    """Letters defined as the softmax function, each with the value that it stands for where it has no argument."""
    stacking: str = ""
    """How the document stacks the entries of a matrix in a vector, as `derive.reader.meaning.tree` names it."""
    rows: frozenset[str] = frozenset()
    """Letters that with an index are a row of the matrix with their capital letter: e_j of E."""
    habits: frozenset[Habit] = frozenset()
    """The habits of writing that the document keeps to throughout."""
    dependences: tuple[tuple[str, str, tuple[tuple[str, int | None], ...]], ...] = ()
    """Functions of which nothing is said but what they read: the function, what it gives, and what it reads when."""
    blocks: tuple[tuple[str, str], ...] = ()
    """Weights that may stand for their columns that act on a quantity, each with that quantity; `a:` is what stands
    below a, and all weights have no name."""

    def keeps(self, habit: Habit) -> bool:
        """Whether the document keeps to a habit of writing."""
        return habit in self.habits

    def loss_of(self, name: str, time: Expr) -> tuple[bool, Expr | None]:
        """Whether the document says of which loss δ before a quantity at this step is the gradient, and its step.

        What is said of one step of a quantity goes for its others, and what is said alike of all for what is not named.
        """
        own = [(step, loss) for each, step, loss in self.asked if each == name]
        here = [loss for step, loss in own if step == time]
        apart_ = {loss for step, loss in own if loss is not None and not step.free_symbols & loss.free_symbols}
        if not here and len(apart_) == 1 and all(step.free_symbols for step, _ in own):
            return True, apart_.pop()  # δ_k = ∂E_t/∂s_k: of E_t, whatever k is
        apart = {None if loss is None else loss - step for step, loss in own if step == nodes.t}
        apart = apart or {None if loss is None else loss - step for step, loss in own}
        if not own:
            apart = {None if loss is None else loss - step for _, step, loss in self.asked if step == nodes.t}
        if here or len(apart) != 1:
            return bool(here), here[0] if here else None
        (distance,) = apart
        return True, None if distance is None else time + distance


NOTHING = Meant()
