"""The console over real HTTP: who is let in, what is shown, what is sent, and what never is."""

import asyncio
import json
import re
import time
from dataclasses import replace

import pytest

from remit.canonical import digest
from remit.console.inbox import href_of
from remit.ledger.proofs import Proof
from remit.stores.ledger import SqlLedger
from remit.tool.contract import ToolContract
from tests.console.place import ARGUMENTS, CONTRACT, HOLDER, Place, admit, ask, hidden, say
from tests.stores.ledger_values import ROOT, vote
from tests.waiting import eventually

EVIL = "<img src=x onerror=alert(1)>'\"&<script>alert(2)</script>"
PAGES = ("/", "/runs", "/agents", "/tools", "/policies", f"/runs/{ROOT}")


async def test_nobody_sees_anything_before_signing_in(place: Place) -> None:
    """Every page asks who it is and comes back; a form or a stream is refused."""
    gate = await ask(place.ledger)
    async with place.browser() as browser:
        for path in (*PAGES, href_of(gate)):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"][:10]) == (303, "/login?to=")
        assert (await browser.post("/logout", data={})).status_code == 401
        assert (await browser.post(href_of(gate), data={"verb": "approve"})).status_code == 401
        assert (await browser.get("/events/inbox")).status_code == 401
    assert place.wire.sent == []


async def test_every_page_forbids_what_it_does_not_need(place: Place) -> None:
    """A strict policy, and nothing in the pages that it would have to make an exception for."""
    gate = await ask(place.ledger)
    async with place.signed_in() as browser:
        for path in (*PAGES, href_of(gate), "/login", "/nothing"):
            answer = await browser.get(path, follow_redirects=True)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)", answer.text), path
            assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)
            assert answer.headers["cache-control"] == "no-store"
            if path.startswith("/login"):
                continue
            assert "unverified" in answer.text
        for name in ("console.css", "console.js", "graph.css", "icon.svg"):
            assert (await browser.get(f"/static/{name}")).status_code == 200


async def test_an_approval_is_for_what_the_page_showed(place: Place) -> None:
    """The digest of the page, the name of the session and the comment travel; nothing else."""
    gate = await ask(place.ledger)
    async with place.signed_in() as browser:
        answer = await say(browser, href_of(gate), "approve", comment="as agreed")
        page = await browser.get(answer.headers["location"])

    ((workflow, verb, body, event),) = place.wire.sent
    assert (workflow, verb) == (f"workflow-{ROOT}", "approve")
    assert body == {
        "step": "order",
        "digest": gate.proposed_digest,
        "by": HOLDER,
        "comment": "as agreed",
    }
    assert len(event) > 20
    assert "Recorded: you approved this." in page.text


async def test_a_refusal_is_told_with_its_code(place: Place) -> None:
    """What policy says stands on the page, and what was written is still in the form."""
    gate = await ask(place.ledger)
    place.wire.refusal = ("VOTE-SELF", f"you asked for it yourself {EVIL}")
    async with place.signed_in() as browser:
        answer = await say(browser, href_of(gate), "reject", comment="my own words")

    assert answer.status_code == 409
    assert "VOTE-SELF" in answer.text
    assert "my own words" in answer.text
    assert "<img" not in answer.text


@pytest.mark.parametrize("verb", ["reject", "request_changes"])
async def test_a_no_needs_a_reason(place: Place, verb: str) -> None:
    """Whoever planned it must be able to learn from it; nothing is sent without."""
    gate = await ask(place.ledger)
    async with place.signed_in() as browser:
        answer = await say(browser, href_of(gate), verb, comment="  ")

    assert answer.status_code == 422
    assert "say why" in answer.text
    assert place.wire.sent == []


async def test_an_edit_sends_the_complete_arguments(place: Place) -> None:
    """Fields are read by the schema; what approvers do not see stays as it was proposed."""
    given = {**ARGUMENTS, "api_key": "very-secret"}
    gate = await ask(place.ledger, arguments=given, shown={**given, "api_key": "[hidden]"})
    fields = {"arg.supplier": "sup-8", "arg.quantity": "2", "arg.total_micros": "2800.25"}
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text
        answer = await say(browser, href_of(gate), "edit", **fields)

    assert answer.status_code == 303
    assert "very-secret" not in page
    assert place.wire.sent[0][2]["args"] == {
        "supplier": "sup-8",
        "quantity": 2,
        "total_micros": 2_800_250_000,
        "api_key": "very-secret",
    }


