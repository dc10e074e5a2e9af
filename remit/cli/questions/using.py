"""`remit lineage --input`: every effect that used a value, over all runs of a ledger.

A value is found by its digest. In other runs than the one that made it, it counts where it was
given in: as inputs, arguments, contract, plan or policies. An equal output made elsewhere is not
the same value; and a value that stands inside a larger one has another digest, so it is not found.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.canonical import Digest
from remit.cli.errors import ExitCode, usage
from remit.cli.output import Document, answer
from remit.cli.questions.opening import Opened, Wanted, found_run, ledger_at, opened
from remit.cli.questions.tracing import Traced, named, nodes_of, traced_of
from remit.cli.questions.words import short, table
from remit.evidence.lineage import Edge, Graph, Node, is_used, makers_of
from remit.ledger.entries import State
from remit.plan.path import Direction
from remit.stores.archiving import LogStore
from remit.stores.dossier import dossier_of


@dataclass(frozen=True, slots=True)
class Used:
    """One effect that used what was asked about."""

    run: str
    root: str
    node: Node
    way: Sequence[Edge]
    """From the effect back to what was asked about; empty when the call itself was given it."""
    is_undone: bool


@dataclass(slots=True)
class Found:
    """All of them."""

    effects: list[Used]
    doubts: list[str]
    """What is wrong with the records of one of the runs."""

    def take(self, traced: Traced, starts: Sequence[Node], digest: Digest) -> None:
        """Take the effects of one run that came of `starts`."""
        self.doubts += [f"{traced.run.name}: {line}" for line in traced.run.findings()]
        known = {one.node.id for one in self.effects if one.root == traced.state.root}
        for start in starts:
            for name in traced.graph.users(start.id):
                node = traced.graph.nodes[name]
                is_maker = name == start.id and not is_used(node, digest)
                if not node.has_effect or is_maker or name in known:
                    continue
                known.add(name)
                self.effects.append(_effect_of(traced, start, node))


def used(wanted: Wanted, given: Sequence[str], *, as_json: bool) -> int:
    """Print the effects that used a value: a digest, or what a step of a run gave."""
    found = asyncio.run(_used(wanted, given))
    what = " ".join(given)
    document: Document = {
        "ok": not found.doubts,
        "input": what,
        "effects": [_documented(one) for one in found.effects],
        "findings": found.doubts,
    }
    answer(document, _lines(what, found), as_json=as_json)
    return ExitCode.FINDINGS if found.doubts else ExitCode.OK


async def _used(wanted: Wanted, given: Sequence[str]) -> Found:
    found = Found([], [])
    digest = given[0] if given[0].startswith("sha256:") else ""
    if wanted.archive is not None:
        async with opened(wanted) as run:
            traced = await traced_of(run)
            found.take(traced, _starts(traced.graph, given[0], digest), digest)
        return found
    if len(given) != (1 if digest else 2):
        raise usage("CLI-USAGE", "`--input` takes a digest, or a run and a step of it")
    async with ledger_at(wanted.project) as log:
        if digest:
            await _everywhere(log, digest, found, but="")
        else:
            await _of_step(log, given[0], given[1], found)
    return found


def _starts(graph: Graph, step: str, digest: Digest) -> list[Node]:
    return makers_of(graph, digest) if digest else nodes_of(graph, step)


async def _of_step(log: LogStore, run: str, step: str, found: Found) -> None:
    traced = await traced_of(await found_run(log, run))
    starts = nodes_of(traced.graph, step)
    found.take(traced, starts, "")
    for digest in dict.fromkeys(node.digest for node in starts if node.digest):
        await _everywhere(log, digest, found, but=traced.state.root)


async def _everywhere(log: LogStore, digest: Digest, found: Found, *, but: str) -> None:
    for run in await log.naming(digest):
        if run.root == but:
            continue
        opened_run = Opened(await dossier_of(log, run.root), run.workflow_id or run.root, log)
        traced = await traced_of(opened_run)
        found.take(traced, makers_of(traced.graph, digest, as_output=not but), digest)


def _effect_of(traced: Traced, start: Node, node: Node) -> Used:
    action = node.action
    undo = None
    if action is not None and action.key.direction is Direction.DO:
        undo = traced.state.actions.get(action.key.undo)
    return Used(
        run=traced.run.name,
        root=traced.state.root,
        node=node,
        way=_way(traced.graph, start.id, node.id),
        is_undone=undo is not None and undo.state is State.HAPPENED,
    )


def _way(graph: Graph, start: str, end: str) -> list[Edge]:
    """Return one of the shortest ways from `end` back to `start`."""
    came: dict[str, Edge | None] = {start: None}
    waiting = [start]
    for name in waiting:
        if name == end:
            break
        for edge in graph.readers(name):
            if edge.of not in came:
                came[edge.of] = edge
                waiting.append(edge.of)
    way = []
    at: Edge | None = came.get(end)
    while at is not None:
        way.append(at)
        at = came[at.source]
    return way


def _documented(one: Used) -> dict[str, object]:
    action = one.node.action
    return {
        "run": one.run,
        "root": one.root,
        "path": one.node.path,
        "direction": action.key.direction.value if action else None,
        "tool": action.tool if action else None,
        "operation": action.operation if action else None,
        "state": action.state.value if action else None,
        "undone": one.is_undone,
        "output": one.node.digest,
        "way": [
            {"of": edge.of, "source": edge.source, "how": edge.how, "what": edge.what}
            for edge in one.way
        ],
    }


def _lines(what: str, found: Found) -> Iterator[str]:
    if found.doubts:
        yield "These records are NOT as they were written; do not rely on what follows."
        yield from (f"  {line}" for line in found.doubts)
    yield f"effects that used {what}: {len(found.effects)}"
    runs = dict.fromkeys(one.run for one in found.effects)
    for run in runs:
        yield f"  {run}"
        rows = [_row(one) for one in found.effects if one.run == run]
        yield from table(rows, indent="    ")


def _row(one: Used) -> tuple[str, str, str, str, str]:
    action = one.node.action
    tool, operation = (action.tool, action.operation) if action else ("", "")
    state = "undone" if one.is_undone else action.state.value.replace("_", " ") if action else ""
    way = " ← ".join(edge.what for edge in one.way) or "given to the call itself"
    return named(one.node), tool, operation, state, f"{short(one.node.digest)}  {way}"
