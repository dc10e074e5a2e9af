"""Orders on a run's page: shown when the run waits for them, sent as the page was read."""

import re

import httpx2
from temporalio.service import RPCStatusCode

from remit.canonical import JSONObject
from remit.ledger.entries import State
from remit.stores.ledger import SqlLedger
from tests.console.place import HOLDER, Place
from tests.stores.ledger_values import ROOT, content, intent, key, outcome, undo_of

PAGE = f"/runs/{ROOT}"
EVIL = "<img src=x onerror=alert(1)>"


def wait(kind: str, role: str = "operator") -> JSONObject:
    """Return a wait as the run's memo tells it."""
    return {"waits_for": role, "kind": kind, "reason": f"because {EVIL}", "due": "", "command": "x"}


async def doubted(ledger: SqlLedger) -> None:
    """Leave the call `order` in doubt."""
    await ledger.begin(intent())
    await ledger.finish(outcome(state=State.IN_DOUBT, code="STEP-IN-DOUBT"))


async def stuck(ledger: SqlLedger) -> None:
    """Leave the call `order` done, with an undo that failed."""
    await ledger.begin(intent())
    await ledger.finish(outcome())
    await ledger.begin(intent(undo_of(key()), tool="erp.cancel_order@1"))
    await ledger.finish(outcome(undo_of(key()), State.REFUSED, code="TOOL-REFUSED"))


def form_of(page: str, order: str) -> dict[str, str]:
    """Return the hidden fields of an order's form."""
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    form = next(one for one in forms if f'name="order" value="{order}"' in one)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


async def say(browser: httpx2.AsyncClient, order: str, **fields: str) -> httpx2.Response:
    """Read the page and send one of its forms, as a browser would."""
    return await browser.post(
        PAGE, data={**form_of((await browser.get(PAGE)).text, order), **fields}
    )


async def test_orders_are_shown_when_the_run_takes_them(place: Place) -> None:
    """What would be refused for its moment is not offered."""
    shown = {}
    async with place.signed_in() as browser:
        for status in ("running", "awaiting_approval", "held", "unwinding", "admitting"):
            place.wire.status = status
            page = (await browser.get(PAGE)).text
            shown[status] = sorted(re.findall(r'name="order" value="(\w+)"', page))

    assert shown == {
        "running": ["hold", "rollback"],
        "awaiting_approval": ["hold", "rollback"],
        "held": ["resume", "rollback"],
        "unwinding": [],
        "admitting": [],
    }


async def test_a_doubt_is_answered_with_evidence(place: Place) -> None:
    """The question says which call; what was seen and the tool's answer travel, under the name."""
    await doubted(place.ledger)
    place.wire.status, place.wire.waits = "in_doubt", {"order": wait("doubt")}
    fields = {"happened": "yes", "comment": "order 7 stands there", "output": '{"id": "o-7"}'}
    async with place.signed_in() as browser:
        page = (await browser.get(PAGE)).text
        answer = await say(browser, "resolve_doubt", **fields)
        after = await browser.get(answer.headers["location"])

    assert str(key()) in page
    assert EVIL not in page
    ((workflow, name, body, event),) = place.wire.sent
    assert (workflow, name) == (f"workflow-{ROOT}", "resolve_doubt")
    assert body == {
        "step": "order",
        "happened": True,
        "evidence": {"seen": "order 7 stands there", "output": {"id": "o-7"}},
        "by": HOLDER,
    }
    assert len(event) > 20
    assert "Recorded: you said whether the call happened." in after.text


async def test_what_could_not_be_undone_is_settled(place: Place) -> None:
    """Three ways out, each with a reason."""
    await stuck(place.ledger)
    place.wire.status = "needs_repair"
    place.wire.waits = {"order": wait("repair", "team:workplace")}
    ways = ("retry", "mark_done", "hand_over")
    async with place.signed_in() as browser:
        for do in ways:
            answer = await say(browser, "repair", do=do, comment="called them")
            assert answer.status_code == 303, answer.text
        unchosen = await say(browser, "repair", do="forget", comment="called them")

    assert unchosen.status_code == 422
    assert [sent[1:3] for sent in place.wire.sent] == [
        ("repair", {"step": "order", "do": do, "reason": "called them", "by": HOLDER})
        for do in ways
    ]


