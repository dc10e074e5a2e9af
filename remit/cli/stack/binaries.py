"""Finding `temporal` and `opa`, or installing them: PATH, cache, official release, Go module.

Each candidate is asked for its version before it is trusted; one that is too old, broken or slow
to answer is passed over. Installing happens under a lock, beside its final place, and ends with
one rename, so that concurrent starts and interrupted ones leave a whole binary or none. Says what
it does while it does it. Never needs more rights than the user has.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.install import GoModule, InstallError, Release, Report
from remit.cli.stack.lock import hold

Installer = Release | GoModule
Version = tuple[int, ...]

_VERSION_DEADLINE_S = 20.0
_LOCK_WAIT_S = 4000.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program that the stack needs."""

    name: str
    minimum: Version
    """Oldest version that will do."""
    version_argv: tuple[str, ...]
    version_pattern: str
    """Regular expression whose first group is the version that `minimum` speaks of."""
    installers: tuple[Installer, ...]
    """Ways to get it, in order."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A usable program."""

    path: Path
    version: str


TEMPORAL = Program(
    name="temporal",
    minimum=(1, 29, 1),
    version_argv=("--version",),
    # The CLI built from its Go module calls itself 0.0.0-DEV; the server inside is what counts.
    version_pattern=r"Server (\d+\.\d+\.\d+)",
    installers=(
        Release(
            address="https://github.com/temporalio/cli/releases/download/v1.5.1/{file}",
            file="temporal_cli_1.5.1_{system}_{machine}.tar.gz",
            checksums="checksums.txt",
            member="temporal",
        ),
        GoModule("github.com/temporalio/cli/cmd/temporal", "v1.5.1"),
    ),
)

OPA = Program(
    name="opa",
    minimum=(1, 22, 0),
    version_argv=("version",),
    version_pattern=r"Version: (\d+\.\d+\.\d+)",
    installers=(
        Release(
            address="https://openpolicyagent.org/downloads/v1.22.0/{file}",
            file="opa_{system}_{machine}",
            checksums="{file}.sha256",
            member=None,
        ),
        GoModule("github.com/open-policy-agent/opa", "v1.22.0"),
    ),
)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return `${XDG_CACHE_HOME:-~/.cache}/remit/bin`."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "remit" / "bin"


def ensure(program: Program, report: Report, *, cache: Path, search: str) -> Binary:
    """Return a usable `program`, installing it if there is none.

    Args:
        program: what is needed.
        report: told, a line at a time, what is tried and how it goes.
        cache: the folder for what we install.
        search: folders to look into first, as in `PATH`.

    Raises:
        StackError: `STACK-BINARY-MISSING` with what was tried, or `STACK-LOCKED`.
    """
    if (found := find(program, cache=cache, search=search)) is not None:
        return found
    cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    with hold(cache / f".{program.name}.lock", wait_s=_LOCK_WAIT_S, report=report):
        # Whoever held the lock may just have installed it.
        return find(program, cache=cache, search="") or _install(program, report, cache)


def find(program: Program, *, cache: Path, search: str) -> Binary | None:
    """Return the first usable `program` of `search` and then `cache`, or `None`."""
    for candidate in _candidates(program.name, cache, search):
        if (version := usable_version(program, candidate)) is not None:
            return Binary(candidate, version)
    return None


def usable_version(program: Program, path: Path) -> str | None:
    """Return the version of the binary at `path`; `None` if it will not do."""
    try:
        asked = subprocess.run(
            [str(path), *program.version_argv],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_DEADLINE_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    said = re.search(program.version_pattern, asked.stdout)
    if asked.returncode != 0 or said is None or _parts(said[1]) < program.minimum:
        return None
    return said[1]


def _candidates(name: str, cache: Path, search: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in search.split(os.pathsep) if folder]
    for folder in dict.fromkeys([*folders, cache]):
        path = folder.absolute() / name
        if path.is_file() and os.access(path, os.X_OK):
            yield path


def _install(program: Program, report: Report, cache: Path) -> Binary:
    tried: list[str] = []
    report(f"{program.name}: none that is {_words(program.minimum)} or newer; installing one")
    for installer in program.installers:
        try:
            with installer.fetched(program.name, cache, report) as fresh:
                version = usable_version(program, fresh)
                if version is None:
                    raise InstallError("what came is not a usable version of it")
                fresh.replace(cache / program.name)
        except InstallError as error:
            tried.append(f"{installer.origin()}: {error}")
            report(f"{program.name}: {tried[-1]}")
            continue
        report(f"{program.name}: {version} is in {str(cache)!r}")
        return Binary(cache / program.name, version)
    raise _missing(program, cache, tried)


def _missing(program: Program, cache: Path, tried: list[str]) -> StackError:
    return StackError(
        StackCode.BINARY_MISSING,
        f"no `{program.name}` {_words(program.minimum)} or newer on PATH or in {str(cache)!r}, "
        f"and none could be installed: {'; '.join(tried)}",
        hint=f"put a `{program.name}` on PATH or copy one to {str(cache / program.name)!r}",
    )


def _parts(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))


def _words(version: Version) -> str:
    return ".".join(map(str, version))
