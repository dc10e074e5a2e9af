"""The `http` kind, the example's contracts and the real back office together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from activities.tools.registry import Tools
from remit.canonical import JSONObject
from remit.stores.project import Project, load_project
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.template import fill
from remit.tool.validation import check_input, check_output
from tests.backoffice.running import Running, start
from tests.waiting import until

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "backoffice"
ORDER: JSONObject = {
    "supplier": "sup-7",
    "total_micros": 4200000000,
    "currency": "EUR",
    "requester": "requester@acme.example",
    "reference": "laptops-1",
}


@pytest.fixture(scope="module")
def project() -> Project:
    """The example."""
    return load_project(FOLDER)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A back office for this module."""
    made = start(tmp_path_factory.mktemp("office") / "office.db")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx2.Client]:
    """A client of the service's own API."""
    with httpx2.Client(base_url=running.url, timeout=10.0) as client:
        yield client


@pytest.fixture
def office(client: httpx2.Client) -> httpx2.Client:
    """The back office as it was seeded."""
    client.post("/reset").raise_for_status()
    return client


class Caller:
    """Calls the example's tools."""

    def __init__(self, tools: Tools, project: Project) -> None:
        self._tools = tools
        self._project = project

    async def __call__(
        self, ref: str, arguments: JSONObject, key: str = "k1", within_s: float = 20
    ) -> ToolAnswer:
        """Call once, as enforcement does: with checked arguments and a checked output."""
        contract = self._project.catalogue.find(ref)
        assert contract is not None
        assert check_input(contract, arguments) == []
        deadline = asyncio.get_running_loop().time() + within_s
        given = await self._tools.adapter(contract)(ToolCall(contract, arguments, key, deadline))
        if isinstance(given, Happened):
            assert check_output(contract, given.output) == []
        return given

    async def undo(self, ref: str, arguments: JSONObject, output: object) -> ToolAnswer:
        """Call what the tool's contract names as its compensation."""
        contract = self._project.catalogue.find(ref)
        assert contract is not None
        assert contract.compensation is not None
        values: JSONObject = {"args": arguments, "output": output}
        filled = fill(contract.compensation.args, values)
        assert isinstance(filled, dict)
        return await self(contract.compensation.tool, filled, f"undo-{ref}")


@pytest.fixture
async def call(running: Running, project: Project, tmp_path: Path) -> AsyncIterator[Caller]:
    """A caller of the running back office."""
    tools = Tools(project.functions, tmp_path, {"BACKOFFICE_URL": running.url})
    yield Caller(tools, project)
    await tools.aclose()


def _state(office: httpx2.Client) -> str:
    digest: str = office.get("/state").json()["digest"]
    return digest


def _orders(office: httpx2.Client) -> int:
    effects = office.get("/journal", params={"kind": "erp.order"}).json()["entries"]
    return len(effects)


def _fault(office: httpx2.Client, operation: str, **fault: object) -> None:
    office.put(f"/faults/{operation}", json=fault).raise_for_status()


ACTIONS: list[tuple[str, JSONObject]] = [
    (
        "finance.reserve_budget@1",
        {
            "budget": "workplace",
            "amount_micros": 5,
            "currency": "EUR",
            "requester": "r@acme.example",
            "reference": "x",
        },
    ),
    (
        "finance.post_entry@1",
        {
            "reference": "x",
            "debit": "6400-equipment",
            "credit": "2000-payables",
            "amount_micros": 5,
            "currency": "EUR",
        },
    ),
    (
        "finance.activate_billing@1",
        {"account": "acc-1001", "plan": "p", "amount_micros": 5, "currency": "EUR"},
    ),
    ("erp.place_order@1", ORDER),
    ("erp.archive_record@1", {"record": "rec-77"}),
    (
        "crm.create_account@1",
        {
            "reference": "new",
            "name": "New",
            "owner": "o@acme.example",
            "region": "eu",
            "currency": "EUR",
        },
    ),
    (
        "crm.load_data@1",
        {"account": "acc-1001", "name": "d", "rows": [{"email": "a@b.example", "name": "A"}]},
    ),
    (
        "crm.propose_update@1",
        {
            "account": "acc-1001",
            "proposer": "a@acme.example",
            "reason": "r",
            "fields": {"phone": "1"},
        },
    ),
    ("crm.update_account@1", {"account": "acc-1001", "fields": {"phone": None, "name": "N"}}),
    (
        "identity.provision_access@1",
        {"subject": "a@b.example", "system": "portal", "role": "member"},
    ),
]


@pytest.mark.parametrize(("ref", "arguments"), ACTIONS, ids=[ref for ref, _ in ACTIONS])
async def test_every_compensation_undoes(
    call: Caller, office: httpx2.Client, ref: str, arguments: JSONObject
) -> None:
    """Each tool with a compensation changes the world, and its compensation changes it back."""
    before = _state(office)

    done = await call(ref, arguments)
    assert isinstance(done, Happened)
    during = _state(office)
    undone = await call.undo(ref, arguments, done.output)

    assert isinstance(undone, Happened)
    assert during != before
    assert _state(office) == before


