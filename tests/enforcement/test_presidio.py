"""Reading texts by presidio: what it finds, and that nothing passes when it cannot.

The first tests run on any machine: the process is one that misbehaves. The others need the extra.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from remit.data.findings import Match
from remit.enforcement import presidio
from remit.enforcement.detecting import Detecting
from remit.enforcement.presidio import DataError, DataTable, Presidio, load_reader
from tests.waiting import eventually
from workers.fleet import NotReadyError, reading
from workers.settings import WorkerSettings

CHILDREN = {
    "dies": "raise SystemExit(1)",
    "is silent": "import time; print('ready', flush=True); time.sleep(600)",
    "is gone when it is asked": "print('ready', flush=True); input()",
    "says too little": "print('ready', flush=True); input(); print('[]', flush=True); input()",
    "says no JSON": "print('ready', flush=True); input(); print('no', flush=True); input()",
    "says no matches": "print('ready', flush=True); input(); print('[[[1]]]', flush=True); input()",
}
TEXT = "jo@acme.example"


def reader(folder: Path, child: str, deadline_s: float = 20, **table: Any) -> Presidio:
    """Return a reader by a process that runs a text of Python."""
    file = folder / "child.py"
    file.write_text(child)
    return Presidio(DataTable(detector="presidio", deadline_s=deadline_s, **table), folder, file)


def counted(outcome: str) -> float:
    """Return how many values came to that."""
    return REGISTRY.get_sample_value("remit_data_reads_total", {"outcome": outcome}) or 0


@pytest.mark.parametrize("child", CHILDREN)
async def test_what_could_not_be_read_is_not_looked_through(tmp_path: Path, child: str) -> None:
    """The default's findings stand, everything else is open; counted."""
    outcome = "late" if child == "is silent" else "failed"
    made = reader(tmp_path, CHILDREN[child], 0.5 if outcome == "late" else 20)
    before = counted(outcome)
    await made.load()
    found = await Detecting(made).look_through({"to": TEXT})
    await made.aclose()

    assert (found.classes, found.is_whole) == (["email"], False)
    assert counted(outcome) == before + 1


async def test_a_process_that_is_late_is_killed_and_another_asked(tmp_path: Path) -> None:
    """Its late answer is never taken for that to the next question."""
    script = (
        "import json, os, time\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    texts = json.loads(input())\n"
        "    open('PIDS', 'a').write(f'{os.getpid()}\\n')\n"
        "    time.sleep(600 if texts == ['slow'] else 0)\n"
        "    print(json.dumps([[[0, 1, 'person', 85]]]), flush=True)\n"
    ).replace("PIDS", str(tmp_path / "pids"))
    made = reader(tmp_path, script, 2)
    await made.load()
    late = await made.read(["slow"])
    await made.load()
    again = await made.read(["quick"])
    first, second = map(int, (tmp_path / "pids").read_text().split())
    await made.aclose()

    assert (late, again) == ({}, {"quick": (Match(0, 1, "person", 85),)})
    assert first != second
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_text_that_cannot_be_read_costs_nobody_else_the_process(tmp_path: Path) -> None:
    """It counts as not looked through, and the next one is read at once."""
    script = (
        "import json\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    texts = json.loads(input())\n"
        "    print(json.dumps(None if texts == ['odd'] else [[]]), flush=True)\n"
    )
    made = reader(tmp_path, script)
    await made.load()
    before = await made._process()

    assert (await made.read(["odd"]), await made.read(["even"])) == ({}, {"even": ()})
    assert await made._process() is before
    await made.aclose()


async def test_texts_that_are_too_long_are_not_sent(tmp_path: Path) -> None:
    """Together; no process is made for them, and none for nothing."""
    made = reader(tmp_path, CHILDREN["dies"], max_chars=10)
    before = counted("too_large")

    assert await made.read(["123456", "78901"]) == await made.read([]) == {}
    assert (counted("too_large"), counted("failed")) == (before + 1, counted("failed"))
    assert made._loading is None


async def test_those_that_wait_are_bounded(tmp_path: Path) -> None:
    """One question at a time; whoever comes when too many wait is not read, at once."""
    before = counted("crowded")
    made = reader(tmp_path, CHILDREN["is silent"], 0.5)
    await made.load()
    asking = [asyncio.ensure_future(made.read([str(at)])) for at in range(65)]
    found = await asyncio.gather(*asking)
    await made.aclose()

    assert found == [{}] * 65
    assert counted("crowded") == before + 1


