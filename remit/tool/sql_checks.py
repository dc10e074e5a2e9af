"""What must hold of a `sql` tool: where it goes, that it is one statement, how it is repeated."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from remit.diagnostic import Diagnostic
from remit.tool.contract import Idempotency, ToolContract
from remit.tool.outside_checks import secret_faults, text_faults
from remit.tool.places import finding, pointer_faults
from remit.tool.reach import Reach
from remit.tool.secret import is_whole_reference
from remit.tool.sql import READS, STEP_KEY, SqlKind, Statement, StatementError

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
_DOC = "see docs/tools.md#sql"


def sql_faults(contract: ToolContract, call: SqlKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `sql` part of `contract`."""
    yield from _url_faults(contract, call)
    try:
        statement = Statement.parse(call.statement)
    except StatementError as error:
        where = ("call", "statement")
        yield finding(contract, "TOOL-SQL-STATEMENT", where, str(error), _DOC)
        return
    yield from _statement_faults(contract, call, statement)
    yield from _parameter_faults(contract, call, statement)
    yield from _key_faults(contract, call, statement)


def sql_warnings(contract: ToolContract, call: SqlKind) -> Iterator[Diagnostic]:
    """Yield what is allowed there but worth a look."""
    if call.dialect == "postgresql" and not call.role and not contract.operation.has_effect:
        message = "it reads with all the rights of its account"
        hint = "name a `role` that may only SELECT: a read-only transaction still calls functions"
        yield finding(contract, "TOOL-SQL-ROLE", ("call", "role"), message, hint)


def _url_faults(contract: ToolContract, call: SqlKind) -> Iterator[Diagnostic]:
    where = ("call", "database")
    if call.password:
        yield from secret_faults(contract, ("call", "password"), call.password)
    if call.dialect == "postgresql" and not contract.destinations:
        hint = "list the database's host (`localhost` for a Unix socket)"
        yield finding(contract, "TOOL-DESTINATION", ("destinations",), "there are none", hint)
    if call.dialect == "sqlite" and call.role:
        hint = "drop `role`"
        yield finding(contract, "TOOL-SQL-URL", ("call", "role"), "SQLite has no roles", hint)
    if is_whole_reference(call.database):
        yield from text_faults(contract, where, call.database)
        return
    if "${" in call.database:
        message = "a reference is the whole of the URL, or stands in `password`"
        yield finding(contract, "TOOL-SQL-URL", where, message, _DOC)
        return
    yield from _literal_faults(contract, call)


def _literal_faults(contract: ToolContract, call: SqlKind) -> Iterator[Diagnostic]:
    where, parts = ("call", "database"), urlsplit(call.database)
    if parts.scheme != call.dialect:
        message = f"it begins with {parts.scheme!r}, the dialect is {call.dialect!r}"
        hint = f"write `{call.dialect}://...`; drivers are not named"
        yield finding(contract, "TOOL-SQL-URL", where, message, hint)
        return
    if call.dialect == "sqlite":
        if parts.netloc or not parts.path.strip("/") or parts.query:
            hint = "write `sqlite:///FILE`"
            yield finding(contract, "TOOL-SQL-URL", where, "it names no file", hint)
        return
    if ":" in parts.netloc.rpartition("@")[0]:
        message = "a password stands in the URL"
        hint = "put a reference to it into `password`"
        yield finding(contract, "TOOL-SECRET", where, message, hint)
    host = parts.hostname or ""
    fault = Reach.of(contract).host_fault(host) if host else None
    if contract.destinations and fault:
        yield finding(contract, "TOOL-DESTINATION", where, fault, "add the host to them")


def _statement_faults(
    contract: ToolContract, call: SqlKind, statement: Statement
) -> Iterator[Diagnostic]:
    where, has_effect = ("call", "statement"), contract.operation.has_effect
    if statement.verb not in (READS | _WRITES if has_effect else READS):
        allowed = ", ".join(sorted(READS | _WRITES if has_effect else READS))
        message = f"a tool that {'writes' if has_effect else 'reads'} has no {statement.verb}"
        yield finding(contract, "TOOL-SQL-STATEMENT", where, message, f"known: {allowed}")
    if call.result != "count" and not statement.gives_rows:
        message = f"`result: {call.result}`, but it returns nothing"
        hint = "add RETURNING, or write `result: count`"
        yield finding(contract, "TOOL-SQL-STATEMENT", ("call", "result"), message, hint)


def _parameter_faults(
    contract: ToolContract, call: SqlKind, statement: Statement
) -> Iterator[Diagnostic]:
    used = set(statement.names) - {STEP_KEY}
    for name in sorted(used - call.parameters.keys()):
        message = f"the statement takes `:{name}`, which no parameter declares"
        hint = f"add `{name}: {{at: /{name}}}` to `parameters`"
        yield finding(contract, "TOOL-SQL-PARAMETER", ("call", "parameters"), message, hint)
    for name, parameter in call.parameters.items():
        where = ("call", "parameters", name)
        if name == STEP_KEY:
            message = f"`:{STEP_KEY}` is Remit's own"
            yield finding(contract, "TOOL-SQL-PARAMETER", where, message, "rename it")
        elif name not in used:
            message = f"the statement takes no `:{name}`"
            yield finding(contract, "TOOL-SQL-PARAMETER", where, message, "drop it")
        yield from pointer_faults(contract, where, parameter.at, contract.input_schema)


def _key_faults(
    contract: ToolContract, call: SqlKind, statement: Statement
) -> Iterator[Diagnostic]:
    where = ("call", "step_keys")
    if not contract.operation.has_effect:
        if call.step_keys:
            message = "a read keeps no step keys"
            yield finding(contract, "TOOL-KEY-UNUSED", where, message, "drop `step_keys`")
        return
    keyed = bool(call.step_keys) or STEP_KEY in statement.names
    if contract.idempotency is Idempotency.KEY and not keyed:
        message = "idempotency `key`, but the step key is kept nowhere"
        hint = "name a table in `step_keys` (`remit tools sql-keys` prints its DDL)"
        yield finding(contract, "TOOL-KEY-UNUSED", where, message, hint)
    if contract.idempotency is not Idempotency.KEY and call.step_keys:
        message = f"`step_keys` makes it idempotency `key`, not `{contract.idempotency.value}`"
        yield finding(contract, "TOOL-KEY-UNUSED", where, message, "say one thing")
    if re.search(rf"(?i)\b{re.escape(call.step_keys or '-')}\b", call.statement):
        message = "the statement touches the table of step keys"
        yield finding(contract, "TOOL-SQL-STATEMENT", ("call", "statement"), message, _DOC)
