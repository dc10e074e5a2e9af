"""OPA beside the workers of one role: makes its bundle, starts it, and ends when a part of it ends.

    python sidecar.py --shared /run/opa --project /project/policies           # run until SIGTERM
    python sidecar.py --shared /run/opa --project /project/policies --check   # 0 when it can decide

In `--shared`, a folder of the workers and OPA alone, stand the socket and the token that OPA asks
for. Everything else is in a private folder that dies with the container: the key that signs bundles
never leaves it, and two sidecars with the same policies give the same revision, since that is a
digest of the content. Publisher, configuration and access rules are those of `remit up`; here is
only what holds the two processes together. It needs no network beyond its own loopback.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack import opa
from remit.cli.stack.components import core_policies
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.signing import keep_key, scope_of
from remit.stores.atomic import keep_secret

_GRACE_S = 5.0
_PORT = 8181


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is."""

    binary: Path
    shared: Path
    private: Path
    core: Path
    project: Path
    port: int
    """Port of the publisher on this container's own loopback."""

    @property
    def socket(self) -> Path:
        """OPA's socket."""
        return self.shared / "opa.sock"

    @property
    def token(self) -> Path:
        """The token that OPA asks for."""
        return self.shared / "opa.token"


def commands(place: Place) -> tuple[Sequence[str], Sequence[str]]:
    """Write keys and configuration; return the command lines of the publisher and of OPA."""
    for folder in (place.private, place.private / "bundle", place.private / "logs"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = keep_key(place.private / "policy.key", scope_of())
    configuration = opa.write_configuration(
        place.private,
        token=keep_secret(place.token),
        source=opa.local_source(place.port, key.public, key.scope),
    )
    publisher = PublisherSettings(
        opa=place.binary,
        key_file=key.file,
        scope=key.scope,
        ledger=f"sqlite:///{place.private / 'releases.db'}",
        reviewed=False,
        folder=place.private / "bundle",
        port=place.port,
        core=place.core,
        project=place.project,
        logs=place.private / "logs",
    )
    server = opa.argv(place.binary, configuration=configuration, socket=place.socket)
    return publisher.argv(), server


async def run(place: Place) -> int:
    """Run both until SIGTERM (0) or until one of them ends (1)."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    environment = {**os.environ, **opa.VARIABLES}
    children = [
        await asyncio.create_subprocess_exec(*argv, env=environment) for argv in commands(place)
    ]
    ends = [asyncio.create_task(child.wait()) for child in children]
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait([*ends, stopping], return_when=asyncio.FIRST_COMPLETED)
    lost = [name for name, end in zip(("publisher", "opa"), ends, strict=True) if end.done()]
    stopping.cancel()
    for child in reversed(children):
        await _end(child)
    for name in lost:
        sys.stderr.write(f"{name} ended by itself; ended the other\n")
    return 1 if lost else 0


async def _end(child: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), _GRACE_S)
    except TimeoutError:
        child.kill()
        await child.wait()


def check(place: Place) -> int:
    """Return 0 when OPA has a bundle and decides; else say what is missing."""
    problem = opa.health(place.socket, place.token).problem()
    if problem is not None:
        sys.stderr.write(problem + "\n")
    return 0 if problem is None else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; run, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--project", type=Path, default=Path("/project/policies"))
    parser.add_argument("--private", type=Path, default=Path(tempfile.gettempdir()) / "opa")
    parser.add_argument("--binary", type=Path, default=Path("/usr/local/bin/opa"))
    parser.add_argument("--core", type=Path, default=core_policies())
    parser.add_argument("--port", type=int, default=_PORT)
    given = vars(parser.parse_args(arguments))
    is_check = given.pop("check")
    place = Place(**given)
    os.umask(0o077)
    return check(place) if is_check else asyncio.run(run(place))


if __name__ == "__main__":
    raise SystemExit(main())
