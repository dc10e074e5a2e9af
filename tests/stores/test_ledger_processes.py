"""Several tasks and several processes on one ledger file, and a process killed in the middle."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from remit.ledger.entries import Reserve, State
from remit.ledger.errors import LedgerError
from remit.plan.path import StepKey
from remit.stores import writer
from remit.stores.ledger import SqlLedger, open_ledger
from tests.stores.ledger_values import (
    ROOT,
    HandClock,
    chain_of,
    gate,
    intent,
    key,
    kinds,
    open_admitted,
)

REPOSITORY = Path(__file__).parents[2]


async def _start(url: str, what: str, name: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.stores.ledger_process",
        url,
        what,
        name,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def _codes(*calls: asyncio.Task[int]) -> list[str]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, int | LedgerError) for result in results)
    return [result.code if isinstance(result, LedgerError) else "" for result in results]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_one_of_fifty_begins_a_key(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, in_thread: bool
) -> None:
    """Fifty tasks ask for one key: one gets it, wherever commits run."""
    if in_thread:
        monkeypatch.setattr(writer, "INLINE_S", -1.0)
    codes = await _codes(
        *[asyncio.create_task(ledger.begin(intent(owner=f"w-{n}"))) for n in range(50)]
    )

    assert sorted(codes) == ["", *["STEP-OPEN"] * 49]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_ten_of_fifty_fit_under_a_ceiling(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, in_thread: bool
) -> None:
    """Fifty calls reserve where ten fit: exactly ten begin."""
    if in_thread:
        monkeypatch.setattr(writer, "INLINE_S", -1.0)
    room = [Reserve("run/run/micros", 1, 10)]
    codes = await _codes(
        *[asyncio.create_task(ledger.begin(intent(key("a", n), reserve=room))) for n in range(50)]
    )

    assert sorted(codes) == [*[""] * 10, *["RESERVE-CONFLICT"] * 40]
    assert await ledger.counter("run/run/micros") == 10
    await chain_of(ledger)


async def test_two_processes_share_one_ledger(ledger: SqlLedger, ledger_url: str) -> None:
    """Two processes race for a key and for room: one wins, ten fit, one chain holds."""
    processes = [await _start(ledger_url, "race", name) for name in ("a", "b")]
    assert [await _line(process) for process in processes] == ["ready", "ready"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    answers = [(await _line(process)).split() for process in processes]
    assert [await process.wait() for process in processes] == [0, 0]

    assert sum(int(won) for won, _ in answers) == 1
    assert sum(int(fitted) for _, fitted in answers) == 10
    assert await ledger.counter("run/race/micros") == 10
    assert len(await chain_of(ledger)) == 1 + 1 + 10


async def test_a_killed_process_loses_nothing_acknowledged(
    ledger_url: str,
) -> None:
    """`kill -9` amid a burst: the chain holds, and every acknowledged write stands."""
    first = await open_admitted(ledger_url)
    await first.close()
    process = await _start(ledger_url, "burst", "k")
    lines = [await _line(process) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    # The last line may have been cut.
    lines += (await process.stdout.read()).decode().split("\n")[:-1]
    await process.wait()

    ledger = await open_admitted(ledger_url)
    states = {one.key.path: one.state for one in await ledger.begun(ROOT, "")}
    records = await chain_of(ledger)
    intents = {
        StepKey.parse(f"{ROOT}:{record['body']['path']}:do").path
        for record in records
        if record["kind"] == "intent"
    }
    await ledger.close()

    assert len(lines) >= 200
    for line in lines:
        said, path = line.split()
        assert path in states
        assert said == "begun" or states[path] is State.HAPPENED
    assert intents == set(states)


async def test_a_process_killed_while_giving_up_costs_no_lease(ledger_url: str) -> None:
    """`kill -9` amid such a burst: each attempt is open as it was, or a question; none was taken
    by the dead one."""
    first = await open_admitted(ledger_url)
    await first.close()
    process = await _start(ledger_url, "lose", "k")
    lines = [await _line(process) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    await process.wait()

    ledger = await open_admitted(ledger_url)
    found = {one.key.path: one for one in await ledger.begun(ROOT, "")}
    records = [(one["kind"], one["body"]["path"]) for one in (await chain_of(ledger))[1:]]
    left = [one for one in found.values() if one.state is State.OPEN]
    for one in left:
        asked = await ledger.give_up(one.key, 1, "next", "gone")
        assert (asked.state, asked.attempts) == (State.IN_DOUBT, 2)
    await ledger.close()

    assert {(one.attempts, one.owner) for one in left} <= {(1, "worker-1")}
    assert all(found[line.split()[1]].state is State.IN_DOUBT for line in lines)
    for path, one in found.items():
        told = [kind for kind, about in records if about == path]
        doubted = ["takeover", "outcome"] if one.state is State.IN_DOUBT else []
        assert told == ["intent", *doubted]


async def test_what_no_column_holds_spoils_nobody_elses_write(ledger: SqlLedger) -> None:
    """Only the tables find the fault, when a group is written: it is one caller's."""
    calls = [ledger.begin(intent(key("good", number))) for number in range(6)]
    calls.insert(3, ledger.begin(intent(key("bad"), lease_until_ms=2**70)))
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert [result for result in results if result == 1] == [1] * 6
    assert isinstance(results[3], LedgerError | OverflowError)
    assert (await ledger.look(key("bad"))).action is None
    assert len(await chain_of(ledger)) == 7


async def test_one_group_sees_what_it_has_written_so_far(ledger: SqlLedger) -> None:
    """A write that asks about rows of the group's earlier writes finds them."""
    two = [key("two", number) for number in range(2)]
    begun = [asyncio.create_task(ledger.begin(intent(one))) for one in two]
    fenced = asyncio.create_task(ledger.fence(ROOT, "", "three"))
    late = asyncio.create_task(ledger.begin(intent(key("three"))))
    gates = [asyncio.create_task(ledger.open_gate(gate(key("gated")), [])) for _ in range(2)]

    assert [await one for one in begun] == [1, 1]
    await fenced
    with pytest.raises(LedgerError) as error:
        await late
    assert error.value.code == "STEP-FENCED"
    assert [(await one).id for one in gates] == ["gated#1"] * 2
    assert kinds(await chain_of(ledger))[1:] == ["intent", "intent", "fence", "gate"]


async def test_one_that_leaves_takes_no_log_from_a_process_that_opened_twice(
    made_url: str, clock: HandClock
) -> None:
    """Opening a second one must not cost the first one its locks on the file."""
    file = made_url.removeprefix("sqlite:///")
    first = await open_admitted(made_url, clock=clock)
    second = await open_ledger(made_url)
    leaves = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM runs')"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", leaves, file)
    assert await asyncio.wait_for(process.wait(), 60) == 0

    assert await asyncio.to_thread(Path(f"{file}-wal").exists)
    await first.begin(intent(key("one")))
    assert (await second.look(key("one"))).action is not None
    await asyncio.gather(first.close(), second.close())
