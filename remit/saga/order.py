"""The order of undoing: which finished calls are undone next, and what each must wait for.

A pure function of a compiled plan and of what the ledger knows; whoever unwinds asks again after
each batch, so nothing is lost and nothing comes twice. The rules:

- Reverse dependency order over the whole plan, through steps that have nothing to undo. A fallback
  stands where its original stands, and on what that needs.
- Items of one step are independent of each other. Of one item, higher generations are undone
  first, then later iterations.
- What is blocked (in doubt, open, or its undo failed) holds up whatever it depends on; the rest
  goes on.
- A batch is cut where the order is cut, so whatever stands on a call is in the same batch or in an
  earlier one. `after` names only the nearest ones, by position in the batch, always smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remit.ledger.entries import Action
from remit.plan.compiled import CompiledPlan
from remit.plan.wire import Residue, Undo
from remit.saga.graph import UndoGraph
from remit.saga.standing import Piece, standing_of


@dataclass(frozen=True, slots=True)
class UndoBatch:
    """The next undos of a path, and what is known besides."""

    undos: list[Undo]
    residue: list[Residue]
    doubts: list[str]
    """Paths in doubt, `undo:` before those of undos."""
    undone: int
    """How many calls below the path are undone already."""
    more: bool
    """Whether anything is left beyond this batch that is not residue."""


def undo_batch(
    plan: CompiledPlan, parent: str, actions: Sequence[Action], *, limit: int
) -> UndoBatch:
    """Return the next undos below `parent`.

    Args:
        plan: The compiled plan whose steps stand directly below `parent`.
        parent: Path of the sub-plan; empty for the whole run.
        actions: Everything begun below `parent`, both directions, as `Ledger.begun` returns it.
        limit: Most undos in the batch; at least one is taken.
    """
    standing = standing_of(plan, parent, actions)
    cutter = _Cutter(plan, standing.pieces, max(1, limit))
    cutter.cut()
    return UndoBatch(
        undos=cutter.undos,
        residue=standing.residue,
        doubts=standing.doubts,
        undone=standing.undone,
        more=cutter.has_rest or standing.is_open or bool(standing.doubts),
    )


class _Cutter:
    """Walks the order once and fills one batch; sets of positions are the bits of integers."""

    def __init__(self, plan: CompiledPlan, pieces: dict[str, list[Piece]], limit: int) -> None:
        self.undos: list[Undo] = []
        self.has_rest = False
        self._pieces = pieces
        self._limit = limit
        self._ids = [step.id for step in plan.steps]
        self._graph = UndoGraph(plan.steps)
        nodes = len(self._graph.needs)
        self._near = [0] * nodes
        """By node: positions for which whatever it stands on must wait."""
        self._behind: list[int] = []
        """By position: all positions for which it waits, near and far."""
        self._is_blocked = [False] * nodes
        """By node: whether whatever it stands on must wait for another batch."""
        self._is_seen = [False] * nodes

    def cut(self) -> None:
        """Fill the batch."""
        known = set(self._ids)
        for step, pieces in self._pieces.items():
            if step not in known:
                # The plan was amended since: nothing is known to stand on it, so it goes first.
                self._take(pieces, 0, is_blocked=False)
        for node in self._graph.order([self._latest(step) for step in self._ids]):
            self._visit(node)

    def _latest(self, step: str) -> int:
        return max((piece.effect_order for piece in self._pieces.get(step, ())), default=0)

    def _visit(self, node: int) -> None:
        self._is_seen[node] = True
        standers = [other for other in self._graph.standers[node] if self._is_seen[other]]
        is_blocked = any(self._is_blocked[other] for other in standers)
        near = self._nearest([self._near[other] for other in standers])
        pieces = self._pieces.get(self._ids[node], []) if node < len(self._ids) else []
        last, is_left = self._take(pieces, near, is_blocked)
        self._is_blocked[node] = is_blocked or is_left
        self._near[node] = last or near

    def _nearest(self, sets: list[int]) -> int:
        """Return the union, without those for which another one in it waits anyway."""
        distinct = list(dict.fromkeys(sets))
        union = 0
        for found in distinct:
            union |= found
        if len(distinct) < 2:
            return union
        far = 0
        for position in _bits(union):
            far |= self._behind[position]
        return union & ~far

    def _take(self, pieces: list[Piece], near: int, is_blocked: bool) -> tuple[int, bool]:
        """Put pieces in the batch; return the last position of each item, and if any is left."""
        last = 0
        is_left = False
        for chain in _chains(pieces):
            before = near
            for index, piece in enumerate(chain):
                if is_blocked or piece.undo is None or len(self.undos) >= self._limit:
                    self.has_rest |= any(left.undo is not None for left in chain[index:])
                    is_left = True
                    break
                before = self._put(piece.undo, before)
            last |= before if before != near else 0
        return last, is_left

    def _put(self, undo: Undo, before: int) -> int:
        after = _bits(before)
        behind = before
        for position in after:
            behind |= self._behind[position]
        self._behind.append(behind)
        self.undos.append(undo.model_copy(update={"after": after}))
        return 1 << (len(self.undos) - 1)


def _bits(positions: int) -> list[int]:
    """Return the numbers of the bits that are set, ascending."""
    found: list[int] = []
    while positions:
        lowest = positions & -positions
        found.append(lowest.bit_length() - 1)
        positions ^= lowest
    return found


def _chains(pieces: list[Piece]) -> list[list[Piece]]:
    """Return the pieces of a step by item, later items first; in each, what is undone first."""
    chains: dict[int, list[Piece]] = {}
    for piece in pieces:
        item = piece.segment.item
        chains.setdefault(-1 if item is None else item, []).append(piece)
    for chain in chains.values():
        chain.sort(key=lambda p: (p.segment.generation, p.segment.iteration), reverse=True)
    return [chains[item] for item in sorted(chains, reverse=True)]
