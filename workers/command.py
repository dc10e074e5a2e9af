"""The command of a worker process: what it is told, and how it ends."""

import argparse
import asyncio
import os
import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from remit.client.tracing import tracing
from remit.variables import faults_of
from workers.fleet import ROLES, run_fleet
from workers.settings import WorkerSettings
from workers.telemetry import set_up_logging

SETTINGS = "WORKER-SETTINGS"
"""Code of variables with which a worker does not start."""


def main() -> None:
    """Read the command line and the environment, and work until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--roles", default="orchestrate,tools", help=", ".join(ROLES))
    roles = tuple(parser.parse_args().roles.split(","))
    unknown = [role for role in roles if role.partition(":")[0] not in ROLES]
    if unknown:
        parser.error(f"no role is called {unknown[0]!r}; there are {', '.join(ROLES)}")
    try:
        settings = WorkerSettings()
    except (ValidationError, SettingsError) as error:
        parser.exit(2, "".join(f"{SETTINGS}  {fault}\n" for fault in faults_of(error)))
    set_up_logging(settings, roles[0])
    with tracing(settings.otlp_endpoint, f"remit-{roles[0]}") as interceptors:
        code = asyncio.run(run_fleet(settings, roles, interceptors))
    sys.stderr.flush()
    # The SDK's native threads may crash the interpreter while it is torn down.
    os._exit(code)
