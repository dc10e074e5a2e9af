"""Where a governed worker spends its CPU: `python -m benchmarks.profile [--runs N]`.

Runs the throughput load against one worker with a sampler in it and prints which of our own
functions cost most, themselves and with all they call, in milliseconds per step, and the libraries'
share. The stacks stay in `build/profile.txt`, in the form that flame graph tools read.
"""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.arena import ROOT, Arena, arena, worker_process
from benchmarks.load import run_many, sequences
from benchmarks.scale import AT_ONCE, STEPS

_OURS = ("remit", "workflows", "activities", "workers")
_TOP = 40


@dataclass(slots=True)
class Profile:
    """Microseconds by place."""

    total: int = 0
    """CPU of the whole process."""
    python: int = 0
    """CPU that was seen in Python code."""
    own: Counter[str] = field(default_factory=Counter)
    """By line of our own code that is innermost on the stack, with the library calls it makes."""
    with_calls: Counter[str] = field(default_factory=Counter)
    """By function of ours, with everything it calls."""
    leaves: Counter[str] = field(default_factory=Counter)
    """By innermost function, whoever's it is."""


def main() -> None:
    """Profile, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "profile.txt")
    given = parser.parse_args()
    given.out.parent.mkdir(exist_ok=True)
    with arena(_say, bare=(), without=("workers",)) as place:
        _profiled(place, given.out, given.runs)
    profile = read(given.out)
    for line in report(profile, (given.runs + 1) * STEPS):
        print(line)
    sys.stdout.flush()
    os._exit(0)


def _profiled(place: Arena, out: Path, runs: int) -> None:
    argv = ["-m", "benchmarks.profiled_worker", "--out", str(out)]
    log = place.environment.log_dir / "profiled.log"
    with worker_process(argv, place.environment, log, {}):
        asyncio.run(_load(place, runs))


async def _load(place: Arena, runs: int) -> None:
    client = await place.client()
    work = sequences(STEPS)["governed"]
    await run_many(client, work, 1, 1)
    batch = await run_many(client, work, runs, AT_ONCE)
    _say(f"{batch.steps_per_s:.0f} steps/s, sampled")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def read(file: Path) -> Profile:
    """Return the profile that a sampler wrote."""
    profile = Profile()
    for line in file.read_text().splitlines():
        stack, _, used = line.rpartition(" ")
        if line.startswith("#"):
            profile.total = int(used)
            continue
        frames = [_Frame.parse(text) for text in stack.split(";")]
        micros = int(used)
        profile.python += micros
        profile.leaves[frames[-1].name] += micros
        ours = [frame for frame in frames if frame.is_ours]
        if ours:
            profile.own[ours[-1].line] += micros
        for name in {frame.name for frame in ours}:
            profile.with_calls[name] += micros
    return profile


def report(profile: Profile, steps: int) -> Iterator[str]:
    """Yield the lines of a report about `steps` steps."""
    each = 1000 * steps
    yield f"{profile.total / each:.2f} CPU ms per step, {profile.python / each:.2f} of it in Python"
    for title, counted in (
        ("our functions, with all they call", profile.with_calls),
        ("our lines, with the library calls they make", profile.own),
        ("innermost functions, whoever's", profile.leaves),
    ):
        yield f"\nms per step   share   {title}"
        for name, micros in counted.most_common(_TOP):
            yield f"{micros / each:11.3f}   {micros / max(profile.total, 1):5.1%}   {name}"


@dataclass(frozen=True, slots=True)
class _Frame:
    """One place on a stack."""

    function: str
    path: str
    number: str

    @classmethod
    def parse(cls, text: str) -> "_Frame":
        function, _, rest = text.partition("@")
        path, _, number = rest.rpartition(":")
        return cls(function, path, number)

    @property
    def is_ours(self) -> bool:
        """Whether it stands in Remit's code."""
        path = Path(self.path)
        return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in _OURS

    @property
    def short(self) -> str:
        """The path, without what everybody knows."""
        path = Path(self.path)
        return (
            str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else "/".join(path.parts[-2:])
        )

    @property
    def name(self) -> str:
        """The function and its file."""
        return f"{self.short}: {self.function}"

    @property
    def line(self) -> str:
        """The line."""
        return f"{self.short}:{self.number} {self.function}"


if __name__ == "__main__":
    main()
