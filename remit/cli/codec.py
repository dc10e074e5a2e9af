"""`remit codec`: how Temporal's own tools read what is encrypted, and a new key."""

import shlex
from pathlib import Path

import typer

from remit.cli.errors import ExitCode, usage
from remit.cli.options import AsJson, InProject, group
from remit.cli.output import answer
from remit.cli.place import find_project


def make_codec_app() -> typer.Typer:
    """Return the group `remit codec`."""
    app = group("codec", "Let Temporal's own tools read what is encrypted.")
    app.callback()(_codec)
    app.command("open")(open_)
    app.command("rotate")(rotate)
    return app


def _codec() -> None:
    """Payloads that Temporal keeps are encrypted in the profile `full`, else by option."""


def open_(project: InProject = None, as_json: AsJson = False) -> int:
    """Print a link that lets a browser read in the web UI, and what `temporal` needs."""
    from remit.cli.stack import stack
    from remit.cli.stack.codec_server import ENTER_S, Pass

    environment = stack.environment(find_project(project))
    endpoint, file = environment.codec_endpoint, environment.codec_token_file
    if endpoint is None or file is None:
        hint = "`[payloads]` with `encrypted = true` in remit.toml, then `remit up`"
        raise usage("CODEC-OFF", "payloads of this stack are not encrypted", hint)
    link = Pass(file.read_text(encoding="ascii").strip()).link(endpoint)
    flags = f'--codec-endpoint {endpoint} --codec-auth "Bearer $(cat {shlex.quote(str(file))})"'
    document = {"ok": True, "endpoint": endpoint, "token_file": str(file), "link": link}
    lines = [
        f"open within {ENTER_S // 60} minutes: {link}",
        f"  it leads to {environment.temporal_ui}, which reads for 8 hours then",
        f"temporal … {flags}",
        '  or once per shell: eval "$(remit env)"',
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def rotate(project: InProject = None, as_json: AsJson = False) -> int:
    """Make a new key of the stack's own; it encrypts from the next `remit up` on.

    The old ones stay and decrypt: histories were written with them.
    """
    from remit.cli.stack.layout import Layout
    from remit.cli.stack.payload_keys import rotate as make
    from remit.cli.stack.project import load_project

    layout = Layout(find_project(project))
    if load_project(layout.project).payloads.keys:
        hint = "put the new key first in `[payloads] keys` of remit.toml, leave the old ones behind"
        raise usage("CODEC-KEYS", "this project names its keys itself", hint)
    file: Path = make(layout)
    document = {"ok": True, "file": str(file)}
    answer(document, [f"{file}: encrypts after `remit up {layout.project}`"], as_json=as_json)
    return ExitCode.OK
