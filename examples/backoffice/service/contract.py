"""How an operation is declared: one declaration gives the route, the OpenAPI entry and the checks.

Owns the words of the service (operation, question, answer, effect). Must never know a
concrete operation, HTTP or the event loop: an operation is a plain function of one open
transaction and one validated question.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from .refusals import Refusal, RefusedError

MAX_MICROS = 2**53 - 1
"""The largest amount that every JSON reader keeps exactly."""

Micros = Annotated[int, Field(ge=0, le=MAX_MICROS, description="Millionths of the currency unit.")]
Amount = Annotated[int, Field(gt=0, le=MAX_MICROS, description="Millionths of the currency unit.")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
Ident = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Word = Annotated[
    str, Field(pattern=r"^[^|\x00-\x1f\x7f]{1,200}$", description="One line; `|` is not allowed.")
]
EMAIL = r"^[^@|\s]{1,64}@[^@|\s]{1,190}$"
Email = Annotated[str, Field(pattern=EMAIL)]
Missing = Annotated[
    Literal["refuse", "ok"],
    Field(description="What to answer when the thing to undo never was: 404, or `absent`."),
]
Direction = Literal["do", "undo"]
Shown = dict[str, object]
"""Parts of the canonical state, ready for JSON."""
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Question(BaseModel):
    """What an operation asks for: path, query and body fields in one closed, strict model."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class Answer(BaseModel):
    """What an operation answers; also the row it keeps, where they are the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Undone(Answer):
    """What every undo answers."""

    id: str
    status: str
    """The state the thing is in now; `absent` when it never was (asked with `missing: ok`)."""
    changed: bool
    """False when there was nothing left to undo: the call had no effect."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of the business world, named by what it means and not by its request."""

    kind: str
    identity: str
    """The parts of the business identity, joined by `|`."""
    direction: Direction


@dataclass(slots=True)
class Work:
    """One operation at work: its open transaction, the moment, and the effects it has had."""

    db: sqlite3.Connection
    now: str
    """RFC 3339, UTC."""
    effects: list[Effect] = field(default_factory=list)

    def effect(self, kind: str, *identity: str, direction: Direction = "do") -> None:
        """Note an effect; the journal keeps it if, and only if, the transaction commits."""
        self.effects.append(Effect(kind, "|".join(identity), direction))


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is said about an operation before anybody calls it."""

    name: str
    """`area.verb_noun`; also the operation id and what a fault is armed on."""
    method: Method
    path: str
    refuses: tuple[Refusal, ...] = ()
    created: bool = False
    """Answers 201 in place of 200."""
    writes: bool = False
    """Takes an Idempotency-Key; a repeated key gets the first answer and has no effect."""
    natural: bool = False
    """Repeating it has no second effect even without a key."""
    irreversible: bool = False
    undo: str | None = None
    """The operation that takes this one back."""
    remit: Mapping[str, JsonValue] = field(default_factory=dict)
    """What Remit is told about it (`x-remit-…`) beyond what follows from the rest."""

    @property
    def path_fields(self) -> tuple[str, ...]:
        """Names of the fields that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def has_body(self) -> bool:
        """Whether fields outside the path come as a JSON body; otherwise they are the query."""
        return self.method in ("POST", "PUT", "PATCH")

    @property
    def success(self) -> int:
        """The HTTP status of the answer."""
        return 201 if self.created else 200


@dataclass(frozen=True, slots=True)
class Operation:
    """A declaration bound to the function that does it."""

    says: Declaration
    asks: type[Question]
    answers: type[BaseModel]
    does: Callable[[Work, Any], BaseModel]
    summary: str

    def perform(self, work: Work, question: Question) -> BaseModel:
        """Do it.

        A refusal that was not declared is not passed on: the OpenAPI document lists the declared
        ones, and it must be true.

        Raises:
            RefusedError: for a reason of the business.
        """
        try:
            return self.does(work, question)
        except RefusedError as refused:
            if refused.refusal not in self.says.refuses:
                code = refused.refusal.code
                raise RuntimeError(f"{self.says.name}: undeclared {code}") from refused
            raise


Q = TypeVar("Q", bound=Question)
A = TypeVar("A", bound=BaseModel)


def summary(handler: Callable[..., object]) -> str:
    """First line of a handler's docstring, for the OpenAPI document."""
    return (handler.__doc__ or "").partition("\n")[0].rstrip(".")


class Operations:
    """The operations of one module, in the order in which they are declared."""

    def __init__(self) -> None:
        self._bound: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._bound)

    def add(self, operation: Operation) -> None:
        """Add an operation."""
        self._bound.append(operation)

    def declare(
        self, says: Declaration
    ) -> Callable[[Callable[[Work, Q], A]], Callable[[Work, Q], A]]:
        """Declare the decorated function `(work, asked) -> answer` as an operation.

        Its annotations are the contract.
        """

        def register(handler: Callable[[Work, Q], A]) -> Callable[[Work, Q], A]:
            hints = get_type_hints(handler)
            self.add(Operation(says, hints["asked"], hints["return"], handler, summary(handler)))
            return handler

        return register

    def read(
        self, name: str, path: str, *refuses: Refusal
    ) -> Callable[[Callable[[Work, Q], A]], Callable[[Work, Q], A]]:
        """Declare a GET operation, which has no effect."""
        return self.declare(Declaration(name, "GET", path, refuses))

    def write(
        self,
        name: str,
        path: str,
        *refuses: Refusal,
        undo: str | None = None,
        remit: Mapping[str, JsonValue] | None = None,
    ) -> Callable[[Callable[[Work, Q], A]], Callable[[Work, Q], A]]:
        """Declare a POST operation that makes something new, and what takes it back."""
        told = remit or {}
        return self.declare(
            Declaration(
                name, "POST", path, refuses, created=True, writes=True, undo=undo, remit=told
            )
        )
