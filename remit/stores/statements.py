"""SQLAlchemy statements, compiled once per database and run on the bare driver connection.

Through SQLAlchemy's own execution a statement costs 60-75 us, so 1; compiled before, 8-10 us. The
ledger's writer runs ten per request and nothing else in its one thread, so that is its speed.
Only text, integers, bytes and `None` go in and come out: no type needs a conversion.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.sql import Executable
from sqlalchemy.sql.elements import ClauseElement

from remit.stores.inserting import Way, bare

Value = str | int | bytes | None
Row = Sequence[Value]


Parameters = Sequence[Value] | Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text of a statement, and the order of its parameters."""

    text: str
    arrange: Callable[[Mapping[str, Value]], Parameters]
    """Puts parameters, given by name, into the form that the driver takes."""
    constants: Mapping[str, Value]
    """Parameters that the dialect added itself."""

    def parameters(self, values: Mapping[str, Value]) -> Parameters:
        """Return `values` as the driver wants them."""
        if self.constants:
            values = {**self.constants, **values}
        return self.arrange(values)


class Statements:
    """The statements of one database, compiled when first used. Threads may share it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[object, Prepared] = {}

    def prepare(self, statement: Executable) -> Prepared:
        """Return `statement` compiled; its parameters must all be named `bindparam`s."""
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = self._compile(statement, None)
        return found

    def prepare_insert(self, way: Way, table: Table, columns: Sequence[str]) -> Prepared:
        """Return the insert into `table` compiled for these columns."""
        found = self._prepared.get((way, table))
        if found is None:
            found = self._compile(way(bare(self._dialect.name, table), table), columns)
            self._prepared[way, table] = found
        return found

    def _compile(self, statement: Executable, columns: Sequence[str] | None) -> Prepared:
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{statement!r} is no SQL statement")
        compiled = statement.compile(
            dialect=self._dialect,
            column_keys=list(columns) if columns else None,
            compile_kwargs={"render_postcompile": True},
        )
        positions = getattr(compiled, "positiontup", None)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return Prepared(str(compiled), _arrangement(positions), constants)


def _arrangement(
    names: Sequence[str] | None,
) -> Callable[[Mapping[str, Value]], Parameters]:
    """Return how parameters go to the driver: by these positions, or by name."""
    if names is None:
        return lambda values: values
    if not names:
        return lambda values: ()
    if len(names) == 1:
        only = names[0]
        return lambda values: (values[only],)
    return itemgetter(*names)


class Transaction:
    """One open transaction: runs statements, and knows the moment at which it happens."""

    __slots__ = ("_connection", "_lock_rows", "_statements", "now_ms")

    def __init__(
        self, connection: DBAPIConnection, statements: Statements, now_ms: int, *, lock_rows: bool
    ) -> None:
        self._connection = connection
        self._lock_rows = lock_rows
        self._statements = statements
        self.now_ms = now_ms
        """Milliseconds of Unix time, the same throughout one request."""

    def all(self, statement: Executable, **values: Value) -> Sequence[Row]:
        """Return the rows of a query."""
        prepared = self._statements.prepare(statement)
        cursor = self._connection.cursor()
        cursor.execute(prepared.text, prepared.parameters(values))
        rows: Sequence[Row] = cursor.fetchall()
        return rows

    def one(self, statement: Executable, **values: Value) -> Row | None:
        """Return the first row of a query."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def run(self, statement: Executable, **values: Value) -> int:
        """Run an update or a deletion; return how many rows it met."""
        return self._execute(self._statements.prepare(statement), values)

    def lock(self, statement: Executable, **values: Value) -> None:
        """Run a query that locks rows, where a transaction is not alone anyway."""
        if self._lock_rows:
            self.all(statement, **values)

    def insert(self, way: Way, table: Table, values: Mapping[str, Value]) -> int:
        """Insert a row, as `way` says about rows that stand already; return how many went in.

        Every call for one table and `way` must name the same columns.
        """
        return self._execute(self._statements.prepare_insert(way, table, tuple(values)), values)

    def insert_all(
        self,
        way: Way,
        table: Table,
        columns: Sequence[str],
        rows: Sequence[Sequence[Value]],
    ) -> None:
        """Insert many rows, each a value per name of `columns`."""
        prepared = self._statements.prepare_insert(way, table, columns)
        # Where each value of a row goes is found out once, not row by row.
        spots: Any = prepared.parameters({name: at for at, name in enumerate(columns)})
        given: Any = rows
        if isinstance(spots, Mapping):
            given = [{name: row[at] for name, at in spots.items()} for row in rows]
        elif tuple(spots) != tuple(range(len(columns))):
            given = [[row[at] for at in spots] for row in rows]
        self._connection.cursor().executemany(prepared.text, given)

    def _execute(self, prepared: Prepared, values: Mapping[str, Value]) -> int:
        cursor = self._connection.cursor()
        cursor.execute(prepared.text, prepared.parameters(values))
        return int(cursor.rowcount)
