"""The person in the loop: answers gates as planned, doubts truthfully from the journal, repairs.

Reads the ledger's file for what waits, so that asking costs the workers nothing, and sends what a
person would type: signals to the run, or to the repair that took its place.
"""

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from chaos.arena import Arena
from chaos.gather import REPAIR, read_only
from chaos.plans import Case
from remit.canonical import JSONObject

BOSS = "boss@chaos.example"
_EVERY_S = 0.5
_AGAIN_S = 6.0
"""A signal that changed nothing for so long is sent again: whoever carried it may have died."""
_QUERY = timedelta(seconds=5)
_NEED_REPAIR = "ExecutionStatus = 'Running' AND RemitStatus = 'needs_repair'"
_GATES = (
    "SELECT g.root, g.gate, g.proposed_digest, r.workflow_id FROM gates g"
    " JOIN runs r ON r.root = g.root WHERE g.state = 'open'"
)
_DOUBTS = (
    "SELECT a.root, a.path, a.direction, r.workflow_id, json_extract(c.body, '$.name')"
    " FROM actions a JOIN runs r ON r.root = a.root JOIN contents c ON c.digest = a.arguments"
    " WHERE a.state = 'in_doubt'"
)
_REPAIRS = (
    "SELECT a.root, a.path, r.workflow_id, a.code FROM actions a JOIN runs r ON r.root = a.root"
    " WHERE a.direction = 'undo' AND (a.state = 'failed' OR (a.state = 'refused'"
    " AND a.code <> 'REPAIR-RETRY')) AND a.code <> 'UNDO-HANDED-OVER'"
)


@dataclass(slots=True)
class Answers:
    """Answers for as long as it runs."""

    place: Arena
    client: Client
    cases: Mapping[str, Case]
    sent: dict[str, float] = field(default_factory=dict)
    count: int = 0

    async def run(self) -> None:
        """Look and answer until cancelled."""
        while True:
            # A full disk, a dead server: it is asked again.
            with suppress(sqlite3.Error, RPCError):
                await self.look()
            with suppress(RPCError):
                await self._repair_what_says_so()
            await asyncio.sleep(_EVERY_S)

    async def _repair_what_says_so(self) -> None:
        """Answer runs that ask for a repair, whatever the ledger says of them."""
        async for found in self.client.list_workflows(_NEED_REPAIR):
            handle = self.client.get_workflow_handle(found.id)
            pending: list[JSONObject] = await handle.query("pending", rpc_timeout=_QUERY)
            for wait in pending:
                if wait.get("kind") == "repair":
                    step = str(wait.get("step"))
                    body: JSONObject = {"step": step, "do": "retry", "reason": "look", "by": BOSS}
                    root = found.id.removeprefix(REPAIR)
                    await self._send(f"{found.id} asks {step}", root, found.id, "repair", body)

    async def look(self) -> None:
        """Answer everything that waits now."""
        with closing(read_only(self.place.ledger)) as ledger:
            gates = ledger.execute(_GATES).fetchall()
            doubts = ledger.execute(_DOUBTS).fetchall()
            repairs = ledger.execute(_REPAIRS).fetchall()
        for root, gate, digest, workflow_id in gates:
            verdict = self.cases[workflow_id].verdict if workflow_id in self.cases else "approve"
            body: JSONObject = {"step": gate.rpartition("#")[0], "digest": digest, "by": BOSS}
            await self._send(f"{root}{gate}", root, workflow_id, verdict, body)
        for root, path, direction, workflow_id, name in doubts:
            step = f"undo:{path}" if direction == "undo" else path
            happened = self._happened(direction, str(name))
            body = {"step": step, "happened": happened, "evidence": {}, "by": BOSS}
            if happened:
                body["evidence"] = {"output": {"name": name, "status": "there"}}
            await self._send(f"{root}{step}", root, workflow_id, "resolve_doubt", body)
        for root, path, workflow_id, code in repairs:
            reason = f"it said {code}; once more"
            body = {"step": path, "do": "retry", "reason": reason, "by": BOSS}
            await self._send(f"{root}repair{path}", root, workflow_id, "repair", body)

    def _happened(self, direction: str, name: str) -> bool:
        """Say what the journal says."""
        sign = ">" if direction == "do" else "<"
        query = f"SELECT 1 FROM effects WHERE name = ? AND change {sign} 0"  # noqa: S608
        with closing(read_only(self.place.journal)) as journal:
            return journal.execute(query, (name,)).fetchone() is not None

    async def _send(
        self, what: str, root: str, workflow_id: str, name: str, body: JSONObject
    ) -> None:
        now = time.monotonic()
        if now - self.sent.get(what, -_AGAIN_S) < _AGAIN_S:
            return
        self.sent[what] = now
        for target in (workflow_id, f"{REPAIR}{root}"):
            try:
                await self.client.get_workflow_handle(target).signal(name, body)
            except RPCError:
                continue
            self.count += 1
            return
