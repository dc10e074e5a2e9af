"""A project's planner: `[planner]` of `remit.toml`, and the function that it names.

    [planner]
    function = "planners.buyer:propose"      # a file of the folder planners/, or what is installed
    deadline_s = 60                          # for one answer
    rounds = 4                               # how often it is asked for one goal
    max_bytes = 262144                       # largest plan that is taken
    cost = {micros = 20000, currency = "EUR"}    # what one answer is taken to cost
    budget_micros = 100000                   # what all answers for one goal may cost
    agent = "buyer@1.4.0"                    # `remit propose` without --agent; the same for
    tenant = "acme"                          # --tenant and --owner
    owner = "team:workplace"

Importing it runs the file: a planner is code that its owner trusts, as tools are.
"""

import importlib
import inspect
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Annotated, cast

from pydantic import Field, ValidationError

from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.plan.contract import Party
from remit.plan.planner import Planner
from remit.plan.proposal import LONGEST_ANSWER_S, MOST_ROUNDS
from remit.stores.tool_functions import package
from remit.tool.contract import Money
from remit.tool.model import Model

FILE = "remit.toml"
FOLDER = "planners"
"""Where a project's own planners stand; the package that their modules belong to."""
_MOST_BYTES = 1024 * 1024


class PlannerTable(Model):
    """The table `[planner]`."""

    function: Annotated[
        str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=400)
    ]
    """`module:function`."""
    deadline_s: Annotated[float, Field(gt=0, le=LONGEST_ANSWER_S)] = 60.0
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] = 4
    max_bytes: Annotated[int, Field(ge=1024, le=_MOST_BYTES)] = 256 * 1024
    cost: Money | None = None
    """What one answer is taken to cost; without it nothing."""
    budget_micros: Annotated[int, Field(ge=0, le=2**53 - 1)] | None = None
    """In the currency of `cost`."""
    agent: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")] | None = None
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")] | None = None
    owner: Party | None = None


def load_table(folder: Path) -> PlannerTable | None:
    """Return `[planner]` of a project; `None` when it names no planner.

    Raises:
        InvalidDocumentError: `PLANNER-INVALID`.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _invalid(FILE, f"it cannot be read: {error}") from error
    table = document.get("planner")
    if table is None:
        return None
    try:
        read = PlannerTable.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("planner", *first["loc"]))
        raise _invalid(f"{FILE}#/{place.replace('.', '/')}", f"{place}: {first['msg']}") from error
    if read.budget_micros is not None and read.cost is None:
        raise _invalid(f"{FILE}#/planner/cost", "a budget needs `cost`, which names its currency")
    return read


def load_planner(folder: Path, table: PlannerTable) -> Planner:
    """Return the function that a project's table names.

    Raises:
        InvalidDocumentError: `PLANNER-FUNCTION`.
    """
    name, _, function = table.function.partition(":")
    found = getattr(_module(folder, name), function, None)
    if not inspect.iscoroutinefunction(found):
        why = "is no function" if not callable(found) else "is not `async def`"
        raise _broken(f"{table.function!r} {why}")
    return cast(Planner, found)


def _module(folder: Path, name: str) -> ModuleType:
    try:
        if name.partition(".")[0] != FOLDER:
            return importlib.import_module(name)
        with package(FOLDER, folder / FOLDER):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise _broken(
            f"importing {name!r} raised {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _invalid(path: str, message: str) -> InvalidDocumentError:
    hint = "docs/agents.md lists what `[planner]` takes"
    return InvalidDocumentError(
        [Diagnostic(code="PLANNER-INVALID", path=path, message=message[:500], hint=hint)]
    )


def _broken(message: str) -> InvalidDocumentError:
    hint = f"name it `module:function`; a file of `{FOLDER}` is the module `{FOLDER}.<name>`"
    path = f"{FILE}#/planner/function"
    return InvalidDocumentError(
        [Diagnostic(code="PLANNER-FUNCTION", path=path, message=message, hint=hint)]
    )
