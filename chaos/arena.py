"""Where it happens: a stack of its own on a copy of `chaos/project`, thrown away afterwards.

The stack's workers and keeper are left out: the machine runs its own (`chaos.fleet`), because it
kills them. The ledger lies on a small file system of its own where that can be mounted, so that
its disk can be filled for real.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.install import Report
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import choose
from remit.cli.stack.postgres import cluster_folder
from remit.cli.stack.state import Profile, StackState, load, save
from remit.enforcement.faultpoints import ENVIRONMENT

ROOT = Path(__file__).parent.parent
PROJECT = Path(__file__).parent / "project"
SECRET = "chaos-secret-9d1f6c"  # noqa: S105 (made for being searched for)
COMPONENTS: Mapping[Profile, tuple[str, ...]] = {
    "light": ("temporal", "publisher", "opa", "shop"),
    "full": ("postgres", "publisher", "temporal", "opa", "shop"),
}
_DISK = "size=256m,mode=0700"


@dataclass(frozen=True, slots=True)
class Arena:
    """A running stack and the places that belong to it."""

    project: Path
    environment: StackEnvironment
    has_own_disk: bool
    """Whether the ledger's file system is its own and can be filled."""
    profile: Profile = "light"

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.project / "ledger" / "ledger.db"

    @property
    def journal(self) -> Path:
        """The shop's journal."""
        return self.project / "shop.db"

    @property
    def points(self) -> Path:
        """The folder of fault points."""
        return self.project / "points"

    @property
    def shop_port(self) -> int:
        """The port on which the shop listens itself."""
        return load(Layout(self.project).state).ports["service.shop"]

    def pid(self, component: str) -> int:
        """Return the process id of a part of the stack."""
        return load(Layout(self.project).state).components[component].pid

    def pids(self, component: str) -> tuple[int, ...]:
        """Return the processes of a part of the stack: a database's server has many."""
        pid = self.pid(component)
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return (pid,)
        return (pid, *map(int, children))

    @property
    def databases(self) -> Path:
        """The folder of everything that Temporal stores."""
        layout = Layout(self.project)
        return layout.data if self.profile == "light" else cluster_folder(layout)

    def up(self, component: str) -> None:
        """Start a part of the stack again; blocks until it is healthy."""
        # Temporal's server gives up when its database goes while it starts.
        only = ("postgres", "temporal") if component == "postgres" else (component,)
        stack.up(self.project, lambda line: None, only=only)

    def variables(self, proxy_port: int) -> dict[str, str]:
        """Return the whole environment of a worker."""
        return {
            **os.environ,
            **self.environment.variables(),
            "PYTHONPATH": str(ROOT),
            "REMIT_LEDGER_URL": f"sqlite:///{self.ledger}",
            "REMIT_ENVIRONMENT": ENVIRONMENT,
            "REMIT_FAULT_POINTS": str(self.points),
            "REMIT_KEEPER_EVERY_S": "2",
            "REMIT_DRAIN_S": "2",
            "CHAOS_PORT": str(proxy_port),
            "CHAOS_TOKEN": SECRET,
        }


@contextmanager
def arena(report: Report, profile: Profile = "light") -> Iterator[Arena]:
    """Start everything but workers and keeper, and leave nothing behind."""
    project = (ROOT / "build" / "chaos" / str(os.getpid())).resolve()
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__", ".remit"))
    with ExitStack() as after:
        after.callback(shutil.rmtree, project, ignore_errors=True)
        for folder in ("ledger", "points/armed", "points/fired"):
            (project / folder).mkdir(parents=True)
        has_own_disk = _mount(project / "ledger", after)
        if profile == "full":
            after.callback(_drop_cluster, Layout(project))
        _choose_port(Layout(project))
        after.callback(stack.down, project, lambda line: None)
        stack.up(project, report, only=COMPONENTS[profile], profile=profile)
        yield Arena(project, stack.environment(project), has_own_disk, profile)


def _choose_port(layout: Layout) -> None:
    """Keep Temporal off the port that every stack likes: while it is dead another may take it."""
    layout.create()
    save(layout.state, StackState(ports={"temporal": choose(())}))


def _drop_cluster(layout: Layout) -> None:
    """Remove the databases, which may lie outside of the project."""
    if layout.secrets.is_dir():
        shutil.rmtree(cluster_folder(layout), ignore_errors=True)


def _mount(folder: Path, after: ExitStack) -> bool:
    """Give `folder` a file system of its own, where we may."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid() != 0:
        return False
    command = [mount, "-t", "tmpfs", "-o", _DISK, "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        return False
    after.callback(subprocess.run, [umount, "-l", str(folder)], check=False, capture_output=True)
    return True
