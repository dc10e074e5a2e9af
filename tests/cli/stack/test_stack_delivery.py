"""Policies on their way to a fleet (real publisher, real OPAs): what arrives, and what must not."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.cli.stack.bundle import Bundle
from remit.cli.stack.signing import keep_key
from remit.enforcement import telemetry
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.freshness import Bounds
from tests.cli.stack.delivering import SCOPE, Delivery, altered, grants
from tests.waiting import until

pytestmark = pytest.mark.opa


@pytest.fixture
def delivery(tmp_path: Path, opa_binary: Path, core: Path, project: Path) -> Iterator[Delivery]:
    """A publisher that has released the project's policies, and one OPA that has them."""
    made = Delivery.of(tmp_path, opa_binary, core, project)
    try:
        made.start_publisher()
        first = made.add_opa()
        until(first.revision)
        yield made
    finally:
        made.down()


def edit(delivery: Delivery, *tools: str) -> None:
    """Save another policy."""
    (delivery.project / "mail.rego").write_text(grants(tools))


def gauge(name: str) -> float:
    """Return the value of a metric."""
    found: float = getattr(telemetry, name)._value.get()
    return found


def test_a_release_is_active_in_the_fleet_within_ten_seconds(delivery: Delivery) -> None:
    """Three OPAs, none restarted; going back is the same, under a serial of its own."""
    fleet = [*delivery.sidecars, delivery.add_opa(), delivery.add_opa()]
    first = fleet[0].revision()
    until(lambda: all(one.revision() == first for one in fleet))
    old = delivery.build()
    edit(delivery, "mail.read")
    begun = time.monotonic()
    second = delivery.publish(delivery.build())
    until(lambda: all(one.revision() == second.revision for one in fleet), 10)
    took_s = time.monotonic() - begun
    delivery.look(fleet[2])
    assert (gauge("POLICY_SERIAL"), gauge("POLICY_NEWEST")) == (2, 2)

    third = delivery.publish(old, origin="rolled_back")
    until(lambda: all(one.revision() == first for one in fleet), 10)
    delivery.look(fleet[1])
    assert (third.serial, gauge("POLICY_SERIAL"), gauge("POLICY_BEHIND")) == (3, 3, 0)
    assert took_s < 10


def _flip(files: dict[str, bytes]) -> None:
    rules = bytearray(files["/project/mail.rego"])
    rules[-3] ^= 1
    files["/project/mail.rego"] = bytes(rules)


def _no_signature(files: dict[str, bytes]) -> None:
    del files["/.signatures.json"]


def _further_signatures(files: dict[str, bytes]) -> None:
    files["/fooSignatures.json"] = files["/.signatures.json"]


def _only_further_signatures(files: dict[str, bytes]) -> None:
    files["/fooSignatures.json"] = files.pop("/.signatures.json")


def _delta(files: dict[str, bytes]) -> None:
    patch = {"data": [{"op": "upsert", "path": "/remit/registry", "value": {}}]}
    manifest = files["/.manifest"]
    files.clear()
    files.update({"/.manifest": manifest, "/patch.json": json.dumps(patch).encode()})


@pytest.mark.parametrize(
    "change", [_flip, _no_signature, _further_signatures, _only_further_signatures, _delta]
)
def test_what_is_not_as_it_was_signed_is_refused(
    delivery: Delivery, change: Callable[[dict[str, bytes]], None]
) -> None:
    """What decided goes on deciding; the metrics tell of the error and of the distance."""
    (sidecar,) = delivery.sidecars
    good = sidecar.revision()
    edit(delivery, "mail.read", "mail.send")
    _refused(delivery, altered(delivery.build(), change))

    assert sidecar.revision() == good


def test_another_key_and_another_environment_are_refused(
    delivery: Delivery, tmp_path: Path
) -> None:
    """Neither a stranger's policies nor our own for elsewhere, correctly signed."""
    (sidecar,) = delivery.sidecars
    good = sidecar.revision()
    edit(delivery, "mail.read")
    _refused(delivery, delivery.build(keep_key(tmp_path / "foreign.key", SCOPE)))
    assert sidecar.revision() == good

    elsewhere = keep_key(delivery.key.file, "production")
    _refused(delivery, delivery.build(elsewhere))
    assert sidecar.revision() == good
    # The same, signed for here, is taken: nothing else was wrong with it.
    made = delivery.publish(delivery.build())
    until(lambda: sidecar.revision() == made.revision)
    delivery.look(sidecar)
    assert gauge("POLICY_ERROR") == 0


def _refused(delivery: Delivery, bundle: Bundle) -> None:
    """Release `bundle`, and wait until OPA and the worker's metrics say that it is not taken."""
    (sidecar,) = delivery.sidecars
    bound = Bounds(behind_ms=0)
    delivery.publish(bundle)
    until(lambda: sidecar.status().get("code") == "bundle_error")
    seen = delivery.look(sidecar, bound)

    assert gauge("POLICY_ERROR") == 1
    assert gauge("POLICY_BEHIND") > 0
    with pytest.raises(PolicyUnavailableError) as caught:
        seen.check(sidecar.revision())
    assert caught.value.code == "host:stale_bundle"


