"""Tools of kind `model`: one question, asked of endpoints in turn, until an answer fits its schema.

Everything is counted: requests, repairs, tokens, money. What a model says is data: it is parsed,
checked against the schema, and handed on as a value. An endpoint that does not answer hands over
to the next, and the last of them to the answer that the contract declares, marked `degraded`. An
answer that never fits ends the call for good: asking again under the same key only costs again.

The packages that speak to models are loaded where a project has such a tool, or with the first
call; other workers never load them.
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from activities.tools.adapter import Adapter
from activities.tools.egress import Reaching, listed_url
from activities.tools.extra import of_extra
from activities.tools.outside import Outside
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.canonical import JSON, JSONObject, NotCanonicalError, canonical
from remit.secrets.secrets import Secrets
from remit.tool.address import Address
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.language_model import Endpoint, ModelKind
from remit.tool.language_model_checks import answer_schema
from remit.tool.reach import Reach
from remit.tool.template import as_text, fill
from remit.tool.validation import check

if TYPE_CHECKING:
    from activities.tools.model_client import Said, Talk

_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=2.0)
_SHOWN = 5
"""Most findings that are sent back to a model."""


@dataclass(slots=True)
class Spent:
    """What one call has taken so far."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    repairs: int = 0
    micros: int = 0
    is_priced: bool = True
    """Whether `micros` is all of it."""
    is_open: bool = False
    """Whether a request was sent of which nobody knows what became."""
    currency: str | None = None
    tried: list[JSONObject] = field(default_factory=list)

    def away(self, at: int, endpoint: Endpoint, why: str) -> None:
        """Note that an endpoint did not answer."""
        self.tried.append({"endpoint": at, "model": endpoint.model, "why": why})

    def take(self, endpoint: Endpoint, said: "Said") -> None:
        """Count a response."""
        self.input_tokens += said.input_tokens
        self.output_tokens += said.output_tokens
        self.is_priced = self.is_priced and endpoint.price is not None
        if endpoint.price is not None:
            self.micros += endpoint.price.micros(said.input_tokens, said.output_tokens)
            self.currency = endpoint.price.currency

    @property
    def may_cost(self) -> bool:
        """Whether something was paid, or may have been."""
        return self.is_open or self.micros > 0

    @property
    def known_micros(self) -> int | None:
        """The money, where all of it is known."""
        return self.micros if self.is_priced and not self.is_open else None


@dataclass(frozen=True, slots=True)
class Asking:
    """One call, ready to be asked."""

    call: ToolCall
    kind: ModelKind
    question: str
    schema: JSONObject
    secrets: Secrets

    def exceeds(self, spent: Spent, endpoint: Endpoint, size: int) -> bool:
        """Say whether one more request of `size` bytes could go beyond a bound.

        A token has at least a byte, so bytes bound tokens whatever the model's way of cutting.
        """
        bounds, more = self.kind.bounds, self.kind.bounds.output_tokens
        taken = spent.input_tokens + spent.output_tokens
        if bounds.tokens is not None and taken + size + more > bounds.tokens:
            return True
        if bounds.micros is None:
            return False
        return endpoint.price is None or (
            spent.micros + endpoint.price.micros(size, more) > bounds.micros
        )

    def is_beyond(self, spent: Spent) -> bool:
        """Say whether a bound was broken: an endpoint need not keep to what it was told."""
        bounds = self.kind.bounds
        taken = spent.input_tokens + spent.output_tokens
        return (bounds.tokens is not None and taken > bounds.tokens) or (
            bounds.micros is not None and spent.micros > bounds.micros
        )

    def output(self, answer: JSON, spent: Spent, at: int | None) -> JSONObject:
        """Return the whole output; `at` is the endpoint that answered."""
        kind = self.kind
        return {
            "answer": answer,
            "degraded": at is None,
            "model": None if at is None else kind.endpoints[at].model,
            "endpoint": at,
            "prompt": {"version": kind.prompt.version, "digest": kind.prompt.digest},
            "settings": {"temperature": kind.temperature, "seed": kind.seed},
            "usage": {
                "input_tokens": spent.input_tokens,
                "output_tokens": spent.output_tokens,
                "requests": spent.requests,
                "repairs": spent.repairs,
            },
            "cost": {"micros": spent.known_micros, "currency": spent.currency},
            "tried": [*spent.tried],
        }


