"""OPA as `remit up` runs it: on a Unix socket of the owner, closed but for one question.

Its own access rules and log rules (`system/*.rego`) are loaded from a local folder with a root of
its own, so that no policy bundle can rewrite them. Policies come from the publisher as signed
bundles by long polling, so an edit is active within a moment. The last good one is kept on disk:
an OPA that starts while the publisher is away decides as it did, and whoever asks it knows how old
that is. Only files and command lines are made here; nothing is started.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import Digest, JSONObject, digest, digest_bytes
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.signing import ALGORITHM, PublicKey
from remit.stores.atomic import write_atomically

DECISION = "remit/main/decision"
BUNDLE_RESOURCE = "bundles/remit.tar.gz"
LOG_VARIABLE = "REMIT_OPA_DECISION_LOG"
"""With `console` OPA writes what it did not allow into its own log, as a cross-check of the ledger,
which is the record. It is work on every decision, so it is off otherwise."""
VARIABLES = {"GOGC": "400", "GOMEMLIMIT": "384MiB"}
"""How OPA's process collects garbage: four times as seldom as Go does by itself while memory is
plentiful, for the policies and their data are small and every decision is garbage."""
MAX_BUNDLE_BYTES = 16 * 2**20
MAX_INPUT_BYTES = 16 * 2**20
"""Whole-plan facts of several thousand steps are the largest input."""
_LONG_POLL_S = 30
_LOCAL = "opa-system"
_PERSISTED = "opa-bundles"
_LOCAL_ROOTS = ("system/authz", "system/log", "system/tokens")
"""Never `system` as a whole: OPA keeps the revisions of all bundles below it, and activating a
bundle with that root would wipe them."""
_SYSTEM = Path(__file__).with_name("system")


@dataclass(frozen=True, slots=True)
class BundleSource:
    """Where policies come from, and whose an OPA takes."""

    url: str
    """Of a publisher, or `file://…` of one bundle."""
    key: PublicKey
    scope: str
    """The environment that bundles must be signed for."""


def file_url(archive: Path) -> str:
    """Return the address of a bundle that is a file: verified alike, and read once."""
    return f"file://{archive}"


def local_source(port: int, key: PublicKey, scope: str) -> BundleSource:
    """Return the source that a publisher on this machine's loopback is."""
    return BundleSource(f"http://{LOOPBACK}:{port}", key, scope)


def write_configuration(folder: Path, *, token: str, source: BundleSource) -> Path:
    """Write OPA's configuration and its local bundle into `folder`, readable by the owner alone.

    Returns:
        The configuration file.
    """
    local, persisted = folder / _LOCAL, folder / _PERSISTED
    for made in (local, persisted):
        made.mkdir(mode=0o700, exist_ok=True)
    for rules in sorted(_SYSTEM.glob("*.rego")):
        shutil.copyfile(rules, local / rules.name)
    _write_json(local / "data.json", {"system": {"tokens": {"enforcement": token}}})
    _write_json(local / ".manifest", {"revision": "local", "roots": list(_LOCAL_ROOTS)})
    configuration = folder / "opa.json"
    logged = os.environ.get(LOG_VARIABLE) == "console"
    _write_json(configuration, _configuration(local, persisted, source, logged=logged))
    return configuration


def configuration_digest(configuration: Path) -> Digest:
    """Return the digest of everything that `write_configuration` wrote."""
    local = configuration.with_name(_LOCAL)
    written = [configuration, *sorted(local.iterdir())]
    return digest([[path.name, digest_bytes(path.read_bytes())] for path in written])


def argv(binary: Path, *, configuration: Path, socket: Path) -> tuple[str, ...]:
    """Return the command line."""
    return (
        *(str(binary), "run", "--server", "--skip-version-check"),
        *("--config-file", str(configuration)),
        *("--addr", f"unix://{socket}", "--unix-socket-perm", "600"),
        *("--authentication", "token", "--authorization", "basic"),
        *("--log-level", "error", "--shutdown-grace-period", "3"),
        "--optimize-store-for-read-speed",
    )


def health(socket: Path, token_file: Path) -> OpaHealth:
    """Return its health check."""
    return OpaHealth(socket=socket, token_file=token_file, decision=DECISION)


def _configuration(
    local: Path, persisted: Path, source: BundleSource, *, logged: bool
) -> JSONObject:
    signing: JSONObject = {"keyid": source.key.id, "scope": source.scope}
    return {
        "labels": {"app": "remit", "environment": source.scope},
        "default_decision": DECISION,
        "persistence_directory": str(persisted),
        **({} if _is_file(source) else {"services": {"publisher": {"url": source.url}}}),
        # The publisher's port is open to everybody on this machine, and could become somebody
        # else's when the publisher dies. The signature makes that harmless.
        "keys": {source.key.id: {"algorithm": ALGORITHM, "key": source.key.pem}},
        "bundles": {
            "system": {"resource": f"file://{local}"},
            "remit": {
                # Always named: without it older OPAs also take what is not signed at all.
                "signing": signing,
                "size_limit_bytes": MAX_BUNDLE_BYTES,
                **_fetched(source),
            },
        },
        **({"decision_logs": {"console": True}} if logged else {}),
        "status": {"prometheus": True},
        "server": {"decoding": {"max_length": MAX_INPUT_BYTES}},
    }


def _is_file(source: BundleSource) -> bool:
    return source.url.startswith("file:")


def _fetched(source: BundleSource) -> JSONObject:
    """Return how a bundle is got: read from its file, or asked for again and again, and kept."""
    if _is_file(source):
        return {"resource": source.url}
    return {
        "service": "publisher",
        "resource": BUNDLE_RESOURCE,
        "persist": True,
        "polling": {
            "min_delay_seconds": 1,
            "max_delay_seconds": 1,
            "long_polling_timeout_seconds": _LONG_POLL_S,
        },
    }


def _write_json(path: Path, content: JSONObject) -> None:
    write_atomically(path, json.dumps(content, indent=2).encode())
