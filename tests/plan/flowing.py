"""Plans whose steps hand one text on to another, and tools that differ in one thing."""

from remit.canonical import JSON, JSONObject
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.flow import Entry, Flows, PlanFlow
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.plan.compiling import INTEGER, TEXT, plan, record, tool

_TAKES = record(text=TEXT, micros=INTEGER, currency=TEXT, optional=("text", "micros", "currency"))
_GIVES = record(text=TEXT, list={"type": "array", "items": TEXT})


def _tool(name: str, operation: str, **more: object) -> ToolContract:
    irreversible = operation != "read"
    return tool(name, operation, _TAKES, _GIVES, **{"irreversible": irreversible, **more})


CATALOGUE = Catalogue.of(
    [
        _tool("crm.read", "read", data_classes=["pii"]),
        _tool("hr.read", "read", data_classes=["pay"]),
        _tool("pub.read", "read"),
        _tool("us.store", "write", region="us"),
        _tool("mail.send", "trigger", data_classes=["mail"]),
        _tool("erp.pay", "spend", cost={"micros_argument": "/micros"}),
        _tool(
            "erp.pay_in",
            "spend",
            cost={"micros_argument": "/micros", "currency_argument": "/currency"},
        ),
        _tool("erp.print", "write", cost={"estimate": {"micros": 7, "currency": "EUR"}}),
        _tool("data.buy", "read", cost={"estimate": {"micros": 5, "currency": "EUR"}}),
    ]
)


def call(name: str, called: str, *needs: str, text: JSON = None, **more: JSON) -> JSONObject:
    """Return a step that calls `called` (a tool without its major) with `text`, behind `needs`."""
    args: JSONObject = {} if text is None else {"text": text}
    return {"id": name, "tool": f"{called}@1", "args": args, "needs": list(needs), **more}


def output(step: str) -> str:
    """Return a reference to a step's text."""
    return f"${{steps.{step}.output.text}}"


def compiled(document: JSONObject, *library: JSON) -> tuple[CompiledPlan, Compilation]:
    """Return the compiled plan of a document without findings."""
    made = compile_plan(document, CATALOGUE, Library.of(library))
    assert made.diagnostics == ()
    assert made.compiled is not None
    return made.compiled, made


def flow(document: JSONObject, *library: JSON, entry: Entry | None = None) -> PlanFlow:
    """Return what is known of a plan."""
    made, compilation = compiled(document, *library)
    return Flows(compilation.contracts, compilation.parts).of(made, entry or Entry())


def sub_plan(*steps: JSONObject, **more: JSON) -> JSONObject:
    """Return a plan of the catalogue, `part@1.0.0`, with an input `text` and an output `text`."""
    known: JSONObject = {"inputs": {"text": "x"}, "outputs": {"text": output(str(steps[-1]["id"]))}}
    return {**plan(*steps), "name": "part", **known, **more}
