"""`remit inbox`: every open gate of every run, the ones that expire first before the others."""

import asyncio
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.approval.ballot import Standing, path_of, standing
from remit.cli.errors import ExitCode
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import opened
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.questions.words import moment
from remit.cli.stack.layout import Layout
from remit.ledger.entries import GateRow, RunRow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.proofs import named, proven
from remit.stores.inbox import InboxStore


@dataclass(frozen=True, slots=True)
class Item:
    """One gate that waits."""

    run: RunRow
    gate: GateRow
    now: Standing
    proven: frozenset[str]
    """Of those who said something here, whose name a token proved."""

    @property
    def command(self) -> str:
        """The command that approves it."""
        words = ("remit", "approve", self.run.workflow_id, path_of(self.gate))
        return " ".join(shlex.quote(word) for word in words)

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        gate, run = self.gate, self.run
        return {
            "workflow_id": run.workflow_id,
            "root": run.root,
            "plan": run.plan,
            "agent": run.agent,
            "on_behalf_of": run.on_behalf_of,
            "started_by": run.starter,
            "step": path_of(gate),
            "tool": gate.tool,
            "roles": list(self.now.roles),
            "quorum": gate.quorum,
            "missing": self.now.missing,
            "claimed_by": self.now.claimed_by,
            "agreed": list(self.now.ayes),
            "verified": sorted(self.proven & {*self.now.ayes, self.now.claimed_by}),
            "risk": gate.card.get("risk"),
            "arguments": gate.card.get("arguments"),
            "digest": gate.proposed_digest,
            "request_digest": gate.request_digest,
            "due": moment(gate.expires_ms),
            "command": self.command,
        }

    def lines(self) -> list[str]:
        """Return it as lines."""
        gate, run, now = self.gate, self.run, self.now
        whose = f"for {run.on_behalf_of}" + ("" if run.starter else " (unverified)")
        missing = f"{now.missing} of {gate.quorum} missing"
        claimed = f"; in the hands of {self._named(now.claimed_by)}" if now.claimed_by else ""
        agreed = f"; {', '.join(map(self._named, now.ayes))} agreed" if now.ayes else ""
        return [
            f"{gate.tool}  {path_of(gate)}  risk {gate.card.get('risk')}"
            f"  due {moment(gate.expires_ms)}",
            f"  {run.plan} by {run.agent} {whose}",
            f"  asks {' or '.join(now.roles)}: {missing}{agreed}{claimed}",
            f"  {self.command}",
        ]

    def _named(self, person: str) -> str:
        return named(person, is_verified=person in self.proven)


def inbox(role: str | None, project: Path | None, *, as_json: bool) -> int:
    """Print what waits, for everybody or for one role."""
    try:
        items = asyncio.run(_read(find_project(project)))
    except (LedgerError, LedgerUnavailableError) as error:
        raise failed(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    chosen = [one for one in items if role is None or role in one.now.roles]
    lines = [line for one in chosen for line in one.lines()]
    document = {"ok": True, "gates": [one.document() for one in chosen]}
    answer(document, lines or ["nothing waits"], as_json=as_json)
    return ExitCode.OK


async def _read(folder: Path) -> Sequence[Item]:
    now_ms = time.time_ns() // 1_000_000
    async with opened(Layout(folder)) as ledger:
        found = await InboxStore(ledger).open()
    return [
        Item(found.runs[gate.root], gate, standing(gate, votes, now_ms), proven(votes))
        for gate in found.gates
        if gate.root in found.runs
        for votes in [found.votes.get((gate.root, gate.id), ())]
    ]
