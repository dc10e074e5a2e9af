"""`python -m workers --roles orchestrate,tools`: one worker process. SIGTERM drains it."""

import argparse
import asyncio
import os
import sys

from workers.fleet import ROLES, run_fleet
from workers.settings import WorkerSettings
from workers.telemetry import set_up_logging, set_up_tracing


def main() -> None:
    """Read the command line and the environment, and work until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--roles", default="orchestrate,tools", help=", ".join(ROLES))
    roles = tuple(parser.parse_args().roles.split(","))
    unknown = [role for role in roles if role.partition(":")[0] not in ROLES]
    if unknown:
        parser.error(f"no role is called {unknown[0]!r}; there are {', '.join(ROLES)}")
    settings = WorkerSettings()
    set_up_logging(settings, roles[0])
    provider = set_up_tracing(settings, roles[0])
    try:
        code = asyncio.run(run_fleet(settings, roles))
    finally:
        if provider is not None:
            provider.shutdown()
    sys.stderr.flush()
    # The SDK's native threads may crash the interpreter while it is torn down.
    os._exit(code)


if __name__ == "__main__":
    main()
