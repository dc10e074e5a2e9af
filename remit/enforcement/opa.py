"""The one module that talks to OPA: facts in, a checked decision out.

One request per decision, over a Unix socket, with an absolute deadline, no retry, no redirect, no
proxy and a bounded answer; Temporal owns the retries. No answer is kept: each call is decided anew.
What an answer is worth is told by `remit.enforcement.answer`.

Open one client per worker process, in the event loop that uses it. The library's client is kept
inside: its `query_rule` returns undefined decisions as if they were answers, and retries them.
"""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import aiohttp
from opa_client import AsyncOpaClient

from remit.canonical import Digest, JSONObject, NotCanonicalError, canonical, digest_bytes
from remit.decision.decision import Decided, Decision
from remit.decision.facts import Context, Facts, SystemCall
from remit.enforcement.answer import (
    PolicyInvalidError,
    PolicyUnavailableError,
    parse,
    read_status,
)
from remit.plan.wire import ADMIT

__all__ = ["OpaClient", "PolicyInvalidError", "PolicyUnavailableError", "facts_document"]

DEADLINE_S = 1.0
"""How long a decision may take before it counts as none."""
MAX_ANSWER_BYTES = 256 * 1024
_DECIDE = "http://opa/v1/data/remit/main/decision?provenance=true&strict-builtin-errors=true"
_HEALTH = "http://opa/health?bundles"
_STATUS = "http://opa/v1/status"
_MAX_STATUS_BYTES = 4 * 1024 * 1024
"""It holds OPA's metrics too."""
OLDEST = (1, 21, 3)
"""Earlier versions can be made to take bundles that nobody signed (GHSA-g2pf-6v5v-qcc8)."""
_CONNECT_S = 1.0
_JSON = {"Content-Type": "application/json"}


