"""Reading a plan's text: JSON or YAML in, plain JSON out, or diagnostics that say where it broke.

Nothing here knows what a plan means. YAML is read as the JSON it stands for: no tags, no aliases
(a few bytes of them unfold into gigabytes), no duplicate keys, no dates.
"""

import json
import re
from collections.abc import Iterable

import yaml

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.plan.codes import Code
from remit.plan.contract import MAX_PLAN_BYTES

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml where there is one: ten times faster. Only its events are used."""
_MAX_NESTING = 500
_YAML_SUFFIXES = (".yaml", ".yml")
_JSON_NUMBER = re.compile(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$")
_LITERALS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


def read_document(text: bytes, name: str) -> JSON:
    """Return the JSON value that `text` writes; YAML when `name` ends in `.yaml` or `.yml`.

    Raises:
        InvalidDocumentError: it is too large, not UTF-8, malformed, or repeats a key.
    """
    if len(text) > MAX_PLAN_BYTES:
        raise _refused(
            Code.TOO_LARGE,
            f"{name} has {len(text)} bytes; at most {MAX_PLAN_BYTES} are read",
            "move parts into sub-plans, and data into a store that a tool reads",
        )
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        raise _refused(Code.NOT_JSON, f"{name} is not UTF-8 at byte {error.start}", hint) from error
    if name.lower().endswith(_YAML_SUFFIXES):
        return _read_yaml(decoded, name)
    return _read_json(decoded, name)


def _read_json(text: str, name: str) -> JSON:
    try:
        value: JSON = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"{name}, line {error.lineno}, column {error.colno}: {error.msg}"
        raise _refused(Code.NOT_JSON, message, "check quotes, commas and brackets there") from error
    except _RepeatedKeyError as error:
        raise _refused(Code.DUPLICATE_KEY, f"{name}: {error}", "keep one of them") from error
    except RecursionError as error:
        raise _refused(Code.TOO_DEEP, f"{name} is nested too deeply", "flatten it") from error
    except ValueError as error:
        raise _refused(Code.NUMBER, f"{name}: {error}", "send it as text") from error
    return value


def _read_yaml(text: str, name: str) -> JSON:
    try:
        builder = _Builder()
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
        return builder.root
    except _RepeatedKeyError as error:
        raise _refused(Code.DUPLICATE_KEY, f"{name}: {error}", "keep one of them") from error
    except _NotPlainError as error:
        hint = "write the value out; plans use the part of YAML that is JSON"
        raise _refused(Code.NOT_JSON, f"{name}: {error}", hint) from error
    except yaml.YAMLError as error:
        message = f"{name}: {' '.join(str(error).split())[:300]}"
        raise _refused(Code.NOT_JSON, message, "check indentation and colons there") from error
    except RecursionError as error:
        raise _refused(Code.TOO_DEEP, f"{name} is nested too deeply", "flatten it") from error
    except ValueError as error:
        raise _refused(Code.NUMBER, f"{name}: {error}", "send it as text") from error


class _RepeatedKeyError(ValueError):
    """An object names a member twice, so that two readers could read two plans."""


class _NotPlainError(ValueError):
    """The YAML uses something that JSON cannot say."""


def _unique(pairs: Iterable[tuple[str, JSON]]) -> JSONObject:
    members: JSONObject = {}
    for key, value in pairs:
        if key in members:
            raise _RepeatedKeyError(f"the key {key!r} stands twice in one object")
        members[key] = value
    return members


def _no_constant(text: str) -> JSON:
    raise ValueError(f"{text} is not a JSON number")


class _Builder:
    """Makes JSON of YAML's events, on a stack of its own, so that depth costs no recursion."""

    def __init__(self) -> None:
        self.root: JSON = None
        self._documents = 0
        self._open: list[JSONObject | list[JSON]] = []
        self._keys: list[str | None] = []
        """For each open object the key that waits for its value; for a list, nothing."""

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            _NotPlainError: JSON cannot say it.
            _RepeatedKeyError: an object has the key already.
            RecursionError: it is nested too deeply.
        """
        if isinstance(event, yaml.AliasEvent):
            raise _NotPlainError(f"line {_line(event)}: aliases (`*name`) are not read")
        if getattr(event, "tag", None) not in (None, "!"):
            raise _NotPlainError(f"line {_line(event)}: tags (`!name`) are not read")
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._begin({}, event)
            case yaml.SequenceStartEvent():
                self._begin([], event)
            case yaml.CollectionEndEvent():
                self._open.pop()
                self._keys.pop()
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _NotPlainError(f"line {_line(event)}: a second document begins")

    def _begin(self, value: JSONObject | list[JSON], event: yaml.Event) -> None:
        self._put(value, event)
        if len(self._open) >= _MAX_NESTING:
            raise RecursionError
        self._open.append(value)
        self._keys.append(None)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if not self._open or isinstance(self._open[-1], list) or self._keys[-1] is not None:
            self._put(_scalar(event), event)
            return
        if event.value == "<<" and not event.style:
            raise _NotPlainError(f"line {_line(event)}: merge keys (`<<`) are not read")
        if event.value in self._open[-1]:
            raise _RepeatedKeyError(f"line {_line(event)}: the key {event.value!r} stands twice")
        self._keys[-1] = str(event.value)

    def _put(self, value: JSON, event: yaml.Event) -> None:
        if not self._open:
            self.root = value
            return
        owner, key = self._open[-1], self._keys[-1]
        if isinstance(owner, list):
            owner.append(value)
        elif key is None:
            raise _NotPlainError(f"line {_line(event)}: a key must be text")
        else:
            owner[key] = value
            self._keys[-1] = None


def _scalar(event: yaml.ScalarEvent) -> JSON:
    """Return a scalar by JSON's own rules: `yes`, `0o7` and dates are texts."""
    text = str(event.value)
    if event.style:
        return text
    if text in _LITERALS:
        return _LITERALS[text]
    if _JSON_NUMBER.match(text):
        number: JSON = json.loads(text)
        return number
    return text


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 0 if mark is None else int(mark.line) + 1


def _refused(code: Code, message: str, hint: str) -> InvalidDocumentError:
    return InvalidDocumentError([Diagnostic(code=code, path="", message=message, hint=hint)])
