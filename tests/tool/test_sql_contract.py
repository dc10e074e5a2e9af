"""Contracts of kind `sql`: what is one statement, and what keeps a contract from loading."""

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from remit.tool.sql import Statement, StatementError, step_keys_ddl
from tests.tool.contracts import contract


def _sql(
    statement: str = "SELECT 1", *, call: dict[str, object] | None = None, **more: object
) -> ToolContract:
    base = contract().model_dump(mode="json")
    made: dict[str, object] = {
        "kind": "sql",
        "dialect": "postgresql",
        "database": "postgresql://shop@db.example/shop",
        "role": "reader",
        "statement": statement,
    }
    document: dict[str, object] = {
        "operation": "read",
        "irreversible": False,
        "idempotency": "natural",
        "destinations": ["db.example"],
        "call": made | (call or {}),
    }
    return ToolContract.model_validate(base | document | more)


def _codes(made: ToolContract) -> list[str]:
    try:
        return [each.code for each in Catalogue.of([made]).warnings]
    except InvalidDocumentError as error:
        return [each.code for each in error.diagnostics]


def test_parameters_are_found_outside_quotes_alone() -> None:
    """Casts, quoted text and quoted names hold no parameters; a percent sign stays one."""
    read = Statement.parse(
        """select a::text, ':x', "b:y", 5 % 2 from t where id = :id and c='it''s;%' and d=:d;"""
    )

    assert (read.verb, read.names) == ("SELECT", ("id", "d"))
    assert read.for_postgresql() == (
        """select a::text, ':x', "b:y", 5 %% 2 from t"""
        """ where id = %(id)s and c='it''s;%%' and d=%(d)s"""
    )
    assert read.for_sqlite().endswith("where id = :id and c='it''s;%' and d=:d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "SELECT 1; DROP TABLE things",
        "SELECT 1;;",
        "SELECT 1 -- more",
        "SELECT 1 /* more */",
        "SELECT $1",
        "SELECT $$a$$",
        "SELECT E'\\';DROP TABLE things'",
        "SELECT U&'a'",
        "SELECT 'open",
        'SELECT "open',
        "SELECT `a`",
        "SELECT '\x00'",
    ],
)
def test_what_is_not_plainly_one_statement_is_refused(text: str) -> None:
    """A second statement, and whatever hides where the first one ends."""
    with pytest.raises(StatementError):
        Statement.parse(text)


def test_a_read_and_a_keyed_write_load() -> None:
    """The two usual forms have no findings."""
    write = _sql(
        "UPDATE things SET stock = 0 WHERE id = :id",
        call={"parameters": {"id": {"at": "/id"}}, "result": "count", "step_keys": "remit_keys"},
        operation="write",
        irreversible=True,
        idempotency="key",
    )

    assert _codes(_sql()) == []
    assert _codes(write) == []


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (_sql("SELECT 1; SELECT 2"), "TOOL-SQL-STATEMENT"),
        (_sql("DELETE FROM things"), "TOOL-SQL-STATEMENT"),
        (_sql("COPY things TO PROGRAM 'x'", operation="write"), "TOOL-SQL-STATEMENT"),
        (_sql("DELETE FROM things", operation="write"), "TOOL-SQL-STATEMENT"),
        (_sql("SELECT :id"), "TOOL-SQL-PARAMETER"),
        (_sql(call={"parameters": {"id": {"at": "/id"}}}), "TOOL-SQL-PARAMETER"),
        (_sql("SELECT :id", call={"parameters": {"id": {"at": "/none"}}}), "TOOL-POINTER"),
        (_sql(call={"database": "postgresql://shop:secret@db.example/shop"}), "TOOL-SECRET"),
        (_sql(call={"password": "secret"}), "TOOL-SECRET"),
        (_sql(call={"database": "postgresql://shop:${env:X}@db.example/shop"}), "TOOL-SQL-URL"),
        (_sql(call={"database": "postgresql+psycopg://shop@db.example/shop"}), "TOOL-SQL-URL"),
        (_sql(call={"database": "sqlite:///x.db"}), "TOOL-SQL-URL"),
        (_sql(call={"dialect": "sqlite", "database": "sqlite:///x.db"}), "TOOL-SQL-URL"),
        (_sql(destinations=["other.example"]), "TOOL-DESTINATION"),
        (_sql(destinations=[]), "TOOL-DESTINATION"),
        (_sql(call={"step_keys": "remit_keys"}), "TOOL-KEY-UNUSED"),
        (_sql("SELECT f()", operation="write", idempotency="key"), "TOOL-KEY-UNUSED"),
        (_sql(call={"role": ""}), "TOOL-SQL-ROLE"),
    ],
)
def test_findings(made: ToolContract, expected: str) -> None:
    """Each fault of a contract has its code."""
    assert expected in _codes(made)


def test_the_table_of_step_keys_has_a_key() -> None:
    """Without a unique key two workers could both do it."""
    for dialect in ("postgresql", "sqlite"):
        assert "step_key text PRIMARY KEY" in step_keys_ddl("remit_keys", dialect)
