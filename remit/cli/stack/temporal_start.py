"""The process that becomes Temporal's server: makes its databases, then runs it.

`python -m remit.cli.stack.temporal_start SETTINGS` (they are JSON). The server takes its
process's place, so that it is the one that the stack knows. Namespace and search attributes, which
only a running server can be asked for, are registered by a process that ends when it is done; the
server's health tells when they are there.
"""

import os
import subprocess
import sys
import time
from typing import NoReturn

from remit.cli.stack.identity import ProcessId, began
from remit.cli.stack.temporal_database import prepare
from remit.cli.stack.temporal_full import TemporalSettings, server_argv
from remit.cli.stack.temporal_server import NAMESPACE, SEARCH_ATTRIBUTES

RETENTION = "720h"
"""How long the history of a closed run is kept."""
_REGISTER_S = 140.0
_EVERY_S = 0.3
_ANSWER_S = 30.0


def main() -> None:
    """Make what is missing and become the server."""
    settings = TemporalSettings.model_validate_json(sys.argv[1])
    try:
        prepare(settings.postgres, settings.passwords, settings.sql_tool)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"the databases are not ready: {error}")
    sys.stdout.flush()
    _register_meanwhile(settings)
    argv = server_argv(settings.server, settings.root)
    # The server would take settings from variables of these names.
    os.execve(argv[0], argv, _without_temporal())


def _register_meanwhile(settings: TemporalSettings) -> None:
    """Let a grandchild register: the server does not know it, and so need not collect it."""
    if (child := os.fork()) != 0:
        os.waitpid(child, 0)
        return
    if os.fork() == 0:
        _register(settings)
    os._exit(0)


def _register(settings: TemporalSettings) -> NoReturn:
    cli = [str(settings.cli), "operator"]
    name = ["--namespace", NAMESPACE, "--address", settings.address]
    known = [*cli, "namespace", "describe", *name]
    pairs = [word for item in SEARCH_ATTRIBUTES.items() for word in _flags(*item)]
    until = time.monotonic() + _REGISTER_S
    said = ""
    leader = ProcessId(os.getsid(0), began(os.getsid(0)) or "ended")
    while time.monotonic() < until and leader.is_running():
        said = _asked([*cli, "cluster", "health", "--address", settings.address])
        if not said and _asked(known):
            said = _asked([*cli, "namespace", "create", *name, "--retention", RETENTION])
        said = said or _asked([*cli, "search-attribute", "create", *name, *pairs])
        if not said:
            os._exit(0)
        time.sleep(_EVERY_S)
    print(f"namespace and search attributes are not registered: {said}", flush=True)
    os._exit(1)


def _flags(name: str, kind: str) -> list[str]:
    return ["--name", name, "--type", kind]


def _asked(argv: list[str]) -> str:
    """Return what the program complained of; nothing when it did what it should."""
    try:
        done = subprocess.run(
            argv,
            env=_without_temporal(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr or done.stdout or "no words").strip()[-500:]


def _without_temporal() -> dict[str, str]:
    return {name: v for name, v in os.environ.items() if not name.startswith("TEMPORAL_")}


if __name__ == "__main__":
    main()
