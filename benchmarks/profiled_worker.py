"""A governed worker with a sampler in it: the process that `benchmarks.profile` looks into.

Prints `ready` at once; whoever starts it waits for runs to end, not for it. SIGTERM drains it as
any worker, and then it writes what was sampled.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks.sampler import Sampler
from workers.fleet import run_fleet
from workers.settings import WorkerSettings
from workers.telemetry import set_up_logging


def main() -> None:
    """Work until told to stop, sampling."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiled_worker")
    parser.add_argument("--roles", default="orchestrate,tools")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    settings = WorkerSettings()
    set_up_logging(settings, "profiled")
    sampler = Sampler()
    os.write(sys.stdout.fileno(), b"ready\n")
    sampler.start()
    code = asyncio.run(run_fleet(settings, tuple(given.roles.split(","))))
    sampler.stop()
    sampler.write(given.out)
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
