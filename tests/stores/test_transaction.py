"""What a transaction keeps until it must be written, and in which order it goes out."""

from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy.dialects import sqlite

from remit.ledger.entries import Bounds
from remit.ledger.errors import LedgerError
from remit.ledger.limits import Slots
from remit.plan.path import StepKey
from remit.stores.inserting import Way, add, change, insert_new, insert_once, remove, upsert
from remit.stores.limits import hold
from remit.stores.line import Question
from remit.stores.schema import actions, attempts, barriers, chains, contents, deeds
from remit.stores.statements import Given, Prepared, Row, Statements, Value
from remit.stores.transaction import Transaction


class Overheard:
    """A line that notes what is written, and knows nothing."""

    def __init__(self) -> None:
        self.written: list[tuple[str, list[Mapping[str, Value]]]] = []

    def send(self, text: str) -> None:
        """Nothing is sent here."""

    def put(self, prepared: Prepared, rows: Sequence[Mapping[str, Value]]) -> None:
        """Note the statement's verb and table."""
        words = prepared.text.replace("INTO ", "").replace("FROM ", "").split()
        self.written.append((" ".join(words[:2]), list(rows)))

    def ask(self, questions: Sequence[Question]) -> Sequence[Sequence[Row]]:
        """Know nothing."""
        return [[] for _ in questions]

    def run(self, prepared: Prepared, values: Mapping[str, Given]) -> int:
        """Meet no row."""
        return 0

    def settle(self) -> None:
        """Nothing is under way."""


@pytest.fixture
def line() -> Overheard:
    """What is written."""
    return Overheard()


@pytest.fixture
def tx(line: Overheard) -> Transaction:
    """A transaction of a file."""
    return Transaction(line, Statements(sqlite.dialect()), 1, lock_rows=False)


def row(number: int, generation: int = 1) -> dict[str, Value]:
    """Return a row of `barriers`."""
    return {"root": "r", "path": f"p{number}", "generation": generation}


def test_rows_of_a_table_go_out_together_and_in_order(tx: Transaction, line: Overheard) -> None:
    """What others refer to goes first, and of one table the keys are in order."""
    at = {"root": "r", "path": "p", "direction": "do"}
    tx.insert(insert_new, attempts, {**at, "attempt": 1})
    for number in (2, 1):
        tx.insert(upsert, barriers, row(number))
    tx.insert(upsert, actions, {**at, "state": "open"})
    tx.insert(insert_once, chains, {"root": "r"})
    tx.send()

    names = [name for name, _ in line.written]
    assert names.index("INSERT chains") < names.index("INSERT barriers")
    assert names.index("INSERT actions") < names.index("INSERT attempts")
    assert dict(line.written)["INSERT barriers"] == [row(1), row(2)]


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([upsert, upsert], [("INSERT barriers", 2)]),
        ([insert_new, change], [("INSERT barriers", 2)]),
        ([change, change], [("UPDATE barriers", 2)]),
        ([insert_once, insert_once], [("INSERT barriers", 1)]),
        ([insert_new, remove], [("DELETE barriers", None)]),
        ([remove, insert_new], [("DELETE barriers", None), ("INSERT barriers", 2)]),
        ([insert_once, change], [("INSERT barriers", 1), ("UPDATE barriers", 2)]),
        ([insert_new, insert_new], [("INSERT barriers", 1), ("INSERT barriers", 2)]),
    ],
)
def test_one_row_written_twice_is_what_both_amount_to(
    tx: Transaction, line: Overheard, ways: Sequence[Way], expected: Sequence[tuple[str, Value]]
) -> None:
    """Only what cannot be said in one statement takes two; a clash stays one for the database."""
    for generation, way in enumerate(ways, 1):
        if way is remove:
            tx.remove(barriers, {"root": "r", "path": "p0"})
        elif way is change:
            tx.change(barriers, row(0, generation))
        else:
            tx.insert(way, barriers, row(0, generation))
    tx.send()

    assert [(name, rows[0].get("generation")) for name, rows in line.written] == expected


def test_a_refused_request_leaves_nothing(tx: Transaction, line: Overheard) -> None:
    """What it kept and noted is forgotten, and what stood before it is not."""
    tx.insert(upsert, barriers, row(1))
    tx.note("known", "before")
    tx.accept()
    tx.insert(upsert, barriers, row(2))
    tx.note("known", "after")

    assert tx.refuse()
    assert tx.recall("known") == "before"
    tx.send()
    assert line.written == [("INSERT barriers", [row(1)])]


def test_a_question_about_kept_rows_sends_them(tx: Transaction, line: Overheard) -> None:
    """Others do not; and who asked about rows of its own cannot be refused without a rollback."""
    tx.insert(upsert, barriers, row(1))
    tx.all(contents.select())
    assert line.written == []

    tx.all(barriers.select())
    assert line.written == [("INSERT barriers", [row(1)])]
    assert not tx.refuse()


def test_what_is_added_twice_goes_out_once(tx: Transaction, line: Overheard) -> None:
    """Two additions to one row are one of both; one behind another way waits its turn."""
    for times in (1, 1, -1):
        tx.insert(add, deeds, {"scope": "r", "tool": "t@1", "times": times})
    tx.insert(add, deeds, {"scope": "r", "tool": "u@1", "times": 1})
    tx.insert(add, barriers, row(1, 2))
    tx.insert(upsert, barriers, row(2, 2))
    tx.insert(add, barriers, row(2, 3))
    tx.send()

    written = [rows for verb, rows in line.written if verb == "INSERT deeds"]
    assert written == [
        [{"scope": "r", "tool": "t@1", "times": 1}, {"scope": "r", "tool": "u@1", "times": 1}]
    ]
    assert [len(rows) for verb, rows in line.written if verb == "INSERT barriers"] == [1, 1, 1]


class Slotted(Overheard):
    """A line that knows of a row whose lease is over, and then of one that holds the only slot."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Row] = [("r", "old", "do", 0), ("r", "other", "do", 9)]

    def ask(self, questions: Sequence[Question]) -> Sequence[Sequence[Row]]:
        """Answer each question with the next row."""
        return [[self.held.pop(0)] for _ in questions]


def test_a_call_without_room_has_written_nothing() -> None:
    """Not even what it found left over under the first of its names: its group is not spoilt."""
    line = Slotted()
    tx = Transaction(line, Statements(sqlite.dialect()), 1, lock_rows=False)
    key, bounds = StepKey.parse("r:p:do"), Bounds([Slots("tool:a@1", 1), Slots("agent:b", 1)])

    with pytest.raises(LedgerError, match="agent:b takes 1 calls"):
        hold(tx, key, bounds, until_ms=9, is_urgent=False)

    assert tx.refuse()
    assert line.written == []
