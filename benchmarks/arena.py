"""Where it is measured: the light stack of `benchmarks/project`, with bare workers beside it.

The stack is the one that `remit up` starts, with a database and a ledger of its own that are thrown
away. Governed and bare workers are processes of their own and stay up together; whoever is not
measured at the moment only waits. The load generator is the process that runs the benchmark.
"""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from benchmarks.crowding import Crowd, write
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.install import Report
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import load
from workers.builder import connect
from workers.settings import WorkerSettings

ROOT = Path(__file__).parent.parent
PROJECT = Path(__file__).parent / "project"
GOVERNED = "governed"
BARE = "bare"
LEAN = "lean"
BEST = "best"
_READY_S = 60


@dataclass(frozen=True, slots=True)
class Arena:
    """A running stack, the workers beside it, and how to reach them."""

    project: Path
    environment: StackEnvironment
    pids: dict[str, int]
    """Processes by name: `governed`, `bare`, `lean`, `best`, `temporal`, `opa`, `load`."""

    async def client(self) -> Client:
        """Return a new client, as governed workers have it."""
        address, ledger = self.environment.temporal_address, self.environment.ledger_url
        return await connect(WorkerSettings(temporal_address=address, ledger_url=ledger))


@contextmanager
def arena(
    report: Report,
    bare: Sequence[str] = (BARE, LEAN, BEST),
    without: Sequence[str] = (),
    crowd: Crowd | None = None,
) -> Iterator[Arena]:
    """Start everything, and leave nothing behind.

    Args:
        report: told what is started.
        bare: the workers beside the stack.
        without: components of the stack that are not started.
        crowd: in place of the project's own policies.
    """
    project = ROOT / "build" / "bench" / str(os.getpid())
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__", ".remit"))
    with ExitStack() as after:
        after.callback(shutil.rmtree, project, ignore_errors=True)
        after.callback(stack.down, project, lambda line: None)
        if crowd is not None:
            write(project / "policies", crowd)
        wanted = [name for name in _components(project) if name not in without]
        stack.up(project, report, only=wanted)
        environment = stack.environment(project)
        pids = _stack_pids(project) | {"load": os.getpid()}
        for name in bare:
            pids[name] = after.enter_context(_bare_worker(name, environment))
        yield Arena(project, environment, pids)


def _components(project: Path) -> list[str]:
    return [component.name for component in stack.status(project).components]


def _stack_pids(project: Path) -> dict[str, int]:
    known = {"workers": GOVERNED, "temporal": "temporal", "opa": "opa", "keeper": "keeper"}
    started = load(Layout(project.resolve()).state).components
    return {known[name]: record.pid for name, record in started.items() if name in known}


@contextmanager
def worker_process(
    argv: Sequence[str], environment: StackEnvironment, log: Path, more: dict[str, str]
) -> Iterator[int]:
    """Run a worker beside the stack until the block ends; it prints `ready` when it polls."""
    variables = {**os.environ, **environment.variables(), "PYTHONPATH": str(ROOT), **more}
    with log.open("wb") as written:
        child = subprocess.Popen(
            [sys.executable, *argv], stdout=subprocess.PIPE, stderr=written, env=variables, cwd=ROOT
        )
        try:
            _await_ready(child, log)
            yield child.pid
        finally:
            child.terminate()
            try:
                child.wait(timeout=60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def _bare_worker(name: str, environment: StackEnvironment) -> Iterator[int]:
    argv = ["-m", "benchmarks.bare_worker", "--queue", name]
    argv += [f"--{name}"] if name in (LEAN, BEST) else []
    log = environment.log_dir / f"{name}.log"
    with worker_process(argv, environment, log, {}) as pid:
        yield pid


def _await_ready(child: subprocess.Popen[bytes], log: Path) -> None:
    if child.stdout is None:
        raise RuntimeError("the worker has no output")
    readable, _, _ = select.select([child.stdout], [], [], _READY_S)
    said = os.read(child.stdout.fileno(), 64) if readable else b""
    if said.strip() != b"ready":
        raise RuntimeError(f"a worker did not start: {log.read_text(errors='replace')[-2000:]}")
