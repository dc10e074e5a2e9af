"""Through a forward proxy: where egress is enforced outside the process as well.

Every connection, `http` and `https` alike, is a `CONNECT` tunnel: the proxy sees host and port, and
of `http` the bytes, but is never handed a request to repeat or to answer by itself. The proxy
resolves the name, so the addresses it may lead to are the proxy's to check. What the proxy refuses
was certainly not sent.
"""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import httpcore2
import httpx2

_MOST_BYTES = 16 * 1024
_PORTS = {"http": 3128, "https": 443}


class ProxyRefusedError(Exception):
    """The proxy does not let this host be reached, or does not know us; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where all connections go first."""

    host: str
    port: int
    is_encrypted: bool
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> "Proxy | None":
        """Return the proxy that `url` describes; empty for none.

        Raises:
            ValueError: it is not `http(s)://[user:password@]host[:port]`; the message does not
                repeat it, as it may hold a password.
        """
        if not url:
            return None
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("a proxy is written `http(s)://[user:password@]host[:port]`")
        known = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            known = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        return cls(parts.hostname, port, parts.scheme == "https", known)


async def open_tunnel(
    network: httpcore2.AsyncNetworkBackend,
    proxy: Proxy,
    host: str,
    port: int,
    within_s: float | None,
) -> httpcore2.AsyncNetworkStream:
    """Return a connection to `host` through `proxy`.

    Raises:
        ProxyRefusedError: the proxy answered 4xx.
        httpcore2.ConnectError: it cannot be reached, or cannot reach the host.
    """
    stream = await network.connect_tcp(proxy.host, proxy.port, within_s)
    try:
        if proxy.is_encrypted:
            stream = await stream.start_tls(httpx2.create_ssl_context(), proxy.host, within_s)
        target = f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if proxy.authorization is not None:
            head += f"Proxy-Authorization: {proxy.authorization}\r\n"
        await stream.write(f"{head}\r\n".encode("ascii"), within_s)
        status = await _status(stream, within_s)
    except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
        await stream.aclose()
        raise httpcore2.ConnectError("the proxy gave no answer") from error
    except BaseException:
        await stream.aclose()
        raise
    if 200 <= status < 300:
        return stream
    await stream.aclose()
    if 400 <= status < 500:
        raise ProxyRefusedError(f"the proxy answered {status} for {target}")
    raise httpcore2.ConnectError(f"the proxy answered {status} for {target}")


async def _status(stream: httpcore2.AsyncNetworkStream, within_s: float | None) -> int:
    """Read the proxy's answer, and not one byte of what comes through the tunnel after it."""
    said = b""
    while b"\r\n\r\n" not in said:
        more = await stream.read(_MOST_BYTES, within_s)
        said += more
        if not more or len(said) > _MOST_BYTES:
            raise httpcore2.ConnectError("the proxy gave no answer of HTTP")
    head, _, rest = said.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    is_http = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit()
    if not is_http:
        raise httpcore2.ConnectError("the proxy gave no answer of HTTP")
    status = int(words[1])
    if rest and 200 <= status < 300:
        # Neither TLS nor HTTP lets the far end speak first: these are the proxy's own words.
        raise httpcore2.ConnectError("the proxy said more than it may")
    return status
