"""The scenarios' operations do what they say, and undone in reverse leave the starting state."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

RESERVATION = {
    "budget": "workplace",
    "amount_micros": 4_200_000_000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "req-1",
}
ORDER = {
    "supplier": "sup-7",
    "total_micros": 4_200_000_000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "req-1",
    "quantity": 3,
}
ACCOUNT = {
    "reference": "onb-1",
    "name": "Newcomer SA",
    "owner": "account-owner@acme.example",
    "region": "eu",
    "currency": "EUR",
}


def do(api: httpx2.Client, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Post and expect success."""
    answer = api.post(path, json=body or {})
    assert answer.status_code in (200, 201), answer.text
    result: dict[str, Any] = answer.json()
    return result


def digest(api: httpx2.Client) -> str:
    """Digest of the business state."""
    return str(api.get("/state").json()["digest"])


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status_code, answer.json()["code"]


def test_purchase_and_its_undo(api: httpx2.Client) -> None:
    """A purchase changes budget, orders and ledger; undone in reverse nothing is left of it."""
    start = digest(api)
    quote = api.get("/suppliers/sup-7/quote", params={"item": "laptop", "quantity": 3}).json()
    held = do(api, "/finance/reservations", RESERVATION)
    order = do(api, "/erp/orders", {**ORDER, "total_micros": quote["total_micros"]})
    confirmed = do(api, "/suppliers/sup-7/confirmations", {"order": order["id"]})
    entry = do(
        api,
        "/finance/entries",
        {
            "reference": "req-1",
            "debit": "6400-equipment",
            "credit": "2000-payables",
            "amount_micros": quote["total_micros"],
            "currency": "EUR",
            "reservation": held["id"],
        },
    )
    budget = api.get("/finance/budgets/workplace").json()
    state = api.get("/state").json()["state"]

    assert quote["total_micros"] == 4_200_000_000
    assert (held["status"], order["status"], entry["status"]) == ("held", "placed", "posted")
    assert (budget["reserved_micros"], budget["spent_micros"]) == (0, 4_200_000_000)
    assert state["finance.balances"]["2000-payables EUR"] == -4_200_000_000
    assert state["erp.orders"] == ["requester@acme.example|sup-7|req-1: 4200000000 EUR confirmed"]

    do(api, f"/finance/entries/{entry['id']}/reverse")
    do(api, f"/suppliers/confirmations/{confirmed['id']}/withdraw")
    do(api, f"/erp/orders/{order['id']}/cancel")
    do(api, f"/finance/reservations/{held['id']}/release")

    assert digest(api) == start
    assert api.get(f"/erp/orders/{order['id']}").json()["status"] == "cancelled"
    assert api.get(f"/finance/entries/{entry['id']}").json()["status"] == "reversed"
    assert api.get(f"/finance/reservations/{held['id']}").json()["status"] == "released"
    gone = api.get(f"/suppliers/confirmations/{confirmed['id']}").json()
    assert gone["status"] == "withdrawn"


def test_reversal_fits_although_the_budget_was_used_up(api: httpx2.Client) -> None:
    """An entry smaller than its reservation can be reversed after others took all the rest."""
    held = do(api, "/finance/reservations", RESERVATION)
    entry = do(
        api,
        "/finance/entries",
        {
            "reference": "req-1",
            "debit": "6400-equipment",
            "credit": "2000-payables",
            "amount_micros": 4_000_000_000,
            "currency": "EUR",
            "reservation": held["id"],
        },
    )
    left = api.get("/finance/budgets/workplace").json()["available_micros"]
    rest = do(
        api, "/finance/reservations", {**RESERVATION, "reference": "x", "amount_micros": left}
    )

    assert do(api, f"/finance/entries/{entry['id']}/reverse")["changed"]
    assert do(api, f"/finance/reservations/{held['id']}/release")["changed"]
    assert do(api, f"/finance/reservations/{rest['id']}/release")["changed"]


