"""The `http` kind against a real server: what it sends, and what each ending means."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
from opentelemetry.baggage import set_baggage
from opentelemetry.context import attach, detach
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from activities.tools.registry import Tools
from remit.tool.call import Absent, Broken, Happened, Refused, Unknown
from tests.activities.calling import ask, code
from tests.activities.origin import Asked, Origin, answer, deaf, http_contract


async def test_sends_arguments_key_and_secrets(origin: Origin, tools: Tools) -> None:
    """Path, query, body, step key and resolved headers arrive as the contract says."""
    contract = http_contract(
        base="${env:ORIGIN}/shops",
        url="/{shop}/things",
        query={"colour": "/colour", "tag": "/tags", "none": "/absent"},
        headers={"Authorization": "Bearer ${env:TOKEN}", "X-Whole": "env:TOKEN"},
    )

    given = await ask(
        tools, contract, {"shop": "a/b?c", "colour": "red & blue", "tags": ["x", 2], "size": 3}
    )

    assert given == Happened({"id": "1"})
    [asked] = origin.asked
    assert asked.line == "POST /shops/a%2Fb%3Fc/things?colour=red+%26+blue&tag=x&tag=2 HTTP/1.1"
    assert json.loads(asked.body) == {"size": 3}
    assert asked.headers["idempotency-key"] == "run-1:order:do"
    assert asked.headers["authorization"] == "Bearer t0p-secret-token"
    assert asked.headers["x-whole"] == "t0p-secret-token"
    assert asked.headers["content-type"] == "application/json"


async def test_body_template(origin: Origin, tools: Tools) -> None:
    """A body template takes arguments and the step key; an absent optional one is left out."""
    contract = http_contract(
        body={"of": {"thing": "${args.name}", "size": "${args.size}"}, "ref": "${step_key}"}
    )

    await ask(tools, contract, {"name": "chair"})

    assert json.loads(origin.asked[0].body) == {"of": {"thing": "chair"}, "ref": "run-1:order:do"}


async def test_takes_a_part_of_the_answer(origin: Origin, tools: Tools) -> None:
    """`output` points into the answer; a part that is not there breaks the answer."""
    origin.reply = answer(201, b'{"data": [{"id": 7}]}')

    assert await ask(tools, http_contract(output="/data/0")) == Happened({"id": 7})
    assert code(await ask(tools, http_contract(output="/data/1"))) == "TOOL-ANSWER-PART"


async def test_empty_answer_is_null(origin: Origin, tools: Tools) -> None:
    """A 204 happened, and its output is null."""
    origin.reply = answer(204, b"")

    assert await ask(tools, http_contract()) == Happened(None)


@pytest.mark.parametrize(
    ("body", "content_type", "more", "expected"),
    [
        (b"<h1>It works!</h1>", "text/html", "", "TOOL-NOT-JSON"),
        (b'{"id": 1}', "text/plain", "", "TOOL-NOT-JSON"),
        (b'{"id": ', "application/json", "", "TOOL-BAD-JSON"),
        (b'{"id": 1, "id": 2}', "application/json", "", "TOOL-BAD-JSON"),
        (b'{"id": 9007199254740993}', "application/json", "", "TOOL-BAD-JSON"),
        (b'{"id": NaN}', "application/json", "", "TOOL-BAD-JSON"),
        (b"[" * 5000 + b"]" * 5000, "application/json", "", "TOOL-BAD-JSON"),
        (b"\xff\xfe", "application/json", "", "TOOL-BAD-JSON"),
        (b"zipped", "application/json", "Content-Encoding: gzip\r\n", "TOOL-ANSWER-ENCODED"),
    ],
)
async def test_unusable_answers_have_happened(
    origin: Origin, tools: Tools, body: bytes, content_type: str, more: str, expected: str
) -> None:
    """A 2xx whose body cannot be used is a failure with effect."""
    origin.reply = answer(200, body, content_type, more)

    given = await ask(tools, http_contract())

    assert isinstance(given, Broken)
    assert given.code == expected


async def test_reads_no_more_than_allowed(origin: Origin, tools: Tools) -> None:
    """A body of 20 MB is given up at the bound, whether its length is declared or not."""
    sent = 0

    async def chunked(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(320):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    origin.reply = chunked
    given = await ask(tools, http_contract())

    assert isinstance(given, Broken)
    assert given.code == "TOOL-ANSWER-TOO-LARGE"
    assert sent < 15_000_000

    origin.reply = answer(200, b"x" * 2_000_000)
    assert code(await ask(tools, http_contract())) == "TOOL-ANSWER-TOO-LARGE"


async def test_statuses(origin: Origin, tools: Tools) -> None:
    """Listed statuses refuse with the tool's own words; others leave it open."""
    origin.reply = answer(409, b'{"code": "NO_BUDGET", "message": "nothing left"}')
    assert await ask(tools, http_contract()) == Refused(
        "TOOL-REFUSED", "shop.thing@1 answered 409 (NO_BUDGET: nothing left)"
    )

    origin.reply = answer(429, b"{}")
    assert await ask(tools, http_contract()) == Refused(
        "TOOL-REFUSED", "shop.thing@1 answered 429", again=True
    )

    for status in (401, 403):
        origin.reply = answer(status, b"{}")
        assert await ask(tools, http_contract()) == Refused(
            "TOOL-REFUSED", f"shop.thing@1 answered {status}", is_unheard=True
        )

    for status in (500, 503, 418):
        origin.reply = answer(status, b'{"message": "oops"}')
        assert await ask(tools, http_contract()) == Unknown(
            "TOOL-STATUS", f"shop.thing@1 answered {status} (oops)"
        )


