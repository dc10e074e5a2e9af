"""Many recorded facts, put to an OPA of its own in batches.

A small module beside the bundle answers a list of facts by one request; the decisions are those
that single questions give. One faulty decision fails its whole batch, so a batch that fails, or
leaves one out, is asked again one by one and hides nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from pydantic_core import from_json

from remit.canonical import JSON, Digest
from remit.cli.errors import stack
from remit.cli.questions.rules import DECISION_S, started
from remit.decision.decision import Decision
from remit.enforcement.answer import trusted
from remit.enforcement.opa import OpaClient, PolicyInvalidError, PolicyUnavailableError

BATCH = 50
"""Most facts of one request."""
_BATCH_BYTES = 4 * 2**20
"""Most bytes of one, unless a single one is larger."""
_AT_ONCE = 2
_MODULE = """package whatif

import rego.v2

answers[number] := decision if {
	some number, facts in input.facts
	decision := data.remit.main.decision with input as facts
}

clashes[number] := {[one.code, other.code] | some one in permits; some other in refusals} if {
	some number, facts in input.facts
	data.remit.lib.shape.well_formed with input as facts
	permits := data.remit.main.permits with input as facts
	refusals := data.remit.main.refusals with input as facts
}
"""
_ANSWERS = "http://opa/v1/data/whatif/answers?strict-builtin-errors=true"
_CLASHES = "http://opa/v1/data/whatif/clashes?strict-builtin-errors=true"


class Judge:
    """One set of rules, asked about many facts."""

    def __init__(self, revision: str, single: OpaClient, session: aiohttp.ClientSession) -> None:
        """Ask through open connections; `judging` opens them."""
        self.revision = revision
        self._single = single
        self._session = session
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, documents: Sequence[bytes]) -> list[Decision | None]:
        """Return the decision about each of `documents`; `None` for one that cannot be trusted.

        Raises:
            CliError: OPA went away; exit code 3.
        """
        batches = _batches(documents)
        answered = await asyncio.gather(*(self._batch(one) for one in batches))
        return [decision for decisions in answered for decision in decisions]

    async def clashes(self, documents: Sequence[bytes]) -> Counter[tuple[str, str]]:
        """Count the pairs of rules of which one permits and the other refuses the same thing.

        Returns:
            For each pair of codes, the permit's first, in how many of `documents` it stands.
        """
        found = Counter[tuple[str, str]]()
        for batch in _batches(documents):
            async with self._turns:
                answers = await self._answers(batch, _CLASHES)
            for pairs in answers.values():
                found.update(_pair(each) for each in (pairs if isinstance(pairs, list) else ()))
        return found

    async def ask_one(self, document: bytes) -> Decision | None:
        """Return the decision about one document, by the question that enforcement asks."""
        try:
            decided = await self._single.decide_document(document, _proposed(from_json(document)))
        except PolicyInvalidError:
            return None
        except PolicyUnavailableError as error:
            raise stack(error.code, f"OPA did not answer: {error}", "try again") from error
        return decided.decision

    async def _batch(self, documents: Sequence[bytes]) -> list[Decision | None]:
        async with self._turns:
            answers = await self._answers(documents)
            found = [
                self._read(document, answers.get(str(number)))
                for number, document in enumerate(documents)
            ]
            return [
                await self.ask_one(document) if decision is None else decision
                for document, decision in zip(documents, found, strict=True)
            ]

    async def _answers(
        self, documents: Sequence[bytes], question: str = _ANSWERS
    ) -> dict[str, JSON]:
        """Return the answers that a batch gave, by number; none at all when it failed."""
        body = b'{"input":{"facts":[' + b",".join(documents) + b"]}}"
        try:
            async with self._session.post(question, data=body) as response:
                told = from_json(await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return {}
        result = told.get("result") if isinstance(told, dict) else None
        return result if isinstance(result, dict) else {}

    def _read(self, document: bytes, answer: JSON) -> Decision | None:
        if answer is None:
            return None
        try:
            return trusted(answer, _proposed(from_json(document)), self.revision)
        except PolicyInvalidError:
            return None


@asynccontextmanager
async def judging(opa: Path, revision: str, bundle: bytes) -> AsyncIterator[Judge]:
    """Serve a bundle for as long as the block lasts, and give who can be asked.

    Raises:
        CliError: `OPA-NOT-READY`: OPA does not take the bundle.
    """
    async with (
        started(opa, bundle) as socket,
        OpaClient(socket, deadline_s=DECISION_S) as single,
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(socket)),
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=DECISION_S * BATCH),
            trust_env=False,
        ) as session,
    ):
        text = {"Content-Type": "text/plain"}
        try:
            where = "http://opa/v1/policies/whatif"
            async with session.put(where, data=_MODULE.encode(), headers=text) as response:
                response.raise_for_status()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise stack("OPA-NOT-READY", f"OPA does not take batches: {error}") from error
        yield Judge(revision, single, session)


def _pair(codes: JSON) -> tuple[str, str]:
    permit, refusal = codes if isinstance(codes, list) else ("", "")
    return str(permit), str(refusal)


def _batches(documents: Sequence[bytes]) -> list[list[bytes]]:
    batches: list[list[bytes]] = []
    size = 0
    for document in documents:
        if not batches or len(batches[-1]) == BATCH or size + len(document) > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(document)
        size += len(document)
    return batches


def _proposed(facts: JSON) -> Digest | None:
    action = facts.get("action") if isinstance(facts, dict) else None
    found = action.get("proposed_digest") if isinstance(action, dict) else None
    return found if isinstance(found, str) else None