class ModelTool(Adapter):
    """Asks models; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._transport: httpx2.AsyncBaseTransport | None = None

    def load(self) -> None:
        """Load the packages that speak to models: that may take seconds.

        Raises:
            ExtraError: they are not here.
        """
        self._client()

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Ask what the contract asks."""
        kind, ref = call.contract.call, call.contract.ref
        if not isinstance(kind, ModelKind):
            raise TypeError(f"{ref} is not of kind model")
        if late := too_late(call):
            return late
        try:
            talks = await asyncio.to_thread(self._client)
            question = as_text(fill(kind.prompt.template, {"args": call.arguments}))
        except UNSENT as error:
            return unsent(call, error)
        schema = answer_schema(call.contract)
        asking = Asking(call, kind, question, schema, self._outside.secrets(call))
        return await self._ask(asking, talks)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            await self._transport.aclose()

    def _client(self) -> "type[Talk]":
        with of_extra("model", "pydantic_ai", "openai"):
            from activities.tools.model_client import Talk
        return Talk

    async def _ask(self, asking: Asking, talks: "type[Talk]") -> ToolAnswer:
        spent, now = Spent(), asyncio.get_running_loop().time
        for at, endpoint in enumerate(asking.kind.endpoints):
            if now() >= asking.call.deadline:
                spent.away(at, endpoint, "no time left")
                continue
            try:
                talk = await self._talk(asking, endpoint, talks)
            except UNSENT as error:
                refused = unsent(asking.call, error)
                return Unknown(refused.code, refused.message) if spent.may_cost else refused
            ended = await _answered(asking, talk, spent, at)
            if ended is not None:
                return ended
        return _all_away(asking, spent)

    async def _talk(self, asking: Asking, endpoint: Endpoint, talks: "type[Talk]") -> "Talk":
        """Return a conversation with an endpoint, begun; nothing is sent yet."""
        await asking.secrets.read([endpoint.key], asking.call.deadline)
        key = asking.secrets.resolve(endpoint.key) if endpoint.key else ""
        reach = Reach.of(asking.call.contract)
        address = Address.parse(endpoint.url).fill({}, self._outside.environ)
        url = str(listed_url(address, reach))
        if self._transport is None:
            self._transport = self._outside.transport(_LIMITS)
        way = Reaching(self._transport, reach)
        talk = talks(asking.kind, endpoint, url, key, asking.schema, way)
        talk.begin(asking.question)
        return talk


async def _answered(asking: Asking, talk: "Talk", spent: Spent, at: int) -> ToolAnswer | None:
    """Ask one endpoint until its answer fits; `None` when it does not answer."""
    endpoint, ref = asking.kind.endpoints[at], asking.call.contract.ref
    while True:
        if asking.exceeds(spent, endpoint, talk.size):
            return _over_budget(asking, spent, "one more request could cost more than is left")
        said = await talk.ask(asking.call.deadline)
        if said.was_sent:
            spent.requests += 1
        if said.away:
            spent.is_open = spent.is_open or said.is_open
            spent.away(at, endpoint, said.away)
            return None
        spent.take(endpoint, said)
        if asking.is_beyond(spent):
            return _over_budget(asking, spent, "an answer cost more than was left")
        problem = said.problem or _misfit(asking, said.value)
        if not problem:
            return Happened(asking.secrets.mask_json(asking.output(said.value, spent, at)))
        if spent.repairs >= asking.kind.repairs:
            why = asking.secrets.shown(problem)
            message = f"{ref}: no answer fits its schema after {spent.repairs} repairs: {why}"
            return Broken("TOOL-MODEL-ANSWER", message, final=True, spent=spent.known_micros)
        spent.repairs += 1
        talk.repair(said, problem)


def _misfit(asking: Asking, value: JSON) -> str:
    """Say what keeps an answer from its schema; findings never repeat the value."""
    try:
        canonical(value)
    except (NotCanonicalError, UnicodeEncodeError) as error:
        return f"it cannot be written as JSON: {error}"[:300]
    found = check(asking.schema, value, "TOOL-MODEL-ANSWER")[:_SHOWN]
    return "; ".join(f"at {one.path or '/'}: {one.message}" for one in found)


def _over_budget(asking: Asking, spent: Spent, why: str) -> ToolAnswer:
    message = f"{asking.call.contract.ref}: {why}, after {spent.requests} requests"
    if not spent.requests:
        return withheld("TOOL-MODEL-BUDGET", message)
    return Broken("TOOL-MODEL-BUDGET", message, final=True, spent=spent.known_micros)


def _all_away(asking: Asking, spent: Spent) -> ToolAnswer:
    if asking.kind.when_away is not None:
        return Happened(asking.output(asking.kind.when_away, spent, None))
    ref = asking.call.contract.ref
    whys = [str(one["why"]) for one in spent.tried]
    message = f"{ref}: no endpoint answered ({'; '.join(whys)})"[:500]
    if spent.may_cost:
        return Unknown("TOOL-MODEL-AWAY", message)
    return Refused("TOOL-MODEL-AWAY", message, again=True)
