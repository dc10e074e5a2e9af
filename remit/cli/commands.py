"""The commands as they are typed: names, options, help. What they do stands in other modules.

Those are imported when a command runs, so `remit validate` waits for neither Temporal nor a
database. Nothing heavier than Typer is imported at the top of this file; a test holds it to that.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, PlanFile, StackFolder

Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Plans in JSON or YAML; - reads stdin.")
]


class GraphFormat(StrEnum):
    """What `graph` can draw."""

    MERMAID = "mermaid"
    SVG = "svg"


class SchemaName(StrEnum):
    """Contracts with a JSON Schema."""

    PLAN = "plan"
    FACTS = "facts"
    DECISION = "decision"
    TOOL = "tool"


def validate(files: Files, project: InProject = None, as_json: AsJson = False) -> int:
    """Check plans as admission does.

    Contract, catalogue, expressions, undoing. Needs no stack and asks no policy.
    """
    from remit.cli.validation import validate as run

    return run(files, project, as_json=as_json)


def graph(
    file: PlanFile,
    format: Annotated[
        GraphFormat, typer.Option("--format", help="Mermaid text, or a picture.")
    ] = GraphFormat.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead of stdout.")
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Draw a plan's task graph."""
    from remit.cli.graph import graph as run

    return run(file, format.value, output, project, as_json=as_json)


def tools(
    ref: Annotated[str | None, typer.Argument(metavar="[NAME@MAJOR]")] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List the tools that plans may name, or show one contract."""
    from remit.cli.catalogue import tools as run

    return run(ref, project, as_json=as_json)


def schema(
    name: Annotated[SchemaName, typer.Argument(help="Which contract.")] = SchemaName.PLAN,
    as_json: AsJson = False,
) -> int:
    """Print the JSON Schema of a contract.

    It is JSON with and without --json.
    """
    from remit.cli.catalogue import schema as run

    return run(name.value)


def up(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Start the stack.

    Temporal, OPA, the project's services, workers. What runs and is healthy is left alone.
    """
    from remit.cli.control import up as run

    return run(folder or project, as_json=as_json)


def down(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Stop the stack.

    Databases and logs stay where they are.
    """
    from remit.cli.control import down as run

    return run(folder or project, as_json=as_json)


def status(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Tell how the stack is.

    The exit code is 0 when all of it is healthy, else 3.
    """
    from remit.cli.control import status as run

    return run(folder or project, as_json=as_json)


def env(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Print a line for the shell: PATH and addresses.

    `eval "$(remit env)"` puts the stack's own `temporal` and `opa` on PATH.
    """
    from remit.cli.control import env as run

    return run(folder or project, as_json=as_json)
