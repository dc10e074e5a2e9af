"""What came of it, in numbers: faults by kind and window, times to recover, and the table.

Pure. A fault at a point has recovered when its call's next record stands in the ledger (behind an
outcome: the run's next record); any other when a step that began after it has an outcome.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from chaos.checker import Violation
from chaos.evidence import Chain, Key
from chaos.injector import Injected
from remit.canonical import JSON, JSONObject

_FINAL = ("do.recorded", "undo.recorded", "undo.fenced", "undo.listed", "do.voted", "do.gated")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds to recover."""

    count: int
    never: int
    """Faults behind which nothing more was to be done."""
    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of the machine."""

    seed: int
    profile: str
    plans: int
    ended: Mapping[str, int]
    """Runs by how they ended."""
    faults: int
    kinds: Mapping[str, int]
    windows: Mapping[str, int]
    apart: Mapping[str, int]
    """Kinds that are reported apart."""
    left_out: Sequence[str]
    """Kinds that this machine cannot do, with the reason."""
    missed_windows: Mapping[str, int]
    missed_kinds: Sequence[str]
    effects: int
    requests: int
    doubts: int
    recovery: Times
    recovery_apart: Times
    took_s: float
    quiet_s: float
    is_quiet: bool
    violations: Sequence[Violation]

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong and everything was tried."""
        wrong = [one for one in self.violations if not one.is_apart]
        return self.is_quiet and not (wrong or self.missed_windows or self.missed_kinds)

    def document(self) -> JSONObject:
        """Return it as `build/chaos.json` holds it."""
        violations: list[JSON] = [asdict(one) for one in self.violations if not one.is_apart]
        apart: list[JSON] = [asdict(one) for one in self.violations if one.is_apart]
        return {
            "seed": self.seed,
            "profile": self.profile,
            "plans": self.plans,
            "faults": self.faults,
            "violations": len(violations),
            "violation_list": violations,
            "reported_apart": apart,
            "ended": dict(self.ended),
            "kinds": dict(self.kinds),
            "windows": dict(self.windows),
            "kinds_apart": dict(self.apart),
            "left_out": list(self.left_out),
            "missed_windows": dict(self.missed_windows),
            "missed_kinds": list(self.missed_kinds),
            "effects": self.effects,
            "requests": self.requests,
            "doubts": self.doubts,
            "recovery_s": asdict(self.recovery),
            "recovery_apart_s": asdict(self.recovery_apart),
            "took_s": round(self.took_s, 1),
            "quiet_after_last_fault_s": round(self.quiet_s, 1),
            "is_quiet": self.is_quiet,
        }

    def table(self) -> str:
        """Return it for people."""
        rows = [
            ("seed, profile", f"{self.seed}, {self.profile}"),
            ("plans", f"{self.plans}: {_counts(self.ended)}"),
            ("requests, effects", f"{self.requests}, {self.effects}"),
            ("faults", f"{self.faults} in {self.took_s:.0f} s"),
            ("  by kind", _counts(self.kinds)),
            ("  by window", _counts(self.windows)),
            ("  apart", _counts(self.apart) or "none"),
            ("  left out", "; ".join(self.left_out) or "none"),
            ("questions to a person", str(self.doubts)),
            ("time to recover", _said(self.recovery)),
            ("  apart", _said(self.recovery_apart)),
            ("quiet", f"{self.quiet_s:.1f} s after the last fault" if self.is_quiet else "never"),
            ("windows missed", _counts(self.missed_windows) or "none"),
            ("kinds missed", ", ".join(self.missed_kinds) or "none"),
            ("violations", str(sum(not one.is_apart for one in self.violations))),
        ]
        lines = [f"{name:<22} {value}" for name, value in rows]
        for one in self.violations:
            mark = "apart" if one.is_apart else "WRONG"
            lines.append(f"  {mark} {one.invariant} {one.subject}: {one.message}")
        return "\n".join(lines)


def recoveries(came: Sequence[Injected], chains: Mapping[str, Chain]) -> Times:
    """Return how long it took until things went on after each fault."""
    steps = sorted(_steps(chains))
    found: list[float] = []
    never = 0
    for fault in came:
        until = _own(fault, chains) if fault.key else _anybody(fault.at_ms, steps)
        if until is None:
            never += 1
        else:
            found.append((until - fault.at_ms) / 1000)
    found.sort()
    return Times(len(found), never, _at(found, 0.5), _at(found, 0.95), found[-1] if found else 0.0)


def _own(fault: Injected, chains: Mapping[str, Chain]) -> int | None:
    key = fault.key or Key("", "", "")
    chain = chains.get(key.root)
    after = fault.fault.point.partition("@")[0] in _FINAL
    for record in chain.records if chain else ():
        body = record.get("body")
        path = body.get("path") if isinstance(body, dict) else None
        at_ms = record.get("at_ms")
        if isinstance(at_ms, int) and at_ms > fault.at_ms and (after or path == key.path):
            return at_ms
    return None


def _steps(chains: Mapping[str, Chain]) -> list[tuple[int, int]]:
    """Return (intent, outcome) of every step."""
    found: list[tuple[int, int]] = []
    for chain in chains.values():
        begun: dict[tuple[JSON, JSON], int] = {}
        for record in chain.records:
            body, at_ms = record.get("body"), record.get("at_ms")
            if not isinstance(body, dict) or not isinstance(at_ms, int):
                continue
            place = (str(body.get("path")), str(body.get("direction")))
            if record.get("kind") == "intent":
                begun[place] = at_ms
            elif record.get("kind") == "outcome" and place in begun:
                found.append((begun.pop(place), at_ms))
    return found


def _anybody(at_ms: int, steps: Sequence[tuple[int, int]]) -> int | None:
    return min((ended for begun, ended in steps if begun > at_ms), default=None)


def counted(came: Sequence[Injected]) -> tuple[dict[str, int], dict[str, int]]:
    """Return faults by kind and by window."""
    kinds = Counter(each.fault.kind for each in came)
    windows = Counter(each.fault.window for each in came if each.fault.window != "any")
    return dict(sorted(kinds.items())), dict(sorted(windows.items()))


def _at(values: Sequence[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _said(times: Times) -> str:
    return (
        f"p50 {times.p50:.1f} s, p95 {times.p95:.1f} s, longest {times.longest:.1f} s "
        f"({times.count} faults; behind {times.never} nothing more was to do)"
    )
