"""The one module that talks to OPA: facts in, a checked decision out.

One request per decision, over a Unix socket, with an absolute deadline, no retry, no redirect, no
proxy and a bounded answer; Temporal owns the retries. No answer is kept: each call is decided anew.
What an answer is worth is told by `remit.enforcement.answer`; why no OPA library stands here, by
`docs/decisions/0010`.

Open one client per worker process, in the event loop that uses it.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from remit.canonical import JSONObject, NotCanonicalError, canonical, digest_bytes
from remit.decision.decision import Decided, Decision
from remit.decision.facts import Context, Facts, SystemCall
from remit.enforcement.answer import (
    PolicyInvalidError,
    PolicyUnavailableError,
    parse,
)
from remit.enforcement.exchange import Exchange, Reply, TooLargeError
from remit.plan.wire import ADMIT

__all__ = ["OpaClient", "PolicyInvalidError", "PolicyUnavailableError", "facts_document"]

DEADLINE_S = 1.0
"""How long a decision may take before it counts as none."""
MAX_ANSWER_BYTES = 256 * 1024
_DECIDE = "/v1/data/remit/main/decision?provenance=true&strict-builtin-errors=true"
_HEALTH = "/health?bundles"


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
        own = {"Host": "opa", "Content-Type": "application/json"}
        self._headers = _headers(own | ({"Authorization": f"Bearer {token}"} if token else {}))
        self._socket = socket
        self._deadline_s = deadline_s
        self._pool = pool
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Make ready to ask; needed once, in the event loop that will ask."""
        self._exchange = Exchange(self._socket, connections=self._pool, max_bytes=MAX_ANSWER_BYTES)

    async def close(self) -> None:
        """Close them."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None

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
        begun = time.perf_counter()
        document = facts_document(facts)
        reply = await self._ask(b'{"input":' + document + b"}", headers)
        expected = facts.action.proposed_digest if facts.action else None
        answer = parse(reply.status, reply.body, expected)
        return Decided.model_construct(
            decision=answer.decision,
            decision_id=answer.decision_id or str(uuid.uuid4()),
            revision=answer.decision.policy_revision,
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
            health = await self._send("GET", _HEALTH)
            if health.status != 200:
                return f"no policy bundle is active (health answers {health.status})"
            reply = await self._ask(b'{"input":{}}', None)
            denied = parse(reply.status, reply.body, None).decision
            allowed = (await self.decide(_known_allow())).decision
        except (PolicyUnavailableError, PolicyInvalidError) as error:
            return f"{error.code}: {error}"
        return _verdict(denied, allowed)

    async def _ask(self, body: bytes, headers: Mapping[str, str] | None) -> Reply:
        """Ask for one decision."""
        return await self._send("POST", _DECIDE, body, _headers(headers) if headers else b"")

    async def _send(self, method: str, path: str, body: bytes = b"", further: bytes = b"") -> Reply:
        """Send one request and return the whole answer, within the deadline."""
        if self._exchange is None:
            raise PolicyUnavailableError("host:opa_unavailable", "the client is not open")
        line = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._exchange.ask(
                    b"".join((line, self._headers, further, b"\r\n", body))
                )
        except TimeoutError as error:
            raise PolicyUnavailableError(
                "host:deadline", f"OPA did not answer within {self._deadline_s} s"
            ) from error
        except TooLargeError as error:
            raise PolicyInvalidError("host:answer_too_large", f"OPA's answer: {error}") from error
        except OSError as error:
            raise PolicyUnavailableError(
                "host:opa_unavailable", f"OPA cannot be reached: {type(error).__name__}"
            ) from error


def _headers(named: Mapping[str, str]) -> bytes:
    """Return headers as they are sent; `ValueError` for one that would begin another."""
    lines = [f"{name}: {value}" for name, value in named.items()]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError(f"headers of one line each are sent, not all of {sorted(named)}")
    return "".join(f"{line}\r\n" for line in lines).encode()


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
        now_ms=now, scheduled_ms=now, environment="canary", profile="light", capabilities=[]
    )
    system = SystemCall(
        activity=ADMIT, role="orchestrate", workflow_type="ExecutePlan", direction="canary"
    )
    return Facts(kind="system", system=system, context=context)


def _verdict(denied: Decision, allowed: Decision) -> str:
    if denied.effect != "deny":
        return f"the policies answer empty facts with {denied.effect}, not with a deny"
    if allowed.effect != "allow":
        return f"the policies answer {ADMIT} with {allowed.effect}, not with an allow"
    return ""
