"""Policies of many domains, made for the benchmark: whole, and a call pays for its own alone."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.crowding import RULES, Crowd, write
from remit.cli.questions import rules
from tests.policies.given import call

pytestmark = pytest.mark.opa


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Bundles of two domains and of twelve."""
    folder = tmp_path_factory.mktemp("crowd")
    made: dict[int, Path] = {}
    for domains in (2, 12):
        write(folder / str(domains), Crowd(domains))
        made[domains] = folder / f"{domains}.tar.gz"
        built = rules.build(folder / str(domains), rules.opa_binary())
        made[domains].write_bytes(built.content)
    return made


def test_a_call_evaluates_the_rules_of_its_domain_alone(bundles: dict[int, Path]) -> None:
    """As many expressions under twelve domains as under two: none is asked whose tool it is not."""
    few, many = (_evaluated(bundle) for bundle in bundles.values())

    assert few["effect"] == many["effect"] == "allow", few["reasons"]
    assert few["places"] == many["places"]
    assert {topic for topic in ("scopes", "amount", "fields") if topic in str(few["places"])} == {
        "scopes",
        "amount",
        "fields",
    }


def test_each_domain_has_as_many_rules_as_it_is_said(tmp_path: Path) -> None:
    """Heads of rules that are read, in each domain's folder; in the format of `opa fmt`."""
    write(tmp_path / "policies", Crowd(3))
    folders = sorted((tmp_path / "policies" / "domains").iterdir())
    heads = [
        sum(
            " contains " in line and not line.startswith("_")
            for file in folder.glob("*.rego")
            for line in file.read_text().splitlines()
        )
        for folder in folders
    ]
    fmt = [str(rules.opa_binary()), "fmt", "--fail", "--list", str(tmp_path)]

    assert heads == [RULES] * 3
    assert subprocess.run(fmt, capture_output=True, check=False).returncode == 0


def _evaluated(bundle: Path) -> dict[str, object]:
    """Return the effect, and how often each expression was evaluated, by its place."""
    facts = call(domain="bench", operation="write", destinations=[])
    principal = facts.principal
    assert principal is not None
    given = principal.model_copy(update={"agent": "bencher", "tenant": "bench"})
    question = facts.model_copy(update={"principal": given}).model_dump_json()
    asked = ["--profile", "--profile-limit", "100000", "--format", "json", "--stdin-input"]
    done = subprocess.run(
        [str(rules.opa_binary()), "eval", *asked, "-b", str(bundle), "data.remit.main.decision"],
        input=question,
        capture_output=True,
        text=True,
        check=True,
        cwd=bundle.parent,
    )
    said = json.loads(done.stdout)
    places = sorted(
        (one["location"]["file"], one["location"]["row"], one["num_eval"])
        for one in said["profile"]
    )
    decision = said["result"][0]["expressions"][0]["value"]
    return {"effect": decision["effect"], "reasons": decision["reasons"], "places": places}
