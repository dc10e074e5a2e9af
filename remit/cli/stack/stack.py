"""The light stack of one project: `up`, `down`, `restart`, `status`.

Every command may be repeated and interrupted at any point: `up` keeps what is healthy and up to
date, and starts, or starts again, what is not; `down` stops whatever is there, also what no state
file names. The state is written before a component's health is known. Plans, policies and data
are never touched.
"""

import os
import shutil
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from remit.cli.stack import opa as opa_setup
from remit.cli.stack.atomic import keep_secret
from remit.cli.stack.binaries import OPA, TEMPORAL, Binary, cache_folder, ensure
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.components import (
    Blueprint,
    Component,
    components,
    core_policies,
    names,
    port_owners,
    preferred_ports,
)
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.errors import PolicyError, StackCode, StackError
from remit.cli.stack.identity import marked
from remit.cli.stack.install import Report
from remit.cli.stack.layout import Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.ports import choose
from remit.cli.stack.processes import await_healthy, start, stop
from remit.cli.stack.project import ProjectSettings, load_project
from remit.cli.stack.state import ComponentRecord, StackState, load, save
from remit.cli.stack.status import StackStatus, status_of

_LOCK_WAIT_S = 120.0
_PATIENCE_S = 3.0
"""How long a running component may fail its check before it is started again."""
_ORPHAN_GRACE_S = 10.0


def up(
    project: Path,
    report: Report,
    *,
    only: Collection[str] | None = None,
    core: Path | None = None,
) -> StackStatus:
    """Bring the stack of `project` up, or back up, and return its status.

    Args:
        project: the folder with `remit.toml`.
        report: told, a line at a time, what is done.
        only: names of components to look after; all when `None`.
        core: the folder of Remit's own policies; the shipped ones when `None`.

    Raises:
        StackError: with a stable code; what was healthy is left running.
    """
    layout = Layout(project.resolve())
    settings = load_project(layout.project)
    wanted = _checked(names(settings) if only is None else only, settings)
    found = [
        ensure(program, report, cache=cache_folder(), search=os.environ.get("PATH", ""))
        for program in (TEMPORAL, OPA)
    ]
    layout.create()
    with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=report):
        session = _Session(layout, report)
        session.stop_orphans()
        session.stop_all(set(session.state.components) - set(names(settings)))
        blueprint = session.prepare(settings, found[0], found[1], core or core_policies())
        for component in components(blueprint):
            if component.name in wanted:
                session.ensure(component)
        return status_of(layout, session.state, tuple(wanted))


def down(project: Path, report: Report) -> StackStatus:
    """Stop everything of the stack of `project`; databases and logs stay.

    Raises:
        StackError: `STACK-STOP-FAILED` or `STACK-LOCKED`.
    """
    layout = Layout(project.resolve())
    if not layout.root.is_dir():
        return status_of(layout, StackState(), ())
    with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=report):
        session = _Session(layout, report)
        session.stop_all(session.state.components)
        session.stop_orphans()
        session.forget()
        return status_of(layout, session.state, _expected(layout))


def restart(project: Path, name: str, report: Report, *, core: Path | None = None) -> StackStatus:
    """Stop the component `name` if it runs, and bring it up again.

    Raises:
        StackError: `STACK-UNKNOWN-COMPONENT`, or whatever `up` raises.
    """
    layout = Layout(project.resolve())
    _checked((name,), load_project(layout.project))
    if layout.root.is_dir():
        with hold(layout.lock, wait_s=_LOCK_WAIT_S, report=report):
            _Session(layout, report).stop_all({name})
    return up(project, report, only=(name,), core=core)


def status(project: Path) -> StackStatus:
    """Return how the stack of `project` is; changes nothing and waits for nobody."""
    layout = Layout(project.resolve())
    return status_of(layout, load(layout.state), _expected(layout))


