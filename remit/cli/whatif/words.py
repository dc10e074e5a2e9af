"""A what-if in words that the owner of policies understands."""

from collections.abc import Iterator

from remit.cli.questions.words import moment, short, table
from remit.cli.whatif.making import Made
from remit.cli.whatif.meaning import MEANING
from remit.decision.promotion import Divergence, Report, Says
from remit.decision.whatif import Kind

_MOST_SHOWN = 10
CAUSE = {
    "rules": "the rules",
    "data": "the data",
    "either": "the rules, and the data",
    "both": "rules and data together",
    "": "",
}


def lines(made: Made) -> Iterator[str]:
    """Yield the whole answer."""
    report = made.report
    yield from _head(made)
    yield from _differences(report)
    yield from _widening(report)
    yield from _approvals(report)
    yield from _clashes(report)
    proven = [one for one in report.divergences if one.proof]
    for one in proven:
        yield ""
        yield from _proof(one)
    yield ""
    yield f"report {report.digest}"


def _head(made: Made) -> Iterator[str]:
    report, counts = made.report, made.report.counts
    period = f"since {moment(report.since_ms)}" if report.since_ms else "all that is recorded"
    yield f"candidate {short(report.candidate)} against {short(report.base)}, {period}"
    speed = f"{counts.decisions / made.took_s:,.0f} a second" if made.took_s > 0 else ""
    yield f"  {counts.decisions} decisions of {counts.runs} runs compared ({speed})"
    for number, what in apart(report):
        yield f"  {number} {what}"
    yield from (f"    {line}" for line in made.unproven)
    yield from (f"  GAP  {line}" for line in made.gaps)
    for line in report.findings[:20]:
        yield f"  NOT as it was written: {line}"


def apart(report: Report) -> Iterator[tuple[int, str]]:
    """Yield what was set apart, and how often."""
    counts = report.counts
    told = (
        (counts.unreproducible, "do not come out again under their own rules, and were set apart"),
        (counts.forgotten, "cannot be asked again: their facts were forgotten, as a record says"),
        (counts.unjudged, "were refusals by the enforcement point itself: no policy had spoken"),
        (counts.overtaken, "would come out otherwise under the policies in force already"),
        (counts.reworded, "come out the same for other reasons, or of another risk"),
    )
    yield from ((number, what) for number, what in told if number)


def _differences(report: Report) -> Iterator[str]:
    yield ""
    if not report.divergences:
        yield "no run would have gone another way"
        return
    yield f"{sum(report.first.values())} runs would have gone another way"
    yield from table([(str(n), f"{kind}: the call {MEANING[kind]}") for kind, n in told(report)])
    behind = sum(report.censored.values())
    if behind:
        yield f"  {behind} later differences in them are uncertain: the runs would have been others"
    yield ""
    for one in report.divergences:
        yield f"{one.kind}  {one.run} #{one.record}  {one.about}  {one.tool}".rstrip()
        yield f"    was {says(one.before)}"
        yield f"    now {says(one.after)}"
        if one.cause:
            yield f"    because of {CAUSE[one.cause]}"
    if report.left_out:
        yield f"… and {report.left_out} more runs"


def told(report: Report) -> Iterator[tuple[Kind, int]]:
    """Yield the kinds of first differences with their counts."""
    yield from report.first.items()


def says(one: Says) -> str:
    """Return what a set of rules says, in a line."""
    codes = f" ({', '.join(one.codes)})" if one.codes else ""
    message = f": {one.message}" if one.message else ""
    return f"{one.effect.replace('_', ' ')}{codes}{message}"


def _widening(report: Report) -> Iterator[str]:
    if report.widens_data:
        yield ""
        yield "the data permits more, whatever history shows"
        yield from (f"  {line}" for line in report.widens_data)
    if report.widens:
        yield ""
        yield (
            "WIDENS: somebody with the role that `thresholds.promotion` names has to approve this "
            "very report"
        )


def _approvals(report: Report) -> Iterator[str]:
    if not report.approvals:
        return
    yield ""
    yield "approvals that people would have been asked for"
    rows = [
        (one.day, one.role, f"{one.extra} more" if one.extra else "", f"{one.saved} less")
        if one.saved
        else (one.day, one.role, f"{one.extra} more", "")
        for one in report.approvals
    ]
    yield from table(rows)


def _clashes(report: Report) -> Iterator[str]:
    if not report.clashes:
        return
    yield ""
    yield "rules of the candidate that permit and refuse the same; the refusal wins"
    rows = [(one.permits, one.refuses, str(one.decisions)) for one in report.clashes]
    yield from table(rows[:_MOST_SHOWN])
    if len(rows) > _MOST_SHOWN:
        yield f"  … and {len(rows) - _MOST_SHOWN} more pairs, in the report"


def _proof(one: Divergence) -> Iterator[str]:
    proof = one.proof
    if proof is None:
        return
    yield f"{one.kind}, {one.tool or one.about}: this of its facts matters, and nothing else"
    yield from table([(place, value) for place, value in proof.matters.items()])
    runs = "fails" if proof.red_before else "PASSES"
    then = "passes" if proof.green_after else "FAILS"
    yield f"  {proof.name}: {runs} under the policies in force, {then} under the candidate"
