"""The `sql` kind: one named, parameterised statement of a contract, and how it is read.

Arguments are bound, never written into a statement: there are no templates here. `Statement` reads
just enough of SQL to be sure that a contract holds one statement and to find its parameters; what
would make that reading unsure (comments, dollar quotes, escape strings) is refused.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from remit.tool.model import Model

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Dialect = Literal["postgresql", "sqlite"]
SqlType = Literal[
    "text",
    "integer",
    "number",
    "decimal",
    "boolean",
    "date",
    "timestamp",
    "uuid",
    "bytes",
    "json",
]
READS = frozenset({"SELECT", "WITH", "VALUES"})
"""First words of statements that return rows."""
STEP_KEY = "step_key"
"""The parameter that every statement may use, and that no contract declares."""


class SqlParameter(Model):
    """What is bound to one parameter of a statement."""

    at: str
    """JSON pointer into the arguments."""
    type: SqlType = "text"
    or_null: bool = False
    """Whether an absent argument is NULL; else it refuses the call."""


class SqlKind(Model):
    """One statement in one database."""

    kind: Literal["sql"] = "sql"
    dialect: Dialect
    database: Annotated[str, Field(min_length=1, max_length=500)]
    """`postgresql://USER@HOST:PORT/DATABASE` without a password, `sqlite:///FILE` in the project's
    folder, or a secret reference to the whole of it."""
    password: Annotated[str, Field(max_length=300)] = ""
    """Secret reference to the password of `database`."""
    role: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,62})?$")] = ""
    """PostgreSQL's role for this statement (`SET LOCAL ROLE`)."""
    statement: Annotated[str, Field(min_length=1, max_length=20_000)]
    """One statement; `:name` stands for a parameter, `:step_key` for the step key."""
    parameters: dict[Identifier, SqlParameter] = {}
    result: Literal["rows", "row", "count"] = "rows"
    """The output: a list of objects; one object or null; or `{"rows": n}`."""
    rows: Annotated[int, Field(ge=0)] | None = None
    """How many rows it must meet; with another number it is rolled back, and refused."""
    max_rows: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024)] = 1024 * 1024
    """Bounds of the output; beyond them the call is refused, nothing is cut off."""
    step_keys: Annotated[
        str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?)?$")
    ] = ""
    """Table of step keys in the same database, which makes a write's idempotency `key`."""


class StatementError(ValueError):
    """A text that is not plainly one statement; the message says why."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, cut at its parameters."""

    parts: tuple[str, ...]
    """Text; parameter `n` stands between `parts[n]` and `parts[n + 1]`."""
    names: tuple[str, ...]
    words: tuple[str, ...]
    """Bare words outside quotes, in upper case and in order."""

    @classmethod
    def parse(cls, text: str) -> "Statement":
        """Read `text`.

        Raises:
            StatementError: it holds a second statement, or what hides where one ends.
        """
        text = text.strip().removesuffix(";").rstrip()
        parts, names, words, begin = [""], [], [], 0
        while begin < len(text):
            found = _TOKEN.match(text, begin)
            if found is None:
                raise StatementError(f"a quote is not closed in `{text[begin : begin + 20]}`")
            kind, token = str(found.lastgroup), found[0]
            if kind in _REFUSED:
                raise StatementError(f"{_REFUSED[kind]} (`{text[begin : begin + 20]}`)")
            if kind == "parameter":
                names.append(token[1:])
                parts.append("")
            else:
                parts[-1] += token
            if kind == "word":
                words.append(token.upper())
            begin = found.end()
        if not words:
            raise StatementError("it is empty")
        return cls(tuple(parts), tuple(names), tuple(words))

    def on(self, table: str) -> "Statement":
        """Return it with the name of a table, which was checked, in place of `:table`."""
        at = self.names.index("table")
        parts = [*self.parts]
        parts[at : at + 2] = [table.join(parts[at : at + 2])]
        return Statement(tuple(parts), self.names[:at] + self.names[at + 1 :], self.words)

    @property
    def verb(self) -> str:
        """The first word, which says what kind of statement it is."""
        return self.words[0]

    @property
    def gives_rows(self) -> bool:
        """Whether it returns rows."""
        return self.verb in READS or "RETURNING" in self.words

    def for_postgresql(self) -> str:
        """Return it as psycopg takes it; the server gets `$1`, and the values beside it."""
        parts = [part.replace("%", "%%") for part in self.parts]
        return _joined(parts, [f"%({name})s" for name in self.names])

    def for_sqlite(self) -> str:
        """Return it as SQLite takes it."""
        return _joined(self.parts, [f":{name}" for name in self.names])


_REFUSED = {
    "comment": "comments are not taken",
    "dollar": "dollar quotes and numbered parameters are not taken",
    "escape": "escape strings are not taken",
    "end": "it is more than one statement",
    "other": "this character is not taken",
}
_TOKEN = re.compile(
    r"""
      (?P<comment> -- | /\* )
    | (?P<dollar>  \$ )
    | (?P<escape>  (?<![A-Za-z0-9_]) (?:[eEbBxXnN] | [uU]&) ['"] )
    | (?P<end>     ; )
    | (?P<other>   [`\x00\\] )
    | (?P<quoted>  '(?:[^'\x00]|'')*' | "(?:[^"\x00]|"")*" )
    | (?P<cast>    :: )
    | (?P<parameter> :[A-Za-z_][A-Za-z0-9_]* )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<text>    [^'"] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def _joined(parts: tuple[str, ...] | list[str], places: list[str]) -> str:
    made = parts[0]
    for place, part in zip(places, parts[1:], strict=True):
        made += place + part
    return made


def step_keys_ddl(table: str, dialect: Dialect) -> str:
    """Return the statement that makes a table of step keys."""
    now = "now()" if dialect == "postgresql" else "CURRENT_TIMESTAMP"
    kind = "timestamptz" if dialect == "postgresql" else "text"
    return (
        f"CREATE TABLE {table} (\n"
        "    step_key text PRIMARY KEY,\n"
        "    tool text NOT NULL,\n"
        "    output text,\n"
        f"    done_at {kind} NOT NULL DEFAULT {now}\n"
        ");"
    )
