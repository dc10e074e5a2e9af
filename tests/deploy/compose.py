"""Reading `docker-compose.yml`: variables put in, merges applied, the result as plain data."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import JsonValue

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\}")

Document = dict[str, JsonValue]


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its `${…}` replaced; `LookupError` for one that must be set."""

    def value(found: re.Match[str]) -> str:
        name, kind, more = found.groups()
        if variables.get(name):
            return variables[name]
        if kind == ":-":
            return str(more)
        raise LookupError(name)

    return _VARIABLE.sub(value, text)


def variables_of(text: str) -> set[str]:
    """Return the names of all variables that `text` asks for."""
    return {name for name, _, _ in _VARIABLE.findall(text)}


def load(variables: Mapping[str, str]) -> Document:
    """Return the compose file as data."""
    document: Document = yaml.safe_load(substituted(FILE.read_text(), variables))
    return document
