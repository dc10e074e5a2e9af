"""The shapes in which a secret may come back: as it is, encoded, escaped, or a part of something.

Used twice: to mask what is about to be stored or said, and to scan what was. A tool that echoes a
header inside Base64 gives it away as well as one that echoes it plainly; where it stands inside a
longer text is not known, so all three ways in which Base64 may cut it are looked for.
"""

import base64
import binascii
import json
from functools import lru_cache
from urllib.parse import quote, quote_plus

LEAST = 4
"""A shorter value is not looked for: it would tear harmless words apart, and is guessed anyway."""
_LEAST_ENCODED = 8
_LEAST_PART = 8


@lru_cache(maxsize=256)
def forms(value: str) -> tuple[tuple[str, str], ...]:
    """Return each form of `value` with its name, longest first, each text once."""
    found: dict[str, str] = {}
    for part, where in _parts(value):
        if len(part) < LEAST:
            continue
        found.setdefault(part, where or "plain")
        for text, name in _encoded(part):
            if len(text) >= _LEAST_ENCODED:
                found.setdefault(text, f"{where} {name}".strip())
    return tuple(sorted(found.items(), key=lambda form: -len(form[0])))


def _parts(value: str) -> list[tuple[str, str]]:
    """Return the value, and what stands in it and is secret by itself."""
    parts = [(value, "")]
    # `Bearer abc…` in a file: a tool repeats the token alone.
    words = value.split(" ")
    if len(words) > 1:
        parts += [(word, "word") for word in words if len(word) >= _LEAST_PART]
    pair = _decoded(words[-1])
    if pair is not None and ":" in pair:
        parts.append((pair, "decoded"))
        password = pair.partition(":")[2]
        if len(password) >= _LEAST_PART:
            parts.append((password, "password"))
    return parts


def _encoded(value: str) -> list[tuple[str, str]]:
    data = value.encode("utf-8")
    percent = quote(value, safe="")
    escaped = json.dumps(value)[1:-1]
    every = "".join(f"%{byte:02X}" for byte in data)
    found = [
        (percent, "percent"),
        (_lower_escapes(percent), "percent"),
        (quote(value), "percent"),
        (quote_plus(value), "percent"),
        (every, "percent"),
        (every.lower(), "percent"),
        (escaped, "escaped"),
        (escaped.replace("/", "\\/"), "escaped"),
        (json.dumps(escaped)[1:-1], "escaped"),
        ("".join(f"\\u{byte:04x}" for byte in data), "escaped"),
        (data.hex(), "hex"),
        (data.hex().upper(), "hex"),
    ]
    for shift in range(3):
        found.extend((text, "base64") for text in _base64(data, shift))
    return found


def _base64(data: bytes, shift: int) -> list[str]:
    """Return what of Base64 is the value's alone when `shift` bytes stand before it."""
    text = base64.b64encode(b"\0" * shift + data).decode("ascii")
    begin = (0, 2, 3)[shift]
    # The last letters depend on what follows; with nothing after it there is padding.
    end = (shift + len(data)) * 8 // 6
    inner = text[begin:end]
    return [inner, inner.translate(str.maketrans("+/", "-_"))]


def _decoded(text: str) -> str | None:
    try:
        found = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return found if found.isprintable() else None


def _lower_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
