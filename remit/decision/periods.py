"""Retention periods as policy data states them.

ISO 8601, of years, months, weeks and days. A year counts 366 days, a month 31: never shorter than
the calendar's. Nothing here does I/O.
"""

import re
from typing import Annotated

from pydantic import Field

_DAYS = {"Y": 366, "M": 31, "W": 7, "D": 1}
_PERIOD = r"^P([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?$"
_SHORTEST = 3

Period = Annotated[str, Field(min_length=_SHORTEST, pattern=_PERIOD)]
DataClass = Annotated[str, Field(min_length=1, max_length=40)]
"""A data class of tool contracts, or `default`, or `unclassified`."""


def milliseconds(period: str) -> int:
    """Return a period in milliseconds.

    Raises:
        ValueError: it is none.
    """
    if len(period) < _SHORTEST or not re.match(_PERIOD, period):
        raise ValueError(f"{period!r} is no period of years, months, weeks and days")
    days = sum(int(count) * _DAYS[unit] for count, unit in re.findall(r"([0-9]+)([YMWD])", period))
    return days * 86_400_000
