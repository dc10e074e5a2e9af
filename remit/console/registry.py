"""Agents, people and rules as the policies in force have them, read from the newest release.

The same bundle that OPA decides with, out of the ledger: so what a page says about roles is what a
vote is judged by. Kept until the next release.
"""

import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.decision.release import Release
from remit.stores.releases import ReleaseStore

_AGE_S = 2.0
_LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the policies know."""

    name: str
    roles: tuple[str, ...] = ()
    tenants: tuple[str, ...] | None = None
    """With a list, only runs of these."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One release of policies, taken apart."""

    release: Release | None = None
    data: JSONObject = field(default_factory=dict)
    """The document at `data.remit`."""
    files: Sequence[str] = ()
    """Names of the files with rules."""

    @property
    def people(self) -> Mapping[str, Person]:
        """Everybody, by name as policies compare it."""
        found = {}
        for name, told in _object(self._registry.get("people")).items():
            person = _object(told)
            tenants = person.get("tenants")
            roles, bounds = _texts(person.get("roles")), _texts(tenants)
            whole = bounds if isinstance(tenants, list) else None
            found[_compared(name)] = Person(name, roles, whole)
        return found

    @property
    def agents(self) -> Mapping[str, JSONObject]:
        """Every agent, by its id."""
        known = _object(self._registry.get("agents"))
        return {name: _object(known[name]) for name in sorted(known)}

    def person(self, name: str) -> Person | None:
        """Return somebody, however the name is capitalised."""
        return self.people.get(_compared(name))

    @property
    def _registry(self) -> JSONObject:
        return _object(self.data.get("registry"))


class RulesInForce:
    """The newest release, read again when there is another."""

    def __init__(self, store: ReleaseStore, clock: Callable[[], float] = time.monotonic) -> None:
        """Read through `store`, at most every other second."""
        self._store = store
        self._clock = clock
        self._rules = Rules()
        self._read_at = -_AGE_S

    async def read(self) -> Rules:
        """Return the policies in force.

        Raises:
            LedgerError: the release's archive is not what its digest names.
        """
        if self._clock() - self._read_at < _AGE_S:
            return self._rules
        newest = await self._store.newest()
        known = self._rules.release
        if newest is not None and (known is None or known.serial != newest.serial):
            self._rules = _taken_apart(newest, await self._store.archive(newest))
        self._read_at = self._clock()
        return self._rules


def _taken_apart(release: Release, archive: bytes) -> Rules:
    data: JSONObject = {}
    names: list[str] = []
    size = 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            size += member.size
            if size > _LARGEST:
                break
            name = member.name.lstrip("/")
            body = tar.extractfile(member) if name == "data.json" and member.isfile() else None
            if body is not None:
                data = _object(_object(json.load(body)).get("remit"))
            elif name.endswith(".rego"):
                names.append(name)
    return Rules(release, data, sorted(names))


def _compared(name: str) -> str:
    return name.strip().lower()


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
