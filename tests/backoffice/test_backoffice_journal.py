"""The journal counts effects by what they mean and requests by key, and a reset clears it."""

from __future__ import annotations

import httpx2

ORDER = {
    "supplier": "sup-7",
    "total_micros": 1_400_000_000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "req-1",
}
NAMED = "requester@acme.example|sup-7|req-1"


def place(api: httpx2.Client, key: str, **changes: object) -> str:
    """Place an order and return its id."""
    answer = api.post("/erp/orders", json={**ORDER, **changes}, headers={"Idempotency-Key": key})
    return str(answer.json()["id"])


def cancel(api: httpx2.Client, order: str, key: str) -> None:
    """Cancel an order."""
    api.post(f"/erp/orders/{order}/cancel", headers={"Idempotency-Key": key})


def test_entries_stand_in_order_with_direction_and_key(api: httpx2.Client) -> None:
    """Each effect is an entry: what, of which request, in which direction."""
    cancel(api, place(api, "do"), "undo")
    entries = api.get("/journal").json()["entries"]

    assert [
        (e["kind"], e["identity"], e["direction"], e["operation"], e["key"]) for e in entries
    ] == [
        ("erp.order", NAMED, "do", "erp.place_order", "do"),
        ("erp.order", NAMED, "undo", "erp.cancel_order", "undo"),
    ]
    assert entries[0]["seq"] < entries[1]["seq"]
    assert entries[0]["request_id"] != entries[1]["request_id"]


def test_summary_tells_net_and_peak(api: httpx2.Client) -> None:
    """Done twice and undone once has a net of one and a peak of two; in turns, a peak of one."""
    doubled = place(api, "a")
    place(api, "b")
    cancel(api, doubled, "c")
    cancel(api, place(api, "d", reference="req-2"), "e")
    place(api, "f", reference="req-2")
    counts = api.get("/journal/summary").json()["effects"]

    assert counts == [
        {"kind": "erp.order", "identity": NAMED, "done": 2, "undone": 1, "net": 1, "peak": 2},
        {
            "kind": "erp.order",
            "identity": NAMED.replace("req-1", "req-2"),
            "done": 2,
            "undone": 1,
            "net": 1,
            "peak": 1,
        },
    ]


def test_requests_are_counted_apart_from_effects(api: httpx2.Client) -> None:
    """Replays, refusals, conflicts and reads are requests without an effect."""
    place(api, "a")
    place(api, "a")
    api.post("/erp/orders", json={**ORDER, "quantity": 2}, headers={"Idempotency-Key": "a"})
    api.post("/erp/orders", json={**ORDER, "supplier": "sup-9"}, headers={"Idempotency-Key": "b"})
    api.get("/finance/budgets/workplace")
    requests = api.get("/journal/requests").json()["entries"]
    summary = api.get("/journal/summary").json()

    assert [(r["outcome"], r["status"]) for r in requests] == [
        ("done", 201),
        ("replayed", 201),
        ("key_conflict", 422),
        ("refused", 409),
        ("done", 200),
    ]
    assert [(k["key"], k["requests"], k["effects"]) for k in summary["keys"]] == [
        ("a", 3, 1),
        ("b", 1, 0),
    ]
    assert summary["operations"] == [
        {"operation": "erp.place_order", "requests": 4},
        {"operation": "finance.get_budget", "requests": 1},
    ]


def test_request_id_leads_from_answer_to_journal(api: httpx2.Client) -> None:
    """The answer's X-Request-Id is the entry's request id."""
    answer = api.post("/mail/messages", json={"to": "a@acme.example"})
    entries = api.get("/journal").json()["entries"]

    assert entries[0]["request_id"] == answer.headers["X-Request-Id"]


def test_filters_and_pages(api: httpx2.Client) -> None:
    """The journal is read in pages, or by identity, kind or key."""
    for number in range(5):
        place(api, f"k{number}", reference=f"req-{number}")
    first = api.get("/journal", params={"limit": 2}).json()
    rest = api.get("/journal", params={"after": first["next_after"]}).json()
    by_key = api.get("/journal", params={"key": "k3"}).json()["entries"]
    by_name = api.get("/journal", params={"kind": "erp.order", "identity": NAMED}).json()
    by_operation = api.get("/journal/requests", params={"operation": "mail.send"}).json()

    assert len(first["entries"]) == 2
    assert (len(rest["entries"]), rest["next_after"]) == (3, None)
    assert [e["identity"] for e in by_key] == [NAMED.replace("req-1", "req-3")]
    assert [e["key"] for e in by_name["entries"]] == ["k1"]
    assert by_operation == {"entries": [], "next_after": None}


def test_reset_gives_the_seeded_start(api: httpx2.Client) -> None:
    """After a reset state, journal, keys and faults are those of a new file."""
    fresh = api.get("/state").json()
    order = place(api, "k")
    api.put("/faults/mail.send", json={"mode": "status_503"})
    changed = api.get("/state").json()["digest"]
    answer = api.post("/reset").json()

    assert changed != fresh["digest"]
    assert answer == fresh == api.get("/state").json()
    assert api.get("/journal").json()["entries"] == []
    assert api.get("/journal/requests").json()["entries"] == []
    assert api.get("/faults").json() == {"faults": []}
    assert api.get(f"/erp/orders/{order}").status_code == 404
    assert api.get("/requests", params={"key": "k"}).json()["happened"] is False
    assert api.post("/mail/messages", json={"to": "a@acme.example"}).status_code == 201
