"""Where the data of a candidate permits more than the data in force, whatever history shows.

Pure. Recorded decisions exercise only what agents did; a new scope that nobody used yet changes
none of them. So the data that policies read is compared by itself. What each place means is written
down here; a difference in a place that nobody described counts as one that permits more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from remit.canonical import JSON, JSONObject, canonical

_RISKS = ("low", "medium", "high", "critical")
_Rule = Callable[[JSON, JSON], Iterator[str]]
"""Takes what stood and what stands, `None` for nothing; yields what is permitted besides."""


def widened(before: JSONObject, after: JSONObject) -> list[str]:
    """Return the places of the data that permit more, sorted, each with what it permits.

    Args:
        before: the document at `data.remit` of the bundle in force.
        after: the same of the candidate.
    """
    return sorted({f"{place} {what}" for place, what in _widened(before, after)})


def _widened(before: JSONObject, after: JSONObject) -> Iterator[tuple[str, str]]:
    for part in sorted({"agents", "people", "egress", "tools"} | _parts(before) | _parts(after)):
        if part not in ("thresholds", "retention"):
            yield from _walk((part,), _registry(before).get(part), _registry(after).get(part))
    # The two stand one over the other, as rules read them.
    yield from _walk(("thresholds",), _laid(before, "thresholds"), _laid(after, "thresholds"))
    yield from _walk(("defaults", "domains"), _below(before), _below(after))


def _walk(place: tuple[str, ...], before: JSON, after: JSON) -> Iterator[tuple[str, str]]:
    if before == after or (len(place) == 2 and place[0] in ("agents", "people") and after is None):
        return
    rule = _rule(place)
    if rule is not None:
        yield from ((".".join(place), what) for what in rule(before, after))
        return
    if any(isinstance(one, dict) for one in (before, after)) and _descends(place):
        old, new = (one if isinstance(one, dict) else {} for one in (before, after))
        for name in sorted({*old, *new}):
            yield from _walk((*place, name), old.get(name), new.get(name))
        return
    yield ".".join(place), f"is now {_told(after)}, was {_told(before)}"


def _grows(before: JSON, after: JSON) -> Iterator[str]:
    """A list whose items each permit something."""
    for one in _items(after):
        if one not in _items(before):
            yield f"+ {_told(one)}"


def _shrinks(before: JSON, after: JSON) -> Iterator[str]:
    """A list whose items each forbid something."""
    for one in _items(before):
        if one not in _items(after):
            yield f"- {_told(one)}"


def _only(before: JSON, after: JSON) -> Iterator[str]:
    """A list of all that is permitted; without it everything is."""
    if before is None and after is None:
        return
    if after is None:
        yield "is not bounded any more"
    elif before is not None:
        yield from _grows(before, after)


def _raised(before: JSON, after: JSON) -> Iterator[str]:
    """A number that permits more when it is higher, or appears."""
    if not _is_number(before) or not _is_number(after) or _number(after) > _number(before):
        yield f"is now {_told(after)}, was {_told(before)}"


def _lowered(before: JSON, after: JSON) -> Iterator[str]:
    """A number that permits more when it is lower, or goes."""
    if not _is_number(before) or not _is_number(after) or _number(after) < _number(before):
        yield f"is now {_told(after)}, was {_told(before)}"


def _risk(before: JSON, after: JSON) -> Iterator[str]:
    ranks = [_RISKS.index(one) if one in _RISKS else -1 for one in (before, after)]
    if ranks[1] < ranks[0] or -1 in ranks:
        yield f"is now {_told(after)}, was {_told(before)}"


def _status(before: JSON, after: JSON) -> Iterator[str]:
    """An agent's status: one that may act again may do everything it could."""
    if before is not None and before != "active" and after in ("active", None):
        yield f"is now {_told(after or 'active')}, was {_told(before)}"


def _demanded(before: JSON, after: JSON) -> Iterator[str]:
    if before is True and after is not True:
        yield "is not required any more"


