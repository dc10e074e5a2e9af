"""Decisions that Temporal's histories tell of, and that the ledger does not.

A run's answers name the decisions they were made under, and Temporal keeps these answers by itself.
An id that stands there and in no record is a gap: the ledger that a candidate was held against
lacks a decision. Read by whoever gives the server's address; a ledger cannot show what it lacks.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterator
from datetime import UTC, datetime

from google.protobuf.message import Message
from temporalio.client import Client
from temporalio.service import RPCError

from remit.canonical import JSON
from remit.cli.errors import stack
from remit.client.codec import ENCODING, VARIABLE, payloads_of
from remit.client.connection import connect, opened
from remit.client.errors import ClientCode, ClientError

_NAME = "decision_id"


async def gaps(
    address: str, namespace: str, period: tuple[int, int], known: Collection[str]
) -> list[str]:
    """Return the decisions of runs begun in a period that are in no record, in words.

    Args:
        address: of Temporal, host and port.
        namespace: of the runs.
        period: its first and its last moment, milliseconds of Unix time.
        known: ids of the decisions that the ledger holds.

    Raises:
        CliError: Temporal does not answer; exit code 3.
        ClientError: `PAYLOAD-KEY`: its histories are encrypted, and no key of theirs is named.
    """
    client = await connect(address, namespace)
    try:
        return [line async for line in _gaps(client, period, known)]
    except RPCError as error:
        raise stack("TEMPORAL-UNREACHABLE", str(error), "try again") from error


async def _gaps(
    client: Client, period: tuple[int, int], known: Collection[str]
) -> AsyncIterator[str]:
    first = datetime.fromtimestamp(period[0] / 1000, UTC).isoformat()
    async for run in client.list_workflows(f'StartTime >= "{first}"'):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        told: dict[str, None] = {}
        async for event in handle.fetch_history_events():
            await opened(client, event)
            if event.event_time.ToMilliseconds() <= period[1]:
                told.update(dict.fromkeys(named(event)))
        for decision in told:
            if decision not in known:
                yield f"{run.id} {run.run_id}: the ledger has no decision {decision}"


def named(message: Message) -> Iterator[str]:
    """Yield the decisions that the payloads of a message name.

    Raises:
        ClientError: `PAYLOAD-KEY`: what a payload names nobody here can read.
    """
    for payload in payloads_of(message):
        if payload.metadata.get("encoding") == ENCODING:
            hint = f"set {VARIABLE} as the workers have it"
            told = "Temporal's histories are encrypted, and no key of theirs is named"
            raise ClientError(ClientCode.PAYLOAD_KEY, told, hint=hint)
        try:
            yield from _ids(json.loads(payload.data or b"null"))
        except (ValueError, RecursionError):
            continue


def _ids(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        found = value.get(_NAME)
        if isinstance(found, str) and found:
            yield found
        for inner in value.values():
            yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
