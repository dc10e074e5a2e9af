"""The client and a real OPA that serves the real policies."""

import asyncio
import contextlib
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from remit.canonical import digest
from remit.enforcement.opa import (
    OpaClient,
    PolicyInvalidError,
    PolicyUnavailableError,
    facts_document,
)
from tests.policies import given
from tests.policies.served import Served, opa_binary, running, serve

pytestmark = pytest.mark.opa


@pytest.fixture(scope="module")
def policies() -> Iterator[Served]:
    """A real OPA with the core's policies and a small project's."""
    with serve() as served:
        yield served


@pytest.fixture
async def client(policies: Served) -> AsyncIterator[OpaClient]:
    """A client of it, with a deadline that a busy machine keeps too."""
    async with OpaClient(policies.socket, deadline_s=30) as opened:
        yield opened


@contextlib.contextmanager
def serving(rego: str, revision: str = "r1", *arguments: str) -> Iterator[Path]:
    """Serve a bundle of one module."""
    folder = Path(tempfile.mkdtemp(prefix="opa-"))
    try:
        (folder / "rules").mkdir()
        (folder / "rules" / "main.rego").write_text(rego)
        bundle = ("build", "-b", "rules", "-r", revision, "-o", "remit.tar.gz")
        subprocess.run([str(opa_binary()), *bundle], cwd=folder, check=True, capture_output=True)
        with running(opa_binary(), folder, *(arguments or ("-b", "remit.tar.gz"))) as at:
            yield at
    finally:
        shutil.rmtree(folder)


async def code_of(socket: Path) -> str:
    """Ask once, and return the kind and code of the error."""
    async with OpaClient(socket, deadline_s=10) as opened:
        try:
            await opened.decide(given.call())
        except PolicyInvalidError as error:
            return f"invalid {error.code}"
        except PolicyUnavailableError as error:
            return f"unavailable {error.code}"
    return "decided"


async def test_decides(client: OpaClient, policies: Served) -> None:
    """A decision comes with its revision, the digest of the facts, and when it was given."""
    before = time.time_ns() // 1_000_000
    decided = await client.decide(given.call())

    assert decided.decision.effect == "allow"
    assert decided.revision == policies.revision
    assert decided.facts_digest == digest(given.document(given.call()))
    assert before <= decided.decided_ms <= time.time_ns() // 1_000_000
    assert decided.took_us > 0
    assert decided.decision_id


async def test_each_decision_has_an_id_of_its_own(client: OpaClient) -> None:
    """Also where OPA keeps no decision log and gives none."""
    ids = {(await client.decide(given.call())).decision_id for _ in range(3)}

    assert len(ids) == 3


async def test_denies_and_gates_are_answers(client: OpaClient) -> None:
    """Neither is an error."""
    denied = await client.decide(given.call(domain="nobody"))
    gated = await client.decide(given.spending())

    assert (denied.decision.effect, gated.decision.effect) == ("deny", "require_approval")


async def test_an_amount_that_cannot_be_read_is_denied(client: OpaClient) -> None:
    """Enforcement says so with a negative number."""
    decided = await client.decide(given.spending(given.GRANT, micros=-1))

    assert decided.decision.effect == "deny"


async def test_many_at_once(client: OpaClient) -> None:
    """Questions at the same time each get their own answer."""
    digests = [f"sha256:{n:064x}" for n in range(40)]
    asked = [client.decide(given.call(proposed_digest=one)) for one in digests]
    answered = await asyncio.gather(*asked)

    assert [one.decision.proposed_digest for one in answered] == digests


async def test_facts_without_a_canonical_form_are_refused(client: OpaClient) -> None:
    """An integer beyond 2^53 is told apart from an OPA that is away."""
    with pytest.raises(PolicyInvalidError) as caught:
        await client.decide(given.call(arguments={"n": 2**60}))

    assert caught.value.code == "host:bad_facts"


async def test_ready(client: OpaClient) -> None:
    """With the real policies nothing is missing."""
    assert await client.ready() == ""


async def test_opa_away_and_back() -> None:
    """Without OPA there is no decision, and with it again there is, through the same client."""
    with serve() as first:
        at = first.socket
        async with OpaClient(at, deadline_s=10) as opened:
            assert (await opened.decide(given.call())).decision.effect == "allow"
    async with OpaClient(at, deadline_s=1) as opened:
        with pytest.raises(PolicyUnavailableError) as caught:
            await opened.decide(given.call())
        assert caught.value.code == "host:opa_unavailable"
        assert (await opened.ready()).startswith("host:opa_unavailable")


async def test_a_renamed_entry_point_is_undefined() -> None:
    """An undefined decision is a 200 without a result: invalid, never an allow."""
    with serving("package remit.main\n\nother := 1\n") as at:
        assert await code_of(at) == "invalid host:undefined"


async def test_rules_that_contradict_each_other_are_invalid() -> None:
    """OPA's 500 for a conflict is no reason to ask again."""
    rego = 'package remit.main\n\ndecision := "a" if input.kind\n\ndecision := "b" if input.kind\n'
    with serving(rego) as at:
        assert await code_of(at) == "invalid host:evaluation_failed"


async def test_a_failing_builtin_is_not_silent() -> None:
    """Without strict errors a failed built-in makes a deny rule say nothing."""
    rego = 'package remit.main\n\ndecision := to_number("x")\n'
    with serving(rego) as at:
        assert await code_of(at) == "invalid host:evaluation_failed"


async def test_without_a_bundle_nobody_judged() -> None:
    """A fresh OPA answers before its policies are there: wait, do not refuse the run."""
    with serving("package remit.main\n", "r1", "--log-format", "json") as at:
        assert await code_of(at) == "unavailable host:no_bundle"


@pytest.mark.parametrize("effect", ["allow", "require_approval"])
async def test_policies_that_do_not_deny_empty_facts_are_not_ready(effect: str) -> None:
    """Health alone is green for any bundle; the canary is not."""
    reason = '{"code": "a.b", "policy": "p", "message": ""}'
    gate = '{"code": "a.b", "policy": "p", "role": "r", "expires_in_ms": 5}'
    approvals = f"[{gate}]" if effect == "require_approval" else "[]"
    rego = (
        f"package remit.main\n\ndecision := {{"
        f'"schema_version": 1, "effect": "{effect}", "proposed_digest": null, '
        f'"reasons": [{reason}], "permits": [{reason}], "obligations": [], '
        f'"approvals": {approvals}, "reserve": [], "risk": "low", "policy_revision": "r1"}}\n'
    )
    with serving(rego) as at:
        async with OpaClient(at, deadline_s=10) as opened:
            assert "empty facts" in await opened.ready()


async def test_policies_that_deny_everything_are_not_ready() -> None:
    """A bundle that would refuse every run is found before the first task."""
    rego = (
        "package remit.main\n\ndecision := {"
        '"schema_version": 1, "effect": "deny", "proposed_digest": null, '
        '"reasons": [{"code": "a.b", "policy": "p", "message": ""}], "permits": [], '
        '"obligations": [], "approvals": [], "reserve": [], "risk": "low", '
        '"policy_revision": "r1"}\n'
    )
    with serving(rego) as at:
        async with OpaClient(at, deadline_s=10) as opened:
            assert "remit.admit" in await opened.ready()


async def test_the_client_adds_little_to_opa(client: OpaClient) -> None:
    """Putting the facts together and reading the answer strictly take a small part of the time."""
    facts = given.call()
    spent = []
    for _ in range(200):
        begun = time.perf_counter()
        facts_document(facts)
        spent.append(time.perf_counter() - begun)

    assert statistics.median(spent) < 0.001
