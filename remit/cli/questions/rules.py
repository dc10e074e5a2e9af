"""Policies of any time, asked again: a bundle, an OPA of its own that lives as long as the asking.

The stack's OPA is not touched, and need not run. The short-lived one listens on a Unix socket in a
folder of the owner, is given one bundle whose digest was checked before, and polls nothing.
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from remit.cli.errors import stack
from remit.cli.output import note
from remit.cli.stack.binaries import OPA, cache_folder, ensure
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.components import core_policies
from remit.cli.stack.layout import SOCKET_PATH_BYTES
from remit.cli.stack.opa import VARIABLES
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from remit.enforcement.opa import OpaClient

DECISION_S = 10.0
"""Longest that one decision may take, in seconds: nobody waits for a call here."""
_READY_S = 30.0
_POLL_S = 0.02


def opa_binary() -> Path:
    """Return the `opa` that the stack would run, installing it if there is none."""
    return ensure(OPA, note, cache=cache_folder(), search=os.environ.get("PATH", "")).path


def build(policies: Path, opa: Path) -> Bundle:
    """Return the bundle of Remit's own policies and those in a folder, as the publisher builds it.

    Raises:
        PolicyError: they do not pass the checks.
    """
    roots = (PolicyRoot(CORE, core_policies()), PolicyRoot(PROJECT, policies))
    return BundleBuilder(opa).build(read_sources(roots))


@contextlib.asynccontextmanager
async def serving(opa: Path, bundle: bytes) -> AsyncIterator[OpaClient]:
    """Serve a bundle for as long as the block lasts, and give a client to ask it.

    Raises:
        CliError: `OPA-NOT-READY`: OPA does not take the bundle.
    """
    async with started(opa, bundle) as socket, OpaClient(socket, deadline_s=DECISION_S) as client:
        yield client


@contextlib.asynccontextmanager
async def started(opa: Path, bundle: bytes) -> AsyncIterator[Path]:
    """Serve a bundle for as long as the block lasts, and give the socket; nothing is closed on it.

    Raises:
        CliError: `OPA-NOT-READY`: OPA does not take the bundle.
    """
    with _folder() as folder:
        archive, socket = folder / "remit.tar.gz", folder / "opa.sock"
        archive.write_bytes(bundle)
        # Its signature is of the publisher's own key; what counts here is the recorded digest.
        process = await asyncio.create_subprocess_exec(
            *(str(opa), "run", "--server", "--skip-version-check", "--log-level", "error"),
            *("--addr", f"unix://{socket}", "--unix-socket-perm", "600"),
            *("--skip-verify", "--optimize-store-for-read-speed", "--bundle", str(archive)),
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **VARIABLES},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _listening(process, socket)
            yield socket
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, socket: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.returncode is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_unix_connection(str(socket))
            writer.close()
            return
        # The process says nothing when it listens; what it does meanwhile is load the bundle.
        await asyncio.sleep(_POLL_S)
    hint = "the bundle may be of another version of OPA; `remit status` tells which one runs"
    raise stack("OPA-NOT-READY", "OPA does not serve this policy bundle", hint)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a private folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="remit-") as usual:
        if len(os.fsencode(usual)) + len("/opa.sock") <= SOCKET_PATH_BYTES:
            yield Path(usual)
            return
    with tempfile.TemporaryDirectory(prefix="remit-", dir=os.sep + "tmp") as short:
        yield Path(short)
