"""The stack of one project: `up`, `down`, `restart`, `status`.

Every command may be repeated and interrupted at any point: `up` keeps what is healthy and up to
date, and starts, or starts again, what is not; `down` stops whatever is there, also what no state
file names. The state is written before a component's health is known. Plans, policies and data
are never touched.
"""

import os
from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from remit.cli.stack.binaries import cache_folder, ensure
from remit.cli.stack.blueprint import Blueprint
from remit.cli.stack.component import READY_S
from remit.cli.stack.components import components, core_policies
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.install import Report
from remit.cli.stack.layout import ARCHIVE, CANARY, SHADOW, Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.outline import Outline
from remit.cli.stack.postgres import has_own_cluster
from remit.cli.stack.profile import PROGRAMS, profile_of
from remit.cli.stack.project import ProjectSettings, load_project
from remit.cli.stack.session import PortTakenError, Session
from remit.cli.stack.state import Profile, StackState, load
from remit.cli.stack.status import StackStatus, status_of

LOCK_WAIT_S = 2 * READY_S
"""Longer than a component may take to be ready: whoever holds the lock may be within its rights."""
_TRIES = 3
"""How often `up` chooses ports anew when somebody else was faster."""


def up(
    project: Path,
    report: Report,
    *,
    only: Collection[str] | None = None,
    core: Path | None = None,
    profile: Profile | None = None,
) -> StackStatus:
    """Bring the stack of `project` up, or back up, and return its status.

    Args:
        project: the folder with `remit.toml`.
        report: told, a line at a time, what is done.
        only: names of components to look after; all when `None`.
        core: the folder of Remit's own policies; the shipped ones when `None`.
        profile: the profile of a stack that has none yet; `light` when `None`.

    Raises:
        StackError: with a stable code; what was healthy is left running.
    """
    layout = Layout(project.resolve())
    outline = outlined(layout, load(layout.state), profile)
    wanted = _checked(outline.names() if only is None else only, outline)
    search = os.environ.get("PATH", "")
    found = {
        program.name: ensure(program, report, cache=cache_folder(), search=search)
        for program in PROGRAMS[outline.profile]
    }
    layout.create()
    with hold(layout.lock, wait_s=LOCK_WAIT_S, report=report):
        session = Session(layout, report)
        session.stop_orphans()
        session.stop_all(set(session.state.components) - set(outline.names()))
        for left in reversed(range(_TRIES)):
            blueprint = session.prepare(outline, found, core or core_policies())
            try:
                _ensure_all(session, blueprint, wanted)
                break
            except PortTakenError as error:
                if not left:
                    raise
                report(error.diagnostic.message.partition("\n")[0] + "; trying others")
        return status_of(layout, session.state, tuple(wanted))


def down(project: Path, report: Report) -> StackStatus:
    """Stop everything of the stack of `project`; databases and logs stay.

    Raises:
        StackError: `STACK-STOP-FAILED` or `STACK-LOCKED`.
    """
    layout = Layout(project.resolve())
    if not layout.root.is_dir():
        return status_of(layout, StackState(), ())
    with hold(layout.lock, wait_s=LOCK_WAIT_S, report=report):
        session = Session(layout, report)
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
    _checked((name,), outlined(layout, load(layout.state)))
    if layout.root.is_dir():
        with hold(layout.lock, wait_s=LOCK_WAIT_S, report=report):
            Session(layout, report).stop_all({name})
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


def _ensure_all(session: Session, blueprint: Blueprint, wanted: Collection[str]) -> None:
    parts = [part for part in components(blueprint) if part.name in wanted]
    for _, wave in groupby(parts, key=lambda part: part.wave):
        session.ensure(tuple(wave))


def _checked(wanted: Collection[str], outline: Outline) -> Collection[str]:
    known = outline.names()
    for name in wanted:
        if name not in known:
            raise StackError(
                StackCode.UNKNOWN_COMPONENT,
                f"this stack has no component {name!r}",
                hint=f"it has {', '.join(known)}",
            )
    return wanted


def outlined(layout: Layout, state: StackState, wanted: Profile | None = None) -> Outline:
    """Return what a project asks for.

    Raises:
        StackError: the project cannot be read, or has another profile than `wanted`.
    """
    profile = profile_of(layout, state, wanted)
    return Outline(
        load_project(layout.project),
        profile,
        has_own_cluster(layout),
        served=tuple(n for n in (SHADOW, CANARY) if (layout.candidate(n) / ARCHIVE).is_file()),
    )


def _expected(layout: Layout) -> tuple[str, ...]:
    """Return the components a project should have; the usual ones if it cannot be read."""
    try:
        return outlined(layout, load(layout.state)).names()
    except StackError:
        return Outline(ProjectSettings()).names()
