"""Vendors as the policies in force have them, and what those policies say of each tool for it.

Whether a tool needs a vendor, and whose risk is taken, is for the rules alone to say, so they are
asked.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from pydantic import ValidationError

from remit.canonical import JSON, JSONObject
from remit.cli.agents.reading import data_in_force
from remit.cli.compiling import Workshop
from remit.cli.errors import CliError, ExitCode, Finding, stack
from remit.cli.evidence.ledger import opened
from remit.cli.questions.rules import DECISION_S, build, opa_binary, started
from remit.cli.stack.layout import Layout
from remit.decision.overlay import settled
from remit.decision.packs import Packs, Vendor
from remit.evidence.fields import inner
from remit.tool.contract import ToolContract


@dataclass(frozen=True, slots=True)
class Stands:
    """Who stands behind one tool."""

    tool: str
    vendor: Vendor | None
    is_known: bool
    """Whether the project has the tool."""
    refused: Sequence[str] = ()
    """Codes by which a call of it is refused for its vendor."""
    asks: Sequence[str] = ()
    """Roles that a call of it asks for its vendor."""


@dataclass(frozen=True, slots=True)
class Register:
    """All tools, by name, and vendors of tools that the project has not."""

    tools: Sequence[Stands]
    source: str
    """Which policies tell of them, in words."""
    at_ms: int


async def register(layout: Layout) -> Register:
    """Return the register.

    Raises:
        CliError: `VENDORS-UNREADABLE`: the policies in force have a table that cannot be read, or
            what is wrong with the project's tools.
    """
    contracts = list(Workshop.of(layout.project).project.catalogue)
    async with opened(layout) as ledger:
        data, source, _ = await data_in_force(layout.project, ledger)
        newest = await ledger.releases.newest()
        archive = await ledger.releases.archive(newest) if newest else None
    opa = opa_binary()
    if archive is None:
        archive = build(layout.project / "policies", opa).content
    vendors, at_ms = vendors_in(data), int(time.time() * 1000)
    async with (
        started(opa, archive) as socket,
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(socket)),
            timeout=aiohttp.ClientTimeout(total=DECISION_S),
        ) as session,
    ):
        known = [await _asked(session, each, vendors.get(each.ref), at_ms) for each in contracts]
    refs = {one.tool for one in known}
    unknown = [Stands(ref, one, is_known=False) for ref, one in vendors.items() if ref not in refs]
    return Register(sorted([*known, *unknown], key=lambda one: one.tool), source, at_ms)


def vendors_in(data: JSON) -> dict[str, Vendor]:
    """Return the vendors that the policies' data has, by tool.

    Raises:
        CliError: `VENDORS-UNREADABLE`.
    """
    whole = settled(data) if isinstance(data, dict) else {}
    packs = inner(inner(inner(whole, "defaults"), "thresholds"), "packs")
    try:
        return Packs.model_validate(packs).vendors
    except ValidationError as error:
        finding = Finding("VENDORS-UNREADABLE", f"the policies in force: {error}"[:500])
        raise CliError([finding], ExitCode.FINDINGS) from error


async def _asked(
    session: aiohttp.ClientSession, contract: ToolContract, vendor: Vendor | None, at_ms: int
) -> Stands:
    """Ask the rules about vendors what they say of any call of a tool at this moment."""
    action: JSONObject = {
        "tool": contract.ref,
        "domain": contract.domain,
        "operation": contract.operation.value,
        "data_classes": list(contract.data_classes),
        "destinations": list(contract.destinations),
    }
    body: JSONObject = {"input": {"action": action, "context": {"now_ms": at_ms}}}
    async with session.post("http://opa/v1/data/remit/packs/vendor", json=body) as response:
        said = json.loads(await response.text())
    if response.status != 200:
        hint = "`remit policy check` tells what is wrong with the project's"
        raise stack("OPA-NOT-READY", f"OPA answered {response.status} about vendors", hint)
    result = inner(said, "result")
    return Stands(
        contract.ref,
        vendor,
        is_known=True,
        refused=_each(result.get("denies"), "code"),
        asks=_each(result.get("gates"), "role"),
    )


def _each(found: JSON, name: str) -> list[str]:
    items = found if isinstance(found, list) else []
    return sorted({str(one.get(name)) for one in items if isinstance(one, dict)})
