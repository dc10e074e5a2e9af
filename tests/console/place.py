"""A console over a real ledger and real HTTP; what it would send to Temporal is written down."""

import asyncio
import json
import re
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import httpx2
import uvicorn
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSONObject, canonical, digest, digest_bytes
from remit.cli.stack.ports import choose
from remit.client.snapshot import STATUS, WAITS
from remit.console.office import Office
from remit.console.serving import furnished, server_of
from remit.console.settings import ConsoleSettings
from remit.console.table import ConsoleTable
from remit.decision.release import Draft
from remit.ledger.entries import Content, GateRow, Record
from remit.stores.inbox import open_readonly
from remit.stores.ledger import SqlLedger
from remit.tool.contract import ToolContract
from tests.stores.ledger_values import admission, gate, key, run_row
from tests.waiting import eventually

HOLDER = "holder@acme.example"
ARGUMENTS: JSONObject = {"supplier": "sup-7", "quantity": 3, "total_micros": 4_200_500_000}
CONTRACT = ToolContract.model_validate(
    {
        "name": "erp.place_order",
        "version": "1.0.0",
        "owner": "team:purchasing",
        "description": "Place a purchase order.",
        "domain": "erp",
        "operation": "spend",
        "idempotency": "key",
        "call": {"kind": "python", "function": "orders:place"},
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["supplier", "quantity", "total_micros"],
            "properties": {
                "supplier": {"type": "string"},
                "quantity": {"type": "integer", "minimum": 1},
                "total_micros": {"type": "integer"},
                "api_key": {"type": "string"},
            },
        },
        "output_schema": {"type": "object", "required": ["id"]},
    }
)
PEOPLE: JSONObject = {
    HOLDER: {"roles": ["budget_holder"], "tenants": ["acme"]},
    "clerk@acme.example": {"roles": [], "tenants": ["acme"]},
    "other@rival.example": {"roles": ["budget_holder"], "tenants": ["rival"]},
}


@dataclass
class Wire:
    """In Temporal's place: notes the updates, and refuses when told to."""

    sent: list[tuple[str, str, JSONObject, str]] = field(default_factory=list)
    """Workflow, verb, message, event."""
    refusal: tuple[str, str] = ("", "")
    first_run: str = "0198-root"
    status: str = "running"
    """What the run says of itself in Temporal."""
    waits: JSONObject = field(default_factory=dict)
    """What it waits for, as its memo tells."""
    trouble: RPCStatusCode | None = None
    """How Temporal fails, when it does."""

    def get_workflow_handle(self, name: str, **_: Any) -> Any:
        """Return something that answers as a handle does."""

        async def describe(**_: Any) -> Any:
            if self.trouble is not None:
                raise RPCError("away", self.trouble, b"")
            if name.startswith("remit-repair/"):
                raise RPCError("none", RPCStatusCode.NOT_FOUND, b"")
            info = SimpleNamespace(first_run_id=self.first_run)
            status = WorkflowExecutionStatus.RUNNING
            return SimpleNamespace(
                status=status,
                raw_info=info,
                run_id="run",
                memo=memo,
                typed_search_attributes={STATUS: self.status},
            )

        async def memo() -> JSONObject:
            return {WAITS: self.waits}

        async def execute_update(verb: str, body: JSONObject, *, id: str, **_: Any) -> str:
            self.sent.append((name, verb, body, id))
            if self.refusal[0]:
                code, why = self.refusal
                raise WorkflowUpdateFailedError(ApplicationError(f"{code}: {why}", type=code))
            return f"{verb}: recorded"

        return SimpleNamespace(describe=describe, execute_update=execute_update)


@dataclass
class Place:
    """A console that serves."""

    office: Office
    ledger: SqlLedger
    """With every right, as workers have it."""
    wire: Wire
    url: str

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """Return a browser without cookies; its forms say where they come from."""
        given = {"Origin": self.url, **headers}
        return httpx2.AsyncClient(base_url=self.url, headers=given, timeout=20)

    @asynccontextmanager
    async def signed_in(self, name: str = HOLDER) -> AsyncIterator[httpx2.AsyncClient]:
        """Give a browser in which somebody typed a name."""
        async with self.browser() as browser:
            answer = await browser.post("/login", data={"name": name, "to": "/"})
            assert answer.status_code == 303, answer.text
            yield browser


