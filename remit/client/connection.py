"""Reaching Temporal: one client with a deadline, and the converter that every role shares."""

import asyncio
import os
from collections.abc import Sequence

from google.protobuf.message import Message
from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression, RPCError

from remit.client.errors import unreachable
from remit.client.trust import trust_of

CONNECT_S = 5.0
"""How long connecting may take, in seconds."""


async def connect(
    address: str,
    namespace: str = "default",
    interceptors: Sequence[Interceptor] = (),
    keys: str | None = None,
    *,
    converter: DataConverter = pydantic_data_converter,
    runtime: Runtime | None = None,
    compression: GrpcCompression = GrpcCompression.GZIP,
) -> Client:
    """Return a client of `namespace` at `address` (host and port).

    Args:
        address: Host and port.
        namespace: Temporal namespace.
        interceptors: See what the client does, such as those of `remit.client.tracing`.
        keys: What payloads are encrypted with, see `remit.client.codec`; without it what
            `REMIT_PAYLOAD_KEYS` says.
        converter: What payloads are made with before they are encrypted.
        runtime: The SDK's, where a process has one of its own.
        compression: Of what is sent; it is worth its time on a long way.

    Raises:
        ClientError: `TEMPORAL-UNREACHABLE`, `TEMPORAL-TRUST`, `PAYLOAD-KEY`, `PAYLOAD-READABLE`.
    """
    trust = trust_of(os.environ)
    references = os.environ.get("REMIT_PAYLOAD_KEYS", "") if keys is None else keys
    sealed = sealing(converter, references)
    try:
        async with asyncio.timeout(CONNECT_S):
            client = await Client.connect(
                address,
                namespace=namespace,
                data_converter=sealed,
                runtime=runtime,
                interceptors=interceptors,
                grpc_compression=compression,
                tls=trust.tls,
                api_key=trust.token,
            )
    except (RuntimeError, RPCError, OSError, TimeoutError) as error:
        why = str(error) or f"no answer within {CONNECT_S:.0f} s"
        raise unreachable(address, why) from error
    await require_sealed(client, references)
    return client


def sealing(converter: DataConverter, references: str) -> DataConverter:
    """Return a converter that encrypts with the keys of `references`; the same one for none.

    Raises:
        ClientError: `PAYLOAD-KEY`.
    """
    if not references.strip():
        return converter
    # Cryptography takes its time to load, and most stacks do without.
    from remit.client.codec import load_codec, with_codec

    return with_codec(converter, load_codec(references, os.environ))


async def require_sealed(client: Client, references: str) -> None:
    """Refuse a client whose payloads can be read although `references` name a key.

    Raises:
        ClientError: `PAYLOAD-READABLE`.
    """
    if not references.strip():
        return
    from remit.client.codec import PLAIN, prove

    if references.split(",")[0].strip() != PLAIN:
        await prove(client.data_converter)


async def opened(client: Client, message: Message) -> None:
    """Decrypt the payloads of a message in place, such as of a history's event.

    Raises:
        ClientError: `PAYLOAD-KEY`, `PAYLOAD-ALTERED`.
    """
    codec = client.data_converter.payload_codec
    if codec is not None:
        from remit.client.codec import unseal

        await unseal(message, codec)
