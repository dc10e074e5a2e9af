"""`--input` on the command line: `name=value`, or a whole JSON object.

A value is JSON where it reads as JSON and text where it does not, so `amount=5` is a number and
`supplier=sup-7` a text; `code='"007"'` keeps a number a text.
"""

import json
from collections.abc import Sequence

from remit.canonical import JSON, JSONObject
from remit.cli.errors import usage
from remit.diagnostic import InvalidDocumentError
from remit.plan.document import read_document


def read_inputs(stated: Sequence[str], option: str = "--input") -> JSONObject:
    """Return the inputs that were stated by `option`; a later one replaces an earlier one.

    Raises:
        CliError: `CLI-INPUT`, exit code 2.
    """
    inputs: JSONObject = {}
    for text in stated:
        if text.lstrip().startswith("{"):
            inputs |= _object(text, option)
            continue
        name, found, value = text.partition("=")
        if not found or not name.strip():
            hint = "write name=value, or a JSON object"
            raise usage("CLI-INPUT", f"{option} {text!r} has no name and value", hint)
        inputs[name.strip()] = _value(value)
    return inputs


def with_inputs(document: JSON, inputs: JSONObject) -> JSON:
    """Return `document` with `inputs` laid over its own; not an object, it stays what it is."""
    if not inputs or not isinstance(document, dict):
        return document
    own = document.get("inputs", {})
    return {**document, "inputs": {**(own if isinstance(own, dict) else {}), **inputs}}


def _object(text: str, option: str) -> JSONObject:
    try:
        read = read_document(text.encode("utf-8", "surrogateescape"), option)
    except InvalidDocumentError as error:
        message = error.diagnostics[0].message
        raise usage("CLI-INPUT", message, "quote it for the shell: '{\"name\": 1}'") from error
    return read if isinstance(read, dict) else {}


def _value(text: str) -> JSON:
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
