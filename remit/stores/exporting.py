"""One run's evidence, read from the ledger and written as an archive.

Copies what stands, without judging it: an altered record goes into the archive as it is, for
the verifier to find. Everything named by digest that the ledger has goes along.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from remit.canonical import DIGEST, JSON, Digest
from remit.evidence.archive import FORMAT, Consistency, Inclusion, Manifest, write
from remit.evidence.chain import record_of
from remit.evidence.checkpoint import Checkpoint, parse_note
from remit.evidence.fields import inner, objects, text
from remit.ledger.entries import RunRow
from remit.ledger.references import digests_in
from remit.stores.archiving import LogStore

_PAGE = 2000
_HEADS = 200
"""Newest heads from which the archive proves that its tree grew."""
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Exported:
    """What an archive holds."""

    run: RunRow
    records: int
    covered: int
    """Records that the signed head covers."""
    size: int
    """Leaves of the signed tree; 0 without one."""
    origin: str
    contents: int
    policies: int


class Exporter:
    """Exports from one ledger."""

    def __init__(self, log: LogStore, kept: Sequence[int] = ()) -> None:
        """Export from `log`, with proofs that lead from trees of the sizes `kept`."""
        self._log = log
        self._kept = kept

    async def export(self, run: RunRow, file: BinaryIO, wait_s: float = 0) -> Exported:
        """Write the archive of `run`; wait up to `wait_s` for its newest records to be signed.

        Raises:
            LedgerError: `LOG-BROKEN`: the log's tables cannot prove anything.
        """
        lines = await self._lines(run.root)
        note, inclusion = await self._proof(run.root, len(lines), wait_s)
        head = parse_note(note) if note else None
        contents = await self._contents(lines)
        policies = await self._policies(lines)
        write(
            file,
            manifest=Manifest(
                format=FORMAT,
                root=run.root,
                origin=head.origin if head else "",
                records=len(lines),
            ),
            records=lines,
            checkpoint=note,
            inclusion=inclusion,
            consistency=await self._consistency(head) if head else (),
            contents=contents,
            policies=policies,
        )
        covered = len(inclusion.indexes) if inclusion else 0
        size, origin = (head.size, head.origin) if head else (0, "")
        held = len(contents), len(policies)
        return Exported(run, len(lines), min(covered, len(lines)), size, origin, *held)

    async def _lines(self, root: str) -> list[bytes]:
        # By number, not by count: a record that somebody deleted leaves a gap.
        lines: list[bytes] = []
        last = 0
        while page := await self._log.lines(root, last, _PAGE):
            lines += [text for _, text in page]
            last = page[-1][0]
        return lines

    async def _proof(
        self, root: str, records: int, wait_s: float
    ) -> tuple[bytes | None, Inclusion | None]:
        until = time.monotonic() + wait_s
        while True:
            notes = await self._log.heads(1)
            head = parse_note(notes[0]) if notes else None
            inclusion = await self._log.inclusion(root, head) if head else None
            covered = len(inclusion.indexes) if inclusion else 0
            if covered >= records or time.monotonic() >= until:
                return (notes[0] if notes else None), inclusion
            await asyncio.sleep(_POLL_S)

    async def _consistency(self, head: Checkpoint) -> Sequence[Consistency]:
        notes = await self._log.heads(_HEADS)
        sizes = [parse_note(note).size for note in notes]
        return await self._log.consistency([*sizes, *self._kept], head)

    async def _contents(self, lines: Sequence[bytes]) -> Mapping[Digest, bytes]:
        """Return the values that the records name, and those that a plan names in turn."""
        found: dict[Digest, bytes] = {}
        plans: dict[Digest, None] = {}
        gone: dict[Digest, None] = {}
        for line in lines:
            record = record_of(line)
            if record is None:
                continue
            if record["kind"] == "forgotten":
                gone |= dict.fromkeys(digests_in(record["body"]))
                continue
            for digest in digests_in(record["body"]):
                gone.pop(digest, None)
                await self._add(digest, found)
            plans[text(record["body"], "compiled")] = None
        for plan in (waiting := list(plans)):
            for digest in digests_in(_json(found.get(plan))):
                await self._add(digest, found)
            # Sub-plans are named by plans, and name what they are made of in turn.
            new = [one for one in _parts(_json(found.get(plan))) if one not in plans]
            plans.update(dict.fromkeys(new))
            waiting += new
        # The ledger may hold a value still, for another run; this one has let go of it.
        return {digest: value for digest, value in found.items() if digest not in gone}

    async def _add(self, digest: Digest, found: dict[Digest, bytes]) -> None:
        if digest not in found:
            value = await self._log.find_content(digest)
            if value is not None:
                found[digest] = value

    async def _policies(self, lines: Sequence[bytes]) -> Mapping[Digest, bytes]:
        found: dict[Digest, bytes] = {}
        for line in reversed(lines):
            record = record_of(line)
            if record is not None and record["kind"] == "seal":
                for revision in _revisions(record["body"]):
                    bundle = await self._log.bundle(revision)
                    if bundle is not None:
                        found[revision] = bundle[1]
                break
        return found


def _parts(plan: JSON) -> Iterator[Digest]:
    """Yield the digests of the sub-plans that a compiled plan names, and of the one it amends."""
    for one in inner(plan, "plans").values():
        if isinstance(one, str):
            yield one
    base = inner(plan, "amends").get("base")
    if isinstance(base, str):
        yield base


def _revisions(body: JSON) -> Iterator[str]:
    for one in objects(body, "policies"):
        revision = text(one, "revision")
        if DIGEST.match(revision):
            yield revision


def _json(content: bytes | None) -> JSON:
    try:
        value: JSON = json.loads(content) if content else None
    except ValueError:
        return None
    return value
