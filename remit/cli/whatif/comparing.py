"""Recorded decisions against a candidate: proven under their own revision first, then compared.

Each decision is asked again under the bundle that decided it. Only one that comes out as recorded
is evidence of anything; the others are counted and set apart. The candidate is held against the
policies in force, for those are what it would replace: where a decision was made under others, the
ones in force are asked about its facts too.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from remit.canonical import JSONObject
from remit.cli.questions.judging import COMPARED
from remit.cli.whatif.asking import Judge
from remit.cli.whatif.reading import Page, Recorded, Source
from remit.decision.decision import Decided, Decision
from remit.decision.whatif import Change, Compared, Tally
from remit.enforcement.deciding import recorded
from remit.evidence.fields import text

MOST_LISTED = 500
"""First differences that a report lists; further ones are counted."""
_MOST_OPEN = 4
"""Revisions of the past whose OPA is kept running."""

Serve = Callable[[str, AsyncExitStack], Awaitable[Judge | None]]
"""Serves the bundle of a revision until the stack is closed; `None` when it is not kept."""


@dataclass(frozen=True, slots=True)
class First:
    """The first difference of a run."""

    recorded: Recorded
    before: Decision | None
    after: Decision | None
    change: Change


@dataclass(slots=True)
class Found:
    """What came of it."""

    tally: Tally = field(default_factory=Tally)
    firsts: list[First] = field(default_factory=list)
    behind: dict[str, int] = field(default_factory=dict)
    """Differences behind the first one, by run."""
    left_out: int = 0
    apart: dict[str, int] = field(default_factory=dict)
    """Decisions that were not compared, by why."""
    overtaken: int = 0
    clashes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Codes that permit and refuse the same thing under the candidate."""
    findings: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    """Ids of all decisions that were read."""
    unproven: list[str] = field(default_factory=list)
    """The first few that did not come out again, in words."""


class Past:
    """Judges of past revisions, a few at a time."""

    def __init__(self, serve: Serve) -> None:
        """Serve bundles as they are needed."""
        self._serve = serve
        self._open: dict[str, tuple[Judge | None, AsyncExitStack]] = {}

    async def judge(self, revision: str) -> Judge | None:
        """Return who judges by a revision; `None` when its bundle is not at hand."""
        if revision not in self._open:
            while len(self._open) >= _MOST_OPEN:
                _, oldest = self._open.pop(next(iter(self._open)))
                await oldest.aclose()
            opened = AsyncExitStack()
            self._open[revision] = (await self._serve(revision, opened), opened)
        return self._open[revision][0]

    async def close(self) -> None:
        """Let all of them go."""
        while self._open:
            _, opened = self._open.popitem()[1]
            await opened.aclose()


class Comparison:
    """Goes through recorded decisions once."""

    def __init__(self, past: Past, base: Judge, candidate: Judge) -> None:
        """Compare two sets of rules by what was decided in the past."""
        self._past = past
        self._base = base
        self._candidate = candidate
        self.found = Found()

    async def run(self, source: Source, since_ms: int, until_ms: int) -> Found:
        """Go through everything of a period, and return what was found."""
        async with aclosing(_ahead(source.pages(since_ms, until_ms))) as pages:
            async for page in pages:
                await self._page(page)
        return self.found

    async def _page(self, page: Page) -> None:
        self.found.findings += page.findings
        self.found.ids.update(text(one.asked.decision, "decision_id") for one in page.decisions)
        for one in page.decisions:
            if one.absent:
                self._set_apart(one, one.absent)
        asked = [one for one in page.decisions if not one.absent]
        documents = [one.facts for one in asked]
        again, after = await asyncio.gather(self._again(asked), self._candidate.ask(documents))
        before = await self._before(asked, again)
        denied = [one.facts for one, new in zip(asked, after, strict=True) if _is_denied(new)]
        self.found.clashes += await self._candidate.clashes(denied)
        for one, then, old, new in zip(asked, again, before, after, strict=True):
            if not _is_same(one, then):
                self._set_apart(one, "absent" if then is None else "differs")
            else:
                self.found.overtaken += old is None or not _is_same(one, old, in_force=True)
                self._take(one, old, new)

    async def _again(self, asked: Sequence[Recorded]) -> list[Decision | None]:
        """Return what each decision's own revision says now."""
        said: dict[int, Decision | None] = {}
        for revision in dict.fromkeys(one.asked.revision for one in asked):
            mine = [at for at, one in enumerate(asked) if one.asked.revision == revision]
            is_base = revision == self._base.revision
            judge = self._base if is_base else await self._past.judge(revision)
            answers = await judge.ask([asked[at].facts for at in mine]) if judge else []
            said.update(zip(mine, answers, strict=False))
        return [said.get(at) for at in range(len(asked))]

    async def _before(
        self, asked: Sequence[Recorded], again: Sequence[Decision | None]
    ) -> list[Decision | None]:
        """Return what the policies in force say to each."""
        before = list(again)
        other = [at for at, one in enumerate(asked) if one.asked.revision != self._base.revision]
        answers = await self._base.ask([asked[at].facts for at in other])
        for at, answer in zip(other, answers, strict=True):
            before[at] = answer
        return before

    def _take(self, one: Recorded, before: Decision | None, after: Decision | None) -> None:
        found, asked = self.found, one.asked
        step = f"{asked.about} {asked.path}"
        compared = Compared(one.root, asked.seq, asked.at_ms, step, before, after)
        was = found.tally.censored.total()
        change = found.tally.take(compared)
        if found.tally.censored.total() > was:
            found.behind[one.root] = found.behind.get(one.root, 0) + 1
        if change is None:
            return
        if len(found.firsts) < MOST_LISTED:
            found.firsts.append(First(one, before, after, change))
        else:
            found.left_out += 1

    def _set_apart(self, one: Recorded, why: str) -> None:
        found = self.found
        found.apart[why] = found.apart.get(why, 0) + 1
        if why in ("absent", "differs") and len(found.unproven) < 20:
            what = "is not at hand" if why == "absent" else "comes out otherwise"
            found.unproven.append(f"{one.run} #{one.asked.seq} {one.asked.about}: {what}")


async def _ahead(pages: AsyncIterator[Page]) -> AsyncGenerator[Page]:
    """Yield pages, of which the next one is read while somebody has to do with one."""
    reading = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await reading) is not None:
            reading = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _is_denied(said: Decision | None) -> bool:
    return said is not None and said.effect == "deny"


def _is_same(one: Recorded, said: Decision | None, *, in_force: bool = False) -> bool:
    """Whether an answer is the recorded one; of other policies only the effect can be."""
    if said is None:
        return False
    if in_force:
        return said.effect == one.asked.effect
    then, now = one.asked.decision, as_recorded(said)
    return all(then.get(name) == now.get(name) for name in (*COMPARED, "revision"))


def as_recorded(said: Decision) -> JSONObject:
    """Return a decision as the ledger would keep it."""
    return recorded(
        Decided.model_construct(
            decision=said,
            decision_id="",
            revision=said.policy_revision,
            facts=b"",
            facts_digest="",
            decided_ms=0,
            took_us=0,
        )
    )
