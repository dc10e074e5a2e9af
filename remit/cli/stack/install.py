"""Two ways to get a program: its project's official release, or a build of its Go module.

A release is taken only if its SHA-256 is the published one. A module is verified by the Go tool
against its checksum database. Both work in a temporary folder beside the final place, have
deadlines, and leave nothing behind but what they yield.
"""

import hashlib
import http.client
import os
import platform
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

Report = Callable[[str], None]
"""Takes one line about what is going on, for the user's eyes."""

_CONNECT_S = 5.0
_DOWNLOAD_S = 600.0
_BUILD_S = 3600.0
_TELL_EVERY_S = 15.0
_MAX_BYTES = 512 * 2**20
_CHUNK = 1 << 20
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class InstallError(Exception):
    """This way of installing did not work; the next may."""


@dataclass(frozen=True, slots=True)
class Release:
    """A file of an official release, for each system and machine."""

    address: str
    """Where files are, with `{file}`."""
    file: str
    """The file, with `{system}` and `{machine}`."""
    checksums: str
    """The file with the published SHA-256 sums; may hold `{file}`."""
    member: str | None
    """The program inside, when the file is an archive."""

    def origin(self) -> str:
        """Return where it comes from, for messages."""
        return "official release"

    @contextmanager
    def fetched(self, name: str, beside: Path, report: Report) -> Iterator[Path]:
        """Yield the downloaded and verified program, on the file system of `beside`.

        Raises:
            InstallError: not published for this machine, not reachable, or not what was published.
        """
        file = self.file.format(system=_system(), machine=_machine())
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=beside) as folder:
            published = self._published(file)
            source = self.address.format(file=file)
            report(f"{name}: downloading {source}")
            archive = Path(folder, "download")
            if (got := _download(source, archive, name, report)) != published:
                raise InstallError(f"SHA-256 is {got}, published is {published}")
            program = Path(folder, name)
            self._unpack(archive, program)
            program.chmod(0o755)
            yield program

    def _published(self, file: str) -> str:
        """Return the published SHA-256 of `file`."""
        listed = _read(self.address.format(file=self.checksums.format(file=file)))
        for line in listed.splitlines():
            digest, _, named = line.strip().partition(" ")
            if named.strip().lstrip("*") == file and len(digest) == 64:
                return digest.lower()
        raise InstallError(f"no checksum is published for {file}")

    def _unpack(self, archive: Path, program: Path) -> None:
        if self.member is None:
            archive.replace(program)
            return
        try:
            with tarfile.open(archive) as opened:
                content = opened.extractfile(self.member)
                if content is None:
                    raise InstallError(f"{self.member!r} in the archive is no file")
                with program.open("wb") as out:
                    shutil.copyfileobj(content, out)
        except (KeyError, tarfile.TarError) as error:
            raise InstallError(f"the archive has no {self.member!r}: {error}") from error


@dataclass(frozen=True, slots=True)
class GoModule:
    """A program as a Go module."""

    package: str
    version: str

    def origin(self) -> str:
        """Return where it comes from, for messages."""
        return f"go install {self.package}@{self.version}"

    @contextmanager
    def fetched(self, name: str, beside: Path, report: Report) -> Iterator[Path]:
        """Yield the program as built, on the file system of `beside`.

        Raises:
            InstallError: no Go, no network, a build error, or not done in time.
        """
        go = shutil.which("go")
        if go is None:
            raise InstallError("there is no `go` on PATH")
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=beside) as folder:
            report(f"{name}: {self.origin()} (this takes some minutes)")
            argv = [go, "install", "-trimpath", f"{self.package}@{self.version}"]
            with Path(folder, "log").open("w+b") as log:
                _build(argv, {**os.environ, "GOBIN": folder}, log.fileno(), name, report)
            program = Path(folder, self.package.rpartition("/")[2])
            if not program.is_file():
                raise InstallError(_last_words(Path(folder, "log")))
            yield program


def _build(
    argv: list[str], environment: dict[str, str], log: int, name: str, report: Report
) -> None:
    """Run `argv` to its end, telling every while that it still runs."""
    began = time.monotonic()
    child = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_TELL_EVERY_S)
                return
            spent = time.monotonic() - began
            if spent > _BUILD_S:
                raise InstallError(f"not built within {_BUILD_S:g} s")
            report(f"{name}: still building ({spent:.0f} s)")
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # the compilers it started too
            child.wait()


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "the build left no program"


def _download(source: str, target: Path, name: str, report: Report) -> str:
    """Download `source` into `target` and return its SHA-256."""
    digest = hashlib.sha256()
    began = told = time.monotonic()
    size = 0
    try:
        with _opened(source) as answer, target.open("wb") as out:
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                now = time.monotonic()
                if size > _MAX_BYTES or now - began > _DOWNLOAD_S:
                    raise InstallError(f"too large or too slow: {size >> 20} MiB so far")
                if now - told > _TELL_EVERY_S:
                    report(f"{name}: {size >> 20} MiB so far")
                    told = now
    except (OSError, http.client.HTTPException) as error:
        raise InstallError(f"cannot be downloaded: {error}") from error
    return digest.hexdigest()


def _read(source: str) -> str:
    try:
        with _opened(source) as answer:
            return str(answer.read(1 << 16).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        raise InstallError(f"not reachable: {error}") from error


@contextmanager
def _opened(source: str) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a GET of `source`; redirects must stay on its scheme."""
    scheme = source.partition("://")[0]
    if scheme != "https" and not source.startswith("http://127.0.0.1:"):
        raise InstallError(f"{source!r} is not https")
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-Agent", "remit")]
    with opener.open(source, timeout=_CONNECT_S) as answer:
        if not answer.url.startswith(f"{scheme}://"):
            raise InstallError(f"{source!r} leads to {answer.url!r}")
        yield answer


def _system() -> str:
    return platform.system().lower()


def _machine() -> str:
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        raise InstallError(f"nothing is published for a {machine!r}")
    return _MACHINES[machine]
