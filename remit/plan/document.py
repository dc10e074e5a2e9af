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
        node = yaml.compose(text, Loader=_PlainLoader)
        return None if node is None else _plain(node)
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


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes only; an alias or a tag ends it at once, before anything unfolds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node.

        Raises:
            _NotPlainError: it is an alias, or carries a tag.
        """
        is_alias = self.check_event(yaml.AliasEvent)
        event = self.current_event
        if is_alias:
            raise _NotPlainError(f"line {_line(event)}: aliases (`*name`) are not read")
        if getattr(event, "tag", None) is not None:
            raise _NotPlainError(f"line {_line(event)}: tags (`!name`) are not read")
        return super().compose_node(parent, index)


def _plain(node: yaml.Node) -> JSON:
    if isinstance(node, yaml.MappingNode):
        return _unique((_key(key), _plain(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    raise _NotPlainError(f"line {_line(node)}: this is no plain value")


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _NotPlainError(f"line {_line(node)}: a key must be text")
    if node.value == "<<" and node.style is None:
        raise _NotPlainError(f"line {_line(node)}: merge keys (`<<`) are not read")
    return str(node.value)


def _scalar(node: yaml.ScalarNode) -> JSON:
    """Return a scalar by JSON's own rules: `yes`, `0o7` and dates are texts."""
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _LITERALS:
        return _LITERALS[text]
    if _JSON_NUMBER.match(text):
        number: JSON = json.loads(text)
        return number
    return text


def _line(place: yaml.Node | yaml.Event) -> int:
    mark = place.start_mark
    return 0 if mark is None else int(mark.line) + 1


def _refused(code: Code, message: str, hint: str) -> InvalidDocumentError:
    return InvalidDocumentError([Diagnostic(code=code, path="", message=message, hint=hint)])
