"""`remit tools verify`: the services behind the contracts, asked what consumers expect of them.

Each example is a run of its own on the project's stack: admitted, decided, recorded like any other,
as the consumer's agent. A call with an effect is made in the consumer's sandbox alone, where the
run undoes it; no other is ever submitted.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client
from temporalio.service import RPCError

from remit.canonical import JSON
from remit.cli.compiling import Workshop, findings_of
from remit.cli.contracts.expecting import consumers_of
from remit.cli.contracts.judging import STUCK, Came, holds, is_answered, judged
from remit.cli.errors import ExitCode, usage
from remit.cli.keys import Speaker
from remit.cli.output import answer, documented, shown
from remit.cli.place import find_project
from remit.cli.questions.opening import found_run, ledger_at
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.client.connection import connect
from remit.client.errors import from_rpc
from remit.client.following import follow
from remit.client.outcome import outcome
from remit.client.snapshot import Snapshot
from remit.client.submission import Handle, digest_of, submit, workflow_id_of
from remit.diagnostic import Diagnostic
from remit.plan.expecting import CALL, Trial, trials, unmet
from remit.plan.path import Direction
from remit.stores.expectations import Stated

AT_ONCE = 4
"""How many examples are tried at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed."""

    consumers: Sequence[str]
    """Only these; all of them when empty."""
    places: Sequence[Path]
    within_s: float
    who: Speaker | None


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one example."""

    stated: Stated
    trial: Trial
    found: Sequence[Diagnostic] = ()
    workflow_id: str = ""
    """Empty when it was not tried."""

    @property
    def told(self) -> str:
        """How it went, in words."""
        if not self.workflow_id:
            return f"not tried: {self.trial.untried or 'its arguments do not fit'}"
        if any(one.code == "EXPECTATION-NOT-TRIED" for one in self.found):
            return "could not be tried"
        if self.found:
            return "otherwise than expected"
        return "refused, as expected" if self.trial.example.refused else "answers as expected"

    @property
    def line(self) -> str:
        """What a person reads of it."""
        return f"{self.path}  {self.trial.contract.ref}  {self.told}"

    @property
    def path(self) -> str:
        """Where the example stands."""
        return self.stated.source + self.trial.path

    def document(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {
            "consumer": self.trial.consumer.consumer,
            "tool": self.trial.contract.ref,
            "path": self.path,
            "met": bool(self.workflow_id) and not self.found,
            "told": self.told,
            "workflow_id": self.workflow_id or None,
        }


def verify(wanted: Wanted, project: Path | None, *, as_json: bool) -> int:
    """Try every example that may be tried, and print which differ."""
    folder = find_project(project)
    stated = _chosen(consumers_of(folder, wanted.places), wanted.consumers)
    catalogue = Workshop.of(folder).project.catalogue
    # What the contracts promise is `check`'s; here that alone counts which keeps a call from being.
    bars = [
        each.told(one)
        for each in stated
        for one in unmet(each.consumer, catalogue)
        if one.code != "EXPECTATION-ANSWER"
    ]
    asked = [Tried(each, trial) for each in stated for trial in trials(each.consumer, catalogue)]
    barred = tuple(one.path for one in bars)
    can = [
        one
        for one in asked
        if not one.trial.untried and not any(path.startswith(f"{one.path}/") for path in barred)
    ]
    done = asyncio.run(_try_all(can, stack.environment(folder), wanted)) if can else []
    left = [one for one in asked if one not in can]
    found = findings_of([*bars, *(each for one in done for each in one.found)])
    document = {
        "ok": not found,
        "tried": [one.document() for one in done],
        "left_out": [one.document() for one in left],
        "diagnostics": documented(found),
    }
    lines = [one.line for one in (*done, *left)]
    counted = f"{len(done)} tried, {len(left)} left out, {len(found)} findings"
    answer(document, [*lines, *shown(found), counted], as_json=as_json)
    return ExitCode.FINDINGS if found else ExitCode.OK


def _chosen(stated: Sequence[Stated], names: Sequence[str]) -> list[Stated]:
    known = {each.consumer.consumer for each in stated}
    if unknown := [name for name in names if name not in known]:
        hint = f"known: {', '.join(sorted(known)) or 'nobody'}"
        raise usage("EXPECTATION-UNKNOWN", f"there is no consumer {unknown[0]!r}", hint)
    if not stated:
        hint = "docs/contracts.md shows a file of expectations"
        raise usage("EXPECTATION-UNKNOWN", "no consumer states what it expects", hint)
    return [each for each in stated if not names or each.consumer.consumer in names]


async def _try_all(
    asked: Sequence[Tried], environment: StackEnvironment, wanted: Wanted
) -> list[Tried]:
    client = await connect(
        environment.temporal_address,
        environment.temporal_namespace,
        keys=environment.payload_keys,
    )
    room = asyncio.Semaphore(AT_ONCE)

    async def one(each: Tried) -> Tried:
        async with room:
            return await _try(each, client, environment, wanted)

    return list(await asyncio.gather(*map(one, asked)))


async def _try(each: Tried, client: Client, environment: StackEnvironment, wanted: Wanted) -> Tried:
    plan = each.trial.plan
    signer = wanted.who.signer(environment.temporal_namespace) if wanted.who else None
    person = wanted.who.person if wanted.who else ""
    handle = await submit(
        client,
        plan,
        # Asked anew each time: what the service said yesterday is not what is wanted.
        workflow_id=f"{workflow_id_of(plan)}/{uuid4().hex[:8]}",
        queue=environment.task_queue,
        submission=signer.start(person, digest_of(plan)) if signer else None,
    )
    came = await _came(handle, each.trial, environment.project, wanted.within_s)
    found = [each.stated.told(one) for one in judged(each.trial, came)]
    return Tried(each.stated, each.trial, found, handle.id)


async def _came(handle: Handle, trial: Trial, project: Path, within_s: float) -> Came:
    """Wait for the run's end; one that waits for somebody to let it go on is cancelled."""
    now: Snapshot | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s), aclosing(follow(handle)) as snapshots:
            async for now in snapshots:
                if now.is_closed or now.status in STUCK:
                    break
    if now is None or not now.is_closed:
        return await _stopped(handle, trial, now)
    end = await outcome(handle)
    output = await _output(handle, project) if is_answered(trial, end) else None
    return Came(end, end.status, handle.id, output=output)


async def _stopped(handle: Handle, trial: Trial, now: Snapshot | None) -> Came:
    status = now.status if now is not None else "unseen"
    if not holds(trial, status):
        await _cancel(handle)
    waits = ", ".join(f"{one.kind} of {one.role}" for one in (now.waits if now else ()))
    return Came(None, status, handle.id, waits)


async def _cancel(handle: Handle) -> None:
    try:
        await handle.workflow.cancel()
    except RPCError as error:
        raise from_rpc(error, f"run {handle.id!r}") from error


async def _output(handle: Handle, project: Path) -> JSON:
    """Return what the call answered, whole, as the ledger keeps it; `None` without an answer."""
    async with ledger_at(project) as log:
        run = await found_run(log, handle.id)
        for action in run.whole_state().actions.values():
            if (action.key.path, action.key.direction) == (CALL, Direction.DO) and action.output:
                return await run.dossier.json(action.output)
    return None
