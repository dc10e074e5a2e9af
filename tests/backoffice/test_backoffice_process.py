"""The process: it starts where told, keeps what it said it did, asks for its token and stops."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from tests.backoffice.conftest import Start
from tests.backoffice.running import FOLDER, MODULE, ROOT, Running
from tests.waiting import until

MAIL = {"to": "a@acme.example", "reference": "r"}


def test_sigterm_ends_it_cleanly(launch: Start) -> None:
    """It answers what is at work, exits with 0 and leaves no write-ahead log behind."""
    office = launch()
    with httpx2.Client(base_url=office.url) as client:
        client.post("/mail/messages", json=MAIL).raise_for_status()

    assert office.stop() == 0
    assert list(office.log.parent.glob("own.db-wal")) == []


def test_effects_keys_and_faults_outlive_a_kill(launch: Start) -> None:
    """After `kill -9` and a new start every answered effect is there, and armed faults are."""
    first = launch()
    headers = {"Idempotency-Key": "k"}
    with httpx2.Client(base_url=first.url) as client:
        sent = client.post("/mail/messages", json=MAIL, headers=headers).json()
        client.put("/faults/erp.get_order", json={"mode": "status_503"}).raise_for_status()
    first.stop(signal.SIGKILL)
    second = launch()
    with httpx2.Client(base_url=second.url) as client:
        again = client.post("/mail/messages", json=MAIL, headers=headers)
        entries = client.get("/journal").json()["entries"]
        order = client.get("/erp/orders/ord-1")

    assert again.json() == sent
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(entries) == 1
    assert order.status_code == 503


def test_starts_by_path_from_anywhere(launch: Start, tmp_path: Path) -> None:
    """Its folder can be copied elsewhere and started without this repository."""
    copy = tmp_path / "office"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    office = launch(how=(str(copy),), cwd=tmp_path)

    assert httpx2.get(f"{office.url}/health").json() == {"status": "ok"}


def test_token_is_asked_for_and_never_logged(launch: Start) -> None:
    """With a token in the environment everything but health needs it."""
    office = launch(env={"BACKOFFICE_TOKEN": "s3cr3t-t0ken"})
    with httpx2.Client(base_url=office.url) as client:
        good = {"Authorization": "Bearer s3cr3t-t0ken"}
        refused = [
            client.get("/state"),
            client.get("/openapi.json"),
            client.get("/nothing"),
            client.post("/mail/messages", json=MAIL, headers={"Authorization": "Bearer wrong"}),
            client.post("/mail/messages", json=MAIL, headers={"Authorization": "s3cr3t-t0ken"}),
        ]
        health = client.get("/health")
        state = client.get("/state", headers=good)
        document = client.get("/openapi.json", headers=good).json()
    office.stop()

    assert {answer.status_code for answer in refused} == {401}
    assert {answer.json()["code"] for answer in refused} == {"UNAUTHORIZED"}
    assert (health.status_code, state.status_code) == (200, 200)
    assert document["security"] == [{"bearer": []}]
    assert "s3cr3t-t0ken" not in office.log.read_text()


def test_a_port_in_use_is_an_error_with_its_reason(backoffice: Running, tmp_path: Path) -> None:
    """It does not start, says why, and prints no ready line."""
    port = backoffice.url.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, *MODULE, "--port", port, "--db", str(tmp_path / "x.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_sigterm_waits_for_the_request_at_work(launch: Start) -> None:
    """A request that is being answered when the signal comes still gets its answer."""
    office = launch()
    fault = {"mode": "delay", "delay_ms": 700, "delay_when": "after_effect"}
    with httpx2.Client(base_url=office.url) as client, ThreadPoolExecutor(1) as pool:
        client.put("/faults/mail.send", json=fault).raise_for_status()
        at_work = pool.submit(httpx2.post, f"{office.url}/mail/messages", json=MAIL)
        until(lambda: client.get("/journal").json()["entries"])
        office.process.send_signal(signal.SIGTERM)
        answer = at_work.result(timeout=10)

    assert answer.status_code == 201
    assert office.process.wait(timeout=20) == 0
