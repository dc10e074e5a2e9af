"""MCP servers that others wrote, from the registries of npm and Python, installed once.

They stand in the cache of the user, as the stack's binaries do, by the digest of their pins; never
in a checkout. Who cannot install them is told why, and the tests are skipped.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from remit.cli.stack.binaries import cache_folder
from remit.cli.stack.lock import hold

NPM = {
    "@modelcontextprotocol/server-memory@2026.8.31": (
        "sha512-ljj/3S4aGjxdNSQWw6gucKKGnTLdBPWxzapyY/MT2tOVyZwvxChvevXSLPwx59nKJAlVpUVW+cOlnVRXRwiqMQ=="
    ),
}
"""Packages, and what the registry must say of their content."""
PYTHON = ("mcp-server-time==2025.9.25", "mcp==1.9.4", "pydantic==2.11.9", "tzdata==2026.6")
"""An older server with the library of its time, which speaks the revision of March 2025."""
_WITHIN_S = 400.0


@cache
def folder() -> Path:
    """Return the folder with both; skip the test when it cannot be had."""
    pins = json.dumps([NPM, PYTHON]).encode()
    home = cache_folder().parent / "mcp-servers"
    made = home / hashlib.sha256(pins).hexdigest()[:16]
    if not made.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with hold(home / ".lock", wait_s=_WITHIN_S, report=lambda line: None):
            if not made.is_dir():
                _install(home, made)
    return made


def memory() -> list[str]:
    """Return the command of a server with a graph of facts in a file, which it changes."""
    package = folder() / "npm" / "node_modules" / "@modelcontextprotocol" / "server-memory"
    return ["node", str(package / "dist" / "index.js")]


def clock() -> list[str]:
    """Return the command of a server that tells the time."""
    return [str(folder() / "python" / "bin" / "mcp-server-time")]


def _install(home: Path, made: Path) -> None:
    fresh = Path(tempfile.mkdtemp(dir=home))
    try:
        _run("npm", "install", "--prefix", str(fresh / "npm"), "--ignore-scripts", *_QUIET, *NPM)
        _check(fresh / "npm")
        # Scripts of a virtual environment hold its path, so it is made in its final place.
        _run(sys.executable, "-m", "venv", str(made / "python"))
        _run(str(made / "python" / "bin" / "pip"), "install", "--quiet", *PYTHON)
        (fresh / "npm").rename(made / "npm")
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(made, ignore_errors=True)
        pytest.skip(f"servers of others cannot be installed here: {error}"[:300])
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


_QUIET = ("--no-audit", "--no-fund", "--silent")


def _check(npm: Path) -> None:
    """Hold what was installed against its pins."""
    lock = json.loads((npm / "node_modules" / ".package-lock.json").read_text())
    for pin, integrity in NPM.items():
        name = pin.rpartition("@")[0]
        assert lock["packages"][f"node_modules/{name}"]["integrity"] == integrity


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_WITHIN_S)
