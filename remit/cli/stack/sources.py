"""The policy folders, read as one value: rules, data documents, and their digest.

What is read is what is checked and built: the files are taken into memory once, so an edit in
between cannot put a bundle under another bundle's revision. Tests and anything that is no policy
stay out. Data documents (`data.json`, `data.yaml`) mean the same as OPA reads them, their folder is
their path; a project's stand below `data.remit.registry`.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import yaml
from pydantic import TypeAdapter, ValidationError

from remit.canonical import JSON, Digest, JSONObject, digest, digest_bytes
from remit.cli.stack.errors import PolicyError, StackCode
from remit.cli.stack.opa import MAX_BUNDLE_BYTES
from remit.decision.overlay import check_registry
from remit.diagnostic import pointer

ROOT = "remit"
"""The one name below which policies and data of a bundle live."""
CORE = "core"
PROJECT = "project"
MAX_FILES = 4000
_DATA_NAMES = frozenset({"data.json", "data.yaml", "data.yml"})
_PROJECT_DATA = "registry"
_SCHEMA_FOLDER = "schemas"
_CAPABILITIES = "capabilities.json"
_JSON = TypeAdapter(JSONObject)


@dataclass(frozen=True, slots=True)
class PolicyRoot:
    """A folder of policies."""

    name: str
    """`CORE` for Remit's own, `PROJECT` for the user's."""
    folder: Path


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file as it was read."""

    root: PolicyRoot
    path: PurePosixPath
    """Relative to its root."""
    content: bytes

    @property
    def staged(self) -> str:
        """Its path in the bundle."""
        return f"{self.root.name}/{self.path}"

    @property
    def origin(self) -> Path:
        """Where it was read."""
        return self.root.folder / self.path


@dataclass(frozen=True)
class PolicySources:
    """Everything that can change a bundle or the checks it must pass."""

    files: tuple[PolicyFile, ...]
    """In a fixed order."""

    @cached_property
    def digest(self) -> Digest:
        """Digest of everything read, also of what only the checks use."""
        return digest([[f.staged, digest_bytes(f.content)] for f in self.files])

    @property
    def rules(self) -> tuple[PolicyFile, ...]:
        """The Rego files."""
        return tuple(f for f in self.files if f.path.suffix == ".rego")

    @property
    def schemas(self) -> tuple[PolicyFile, ...]:
        """The core's JSON Schemas, for the type check."""
        return tuple(f for f in self.files if f.root.name == CORE and _is_schema(f.path))

    @property
    def capabilities(self) -> PolicyFile | None:
        """The core's list of built-ins that policies may use."""
        return next((f for f in self.files if f.staged == f"{CORE}/{_CAPABILITIES}"), None)

    def data(self) -> JSONObject:
        """Return the content of `data.remit` as the data documents give it, checked.

        Raises:
            PolicyError: `POLICY-UNREADABLE`, `POLICY-DATA-CONFLICT`, `POLICY-DATA-INVALID` or
                `POLICY-OUTSIDE-ROOT`.
        """
        merged: JSONObject = {}
        documents = [file for file in self.files if file.path.name in _DATA_NAMES]
        for file in documents:
            _merge(merged, _placed(file), file, ())
        found = merged.get(ROOT, {})
        if documents:
            _check(found if isinstance(found, dict) else {}, documents)
        return found if isinstance(found, dict) else {}

    def revision(self, data: JSONObject) -> str:
        """Return the content digest that names the bundle of these rules and `data`."""
        rules: list[JSON] = [[f.staged, digest_bytes(f.content)] for f in self.rules]
        return digest({"rules": rules, "data": data})


