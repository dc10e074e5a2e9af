"""`remit keys`: a person's own key, and who speaks by it.

A key is an Ed25519 key in PEM, in a file for its owner alone; a line above it says whose it is. It
signs votes, orders and starts, and never leaves this process.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from remit.approval.tokens import key_id
from remit.approval.trust import spelt
from remit.cli.compiling import findings_of
from remit.cli.errors import CliError, ExitCode, usage
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.stack.project import load_project
from remit.client.signing import Signer
from remit.diagnostic import InvalidDocumentError
from remit.stores.atomic import write_atomically
from remit.stores.identity import load_trust

KEY = "REMIT_KEY"
"""Variable that names the key's file."""
PERSON = "REMIT_AS"
"""Variable that names the person."""
_BEGIN = b"-----BEGIN"
_OWNER = "person: "
_MOST = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a file holds."""

    key: Ed25519PrivateKey
    person: str
    """Whose it is; empty when the file does not say."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks, and by which key; without one the name is a claim."""

    person: str
    key: Ed25519PrivateKey | None

    def signer(self, namespace: str) -> Signer | None:
        """Return who signs for this person."""
        return None if self.key is None else Signer(self.key, namespace)


def new(file: Path, person: str, *, as_json: bool) -> int:
    """Make a key and print what a deployment must be told of it."""
    if file.exists():
        raise usage("KEY-EXISTS", f"{str(file)!r} stands already", "choose another file")
    if not person.strip() or not person.isprintable():
        raise usage("KEY-PERSON", "a key is somebody's: name them", "`--as NAME`")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_atomically(file, f"{_OWNER}{person}\n".encode() + pem)
    except OSError as error:
        raise usage("KEY-FILE", f"{str(file)!r}: {error.strerror}") from error
    return _tell(file, KeyFile(key, person), as_json=as_json)


def show(file: Path | None, *, as_json: bool) -> int:
    """Print a key's public half, as the file of whom to trust takes it."""
    chosen = _chosen(file, os.environ)
    if chosen is None:
        raise usage("KEY-FILE", "no key is named", f"give its file, or set {KEY}")
    return _tell(chosen, read_key(chosen), as_json=as_json)


def check(file: Path | None, project: Path | None, *, as_json: bool) -> int:
    """Read a file of whom to trust, by default the project's, and tell what is wrong with it."""
    chosen = file or _trusted(find_project(project))
    try:
        trust = load_trust(chosen)
    except InvalidDocumentError as error:
        raise CliError(findings_of(error.diagnostics), ExitCode.FINDINGS) from error
    keys = sorted(trust.keys.values(), key=lambda key: (key.issuer, key.id))
    document = {
        "ok": True,
        "file": str(chosen),
        "keys": [
            {
                "id": key.id,
                "issuer": key.issuer,
                "speaks_for": list(key.speaks_for),
                "purposes": list(key.purposes),
                "revoked": key.id in trust.revoked,
            }
            for key in keys
        ],
        "oidc": sorted(trust.oidc),
    }
    lines = []
    for key in keys:
        may = "revoked" if key.id in trust.revoked else ", ".join(key.purposes)
        lines.append(f"{key.issuer}  {key.id}  {may}")
    answer(document, [*lines, *sorted(trust.oidc)] or ["nobody"], as_json=as_json)
    return ExitCode.OK


def _trusted(folder: Path) -> Path:
    identity = load_project(folder).identity
    if identity is None:
        raise usage("KEY-FILE", f"{str(folder)!r} trusts nobody", "`[identity]` in remit.toml")
    return folder / identity.file


def read_key(file: Path) -> KeyFile:
    """Return the key in a file.

    Raises:
        CliError: `KEY-FILE`, `KEY-OPEN` when others may read it too.
    """
    hint = "`remit keys new FILE --as NAME` makes one"
    try:
        mode = file.stat().st_mode
        with file.open("rb") as opened:
            content = opened.read(_MOST)
        head, begin, rest = content.partition(_BEGIN)
        key = load_pem_private_key(begin + rest, password=None)
        told = head.decode("utf-8").strip()
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or "it holds no private key in PEM"
        raise usage("KEY-FILE", f"{str(file)!r}: {why}", hint) from error
    if mode & 0o077:
        raise usage("KEY-OPEN", f"others may read {str(file)!r}", f"chmod 600 '{file}'")
    if not isinstance(key, Ed25519PrivateKey):
        raise usage("KEY-FILE", f"{str(file)!r} holds no Ed25519 key", hint)
    return KeyFile(key, told.removeprefix(_OWNER) if told.startswith(_OWNER) else "")


def speaker(
    person: str | None, file: Path | None, variables: Mapping[str, str] = os.environ
) -> Speaker:
    """Return who speaks: as typed, else as the variables say, else as the key's file does.

    Raises:
        CliError: `KEY-FILE`, `KEY-OPEN`, `KEY-PERSON`.
    """
    chosen = _chosen(file, variables)
    found = None if chosen is None else read_key(chosen)
    name = person or variables.get(PERSON) or (found.person if found else "")
    if not name:
        raise usage("KEY-PERSON", "nobody is named", f"`--as NAME`, {PERSON}, or a key with a name")
    return Speaker(name, found.key if found else None)


def starter(person: str | None, file: Path | None) -> Speaker | None:
    """Return who starts a run; nobody says so without a key.

    Raises:
        CliError: as `speaker`.
    """
    return None if _chosen(file, os.environ) is None else speaker(person, file)


def _chosen(file: Path | None, variables: Mapping[str, str]) -> Path | None:
    named = variables.get(KEY)
    return file or (Path(named) if named else None)


def _tell(file: Path, found: KeyFile, *, as_json: bool) -> int:
    public = found.key.public_key()
    person = json.dumps(found.person or "NAME", ensure_ascii=False)
    document = {
        "ok": True,
        "file": str(file),
        "person": found.person,
        "id": key_id(public),
        "public": spelt(public),
    }
    lines = [
        f"{file}  {key_id(public)}",
        "in the file of whom to trust, under people:",
        f"  {person}:",
        f"    - key: {spelt(public)}",
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK
