"""Secrets of a call: rotated under a running worker, each principal's own, and never repeated."""

import asyncio
import base64
import json
import time
from dataclasses import replace
from pathlib import Path

from activities.tools.registry import Tools
from remit.secrets.faraway import MOST_S
from remit.tool.call import Broken, Happened, Refused, ToolCall, Unknown
from tests.activities.calling import ask
from tests.activities.origin import Asked, Origin, answer, http_contract
from tests.secrets.vaultlike import vault_like

SECRET = "s3cr3t-t0ken/+of=the&tool"


async def test_a_rotated_secret_is_used_next_and_the_old_one_refused(
    origin: Origin, tools: Tools, environ: dict[str, str], tmp_path: Path
) -> None:
    """From Vault and from a file; nothing is restarted, and nothing is kept between calls."""
    good = {"of-vault-1", "of-file-1"}

    async def guard(asked: Asked, writer: asyncio.StreamWriter) -> None:
        given = {asked.headers["x-vault"], asked.headers["x-file"]}
        await answer(200 if given <= good else 401, b"{}")(asked, writer)

    origin.reply = guard
    contract = http_contract(headers={"X-Vault": "vault:kv/erp#token", "X-File": "file:key"})
    async with vault_like() as vault:
        environ |= {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}", "VAULT_TOKEN": vault.token}
        vault.kept["kv/erp"] = {"token": "of-vault-1"}
        (tmp_path / "key").write_text("of-file-1")
        assert isinstance(await ask(tools, contract), Happened)

        good = {"of-vault-2", "of-file-2"}
        refused = await ask(tools, contract)
        assert isinstance(refused, Refused)
        assert refused.code == "TOOL-REFUSED"

        vault.kept["kv/erp"] = {"token": "of-vault-2"}
        (tmp_path / "key").write_text("of-file-2")
        assert isinstance(await ask(tools, contract), Happened)

    assert len(vault.asked) == 3
    assert [asked.headers["x-vault"] for asked in origin.asked] == [
        "of-vault-1",
        "of-vault-1",
        "of-vault-2",
    ]


async def test_a_vault_that_is_away_sends_nothing_and_is_asked_again(
    origin: Origin, tools: Tools, environ: dict[str, str]
) -> None:
    """The refusal is certain, says which secret, and may be tried again."""
    async with vault_like() as vault:
        vault.fault = "silent"
        environ |= {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}", "VAULT_TOKEN": vault.token}
        contract = http_contract(headers={"X-Key": "vault:kv/erp#token"})
        began = time.monotonic()

        given = await ask(tools, contract, within_s=0.3)

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-SECRET", True)
    assert "SECRET-UNREACHABLE" in given.message
    assert "vault:kv/erp#token" in given.message
    assert time.monotonic() - began < MOST_S
    assert origin.connections == 0


async def test_each_principal_is_called_for_with_its_own(
    origin: Origin, tools: Tools, tmp_path: Path
) -> None:
    """The agent of the plan picks the credential; a call of nobody's has none."""
    contract = http_contract(headers={"X-Key": "file:keys/{tenant}-{agent}"})
    (tmp_path / "keys").mkdir()
    for agent in ("buyer", "seller"):
        (tmp_path / "keys" / f"acme-{agent}").write_text(f"key-of-{agent}")
    call = ToolCall(contract, {}, "run-1:order:do", time.monotonic() + 5)

    for agent in ("buyer", "seller"):
        of_agent = replace(call, principal={"agent": agent, "tenant": "acme"})
        assert await tools.adapter(contract)(of_agent) == Happened({"id": "1"})
    nobody = await tools.adapter(contract)(call)

    assert [asked.headers["x-key"] for asked in origin.asked] == ["key-of-buyer", "key-of-seller"]
    assert isinstance(nobody, Refused)
    assert "SECRET-PRINCIPAL" in nobody.message


async def test_a_secret_comes_back_in_no_form(
    origin: Origin, tools: Tools, environ: dict[str, str]
) -> None:
    """In body, names, errors, content type and broken JSON; encoded, escaped, and cut in two."""
    environ["TOKEN"] = SECRET
    contract = http_contract(headers={"Authorization": "Bearer ${env:TOKEN}"})
    inside = base64.b64encode(f'{{"h":"Bearer {SECRET}"}}'.encode()).decode()
    said = {
        "plain": SECRET,
        "inside": f"Bearer {SECRET}!",
        "base64": inside,
        "hex": SECRET.encode().hex(),
        "url": "https://x.example/?t=s3cr3t-t0ken%2F%2Bof%3Dthe%26tool",
        SECRET: 1,
    }
    twice = json.dumps(SECRET).encode()
    replies = [
        answer(200, json.dumps(said).encode()),
        answer(200, json.dumps(json.dumps(said)).encode()),
        answer(401, json.dumps({"message": "x" * 290 + SECRET}).encode()),
        answer(500, json.dumps({"error": {"message": inside}}).encode()),
        answer(200, b"{}", content_type=f"text/{SECRET}"),
        answer(200, b"{" + twice + b":1," + twice + b":2}"),
        answer(200, b"[" + SECRET.encode()),
    ]
    for reply in replies:
        origin.reply = reply
        given = await ask(tools, contract)
        shown = repr(given)
        for known in (SECRET, SECRET[:14], inside[20:60], SECRET.encode().hex(), "t0ken%2F%2B"):
            assert known not in shown, (known, shown)
        assert isinstance(given, Happened | Refused | Unknown | Broken)
