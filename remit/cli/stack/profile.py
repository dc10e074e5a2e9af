"""The profiles a stack can have, the programs that each needs, and which one a project has.

A project keeps the profile of its first `remit up`: its runs, its ledger and the signed log belong
together, and a keeper that meets one profile's ledger beside the other's Temporal would take every
run for a lost one.
"""

from remit.cli.stack.binaries import OPA, TEMPORAL, Program
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.install import GoModule, Release
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import Profile, StackState

_SERVER = "v1.31.2"
"""Later servers ask for a newer Go than the one that builds the other programs."""
_SERVER_RELEASE = "https://github.com/temporalio/temporal/releases/download/v1.31.2/{file}"
_SERVER_FILE = "temporal_1.31.2_{system}_{machine}.tar.gz"
_VERSION = r"version (\d+\.\d+\.\d+)"


def _of_server(name: str, package: str) -> Program:
    """Return a program that comes with Temporal's server."""
    return Program(
        name=name,
        minimum=(1, 31, 2),
        version_argv=("--version",),
        version_pattern=_VERSION,
        installers=(
            Release(_SERVER_RELEASE, _SERVER_FILE, "checksums.txt", name),
            GoModule(f"go.temporal.io/server/cmd/{package}", _SERVER),
        ),
    )


TEMPORAL_SERVER = _of_server("temporal-server", "server")

TEMPORAL_SQL = _of_server("temporal-sql-tool", "tools/sql")

TEMPORAL_UI = Program(
    name="temporal-ui-server",
    minimum=(2, 42, 1),
    version_argv=("--version",),
    version_pattern=_VERSION,
    # Published as a container image and as this module.
    installers=(GoModule("github.com/temporalio/ui-server/v2/cmd/server", "v2.42.1"),),
)

PROGRAMS: dict[Profile, tuple[Program, ...]] = {
    "light": (TEMPORAL, OPA),
    "full": (TEMPORAL, OPA, TEMPORAL_SERVER, TEMPORAL_SQL, TEMPORAL_UI),
}
"""What is found or installed before a stack starts; PostgreSQL comes from the system."""

LACKS = "full: names are claims without `[identity]` in remit.toml"
"""What `remit up --profile full` says, until it is built."""


def profile_of(layout: Layout, state: StackState, wanted: Profile | None = None) -> Profile:
    """Return the profile of a project's stack: the one it has, else `wanted`, else light.

    Raises:
        StackError: `STACK-PROFILE` when it has another one than `wanted`.
    """
    has = state.profile or ("light" if layout.temporal_database.exists() else None)
    if has is not None and wanted not in (None, has):
        raise StackError(
            StackCode.PROFILE,
            f"the stack of {str(layout.project)!r} has the profile {has!r}, with its runs, its "
            "ledger and its signed log",
            hint=f"leave out `--profile`, or copy the project without its `.remit` for {wanted!r}",
        )
    return has or wanted or "light"
