"""The offline verifier: an archive, public keys and checkpoints somebody kept; nothing else.

It imports neither Temporal nor an expression language nor a database, asks nobody, and believes
nothing that the archive says about itself. Every finding has a stable code and names its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from pydantic import ValidationError

from remit.canonical import DIGEST, Digest, JSONObject, digest_bytes
from remit.evidence import batch, chain, history
from remit.evidence.archive import BOUNDS, CHECKPOINT, INCLUSION, Archive, Bounds, Inclusion
from remit.evidence.chain import Chain
from remit.evidence.checkpoint import Checkpoint, CheckpointError, PublicKey, open_note
from remit.evidence.fields import objects
from remit.evidence.finding import Code, EvidenceError, Forgotten, Verdict
from remit.evidence.forgetting import forgotten_in
from remit.evidence.merkle import ProofError, verify_consistency

_CONTENT_FIELDS = ("compiled", "contract", "arguments", "inputs", "output", "card", "evidence")
_DECIDED_FIELDS = ("facts",)


def verify(
    file: BinaryIO,
    keys: Sequence[PublicKey],
    kept: Mapping[str, bytes] | None = None,
    bounds: Bounds = BOUNDS,
) -> Verdict:
    """Verify an archive.

    Args:
        file: The archive, open for reading.
        keys: Public keys of the log; see `remit.evidence.checkpoint.parse_keys`.
        kept: Signed checkpoints that the auditor kept, by a name for them.
        bounds: The most that is read.
    """
    try:
        archive = Archive(file, bounds)
    except EvidenceError as error:
        return Verdict("", 0, 0, 0, [error.found])
    work = _Verification(archive, keys)
    try:
        work.run(kept or {})
    except EvidenceError as error:
        work.findings.append(error.found)
    return Verdict(
        archive.manifest.root,
        len(work.chain.seqs),
        work.covered,
        work.size,
        work.findings,
        work.absent,
    )


class _Verification:
    """One pass over one archive."""

    def __init__(self, archive: Archive, keys: Sequence[PublicKey]) -> None:
        self.chain = Chain(archive.manifest.root)
        self.findings = self.chain.findings
        self.covered = 0
        self.size = 0
        self._archive = archive
        self._keys = keys
        self._actions = history.Actions()
        self._seal: JSONObject | None = None
        self.absent: list[Forgotten] = []
        """Contents that are not there, and of which a record tells."""
        self._named: dict[Digest, int] = {}
        self._forgotten: dict[Digest, Forgotten] = {}
        self._revisions: dict[str, int] = {}

    def run(self, kept: Mapping[str, bytes]) -> None:
        """Verify everything, as far as it goes."""
        for entry in chain.read(self._archive.lines(), self.chain):
            self._take(entry)
        if len(self.chain.seqs) < self._archive.manifest.records:
            last = len(self.chain.seqs)
            told = f"{self._archive.manifest.records} are announced, {last} are there"
            self._find(Code.TRUNCATED, f"record {last + 1}", told)
        head = self._checkpoint()
        if head is not None:
            self.size = head.size
            self._tree(head)
            self._kept(kept, head)
        self._contents()
        self._policies()
        self._history()

    def _find(self, code: Code, place: str, message: str) -> None:
        self.chain.find(code, place, message)

    def _take(self, entry: chain.Entry) -> None:
        kind, seq, body = entry.record["kind"], entry.record["seq"], entry.record["body"]
        if not isinstance(body, dict) or not isinstance(seq, int):
            return
        self._actions.add(str(kind), seq, body)
        if kind == "seal":
            self._seal = body
        if kind == "forgotten":
            self._forgotten.update((one.digest, one) for one in forgotten_in(seq, body))
            return
        decision = body.get("decision")
        self._decided(body, seq)
        if isinstance(decision, dict):
            self._decided(decision, seq)
        undo = body.get("undo")
        if isinstance(undo, dict):
            self._name(undo, ("arguments",), seq)
        if kind == "vote":
            self._name(body, ("body",), seq)
        self._name(body, _CONTENT_FIELDS, seq)

    def _name(self, part: JSONObject, fields: Sequence[str], seq: int) -> None:
        for name in fields:
            value = part.get(name)
            # Most digests come again and again, so looking them up comes first.
            if type(value) is str and value not in self._named and DIGEST.match(value):
                self._named[value] = seq
            if self._forgotten and isinstance(value, str):
                # What is named again behind the record that forgot it must be there again.
                self._forgotten.pop(value, None)

    def _decided(self, part: JSONObject, seq: int) -> None:
        self._name(part, _DECIDED_FIELDS, seq)
        revision = part.get("revision")
        if type(revision) is str and revision and revision not in self._revisions:
            self._revisions[revision] = seq

    def _checkpoint(self) -> Checkpoint | None:
        note = self._archive.part(CHECKPOINT)
        if note is None:
            self._find(Code.UNPROVEN, CHECKPOINT, "the archive holds no signed tree head")
            return None
        head = self._opened(note, CHECKPOINT)
        if head is not None and head.origin != self._archive.manifest.origin:
            self._find(Code.FORKED, CHECKPOINT, f"it is of another log, {head.origin!r}")
            return None
        return head

    def _opened(self, note: bytes, place: str) -> Checkpoint | None:
        try:
            return open_note(note, self._keys)
        except CheckpointError as error:
            self._find(Code(error.code), place, str(error))
            return None

    def _tree(self, head: Checkpoint) -> None:
        stated = self._archive.inclusion()
        if stated is None or not stated.indexes:
            self._find(Code.UNPROVEN, INCLUSION, "nothing proves that the records are in the tree")
            return
        leaves = _hashes(stated.leaves)
        proof = _hashes(stated.proof)
        try:
            top = batch.rebuilt(leaves or [], stated.indexes, stated.size, proof or [])
        except (ProofError, RecursionError) as error:
            self._find(Code.PROOF, INCLUSION, str(error))
            return
        if stated.size != head.size or top != head.root or leaves is None or proof is None:
            self._find(Code.PROOF, INCLUSION, "it does not lead to the signed root")
            return
        self._compare(leaves, stated)

    def _compare(self, leaves: Sequence[bytes], stated: Inclusion) -> None:
        """Hold each record against the leaf that was signed for its place."""
        told = {found.place for found in self.findings if found.code is Code.EDITED}
        by_seq = dict(zip(self.chain.seqs, self.chain.leaves, strict=True))
        for seq, (leaf, index) in enumerate(zip(leaves, stated.indexes, strict=True), 1):
            place = f"record {seq}"
            if by_seq.get(seq) == leaf:
                self.covered += 1
            elif seq in by_seq and place not in told:
                self._find(Code.FORKED, place, f"leaf {index} of the signed tree is another one")
        highest = max(by_seq, default=0)
        if highest < len(leaves):
            what = f"the signed tree holds {len(leaves)} records of the run, the archive {highest}"
            self._find(Code.TRUNCATED, f"record {highest + 1}", what)
        elif highest > len(leaves):
            place = f"records {len(leaves) + 1} to {highest}"
            self._find(Code.UNCOVERED, place, "no signed tree head covers them yet")

    def _kept(self, kept: Mapping[str, bytes], head: Checkpoint) -> None:
        proofs = self._archive.consistency() if kept else {}
        for name, note in kept.items():
            place = f"kept checkpoint {name}"
            known = self._opened(note, place)
            if known is not None:
                self._grown(known, head, proofs, place)

    def _grown(
        self, known: Checkpoint, head: Checkpoint, proofs: Mapping[int, Sequence[str]], place: str
    ) -> None:
        if known.origin != head.origin:
            self._find(Code.FORKED, place, "it is of another log")
        elif known.size > head.size:
            told = (
                f"{known.size} records were signed then, and the archive's log ends at {head.size}"
            )
            self._find(Code.TRUNCATED, place, told)
        elif known.size == head.size and known.root != head.root:
            self._find(Code.FORKED, place, "two different trees of one size were signed")
        elif known.size not in proofs and 0 < known.size < head.size:
            told = "the archive does not prove that its tree grew out of this one: export it again"
            self._find(Code.UNPROVEN, place, f"{told} with --checkpoint")
        else:
            proof = _hashes(proofs.get(known.size, []))
            sizes = known.size, head.size
            roots = known.root, head.root
            if proof is None or not verify_consistency(*sizes, *roots, proof):
                told = "the log was written anew: its tree did not grow out of this one"
                self._find(Code.FORKED, place, told)

    def _contents(self) -> None:
        present = set(self._archive.named("contents"))
        for digest in sorted(present):
            content = self._archive.content(digest)
            if content is None or digest_bytes(content) != digest:
                self._find(Code.EDITED, f"content {digest}", "it is not what its digest names")
        self.absent += [one for one in self._forgotten.values() if one.digest not in present]
        for digest, seq in self._named.items():
            if digest not in present and digest not in self._forgotten:
                self._find(Code.CONTENT_ABSENT, f"content {digest}", f"record {seq} names it")

    def _policies(self) -> None:
        """Hold the policy bundles against the seal, which names each by its digest."""
        named = dict(_bundles_in(self._seal or {}))
        present = set(self._archive.named("policies"))
        for revision in sorted(present):
            content = self._archive.content(revision, "policies")
            if revision not in named:
                self._find(Code.UNPROVEN, f"policy {revision}", "no seal names this bundle")
            elif content is None or digest_bytes(content) != named[revision]:
                self._find(Code.EDITED, f"policy {revision}", "it is not the bundle of the seal")
        for revision, seq in self._revisions.items():
            if revision not in present:
                told = f"record {seq} was decided under it"
                self._find(Code.POLICY_ABSENT, f"policy {revision}", told)

    def _history(self) -> None:
        if self._seal is None:
            self._find(Code.UNSEALED, "run", "no seal ends it: what came later may have been cut")
            return
        executions = list(self._executions(history.digests_in(self._seal)))
        if executions:
            for found in history.compare(executions, self._actions):
                self._find(found.code, found.place, found.message)
        else:
            self._find(Code.HISTORY_ABSENT, "run", "its seal names no history to compare with")

    def _executions(self, digests: Sequence[Digest]) -> Iterator[history.Execution]:
        for digest in digests:
            content = self._archive.content(digest) if DIGEST.match(digest) else None
            if content is None:
                self._find(Code.UNPROVEN, f"history {digest}", "the seal names it; it is absent")
                continue
            try:
                yield history.Execution.model_validate_json(content)
            except (ValidationError, RecursionError):
                self._find(Code.VERSION, f"history {digest}", "it is no known projection")


def _bundles_in(seal: JSONObject) -> Iterator[tuple[str, Digest]]:
    """Yield the revision and the digest of each bundle that a seal names."""
    for one in objects(seal, "policies"):
        yield str(one.get("revision", "")), str(one.get("bundle", ""))


def _hashes(texts: Sequence[str]) -> list[bytes] | None:
    try:
        found = [bytes.fromhex(text) for text in texts]
    except ValueError:
        return None
    return found if all(len(one) == 32 for one in found) else None
