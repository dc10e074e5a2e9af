"""What OPA's own checks do not ask of the rules: labels, owners, and that no two rules fight.

Each rule that somebody reads says which control it implements; each control has a rule; each
package belongs to whom the folder says. A code means one thing, whoever says it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from remit.canonical import JSON, JSONObject
from remit.cli.policy.controls import Control, Owners
from remit.cli.policy.syntax import Module, Rule, child, nodes, walk

SETS = frozenset(
    {"permits", "denies", "gates", "obligations", "reserves"}
    | {"undo_permits", "undo_denies", "undo_gates", "plan_denies"}
)
"""What the entry point gathers."""
FINDINGS = "findings"
"""What is said of facts that are not well formed, instead of everything else."""
_SAYING = (["lib", "reason"], ["lib", "gate"])
_LIBRARY = "remit.lib"


@dataclass(frozen=True, slots=True)
class Said:
    """A code that a rule says, and in which set."""

    code: str
    set: str
    module: Module
    rule: Rule
    demand: str
    """For a gate, the data that says whom it asks, as it is written."""
    by_data: bool
    """Whether data makes the code; it is the expression then."""

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.module.path}:{self.rule.row}"


def public_rules(modules: Iterable[Module]) -> Iterator[tuple[Module, Rule]]:
    """Yield the rules that others read; functions that rules are written with decide nothing."""
    for module in modules:
        if module.is_test or module.package == _LIBRARY or module.package.startswith("remit.lib."):
            continue
        yield from ((module, rule) for rule in module.rules if not rule.name.startswith("_"))


def unlabelled(modules: Sequence[Module], controls: Mapping[str, Control]) -> Iterator[str]:
    """Tell rules without a control or with another concern, and controls without a rule."""
    implemented = set()
    for module, rule in public_rules(modules):
        name = rule.labels.get("control", "")
        implemented.add(name)
        place = f"{module.path}:{rule.row}: {rule.name}"
        if name not in controls:
            yield f"{place}: its label names no control of controls.toml: {name!r}"
        elif rule.labels.get("concern") != controls[name].concern:
            yield f"{place}: its concern is not that of {name}, {controls[name].concern}"
    for name in sorted(controls.keys() - implemented):
        yield f"controls.toml: {name} has no rule"


def overdue(controls: Mapping[str, Control], today: date) -> Iterator[str]:
    """Tell the controls that nobody has looked at in time."""
    for name, control in controls.items():
        if control.next_review < today:
            yield f"controls.toml: {name} was to be reviewed by {control.next_review}"


def disowned(modules: Iterable[Module], owners: Owners, core: Path) -> Iterator[str]:
    """Tell the core's packages whose label names somebody else than the folder's owner."""
    for module in modules:
        if module.is_test or not module.path.is_relative_to(core):
            continue
        path = PurePosixPath(module.path.relative_to(core).as_posix())
        owner = module.package_labels.get("owner", "")
        if owner not in owners.of(path):
            meant = ", ".join(sorted(owners.of(path))) or "nobody"
            yield f"{module.path}: its owner is {owner!r}, and OWNERS names {meant}"


def conflicts(modules: Sequence[Module]) -> Iterator[str]:
    """Tell codes that mean two things: of two packages, for and against, or asking two roles."""
    by_code: dict[str, list[Said]] = {}
    for module, rule in public_rules(modules):
        for said in codes(module, rule):
            by_code.setdefault(said.code, []).append(said)
    for code, found in sorted(by_code.items()):
        places = ", ".join(sorted({said.place for said in found}))
        if len({said.module.package for said in found}) > 1:
            yield f"{code} is said by two packages: {places}"
        if len({said.set.endswith("permits") for said in found}) > 1:
            yield f"{code} both permits and refuses: {places}"
        if len({said.demand for said in found if said.set.endswith("gates")}) > 1:
            yield f"{code} asks two roles: {places}"


def codes(module: Module, rule: Rule) -> Iterator[Said]:
    """Yield the codes that a rule of a set says: in its head, or where its head has them from."""
    if rule.name not in SETS | {FINDINGS}:
        return
    for source in _sources(module, rule):
        for node in (node for _, node in walk(source.head) if node.get("type") == "call"):
            called, *given = nodes(node.get("value"))
            if [part.get("value") for part in nodes(called.get("value"))] in _SAYING:
                is_text = given[0].get("type") == "string"
                code = str(given[0].get("value")) if is_text else _written(module, given[0])
                demand = _written(module, given[2]) if len(given) > 2 else ""
                yield Said(code, rule.name, module, rule, demand, by_data=not is_text)


def _written(module: Module, node: JSONObject) -> str:
    place = module.place(node)
    return place.of(module.text) if place else ""


def _sources(module: Module, rule: Rule) -> Iterator[Rule]:
    """Yield a rule and those of its file that its elements are made by."""
    waiting, seen = [rule], {id(rule)}
    while waiting:
        following = waiting.pop()
        yield following
        key = child(following.head, "key")
        named = {*_variables(key), *_variables(following.head.get("value"))}
        if key.get("type") == "var" and not str(key.get("value")).startswith("_"):
            named |= set(_variables(following.node.get("body")))
        for other in module.rules:
            if other.name in named and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def _variables(node: JSON) -> Iterator[str]:
    return (str(found["value"]) for _, found in walk(node) if found.get("type") == "var")
