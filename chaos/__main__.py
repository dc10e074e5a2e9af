"""Break it on purpose: `python -m chaos [--plans N] [--seed S] [--exhaustive] [--profile full]`.

Starts a stack of its own, runs generated plans under scheduled faults, holds the shop's journal
against ledger and histories, prints a table and writes `build/chaos.json`. Exit code 0 says that
every invariant held, every window got its faults and every planned kind came.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.arena import ROOT, Arena, arena
from chaos.checker import check
from chaos.driver import Course, Driver, client_of
from chaos.exhaustive import crashes
from chaos.figures import Outcome, counted, recoveries
from chaos.fleet import Fleet
from chaos.injector import Injected
from chaos.plans import cases
from chaos.proxy import Proxy
from chaos.schedule import OF_PROFILE, missed, schedule

APART = frozenset({"long_pause"})


def say(line: str) -> None:
    """Tell what is done, on standard error."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line, run, print, write."""
    given = _arguments()
    # What was started is stopped then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with arena(say, given.profile) as place:
        found = asyncio.run(_run(place, given))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found.document(), indent=2) + "\n")
    print(found.table())
    sys.stdout.flush()
    os._exit(0 if found.is_good else 1)  # the SDK's native threads may crash on the way out


async def _run(place: Arena, given: argparse.Namespace) -> Outcome:
    extra = ["--break-effect-once"] if given.break_effect_once else []
    proxy = Proxy()
    port = await proxy.start(place.shop_port)
    fleet = Fleet(place, port, given.workers, extra)
    driver = Driver(place, fleet, proxy, await client_of(place), say, given.quiet_within_s)
    try:
        await fleet.start()
        say(f"{given.workers} workers are ready")
        if given.exhaustive:
            return await _at_every_point(driver, given)
        return await _at_random(driver, given)
    finally:
        await fleet.stop()
        await proxy.stop()


async def _at_random(driver: Driver, given: argparse.Namespace) -> Outcome:
    left_out = [] if driver.place.has_own_disk else ["disk_full: nothing may be mounted here"]
    without = [*given.without, *(each.partition(":")[0] for each in left_out)]
    planned = schedule(given.seed, given.plans, without, given.profile)
    course, came = await driver.run(cases(given.seed, given.plans), planned)
    short, absent = missed(planned, [(i.fault.kind, i.fault.window) for i in came], given.plans)
    left_out += [f"{kind}: asked for" for kind in given.without]
    return await _outcome(driver, given, course, came, (left_out, short, absent))


async def _at_every_point(driver: Driver, given: argparse.Namespace) -> Outcome:
    course, came, absent = await driver.exhaust(crashes(given.seed))
    return await _outcome(driver, given, course, came, ([], {}, absent))


async def _outcome(
    driver: Driver,
    given: argparse.Namespace,
    course: Course,
    came: Sequence[Injected],
    gaps: tuple[Sequence[str], Mapping[str, int], Sequence[str]],
) -> Outcome:
    say(f"{'quiet' if course.is_quiet else 'NOT quiet'}; gathering the evidence")
    evidence = await driver.evidence(course, came, given.replays)
    inside = [one for one in came if one.fault.kind not in APART]
    apart = [one for one in came if one.fault.kind in APART]
    kinds, windows = counted(inside)
    return Outcome(
        seed=given.seed,
        profile=given.profile,
        plans=len(course.started),
        ended=dict(Counter(end.status for end in evidence.ends).most_common()),
        faults=len(came),
        kinds=kinds,
        windows=windows,
        apart=counted(apart)[0],
        left_out=gaps[0],
        missed_windows=gaps[1],
        missed_kinds=gaps[2],
        effects=len(evidence.effects),
        requests=len(evidence.requests),
        doubts=sum(attempt.outcome == "in_doubt" for attempt in evidence.attempts),
        recovery=recoveries(inside, evidence.chains),
        recovery_apart=recoveries(apart, evidence.chains),
        took_s=course.last_fault - course.began,
        quiet_s=course.quiet_after_s,
        is_quiet=course.is_quiet,
        violations=check(evidence),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--plans", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="light", choices=sorted(OF_PROFILE))
    parser.add_argument("--exhaustive", action="store_true", help="one plan, every point once")
    parser.add_argument(
        "--without", action="append", default=[], choices=sorted(OF_PROFILE["full"])
    )
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--quiet-within-s", type=float, default=180)
    parser.add_argument("--replays", type=int, default=60, help="most histories replayed")
    parser.add_argument("--break-effect-once", action="store_true", help="see it caught")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "chaos.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
