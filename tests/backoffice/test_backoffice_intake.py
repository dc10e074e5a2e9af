"""What comes in is bounded, and malformed requests are refused with stable codes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.backoffice.running import Running

JSON = {"Content-Type": "application/json"}
MIB = 1024 * 1024


def code(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b'{"to": NaN}', b'{"to": "\xff"}', b"[" * 10_000]
)
def test_what_is_not_json_is_refused(api: httpx2.Client, body: bytes) -> None:
    """Cut off, not JSON, not UTF-8 or nested without end."""
    assert code(api.post("/mail/messages", content=body, headers=JSON)) == (400, "INVALID_JSON")


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {},
        {"to": "nobody"},
        {"to": 5},
        {"to": "a@b.example", "bcc": "c@d.example"},
        {"to": "a@b.example", "subject": "two\nlines"},
    ],
)
def test_fields_are_checked(api: httpx2.Client, body: object) -> None:
    """A body with missing, unknown or malformed fields is refused."""
    assert code(api.post("/mail/messages", json=body)) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize("amount", ["5", 5.0, -5, 0, 2**53, True, None])
def test_money_is_a_positive_integer(api: httpx2.Client, amount: object) -> None:
    """An amount is integer micros up to 2^53 - 1, and nothing is converted to it."""
    body = {
        "budget": "workplace",
        "amount_micros": amount,
        "currency": "EUR",
        "requester": "a@b.example",
        "reference": "r",
    }

    assert code(api.post("/finance/reservations", json=body)) == (422, "INVALID_REQUEST")


def test_message_names_the_field_and_not_the_value(api: httpx2.Client) -> None:
    """An error helps without repeating what may be a secret."""
    answer = api.post("/mail/messages", json={"to": "hunter2"})

    assert answer.json()["message"].startswith("to: ")
    assert "hunter2" not in answer.text


def test_query_and_path_are_checked(api: httpx2.Client) -> None:
    """Unknown or malformed parameters are refused; a body may not repeat the path."""
    quote = "/suppliers/sup-7/quote"

    assert code(api.get(quote, params={"quantity": "many"})) == (422, "INVALID_REQUEST")
    assert code(api.get(quote, params={"colour": "red"})) == (422, "INVALID_REQUEST")
    assert code(api.get("/erp/orders/..%2Fx")) == (404, "NOT_FOUND")
    assert code(api.get("/erp/orders/a%20b")) == (422, "INVALID_REQUEST")
    for other in ({"order": "ord-2"}, {"force": True}):
        cancel = api.post("/erp/orders/ord-1/cancel", json=other)
        assert code(cancel) == (422, "INVALID_REQUEST")


def test_other_media_types_are_refused(api: httpx2.Client) -> None:
    """A form is not JSON."""
    answer = api.post("/mail/messages", data={"to": "a@b.example"})

    assert code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_body_up_to_a_mebibyte(api: httpx2.Client) -> None:
    """A body of 1 MiB is read; one byte more is refused, declared or not."""
    start = json.dumps({"to": "a@b.example"}).encode()
    fits = start + b" " * (MIB - len(start))

    def chunks() -> Iterator[bytes]:
        yield fits
        yield b" "

    declared = api.post("/mail/messages", content=fits + b" ", headers=JSON)
    streamed = api.post("/mail/messages", content=chunks(), headers=JSON)

    assert api.post("/mail/messages", content=fits, headers=JSON).status_code == 201
    assert code(declared) == (413, "BODY_TOO_LARGE")
    assert code(streamed) == (413, "BODY_TOO_LARGE")


def test_a_body_that_is_cut_off_does_nothing(raw: httpx2.Client, backoffice: Running) -> None:
    """A client that goes away in the middle of its body leaves no trace."""
    where = urlsplit(backoffice.url)
    head = b"POST /mail/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((str(where.hostname), int(where.port or 0))) as client:
        client.sendall(head + b'Content-Length: 100\r\n\r\n{"to": "a@b.example"}')

    assert raw.get("/journal/requests").json()["entries"] == []
