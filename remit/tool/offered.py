"""A tool as whoever writes plans sees it: what a plan may build on, not how it is reached."""

from remit.canonical import JSONObject
from remit.tool.contract import ToolContract


def summary_of(contract: ToolContract) -> JSONObject:
    """Return a tool in a few words, for a list."""
    return {
        "ref": contract.ref,
        "description": contract.description,
        "domain": contract.domain,
        "operation": contract.operation.value,
        "irreversible": contract.irreversible,
        "undone_by": contract.compensation.tool if contract.compensation else None,
        "input_schema": contract.input_schema,
    }


def contract_of(contract: ToolContract) -> JSONObject:
    """Return what a plan may build on; how the tool is reached is not among it."""
    body = contract.model_dump(mode="json", exclude={"call", "destinations", "task_queue"})
    return {"ref": contract.ref, "digest": contract.digest, **body}
