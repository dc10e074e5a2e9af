"""One open transaction: what is asked, what is to be written, and what is known already.

A group of writes shares it. Writes are kept until somebody asks about their tables, or the group
ends; then each table's rows go out by one statement. A write that is refused has sent nothing, so
it is forgotten without a savepoint, unless it had to ask about what it wrote itself.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.sql import Executable

from remit.stores.inserting import Way, add, change, insert_new, keys_of, remove, upsert
from remit.stores.line import Line
from remit.stores.schema import metadata
from remit.stores.statements import Given, Prepared, Row, Statements, Value
from remit.stores.vault import Vault

Values = Mapping[str, Value]
Question = tuple[Executable, Mapping[str, Given]]
_ORDER = {table.name: at for at, table in enumerate(metadata.sorted_tables)}
"""Position of each table behind those that it refers to."""
_KEYS = {table.name: tuple(keys_of(table)) for table in metadata.sorted_tables}


class Kept:
    """Rows to be written, in layers: none of a table's layer has a key twice."""

    def __init__(self) -> None:
        self._layers: dict[str, list[dict[tuple[Value, ...], tuple[Way, Values]]]] = {}
        self._tables: dict[str, Table] = {}

    def __bool__(self) -> bool:
        return bool(self._layers)

    def touches(self, tables: frozenset[str]) -> bool:
        """Whether rows of one of these tables are kept."""
        return not tables.isdisjoint(self._layers)

    def add(self, way: Way, table: Table, values: Values) -> None:
        """Keep a row; what it makes superfluous is dropped."""
        layers = self._layers.setdefault(table.name, [{}])
        self._tables[table.name] = table
        key = tuple([values[name] for name in _KEYS[table.name]])
        before = layers[-1].get(key)
        after = (way, values) if before is None else _merged(before, way, values, table)
        if after is None:
            layers.append({})
            after = (way, values)
        layers[-1][key] = after

    def send(self, line: Line, statements: Statements) -> None:
        """Write all rows, keys in order: two transactions never wait for each other in a ring."""
        sending, self._layers = self._layers, {}
        for name in sorted(sending, key=_ORDER.__getitem__):
            table = self._tables[name]
            for layer in sending[name]:
                alike: dict[tuple[Any, ...], list[Values]] = {}
                for key in sorted(layer):
                    way, values = layer[key]
                    alike.setdefault((way, *values), []).append(values)
                for (way, *columns), rows in alike.items():
                    line.put(statements.prepare_rows(way, table, columns), rows)


def _merged(
    before: tuple[Way, Values], way: Way, values: Values, table: Table
) -> tuple[Way, Values] | None:
    """Return the one row that two amount to; `None` when both must be written."""
    first, old = before
    if first is remove or way is insert_new:
        return None
    if way is add:
        return (way, _sum(old, values, _KEYS[table.name])) if first is add else None
    if way in (remove, upsert):
        return (way, values) if first is not insert_new or way is remove else (first, values)
    if way is change and first in (insert_new, upsert, change):
        return first, {**old, **values}
    return before if first is way else None


def _sum(old: Values, new: Values, keys: Sequence[str]) -> Values:
    numbers = {name: int(str(old[name])) + int(str(new[name])) for name in new if name not in keys}
    return {**new, **numbers}


