"""How to tell that a component is healthy: as data, so that the state file can carry it.

Each kind has `problem()`, which returns `None` when all is well and otherwise one line that says
what is missing. A check has a deadline, follows no redirect, knows no proxy and never raises.
Temporal is asked over HTTP, of the development server through its web UI's door (which forwards to
the gRPC port and so proves both), which spares `remit status` the SDK's native library and its
crashes at exit.
"""

import http.client
import json
import socket
import struct
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import JSON, JSONObject

_DEADLINE_S = 5.0
"""For one answer, in seconds; listing workflows took Temporal 3.6 s on a busy machine."""
_MAX_BODY = 1 << 20
_PROTOCOL = 3 << 16
"""PostgreSQL's protocol 3.0."""


class _Health(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunningHealth(_Health):
    """Healthy as long as its process runs: for components that answer nothing."""

    kind: Literal["running"] = "running"

    def problem(self) -> str | None:
        """Return `None`: the caller watches the process."""
        return None


class HttpHealth(_Health):
    """Healthy when a GET of `url` is answered with 2xx."""

    kind: Literal["http"] = "http"
    url: str
    """`http://host:port/path`."""

    def problem(self) -> str | None:
        """Return what is wrong, or `None`."""
        status, body = _get(self.url)
        return None if 200 <= status < 300 else f"GET {self.url}: {_words(status, body)}"


class TemporalHealth(_Health):
    """Healthy when Temporal lists workflows and knows the search attributes."""

    kind: Literal["temporal"] = "temporal"
    web_ui: str
    """`http://host:port` of the web UI, or of the front end's own HTTP door."""
    namespace: str
    search_attributes: tuple[str, ...]

    def problem(self) -> str | None:
        """Return what is wrong, or `None`."""
        base = f"{self.web_ui}/api/v1/namespaces/{self.namespace}"
        status, body = _get(f"{base}/workflows?maximumPageSize=1")
        if status != 200:
            return f"listing workflows: {_words(status, body)}"
        status, body = _get(f"{base}/search-attributes")
        known = _object(body).get("customAttributes")
        missing = [
            n for n in self.search_attributes if not isinstance(known, dict) or n not in known
        ]
        return f"search attributes not registered: {', '.join(missing)}" if missing else None


class PostgresHealth(_Health):
    """Healthy when PostgreSQL asks a client to prove who it is: then it takes connections."""

    kind: Literal["postgres"] = "postgres"
    host: str
    port: int
    user: str

    def problem(self) -> str | None:
        """Return what is wrong, or `None`."""
        words = b"user\0%b\0database\0postgres\0\0" % self.user.encode()
        hello = struct.pack("!II", len(words) + 8, _PROTOCOL) + words
        try:
            with socket.create_connection((self.host, self.port), timeout=_DEADLINE_S) as line:
                line.sendall(hello)
                answer = line.recv(1024)
        except OSError as error:
            return f"connecting: {error}"
        if answer[:1] == b"R":
            return None
        said = answer[5:].replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return f"connecting: {said or 'no answer'}"


class OpaHealth(_Health):
    """Healthy when a bundle is active and the entry point answers even `{}`."""

    kind: Literal["opa"] = "opa"
    socket: Path
    token_file: Path
    decision: str
    """Path of the entry point below `/v1/data/`."""

    def problem(self) -> str | None:
        """Return what is wrong, or `None`."""
        status, body = self._ask("GET", "/health?bundles")
        if status != 200:
            return f"no policy bundle is active yet: {_words(status, body)}"
        status, body = self._ask("POST", f"/v1/data/{self.decision}", b'{"input":{}}')
        if status != 200:
            return f"deciding on an empty input: {_words(status, body)}"
        if "result" not in _object(body):
            return f"`{self.decision}` is undefined for an empty input"
        return None

    def revision(self) -> str | None:
        """Return the revision of the bundle that OPA decides with now; `None` if it cannot say."""
        path = f"/v1/data/{self.decision}?provenance=true"
        _, body = self._ask("POST", path, b'{"input":{}}')
        match _object(body):
            case {"provenance": {"bundles": {"remit": {"revision": str(revision)}}}}:
                return revision
        return None

    def bundle(self) -> JSONObject:
        """Return what OPA says of the policies' bundle; nothing if it does not answer."""
        _, body = self._ask("GET", "/v1/status")
        found: JSON = _object(body)
        for name in ("result", "bundles", "remit"):
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except OSError as error:
            return 0, str(error).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return _exchange(_UnixConnection(self.socket), method, path, headers, body)


Health = Annotated[
    RunningHealth | HttpHealth | TemporalHealth | PostgresHealth | OpaHealth,
    Field(discriminator="kind"),
]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in place of a host and port."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port or 80, timeout=_DEADLINE_S
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _exchange(connection, "GET", path, {}, None)


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
) -> tuple[int, bytes]:
    """Return (status, body); status 0 and the reason when there was no answer."""
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(_MAX_BODY)
    except (OSError, http.client.HTTPException) as error:
        return 0, (str(error) or type(error).__name__).encode()
    finally:
        connection.close()


def _object(body: bytes) -> JSONObject:
    """Return `body` as a JSON object; an empty one for anything else."""
    try:
        document: JSON = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _words(status: int, body: bytes) -> str:
    """Return status and body as one readable line; of a diagnostic its own words."""
    match _object(body):
        case {"error": {"code": str(code), "message": str(message)}}:
            return f"{code}: {message}"
    text = body.decode("utf-8", "replace").strip()[:300]
    return text if status == 0 else f"HTTP {status} {json.dumps(text)}"
