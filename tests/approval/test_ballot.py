"""The ballot against an independent model: nothing counts that must not (invariant I5)."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from remit.approval.ballot import CLAIM_MS, VERBS, roles_at, standing
from remit.approval.messages import MOST_STEPS, Cast, Spoilt, newest, read_vote, steps_of
from remit.canonical import JSON, JSONObject
from remit.decision.facts import Verb
from remit.ledger.entries import GateRow, Turn, VoteRow
from remit.plan.path import Direction, Segment, StepKey
from tests.effort import examples

DIGEST = "sha256:" + "1" * 64
REQUEST = "sha256:" + "2" * 64
NOW = 1_000
GATE = GateRow(
    id="order#1",
    root="r",
    key=StepKey("r", "", Segment("order")),
    number=1,
    code="spend.gate",
    role="budget_holder",
    quorum=2,
    request_digest=REQUEST,
    proposed_digest=DIGEST,
    enforced_digest=DIGEST,
    tool="erp.place_order@1",
    domain="erp",
    card={},
    opened_ms=0,
    expires_ms=NOW + 1,
)
VOTE: JSONObject = {"step": "order", "digest": DIGEST, "by": "ann"}


def read(
    verdict: Verb,
    payload: JSON,
    gate: GateRow | None = GATE,
    votes: tuple[VoteRow, ...] = (),
    now_ms: int = NOW,
) -> Cast | Spoilt:
    """Return what a message says about `gate` after `votes`."""
    now = standing(gate, votes, now_ms) if gate else None
    return read_vote(verdict, payload, steps_of(payload)[0], gate, now, now_ms)


def code(found: Cast | Spoilt) -> str:
    """Return the code of a spoilt vote, nothing of a good one."""
    return found.code if isinstance(found, Spoilt) else ""


def said(by: str, verdict: Verb, at_ms: int = 0, **body: JSON) -> VoteRow:
    """Return a counted vote."""
    return VoteRow(GATE.id, f"{by}{verdict}{at_ms}", by, verdict, True, "", "", body, at_ms)


@pytest.mark.parametrize(
    ("verdict", "payload", "gate", "now", "expected"),
    [
        ("approve", "yes", GATE, NOW, "VOTE-MALFORMED"),
        ("approve", None, GATE, NOW, "VOTE-MALFORMED"),
        ("approve", ["order"], GATE, NOW, "VOTE-MALFORMED"),
        ("approve", {**VOTE, "by": 3}, GATE, NOW, "VOTE-MALFORMED"),
        ("approve", {**VOTE, "step": 7}, GATE, NOW, "VOTE-MALFORMED"),
        ("approve", {"steps": [], "digest": DIGEST, "by": "ann"}, GATE, NOW, "VOTE-MALFORMED"),
        ("approve", VOTE, None, NOW, "VOTE-NO-GATE"),
        ("approve", {**VOTE, "digest": "sha256:2"}, GATE, NOW, "VOTE-DIGEST"),
        ("approve", {**VOTE, "digest": REQUEST}, GATE, NOW, "VOTE-DIGEST"),
        ("approve", {"step": "order", "by": "ann"}, GATE, NOW, "VOTE-NO-DIGEST"),
        ("edit", {"step": "order", "by": "ann", "args": {}}, GATE, NOW, "VOTE-NO-DIGEST"),
        ("take_over", {"step": "order", "by": "ann", "output": 1}, GATE, NOW, "VOTE-NO-DIGEST"),
        ("reject", {**VOTE, "digest": "sha256:2"}, GATE, NOW, "VOTE-DIGEST"),
        ("approve", VOTE, GATE, NOW + 1, "VOTE-LATE"),
        *[
            ("approve", VOTE, replace(GATE, state=state), NOW, "VOTE-LATE")
            for state in ("granted", "rejected", "edited", "taken_over", "changes_requested")
        ],
        ("edit", VOTE, GATE, NOW, "VOTE-MALFORMED"),
        ("edit", {**VOTE, "args": [1]}, GATE, NOW, "VOTE-MALFORMED"),
        ("take_over", VOTE, GATE, NOW, "VOTE-MALFORMED"),
        ("take_over", {**VOTE, "output": {}}, GATE, NOW, "VOTE-QUORUM"),
        ("delegate", VOTE, GATE, NOW, "VOTE-MALFORMED"),
        ("delegate", {**VOTE, "to": "ann"}, GATE, NOW, "VOTE-MALFORMED"),
        ("release", VOTE, GATE, NOW, "VOTE-NOT-HELD"),
    ],
)
def test_what_is_no_vote_says_why(
    verdict: Verb, payload: JSON, gate: GateRow | None, now: int, expected: str
) -> None:
    """Each way to spoil a vote has its own code."""
    assert code(read(verdict, payload, gate, now_ms=now)) == expected


@pytest.mark.parametrize("verdict", ["edit", "request_changes", "take_over"])
def test_an_undo_is_not_changed(verdict: Verb) -> None:
    """What undoes a call was fixed with it."""
    undo = replace(GATE, key=replace(GATE.key, direction=Direction.UNDO), quorum=1)
    body: JSONObject = {**VOTE, "args": {}, "output": {}}

    assert code(read(verdict, body, undo)) == "VOTE-UNDO"
    assert code(read("approve", body, undo)) == ""


def test_vote_goes_to_the_newest_gate_of_its_step() -> None:
    """When a step was decided again, an old digest does not open the new gate."""
    newer = replace(GATE, id="order#2", number=2, proposed_digest="sha256:new")
    found = newest([replace(GATE, state="void"), newer], "order")

    assert found is newer
    assert newest([GATE], "") is None
    assert code(read("approve", VOTE, found)) == "VOTE-DIGEST"


def test_several_calls_of_one_request_are_answered_together() -> None:
    """The digest is then the request's; two verbs are about one call only, and there is a bound."""
    body: JSONObject = {"steps": ["order", "order", "pay"], "digest": REQUEST, "by": "ann"}

    assert steps_of(body) == ["order", "pay"]
    assert code(read("approve", body)) == ""
    assert code(read("approve", {**body, "digest": DIGEST})) == "VOTE-DIGEST"
    assert code(read("edit", {**body, "args": {}})) == "VOTE-MALFORMED"
    many: list[JSON] = [f"s{number}" for number in range(MOST_STEPS + 1)]
    assert code(read("approve", {**body, "steps": many})) == "VOTE-MALFORMED"


