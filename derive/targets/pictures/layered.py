"""Graph -> places: layers from left to right or downwards, few crossings, straight long lines.

The method is that of Sugiyama, Tagawa and Toda 1981, "Methods for Visual Understanding of Hierarchical Systems".

A line passes a layer only on a lane of its own, so that it can never run through a box. Lines from one box to several
layers share their lanes. Everything is decided by order and arithmetic alone: the same graph gives the same places.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from derive.targets.pictures.drawing import Drawing, Graph, Placed, Point, Role, Wire
from derive.targets.pictures.labels import width

MARGIN, APART, LANE = 18.0, 14.0, 12.0
SWEEPS, STRAIGHTENINGS = 14, 24
HEAD, LEGEND = 46.0, 40.0

WORDS: Mapping[Role, str] = {
    Role.INPUT: "input",
    Role.STATE: "state",
    Role.OUTPUT: "output",
    Role.VALUE: "value",
    Role.OPERATION: "operation",
    Role.PARAMETER: "parameters",
    Role.MEETING: "paths meet and add",
    Role.LATER: "from step t + 1",
    Role.LOSS: "from J",
}
GRADIENT_WORDS: Mapping[Role, str] = {**WORDS, Role.INPUT: "of an input", Role.STATE: "of a state"}


@dataclass
class _Layers:
    """Items by layer: keys of boxes, and lanes `key@layer` of the lines that pass."""

    columns: list[list[str]]
    down: dict[str, list[str]] = field(default_factory=dict)
    up: dict[str, list[str]] = field(default_factory=dict)

    def join(self, a: str, b: str) -> None:
        if b not in self.down.setdefault(a, []):
            self.down[a].append(b)
            self.up.setdefault(b, []).append(a)


@dataclass(frozen=True)
class _Item:
    """A box as the layout sees it: how far it reaches along the flow, and across."""

    along: float
    across: float


def layered(graph: Graph, downwards: bool = False) -> Drawing:
    """The places of a graph without cycles, from left to right or downwards."""
    boxes = {
        box.key: _Item(box.height, box.width) if downwards else _Item(box.width, box.height) for box in graph.boxes
    }
    layers = _with_lanes(graph, _ranks(graph))
    _ordered(layers)
    return _placed(graph, layers, boxes, _heights(layers, boxes), downwards)


def _ranks(graph: Graph) -> dict[str, int]:
    """The layer of every box: one behind the last that leads to it; ends where they are asked for."""
    before: dict[str, list[str]] = {box.key: [] for box in graph.boxes}
    after: dict[str, list[str]] = {box.key: [] for box in graph.boxes}
    for a, b in graph.edges:
        before[b].append(a)
        after[a].append(b)
    ranks: dict[str, int] = {}
    waiting = [box.key for box in graph.boxes]
    while waiting:
        ready = [key for key in waiting if all(a in ranks for a in before[key])]
        assert ready, "a graph of equations has no cycle"
        for key in ready:
            ranks[key] = max((ranks[a] + 1 for a in before[key]), default=0)
        waiting = [key for key in waiting if key not in ranks]
    for key in ranks:  # what nothing leads to stands near what it leads to, unless it is one end
        if not before[key] and after[key] and key not in graph.first:
            ranks[key] = min(ranks[b] for b in after[key]) - 1
    lowest = min(ranks.values())
    highest = max((rank for key, rank in ranks.items() if key not in graph.last), default=0)
    return {key: (highest + 1 if key in graph.last else rank) - lowest for key, rank in ranks.items()}


def _with_lanes(graph: Graph, ranks: Mapping[str, int]) -> _Layers:
    layers = _Layers([[] for _ in range(max(ranks.values()) + 1)])
    for box in graph.boxes:
        layers.columns[ranks[box.key]].append(box.key)
    for a, b in graph.edges:
        here = a
        for rank in range(ranks[a] + 1, ranks[b]):
            lane = f"{a}@{rank}"
            if lane not in layers.columns[rank]:
                layers.columns[rank].append(lane)
            layers.join(here, lane)
            here = lane
        layers.join(here, b)
    return layers


def _ordered(layers: _Layers) -> None:
    """Sort every layer by the middle of its neighbours, there and back, and keep what has the fewest crossings."""
    best = [list(column) for column in layers.columns]
    fewest = _crossings(layers)
    for sweep in range(SWEEPS):
        numbers = range(1, len(layers.columns)) if sweep % 2 == 0 else range(len(layers.columns) - 2, -1, -1)
        near = layers.up if sweep % 2 == 0 else layers.down
        for number in numbers:
            beside = layers.columns[number - 1 if sweep % 2 == 0 else number + 1]
            place = {key: at for at, key in enumerate(beside)}
            column = layers.columns[number]
            own = {key: at * (len(beside) / max(len(column), 1)) for at, key in enumerate(column)}

            def middle(key: str, near: Mapping[str, list[str]] = near, place: Mapping[str, int] = place) -> float:
                found = [place[other] for other in near.get(key, ())]
                return sum(found) / len(found) if found else -1.0

            column.sort(key=lambda key, own=own, middle=middle: middle(key) if middle(key) >= 0 else own[key])  # type: ignore[misc]
            _exchange(layers, number)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(column) for column in layers.columns], crossings
    layers.columns = best


def _exchange(layers: _Layers, number: int) -> None:
    """Exchange neighbours in one layer as long as lines then cross less."""
    column = layers.columns[number]
    sides = []
    for near, other in ((layers.up, number - 1), (layers.down, number + 1)):
        if 0 <= other < len(layers.columns):
            place = {key: at for at, key in enumerate(layers.columns[other])}
            sides.append({key: sorted(place[one] for one in near.get(key, ())) for key in column})
    for _ in range(4):
        changed = False
        for at in range(len(column) - 1):
            a, b = column[at], column[at + 1]
            now = sum(_crossing(side[a], side[b]) for side in sides)
            if sum(_crossing(side[b], side[a]) for side in sides) < now:
                column[at], column[at + 1] = b, a
                changed = True
        if not changed:
            return


def _crossing(above: Sequence[int], below: Sequence[int]) -> int:
    """How many lines cross if one item stands above the other."""
    return sum(a > b for a in above for b in below)


def _crossings(layers: _Layers) -> int:
    total = 0
    for column, following in zip(layers.columns, layers.columns[1:], strict=False):
        place = {key: at for at, key in enumerate(following)}
        seen: list[int] = []
        for key in column:
            ends = sorted(place[other] for other in layers.down.get(key, ()))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(layers: _Layers, boxes: Mapping[str, _Item]) -> dict[str, float]:
    """Vertical places: near the mean of the neighbours, in order and apart, lanes as straight as they can be."""
    y: dict[str, float] = {}
    for column in layers.columns:
        for key, place in zip(column, _stacked(column, boxes), strict=True):
            y[key] = place
    for sweep in range(STRAIGHTENINGS):
        forwards = sweep % 2 == 0
        order = layers.columns if forwards else layers.columns[::-1]
        both = sweep >= STRAIGHTENINGS - 4
        for column in order:
            wanted, weights = [], []
            for key in column:
                before, after = layers.up.get(key, []), layers.down.get(key, [])
                near = before + after if both else (before or after) if forwards else (after or before)
                pulls = [(y[other], 16.0 if "@" in key and "@" in other else 1.0) for other in near]
                weight = sum(w for _, w in pulls)
                wanted.append(sum(at * w for at, w in pulls) / weight if weight else y[key])
                weights.append(max(weight, 0.1))
            for key, place in zip(column, _apart(column, boxes, wanted, weights), strict=True):
                y[key] = place
    _straighten(layers, boxes, y)
    return y


def _straighten(layers: _Layers, boxes: Mapping[str, _Item], y: dict[str, float]) -> None:
    """Give the lanes of one line the same place where the layers that it passes have room for it."""

    def room(key: str, other: str) -> float:
        return sum(boxes[one].across + APART if one in boxes else LANE for one in (key, other)) / 2

    for column in layers.columns:
        for key in column:
            lane, chain = key, [key]
            while "@" in lane and (following := [one for one in layers.down.get(lane, ()) if "@" in one]):
                lane = following[0]
                chain.append(lane)
            if "@" not in key or len(chain) < 2:
                continue
            lowest, highest = float("-inf"), float("inf")
            for lane in chain:
                rank = int(lane.partition("@")[2])
                beside, at = layers.columns[rank], layers.columns[rank].index(lane)
                if at > 0:
                    lowest = max(lowest, y[beside[at - 1]] + room(lane, beside[at - 1]))
                if at + 1 < len(beside):
                    highest = min(highest, y[beside[at + 1]] - room(lane, beside[at + 1]))
            if lowest <= highest:
                mean = sum(y[lane] for lane in chain) / len(chain)
                y.update(dict.fromkeys(chain, min(max(mean, lowest), highest)))


def _stacked(column: Sequence[str], boxes: Mapping[str, _Item]) -> list[float]:
    places, bottom = [], 0.0
    for key in column:
        height = boxes[key].across + APART if key in boxes else LANE
        places.append(bottom + height / 2)
        bottom += height
    return [place - bottom / 2 for place in places]


def _apart(
    column: Sequence[str], boxes: Mapping[str, _Item], wanted: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """The places nearest to those wanted that keep the order and the distances (isotonic regression)."""
    offsets = _stacked(column, boxes)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, more, many = blocks.pop()
            mean = (mean * total + other * more) / (total + more)
            total, count = total + more, count + many
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _placed(
    graph: Graph, layers: _Layers, items: Mapping[str, _Item], across: Mapping[str, float], downwards: bool
) -> Drawing:
    """Layers as deep as their deepest box, wider apart where lines run more aslant; then everything in whole pixels."""
    reach = {key: items[key].across / 2 if key in items else 0.0 for key in across}
    lowest = min(across[key] - reach[key] for key in across)
    at = {key: float(round(place - lowest)) for key, place in across.items()}
    span: dict[str, tuple[float, float]] = {}
    layer_of: dict[str, tuple[float, float]] = {}
    along = 0.0
    for column in layers.columns:
        deep = max((items[key].along for key in column if key in items), default=0.0)
        aslant = max((abs(at[a] - at[b]) for a in column for b in layers.down.get(a, ())), default=0.0)
        for key in column:
            half = items[key].along / 2 if key in items else deep / 2
            span[key] = (along + deep / 2 - half, along + deep / 2 + half)
            layer_of[key] = (along, along + deep)
        along = round(along + deep + min(max(24.0, 0.28 * aslant), 50.0 if downwards else 96.0))
    room = max(end for _, end in span.values()), max(at[key] + reach[key] for key in at)
    legend = tuple((role, said) for role, said in (GRADIENT_WORDS if downwards else WORDS).items() if _has(graph, role))
    inner = room[1] if downwards else room[0]
    wide = max(inner, width(graph.title) * 1.1, legend_width(legend)) + 2 * MARGIN
    left, top = round((wide - inner) / 2), MARGIN + HEAD

    def point(along: float, across: float) -> Point:
        return (left + across, top + along) if downwards else (left + along, top + across)

    boxes = {box.key: box for box in graph.boxes}
    wires: list[Wire] = []
    for column in layers.columns:
        for key in column:
            begin, end = span[key]
            source = key.partition("@")[0]
            if key not in items and begin < end:
                wires.append(Wire((point(begin, at[key]), point(end, at[key])), (source,)))
            for other in layers.down.get(key, ()):
                ends = (source, other.partition("@")[0])
                leave, arrive, target = layer_of[key][1], layer_of[other][0], span[other][0]
                arrow = other in boxes and boxes[other].role is not Role.TERM
                if end < leave:
                    wires.append(Wire((point(end, at[key]), point(leave, at[key])), ends))
                curve = (point(leave, at[key]), point(arrive, at[other]))
                wires.append(Wire(curve, ends, "y" if downwards else "x", arrow and target == arrive))
                if target > arrive:
                    wires.append(Wire((point(arrive, at[other]), point(target, at[other])), ends, arrow=arrow))
    placed = tuple(Placed(boxes[key], *point(sum(span[key]) / 2, at[key])) for key in at if key in boxes)
    tall = top + (room[0] if downwards else room[1]) + MARGIN + LEGEND
    return Drawing(graph.title, graph.about, wide, tall, placed, tuple(dict.fromkeys(wires)), legend)


def _has(graph: Graph, role: Role) -> bool:
    return any(box.role is role for box in graph.boxes)


def legend_width(legend: Sequence[tuple[Role, str]]) -> float:
    """The width of a legend in one line."""
    return sum(width(words) + 42 for _, words in legend)
