"""Whatever is wrong with question or answer, the tool is not called: counted where it would act.

The enforcement point, the ledger and (but for malformed answers) OPA are real ones.
"""

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject, canonical
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.enforcement import telemetry
from remit.enforcement.opa import OpaClient, facts_document
from remit.plan.wire import DENIED
from tests.enforcement.fake_opa import allow, answers, fake_opa
from tests.enforcement.limited import desk, policies
from tests.enforcement.test_opa import serving
from tests.policies.served import Served, serve
from tests.policies.test_required_facts import Damage, damages

pytestmark = pytest.mark.opa

CONFLICT = 'package remit.main\n\ndecision := "a" if input.kind\n\ndecision := "b" if input.kind\n'
DENY_WITH_OBLIGATION = """package remit.main

decision := {
	"schema_version": 1, "effect": "deny", "proposed_digest": input.action.proposed_digest,
	"reasons": [{"code": "a.b", "policy": "p", "message": ""}], "permits": [],
	"obligations": [{"type": "redact", "critical": true, "paths": ["/name"]}],
	"approvals": [], "reserve": [], "risk": "low", "policy_revision": "r1",
}
"""


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA whose agent may do what it likes."""
    with serve(project=policies(tmp_path_factory.mktemp("p") / "lab", tester={})) as served:
        yield served


class Damaging(OpaClient):
    """Asks about facts that were damaged on the way."""

    damage: Damage | None = None
    asked: JSONObject | None = None

    async def decide(self, facts: Facts, headers: Mapping[str, str] | None = None) -> Decided:
        """Ask about what is left of `facts`."""
        document: JSONObject = json.loads(facts_document(facts))
        self.asked = document
        if self.damage is not None:
            document = self.damage.applied(document)
        expected = facts.action.proposed_digest if facts.action else None
        return await self.decide_document(canonical(document), expected, headers)


def three_ways(document: JSONObject) -> list[Damage]:
    """Return for each fact: absent, null where it may not be, and of one wrong type."""
    found: dict[tuple[str | int, ...], list[Damage]] = {}
    for one in damages(Facts, document):
        if document[str(one.path[0])] is not None:
            found.setdefault(one.path, []).append(one)
    return [damage for ways in found.values() for damage in ways[:3]]


async def test_no_damaged_fact_leads_to_a_call(opa: Served, made_url: str) -> None:
    """Each required fact absent, null, of another type: all are denied; whole, the call is made."""
    client = Damaging(opa.socket, deadline_s=30)
    passed: list[tuple[Damage, str]] = []
    async with desk(made_url, opa.socket, asks=lambda *_, **__: client) as made:
        await made.ending("asked")
        assert client.asked is not None
        cases = three_ways(client.asked)
        for number, client.damage in enumerate(cases):
            code = await made.ending(f"damaged-{number % 10}")
            # Without the digest OPA cannot echo it, and that is looked at first.
            is_digest = client.damage.path in (("action",), ("action", "proposed_digest"))
            if code != "host:digest_mismatch" if is_digest else not code.startswith("input."):
                passed.append((client.damage, code))
        client.damage = None

        assert len({case.path for case in cases}) > 60
        assert passed == []
        assert made.effects == ["asked:put:do"]
        assert await made.ending("damaged-0") == "happened"


class Forgetful(OpaClient):
    """Leaves `input` out of its question."""

    async def _ask(self, body: bytes, headers: Mapping[str, str] | None) -> tuple[int, bytes]:
        return await super()._ask(b"{}", headers)


async def test_a_question_without_input_is_no_question(opa: Served, made_url: str) -> None:
    """OPA answers it, with a deny and a warning; neither counts as a decision about this call."""
    status, body = opa.post("/v1/data/remit/main/decision", {})
    answer = json.loads(body)
    assert (status, answer["result"]["effect"]) == (200, "deny")
    assert answer["warning"]["code"] == "api_usage_warning"
    assert opa.ask({})["effect"] == "deny"

    async with desk(made_url, opa.socket, asks=Forgetful) as made:
        assert await made.ending("r") == "host:bad_question"
        assert made.effects == []


@pytest.mark.parametrize(
    ("rego", "code"),
    [
        ("package remit.main\n\nother := 1\n", "host:undefined"),
        (CONFLICT, "host:evaluation_failed"),
        ('package remit.main\n\ndecision := to_number("x")\n', "host:evaluation_failed"),
        (DENY_WITH_OBLIGATION, "host:bad_decision"),
    ],
    ids=["renamed", "contradiction", "built-in", "obliged-deny"],
)
async def test_policies_without_a_usable_answer_deny(rego: str, code: str, made_url: str) -> None:
    """It is asked once, the denial is final, on the record and in the metrics; nobody is called."""
    before = _refused(code)
    with serving(rego) as at:
        async with desk(made_url, at) as made:
            with pytest.raises(Exception, match=code) as denied:
                await made.call("r")
            assert _questions(at) == 1
            records = await made.ledger.records("r")
    bodies = [one["body"] for one in records if one["kind"] == "decision"]

    assert getattr(denied.value, "type", "") == DENIED
    assert getattr(denied.value, "non_retryable", False)
    assert [body["decision"] for body in bodies if isinstance(body, dict)] == [
        {"effect": "deny", "host": code}
    ]
    assert _refused(code) == before + 1
    assert made.effects == []


def _refused(code: str) -> float:
    found: float = telemetry.POLICY_REFUSED.labels(code)._value.get()
    return found


def _questions(at: Path) -> int:
    """Return how many questions OPA says that it was asked."""
    link = http.client.HTTPConnection("opa")
    link.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.sock.connect(str(at))
    link.request("GET", "/metrics")
    lines = link.getresponse().read().decode().splitlines()
    link.close()
    counts = [one for one in lines if one.startswith("http_request_duration_seconds_count")]
    return sum(int(one.split()[-1]) for one in counts if 'handler="v1/data"' in one)


_REDIRECT = "Location: http://127.0.0.1:9/\r\n"


@pytest.mark.parametrize(
    ("changes", "status", "more", "is_made"),
    [
        ({}, "200 OK", "", True),
        ({"effect": "Allow"}, "200 OK", "", False),
        ({"effect": ["allow"]}, "200 OK", "", False),
        ({"further": 1}, "200 OK", "", False),
        ({"proposed_digest": "sha256:" + "2" * 64}, "200 OK", "", False),
        ({"obligations": [{"type": "dance", "critical": True}]}, "200 OK", "", False),
        ({}, "500 Internal Server Error", "", False),
        ({}, "301 Moved", _REDIRECT, False),
        ({}, "202 Accepted", "", False),
    ],
)
async def test_only_an_allow_that_is_one_leads_to_a_call(
    made_url: str, changes: JSONObject, status: str, more: str, is_made: bool
) -> None:
    """From a fake OPA: the good answer calls the tool once, each damaged one never."""

    async def answering(writer: asyncio.StreamWriter) -> None:
        await answers(allow(_asked_about(fake.requests[-1][1]), **changes), status, more)(writer)

    async with fake_opa(answering) as fake, desk(made_url, fake.socket) as made:
        try:
            ended = (await made.call("r")).status
        except Exception as error:
            ended = type(error).__name__

    assert (ended == "happened") is is_made
    assert len(made.effects) == int(is_made)
    assert len(fake.requests) == 1


def _asked_about(document: JSON) -> str:
    assert isinstance(document, dict)
    facts = Facts.model_validate(document["input"])
    assert facts.action is not None
    return facts.action.proposed_digest


async def test_an_allow_after_the_deadline_calls_nothing(made_url: str) -> None:
    """The tool is not called when it comes either."""
    release, sent = asyncio.Event(), asyncio.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await answers(allow(_asked_about(fake.requests[-1][1])))(writer)
        sent.set()

    async with fake_opa(late) as fake, desk(made_url, fake.socket, deadline_s=0.2) as made:
        with pytest.raises(Exception, match="host:deadline"):
            await made.call("r")
        release.set()
        await asyncio.wait_for(sent.wait(), 10)

        assert made.effects == []
