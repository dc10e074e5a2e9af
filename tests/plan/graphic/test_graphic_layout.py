"""Where boxes and edges go: whatever the graph, nothing overlaps and every edge runs downwards."""

import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.plan.graphic.layout import Layout, Link, Size, lay_out

Graph = tuple[list[Size], list[Link]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph without cycles and boxes of all sizes."""
    sides = st.floats(20, 300)
    sizes = draw(st.lists(st.builds(Size, sides, sides), min_size=1, max_size=20))
    numbers = st.integers(0, len(sizes) - 1)
    pairs = draw(st.lists(st.tuples(numbers, numbers), max_size=40, unique=True))
    return sizes, [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]


def boxes(sizes: list[Size], placed: Layout) -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of every box."""
    return [
        (x, y, x + size.width, y + size.height)
        for (x, y), size in zip(placed.corners, sizes, strict=True)
    ]


@given(graphs())
@settings(deadline=None)
def test_no_box_covers_another(graph: Graph) -> None:
    """Boxes lie apart, and inside the drawing."""
    sizes, links = graph
    placed = lay_out(sizes, links)
    drawn = boxes(sizes, placed)

    for at, (left, top, right, bottom) in enumerate(drawn):
        assert left >= -1e-6
        assert right <= placed.width + 1e-6
        assert bottom <= placed.height + 1e-6
        for other in drawn[at + 1 :]:
            beside = right <= other[0] + 1e-6 or other[2] <= left + 1e-6
            assert beside or bottom <= other[1] or other[3] <= top


@given(graphs())
@settings(deadline=None)
def test_every_edge_runs_downwards_around_boxes(graph: Graph) -> None:
    """An edge leaves its box below, reaches the next from above, and crosses none between."""
    sizes, links = graph
    placed = lay_out(sizes, links)
    drawn = boxes(sizes, placed)

    for (source, target), way in zip(links, placed.ways, strict=True):
        assert way[0].top == drawn[source][3]
        assert way[-1].bottom == drawn[target][1]
        assert all(above.bottom < below.top for above, below in pairwise(way))
        for piece in way[1:-1]:
            assert not any(
                left < piece.x < right and top < piece.bottom and piece.top < bottom
                for left, top, right, bottom in drawn
            )


def test_an_empty_drawing_has_no_size() -> None:
    """Nothing to draw is no error."""
    assert lay_out([], []) == Layout((), (), 0.0, 0.0)


def test_a_large_plan_is_laid_out_soon() -> None:
    """5,000 boxes with edges across all layers take seconds, not minutes."""
    sizes = [Size(150, 60)] * 5000
    links = [(box // 4, box) for box in range(1, 5000)] + [(0, box) for box in range(10, 5000)]
    chain = [(box, box + 1) for box in range(1499)] + [(0, box) for box in range(2, 1500)]
    began = time.process_time()

    lay_out(sizes, links)
    lay_out(sizes[:1500], chain)

    assert time.process_time() - began < 20