def test_roles_join_as_time_goes_by() -> None:
    """A later role is asked from its very millisecond on, and the first may still answer."""
    gate = replace(GATE, then=[Turn("committee", 10), Turn("board", 20)])

    assert roles_at(gate, 9) == ("budget_holder",)
    assert roles_at(gate, 10) == ("budget_holder", "committee")
    assert standing(gate, (), 20).role == "board"
    assert standing(gate, (), 20).roles == ("budget_holder", "committee", "board")


def test_a_claim_keeps_others_away_for_a_while() -> None:
    """Until it is given up or has lapsed; where more votes are needed it keeps nobody away."""
    claimed = (said("bob", "claim"),)
    one = replace(GATE, quorum=1, expires_ms=CLAIM_MS * 2)

    assert code(read("approve", VOTE, one, claimed)) == "VOTE-CLAIMED"
    assert code(read("claim", VOTE, one, claimed)) == "VOTE-CLAIMED"
    assert code(read("approve", {**VOTE, "by": "bob"}, one, claimed)) == ""
    assert code(read("approve", VOTE, one, claimed, CLAIM_MS)) == ""
    assert code(read("approve", VOTE, one, (*claimed, said("bob", "release")))) == ""
    assert code(read("approve", VOTE, replace(one, quorum=2), claimed)) == ""
    assert code(read("release", {**VOTE, "by": "bob"}, one, claimed)) == ""
    assert standing(one, claimed, NOW).claimed_until_ms == CLAIM_MS


def test_a_vote_that_was_handed_over() -> None:
    """It is cast once, by whoever has it; it is not handed on, and can be taken back."""
    handed = (said("ann", "delegate", to="bob"),)
    bob: JSONObject = {**VOTE, "by": "bob"}
    cast = read("approve", bob, GATE, handed)

    assert isinstance(cast, Cast)
    assert cast.instead_of == "ann"
    assert code(read("approve", VOTE, GATE, handed)) == "VOTE-DELEGATED"
    assert code(read("delegate", {**bob, "to": "cid"}, GATE, handed)) == "VOTE-DELEGATED"
    used = (*handed, said("bob", "approve"))
    assert standing(GATE, used, NOW).ayes == {"bob": "ann"}
    assert code(read("release", VOTE, GATE, used)) == "VOTE-REPEATED"
    back = (*handed, said("ann", "release"))
    assert code(read("approve", VOTE, GATE, back)) == ""
    plain = read("approve", bob, GATE, back)
    assert isinstance(plain, Cast)
    assert plain.instead_of == ""


def test_what_each_verb_makes_of_a_gate() -> None:
    """Every verb that ends a gate ends it in its own way."""
    one = replace(GATE, quorum=1)
    ends = {verb: standing(one, [said("ann", verb, to="bob")], NOW).state for verb in VERBS}

    assert ends == {
        "approve": "granted",
        "reject": "rejected",
        "edit": "edited",
        "request_changes": "changes_requested",
        "take_over": "taken_over",
        "claim": "open",
        "release": "open",
        "delegate": "open",
    }


PEOPLE = ("ann", "bob", "cid", "dee")


@dataclass
class Person:
    """What one person has done at the gate, as the model sees it."""

    voted: bool = False
    handed_to: str = ""
    used_up: bool = False
    """Somebody voted in their place."""