def test_onboarding_and_its_undo(api: httpx2.Client) -> None:
    """Account, access, data and billing come, and go in reverse order only."""
    start = digest(api)
    account = do(api, "/crm/accounts", ACCOUNT)["id"]
    grant = do(
        api,
        "/identity/grants",
        {"subject": "ann@new.example", "system": "portal", "role": "member", "account": account},
    )
    rows = [{"email": "ann@new.example", "name": "Ann"}, {"email": "nobody", "name": "Bob"}]
    data = do(api, f"/crm/accounts/{account}/datasets", {"name": "first", "rows": rows})
    billing = do(
        api,
        "/finance/subscriptions",
        {"account": account, "plan": "base", "amount_micros": 99_000_000, "currency": "EUR"},
    )

    assert (data["accepted"], data["rejected"]) == (1, 1)
    assert refusal(api.post(f"/crm/accounts/{account}/close")) == (409, "ACCOUNT_IN_USE")

    do(api, f"/finance/subscriptions/{billing['id']}/deactivate")
    do(api, f"/crm/datasets/{data['id']}/remove")
    do(api, f"/identity/grants/{grant['id']}/revoke")
    do(api, f"/crm/accounts/{account}/close")

    assert digest(api) == start
    assert api.get(f"/finance/subscriptions/{billing['id']}").json()["status"] == "deactivated"
    assert api.get(f"/crm/datasets/{data['id']}").json()["status"] == "removed"
    assert api.get(f"/identity/grants/{grant['id']}").json()["status"] == "revoked"


def test_crm_update_and_its_restore(api: httpx2.Client) -> None:
    """An update answers what was there before; written back, the account is as it was."""
    start = digest(api)
    fields = {"phone": None, "discount_bps": 900}
    body = {"proposer": "agent@acme.example", "reason": "renewal", "fields": fields}
    proposal = do(api, "/crm/accounts/acc-1001/proposals", body)["id"]
    change = {"fields": fields, "expected_version": 1, "proposal": proposal}
    update = api.patch("/crm/accounts/acc-1001", json=change).json()

    assert update["previous"] == {"phone": "+49 30 1234567", "discount_bps": 500}
    assert update["version"] == 2
    assert api.get("/crm/accounts/acc-1001").json()["discount_bps"] == 900
    assert refusal(api.post(f"/crm/proposals/{proposal}/withdraw")) == (409, "PROPOSAL_APPLIED")

    back = {"fields": update["previous"], "proposal": proposal}
    assert do(api, "/crm/accounts/acc-1001/restore", back)["changed"]
    assert not do(api, "/crm/accounts/acc-1001/restore", back)["changed"]
    do(api, f"/crm/proposals/{proposal}/withdraw")

    assert digest(api) == start
    assert api.get(f"/crm/proposals/{proposal}").json()["status"] == "withdrawn"


def test_deletion_needs_a_copy_and_is_for_good(api: httpx2.Client) -> None:
    """A record is deleted only against a kept copy of it, which then cannot be discarded."""
    copy = do(api, "/erp/archives", {"record": "rec-77"})["id"]
    other = do(api, "/erp/archives", {"record": "rec-78"})["id"]
    wrong = api.delete("/erp/records/rec-77", params={"archive": other})
    first = api.delete("/erp/records/rec-77", params={"archive": copy})
    again = api.delete("/erp/records/rec-77", params={"archive": copy})

    assert refusal(wrong) == (409, "ARCHIVE_MISSING")
    assert (first.json()["changed"], again.json()["changed"]) == (True, False)
    assert api.get("/erp/records/rec-77").json()["status"] == "deleted"
    assert api.get(f"/erp/archives/{copy}").json()["content"]["vendor_number"] == 4077
    assert refusal(api.post(f"/erp/archives/{copy}/discard")) == (409, "ARCHIVE_IN_USE")
    assert do(api, f"/erp/archives/{other}/discard")["changed"]


def test_mail_is_kept_and_found(api: httpx2.Client) -> None:
    """A message that was sent is found by person and occasion."""
    sent = do(api, "/mail/messages", {"to": "a@acme.example", "reference": "req-1"})
    query = {"to": "a@acme.example", "reference": "req-1"}

    assert api.get("/mail/messages", params=query).json()["messages"] == [sent]
    assert api.get(f"/mail/messages/{sent['id']}").json() == sent


