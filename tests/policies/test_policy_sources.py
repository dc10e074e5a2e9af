"""The policies as sources: checked, documented, and in step with the models.

Their format, their own tests and how much these cover: `make rules`, which `make test` runs first.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from remit.cli.stack.packages import DOMAIN_SETS
from remit.decision.capabilities import deterministic
from remit.decision.schema import differing
from tests.policies.served import POLICIES, opa_binary

_RULES = sorted(path for path in POLICIES.rglob("*.rego") if not path.name.endswith("_test.rego"))
_TESTS = sorted(POLICIES.rglob("*_test.rego"))
_CODE = re.compile(r'lib\.(?:reason|gate)\(\s*"(?P<code>[^"]+)",\s*(?P<policy>"[^"]+"|_policy),')
_FORM = re.compile(r"[a-z_]+(\.[a-z_0-9]+)+")
_MISTYPED = {
    "fact": ('denies contains "x" if input.action.domian == "x"', "domian"),
    "deep": ('denies contains "x" if input.budget.limt_micros > 1', "limt_micros"),
    "threshold": ('denies contains "x" if lib.thresholds.min_confidance > 1', "min_confidance"),
    "data": ('denies contains "x" if data.remit.registry.agnets.a', "agnets"),
}
_FORBIDDEN = {
    "network": ('denies contains "x" if http.send({"url": "http://a"}).status == 1', "http.send"),
    "clock": ('denies contains "x" if time.now_ns() > 1', "time.now_ns"),
    "chance": ('denies contains "x" if rand.intn("a", 5) == 1', "rand.intn"),
}
"""Rules that must not compile, and what is said of them; of both these alone are told."""


def opa(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run OPA as `make policy` does."""
    return subprocess.run(
        [str(opa_binary()), *arguments], capture_output=True, text=True, check=False, timeout=100
    )


def check(*folders: Path) -> "subprocess.CompletedProcess[str]":
    """Hold rules against schemas and capabilities."""
    return opa(
        *("check", "--strict", "--schema", str(POLICIES / "schemas")),
        *("--capabilities", str(POLICIES / "capabilities.json"), "--ignore", "*.json"),
        *(str(folder) for folder in folders),
    )


def package(path: Path) -> str:
    """Return the package that stands in a file."""
    found = re.search(r"^package (\S+)$", path.read_text(), re.MULTILINE)
    if found is None:
        raise AssertionError(f"{path} has no package")
    return found[1]


def _of(layer: str) -> list[Path]:
    return [path for path in _RULES if path.relative_to(POLICIES).parts[0] == layer]


def _sets(path: Path) -> set[str]:
    """Return the names of a file's public sets."""
    return set(re.findall(r"^([a-z]\w*) contains ", path.read_text(), re.MULTILINE))


def test_generated_files_are_those_of_the_models() -> None:
    """Schemas and required facts are what the models give now."""
    assert differing(POLICIES) == []


@pytest.mark.opa
def test_capabilities_are_opas_without_what_is_not_deterministic() -> None:
    """The list is made from the binary's own, and holds no clock, chance or network."""
    written = json.loads((POLICIES / "capabilities.json").read_text())

    assert written == deterministic(json.loads(opa("capabilities", "--current").stdout))
    names = {builtin["name"] for builtin in written["builtins"]}
    assert names.isdisjoint({"http.send", "time.now_ns", "rand.intn", "uuid.rfc4122"})
    assert written["allow_net"] == []


@pytest.mark.opa
@pytest.mark.parametrize("wrong", [_MISTYPED, _FORBIDDEN], ids=["mistyped", "forbidden"])
def test_a_mistyped_fact_or_a_forbidden_builtin_does_not_compile(
    tmp_path: Path, wrong: dict[str, tuple[str, str]]
) -> None:
    """What would be silent, or not deterministic, is an error of the check."""
    for name, (rule, _) in wrong.items():
        head = f"package remit.domains.mine.{name}\n\nimport rego.v2\n\nimport data.remit.lib\n"
        sound = "uses := lib.thresholds.currency\n"
        (tmp_path / f"{name}.rego").write_text(f"{head}\n{rule}\n\n{sound}")
    done = check(POLICIES, tmp_path)

    assert done.returncode != 0
    for name, (_, said) in wrong.items():
        assert f"/{name}.rego:" in done.stderr
        assert said in done.stderr


