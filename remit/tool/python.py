"""The `@tool` decorator: a tool contract made of a function's name, types and docstring.

    @tool(domain="crm", operation="read", idempotency="natural", owner="team:crm", version="1.0.0")
    async def find_account(name: str) -> Account:
        '''Find an account by its name.'''

The function stays what it was and can be called as before; the contract hangs on it. A parameter
of type `StepKeyText` receives the step key, one of type `Progress` is told how far a long call
came. Functions may be `async` or not; those that are not run in threads. With `process={…}` each
call runs in a process of its own (`remit.tool.process`). Nothing here calls a function.
"""

import inspect
import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ValidationError

from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.tool.binding import StepKeyText, bind
from remit.tool.contract import Idempotency, Operation, ToolContract
from remit.tool.progress import CallEndedError, Progress

__all__ = [
    "CallEndedError",
    "Progress",
    "StepKeyText",
    "ToolRefusedError",
    "address",
    "contract_of",
    "shown",
    "tool",
]

Function = TypeVar("Function", bound=Callable[..., object])
_ATTRIBUTE = "__remit_contract__"


class ToolRefusedError(Exception):
    """Raised by a tool's function: it certainly had no effect.

    `code` is stable and written like `CRM-NO-SUCH-ACCOUNT`; `again` says whether trying again may
    help, `already` that it is done already (see `remit.tool.call.Refused`). The message is recorded
    and shown: put no secrets into it.
    """

    def __init__(
        self, code: str, message: str, *, again: bool = False, already: bool = False
    ) -> None:
        self.code = code
        self.again = again
        self.already = already
        super().__init__(message)


def tool(
    *,
    domain: str,
    operation: str,
    idempotency: str,
    owner: str,
    version: str,
    name: str | None = None,
    description: str | None = None,
    process: Mapping[str, object] | None = None,
    **more: object,
) -> Callable[[Function], Function]:
    """Describe the decorated function as a tool.

    Args:
        domain: what the tool belongs to; policy grants by it.
        operation: `read`, `write`, `delete`, `trigger` or `spend`.
        idempotency: `key` (it takes the step key), `natural`, `probe` or `none`.
        owner: who looks after it.
        version: `major.minor.patch`.
        name: without it `<domain>.<function>`.
        description: without it the docstring's first line.
        process: bounds and environment of a process of its own, `{}` for the usual ones; without
            it the worker's own process calls the function.
        **more: further fields of `ToolContract`, such as `compensation` or `cost`.

    Raises:
        InvalidDocumentError: types are missing or have no JSON form, or a field is wrong.
    """
    stated = more | {
        "domain": domain,
        "operation": operation,
        "idempotency": idempotency,
        "owner": owner,
        "version": version,
    }

    def describe(function: Function) -> Function:
        words = {
            "name": name or f"{domain}.{function.__name__}",
            "description": description or _first_line(function),
        }
        apart = {"kind": "python"} if process is None else {"kind": "process", **process}
        call = {**apart, "function": address(function)}
        setattr(function, _ATTRIBUTE, _contract(function, stated | words, call))
        return function

    return describe


def contract_of(function: object) -> ToolContract | None:
    """Return the contract that `@tool` hung on `function`, or `None`."""
    held = getattr(function, _ATTRIBUTE, None)
    return held if isinstance(held, ToolContract) else None


def address(function: Callable[..., object]) -> str:
    """Return `module:function`, under which a contract finds its function."""
    return f"{function.__module__}:{function.__name__}"


def shown(error: BaseException) -> str:
    """Return type and line of what a function raised, never its words: they may hold secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    file = frames[-1].filename.rpartition("/")[2]
    return f"{type(error).__name__} ({file}, line {frames[-1].lineno})"


def _contract(
    function: Callable[..., object], stated: Mapping[str, object], call: Mapping[str, object]
) -> ToolContract:
    binding = bind(function)
    document = {
        **stated,
        "input_schema": binding.input_schema,
        "output_schema": binding.output_schema,
        "call": call,
    }
    try:
        made = ToolContract.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise InvalidDocumentError(
            Diagnostic(
                code="TOOL-SHAPE",
                path=pointer(function.__name__, *each["loc"]),
                message=f"{function.__name__}: {each['msg']}",
                hint="see the reference of tool contracts",
            )
            for each in found
        ) from error
    takes_key = made.idempotency is Idempotency.KEY and made.operation is not Operation.READ
    if takes_key and binding.key_parameter is None:
        raise _no_key(function.__name__)
    return made


def _no_key(name: str) -> InvalidDocumentError:
    return InvalidDocumentError(
        [
            Diagnostic(
                code="TOOL-KEY-UNUSED",
                path=pointer(name),
                message=f"{name}: idempotency `key`, but it takes no step key",
                hint="add a parameter `step_key: StepKeyText` and pass it on",
            )
        ]
    )


def _first_line(function: Callable[..., object]) -> str:
    lines = (inspect.getdoc(function) or "").strip().splitlines()
    return lines[0] if lines else ""
