"""One command at work on a stack, under its lock: what it keeps, starts and stops.

Holds the state and writes every change at once, before anything else can go wrong: a process is
recorded before its health is known, and forgotten only when it is gone.
"""

import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

from remit.cli.stack import full
from remit.cli.stack import opa as opa_setup
from remit.cli.stack.binaries import Binary
from remit.cli.stack.blueprint import Blueprint
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.component import Component
from remit.cli.stack.errors import PolicyError, StackCode, StackError
from remit.cli.stack.identity import marked
from remit.cli.stack.install import Report
from remit.cli.stack.layout import ARCHIVE, SCOPE, Layout
from remit.cli.stack.listeners import foreign_port, missed_a_port
from remit.cli.stack.logs import tail
from remit.cli.stack.outline import Outline
from remit.cli.stack.payload_keys import references
from remit.cli.stack.ports import choose
from remit.cli.stack.postgres import server_of
from remit.cli.stack.processes import Started, await_healthy, start, stop
from remit.cli.stack.signing import PublicKey, keep_key, read_public, scope_of
from remit.cli.stack.state import ComponentRecord, StackState, load, save
from remit.stores.atomic import keep_secret
from remit.stores.keyring import Keyring, origin_of
from remit.stores.shadow import BEARER

_PATIENCE_S = 3.0
"""How long a running component may fail its check before it is started again."""
_ORPHAN_GRACE_S = 10.0


class PortTakenError(StackError):
    """Somebody else got a component's port between our choice and its start."""