def test_access_is_a_set(api: httpx2.Client) -> None:
    """Providing the same access again gives the standing grant and has no effect."""
    body = {"subject": "ann@acme.example", "system": "crm", "role": "reader"}
    first, second = do(api, "/identity/grants", body), do(api, "/identity/grants", body)
    found = api.get("/identity/grants", params={"subject": "ann@acme.example"}).json()
    counts = api.get("/journal/summary").json()["effects"]

    assert first == second
    assert found == {"grants": [first]}
    assert [(c["identity"], c["done"]) for c in counts] == [("ann@acme.example|crm|reader|", 1)]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/finance/reservations", {**RESERVATION, "budget": "none"}, (404, "UNKNOWN_BUDGET")),
        (
            "/finance/reservations",
            {**RESERVATION, "amount_micros": 20_000_000_001},
            (409, "BUDGET_EXCEEDED"),
        ),
        ("/finance/reservations", {**RESERVATION, "currency": "USD"}, (409, "CURRENCY_MISMATCH")),
        ("/erp/orders", {**ORDER, "supplier": "sup-99"}, (404, "UNKNOWN_SUPPLIER")),
        ("/erp/orders", {**ORDER, "supplier": "sup-9"}, (409, "SUPPLIER_BLOCKED")),
        ("/erp/orders", {**ORDER, "currency": "USD"}, (409, "CURRENCY_MISMATCH")),
        ("/erp/archives", {"record": "rec-0"}, (404, "UNKNOWN_RECORD")),
        ("/crm/accounts", {**ACCOUNT, "parent_account": "acc-0"}, (409, "UNKNOWN_PARENT")),
        (
            "/identity/grants",
            {"subject": "a@b.example", "system": "moon", "role": "reader"},
            (404, "UNKNOWN_SYSTEM"),
        ),
        (
            "/finance/subscriptions",
            {"account": "acc-0", "plan": "base", "amount_micros": 1, "currency": "EUR"},
            (404, "UNKNOWN_ACCOUNT"),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_business_refusals_are_4xx_without_effect(
    api: httpx2.Client, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """A refusal has its stable code, and nothing has changed."""
    start = digest(api)
    answer = api.post(path, json=body)

    assert refusal(answer) == expected
    assert digest(api) == start
    assert api.get("/journal").json()["entries"] == []


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/crm/accounts/acc-999", {"fields": {"phone": "1"}}, "UNKNOWN_ACCOUNT"),
        ("/crm/accounts/acc-1001", {"fields": {}, "expected_version": 7}, "VERSION_CONFLICT"),
        ("/crm/accounts/acc-1001", {"fields": {"iban": "DE"}}, "INVALID_REQUEST"),
        ("/crm/accounts/acc-1001", {"fields": {"name": None}}, "INVALID_REQUEST"),
    ],
)
def test_invented_ids_and_fields_are_refused(
    api: httpx2.Client, path: str, body: dict[str, Any], code: str
) -> None:
    """An update of an account or a field that does not exist changes nothing."""
    assert api.patch(path, json=body).json()["code"] == code


UNDOS = [
    ("/finance/reservations/res-0123456789ab/release", "UNKNOWN_RESERVATION"),
    ("/finance/entries/ent-0123456789ab/reverse", "UNKNOWN_ENTRY"),
    ("/finance/subscriptions/sub-0123456789ab/deactivate", "UNKNOWN_SUBSCRIPTION"),
    ("/erp/orders/ord-0123456789ab/cancel", "UNKNOWN_ORDER"),
    ("/suppliers/confirmations/cnf-0123456789ab/withdraw", "UNKNOWN_CONFIRMATION"),
    ("/erp/archives/arc-0123456789ab/discard", "UNKNOWN_ARCHIVE"),
    ("/crm/accounts/acc-0123456789ab/close", "UNKNOWN_ACCOUNT"),
    ("/crm/proposals/prp-0123456789ab/withdraw", "UNKNOWN_PROPOSAL"),
    ("/crm/datasets/dat-0123456789ab/remove", "UNKNOWN_DATASET"),
    ("/identity/grants/grt-0123456789ab/revoke", "UNKNOWN_GRANT"),
]


@pytest.mark.parametrize(("path", "code"), UNDOS, ids=[code for _, code in UNDOS])
def test_undo_of_what_never_was(api: httpx2.Client, path: str, code: str) -> None:
    """It is refused, or absent if the caller said so; an id of another kind is always refused."""
    foreign = path.replace("-0123456789ab", "-invented")

    assert refusal(api.post(path)) == (404, code)
    assert refusal(api.post(foreign, json={"missing": "ok"})) == (404, code)
    assert do(api, path, {"missing": "ok"})["status"] == "absent"
    assert api.get("/journal").json()["entries"] == []


def test_undos_are_idempotent(api: httpx2.Client) -> None:
    """An undo repeated under another key has no second effect."""
    held = do(api, "/finance/reservations", RESERVATION)["id"]
    order = do(api, "/erp/orders", ORDER)["id"]
    undos = [f"/finance/reservations/{held}/release", f"/erp/orders/{order}/cancel"]
    answers = [[do(api, undo)["changed"] for undo in undos] for _ in range(3)]
    counts = api.get("/journal/summary").json()["effects"]

    assert answers == [[True, True], [False, False], [False, False]]
    assert [(c["done"], c["undone"], c["net"]) for c in counts] == [(1, 1, 0), (1, 1, 0)]


