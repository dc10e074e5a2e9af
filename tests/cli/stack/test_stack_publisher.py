"""Edits become the served bundle; broken and half-written ones do not (real OPA)."""

import asyncio
import http.client
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remit.canonical import digest_bytes
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.bundle_server import BundleServer
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.ports import choose
from remit.cli.stack.publisher import Publisher, run
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.releasing import Releases
from remit.cli.stack.signing import keep_key
from remit.decision.release import Draft, Release
from remit.diagnostic import Diagnostic
from remit.stores.ledger import open_ledger
from tests.cli.stack.conftest import GRANT

RESOURCE = "/bundles/remit.tar.gz"


@pytest.fixture
def settings(opa_binary: Path, core: Path, project: Path, tmp_path: Path) -> PublisherSettings:
    """Settings of a publisher over the project."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    return PublisherSettings(
        opa=opa_binary,
        key_file=keep_key(tmp_path / "key", "test").file,
        scope="test",
        ledger=f"sqlite:///{tmp_path / 'ledger.db'}",
        reviewed=False,
        folder=folder,
        port=choose(()),
        core=core,
        project=project / "policies",
        logs=tmp_path,
    )


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """An empty store."""
    (tmp_path / "bundle").mkdir(exist_ok=True)
    return BundleStore(tmp_path / "bundle")


@pytest.fixture
def served(store: BundleStore) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server over the store."""
    with BundleServer(0, store) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        yield connection
        connection.close()
        store.close()
        server.shutdown()


@pytest.fixture
def releases(settings: PublisherSettings) -> Iterator[Releases]:
    """The releases of a ledger of the test's own."""
    opened = Releases(settings.ledger)
    yield opened
    opened.close()


def settle(publisher: Publisher) -> None:
    """Look twice, so that what does not change is taken."""
    publisher.step()
    publisher.step()


def roll_back(releases: Releases, settings: PublisherSettings, to: Release) -> None:
    """Release `to` again, as a person does."""
    archive = releases.bundle(to).content

    async def put() -> None:
        ledger = await open_ledger(settings.ledger)
        newest = await ledger.releases.newest()
        assert newest is not None
        draft = Draft(revision=to.revision, key=to.key, origin="rolled_back", author="ann")
        await ledger.releases.publish(draft, archive, newest.serial)
        await ledger.close()

    asyncio.run(put())


def get(
    connection: http.client.HTTPConnection, path: str, **headers: str
) -> tuple[int, str | None, bytes]:
    """Return status, ETag and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers=named)
    answer = connection.getresponse()
    return answer.status, answer.getheader("ETag"), answer.read()


@pytest.mark.opa
def test_an_edit_is_published_once_it_has_settled(
    settings: PublisherSettings, releases: Releases
) -> None:
    """Half a policy may be valid and weaker: nothing is taken that still changes."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store, releases)
    policy = settings.project / "mail.rego"
    publisher.step()
    policy.write_text(
        "package remit.domains.mail.scopes\n\nimport rego.v2\n"
    )  # truncated: valid, and grants nothing
    publisher.step()
    policy.write_text(
        "package remit.domains.mail.scopes\n\nimport rego.v2\n\n"
        'permits contains "mail.read" if input.x\n'
    )
    publisher.step()

    assert store.status.revision is None
    publisher.step()
    assert store.status.revision is not None


@pytest.mark.opa
def test_a_broken_edit_keeps_the_last_good_bundle(
    settings: PublisherSettings, releases: Releases
) -> None:
    """The error stands in the status until the policy is right again."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store, releases)
    policy = settings.project / "mail.rego"
    good = policy.read_text()
    settle(publisher)
    first = store.status
    policy.write_text(
        "package remit.domains.mail.scopes\n\nimport rego.v2\n\npermits contains 1 if {"
    )
    settle(publisher)
    broken = read_status(settings.folder)

    assert broken.revision == first.revision
    assert broken.error is not None
    assert "mail.rego:5" in broken.error.message

    policy.write_text(good)
    settle(publisher)
    assert store.status == first


@pytest.mark.opa
def test_a_new_publisher_serves_the_last_good_bundle_of_the_old(
    settings: PublisherSettings, releases: Releases
) -> None:
    """A restart with a broken policy serves what was good; a damaged archive is not served."""
    old = BundleStore(settings.folder)
    publisher = Publisher(settings, old, releases)
    settle(publisher)
    (settings.project / "mail.rego").write_text("package")
    again = BundleStore(settings.folder)
    other = Publisher(settings, again, releases)
    settle(other)

    left, taken = old.wait(None, 0), again.wait(None, 0)
    assert left is not None
    assert taken is not None
    assert (taken[0].content, taken[1]) == (left[0].content, left[1])
    assert again.status.error is not None

    (settings.folder / "remit.tar.gz").write_bytes(b"damaged")
    assert BundleStore(settings.folder).wait(None, 0) is None


@pytest.mark.opa
def test_every_save_is_a_release(settings: PublisherSettings, releases: Releases) -> None:
    """The ledger has it, with its archive, before it is served; the same again is none."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store, releases)
    settle(publisher)
    settle(publisher)
    (settings.project / "more.json").write_text("no policy")
    settle(Publisher(settings, store, releases))
    made = releases.newest()

    assert made is not None
    assert (made.serial, made.origin, made.author) == (1, "saved", "policy folder")
    assert (store.status.serial, store.status.revision) == (1, made.revision)
    found = store.wait(None, 0)
    assert found is not None
    assert releases.bundle(made) == found[0]


