"""Which references of a catalogue are secrets, and which stand for an address."""

import pytest

from remit.canonical import JSONObject
from remit.secrets.listed import listed
from remit.tool.contract import ToolContract
from tests.tool.contracts import contract

PIN = "sha256:" + "0" * 64
MCP: JSONObject = {
    "kind": "mcp",
    "tool": "put",
    "schema_sha256": PIN,
    "server": {
        "transport": "http",
        "url": "http://${env:DESK_HOST}/mcp",
        "headers": {"url": "Bearer ${env:DESK_TOKEN}"},
    },
}
STARTED: JSONObject = {
    **MCP,
    "server": {"transport": "stdio", "command": ["desk"], "environment": {"base": "file:desk/key"}},
}
MODEL: JSONObject = {
    "kind": "model",
    "prompt": {"version": 1, "system": "env:NOTHING", "template": "${args.text}"},
    "endpoints": [{"url": "${env:MODEL_URL}/v1", "model": "small", "key": "env:MODEL_KEY"}],
    "when_away": "env:NOTHING",
}


def _made(call: JSONObject) -> ToolContract:
    return ToolContract.model_validate(
        {**contract("desk.put").model_dump(mode="json"), "call": call}
    )


@pytest.mark.parametrize(
    ("call", "secrets"),
    [(MCP, ["env:DESK_TOKEN"]), (STARTED, ["file:desk/key"]), (MODEL, ["env:MODEL_KEY"])],
    ids=["mcp over http", "mcp over stdio", "model"],
)
def test_an_address_inside_a_call_is_no_secret(call: JSONObject, secrets: list[str]) -> None:
    """However deep it stands; a header or a variable that is called like a field is one."""
    found = listed([_made(call)], {})

    assert [str(each) for each in found] == secrets
    assert set(found.values()) == {("desk.put@1",)}
