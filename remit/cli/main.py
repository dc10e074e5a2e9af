"""The `remit` command: its table of commands, and the one place where errors become exit codes.

Bad input never ends in a traceback. An error that nobody foresaw is a bug and is called one, with
the way to see its traceback. Owns no command.
"""

import gc
import os
import sys
from collections.abc import Sequence

import typer

from remit.cli import commands
from remit.cli.agents.commands import make_agents_app
from remit.cli.approvals.commands import add_commands
from remit.cli.artifacts import make_artifacts_app
from remit.cli.codec import make_codec_app
from remit.cli.errors import EXIT_CODES, CliError, ExitCode, Finding, from_library
from remit.cli.evidence.commands import make_evidence_app
from remit.cli.importing.commands import make_tools_app
from remit.cli.limits.commands import limits
from remit.cli.mcp.commands import mcp
from remit.cli.notices import make_notify_app
from remit.cli.options import HELP, group
from remit.cli.output import failed, note
from remit.cli.policy.commands import make_policy_app
from remit.cli.proposal import propose
from remit.cli.quarantine import make_quarantine_app
from remit.cli.questions import commands as questions
from remit.cli.secrets import make_secrets_app
from remit.cli.stack import commands as stack
from remit.cli.vendors.commands import vendors

_DEBUG = "REMIT_DEBUG"
_RARELY = (50_000, 20, 20)
"""Objects made before the garbage collector looks at the young, the older and the old ones."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"remit {version('remit')}")
        except PackageNotFoundError:
            typer.echo("remit (a checkout that is not installed)")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Agents propose. Remit decides, executes, undoes and proves."""


def _ledger() -> None:
    """Look after the ledger."""


def make_app() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="remit",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        epilog=EXIT_CODES,
        context_settings=HELP,
    )
    app.callback()(_root)
    app.command("up")(stack.up)
    app.command("down")(stack.down)
    app.command("status")(stack.status)
    app.command("env")(stack.env)
    app.command("console")(stack.console)
    app.command("validate")(commands.validate)
    app.command("dry-run")(commands.dry_run)
    app.command("graph")(commands.graph)
    app.command("run")(commands.run)
    app.command("amend")(commands.amend)
    app.command("rollback")(commands.rollback)
    app.command("forget")(commands.forget)
    app.command("retain")(commands.retain)
    app.command("stop")(commands.stop)
    app.command("go")(commands.go)
    app.command("stops")(commands.stops)
    app.command("limits")(limits)
    app.command("vendors")(vendors)
    add_commands(app)
    app.command("explain")(commands.explain)
    app.command("state")(questions.state)
    app.command("lineage")(questions.lineage)
    app.command("audit")(questions.audit)
    app.command("cases")(questions.cases)
    app.command("schema")(commands.schema)
    app.command("init")(commands.init)
    app.command("mcp")(mcp)
    app.command("propose")(propose)
    app.command("backup")(stack.backup)
    app.command("restore")(stack.restore)
    _add_groups(app)
    return app


def _add_groups(app: typer.Typer) -> None:
    app.add_typer(make_evidence_app())
    app.add_typer(make_policy_app())
    app.add_typer(make_agents_app())
    app.add_typer(make_tools_app())
    app.add_typer(_make_ledger_app())
    app.add_typer(make_notify_app())
    app.add_typer(make_secrets_app())
    app.add_typer(make_codec_app())
    app.add_typer(make_artifacts_app())
    app.add_typer(make_quarantine_app())
    app.add_typer(questions.make_decision_app())


def _make_ledger_app() -> typer.Typer:
    app = group("ledger", "Look after the ledger.")
    app.callback()(_ledger)
    app.command("rekey")(commands.rekey)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see `ExitCode`).

    Args:
        arguments: the command line without the program's name; the process's own when `None`, and
            then the process may end here.
    """
    if arguments is None:
        # Nearly all that a command makes are modules and models that stay. Looking through them at
        # the usual pace takes a tenth of the time of a check.
        gc.set_threshold(*_RARELY)
    typed = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(typed, as_json="--json" in typed)
    if arguments is None and "temporalio" in sys.modules:
        # Threads of Temporal's core that answer while the interpreter is taken down abort the
        # process (PyGILState_Release). Everything of ours is closed; there is nothing to wait for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(typed: list[str], *, as_json: bool) -> int:
    try:
        code = make_app()(args=typed or ["--help"], prog_name="remit", standalone_mode=False)
    except CliError as error:
        return failed(error, as_json=as_json)
    except typer.Abort:
        return failed(_ended("CLI-ABORTED", "nothing was done"), as_json=as_json)
    except typer.TyperException as error:
        hint = "`remit COMMAND --help` lists what it takes"
        return failed(_ended("CLI-USAGE", _words(error), hint), as_json=as_json)
    except Exception as error:
        return failed(from_library(error) or _bug(error), as_json=as_json)
    return code if isinstance(code, int) else ExitCode.OK


def _words(error: typer.TyperException) -> str:
    told = getattr(error, "format_message", None)
    return str(told() if callable(told) else error) or "a command is missing"


def _ended(code: str, message: str, hint: str = "") -> CliError:
    return CliError([Finding(code, message, hint)], ExitCode.USAGE)


def _bug(error: Exception) -> CliError:
    if os.environ.get(_DEBUG):
        raise error
    message = f"{type(error).__name__}: {error}"[:500]
    note(f"this is a bug in Remit; {_DEBUG}=1 before the same command shows where")
    return CliError([Finding("REMIT-BUG", message, "please report it")], ExitCode.STACK)
