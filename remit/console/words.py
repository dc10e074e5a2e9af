"""How things are called and counted for people who do not write plans."""

import re
from datetime import UTC, datetime

from remit.canonical import JSON, canonical

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

VERDICTS = {
    "approve": "approved",
    "reject": "rejected",
    "edit": "changed the arguments",
    "request_changes": "asked for changes",
    "claim": "took it",
    "release": "gave it back",
    "delegate": "handed it on",
    "take_over": "did it by hand",
}
ORDERS = {
    "hold": "held the run; it begins nothing more until it is resumed",
    "resume": "let the run go on",
    "rollback": "ordered the run back; it stops, and what it did is undone",
    "resolve_doubt": "said whether the call happened",
    "repair": "settled what could not be undone",
}
STATUSES = {
    "": "running",
    "completed": "completed",
    "refused": "refused by policy, undone",
    "rejected": "a person said no, undone",
    "expired": "nobody answered in time, undone",
    "rolled_back": "rolled back",
    "cancelled": "cancelled, undone",
    "invalid": "not a plan",
    "failed": "failed, undone",
    "rolling_back": "being rolled back",
}
RUN_STATES = {
    "held": "held",
    "in_doubt": "in doubt",
    "unwinding": "being undone",
    "needs_repair": "needs repair",
}
"""What a run that is open says of itself, where that is more than `running`."""
GATE_STATES = {
    "open": "waiting",
    "granted": "approved",
    "rejected": "rejected",
    "expired": "nobody answered in time",
    "abandoned": "no longer needed",
    "void": "replaced by a newer request",
    "edited": "arguments were changed",
    "changes_requested": "changes were asked for",
    "taken_over": "done by hand",
}


def clean(text: str) -> str:
    """Return `text` with what could repaint a line spelt out."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def moment(at_ms: int) -> str:
    """Return a moment for people, in UTC; empty for one that no calendar knows."""
    try:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return at.strftime("%Y-%m-%d %H:%M UTC") if at_ms > 0 else ""


def iso(at_ms: int) -> str:
    """Return a moment for programs."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return ""


def duration(ms: int) -> str:
    """Return a length of time in its largest two units."""
    ms = max(ms, 0)
    if ms < _MINUTE:
        return f"{ms // 1000} s"
    if ms < _HOUR:
        return f"{ms // _MINUTE} min"
    if ms < _DAY:
        hours, rest = divmod(ms // _MINUTE, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(ms // _HOUR, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def until(at_ms: int, now_ms: int) -> str:
    """Return how far away a moment is."""
    left = at_ms - now_ms
    return f"in {duration(left)}" if left >= 0 else f"{duration(-left)} ago"


def money(micros: int, currency: str = "") -> str:
    """Return an amount of millionths as people write it."""
    whole, rest = divmod(abs(micros), 1_000_000)
    cents = f"{rest:06d}".rstrip("0").ljust(2, "0")
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole:,}.{cents} {currency}".strip()


def short(digest: str) -> str:
    """Return the beginning of a digest, enough to compare by eye."""
    return digest.removeprefix("sha256:")[:12]


def spoken(name: str) -> str:
    """Return a name of code as words: `erp.place_order@1` is `place order`."""
    return name.partition("@")[0].rpartition(".")[2].replace("_", " ").replace("-", " ")


def titled(name: str) -> str:
    """Return a tool's or a plan's name as a title; one word alone says too little."""
    words = spoken(name)
    where = name.partition("@")[0].rpartition(".")[0].replace("_", " ").replace(".", " ")
    more = f" ({where})" if where and " " not in words else ""
    return f"{words[:1].upper()}{words[1:]}{more}"


def elapsed(ms: int) -> str:
    """Return how long after the beginning something was, finely while that is short."""
    return f"{ms / 1000:.2f} s" if 0 <= ms < _MINUTE else duration(ms)


def plain(value: JSON) -> str:
    """Return a value as it is shown: texts without quotes, all else as JSON."""
    if isinstance(value, str):
        return clean(value)
    if value is True or value is False:
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    return clean(canonical(value).decode("utf-8", "replace"))
