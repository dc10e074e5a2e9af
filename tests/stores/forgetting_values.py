"""Runs whose contents may be forgotten, on a real ledger."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, select

from remit.canonical import JSON
from remit.ledger.entries import Admission, Content, FrozenUndo
from remit.ledger.retention import Periods, Rule
from remit.plan.path import StepKey
from remit.stores.ledger import SqlLedger
from remit.stores.schema import contents
from tests.stores.ledger_values import content, intent, key, outcome, run_row

DAY_MS = 86_400_000
PERSONAL = content({"data_classes": ["personal"]})
MONEY = content({"data_classes": ["financial", "personal"]})
BARE = content({"data_classes": []})
TOOLS = {"mail.send@1": PERSONAL, "bank.pay@1": MONEY, "lab.put@1": BARE}
DOCUMENT = content({"plan": "as it was proposed"})
PLAN = content(
    {
        "plan_digest": DOCUMENT.digest,
        "contracts": {name: one.digest for name, one in TOOLS.items()},
    }
)
PERIODS: Periods = {
    "personal": Rule("personal P30D", 30 * DAY_MS),
    "default": Rule("default P1Y", 366 * DAY_MS),
}
WINDOW_MS = 7 * DAY_MS


def step(root: str, name: str) -> StepKey:
    """Return the key of a step of a run."""
    return key(name, root=root)


async def begin_run(ledger: SqlLedger, root: str, inputs: JSON = None) -> None:
    """Admit a run of the plan."""
    given = content({"inputs": inputs})
    run = replace(run_row(root), compiled=PLAN.digest, plan_digest=DOCUMENT.digest)
    admission = Admission(root, "", PLAN.digest, given.digest, "decision-0", "revision-1")
    await ledger.admit(run, admission, [DOCUMENT, PLAN, given, *TOOLS.values()], [])


async def call(
    ledger: SqlLedger, root: str, name: str, arguments: JSON, output: JSON, tool: str
) -> tuple[Content, Content]:
    """Make a call; return what it took and what it gave."""
    contract = TOOLS[tool].digest
    given, got = content(arguments), content(output)
    began = replace(intent(step(root, name)), tool=tool, contract=contract, arguments=given)
    await ledger.begin(began)
    undo = FrozenUndo("lab.drop@1", contract, given.digest)
    await ledger.finish(replace(outcome(step(root, name)), output=got, undo=undo))
    return given, got


async def finished(
    ledger: SqlLedger, root: str, calls: Sequence[tuple[str, JSON, JSON, str]]
) -> list[Content]:
    """Run it to its end; return the contents of its calls."""
    await begin_run(ledger, root)
    made = [one for each in calls for one in await call(ledger, root, *each)]
    await ledger.close_run(root, "completed", [])
    return made


def bytes_of(url: str) -> bytes:
    """Return all that the database's files hold; of PostgreSQL, all that its table still gives."""
    if not url.startswith("sqlite"):
        return b"".join(_bodies(url))
    file = Path(url.removeprefix("sqlite:///"))
    beside = file.with_name(file.name + "-wal")
    return file.read_bytes() + (beside.read_bytes() if beside.exists() else b"")


def _bodies(url: str) -> list[bytes]:
    engine = create_engine(url)
    with engine.connect() as connection:
        bodies = [bytes(body) for body in connection.execute(select(contents.c.body)).scalars()]
    engine.dispose()
    return bodies