class Transaction:
    """What the writes of one group share; a read has one of its own."""

    __slots__ = (
        "_expected",
        "_kept",
        "_known",
        "_line",
        "_new",
        "_news",
        "_sent",
        "_statements",
        "lock_rows",
        "now_ms",
    )

    def __init__(self, line: Line, statements: Statements, now_ms: int, *, lock_rows: bool) -> None:
        self._line = line
        self._statements = statements
        self._kept = Kept()
        self._expected: dict[Hashable, Sequence[Row]] = {}
        self._known: dict[Hashable, Any] = {}
        self._new: list[tuple[Way, Table, Values]] = []
        self._news: dict[Hashable, Any] = {}
        self._sent = False
        self.lock_rows = lock_rows
        """Whether it is not alone, so that rows must be locked."""
        self.now_ms = now_ms
        """Milliseconds of Unix time, the same throughout one request."""

    @property
    def vault(self) -> Vault:
        """What contents are encrypted with."""
        return self._statements.vault

    # asking

    def ask(self, *questions: Question) -> Sequence[Sequence[Row]]:
        """Return the rows of several queries; they cost no more than one."""
        if self._expected:
            answers = [self._expected.get(_named(*one)) for one in questions]
            known = [answer for answer in answers if answer is not None]
            if len(known) == len(questions):
                return known
        asked = [(self._statements.prepare(one), values) for one, values in questions]
        for prepared, _ in asked:
            self._show(prepared)
        return self._line.ask(asked)

    def expect(self, *questions: Question) -> None:
        """Ask now, in one round trip, what a read is about to ask question by question."""
        for one, answer in zip(questions, self.ask(*questions), strict=True):
            self._expected[_named(*one)] = answer

    def first(self, *questions: Question) -> Sequence[Row]:
        """Return the rows of the last query: about rows of which nothing is known yet.

        Whoever writes such rows notes them, so what this transaction wrote cannot be missed and
        need not be sent before.
        """
        if self._expected:
            return self.ask(*questions)[-1]
        asked = [(self._statements.prepare(one), values) for one, values in questions]
        return self._line.ask(asked)[-1]

    def all(self, statement: Executable, **values: Value) -> Sequence[Row]:
        """Return the rows of a query."""
        return self.ask((statement, values))[0]

    def one(self, statement: Executable, **values: Value) -> Row | None:
        """Return the first row of a query."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def _show(self, prepared: Prepared) -> None:
        """Send what is kept when the statement could miss it."""
        if self._kept.touches(prepared.tables) or any(
            table.name in prepared.tables for _, table, _ in self._new
        ):
            self.send()

    # writing

    def insert(self, way: Way, table: Table, values: Values) -> None:
        """Write a row, as `way` says about one that stands already."""
        self._new.append((way, table, values))

    def change(self, table: Table, values: Values) -> None:
        """Change a row; `values` has its whole primary key and what is new."""
        self._new.append((change, table, values))

    def remove(self, table: Table, key: Values) -> None:
        """Take a row away by its primary key."""
        self._new.append((remove, table, key))

    def insert_all(
        self, way: Way, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """Insert many rows, each a value per name of `columns`."""
        self._new += [(way, table, dict(zip(columns, row, strict=True))) for row in rows]

    def run(self, statement: Executable, **values: Value) -> int:
        """Run an update or a deletion now; return how many rows it met."""
        prepared = self._statements.prepare(statement)
        self._show(prepared)
        self._sent = True
        return self._line.run(prepared, values)

    def lock(self, statement: Executable, **values: Value) -> None:
        """Run a query that locks, where a transaction is not alone anyway."""
        if self.lock_rows:
            self.all(statement, **values)

    def send(self) -> None:
        """Write what is kept."""
        if self._new:
            self._sent = True
            self._keep()
        self._kept.send(self._line, self._statements)

    # knowing

    def recall(self, key: Hashable) -> Any:
        """Return what was noted in this transaction, or `None`."""
        found = self._news.get(key)
        return self._known.get(key) if found is None else found

    def note(self, key: Hashable, value: Any) -> None:
        """Note what stands, or will stand, in rows that nobody else can change meanwhile."""
        self._news[key] = value

    # one request after the other

    def accept(self) -> None:
        """Take over what the request wrote and found out."""
        self._keep()
        self._known.update(self._news)
        self._forget()

    def _keep(self) -> None:
        for way, table, values in self._new:
            self._kept.add(way, table, values)
        self._new = []

    def refuse(self) -> bool:
        """Forget the request; return whether that was all, or it has written already."""
        was_sent = self._sent
        self._forget()
        return not was_sent

    def _forget(self) -> None:
        self._new = []
        self._news = {}
        self._sent = False


def _named(statement: Executable, values: Mapping[str, Given]) -> Hashable:
    return statement, *values.items()