class OpaClient:
    """Asks one OPA on a Unix socket."""

    def __init__(
        self, socket: Path, *, token: str = "", deadline_s: float = DEADLINE_S, pool: int = 64
    ) -> None:
        """Prepare; `open` (or `async with`) connects.

        Args:
            socket: OPA's Unix socket.
            token: Bearer token, sent to that socket alone.
            deadline_s: How long one decision may take, in seconds, everything included.
            pool: Most connections at a time; further questions wait, within their deadline.
        """
        self._opa = AsyncOpaClient(host="opa", token=token or None, retries=0, timeout=deadline_s)
        self._socket = socket
        self._deadline_s = deadline_s
        self._pool = pool

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the connections; needed once, in the event loop that will ask."""
        # The library connects to TCP alone, and would take its proxies from the environment.
        self._opa._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(self._socket), limit=self._pool),
            headers={"Accept-Encoding": "identity"} | (self._opa.headers or {}),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=self._deadline_s, sock_connect=min(_CONNECT_S, self._deadline_s)
            ),
        )

    async def close(self) -> None:
        """Close them."""
        await self._opa.close_connection()

    async def decide(self, facts: Facts, headers: Mapping[str, str] | None = None) -> Decided:
        """Return OPA's decision about `facts`.

        Args:
            facts: The complete input.
            headers: Further headers of the request, such as `traceparent`.

        Raises:
            PolicyUnavailableError: `host:opa_unavailable`, `host:deadline`, `host:no_bundle` or
                `host:unauthorized`: nobody judged, so wait and ask again.
            PolicyInvalidError: `host:undefined`, `host:bad_decision`, `host:digest_mismatch`, ...:
                the answer cannot be trusted, so it is a deny.
        """
        expected = facts.action.proposed_digest if facts.action else None
        return await self.decide_document(facts_document(facts), expected, headers)

    async def decide_document(
        self, document: bytes, expected: Digest | None, headers: Mapping[str, str] | None = None
    ) -> Decided:
        """Return OPA's decision about facts in their canonical form; see `decide`.

        Args:
            document: Facts as `facts_document` writes them, or as the ledger kept them.
            expected: The action's proposed digest, which the decision must echo.
            headers: Further headers of the request.
        """
        begun = time.perf_counter()
        status, body = await self._ask(b'{"input":' + document + b"}", headers)
        answer = parse(status, body, expected)
        return Decided.model_construct(
            decision=answer.decision,
            decision_id=answer.decision_id or str(uuid.uuid4()),
            revision=answer.decision.policy_revision,
            facts=document,
            facts_digest=digest_bytes(document),
            decided_ms=time.time_ns() // 1_000_000,
            took_us=int((time.perf_counter() - begun) * 1_000_000),
        )

    async def ready(self) -> str:
        """Return why this OPA cannot be relied on yet, or an empty text when it can.

        A worker takes no tasks before. OPA's health alone does not tell: it stays green for good
        once a bundle was active. So a question whose answer must be a deny (empty facts) and one
        whose answer must be an allow (`remit.admit`, which every run asks first; asking has no
        effect) have to come out right.
        """
        try:
            async with self._within_deadline("GET", _HEALTH) as response:
                if response.status != 200:
                    return f"no policy bundle is active (health answers {response.status})"
            status, body = await self._ask(b'{"input":{}}', None)
            known = parse(status, body, None)
            denied = known.decision
            allowed = (await self.decide(_known_allow())).decision
        except (PolicyUnavailableError, PolicyInvalidError) as error:
            return f"{error.code}: {error}"
        return _too_old(known.version) or _verdict(denied, allowed)

    async def status(self) -> JSONObject:
        """Return OPA's own status: of each bundle its revision, its contact and its error.

        Raises:
            PolicyUnavailableError: OPA does not answer.
            PolicyInvalidError: it answers something else.
        """
        async with self._within_deadline("GET", _STATUS) as response:
            body = await self._read(response, _MAX_STATUS_BYTES)
            return read_status(response.status, body)

    async def _ask(self, body: bytes, headers: Mapping[str, str] | None) -> tuple[int, bytes]:
        """Send one question and return status and body of the answer."""
        sent = {**headers, **_JSON} if headers else _JSON
        async with self._within_deadline("POST", _DECIDE, body, sent) as response:
            return response.status, await self._read(response, MAX_ANSWER_BYTES)

    async def _read(self, response: aiohttp.ClientResponse, most: int) -> bytes:
        received = bytearray()
        async for chunk in response.content.iter_any():
            received += chunk
            if len(received) > most:
                raise PolicyInvalidError(
                    "host:answer_too_large", f"OPA's answer exceeds {most} bytes"
                )
        return bytes(received)

    @asynccontextmanager
    async def _within_deadline(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._opa._session is None:
            raise PolicyUnavailableError("host:opa_unavailable", "the client is not open")
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._opa._request(
                    method, url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                yield response
        except TimeoutError as error:
            raise PolicyUnavailableError(
                "host:deadline", f"OPA did not answer within {self._deadline_s} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise PolicyUnavailableError(
                "host:opa_unavailable", f"OPA cannot be reached: {type(error).__name__}"
            ) from error


def facts_document(facts: Facts) -> bytes:
    """Return the facts exactly as OPA gets them: canonical JSON, named by `facts_digest`.

    Raises:
        PolicyInvalidError: `host:bad_facts`: they have no canonical form.
    """
    document: JSONObject = facts.model_dump(mode="json")
    try:
        return canonical(document)
    except NotCanonicalError as error:
        raise PolicyInvalidError("host:bad_facts", f"the facts are not JSON: {error}") from error


def _known_allow() -> Facts:
    now = time.time_ns() // 1_000_000
    context = Context(
        now_ms=now,
        scheduled_ms=now,
        environment="canary",
        region="",
        profile="light",
        capabilities=[],
    )
    system = SystemCall(
        activity=ADMIT, role="orchestrate", workflow_type="ExecutePlan", direction="canary"
    )
    return Facts(kind="system", system=system, context=context)


def _too_old(version: str) -> str:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers >= OLDEST:
        return ""
    return f"OPA is {version or 'of no known version'}; {'.'.join(map(str, OLDEST))} is the oldest"


def _verdict(denied: Decision, allowed: Decision) -> str:
    if denied.effect != "deny":
        return f"the policies answer empty facts with {denied.effect}, not with a deny"
    if allowed.effect != "allow":
        return f"the policies answer {ADMIT} with {allowed.effect}, not with an allow"
    return ""
