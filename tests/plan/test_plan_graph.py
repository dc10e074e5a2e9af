"""The graph: what it promises about a step's start holds in every possible run."""

from hypothesis import given
from hypothesis import strategies as st

from remit.plan.graph import Graph, Node, build, positions


def node(*needs: int, join: int = -1, skip: bool = False) -> Node:
    """Return a node without fallbacks."""
    return Node(needs, join, skip, (), None)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw acyclic graphs with joins of any kind and steps that may be skipped."""
    nodes: list[Node] = []
    for at in range(draw(st.integers(1, 9))):
        needs = draw(st.lists(st.integers(0, at - 1), unique=True, max_size=4)) if at else []
        join = draw(st.integers(1, len(needs))) if needs and draw(st.booleans()) else -1
        wanted = -1 if join >= len(needs) else join
        nodes.append(node(*needs, join=wanted, skip=draw(st.booleans())))
    return build(nodes)


@given(graphs(), st.data())
def test_what_is_sure_at_a_start_is_there_in_every_run(graph: Graph, data: st.DataObject) -> None:
    """However joins, skips and the order fall out, `sure` has outputs and `over` has ended."""
    done, ended = set[int](), set[int]()
    waiting = set(range(len(graph.nodes)))
    while startable := sorted(at for at in waiting if can_start(graph.nodes[at], ended)):
        at = data.draw(st.sampled_from(startable))
        assert set(positions(graph.sure[at])) <= done
        assert set(positions(graph.over[at])) <= ended
        assert ended >= set(positions(graph.over[at]))
        waiting.discard(at)
        ended.add(at)
        if not (graph.nodes[at].may_skip and data.draw(st.booleans())):
            done.add(at)
    assert not waiting
    assert set(positions(graph.sure_at_end)) <= done


def can_start(start: Node, ended: set[int]) -> bool:
    """Say whether enough needs have ended."""
    count = sum(need in ended for need in start.needs)
    return count >= (len(start.needs) if start.join == -1 else start.join)


@given(graphs())
def test_before_is_the_transitive_closure_of_needs(graph: Graph) -> None:
    """A step sees whatever it can be reached from, and nothing else."""
    for at in range(len(graph.nodes)):
        seen, waiting = set[int](), list(graph.nodes[at].needs)
        while waiting:
            need = waiting.pop()
            if need not in seen:
                seen.add(need)
                waiting += graph.nodes[need].needs
        assert set(positions(graph.before[at])) == seen


def test_every_cycle_is_shown_once_and_what_follows_it_is_not() -> None:
    """Two circles are two findings; a step behind one is none."""
    graph = build([node(1), node(0), node(3), node(2), node(1), node(5)])

    assert sorted(sorted(cycle) for cycle in graph.cycles) == [[0, 1], [2, 3], [5]]


def test_a_fallback_stands_where_its_original_stood() -> None:
    """It sees what the original saw, and its own skipping makes the original's output unsure."""
    original = Node((0,), -1, False, (2,), None)
    sure = build([node(), original, Node((), -1, False, (), 1), node(1)])
    unsure = build([node(), original, Node((), -1, True, (), 1), node(1)])

    assert sure.before[2] == sure.before[1] == 0b1
    assert sure.sure[3] == 0b11
    assert unsure.sure[3] == 0b01
    assert unsure.over[3] == 0b11
