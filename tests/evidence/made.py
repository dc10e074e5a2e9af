"""Archives made by hand: a small log of two runs, one of which is exported."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject, canonical, digest_bytes
from remit.evidence import batch, merkle
from remit.evidence.archive import Consistency, Inclusion, Manifest, write
from remit.evidence.chain import leaf_of, line
from remit.evidence.checkpoint import Checkpoint, SigningKey
from remit.ledger.records import genesis

ORIGIN = "remit.example/ledger"
KEY = SigningKey(ORIGIN, bytes(range(32)))
ROOT = "0198-root"
FIRST = 5
"""Leaves of another run that stand before this one's."""


def execution(calls: list[str], answer: str = "happened") -> JSONObject:
    """Return the projection of a run that made these calls."""
    events: list[JSONObject] = []
    for number, path in enumerate(calls):
        call: JSONObject = {"path": path, "direction": "do"}
        begun: JSONObject = {
            "id": 2 * number + 1,
            "type": "ActivityTaskScheduled",
            "at_ms": 1,
            "activity": "lab.put@1",
            "activity_id": str(number + 1),
            "call": call,
        }
        ended: JSONObject = {
            "id": 2 * number + 2,
            "type": "ActivityTaskCompleted",
            "at_ms": 2,
            "scheduled": 2 * number + 1,
            "answer": answer,
        }
        events += [begun, ended]
    return history_of(events)


def history_of(events: list[JSONObject], run_id: str = "run-1", copied: int = 0) -> JSONObject:
    """Return a projection with these events."""
    return {
        "format": "remit.history/v1",
        "workflow_id": "lab-1",
        "run_id": run_id,
        "type": "ExecutePlan",
        "copied": copied,
        "events": list(events),
    }


def closing(execution: JSONObject) -> JSONObject:
    """Return a projection with the event that closes it."""
    events = execution["events"]
    assert isinstance(events, list)
    last: JSONObject = {"id": len(events) + 1, "type": "WorkflowExecutionCompleted", "at_ms": 3}
    return {**execution, "events": [*events, last]}


def settled_twice(copied: bool) -> list[JSONObject]:
    """Return a history with a `remit.settle`, and one that a reset made of it."""
    begun: JSONObject = {
        "id": 1,
        "type": "ActivityTaskScheduled",
        "at_ms": 1,
        "activity": "remit.settle",
        "activity_id": "s",
    }
    done: JSONObject = {"id": 2, "type": "ActivityTaskCompleted", "at_ms": 2, "scheduled": 1}
    events = [begun, {**done, "answer": "completed"}]
    return [
        closing(history_of(events, "run-2")),
        closing(history_of(events, "run-3", copied=2 if copied else 0)),
    ]


@dataclass
class Made:
    """A log and the archive of one of its runs; tests bend it before it is packed."""

    calls: list[str] = field(default_factory=lambda: ["budget", "order"])
    projected: list[str] | None = None
    """Calls of the history, when they are not those of the ledger."""
    key: SigningKey = KEY
    covers: int | None = None
    """How many records the tree holds; all of them without it."""
    is_open: bool = False
    """Whether the run was going on when its history was projected."""
    systems: int = 0
    """Decisions about `remit.settle` in the ledger; with one there are histories with it too."""
    copied: bool = True
    """Whether the second of those says that its events are copies."""
    kept: list[int] = field(default_factory=list)
    """Tree sizes that the archive proves to be its beginnings."""
    salt: str = ""
    """Another one gives another history under the same names."""
    run: JSONObject = field(default_factory=dict)
    """What the admission says about the run."""
    policies: dict[str, bytes] = field(default_factory=dict)
    """Policy bundles of the archive, by revision."""
    named_policies: dict[str, str] | None = None
    """Revisions and digests that the seal names, when they are not those of the bundles."""
    bend: Callable[[list[bytes]], list[bytes]] = field(default=lambda lines: lines)
    contents: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        projected = execution(self.projected or self.calls)
        executions = [projected if self.is_open else closing(projected)]
        executions += settled_twice(self.copied) if self.systems else []
        histories = [canonical(one) for one in executions]
        self.contents.update({digest_bytes(one): one for one in histories})
        about: JSONObject = {"path": "", "salt": self.salt, "run": self.run}
        bodies: list[tuple[str, JSONObject]] = [("admission", about)]
        for number, path in enumerate(self.calls, 1):
            name: JSONObject = {"path": path, "direction": "do"}
            bodies.append(("intent", {**name, "owner": f"run-1/{number}/1"}))
            bodies.append(("outcome", {**name, "state": "happened"}))
        for number in range(self.systems):
            settle: JSONObject = {"activity": "remit.settle", "decision": {"number": number}}
            bodies.append(("decision", settle))
        bundles = self.named_policies
        if bundles is None:
            bundles = {one: digest_bytes(content) for one, content in self.policies.items()}
        named: list[JSON] = [{"revision": one, "bundle": made} for one, made in bundles.items()]
        seal: JSONObject = {
            "history": [digest_bytes(one) for one in histories],
            "policies": named,
        }
        bodies.append(("seal", {"status": "completed", **seal}))
        self.records: list[bytes] = []
        self.hashes: list[str] = []
        prev = genesis(ROOT)
        for seq, (kind, body) in enumerate(bodies, 1):
            record: JSONObject = {"at_ms": seq, "body": body, "kind": kind}
            content = canonical({**record, "prev": prev, "root": ROOT, "seq": seq})
            prev = digest_bytes(content)
            self.records.append(content)
            self.hashes.append(prev)
        mine = [leaf_of(one) for one in self.hashes[: self.covers]]
        self.indexes = list(range(FIRST, FIRST + len(mine)))
        self.leaves = [merkle.leaf_hash(bytes([number])) for number in range(FIRST)] + mine
        stored = merkle.appended(0, self.leaves, lambda level, position: b"")
        self._nodes = {(level, position): value for level, position, value in stored}

    def nodes(self, level: int, position: int) -> bytes:
        """Return a subtree."""
        return self._nodes[level, position]

    def head(self, size: int | None = None) -> Checkpoint:
        """Return the tree's head at a size."""
        wanted = len(self.leaves) if size is None else size
        return Checkpoint(ORIGIN, wanted, merkle.root(wanted, self.nodes))

    def lines(self) -> list[bytes]:
        """Return the records' lines as they were written."""
        pairs = zip(self.hashes, self.records, strict=True)
        return [line(sealed, content) for sealed, content in pairs]

    def packed(self) -> io.BytesIO:
        """Return the archive."""
        size = len(self.leaves)
        proof = batch.prove(self.indexes, size, self.nodes)
        leaves = [self.leaves[index] for index in self.indexes]
        inclusion = Inclusion(
            size=size,
            indexes=self.indexes,
            leaves=[one.hex() for one in leaves],
            proof=[one.hex() for one in proof],
        )
        grown = [(old, merkle.consistency(old, size, self.nodes)) for old in self.kept]
        file = io.BytesIO()
        write(
            file,
            manifest=Manifest(
                format="remit.evidence/v1", root=ROOT, origin=ORIGIN, records=len(self.records)
            ),
            records=self.bend(self.lines()),
            checkpoint=self.key.sign(self.head()),
            inclusion=inclusion,
            consistency=[Consistency(size=o, proof=[p.hex() for p in path]) for o, path in grown],
            contents=self.contents,
            policies=self.policies,
        )
        file.seek(0)
        return file