TASK = ToolContract.model_validate(
    CONTRACT.model_dump(mode="json")
    | {
        "idempotency": "natural",
        "output_schema": {
            "type": "object",
            "properties": {"pieces": {"type": "integer"}, "remark": {"type": "string"}},
            "required": ["pieces"],
            "additionalProperties": False,
        },
        "call": {
            "kind": "human",
            "role": "budget_holder",
            "instructions": "Count <what> is there.",
            "due_s": 60,
        },
    }
)


async def test_a_task_is_a_form_of_its_answer(place: Place) -> None:
    """It says what to do and asks for the output; there is nothing to approve."""
    gate = await ask(place.ledger, of=TASK)
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text
        wrong = await say(browser, href_of(gate), "take_over", **{"arg.pieces": "many"})
        right = await say(browser, href_of(gate), "take_over", **{"arg.pieces": "12"})

    assert "Count &lt;what&gt; is there." in page
    assert 'name="arg.pieces"' in page
    assert "Approve once" not in page
    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "whole number" in wrong.text
    assert [sent[2]["output"] for sent in place.wire.sent] == [{"pieces": 12}]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("quantity", "two", "whole number"),
        ("quantity", "0", "minimum"),
        ("quantity", "", "this is needed"),
        ("quantity", "9" * 40, "whole number"),
        ("total_micros", "1e5", "an amount"),
        ("total_micros", "99999999999", "an amount"),
        ("supplier", "", "this is needed"),
    ],
)
async def test_an_edit_that_breaks_the_schema_is_not_sent(
    place: Place, field: str, value: str, told: str
) -> None:
    """The field says what is wrong with it, and keeps what was typed."""
    gate = await ask(place.ledger)
    fields = {"arg.supplier": "s", "arg.quantity": "1", "arg.total_micros": "1"}
    async with place.signed_in() as browser:
        answer = await say(browser, href_of(gate), "edit", **{**fields, f"arg.{field}": value})

    assert answer.status_code == 422
    assert told in answer.text
    assert place.wire.sent == []


async def test_an_edit_of_nothing_is_an_approval(place: Place) -> None:
    """Sending the arguments as they are is refused with what to do."""
    gate = await ask(place.ledger)
    same = {"arg.supplier": "sup-7", "arg.quantity": "3", "arg.total_micros": "4200.50"}
    async with place.signed_in() as browser:
        answer = await say(browser, href_of(gate), "edit", **same)

    assert answer.status_code == 422
    assert "nothing was changed" in answer.text


async def test_the_other_words(place: Place) -> None:
    """Claim, release, handing on and taking over, each in its own form."""
    gate = await ask(place.ledger)
    async with place.signed_in() as browser:
        await say(browser, href_of(gate), "claim")
        await say(browser, href_of(gate), "release")
        await say(browser, href_of(gate), "delegate", to="deputy@acme.example")
        await say(browser, href_of(gate), "take_over", output='{"id": "o-1"}', comment="by phone")
        wrong = [
            await say(browser, href_of(gate), "take_over", output=text)
            for text in ("{", '{"no": "id"}', "NaN", "[" * 9000)
        ]

    by = {"step": "order", "by": HOLDER}
    assert [(verb, body) for _, verb, body, _ in place.wire.sent] == [
        ("claim", by),
        ("release", by),
        ("delegate", {**by, "to": "deputy@acme.example"}),
        (
            "take_over",
            {**by, "digest": gate.proposed_digest, "comment": "by phone", "output": {"id": "o-1"}},
        ),
    ]
    assert [answer.status_code for answer in wrong] == [422] * 4


async def test_markup_in_arguments_and_comments_is_text(place: Place) -> None:
    """Whatever agents and people write is shown as they wrote it, and does nothing."""
    arguments = {"supplier": EVIL, "quantity": 1, "total_micros": 1, EVIL: [EVIL, {"a": EVIL}]}
    gate = await ask(place.ledger, arguments=arguments)
    refused = vote("e1", by=EVIL, counted=False)
    await place.ledger.vote(ROOT, [refused])
    async with place.signed_in(EVIL) as browser:
        pages = [(await browser.get(path)).text for path in (*PAGES, href_of(gate), "/?role=")]
        searched = await browser.get("/", params={"q": EVIL, "role": EVIL, "order": EVIL})
        runs = await browser.get("/runs", params={"q": EVIL})

    for page in (*pages, searched.text, runs.text):
        assert "<img" not in page
        assert not re.search(r"<script(?! src=)", page)
    assert "&lt;img src=x" in pages[-2]


