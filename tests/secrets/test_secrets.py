"""References to secrets: where they lead, what is refused, and what is never said."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest

from remit.secrets.errors import SecretError
from remit.secrets.faraway import MOST_S
from remit.secrets.secrets import Secrets
from remit.tool.secret import Reference, reference_fault, references
from tests.secrets.vaultlike import Fault, vault_like


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory, which may hang or raise."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.hangs: threading.Event | None = None
        self.raises: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        """Return what was set."""
        if self.hangs is not None:
            self.hangs.wait()
        if self.raises is not None:
            raise self.raises
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password


@pytest.fixture
def ring() -> Iterator[Ring]:
    """The process's keyring."""
    before, made = keyring.get_keyring(), Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


async def _resolved(secrets: Secrets, text: str, within_s: float = 20) -> str:
    await secrets.read([text], time.monotonic() + within_s)
    return secrets.resolve(text)


async def _code(secrets: Secrets, text: str, within_s: float = 20) -> str:
    with pytest.raises(SecretError) as raised:
        await _resolved(secrets, text, within_s)
    assert text.strip("${}").split("{")[0] in str(raised.value)
    return raised.value.code


async def test_every_scheme_leads_to_its_value(tmp_path: Path, ring: Ring) -> None:
    """Alone or inside a text, and several in one."""
    (tmp_path / "key.txt").write_text("of-the-file\n")
    ring.set_password("erp/prod", "buyer", "of-the-keyring")
    async with vault_like() as vault:
        vault.kept["kv/erp/api"] = {"token": "of-the-vault"}
        environ = {
            "KEY": "of-the-environment",
            "VAULT_ADDR": f"http://127.0.0.1:{vault.port}",
            "VAULT_TOKEN": vault.token,
        }
        secrets = Secrets(environ, tmp_path)

        assert await _resolved(secrets, "env:KEY") == "of-the-environment"
        assert await _resolved(secrets, "file:key.txt") == "of-the-file"
        assert await _resolved(secrets, "keyring:erp/prod/buyer") == "of-the-keyring"
        assert await _resolved(secrets, "vault:kv/erp/api#token") == "of-the-vault"
        both = await _resolved(secrets, "a ${vault:kv/erp/api#token}.${env:KEY} b")
        assert both == "a of-the-vault.of-the-environment b"

    assert secrets.mask(f"{vault.token} {both}") == "[secret] a [secret].[secret] b"


async def test_a_secret_in_vault_is_read_anew_each_time(tmp_path: Path) -> None:
    """So are its token and a file: what is put in its place is used next, without a restart."""
    token, file = tmp_path / "token", tmp_path / "key"
    async with vault_like() as vault:
        environ = {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}", "VAULT_TOKEN_FILE": str(token)}
        for round_ in ("one", "two"):
            vault.token = f"hvs.{round_}"
            vault.kept["kv/erp"] = {"token": f"value-{round_}"}
            token.write_text(f"{vault.token}\n")
            file.write_text(f"file-{round_}")

            found = await _resolved(Secrets(environ, tmp_path), "${vault:kv/erp#token} ${file:key}")

            assert found == f"value-{round_} file-{round_}"


@pytest.mark.parametrize(
    ("fault", "reference", "code"),
    [
        ("", "vault:kv/absent#token", "SECRET-MISSING"),
        ("", "vault:kv/erp#absent", "SECRET-MISSING"),
        ("", "vault:kv/erp#number", "SECRET-MISSING"),
        ("", "vault:kv/erp#lines", "SECRET-FORM"),
        ("", "vault:kv/erp#huge", "SECRET-FORM"),
        ("silent", "vault:kv/erp#token", "SECRET-UNREACHABLE"),
        ("sealed", "vault:kv/erp#token", "SECRET-UNREACHABLE"),
        ("garbage", "vault:kv/erp#token", "SECRET-UNREADABLE"),
        ("redirect", "vault:kv/erp#token", "SECRET-UNREADABLE"),
    ],
)
async def test_what_vault_may_answer(
    tmp_path: Path, fault: Fault, reference: str, code: str
) -> None:
    """Each is an error of its own that names the reference; nothing waits beyond the deadline."""
    async with vault_like() as vault:
        vault.fault = fault
        fields = {"token": "x", "number": 7, "lines": "a\nb", "huge": "x" * 100_000}
        vault.kept["kv/erp"] = dict(fields)
        environ = {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}", "VAULT_TOKEN": vault.token}
        began = time.monotonic()

        assert (
            await _code(Secrets(environ, tmp_path), reference, 0.5 if fault == "silent" else 20)
            == code
        )

    assert time.monotonic() - began < MOST_S


async def test_vault_denies_and_is_not_there(tmp_path: Path) -> None:
    """A wrong token, none, no address, nobody listening."""
    async with vault_like() as vault:
        address = {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}"}
        for environ, code in (
            (address | {"VAULT_TOKEN": "wrong"}, "SECRET-DENIED"),
            (address, "SECRET-DENIED"),
            (address | {"VAULT_TOKEN_FILE": str(tmp_path / "absent")}, "SECRET-DENIED"),
            ({"VAULT_TOKEN": "x"}, "SECRET-MISSING"),
            ({"VAULT_TOKEN": "x", "VAULT_ADDR": "http://127.0.0.1:1"}, "SECRET-UNREACHABLE"),
        ):
            assert await _code(Secrets(environ, tmp_path), "vault:kv/erp#token") == code


