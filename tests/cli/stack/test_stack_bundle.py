"""Policies become signed bundles, or are refused with the user's own file names (real OPA)."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import PolicyError
from remit.cli.stack.signing import keep_key
from remit.cli.stack.sources import PolicyRoot, read_sources

pytestmark = pytest.mark.opa


@pytest.fixture
def builder(opa_binary: Path, tmp_path: Path) -> BundleBuilder:
    """A builder with a key of its own."""
    return BundleBuilder(opa_binary, keep_key(tmp_path / "key", "test"))


def build(builder: BundleBuilder, core: Path, project: Path) -> Bundle:
    """Build the bundle of both folders."""
    roots = [PolicyRoot("core", core), PolicyRoot("project", project / "policies")]
    return builder.build(read_sources(roots))


def refusal(builder: BundleBuilder, core: Path, project: Path, text: str) -> PolicyError:
    """Return the refusal of a project with the policy `text`."""
    (project / "policies" / "wrong.rego").write_text(text)
    with pytest.raises(PolicyError) as caught:
        build(builder, core, project)
    return caught.value


def contents(bundle: Bundle) -> dict[str, bytes]:
    """Return the files of a bundle."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name] = file.read()
    return found


def test_a_bundle_holds_rules_revision_and_signature(
    builder: BundleBuilder, core: Path, project: Path
) -> None:
    """The revision is in manifest and data; tests and private paths are not in it."""
    (core / "main" / "main_test.rego").write_text("package remit.main_test")
    bundle = build(builder, core, project)
    files = contents(bundle)

    assert set(files) == {
        "/data.json",
        "/core/main/main.rego",
        "/project/mail.rego",
        "/.manifest",
        "/.signatures.json",
    }
    assert json.loads(files["/.manifest"])["revision"] == bundle.revision
    assert json.loads(files["/.manifest"])["roots"] == ["remit"]
    assert json.loads(files["/data.json"]) == {"remit": {"revision": bundle.revision}}


def test_a_strict_finding_names_the_users_file(
    builder: BundleBuilder, core: Path, project: Path
) -> None:
    """What `opa check --strict` finds is refused, with path and line in the user's folder."""
    error = refusal(
        builder, core, project, "package remit.domains.a.b\n\nimport rego.v2\n\n_f(x) := 1\n"
    )

    assert error.diagnostic.code == "POLICY-CHECK-FAILED"
    assert f"{project}/policies/wrong.rego:5" in error.diagnostic.message
    assert "unused" in error.diagnostic.message


def test_a_project_cannot_add_to_a_package_of_the_core(
    builder: BundleBuilder, core: Path, project: Path
) -> None:
    """A project's rule in `remit.main` could turn a deny into an allow: refused."""
    error = refusal(
        builder, core, project, 'package remit.main\n\nimport rego.v2\n\nextra := "allow"\n'
    )

    assert error.diagnostic.code == "POLICY-CORE-PACKAGE"
    assert "wrong.rego" in error.diagnostic.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("package system.authz\n\nallow := true\n", "POLICY-CHECK-FAILED"),
        ("package remit.global.mine\n\nimport rego.v2\n\ndenies contains 1\n", "POLICY-PACKAGE"),
        ("package remit.domains.mail\n\nimport rego.v2\n\npermits contains 1\n", "POLICY-PACKAGE"),
        ("package remit.domains.a.b\n\nimport rego.v2\n\ndenys contains 1\n", "POLICY-UNREAD-RULE"),
        (
            "package remit.domains.a.b\n\nimport rego.v2\n\ndefault permit := true\n",
            "POLICY-UNREAD-RULE",
        ),
        ("package remit.domains.a.b\n\ndenies contains 1\n", "POLICY-REGO-VERSION"),
        (
            "package remit.domains.a.b\n\nimport rego.v1\n\ndenies contains 1\n",
            "POLICY-REGO-VERSION",
        ),
    ],
    ids=[
        *("system", "global layer", "whole domain", "misspelt set", "misspelt value"),
        *("no version of Rego", "another version of Rego"),
    ],
)
def test_rules_that_nobody_reads_or_may_read_are_refused(
    builder: BundleBuilder, core: Path, project: Path, text: str, code: str
) -> None:
    """A project's rules stand in a topic of a domain, under the names that are read there."""
    error = refusal(builder, core, project, text)

    assert error.diagnostic.code == code
    assert "wrong.rego" in error.diagnostic.message