async def test_signs_that_repaint_a_line_are_spelt_out(place: Place) -> None:
    """A right-to-left sign cannot make an amount look like another."""
    gate = await ask(place.ledger, arguments={"supplier": "abc\u202e\u0007", "quantity": 1})
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text

    assert "\u202e" not in page
    assert "abc\\u202e\\u0007" in page


async def test_a_form_of_another_session_is_refused(place: Place) -> None:
    """Without a token, with somebody else's, or with one of before signing in again."""
    gate = await ask(place.ledger)
    async with place.signed_in() as mine, place.signed_in() as theirs:
        page = (await theirs.get(href_of(gate))).text
        stolen = {name: hidden(page, name) for name in ("token", "digest", "event")}
        for data in (stolen, {**stolen, "token": ""}, {"verb": "approve"}):
            answer = await mine.post(href_of(gate), data={"verb": "approve", **data})
            assert answer.status_code == 403
        together = {"gate": f"{ROOT} {gate.id}", "request_digest": gate.request_digest}
        assert (await mine.post("/alike", data=together)).status_code == 403
        assert (await mine.post("/logout", data={"token": "x"})).status_code == 403
    assert place.wire.sent == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_form_of_another_site_is_refused(place: Place, headers: dict[str, str]) -> None:
    """A page elsewhere cannot speak through the browser of somebody signed in."""
    gate = await ask(place.ledger)
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text
        data = {name: hidden(page, name) for name in ("token", "digest", "event")}
        answer = await browser.post(
            href_of(gate), data={"verb": "approve", **data}, headers=headers
        )

    assert answer.status_code == 403
    assert place.wire.sent == []


async def test_only_the_consoles_own_name_is_answered(place: Place) -> None:
    """A name that somebody points at this machine reads nothing (DNS rebinding)."""
    async with place.signed_in() as browser:
        for host in ("evil.example", "127.0.0.1", "127.0.0.1:1", ""):
            assert (await browser.get("/", headers={"Host": host})).status_code == 421
        port = place.url.rpartition(":")[2]
        assert (await browser.get("/", headers={"Host": f"localhost:{port}"})).status_code == 200
        health = await browser.get("/health", headers={"Host": "probe"})
        assert (health.status_code, health.text) == (200, "ok\n")
        assert (await browser.put("/", headers={"Origin": place.url})).status_code == 405


async def test_a_forged_session_is_none(place: Place) -> None:
    """A cookie that another key signed, that was altered, or that is no session, opens nothing."""
    name = place.office.sessions.cookie
    async with place.signed_in("clerk@acme.example") as browser:
        cookie = browser.cookies[name]
    body, _, mac = cookie.partition(".")
    login = place.office.seal.close("login", {"id": "1", "name": HOLDER, "verified": True}, 60)
    ended = place.office.seal.close("session", {"id": "1", "name": "a", "verified": True}, -1)
    forged = [
        f"{body}A.{mac}",
        f"{body}.{mac[:-2]}AA",
        f".{mac}",
        body,
        "x" * 9000,
        login,
        ended,
        "..",
        "ü.é",
    ]
    for value in forged:
        async with place.browser() as browser:
            answer = await browser.get("/", headers={"Cookie": f"{name}={value}".encode()})
            assert answer.status_code == 303, value


async def test_signing_out_ends_a_copied_session(place: Place) -> None:
    """The cookie is of no use to whoever copied it before; it names no script and no other site."""
    async with place.signed_in() as browser:
        copied = dict(browser.cookies)
        page = (await browser.get("/")).text
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token is not None
        answer = await browser.post("/logout", data={"token": token[1]})
        assert answer.status_code == 303
    async with place.browser() as thief:
        thief.cookies.update(copied)
        assert (await thief.get("/")).status_code == 303
    async with place.browser() as browser:
        said = (await browser.post("/login", data={"name": "a"})).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {one.strip() for one in said.split(";")}


