"""Evidence of real runs: exported, verified offline, and every forgery found by its place.

Forgeries are made where an insider would make them: in a copy of the ledger, past its triggers.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON, JSONObject, canonical
from remit.cli.stack.layout import Layout
from remit.evidence.checkpoint import open_note, parse_keys
from remit.ledger.records import genesis, link
from remit.stores.keyring import Keyring
from remit.stores.ledger import open_ledger
from remit.stores.publishing import CheckpointFolder
from tests.command_line import typed
from tests.policies.served import opa_binary
from tests.running import Running, burn, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(240)]


ORIGIN: JSONObject = {"proposal_id": "remit-proposal/lab/x", "proposal_round": 2}
"""Where a plan says that it came from."""


def plain(name: str) -> JSONObject:
    """Return a plan of two writes."""
    return plan(name, [put("one", f"{name}-1"), put("two", f"{name}-2", "one")])


def remit(
    *arguments: str | Path, project: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Type the command far from the lab unless `project` is given."""
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    if project is not None:
        variables["REMIT_PROJECT"] = str(project)
    return typed(arguments, folder=Path("/"), variables=variables)


@dataclass
class Auditor:
    """Somebody with an archive and the public keys, and nothing else."""

    folder: Path
    keys: Path

    def verify(self, file: Path, *kept: Path) -> tuple[int, list[tuple[str, str]]]:
        """Return the exit code and what refutes the archive."""
        checkpoints = [word for one in kept for word in ("--checkpoint", str(one))]
        ran = remit("evidence", "verify", file, "--key", self.keys, *checkpoints, "--json")
        told = json.loads(ran.stdout)
        refuting = [(one["code"], one["place"]) for one in told["findings"] if one["refutes"]]
        return ran.returncode, refuting


@pytest.fixture
def auditor(lab: Running, tmp_path: Path) -> Auditor:
    """An auditor who got the keys from the log's owner."""
    keys = tmp_path / "log.pub"
    shutil.copyfile(Keyring(Layout(lab.project.resolve()).evidence_keys).public_file, keys)
    return Auditor(tmp_path, keys)


async def finished(client: Client, document: JSONObject) -> str:
    """Run a plan to its end; return its workflow id."""
    handle = await start(client, document)
    await ended(handle)
    return handle.id


async def half_done(client: Client, word: str) -> tuple[str, WorkflowHandle]:
    """Start a plan that waits for a person behind its first write; return its name and the run."""
    name = f"{word}-{uuid.uuid4().hex[:8]}"
    steps: list[JSON] = [put("one", f"{name}-1"), burn("burn", f"{name}-2", "one")]
    handle = await start(client, plan(name, steps))
    await waits(handle)
    return name, handle


def exported(project: Path, name: str, file: Path, *more: str | Path) -> JSONObject:
    """Export a run as a user does, once it is sealed."""
    ran = remit(
        "evidence", "export", name, "-o", file, "--wait", "60", *more, "--json", project=project
    )
    told: JSONObject = json.loads(ran.stdout)
    assert ran.returncode == 0, told
    return told


