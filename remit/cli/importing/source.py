"""Getting the document that tools are imported from: a file, or one request without detours."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from remit.cli.errors import CliError, usage
from remit.tool.reach import Range, plain_ip, range_of

_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, and where it is from."""

    content: bytes
    shown: str
    """Where from, without anything secret and without paths of this machine."""
    origin: str | None
    """Its URL, when it was fetched."""
    stem: str
    """What a domain may be called by: the file's name, or the host's."""
    is_private: bool = False
    """Whether it was fetched from a private address."""


def fetch(source: str, project: Path, most: int) -> Fetched:
    """Return the document at `source`, at most one byte more than `most`.

    Raises:
        CliError: it cannot be had.
    """
    if source.startswith(("http://", "https://")):
        return _over_http(source, most)
    file = Path(source)
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        message = f"{source!r} cannot be read: {error.strerror}"
        raise usage("FILE-UNREADABLE", message, "name a file, or a URL") from error
    inside = os.path.relpath(file.resolve(), project.resolve())
    shown = file.name if inside.startswith("..") else Path(inside).as_posix()
    return Fetched(content, shown, None, file.name.partition(".")[0])


def _over_http(url: str, most: int) -> Fetched:
    import httpx2

    parts = urlsplit(url)
    if parts.username or parts.password or not parts.hostname:
        hint = "fetch it yourself, and import the file"
        raise usage("IMPORT-FETCH", "the URL holds a user or no host", hint)
    until = monotonic() + _WAIT_S
    try:
        with (
            httpx2.Client(timeout=_WAIT_S, trust_env=False, follow_redirects=False) as client,
            client.stream("GET", url, headers={"accept-encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise _unfetched(parts.hostname, f"answered {response.status_code}")
            is_private = _is_private(response.extensions.get("network_stream"))
            content = bytearray()
            for chunk in response.iter_raw():
                content += chunk
                if len(content) > most:
                    break
                if monotonic() > until:
                    raise _unfetched(parts.hostname, f"took longer than {_WAIT_S:.0f} s")
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise _unfetched(parts.hostname, f"gave no answer ({type(error).__name__})") from error
    shown = f"{parts.scheme}://{parts.netloc}{parts.path}"
    stem = parts.hostname.partition(".")[0]
    return Fetched(bytes(content), shown, url, stem, is_private)


def _is_private(stream: object) -> bool:
    """Say whether the other end of a connection, the one that answered, is in a private network."""
    asked = getattr(stream, "get_extra_info", None)
    told = asked("server_addr") if asked is not None else None
    address = plain_ip(str(told[0])) if told else None
    return address is not None and range_of(address) is Range.PRIVATE


def _unfetched(host: str, what: str) -> CliError:
    hint = "no redirect is followed and nobody is logged in: fetch it yourself, import the file"
    return usage("IMPORT-FETCH", f"{host} {what}", hint)
