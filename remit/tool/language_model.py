"""Tools of kind `model`: one question to a language model, and an answer of a stated schema.

The prompt is part of the contract, so that its digest pins it. The answer stands in the output
under `answer`, beside what was spent for it; nothing in it is ever read as an instruction to Remit.
"""

from typing import Annotated, Literal

from pydantic import Field

from remit.canonical import JSON, Digest, digest
from remit.tool.model import Model
from remit.tool.risk import Risk

ANSWER = "answer"
"""Member of the output that holds what the model said."""
OUTPUTS = (
    ANSWER, "degraded", "model", "endpoint", "prompt", "settings", "usage", "cost", "tried",
)  # fmt: skip
"""Everything that an output holds, whatever the contract says; see `ModelKind.outputs`."""


class Prompt(Model):
    """What is asked; only the arguments differ between calls."""

    version: Annotated[int, Field(ge=1)]
    """Counted up by its author; recorded with every answer, beside the digest."""
    system: Annotated[str, Field(max_length=20_000)] = ""
    """Instructions; holds no reference, so that no argument can pass for one."""
    template: Annotated[str, Field(min_length=1, max_length=20_000)]
    """The question, with `${args...}`."""

    @property
    def digest(self) -> Digest:
        """Digest of version, instructions and question."""
        return digest(self.model_dump(mode="json"))


class Price(Model):
    """What tokens cost, in micros of the currency for a million of them."""

    input: Annotated[int, Field(ge=0, le=10**12)]
    output: Annotated[int, Field(ge=0, le=10**12)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def micros(self, input_tokens: int, output_tokens: int) -> int:
        """Return the price of a request, rounded up."""
        return -(-(input_tokens * self.input + output_tokens * self.output) // 1_000_000)


Sees = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=32)]
"""Names of data classes."""


class Endpoint(Model):
    """One OpenAI-compatible endpoint."""

    url: Annotated[str, Field(min_length=1, max_length=500)]
    """Base URL up to and with `/v1`; `${env:NAME}` may stand in it."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    key: Annotated[str, Field(max_length=300)] = ""
    """Reference to the secret, e.g. `env:MODEL_KEY`; without one no key is sent."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    """How long one request to it may take, in seconds."""
    price: Price | None = None
    provider: Annotated[str, Field(max_length=100)] = Field(
        default="", exclude_if=lambda value: not value
    )
    """Whose it is, for whoever reads what was asked of whom. This and the next are left out while
    they say nothing, so that a contract keeps its digest."""
    tier: Literal["fast", "deliberate"] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """Recorded and measured by. An answer of a `fast` endpoint that never fits its schema ends the
    call only when none after it may be asked."""
    sees: Sees | None = Field(default=None, exclude_if=lambda value: value is None)
    """Data classes that it may be told; without it all. What the detector finds, here or before,
    counts as the data class that it belongs to: `pii`, `secret`, `confidential`."""
    up_to_risk: Risk | None = Field(default=None, exclude_if=lambda value: value is None)
    """The highest risk, as policy judges the call, at which it may answer; without it any."""
    expect_s: Annotated[float, Field(gt=0, le=600)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """How long an answer of it takes, in seconds: with less time left it is not asked."""


class Bounds(Model):
    """The most that one call may take; every try counts."""

    output_tokens: Annotated[int, Field(ge=1, le=200_000)] = 1000
    """Most tokens of one answer."""
    tokens: Annotated[int, Field(ge=1, le=5_000_000)] | None = None
    """Most tokens of all requests of a call together."""
    micros: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """Most money; every endpoint then has a price, in the currency of `cost.estimate`."""


class ModelKind(Model):
    """A question to a model."""

    kind: Literal["model"] = "model"
    prompt: Prompt
    endpoints: Annotated[list[Endpoint], Field(min_length=1, max_length=5)]
    """The first that may be asked is asked, then the next, until one answers."""
    bounds: Bounds = Bounds()
    temperature: Annotated[float, Field(ge=0, le=2)] = 0
    seed: int | None = None
    repairs: Annotated[int, Field(ge=0, le=5)] = 1
    """How often an answer that does not fit its schema is sent back with what is wrong."""
    structure: Literal["tool", "native"] = "tool"
    """How the schema is told: as a tool that must be called, or as the response's format."""
    when_away: JSON = None
    """The answer when no endpoint answers, or money and tokens suffice for none, marked `degraded`;
    without it the call fails."""
    max_bytes: Annotated[int, Field(ge=1, le=16 * 1024 * 1024)] = 256 * 1024
    """Largest response that is read."""
    keep_s: Annotated[int, Field(ge=1, le=86400)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """How long a worker keeps an answer, in its memory, for whoever of the same tenant asks the
    same; without it no answer is kept. Left out while it says nothing, as above."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything that an output of this question holds."""
        told = {
            "provider": any(one.provider for one in self.endpoints),
            "tier": any(one.tier for one in self.endpoints),
            "kept": self.keep_s is not None,
        }
        return (*OUTPUTS, *(name for name, is_told in told.items() if is_told))
