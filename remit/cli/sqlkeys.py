"""`remit tools sql-keys`: the tables in which databases keep the step keys of `sql` tools."""

from pathlib import Path

from remit.cli.compiling import Workshop
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.tool.sql import SqlKind, step_keys_ddl


def sql_keys(project: Path | None, *, as_json: bool) -> int:
    """Print a `CREATE TABLE` for each table that the project's contracts name."""
    folder = find_project(project)
    tables: dict[tuple[str, str], SqlKind] = {}
    for contract in Workshop.of(folder).project.catalogue:
        kind = contract.call
        if isinstance(kind, SqlKind) and kind.step_keys:
            tables[kind.database, kind.step_keys] = kind
    if not tables:
        hint = "a contract of kind `sql` names it in `call.step_keys`"
        raise usage("TOOL-SQL-KEYS", "no tool of this project keeps step keys", hint)
    made = [(url, step_keys_ddl(table, kind.dialect)) for (url, table), kind in tables.items()]
    listed = [{"url": url, "ddl": ddl} for url, ddl in made]
    lines = [line for url, ddl in made for line in (f"-- {url}", ddl)]
    answer({"ok": True, "tables": listed}, lines, as_json=as_json)
    return ExitCode.OK
