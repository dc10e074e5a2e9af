"""Artifacts over HTTP: an answer that goes to the store, a request body that comes from it.

Both are streamed: no more than a few chunks of them are ever in memory. What is stored is what came
over the wire; nothing in it is read, masked or unpacked.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from activities.tools.egress import is_encoded
from remit.ledger.errors import LedgerError
from remit.secrets.secrets import Secrets
from remit.stores.artifacts import CHUNK_BYTES, ArtifactError, ArtifactStore, Incoming, Stored
from remit.tool.artifact import Artifact, ArtifactBody, is_among
from remit.tool.call import Broken, Refused, ToolCall, withheld
from remit.tool.kinds import HttpKind
from remit.tool.pointer import PointerError, follow

_NO_STORE = "this worker has no artifact store; set REMIT_ARTIFACTS"


class Parcel:
    """What one call brings to the store and takes from it."""

    def __init__(self, upload: "Upload | None", incoming: Incoming | None) -> None:
        self.upload = upload
        self.incoming = incoming

    async def close(self) -> None:
        """Let go of what did not come as a whole."""
        if self.incoming is not None:
            await asyncio.to_thread(self.incoming.abandon)


NOTHING = Parcel(None, None)
"""Of calls without artifacts."""


class Upload:
    """A request body from the store."""

    def __init__(self, stored: Stored, media_type: str) -> None:
        self._stored = stored
        self.media_type = media_type
        self.size = stored.size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it, read in threads."""
        chunks = self._stored.chunks()
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk


async def prepare_parcel(
    call: ToolCall, kind: HttpKind, store: ArtifactStore | None
) -> Parcel | Refused:
    """Return what a call needs of the store, or why it cannot be made: then nothing was sent."""
    if kind.artifact is None and kind.upload is None:
        return NOTHING
    ref = call.contract.ref
    if store is None:
        return withheld("TOOL-ARTIFACT", f"{ref}: {_NO_STORE}")
    try:
        return await asyncio.to_thread(_prepared, call, kind, store)
    except (ArtifactError, LedgerError) as error:
        again = error.code == "ARTIFACT-NO-ROOM"
        return withheld("TOOL-ARTIFACT", f"{ref}: {error.code}: {error}", again=again)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return withheld("TOOL-ARTIFACT", f"{ref}: the artifact cannot be read: {why}", again=True)


def _prepared(call: ToolCall, kind: HttpKind, store: ArtifactStore) -> Parcel:
    tenant = call.principal.get("tenant", "")
    upload = None if kind.upload is None else _upload(call, kind.upload, store, tenant)
    if kind.artifact is None:
        return Parcel(upload, None)
    return Parcel(upload, store.begin(tenant, call.step_key, kind.artifact.max_bytes))


def _upload(call: ToolCall, body: ArtifactBody, store: ArtifactStore, tenant: str) -> Upload:
    try:
        named = Artifact.of(follow(call.arguments, body.argument))
    except PointerError:
        named = None
    if named is None:
        raise ArtifactError("ARTIFACT-ABSENT", f"no artifact stands at {body.argument!r}")
    if not is_among(named.media_type, body.media_types):
        message = f"{named.media_type!r} is none of {', '.join(body.media_types)}"
        raise ArtifactError("ARTIFACT-MEDIA-TYPE", message)
    stored = store.find(tenant, named.digest)
    if stored.size > body.max_bytes:
        raise ArtifactError("ARTIFACT-TOO-LARGE", f"it has more than {body.max_bytes} bytes")
    # Read through before anything is sent: half of an altered one would be an effect.
    stored.verify()
    return Upload(stored, named.media_type)


async def take_in(
    call: ToolCall,
    kind: HttpKind,
    response: httpx2.Response,
    parcel: Parcel,
    secrets: Secrets,
) -> Artifact | Broken:
    """Store the body of a 2xx."""
    ref, incoming, wanted = call.contract.ref, parcel.incoming, kind.artifact
    if incoming is None or wanted is None:
        raise ValueError(f"{ref} brings no artifact")
    if is_encoded(response):
        return Broken("TOOL-ANSWER-ENCODED", f"{ref} answered in an encoding nobody asked for")
    told = secrets.shown(response.headers.get("content-type", ""), 100)
    media = told.partition(";")[0].strip().lower()
    if not is_among(media, wanted.media_types):
        shown = media or "nothing"
        return Broken("TOOL-MEDIA-TYPE", f"{ref} answered {shown!r}; its contract lists others")
    waiting = bytearray()
    try:
        async for chunk in response.aiter_raw():
            waiting += chunk
            if len(waiting) >= CHUNK_BYTES:
                await asyncio.to_thread(incoming.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(incoming.write, bytes(waiting))
        digest, size = await asyncio.to_thread(incoming.finish)
    except ArtifactError:
        message = f"{ref} answered more than {wanted.max_bytes} bytes"
        return Broken("TOOL-ANSWER-TOO-LARGE", message)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Broken("TOOL-ARTIFACT", f"{ref} answered, and the answer cannot be kept: {why}")
    return Artifact(digest, size, media)