async def test_signing_in_leads_nowhere_else(place: Place) -> None:
    """Where somebody was heading is an address of the console, or the inbox."""
    async with place.browser() as browser:
        for to, led in (
            ("/runs?q=a", "/runs?q=a"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\nb", "/"),
        ):
            answer = await browser.post("/login", data={"name": "a", "to": to})
            assert answer.headers["location"] == led
        for name in ("", "x" * 201, "a\u202eb", "a\x00b"):
            answer = await browser.post("/login", data={"name": name})
            assert answer.status_code == 422
        assert (await browser.get("/login/start")).status_code == 404
        assert (await browser.get("/login/callback?code=1")).status_code == 404


async def test_what_is_too_long_or_no_form_is_refused(place: Place) -> None:
    """A comment of 1 MB, too many fields, another kind of body: refused, and nothing is sent."""
    gate = await ask(place.ledger)
    href = href_of(gate)
    async with place.signed_in() as browser:

        async def drip() -> object:
            for _ in range(20):
                yield b"a" * 64 * 1024

        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await browser.post(href, data={"comment": "x" * 2**20})).status_code == 413
        assert (await browser.post(href, content=drip(), headers=kind)).status_code == 413
        many = "&".join(f"a{number}=1" for number in range(500))
        assert (await browser.post(href, content=many, headers=kind)).status_code == 400
        assert (await browser.post(href, content=b"\xff=1", headers=kind)).status_code == 400
        assert (await browser.post(href, json={"verb": "approve"})).status_code == 415
        assert (await browser.post(href, files={"a": b"b"})).status_code == 415
        assert (await say(browser, href, "reject", comment="x" * 4001)).status_code == 422
        token = hidden((await browser.get(href)).text, "token")
        unknown = await browser.post(href, data={"token": token, "verb": "burn_down"})
        assert unknown.status_code == 400
    assert place.wire.sent == []


async def test_what_is_not_there_is_said_kindly(place: Place) -> None:
    """Unknown gates, runs and addresses are pages with a way back, no errors."""
    async with place.signed_in() as browser:
        for path in ("/gates/x/1/order", f"/gates/{ROOT}/9/order", "/runs/x", "/nothing", "/gates"):
            answer = await browser.get(path)
            assert (answer.status_code, "Back to the inbox" in answer.text) == (404, True), path
        assert (await browser.get("/events/nobody")).status_code == 404
        assert (await browser.get(f"/gates/{ROOT}/{'9' * 60}/order")).status_code == 404


async def test_the_same_action_is_approved_together(place: Place) -> None:
    """Equal requests are listed with each other; each run hears of its own, others are left out."""
    await admit(place.ledger, "root-2")
    one = await ask(place.ledger)
    two = await ask(place.ledger, "again")
    three = await ask(place.ledger, root="root-2")
    other = await ask(place.ledger, "differs", arguments={**ARGUMENTS, "quantity": 4})
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(one))).text
        chosen = [f"{gate.root} {gate.id}" for gate in (one, two, three, other)]
        place.wire.first_run = ROOT
        data = {"token": hidden(page, "token"), "event": "e", "request_digest": one.request_digest}
        answer = await browser.post("/alike", data={**data, "gate": chosen, "comment": "all"})

    assert "The same action, 3 times" in page
    assert "differs" not in page
    assert [(workflow, body) for workflow, _, body, _ in place.wire.sent] == [
        (
            f"workflow-{ROOT}",
            {
                "steps": ["again", "order"],
                "digest": one.request_digest,
                "by": HOLDER,
                "comment": "all",
            },
        )
    ]
    assert "2 of 3 approved" in answer.text
    assert "VOTE-LATE" in answer.text


async def test_the_inbox_is_filtered(place: Place) -> None:
    """By role, risk and text; somebody with a role sees theirs first."""
    await ask(place.ledger)
    await ask(place.ledger, "wipe", role="data_owner")
    async with place.signed_in() as browser:

        async def steps(**query: str) -> list[str]:
            page = (await browser.get("/", params=query)).text
            return re.findall(r'href="/gates/[^/]+/1/([a-z]+)"', page)

        assert await steps() == ["order"]
        assert await steps(role="") == ["order", "wipe"]
        assert await steps(role="data_owner") == ["wipe"]
        assert await steps(role="", q="WIPE") == ["wipe"]
        assert await steps(role="", risk="low") == []
        assert await steps(role="", q="purchase@1.0") == ["order", "wipe"]


