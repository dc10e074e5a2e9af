"""How the Temporal server is known, and how we are known to it: TLS, certificates, a token.

    REMIT_TEMPORAL_TLS        `system`: encrypted, the server known by the system's authorities;
                              or a file of the authorities that vouch for it (PEM); empty: plain
    REMIT_TEMPORAL_TLS_NAME   the name that its certificate must have; without it the address's
    REMIT_TEMPORAL_CERT       files of our own certificate and its key (PEM), for servers that ask
    REMIT_TEMPORAL_CERT_KEY
    REMIT_TEMPORAL_TOKEN_FILE file with a bearer token, such as an API key

Read when a connection is made. What is stated by half is refused, and a token is never sent in
plain: who asked for more than nothing must not get less.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.service import TLSConfig

from remit.client.errors import ClientCode, ClientError

TLS = "REMIT_TEMPORAL_TLS"
NAME = "REMIT_TEMPORAL_TLS_NAME"
CERT = "REMIT_TEMPORAL_CERT"
CERT_KEY = "REMIT_TEMPORAL_CERT_KEY"
BEARER = "REMIT_TEMPORAL_TOKEN_FILE"
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Trust:
    """What a connection is made with."""

    tls: bool | TLSConfig = field(repr=False)
    token: str | None = field(repr=False)


def trust_of(environ: Mapping[str, str]) -> Trust:
    """Return what the variables say.

    Raises:
        ClientError: `TEMPORAL-TRUST`: a file cannot be read, or only half of it is stated.
    """
    stated = {name: environ.get(name, "").strip() for name in (TLS, NAME, CERT, CERT_KEY, BEARER)}
    if bool(stated[CERT]) != bool(stated[CERT_KEY]):
        raise _unfit(f"{CERT} and {CERT_KEY} belong together")
    if not stated[TLS]:
        for name in (NAME, CERT, BEARER):
            if stated[name]:
                raise _unfit(f"{name} is stated, and {TLS} is not: that would go in plain")
        return Trust(tls=False, token=None)
    config = TLSConfig(
        server_root_ca_cert=None if stated[TLS] == SYSTEM else _read(TLS, stated),
        domain=stated[NAME] or None,
        client_cert=_read(CERT, stated),
        client_private_key=_read(CERT_KEY, stated),
    )
    token = _read(BEARER, stated)
    return Trust(config, None if token is None else token.decode("utf-8", "replace").strip())


def _read(name: str, stated: Mapping[str, str]) -> bytes | None:
    """Return the content of the file that a variable names, if it names one."""
    if not stated[name]:
        return None
    try:
        content = Path(stated[name]).read_bytes()
    except OSError as error:
        raise _unfit(f"the file of {name} cannot be read: {error.strerror}") from error
    if not content.strip():
        raise _unfit(f"the file of {name} is empty")
    return content


def _unfit(message: str) -> ClientError:
    return ClientError(ClientCode.TRUST, message, hint="see deploy/README.md#temporal-over-tls")
