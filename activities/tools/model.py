"""Tools of kind `model`: one question, asked of endpoints in turn, until an answer fits its schema.

Everything is counted: requests, repairs, tokens, money. What a model says is data: it is parsed,
checked against the schema, and handed on as a value. Which endpoint may be asked the contract says
(`remit.tool.language_model_route`); one that may not, or does not answer, hands over to the next,
and the last of them to the answer that the contract declares, marked `degraded`. An answer that
never fits ends the call for good: asking again under the same key only costs again. An answer that
is kept for whoever asks the same is given out under the conditions of the endpoint that gave it.

The packages that speak to models are loaded where a project has such a tool, or with the first
call; other workers never load them.
"""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import httpx2

from activities.tools.adapter import Adapter
from activities.tools.egress import Reaching, listed_url
from activities.tools.extra import of_extra
from activities.tools.model_kept import Kept
from activities.tools.model_spent import Spent
from activities.tools.outside import Outside
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.canonical import JSON, Digest, JSONObject, NotCanonicalError, canonical, digest
from remit.enforcement.telemetry import MODEL_KEPT, MODEL_SECONDS
from remit.secrets.secrets import Secrets
from remit.tool.address import Address
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.language_model import Endpoint, ModelKind
from remit.tool.language_model_checks import answer_schema
from remit.tool.language_model_route import (
    BOUNDS,
    RULES,
    PassedOver,
    Stake,
    too_dear,
    too_slow,
)
from remit.tool.oauth import SCHEME as OAUTH
from remit.tool.reach import Reach
from remit.tool.template import as_text, fill
from remit.tool.validation import check

if TYPE_CHECKING:
    from activities.tools.model_client import Talk

_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=2.0)
_SHOWN = 5
"""Most findings that are sent back to a model."""


@dataclass(frozen=True)
class Asking:
    """One call, ready to be asked."""

    call: ToolCall
    kind: ModelKind
    question: str
    schema: JSONObject
    secrets: Secrets

    @property
    def stake(self) -> Stake:
        """What of the call decides who may be asked."""
        return Stake(self.call.data_classes, self.call.risk, self.call.providers)

    @property
    def left_s(self) -> float:
        """How long an answer may still take, in seconds."""
        return self.call.deadline - asyncio.get_running_loop().time()

    @cached_property
    def identity(self) -> Digest:
        """Digest of all that makes two questions the same, the prompt's version and schema in it.

        Where agents have credentials of their own, they have answers of their own.
        """
        principal = self.call.principal
        # Whose client of OAuth it is stands elsewhere, so each agent counts as its own.
        is_own = any(
            "{agent}" in endpoint.key or endpoint.key.startswith(f"{OAUTH}:")
            for endpoint in self.kind.endpoints
        )
        return digest(
            {
                "tenant": principal.get("tenant", ""),
                "agent": principal.get("agent", "") if is_own else "",
                "contract": self.call.contract.digest,
                "question": self.question,
            }
        )

    def output(self, answer: JSON, spent: Spent, at: int | None) -> JSONObject:
        """Return the whole output; `at` is the endpoint that answered."""
        kind = self.kind
        endpoint = None if at is None else kind.endpoints[at]
        told: JSONObject = {
            "answer": answer,
            "degraded": endpoint is None,
            "model": endpoint.model if endpoint else None,
            "provider": endpoint.provider if endpoint else None,
            "tier": endpoint.tier if endpoint else None,
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
            "kept": False,
        }
        return {name: told[name] for name in kind.outputs}

    def given_again(self, kept: JSONObject) -> Happened:
        """Return a kept output as that of this call, which took nothing."""
        none = self.output(None, Spent(currency=_currency(kept)), None)
        new = {name: none[name] for name in ("usage", "cost", "tried")}
        return Happened({**kept, **new, "kept": True})


def _currency(output: JSONObject) -> str | None:
    cost = output["cost"]
    currency = cost.get("currency") if isinstance(cost, dict) else None
    return currency if isinstance(currency, str) else None


