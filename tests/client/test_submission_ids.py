"""The id under which a plan starts: the same for the same document, whoever sends it."""

import re

import pytest

from remit.canonical import JSON
from remit.client.submission import digest_of, looks_of, workflow_id_of

PLAN: JSON = {"name": "buy", "version": "1.0.0", "tenant": "acme", "goal": "g\nh", "inputs": {}}


def test_the_id_follows_from_the_document() -> None:
    """Tenant, plan and 16 digits of the digest; the order of members does not matter."""
    assert isinstance(PLAN, dict)
    named = digest_of(PLAN).removeprefix("sha256:")[:16]

    assert workflow_id_of(PLAN) == f"remit/acme/buy@1.0.0/{named}"
    assert workflow_id_of(dict(reversed(PLAN.items()))) == workflow_id_of(PLAN)
    assert workflow_id_of({**PLAN, "inputs": {"a": 1}}) != workflow_id_of(PLAN)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {"plan": "buy@1.0.0"},
        {"tenant": "../..", "name": "a b\x1b'", "version": "/" * 500},
        {"number": 2**60},
        {"text": "\ud800"},
    ],
)
def test_whatever_is_started_gets_a_plain_id(document: JSON) -> None:
    """Ids hold no quotes, blanks or control characters, and stay short: people paste them."""
    made = workflow_id_of(document)

    assert re.fullmatch(r"remit/[\w.@-]+/[\w.@-]+/[0-9a-f]{16}", made)
    assert len(made) < 300
    assert made == workflow_id_of(document)


def test_a_plan_introduces_itself_in_one_line() -> None:
    """The summary has no line breaks; what is no plan has one too."""
    assert looks_of(PLAN).summary == "buy 1.0.0: g h"
    assert looks_of({"plan": "buy@1.0.0"}).summary == "buy@1.0.0 of the catalogue"
    assert looks_of([]).summary
