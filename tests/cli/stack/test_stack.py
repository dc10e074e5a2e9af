"""The whole light stack, with the real Temporal dev server and the real OPA."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.main import main
from remit.cli.stack import stack
from remit.cli.stack.errors import PolicyError, StackError
from remit.cli.stack.identity import began, marked
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import choose
from remit.cli.stack.state import StackState, load, save
from remit.cli.stack.status import StackStatus
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

Decide = Callable[[JSONObject], JSONObject]

ALL = ("temporal", "publisher", "opa")
POLICY = ("publisher", "opa")
BROKEN = "package remit.domains.mail.scopes\n\nimport rego.v2\n\npermits contains 1 if {"


def pids(status: StackStatus) -> dict[str, int | None]:
    """Return the process of each component."""
    return {part.name: part.pid for part in status.components}


def kill(pid: int | None) -> None:
    """Kill a component the hard way and wait until the system is done with it."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: began(pid) is None)


def conditions(status: StackStatus) -> dict[str, str]:
    """Return how each component is."""
    return {part.name: part.condition for part in status.components}


def test_up_twice_down_and_up_again(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """The second `up` changes nothing; after `down` nothing runs; data and ports are kept.

    Temporal comes back on its database file after an orderly end and after `kill -9`.
    """
    ports = {"temporal": choose(()), "temporal_ui": choose(())}  # not those everybody likes
    Layout(project).create()
    save(Layout(project).state, StackState(ports=ports))
    first = up(*ALL)
    assert first.condition == "running"
    assert list(conditions(first)) == list(ALL)
    assert pids(up(*ALL)) == pids(first)
    assert lines[-1].startswith("opa: already running")

    told = stack.environment(project)
    assert told.temporal_address == f"127.0.0.1:{ports['temporal']}"
    search_workflows(told.temporal_ui)
    stopped = stack.down(project, lines.append)
    assert stopped.condition == "stopped"
    assert list(marked(str(project / ".remit"))) == []
    assert stack.down(project, lines.append).condition == "stopped"
    assert stack.status(project).environment_line is None
    with pytest.raises(StackError, match="STACK-NOT-RUNNING"):
        stack.environment(project)

    again = up(*ALL)
    assert again.condition == "running"
    assert stack.environment(project) == told
    search_workflows(told.temporal_ui)

    kill(pids(again)["temporal"])
    assert up(*ALL).condition == "running"
    search_workflows(stack.environment(project).temporal_ui)


def search_workflows(web_ui: str) -> None:
    """Search by our attributes, which fails on a server that does not know them."""
    host = web_ui.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request(
        "GET", "/api/v1/namespaces/default/workflows?query=RemitAwaits%3D%22budget_holder%22"
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()


def test_status_tells_what_a_user_needs(
    up: Callable[..., StackStatus], project: Path, temporal_binary: Path
) -> None:
    """Addresses, logs, policy revision, web UI, and a line for the shell that really works."""
    up(*ALL)
    told = stack.status(project)
    temporal = told.components[0]

    assert conditions(told) == {
        "temporal": "healthy",
        "publisher": "healthy",
        "opa": "healthy",
        "workers": "stopped",
        "keeper": "stopped",
    }
    assert told.condition == "degraded"
    assert temporal.log is not None
    assert temporal.log.is_file()
    assert temporal.uptime_s is not None
    policy = told.policy
    assert policy.published.revision == policy.active_revision is not None
    assert (policy.published.serial, policy.behind_s, policy.refused) == (1, 0, "")
    assert policy.age_s is not None
    assert policy.age_s < 60
    assert told.web_ui is not None
    assert told.web_ui.endswith("/namespaces/default/workflows")
    line = f"{told.environment_line}; command -v temporal; echo $TEMPORAL_ADDRESS"
    shell = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert shell.stdout.split() == [str(temporal_binary), temporal.address]
    json.loads(told.model_dump_json())


def test_what_was_killed_is_started_again_and_the_rest_is_kept(
    up: Callable[..., StackStatus], project: Path, decide: Decide
) -> None:
    """`kill -9` of OPA: status says so, `up` repairs it, decisions go on."""
    before = pids(up(*POLICY))
    kill(before["opa"])
    gone = next(part for part in stack.status(project).components if part.name == "opa")
    after = pids(up(*POLICY))

    assert (gone.condition, gone.detail) == ("stopped", "its process is gone")
    assert after["publisher"] == before["publisher"]
    assert after["opa"] != before["opa"]
    assert decide({"tool": "mail.send"})["effect"] == "allow"


def test_a_hanging_component_is_started_again(
    up: Callable[..., StackStatus],
    project: Path,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that runs but does not answer is replaced."""
    monkeypatch.setattr("remit.cli.stack.session._PATIENCE_S", 0.1)
    monkeypatch.setattr("remit.cli.stack.health._DEADLINE_S", 0.3)
    before = pids(up("publisher"))["publisher"]
    assert before is not None
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    rewrite(project, "publisher", started_at=long_ago, grace_s=0.1)
    os.kill(before, signal.SIGSTOP)

    assert pids(up("publisher"))["publisher"] != before
    assert any("is not healthy" in line for line in lines)


def rewrite(project: Path, name: str, **fields: object) -> None:
    """Change what the state file says about a component."""
    file = Layout(project).state
    state = load(file)
    save(file, state.with_component(name, state.components[name].model_copy(update=fields)))


def test_a_recycled_pid_is_not_killed(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """A pid in an old state file that now belongs to somebody else is left alone by `down`."""
    up("publisher")
    kill(pids(stack.status(project))["publisher"])
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        rewrite(project, "publisher", pid=stranger.pid)

        assert conditions(stack.status(project))["publisher"] == "stopped"
        stack.down(project, lines.append)
        assert stranger.poll() is None
        stranger.kill()


def test_two_at_once_do_the_work_once(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """The second of two concurrent `up` waits and then finds everything running."""
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: pids(up("publisher")), range(2))

    assert one == two
    assert len([line for line in lines if "publisher: starting" in line]) == 1


def test_a_lost_state_file_leaves_nobody_behind(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """Processes that no state names, as after a kill at the wrong moment, are stopped first."""
    before = pids(up(*POLICY))
    Layout(project).state.write_text("{")
    after = pids(up(*POLICY))

    assert set(before.values()).isdisjoint(after.values())
    assert len([line for line in lines if "forgotten" in line]) == 2
    running = {process.pid for _, process in marked(str(project / ".remit"))}
    assert running == set(after.values())


def test_up_works_after_an_interrupted_up(
    up: Callable[..., StackStatus], project: Path, core: Path
) -> None:
    """`up` killed while it waits for a component: the next one takes over what it began."""
    code = f"""
from pathlib import Path
from remit.cli.stack import stack
from remit.cli.stack.binaries import Binary, Program
stack.up(Path({str(project)!r}), lambda line: print(line, flush=True),
         only=("temporal",), core=Path({str(core)!r}))
"""
    file = Layout(project).state
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as interrupted:
        until(lambda: "temporal" in load(file).components)
        interrupted.kill()
    begun = load(file).components["temporal"].pid

    assert pids(up("temporal")) == {"temporal": begun}


def test_a_port_that_somebody_took_is_replaced(
    up: Callable[..., StackStatus], project: Path, decide: Decide, lines: list[str]
) -> None:
    """The component moves to another port, and those that knew the old one are started anew."""
    before = up(*POLICY)
    old = load(Layout(project).state).ports["publisher"]
    stack.down(project, lines.append)
    with socket.create_server(("127.0.0.1", old)):
        after = up(*POLICY)

    assert after.condition == "running"
    assert load(Layout(project).state).ports["publisher"] != old
    assert pids(after)["opa"] != pids(before)["opa"]
    assert decide({"tool": "mail.send"})["effect"] == "allow"


def test_an_edit_changes_the_next_decision_within_two_seconds(
    up: Callable[..., StackStatus], project: Path, decide: Decide
) -> None:
    """No restart: the edit is decided with, under a new revision, in at most two seconds.

    The best of three counts: the machine may be busy with other things.
    """
    up(*POLICY)
    seen = {decide({"tool": "mail.send"})["policy_revision"]}
    took: list[float] = []
    for effect in ("deny", "allow", "deny"):
        rule = "" if effect == "deny" else 'permits contains 1 if input.tool == "mail.send"\n'
        policy = project / "policies" / "mail.rego"
        policy.write_text(
            f"package remit.domains.mail.scopes\n\nimport rego.v2\n\n# {len(took)}\n{rule}"
        )
        began = time.monotonic()
        while decide({"tool": "mail.send"})["effect"] != effect:
            time.sleep(0.02)
            assert time.monotonic() - began < 10
        took.append(time.monotonic() - began)
        seen.add(decide({"tool": "mail.send"})["policy_revision"])

    assert len(seen) == 4
    assert min(took) <= 2


def test_a_rollback_is_active_when_the_command_ends(
    up: Callable[..., StackStatus],
    project: Path,
    decide: Decide,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is restarted, the folder stays as it is, and status names the release."""
    before = {name: pid for name, pid in pids(up(*POLICY)).items() if name in POLICY}
    policy = project / "policies" / "mail.rego"
    tighter = "package remit.domains.mail.scopes\n\nimport rego.v2\n"
    policy.write_text(tighter)
    until(lambda: decide({"tool": "mail.send"})["effect"] == "deny")
    order = ["policy", "rollback", "1", "--by", "ann", "--reason", "too tight"]
    code = main([*order, "--project", str(project), "--wait", "20"])

    assert code == 0
    assert "release 3" in capsys.readouterr().out
    assert decide({"tool": "mail.send"})["effect"] == "allow"
    assert policy.read_text() == tighter
    after = stack.status(project)
    assert {name: pids(after)[name] for name in POLICY} == before
    assert (after.policy.published.serial, after.policy.behind_s) == (3, 0)
    main(["status", str(project)])
    assert "release 3; OPA's last contact:" in capsys.readouterr().out


def test_a_broken_edit_keeps_the_last_good_policy_and_is_told(
    up: Callable[..., StackStatus], project: Path, decide: Decide
) -> None:
    """Status names file and line; decisions go on under the old revision."""
    up(*POLICY)
    before = decide({"tool": "mail.send"})
    (project / "policies" / "mail.rego").write_text(
        "package remit.domains.mail.scopes\n\nimport rego.v2\n\npermits contains 1 if {"
    )
    until(lambda: stack.status(project).policy.published.error is not None)
    error = stack.status(project).policy.published.error

    assert error is not None
    assert f"{project}/policies/mail.rego:5" in error.message
    assert decide({"tool": "mail.send"}) == before


def test_a_stack_whose_first_policy_is_broken_does_not_start(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """The finding itself is the error, nothing half started stays, and a correction is enough."""
    policy = project / "policies" / "mail.rego"
    good = policy.read_text()
    policy.write_text(BROKEN)
    with pytest.raises(PolicyError) as caught:
        up(*POLICY)

    assert caught.value.diagnostic.code == "POLICY-CHECK-FAILED"
    assert list(marked(str(project / ".remit"))) == []
    policy.write_text(good)
    assert up(*POLICY).condition == "running"


def test_one_component_is_restarted_alone(
    up: Callable[..., StackStatus], project: Path, core: Path, lines: list[str]
) -> None:
    """`restart` replaces the one process and no other; an unknown name is refused."""
    before = pids(up(*POLICY))
    stack.restart(project, "opa", lines.append, core=core)
    after = pids(stack.status(project))

    assert after["opa"] != before["opa"]
    assert after["publisher"] == before["publisher"]
    with pytest.raises(StackError, match="STACK-UNKNOWN-COMPONENT"):
        stack.restart(project, "oppa", lines.append, core=core)


def test_a_project_below_a_very_long_path_works(
    tmp_path: Path, project: Path, core: Path, lines: list[str], opa_binary: Path
) -> None:
    """The socket moves to a short private folder, which `down` removes."""
    deep = tmp_path / ("long" * 30)
    shutil.copytree(project, deep)
    try:
        assert stack.up(deep, lines.append, only=POLICY, core=core).condition == "running"
        used = stack.environment(deep).opa_socket
    finally:
        stack.down(deep, lines.append)

    assert not used.is_relative_to(deep)
    assert not used.parent.exists()


def test_importing_the_stack_is_light() -> None:
    """`remit status` must not pay for the SDK, the web client or the database library."""
    heavy = ("temporalio", "aiohttp", "sqlalchemy", "httpx2", "yaml", "remit.decision.registry")
    code = f"import sys, remit.cli.stack.stack; print([m for m in {heavy!r} if m in sys.modules])"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert asked.stdout.strip() == "[]"