async def test_a_finished_run_is_proved_offline(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """Exported, it verifies with nothing but the archive and the key, without a note."""
    name = await finished(lab_client, plain("proved"))
    file = auditor.folder / "run.zip"
    told = exported(lab.project, name, file)
    ran = remit("evidence", "verify", file, "--key", auditor.keys, "--json")
    verdict = json.loads(ran.stdout)

    assert (ran.returncode, verdict["findings"]) == (0, [])
    assert verdict["covered"] == verdict["records"] == told["records"]
    assert told["policies"] == 1
    assert file.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as packed:
        bundles = [one for one in packed.namelist() if one.startswith("policies/")]
        assert len(bundles) == 1
        assert packed.read(bundles[0])[:2] == b"\x1f\x8b"


async def test_a_finished_run_is_decided_again_offline(
    lab: Running, lab_client: Client, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stack decided, Remit's own activities too, comes out the same from the archive."""
    monkeypatch.setenv("PATH", f"{opa_binary().parent}{os.pathsep}{os.environ['PATH']}")
    outputs: JSONObject = {"one": "${steps.one.output}"}
    name = await finished(lab_client, {**plain("again"), "outputs": outputs})
    file = auditor.folder / "run.zip"
    exported(lab.project, name, file)
    ran = remit("decision", "replay", "--archive", file, "--json")
    told = json.loads(ran.stdout)
    (then,) = told["replays"]
    about = {one["about"] for one in then["decisions"]}

    assert ran.returncode == 0, told
    assert then["counts"] == {"same": len(then["decisions"])}
    assert about >= {"the whole plan", "call of one", "call of two", "remit.outputs"}
    assert [one["same"] for one in told["plans"]] == [True]


async def test_an_amended_run_is_proved_with_both_plans(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """The archive holds the plan that was admitted, the amended one, and who changed it."""
    gated = put("two", "amended-2", "one") | {"approval": {"role": "operator", "expires": "PT1H"}}
    handle = await start(
        lab_client, plan("reworked", [put("one", "amended-1"), gated], provenance=ORIGIN)
    )
    await waits(handle)
    before = await handle.query("plan")
    said: JSONObject = {"by": "boss@lab.example", "reason": "shorter", "drop": ["two"]}
    await handle.execute_update("amend", {**said, "outputs": {}})
    after = await handle.query("plan")
    await ended(handle)

    file = auditor.folder / "run.zip"
    exported(lab.project, handle.id, file)

    assert auditor.verify(file) == (0, [])
    plans = [one[name] for one in (before, after) for name in ("plan_digest", "compiled")]
    with zipfile.ZipFile(file) as packed:
        held = " ".join(packed.namelist())
    assert [digest.removeprefix("sha256:") in held for digest in plans] == [True] * 4
    page = remit("evidence", "show", file, "--key", auditor.keys, "-o", auditor.folder / "run.html")
    assert page.returncode == 0, page.stderr
    shown = (auditor.folder / "run.html").read_text()
    assert "an amendment by boss@lab.example" in shown
    assert "remit-proposal/lab/x, round 2 (as the plan states)" in shown


async def test_a_byte_flipped_in_the_archive(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """A changed byte and a dropped line are named with their record."""
    file = auditor.folder / "run.zip"
    exported(lab.project, await finished(lab_client, plain("flipped")), file)

    def bent(change: Callable[[list[bytes]], list[bytes]]) -> Path:
        other = auditor.folder / "bent.zip"
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
            for entry in old.infolist():
                content = old.read(entry)
                if entry.filename == "records.jsonl":
                    content = b"".join(change(content.splitlines(keepends=True)))
                new.writestr(entry, content)
        return other

    flipped = bent(
        lambda lines: [*lines[:3], lines[3].replace(b"happened", b"hbppened"), *lines[4:]]
    )
    assert auditor.verify(flipped) == (1, [("EVIDENCE-EDITED", "record 4")])
    dropped = bent(lambda lines: [*lines[:3], *lines[4:]])
    code, found = auditor.verify(dropped)
    assert code == 1
    assert ("EVIDENCE-MISSING", "record 4") in found


@dataclass
class Forger:
    """Somebody who owns a copy of the ledger's file, and perhaps the signing key."""

    project: Path
    root: str

    @property
    def file(self) -> Path:
        """The copy."""
        return Layout(self.project).ledger_database

    def run(self, *orders: str) -> None:
        """Change the copy past its triggers."""
        with sqlite3.connect(self.file) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for order in orders:
                connection.execute(order, {"root": self.root} if ":root" in order else {})

    def rechain(self, change: Callable[[int, str, JSONObject], JSONObject | None]) -> None:
        """Write the run's whole chain anew, each record as `change` leaves it, or without it."""
        self.run()
        with sqlite3.connect(self.file) as connection:
            query = "SELECT seq, at_ms, kind, body FROM records WHERE root = ? ORDER BY seq"
            rows = connection.execute(query, (self.root,)).fetchall()
            connection.execute("DELETE FROM records WHERE root = ?", (self.root,))
            prev, number = genesis(self.root), 0
            for seq, at_ms, kind, body in rows:
                made = change(seq, kind, json.loads(body))
                if made is None:
                    continue
                number += 1
                content = canonical(made)
                head = link(prev, canonical(self.root), number, at_ms, kind, content)
                connection.execute(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (self.root, number, at_ms, kind, content.decode(), prev, head),
                )
                prev = head

    async def resign(self) -> None:
        """Build and sign the whole log anew, with the log's own key."""
        self.run(
            *("DELETE FROM leaves", "DELETE FROM nodes"),
            *("DELETE FROM checkpoints", "DELETE FROM pending"),
            "INSERT INTO pending (root, seq, hash) "
            "SELECT root, seq, hash FROM records ORDER BY at_ms, root, seq",
        )
        ledger = await open_ledger(f"sqlite:///{self.file}")
        with Keyring(Layout(self.project).evidence_keys).held() as key:
            while await ledger.log.sequence(key):
                pass
        await ledger.close()


def forger(lab: Running, folder: Path, root: str) -> Forger:
    """Copy the lab's ledger and keys, as an insider can."""
    here, there = Layout(lab.project.resolve()), Layout(folder / "copy")
    shutil.copytree(here.evidence_keys, there.evidence_keys)
    there.data.mkdir(parents=True)
    (there.project / "remit.toml").write_text("")
    source = sqlite3.connect(here.ledger_database)
    copy = sqlite3.connect(there.ledger_database)
    source.backup(copy)
    copy.close()
    source.close()
    return Forger(there.project, root)


async def test_forgeries_in_the_ledger_are_named(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """An edited row, a dropped row, and a chain written anew without the key."""
    name = await finished(lab_client, plain("forged"))
    file = auditor.folder / "run.zip"
    root = str(exported(lab.project, name, file)["root"])
    first = forger(lab, auditor.folder / "1", root)
    first.run(
        "UPDATE records SET body = replace(body, 'happened', 'refused') "
        "WHERE root = :root AND seq = 4"
    )
    exported(first.project, name, file)
    assert auditor.verify(file) == (1, [("EVIDENCE-EDITED", "record 4")])

    second = forger(lab, auditor.folder / "2", root)
    second.run("DELETE FROM records WHERE root = :root AND seq = 5")
    exported(second.project, name, file)
    code, found = auditor.verify(file)
    assert code == 1
    assert ("EVIDENCE-MISSING", "record 5") in found

    third = forger(lab, auditor.folder / "3", root)
    third.rechain(lambda seq, kind, body: {**body, "tool": "lab.read@1"} if seq == 3 else body)
    exported(third.project, name, file)
    code, found = auditor.verify(file)
    assert code == 1
    assert ("EVIDENCE-FORKED", "record 3") in found
    assert not {("EVIDENCE-FORKED", f"record {seq}") for seq in (1, 2)} & set(found)


async def test_the_keys_holder_is_caught_by_a_kept_checkpoint(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """A whole log rebuilt and signed with the real key fails against one kept checkpoint."""
    name = await finished(lab_client, plain("rebuilt"))
    file, kept = auditor.folder / "run.zip", auditor.folder / "kept.checkpoint"
    root = str(exported(lab.project, name, file)["root"])
    newest = CheckpointFolder(Layout(lab.project.resolve()).checkpoints).newest()
    assert newest is not None
    kept.write_bytes(newest)
    assert auditor.verify(file, kept) == (0, [])

    insider = forger(lab, auditor.folder / "insider", root)
    insider.rechain(lambda seq, kind, body: {**body, "tool": "lab.read@1"} if seq == 3 else body)
    await insider.resign()
    exported(insider.project, name, file, "--checkpoint", kept)
    assert auditor.verify(file) == (0, [])
    assert auditor.verify(file, kept) == (1, [("EVIDENCE-FORKED", f"kept checkpoint {kept}")])


async def test_an_action_that_the_ledger_hides_is_found(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """Who drops a call from the chain and signs it all anew is betrayed by the sealed history."""
    name = await finished(lab_client, plain("hidden"))
    file = auditor.folder / "run.zip"
    root = str(exported(lab.project, name, file)["root"])
    insider = forger(lab, auditor.folder / "insider", root)
    insider.rechain(lambda seq, kind, body: None if body.get("path") == "two" else body)
    await insider.resign()
    exported(insider.project, name, file)
    code, found = auditor.verify(file)

    assert code == 1
    assert [one for one, _ in found] == ["EVIDENCE-ACTION-UNRECORDED"]
    assert found[0][1].startswith(f"history {root} event ")


async def test_a_rotated_key_verifies_old_and_new(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """After a rotation in a running stack both keys' archives verify with the new key file."""
    before, after = auditor.folder / "before.zip", auditor.folder / "after.zip"
    exported(lab.project, await finished(lab_client, plain("before")), before)
    told = json.loads(remit("evidence", "rotate-key", "--json", project=lab.project).stdout)
    exported(lab.project, await finished(lab_client, plain("after")), after)
    assert auditor.verify(after) == (1, [("EVIDENCE-SIGNATURE", "checkpoint")])
    shutil.copyfile(told["file"], auditor.keys)

    assert auditor.verify(before) == (0, [])
    assert auditor.verify(after) == (0, [])
    with zipfile.ZipFile(after) as packed:
        newest = parse_keys(auditor.keys.read_text())[-1]
        assert open_note(packed.read("checkpoint"), [newest]).size >= newest.since


async def test_a_terminated_run_is_sealed_with_its_repair(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """What nobody unwound is repaired; the last seal holds both histories, and all of it holds."""
    name, handle = await half_done(lab_client, "ended")
    await handle.terminate("an operator's mistake")
    file = auditor.folder / "run.zip"

    async def sealed() -> bool:
        await asyncio.to_thread(exported, lab.project, handle.id, file)
        with zipfile.ZipFile(file) as packed:
            lines = [json.loads(one)["record"] for one in packed.read("records.jsonl").splitlines()]
        seals = [one["body"] for one in lines if one["kind"] == "seal"]
        return len(seals) == 2 and len(seals[-1]["history"]) == 2

    await eventually(sealed, within_s=90, every_s=1)
    assert auditor.verify(file) == (0, [])
    assert lab.effects(f"{name}-") == [f"put {name}-1", f"drop {name}-1"]


async def test_a_cancelled_run_closes_as_cancelled(
    lab: Running, lab_client: Client, auditor: Auditor
) -> None:
    """A run that unwound itself after a cancellation needs no repair, and its evidence holds."""
    _, handle = await half_done(lab_client, "cancelled")
    await handle.cancel()
    await ended(handle)
    file = auditor.folder / "run.zip"

    assert exported(lab.project, handle.id, file)["status"] == "cancelled"
    assert auditor.verify(file) == (0, [])
