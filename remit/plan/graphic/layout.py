"""Where the boxes of a drawing go: a layered layout, top to bottom.

Layer by longest way, order by the mean of neighbours over a few sweeps, place by least squares.
An edge over several layers gets a bend in each that it crosses, so that it goes around boxes; above
a number of bends the longest edges are drawn straight. Pure, deterministic, and quick enough for
the largest plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Link = tuple[int, int]
"""Positions of two boxes; the graph of all links has no cycle."""
Point = tuple[float, float]

GAP_X = 28.0
GAP_Y = 52.0
_BEND = 14.0
"""Width that a bend keeps free."""
_MAX_BENDS = 20_000
_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Size:
    """Of one box, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Upright:
    """A straight piece of an edge, from the top of a layer to its bottom."""

    x: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in pixels; the drawing begins at (0, 0)."""

    corners: tuple[Point, ...]
    """Upper left corner of each box."""
    ways: tuple[tuple[Upright, ...], ...]
    """Each edge's way: upright inside the layers, from its box through all it crosses to the next
    box. Between two of these pieces there is nothing that an edge could run into."""
    width: float
    height: float


@dataclass(slots=True)
class _Net:
    """Boxes and bends alike: layers of positions, and neighbours one layer apart."""

    layers: list[list[int]]
    widths: list[float]
    above: list[list[int]]
    below: list[list[int]]
    chains: dict[int, list[int]]
    """Bends of each long edge."""


def lay_out(sizes: Sequence[Size], links: Sequence[Link]) -> Layout:
    """Return where to draw boxes of `sizes` that are joined by `links`."""
    ranks = _ranks(len(sizes), links)
    net = _net(sizes, links, ranks)
    _order(net)
    centres = _place(net)
    heights = [0.0] * len(net.layers)
    for box, size in enumerate(sizes):
        heights[ranks[box]] = max(heights[ranks[box]], size.height)
    tops = [0.0]
    for height in heights:
        tops.append(tops[-1] + height + GAP_Y)
    corners = tuple(
        (centres[box] - size.width / 2, tops[ranks[box]]) for box, size in enumerate(sizes)
    )
    ways = []
    for edge, (source, target) in enumerate(links):
        first = ranks[source]
        bottom = tops[first] + heights[first]
        way = [Upright(centres[source], tops[first] + sizes[source].height, bottom)]
        for layer, bend in enumerate(net.chains.get(edge, ()), start=first + 1):
            way.append(Upright(centres[bend], tops[layer], tops[layer] + heights[layer]))
        ways.append((*way, Upright(centres[target], tops[ranks[target]], tops[ranks[target]])))
    right = [x + size.width for (x, _), size in zip(corners, sizes, strict=True)]
    right += [piece.x for way in ways for piece in way]
    return Layout(corners, tuple(ways), max(right, default=0.0), max(tops[-1] - GAP_Y, 0.0))


def _ranks(count: int, links: Sequence[Link]) -> list[int]:
    """Return each box's layer: one more than the lowest that it follows."""
    followers: list[list[int]] = [[] for _ in range(count)]
    open_needs = [0] * count
    for source, target in links:
        followers[source].append(target)
        open_needs[target] += 1
    ranks = [0] * count
    ready = [box for box in range(count) if not open_needs[box]]
    for box in ready:
        for target in followers[box]:
            ranks[target] = max(ranks[target], ranks[box] + 1)
            open_needs[target] -= 1
            if not open_needs[target]:
                ready.append(target)
    return ranks


def _net(sizes: Sequence[Size], links: Sequence[Link], ranks: list[int]) -> _Net:
    layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for box, rank in enumerate(ranks):
        layers[rank].append(box)
    count = len(sizes)
    net = _Net(layers, [s.width for s in sizes], _empty(count), _empty(count), {})
    by_length = sorted(range(len(links)), key=lambda e: ranks[links[e][1]] - ranks[links[e][0]])
    room = _MAX_BENDS
    for edge in by_length:
        source, target = links[edge]
        length = ranks[target] - ranks[source] - 1
        if length > room:
            continue
        room -= length
        chain = [_bend(net, ranks[source] + 1 + step) for step in range(length)]
        if chain:
            net.chains[edge] = chain
        way = [source, *chain, target]
        for upper, lower in pairwise(way):
            net.below[upper].append(lower)
            net.above[lower].append(upper)
    return net


def _empty(count: int) -> list[list[int]]:
    return [[] for _ in range(count)]


def _bend(net: _Net, layer: int) -> int:
    made = len(net.widths)
    net.widths.append(_BEND)
    net.above.append([])
    net.below.append([])
    net.layers[layer].append(made)
    return made


def _order(net: _Net) -> None:
    """Sort every layer so that few edges cross."""
    at = [0.0] * len(net.widths)
    for layer in net.layers:
        _number(layer, at)
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        neighbours = net.above if downward else net.below
        for layer in net.layers if downward else reversed(net.layers):
            wanted = {box: _mean([at[n] for n in neighbours[box]], at[box]) for box in layer}
            layer.sort(key=wanted.__getitem__)
            _number(layer, at)


def _number(layer: list[int], at: list[float]) -> None:
    # Between 0 and 1, so that layers of different lengths can be compared.
    for position, box in enumerate(layer):
        at[box] = (position + 0.5) / len(layer)


def _place(net: _Net) -> list[float]:
    """Return the centre of every box and bend: near its neighbours, apart from its like."""
    centres = [0.0] * len(net.widths)
    for layer in net.layers:
        _spread(layer, [0.0] * len(layer), net.widths, centres)
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for layer in net.layers if downward else reversed(net.layers):
            wanted = [_mean(_around(net, box, downward, centres), centres[box]) for box in layer]
            _spread(layer, wanted, net.widths, centres)
    edge = min((c - w / 2 for c, w in zip(centres, net.widths, strict=True)), default=0.0)
    return [centre - edge for centre in centres]


def _around(net: _Net, box: int, downward: bool, centres: list[float]) -> list[float]:
    near = net.above[box] if downward else net.below[box]
    return [centres[n] for n in near or net.below[box]]


def _spread(
    layer: list[int], wanted: list[float], widths: list[float], centres: list[float]
) -> None:
    """Put a layer's boxes as near to `wanted` as their order and widths allow.

    Least squares under an order is pooling: boxes that want to overlap move together.
    """
    offsets: list[float] = []
    reach = 0.0
    for box in layer:
        offsets.append(reach + widths[box] / 2)
        reach += widths[box] + GAP_X
    pools: list[tuple[float, int]] = []
    for position, offset in enumerate(offsets):
        total, members = wanted[position] - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / members:
            before, count = pools.pop()
            total, members = total + before, members + count
        pools.append((total, members))
    moved = [total / members for total, members in pools for _ in range(members)]
    for box, offset, move in zip(layer, offsets, moved, strict=True):
        centres[box] = offset + move


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