def _kept(before: JSON, after: JSON) -> Iterator[str]:
    """Something that binds while it stands as it stood."""
    if before is not None and before != after:
        yield f"is now {_told(after)}, was {_told(before)}"


def _from(default: int, rule: _Rule) -> _Rule:
    """Read an absent value as its default."""
    return lambda before, after: rule(
        default if before is None else before, default if after is None else after
    )


_RULES: Mapping[tuple[str, ...], _Rule] = {
    ("agents", "*", "scopes"): _grows,
    ("agents", "*", "tenants"): _grows,
    ("agents", "*", "status"): _status,
    ("agents", "*", "tools"): _only,
    ("agents", "*", "fields", "*", "set"): _only,
    ("agents", "*", "fields", "*", "read"): _only,
    ("people", "*", "roles"): _grows,
    ("people", "*", "tenants"): _only,
    ("egress", "*"): _grows,
    ("exceptions",): _grows,
    ("tools", "*", "domain"): _kept,
    ("thresholds", "min_confidence"): _lowered,
    ("thresholds", "clock_skew_ms"): _raised,
    ("thresholds", "rollback_window_ms"): _raised,
    ("thresholds", "max_steps"): _raised,
    ("thresholds", "max_calls"): _raised,
    ("thresholds", "unbudgeted_deny_micros"): _raised,
    ("thresholds", "critical_micros"): _raised,
    ("thresholds", "risk", "*"): _risk,
    ("thresholds", "require_provenance"): _demanded,
    ("thresholds", "forbidden_tools"): _shrinks,
    ("thresholds", "sequences"): _shrinks,
    ("thresholds", "waivable"): _grows,
    ("thresholds", "banned_combinations"): _shrinks,
    ("thresholds", "regions", "*"): _only,
    ("thresholds", "gates", "*", "quorum"): _from(1, _lowered),
    ("thresholds", "gates", "*", "expires_in_ms"): _raised,
    ("thresholds", "gates", "*", "above_micros"): _from(0, _raised),
    ("thresholds", "gates", "*", "except_domains"): _grows,
    ("thresholds", "gates", "*", "role"): _kept,
    ("thresholds", "orders", "*"): _grows,
    ("thresholds", "promotion", "max_report_age_ms"): _raised,
    ("thresholds", "packs", "detected"): _shrinks,
}
_DEEP = frozenset(("agents", "people", "egress", "tools", "thresholds", "domains", "defaults"))


def _rule(place: tuple[str, ...]) -> _Rule | None:
    if place in _RULES:
        return _RULES[place]
    for pattern, rule in _RULES.items():
        if len(pattern) == len(place) and all(
            wanted in ("*", name) for wanted, name in zip(pattern, place, strict=True)
        ):
            return rule
    return None


def _descends(place: tuple[str, ...]) -> bool:
    return place[0] in _DEEP


def _registry(data: JSONObject) -> JSONObject:
    found = data.get("registry")
    return found if isinstance(found, dict) else {}


def _parts(data: JSONObject) -> set[str]:
    return set(_registry(data))


def _laid(data: JSONObject, name: str) -> JSON:
    """Return a part of the registry over the same part of the defaults."""
    return _over(_defaults(data).get(name), _registry(data).get(name))


def _below(data: JSONObject) -> JSON:
    return _defaults(data).get("domains")


def _defaults(data: JSONObject) -> JSONObject:
    found = data.get("defaults")
    return found if isinstance(found, dict) else {}


def _over(below: JSON, above: JSON) -> JSON:
    if isinstance(below, dict) and isinstance(above, dict):
        return {name: _over(below.get(name), above.get(name)) for name in {**below, **above}}
    return below if above is None else above


def _items(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list) else []


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: JSON) -> float:
    return value if isinstance(value, int | float) else 0.0


def _told(value: JSON) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else canonical(value).decode()
