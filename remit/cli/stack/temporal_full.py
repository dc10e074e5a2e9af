"""Temporal's server and its web UI as the profile `full` runs them: four services in one process.

Owns their configuration files and command lines. The server's holds the password of its role and
is readable by its owner alone. Everything listens on loopback, and nobody is asked who he is.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from remit.canonical import Digest, JSONObject, digest_bytes
from remit.cli.stack.blueprint import CODEC
from remit.cli.stack.health import TemporalHealth
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.postgres import Postgres
from remit.cli.stack.temporal_database import PLUGIN
from remit.cli.stack.temporal_server import DYNAMIC_VALUES, NAMESPACE, SEARCH_ATTRIBUTES
from remit.stores.atomic import write_atomically

SERVICES = ("frontend", "matching", "history", "worker")
ENVIRONMENT = "remit"
"""Name of the configuration file."""
_SHARDS = 4
"""Fixed when the database is made. One machine gains nothing from more."""
_CONNECTIONS = {"temporal": 20, "temporal_visibility": 10}
"""Most connections to each database, per service."""


class TemporalSettings(BaseModel):
    """What `temporal_start` works with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: Path
    sql_tool: Path
    cli: Path
    root: Path
    """Folder with `config/`."""
    address: str
    """Host and port of the gRPC front end."""
    postgres: Postgres
    passwords: dict[str, Path]
    """Of the database's roles, by name."""

    def argv(self) -> tuple[str, ...]:
        """Return the command line that starts the server with these settings."""
        module = "remit.cli.stack.temporal_start"
        return (sys.executable, "-P", "-m", module, self.model_dump_json())


def purposes() -> tuple[str, ...]:
    """Return what the server needs ports for; `temporal` is the gRPC front end."""
    inner = (f"temporal.{s}" for s in SERVICES if s != "frontend")
    members = (f"temporal.{service}.membership" for service in SERVICES)
    return ("temporal", "temporal.http", *inner, *members)


def health(port: int) -> TemporalHealth:
    """Return the check of the server, or of the UI, whose HTTP door is at `port`."""
    return TemporalHealth(
        web_ui=f"http://{LOOPBACK}:{port}",
        namespace=NAMESPACE,
        search_attributes=tuple(SEARCH_ATTRIBUTES),
    )


def write_server(root: Path, postgres: Postgres, password: str, ports: Mapping[str, int]) -> None:
    """Write the server's configuration below `root`."""
    dynamic = root / "dynamic.yaml"
    values = {key: [{"value": json.loads(value)}] for key, value in DYNAMIC_VALUES.items()}
    _write(dynamic, values)
    server = f"{postgres.host}:{postgres.port}"
    stores: JSONObject = {
        database: {"sql": _store(database, server, password, most)}
        for database, most in _CONNECTIONS.items()
    }
    _write(root / "config" / f"{ENVIRONMENT}.yaml", _server(stores, ports, dynamic))


def write_ui(root: Path, ports: Mapping[str, int]) -> None:
    """Write the web UI's configuration below `root`."""
    content: JSONObject = {
        "temporalGrpcAddress": f"{LOOPBACK}:{ports['temporal']}",
        "host": LOOPBACK,
        "port": ports["temporal_ui"],
        "enableUi": True,
        "defaultNamespace": NAMESPACE,
        "notifyOnNewVersion": False,
        "cors": {"cookieInsecure": True, "allowOrigins": [_origin(ports)]},
    }
    if CODEC in ports:
        # The browser proves itself to the codec server by a cookie; see `remit codec`.
        endpoint = f"http://{LOOPBACK}:{ports[CODEC]}"
        content["codec"] = {"endpoint": endpoint, "includeCredentials": True}
    _write(root / "config" / f"{ENVIRONMENT}.yaml", content)


def server_argv(program: Path, root: Path) -> tuple[str, ...]:
    """Return the server's own command line."""
    file = root / "config" / f"{ENVIRONMENT}.yaml"
    return (str(program), "--config-file", str(file), "--allow-no-auth", "start")


def ui_argv(program: Path, root: Path) -> tuple[str, ...]:
    """Return the web UI's command line."""
    where = ("--root", str(root), "--config", "config", "--env", ENVIRONMENT)
    return (str(program), *where, "start")


def digest_of(root: Path) -> Digest:
    """Return the digest of the configuration below `root`."""
    return digest_bytes((root / "config" / f"{ENVIRONMENT}.yaml").read_bytes())


def _origin(ports: Mapping[str, int]) -> str:
    return f"http://{LOOPBACK}:{ports['temporal_ui']}"


def _store(database: str, server: str, password: str, most: int) -> JSONObject:
    return {
        "pluginName": PLUGIN,
        "databaseName": database,
        "connectAddr": server,
        "connectProtocol": "tcp",
        "user": "temporal",
        "password": password,
        "maxConns": most,
        "maxIdleConns": most,
    }


def _server(stores: JSONObject, ports: Mapping[str, int], dynamic: Path) -> JSONObject:
    frontend = f"{LOOPBACK}:{ports['temporal']}"
    cluster: JSONObject = {
        "enabled": True,
        "initialFailoverVersion": 1,
        "rpcName": "frontend",
        "rpcAddress": frontend,
    }
    return {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "temporal",
            "visibilityStore": "temporal_visibility",
            "numHistoryShards": _SHARDS,
            "datastores": stores,
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": LOOPBACK}},
        "services": {service: {"rpc": _rpc(service, ports)} for service in SERVICES},
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {"active": cluster},
        },
        "dcRedirectionPolicy": {"policy": "noop"},
        "publicClient": {"hostPort": frontend},
        "dynamicConfigClient": {"filepath": str(dynamic), "pollInterval": "60s"},
    }


def _rpc(service: str, ports: Mapping[str, int]) -> JSONObject:
    is_front = service == "frontend"
    return {
        "grpcPort": ports["temporal" if is_front else f"temporal.{service}"],
        "membershipPort": ports[f"temporal.{service}.membership"],
        "bindOnLocalHost": True,
        **({"httpPort": ports["temporal.http"]} if is_front else {}),
    }


def _write(file: Path, content: object) -> None:
    # JSON is YAML, and spares every `remit up` the loading of a YAML library.
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(file, json.dumps(content, indent=2).encode())
