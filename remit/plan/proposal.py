"""A proposal: what is asked of planners, and what travels between `ProposePlan` and its activity.

The wire types follow the rules of `remit.plan.wire`. Plans that were proposed do not travel: they
stand in the ledger, by digest, until one is good.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from remit.canonical import JSON, Digest, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.plan.contract import Model as Contract
from remit.plan.contract import Party
from remit.plan.wire import Model

MAX_REQUEST_BYTES = 64 * 1024
MOST_ROUNDS = 10
LONGEST_ANSWER_S = 600.0
"""Longest that a planner may take for one answer, in seconds."""
_MOST_SHOWN = 300


class Request(Contract):
    """What somebody wants a plan for."""

    goal: Annotated[str, Field(min_length=1, max_length=1000)]
    agent: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")]
    on_behalf_of: Party
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    owner: Party
    inputs: JSONObject = {}
    """Values that the plan is given; a planner may add others."""
    constraints: JSONObject = {}
    """Bounds that the plan must state; a planner may add others."""
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] | None = None
    """How often the planner is asked at most; no more often than the project says."""


class Propose(Model):
    """Input of `remit.propose_plan`: what was given to `ProposePlan`, untouched."""

    root: str
    document: JSON
    size: int
    """Bytes of the document as it arrived."""
    round: int
    submission: JSON = None
    """What came beside the document: `{"token": …}`, the proof of who asks."""


class Proposed(Model):
    """What came of one round."""

    status: Literal["proposed", "unfit"]
    """Whether the plan would be admitted."""
    round: int
    rounds: int
    """How often the planner may be asked at most."""
    more: bool
    """Whether it is to be asked again."""
    pause_s: float = 0
    """How long to wait before: a planner that failed is not asked again at once."""
    agent: str
    on_behalf_of: str
    tenant: str
    owner: str
    name: str = ""
    version: str = ""
    digest: Digest = ""
    """Of the plan's canonical JSON."""
    compiled: Digest = ""
    verdict: str = ""
    """Of the dry run: `would_run`, `would_wait` for people, or `would_be_refused`."""
    revision: str = ""
    """Of the policies that were asked."""
    plan: JSONObject | None = None
    """The plan, once it is good."""
    diagnostics: list[JSONObject] = []
    """What is wrong with it, bounded."""
    total: int = 0
    """How many findings there are."""
    spent_micros: int = 0
    """What all answers cost so far."""
    currency: str = ""


def read_request(document: JSON, size: int) -> Request:
    """Return what is asked for.

    Raises:
        InvalidDocumentError: `PROPOSAL-REQUEST`, every finding.
    """
    if size > MAX_REQUEST_BYTES:
        raise InvalidDocumentError([_finding("", f"{size} bytes; at most {MAX_REQUEST_BYTES}")])
    if not isinstance(document, dict):
        raise InvalidDocumentError([_finding("", "a request is a JSON object")])
    try:
        return Request.model_validate(document, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        found = [_finding(pointer(*fault["loc"]), fault["msg"]) for fault in faults]
        raise InvalidDocumentError(found) from error


def _finding(path: str, message: str) -> Diagnostic:
    known = ", ".join(Request.model_fields)
    hint = f'a request is {{"goal", "agent", …}}; known: {known}'
    return Diagnostic(code="PROPOSAL-REQUEST", path=path, message=message[:_MOST_SHOWN], hint=hint)


def mandated(document: Mapping[str, JSON], request: Request) -> tuple[JSONObject, list[Diagnostic]]:
    """Return a plan with what the request settles filled in, and where it says otherwise.

    Who acts for whom and what for is not a planner's to write: a model that wrote it could be
    talked into writing somebody else.
    """
    settled = request.model_dump(mode="json", include={*_HEAD})
    filled: JSONObject = {**settled, **document}
    found = [
        _otherwise((name,), filled[name], value)
        for name, value in settled.items()
        if filled[name] != value
    ]
    for name, given in (("inputs", request.inputs), ("constraints", request.constraints)):
        own = document.get(name, {})
        if given and isinstance(own, dict):
            filled[name] = {**given, **own}
            found += _changed(name, given, own)
    return filled, found


_HEAD = ("goal", "agent", "on_behalf_of", "tenant", "owner")


def _changed(name: str, given: JSONObject, own: JSONObject) -> Iterator[Diagnostic]:
    for key, value in given.items():
        if key in own and own[key] != value:
            yield _otherwise((name, key), own[key], value)


def _otherwise(place: tuple[str, ...], found: JSON, settled: JSON) -> Diagnostic:
    return Diagnostic(
        code="PROPOSAL-MANDATE",
        path=pointer(*place),
        message=f"`{'.'.join(place)}` was settled by whoever asked for the plan"[:_MOST_SHOWN],
        hint="write what the request says, or leave it out",
        found=found[:_MOST_SHOWN] if isinstance(found, str) else "",
        expected={"const": settled},
    )