async def test_differences_from_the_last_approval_are_shown(place: Place) -> None:
    """Of the same tool in the same tenant; what another tenant did stays there."""
    await admit(place.ledger, "rival", tenant="rival")
    await ask(place.ledger, root="rival", arguments={**ARGUMENTS, "supplier": "rivals-own"})
    first = await ask(place.ledger, "earlier", arguments={**ARGUMENTS, "quantity": 9})
    for root, event, gate_id in ((ROOT, "a", first.id), ("rival", "b", "order#1")):
        await place.ledger.vote(root, [vote(event, gate_id=gate_id)])
    gate = await ask(place.ledger, "order", arguments=ARGUMENTS, number=1)
    later = await ask(place.ledger, "later")
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(later))).text

    assert gate.tool == later.tool
    assert "rivals-own" not in page
    assert "nothing to compare with" in page or "<del>9</del>" in page


async def test_500_gates_are_listed_within_300_ms(place: Place) -> None:
    """The inbox's page, server and browser together, with 500 gates over 100 runs."""
    for number in range(100):
        root = f"many-{number:03d}"
        await admit(place.ledger, root)
        for step in ("a", "b", "c", "d", "e"):
            await ask(place.ledger, step, root=root, arguments={**ARGUMENTS, "supplier": root})
    async with place.signed_in() as browser:
        took: list[float] = []
        for _ in range(5):
            began = time.process_time()
            page = await browser.get("/?role=")
            took.append(time.process_time() - began)

    assert page.text.count('<li class="row') == 500
    # The processor's time: how long the console waits for it says nothing of the console.
    assert min(took) <= 0.3, took


async def test_a_new_gate_is_told_within_two_seconds(place: Place) -> None:
    """One look a second serves all who listen; nobody listens, nobody looks."""
    async with place.signed_in() as browser:
        seen: asyncio.Queue[float] = asyncio.Queue()

        async def listen() -> None:
            async with browser.stream("GET", "/events/inbox") as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data:"):
                        seen.put_nowait(time.monotonic())

        listening = [asyncio.create_task(listen()) for _ in range(3)]
        for _ in listening:
            await asyncio.wait_for(seen.get(), 10)
        opened = time.monotonic()
        await ask(place.ledger)
        arrived = [await asyncio.wait_for(seen.get(), 10) for _ in listening]
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)

    assert max(arrived) - opened <= 2

    async def nobody() -> bool:
        return not place.office.watch.listeners

    await eventually(nobody, 10)


async def test_a_card_tells_what_a_decision_needs(place: Place) -> None:
    """Who, what, why, until when, what silence does, what was said, and the commands."""
    gate = await ask(place.ledger)
    await place.ledger.vote(ROOT, [vote("e1", by="x@y.example", counted=False)])
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text

    for words in (
        "Place a purchase order.",
        "buyer@1.4.0",
        "requester@acme.example",
        "4,200.50 EUR",
        "operation.spend",
        "Silence refuses",
        "high risk",
        "x@y.example",
        "did not count",
        "VOTE-SELF",
        "--name approve --input",
        json.dumps(gate.proposed_digest)[1:-1][7:19],
    ):
        assert words in page, words
    assert CONTRACT.digest not in page
    assert digest(ARGUMENTS) not in page


async def test_each_name_is_told_apart_from_a_proven_one(place: Place) -> None:
    """By the record and not by the profile: on the card and on the run's page."""
    gate = await ask(place.ledger, quorum=3)
    proof = Proof("ann@y.example", "console", "k-1", "n" * 32, gate.expires_ms, "e1")
    votes = [replace(vote("e1", "ann@y.example"), proof=proof), vote("e2", "bob@y.example")]
    await place.ledger.vote(ROOT, votes)
    async with place.signed_in() as browser:
        card = (await browser.get(href_of(gate))).text
        await place.ledger.vote(ROOT, [vote("e4", "cay@y.example")])
        closed = (await browser.get(href_of(gate))).text
        run = (await browser.get(f"/runs/{ROOT}")).text

    mark = '<span class="faint small">(unverified)</span>'
    assert f"2 of 3 have agreed (ann@y.example, bob@y.example {mark})" in card
    assert '<strong>ann@y.example</strong> <span class="faint small">(verified)</span>' in card
    assert f"<strong>bob@y.example</strong> {mark}" in card
    for page in (closed, run):
        assert f"ann@y.example, bob@y.example {mark}, cay@y.example {mark}" in page


async def test_a_closed_gate_asks_for_nothing(place: Place, ledger: SqlLedger) -> None:
    """Whoever comes late sees what it came to, and no buttons."""
    gate = await ask(ledger)
    await ledger.vote(ROOT, [vote("e1")])
    async with place.signed_in() as browser:
        page = (await browser.get(href_of(gate))).text

    assert "This needs no answer any more" in page
    assert "Approve once" not in page