def test_helpers_of_a_project_begin_with_an_underscore(
    builder: BundleBuilder, core: Path, project: Path
) -> None:
    """A private helper beside a set that is read passes."""
    text = (
        "package remit.domains.a.b\n\nimport rego.v2\n\n"
        "denies contains 1 if _late\n\n_late if input.x > 1\n"
    )
    (project / "policies" / "right.rego").write_text(text)

    assert "/project/right.rego" in contents(build(builder, core, project))


def test_built_ins_outside_the_cores_capabilities_are_refused(
    builder: BundleBuilder, core: Path, project: Path
) -> None:
    """A policy cannot call out when the core's list of built-ins has no `http.send`."""
    (core / "capabilities.json").write_text(
        json.dumps({"builtins": [], "features": ["rego_v1", "rego_v2_import"]})
    )
    (core / "main" / "main.rego").write_text(
        "package remit.main\n\nimport rego.v2\n\ndecision := {}\n"
    )
    (project / "policies" / "mail.rego").unlink()
    text = (
        "package remit.domains.a.b\n\nimport rego.v2\n\n"
        '_a := http.send({"url": "x", "method": "get"})\n'
    )
    error = refusal(builder, core, project, text)

    assert "undefined function http.send" in error.diagnostic.message


def test_the_cores_schemas_are_checked(builder: BundleBuilder, core: Path, project: Path) -> None:
    """A misspelt fact is a finding when the core has a schema for the input."""
    (core / "schemas").mkdir()
    schema: JSONObject = {"type": "object", "additionalProperties": False}
    schema["properties"] = {"tool": {"type": "string"}}
    (core / "schemas" / "facts.json").write_text(json.dumps(schema))
    annotated = "# METADATA\n# scope: package\n# schemas:\n#   - input: schema.facts\n"
    text = (
        annotated
        + "package remit.domains.a.b\n\nimport rego.v2\n\ndenies contains 1 if input.tol == 1\n"
    )
    error = refusal(builder, core, project, text)

    assert "undefined ref: input.tol" in error.diagnostic.message


def test_a_missing_opa_is_a_coded_error(tmp_path: Path, core: Path, project: Path) -> None:
    """A binary that vanished is told, not a crash of the publisher."""
    with pytest.raises(PolicyError, match="could not be run"):
        build(BundleBuilder(tmp_path / "gone"), core, project)


def test_remits_own_policies_become_a_bundle(builder: BundleBuilder, project: Path) -> None:
    """What the checkout ships passes its own checks, with a project's domain beside it."""
    text = (
        "package remit.domains.a.b\n\nimport rego.v2\n\n"
        'permits contains 1 if input.action.tool == "a.b@1"\n'
    )
    (project / "policies" / "mail.rego").write_text(text)
    files = contents(build(builder, core_policies(), project))
    data = json.loads(files["/data.json"])

    assert "/core/main/main.rego" in files
    assert data["remit"]["revision"] == json.loads(files["/.manifest"])["revision"]
    assert not any(name.endswith("_test.rego") for name in files)


def test_a_bundles_thresholds_are_the_projects_over_the_cores(
    builder: BundleBuilder, project: Path
) -> None:
    """Laid over each other once, when the bundle is made, so that no decision pays for it."""
    mine = {"agents": {}, "thresholds": {"max_calls": 7, "gates": {"spend": {"quorum": 3}}}}
    (project / "policies" / "mail.rego").unlink()
    (project / "policies" / "data.json").write_text(json.dumps({"remit": {"registry": mine}}))
    data = json.loads(contents(build(builder, core_policies(), project))["/data.json"])["remit"]
    thresholds = data["defaults"]["thresholds"]

    assert thresholds["max_calls"] == 7
    assert thresholds["gates"]["spend"]["quorum"] == 3
    assert thresholds["gates"]["spend"]["role"] == "budget_holder"
    assert "thresholds" not in data["registry"]


def test_annotations_reach_no_bundle(builder: BundleBuilder, core: Path, project: Path) -> None:
    """OPA would gather their labels in every decision; a text that looks like one stays."""
    text = (
        "# METADATA\n# title: t\n# labels: {owner: mail}\npackage remit.domains.a.b\n\n"
        "import rego.v2\n\n# METADATA\n# title: u\n_a := `\n# METADATA\n`\n\n"
        'denies contains 1 if input.x == "METADATA" # METADATA\n\ndenies contains 2 if _a == "b"\n'
    )
    (project / "policies" / "labelled.rego").write_text(text)
    built = contents(build(builder, core, project))["/project/labelled.rego"].decode()

    assert built == text.replace("# METADATA\n# title", "# Metadata\n# title")