class Session:
    """The state of one stack while a command changes it."""

    def __init__(self, layout: Layout, report: Report) -> None:
        """Load the state of `layout`; the caller holds its lock."""
        self.layout = layout
        self.state = load(layout.state)
        self._report = report

    def prepare(self, outline: Outline, programs: Mapping[str, Binary], core: Path) -> Blueprint:
        """Decide ports, secrets and files, and write them down."""
        layout = self.layout
        ports = self._ports(outline)
        Keyring(layout.evidence_keys).make(origin_of(layout.project.name))
        source = opa_setup.local_source(ports["publisher"], self._key(outline), scope_of())
        configuration = opa_setup.write_configuration(
            layout.run, token=keep_secret(layout.opa_token), source=source
        )
        postgres = None
        if outline.profile == "full":
            postgres = server_of(layout, ports.get("postgres", 0))
            full.write_configuration(layout, postgres, ports)
        settings = outline.settings
        payload_keys = references(layout, settings.payloads, outline.profile)
        if outline.is_sealed:
            keep_secret(layout.codec_token)
        blueprint = Blueprint(
            layout=layout,
            settings=settings,
            profile=outline.profile,
            programs=programs,
            ports=ports,
            socket=layout.socket(self.state.socket),
            opa_configuration=configuration,
            core_policies=core,
            candidates={n: _beside(layout.candidate(n), source) for n in outline.served},
            postgres=postgres,
            payload_keys=payload_keys,
        )
        self._keep(
            self.state.model_copy(
                update={
                    "profile": outline.profile,
                    "ports": {**self.state.ports, **ports},
                    "socket": blueprint.socket,
                    "versions": {name: program.version for name, program in programs.items()},
                    "environment": blueprint.environment(),
                }
            )
        )
        return blueprint

    def _key(self, outline: Outline) -> PublicKey:
        """Return the key that OPA takes policies of; the stack's own unless the project has one."""
        theirs = outline.settings.policy.public_key
        if theirs is not None:
            return read_public(self.layout.project / theirs)
        return keep_key(self.layout.policy_key, scope_of()).public

    def ensure(self, wave: Sequence[Component]) -> None:
        """Leave what is up to date and healthy as it is; start the others together, anew.

        Returns when all of `wave` are healthy.

        Raises:
            StackError: of the first that failed; that one is stopped, the others are left.
        """
        begun = [(c, self._begin(c)) for c in wave if not self._is_kept(c)]
        for component, started in begun:
            self._finish(component, started)

    def stop_all(self, wanted: Collection[str]) -> None:
        """Stop the recorded components in `wanted`, the latest start first."""
        for name in [n for n in reversed(self.state.components) if n in wanted]:
            record = self.state.components[name]
            number = Signals(record.stop_signal)
            if stop(name, record.process, grace_s=record.grace_s, number=number):
                self._report(f"{name}: stopped")
            self._keep(self.state.without_component(name))

    def stop_orphans(self) -> None:
        """Stop processes of this stack that the state does not know."""
        known = {record.process for record in self.state.components.values()}
        for name, process in list(marked(str(self.layout.root))):
            if process not in known and stop(name, process, grace_s=_ORPHAN_GRACE_S):
                self._report(f"{name}: stopped a forgotten process (pid {process.pid})")

    def forget(self) -> None:
        """Forget what only a running stack has."""
        socket = self.state.socket
        if socket is not None and socket.parent != self.layout.run:
            shutil.rmtree(socket.parent, ignore_errors=True)
        self._keep(self.state.model_copy(update={"socket": None, "environment": None}))

    def _is_kept(self, component: Component) -> bool:
        record = self.state.components.get(component.name)
        if record is None:
            return False
        reason = self._why_not(component, record)
        if reason is None:
            self._report(f"{component.name}: already running (pid {record.pid})")
            return True
        self._report(f"{component.name}: {reason}")
        self.stop_all({component.name})
        return False

    def _begin(self, component: Component) -> Started:
        where = f" on {component.address}" if component.address else ""
        self._report(f"{component.name}: starting{where}")
        started = start(component.command(self.layout))
        record = ComponentRecord(
            pid=started.process.pid,
            began=started.process.began,
            started_at=datetime.now(UTC),
            fingerprint=component.fingerprint,
            address=component.address,
            log=started.log,
            health=component.health,
            grace_s=component.grace_s,
            stop_signal=component.stop_signal,
        )
        self._keep(self.state.with_component(component.name, record))
        return started

    def _finish(self, component: Component, started: Started) -> None:
        try:
            _await(component, started)
        except StackError as error:
            taken = foreign_port(started.process, component.ports)
            ended = not started.process.is_running()
            self.stop_all({component.name})
            if taken is not None:
                raise _port_taken(component.name, str(taken)) from None
            said = tail(started.log, started.log_offset)
            if ended and missed_a_port(said):
                raise _port_taken(component.name, "that it asked for", said) from None
            raise self._policy_error(component.name) or error from None
        took = datetime.now(UTC) - self.state.components[component.name].started_at
        self._report(f"{component.name}: ready after {took.total_seconds():.1f} s")

    def _why_not(self, component: Component, record: ComponentRecord) -> str | None:
        """Return why the running component must be started anew, or `None`."""
        if not record.process.is_running():
            return "is gone; starting it again"
        if record.fingerprint != component.fingerprint:
            return "runs with other settings; starting it again"
        age = (datetime.now(UTC) - record.started_at).total_seconds()
        until = time.monotonic() + max(_PATIENCE_S, component.ready_within_s - age)
        while (problem := record.problem()) is not None:
            if time.monotonic() >= until or not record.process.is_running():
                return f"is not healthy ({problem}); starting it again"
            time.sleep(0.1)
        return None

    def _policy_error(self, name: str) -> PolicyError | None:
        """Return the finding about the policies that kept the publisher from starting."""
        said = read_status(self.layout.bundle)
        if name != "publisher" or said.revision is not None or said.error is None:
            return None
        found = said.error
        return PolicyError(StackCode(found.code), found.message, hint=found.hint, path=found.path)

    def _ports(self, outline: Outline) -> dict[str, int]:
        """Return a port for every purpose; those of running components stay as they are."""
        chosen: dict[str, int] = {}
        owners = outline.port_owners()
        running = {n for n, r in self.state.components.items() if r.process.is_running()}
        kept = {
            purpose: port
            for purpose, port in self.state.ports.items()
            if running & set(owners.get(purpose, ()))
        }
        for purpose in owners:
            taken = {*chosen.values(), *kept.values()}
            candidates = (self.state.ports.get(purpose), *outline.candidates(purpose))
            chosen[purpose] = kept.get(purpose) or choose(candidates, taken=taken)
        return chosen

    def _keep(self, state: StackState) -> None:
        self.state = state
        save(self.layout.state, state)


def _beside(folder: Path, source: opa_setup.BundleSource) -> Path:
    """Write the configuration of an OPA that serves a candidate, whose files are in `folder`."""
    return opa_setup.write_configuration(
        folder,
        token=keep_secret(folder / BEARER),
        source=replace(
            source,
            url=opa_setup.file_url(folder / ARCHIVE),
            scope=(folder / SCOPE).read_text(encoding="utf-8"),
        ),
    )


def _await(component: Component, started: Started) -> None:
    """Wait until `component` is healthy, and its ports are its own."""
    await_healthy(
        component.name, started, component.health.problem, within_s=component.ready_within_s
    )
    if (taken := foreign_port(started.process, component.ports)) is not None:
        raise _port_taken(component.name, str(taken))


def _port_taken(name: str, port: str, said: str = "") -> PortTakenError:
    return PortTakenError(
        StackCode.PORT_TAKEN,
        f"{name} did not get port {port}: another program took it meanwhile{said}",
        hint="`remit up` again chooses other ports; one that the program names itself must be free",
    )
