"""Holds journal, ledger and histories against each other: invariants I1 to I8 of the design.

Pure: evidence in, violations out. Each check reads whatever it can from a place that the code under
test does not write: effects by business identity come from the shop, not from the ledger.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.evidence import Deed, Effect, Evidence, Key
from chaos.plans import FORBIDDEN, GUARDED, MOST_ATTEMPTS, tool_of
from remit.canonical import JSON, JSONObject
from remit.ledger.records import verify_chain

DONE = "REPAIR-DONE"
"""Code of an undo that a person did by hand."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be."""

    invariant: str
    subject: str
    """Step key, name of a thing, run or file."""
    message: str
    is_apart: bool = False
    """A `probe` or `none` whose sender was stopped for longer than its lease: reported apart."""


class Indexed:
    """Evidence by what the checks look it up with."""

    def __init__(self, evidence: Evidence) -> None:
        """Index `evidence`."""
        self.all = evidence
        self.deeds: Mapping[Key, Deed] = {deed.key: deed for deed in evidence.deeds}
        self.effects: dict[str, list[Effect]] = defaultdict(list)
        for effect in evidence.effects:
            self.effects[effect.name].append(effect)
        self.bodies = {request.number: request.body for request in evidence.requests}
        self.records: dict[Key, list[JSONObject]] = defaultdict(list)
        for root, chain in evidence.chains.items():
            for record in chain.records:
                body = _object(record.get("body"))
                place = Key(root, str(body.get("path")), str(body.get("direction")))
                self.records[place].append(record)

    def of_kind(self, key: Key, kind: str) -> list[JSONObject]:
        """Return the bodies of a step key's records of a kind."""
        found = (r for r in self.records.get(key, ()) if r.get("kind") == kind)
        return [_object(record.get("body")) for record in found]

    def standing(self, name: str) -> int:
        """Return how many things of a name there are in the end."""
        return sum(effect.change for effect in self.effects.get(name, ()))

    def outlived(self, key: Key) -> bool:
        """Whether an attempt at a key was open in a pause that was longer than its lease."""
        for attempt in self.all.attempts:
            if attempt.key != key:
                continue
            ended = attempt.ended_ms if attempt.ended_ms is not None else 1 << 62
            if any(attempt.begun_ms <= to and ended >= at for at, to in self.all.long_pauses):
                return True
        return False


def check(evidence: Evidence) -> list[Violation]:
    """Return everything that is wrong."""
    found = Indexed(evidence)
    return [violation for one in CHECKS for violation in one(found)]


def effects_were_allowed(found: Indexed) -> Iterator[Violation]:
    """I1: an allow for exactly these arguments; I3: an intent before, an outcome after."""
    for effect in found.all.effects:
        deed, subject = found.deeds.get(effect.key), f"{effect.name} {effect.key}"
        intents = found.of_kind(effect.key, "intent")
        if deed is None or not intents:
            yield Violation("I3", subject, "an effect without an intent")
            continue
        for intent in intents:
            decision = _object(intent.get("decision"))
            if decision.get("effect") != "allow" or not decision.get("revision"):
                yield Violation("I1", subject, f"an effect under {decision.get('effect')!r}")
        body = found.bodies.get(effect.request, "")
        if f"sha256:{body}" != deed.arguments:
            yield Violation("I1", subject, "the arguments that arrived are not those allowed")
        if deed.state not in ("happened", "in_doubt"):
            yield Violation("I3", subject, f"an effect that the ledger calls {deed.state}")
        if effect.name.startswith(FORBIDDEN):
            yield Violation("I1", subject, "an effect that policy forbids")


def effects_happened_once(found: Indexed) -> Iterator[Violation]:
    """I2: one effect for a name, one undo for it; what is undone stays undone."""
    for name, effects in found.effects.items():
        made = [effect for effect in effects if effect.change > 0]
        taken = [effect for effect in effects if effect.change < 0]
        for kind, each in (("effect", made), ("undo", taken)):
            if len(each) > 1:
                keys = sorted({str(effect.key) for effect in each})
                apart = all(_may_outlive(found, effect) for effect in each)
                yield Violation("I2", name, f"{len(each)} times one {kind}: {keys}", apart)
        if made and taken and max(e.at_ms for e in made) > min(e.at_ms for e in taken):
            yield Violation("I2", name, "made again after it was undone")
        if sum(effect.change for effect in effects) < 0:
            yield Violation("I2", name, "undone more often than done")


