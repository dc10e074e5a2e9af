"""How JSON arguments become a function's parameters, and its return value JSON.

The schemas are made of the function's type hints by pydantic. Nothing here calls the function.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NewType, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import PydanticSerializationError

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.tool.progress import Progress

StepKeyText = NewType("StepKeyText", str)
"""The idempotency key, as text; a parameter of this type is filled in, and no argument."""

Adapter = TypeAdapter[object]


class ArgumentsError(ValueError):
    """Arguments do not fit a function's parameters."""


class AnswerError(ValueError):
    """A function's return value is not of the type that it promised."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The JSON side of one function."""

    parameters: Mapping[str, Adapter]
    required: frozenset[str]
    key_parameter: str | None
    """Name of the parameter that takes the step key."""
    answer: Adapter
    input_schema: JSONObject
    output_schema: JSONObject
    progress_parameter: str | None = None
    """Name of the parameter that takes the call's progress."""

    def keywords(
        self, arguments: JSONObject, step_key: str, progress: Progress | None = None
    ) -> dict[str, object]:
        """Return the function's keyword arguments; those not given keep its defaults.

        Raises:
            ArgumentsError: `arguments` do not fit; the message repeats no value.
        """
        said = [f"{name!r} is unknown" for name in arguments if name not in self.parameters]
        said += [f"{name!r} is missing" for name in sorted(self.required - arguments.keys())]
        given: dict[str, object] = {}
        for name, value in arguments.items():
            if name not in self.parameters:
                continue
            try:
                given[name] = self.parameters[name].validate_python(value)
            except ValidationError as error:
                found = error.errors(include_input=False, include_url=False)
                said += [f"{pointer(name, *each['loc'])}: {each['msg']}" for each in found]
        if said:
            raise ArgumentsError("; ".join(said)[:500])
        if self.key_parameter is not None:
            given[self.key_parameter] = step_key
        if self.progress_parameter is not None:
            given[self.progress_parameter] = progress or Progress()
        return given

    def json(self, value: object) -> JSON:
        """Return a return value as JSON.

        Raises:
            AnswerError: it is not of the type that the function promised.
        """
        try:
            written: JSON = self.answer.dump_python(value, mode="json", warnings="error")
        except (PydanticSerializationError, ValueError, TypeError) as error:
            kind = type(value).__name__
            raise AnswerError(f"a value of type {kind!r} is not what it promised") from error
        return written


@dataclass(frozen=True, slots=True)
class BoundFunction:
    """A function that a `python` tool calls."""

    function: Callable[..., object]
    """May return an awaitable, when it is `async`."""
    binding: Binding


def bind(function: Callable[..., object]) -> Binding:
    """Read `function`'s parameters and return type.

    Raises:
        InvalidDocumentError: `TOOL-HINTS` for whatever is missing or has no JSON form.
    """
    hints = _hints(function)
    parameters: dict[str, Adapter] = {}
    defaults: dict[str, object] = {}
    key_parameter: str | None = None
    progress_parameter: str | None = None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise _fault(function, name, f"the parameter {name!r} cannot be given by name")
        if name not in hints:
            raise _fault(function, name, f"the parameter {name!r} states no type")
        if hints[name] is StepKeyText:
            key_parameter = name
            continue
        if hints[name] is Progress:
            progress_parameter = name
            continue
        parameters[name] = _adapter(function, name, hints[name])
        if parameter.default is not parameter.empty:
            defaults[name] = parameter.default
    if "return" not in hints:
        raise _fault(function, "return", "the return value states no type")
    answer = _adapter(function, "return", hints["return"])
    required = frozenset(parameters.keys() - defaults.keys())
    try:
        takes = _input_schema(parameters, defaults)
        gives: JSONObject = answer.json_schema(mode="serialization")
    except PydanticUserError as error:
        raise _fault(function, "", f"a type has no JSON form: {error.message}") from error
    return Binding(parameters, required, key_parameter, answer, takes, gives, progress_parameter)


def _input_schema(parameters: Mapping[str, Adapter], defaults: Mapping[str, object]) -> JSONObject:
    mode: JsonSchemaMode = "validation"
    inputs = [(name, mode, adapter) for name, adapter in parameters.items()]
    made, definitions = TypeAdapter.json_schemas(inputs)
    properties: JSONObject = {}
    for name, adapter in parameters.items():
        schema: JSONObject = dict(made[name, mode])
        if name in defaults:
            schema["default"] = adapter.dump_python(defaults[name], mode="json")
        properties[name] = schema
    whole: JSONObject = {"type": "object", "properties": properties, "additionalProperties": False}
    if required := sorted(parameters.keys() - defaults.keys()):
        whole["required"] = list(required)
    return whole | definitions


def _hints(function: Callable[..., object]) -> dict[str, type[object]]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise _fault(function, "", f"a type cannot be resolved: {error}") from error


def _adapter(function: Callable[..., object], name: str, hint: type[object]) -> Adapter:
    try:
        return TypeAdapter(hint)
    except PydanticUserError as error:
        raise _fault(function, name, f"{name!r} has no JSON form: {error.message}") from error


def _fault(function: Callable[..., object], name: str, message: str) -> InvalidDocumentError:
    where = getattr(function, "__qualname__", str(function))
    return InvalidDocumentError(
        [
            Diagnostic(
                code="TOOL-HINTS",
                path=pointer(where, *([name] if name else [])),
                message=f"{where}: {message}",
                hint="annotate every parameter and the return value with types that JSON can hold",
            )
        ]
    )
