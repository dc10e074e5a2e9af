"""A secret key by reference: `env:NAME` or `file:PATH`, 32 bytes in hexadecimal or base64.

No message holds a key; a text that is no reference might be one, so it is not repeated either.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path

KEY_BYTES = 32
_HEX = re.compile(r"^[0-9a-fA-F]{64}$")
_LARGEST = 4096


class KeyReferenceError(ValueError):
    """A reference leads to no key."""

    def __init__(self, reference: str, why: str) -> None:
        self.reference = reference
        self.why = why
        super().__init__(f"{reference!r}: {why}")


def secret_of(reference: str, environ: Mapping[str, str]) -> bytes:
    """Return the 32 bytes that a reference names.

    Raises:
        KeyReferenceError: it leads to none.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        text = environ.get(name, "")
    elif scheme == "file":
        try:
            with Path(name).open("rb") as file:
                text = file.read(_LARGEST).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyReferenceError(reference, "it cannot be read") from error
    else:
        raise KeyReferenceError("not a reference", "a key is named `env:NAME` or `file:PATH`")
    secret = _decoded(text.strip())
    if len(secret) != KEY_BYTES:
        raise KeyReferenceError(reference, "it holds no 32 bytes in hexadecimal or base64")
    return secret


def _decoded(text: str) -> bytes:
    if _HEX.match(text):
        return bytes.fromhex(text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