@pytest.mark.parametrize("path", [*_RULES, *_TESTS], ids=lambda p: str(p.relative_to(POLICIES)))
def test_a_file_stands_where_its_package_says(path: Path) -> None:
    """The package is the path; a last part that repeats its folder is left out."""
    parts = ["remit", *path.relative_to(POLICIES).with_suffix("").parts]
    if parts[-1].removesuffix("_test") == parts[-2]:
        parts[-2:] = [parts[-1]]

    assert package(path) == ".".join(parts)


@pytest.mark.parametrize("path", [*_RULES, *_TESTS], ids=lambda p: str(p.relative_to(POLICIES)))
def test_not_means_not(path: Path) -> None:
    """Under Rego v1 `not a in b.c` says nothing when `b.c` is absent, so every file takes v2."""
    text = path.read_text()

    assert "import rego.v2" in text or "not " not in text.split("package ", 1)[1]


@pytest.mark.opa
def test_every_package_says_what_it_is_and_whose() -> None:
    """Each package has title, description, owner and the control that it serves."""
    found = json.loads(opa("inspect", "-a", "-f", "json", str(POLICIES)).stdout)["annotations"]
    told = {}
    for entry in found:
        notes = entry["annotations"]
        if notes["scope"] in ("package", "subpackages"):
            told[".".join(str(part["value"]) for part in entry["path"])] = notes
    wanted = {f"data.{package(path)}" for path in _RULES}

    assert wanted <= set(told)
    for name in wanted:
        assert {"title", "description", "labels"} <= set(told[name]), name
        assert {"owner", "control"} <= set(told[name]["labels"]), name


@pytest.mark.parametrize("path", _of("domains"), ids=lambda p: p.stem)
def test_sets_of_domains_have_names_that_are_read(path: Path) -> None:
    """A set whose name nobody reads would be a rule that never speaks."""
    assert _sets(path) <= DOMAIN_SETS


@pytest.mark.parametrize("path", _of("global"), ids=lambda p: p.stem)
def test_sets_of_the_global_layer_are_gathered(path: Path) -> None:
    """Each set stands in `global.rego`, and none of them can permit."""
    gathered = (POLICIES / "global" / "global.rego").read_text()
    read = {name for name in _sets(path) if f"in {path.stem}.{name}\n" in gathered}

    assert path.stem in ("facts", "global") or read == _sets(path)
    assert _sets(path) <= {
        "denies",
        "undo_denies",
        "plan_denies",
        "gates",
        "reserves",
        "findings",
        "obligations",
    }


@pytest.mark.parametrize("path", _of("packs"), ids=lambda p: p.stem)
def test_sets_of_the_packs_are_gathered(path: Path) -> None:
    """Each set stands in `packs.rego`, and none of them can permit."""
    gathered = (POLICIES / "packs" / "packs.rego").read_text()

    for name in _sets(path) if path.stem != "packs" else ():
        assert f"in {path.stem}.{name}\n" in gathered
    assert _sets(path) <= {"denies", "gates", "obligations"}


def test_codes_are_stable_and_tested() -> None:
    """Every code has the form of the contract, names its own package, and stands in a test."""
    tested = "\n".join(path.read_text() for path in _TESTS)
    for path in _RULES:
        text = path.read_text()
        own = package(path).removeprefix("remit.")
        for found in _CODE.finditer(text):
            policy = found["policy"].strip('"')
            named = re.search(r'^_policy := "([^"]+)"$', text, re.MULTILINE)
            assert _FORM.fullmatch(found["code"]), found["code"]
            assert (named[1] if named and policy == "_policy" else policy) == own, path
            assert f'"{found["code"]}"' in tested, f"{found['code']} of {path} has no test"
