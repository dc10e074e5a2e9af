"""Where a name leads: addresses are checked, connections pinned, and nothing looks again."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from activities.tools.egress import EgressError, GuardedTransport, Reaching
from activities.tools.registry import Tools
from activities.tools.resolving import Resolver
from remit.tool.call import Happened, Refused, ToolAnswer
from remit.tool.reach import reach
from tests.activities.calling import ask
from tests.activities.certificates import server_context, write_authority
from tests.activities.origin import Origin, answer, http_contract


@dataclass
class Names:
    """A resolver whose answers the test decides, one after the other; the last one stays."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> list[str]:
        """Answer as a server of names that someone hostile owns may."""
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class Way:
    """The adapters, with names that lead where the test says."""

    names: Names
    tools: Tools
    environ: dict[str, str]

    async def ask(
        self, origin: Origin, *, host: str = "api.example", **contract: object
    ) -> ToolAnswer:
        """Call a tool at `host`, on the port of `origin`."""
        self.environ["ORIGIN"] = f"http://{host}:{origin.port}"
        return await ask(self.tools, http_contract(**contract))


@asynccontextmanager
async def _way(folder: Path, *answers: list[str], kept_s: float = 0.0) -> AsyncIterator[Way]:
    names = Names(list(answers))
    environ: dict[str, str] = {}
    tools = Tools({}, folder, environ, resolver=Resolver(names, kept_s))
    yield Way(names, tools, environ)
    await tools.aclose()


@asynccontextmanager
async def _origin(
    host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[Origin]:
    made = Origin()
    server = await asyncio.start_server(made.serve, host, port, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


NAMED = {"destinations": ["api.example", "127.0.0.1"]}
"""A name, and the one address that it may have."""


async def test_the_address_that_was_checked_is_the_one_connected_to(
    origin: Origin, tmp_path: Path
) -> None:
    """The name leads elsewhere the moment it was checked: nobody looks a second time."""
    async with (
        _origin("127.0.0.2", origin.port) as evil,
        _way(tmp_path, ["127.0.0.1"], ["127.0.0.2"]) as way,
    ):
        given = await way.ask(origin, **NAMED)
        assert given == Happened({"id": "1"})
        assert way.names.asked == ["api.example"]

        # An idle connection to the good address is there, and is not a reason to look away.
        given = await way.ask(origin, **NAMED)

        assert isinstance(given, Refused)
        assert given.code == "TOOL-EGRESS"
        assert "127.0.0.2" in given.message
        assert (origin.connections, evil.connections) == (1, 0)
        assert origin.asked[0].headers["host"] == f"api.example:{origin.port}"


async def test_rebinding_between_allowed_addresses_changes_the_connection(
    origin: Origin, tmp_path: Path
) -> None:
    """A name that moves is followed with a new connection, never with the old one."""
    async with (
        _origin("127.0.0.2", origin.port) as other,
        _way(tmp_path, ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]) as way,
    ):
        for _ in range(3):
            given = await way.ask(origin, destinations=["api.example"], private=["api.example"])
            assert given == Happened({"id": "1"})

    assert (origin.connections, len(origin.asked), len(other.asked)) == (1, 2, 1)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "169.254.169.254"],
        ["93.184.216.34", "127.0.0.2"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["10.0.0.7"],
        ["100.64.0.1"],
        ["::1"],
        ["fe80::1%eth0"],
        ["::ffff:127.0.0.2"],
        ["64:ff9b::7f00:2"],
        ["2002:7f00:1::"],
        ["2001:0:7f00:1::"],
        ["0.0.0.0"],  # noqa: S104
        ["::"],
        ["224.0.0.1"],
        ["not an address"],
    ],
    ids=lambda addresses: "+".join(addresses),
)
async def test_one_bad_address_among_many_is_enough(
    origin: Origin, tmp_path: Path, addresses: list[str]
) -> None:
    """A listed name must not lead there; nothing is connected to, not even to the good one."""
    async with _way(tmp_path, addresses) as way:
        given = await way.ask(origin, **NAMED)

    assert isinstance(given, Refused)
    assert given.code == "TOOL-EGRESS"
    assert not given.again
    assert origin.connections == 0


async def test_an_idle_connection_serves_only_who_may_reach_it(
    origin: Origin, tmp_path: Path
) -> None:
    """It is kept between calls, and is no way in for a contract without the mark."""
    async with _way(tmp_path, ["127.0.0.1"]) as way:
        marked = {"destinations": ["api.example"], "private": ["api.example"]}
        assert await way.ask(origin, **marked) == Happened({"id": "1"})
        assert await way.ask(origin, **marked) == Happened({"id": "1"})

        refused = await way.ask(origin, destinations=["api.example"])

    assert isinstance(refused, Refused)
    assert (origin.connections, len(origin.asked)) == (1, 2)


