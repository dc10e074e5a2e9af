"""Access tokens of OAuth 2: got for the call that needs one, kept, let go of, never repeated."""

import asyncio
import base64
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from activities.tools import tokens
from examples.agents.stub_model import Bad, Says, StubModel
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolCall
from remit.tool.contract import ToolContract
from tests.activities.calling import ask
from tests.activities.mcp_calls import ending, say
from tests.activities.origin import Asked, Origin, answer, http_contract
from tests.activities.test_mcp_http import GOOD, mcp_over_http, scripted
from tests.activities.test_model_routes import routed
from tests.activities.test_model_tool import GOOD as RATED
from tests.activities.test_model_tool import rate, rating
from tests.activities.tokens_giver import BEARER, SECRET, Giver, MakeClient
from tests.secrets.vaultlike import vault_like


def _carries(origin: Origin) -> list[str]:
    return [asked.headers["authorization"].removeprefix("Bearer ") for asked in origin.asked]


async def test_a_token_is_got_with_the_clients_secret_and_kept(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Asked for as RFC 6749 says, once for all calls until it ends."""
    tools = client(scope="orders.read orders.write", audience="https://crm.example", resource="r:1")

    for _ in range(3):
        assert isinstance(await ask(tools, http_contract(headers=BEARER)), Happened)

    assert _carries(origin) == giver.given * 3
    [asked] = giver.origin.asked
    assert asked.line == "POST /oauth2/token HTTP/1.1"
    assert giver.forms == [
        {
            "grant_type": "client_credentials",
            "scope": "orders.read orders.write",
            "audience": "https://crm.example",
            "resource": "r:1",
        }
    ]
    told = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert told == "remit+client:cl1ent%3As3cret%2F%2Bof%3Dthe%26client"


async def test_the_secret_may_stand_in_the_body(client: MakeClient, giver: Giver) -> None:
    """For servers that read no header; in one place alone."""
    assert isinstance(await ask(client(send="body"), http_contract(headers=BEARER)), Happened)

    [asked] = giver.origin.asked
    assert giver.forms[0]["client_secret"] == SECRET
    assert giver.forms[0]["client_id"] == "remit client"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("lasts_s", "later_s", "count"),
    [
        (3600, 3500, 1),
        (3600, 3571, 2),
        (40, 10, 1),
        (40, 21, 2),
        (10**9, 86_300, 1),
        (10**9, 86_371, 2),
    ],
)
async def test_a_token_is_used_until_shortly_before_it_ends(
    client: MakeClient,
    giver: Giver,
    monkeypatch: pytest.MonkeyPatch,
    lasts_s: int,
    later_s: int,
    count: int,
) -> None:
    """Half a minute before, or half of its time; a day at most, whatever is said."""
    giver.lasts_s, tools, began = lasts_s, client(), time.monotonic()
    now = [began]
    monkeypatch.setattr(tokens, "time", SimpleNamespace(monotonic=lambda: now[0]))
    await ask(tools, http_contract(headers=BEARER))

    now[0] = began + later_s
    await ask(tools, http_contract(headers=BEARER))

    assert len(giver.given) == count


async def test_calls_at_once_ask_once(client: MakeClient, giver: Giver, origin: Origin) -> None:
    """One answer serves all that wait for it, and who gives up does not end it for the others."""
    tools, asked, may = client(), asyncio.Event(), asyncio.Event()

    async def late(question: Asked, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await may.wait()
        await giver.give(question, writer)

    giver.answers(late)
    contract = http_contract(headers=BEARER)
    first = asyncio.create_task(ask(tools, contract))
    await asked.wait()
    others = [asyncio.create_task(ask(tools, contract)) for _ in range(20)]
    impatient = await ask(tools, contract, within_s=0.05)
    first.cancel()
    may.set()
    ended = await asyncio.gather(*others)

    assert ending(impatient) == "Refused TOOL-SECRET again"
    assert all(isinstance(each, Happened) for each in ended)
    assert (len(giver.origin.asked), set(_carries(origin))) == (1, set(giver.given))


async def test_a_token_that_was_taken_back_is_got_anew_by_the_next_attempt(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """The call is not sent twice; one that is refused though it is new is not tried for ever."""
    tools, contract = client(), http_contract(headers=BEARER)
    await ask(tools, contract)

    async def guard(asked: Asked, writer: asyncio.StreamWriter) -> None:
        is_new = asked.headers["authorization"].endswith(giver.given[-1]) and len(giver.given) == 2
        await answer(200 if is_new else 401, b"{}")(asked, writer)

    origin.reply = guard
    kept = await ask(tools, contract)
    assert ending(kept) == "Refused TOOL-REFUSED again"
    assert (len(origin.asked), len(giver.given)) == (2, 1)

    assert isinstance(await ask(tools, contract), Happened)
    origin.reply = answer(401, b"{}")
    assert ending(await ask(tools, contract)) == "Refused TOOL-REFUSED again"
    assert ending(await ask(tools, contract)) == "Refused TOOL-REFUSED"
    assert len(giver.given) == 3


async def test_a_401_that_may_have_had_an_effect_is_not_called_a_refusal(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Where the contract does not vouch for it; the token is let go of all the same."""
    tools, contract = client(), http_contract(headers=BEARER, refused=[404])
    await ask(tools, contract)
    origin.reply = answer(401, b"{}")

    assert ending(await ask(tools, contract)) == "Unknown TOOL-STATUS"
    origin.reply = answer(200, b"{}")
    assert isinstance(await ask(tools, contract), Happened)
    assert _carries(origin)[-1] == giver.given[1]


async def test_how_long_may_be_declared(client: MakeClient, giver: Giver) -> None:
    """For a server that does not tell; what it does tell counts more."""
    tools = client(lifetime_s=600)
    giver.changes = {"expires_in": None}
    for _ in range(2):
        assert isinstance(await ask(tools, http_contract(headers=BEARER)), Happened)

    assert len(giver.given) == 1


async def test_each_agent_is_its_own_client(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Tokens of one are not given to another, and nobody's call has none."""
    vaulted = "vault:kv/{tenant}/crm/{agent}#secret"
    contract = http_contract(headers=BEARER)
    call = ToolCall(contract, {}, "run-1:order:do", time.monotonic() + 20)
    async with vault_like() as vault:
        environ = {"VAULT_ADDR": f"http://127.0.0.1:{vault.port}", "VAULT_TOKEN": vault.token}
        tools = client(environ, client_secret=vaulted, send="body")
        for agent in ("buyer", "seller"):
            vault.kept[f"kv/acme/crm/{agent}"] = {"secret": f"secret-of-{agent}"}
        for agent in ("buyer", "seller", "buyer"):
            of_agent = replace(call, principal={"agent": agent, "tenant": "acme"})
            assert isinstance(await tools.adapter(contract)(of_agent), Happened)
        nobody = await tools.adapter(contract)(call)

    assert [form["client_secret"] for form in giver.forms] == [
        "secret-of-buyer",
        "secret-of-seller",
    ]
    first, second = giver.given
    assert _carries(origin) == [first, second, first]
    assert "SECRET-PRINCIPAL" in str(nobody)


async def test_a_client_that_nobody_declares(client: MakeClient, origin: Origin) -> None:
    """An undo keeps the contract that its run pinned, though the project has another one now."""
    given = await ask(client(), http_contract(headers={"Authorization": "Bearer ${oauth:erp}"}))

    assert "SECRET-MISSING: the secret oauth:erp: remit.toml declares no [oauth.erp]" in str(given)
    assert origin.connections == 0


async def test_neither_token_nor_secret_comes_back(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """In no form: not when the token is new, and not when it was kept."""

    inside = base64.b64encode(f"x{SECRET}".encode()).decode()

    async def echo(asked: Asked, writer: asyncio.StreamWriter) -> None:
        bearer = asked.headers["authorization"]
        told = {"a": bearer, "b": inside, SECRET: [bearer.encode().hex()]}
        await answer(200, json.dumps(told).encode())(asked, writer)

    tools, origin.reply = client(), echo
    for _ in range(2):
        shown = repr(await ask(tools, http_contract(headers=BEARER)))
        [token] = giver.given
        for known in (
            token,
            token.encode().hex(),
            "s3cret",
            base64.b64encode(SECRET.encode()[2:-4]),
        ):
            assert str(known) not in shown
    assert token not in repr(vars(tools._outside))
    assert SECRET not in repr(tools._outside._tokens.__dict__["_kept"])


def _remote() -> ToolContract:
    return mcp_over_http(BEARER)


async def test_an_mcp_server_is_called_with_a_token(
    client: MakeClient, giver: Giver, origin: Origin
) -> None:
    """Every request has it; one that is taken back leads to a new token, and a new connection."""
    tools, origin.reply = client(), scripted(200, GOOD)
    assert await say(tools, _remote()) == Happened({"a": 1})
    assert set(_carries(origin)) == set(giver.given)

    origin.reply = scripted(401)
    assert ending(await say(tools, _remote())) == "Refused TOOL-REFUSED again"

    origin.reply = scripted(200, GOOD)
    origin.asked.clear()
    assert await say(tools, _remote()) == Happened({"a": 1})
    assert set(_carries(origin)) == {giver.given[1]}
    origin.reply = scripted(401)
    await say(tools, _remote())
    assert ending(await say(tools, _remote())) == "Refused TOOL-REFUSED"


async def test_a_model_is_asked_with_a_token(client: MakeClient, giver: Giver) -> None:
    """An endpoint that does not take it any more counts as away; the next attempt has another."""
    tools = client()
    async with StubModel([Says(RATED), Bad(401), Says(RATED)]) as stub:
        contract = rating(stub.url)
        endpoint = contract.call.endpoints[0].model_copy(update={"key": "oauth:crm"})
        call = contract.call.model_copy(update={"endpoints": [endpoint]})
        contract = contract.model_copy(update={"call": call})
        assert isinstance(await rate(tools, contract), Happened)
        away = await rate(tools, contract)
        assert isinstance(await rate(tools, contract), Happened)

    first, second = giver.given
    assert ending(away) == "Refused TOOL-MODEL-AWAY again"
    assert stub.keys == [f"Bearer {first}", f"Bearer {first}", f"Bearer {second}"]


async def test_agents_that_have_tokens_have_answers_of_their_own(
    client: MakeClient, giver: Giver
) -> None:
    """Whose client it is, the tool cannot see; so nobody is given what another's token brought."""
    tools = client()
    async with StubModel([Says(RATED)]) as stub:
        contract = routed({"url": stub.url, "key": "oauth:crm"}, keep_s=600)
        for agent in ("buyer", "seller"):
            principal = {"tenant": "acme", "agent": agent}
            given = await ask(tools, contract, {"message": "Down!"}, principal=principal)
            assert isinstance(given, Happened)

    assert len(stub.asked) == 2


_APART = """
import os

from remit.tool.python import tool


@tool(domain="apart", operation="read", idempotency="natural", owner="team:lab", version="1.0.0",
      destinations=["127.0.0.1"], process={"environment": {"TOKEN": "oauth:crm"}})
def tell() -> list[str]:
    '''Tell it.'''
    return [os.environ["TOKEN"], str(len(os.environ["TOKEN"]))]
"""


async def test_a_reference_leads_to_a_token_wherever_it_stands(
    client: MakeClient, giver: Giver, tmp_path: Path
) -> None:
    """Here in the environment of a function in a process of its own."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "apart.py").write_text(_APART)
    stated = f'token_url = "{giver.url}"\nclient_id = "a"\nclient_secret = "env:SECRET"\n'
    (tmp_path / "remit.toml").write_text(f"[oauth.crm]\n{stated}")
    contract = load_project(tmp_path).catalogue.find("apart.tell@1")
    assert contract is not None

    given = await ask(client(), contract, within_s=100)

    [token] = giver.given
    assert given == Happened(["[secret]", str(len(token))])
