"""Whether the tests of the rules hold every rule and condition: each mutant must fail one of them.

A mutant is asked first of the tests that stand beside its file, with what they import and nothing
else; only what survives those is put to all tests. An outcome depends on nothing but the texts of
that run, so it is kept under their digest, and a run after an edit asks again only about what the
edit can reach. Mutants that change nothing anybody can observe stand in a reviewed list, each with
its reason; one that is killed after all, or is gone, must leave the list. A generated file is not
mutated: any change of it is red already, as a difference from its model.
"""

import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from remit.cli.policy.mutants import Mutant, mutants
from remit.cli.policy.outcomes import Outcome, Outcomes
from remit.cli.policy.trial import Suite, Trial


class Equivalent(BaseModel):
    """A mutant that no test can tell from the rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """As it is reported."""
    rule: str
    was: str
    becomes: str
    reason: Annotated[str, Field(min_length=10)]
    """Why nobody can observe it."""
    times: Annotated[int, Field(ge=1)] = 1
    """How often the same change stands in rules of that name."""


class _List(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    equivalent: list[Equivalent] = []


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that every test let pass."""

    file: str
    mutant: Mutant

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the reviewed list names it by."""
        return (self.file, self.mutant.rule, self.mutant.was, self.mutant.becomes)

    def __str__(self) -> str:
        becomes = f"becomes `{self.mutant.becomes}`" if self.mutant.becomes else "is left out"
        rule, was = self.mutant.rule, self.mutant.was
        return f"{self.file}:{self.mutant.row}: {rule}: `{was[:160]}` {becomes}, and no test fails"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of all mutants."""

    counts: Counter[Outcome]
    survivors: tuple[Survivor, ...]
    """Those that no list excuses."""
    stale: tuple[Equivalent, ...]
    """Entries of the list that excuse nothing, or another number than they say."""

    def __str__(self) -> str:
        killed, refused = self.counts["killed"], self.counts["refused"]
        excused = self.counts["survived"] - len(self.survivors)
        return (
            f"mutation: of {self.counts.total()} mutants {killed} fail a test, "
            f"{refused} are no Rego, {excused} change nothing (reviewed), "
            f"{len(self.survivors)} survive"
        )


def reviewed(file: Path) -> tuple[Equivalent, ...]:
    """Read the list of mutants that change nothing; one that does not exist is empty.

    Raises:
        ValueError: it is not of the form of `Equivalent`.
    """
    if not file.is_file():
        return ()
    return tuple(_List.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).equivalent)


def judge(
    opa: Path, suites: Sequence[Suite], listed: Sequence[Equivalent], outcomes: Outcomes
) -> Verdict:
    """Try every mutant of every suite that its cache does not know yet."""
    counts: Counter[Outcome] = Counter()
    survivors: list[Survivor] = []
    for suite in suites:
        with tempfile.TemporaryDirectory(prefix="remit-mutants-") as folder:
            trial = Trial(opa, suite, outcomes, Path(folder))
            asked = [(module, mutant) for module in suite.mutated() for mutant in mutants(module)]
            with ThreadPoolExecutor(trial.workers) as pool:
                found = list(pool.map(trial.outcome, *zip(*asked, strict=True))) if asked else []
        counts.update(found)
        survivors += (
            Survivor(str(module.path.relative_to(suite.folders[-1])), mutant)
            for (module, mutant), outcome in zip(asked, found, strict=True)
            if outcome == "survived"
        )
    times = Counter(survivor.key for survivor in survivors)
    excused = {_key(entry) for entry in listed if times[_key(entry)] == entry.times}
    return Verdict(
        counts,
        tuple(survivor for survivor in survivors if survivor.key not in excused),
        tuple(entry for entry in listed if _key(entry) not in excused),
    )


def _key(entry: Equivalent) -> tuple[str, str, str, str]:
    return (entry.file, entry.rule, entry.was, entry.becomes)
