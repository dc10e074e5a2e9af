"""What is done with one row by its key: it is shown, or taken back by giving it a last status.

Owns the question and the answer of every such operation. What never was is `absent`, where the
caller of an undo accepts that, and what is undone already is left as it is. What stands in the way
of an undo, and what else changes with it, only the decorated function knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ConfigDict, create_model

from .contract import (
    Answer,
    Declaration,
    Ident,
    Missing,
    Operation,
    Operations,
    Question,
    Undone,
    Work,
    summary,
)
from .refusals import Refusal
from .table import Table

M = TypeVar("M", bound=Answer)
Undo = Callable[[Work, M], None]


class _Made(Question):
    """A question that stands in no source, so that its fields' words are not searched for there."""

    model_config = ConfigDict(use_attribute_docstrings=False)


def show(
    operations: Operations, table: Table[M], name: str, path: str, unknown: Refusal, summary: str
) -> None:
    """Declare a GET operation that answers a row; `path` has one field, the row's key."""
    says = Declaration(name, "GET", path, (unknown,))
    (key,) = says.path_fields
    asks = create_model(name, __base__=_Made, **{key: (Ident, ...)})

    def does(work: Work, asked: Any) -> M:
        return table.need(work.db, getattr(asked, key), unknown)

    operations.add(Operation(says, asks, table.model, does, summary))


def undo(
    operations: Operations,
    table: Table[M],
    name: str,
    path: str,
    unknown: Refusal,
    *refuses: Refusal,
    status: str,
    **also: object,
) -> Callable[[Undo[M]], Undo[M]]:
    """Declare a POST operation that takes a row back and may be repeated.

    The decorated function is called for a row that is not undone yet, before it is.

    Args:
        operations: where to.
        table: what it takes back.
        name: of the operation.
        path: with one field, the row's key.
        unknown: what it refuses when there is no such row.
        refuses: what else it refuses.
        status: the row's last.
        also: columns that change with it.
    """
    says = Declaration(name, "POST", path, (unknown, *refuses), writes=True, natural=True)
    (key,) = says.path_fields
    fields: dict[str, Any] = {key: (Ident, ...), "missing": (Missing, "refuse")}
    asks = create_model(name, __base__=_Made, **fields)

    def register(handler: Undo[M]) -> Undo[M]:
        def does(work: Work, asked: Any) -> Undone:
            given = getattr(asked, key)
            row: Any = table.to_undo(work.db, given, asked.missing, unknown)
            if row is None or row.status == status:
                return Undone(id=given, status=row.status if row else "absent", changed=False)
            handler(work, row)
            table.change(work.db, row, status=status, **also)
            return Undone(id=given, status=status, changed=True)

        operations.add(Operation(says, asks, Undone, does, summary(handler)))
        return handler

    return register