async def test_only_a_probe_is_told_that_nothing_happened(origin: Origin, tools: Tools) -> None:
    """`absent` statuses count in a probe and nowhere else."""
    origin.reply = answer(404, b"{}")
    contract = http_contract(operation="read", method="GET", body=None, absent=[404])

    assert await ask(tools, contract, purpose="probe") == Absent()
    assert code(await ask(tools, contract)) == "TOOL-REFUSED"


async def test_redirects_are_not_followed(origin: Origin, tools: Tools) -> None:
    """A redirect leaves a write open and fails a read; nobody goes where it points."""
    port = origin.port
    origin.reply = answer(302, b"", more=f"Location: http://127.0.0.1:{port}/elsewhere\r\n")

    written = await ask(tools, http_contract())
    read = await ask(tools, http_contract(operation="read", method="GET", body=None))

    assert isinstance(written, Unknown)
    assert isinstance(read, Refused)
    assert {code(written), code(read)} == {"TOOL-REDIRECT"}
    assert [asked.line.split()[1] for asked in origin.asked] == ["/things", "/things"]


async def test_nothing_was_sent_where_nobody_listens(tools: Tools, environ: dict[str, str]) -> None:
    """A refused connection is certain to have had no effect, and may be tried again."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        environ["ORIGIN"] = f"http://127.0.0.1:{deaf.getsockname()[1]}"

        given = await ask(tools, http_contract())

    assert isinstance(given, Refused)
    assert given.code == "TOOL-UNREACHABLE"
    assert given.again


async def test_deadline_before_sending(tools: Tools, environ: dict[str, str]) -> None:
    """A deadline that passes while the connection is still being made: nothing was sent."""
    with deaf() as url:
        environ["ORIGIN"] = url
        given = await ask(tools, http_contract(), within_s=0.2)

    assert code(given) == "TOOL-UNREACHABLE"


async def test_deadline_after_sending(origin: Origin, tools: Tools) -> None:
    """An answer that does not come before the deadline leaves it open."""

    async def silent(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    origin.reply = silent

    given = await ask(tools, http_contract(), within_s=1)

    assert isinstance(given, Unknown)
    assert given.code == "TOOL-TIMEOUT"
    assert len(origin.asked) == 1


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{", b"garbage\r\n\r\n"],
)
async def test_a_lost_connection_leaves_it_open(origin: Origin, tools: Tools, said: bytes) -> None:
    """A connection that ends after the request was sent is unknown, and not tried again."""

    async def drop(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        raise ConnectionResetError

    origin.reply = drop

    given = await ask(tools, http_contract())

    assert isinstance(given, Unknown)
    assert given.code == "TOOL-CONNECTION"
    assert len(origin.asked) == 1


async def test_a_refusal_stands_though_its_words_are_cut_off(origin: Origin, tools: Tools) -> None:
    """The status of a refusal is enough."""

    async def cut(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 422 X\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        raise ConnectionResetError

    origin.reply = cut

    assert code(await ask(tools, http_contract())) == "TOOL-REFUSED"


@pytest.mark.parametrize(
    ("base", "is_sent"),
    [
        ("http://127.0.0.1:{port}", True),
        ("http://127.0.0.1.:{port}", False),
        ("http://user:pass@127.0.0.1:{port}", False),
        ("http://127.0.0.1:{port}@evil.example", False),
        ("http://evil.example#@127.0.0.1:{port}", False),
        ("http://2130706433:{port}", False),
        ("http://0x7f000001:{port}", False),
        ("http://127.1:{port}", False),
        ("http://localhost:{port}", False),
        ("http://0177.0.0.1:{port}", False),
        ("http://[::ffff:127.0.0.1]:{port}", False),
        ("http://[::1]:{port}", False),
        ("http://127.0.0.1%2eevil.example:{port}", False),
        ("http://127.0.0.1.evil.example:{port}", False),
        ("http://xn--127-4ea.0.0.1:{port}", False),
        ("http://evil.example\\@127.0.0.1:{port}", False),
        ("ftp://127.0.0.1:{port}", False),
        ("", False),
    ],
)
async def test_goes_to_its_destinations_only(
    origin: Origin, tools: Tools, environ: dict[str, str], base: str, is_sent: bool
) -> None:
    """A base address that names another host in any spelling is refused before connecting."""
    environ["ORIGIN"] = base.format(port=origin.port)

    given = await ask(tools, http_contract())

    assert isinstance(given, Happened if is_sent else Refused)
    assert bool(origin.connections) is is_sent


async def test_letter_case_and_final_dot_do_not_matter(
    origin: Origin, tools: Tools, environ: dict[str, str]
) -> None:
    """Spellings of an allowed host are that host."""
    environ["ORIGIN"] = f"http://LOCALHOST:{origin.port}"

    given = await ask(tools, http_contract(destinations=["localhost."], private=["localhost"]))

    assert given == Happened({"id": "1"})


@pytest.mark.parametrize("value", ["..", ".", "", None, ["a"]])
async def test_arguments_do_not_change_the_path(
    origin: Origin, tools: Tools, value: str | list[str] | None
) -> None:
    """An argument that would climb out of its segment is refused unsent."""
    given = await ask(tools, http_contract(url="${env:ORIGIN}/shops/{shop}/x"), {"shop": value})

    assert code(given) == "TOOL-REQUEST"
    assert not origin.connections


async def test_secrets_are_never_repeated(origin: Origin, tools: Tools, tmp_path: Path) -> None:
    """A secret that the tool echoes reaches neither output nor message."""
    (tmp_path / "key.txt").write_text("file-secret-value\n")
    contract = http_contract(headers={"Authorization": "env:TOKEN", "X-Key": "file:key.txt"})

    async def echo(asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = {"seen": f"<{asked.headers['authorization']}>", asked.headers["x-key"]: [1]}
        await answer(200, json.dumps(body).encode())(asked, writer)

    async def complain(asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = {"message": f"bad token {asked.headers['authorization']}"}
        await answer(401, json.dumps(body).encode())(asked, writer)

    origin.reply = echo
    assert await ask(tools, contract) == Happened({"seen": "<[secret]>", "[secret]": [1]})

    origin.reply = complain
    given = await ask(tools, contract)
    assert isinstance(given, Refused)
    assert given.message == "shop.thing@1 answered 401 (bad token [secret])"


@pytest.mark.parametrize("reference", ["env:NOT_SET", "file:absent.txt", "Bearer ${env:BROKEN}"])
async def test_a_secret_that_is_not_there(
    origin: Origin, tools: Tools, environ: dict[str, str], reference: str
) -> None:
    """Without its secret a call is refused unsent, and the message names the reference alone."""
    environ["BROKEN"] = "half\r\nX-Injected: yes"

    given = await ask(tools, http_contract(headers={"X-Key": reference}))

    assert isinstance(given, Refused)
    assert given.code == "TOOL-SECRET"
    assert "Injected" not in given.message
    assert not origin.connections


async def test_keeps_no_cookies(origin: Origin, tools: Tools) -> None:
    """What one call is given is not sent with the next."""
    origin.reply = answer(200, b"{}", more="Set-Cookie: session=1\r\n")

    await ask(tools, http_contract())
    await ask(tools, http_contract())

    assert "cookie" not in origin.asked[1].headers


async def test_carries_the_trace_and_no_baggage(origin: Origin, tools: Tools) -> None:
    """A tool learns which trace a call belongs to, and nothing else of its surroundings."""
    span = NonRecordingSpan(SpanContext(trace_id=7, span_id=9, is_remote=False))
    token = attach(set_baggage("customer", "secret", set_span_in_context(span)))

    await ask(tools, http_contract())
    detach(token)

    headers = origin.asked[0].headers
    assert headers["traceparent"] == f"00-{7:032x}-{9:016x}-00"
    assert "baggage" not in headers


async def test_what_is_done_already_is_told_apart(origin: Origin, tools: Tools) -> None:
    """A status that the contract lists as `already` is a refusal that says so."""
    origin.reply = answer(404, b"{}")

    given = await ask(tools, http_contract(already=[404]))

    assert given == Refused("TOOL-REFUSED", "shop.thing@1 answered 404", already=True)