async def test_a_dead_address_is_passed_over(origin: Origin, tmp_path: Path) -> None:
    """Of several checked addresses the one that answers is used."""
    async with _way(tmp_path, ["127.0.0.3", "127.0.0.1"]) as way:
        given = await way.ask(origin, destinations=["api.example", "127.0.0.0/8"])

    assert given == Happened({"id": "1"})


async def test_a_silent_server_of_names_ends_with_the_deadline(
    origin: Origin, tmp_path: Path
) -> None:
    """Nothing was sent, other names go on, and one thread waits however many ask."""
    hang = asyncio.Event()
    loop = asyncio.get_running_loop()
    asked: list[str] = []

    def lookup(host: str) -> list[str]:
        asked.append(host)
        if host == "dead.example":
            asyncio.run_coroutine_threadsafe(hang.wait(), loop).result()
        return ["127.0.0.1"]

    environ: dict[str, str] = {
        "DEAD": "http://dead.example",
        "ORIGIN": f"http://api.example:{origin.port}",
    }
    tools = Tools({}, tmp_path, environ, resolver=Resolver(lookup))
    dead = http_contract(url="${env:DEAD}/x", destinations=["dead.example"])

    lost = [ask(tools, dead, within_s=0.3) for _ in range(20)]
    given, *refused = await asyncio.gather(ask(tools, http_contract(**NAMED)), *lost)

    assert given == Happened({"id": "1"})
    assert {type(each) for each in refused} == {Refused}
    assert {each.code for each in refused if isinstance(each, Refused)} == {"TOOL-UNREACHABLE"}
    assert asked.count("dead.example") == 1
    hang.set()
    await tools.aclose()


async def test_a_name_without_an_address_may_be_tried_again(origin: Origin, tmp_path: Path) -> None:
    """It is as good as a server that does not listen."""

    def lookup(host: str) -> list[str]:
        raise OSError(f"no such name: {host}")

    tools = Tools({}, tmp_path, {"ORIGIN": "http://api.example"}, resolver=Resolver(lookup))

    given = await ask(tools, http_contract(**NAMED))

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-UNREACHABLE", True)
    await tools.aclose()


@pytest.mark.parametrize("is_shared", [False, True], ids=["own-pool", "shared-pool"])
async def test_a_client_on_the_transport_is_held_to_it_at_each_redirect(
    origin: Origin, is_shared: bool
) -> None:
    """Somebody else's client that follows redirects is stopped at the next host."""
    reply = answer(302, b"", more=f"Location: http://127.0.0.2:{origin.port}/x\r\n")
    origin.reply = reply
    only = reach(("127.0.0.1",))
    transport = (
        Reaching(GuardedTransport(httpx2.Limits(), Resolver()), only)
        if is_shared
        else GuardedTransport(httpx2.Limits(), Resolver(), reach=only)
    )
    async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(EgressError, match=r"127\.0\.0\.2"):
            await client.get(f"http://127.0.0.1:{origin.port}/")

    assert len(origin.asked) == 1


async def test_nobody_said_means_nowhere(origin: Origin) -> None:
    """A request of which nobody says what it may reach is refused."""
    async with httpx2.AsyncClient(
        transport=GuardedTransport(httpx2.Limits(), Resolver())
    ) as client:
        with pytest.raises(EgressError, match="nobody said"):
            await client.get(f"http://127.0.0.1:{origin.port}/")

    assert origin.connections == 0


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate authority that clients made from here on trust."""
    folder = tmp_path / "authority"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(write_authority(folder)))
    return folder


async def test_tls_is_the_names_and_the_connection_the_addresss(
    authority: Path, tmp_path: Path
) -> None:
    """The certificate is held against the name; two names at one address share no connection."""
    context, seen = server_context(authority, ["api.example"])
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(_origin(context=context))
        way = await stack.enter_async_context(_way(tmp_path, ["127.0.0.1"]))
        contract = {"destinations": ["api.example", "other.example", "127.0.0.1"]}

        async def call(host: str) -> ToolAnswer:
            way.environ["ORIGIN"] = f"https://{host}:{origin.port}"
            return await ask(way.tools, http_contract(**contract))

        assert await call("api.example") == Happened({"id": "1"})
        assert await call("api.example") == Happened({"id": "1"})
        for wrong in ("other.example", "127.0.0.1"):
            given = await call(wrong)
            assert isinstance(given, Refused), wrong
            assert given.code == "TOOL-UNREACHABLE"

    assert seen[:2] == ["api.example", "other.example"]
    assert len(origin.asked) == 2
    assert origin.asked[0].headers["host"] == f"api.example:{origin.port}"
