"""SQLAlchemy statements, compiled once per database and run on the bare driver connection.

Through SQLAlchemy's own execution a statement costs 60-75 us, so 1; compiled before, 8-10 us.
Only text, integers, bytes and `None` go in and come out: no type needs a conversion.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Dialect, Table
from sqlalchemy.sql import Executable, visitors
from sqlalchemy.sql.elements import ClauseElement

from remit.stores.inserting import Way, written
from remit.stores.schema import FED_BY
from remit.stores.vault import OPEN, Vault

Value = str | int | bytes | None
Row = Sequence[Value]
Given = Value | Sequence[str]
"""What may be given to a statement: lists only where the database knows them."""
Parameters = Sequence[Given] | Mapping[str, Given]


def whole(value: object) -> int:
    """Return a number of a row; 0 for none."""
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text of a statement, and the order of its parameters."""

    text: str
    arrange: Callable[[Mapping[str, Given]], Parameters]
    """Puts parameters, given by name, into the form that the driver takes."""
    constants: Mapping[str, Value]
    """Parameters that the dialect added itself."""
    tables: frozenset[str]
    """Names of the tables on whose rows its answer depends."""

    def parameters(self, values: Mapping[str, Given]) -> Parameters:
        """Return `values` as the driver wants them."""
        if self.constants:
            values = {**self.constants, **values}
        return self.arrange(values)


class Statements:
    """The statements of one database, compiled when first used. Threads may share it."""

    def __init__(self, dialect: Dialect, vault: Vault = OPEN) -> None:
        self._dialect = dialect
        self.vault = vault
        """What the database's contents are encrypted with."""
        self._prepared: dict[object, Prepared] = {}

    def prepare(self, statement: Executable) -> Prepared:
        """Return `statement` compiled; its parameters must all be named `bindparam`s."""
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = self._compile(statement)
        return found

    def prepare_rows(self, way: Way, table: Table, columns: Sequence[str]) -> Prepared:
        """Return the statement that writes rows of these columns in one of the ways."""
        key = (way, table.name, *columns)
        found = self._prepared.get(key)
        if found is None:
            made = written(self._dialect.name, way, table, columns)
            found = self._prepared[key] = self._compile(made)
        return found

    def _compile(self, statement: Executable) -> Prepared:
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{statement!r} is no SQL statement")
        compiled = statement.compile(
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        # A new value and a key may be of one name; whoever gives them knows no prefix.
        positions = getattr(compiled, "positiontup", None)
        names = None if positions is None else [one.removeprefix("new_") for one in positions]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return Prepared(str(compiled), _arrangement(names), constants, _tables(statement))


def _tables(statement: ClauseElement) -> frozenset[str]:
    found = {one.name for one in visitors.iterate(statement) if isinstance(one, Table)}
    return frozenset(found | {FED_BY[name] for name in found if name in FED_BY})


def _arrangement(
    names: Sequence[str] | None,
) -> Callable[[Mapping[str, Given]], Parameters]:
    """Return how parameters go to the driver: by these positions, or by name."""
    if names is None:
        return lambda values: values
    if not names:
        return lambda values: ()
    if len(names) == 1:
        only = names[0]
        return lambda values: (values[only],)
    return itemgetter(*names)
