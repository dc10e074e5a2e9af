"""A worker with one thing wrong: a skewed clock, or effect-once broken on purpose.

Without that it would be no different from `python -m workers`, which everything else runs.
"""

import argparse
import sys
import time
import uuid
from dataclasses import replace
from typing import Any

from remit.enforcement import attempt
from remit.enforcement.lease import tool_call
from remit.enforcement.subject import Subject
from remit.tool.call import ToolCall
from workers.command import main as work


def break_effect_once() -> None:
    """Send another key with every attempt: the one line that makes a retry a second effect."""

    def another_key(subject: Subject, *given: Any, **more: Any) -> ToolCall:
        key = f"{subject.key}#{uuid.uuid4().hex}"
        return replace(tool_call(subject, *given, **more), step_key=key)

    vars(attempt)["tool_call"] = another_key


def skew_clock(milliseconds: int) -> None:
    """Let this process's wall clock run ahead, or behind; leases and decisions read it."""
    honest, by = time.time_ns, milliseconds * 1_000_000

    def time_ns() -> int:
        return honest() + by

    time.time_ns = time_ns


def main() -> None:
    """Break what is asked for, then work."""
    parser = argparse.ArgumentParser(prog="python -m chaos.worker", description=__doc__)
    parser.add_argument("--break-effect-once", action="store_true")
    parser.add_argument("--skew-ms", type=int, default=0)
    given, rest = parser.parse_known_args()
    if given.break_effect_once:
        break_effect_once()
    if given.skew_ms:
        skew_clock(given.skew_ms)
    sys.argv[1:] = rest
    work()


if __name__ == "__main__":
    main()
