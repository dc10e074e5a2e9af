"""What one call of a model has taken so far, and why others than the one that answers did not."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remit.canonical import JSONObject
from remit.enforcement.telemetry import MODEL_PASSED_OVER
from remit.tool.language_model import Endpoint, ModelKind
from remit.tool.language_model_route import PassedOver, Reason

if TYPE_CHECKING:
    from activities.tools.model_client import Said


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
    """Endpoints that did not give the answer, as the output tells of them."""
    reasons: set[Reason] = field(default_factory=set)
    """Why they did not."""
    unfit: str = ""
    """What was wrong with the last answer that did not fit, even after its repairs."""

    def pass_over(self, at: int, endpoint: Endpoint, passed: PassedOver) -> None:
        """Note that an endpoint does not give the answer."""
        MODEL_PASSED_OVER.labels(passed.reason).inc()
        self.reasons.add(passed.reason)
        whose: JSONObject = {"provider": endpoint.provider} if endpoint.provider else {}
        told: JSONObject = {"endpoint": at, "model": endpoint.model}
        self.tried.append({**told, **whose, "reason": passed.reason, "why": passed.why})

    def take(self, endpoint: Endpoint, said: "Said") -> None:
        """Count a response."""
        self.input_tokens += said.input_tokens
        self.output_tokens += said.output_tokens
        self.is_priced = self.is_priced and endpoint.price is not None
        if endpoint.price is not None:
            self.micros += endpoint.price.micros(said.input_tokens, said.output_tokens)
            self.currency = endpoint.price.currency

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.input_tokens + self.output_tokens

    @property
    def may_cost(self) -> bool:
        """Whether something was paid, or may have been."""
        return self.is_open or self.micros > 0

    @property
    def known_micros(self) -> int | None:
        """The money, where all of it is known."""
        return self.micros if self.is_priced and not self.is_open else None

    def is_beyond(self, kind: ModelKind) -> bool:
        """Say whether a bound was broken: an endpoint need not keep to what it was told."""
        tokens, micros = kind.bounds.tokens, kind.bounds.micros
        return (tokens is not None and self.tokens > tokens) or (
            micros is not None and self.micros > micros
        )
