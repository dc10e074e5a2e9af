"""The commands that need a stack, typed against the real one; a few in processes of their own."""

import asyncio
import fcntl
import json
import os
import pty
import shlex
import sqlite3
import struct
import subprocess
import sys
import termios
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.stack.layout import Layout
from tests.command_line import typed as typed_here
from tests.running import ROOT, Running, burn, plan
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]


@dataclass
class Typed:
    """A shell that stands in an empty folder, far from the lab."""

    lab: Running
    folder: Path

    def __call__(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run `remit` with `arguments`."""
        return typed_here(arguments, folder=self.folder, variables=self.variables)

    def process(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run `remit` in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "remit", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.variables,
            check=False,
        )

    def document(self, *arguments: str | Path) -> JSONObject:
        """Run with `--json`; return what stdout holds."""
        read: JSONObject = json.loads(self(*arguments, "--json").stdout)
        return read

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the shell."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "REMIT_PROJECT": str(self.lab.project)}

    def plan(self, name: str, *steps: JSON, **more: JSON) -> Path:
        """Write a plan that no other test has."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(plan(name, list(steps), goal=uuid.uuid4().hex, **more)))
        return file


@pytest.fixture
def typed(lab: Running, tmp_path: Path) -> Typed:
    """A shell for one test."""
    return Typed(lab, tmp_path)


def put(step: str, name: str, *needs: str, **args: JSON) -> JSONObject:
    """Return a step that puts `name` down."""
    return {"id": step, "tool": "lab.put@1", "args": {"name": name, **args}, "needs": list(needs)}


def test_run_follows_to_the_end_as_plain_lines(typed: Typed, tag: str) -> None:
    """Without a terminal every state is a line; outputs and the web UI link end it; exit code 0."""
    file = typed.plan("lines", put("a", f"{tag}a"), outputs={"name": "${steps.a.output.name}"})

    ran = typed.process("run", file)

    assert ran.returncode == 0, ran.stderr
    assert "a  done  lab.put@1" in ran.stdout
    assert "\ncompleted\n" in ran.stdout
    assert f'outputs: {{"name": "{tag}a"}}' in ran.stdout
    assert "/namespaces/default/workflows/remit%2Flab%2Flines" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_run_again_shows_the_same_run(typed: Typed, tag: str) -> None:
    """Typed twice, a plan runs once and the second run says so; other inputs are another run."""
    args: JSONObject = {"id": "a", "tool": "lab.put@1", "args": {"name": "${inputs.name}"}}
    file = typed.plan("again", args, inputs={"name": f"{tag}a"})

    first, second = typed.document("run", file), typed("run", file)
    other = typed.document("run", file, "--input", f"name={tag}b")

    assert (first["started"], second.returncode) == (True, 0)
    assert "nothing was started again" in second.stderr
    assert other["workflow_id"] != first["workflow_id"]
    assert typed.lab.effects(tag) == [f"put {tag}a", f"put {tag}b"]


def test_an_id_belongs_to_one_plan(typed: Typed, tag: str) -> None:
    """`--id` starts a plan once more; another plan under a taken id is refused."""
    file, other = typed.plan("one", put("a", f"{tag}a")), typed.plan("two", put("a", f"{tag}b"))

    assert typed.document("run", file, "--id", tag)["workflow_id"] == tag
    refused = typed("run", other, "--id", tag, "--json")

    assert refused.returncode == 2
    assert json.loads(refused.stdout)["diagnostics"][0]["code"] == "RUN-ID-TAKEN"
    assert typed.lab.effects(tag) == [f"put {tag}a"]


def test_a_run_that_fails_returns_1_and_says_what_was_undone(typed: Typed, tag: str) -> None:
    """Code, step, reason and the number of undone calls stand at the end, also as JSON."""
    file = typed.plan("fails", put("a", f"{tag}a"), put("b", f"{tag}b", "a", fail="refuse"))

    ran, document = typed.process("run", file), typed.document("run", file)

    assert ran.returncode == 1
    assert "failed: LAB-REFUSED at b" in ran.stdout
    assert "1 call undone" in ran.stdout
    outcome = document["outcome"]
    assert isinstance(outcome, dict)
    assert (document["ok"], outcome["undone"], outcome["residue"]) == (False, 1, [])
    told = typed("explain", str(document["workflow_id"])).stdout
    assert "\n      LAB-REFUSED: lab.put@1: asked to refuse\n" in told
    assert "the run is undone, because of LAB-REFUSED" in told


async def test_a_gate_is_answered_with_the_printed_line(typed: Typed, tag: str) -> None:
    """`explain` prints the whole line; typed with `remit env`'s PATH, it lets the run go on."""
    file = typed.plan("gated", burn("burn", f"{tag}a"))
    started = await asyncio.to_thread(typed.document, "run", file, "--no-follow")
    run = str(started["workflow_id"])
    waits: list[JSON] = []

    async def waiting() -> bool:
        found = (await asyncio.to_thread(typed.document, "explain", run))["waits"]
        waits[:] = found if isinstance(found, list) else []
        return bool(waits)

    await eventually(waiting, every_s=0.5)
    wait = waits[0]
    assert isinstance(wait, dict)
    line = typed("env").stdout.strip() + " && " + str(wait["command"])
    answered = await asyncio.create_subprocess_exec(
        "bash", "-c", line.replace("YOU", "boss@lab.example"), stdout=asyncio.subprocess.DEVNULL
    )
    assert await answered.wait() == 0
    ran = await asyncio.to_thread(typed, "run", file)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert typed.lab.effects(tag) == [f"burn {tag}a"]


def test_a_dry_run_asks_about_everything_and_does_nothing(typed: Typed, tag: str) -> None:
    """Allow, gate and unknown values are told step by step; no effect, no record, no workflow."""
    look: JSONObject = {"id": "look", "tool": "lab.look@1", "args": {"name": f"{tag}l"}}
    put_it: JSONObject = {
        **put("put", "${steps.look.output.name}", "look"),
        "when": "inputs.wanted",
    }
    skipped: JSONObject = {**put("skip", f"{tag}s"), "when": "!inputs.wanted"}
    file = typed.plan(
        "dry", look, put_it, skipped, burn("burn", f"{tag}b"), inputs={"wanted": True}
    )

    ran = typed("dry-run", file)
    document = typed.document("dry-run", file)

    steps = {str(each["path"]): each for each in _objects(document["steps"])}
    assert (ran.returncode, document["verdict"]) == (0, "would_wait")
    assert {path: each["effect"] for path, each in steps.items()} == {
        "look": "allow",
        "put": "allow",
        "skip": "skipped",
        "burn": "require_approval",
    }
    assert (steps["put"]["turn"], steps["put"]["unknown"]) == ("2", ["/name"])
    assert steps["put"]["undo"] == "lab.drop@1"
    assert "operator must agree" in ran.stdout
    assert "unknown before the run: /name" in ran.stdout
    assert typed.lab.effects(tag) == []
    assert not _is_in_ledger(typed.lab, str(document["digest"]))


def test_a_dry_run_shows_every_refusal(typed: Typed, tag: str) -> None:
    """An agent without the scope is refused at admission and at the step, with code and policy."""
    file = typed.plan("denied", put("a", f"{tag}a"), agent="reader@1.0.0")

    ran, document = typed("dry-run", file), typed.document("dry-run", file)

    (step,) = _objects(document["steps"])
    assert (ran.returncode, document["verdict"]) == (1, "would_be_refused")
    assert step["effect"] == "deny"
    assert "agent.scope_missing" in ran.stdout
    assert "plan.tool_not_listed" in ran.stdout


def test_a_dry_run_says_which_values_would_turn_it(typed: Typed, tag: str) -> None:
    """What an output may hold is unknown: the rules that it decides are told, and they hold."""
    look: JSONObject = {"id": "look", "tool": "lab.look@1", "args": {"name": f"{tag}l"}}
    unknown = typed.plan("turns", look, put("put", "${steps.look.output.name}", "look"))
    known = typed.plan("known", put("put", "${inputs.name}"), inputs={"name": f"{tag}a"})

    ran, document = typed("dry-run", "--why", unknown), typed.document("dry-run", "--why", unknown)
    plain, turned = (
        [str(typed.document("dry-run", known, "--input", f"name={name}")["verdict"])]
        for name in (f"{tag}a", "forbidden")
    )

    steps = {str(each["path"]): each for each in _objects(document["steps"])}
    assert (ran.returncode, document["verdict"]) == (0, "would_run"), ran.stderr
    assert steps["look"]["turns"] == []
    assert steps["put"]["turns"] == [
        {
            "effect": "deny",
            "code": "lab.forbidden",
            "role": None,
            "when": ['startswith(arguments.name, "forbidden")'],
        },
        {
            "effect": "gate",
            "code": "lab.guarded",
            "role": "keeper_of_names",
            "when": ['startswith(arguments.name, "guarded")'],
        },
        {
            "effect": "gate",
            "code": "lab.hasty",
            "role": "keeper_of_names",
            "when": ['startswith(arguments.name, "hasty")'],
        },
        {
            # Whom it asks a rule works out from data.
            "effect": "gate",
            "code": "lab.routed",
            "role": None,
            "when": ['startswith(arguments.name, "routed")'],
        },
    ]
    assert 'becomes deny (lab.forbidden) when startswith(arguments.name, "forbidden")' in ran.stdout
    assert "asking keeper_of_names) when startswith" in ran.stdout
    assert (plain, turned) == (["would_run"], ["would_be_refused"])


def test_a_refused_plan_names_the_step(typed: Typed, tag: str) -> None:
    """The dry run and the run that is not admitted say at which step the fault is."""
    leave: JSONObject = {"id": "gone", "tool": "lab.leave@1", "args": {"name": f"{tag}g"}}
    file = typed.plan("step", put("fine", f"{tag}f"), {**leave, "irreversible": True})

    document = typed.document("dry-run", file)
    ran = typed.document("run", file)

    admission = document["admission"]
    assert isinstance(admission, dict)
    [reason] = _objects(admission["reasons"])
    assert (reason["code"], reason["step"]) == ("plan.forbidden_tool", "gone")
    assert "step gone: lab.leave@1 is forbidden" in json.dumps(ran)


def test_a_dry_run_says_what_it_assumes(typed: Typed, tag: str) -> None:
    """Items that only the run can tell count as one, many are sampled, and a repeat ends."""
    look: JSONObject = {"id": "look", "tool": "lab.look@1", "args": {"count": 3}}
    unknown: JSONObject = {
        **put("unknown", "n${n}", "look"),
        "for_each": {"items": "${steps.look.output.items}", "as": "n"},
    }
    many: JSONObject = {
        **put("many", f"{tag}${{n}}"),
        "for_each": {"items": list(range(20)), "as": "n"},
    }
    again: JSONObject = {
        "id": "again",
        "tool": "lab.look@1",
        "repeat": {"until": "size(output.items) > 0", "max_times": 3},
    }
    file = typed.plan("assumes", look, unknown, many, again)

    ran, document = typed("dry-run", file), typed.document("dry-run", file)

    paths = [str(each["path"]) for each in _objects(document["steps"])]
    assert ran.returncode == 0, ran.stderr
    assert [path for path in paths if path.startswith("many")] == [f"many[{n}]" for n in range(5)]
    assert sorted(path for path in paths if path[:4] != "many") == ["again", "look", "unknown[0]"]
    assert "asked about the first 5 of 20 items" in ran.stdout
    assert "how many items there are is unknown before the run: taken for one" in ran.stdout


def test_a_terminal_shows_a_live_tree(typed: Typed, tag: str) -> None:
    """On a terminal the steps are drawn in place, and the end is the same as without one."""
    file = typed.plan("tree", put("a", f"{tag}a"), put("b", f"{tag}b", "a", wait_s=1))

    code, text = _on_a_terminal(["run", str(file)], typed)

    assert code == 0, text
    assert "\x1b[" in text
    assert "└──" in text
    assert "2 of 2 done" in text
    assert text.rstrip().splitlines()[-2].endswith("completed")


def test_status_and_env_tell_the_same_stack(typed: Typed) -> None:
    """`status` returns 0 for a healthy stack, and `env` names its address and policies."""
    status, line = typed("status", "--json"), typed("env").stdout

    words = shlex.split(line)
    assert (status.returncode, json.loads(status.stdout)["condition"]) == (0, "running")
    assert f"TEMPORAL_ADDRESS={typed.lab.address}" in words
    assert any(word.startswith("REMIT_POLICIES=") for word in words)


def test_a_run_that_is_not_there_is_wrong_usage(typed: Typed) -> None:
    """`explain` of an unknown id gives a code and exit code 2."""
    ran = typed("explain", f"none-{uuid.uuid4()}", "--json")

    assert ran.returncode == 2
    assert json.loads(ran.stdout)["diagnostics"][0]["code"] == "RUN-UNKNOWN"


def _objects(value: JSON) -> list[JSONObject]:
    assert isinstance(value, list)
    return [each for each in value if isinstance(each, dict)]


def _is_in_ledger(lab: Running, plan_digest: str) -> bool:
    """Return whether the ledger has seen a plan, or a run that a dry run pretends."""
    with sqlite3.connect(Layout(lab.project).ledger_database) as connection:
        runs = connection.execute("SELECT 1 FROM runs WHERE plan_digest = ?", (plan_digest,))
        known = connection.execute("SELECT 1 FROM contents WHERE digest = ?", (plan_digest,))
        pretended = connection.execute("SELECT 1 FROM chains WHERE root = 'dry-run'")
        return any(found.fetchone() for found in (runs, known, pretended))


def _on_a_terminal(arguments: list[str], typed: Typed) -> tuple[int, str]:
    """Run `remit` on a terminal of 100 by 30; return its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "remit", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=typed.folder,
        env={**typed.variables, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    written = bytearray()
    # Reading from a terminal whose other side is closed is an error, not an end.
    with suppress(OSError):
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    return process.wait(timeout=30), written.decode()


def test_amend_changes_what_has_not_begun(typed: Typed, tag: str) -> None:
    """What changed is told, findings are listed; who proposes it must be stated."""
    steps = [put("a", f"{tag}a"), burn("burn", tag, "a"), put("c", f"{tag}c", "burn")]
    started = typed.document("run", typed.plan("amended", *steps), "--no-follow")
    run = str(started["workflow_id"])
    asyncio.run(eventually(lambda: _waits(typed, run)))
    file, wrong = typed.folder / "amendment.yaml", typed.folder / "wrong.json"
    new = put("d", f"{tag}d", "burn")
    file.write_text(f"steps: {json.dumps([new])}\ndrop: [c]\nreason: another way\n")
    wrong.write_text(json.dumps({"steps": [put("a", "x")], "drop": ["z"], "reason": "y"}))

    anonymous = typed("amend", run, file)
    dry = typed.document("amend", run, file, "--by", "boss@lab.example", "--dry")
    refused = typed("amend", run, wrong, "--by", "boss@lab.example", "--json")
    taken = typed("amend", run, file, "--by", "boss@lab.example", "--reason", "quite another way")
    absent = typed("amend", f"{tag}-nowhere", file, "--by", "boss@lab.example")

    assert (anonymous.returncode, absent.returncode) == (2, 2)
    assert "does not state 'by'" in anonymous.stderr
    assert "RUN-UNKNOWN" in absent.stderr
    assert (dry["dry"], dry["changed"]) == (True, "nothing changed; would: add d; drop c")
    found = [each["code"] for each in json.loads(refused.stdout)["diagnostics"]]
    assert (refused.returncode, found) == (1, ["AMEND-UNKNOWN", "AMEND-BEGUN"])
    assert (taken.returncode, taken.stderr) == (0, "")
    assert "add d; drop c" in taken.stdout
    shown = typed.document("explain", run)["steps"]
    assert isinstance(shown, list)
    states = {step["step"]: step["why"] for step in shown if isinstance(step, dict)}
    assert (states["c"], "d" in states) == ("an amendment took it away", True)


async def _waits(typed: Typed, run: str) -> bool:
    return bool((await asyncio.to_thread(typed.document, "explain", run)).get("waits"))


def test_rollback_undoes_a_run_that_has_completed(typed: Typed, tag: str) -> None:
    """It waits for the undoing and tells its end; a refusal is a finding."""
    file = typed.plan("reversed", put("a", f"{tag}a"), put("b", f"{tag}b", "a"))
    run = str(typed.document("run", file)["workflow_id"])

    refused = typed("rollback", run, "--by", "clerk@lab.example", "--reason", "why not")
    taken = typed.document("rollback", run, "--by", "boss@lab.example", "--reason", "wrong")

    assert refused.returncode == 1
    assert "order.role_missing" in refused.stdout
    assert taken["ok"] is True
    assert taken["outcome"]["status"] == "rolled_back"  # type: ignore[index,call-overload]
    puts = [f"put {tag}a", f"put {tag}b"]
    assert typed.lab.effects(tag) == [*puts, f"drop {tag}b", f"drop {tag}a"]


def test_rollback_of_a_run_at_work_is_the_message(typed: Typed, tag: str) -> None:
    """The same command; the run undoes itself."""
    file = typed.plan("at-work", put("a", f"{tag}a"), burn("burn", tag, "a"))
    run = str(typed.document("run", file, "--no-follow")["workflow_id"])
    asyncio.run(eventually(lambda: _waits(typed, run)))

    taken = typed.document("rollback", run, "--by", "boss@lab.example", "--reason", "wrong")

    assert (taken["ok"], taken["undone_by"]) == (True, run)
    assert typed.lab.effects(tag) == [f"put {tag}a", f"drop {tag}a"]


def test_a_running_stack_is_not_restored_over(typed: Typed, tmp_path: Path) -> None:
    """A backup of the running stack is taken, and put back only where nothing runs."""
    saved, elsewhere = tmp_path / "saved", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "remit.toml").write_text('name = "elsewhere"\n')

    taken = typed.document("backup", saved)
    refused = typed.document("restore", saved)
    restored = typed.document("restore", saved, "--project", elsewhere)
    again = typed.document("restore", saved, "--project", elsewhere)

    assert taken["ok"] is True
    assert refused["diagnostics"][0]["code"] == "RESTORE-RUNNING"  # type: ignore[index,call-overload]
    assert restored["ledger"] == again["ledger"] == taken["ledger"]
    data = Layout(elsewhere).data
    assert sorted(file.name for file in data.iterdir()) == ["ledger.db", "temporal.db"]
    kept = Path(str(again["kept"]))
    assert sorted(file.name for file in kept.iterdir()) == ["ledger.db", "temporal.db"]
