"""The example's policies on the real OPA: their own tests, their form, and the bundle they make."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.bundle import BundleBuilder
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, PolicySources, read_sources
from remit.decision.registry import Registry
from remit.stores.project import load_project

pytestmark = pytest.mark.opa
ROOT = Path(__file__).resolve().parents[2]
CORE_POLICIES = ROOT / "policies"
FOLDER = ROOT / "examples" / "backoffice"
POLICIES = FOLDER / "policies"


@pytest.fixture(scope="module")
def opa() -> Path:
    """The OPA binary."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    return found.path


@pytest.fixture(scope="module")
def sources() -> PolicySources:
    """Remit's policies and the example's."""
    return read_sources([PolicyRoot(CORE, CORE_POLICIES), PolicyRoot(PROJECT, POLICIES)])


@pytest.fixture(scope="module")
def registry(sources: PolicySources) -> Registry:
    """The example's data."""
    return Registry.model_validate(sources.data()["registry"])


def test_their_tests_pass_and_reach_every_line(opa: Path) -> None:
    """`opa test` passes, and no rule of the example is left untested."""
    argv = [opa, "test", "--ignore", "*.json", "--run", "data.example", "--coverage"]

    done = subprocess.run([*argv, CORE_POLICIES, POLICIES], capture_output=True, timeout=60)

    assert done.returncode == 0, done.stdout.decode()[-2000:]
    covered = json.loads(done.stdout)["files"]
    mine = {name: each for name, each in covered.items() if str(POLICIES) in name}
    assert len(mine) == len(list(POLICIES.rglob("*.rego")))
    assert {name for name, each in mine.items() if each.get("not_covered")} == set()


def test_they_are_formatted(opa: Path) -> None:
    """`opa fmt` has nothing to change."""
    argv = [opa, "fmt", "--fail", "--list", POLICIES]

    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines() == []


def test_they_make_a_bundle(opa: Path, sources: PolicySources) -> None:
    """The stack takes them: checked strictly, in their own packages, under one revision."""
    bundle = BundleBuilder(opa).build(sources)

    assert bundle.revision.startswith("sha256:")


def test_the_plans_agents_are_known(registry: Registry) -> None:
    """Every agent of a plan may act for its tenant, and every tool on a list exists."""
    project = load_project(FOLDER)

    for document in project.library_documents.values():
        name = str(document["agent"]).split("@")[0]
        assert document["tenant"] in registry.agents[name].tenants
        assert document["on_behalf_of"] in registry.people
    listed = {tool for agent in registry.agents.values() for tool in agent.tools or ()}
    assert listed <= set(project.catalogue.refs)


def test_the_plans_tools_are_in_their_agents_reach(registry: Registry) -> None:
    """No plan of the example names a tool that its agent may not use."""
    project = load_project(FOLDER)

    for document in project.library_documents.values():
        agent = registry.agents[str(document["agent"]).split("@")[0]]
        steps = document["steps"]
        assert isinstance(steps, list)
        for step in steps:
            assert isinstance(step, dict)
            contract = project.catalogue.find(str(step.get("tool", "")))
            if contract is not None:
                assert f"{contract.domain}.{contract.operation}" in agent.scopes, contract.ref
                assert agent.tools is None or contract.ref in agent.tools, contract.ref


def test_every_host_of_a_tool_is_on_the_tenants_list(registry: Registry) -> None:
    """Egress covers the destinations of every contract."""
    for contract in load_project(FOLDER).catalogue:
        assert set(contract.destinations) <= set(registry.egress["acme"]), contract.ref


def test_somebody_holds_every_role_that_is_asked_for(registry: Registry) -> None:
    """No gate of the example waits for a role that nobody has."""
    held = {role for person in registry.people.values() for role in person.roles}
    rules = [*registry.domains.values(), registry.thresholds["gates"]]
    gates = [
        rule
        for group in rules
        if isinstance(group, dict)
        for rule in group.values()
        if isinstance(rule, dict) and "role" in rule
    ]
    asked = {str(rule["role"]) for gate in gates for rule in (gate, *gate.get("then", ()))}

    assert asked <= held
    assert asked >= {"budget_holder", "account_owner", "security_officer", "risk_committee"}
