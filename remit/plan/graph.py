"""The task graph: what comes before what, and whose outputs are surely there.

Sets of steps are bit masks by position, so that a chain of thousands stays cheap and nothing
depends on the order of a set. `before` is the transitive needs; `over` those that surely ended
(done or skipped) when a step starts; `sure` those that surely have an output then.

A join of `any` or a quorum can go on without some of its needs, so only what all of them bring is
sure. A fallback stands where its original stood: it sees what the original saw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.plan.contract import Quorum, Step


@dataclass(frozen=True, slots=True)
class Node:
    """A step as the graph sees it; positions refer to the plan's steps."""

    needs: tuple[int, ...]
    join: int
    """How many needs must be done; -1 for all."""
    may_skip: bool
    """Whether `when` can leave it without an output."""
    fallbacks: tuple[int, ...]
    original: int | None
    """The step that it stands in for."""

    @property
    def waits_for(self) -> tuple[int, ...]:
        """Positions that must be known before this one."""
        return self.needs if self.original is None else (*self.needs, self.original)


@dataclass(frozen=True, slots=True)
class Graph:
    """Masks by position."""

    nodes: tuple[Node, ...]
    before: tuple[int, ...]
    over: tuple[int, ...]
    sure: tuple[int, ...]
    sure_at_end: int
    """Steps that surely have an output when the run has completed."""
    cycles: tuple[tuple[int, ...], ...]
    """One path per cycle found; steps on or after a cycle see every step."""


def join_of(step: Step, needs: int) -> int:
    """Return how many of `needs` must be done before `step` starts; -1 for all."""
    wanted = needs
    if step.join == "any":
        wanted = 1
    elif isinstance(step.join, Quorum):
        wanted = step.join.quorum
    return -1 if wanted >= needs else wanted


def build(nodes: Sequence[Node]) -> Graph:
    """Return the graph of `nodes`, whose positions must exist."""
    order = in_order(nodes)
    everything = (1 << len(nodes)) - 1
    before, over, sure = ([everything] * len(nodes) for _ in range(3))
    brings_output = _brings_output(nodes, order)
    for at in order:
        node = nodes[at]
        if node.original is not None:
            masks = (before[node.original], over[node.original], sure[node.original])
        else:
            masks = _at_start(node, before, over, sure, brings_output)
        before[at], over[at], sure[at] = masks
    placed = set(order)
    rest = [at for at in range(len(nodes)) if at not in placed]
    return Graph(
        nodes=tuple(nodes),
        before=tuple(before),
        over=tuple(over),
        sure=tuple(sure),
        sure_at_end=_at_end(nodes, sure, brings_output),
        cycles=tuple(_cycles(nodes, rest)),
    )


def positions(mask: int) -> Iterator[int]:
    """Yield the positions in `mask`, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def in_order(nodes: Sequence[Node]) -> list[int]:
    """Return positions so that each comes after what it waits for; those on cycles are left out."""
    waiting = [len(node.waits_for) for node in nodes]
    followers: list[list[int]] = [[] for _ in nodes]
    for at, node in enumerate(nodes):
        for need in node.waits_for:
            followers[need].append(at)
    order = [at for at, count in enumerate(waiting) if count == 0]
    for at in order:
        for follower in followers[at]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                order.append(follower)
    return order


def _brings_output(nodes: Sequence[Node], order: Sequence[int]) -> int:
    """Return the steps that have an output whenever they end well, themselves or by a fallback."""
    mask = (1 << len(nodes)) - 1
    for at in reversed(order):
        node = nodes[at]
        if node.may_skip or any(not mask >> other & 1 for other in node.fallbacks):
            mask ^= 1 << at
    return mask


def _at_start(
    node: Node, before: list[int], over: list[int], sure: list[int], brings_output: int
) -> tuple[int, int, int]:
    """Return `before`, `over` and `sure` of a step that starts by its needs."""
    seen, ended, there = 0, 0, 0
    if node.join != -1:
        ended = there = -1
    for need in node.needs:
        bit = 1 << need
        seen |= before[need] | bit
        if node.join == -1:
            ended |= over[need] | bit
            there |= sure[need] | (bit & brings_output)
        else:
            ended &= over[need] | bit
            there &= sure[need] | (bit & brings_output)
    return seen, ended & seen, there & seen


def _at_end(nodes: Sequence[Node], sure: list[int], brings_output: int) -> int:
    """Return what is there at the end: the steps that nothing needs have all ended then."""
    needed = {need for node in nodes for need in node.needs}
    mask = 0
    for at, node in enumerate(nodes):
        if at not in needed and node.original is None:
            mask |= sure[at] | ((1 << at) & brings_output)
    return mask


def _cycles(nodes: Sequence[Node], rest: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield a path for each cycle met when walking backwards from the steps in `rest`."""
    left, visited = set(rest), set[int]()
    for start in rest:
        path: list[int] = []
        at = start
        while at not in visited:
            visited.add(at)
            path.append(at)
            at = next(need for need in nodes[at].waits_for if need in left)
        if at in path:
            yield tuple(reversed(path[path.index(at) :]))
