"""Starts the console: `python -m remit.console`, told by `REMIT_*` variables."""

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.client import Client

from remit.client.connection import connect
from remit.client.errors import ClientError
from remit.console.app import make_app
from remit.console.card import Cards
from remit.console.office import Office
from remit.console.oidc import Issuer
from remit.console.plans import Plans
from remit.console.registry import RulesInForce
from remit.console.rendering import templates
from remit.console.seal import Seal
from remit.console.sessions import Sessions
from remit.console.settings import ConsoleSettings
from remit.console.signing import signer_of
from remit.console.watching import Watch
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.atomic import keep_secret
from remit.stores.inbox import InboxStore, open_readonly
from remit.stores.ledger import SqlLedger
from remit.variables import faults_of

SETTINGS = "CONSOLE-SETTINGS"
"""Code of settings under which the console does not start."""
_GRACE_S = 3
_PATIENCE_S = 60.0
"""How long ledger and Temporal are waited for at the start."""


def main() -> int:
    """Serve until told to stop; return an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = ConsoleSettings()
    except (ValidationError, SettingsError) as error:
        sys.stderr.writelines(f"{SETTINGS}  {fault}\n" for fault in faults_of(error))
        return 2
    try:
        asyncio.run(serve(settings))
    except (ClientError, LedgerError, LedgerUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except KeyboardInterrupt:
        return 0
    return 0


async def serve(settings: ConsoleSettings) -> None:
    """Serve the console until SIGTERM or SIGINT.

    Raises:
        ClientError, LedgerError, LedgerUnavailableError: a part of the stack is not there.
    """
    async with opened(settings) as office:
        await server_of(office).serve()


def server_of(office: Office) -> uvicorn.Server:
    """Return the server of an office, not yet started."""
    settings = office.settings
    config = uvicorn.Config(
        make_app(office, origin_of(settings)),
        host=settings.console.host,
        port=settings.console_port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=400,
        h11_max_incomplete_event_size=32 * 1024,
    )
    return uvicorn.Server(config)


def origin_of(settings: ConsoleSettings) -> str:
    """Return under which address browsers reach the console."""
    host = settings.console.host
    named = f"[{host}]" if ":" in host else host
    return settings.console.base_url or f"http://{named}:{settings.console_port}"


@asynccontextmanager
async def opened(settings: ConsoleSettings) -> AsyncIterator[Office]:
    """Open what the console works with."""
    ledger = await _patiently(settings)
    try:
        client = await connect(
            settings.temporal_address, settings.temporal_namespace, keys=settings.payload_keys
        )
        office = furnished(settings, ledger, client)
        yield office
        if office.issuer is not None:
            await office.issuer.close()
    finally:
        await ledger.close()


def furnished(settings: ConsoleSettings, ledger: SqlLedger, temporal: Client) -> Office:
    """Return an office over a ledger and a server."""
    table, file = settings.console, settings.console_key_file
    seal = Seal(bytes.fromhex(keep_secret(file)) if file else secrets.token_bytes(32))
    store, plans = InboxStore(ledger), Plans(ledger)
    callback = f"{origin_of(settings).rstrip('/')}/login/callback"
    return Office(
        settings=settings,
        ledger=ledger,
        store=store,
        plans=plans,
        cards=Cards(ledger, store, plans),
        rules=RulesInForce(ledger.releases),
        watch=Watch(store),
        seal=seal,
        sessions=Sessions(seal, lasts_s=table.session_hours * 3600, is_secure=table.is_secure),
        issuer=Issuer(table.oidc, callback) if table.oidc else None,
        temporal=temporal,
        signer=signer_of(table.vouch_key_file, settings.temporal_namespace),
        templates=templates(),
        clock=lambda: time.time_ns() // 1_000_000,
    )


async def _patiently(settings: ConsoleSettings) -> SqlLedger:
    """Open the ledger; workers that start beside us may still be making it."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await open_readonly(settings.ledger_url)
        except (LedgerError, LedgerUnavailableError):
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.5)
