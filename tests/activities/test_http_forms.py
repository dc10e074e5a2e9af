"""How arguments are written into a request, byte by byte, and which are refused unsent."""

import json

import pytest

from activities.tools.registry import Tools
from remit.canonical import JSON, JSONObject
from remit.tool.call import Happened, Refused
from remit.tool.kinds import FORM_TYPE
from tests.activities.calling import ask
from tests.activities.origin import Origin, http_contract

LIST: JSON = ["a,b", "c d", 2]
OBJECT: JSON = {"from": "1 & 2", "tags": ["x", "y"], "none": None}


@pytest.mark.parametrize(
    ("style", "value", "query"),
    [
        ("comma", LIST, "q=a%2Cb,c%20d,2"),
        ("space", LIST, "q=a%2Cb%20c%20d%202"),
        ("pipe", LIST, "q=a%2Cb%7Cc%20d%7C2"),
        ("comma", "one", "q=one"),
        ("comma", [], ""),
        ("members", OBJECT, "from=1%20%26%202&tags=x&tags=y"),
        ("deep", OBJECT, "q[from]=1%20%26%202&q[tags]=x&q[tags]=y"),
        (
            "json",
            OBJECT,
            "q=%7B%22from%22%3A%221%20%26%202%22%2C%22none%22%3Anull%2C%22tags%22"
            "%3A%5B%22x%22%2C%22y%22%5D%7D",
        ),
    ],
)
async def test_styles_of_the_query(
    origin: Origin, tools: Tools, style: str, value: JSON, query: str
) -> None:
    """Separators stand as they are, parts are encoded."""
    contract = http_contract(query={"q": "/q"}, query_styles={"q": style})

    assert isinstance(await ask(tools, contract, {"q": value}), Happened)
    (_, target, _) = origin.asked[0].line.split(" ")
    assert target.partition("?")[2] == query


@pytest.mark.parametrize("value", [["x"], "x", {"a": {"b": 1}}])
async def test_a_value_that_does_not_fit_its_style_is_not_sent(
    origin: Origin, tools: Tools, value: JSON
) -> None:
    """It is refused as a request that cannot be made."""
    contract = http_contract(query={"q": "/q"}, query_styles={"q": "deep"})

    given = await ask(tools, contract, {"q": value})

    assert isinstance(given, Refused)
    assert (given.code, origin.asked) == ("TOOL-REQUEST", [])


async def test_headers_by_arguments(origin: Origin, tools: Tools) -> None:
    """An argument is sent as it is, never read as a reference; absent ones set nothing."""
    contract = http_contract(header_arguments={"X-Note": "/note", "X-None": "/none"}, body="*")

    await ask(tools, contract, {"note": "env:TOKEN ${env:TOKEN}", "size": 1})

    asked = origin.asked[0]
    assert asked.headers["x-note"] == "env:TOKEN ${env:TOKEN}"
    assert "x-none" not in asked.headers
    assert json.loads(asked.body) == {"size": 1}


async def test_a_form_is_sent_member_by_member(origin: Origin, tools: Tools) -> None:
    """Plain values, lists and styles; null is absent, and nothing in a value makes another one."""
    contract = http_contract(
        media_type=FORM_TYPE, body="*", query={"page": "/page"}, body_styles={"when": "deep"}
    )
    given: JSONObject = {
        "page": 2,
        "name": "a&b=c d+é",
        "tag": ["x", "y"],
        "none": None,
        "yes": True,
        "when": {"from": "1", "to": 2.5},
    }

    assert isinstance(await ask(tools, contract, given), Happened)
    await ask(tools, contract, {"page": 2})

    first, empty = origin.asked
    assert first.headers["content-type"] == FORM_TYPE
    assert first.body == (
        b"name=a%26b%3Dc+d%2B%C3%A9&tag=x&tag=y&when[from]=1&when[to]=2.5&yes=true"
    )
    assert first.line.startswith("POST /things?page=2 ")
    assert (empty.body, "content-type" in empty.headers) == (b"", False)


@pytest.mark.parametrize("body", [["a"], "a", {"a": {"b": 1}}, {"a": [["b"]]}, {"a": [{"b": 1}]}])
async def test_what_is_no_form_is_not_sent(origin: Origin, tools: Tools, body: JSON) -> None:
    """How an object in a form is written, the contract says; else nobody knows."""
    contract = http_contract(media_type=FORM_TYPE, body="${args.body}")

    given = await ask(tools, contract, {"body": body})

    assert isinstance(given, Refused)
    assert (given.code, origin.asked) == ("TOOL-REQUEST", [])


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "ü", " a", ["a"], {"a": 1}, "\x00"])
async def test_a_header_is_one_plain_line(origin: Origin, tools: Tools, value: JSON) -> None:
    """Whatever would be more is refused before it is sent."""
    given = await ask(tools, http_contract(header_arguments={"X-Note": "/note"}), {"note": value})

    assert isinstance(given, Refused)
    assert (given.code, origin.asked) == ("TOOL-REQUEST", [])


async def test_a_body_that_is_one_argument(origin: Origin, tools: Tools) -> None:
    """Of any type, as what media type the contract says; none when it is absent."""
    media = "application/merge-patch+json"
    contract = http_contract(body="${args.body}", media_type=media)
    given: list[JSONObject] = [{"body": ["a", None]}, {}]

    for arguments in given:
        await ask(tools, contract, arguments)

    first, second = origin.asked
    assert (first.body, first.headers["content-type"]) == (b'["a",null]', media)
    assert (second.body, "content-type" in second.headers) == (b"", False)
