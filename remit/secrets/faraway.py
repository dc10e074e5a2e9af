"""Secrets that others keep: the system's keyring, and Vault.

Both may block, ask a person, or hang. Each is read in a thread of its own that nothing waits for
beyond the deadline, and there are few such threads: a Vault that is silent makes calls that need it
fail soon, and no others. Nothing is kept: the value that is there now is the one that is used.

Vault is told of as its own tools are: `VAULT_ADDR`, `VAULT_TOKEN` or `VAULT_TOKEN_FILE` (read anew
each time, as an agent of Vault's rotates it), `VAULT_NAMESPACE`, `VAULT_CACERT`.
"""

import asyncio
import contextlib
import importlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from remit.secrets.errors import SecretError

MOST_S = 5.0
"""Longest wait for a keyring or Vault, in seconds."""
_MOST_THREADS = 16
_places = {
    "keyring": threading.BoundedSemaphore(_MOST_THREADS),
    "vault": threading.BoundedSemaphore(_MOST_THREADS),
}


async def fetched(scheme: str, read: Callable[[], str], said: str, within_s: float) -> str:
    """Return what `read` returns, in time.

    Raises:
        SecretError: it did not answer, or what it raised.
    """
    late = f"{said}: no answer in time; see whether it is reachable"
    places = _places[scheme]
    if not places.acquire(blocking=False):
        raise SecretError("SECRET-UNREACHABLE", f"{said}: too many wait already", again=True)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str | SecretError] = loop.create_future()

    def answer(value: str | SecretError) -> None:
        if not answered.done():
            answered.set_result(value)

    def work() -> None:
        value: str | SecretError
        try:
            value = read()
        except SecretError as error:
            value = error
        except BaseException as error:  # of backends that nobody knows
            what = type(error).__name__
            value = SecretError("SECRET-UNREACHABLE", f"{said}: {what}", again=True)
        finally:
            places.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(answer, value)

    threading.Thread(target=work, name=f"secret {scheme}", daemon=True).start()
    try:
        async with asyncio.timeout(max(0.0, min(within_s, MOST_S))):
            value = await answered
    except TimeoutError as error:
        raise SecretError("SECRET-UNREACHABLE", late, again=True) from error
    if isinstance(value, SecretError):
        raise value
    return value


def from_keyring(name: str) -> str:
    """Ask the system's keyring."""
    said = f"the secret keyring:{name}"
    keyring = _extra("keyring", said)
    service, _, user = name.rpartition("/")
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        hint = "see `keyring --list-backends` for the workers' account"
        raise SecretError("SECRET-UNREADABLE", f"{said}: no keyring gives it; {hint}") from error
    if not isinstance(value, str) or not value:
        hint = f"`keyring set {service} {user}`"
        raise SecretError("SECRET-MISSING", f"{said} is not there; {hint}")
    return value


def from_vault(name: str, environ: Mapping[str, str], given: Callable[[str], None]) -> str:
    """Ask Vault for a field of a secret (KV version 2).

    Args:
        name: `mount/path#field`.
        environ: where Vault and its token are told of.
        given: told of the token, which must not be repeated either.
    """
    said = f"the secret vault:{name}"
    hvac = _extra("vault", said, "hvac")
    address, token = environ.get("VAULT_ADDR", ""), _vault_token(environ, said)
    if not address:
        raise SecretError("SECRET-MISSING", f"{said}: nobody said where Vault is; set VAULT_ADDR")
    given(token)
    path, _, field = name.rpartition("#")
    mount, _, path = path.partition("/")
    try:
        with _session(environ) as session:
            client = hvac.Client(
                url=address,
                token=token,
                namespace=environ.get("VAULT_NAMESPACE") or None,
                timeout=MOST_S,
                allow_redirects=False,
                session=session,
                verify=session.verify,
            )
            kept = client.secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
        value = kept["data"]["data"].get(field)
    except hvac.exceptions.InvalidPath as error:
        raise SecretError("SECRET-MISSING", f"{said} is not there; write it to Vault") from error
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
        hint = "see the token and its policies"
        raise SecretError("SECRET-DENIED", f"{said}: Vault does not give it; {hint}") from error
    except (KeyError, TypeError, AttributeError) as error:
        hint = "the mount must be of KV version 2"
        raise SecretError("SECRET-UNREADABLE", f"{said}: no answer of Vault's; {hint}") from error
    except (hvac.exceptions.VaultError, OSError, ValueError) as error:
        hint = "see VAULT_ADDR"
        message = f"{said}: Vault cannot be asked ({type(error).__name__}); {hint}"
        raise SecretError("SECRET-UNREACHABLE", message, again=True) from error
    if not isinstance(value, str) or not value:
        raise SecretError("SECRET-MISSING", f"{said}: there is no such field; see `vault kv get`")
    return value


def _session(environ: Mapping[str, str]) -> Any:  # requests brings no types
    requests = importlib.import_module("requests")
    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc
    session.verify = environ.get("VAULT_CACERT") or True
    return session


def _vault_token(environ: Mapping[str, str], said: str) -> str:
    file = environ.get("VAULT_TOKEN_FILE", "")
    try:
        token = Path(file).read_text("utf-8").strip() if file else environ.get("VAULT_TOKEN", "")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError("SECRET-DENIED", f"{said}: VAULT_TOKEN_FILE cannot be read") from error
    if not token:
        hint = "set VAULT_TOKEN_FILE or VAULT_TOKEN"
        raise SecretError("SECRET-DENIED", f"{said}: there is no token for Vault; {hint}")
    return token


def _extra(extra: str, said: str, module: str = "") -> ModuleType:
    try:
        return importlib.import_module(module or extra)
    except ImportError as error:
        hint = f"install the extra `remit[{extra}]` for the workers"
        raise SecretError("SECRET-EXTRA", f"{said} cannot be read here; {hint}") from error