@asynccontextmanager
async def served(
    ledger: SqlLedger, url: str, table: ConsoleTable | None = None, port: int = 0
) -> AsyncIterator[Place]:
    """Serve the ledger at `url`, which `ledger` has open already."""
    port = port or choose(())
    settings = ConsoleSettings(
        console=table or ConsoleTable(), console_port=port, ledger_url=url, console_key_file=None
    )
    reader, wire = await open_readonly(url), Wire()
    office = furnished(settings, reader, wire)  # type: ignore[arg-type]
    try:
        async with running(server_of(office)):
            yield Place(office, ledger, wire, f"http://127.0.0.1:{port}")
    finally:
        await reader.close()


@asynccontextmanager
async def running(server: uvicorn.Server) -> AsyncIterator[None]:
    """Let a server serve until the block ends."""
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        assert not serving.done(), serving.exception()
        return server.started

    await eventually(started, 20, 0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def ask(
    ledger: SqlLedger,
    step: str = "order",
    *,
    root: str = "0198-root",
    arguments: JSONObject | None = None,
    shown: JSONObject | None = None,
    of: ToolContract = CONTRACT,
    **changes: Any,
) -> GateRow:
    """Open a gate for a call with these arguments, with all that its card is made of."""
    given = ARGUMENTS if arguments is None else arguments
    facts: JSONObject = {
        "action": {"arguments": given, "contract_digest": of.digest, "operation": "spend"},
        "budget": {"currency": "EUR"},
        "principal": {"verified": False},
    }
    contract = of.model_dump(mode="json")
    bodies = [canonical(facts), canonical(contract)]
    contents = [Content(digest_bytes(body), body) for body in bodies]
    chosen = gate(key(step, root=root))
    card: JSONObject = {
        "arguments": given if shown is None else shown,
        "message": "it spends",
        "reasons": ["it spends"],
        "risk": "high",
    }
    request = digest({"args": given})
    now = 1_700_000_000_000
    row = replace(
        chosen,
        card=card,
        request_digest=request,
        proposed_digest=digest({"args": given, "key": str(chosen.key)}),
        opened_ms=now,
        expires_ms=2**45,
        **changes,
    )
    decision: JSONObject = {
        "decision_id": "d-1",
        "revision": "sha256:" + "1" * 64,
        "effect": "require_approval",
        "reasons": [{"code": "operation.spend", "message": "it spends", "policy": "global"}],
        "facts": contents[0].digest,
    }
    body: JSONObject = {"gate": row.id, "decision": decision}
    await ledger.put(contents)
    return await ledger.open_gate(row, [Record("gate", body, contents)])


async def admit(ledger: SqlLedger, root: str, tenant: str = "acme") -> None:
    """Admit another run."""
    run = replace(run_row(root), workflow_id=f"w-{root}", tenant=tenant)
    await ledger.admit(run, admission(root), [], [])


async def release(ledger: SqlLedger, people: JSONObject = PEOPLE) -> None:
    """Put a release of policies in force that knows these people."""
    data = {"remit": {"registry": {"people": people, "agents": {"buyer": {"tenants": ["acme"]}}}}}
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in (
            ("/data.json", json.dumps(data).encode()),
            ("/rules.rego", b"package a"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, BytesIO(body))
    draft = Draft(revision="sha256:" + "2" * 64, key="k", origin="published", author="owner")
    newest = await ledger.releases.newest()
    await ledger.releases.publish(draft, packed.getvalue(), newest.serial if newest else 0)


def hidden(page: str, name: str, verb: str = "approve") -> str:
    """Return the value of a hidden field in the form of a verb."""
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    form = next(one for one in forms if f'name="verb" value="{verb}"' in one)
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert found is not None
    return found[1]


async def say(
    browser: httpx2.AsyncClient, href: str, verb: str, **fields: str | Sequence[str]
) -> httpx2.Response:
    """Read a card and send one of its forms, as a browser would."""
    page = (await browser.get(href)).text
    given = {name: hidden(page, name, verb) for name in ("token", "digest", "event")}
    return await browser.post(href, data={"verb": verb, **given, **fields})
