"""The key that signs policy bundles (ES256), and what an OPA must know to take no others.

Whoever publishes holds the private key; every OPA holds the public one, so that an OPA that is
taken over can still put no policy into another. A signature names its key and its scope, the
environment that the bundle is for: what was signed for staging is no policy of production.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from remit.cli.stack.errors import StackCode, StackError
from remit.stores.atomic import write_atomically

ALGORITHM = "ES256"
ENVIRONMENT = "REMIT_ENVIRONMENT"
"""Variable that names the environment, for workers and for the scope of signatures."""
_USUAL = "dev"
_CURVE = ec.SECP256R1()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What OPA verifies bundles with."""

    id: str
    """Digest of the key itself, so that one name is never two keys."""
    pem: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, by its file; its text never enters a message or a command line."""

    file: Path
    """PEM, mode 0600."""
    public: PublicKey
    scope: str
    """The environment that it signs for."""


def scope_of(variables: Mapping[str, str] = os.environ) -> str:
    """Return the environment that bundles are signed and taken for."""
    return variables.get(ENVIRONMENT) or _USUAL


def keep_key(file: Path, scope: str) -> SigningKey:
    """Return the key in `file`, made if there is none."""
    if not file.exists():
        made = ec.generate_private_key(_CURVE)
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_atomically(file, pem)
    return read_key(file, scope)


def read_key(file: Path, scope: str) -> SigningKey:
    """Return the key in `file`.

    Raises:
        StackError: `POLICY-KEY` when there is no such key.
    """
    try:
        found = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_key(file, "private") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != _CURVE.name:
        raise _no_key(file, "private")
    return SigningKey(file, _public(found.public_key()), scope)


def read_public(file: Path) -> PublicKey:
    """Return the public key in `file`.

    Raises:
        StackError: `POLICY-KEY` when there is no such key.
    """
    try:
        found = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _no_key(file, "public") from error
    if not isinstance(found, ec.EllipticCurvePublicKey) or found.curve.name != _CURVE.name:
        raise _no_key(file, "public")
    return _public(found)


def _public(key: ec.EllipticCurvePublicKey) -> PublicKey:
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(f"policy-{hashlib.sha256(raw).hexdigest()[:16]}", pem.decode())


def _no_key(file: Path, kind: str) -> StackError:
    return StackError(
        StackCode.POLICY_KEY,
        f"{str(file)!r} is no {kind} key of ES256 (curve P-256, PEM)",
        hint="`openssl ecparam -name prime256v1 -genkey -noout` makes a private one, "
        "`openssl ec -pubout` its public one",
    )