def claims_are_true(found: Indexed) -> Iterator[Violation]:
    """I2, I3: what the ledger says happened did, and what it says is undone is gone."""
    for deed in found.all.deeds:
        if deed.operation in ("read", "plan") or deed.state != "happened":
            continue
        effects = found.effects.get(deed.name, [])
        if deed.key.direction == "undo":
            if deed.code != DONE and found.standing(deed.name) != 0:
                yield Violation("I4", str(deed.key), f"{deed.name} is undone and still there")
        elif not any(effect.change > 0 for effect in effects):
            if not deed.faulty:
                yield Violation("I3", str(deed.key), f"{deed.name} never happened")
        elif deed.behave in ("lie", "odd") and not deed.faulty:
            yield Violation("I3", str(deed.key), f"{deed.name}: a false answer was believed")


def nothing_is_left(found: Indexed) -> Iterator[Violation]:
    """I4: a run that did not complete left everything undone, or named it with a person."""
    named: dict[str, set[str]] = defaultdict(set)
    completed = {end.root for end in found.all.ends if end.status == "completed"}
    for end in found.all.ends:
        for left in (*end.residue, *end.waits):
            named[end.root].add(left.path.removeprefix("undo:"))
            if not left.owner:
                yield Violation("I4", f"{end.workflow_id} {left.path}", "residue without an owner")
    for deed in found.all.deeds:
        key = deed.key
        if key.direction == "undo" or deed.operation in ("read", "plan"):
            continue
        undo = found.deeds.get(Key(key.root, key.path, "undo"))
        is_undone = undo is not None and undo.state == "happened"
        standing = found.standing(deed.name)
        stays = key.root in completed and not is_undone
        if standing and not stays and key.path not in named[key.root]:
            yield Violation("I4", str(key), f"{deed.name} was left behind")
        if not standing and stays and deed.state == "happened" and not deed.faulty:
            yield Violation("I4", str(key), f"{deed.name} is gone, and its run completed")


def grants_were_used_once(found: Indexed) -> Iterator[Violation]:
    """I5: a grant serves one step key, for its digest, before its expiry."""
    used: dict[tuple[str, str], set[Key]] = defaultdict(set)
    gates = {(gate.root, gate.id): gate for gate in found.all.gates}
    for key, records in found.records.items():
        for record in records:
            if record.get("kind") != "intent":
                continue
            body = _object(record.get("body"))
            for grant in _list(body.get("grants")):
                used[key.root, str(grant)].add(key)
                gate = gates.get((key.root, str(grant)))
                late = gate is not None and _number(record.get("at_ms")) >= gate.expires_ms
                if gate is None or late or gate.proposed != body.get("proposed"):
                    yield Violation("I5", str(key), f"the grant {grant} was not for this")
                elif gate.state != "granted":
                    yield Violation("I5", str(key), f"the grant {grant} is {gate.state}")
    for (root, grant), keys in used.items():
        if len(keys) > 1:
            yield Violation("I5", f"{root} {grant}", f"one grant for {len(keys)} step keys")
    yield from _gated(found, used)


def _gated(found: Indexed, used: Mapping[tuple[str, str], set[Key]]) -> Iterator[Violation]:
    granted = {key for keys in used.values() for key in keys}
    owners = {run.root: run.workflow_id for run in found.all.runs}
    for effect in found.all.effects:
        if effect.change < 0 or not effect.name.startswith(GUARDED):
            continue
        if effect.key not in granted:
            yield Violation("I5", str(effect.key), f"{effect.name} happened without its grant")
        if owners.get(effect.key.root) in found.all.rejected:
            yield Violation("I5", str(effect.key), f"{effect.name} happened though it was rejected")


