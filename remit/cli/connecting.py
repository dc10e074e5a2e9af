"""Connecting to the Temporal of a project's stack."""

from collections.abc import Sequence

from temporalio.client import Client, Interceptor

from remit.cli.stack.environment import StackEnvironment
from remit.client.connection import connect


async def connected(
    environment: StackEnvironment, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """Return a client of the stack's namespace, with the keys that its payloads are sealed with.

    Raises:
        ClientError: as of `remit.client.connection.connect`.
    """
    return await connect(
        environment.temporal_address,
        environment.temporal_namespace,
        interceptors,
        environment.payload_keys,
    )
