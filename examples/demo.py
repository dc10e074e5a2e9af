"""`make demo`: a purchase that waits for a person and completes; the same one again, undone; proof.

Everything is real: Temporal, OPA, the ledger, the back office's HTTP API, and the `temporal`
command lines, which are run as they are printed. The narration is checked against the company's own
books: the exit code is 0 only when all of it is as it must be.

    python -m examples.demo [PROJECT]     KEEP=0: stop the stack at the end
"""

import asyncio
import json
import os
import secrets
import shlex
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx2
from pydantic import BaseModel

from remit.canonical import JSON, JSONObject
from remit.cli.output import clean
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.errors import StackError
from remit.cli.telling import changes, waiting
from remit.client.connection import connect
from remit.client.errors import ClientError
from remit.client.following import follow
from remit.client.outcome import Outcome, outcome
from remit.client.snapshot import Snapshot
from remit.client.submission import Handle, handle_of
from remit.ledger.records import verify_chain
from remit.stores.ledger import open_ledger

OURS: Final = Path(__file__).resolve().parent / "backoffice"
PLAN: Final = "purchase-laptops@1.0.0"
HOLDER: Final = "budget.holder@acme.example"
FAULT: Final = "/faults/supplier.confirm_order"
PRICE_MICROS: Final = 4_200_000_000
DONE: Final = [
    "do finance.reservation",
    "do erp.order",
    "do finance.entry",
    "do supplier.confirmation",
    "do mail.message",
]
UNDONE: Final = [*DONE[:3], "undo finance.entry", "undo erp.order", "undo finance.reservation"]


class NotAsItMustError(Exception):
    """Something differs from what Remit promises."""


def say(text: str = "") -> None:
    """Print a line of the narration; nobody's text can move the cursor."""
    sys.stdout.write(clean(text) + "\n")
    sys.stdout.flush()


def act(title: str) -> None:
    """Begin a part."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    sys.stdout.write(f"\n{bold}── {clean(title)}{plain}\n\n")


def must(holds: bool, promise: str) -> None:
    """Say that `promise` was kept, or stop."""
    if not holds:
        raise NotAsItMustError(promise)
    say(f"  ✓ {promise}")


class Effect(BaseModel):
    """An entry of the company's journal."""

    kind: str
    identity: str
    """Business identity: whose purchase, from whom, under which reference."""
    direction: str
    """`do` or `undo`."""


class Journal(BaseModel):
    """A page of the journal."""

    entries: list[Effect]
    next_after: int | None


class Books(BaseModel):
    """What stands in the company."""

    state: dict[str, JSON]


class Budget(BaseModel):
    """What a department may spend."""

    available_micros: int


class Office:
    """The back office, asked directly, past Remit: its books are the witness."""

    def __init__(self, url: str) -> None:
        """Ask at `url`."""
        self.url = url

    def ask(self, method: str, path: str, body: JSONObject | None = None) -> bytes:
        """Return the service's answer."""
        answer = httpx2.request(method, self.url + path, json=body, timeout=20)
        answer.raise_for_status()
        return answer.content

    def state(self) -> JSONObject:
        """Return what stands in the company, without the mail that was sent."""
        books = Books.model_validate_json(self.ask("GET", "/state"))
        return {name: part for name, part in books.state.items() if not name.startswith("mail.")}

    def effects(self, reference: str) -> list[Effect]:
        """Return the journal's entries about one purchase, in order."""
        entries: list[Effect] = []
        after: int | None = 0
        while after is not None:
            page = Journal.model_validate_json(self.ask("GET", f"/journal?after={after}"))
            entries += [entry for entry in page.entries if reference in entry.identity]
            after = page.next_after
        return entries

    def break_supplier(self) -> None:
        """Let the next confirmation be a lie."""
        fault: JSONObject = {"mode": "lie", "times": 1}
        say(f"PUT {self.url}{FAULT} {json.dumps(fault)}")
        self.ask("PUT", FAULT, fault)

    def mend_supplier(self) -> None:
        """Take the fault away, if it is still there."""
        self.ask("DELETE", FAULT)

    def make_ready(self) -> None:
        """Take away what an interrupted demo may have left, and see that there is money."""
        self.mend_supplier()
        answer = self.ask("GET", "/finance/budgets/workplace")
        if Budget.model_validate_json(answer).available_micros < 2 * PRICE_MICROS:
            say("The workplace budget is used up by earlier purchases: the company starts afresh.")
            self.ask("POST", "/reset")