def losses_were_asked(found: Indexed) -> Iterator[Violation]:
    """Every real loss of a `none` is asked, and no other; nobody is asked what a tool can tell."""
    attempts: dict[Key, list[str]] = defaultdict(list)
    for attempt in sorted(found.all.attempts, key=lambda a: a.number):
        attempts[attempt.key].append(attempt.outcome)
    for key, outcomes in attempts.items():
        deed = found.deeds.get(key)
        if deed is None or deed.operation == "read":
            continue
        asked = "in_doubt" in outcomes
        if tool_of(deed.tool) != "none":
            if asked and deed.attempts < MOST_ATTEMPTS:
                yield Violation("I3", str(key), "a person was asked what the tool could tell")
            continue
        for before, after in zip(["", *outcomes], [*outcomes, ""], strict=True):
            # Whoever took it over to ask may be killed before it asks: then it was lost once more.
            if before == "lost" and after not in ("in_doubt", "lost"):
                told = f"a lost call was not asked about: {', '.join(outcomes)}"
                yield Violation("I3", str(key), told)
            if after == "in_doubt" and before != "lost":
                yield Violation("I3", str(key), "a call was asked about that was not lost")
        resolved = len(found.of_kind(key, "resolve"))
        if asked and deed.state != "in_doubt" and resolved < outcomes.count("in_doubt"):
            yield Violation("I3", str(key), "a doubt went away without an answer")


def runs_reached_an_end(found: Indexed) -> Iterator[Violation]:
    """I8: every acknowledged start ended, or waits for a person whom it names."""
    ends = {end.workflow_id: end for end in found.all.ends}
    for workflow_id in found.all.started:
        end = ends.get(workflow_id)
        if end is None:
            yield Violation("I8", workflow_id, "an acknowledged start that nobody knows")
        elif not end.is_over and not end.waits:
            yield Violation("I8", workflow_id, f"neither over nor waiting: {end.status}")
    for end in found.all.ends:
        if end.workflow_id.startswith("remit-repair/") and not end.is_over and not end.waits:
            yield Violation("I8", end.workflow_id, "a repair that did not end")


def histories_agree(found: Indexed) -> Iterator[Violation]:
    """I3: what Temporal was told happened stands so in the ledger, and closed runs are closed."""
    for told in found.all.told:
        deed = found.deeds.get(told.key)
        if deed is None or deed.state != "happened":
            yield Violation("I3", str(told.key), "Temporal holds an effect, the ledger none")
        elif (deed.output, deed.decision_id) != (told.output, told.decision_id):
            yield Violation("I3", str(told.key), "Temporal and ledger tell different stories")
    ends = {end.workflow_id: end for end in found.all.ends}
    for run in found.all.runs:
        end = ends.get(run.workflow_id)
        if end is None:
            yield Violation("I8", run.workflow_id, "in the ledger, and not in Temporal")
        elif end.is_over and run.closed.removeprefix("abandoned:") != end.status:
            message = f"ledger says {run.closed!r}, Temporal {end.status!r}"
            yield Violation("I8", run.workflow_id, message)


def chains_hold(found: Indexed) -> Iterator[Violation]:
    """The hash chain of every run verifies up to its head."""
    for root, chain in found.all.chains.items():
        bad = verify_chain(chain.records, head=chain.head)
        if bad is not None:
            yield Violation("chain", root, f"record {bad} does not hold")


def histories_replay(found: Indexed) -> Iterator[Violation]:
    """I6: recorded histories replay on the current code."""
    for each in found.all.unreplayable:
        yield Violation("I6", each, "its history does not replay")


def secrets_are_kept(found: Indexed) -> Iterator[Violation]:
    """I7: the shop's secret stands in no history, ledger or log."""
    for file in found.all.leaks:
        yield Violation("I7", file, "a secret stands in it")


CHECKS: Sequence[Callable[[Indexed], Iterator[Violation]]] = (
    effects_were_allowed,
    effects_happened_once,
    claims_are_true,
    nothing_is_left,
    grants_were_used_once,
    losses_were_asked,
    runs_reached_an_end,
    histories_agree,
    chains_hold,
    histories_replay,
    secrets_are_kept,
)


def _may_outlive(found: Indexed, effect: Effect) -> bool:
    deed = found.deeds.get(effect.key)
    kind = tool_of(deed.tool) if deed else ""
    return kind in ("probe", "none") and found.outlived(effect.key)


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _number(value: JSON) -> float:
    return value if isinstance(value, int | float) else 0
