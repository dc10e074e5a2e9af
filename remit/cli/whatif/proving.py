"""The smallest facts about which the policies in force and a candidate disagree, as a test in Rego.

The test says what the candidate answers. It is run against both: it must fail under the policies in
force and pass under the candidate, or the report says that it did not.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.stack.opa_run import run_opa
from remit.cli.whatif.asking import Judge
from remit.cli.whatif.bundles import Parts
from remit.cli.whatif.comparing import First
from remit.decision.decision import Decision
from remit.decision.minimal import Place, minimal
from remit.decision.promotion import Proof
from remit.decision.whatif import compare

_NAME = re.compile(r"[^a-z0-9]+")
_WORDS = {
    "breaks": "is_refused",
    "widens": "is_not_refused",
    "adds_gate": "asks_somebody",
    "removes_gate": "asks_nobody",
    "obligation": "has_other_obligations",
    "reserve": "has_other_limits",
}


@dataclass(frozen=True, slots=True)
class Prover:
    """Makes tests of differences."""

    opa: Path
    base: Judge
    candidate: Judge
    base_parts: Parts
    candidate_parts: Parts

    async def prove(self, first: First) -> Proof | None:
        """Return the test of a difference; `None` for an error, of which no test can be made."""
        if first.before is None or first.after is None:
            return None
        recorded: JSON = json.loads(first.recorded.facts)
        facts, matters = await self._minimal(first)
        document = json.dumps(facts).encode()
        said = await self.candidate.ask_one(document)
        if said is None:
            return None
        name = named(first)
        test = written(first, name, facts, said)
        red, green = await asyncio.gather(
            asyncio.to_thread(self._passes, self.base_parts, test),
            asyncio.to_thread(self._passes, self.candidate_parts, test),
        )
        return Proof(
            matters={".".join(map(str, place)): _value(recorded, place) for place in matters},
            name=name,
            test=test,
            red_before=not red,
            green_after=green,
        )

    async def _minimal(self, first: First) -> tuple[JSONObject, Sequence[Place]]:
        search = minimal(json.loads(first.recorded.facts))
        trials = next(search)
        while True:
            try:
                trials = search.send(await self._differ(first, trials))
            except StopIteration as found:
                smallest: tuple[JSONObject, Sequence[Place]] = found.value
                return smallest

    async def _differ(self, first: First, trials: Sequence[JSONObject]) -> list[bool]:
        """Return of each trial whether the answers differ as they did, for the same reasons."""
        documents = [json.dumps(one).encode() for one in trials]
        before, after = await asyncio.gather(
            self.base.ask(documents), self.candidate.ask(documents)
        )
        return [_alike(first, old, new) for old, new in zip(before, after, strict=True)]

    def _passes(self, parts: Parts, test: str) -> bool:
        with tempfile.TemporaryDirectory(prefix="remit-whatif-") as folder:
            parts.write(Path(folder))
            Path(folder, "whatif_test.rego").write_text(test, encoding="utf-8")
            done = run_opa(self.opa, "test", "--fail-on-empty", ".", folder=Path(folder))
        return done.returncode == 0


def codes(said: Decision) -> list[str]:
    """Return the codes that speak for an answer: of its reasons, or of the gates it asks for."""
    told = said.approvals if said.effect == "require_approval" else said.reasons
    return sorted({one.code for one in told})


def named(first: First) -> str:
    """Return what the test is called."""
    subject = first.recorded.tool or first.recorded.asked.about
    about = _NAME.sub("_", subject.lower()).strip("_")
    return f"test_{about}_{_WORDS.get(first.change.kind, 'differs')}"


def written(first: First, name: str, facts: JSONObject, said: Decision) -> str:
    """Return the test that the candidate passes, as a file of Rego."""
    asked = first.recorded.asked
    lines = [f'\tdecision.effect == "{said.effect}"', *_expected(first, said)]
    return "\n".join(
        [
            f"# Made by `remit policy what-if` of {first.recorded.run}, record {asked.seq}:",
            f"# {asked.about}. These are the smallest facts about which the policies disagree.",
            f"package remit.whatif_{name.removeprefix('test_')}_test",
            "",
            "import rego.v2",
            "",
            "import data.remit.main",
            "",
            f"{name} if {{",
            "\tdecision := main.decision with input as facts",
            *lines,
            "}",
            "",
            f"facts := {_rego(facts)}",
            "",
        ]
    )


def _expected(first: First, said: Decision) -> list[str]:
    kind = first.change.kind
    if kind == "obligation":
        told: JSON = [one.model_dump(mode="json") for one in said.obligations]
        return [f"\tdecision.obligations == {json.dumps(told)}"]
    if kind == "reserve":
        counters: JSON = [one.model_dump(mode="json") for one in said.reserve]
        return [f"\tdecision.reserve == {json.dumps(counters)}"]
    if said.effect == "allow":
        return []
    part = "approvals" if said.effect == "require_approval" else "reasons"
    named = ", ".join(json.dumps(code) for code in codes(said))
    if part == "approvals":
        pairs = sorted({(one.code, one.role) for one in said.approvals})
        named = ", ".join(json.dumps(list(pair)) for pair in pairs)
        return [f"\t{{[one.code, one.role] | some one in decision.approvals}} == {{{named}}}"]
    return [f"\t{{one.code | some one in decision.{part}}} == {{{named}}}"]


def _alike(first: First, before: Decision | None, after: Decision | None) -> bool:
    change = compare(before, after)
    if change is None or change.kind != first.change.kind or before is None or after is None:
        return False
    if first.before is None or first.after is None:
        return False
    # Another rule that happens to refuse smaller facts would be another finding.
    return _sign(before) == _sign(first.before) and _sign(after) == _sign(first.after)


def _sign(said: Decision) -> tuple[str, Sequence[str]]:
    """Return what has to stay as it is: of a refusal or a gate also why."""
    return said.effect, () if said.effect == "allow" else codes(said)


def _value(facts: JSON, place: Place) -> str:
    """Return what stands at a place; of something with members only that it is there."""
    found: JSON = facts
    for part in place:
        if isinstance(found, dict):
            found = found.get(str(part))
        elif isinstance(found, list) and isinstance(part, int):
            found = found[part]
    return "…" if isinstance(found, dict | list) and found else json.dumps(found)


def _rego(value: JSON) -> str:
    """Return a document as `opa fmt` writes it: JSON, indented with tabs, commas behind all."""
    text = json.dumps(value, indent="\t", ensure_ascii=False, sort_keys=True)
    return re.sub(r"(?<=[^\[{,\n\t])\n(?=\t*[\]}])", ",\n", text)
