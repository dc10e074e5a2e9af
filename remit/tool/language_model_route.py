"""Which endpoint of a model may be asked a question: the contract's conditions, and nothing else.

Endpoints are gone through in the contract's order, and the first of which all conditions hold is
asked. One that is passed over has a reason, which is recorded. Data of a class reaches no endpoint
that may not see it, whoever else is away: that condition is looked at first, and never waived.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from remit.tool.language_model import Bounds, Endpoint
from remit.tool.risk import Risk, exceeds

Reason = Literal["data", "policy", "risk", "time", "tokens", "money", "away", "unfit"]
"""Why an endpoint did not give the answer: the first three are rules, the next three bounds, and
before the last two it was asked."""
RULES: frozenset[Reason] = frozenset({"data", "policy", "risk"})
BOUNDS: frozenset[Reason] = frozenset({"tokens", "money"})


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Why an endpoint is not the one that answers."""

    reason: Reason
    why: str
    """For people to read."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What of a call decides who may be asked."""

    data_classes: frozenset[str] | None = None
    """Classes of all that the question may hold; `None`: anything may be in it."""
    risk: Risk | None = None
    """As policy judges the call; `None`: it did not."""
    providers: frozenset[str] | None = None
    """Whom policy lets be asked; `None`: whomever the contract names."""

    def bars(self, endpoint: Endpoint) -> PassedOver | None:
        """Say by which rule an endpoint may not be asked, or may not have answered."""
        if self.data_classes is None:
            if endpoint.sees is not None:
                return PassedOver("data", "anything may be in the question")
        elif not is_open_to(endpoint, self.data_classes):
            unseen = ", ".join(sorted(self.data_classes.difference(endpoint.sees or ())))
            return PassedOver("data", f"it may not see data of class {unseen}")
        if self.providers is not None and endpoint.provider not in self.providers:
            return PassedOver("policy", f"policy lets {', '.join(sorted(self.providers))} be asked")
        if endpoint.up_to_risk is None:
            return None
        if self.risk is None:
            return PassedOver("risk", "nobody judged the risk")
        if exceeds(self.risk, endpoint.up_to_risk):
            return PassedOver("risk", f"the risk is {self.risk}")
        return None


def is_open_to(endpoint: Endpoint, data_classes: Collection[str]) -> bool:
    """Say whether an endpoint may see data of all these classes."""
    return endpoint.sees is None or set(data_classes) <= set(endpoint.sees)


def too_slow(endpoint: Endpoint, left_s: float) -> PassedOver | None:
    """Say whether the time that is left is too short to ask an endpoint."""
    if left_s <= 0:
        return PassedOver("time", "no time left")
    if endpoint.expect_s is not None and left_s < endpoint.expect_s:
        return PassedOver("time", f"it takes {endpoint.expect_s} s, and fewer are left")
    return None


def too_dear(
    endpoint: Endpoint, bounds: Bounds, tokens: int, micros: int, size: int
) -> PassedOver | None:
    """Say whether one more request of `size` bytes could go beyond a bound.

    A token has at least a byte, so bytes bound tokens whatever the model's way of cutting.

    Args:
        endpoint: that would be asked.
        bounds: of the whole call.
        tokens: taken so far.
        micros: spent so far.
        size: bytes of all that the request says.
    """
    more = bounds.output_tokens
    if bounds.tokens is not None and tokens + size + more > bounds.tokens:
        return PassedOver("tokens", "one more request could take more tokens than are left")
    if bounds.micros is None:
        return None
    if endpoint.price is None or micros + endpoint.price.micros(size, more) > bounds.micros:
        return PassedOver("money", "one more request could cost more than is left")
    return None
