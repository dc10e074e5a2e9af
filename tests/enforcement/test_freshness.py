"""How old policies may be: both clocks, the floor, and what is not held up by them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remit.canonical import JSONObject, digest
from remit.decision.decision import Decided, Decision
from remit.decision.facts import CostFact, Facts
from remit.decision.release import Release
from remit.enforcement import telemetry
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.deciding import Deciding
from remit.enforcement.frame import Place
from remit.enforcement.freshness import Bounds, Freshness, Stakes
from remit.ledger.errors import LedgerUnavailableError
from tests.policies import given

MINUTE = 60_000
BOUNDS = Bounds(
    contact_ms=15 * MINUTE,
    behind_ms=MINUTE,
    low_contact_ms=60 * MINUTE,
    low_behind_ms=5 * MINUTE,
)
START = 1_800_000_000_000


class World:
    """What OPA and the ledger would say, and what time it is."""

    def __init__(self) -> None:
        """Nothing is released, and OPA has never heard of anything."""
        self.now_ms = START
        self.contact_ms = 0
        self.active = ""
        self.error = ""
        self.is_opa_away = False
        self.is_ledger_away = False
        self.released: list[Release] = []

    def clock(self) -> int:
        """Return the time."""
        return self.now_ms

    async def status(self) -> JSONObject:
        """Answer as OPA does."""
        if self.is_opa_away:
            raise PolicyUnavailableError("host:opa_unavailable", "away")
        moment = datetime.fromtimestamp(self.contact_ms / 1000, UTC)
        said = moment.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
        bundle: JSONObject = {
            "active_revision": self.active,
            "last_successful_request": said if self.contact_ms else "0001-01-01T00:00:00Z",
        }
        if self.error:
            bundle |= {"code": "bundle_error", "message": self.error}
        return {"bundles": {"remit": bundle, "system": {"active_revision": "local"}}}

    async def since(self, serial: int, most: int) -> Sequence[Release]:
        """Answer as the ledger does."""
        if self.is_ledger_away:
            raise LedgerUnavailableError("away")
        return [one for one in self.released if one.serial > serial][:most]

    def release(self, name: str, floor: int = 1) -> str:
        """Release the policies called `name`; return their revision."""
        made = Release(
            serial=len(self.released) + 1,
            revision=digest(name),
            archive=digest(name),
            key="k",
            origin="published",
            author="ann",
            reason="",
            approvals=(),
            report="",
            floor=floor,
            published_ms=self.now_ms,
        )
        self.released.append(made)
        return made.revision

    def serve(self, revision: str) -> None:
        """Let OPA have these policies, now."""
        self.active, self.contact_ms = revision, self.now_ms


@pytest.fixture
def world() -> World:
    """A world with one release that OPA has."""
    made = World()
    made.serve(made.release("a"))
    return made


@pytest.fixture
def freshness(world: World) -> Freshness:
    """Who looks at it."""
    return Freshness(world, world, world.clock, bounds=BOUNDS)


def code_of(freshness: Freshness, revision: str, stakes: Stakes = "high") -> str:
    """Return the code by which a decision under `revision` is refused; empty when it is not."""
    try:
        freshness.check(revision, stakes)
    except (PolicyInvalidError, PolicyUnavailableError) as error:
        return error.code
    return ""


def gauge(name: str) -> float:
    """Return the value of a metric."""
    found: float = getattr(telemetry, name)._value.get()
    return found


async def test_the_newest_release_in_contact_decides(world: World, freshness: Freshness) -> None:
    """Nothing is held up, and the metrics say so."""
    await freshness.look()
    world.now_ms += MINUTE

    assert code_of(freshness, world.active) == ""
    assert (gauge("POLICY_SERIAL"), gauge("POLICY_NEWEST"), gauge("POLICY_BEHIND")) == (1, 1, 0)
    assert gauge("POLICY_ERROR") == 0


async def test_without_contact_calls_wait_at_the_bound(world: World, freshness: Freshness) -> None:
    """Not a millisecond sooner; contact again, and they go on."""
    await freshness.look()
    contact_ms = freshness.snapshot.contact_ms
    world.now_ms = contact_ms + BOUNDS.contact_ms
    assert code_of(freshness, world.active) == ""

    world.now_ms += 1
    assert code_of(freshness, world.active) == "host:stale_bundle"
    await freshness.look()
    assert gauge("POLICY_AGE") > 900
    world.contact_ms = world.now_ms
    await freshness.look()
    assert code_of(freshness, world.active) == ""


async def test_behind_the_newest_release_calls_wait(world: World, freshness: Freshness) -> None:
    """Also while somebody answers OPA that nothing is new."""
    await freshness.look()
    newer = world.release("b")
    world.now_ms += BOUNDS.behind_ms
    world.contact_ms = world.now_ms
    await freshness.look()
    assert code_of(freshness, world.active) == ""

    world.now_ms += 1
    assert code_of(freshness, world.active) == "host:stale_bundle"
    await freshness.look()
    assert gauge("POLICY_BEHIND") > 60
    # An answer under what came in the last moment is not held up by the snapshot before it.
    assert code_of(freshness, newer) == ""
    world.serve(newer)
    await freshness.look()
    assert code_of(freshness, newer) == ""
    assert gauge("POLICY_BEHIND") == 0


async def test_each_release_raises_the_newest_serial_by_one(
    world: World, freshness: Freshness
) -> None:
    """So its growth is how many changes of policies there were, also where OPA is behind."""
    await freshness.look()
    before = gauge("POLICY_NEWEST")
    for name in ("b", "a", "c"):
        world.release(name)
    await freshness.look()

    assert (gauge("POLICY_NEWEST") - before, gauge("POLICY_SERIAL")) == (3, 3)


async def test_another_release_does_not_start_the_clock_anew(
    world: World, freshness: Freshness
) -> None:
    """Who is behind two releases is behind since the first of them."""
    world.release("b")
    world.now_ms += BOUNDS.behind_ms - 1
    await freshness.look()
    world.release("c")
    world.contact_ms = world.now_ms
    world.now_ms += 2
    await freshness.look()

    assert code_of(freshness, world.active) == "host:stale_bundle"


async def test_policies_that_nobody_released_count_as_behind(
    world: World, freshness: Freshness
) -> None:
    """Signed by the right key, served by the wrong hands: not for long."""
    world.serve(digest("never released"))
    world.now_ms += BOUNDS.behind_ms + 1
    await freshness.look()

    assert code_of(freshness, world.active) == "host:stale_bundle"
    assert gauge("POLICY_SERIAL") == 0


async def test_below_the_floor_is_denied_at_once(world: World, freshness: Freshness) -> None:
    """A deny and not a wait, for an undo too; the older release again, newly, is above it."""
    old = world.active
    newer = world.release("b", floor=2)
    await freshness.look()

    assert code_of(freshness, old) == "host:revision_below_floor"
    assert code_of(freshness, old, "none") == "host:revision_below_floor"
    assert code_of(freshness, newer) == ""
    with pytest.raises(PolicyInvalidError):
        freshness.check(old)
    world.release("a", floor=2)
    await freshness.look()
    assert code_of(freshness, old) == ""


async def test_what_undoes_is_not_held_up_by_age(world: World, freshness: Freshness) -> None:
    """A run must be able to end."""
    await freshness.look()
    world.release("b")
    world.now_ms += BOUNDS.contact_ms * 2
    await freshness.look()

    assert code_of(freshness, world.active) == "host:stale_bundle"
    assert code_of(freshness, world.active, "none") == ""


async def test_a_start_from_disk_goes_on_counting(world: World, tmp_path: Path) -> None:
    """OPA has forgotten when it heard of anything; the file has not."""
    kept = tmp_path / "contact.json"
    await Freshness(world, world, world.clock, kept=kept).look()
    world.contact_ms = 0
    world.now_ms += 10 * MINUTE
    again = Freshness(world, world, world.clock, bounds=BOUNDS, kept=kept)
    await again.look()

    assert code_of(again, world.active) == ""
    world.now_ms += 6 * MINUTE
    assert code_of(again, world.active) == "host:stale_bundle"


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"contact_ms": "soon"}', b"\xff"])
async def test_a_start_from_disk_without_memory_is_too_old(
    world: World, tmp_path: Path, content: bytes | None
) -> None:
    """Nobody knows how old; so it waits until OPA is in contact."""
    kept = tmp_path / "contact.json"
    if content is not None:
        kept.write_bytes(content)
    world.contact_ms = 0
    freshness = Freshness(world, world, world.clock, bounds=BOUNDS, kept=kept)
    await freshness.look()

    assert code_of(freshness, world.active) == "host:stale_bundle"


async def test_a_contact_in_the_future_is_one_of_now(world: World, tmp_path: Path) -> None:
    """A file from a clock that went ahead does not make policies young for longer."""
    kept = tmp_path / "contact.json"
    kept.write_text(f'{{"contact_ms": {START + 10**9}}}')
    freshness = Freshness(world, world, world.clock, kept=kept)

    assert freshness.snapshot.contact_ms == START


async def test_what_cannot_be_asked_ages(world: World, freshness: Freshness) -> None:
    """Without OPA or the ledger the last snapshot stays, and gets too old in the end."""
    await freshness.look()
    known = freshness.snapshot
    world.is_opa_away = world.is_ledger_away = True
    world.now_ms += BOUNDS.contact_ms * 2
    await freshness.look()

    assert freshness.snapshot == known
    assert code_of(freshness, world.active) == "host:stale_bundle"


async def test_an_opa_that_cannot_take_what_it_is_served_is_told(
    world: World, freshness: Freshness
) -> None:
    """The metric stands at 1 until it can again."""
    world.error = "failed to verify signature"
    await freshness.look()
    assert gauge("POLICY_ERROR") == 1
    world.error = ""
    await freshness.look()
    assert gauge("POLICY_ERROR") == 0


async def test_without_any_release_only_the_contact_counts(freshness: Freshness) -> None:
    """Policies that an organisation serves by other means have no order here."""
    world = World()
    world.serve(digest("theirs"))
    alone = Freshness(world, world, world.clock, bounds=BOUNDS)
    await alone.look()
    world.now_ms += BOUNDS.behind_ms * 2

    assert code_of(alone, world.active) == ""


LOW = given.call(operation="read")
COSTS = CostFact(micros=1, currency="EUR")


def looking(**step: object) -> Facts:
    """Return a plan of one step that reads data of no class, for nothing."""
    changes = {"operation": "read", "worst": 0, **step}
    plan = given.PLAN.model_copy(update={"steps": [given.STEP.model_copy(update=changes)]})
    return given.admission().model_copy(update={"plan": plan})


@pytest.mark.parametrize(
    ("facts", "stakes"),
    [
        (given.call(), "high"),
        (given.call(purpose="probe"), "high"),
        (given.admission(), "high"),
        (given.vote(), "high"),
        (given.order(), "high"),
        (LOW, "low"),
        (given.call(operation="read", purpose="read_back"), "low"),
        (given.call(operation="trigger"), "high"),
        (given.call(operation="read", data_classes=["pii"]), "high"),
        (given.call(operation="read", inflow=["email"]), "high"),
        (given.call(operation="read", irreversible=True), "high"),
        (given.call(operation="read", cost=COSTS), "high"),
        (looking(), "low"),
        (looking(operation="write"), "high"),
        (looking(data_classes=["pii"]), "high"),
        (looking(worst=None), "high"),
        (given.call(rollback=True), "none"),
        (given.system(), "none"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_how_long_a_question_goes_on_under_old_policies(
    world: World, freshness: Freshness, facts: Facts, stakes: Stakes
) -> None:
    """Whatever begins or allows something waits first, a harmless read later, an undo never."""
    await freshness.look()
    deciding = Deciding(Answering(world), Place(), world.clock, freshness)

    async def code_after(age_ms: int) -> str:
        world.now_ms = freshness.snapshot.contact_ms + age_ms
        try:
            await deciding.decide(facts)
        except PolicyUnavailableError as error:
            return error.code
        return ""

    assert await code_after(BOUNDS.contact_ms) == ""
    assert bool(await code_after(BOUNDS.contact_ms + 1)) == (stakes == "high")
    assert bool(await code_after(BOUNDS.low_contact_ms)) == (stakes == "high")
    assert bool(await code_after(BOUNDS.low_contact_ms + 1)) == (stakes != "none")


async def test_behind_a_release_a_harmless_read_waits_later(
    world: World, freshness: Freshness
) -> None:
    """Whoever tightened something is obeyed in the end, also by what only looks."""
    await freshness.look()
    world.release("b")
    since_ms = world.now_ms
    for age_ms, codes in (
        (BOUNDS.behind_ms, ("", "")),
        (BOUNDS.behind_ms + 1, ("host:stale_bundle", "")),
        (BOUNDS.low_behind_ms, ("host:stale_bundle", "")),
        (BOUNDS.low_behind_ms + 1, ("host:stale_bundle", "host:stale_bundle")),
    ):
        world.now_ms = world.contact_ms = since_ms + age_ms
        await freshness.look()

        assert tuple(code_of(freshness, world.active, each) for each in ("high", "low")) == codes


class Answering:
    """A judge that allows everything under the revision that OPA has."""

    def __init__(self, world: World) -> None:
        """Answer in this world."""
        self._world = world

    async def decide(self, facts: Facts) -> Decided:
        """Allow."""
        decision = Decision.model_construct(effect="allow", policy_revision=self._world.active)
        return Decided.model_construct(
            decision=decision, revision=self._world.active, took_us=1, decided_ms=1
        )
