"""The secrets of one call: read for it alone, put where they belong, and kept out of all else.

A value is never stored, logged or put into a message: `Secrets` knows every value it gave out, and
masks them, in every form of `remit.secrets.forms`, in what comes back. A value is not looked into
for further references, so there are no cycles; one that is itself a reference is refused.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from remit.canonical import JSON
from remit.secrets.errors import SecretError
from remit.secrets.faraway import MOST_S, fetched, from_keyring, from_vault
from remit.secrets.forms import LEAST, forms
from remit.secrets.nearby import MAX_BYTES, from_environment, from_file
from remit.tool.secret import Reference, references, replaced
from remit.tool.texts import one_line

MASK = "[secret]"
_FARAWAY = ("keyring", "vault", "oauth")


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token, as a call is given it."""

    value: str = field(repr=False)
    behind: str = field(repr=False)
    """The secret that it was got with, which must not be repeated either."""
    is_kept: bool
    """Whether it was got for an earlier call: it may have been taken back since."""


Issue = Callable[[Reference, float], Awaitable[Issued]]
"""From a reference to a token, within so many seconds; raises `SecretError`."""


class Secrets:
    """The secrets of one call."""

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        principal: Mapping[str, str] | None = None,
        issue: Issue | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            environ: of the worker.
            folder: the project's.
            principal: what `{agent}` and `{tenant}` stand for.
            issue: who gets access tokens; without it there are none.
        """
        self._environ = environ
        self._folder = folder
        self._principal = principal or {}
        self._issue = issue
        self.has_kept_token = False
        """Whether a token was given out that an earlier call had got: if it is refused, the next
        attempt has another one."""
        self._fetched: dict[Reference, str] = {}
        self._given: list[str] = []

    async def read(self, texts: Iterable[str], deadline: float | None = None) -> None:
        """Read what `texts` refer to and others keep; `resolve` gives it out afterwards.

        Args:
            texts: of which some may hold references.
            deadline: moment of `time.monotonic()`; a few seconds from now without one.

        Raises:
            SecretError: one cannot be had; see `resolve`.
        """
        until = time.monotonic() + MOST_S if deadline is None else deadline
        for text in texts:
            for reference in references(text):
                if reference.scheme in _FARAWAY:
                    of_call = self._of_call(reference)
                    self._fetched[of_call] = await self._fetch(of_call, until - time.monotonic())

    def resolve(self, text: str) -> str:
        """Return `text` with its references replaced; those that others keep were `read`.

        Raises:
            SecretError: one leads to nothing, or to no single line of printable ASCII.
        """
        return replaced(text, self._value)

    def mask(self, text: str) -> str:
        """Return `text` without any value given out."""
        for value in self._given:
            for form, _ in forms(value):
                if form in text:
                    text = text.replace(form, MASK)
        return text

    def shown(self, text: str, most: int = 300) -> str:
        """Return what somebody else said, to be shown: on one line, bounded, without any value.

        Masked before it is cut: a secret that is cut in two is not known any more.
        """
        return one_line(self.mask(text), most)

    def mask_json(self, value: JSON) -> JSON:
        """Return `value` without any value given out, in texts, names and numbers alike."""
        if not self._given:
            return value
        match value:
            case str():
                return self.mask(value)
            case list():
                return [self.mask_json(part) for part in value]
            case dict():
                return {self.mask(name): self.mask_json(part) for name, part in value.items()}
            case int() | float() if str(value) in self._given:
                return MASK
        return value

    def _of_call(self, reference: Reference) -> Reference:
        if fault := reference.fault:
            raise SecretError("SECRET-REFERENCE", fault)
        try:
            return reference.of(self._principal)
        except ValueError as error:
            raise SecretError("SECRET-PRINCIPAL", str(error)) from error

    async def _fetch(self, reference: Reference, within_s: float) -> str:
        name, said = reference.name, f"the secret {reference}"
        if reference.scheme == "oauth":
            return await self._token(reference, within_s)
        if reference.scheme == "keyring":
            return await fetched("keyring", lambda: from_keyring(name), said, within_s)
        environ = self._environ
        return await fetched(
            "vault", lambda: from_vault(name, environ, self._remember), said, within_s
        )

    async def _token(self, reference: Reference, within_s: float) -> str:
        if self._issue is None:
            message = f"the secret {reference}: access tokens are for the calls of tools alone"
            raise SecretError("SECRET-REFERENCE", message)
        issued = await self._issue(reference, within_s)
        self._remember(issued.behind)
        self.has_kept_token = self.has_kept_token or issued.is_kept
        return issued.value

    def _value(self, reference: Reference) -> str:
        of_call = self._of_call(reference)
        match of_call.scheme:
            case "env":
                value = from_environment(of_call.name, self._environ)
            case "file":
                value = from_file(of_call.name, self._folder, self._environ)
            case _:
                value = self._fetched.get(of_call, "")
        if fault := _fault(value):
            raise SecretError("SECRET-FORM", f"the secret {of_call} {fault}")
        self._remember(value)
        return value

    def _remember(self, value: str) -> None:
        if len(value) >= LEAST and value not in self._given:
            self._given.append(value)


def _fault(value: str) -> str:
    """Say why `value` cannot be a header's, without repeating it."""
    if not value:
        return "was not read before it was needed; that is a fault of Remit's"
    if len(value) > MAX_BYTES:
        return f"is larger than {MAX_BYTES} bytes; keep a shorter one"
    if not value.isprintable() or not value.isascii():
        return "is not one line of printable ASCII; encode it, or take its line breaks out"
    if len(references(value)) == 1 and replaced(value, lambda _: "") == "":
        return "is itself a reference; references are not followed, so keep the value there"
    return ""