async def test_the_process_ends_when_nobody_asks_any_more(tmp_path: Path) -> None:
    """Its standard input is closed with the worker."""
    made = reader(
        tmp_path, "print('ready', flush=True); input(); print('[[]]', flush=True); input()"
    )
    await made.read(["x"])
    process = await made._process()
    assert process.stdin is not None
    process.stdin.close()

    async def is_over() -> bool:
        return process.returncode is not None

    await eventually(is_over)
    await made.aclose()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('detector = "best"', "data.detector"),
        ('detector = "presidio"\nlanguage = "English"', "data.language"),
        ("more = 1", "data.more"),
        ('detector = "presidio"\nmodel = "en_none_sm"', "en_none_sm"),
        ("[", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, said: str
) -> None:
    """With its code, the place and where to look."""
    monkeypatch.setattr(presidio, "find_spec", lambda name: name == "presidio_analyzer" or None)
    (tmp_path / "remit.toml").write_text(f"[data]\n{table}\n")

    with pytest.raises(DataError, match=f"DATA-INVALID: remit.toml.*{said}"):
        load_reader(tmp_path)


def test_without_a_table_nobody_reads_further(tmp_path: Path) -> None:
    """Nor with one that says `default`."""
    assert load_reader(tmp_path) is None
    (tmp_path / "remit.toml").write_text('[data]\ndetector = "default"\n')
    assert load_reader(tmp_path) is None


@pytest.mark.skipif(find_spec("presidio_analyzer") is not None, reason="the extra is installed")
def test_without_the_extra_the_worker_does_not_start(tmp_path: Path) -> None:
    """What to install is said; nothing is looked through by less than was asked for."""
    (tmp_path / "remit.toml").write_text('[data]\ndetector = "presidio"\n')

    with pytest.raises(DataError, match=r"remit\[presidio\]"):
        load_reader(tmp_path)


async def test_a_worker_does_not_start_with_a_table_that_it_cannot_follow(tmp_path: Path) -> None:
    """It says why; with none it looks through data by the default alone."""
    settings = WorkerSettings.model_construct(project=tmp_path)
    async with reading(settings) as detecting:
        assert await detecting.read({"to": TEXT}) is None

    (tmp_path / "remit.toml").write_text('[data]\ndetector = "best"\n')
    with pytest.raises(NotReadyError, match="DATA-INVALID"):
        async with reading(settings):
            pass


with_extra = pytest.mark.skipif(
    find_spec("presidio_analyzer") is None, reason="the extra `presidio` is not installed"
)


@pytest.fixture
async def real() -> AsyncIterator[Presidio]:
    """Presidio without a model."""
    made = Presidio(DataTable(detector="presidio", deadline_s=30), Path.cwd())
    yield made
    await made.aclose()


@with_extra
async def test_it_finds_what_the_default_does_not(real: Presidio) -> None:
    """Numbers of more countries; joined with what the default finds in the same text."""
    value = {"note": "FIN S1234567D of jo@acme.example", "plain": "nothing of the kind"}
    found = await Detecting(real).look_through(value)

    assert (found.classes, found.is_whole) == (["email", "national_id"], True)
    assert (await Detecting().look_through(value)).classes == ["email"]


@with_extra
async def test_words_near_a_number_speak_for_it(real: Presidio) -> None:
    """A number that could be anything's is a phone's where the text says so."""
    read = await real.read(["my phone is 212 555 0123", "my order is 212 555 0123"])
    told, untold = ({one.data_class: one.confidence for one in found} for found in read.values())

    assert told["phone"] > 50 > untold.get("phone", 0)


@with_extra
async def test_a_text_that_is_none_is_told_and_does_not_end_it(real: Presidio) -> None:
    """Half of a pair of surrogates is in no text that a model reads."""
    odd = await Detecting(real).look_through({"note": "FIN S1234567D \ud800"})
    even = await Detecting(real).look_through({"note": "FIN S1234567D"})

    assert (even.classes, even.is_whole) == (["national_id"], True)
    assert odd.classes == ["national_id"] or not odd.is_whole


@with_extra
async def test_long_texts_are_read_in_pieces_that_overlap(real: Presidio) -> None:
    """What stands on the border of two is found, at its place in the whole."""
    words = "lorem ipsum " * 400
    at = 3790
    text = f"{words[:at]} S1234567D {words}"[:9000]
    (found,) = (await real.read([text])).values()

    assert [text[one.begin : one.end] for one in found] == ["S1234567D"]


@with_extra
async def test_a_model_finds_names(tmp_path: Path) -> None:
    """One that the project holds; here a list of names stands in for a trained one."""
    import spacy

    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([
        {"label": "PERSON", "pattern": "Ada Lovelace"}, {"label": "GPE", "pattern": "Turin"},
    ])  # fmt: skip
    nlp.to_disk(tmp_path / "names")
    table = '[data]\ndetector = "presidio"\nmodel = "names"\ndeadline_s = 30\n'
    (tmp_path / "remit.toml").write_text(table)
    made = load_reader(tmp_path)
    assert made is not None
    found = await Detecting(made).look_through({"note": "Ask Ada Lovelace in Turin."})
    await made.aclose()

    assert found.classes == ["location", "person"]
