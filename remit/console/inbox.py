"""What waits for people, over all runs: whose turn it is, until when, and how much is at stake."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from remit.canonical import JSON
from remit.console.standing import Stand, stand_of
from remit.console.viewing import Viewer
from remit.console.words import money, titled
from remit.ledger.entries import GateRow, RunRow
from remit.stores.inbox import Open

RISKS = ("critical", "high", "medium", "low")
_MICROS = "_micros"


@dataclass(frozen=True, slots=True)
class Item:
    """One gate that waits."""

    gate: GateRow
    run: RunRow
    stand: Stand
    risk: str
    message: str
    amount: str
    """The first sum of money among the arguments; empty for none, or for none to be seen."""
    is_mine: bool
    """Whether it is the viewer's turn."""

    @property
    def title(self) -> str:
        """What is to be done, in words."""
        undo = "Undo: " if self.gate.key.direction.value == "undo" else ""
        return undo + titled(self.gate.tool)

    @property
    def href(self) -> str:
        """Address of its card."""
        return href_of(self.gate)

    @property
    def path(self) -> str:
        """Name of the call in messages."""
        return self.gate.id.rpartition("#")[0]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see of the inbox."""

    role: str = ""
    """A role, `mine`, or empty for all."""
    text: str = ""
    """Part of a plan's, run's, step's or tool's name, or of who asks."""
    risk: str = ""
    order: str = "due"
    """`due`, `risk` or `new`."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """What is shown."""

    items: Sequence[Item]
    total: int
    """How many wait before anything is left out."""
    mine: int
    roles: Mapping[str, int]
    """How many wait for each role."""
    alike: Mapping[str, int]
    """How many wait for one and the same action, by its request digest."""


def inbox_of(found: Open, viewer: Viewer, wanted: Wanted, now_ms: int) -> Inbox:
    """Return what a viewer sees of the open gates."""
    seen = [item for item in _items(found, viewer, now_ms) if viewer.sees(item.run.tenant)]
    roles = Counter(item.stand.role for item in seen)
    chosen = [item for item in seen if _fits(item, wanted)]
    return Inbox(
        items=sorted(chosen, key=_ORDERS.get(wanted.order, _by_due)),
        total=len(seen),
        mine=sum(1 for item in seen if item.is_mine),
        roles=dict(sorted(roles.items())),
        alike=Counter(item.gate.request_digest for item in seen),
    )


def item_of(gate: GateRow, run: RunRow, stand: Stand, viewer: Viewer) -> Item:
    """Return one gate as the inbox lists it."""
    arguments = gate.card.get("arguments")
    amount = _amount(arguments) if viewer.sees_arguments(stand) else ""
    return Item(
        gate,
        run,
        stand,
        risk=_text(gate.card.get("risk")),
        message=_text(gate.card.get("message")),
        amount=amount,
        is_mine=stand.is_open and viewer.is_asked(stand),
    )


def href_of(gate: GateRow) -> str:
    """Return the address of a gate's card."""
    path = gate.id.rpartition("#")[0]
    return f"/gates/{quote(gate.root, safe='')}/{gate.number}/{quote(path, safe='/')}"


def _items(found: Open, viewer: Viewer, now_ms: int) -> Iterable[Item]:
    for gate in found.gates:
        run = found.runs.get(gate.root)
        if run is None:
            continue
        stand = stand_of(gate, found.votes.get((gate.root, gate.id), ()), now_ms)
        if stand.is_open:
            yield item_of(gate, run, stand, viewer)


def _fits(item: Item, wanted: Wanted) -> bool:
    if wanted.role == "mine" and not item.is_mine:
        return False
    if wanted.role not in ("", "mine", item.stand.role):
        return False
    if wanted.risk and item.risk != wanted.risk:
        return False
    run, gate = item.run, item.gate
    where = (run.plan, run.workflow_id, run.agent, run.on_behalf_of, gate.id, gate.tool, item.title)
    return wanted.text.lower() in " ".join(where).lower()


def _by_due(item: Item) -> tuple[object, ...]:
    return item.gate.expires_ms, item.gate.root, item.gate.id


def _by_risk(item: Item) -> tuple[object, ...]:
    at = RISKS.index(item.risk) if item.risk in RISKS else len(RISKS)
    return at, item.gate.expires_ms, item.gate.root, item.gate.id


def _by_age(item: Item) -> tuple[object, ...]:
    return -item.gate.opened_ms, item.gate.root, item.gate.id


_ORDERS = {"due": _by_due, "risk": _by_risk, "new": _by_age}


def _amount(arguments: JSON) -> str:
    if not isinstance(arguments, dict):
        return ""
    currency = arguments.get("currency")
    for name, value in arguments.items():
        if name.endswith(_MICROS) and isinstance(value, int) and not isinstance(value, bool):
            return money(value, currency if isinstance(currency, str) else "")
    return ""


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