async def test_a_run_is_steered_with_a_reason(place: Place) -> None:
    """Who and why travel; without a reason nothing does."""
    ways = (("hold", "running"), ("rollback", "held"), ("resume", "held"))
    async with place.signed_in() as browser:
        for order, status in ways:
            place.wire.status = status
            empty = await say(browser, order, comment=" ")
            answer = await say(browser, order, comment="the supplier is closed")
            assert (empty.status_code, answer.status_code) == (422, 303)
            assert "say why" in empty.text

    assert [sent[1:3] for sent in place.wire.sent] == [
        (order, {"reason": "the supplier is closed", "by": HOLDER}) for order, _ in ways
    ]


async def test_an_incomplete_answer_is_not_sent(place: Place) -> None:
    """What is missing is said beside its field; what was written stays."""
    await doubted(place.ledger)
    place.wire.status, place.wire.waits = "in_doubt", {"order": wait("doubt")}
    said = "as I saw it"
    async with place.signed_in() as browser:
        for fields, told in (
            ({"comment": said}, "say whether it happened"),
            ({"happened": "yes"}, "say why"),
            ({"happened": "yes", "comment": said, "output": "{"}, "this must be JSON"),
        ):
            answer = await say(browser, "resolve_doubt", **fields)
            assert answer.status_code == 422
            assert told in answer.text
            assert fields.get("comment", "") in answer.text
    assert place.wire.sent == []


async def test_an_answer_is_for_the_call_as_it_was_read(place: Place) -> None:
    """Somebody else answered meanwhile: nothing is sent, and the page says so."""
    await doubted(place.ledger)
    place.wire.status, place.wire.waits = "in_doubt", {"order": wait("doubt")}
    async with place.signed_in() as browser:
        read = form_of((await browser.get(PAGE)).text, "resolve_doubt")
        await place.ledger.resolve(key(), False, {"seen": "no"}, None, [content({"seen": "no"})])
        answer = await browser.post(
            PAGE, data={**read, "happened": "yes", "comment": "it stands there"}
        )

    assert answer.status_code == 409
    assert "changed since you read" in answer.text
    assert place.wire.sent == []


async def test_an_order_needs_its_own_form(place: Place) -> None:
    """Not another session's, not without a token, and no order that does not exist."""
    async with place.signed_in() as browser, place.signed_in("clerk@acme.example") as other:
        read = form_of((await browser.get(PAGE)).text, "hold") | {"comment": "x"}
        foreign = await other.post(PAGE, data=read)
        bare = await browser.post(PAGE, data={**read, "token": ""})
        unknown = await browser.post(PAGE, data={**read, "order": "forget"})
        elsewhere = await browser.post(PAGE, data=read, headers={"Origin": "http://evil.example"})

    assert [one.status_code for one in (foreign, bare, unknown, elsewhere)] == [403, 403, 400, 403]
    assert place.wire.sent == []


async def test_a_refused_order_is_told_with_its_code(place: Place) -> None:
    """Policy's words stand on the page, escaped, and the form keeps what was written."""
    place.wire.refusal = ("order.role_missing", f"you may not {EVIL}")
    async with place.signed_in() as browser:
        answer = await say(browser, "rollback", comment="my own words")

    assert answer.status_code == 409
    assert "order.role_missing" in answer.text
    assert "my own words" in answer.text
    assert EVIL not in answer.text


async def test_without_temporal_the_page_stands_and_sends_nothing(place: Place) -> None:
    """What the ledger knows is shown; that the rest is not known is said."""
    async with place.signed_in() as browser:
        read = form_of((await browser.get(PAGE)).text, "hold") | {"comment": "x"}
        place.wire.trouble = RPCStatusCode.UNAVAILABLE
        page = await browser.get(PAGE)
        answer = await browser.post(PAGE, data=read)

    assert page.status_code == 200
    assert "not known now" in page.text
    assert 'name="order"' not in page.text
    assert answer.status_code == 409
    assert place.wire.sent == []
