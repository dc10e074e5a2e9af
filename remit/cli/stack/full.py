"""What the profile `full` runs in place of Temporal's development server.

PostgreSQL, unless it runs elsewhere; Temporal's server on it; its web UI. Everything else of a
stack is the same in both profiles.
"""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from remit.cli.stack import temporal_full
from remit.cli.stack.blueprint import Blueprint
from remit.cli.stack.component import READY_S, Component
from remit.cli.stack.health import PostgresHealth
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.postgres import ROLES, Postgres, password_file
from remit.cli.stack.postgres_start import SETTINGS
from remit.stores.version import VERSION


def write_configuration(layout: Layout, server: Postgres, ports: Mapping[str, int]) -> None:
    """Write what Temporal's server and web UI read."""
    password = password_file(layout, "temporal").read_text().strip()
    temporal_full.write_server(layout.temporal, server, password, ports)
    temporal_full.write_ui(layout.temporal_ui, ports)


def postgres(blueprint: Blueprint, server: Postgres, cluster: Path) -> Component:
    """Return the cluster of our own."""
    port = blueprint.ports["postgres"]
    return Component(
        name="postgres",
        wave=1,
        argv=(
            *(sys.executable, "-P", "-m", "remit.cli.stack.postgres_start"),
            *("--bin", str(server.programs.folder), "--cluster", str(cluster)),
            *("--port", str(port), "--password-file", str(server.password_file)),
        ),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=PostgresHealth(host=LOOPBACK, port=port, user=server.admin),
        ready_within_s=READY_S,
        grace_s=20,
        # SIGTERM would wait for every client to leave; this ends their sessions, and is as orderly.
        stop_signal=signal.SIGINT,
        ports=(port,),
        configuration=server.programs.version + repr(SETTINGS),
    )


def temporal(blueprint: Blueprint, server: Postgres) -> Component:
    """Return Temporal's server."""
    ports, layout = blueprint.ports, blueprint.layout
    program = blueprint.programs["temporal-server"]
    settings = temporal_full.TemporalSettings(
        server=program.path,
        sql_tool=blueprint.programs["temporal-sql-tool"].path,
        cli=blueprint.programs["temporal"].path,
        root=layout.temporal,
        address=f"{LOOPBACK}:{ports['temporal']}",
        postgres=server,
        passwords={role: password_file(layout, role) for role in ROLES},
    )
    return Component(
        name="temporal",
        wave=2,
        argv=settings.argv(),
        variables={},
        address=settings.address,
        health=temporal_full.health(ports["temporal.http"]),
        ready_within_s=READY_S,
        grace_s=15,
        ports=tuple(ports[purpose] for purpose in temporal_full.purposes()),
        configuration=program.version + VERSION + temporal_full.digest_of(layout.temporal),
    )


def web_ui(blueprint: Blueprint) -> Component:
    """Return Temporal's web UI."""
    port = blueprint.ports["temporal_ui"]
    root = blueprint.layout.temporal_ui
    program = blueprint.programs["temporal-ui-server"]
    return Component(
        name="temporal-ui",
        wave=3,
        argv=temporal_full.ui_argv(program.path, root),
        variables={},
        address=f"{LOOPBACK}:{port}",
        health=temporal_full.health(port),
        ready_within_s=READY_S,
        grace_s=5,
        ports=(port,),
        configuration=program.version + temporal_full.digest_of(root),
    )
