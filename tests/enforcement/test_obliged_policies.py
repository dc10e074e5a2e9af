"""Obligations as policies give them, from a real OPA to the call that is made, or is not."""

from collections.abc import AsyncIterator, Iterator

import pytest

from remit.canonical import JSON, JSONObject
from remit.tool.call import Happened, ToolAnswer, ToolCall
from tests.enforcement.limited import STEP, Desk, desk, policies
from tests.policies.served import Served, serve

pytestmark = pytest.mark.opa

OBLIGATIONS: dict[str, JSONObject] = {
    "redact": {"type": "redact", "critical": True, "paths": ["/fail"]},
    "missing": {"type": "redact", "critical": True, "paths": ["/absent"]},
    "deeper": {"type": "redact", "critical": True, "paths": ["/fail/deeper/0"]},
    "overlooked": {"type": "redact", "critical": False, "paths": ["/absent"]},
    "lower": {"type": "limit", "critical": True, "path": "/wait_s", "max": 3},
    "raise": {"type": "limit", "critical": True, "path": "/wait_s", "max": 900},
    "text": {"type": "limit", "critical": True, "path": "/fail", "max": 3},
    "dance": {"type": "dance", "critical": True},
    "perhaps": {"type": "dance", "critical": False},
    "unsaid": {"type": "dance"},
    "nameless": {"critical": True},
    "careless": {"type": "redact", "paths": ["/fail"]},
    "empty": {"type": "redact", "critical": True, "paths": []},
    "whole": {"type": "redact", "critical": True, "paths": [""]},
    "spoil": {"type": "redact", "critical": True, "paths": ["/wait_s"]},
    "routed": {"type": "route", "critical": True, "to": ["house"]},
    "rather": {"type": "route", "critical": False, "to": ["house"]},
    "nowhere": {"type": "route", "critical": True, "to": []},
    "forbidden": {"type": "redact", "critical": True, "paths": ["/fail"]},
}


def rule(name: str, obligation: JSONObject) -> str:
    """Return the rule that gives the obligation to calls about this name."""
    members = ", ".join(f'"{key}": {_rego(value)}' for key, value in obligation.items())
    about = f'input.action.arguments.name == "{name}"'
    return f"obligations contains {{{members}}} if {about}\n\n"


def _rego(value: JSON) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_rego(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA whose policies oblige calls by the name that they are about."""
    rules = "".join(rule(name, obligation) for name, obligation in OBLIGATIONS.items())
    folder = policies(tmp_path_factory.mktemp("p") / "lab", rules=rules, tester={})
    with serve(project=folder) as served:
        yield served


class Told(Desk):
    """A desk that remembers what its tool was given."""

    given: JSONObject | None = None

    async def send(self, call: ToolCall) -> ToolAnswer:
        """Remember it."""
        self.given = call.arguments
        return Happened({"status": "down", "name": "x"})


@pytest.fixture
async def told(opa: Served, made_url: str) -> AsyncIterator[Told]:
    """A desk of its own."""
    async with desk(made_url, opa.socket) as made:
        yield Told(made.point, made.ledger)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("plain", {}),
        ("redact", {"fail": "[redacted]"}),
        ("overlooked", {}),
        ("lower", {"wait_s": 3}),
        ("raise", {}),
        ("perhaps", {}),
    ],
)
async def test_what_can_be_done_only_weakens_the_call(
    told: Told, name: str, changes: JSONObject
) -> None:
    """The tool gets the arguments with the obligation; a limit above a value raises nothing."""
    arguments: JSONObject = {"name": name, "fail": "secret", "wait_s": 7}
    told.step = {**STEP, "args": arguments}

    assert await told.ending("r") == "happened"
    assert told.given == {**arguments, **changes}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing", "host:obligation_unsupported"),
        ("deeper", "host:obligation_unsupported"),
        ("text", "host:obligation_unsupported"),
        ("whole", "host:obligation_unsupported"),
        ("spoil", "host:obligation_failed"),
        ("dance", "obligation.unsupported"),
        ("unsaid", "host:obligation_unsupported"),
        ("nameless", "obligation.unsupported"),
        ("careless", "host:bad_decision"),
        ("empty", "host:bad_decision"),
        ("routed", "host:obligation_unsupported"),
        ("rather", "host:bad_decision"),
        ("nowhere", "host:bad_decision"),
        ("forbidden", "lab.forbidden"),
    ],
)
async def test_what_cannot_be_done_calls_nothing(told: Told, name: str, code: str) -> None:
    """A path that is not there, an unknown type, a malformed one; a denial stays a denial."""
    told.step = {**STEP, "args": {"name": name, "fail": "secret", "wait_s": 7}}

    assert await told.ending("r") == code
    assert told.given is None
    assert [one["kind"] for one in await told.ledger.records("r") if one["kind"] == "intent"] == []
