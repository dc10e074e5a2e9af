"""Fields that are left out when they say nothing, in what travels with every step.

Whoever reads puts the default in again, also from a history of years ago: the default of such a
field is part of the contract and never changed.
"""

from operator import not_
from typing import Annotated, TypeVar

from pydantic import Field

T = TypeVar("T")


def _is_none(value: object) -> bool:
    return value is None


Filled = Annotated[T, Field(exclude_if=not_)]
"""Left out when empty, zero or false, which must be its default."""
Given = Annotated[T, Field(exclude_if=_is_none)]
"""Left out when `None`, which must be its default."""
