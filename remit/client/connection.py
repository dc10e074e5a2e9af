"""Reaching Temporal: one client with a deadline, and the converter that every role shares."""

import asyncio
from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from remit.client.errors import unreachable

CONNECT_S = 5.0
"""How long connecting may take, in seconds."""


async def connect(
    address: str, namespace: str = "default", interceptors: Sequence[Interceptor] = ()
) -> Client:
    """Return a client of `namespace` at `address` (host and port).

    Args:
        address: Host and port.
        namespace: Temporal namespace.
        interceptors: See what the client does, such as those of `remit.client.tracing`.

    Raises:
        ClientError: `TEMPORAL-UNREACHABLE`.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            return await Client.connect(
                address,
                namespace=namespace,
                data_converter=pydantic_data_converter,
                interceptors=interceptors,
            )
    except (RuntimeError, RPCError, OSError, TimeoutError) as error:
        why = str(error) or f"no answer within {CONNECT_S:.0f} s"
        raise unreachable(address, why) from error