async def test_a_keyring_may_hang_raise_or_know_nothing(tmp_path: Path, ring: Ring) -> None:
    """One that asks a person holds up nobody beyond the deadline, and few threads."""
    assert await _code(Secrets({}, tmp_path), "keyring:erp/buyer") == "SECRET-MISSING"
    ring.raises = keyring.errors.InitError("with words that are nobody's business")
    assert await _code(Secrets({}, tmp_path), "keyring:erp/buyer") == "SECRET-UNREADABLE"
    ring.raises = RuntimeError("likewise")
    assert await _code(Secrets({}, tmp_path), "keyring:erp/buyer") == "SECRET-UNREACHABLE"

    ring.raises, ring.hangs = None, threading.Event()
    secrets = Secrets({}, tmp_path)
    codes = await asyncio.gather(*[_code(secrets, "keyring:erp/buyer", 0.2) for _ in range(40)])

    assert set(codes) == {"SECRET-UNREACHABLE"}
    waiting = [each for each in threading.enumerate() if each.name == "secret keyring"]
    assert len(waiting) == 16
    ring.hangs.set()
    for each in waiting:
        each.join(5)


async def test_an_extra_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keyring and Vault are extras; a worker without them says which one."""
    monkeypatch.setitem(sys.modules, "hvac", None)
    monkeypatch.setitem(sys.modules, "keyring", None)
    environ = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "x"}

    for reference, extra in (("vault:kv/erp#token", "vault"), ("keyring:erp/buyer", "keyring")):
        with pytest.raises(SecretError, match=rf"remit\[{extra}\]") as raised:
            await _resolved(Secrets(environ, tmp_path), reference)
        assert raised.value.code == "SECRET-EXTRA"


async def test_files_stay_in_the_project(tmp_path: Path) -> None:
    """Links, `..` and absolute paths lead out only where a folder is allowed; pipes nowhere."""
    outside, project = tmp_path / "run", tmp_path / "project"
    outside.mkdir()
    project.mkdir()
    (outside / "key").write_text("of-the-outside")
    (project / "link").symlink_to(outside / "key")
    (project / "here").write_text("of-the-project")
    (project / "inner").symlink_to("here")
    (project / "loop").symlink_to("loop")
    (project / "large").write_bytes(b"x" * 20_000)
    (project / "empty").write_text(" \n")
    (project / "lines").write_text("a\nX-Injected: b")
    os.mkfifo(project / "pipe")
    secrets = Secrets({}, project)

    assert await _resolved(secrets, "file:inner") == "of-the-project"
    for name, code in {
        "link": "SECRET-OUTSIDE",
        "../run/key": "SECRET-REFERENCE",
        str(outside / "key"): "SECRET-OUTSIDE",
        "/dev/zero": "SECRET-OUTSIDE",
        "loop": "SECRET-UNREADABLE",
        "pipe": "SECRET-UNREADABLE",
        ".": "SECRET-REFERENCE",
        "here/x": "SECRET-MISSING",
        "absent": "SECRET-MISSING",
        "empty": "SECRET-MISSING",
        "large": "SECRET-FORM",
        "lines": "SECRET-FORM",
    }.items():
        assert await _code(secrets, f"file:{name}") == code, name

    allowed = Secrets({"REMIT_SECRET_FOLDERS": f"/nowhere{os.pathsep}{outside}"}, project)
    assert await _resolved(allowed, "file:link") == "of-the-outside"
    assert await _resolved(allowed, f"file:{outside}/key") == "of-the-outside"


async def test_a_value_that_is_a_reference_is_not_followed(tmp_path: Path) -> None:
    """There are no chains, so there are no cycles."""
    secrets = Secrets(
        {"A": "env:B", "B": "env:A", "C": "${file:x}", "D": "env: is a word"}, tmp_path
    )

    for name in "ABC":
        assert await _code(secrets, f"env:{name}") == "SECRET-FORM"
        assert (
            await _code(secrets, f"Bearer ${{env:{name}}}".removeprefix("Bearer ")) == "SECRET-FORM"
        )


async def test_each_agent_has_its_own(tmp_path: Path, ring: Ring) -> None:
    """Placeholders take the plan's agent and tenant, and nothing that leads elsewhere."""
    ring.set_password("acme/erp", "buyer-two", "of-the-buyer")
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "buyer-two.key").write_text("of-its-file")
    secrets = Secrets({}, tmp_path, {"agent": "buyer-two", "tenant": "acme"})

    assert await _resolved(secrets, "keyring:{tenant}/erp/{agent}") == "of-the-buyer"
    assert await _resolved(secrets, "x ${file:{tenant}/{agent}.key}") == "x of-its-file"
    for agent in ("", "..", "a/b", "../acme", "A", "a b", "a\n", "x" * 70):
        other = Secrets({}, tmp_path, {"agent": agent, "tenant": "acme"})
        assert await _code(other, "file:{tenant}/{agent}.key") == "SECRET-PRINCIPAL"


@pytest.mark.parametrize(
    "text",
    [
        "env:not a name",
        "env:",
        "vault:kv/erp",
        "vault:erp#token",
        "vault:kv/../sys/raw#x",
        "vault:kv/a?version=1#x",
        "keyring:erp",
        "file:../x",
        "file:a/../../x",
        "file:{person}",
        "file:{agent",
        "Bearer ${vualt:kv/erp#token}",
        "Bearer ${env:not-closed",
    ],
)
def test_what_is_no_reference_is_told_at_load(text: str) -> None:
    """A slip does not send the reference itself to a tool as if it were a password."""
    if text == "env:":
        assert references(text) == ()
        return
    assert reference_fault(text) is not None


def test_plain_texts_hold_no_references() -> None:
    """What looks like nothing of ours is left alone."""
    assert references("Bearer abc") == ()
    assert reference_fault("a: b {c} $d") is None
    assert references("https://x.example/env:A") == ()
    assert references("a ${env:A} ${file:b/{agent}}") == (
        Reference("env", "A"),
        Reference("file", "b/{agent}"),
    )
