"""The notifier on a real ledger and real HTTP: everybody is told, once, whatever is down."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from remit.ledger.entries import Turn
from remit.notify.message import Links
from remit.stores.ledger import SqlLedger
from tests.receiving import Receiver, receiving
from tests.stores.ledger_values import ROOT, HandClock, gate, intent, key, open_admitted, vote
from tests.waiting import eventually
from workers import notifier
from workers.notifier import NOTIFICATIONS, Notifier

SECRET = "4711-nobody-reads-this"


@pytest.fixture
def clock() -> HandClock:
    """A clock that the test moves."""
    return HandClock(gate().opened_ms)


@pytest.fixture
async def ledger(tmp_path: Path, clock: HandClock) -> AsyncIterator[SqlLedger]:
    """A ledger with one admitted run."""
    opened = await open_admitted(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def ops() -> Iterator[Receiver]:
    """The default channel."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def boss() -> Iterator[Receiver]:
    """The committee's channel."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(notifier, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(notifier, "LONGEST_PAUSE_S", 0.1)


@pytest.fixture
def project(tmp_path: Path, ops: Receiver, boss: Receiver) -> Path:
    """A project with two channels, whose addresses stand in files."""
    (tmp_path / "ops.url").write_text(ops.address + "\n")
    (tmp_path / "boss.url").write_text(boss.address)
    (tmp_path / "remit.toml").write_text(
        '[notify]\ndefault = ["ops"]\nconsole = "https://remit.example"\n'
        '[notify.channels]\nops = "file:ops.url"\nboss = "file:boss.url"\n'
        '[notify.roles]\ncommittee = ["boss"]\n'
    )
    return tmp_path


@asynccontextmanager
async def telling(ledger: SqlLedger, project: Path, clock: HandClock) -> AsyncIterator[Notifier]:
    """Run a notifier for as long as the block lasts."""
    stop = asyncio.Event()
    links = Links("http://ui.example", "default")
    made = Notifier(ledger.notices, project, links, clock)
    running = asyncio.create_task(made.run(stop, 0.02))
    # Only what happens once it looks is news; its first round says from when on.
    await eventually(lambda: _marked(ledger), 10)
    try:
        yield made
    finally:
        stop.set()
        await running


async def _marked(ledger: SqlLedger) -> bool:
    return await ledger.notices.mark() is not None


async def arrived(receiver: Receiver, number: int) -> None:
    """Wait until so many messages came."""

    async def enough() -> bool:
        return len(receiver.raw) >= number

    await eventually(enough, 20, 0.01)


async def settled(ledger: SqlLedger, name: str, channel: str) -> None:
    """Wait until the ledger knows that a message was sent."""

    async def known() -> bool:
        return (name, channel) in await ledger.notices.sent({name})

    await eventually(known, 20, 0.01)


async def test_a_gate_its_escalation_reminders_and_end_are_told(
    ledger: SqlLedger, project: Path, clock: HandClock, ops: Receiver, boss: Receiver
) -> None:
    """Each to whom it asks, each once, with the digest and links and no value of the call."""
    asked = replace(
        gate(),
        card={"arguments": {"iban": SECRET}, "message": SECRET},
        then=(Turn("committee", clock.now_ms + 60_000),),
        remind_every_ms=40_000,
        expires_ms=clock.now_ms + 3_600_000,
    )
    async with telling(ledger, project, clock):
        await ledger.open_gate(asked, [])
        await arrived(ops, 1)
        assert boss.raw == []
        clock.advance(45_000)
        await arrived(ops, 2)
        clock.advance(20_000)
        await arrived(boss, 2)
        await ledger.vote(ROOT, [replace(vote("e1", verdict="reject"), body={"comment": SECRET})])
        await arrived(ops, 3)
        await arrived(boss, 3)

    titles = [str(one["title"]) for one in (*ops.bodies, *boss.bodies)]
    first = str(ops.bodies[0]["message"])
    assert [title.partition(" (")[0].removeprefix("Remit: ") for title in titles] == [
        *("approval wanted", "approval still wanted", "gate rejected"),
        *("approval wanted, nobody has answered yet", "approval still wanted", "gate rejected"),
    ]
    for told in (
        f"run: workflow-{ROOT}",
        "plan: purchase@1.0.0",
        "step: order",
        f"role: {asked.role}",
        "due: 20",
        f"digest: {asked.proposed_digest}",
        f"http://ui.example/namespaces/default/workflows/workflow-{ROOT}",
        f"https://remit.example/gates/{ROOT}/1/order",
    ):
        assert told in first
    assert SECRET.encode() not in b"".join([*ops.raw, *boss.raw])


async def test_a_restart_sends_nothing_twice_and_leaves_nothing_out(
    ledger: SqlLedger, project: Path, clock: HandClock, ops: Receiver
) -> None:
    """What happened while nobody looked is told afterwards."""
    async with telling(ledger, project, clock):
        await ledger.open_gate(gate(), [])
        await settled(ledger, f"gate:{ROOT}/order#1", "ops")
    clock.advance(600_000)
    told = {"role": "owner", "message": SECRET}
    await ledger.begin(replace(intent(key("other")), notices=[told]))
    async with telling(ledger, project, clock) as again:
        await arrived(ops, 2)
        await again.round()
    async with telling(ledger, project, clock) as third:
        await third.round()
        assert third._waiting == set()

    assert [str(one["title"]).split(" (")[0] for one in ops.bodies] == [
        "Remit: approval wanted",
        "Remit: a call begins that you are told of",
    ]
    assert SECRET.encode() not in b"".join(ops.raw)


async def test_a_channel_that_is_down_is_tried_again_and_holds_up_no_other(
    ledger: SqlLedger,
    project: Path,
    clock: HandClock,
    ops: Receiver,
    boss: Receiver,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One refuses, one hangs: the third is told at once, and the first as soon as it listens."""
    ops.status = 503
    boss.hangs.clear()
    with receiving() as third:
        (project / "third.url").write_text(third.address)
        text = (project / "remit.toml").read_text()
        text = text.replace('boss = "', 'third = "file:third.url"\nboss = "')
        three = text.replace('default = ["ops"]', 'default = ["ops", "boss", "third"]')
        (project / "remit.toml").write_text(three)
        failed = NOTIFICATIONS.labels("ops", "failed")
        before = failed._value.get()
        async with telling(ledger, project, clock):
            await ledger.open_gate(gate(), [])
            await arrived(third, 1)

            async def tried() -> bool:
                return failed._value.get() >= before + 2

            await eventually(tried, 20, 0.01)
            assert (ops.raw, boss.raw) == ([], [])
            ops.status = 200
            boss.hangs.set()
            await arrived(ops, 1)
            await arrived(boss, 1)

    said = "".join(capfd.readouterr())
    assert "not sent" in said
    assert "hush" not in said


