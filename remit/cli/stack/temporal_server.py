"""The Temporal dev server as `remit up` runs it: on a file, tuned, bound to loopback.

The dynamic values and pragmas are those of the measurements in `docs/`: the server as it comes
answers about ten times slower. Only the command line and the health check live here.
"""

from pathlib import Path

from remit.cli.stack.health import TemporalHealth
from remit.cli.stack.ports import LOOPBACK

GRPC_PORT = 7233
"""Preferred port of the gRPC front end."""
UI_PORT = 8233
"""Preferred port of the web UI."""
NAMESPACE = "default"

SEARCH_ATTRIBUTES = {
    "RemitPlan": "Keyword",
    "RemitStatus": "Keyword",
    "RemitAgent": "Keyword",
    "RemitTenant": "Keyword",
    "RemitOwner": "Keyword",
    "RemitRisk": "Keyword",
    "RemitAwaits": "KeywordList",
}

DYNAMIC_VALUES = {
    # The first step runs on the worker that scheduled it: one hop less per step.
    "system.enableActivityEagerExecution": "true",
    # One shard polls its queues 20 times a second by default: 50 ms per hop.
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "2000",
    # With more partitions a small fleet leaves tasks waiting in one that nobody polls.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}

PRAGMAS = {"journal_mode": "WAL", "synchronous": "NORMAL"}
"""2.2 times the default's throughput; a power cut may cost the last moments, which the ledger
(synchronous FULL) survives."""


def argv(
    binary: Path, *, database: Path, port: int, ui_port: int, codec: str | None = None
) -> tuple[str, ...]:
    """Return the command line; it serves a new and an existing `database` alike."""
    command = [str(binary), "server", "start-dev", "--ip", LOOPBACK]
    command += ["--port", str(port), "--ui-port", str(ui_port)]
    command += ["--db-filename", str(database), "--log-level", "warn"]
    if codec is not None:
        command += ["--ui-codec-endpoint", codec]
    for name, value in PRAGMAS.items():
        command += ["--sqlite-pragma", f"{name}={value}"]
    for name, value in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={value}"]
    for name, value in DYNAMIC_VALUES.items():
        command += ["--dynamic-config-value", f"{name}={value}"]
    return tuple(command)


def health(ui_port: int) -> TemporalHealth:
    """Return its health check."""
    return TemporalHealth(
        web_ui=web_ui(ui_port),
        namespace=NAMESPACE,
        search_attributes=tuple(SEARCH_ATTRIBUTES),
    )


def web_ui(ui_port: int) -> str:
    """Return the base address of the web UI."""
    return f"http://{LOOPBACK}:{ui_port}"