def test_undo_out_of_order_is_refused(api: httpx2.Client) -> None:
    """What something else still rests on cannot be undone before it."""
    held = do(api, "/finance/reservations", RESERVATION)["id"]
    order = do(api, "/erp/orders", ORDER)["id"]
    do(api, "/suppliers/sup-7/confirmations", {"order": order})
    do(
        api,
        "/finance/entries",
        {
            "reference": "req-1",
            "debit": "6400-equipment",
            "credit": "2000-payables",
            "amount_micros": 1,
            "currency": "EUR",
            "reservation": held,
        },
    )

    assert refusal(api.post(f"/erp/orders/{order}/cancel")) == (409, "ORDER_CONFIRMED")
    assert refusal(api.post(f"/finance/reservations/{held}/release")) == (
        409,
        "RESERVATION_NOT_HELD",
    )


def applied(api: httpx2.Client, applicant: str) -> dict[str, Any]:
    """Ask the bureau about an applicant; return what a limit for them would state."""
    known = api.get(f"/credit/applicants/{applicant}").json()
    stated = {"applicant": applicant, "region": known["region"], "as_of": known["as_of"]}
    inquiry = do(api, "/credit/inquiries", {**stated, "reference": "c-1"})["id"]
    score = api.get("/credit/scores", params={"inquiry": inquiry}).json()
    files = {name: score[name] for name in ("score", "debt_bps", "flags")}
    return {
        **stated,
        **files,
        "inquiry": inquiry,
        "amount_micros": 3_000_000_000,
        "currency": "EUR",
    }


def test_credit_and_its_undo(api: httpx2.Client) -> None:
    """Inquiry, limit and booking come, and go in reverse order only."""
    start = digest(api)
    stated = applied(api, "apl-fair")
    limit = do(api, "/credit/limits", stated)["id"]
    booking = do(api, "/credit/bookings", {"limit": limit})["id"]

    assert (stated["score"], stated["debt_bps"]) == (585, 3500)
    assert api.get("/state").json()["state"]["credit.limits"] == [
        "apl-fair|c-1: 3000000000 EUR booked"
    ]
    assert refusal(api.post("/credit/limits", json=stated)) == (409, "LIMIT_STANDS")
    inquiry = f"/credit/inquiries/{stated['inquiry']}"
    assert refusal(api.post(f"{inquiry}/close")) == (409, "INQUIRY_IN_USE")
    assert refusal(api.post(f"/credit/limits/{limit}/withdraw")) == (409, "LIMIT_BOOKED")

    do(api, f"/credit/bookings/{booking}/reverse")
    do(api, f"/credit/limits/{limit}/withdraw")
    do(api, f"{inquiry}/close")

    assert digest(api) == start
    closed = api.get(inquiry).json()
    assert (closed["status"], closed["debt_service_micros"]) == ("closed", 0)
    assert refusal(api.post("/credit/limits", json=stated)) == (409, "INQUIRY_CLOSED")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"score": 800}, "FILE_MISMATCH"),
        ({"debt_bps": 0}, "FILE_MISMATCH"),
        ({"flags": []}, "FILE_MISMATCH"),
        ({"region": "us"}, "APPLICANT_CHANGED"),
        ({"as_of": "2099-01-01T00:00:00Z"}, "APPLICANT_CHANGED"),
        ({"currency": "USD"}, "CURRENCY_MISMATCH"),
    ],
)
def test_a_limit_rests_on_what_the_files_say(
    api: httpx2.Client, changes: dict[str, Any], code: str
) -> None:
    """No other score, debt, marks, region or age of the data can be stated than the true ones."""
    stated = applied(api, "apl-barred")

    assert refusal(api.post("/credit/limits", json={**stated, **changes})) == (409, code)
    assert do(api, "/credit/limits", stated)["status"] == "set"


def test_outcomes_are_compared_by_age_band(api: httpx2.Client) -> None:
    """What is decided counts, what is under way does not; a rate is compared with the others."""
    assert api.get("/credit/outcomes").json() == {"groups": [], "ratio_bps": None}
    applied(api, "apl-weak")
    for applicant in ("apl-good", "apl-fair"):
        do(api, "/credit/limits", applied(api, applicant))
    do(api, f"/credit/inquiries/{applied(api, 'apl-abroad')['inquiry']}/close")

    assert api.get("/credit/outcomes").json() == {
        "groups": [
            {"age_band": "18-29", "decided": 2, "granted": 1},
            {"age_band": "30-59", "decided": 1, "granted": 1},
        ],
        "ratio_bps": 5000,
    }