async def test_bad_settings_leave_those_that_stand(
    ledger: SqlLedger, project: Path, clock: HandClock, ops: Receiver
) -> None:
    """A file that is changed is read again, without a restart; a broken one stops nobody."""
    async with telling(ledger, project, clock):
        good = (project / "remit.toml").read_text()
        (project / "remit.toml").write_text(good.replace('boss"]', 'nobody"]'))
        await ledger.open_gate(gate(), [])
        await arrived(ops, 1)
        with receiving() as moved:
            (project / "ops.url").write_text(moved.address)
            (project / "remit.toml").write_text(good + "\n")
            await ledger.vote(ROOT, [vote("e1", verdict="reject")])
            await arrived(moved, 1)

    assert len(ops.raw) == 1


async def test_what_is_over_is_not_asked_for(
    ledger: SqlLedger, project: Path, clock: HandClock, ops: Receiver
) -> None:
    """A gate that ended while its channel was down is told of as ended, not as open."""
    ops.status = 503
    failed = NOTIFICATIONS.labels("ops", "failed")
    before = failed._value.get()
    async with telling(ledger, project, clock):
        await ledger.open_gate(gate(), [])

        async def tried() -> bool:
            return failed._value.get() > before

        await eventually(tried, 20, 0.01)
        await ledger.vote(ROOT, [vote("e1", verdict="reject")])

        async def closed() -> bool:
            return not (await ledger.notices.news(0)).open

        await eventually(closed, 10, 0.01)
        before = failed._value.get()
        await eventually(tried, 20, 0.01)
        ops.status = 200
        await arrived(ops, 1)

    assert [one["title"] for one in ops.bodies][-1] == "Remit: gate rejected (purchase@1.0.0)"
    assert json.dumps(ops.bodies).count("gate rejected") == 1
