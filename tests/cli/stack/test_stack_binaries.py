"""Finding and installing programs, with small scripts and a small server in their place."""

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.cli.stack import install
from remit.cli.stack.binaries import OPA, TEMPORAL, Program, cache_folder, ensure, find
from remit.cli.stack.errors import StackError
from remit.cli.stack.identity import began
from remit.cli.stack.install import GoModule, InstallError, Release
from tests.serving import Asked, reply, serving
from tests.waiting import until

PROGRAM = Program("tool", (1, 2, 0), ("--version",), r"tool (\d+\.\d+\.\d+)", ())


def script(folder: Path, version: str, name: str = "tool") -> Path:
    """Write a program that says it is `version`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {name} {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty cache folder."""
    return tmp_path / "cache"


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served over HTTP, with its address."""
    folder = tmp_path / "published"
    folder.mkdir()

    def give(asked: Asked) -> None:
        file = folder / asked.path.removeprefix("/")
        reply(asked, file.read_bytes() if file.is_file() else b"", 200 if file.is_file() else 404)

    with serving(give) as port:
        yield folder, f"http://127.0.0.1:{port}/{{file}}"


def release(published: tuple[Path, str], digest: str | None = None) -> Release:
    """Publish a release of version 1.3.0 whose checksum is `digest`, or the right one."""
    folder, address = published
    content = script(folder / "made", "1.3.0").read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("tool")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    (folder / "tool.tar.gz").write_bytes(packed.getvalue())
    sum_ = digest or hashlib.sha256(packed.getvalue()).hexdigest()
    (folder / "sums").write_text(f"{'0' * 64}  other.tar.gz\n{sum_}  tool.tar.gz\n")
    return Release(address, "tool.tar.gz", "sums", "tool")


def with_installers(*installers: Release | GoModule) -> Program:
    """Return the program with ways to install it."""
    return Program("tool", (1, 2, 0), ("--version",), r"tool (\d+\.\d+\.\d+)", installers)


def test_path_comes_before_the_cache(tmp_path: Path, cache: Path) -> None:
    """The user's own program is preferred, in the order of PATH."""
    first, second = script(tmp_path / "a", "1.2.0"), script(tmp_path / "b", "1.9.0")
    script(cache, "2.0.0")
    found = find(PROGRAM, cache=cache, search=f"{first.parent}:{second.parent}")

    assert found is not None
    assert (found.path, found.version) == (first, "1.2.0")


def test_what_will_not_do_is_passed_over(tmp_path: Path, cache: Path) -> None:
    """Too old, failing, mute, not executable: none of them keeps the cache's from being found."""
    script(tmp_path / "old", "1.1.9")
    script(tmp_path / "mute", "what").write_text("#!/bin/sh\ntrue\n")
    script(tmp_path / "fails", "1.4.0").write_text("#!/bin/sh\necho tool 1.4.0; exit 3\n")
    script(tmp_path / "plain", "1.4.0").chmod(0o644)
    cached = script(cache, "1.10.0")
    search = ":".join(str(tmp_path / name) for name in ("old", "mute", "fails", "plain", "none"))
    found = find(PROGRAM, cache=cache, search=search)

    assert found is not None
    assert (found.path, found.version) == (cached, "1.10.0")