async def test_a_confirmation_can_be_withdrawn(call: Caller, office: httpx2.Client) -> None:
    """What is confirmed can be undone in reverse order, and in no other."""
    before = _state(office)
    placed = await call("erp.place_order@1", ORDER)
    assert isinstance(placed, Happened)
    assert isinstance(placed.output, dict)
    confirm: JSONObject = {"supplier": "sup-7", "order": placed.output["id"]}
    confirmed = await call("supplier.confirm_order@1", confirm, "k2")
    assert isinstance(confirmed, Happened)

    early = await call.undo("erp.place_order@1", ORDER, placed.output)
    assert isinstance(early, Refused)
    assert isinstance(
        await call.undo("supplier.confirm_order@1", confirm, confirmed.output), Happened
    )
    assert isinstance(await call.undo("erp.place_order@1", ORDER, placed.output), Happened)
    assert _state(office) == before


async def test_one_key_is_one_order(call: Caller, office: httpx2.Client) -> None:
    """The same step key gives the same answer and no second order, also after a lost answer."""
    _fault(office, "erp.place_order", mode="drop_answer", times=1)

    lost = await call("erp.place_order@1", ORDER)
    again = await call("erp.place_order@1", ORDER)
    once_more = await call("erp.place_order@1", ORDER)

    assert isinstance(lost, Unknown)
    assert isinstance(again, Happened)
    assert once_more == again
    assert _orders(office) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code", "orders"),
    [
        ({"mode": "status_503"}, Unknown, "TOOL-STATUS", 0),
        ({"mode": "crash_after_effect"}, Unknown, "TOOL-STATUS", 1),
        ({"mode": "crash_after_effect", "crash": "close"}, Unknown, "TOOL-CONNECTION", 1),
        ({"mode": "drop_answer"}, Unknown, "TOOL-CONNECTION", 1),
        ({"mode": "html"}, Broken, "TOOL-NOT-JSON", 1),
        ({"mode": "huge"}, Broken, "TOOL-ANSWER-TOO-LARGE", 1),
        ({"mode": "redirect"}, Unknown, "TOOL-REDIRECT", 0),
        ({"mode": "redirect", "effect": True}, Unknown, "TOOL-REDIRECT", 1),
    ],
)
async def test_faults(
    call: Caller,
    office: httpx2.Client,
    fault: JSONObject,
    kind: type[Unknown | Broken],
    code: str,
    orders: int,
) -> None:
    """Every fault is told as what a caller can know of it, whatever it really did."""
    _fault(office, "erp.place_order", **fault)

    given = await call("erp.place_order@1", ORDER)

    assert isinstance(given, kind)
    assert given.code == code
    assert _orders(office) == orders


async def test_a_late_answer_is_unknown_and_happens(call: Caller, office: httpx2.Client) -> None:
    """A deadline that passes while the service works leaves an effect behind that a key finds."""
    _fault(office, "erp.place_order", mode="delay", delay_ms=2000, times=1)

    late = await call("erp.place_order@1", ORDER, within_s=1)
    assert isinstance(late, Unknown)
    assert late.code == "TOOL-TIMEOUT"

    await asyncio.to_thread(until, lambda: _orders(office))
    assert isinstance(await call("erp.place_order@1", ORDER), Happened)
    assert _orders(office) == 1


async def test_refusals_have_no_effect(call: Caller, office: httpx2.Client) -> None:
    """The service's no is a refusal with its own code, and nothing happened."""
    before = _state(office)

    given = await call("erp.place_order@1", ORDER | {"supplier": "sup-9"})

    assert isinstance(given, Refused)
    assert "SUPPLIER_BLOCKED" in given.message
    assert _state(office) == before


async def test_an_undo_of_what_never_was_is_harmless(call: Caller, office: httpx2.Client) -> None:
    """The contracts' compensations say `missing: ok`, so a lie about success can be undone."""
    _fault(office, "erp.place_order", mode="lie", times=1)
    told = await call("erp.place_order@1", ORDER)
    assert isinstance(told, Happened)
    assert isinstance(told.output, dict)

    read = await call("erp.get_order@1", {"order": told.output["id"]})
    undone = await call.undo("erp.place_order@1", ORDER, told.output)

    assert isinstance(read, Refused)
    assert isinstance(undone, Happened)


async def test_without_its_service_nothing_is_sent(project: Project, tmp_path: Path) -> None:
    """Without a service on its port a call is refused as unsent."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        tools = Tools(project.functions, tmp_path, {"REMIT_PORT_BACKOFFICE": str(port)})

        given = await Caller(tools, project)("erp.place_order@1", ORDER)
        await tools.aclose()

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-UNREACHABLE", True)
