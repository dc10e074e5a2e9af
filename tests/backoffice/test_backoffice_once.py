"""One key, one effect: repeated, concurrent and mistaken uses of an idempotency key."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.backoffice.running import Running

ORDER: dict[str, Any] = {
    "supplier": "sup-7",
    "total_micros": 1_400_000_000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "req-1",
}


def place(
    api: httpx2.Client, key: str | None = "run/order:0:do", **changes: Any
) -> httpx2.Response:
    """Place an order under a key."""
    headers = {"Idempotency-Key": key} if key else {}
    return api.post("/erp/orders", json={**ORDER, **changes}, headers=headers)


def effects(api: httpx2.Client) -> list[tuple[str, int]]:
    """How often each thing was done."""
    counted = api.get("/journal/summary").json()["effects"]
    return [(count["identity"], count["done"]) for count in counted]


def test_same_key_gets_the_first_answer(api: httpx2.Client) -> None:
    """A repeated request is answered with the same bytes and has no effect."""
    first, second = place(api), place(api)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert effects(api) == [("requester@acme.example|sup-7|req-1", 1)]


def test_order_of_fields_is_not_another_request(api: httpx2.Client) -> None:
    """The same fields in another order, or a default spelt out, are the same request."""
    first = place(api)
    body = {"quantity": 1, **dict(reversed(ORDER.items()))}
    second = api.post("/erp/orders", json=body, headers={"Idempotency-Key": "run/order:0:do"})

    assert second.content == first.content


def test_same_key_with_other_words_is_refused(api: httpx2.Client) -> None:
    """Another body or another operation under a used key is refused and does nothing."""
    place(api)
    other_body = place(api, total_micros=1)
    other_path = api.post(
        "/mail/messages", json={"to": "a@b.example"}, headers={"Idempotency-Key": "run/order:0:do"}
    )

    for answer in (other_body, other_path):
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert effects(api) == [("requester@acme.example|sup-7|req-1", 1)]


def test_same_key_on_another_thing_is_refused(api: httpx2.Client) -> None:
    """The path is a part of the request: a key cannot undo two things."""
    orders = [place(api, key).json()["id"] for key in ("a", "b")]
    headers = {"Idempotency-Key": "undo"}
    answers = [api.post(f"/erp/orders/{order}/cancel", headers=headers) for order in orders]

    assert [answer.status_code for answer in answers] == [200, 422]


async def test_concurrent_requests_with_one_key_have_one_effect(
    raw: httpx2.Client, backoffice: Running
) -> None:
    """Forty at once under one key: one order, forty equal answers."""
    async with httpx2.AsyncClient(base_url=backoffice.url) as client:
        headers = {"Idempotency-Key": "k"}
        sent = (client.post("/erp/orders", json=ORDER, headers=headers) for _ in range(40))
        answers = await asyncio.gather(*sent)

    summary = raw.get("/journal/summary").json()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert effects(raw) == [("requester@acme.example|sup-7|req-1", 1)]
    assert summary["keys"] == [
        {"key": "k", "operation": "erp.place_order", "requests": 40, "effects": 1}
    ]


def test_a_refusal_is_not_kept(api: httpx2.Client) -> None:
    """A key that was refused may be tried again, even with other words, and then succeed."""
    body = {
        "budget": "marketing",
        "amount_micros": 1_000_000_000,
        "currency": "EUR",
        "requester": "requester@acme.example",
        "reference": "r",
    }
    held = api.post("/finance/reservations", json=body).json()["id"]
    headers = {"Idempotency-Key": "k"}
    refused = api.post("/finance/reservations", json=body, headers=headers)
    api.post(f"/finance/reservations/{held}/release")
    granted = api.post("/finance/reservations", json=body, headers=headers)

    assert (refused.status_code, granted.status_code) == (409, 201)


def test_without_a_key_a_repeated_request_is_a_second_effect(api: httpx2.Client) -> None:
    """Two requests without a key, or under two keys, make two orders, and the journal tells."""
    ids = {place(api, key).json()["id"] for key in (None, None, "a", "b")}
    found = api.get(
        "/erp/orders", params={name: ORDER[name] for name in ("requester", "supplier", "reference")}
    )

    assert {order["id"] for order in found.json()["orders"]} == ids
    assert effects(api) == [("requester@acme.example|sup-7|req-1", 4)]


def test_a_key_can_be_asked_for(api: httpx2.Client) -> None:
    """A probe tells whether the request with a key happened, and what it was answered."""
    before = api.get("/requests", params={"key": "run/order:0:do"}).json()
    order = place(api).json()
    after = api.get("/requests", params={"key": "run/order:0:do"}).json()

    assert before == {"happened": False, "operation": None, "status": None, "response": None}
    assert after == {
        "happened": True,
        "operation": "erp.place_order",
        "status": 201,
        "response": order,
    }


def test_malformed_keys_are_refused(api: httpx2.Client) -> None:
    """A key that is empty, too long or not all visible ASCII is refused."""
    for key in ("", "a b", "x" * 513):
        answer = api.post("/erp/orders", json=ORDER, headers={"Idempotency-Key": key})

        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert effects(api) == []
