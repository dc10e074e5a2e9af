"""`remit lineage --outcome`: what an outcome came from, back to its sources."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.canonical import Digest
from remit.cli.errors import ExitCode, usage
from remit.cli.output import Document, answer
from remit.cli.questions.opening import Opened, Wanted, opened
from remit.cli.questions.people import Said, said_about
from remit.cli.questions.words import doubts, short
from remit.evidence.lineage import Edge, Graph, Node, graph_of
from remit.ledger.entries import State
from remit.ledger.folding import RunState
from remit.plan.path import Direction

MOST_LINES = 2000
"""Lines of a tree; what comes behind is counted."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One run with its graph."""

    run: Opened
    state: RunState
    graph: Graph
    versions: Mapping[Digest, str]
    """Full versions of the tools, by contract."""
    people: Mapping[str, Sequence[Said]]
    """What people answered, by node."""


def outcome(wanted: Wanted, step: str, *, as_json: bool) -> int:
    """Print what the outcome of a step came from."""
    return asyncio.run(_outcome(wanted, step, as_json=as_json))


async def _outcome(wanted: Wanted, step: str, *, as_json: bool) -> int:
    async with opened(wanted) as run:
        traced = await traced_of(run)
        starts = nodes_of(traced.graph, step)
        answer(_outcome_document(traced, starts), _outcome_lines(traced, starts), as_json=as_json)
    return ExitCode.FINDINGS if run.findings() else ExitCode.OK


async def traced_of(run: Opened) -> Traced:
    """Return a run with its graph, the tools' versions and what people said."""
    state = run.whole_state()
    graph = graph_of(state, await run.plans(state))
    contracts = {one.contract for one in state.actions.values() if one.contract}
    versions: dict[Digest, str] = {}
    for name in sorted(contracts):
        contract = await run.contract(name)
        versions[name] = contract.version if contract else "?"
    return Traced(run, state, graph, versions, await said_about(run.dossier))


def nodes_of(graph: Graph, step: str) -> list[Node]:
    """Return the node of a path, else every call of the step of that id."""
    if step in graph.nodes:
        return [graph.nodes[step]]
    found = [
        node
        for node in graph.nodes.values()
        if node.action is not None
        and node.action.key.segment.step == step
        and node.action.key.direction is Direction.DO
    ]
    if not found:
        hint = "`remit state` lists the run's steps"
        raise usage("STEP-NOT-RECORDED", f"no call of this run is of step {step!r}", hint)
    return found


def _outcome_document(traced: Traced, starts: Sequence[Node]) -> Document:
    graph = traced.graph
    ids = list(dict.fromkeys(one for node in starts for one in graph.sources(node.id)))
    return {
        "ok": not traced.run.findings(),
        "run": traced.run.name,
        "root": traced.state.root,
        "plan": traced.state.run.get("plan"),
        "plan_digest": traced.state.run.get("plan_digest"),
        "outcomes": [node.id for node in starts],
        "nodes": [_node(traced, graph.nodes[one]) for one in ids],
        "edges": [_edge(edge) for one in ids for edge in graph.read_by(one)],
        "findings": list(traced.run.findings()),
    }


def _node(traced: Traced, node: Node) -> dict[str, object]:
    action = node.action
    told: dict[str, object] = {
        "id": node.id,
        "kind": node.kind,
        "source": traced.graph.is_source(node),
        "digest": node.digest,
        "people": [said.documented() for said in traced.people.get(node.id, ())],
    }
    if action is not None:
        told |= {
            "state": action.state.value,
            "compiled": action.compiled,
            "tool": action.tool or None,
            "version": traced.versions.get(action.contract),
            "contract": action.contract or None,
            "operation": action.operation,
            "arguments": action.arguments or None,
            "revision": action.revision or None,
        }
    return told


def _edge(edge: Edge) -> dict[str, str]:
    return {"of": edge.of, "source": edge.source, "how": edge.how, "what": edge.what}


def _outcome_lines(traced: Traced, starts: Sequence[Node]) -> Iterator[str]:
    yield from doubts(traced.run)
    run = traced.state.run
    yield f"{traced.run.name}  {run.get('plan', '')}  plan {short(str(run.get('plan_digest', '')))}"
    lines = _Tree(traced)
    for node in starts:
        yield from lines.of(node)


class _Tree:
    """Tells each node once; a second time only by name. Holds its own stack: plans are deep."""

    def __init__(self, traced: Traced) -> None:
        self._traced = traced
        self._told: set[str] = set()
        self._count = 0

    def of(self, start: Node) -> Iterator[str]:
        waiting: list[tuple[Node, str, str, Sequence[Edge]]] = [(start, "", "", ())]
        while waiting:
            node, lead, below, edges = waiting.pop()
            self._count += 1
            if self._count > MOST_LINES:
                yield f"… and {len(waiting) + 1} more"
                return
            is_new = node.id not in self._told
            self._told.add(node.id)
            yield lead + self._head(node, edges, is_new=is_new)
            if not is_new:
                continue
            yield from (f"{below}    {said.words}" for said in self._traced.people.get(node.id, ()))
            sources = self._sources(node)
            for at, (source, ways) in reversed(list(enumerate(sources))):
                is_last = at == len(sources) - 1
                sign, more = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
                waiting.append((source, below + sign, below + more, ways))

    def _sources(self, node: Node) -> list[tuple[Node, list[Edge]]]:
        found: dict[str, list[Edge]] = {}
        for edge in self._traced.graph.read_by(node.id):
            found.setdefault(edge.source, []).append(edge)
        return [(self._traced.graph.nodes[one], edges) for one, edges in found.items()]

    def _head(self, node: Node, edges: Sequence[Edge], *, is_new: bool) -> str:
        words = [named(node)]
        if is_new:
            words += self._about(node)
        else:
            words.append("(as above)")
        if edges:
            words.append("by " + ", ".join(dict.fromkeys(_way(edge) for edge in edges)))
        return "  ".join(words)

    def _about(self, node: Node) -> list[str]:
        action, words = node.action, []
        if action is not None and node.kind == "call":
            version = self._traced.versions.get(action.contract, "?")
            words += [f"{action.tool} {version}", action.operation, _state(action.state)]
        words.append(short(node.digest))
        if self._traced.graph.is_source(node):
            words.append("source")
        return words


def named(node: Node) -> str:
    """Return a node's name in words."""
    if node.kind == "inputs":
        return f"inputs of {node.path}" if node.path else "inputs of the run"
    return f"undo of {node.path}" if node.id.startswith("undo:") else node.path


def _way(edge: Edge) -> str:
    return f"{edge.how} {edge.what}" if edge.how in ("condition", "items") else edge.what


def _state(state: State) -> str:
    return state.value.replace("_", " ")
