"""Hosts in disguise: whatever a host looks like, the one that is connected to has to be listed."""

import json

import pytest

from activities.tools.registry import Tools
from remit.tool.call import Happened, Refused
from tests.activities.calling import ask
from tests.activities.origin import Origin, http_contract


@pytest.mark.parametrize(
    ("host", "destination"),
    [
        ("\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "localhost"),
        ("loc\u0430lhost", "localhost"),
        ("xn--loclhost-9fg", "localhost"),
        ("localhost\u3002evil.example", "localhost"),
        ("b\u00fccher.example", "bucher.example"),
        ("xn--bcher-kva.example", "b\u00fccher.example"),
    ],
    ids=["wide", "cyrillic", "cyrillic-as-ascii", "other-dot", "umlaut", "umlaut-listed"],
)
async def test_a_host_in_other_letters_is_another_host(
    origin: Origin, tools: Tools, environ: dict[str, str], host: str, destination: str
) -> None:
    """Compared is the ASCII form that would be connected to; nothing is sent."""
    environ["ORIGIN"] = f"http://{host}:{origin.port}"

    given = await ask(tools, http_contract(destinations=[destination]))

    assert isinstance(given, Refused)
    assert given.code in ("TOOL-EGRESS", "TOOL-REQUEST")
    assert origin.connections == 0


async def test_hosts_in_arguments_lead_nowhere(origin: Origin, tools: Tools) -> None:
    """In path, query and body they are what the tool is told, never where it is told it."""
    evil = "http://evil.example/x"
    contract = http_contract(
        url="${env:ORIGIN}/things/{at}",
        query={"next": "/deep/url"},
        body={"to": "${args.deep}"},
    )
    deep = {"url": evil, "more": [evil, {"host": "evil.example"}]}

    given = await ask(tools, contract, {"at": "//evil.example/", "deep": deep})

    (asked,) = origin.asked
    assert given == Happened({"id": "1"})
    assert asked.line.split()[1].startswith("/things/%2F%2Fevil.example%2F?next=http%3A%2F%2Fevil")
    assert asked.headers["host"] == f"127.0.0.1:{origin.port}"
    assert json.loads(asked.body) == {"to": deep}
