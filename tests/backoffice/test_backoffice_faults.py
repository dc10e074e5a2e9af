"""Every injected fault does to the effect and to the answer what its name says."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.waiting import until

ORDER: dict[str, Any] = {
    "supplier": "sup-7",
    "total_micros": 1_400_000_000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "req-1",
}
KEY = {"Idempotency-Key": "k"}


def arm(api: httpx2.Client, operation: str = "erp.place_order", **fault: Any) -> dict[str, Any]:
    """Arm a fault."""
    answer = api.put(f"/faults/{operation}", json=fault)
    assert answer.status_code == 200, answer.text
    armed: dict[str, Any] = answer.json()
    return armed


def place(api: httpx2.Client, **changes: Any) -> httpx2.Response:
    """Place an order under the key `k`."""
    return api.post("/erp/orders", json={**ORDER, **changes}, headers=KEY)


def effects(api: httpx2.Client) -> int:
    """How many effects there were."""
    return len(api.get("/journal").json()["entries"])


def outcomes(api: httpx2.Client) -> list[tuple[str, str | None]]:
    """Outcome and fault of each request."""
    entries = api.get("/journal/requests").json()["entries"]
    return [(entry["outcome"], entry["fault"]) for entry in entries]


def test_status_503_has_no_effect_and_the_retry_works(api: httpx2.Client) -> None:
    """The service did not get to it; under the same key the next request does it."""
    arm(api, mode="status_503", times=1)
    failed, retried = place(api), place(api)

    assert (failed.status_code, failed.json()["code"]) == (503, "UNAVAILABLE")
    assert retried.status_code == 201
    assert outcomes(api) == [("discarded", "status_503"), ("done", None)]
    assert effects(api) == 1


def test_crash_after_effect_is_a_500_with_the_effect(api: httpx2.Client) -> None:
    """The effect is there; the retry under the same key gets its answer and adds none."""
    arm(api, mode="crash_after_effect", times=1)
    crashed, seen, retried = place(api), effects(api), place(api)

    assert (crashed.status_code, crashed.json()["code"]) == (500, "INTERNAL")
    assert seen == 1
    assert (retried.status_code, retried.headers["Idempotent-Replayed"]) == (201, "true")
    assert effects(api) == 1


@pytest.mark.parametrize(
    "fault", [{"mode": "drop_answer"}, {"mode": "crash_after_effect", "crash": "close"}]
)
def test_dropped_answer_closes_the_socket_with_the_effect(
    raw: httpx2.Client, fault: dict[str, str]
) -> None:
    """The connection ends without a byte of an answer, and the effect is there."""
    arm(raw, times=1, **fault)
    with pytest.raises(httpx2.RemoteProtocolError):
        place(raw)
    found = raw.get("/requests", params={"key": "k"}).json()
    retried = place(raw)

    assert found["happened"] is True
    assert retried.json() == found["response"]
    assert effects(raw) == 1


def test_drop_without_effect_is_a_lost_request(raw: httpx2.Client) -> None:
    """`effect: false` drops the request with its answer: from outside it looks the same."""
    arm(raw, mode="drop_answer", effect=False, times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        place(raw)

    assert raw.get("/requests", params={"key": "k"}).json()["happened"] is False
    assert effects(raw) == 0


def test_lie_says_success_and_does_nothing(api: httpx2.Client) -> None:
    """A well-formed answer of something that is not there; the id is never given out again."""
    arm(api, mode="lie", times=1)
    before = api.get("/state").json()["digest"]
    lie = place(api)
    order = lie.json()["id"]

    assert (lie.status_code, lie.json()["status"]) == (201, "placed")
    assert api.get(f"/erp/orders/{order}").status_code == 404
    assert api.get("/state").json()["digest"] == before
    assert (effects(api), outcomes(api)[0]) == (0, ("discarded", "lie"))
    assert place(api).json()["id"] != order


def test_delay_before_the_effect_lands_after_the_client_has_gone(raw: httpx2.Client) -> None:
    """The client gives up, the effect comes all the same, later."""
    arm(raw, mode="delay", delay_ms=2000, times=1)
    with pytest.raises(httpx2.ReadTimeout):
        raw.post("/erp/orders", json=ORDER, headers=KEY, timeout=0.1)
    early = effects(raw)

    assert (early, until(lambda: effects(raw))) == (0, 1)


def test_delay_after_the_effect_holds_the_answer_back(raw: httpx2.Client) -> None:
    """The effect is there while the client still waits."""
    arm(raw, mode="delay", delay_ms=60_000, delay_when="after_effect", times=1)
    with pytest.raises(httpx2.ReadTimeout):
        raw.post("/erp/orders", json=ORDER, headers=KEY, timeout=0.1)

    assert until(lambda: effects(raw)) == 1


def test_html_in_place_of_json(raw: httpx2.Client) -> None:
    """A proxy's page with status 200, although the effect happened."""
    arm(raw, mode="html", times=1)
    answer = place(raw)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert effects(raw) == 1


def test_huge_body(raw: httpx2.Client) -> None:
    """Twenty million bytes, which a careful client does not read to the end."""
    arm(raw, mode="huge", times=2)
    whole = place(raw)
    with raw.stream("POST", "/erp/orders", json=ORDER, headers=KEY) as answer:
        first = next(answer.iter_bytes())

    assert len(whole.content) == 20_000_000
    assert first.startswith(b'{"filler"')
    assert raw.get("/health").status_code == 200


