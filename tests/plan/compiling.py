"""Plans and tool contracts that the compiler's tests share."""

import copy

from remit.canonical import JSON, JSONObject
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract

TEXT: JSONObject = {"type": "string"}
INTEGER: JSONObject = {"type": "integer"}


def record(*, optional: tuple[str, ...] = (), **fields: JSON) -> JSONObject:
    """Return the schema of an object with `fields`, all required but `optional`."""
    required: list[JSON] = [name for name in fields if name not in optional]
    return {"type": "object", "properties": dict(fields), "required": required}


def tool(
    name: str, operation: str, takes: JSONObject, gives: JSONObject, **more: object
) -> ToolContract:
    """Return a contract with everything else at a sensible value."""
    return ToolContract.model_validate(
        {
            "name": name,
            "version": "1.0.0",
            "owner": "team:test",
            "description": f"Does {name}.",
            "domain": name.split(".")[0],
            "operation": operation,
            "input_schema": takes,
            "output_schema": gives,
            "idempotency": "key",
            "call": {"kind": "python", "function": "tests.tools:call"},
            **more,
        }
    )


RESERVED = record(id=TEXT, status={"enum": ["held", "refused"]})
TOOLS = [
    tool(
        "finance.reserve_budget",
        "spend",
        record(amount_micros=INTEGER),
        RESERVED,
        cost={"micros_argument": "/amount_micros"},
    ),
    tool(
        "finance.release_budget",
        "write",
        record(reservation=TEXT),
        record(released={"type": "boolean"}),
        irreversible=True,
    ),
    tool(
        "supplier.get_quote",
        "read",
        record(supplier=TEXT),
        record(
            total_micros=INTEGER,
            price={"type": "number"},
            note={"type": ["string", "null"]},
            lines={"type": "array", "items": record(sku=TEXT, count=INTEGER)},
            comment=TEXT,
            optional=("comment",),
        ),
    ),
    tool(
        "erp.place_order",
        "write",
        record(
            supplier=TEXT, total_micros=INTEGER, urgent={"type": "boolean"}, optional=("urgent",)
        ),
        record(id=TEXT, status=TEXT),
    ),
    tool("erp.cancel_order", "write", record(order=TEXT), record(status=TEXT), irreversible=True),
    tool(
        "erp.find_orders",
        "read",
        record(supplier=TEXT),
        {"type": "array", "items": record(id=TEXT, total=INTEGER)},
    ),
    tool(
        "mail.send",
        "trigger",
        record(to={"type": "string", "format": "email"}, body=TEXT, optional=("body",)),
        record(message_id=TEXT),
    ),
    tool(
        "crm.get_contact",
        "read",
        record(id=TEXT),
        record(id=TEXT, email=TEXT, tags={"type": "object", "additionalProperties": TEXT}),
    ),
    tool(
        "crm.update_contact",
        "write",
        record(id=TEXT, email=TEXT),
        record(id=TEXT, before=record(email=TEXT)),
        compensation={
            "tool": "crm.restore_contact@1",
            "args": {"id": "${args.id}", "email": "${output.before.email}"},
        },
    ),
    tool(
        "crm.restore_contact",
        "write",
        record(id=TEXT, email=TEXT),
        record(id=TEXT),
        irreversible=True,
    ),
    tool("us.archive", "write", record(text=TEXT), record(id=TEXT), region="us", irreversible=True),
    tool(
        "print.page",
        "write",
        {"type": "object", "properties": {}},
        record(pages=INTEGER),
        irreversible=True,
        cost={"estimate": {"micros": 100, "currency": "EUR"}},
    ),
]
CATALOGUE = Catalogue.of(TOOLS)

PURCHASE: JSONObject = {
    "schema": "remit.plan/v1",
    "name": "purchase-laptops",
    "version": "1.0.0",
    "goal": "Equip the new team before 1 December",
    "agent": "buyer@1.4.0",
    "on_behalf_of": "requester@acme.example",
    "tenant": "acme",
    "owner": "team:workplace",
    "provenance": {
        "model": "m-1",
        "prompt_sha256": "0" * 64,
        "framework": "f",
        "proposal_sha256": "1" * 64,
    },
    "inputs": {
        "amount_micros": 4200000000,
        "currency": "EUR",
        "supplier": "sup-7",
        "team": [{"email": "workplace@acme.example"}],
    },
    "constraints": {
        "cost": {"micros": 5000000000, "currency": "EUR"},
        "max_steps": 50,
        "deadline": "P2D",
        "regions": ["eu"],
        "forbidden_tools": [],
    },
    "steps": [
        {
            "id": "budget",
            "tool": "finance.reserve_budget@1",
            "args": {"amount_micros": "${inputs.amount_micros}"},
            "compensate": {
                "tool": "finance.release_budget@1",
                "args": {"reservation": "${output.id}"},
            },
        },
        {"id": "quote", "tool": "supplier.get_quote@1", "args": {"supplier": "${inputs.supplier}"}},
        {
            "id": "order",
            "tool": "erp.place_order@1",
            "needs": ["budget", "quote"],
            "when": "steps.quote.output.total_micros <= inputs.amount_micros",
            "require": ["steps.budget.output.status == 'held'"],
            "args": {
                "supplier": "${inputs.supplier}",
                "total_micros": "${steps.quote.output.total_micros}",
            },
            "ensure": ["output.status == 'placed'"],
            "compensate": {"tool": "erp.cancel_order@1", "args": {"order": "${output.id}"}},
            "retry": {"max_attempts": 5, "initial": "PT1S", "max": "PT1M"},
            "timeout": "PT30S",
            "confidence": 0.93,
            "reason": "cheapest quote that meets the specification",
        },
        {
            "id": "notify",
            "for_each": {"items": "${inputs.team}", "as": "person", "max_parallel": 5},
            "tool": "mail.send@1",
            "needs": ["order"],
            "args": {"to": "${person.email}"},
            "irreversible": True,
        },
    ],
    "outputs": {"order": "${steps.order.output.id}"},
}
"""The example of design.md §4, word for word but for the provenance."""


def purchase() -> JSONObject:
    """Return a copy of the example that may be changed."""
    return copy.deepcopy(PURCHASE)


def plan(*steps: JSONObject, **fields: JSON) -> JSONObject:
    """Return a small plan with `steps`."""
    document: JSONObject = {
        "schema": "remit.plan/v1",
        "name": "small",
        "version": "1.0.0",
        "goal": "Try something",
        "agent": "tester@1.0.0",
        "on_behalf_of": "somebody@acme.example",
        "tenant": "acme",
        "owner": "team:test",
        "steps": list(steps),
    }
    return {**document, **fields}


def part(**fields: JSON) -> JSONObject:
    """Return a plan for the catalogue, `part@1.0.0`: it reads a contact and gives its address."""
    step: JSONObject = {"id": "read", "tool": "crm.get_contact@1", "args": {"id": "${inputs.who}"}}
    given: JSONObject = {"name": "part", "outputs": {"email": "${steps.read.output.email}"}}
    schema = record(who=TEXT)
    return {**plan(step), **given, "inputs_schema": schema, **fields}


def compiled(document: JSON, *library: JSON, **options: object) -> Compilation:
    """Compile `document` with the test catalogue."""
    return compile_plan(document, CATALOGUE, Library.of(library), **options)


def codes(document: JSON, *library: JSON) -> list[str]:
    """Return the codes of everything wrong with `document`."""
    return [str(found.code) for found in compiled(document, *library).diagnostics]
