"""What must hold of a tool of kind `model`: its question, its answer's schema, its money."""

from collections.abc import Iterator

from remit.canonical import JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.contract import Operation, ToolContract
from remit.tool.language_model import ANSWER, ModelKind
from remit.tool.language_model_route import is_open_to
from remit.tool.outside_checks import secret_faults, server_faults
from remit.tool.places import finding, may_hold, schema_at, template_faults
from remit.tool.template import TemplateError, references
from remit.tool.validation import SchemaError, check

_SPENT = "/cost/micros"


def answer_schema(contract: ToolContract) -> JSONObject:
    """Return the schema of what the model must say; empty when the contract has none."""
    return schema_at(contract.output_schema, (ANSWER,))


def model_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `model` part of `contract`."""
    if contract.operation not in (Operation.READ, Operation.SPEND):
        message = f"a model is asked; it does not {contract.operation.value}"
        hint = "say `read`, or `spend` where its money is to be gated"
        yield finding(contract, "TOOL-MODEL-OPERATION", ("operation",), message, hint)
    yield from _prompt_faults(contract, call)
    yield from _answer_faults(contract, call)
    yield from _endpoint_faults(contract, call)
    yield from _money_faults(contract, call)
    yield from _route_faults(contract, call)
    yield from _keep_faults(contract, call)


def _prompt_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    roots: dict[str, JSONObject | None] = {"args": contract.input_schema}
    where = ("call", "prompt", "template")
    yield from template_faults(contract, where, call.prompt.template, roots)
    try:
        is_plain = not list(references(call.prompt.system))
    except TemplateError:
        is_plain = False
    if not is_plain:
        message = "instructions hold `${…}`: an argument there could give orders to the model"
        hint = "put what differs between calls into `template`"
        yield finding(contract, "TOOL-TEMPLATE", ("call", "prompt", "system"), message, hint)


def _answer_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    schema, where = answer_schema(contract), ("output_schema", "properties", ANSWER)
    if schema.get("type") != "object":
        message = f"the output schema does not say by itself that `{ANSWER}` is an object"
        hint = f"declare `{ANSWER}` with `type: object` and its properties, without `$ref`"
        yield finding(contract, "TOOL-MODEL-ANSWER", where, message, hint)
        return
    for name in call.outputs:
        if not may_hold(contract.output_schema, (name,)) and _is_closed(contract.output_schema):
            message = f"the output schema is closed and does not declare {name!r}"
            hint = f"declare all of {', '.join(call.outputs)}, or leave the schema open"
            yield finding(contract, "TOOL-MODEL-ANSWER", ("output_schema",), message, hint)
            return
    if call.when_away is None:
        return
    try:
        wrong = check(schema, call.when_away, "TOOL-MODEL-ANSWER")
    except SchemaError:
        return  # told by whoever checks the schema itself
    for one in wrong[:1]:
        message = f"the answer when all are away does not fit: {one.path or '/'}: {one.message}"
        yield finding(
            contract, "TOOL-MODEL-ANSWER", ("call", "when_away"), message, "make it fit the schema"
        )


def _is_closed(schema: JSONObject) -> bool:
    return schema.get("additionalProperties") is False


def _endpoint_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    for at, endpoint in enumerate(call.endpoints):
        where = ("call", "endpoints", at)
        yield from server_faults(contract, (*where, "url"), endpoint.url)
        if endpoint.key:
            yield from secret_faults(contract, (*where, "key"), endpoint.key)


def _money_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    most = call.bounds.micros
    if most is None:
        return
    estimate = contract.cost.estimate
    if estimate is None or estimate.micros < most or contract.cost.actual_output != _SPENT:
        message = f"a call may cost {most} micros, and the contract's `cost` does not follow that"
        hint = f"`cost: {{estimate: {{micros: {most}, …}}, actual_output: {_SPENT}}}`"
        yield finding(contract, "TOOL-MODEL-PRICE", ("cost",), message, hint)
        return
    for at, endpoint in enumerate(call.endpoints):
        if endpoint.price is None or endpoint.price.currency != estimate.currency:
            message = (
                f"money is bounded, and {endpoint.model!r} has no price in {estimate.currency}"
            )
            where = ("call", "endpoints", at, "price")
            yield finding(contract, "TOOL-MODEL-PRICE", where, message, "state the price")


def _route_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    """Yield the conditions under which an endpoint, or all of them, would never be asked."""
    where = ("call", "endpoints")
    for at, endpoint in enumerate(call.endpoints):
        most = min(endpoint.timeout_s, contract.timeout_s)
        if endpoint.expect_s is not None and endpoint.expect_s > most:
            message = (
                f"{endpoint.model!r} takes {endpoint.expect_s} s and never has more than {most}"
            )
            hint = "expect less, or raise `timeout_s`"
            yield finding(contract, "TOOL-MODEL-ROUTE", (*where, at, "expect_s"), message, hint)
    if not any(is_open_to(one, contract.data_classes) for one in call.endpoints):
        classes = ", ".join(contract.data_classes)
        message = f"the tool holds data of class {classes}, and no endpoint may see that"
        hint = "add the classes to what one of them `sees`, or do without them"
        yield finding(contract, "TOOL-MODEL-ROUTE", where, message, hint)
    if all(one.up_to_risk not in (None, "critical") for one in call.endpoints):
        message = "a call of critical risk has no endpoint"
        hint = (
            "leave `up_to_risk` away at one of them; it is policy that refuses calls by their risk"
        )
        yield finding(contract, "TOOL-MODEL-ROUTE", where, message, hint)


def _keep_faults(contract: ToolContract, call: ModelKind) -> Iterator[Diagnostic]:
    if call.keep_s is None:
        return
    where = ("call", "keep_s")
    if call.temperature != 0:
        message = f"answers at temperature {call.temperature} differ; they are not kept"
        yield finding(contract, "TOOL-MODEL-KEEP", where, message, "set `temperature: 0`")
    if contract.quality is not None and contract.quality.on_miss == "again":
        message = "an answer that is not good enough would be given again, and not asked for again"
        hint = "drop `keep_s`, or let `quality.on_miss` be `fail` or `without`"
        yield finding(contract, "TOOL-MODEL-KEEP", where, message, hint)
