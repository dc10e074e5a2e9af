"""Temporal over TLS: a real server behind what demands it, and everybody who connects."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from remit.client.connection import connect
from remit.client.errors import ClientError
from remit.client.trust import trust_of
from tests.activities.certificates import server_context, write_authority
from tests.relaying import hand_on
from tests.running import Running
from workers.builder import connect as connect_worker
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]


class Ends:
    """The far end of TLS before the lab's Temporal: whoever has no certificate does not get in."""

    def __init__(self, there: str, folder: Path) -> None:
        self._there = there
        self.authority = write_authority(folder)
        self.context, _ = server_context(folder, ["temporal.example"])
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(self.authority)
        self.context.set_alpn_protocols(["h2"])
        pem = (folder / "server.pem").read_bytes()
        self.cert, self.key = folder / "own.pem", folder / "own.key"
        certificate = load_pem_x509_certificate(pem)
        self.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(pem.partition(b"-----BEGIN CERTIFICATE")[0])
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand everything on."""
        await hand_on(reader, writer, self._there)

    def variables(self) -> dict[str, str]:
        """Return what somebody says who is let in."""
        return {
            "REMIT_TEMPORAL_TLS": str(self.authority),
            "REMIT_TEMPORAL_TLS_NAME": "temporal.example",
            "REMIT_TEMPORAL_CERT": str(self.cert),
            "REMIT_TEMPORAL_CERT_KEY": str(self.key),
        }


@pytest.fixture
async def ends(lab: Running, tmp_path: Path) -> AsyncIterator[Ends]:
    """It, on a free port."""
    made = Ends(lab.address, tmp_path)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=made.context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def test_commands_and_workers_connect_over_tls(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Known by a certificate, and knowing whom they speak to; a token goes along."""
    for name, value in ends.variables().items():
        monkeypatch.setenv(name, value)
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    monkeypatch.setenv("REMIT_TEMPORAL_TOKEN_FILE", str(token))
    address = f"127.0.0.1:{ends.port}"
    settings = WorkerSettings(ledger_url="sqlite:////nowhere/l.db", temporal_address=address)

    for client in (await connect(address), await connect_worker(settings)):
        assert await client.service_client.check_health()
        assert client.service_client.config.api_key == "t0ken"


@pytest.mark.parametrize("less", ["plain", "no certificate", "another name", "another authority"])
async def test_nobody_connects_with_less(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, less: str
) -> None:
    """Neither a client that is not known nor a server that is not."""
    variables = ends.variables()
    if less == "plain":
        variables = {}
    elif less == "no certificate":
        del variables["REMIT_TEMPORAL_CERT"], variables["REMIT_TEMPORAL_CERT_KEY"]
    elif less == "another name":
        variables["REMIT_TEMPORAL_TLS_NAME"] = "other.example"
    else:
        (tmp_path / "other").mkdir()
        variables["REMIT_TEMPORAL_TLS"] = str(write_authority(tmp_path / "other"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ClientError, match="TEMPORAL-UNREACHABLE"):
        await connect(f"127.0.0.1:{ends.port}")


@pytest.mark.parametrize(
    "stated",
    [
        {"REMIT_TEMPORAL_TOKEN_FILE": "token"},
        {"REMIT_TEMPORAL_TLS_NAME": "temporal.example"},
        {"REMIT_TEMPORAL_TLS": "system", "REMIT_TEMPORAL_CERT": "token"},
        {"REMIT_TEMPORAL_TLS": "absent.pem"},
        {"REMIT_TEMPORAL_TLS": "system", "REMIT_TEMPORAL_TOKEN_FILE": "empty"},
    ],
    ids=["token in plain", "name in plain", "half a pair", "no file", "empty file"],
)
def test_what_is_stated_by_half_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: dict[str, str]
) -> None:
    """Before anything is sent; the message names the variable and no content."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("t0ken")
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(ClientError, match=r"TEMPORAL-TRUST: .*REMIT_TEMPORAL_") as raised:
        trust_of(stated)

    assert "t0ken" not in str(raised.value)


def test_nothing_stated_is_plain_and_system_is_the_systems() -> None:
    """The usual on one machine; and a server that everybody's authorities vouch for."""
    assert trust_of({}).tls is False
    known = trust_of({"REMIT_TEMPORAL_TLS": "system"})
    assert known.tls is not False
    assert "t0ken" not in repr(known)