def test_an_opa_starts_from_its_disk_while_the_server_is_away(delivery: Delivery) -> None:
    """It decides as it did, for as long as its last contact lets it, and recovers by itself."""
    (sidecar,) = delivery.sidecars
    good = sidecar.revision()
    before = delivery.look(sidecar).snapshot.contact_ms
    delivery.stop_opa(sidecar)
    delivery.stop_publisher()
    delivery.start_opa(sidecar)
    until(sidecar.revision)
    assert sidecar.revision() == good
    assert str(sidecar.status()["last_successful_request"]).startswith("0001-01-01")

    seen = delivery.look(sidecar)
    seen.check(good)
    assert seen.snapshot.contact_ms == before
    too_old = delivery.look(sidecar, Bounds(contact_ms=0))
    with pytest.raises(PolicyUnavailableError):
        too_old.check(good)
    assert gauge("POLICY_AGE") > 0

    delivery.start_publisher()
    until(lambda: "code" not in sidecar.status())
    assert delivery.look(sidecar).snapshot.contact_ms > before


def test_a_tampered_disk_gives_no_policies(delivery: Delivery) -> None:
    """A bundle on disk is verified as one from the server; without one nothing is decided."""
    (sidecar,) = delivery.sidecars
    delivery.stop_opa(sidecar)
    delivery.stop_publisher()
    kept = sidecar.persisted
    kept.write_bytes(altered(Bundle("", kept.read_bytes()), _flip).content)
    delivery.start_opa(sidecar)
    until(lambda: "verif" in (sidecar.folder / "opa.log").read_text())

    assert sidecar.revision() == ""
    assert sidecar.persisted.parent.parent.parent.stat().st_mode & 0o077 == 0


def test_an_older_bundle_with_a_good_signature_is_below_the_floor(
    delivery: Delivery, tmp_path: Path
) -> None:
    """Whoever serves OPA what was once right gets nothing decided with it."""
    (sidecar,) = delivery.sidecars
    old = delivery.build()
    edit(delivery, "mail.read")
    newer = delivery.publish(delivery.build(), raises_floor=True)
    until(lambda: sidecar.revision() == newer.revision)
    delivery.stop_opa(sidecar)
    delivery.stop_publisher()
    sidecar.persisted.write_bytes(old.content)
    delivery.start_opa(sidecar)
    until(sidecar.revision)
    seen = delivery.look(sidecar)

    assert sidecar.revision() == old.revision
    with pytest.raises(PolicyInvalidError) as caught:
        seen.check(sidecar.revision(), "none")
    assert caught.value.code == "host:revision_below_floor"
    assert gauge("POLICY_SERIAL") == 1


def test_server_stopped_bundle_tampered_rolled_back_and_started_from_disk(
    delivery: Delivery,
) -> None:
    """One fleet through all of it: what decides, whether calls wait, and what the metrics say."""
    (sidecar,) = delivery.sidecars
    good, first = sidecar.revision(), delivery.build()
    a_while = Bounds(contact_ms=1000, behind_ms=0)
    heard = _heard(delivery)
    assert _told(delivery) == {"SERIAL": 1, "NEWEST": 1, "BEHIND": 0, "ERROR": 0}

    delivery.stop_publisher()  # OPA decides as before, and its contact ages
    until(lambda: _says(delivery, a_while, good) == "host:stale_bundle")
    _told(delivery)
    assert gauge("POLICY_AGE") > 1
    assert (sidecar.revision(), sidecar.ask("/health?bundles")[0]) == (good, 200)
    delivery.start_publisher()

    edit(delivery, "mail.read")  # somebody alters what was signed
    delivery.publish(altered(delivery.build(), _flip))
    until(lambda: sidecar.status().get("code") == "bundle_error")
    told = _told(delivery)
    assert told.pop("BEHIND") > 0
    assert (told, sidecar.revision()) == ({"SERIAL": 1, "NEWEST": 2, "ERROR": 1}, good)
    assert _says(delivery, Bounds(behind_ms=0), good) == "host:stale_bundle"

    delivery.publish(first, origin="rolled_back")  # the same policies, a serial of their own
    until(lambda: _told(delivery)["ERROR"] == 0)
    assert (_heard(delivery) > heard, _says(delivery, Bounds(), good)) == (True, "")
    assert _told(delivery) == {"SERIAL": 3, "NEWEST": 3, "BEHIND": 0, "ERROR": 0}

    delivery.stop_publisher()
    heard = _heard(delivery)
    delivery.stop_opa(sidecar)
    delivery.start_opa(sidecar)
    until(lambda: sidecar.revision() == good)
    assert _heard(delivery) == heard
    until(lambda: _told(delivery)["ERROR"] == 1)  # nobody serves it
    assert _told(delivery) == {"SERIAL": 3, "NEWEST": 3, "BEHIND": 0, "ERROR": 1}
    until(lambda: _says(delivery, a_while, good) == "host:stale_bundle")
    delivery.start_publisher()
    until(lambda: _heard(delivery) > heard)
    assert _says(delivery, Bounds(), good) == ""


def _heard(delivery: Delivery) -> int:
    """Return when OPA last heard of policies."""
    return delivery.look(delivery.sidecars[0]).snapshot.contact_ms


def _told(delivery: Delivery) -> dict[str, float]:
    """Look as a worker does, and return what its metrics then say."""
    delivery.look(delivery.sidecars[0])
    return {name: gauge(f"POLICY_{name}") for name in ("SERIAL", "NEWEST", "BEHIND", "ERROR")}


def _says(delivery: Delivery, bounds: Bounds, revision: str) -> str:
    """Return why a worker would not use a decision under this revision; empty when it would."""
    try:
        delivery.look(delivery.sidecars[0], bounds).check(revision)
    except PolicyUnavailableError as error:
        return error.code
    return ""
