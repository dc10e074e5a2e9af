"""What people are told, in words: which gate, of whom, until when, and where to look. Pure.

A message goes through other people's servers. It names the call by its digest, and holds no
argument, no comment and nothing that an agent or a rule wrote about one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from remit.ledger.notices import Asked, Broken, Ended, News, Noted, Place

REMINDERS = 10
"""Most reminders of one gate."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where people look."""

    temporal_ui: str = ""
    namespace: str = "default"
    console: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, to everybody who has one of these roles."""

    name: str
    """Always the same for the same occasion."""
    roles: Sequence[str]
    title: str
    body: str
    gate: tuple[str, str] | None = None
    """Root and id of the gate that it asks people to answer; past its end it is not sent."""
    at_ms: int | None = None
    """When what it tells was recorded, if that is where it came from."""


def due(news: News, links: Links, now_ms: int) -> Iterator[Message]:
    """Yield everything that people are to know by now, sent or not."""
    for asked in news.open:
        yield from _asking(asked, links, now_ms)
    for ended in news.ended:
        yield _end(ended, links)
    for noted in news.noted:
        yield _notice(noted, links)
    for broken in news.broken:
        yield _repair(broken, links)


def trial(role: str, links: Links) -> Message:
    """Return a message that only shows that messages arrive."""
    lines = ["This is a test; nobody waits for you.", *_line("role", role)]
    lines += _line("temporal", links.temporal_ui) + _line("console", links.console)
    return Message("test", [role], "Remit: test", "\n".join(lines))


def _asking(asked: Asked, links: Links, now_ms: int) -> Iterator[Message]:
    if now_ms >= asked.expires_ms:
        return
    roles = [asked.role, *(turn.role for turn in asked.then if turn.at_ms <= now_ms)]
    name = f"{asked.place.root}/{asked.gate}"
    yield _ask(asked, links, f"gate:{name}", "approval wanted", [asked.role])
    for at, turn in enumerate(asked.then):
        if turn.at_ms <= now_ms:
            told = "approval wanted, nobody has answered yet"
            yield _ask(asked, links, f"escalation:{name}:{at}", told, [turn.role])
    times = (now_ms - asked.opened_ms) // asked.remind_every_ms if asked.remind_every_ms else 0
    # The newest alone: whoever was away for three of them is not told three times.
    if times:
        times = min(times, REMINDERS)
        yield _ask(asked, links, f"reminder:{name}:{times}", "approval still wanted", roles)


def _ask(asked: Asked, links: Links, name: str, what: str, roles: Sequence[str]) -> Message:
    gate = (asked.place.root, asked.gate)
    return Message(name, roles, _title(what, asked.place), _gate(asked, links, roles), gate)


def _end(ended: Ended, links: Links) -> Message:
    asked = ended.asked
    roles = [asked.role, *(turn.role for turn in asked.then if turn.at_ms <= ended.at_ms)]
    title = _title(f"gate {ended.state.replace('_', ' ')}", asked.place)
    name = f"end:{asked.place.root}/{ended.seq}"
    return Message(name, roles, title, _gate(asked, links, roles), at_ms=ended.at_ms)


def _notice(noted: Noted, links: Links) -> Message:
    lines = [*_run(noted.place, noted.step), *_line("role", noted.role)]
    lines += _line("at", _moment(noted.at_ms)) + _links(noted.place, links)
    name = f"notice:{noted.place.root}/{noted.seq}"
    title = _title("a call begins that you are told of", noted.place)
    return Message(name, [noted.role], title, "\n".join(lines), at_ms=noted.at_ms)


def _repair(broken: Broken, links: Links) -> Message:
    lines = [*_run(broken.place, broken.step), *_line("tool", broken.tool)]
    lines += [*_line("role", OPERATOR), *_links(broken.place, links)]
    name = f"repair:{broken.place.root}/{broken.step}/{broken.attempt}"
    title = _title("an undo failed and needs repair", broken.place)
    return Message(name, [OPERATOR], title, "\n".join(lines))


OPERATOR = "operator"
"""Who is told of what no rule names a role for."""


def _gate(asked: Asked, links: Links, roles: Sequence[str]) -> str:
    lines = [*_run(asked.place, asked.step), *_line("tool", asked.tool)]
    lines += _line("role", ", ".join(dict.fromkeys(roles)))
    lines += _line("due", _moment(asked.expires_ms)) + _line("digest", asked.digest)
    lines += _links(asked.place, links)
    if links.console:
        path, _, number = asked.gate.rpartition("#")
        place = "/".join(quote(one, safe="") for one in (asked.place.root, number))
        lines += _line("console", f"{links.console.rstrip('/')}/gates/{place}/{quote(path)}")
    return "\n".join(lines)


def _title(what: str, place: Place) -> str:
    return f"Remit: {what} ({place.plan})"


def _run(place: Place, step: str) -> list[str]:
    return [
        *_line("run", place.workflow_id),
        *_line("plan", place.plan),
        *_line("step", step),
    ]


def _links(place: Place, links: Links) -> list[str]:
    if not links.temporal_ui:
        return []
    base = f"{links.temporal_ui.rstrip('/')}/namespaces/{quote(links.namespace, safe='')}"
    return _line("temporal", f"{base}/workflows/{quote(place.workflow_id, safe='')}")


def _line(name: str, value: str) -> list[str]:
    return [f"{name}: {value}"] if value else []


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
