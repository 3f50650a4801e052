"""Letters whose raised numbers are labels, h^1_t and W^1 of the first of several layers, told by a note's equations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from derive.errors import InputError
from derive.reader.claims.gradients.derivatives import evaluated
from derive.reader.meaning.letters import ARGUMENTS
from derive.reader.meaning.symbols import Symbol
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Name, Syntax


def layered(fragments: Iterable[Fragment]) -> frozenset[str]:
    """The letters that equations compute at a step with a number above them, and weights that are never without one.

    Each as `Fragment.layered` has it. A number above what stands below, h_t^2, is the power of a letter that has a step
    without a number too.
    """
    numbers: dict[str, set[str]] = defaultdict(set)
    computed: dict[str, set[str]] = defaultdict(set)
    plain: set[str] = set()
    timed: set[str] = set()
    for fragment in fragments:
        for part in _parts(fragment):
            claims = DERIVATIVE.search(fragment.text, part.start, part.end) is not None
            left = part.sides[0] if isinstance(part, Chain) and not claims else None
            for node in (*letters(part), *_behind_bars(part)):
                found, base = symbol_of(node, fragment), base_of(node)
                if found is None or not isinstance(base, Name):
                    continue
                power = None if found.power is None else str(found.power)
                if power is None or not power.isdigit():
                    if power is None and not found.transposed and any(one.kind == "sup" for one in scripts_of(node)):
                        continue  # W^l and h^{l}_t are of some layer
                    (plain if found.offset is None else timed).add(base.word)
                    continue
                first = scripts_of(node)[0].kind
                way = base.word + ("^" if first == "sup" else "_")
                if node == left and (found.offset is not None or _of_a_step(found, part, fragment)):
                    computed[base.word].add(way)
                numbers[base.word].add(power)
    written = ((word, one) for word, ways in computed.items() for one in ways)
    states = {  # beside e_t, e^2_t is its square
        one for word, one in written if word not in timed or (one.endswith("^") and "1" in numbers[word])
    }
    depths = set[str]().union(*(numbers[word] for word in computed))
    arguments = {word for word in ARGUMENTS & numbers.keys() if numbers[word] <= depths}  # also beside dσ/dz
    weights = {word for word in numbers.keys() - plain if "1" in numbers[word]}
    others = (weights | arguments) - computed.keys() - timed
    return frozenset(states | others if states else ())


def _behind_bars(part: Syntax) -> Iterator[Syntax]:
    """The letters below bars: z^1_t of dσ/dz|_{z^1_t}."""
    for node in walk(part):
        if (value := evaluated(node)) is not None:
            yield from letters(value)


def _of_a_step(left: Symbol, part: Syntax, fragment: Fragment) -> bool:
    """Whether the left side of h^1_2 = f(h^1_1, x_2) is a letter at a numbered step, as the right side shows."""
    base, _, step = left.name.rpartition("_")
    read = (
        (symbol_of(node, fragment) for side in part.sides[1:] for node in letters(side))
        if isinstance(part, Chain)
        else ()
    )
    before = f"{base}_{int(step) - 1}" if step.isdigit() else ""
    return any(one is not None and (one.name, one.power) == (before, left.power) for one in read)


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []
