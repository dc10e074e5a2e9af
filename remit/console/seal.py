"""Small signed texts that a browser keeps for us: sessions, and where a login was heading.

Signed by HMAC-SHA256 over purpose and body, with an end. A text of one purpose opens nothing of
another; whatever is altered, expired or too long is nothing.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable

from remit.canonical import JSONObject

_LONGEST = 3500
"""Most characters of a sealed text: browsers keep cookies of 4 KB."""


class Seal:
    """A key, and what is signed with it."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        """Sign with `key`; `clock` gives seconds of Unix time."""
        if len(key) < 32:
            raise ValueError("a key has 32 bytes at least")
        self._key = key
        self._clock = clock

    def close(self, purpose: str, body: JSONObject, lasts_s: float) -> str:
        """Return `body` as a text that `open` takes until it is over."""
        whole = {"body": body, "until": int(self._clock() + lasts_s)}
        written = _encoded(json.dumps(whole, separators=(",", ":")).encode())
        return f"{written}.{_encoded(self._mac(purpose, written))}"

    def open(self, purpose: str, text: str) -> JSONObject | None:
        """Return the body of a text that we made for this purpose, while it lasts."""
        written, _, mac = text.partition(".")
        if len(text) > _LONGEST or not hmac.compare_digest(
            _encoded(self._mac(purpose, written)).encode(), mac.encode("utf-8", "replace")
        ):
            return None
        try:
            whole = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
        except (ValueError, binascii.Error):
            return None
        return whole["body"] if whole["until"] > self._clock() else None

    def token(self, purpose: str, about: str) -> str:
        """Return a text that only we can make about `about`."""
        return _encoded(self._mac(purpose, about))

    def is_token(self, purpose: str, about: str, token: str) -> bool:
        """Whether `token` is the one that we would make."""
        return hmac.compare_digest(self.token(purpose, about).encode(), token.encode())

    def _mac(self, purpose: str, text: str) -> bytes:
        said = f"remit-console/{purpose}\n{text}".encode("utf-8", "replace")
        return hmac.new(self._key, said, hashlib.sha256).digest()


def _encoded(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode("ascii").rstrip("=")