@dataclass
class Model:
    """A gate by the words of design.md, written down without looking at the ballot."""

    quorum: int
    state: str = "open"
    people: dict[str, Person] = field(default_factory=lambda: {name: Person() for name in PEOPLE})
    claim: str = ""
    claim_ends: int = 0

    def ayes(self) -> int:
        """How many people have approved."""
        return sum(person.voted for person in self.people.values())

    def givers(self, name: str) -> list[str]:
        """Who handed this person a vote that is not cast yet."""
        return [
            one
            for one, person in self.people.items()
            if person.handed_to == name and not person.used_up
        ]

    def may(self, name: str, verb: Verb, now: int, expires: int, fits: bool) -> bool:
        """Whether the message counts."""
        person = self.people[name]
        if self.state != "open" or now >= expires or not fits:
            return False
        if person.voted or person.used_up:
            return False
        if verb == "release":
            return bool(person.handed_to) or (self.claim == name and now < self.claim_ends)
        if person.handed_to:
            return False
        if verb == "delegate":
            return not self.givers(name)
        claimed = self.claim not in ("", name) and now < self.claim_ends
        if claimed and self.quorum - self.ayes() <= 1:
            return False
        return verb != "take_over" or self.quorum - self.ayes() <= 1

    def do(self, name: str, verb: Verb, to: str, now: int) -> None:
        """Let a message that counts have its effect."""
        person = self.people[name]
        if verb in ("approve", "take_over"):
            for giver in self._first_giver(name):
                self.people[giver].used_up = True
            person.voted = True
        if verb == "delegate":
            person.handed_to = to
        if verb == "release":
            person.handed_to = ""
        if verb == "claim":
            self.claim, self.claim_ends = name, now + CLAIM_MS
        elif self.claim == name:
            self.claim = ""
        ends = {"reject": "rejected", "edit": "edited", "take_over": "taken_over"}
        ends["request_changes"] = "changes_requested"
        if verb in ends:
            self.state = ends[verb]
        elif verb == "approve" and self.ayes() >= self.quorum:
            self.state = "granted"

    def _first_giver(self, name: str) -> list[str]:
        givers = self.givers(name)
        return sorted(givers, key=lambda one: self.order.index(one))[:1]

    order: list[str] = field(default_factory=list)
    """People in the order in which they handed their votes over."""


class Voting(RuleBasedStateMachine):
    """Messages of all kinds, good and bad, in any order and at any time."""

    @initialize(quorum=st.integers(1, 3))
    def open(self, quorum: int) -> None:
        """A gate opens."""
        self.gate = replace(GATE, quorum=quorum, expires_ms=CLAIM_MS * 3)
        self.model = Model(quorum)
        self.votes: list[VoteRow] = []
        self.now = 0

    @rule(
        name=st.sampled_from(PEOPLE),
        verb=st.sampled_from(VERBS),
        to=st.sampled_from(PEOPLE),
        digest=st.sampled_from([DIGEST, DIGEST, DIGEST, "sha256:other"]),
        later=st.sampled_from([0, 0, 1, CLAIM_MS // 2, CLAIM_MS]),
    )
    def say(self, name: str, verb: Verb, to: str, digest: str, later: int) -> None:
        """Somebody says something."""
        self.now += later
        body: JSONObject = {"step": "order", "by": name, "digest": digest, "to": to}
        body |= {"args": {"x": 1}, "output": {}}
        fits = digest == DIGEST and (verb != "delegate" or to != name)
        good = self.model.may(name, verb, self.now, self.gate.expires_ms, fits)
        found = read(verb, body, self.gate, tuple(self.votes), self.now)
        assert isinstance(found, Cast) == good, (verb, name, found)
        if not good:
            return
        number = str(len(self.votes))
        self.votes.append(VoteRow(self.gate.id, number, name, verb, True, "", "", body, self.now))
        if verb == "delegate":
            self.model.order = [one for one in self.model.order if one != name] + [name]
        self.model.do(name, verb, to, self.now)
        state = standing(self.gate, self.votes, self.now).state
        self.gate = replace(self.gate, state=state)

    @invariant()
    def stands_as_the_model_says(self) -> None:
        """State, number of voters and claim agree, and a grant has its quorum of people."""
        if not hasattr(self, "gate"):
            return
        now = standing(self.gate, self.votes, self.now)
        assert now.state == self.model.state
        assert len(now.ayes) == self.model.ayes()
        if now.state == "granted":
            places = [place or by for by, place in now.ayes.items()]
            assert len(set(places)) == len(places) >= self.gate.quorum


class TestVoting(Voting.TestCase):
    """A sample in every run of the tests."""

    settings = settings(max_examples=examples(150), stateful_step_count=10, deadline=None)


@pytest.mark.large
@pytest.mark.timeout(1200)
class TestVotingAtLength(Voting.TestCase):
    """Ten thousand sequences: no grant without its quorum, whatever is said in whatever order."""

    settings = settings(max_examples=10_000, stateful_step_count=10, deadline=None)
