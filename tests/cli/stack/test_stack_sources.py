"""The policy folders as one value: what belongs, what data means, what the digests cover."""

from pathlib import Path

import pytest

from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import PolicyError
from remit.cli.stack.sources import PolicyRoot, PolicySources, read_sources


def write(folder: Path, **files: str) -> None:
    """Write files; `__` in a name stands for a slash, a single `_` before the suffix for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(".".join(path.name.rsplit("_", 1))).write_text(text)


def read(folder: Path) -> PolicySources:
    """Read `core` and `project` below `folder`."""
    return read_sources([PolicyRoot(name, folder / name) for name in ("core", "project")])


def with_core(folder: Path) -> PolicySources:
    """Read Remit's own policies and `project` below `folder`."""
    return read_sources(
        [PolicyRoot("core", core_policies()), PolicyRoot("project", folder / "project")]
    )


def code(folder: Path) -> str:
    """Return the code with which the data is refused."""
    with pytest.raises(PolicyError) as caught:
        read(folder).data()
    return caught.value.diagnostic.code


def test_only_rules_and_data_belong(tmp_path: Path) -> None:
    """Tests, hidden files and other documents stay out of a bundle."""
    write(tmp_path, core__main_rego="package a", core__main_test_rego="package b")
    write(tmp_path, core__README_md="x", core__golden_json="{}", core__data_yaml="remit: {a: 1}")
    (tmp_path / "core" / ".hidden.rego").write_text("package c")
    (tmp_path / "core" / "deep").mkdir()
    (tmp_path / "core" / "deep" / "rule_test.rego").write_text("package d")

    assert [file.staged for file in read(tmp_path).files] == ["core/data.yaml", "core/main.rego"]


def test_data_documents_of_all_folders_are_one(tmp_path: Path) -> None:
    """Documents merge, and a document's folder is its path."""
    write(tmp_path, project__data_yaml="remit: {registry: {domains: {a: {since: 2026-01-01}}}}")
    write(tmp_path, project__remit__registry__domains__b__data_json='{"max": 9}')
    domains = {"a": {"since": "2026-01-01"}, "b": {"max": 9}}

    assert with_core(tmp_path).data()["registry"] == {"domains": domains}


def test_a_project_cannot_touch_what_is_the_cores(tmp_path: Path) -> None:
    """A project's data stand below `data.remit.registry` alone."""
    write(tmp_path, project__data_yaml="remit: {defaults: {thresholds: {max_steps: 9}}}")

    assert code(tmp_path) == "POLICY-OUTSIDE-ROOT"


def test_documents_that_disagree_are_refused(tmp_path: Path) -> None:
    """One path has one value."""
    write(tmp_path, project__data_yaml="remit: {registry: {egress: {acme: [a.example]}}}")
    write(tmp_path, project__remit__registry__data_yaml="egress: {acme: [b.example]}")

    assert code(tmp_path) == "POLICY-DATA-CONFLICT"


def test_a_mistyped_key_is_refused(tmp_path: Path) -> None:
    """The finding points at the key: a rule that misses its data would stay silent."""
    write(tmp_path, project__data_yaml="remit: {registry: {agent: {}}}")
    with pytest.raises(PolicyError, match="POLICY-DATA-INVALID") as caught:
        with_core(tmp_path).data()

    assert "/agent: " in caught.value.diagnostic.message


def test_data_outside_the_root_is_refused(tmp_path: Path) -> None:
    """A bundle owns `data.remit` and nothing else."""
    write(tmp_path, project__data_yaml="system: {tokens: {}}")

    assert code(tmp_path) == "POLICY-OUTSIDE-ROOT"


@pytest.mark.parametrize(
    "text",
    ["remit: {a: &x [1], b: *x}", "remit: .nan", "- 1", "remit: [", "remit: !!python/name:os.x"],
    ids=["alias", "not a number", "no object", "not yaml", "python object"],
)
def test_a_document_that_json_cannot_say_is_refused(tmp_path: Path, text: str) -> None:
    """YAML beyond JSON is an error and never runs anything."""
    write(tmp_path, project__data_yaml=text)

    assert code(tmp_path) == "POLICY-UNREADABLE"


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds more than a bundle may is not read into memory."""
    monkeypatch.setattr("remit.cli.stack.sources.MAX_FILES", 1)
    write(tmp_path, core__a_rego="package a", core__b_rego="package b")
    with pytest.raises(PolicyError, match="POLICY-TOO-LARGE"):
        read(tmp_path)


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    """A project needs no policies of its own."""
    assert read(tmp_path).files == ()


def test_the_revision_names_content_alone(tmp_path: Path) -> None:
    """The same content anywhere has one revision; another rule, path or datum has another."""
    for name in ("one", "two", "three"):
        write(tmp_path / name, core__main_rego="package a")
    write(tmp_path / "three", core__main_rego="package a # other")
    one, two, three = (read(tmp_path / name) for name in ("one", "two", "three"))

    assert one.revision({"a": 1}) == two.revision({"a": 1})
    assert len({one.revision({"a": 1}), one.revision({"a": 2}), three.revision({"a": 1})}) == 3


def test_a_schema_changes_what_is_watched_but_not_the_revision(tmp_path: Path) -> None:
    """What only the checks use makes us check again under the same revision."""
    write(tmp_path, core__main_rego="package a")
    before = read(tmp_path)
    write(tmp_path, core__schemas__facts_json="{}")
    after = read(tmp_path)

    assert before.digest != after.digest
    assert before.revision({}) == after.revision({})
