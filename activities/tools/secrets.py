"""Secret references in headers, resolved at the last moment, and kept out of everything said.

`env:NAME` and `file:PATH` (relative to the project) may be the whole of a header's value;
`${env:NAME}` and `${file:PATH}` may stand inside one. A resolved value is never stored, logged or
put into a message: `Secrets` knows every value it gave out, and masks them in what comes back.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from remit.canonical import JSON

MASK = "[secret]"
_WHOLE = re.compile(r"(env|file):(.+)")
_INSIDE = re.compile(r"\$\{(env|file):([^}]+)\}")
_MAX_BYTES = 64 * 1024
_MIN_MASKED = 4


class SecretError(Exception):
    """A reference leads to nothing usable; the message names the reference, never a value."""


class Secrets:
    """The secrets of one call."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._given: list[str] = []

    def resolve(self, text: str) -> str:
        """Return `text` with its references replaced.

        Raises:
            SecretError: a variable is not set, a file cannot be read, or a value has line breaks.
        """
        if whole := _WHOLE.fullmatch(text):
            return self._value(whole[1], whole[2])
        return _INSIDE.sub(lambda found: self._value(found[1], found[2]), text)

    def mask(self, text: str) -> str:
        """Return `text` without any value given out."""
        for value in self._given:
            text = text.replace(value, MASK)
        return text

    def mask_json(self, value: JSON) -> JSON:
        """Return `value` without any value given out, in texts and names alike."""
        if not self._given:
            return value
        match value:
            case str():
                return self.mask(value)
            case list():
                return [self.mask_json(part) for part in value]
            case dict():
                return {self.mask(name): self.mask_json(part) for name, part in value.items()}
        return value

    def _value(self, scheme: str, name: str) -> str:
        value = self._environ.get(name, "") if scheme == "env" else self._from_file(name)
        if not value:
            raise SecretError(f"the secret {scheme}:{name} is not there")
        if not value.isprintable() or not value.isascii():
            raise SecretError(f"the secret {scheme}:{name} is not one line of printable ASCII")
        if len(value) >= _MIN_MASKED:
            # A shorter one would tear harmless words apart, and is guessed anyway.
            self._given.append(value)
        return value

    def _from_file(self, name: str) -> str:
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(_MAX_BYTES).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"the secret file:{name} cannot be read") from error
