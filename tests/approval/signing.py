"""Keys and tokens for tests, and the file of whom to trust."""

import itertools
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.approval.tokens import Binding, mint
from remit.approval.trust import spelt
from remit.canonical import JSON, JSONObject, digest

AUDIENCE = "remit/default"
PROPOSED = digest({"proposed": 1})
NOW_S = 1_800_000_000
_nonces = itertools.count(1)


def key(name: str = "anna") -> Ed25519PrivateKey:
    """Return a person's key, the same for the same name."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digest(name)[7:]))


def line(name: str = "anna", **more: JSON) -> JSONObject:
    """Return a key as the file lists it."""
    return {"key": spelt(key(name).public_key()), **more}


def document(**people: list[JSON]) -> JSONObject:
    """Return a file in which people have these keys; anna has hers without being named."""
    known = {f"{name}@lab.example": keys for name, keys in people.items()}
    return {
        "schema": "remit.identity/v1",
        "people": {"anna@lab.example": [line()], **known},
        "issuers": {
            "console": {"keys": [line("console")], "speaks_for": ["*@lab.example"]},
        },
    }


def write(file: Path, written: JSON) -> Path:
    """Write the file; JSON is YAML too."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(written))
    beside.replace(file)
    return file


def signed(binding: Binding, name: str = "anna", at_s: int = NOW_S, **more: str) -> str:
    """Return a token of a person's own key, with a nonce of its own."""
    nonce = more.pop("nonce", f"nonce-of-a-test-{next(_nonces):08}")
    return mint(
        key(name),
        more.pop("person", f"{name}@lab.example"),
        binding,
        at_s=at_s,
        nonce=nonce,
        **more,
    )