def read_sources(roots: Sequence[PolicyRoot]) -> PolicySources:
    """Read the policy folders; one that does not exist is empty.

    Raises:
        PolicyError: `POLICY-UNREADABLE` or `POLICY-TOO-LARGE`.
    """
    files: list[PolicyFile] = []
    size = 0
    for root in roots:
        for path in candidates(root.folder):
            try:
                content = (root.folder / path).read_bytes()
            except OSError as error:
                raise _unreadable(root.folder / path, error.strerror or str(error)) from error
            size += len(content)
            files.append(PolicyFile(root, path, content))
            if len(files) > MAX_FILES or size > MAX_BUNDLE_BYTES:
                raise PolicyError(
                    StackCode.POLICY_TOO_LARGE,
                    f"more than {MAX_FILES} files or {MAX_BUNDLE_BYTES} bytes of policies",
                    hint=f"move what is no policy out of {str(root.folder)!r}",
                )
    return PolicySources(tuple(files))


def candidates(folder: Path) -> Iterator[PurePosixPath]:
    """Give the files of `folder` that belong to its policies, in a fixed order."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = PurePosixPath(Path(where, name).relative_to(folder).as_posix())
            if _belongs(path):
                yield path


def _belongs(path: PurePosixPath) -> bool:
    if path.name.startswith("."):
        return False
    if path.suffix == ".rego":
        return not path.name.endswith("_test.rego")
    return path.name in _DATA_NAMES or _is_schema(path) or str(path) == _CAPABILITIES


def _is_schema(path: PurePosixPath) -> bool:
    return path.parent.name == _SCHEMA_FOLDER and len(path.parts) == 2 and path.suffix == ".json"


def _placed(file: PolicyFile) -> JSONObject:
    """Return the document of `file` below the path that its folder stands for."""
    document = _parse(file)
    for name in reversed(file.path.parent.parts):
        document = {name: document}
    own = document.get(ROOT, {})
    is_project = file.root.name == PROJECT
    foreign = sorted(set(document) - {ROOT})
    if is_project and isinstance(own, dict):
        foreign += sorted(f"{ROOT}.{key}" for key in set(own) - {_PROJECT_DATA})
    if foreign or not isinstance(own, dict) or "revision" in own:
        allowed = f"{ROOT}.{_PROJECT_DATA}" if is_project else ROOT
        raise PolicyError(
            StackCode.POLICY_OUTSIDE_ROOT,
            f"{str(file.origin)!r} defines `data.{(foreign or [f'{ROOT}.revision'])[0]}`",
            hint=f"its place is below `data.{allowed}`: put the document under these keys",
        )
    return document


def _check(data: JSONObject, documents: Sequence[PolicyFile]) -> None:
    try:
        check_registry(data)
    except ValidationError as error:
        findings = [f"{pointer(*e['loc'])}: {e['msg']}" for e in error.errors()]
        names = ", ".join(repr(str(file.origin)) for file in documents)
        raise PolicyError(
            StackCode.POLICY_DATA_INVALID,
            f"{'; '.join(findings[:10])} (in {names})",
            hint="correct the key that is named; the last good bundle stays active meanwhile",
        ) from error


def _parse(file: PolicyFile) -> JSONObject:
    try:
        if file.path.suffix == ".json":
            return _JSON.validate_json(file.content)
        loaded = _DataLoader(file.content).get_single_data()
        # Through JSON text, which refuses what JSON cannot say, such as NaN.
        return _JSON.validate_json(json.dumps({} if loaded is None else loaded, allow_nan=False))
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise _unreadable(file.origin, str(error)) from error


class _DataLoader(yaml.SafeLoader):
    """YAML as OPA takes it: dates stay text; no aliases, which can grow without bound."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed in a data document")
        return super().compose_node(parent, index)


_DataLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _merge(into: JSONObject, document: JSONObject, file: PolicyFile, at: tuple[str, ...]) -> None:
    for key, value in document.items():
        present = into.get(key)
        if key not in into:
            into[key] = value
        elif isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value, file, (*at, key))
        elif present != value:
            raise PolicyError(
                StackCode.POLICY_DATA_CONFLICT,
                f"{str(file.origin)!r} gives `data.{'.'.join((*at, key))}` another value than "
                "a document before it",
                hint="give each path one value in one document",
            )


def _unreadable(path: Path, why: str) -> PolicyError:
    return PolicyError(
        StackCode.POLICY_UNREADABLE,
        f"{str(path)!r} cannot be read: {why}",
        hint="put the file right or move it out of the policy folder",
    )
