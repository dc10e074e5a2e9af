"""`remit approve` and its kin: show what stands at a gate, ask, sign, send, tell what it did.

The digest is looked up in the ledger and shown with the action, so that what is sent is for what
was read; a gate that changes meanwhile refuses it. The ledger is only read.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from remit.approval.ballot import Standing, standing
from remit.approval.messages import newest
from remit.canonical import JSON, JSONObject
from remit.cli.connecting import connected
from remit.cli.errors import ExitCode, usage
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import opened
from remit.cli.keys import Speaker
from remit.cli.output import answer, note
from remit.cli.place import find_project
from remit.cli.questions.words import moment
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.layout import Layout
from remit.client.voting import Word, send_vote
from remit.decision.facts import Verb
from remit.ledger.entries import GateRow, RunRow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.ledger import SqlLedger

_WORDS: dict[Verb, str] = {
    "approve": "approve it",
    "reject": "say no: the run is undone",
    "edit": "have it called with other arguments, which are judged anew",
    "request_changes": "ask whoever planned it for changes",
    "take_over": "say that it was done by hand; nothing is called",
    "claim": "take it in hand",
    "release": "give it free again",
    "delegate": "hand your vote over",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to say."""

    run: str
    """Workflow id, or root chain id."""
    steps: Sequence[str]
    verb: Verb
    more: JSONObject = field(default_factory=dict)
    """Members of the message besides step, digest and name."""


@dataclass(frozen=True, slots=True)
class Found:
    """The gates that are meant, as the ledger has them."""

    run: RunRow
    gates: Sequence[GateRow]
    standings: Sequence[Standing]


def cast(wish: Wish, who: Speaker, project: Path | None, *, is_sure: bool, as_json: bool) -> int:
    """Show what `wish` is about, ask unless `is_sure`, send it, and print what it did."""
    folder = find_project(project)
    environment = stack.environment(folder)
    if as_json and not is_sure:
        raise usage("CLI-USAGE", "--json asks nobody", "add --yes")
    try:
        found = asyncio.run(_find(wish, folder))
    except (LedgerError, LedgerUnavailableError) as error:
        raise failed(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    body = _body(wish, found.gates, who.person)
    if not is_sure:
        for line in _card(found, wish, who):
            note(line)
        typer.confirm(f"{_WORDS[wish.verb]}?", abort=True, err=True)
    told = asyncio.run(_send(wish, found.run, body, who, environment))
    document = {
        "ok": True,
        "workflow_id": found.run.workflow_id,
        "steps": list(wish.steps),
        "verb": wish.verb,
        "digest": body["digest"],
        "by": who.person,
        "signed": who.key is not None,
        "answer": told,
    }
    answer(
        document, [f"{told}  by {who.person}{'' if who.key else ' (unverified)'}"], as_json=as_json
    )
    return ExitCode.OK


def json_of(text: str, option: str) -> JSON:
    """Return what an option gives: JSON itself, or a file of it; `-` reads standard input.

    Raises:
        CliError: `CLI-USAGE`.
    """
    try:
        if text == "-":
            text = sys.stdin.read()
        elif not text.lstrip().startswith(("{", "[", '"')):
            text = Path(text).read_text(encoding="utf-8")
        value: JSON = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise usage(
            "CLI-USAGE", f"{option}: {error}"[:300], "give JSON, or a file of it"
        ) from error
    return value


async def _find(wish: Wish, folder: Path) -> Found:
    async with opened(Layout(folder)) as ledger:
        run = await ledger.log.run_of(wish.run)
        if run is None:
            hint = "`remit inbox` lists what waits; a run is named by its workflow id"
            raise usage("RUN-UNKNOWN", f"the ledger knows no run {wish.run!r}", hint)
        every = await ledger.gates(run.root)
        gates = [_open(every, step) for step in wish.steps]
        standings = [await _standing(ledger, gate) for gate in gates]
    if len({gate.request_digest for gate in gates}) > 1:
        hint = "approve them one by one: they are not the same request"
        raise usage("VOTE-DIFFERENT", f"{', '.join(wish.steps)} ask for different things", hint)
    return Found(run, gates, standings)


async def _standing(ledger: SqlLedger, gate: GateRow) -> Standing:
    return standing(gate, await ledger.votes(gate.id, gate.root), time.time_ns() // 1_000_000)


def _open(every: Sequence[GateRow], step: str) -> GateRow:
    gate = newest(every, step)
    waiting = [one.id.rpartition("#")[0] for one in every if one.state == "open"]
    hint = f"what waits in this run: {', '.join(waiting[:10]) or 'nothing'}"
    if gate is None:
        raise usage("VOTE-NO-GATE", f"no gate stands at {step!r}", hint)
    if gate.state != "open":
        raise usage("VOTE-LATE", f"the gate at {step!r} is {gate.state} already", hint)
    return gate


def _body(wish: Wish, gates: Sequence[GateRow], person: str) -> JSONObject:
    if len(gates) > 1:
        several: list[JSON] = list(wish.steps)
        return {"steps": several, "digest": gates[0].request_digest, "by": person, **wish.more}
    digest = gates[0].proposed_digest
    return {"step": wish.steps[0], "digest": digest, "by": person, **wish.more}


def _card(found: Found, wish: Wish, who: Speaker) -> list[str]:
    run, gate, now = found.run, found.gates[0], found.standings[0]
    card = gate.card
    reasons = card.get("reasons")
    listed = [str(one) for one in reasons] if isinstance(reasons, list) else []
    lines = [
        f"{gate.tool} at {', '.join(wish.steps)} of {run.plan}",
        f"  asked by {run.agent} for {run.on_behalf_of} "
        f"({'started by ' + run.starter if run.starter else 'names are unverified'})",
        f"  arguments  {json.dumps(card.get('arguments'), ensure_ascii=False)}",
        *(f"  because    {one}" for one in listed),
        f"  risk       {card.get('risk')}; undo: {card.get('undo')}",
        f"  asks       {' or '.join(now.roles)}; {now.missing} of {gate.quorum} missing",
        f"  silence    refuses at {moment(gate.expires_ms)}",
        f"  digest     {gate.request_digest if len(found.gates) > 1 else gate.proposed_digest}",
    ]
    if wish.more:
        lines.append(f"  you say    {json.dumps(wish.more, ensure_ascii=False)}")
    how = "signed" if who.key else "unverified: no key is named"
    return [*lines, f"  as         {who.person} ({how})"]


async def _send(
    wish: Wish, run: RunRow, body: JSONObject, who: Speaker, environment: StackEnvironment
) -> str:
    client = await connected(environment)
    signer = who.signer(environment.temporal_namespace)
    if signer is not None:
        body = signer.message("vote", run.root, wish.verb, body)
    word = Word(wish.verb, body, f"cli-{uuid.uuid4().hex}")
    return await send_vote(client, run.workflow_id, run.root, word)
