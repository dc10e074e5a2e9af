"""The plans of the catalogue by `name@version`: what `{"plan": …}` and sub-plan steps refer to.

A library holds documents as they were written. Whether one is a plan is found out when it is
compiled, by the plan that uses it. It reads no files; whoever does gives the documents in.
"""

from collections.abc import Iterable, Mapping

from remit.canonical import JSON, JSONObject, canonical
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.plan.codes import Code


class Library:
    """Plan documents by `name@version`."""

    def __init__(self, documents: Mapping[str, JSONObject] | None = None) -> None:
        by_ref = documents or {}
        self._by_ref = {ref: by_ref[ref] for ref in sorted(by_ref)}

    @classmethod
    def of(cls, documents: Iterable[JSON]) -> "Library":
        """Return the library of `documents`; equal ones count once.

        Raises:
            InvalidDocumentError: one has no name and version, or two differ under one name.
        """
        by_ref: dict[str, JSONObject] = {}
        found: list[Diagnostic] = []
        for at, document in enumerate(documents):
            if not isinstance(document, dict) or not _is_named(document):
                message = "a catalogued plan is an object with `name` and `version`"
                found.append(Diagnostic(code=Code.SHAPE, path=f"/{at}", message=message))
                continue
            ref = f"{document['name']}@{document['version']}"
            if ref in by_ref and canonical(by_ref[ref]) != canonical(document):
                message = f"two different plans are called {ref!r}"
                hint = "give the changed one a new version"
                found.append(
                    Diagnostic(code=Code.DUPLICATE_ID, path=f"/{at}", message=message, hint=hint)
                )
            by_ref[ref] = document
        if found:
            raise InvalidDocumentError(found)
        return cls(by_ref)

    def find(self, ref: str) -> JSONObject | None:
        """Return the plan document of `name@version`, or `None`."""
        return self._by_ref.get(ref)

    def users(self, ref: str) -> tuple[str, ...]:
        """Return the plans that run `name@version` as a sub-plan of theirs, sorted."""
        return tuple(user for user, document in self._by_ref.items() if _uses(document, ref))

    @property
    def refs(self) -> tuple[str, ...]:
        """Every `name@version`, sorted."""
        return tuple(self._by_ref)


def _uses(document: JSONObject, ref: str) -> bool:
    steps = document.get("steps")
    if not isinstance(steps, list):
        return False
    return any(isinstance(step, dict) and step.get("plan") == ref for step in steps)


def _is_named(document: JSONObject) -> bool:
    return isinstance(document.get("name"), str) and isinstance(document.get("version"), str)
