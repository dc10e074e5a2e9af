"""Starts the real back office, in its own process, and checks what it answers.

Owns the process and the client that holds every answer against the OpenAPI document.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
from starlette.routing import compile_path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ("-m", "examples.backoffice.service")
FOLDER = ROOT / "examples" / "backoffice" / "service"


@dataclass(slots=True)
class Running:
    """A back office at work."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    """What it wrote to standard error."""

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(sign)
        return self.process.wait(timeout=20)

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(
    db: Path,
    *,
    how: tuple[str, ...] = MODULE,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> Running:
    """Start the service on a free port and return once it says that it listens."""
    db.parent.mkdir(parents=True, exist_ok=True)
    log = db.with_suffix(".log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, *how, "--port", "0", "--db", str(db)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        process.wait(timeout=20)
        raise RuntimeError(f"the back office did not start: {log.read_text()}")
    ready = json.loads(line)
    return Running(process, f"http://127.0.0.1:{ready['port']}", log)


class OpenApiCheck:
    """An event hook that fails when an answer is not what the document promises."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]
        self._entries = [
            (compile_path(path)[0], method.upper(), entry["responses"])
            for path, methods in document["paths"].items()
            for method, entry in methods.items()
        ]
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        name = json.dumps(schema, sort_keys=True)
        if name not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[name] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[name]

    def __call__(self, response: httpx2.Response) -> None:
        """Validate one answer; paths that nobody declared are not promised anything."""
        request, status = response.request, str(response.status_code)
        for pattern, method, responses in self._entries:
            if method == request.method and pattern.match(request.url.path):
                assert status in responses, f"{method} {request.url.path} answered {status}"
                response.read()
                schema = responses[status]["content"]["application/json"]["schema"]
                self._validator(schema).validate(response.json())