class ModelTool(Adapter):
    """Asks models; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._transport: httpx2.AsyncBaseTransport | None = None
        self._kept = Kept()

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
        if kind.keep_s is None:
            return await self._ask(asking, talks)
        return await self._ask_once(asking, talks, kind.keep_s)

    async def aclose(self) -> None:
        """Close all connections, and keep nothing."""
        self._kept.clear()
        if self._transport is not None:
            await self._transport.aclose()

    def _client(self) -> "type[Talk]":
        with of_extra("model", "pydantic_ai", "openai"):
            from activities.tools.model_client import Talk
        return Talk

    async def _ask_once(self, asking: Asking, talks: "type[Talk]", keep_s: int) -> ToolAnswer:
        """Return an answer that is kept, or else ask and keep it."""
        asked, ref = asking.identity, asking.call.contract.ref
        await self._kept.settled(asked, asking.call.deadline)
        kept = self._kept.find(asked)
        if kept is not None and not _is_barred(asking, kept):
            MODEL_KEPT.labels(ref, "hit").inc()
            return asking.given_again(kept)
        MODEL_KEPT.labels(ref, "miss").inc()
        with self._kept.asking(asked):
            answer = await self._ask(asking, talks)
            output = answer.output if isinstance(answer, Happened) else None
            if isinstance(output, dict) and not output["degraded"]:
                self._kept.keep(asked, output, keep_s)
            return answer

    async def _ask(self, asking: Asking, talks: "type[Talk]") -> ToolAnswer:
        spent = Spent()
        for at, endpoint in enumerate(asking.kind.endpoints):
            passed = asking.stake.bars(endpoint) or too_slow(endpoint, asking.left_s)
            if passed is not None:
                spent.pass_over(at, endpoint, passed)
                continue
            try:
                talk = await self._talk(asking, endpoint, talks)
            except UNSENT as error:
                refused = unsent(asking.call, error)
                return Unknown(refused.code, refused.message) if spent.may_cost else refused
            ended = await _answered(asking, talk, spent, at)
            if isinstance(ended, PassedOver):
                spent.pass_over(at, endpoint, ended)
                continue
            return ended
        return _nobody(asking, spent)

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


async def _answered(asking: Asking, talk: "Talk", spent: Spent, at: int) -> ToolAnswer | PassedOver:
    """Ask one endpoint until its answer fits, or say why it does not give the answer."""
    endpoint = asking.kind.endpoints[at]
    while True:
        bounds = asking.kind.bounds
        if dear := too_dear(endpoint, bounds, spent.tokens, spent.micros, talk.size):
            return dear
        with MODEL_SECONDS.labels(endpoint.tier or "none").time():
            said = await talk.ask(asking.call.deadline)
        if said.was_sent:
            spent.requests += 1
        if said.away:
            spent.is_open = spent.is_open or said.is_open
            return PassedOver("away", said.away)
        spent.take(endpoint, said)
        if spent.is_beyond(asking.kind):
            return _over_budget(asking, spent, "an answer cost more than was left")
        problem = said.problem or _misfit(asking, said.value)
        if not problem:
            return Happened(asking.secrets.mask_json(asking.output(said.value, spent, at)))
        if spent.repairs >= asking.kind.repairs:
            return _unfit(asking, spent, endpoint, problem)
        spent.repairs += 1
        talk.repair(said, problem)


def _unfit(
    asking: Asking, spent: Spent, endpoint: Endpoint, problem: str
) -> ToolAnswer | PassedOver:
    spent.unfit = asking.secrets.shown(problem)
    if endpoint.tier == "fast":
        return PassedOver("unfit", spent.unfit[:300])
    return _never_fits(asking, spent)


def _never_fits(asking: Asking, spent: Spent) -> Broken:
    ref = asking.call.contract.ref
    message = f"{ref}: no answer fits its schema after {spent.repairs} repairs: {spent.unfit}"
    return Broken("TOOL-MODEL-ANSWER", message, final=True, spent=spent.known_micros)


def _is_barred(asking: Asking, kept: JSONObject) -> bool:
    """Say whether the endpoint that gave a kept answer may not answer this call."""
    at = kept["endpoint"]
    return not isinstance(at, int) or asking.stake.bars(asking.kind.endpoints[at]) is not None


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


def _nobody(asking: Asking, spent: Spent) -> ToolAnswer:
    """Return what a call comes to of which no endpoint gave the answer."""
    ref, reasons = asking.call.contract.ref, spent.reasons
    whys = "; ".join(f"{one['model']}: {one['why']}" for one in spent.tried)[:400]
    if reasons <= RULES:
        return withheld("TOOL-MODEL-ROUTE", f"{ref}: no endpoint may be asked ({whys})")
    if asking.kind.when_away is not None and reasons & {"away", "time", *BOUNDS}:
        return Happened(asking.output(asking.kind.when_away, spent, None))
    if not reasons & {"away", "time"}:
        return _never_fits(asking, spent) if spent.unfit else _over_budget(asking, spent, whys)
    message = f"{ref}: no endpoint answered ({whys})"
    if spent.may_cost:
        return Unknown("TOOL-MODEL-AWAY", message)
    return Refused("TOOL-MODEL-AWAY", message, again=True, is_own="away" not in reasons)
