"""What the rules of a project may define, so that none is silently unread or stronger than meant.

A project speaks in the topics of domains, in the version of Rego in which `not` also speaks of what
is absent. It adds nothing to a package of the core (one helper there could turn a deny into an
allow), and its public rules have the names that the entry point reads: a misspelt `denies` would
refuse nothing and nobody would notice.
"""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter

from remit.cli.stack.errors import PolicyError, StackCode
from remit.cli.stack.sources import CORE, PROJECT, ROOT, PolicyFile, PolicySources

PARSE_QUERY = (
    '[{"file": file, "package": [part.value | some part in module["package"].path], '
    '"imports": {concat(".", [part.value | some part in used.path.value]) | '
    "some used in module.imports}, "
    '"rules": {rule.head.ref[0].value | some rule in module.rules}, '
    '"annotations": [comment.Location.row | some comment in module.comments; '
    "comment.Location.col == 1; "
    'startswith(trim_space(base64.decode(comment.Text)), "METADATA")]} | '
    "some file, text in input; module := rego.parse_module(file, text)]"
)
"""Asks OPA what the files in its input define."""

REGO = "rego.v2"
"""What every file imports. Under Rego v1 `not a in b` is silent where `b` is absent."""

DOMAIN_SETS = frozenset(
    {
        "permits",
        "denies",
        "gates",
        "obligations",
        "undo_permits",
        "undo_denies",
        "undo_gates",
        "plan_denies",
    }
)
"""The sets that the entry point reads in a domain, as `policies/README.md` lists them."""


_PACKAGE = re.compile(r"^package (\S+)$", re.MULTILINE)


class ParsedFile(BaseModel):
    """What OPA says of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """Its path in the bundle."""
    package: tuple[str, ...]
    """Beginning with `data`."""
    imports: frozenset[str]
    """Dotted, without aliases."""
    rules: frozenset[str]
    """First part of every rule's name."""
    annotations: tuple[int, ...]
    """Lines on which annotations begin."""

    @property
    def name(self) -> str:
        """The package as it is written."""
        return ".".join(self.package[1:])


PARSED = TypeAdapter(tuple[ParsedFile, ...])


def check_project_rules(sources: PolicySources, parsed: Sequence[ParsedFile]) -> None:
    """Refuse project rules that stand in the wrong package or that nobody would read.

    Args:
        sources: everything.
        parsed: what OPA says of all rule files; the core's are passed over.

    Raises:
        PolicyError: `POLICY-REGO-VERSION`, `POLICY-CORE-PACKAGE`, `POLICY-PACKAGE` or
            `POLICY-UNREAD-RULE`.
    """
    files = {file.staged: file for file in sources.rules}
    of_core = {_own_package(file) for file in sources.rules if file.root.name == CORE}
    for found in parsed:
        if files[found.file].root.name != PROJECT:
            continue
        _check_package(files[found.file], found, of_core)
        _check_version(files[found.file], found)
        _check_names(files[found.file], found)


def _own_package(file: PolicyFile) -> str:
    """Return the package of a file of our own, which is written the plain way."""
    found = _PACKAGE.search(file.content.decode())
    return found[1] if found else ""


def _check_package(file: PolicyFile, found: ParsedFile, of_core: set[str]) -> None:
    hint = f"give it a package of its own, `{ROOT}.domains.<domain>.<topic>`"
    if found.name in of_core:
        raise PolicyError(
            StackCode.POLICY_CORE_PACKAGE,
            f"{str(file.origin)!r} adds rules to `{found.name}`, which Remit's own policies define",
            hint=hint,
        )
    if found.package[1:3] != (ROOT, "domains") or len(found.package) != 5:
        raise PolicyError(
            StackCode.POLICY_PACKAGE,
            f"{str(file.origin)!r} has package `{found.name}`: a project speaks for domains alone",
            hint=hint,
        )


def _check_version(file: PolicyFile, found: ParsedFile) -> None:
    if REGO not in found.imports:
        raise PolicyError(
            StackCode.POLICY_REGO_VERSION,
            f"{str(file.origin)!r} does not `import {REGO}`: in it, `not` says nothing about what "
            "is absent",
            hint=f"write `import {REGO}` below its package line",
        )


def _check_names(file: PolicyFile, found: ParsedFile) -> None:
    unread = sorted(n for n in found.rules if n not in DOMAIN_SETS and not n.startswith("_"))
    if unread:
        raise PolicyError(
            StackCode.POLICY_UNREAD_RULE,
            f"nobody reads `{unread[0]}` in {str(file.origin)!r}",
            hint=f"rules of a domain are {', '.join(sorted(DOMAIN_SETS))}; "
            "helpers begin with an underscore",
        )
