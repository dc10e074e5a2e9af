"""What differs between two sets of arguments, member by member."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from remit.canonical import JSON, JSONObject, canonical
from remit.console.words import plain

_MOST = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that is not the same."""

    name: str
    before: str
    after: str
    kind: Literal["changed", "added", "removed"]


def differences(before: JSONObject, after: JSONObject) -> list[Difference]:
    """Return what differs, in the order of names; at most 200 members are told."""
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    found: list[Difference] = []
    for name in sorted(old.keys() | new.keys()):
        if len(found) == _MOST:
            break
        if name not in new:
            found.append(Difference(name, plain(old[name]), "", "removed"))
        elif name not in old:
            found.append(Difference(name, "", plain(new[name]), "added"))
        elif _told(old, name) != _told(new, name):
            found.append(Difference(name, plain(old[name]), plain(new[name]), "changed"))
    return found


def _told(values: Mapping[str, JSON], name: str) -> bytes:
    return canonical(values[name])


def _flat(value: JSON, name: str) -> Iterator[tuple[str, JSON]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and any(isinstance(one, (dict, list)) for one in value):
        for position, inner in enumerate(value):
            yield from _flat(inner, f"{name}[{position}]")
    else:
        yield name, value
