"""What a database must do with statements that are ready to run; `sqlite` and `postgresql` do it.

The unit of cost differs: on SQLite a statement, on PostgreSQL a round trip. So whoever speaks to a
database says what it needs an answer to, and leaves to the line when the rest is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from remit.stores.statements import Given, Prepared, Row, Value

Question = tuple[Prepared, Mapping[str, Given]]


class Line(Protocol):
    """One connection, inside a transaction or between two."""

    def send(self, text: str) -> None:
        """Run a statement that nobody waits for: at the latest with the next that is waited for."""

    def put(self, prepared: Prepared, rows: Sequence[Mapping[str, Value]]) -> None:
        """Write rows by one statement; sent like `send`."""

    def ask(self, questions: Sequence[Question]) -> Sequence[Sequence[Row]]:
        """Return the rows of each question, in one round trip."""

    def run(self, prepared: Prepared, values: Mapping[str, Value]) -> int:
        """Run a statement; return how many rows it met."""

    def settle(self) -> None:
        """Wait for whatever was sent."""
