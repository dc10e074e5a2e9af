"""`remit console`: the console beside a running stack, until Ctrl-C."""

import importlib.util
import os
import subprocess
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import note
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.components import console_argv, console_variables
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import LOOPBACK, choose, is_free
from remit.cli.stack.project import load_project
from remit.console.table import PORT, ConsoleTable


def console(project: Path | None, port: int | None) -> int:
    """Serve the console of a project whose stack is up."""
    if importlib.util.find_spec("jinja2") is None or importlib.util.find_spec("starlette") is None:
        hint = "install the extra: pip install 'remit[console]'"
        raise usage("CONSOLE-NOT-INSTALLED", "the console's packages are not installed", hint)
    layout = Layout(find_project(project))
    environment = stack.environment(layout.project)
    table = load_project(layout.project).console or ConsoleTable()
    if port is not None and not is_free(port):
        raise usage("CONSOLE-PORT", f"port {port} is taken", "name another --port, or none")
    chosen = port or choose([table.port, PORT])
    told = {**environment.variables(), **console_variables(table, layout, chosen)}
    note(f"console: {table.base_url or f'http://{LOOPBACK}:{chosen}/'}  (Ctrl-C stops it)")
    process = subprocess.Popen(console_argv(), env={**os.environ, **told})
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The terminal told the child too; it lets its pages go first.
        process.wait()
        return ExitCode.OK