def environment(project: Path) -> StackEnvironment:
    """Return the settings of the stack of `project`, for whoever wants to use it.

    Raises:
        StackError: `STACK-NOT-RUNNING` when it is not up.
    """
    told = load(Layout(project.resolve()).state).environment
    if told is None:
        raise StackError(
            StackCode.NOT_RUNNING,
            f"the stack of {str(project)!r} is not up",
            hint=f"`remit up {project}` starts it",
        )
    return told


class _Session:
    """One command at work, under the lock: the state, and every change to it written at once."""

    def __init__(self, layout: Layout, report: Report) -> None:
        self.layout = layout
        self.state = load(layout.state)
        self._report = report

    def prepare(
        self, settings: ProjectSettings, temporal: Binary, opa: Binary, core: Path
    ) -> Blueprint:
        """Decide ports, secrets and files, and write them down."""
        layout = self.layout
        ports = self._ports(settings)
        configuration = opa_setup.write_configuration(
            layout.run,
            token=keep_secret(layout.opa_token),
            bundle_key=keep_secret(layout.bundle_key),
            publisher_port=ports["publisher"],
        )
        blueprint = Blueprint(
            layout=layout,
            settings=settings,
            temporal=temporal,
            opa=opa,
            ports=ports,
            socket=layout.socket(self.state.socket),
            opa_configuration=configuration,
            core_policies=core,
        )
        self._keep(
            self.state.model_copy(
                update={
                    "ports": {**self.state.ports, **ports},
                    "socket": blueprint.socket,
                    "versions": {"temporal": temporal.version, "opa": opa.version},
                    "environment": blueprint.environment(),
                }
            )
        )
        return blueprint

    def ensure(self, component: Component) -> None:
        """Leave `component` as it is when it is up to date and healthy; else start it anew."""
        record = self.state.components.get(component.name)
        if record is not None:
            reason = self._why_not(component, record)
            if reason is None:
                self._report(f"{component.name}: already running (pid {record.pid})")
                return
            self._report(f"{component.name}: {reason}")
            self.stop_all({component.name})
        self._start(component)

    def stop_all(self, wanted: Collection[str]) -> None:
        """Stop the recorded components in `wanted`, the latest start first."""
        for name in [n for n in reversed(self.state.components) if n in wanted]:
            record = self.state.components[name]
            if stop(name, record.process, grace_s=record.grace_s):
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

    def _start(self, component: Component) -> None:
        began = time.monotonic()
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
        )
        self._keep(self.state.with_component(component.name, record))
        try:
            await_healthy(
                component.name,
                started,
                component.health.problem,
                within_s=component.ready_within_s,
            )
        except StackError as error:
            self.stop_all({component.name})
            raise self._policy_error(component.name) or error from None
        self._report(f"{component.name}: ready after {time.monotonic() - began:.1f} s")

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

    def _ports(self, settings: ProjectSettings) -> dict[str, int]:
        """Return a port for every purpose; those of running components stay as they are."""
        chosen: dict[str, int] = {}
        familiar = preferred_ports()
        owners = port_owners(settings)
        running = {n for n, r in self.state.components.items() if r.process.is_running()}
        kept = {
            purpose: port
            for purpose, port in self.state.ports.items()
            if running & set(owners.get(purpose, ()))
        }
        for purpose in owners:
            taken = {*chosen.values(), *kept.values()}
            candidates = (self.state.ports.get(purpose), familiar.get(purpose))
            chosen[purpose] = kept.get(purpose) or choose(candidates, taken=taken)
        return chosen

    def _keep(self, state: StackState) -> None:
        self.state = state
        save(self.layout.state, state)


def _checked(wanted: Collection[str], settings: ProjectSettings) -> Collection[str]:
    known = names(settings)
    for name in wanted:
        if name not in known:
            raise StackError(
                StackCode.UNKNOWN_COMPONENT,
                f"this stack has no component {name!r}",
                hint=f"it has {', '.join(known)}",
            )
    return wanted


def _expected(layout: Layout) -> tuple[str, ...]:
    """Return the components a project should have; the usual ones if it cannot be read."""
    try:
        return names(load_project(layout.project))
    except StackError:
        return names(ProjectSettings())