@pytest.mark.opa
def test_what_stands_in_the_folder_does_not_undo_a_rollback(
    settings: PublisherSettings, releases: Releases
) -> None:
    """Not when the publisher starts again either; the next save does go forward."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store, releases)
    settle(publisher)
    first = releases.newest()
    assert first is not None
    policy = settings.project / "mail.rego"
    policy.write_text(policy.read_text() + '\npermits contains "more" if input.y\n')
    settle(publisher)
    roll_back(releases, settings, first)
    settle(publisher)

    assert (store.status.serial, store.status.revision) == (3, first.revision)
    settle(Publisher(settings, store, releases))
    assert store.status.serial == 3
    policy.write_text(policy.read_text() + '\npermits contains "yet more" if input.z\n')
    settle(publisher)
    assert store.status.serial == 4


@pytest.mark.opa
def test_reviewed_policies_are_not_taken_from_the_folder(
    settings: PublisherSettings, releases: Releases
) -> None:
    """But for the very first, which no policies could judge; the ledger's releases are served."""
    reviewed = replace(settings, reviewed=True)
    store = BundleStore(settings.folder)
    publisher = Publisher(reviewed, store, releases)
    settle(publisher)
    first = releases.newest()
    assert first is not None
    (settings.project / "mail.rego").write_text(GRANT.replace("mail.send", "mail.read"))
    settle(publisher)

    assert releases.newest() == first
    roll_back(releases, settings, first)
    settle(publisher)
    assert store.status.serial == 2


@pytest.mark.opa
def test_without_the_ledger_the_last_good_bundle_is_served(
    settings: PublisherSettings, releases: Releases, tmp_path: Path
) -> None:
    """Nothing is put in force that the ledger does not hold; it goes on when the ledger is back."""
    store = BundleStore(settings.folder)
    settle(Publisher(settings, store, releases))
    away = Releases(f"sqlite:///{tmp_path / 'absent' / 'ledger.db'}")
    publisher = Publisher(settings, store, away)
    (settings.project / "mail.rego").write_text(GRANT.replace("mail.send", "mail.read"))
    settle(publisher)
    away.close()

    assert store.status.serial == 1
    again = Publisher(settings, store, releases)
    settle(again)
    assert store.status.serial == 2


@pytest.mark.opa
def test_without_any_good_bundle_a_broken_policy_ends_the_publisher(
    settings: PublisherSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There would be nothing to serve: the start fails at once and the status says why."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (settings.project / "mail.rego").write_text("package")

    assert run(replace(settings, port=choose(()))) == 1
    error = read_status(settings.folder).error
    assert error is not None
    assert error.code == "POLICY-CHECK-FAILED"


def test_a_known_bundle_is_not_sent_again(
    store: BundleStore, served: http.client.HTTPConnection
) -> None:
    """The ETag is the archive's digest; who has it gets 304, also under another signature."""
    assert get(served, RESOURCE)[0] == 404
    store.publish(Bundle("sha256:1", b"archive"), 1)
    one, other = digest_bytes(b"archive"), digest_bytes(b"signed anew")

    assert get(served, RESOURCE) == (200, one, b"archive")
    assert get(served, RESOURCE, If_None_Match=one) == (304, one, b"")
    assert get(served, RESOURCE, If_None_Match=other)[0] == 200
    store.publish(Bundle("sha256:1", b"signed anew"), 2)
    assert get(served, RESOURCE, If_None_Match=one) == (200, other, b"signed anew")


def test_a_waiting_reader_gets_the_new_bundle_at_once(
    store: BundleStore, served: http.client.HTTPConnection
) -> None:
    """Long polling: the answer comes with the change, not with the next poll."""
    store.publish(Bundle("sha256:1", b"one"), 1)
    known = {"If-None-Match": digest_bytes(b"one"), "Prefer": "wait=4"}
    served.request("GET", RESOURCE, headers=known)
    store.publish(Bundle("sha256:2", b"two"), 2)
    answer = served.getresponse()

    assert (answer.status, answer.read()) == (200, b"two")


def test_health_tells_why_there_is_nothing_to_serve(
    store: BundleStore, served: http.client.HTTPConnection
) -> None:
    """503 with the finding before the first bundle, 200 from then on."""
    store.fail(Diagnostic(code="POLICY-CHECK-FAILED", path="", message="line 3", hint=""))
    status, _, body = get(served, "/health")

    assert status == 503
    assert b"line 3" in body
    store.publish(Bundle("sha256:1", b"one"), 1)
    assert get(served, "/health")[0] == 200
    assert get(served, "/other")[0] == 404
