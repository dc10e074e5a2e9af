"""Why a candidate differs: its rules or its data, told by two hybrids that are asked again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from remit.cli.whatif.asking import judging
from remit.cli.whatif.bundles import Parts
from remit.cli.whatif.comparing import First
from remit.decision.whatif import compare

Cause = Literal["rules", "data", "either", "both", ""]


async def causes(
    opa: Path, base: Parts, candidate: Parts, firsts: Sequence[First]
) -> Sequence[Cause]:
    """Return for each difference what makes it: see `Divergence.cause`."""
    if not firsts:
        return []
    documents = [one.recorded.facts for one in firsts]
    by_rules = await _flips(opa, candidate, base, documents, firsts)
    by_data = await _flips(opa, base, candidate, documents, firsts)
    return [_cause(rules, data) for rules, data in zip(by_rules, by_data, strict=True)]


def _cause(by_rules: bool, by_data: bool) -> Cause:
    if by_rules == by_data:
        return "either" if by_rules else "both"
    return "rules" if by_rules else "data"


async def _flips(
    opa: Path, rules: Parts, data: Parts, documents: Sequence[bytes], firsts: Sequence[First]
) -> list[bool]:
    """Return whether a hybrid's answers differ as the candidate's do."""
    name = "hybrid"
    async with judging(opa, name, rules.with_data(data.data, name)) as judge:
        answers = await judge.ask(documents)
    found = [compare(one.before, said) for one, said in zip(firsts, answers, strict=True)]
    return [
        change is not None and change.kind == one.change.kind
        for one, change in zip(firsts, found, strict=True)
    ]
