"""A form out of a tool's input schema, and arguments out of the filled-in form.

Flat members become fields, everything else one field of JSON each. What approvers do not see
(hidden by name or by data class, or cut off) is no field: it stays as it was proposed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from remit.canonical import JSON, JSONObject

Kind = Literal["text", "long", "integer", "money", "number", "flag", "choice", "json"]

_HIDDEN = re.compile(r"^\[(hidden|(pii|personal|secret|confidential)(, \w+)*)\]$")
_MICROS = "_micros"
_LONG_TEXT = 60
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Field:
    """One member of the arguments, as it is edited."""

    name: str
    kind: Kind
    value: str
    """As it is written into the field."""
    is_required: bool
    about: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditForm:
    """What may be edited of a call."""

    fields: Sequence[Field]
    kept: Sequence[str]
    """Members that stay as they were proposed."""


def form_of(schema: JSONObject, proposed: JSONObject, shown: JSON) -> EditForm:
    """Return the form for a call.

    Args:
        schema: the tool's input schema.
        proposed: the arguments, complete.
        shown: the arguments as approvers see them.
    """
    told = shown if isinstance(shown, dict) else {}
    known = _object(schema.get("properties"))
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    names = [*known, *(name for name in proposed if name not in known)]
    kept = [name for name in proposed if name not in told or is_hidden(told[name])]
    fields = [
        _field(name, _object(known.get(name)), proposed, name in needed)
        for name in names
        if name not in kept
    ]
    return EditForm(fields, kept)


def is_hidden(value: JSON) -> bool:
    """Whether something of a shown value is hidden or cut off, so that it cannot be edited."""
    match value:
        case str():
            return bool(_HIDDEN.match(value)) or value.endswith("…") or value.startswith("… ")
        case list():
            return any(is_hidden(one) for one in value)
        case dict():
            return any(is_hidden(one) for one in value.values())
    return False


def read_form(
    form: EditForm, filled: Mapping[str, str], proposed: JSONObject
) -> tuple[JSONObject, dict[str, str]]:
    """Return the complete new arguments, and what is wrong by field.

    Args:
        form: as it was shown.
        filled: what came back, by name.
        proposed: the arguments that the gate is for.
    """
    made: JSONObject = {name: proposed[name] for name in form.kept}
    wrong: dict[str, str] = {}
    for field in form.fields:
        text = filled.get(field.name, "")
        if not text and not _is_empty_text(field, proposed):
            if field.is_required:
                wrong[field.name] = "this is needed"
            continue
        try:
            made[field.name] = _value(field, text)
        except ValueError as error:
            wrong[field.name] = str(error)
    return made, wrong


def _is_empty_text(field: Field, proposed: JSONObject) -> bool:
    return field.kind in ("text", "long") and proposed.get(field.name) == ""


def _field(name: str, schema: JSONObject, proposed: JSONObject, is_required: bool) -> Field:
    value = proposed.get(name)
    kind, choices = _kind(schema, value)
    if kind == "integer" and name.endswith(_MICROS):
        kind = "money"
    written = "" if name not in proposed else _written(kind, value)
    about = schema.get("description")
    return Field(name, kind, written, is_required, about if isinstance(about, str) else "", choices)


def _kind(schema: JSONObject, value: JSON) -> tuple[Kind, tuple[str, ...]]:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(isinstance(one, str) for one in choices):
        return "choice", tuple(str(one) for one in choices)
    match schema.get("type"), value:
        case "string", str() | None:
            is_long = isinstance(value, str) and (len(value) > _LONG_TEXT or "\n" in value)
            return ("long" if is_long else "text"), ()
        case "integer", int() | float() | None:
            return "integer", ()
        case "number", int() | float() | None:
            return "number", ()
        case "boolean", bool() | None:
            return "flag", ("true", "false")
    return "json", ()


def _written(kind: Kind, value: JSON) -> str:
    if kind == "money" and isinstance(value, int):
        whole, rest = divmod(abs(value), 10**6)
        cents = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{'-' if value < 0 else ''}{whole}.{cents}"
    if kind in ("text", "long", "choice") and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind == "json" else None)


def _value(field: Field, text: str) -> JSON:
    match field.kind:
        case "text" | "long":
            return text
        case "choice":
            return _one_of(field, text)
        case "flag":
            return _one_of(field, text.strip()) == "true"
        case "integer":
            return _whole(text)
        case "money":
            return _micros(text)
        case "number":
            return _number(text)
    return _json(text)


def _one_of(field: Field, text: str) -> str:
    if text not in field.choices:
        raise ValueError(f"choose one of {', '.join(field.choices)}")
    return text


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,16}", text.strip()) or abs(int(text)) > _EXACT:
        raise ValueError("this must be a whole number, written with digits alone")
    return int(text)


def _micros(text: str) -> int:
    found = re.fullmatch(r"(-?)(\d{1,10})(?:\.(\d{1,6}))?", text.strip())
    if found is None:
        raise ValueError("this must be an amount, such as 4200 or 4200.50")
    micros = int(found[2]) * 10**6 + int((found[3] or "").ljust(6, "0"))
    if micros > _EXACT:
        raise ValueError("this amount is too large")
    return -micros if found[1] else micros


def _number(text: str) -> int | float:
    if not re.fullmatch(r"-?\d{1,16}(\.\d{1,16})?([eE][+-]?\d{1,3})?", text.strip()):
        raise ValueError("this must be a number, such as 12.5")
    if re.fullmatch(r"-?\d+", text.strip()):
        return _whole(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("this number is too large")
    return value


def _json(text: str) -> JSON:
    try:
        value: JSON = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this must be JSON: {str(error)[:200]}") from error
    return value


def _refuse(name: str) -> JSON:
    raise ValueError(f"{name} is no value")


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}