def test_redirect_to_another_host(raw: httpx2.Client) -> None:
    """A 302 to where the fault says, without an effect."""
    arm(raw, mode="redirect", url="http://evil.invalid/x", times=1)
    answer = place(raw)

    assert (answer.status_code, answer.headers["location"]) == (302, "http://evil.invalid/x")
    assert effects(raw) == 0


def test_bad_schema_breaks_the_promise_of_the_document(
    raw: httpx2.Client, document: dict[str, Any]
) -> None:
    """The answer lacks a required field and has one that nobody declared."""
    arm(raw, mode="bad_schema", times=1)
    answer = place(raw)
    order = document["components"]["schemas"]["Order"]

    assert answer.status_code == 201
    assert set(order["required"]) - answer.json().keys() == {"id"}
    assert answer.json().keys() - order["properties"].keys() == {"drifted"}
    assert effects(raw) == 1


def test_reads_can_fail_too(raw: httpx2.Client) -> None:
    """A fault on a read spoils its answer; a read cannot lie."""
    arm(raw, "finance.get_budget", mode="status_503", times=1)
    arm(raw, "supplier.get_quote", mode="bad_schema")
    refused = raw.put("/faults/finance.get_budget", json={"mode": "lie"})

    assert raw.get("/finance/budgets/workplace").status_code == 503
    assert raw.get("/finance/budgets/workplace").status_code == 200
    assert raw.get("/suppliers/sup-7/quote").json()["drifted"] is True
    assert (refused.status_code, refused.json()["code"]) == (409, "FAULT_CONTRADICTS")


def test_times_and_skip_count_requests(api: httpx2.Client) -> None:
    """A fault lets `skip` requests pass, meets `times`, and is gone."""
    arm(api, mode="status_503", skip=1, times=2)
    statuses = [place(api).status_code for _ in range(5)]

    assert statuses == [201, 503, 503, 201, 201]
    assert api.get("/faults").json() == {"faults": []}


def test_match_meets_only_some_requests(api: httpx2.Client) -> None:
    """A fault with `match` leaves other requests to the same operation alone."""
    arm(api, mode="status_503", match={"reference": "req-2"})
    first = api.post("/erp/orders", json=ORDER)
    second = api.post("/erp/orders", json={**ORDER, "reference": "req-2"})

    assert (first.status_code, second.status_code) == (201, 503)


def test_fault_on_an_undo(api: httpx2.Client) -> None:
    """A compensation can be made to fail, and works once the fault is cleared."""
    order = place(api).json()["id"]
    arm(api, "erp.cancel_order", mode="status_503")
    failed = [api.post(f"/erp/orders/{order}/cancel").status_code for _ in range(3)]
    left = api.delete("/faults/erp.cancel_order").json()

    assert (failed, left) == ([503, 503, 503], {"faults": []})
    assert api.post(f"/erp/orders/{order}/cancel").json()["changed"] is True


def test_clear_disarms_everything(api: httpx2.Client) -> None:
    """`DELETE /faults` leaves no fault."""
    arm(api, mode="status_503")
    arm(api, "mail.send", mode="status_503")
    listed = [fault["id"] for fault in api.get("/faults").json()["faults"]]
    cleared = api.delete("/faults").json()

    assert listed == ["erp.place_order", "mail.send"]
    assert cleared == {"faults": []}
    assert place(api).status_code == 201


@pytest.mark.parametrize(
    ("operation", "fault", "code"),
    [
        ("erp.nothing", {"mode": "lie"}, "UNKNOWN_OPERATION"),
        ("state.reset", {"mode": "status_503"}, "UNKNOWN_OPERATION"),
        ("erp.place_order", {"mode": "explode"}, "INVALID_REQUEST"),
        ("erp.place_order", {"mode": "lie", "effect": True}, "FAULT_CONTRADICTS"),
        ("erp.place_order", {"mode": "delay", "delay_ms": 600_001}, "INVALID_REQUEST"),
        ("erp.place_order", {"mode": "status_503", "times": 0}, "INVALID_REQUEST"),
    ],
)
def test_faults_that_make_no_sense_are_refused(
    api: httpx2.Client, operation: str, fault: dict[str, Any], code: str
) -> None:
    """An unknown operation, mode or bound is refused with a stable code."""
    assert api.put(f"/faults/{operation}", json=fault).json()["code"] == code


def test_alter_does_something_else_and_says_what_was_asked(api: httpx2.Client) -> None:
    """The store has the other value, members of members too; the answer hides it."""
    fields = {"phone": "+49 30 1", "discount_bps": 500}
    arm(api, "crm.update_account", mode="alter", instead={"fields": {"phone": "+49 30 666"}})
    answer = api.patch("/crm/accounts/acc-1001", json={"fields": fields}, headers=KEY)
    account = api.get("/crm/accounts/acc-1001").json()

    assert (answer.status_code, answer.json()["fields"]) == (200, fields)
    assert (account["phone"], account["discount_bps"]) == ("+49 30 666", 500)
    assert effects(api) == 1


def test_alter_to_what_cannot_be_asked_for(api: httpx2.Client) -> None:
    """Nothing is done."""
    arm(api, mode="alter", instead={"total_micros": "much"})

    assert place(api).status_code == 500
    assert effects(api) == 0