def test_a_program_that_hangs_is_passed_over(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that does not answer within the deadline counts as absent."""
    monkeypatch.setattr("remit.cli.stack.binaries._VERSION_DEADLINE_S", 0.2)
    script(tmp_path, "1.4.0").write_text("#!/bin/sh\nexec sleep 30\n")

    assert find(PROGRAM, cache=cache, search=str(tmp_path)) is None


def test_a_verified_release_is_installed_into_the_cache(
    published: tuple[Path, str], cache: Path, lines: list[str]
) -> None:
    """The program comes from the archive, and the user hears what happens."""
    found = ensure(with_installers(release(published)), lines.append, cache=cache, search="")

    assert (found.path, found.version) == (cache / "tool", "1.3.0")
    assert [p.name for p in cache.iterdir() if not p.name.startswith(".tool.lock")] == ["tool"]
    assert any("downloading" in line for line in lines)


def test_a_release_with_another_checksum_is_refused(
    published: tuple[Path, str], cache: Path, lines: list[str]
) -> None:
    """What differs from its published checksum never gets into the cache."""
    program = with_installers(release(published, digest="1" * 64))
    with pytest.raises(StackError, match=r"SHA-256 is .*, published is 1111") as caught:
        ensure(program, lines.append, cache=cache, search="")

    assert caught.value.diagnostic.code == "STACK-BINARY-MISSING"
    assert str(cache / "tool") in caught.value.diagnostic.hint
    assert not (cache / "tool").exists()


def test_the_next_way_is_tried_when_one_fails(
    published: tuple[Path, str], cache: Path, lines: list[str]
) -> None:
    """An unreachable release is told, and followed by the next installer."""
    gone = Release("http://127.0.0.1:9/{file}", "tool", "sums", None)
    found = ensure(with_installers(gone, release(published)), lines.append, cache=cache, search="")

    assert found.version == "1.3.0"
    assert any("not reachable" in line for line in lines)


def test_the_go_module_is_built_where_there_is_a_go(
    tmp_path: Path, cache: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`go install` gets the pinned module and a private GOBIN; its result goes to the cache."""
    go = script(tmp_path / "go", "", name="go")
    go.write_text(
        '#!/bin/sh\nprintf "#!/bin/sh\\necho tool 1.5.0 # $*\\n" > "$GOBIN/tool"\n'
        'chmod 755 "$GOBIN/tool"\n'
    )
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    program = with_installers(GoModule("example.com/cmd/tool", "v1.5.0"))
    found = ensure(program, lines.append, cache=cache, search="")

    assert found.version == "1.5.0"
    assert "install -trimpath example.com/cmd/tool@v1.5.0" in found.path.read_text()


def test_without_any_way_the_error_says_what_was_tried(
    cache: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No release, no Go: a coded error that names both and the way out."""
    monkeypatch.setenv("PATH", "/nowhere")
    gone = Release("http://127.0.0.1:9/{file}", "tool", "sums", None)
    program = with_installers(gone, GoModule("example.com/tool", "v1"))
    with pytest.raises(StackError) as caught:
        ensure(program, lines.append, cache=cache, search="")

    message = caught.value.diagnostic.message
    assert "official release: not reachable" in message
    assert "there is no `go` on PATH" in message


def test_concurrent_starts_install_once(published: tuple[Path, str], cache: Path) -> None:
    """Of several that need the program at once, one installs it and the others use it."""
    program = with_installers(release(published))
    said: list[str] = []
    threads = [
        threading.Thread(
            target=ensure, args=(program, said.append), kwargs={"cache": cache, "search": ""}
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (cache / "tool").exists()
    assert len([line for line in said if "downloading" in line]) == 1


def test_plain_http_is_refused_but_for_loopback(tmp_path: Path) -> None:
    """A release never comes over a connection that anybody can write to."""
    insecure = Release("http://example.com/{file}", "tool", "sums", None)
    with pytest.raises(InstallError, match="not https"), insecure.fetched("t", tmp_path, print):
        pass


@pytest.mark.parametrize("program", [TEMPORAL, OPA], ids=lambda p: p.name)
def test_pinned_programs_come_from_their_projects(program: Program) -> None:
    """Each program has its project's release over https, then its pinned module."""
    official, module = program.installers

    assert isinstance(official, Release)
    assert official.address.startswith("https://")
    assert isinstance(module, GoModule)
    assert module.version in official.address


def test_the_cache_follows_the_desktop_convention(tmp_path: Path) -> None:
    """`XDG_CACHE_HOME` moves the cache."""
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "remit" / "bin"
    assert cache_folder({}) == Path.home() / ".cache" / "remit" / "bin"


def test_a_build_that_takes_too_long_is_ended(
    tmp_path: Path,
    cache: Path,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The deadline ends a build and what it started, and the user heard that it went on."""
    go = script(tmp_path / "go", "", name="go")
    go.write_text("#!/bin/sh\nsleep 60 & echo $! > " + str(tmp_path / "child") + "\nwait\n")
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(install, "_TELL_EVERY_S", 0.1)
    monkeypatch.setattr(install, "_BUILD_S", 0.3)
    with pytest.raises(StackError, match="not built within"):
        ensure(with_installers(GoModule("x/tool", "v1")), lines.append, cache=cache, search="")

    assert any("still building" in line for line in lines)
    child = int((tmp_path / "child").read_text())
    until(lambda: began(child) is None)
