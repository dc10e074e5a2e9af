"""A fleet in small: one ledger, one publisher process, and some OPAs that it serves."""

import asyncio
import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.stack import opa
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.component import python_path
from remit.cli.stack.health import HttpHealth
from remit.cli.stack.ports import LOOPBACK, choose
from remit.cli.stack.processes import Command, Started, await_healthy, start, stop
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.signing import SigningKey, keep_key
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from remit.decision.release import Draft, Release
from remit.enforcement.freshness import Bounds, Freshness
from remit.enforcement.opa import OpaClient
from remit.stores.ledger import SqlLedger, open_ledger, wall_ms
from tests.cli.stack.conftest import exchange

READY_S = 60
SCOPE = "test"


@dataclass
class Sidecar:
    """One OPA with its own folder."""

    folder: Path
    token: str
    process: Started | None = None

    @classmethod
    def of(cls, folder: Path) -> "Sidecar":
        """Prepare one in a new folder."""
        folder.mkdir()
        made = cls(folder, "t" * 64)
        made.token_file.write_text(made.token)
        return made

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "s"

    @property
    def token_file(self) -> Path:
        """The token that it asks for."""
        return self.folder / "token"

    def start(self, binary: Path, source: opa.BundleSource) -> None:
        """Start it and wait until it listens; whether it has policies is another question."""
        written = opa.write_configuration(self.folder, token=self.token, source=source)
        argv = opa.argv(binary, configuration=written, socket=self.socket)
        command = Command("opa", argv, opa.VARIABLES, self.folder, self.folder / "opa.log")
        self.process = start(command)

        def listens() -> str | None:
            try:
                self.ask("/health")
            except OSError as error:
                return str(error)
            return None

        await_healthy("opa", self.process, listens, within_s=READY_S)

    def stop(self) -> None:
        """End it; its folder stays."""
        if self.process is not None:
            stop("opa", self.process.process, grace_s=5)
            self.process = None

    def ask(self, path: str) -> tuple[int, bytes]:
        """Get something from it."""
        return exchange(self.socket, "GET", path, None, self.token)

    @property
    def persisted(self) -> Path:
        """Its last good bundle on disk."""
        return self.folder / "opa-bundles" / "bundles" / "remit" / "bundle.tar.gz"

    def status(self) -> JSONObject:
        """Return what it says of the policies' bundle."""
        _, body = self.ask("/v1/status")
        found: JSONObject = json.loads(body)["result"]["bundles"]["remit"]
        return found

    def revision(self) -> str:
        """Return the revision that it decides with; empty for none."""
        path = "/v1/data/remit/main/decision?provenance=true"
        status, body = exchange(self.socket, "POST", path, b'{"input":{}}', self.token)
        assert status == 200, body
        bundles = json.loads(body)["provenance"].get("bundles", {})
        revision: str = bundles.get("remit", {}).get("revision", "")
        return revision


@dataclass
class Delivery:
    """Everything between a policy and a decision."""

    folder: Path
    binary: Path
    core: Path
    project: Path
    key: SigningKey
    port: int
    publisher: Started | None = None
    sidecars: list[Sidecar] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, binary: Path, core: Path, project: Path) -> "Delivery":
        """Prepare; nothing runs yet."""
        (folder / "bundle").mkdir()
        key = keep_key(folder / "policy.key", SCOPE)
        return cls(folder, binary, core, project / "policies", key, choose(()))

    @property
    def settings(self) -> PublisherSettings:
        """What the publisher is told."""
        return PublisherSettings(
            opa=self.binary,
            key_file=self.key.file,
            scope=SCOPE,
            ledger=f"sqlite:///{self.folder / 'ledger.db'}",
            reviewed=True,
            folder=self.folder / "bundle",
            port=self.port,
            core=self.core,
            project=self.project,
            logs=self.folder,
        )

    def start_publisher(self) -> None:
        """Start the publisher's process; the first start releases what the folder holds."""
        log = self.folder / "publisher.log"
        command = Command("publisher", self.settings.argv(), python_path(), self.folder, log)
        self.publisher = start(command)
        health = HttpHealth(url=f"http://{LOOPBACK}:{self.port}/health")
        await_healthy("publisher", self.publisher, health.problem, within_s=READY_S)

    def stop_publisher(self) -> None:
        """End it: nothing answers on its port any more."""
        if self.publisher is not None:
            stop("publisher", self.publisher.process, grace_s=5)
            self.publisher = None

    def add_opa(self) -> Sidecar:
        """Add an OPA to the fleet, running."""
        made = Sidecar.of(self.folder / f"opa{len(self.sidecars)}")
        self.sidecars.append(made)
        self.start_opa(made)
        return made

    def start_opa(self, sidecar: Sidecar) -> None:
        """Start an OPA and wait until it listens; whether it has policies is another question."""
        sidecar.start(self.binary, opa.local_source(self.port, self.key.public, SCOPE))

    def stop_opa(self, sidecar: Sidecar) -> None:
        """End an OPA; its folder stays."""
        sidecar.stop()

    def down(self) -> None:
        """End everything."""
        self.stop_publisher()
        for sidecar in self.sidecars:
            self.stop_opa(sidecar)

    def build(self, key: SigningKey | None = None) -> Bundle:
        """Build what stands in the folders, signed by the publisher's key or by another."""
        roots = (PolicyRoot(CORE, self.core), PolicyRoot(PROJECT, self.project))
        return BundleBuilder(self.binary, key or self.key).build(read_sources(roots))

    def publish(self, bundle: Bundle, **fields: object) -> Release:
        """Release a bundle, as a person does."""

        async def put(ledger: SqlLedger) -> Release:
            newest = await ledger.releases.newest()
            given = {"origin": "published", "author": "ann", "key": bundle.key, **fields}
            draft = Draft.model_validate({**given, "revision": bundle.revision})
            return await ledger.releases.publish(
                draft, bundle.content, newest.serial if newest else 0
            )

        return self.in_ledger(put)

    def in_ledger(self, work: Callable[[SqlLedger], Awaitable[Release]]) -> Release:
        """Do something in the ledger, and return the release that it gives."""

        async def opened() -> Release:
            ledger = await open_ledger(self.settings.ledger)
            try:
                return await work(ledger)
            finally:
                await ledger.close()

        return asyncio.run(opened())

    def look(self, sidecar: Sidecar, bounds: Bounds | None = None) -> Freshness:
        """Look at an OPA as its workers do."""

        async def looked() -> Freshness:
            ledger = await open_ledger(self.settings.ledger)
            async with OpaClient(sidecar.socket, token=sidecar.token, deadline_s=10) as client:
                kept = sidecar.folder / "contact.json"
                made = Freshness(client, ledger.releases, wall_ms, bounds=bounds, kept=kept)
                await made.look()
            await ledger.close()
            return made

        return asyncio.run(looked())


def altered(bundle: Bundle, change: Callable[[dict[str, bytes]], None]) -> Bundle:
    """Return the bundle with its files changed, and its signature as it was."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            if file is not None:
                files[entry.name] = file.read()
    change(files)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            made = tarfile.TarInfo(name)
            made.size = len(content)
            archive.addfile(made, io.BytesIO(content))
    return replace(bundle, content=packed.getvalue())


def grants(tools: Sequence[str]) -> str:
    """Return a policy that grants these tools."""
    rules = [f'permits contains "mail.scoped" if input.tool == "{tool}"\n' for tool in tools]
    return "\n".join(["package remit.domains.mail.scopes\n", "import rego.v2\n", *rules])
