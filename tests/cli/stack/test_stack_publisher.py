"""Edits become the served bundle; broken and half-written ones do not (real OPA)."""

import http.client
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remit.cli.stack.bundle import Bundle
from remit.cli.stack.bundle_server import BundleServer
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.ports import choose
from remit.cli.stack.publisher import Publisher, run
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.diagnostic import Diagnostic
from remit.stores.atomic import keep_secret

RESOURCE = "/bundles/remit.tar.gz"


@pytest.fixture
def settings(opa_binary: Path, core: Path, project: Path, tmp_path: Path) -> PublisherSettings:
    """Settings of a publisher over the project."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    keep_secret(tmp_path / "key")
    return PublisherSettings(
        opa=opa_binary,
        key_file=tmp_path / "key",
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


def settle(publisher: Publisher) -> None:
    """Look twice, so that what does not change is taken."""
    publisher.step()
    publisher.step()


def get(
    connection: http.client.HTTPConnection, path: str, **headers: str
) -> tuple[int, str | None, bytes]:
    """Return status, ETag and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers=named)
    answer = connection.getresponse()
    return answer.status, answer.getheader("ETag"), answer.read()


@pytest.mark.opa
def test_an_edit_is_published_once_it_has_settled(settings: PublisherSettings) -> None:
    """Half a policy may be valid and weaker: nothing is taken that still changes."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store)
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
def test_a_broken_edit_keeps_the_last_good_bundle(settings: PublisherSettings) -> None:
    """The error stands in the status until the policy is right again."""
    store = BundleStore(settings.folder)
    publisher = Publisher(settings, store)
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
    settings: PublisherSettings,
) -> None:
    """A restart with a broken policy serves what was good; a damaged archive is not served."""
    old = BundleStore(settings.folder)
    publisher = Publisher(settings, old)
    settle(publisher)
    (settings.project / "mail.rego").write_text("package")
    again = BundleStore(settings.folder)
    other = Publisher(settings, again)
    settle(other)

    assert again.wait(None, 0) == old.wait(None, 0)
    assert again.status.error is not None

    (settings.folder / "remit.tar.gz").write_bytes(b"damaged")
    assert BundleStore(settings.folder).wait(None, 0) is None


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
    """The ETag is the revision; who has it gets 304."""
    assert get(served, RESOURCE)[0] == 404
    store.publish(Bundle("sha256:1", b"archive"))

    assert get(served, RESOURCE) == (200, "sha256:1", b"archive")
    assert get(served, RESOURCE, If_None_Match="sha256:1") == (304, "sha256:1", b"")
    assert get(served, RESOURCE, If_None_Match="sha256:0")[0] == 200


def test_a_waiting_reader_gets_the_new_bundle_at_once(
    store: BundleStore, served: http.client.HTTPConnection
) -> None:
    """Long polling: the answer comes with the change, not with the next poll."""
    store.publish(Bundle("sha256:1", b"one"))
    served.request("GET", RESOURCE, headers={"If-None-Match": "sha256:1", "Prefer": "wait=4"})
    store.publish(Bundle("sha256:2", b"two"))
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
    store.publish(Bundle("sha256:1", b"one"))
    assert get(served, "/health")[0] == 200
    assert get(served, "/other")[0] == 404