@dataclass(frozen=True, slots=True)
class Stage:
    """What the acts play on."""

    environment: StackEnvironment
    office: Office

    async def shell(self, command: str) -> str:
        """Print a command line, run it, print its answer; it must go well."""
        code, output = await self.typed(command)
        if code:
            raise NotAsItMustError(f"the command ends with {code}")
        return output

    async def typed(self, command: str) -> tuple[int, str]:
        """Print a command line, run it, print its answer."""
        say(f"$ {command}")
        path = os.pathsep.join([str(self.environment.temporal_binary.parent), os.environ["PATH"]])
        running = await asyncio.create_subprocess_exec(
            *("sh", "-c", command),
            env={
                **os.environ,
                "PATH": path,
                "TEMPORAL_ADDRESS": self.environment.temporal_address,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await running.communicate()
        for line in output.decode(errors="replace").rstrip().splitlines():
            say(f"  {line}")
        return running.returncode or 0, output.decode(errors="replace")

    async def start(self, reference: str) -> Handle:
        """Start the purchase as a stranger would."""
        document = json.dumps({"plan": PLAN, "inputs": {"reference": reference}})
        await self.shell(
            "temporal workflow start --type ExecutePlan --task-queue remit "
            f"--workflow-id {reference} --input {shlex.quote(document)}"
        )
        client = await connect(self.environment.temporal_address)
        return handle_of(client, reference)

    async def until_it_waits(self, handle: Handle) -> Snapshot:
        """Show the run until a person is asked."""
        before = None
        async for now in follow(handle):
            for line in changes(before, replace(now, waits=())):
                say(f"  {line}")
            if now.waits:
                return now
            before = now
        raise NotAsItMustError("the run waits for a person")

    async def approve(self, handle: Handle, now: Snapshot) -> None:
        """Answer the gate with the very command that the run prints."""
        say(f"\nThe run printed the command to type. We are {HOLDER}, and type it:\n")
        await self.shell(now.waits[0].command.replace("YOU", HOLDER))
        say()

    async def until_it_ends(self, handle: Handle, before: Snapshot) -> Outcome:
        """Show the run until it is over."""
        async for now in follow(handle):
            for line in changes(before, now):
                say(f"  {line}")
            before = now
        return await outcome(handle)

    async def link(self, handle: Handle) -> str:
        """Return the run's page in Temporal's web UI."""
        run = (await handle.workflow.describe()).run_id
        place = f"namespaces/{self.environment.temporal_namespace}/workflows/{handle.id}/{run}"
        return f"{self.environment.temporal_ui}/{place}/history"

    def show_journal(self, reference: str) -> list[str]:
        """Print the company's journal of one purchase; return `direction kind` of each entry."""
        say("The back office's own journal of this purchase:\n")
        entries = self.office.effects(reference)
        for entry in entries:
            say(f"  {entry.direction:>4}  {entry.kind:<24} {entry.identity}")
        say()
        return [f"{entry.direction} {entry.kind}" for entry in entries]

    async def check_ledger(self, handle: Handle) -> None:
        """Check the hash chain of the run's records."""
        root = (await handle.workflow.describe()).raw_info.first_run_id
        ledger = await open_ledger(self.environment.ledger_url)
        try:
            records = await ledger.records(root)
        finally:
            await ledger.close()
        kinds = Counter(str(record["kind"]) for record in records)
        holds = bool(records) and verify_chain(records) is None
        must(holds, f"the run's {len(records)} ledger records form an unbroken hash chain")
        say(f"    {', '.join(f'{count} {kind}' for kind, count in kinds.items())}")
        say("    (read from the ledger just now)")


async def completes(stage: Stage, reference: str) -> None:
    """Play the purchase that a person approves."""
    act("1. A purchase. Ordering spends money, so policy wants the budget holder first")
    handle = await stage.start(reference)
    now = await stage.until_it_waits(handle)
    say("\nIt waits; anybody can find it, even with no worker alive:\n")
    for line in waiting(now.waits[0]):
        say(f"  {line}")
    await stage.approve(handle, now)
    end = await stage.until_it_ends(handle, now)
    must(end.status == "completed", "the run completed")
    must(stage.show_journal(reference) == DONE, "each effect happened exactly once")
    await stage.check_ledger(handle)
    say(f"\n  Look at it: {await stage.link(handle)}")


async def is_undone(stage: Stage, reference: str) -> None:
    """Play the same purchase with a supplier that only says that it confirmed."""
    act("2. The same plan, and the supplier's system says yes without confirming anything")
    before = stage.office.state()
    handle = await stage.start(reference)
    now = await stage.until_it_waits(handle)
    say("\nWhile it waits, we break the supplier: it will answer as ever, and do nothing.\n")
    stage.office.break_supplier()
    await stage.approve(handle, now)
    end = await stage.until_it_ends(handle, now)
    must(end.status == "failed", "reading back showed that nothing was confirmed: the run failed")
    must(stage.show_journal(reference) == UNDONE, "every effect was undone, the last one first")
    must(not end.residue, "nothing is left behind")
    must(stage.office.state() == before, "the company's books are where they were before")
    await stage.check_ledger(handle)
    say(f"\n  Look at it: {await stage.link(handle)}")


async def is_proved(stage: Stage, reference: str, project: Path) -> None:
    """Take the evidence of the undone purchase away, verify it offline, and forge it."""
    act("3. The evidence of it, to take away: verified with the archive and a public key alone")
    kept = project / ".remit" / "evidence"
    archive, page = kept / f"{reference}.zip", kept / f"{reference}.html"
    remit, key = _typed_remit(), shlex.quote(str(kept / "keys" / "log.pub"))
    named = f"--project {shlex.quote(str(project))}"
    say("The keeper seals a run within half a minute of its end; --wait waits for that.\n")
    await stage.shell(f"{remit} evidence export {reference} -o {_typed(archive)} --wait 90 {named}")
    await stage.shell(f"{remit} evidence verify {_typed(archive)} --key {key}")
    must(True, "the evidence holds")
    forged = kept / f"{reference}-forged.zip"
    forge(archive, forged)
    say("\nNow somebody changes one word in it, who approved:\n")
    code, _ = await stage.typed(f"{remit} evidence verify {_typed(forged)} --key {key}")
    must(code == 1, "the forgery does not hold, and its record is named")
    forged.unlink()
    await stage.shell(f"{remit} evidence show {_typed(archive)} --key {key} -o {_typed(page)}")
    say(f"\n  Look at it: {page.as_uri()}")


def forge(archive: Path, target: Path) -> None:
    """Write a copy of an archive in which another person approved."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "records.jsonl":
                content = content.replace(HOLDER.encode(), b"somebody.else@acme.example", 1)
            new.writestr(entry, content)


def _typed(file: Path) -> str:
    return shlex.quote(os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file))


def farewell(stage: Stage, project: Path) -> None:
    """Tell how to look, how to play, and how to stop."""
    remit, named = _typed_remit(), "" if project == OURS else f" --project {project}"
    act("The stack stays up for you")
    say(f"look    {stage.environment.temporal_ui}/namespaces/default/workflows")
    say(f"        curl {stage.office.url}/journal/summary")
    say(f'play    eval "$({remit} env{named})"')
    say(
        "        temporal workflow start --type ExecutePlan --task-queue remit "
        "--input-file examples/plans/purchase.json"
    )
    say("        temporal workflow list --query 'RemitAwaits=\"budget_holder\"'")
    say(f"        {remit} run examples/plans/onboarding.json{named}")
    say(f"stop    {remit} down{named}")


def _typed_remit() -> str:
    beside = Path(sys.executable).parent / "remit"
    if not beside.exists():
        return f"{sys.executable} -m remit"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


async def play(project: Path) -> None:
    """Play all acts on the running stack of `project`."""
    parts = {part.name: part.address for part in stack.status(project).components}
    stage = Stage(stack.environment(project), Office(f"http://{parts['backoffice']}"))
    stage.office.make_ready()
    # A name of its own: runs, purchases and journals of two demos never meet.
    name = f"demo-{time.strftime('%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    try:
        await completes(stage, f"{name}-a")
        await is_undone(stage, f"{name}-b")
        await is_proved(stage, f"{name}-b", project)
    finally:
        stage.office.mend_supplier()
    if keeps():
        farewell(stage, project)


def keeps() -> bool:
    """Whether the stack stays up at the end."""
    return os.environ.get("KEEP", "1") != "0"


def main() -> int:
    """Return 0, 1 when a promise was broken, 3 without a stack, 130 after Ctrl-C."""
    project = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else OURS
    act("The stack: Temporal, OPA, workers, and a company's back office")
    try:
        stack.up(project, lambda line: say(f"  {line}"))
        asyncio.run(play(project))
    except NotAsItMustError as broken:
        say(f"\n  ✗ not so: {broken}")
        return 1
    except (StackError, ClientError) as error:
        say(f"\n  ✗ {error.diagnostic.code}: {error.diagnostic.message}")
        say(f"    → {error.diagnostic.hint}")
        return 3
    except httpx2.HTTPError as error:
        say(f"\n  ✗ the back office does not answer as it must: {error}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted; `make demo` begins again, `make down` stops the stack")
        return 130
    finally:
        if not keeps():
            stack.down(project, lambda line: say(f"  {line}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
