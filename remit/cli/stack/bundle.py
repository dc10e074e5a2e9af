"""Policy sources become a signed bundle whose revision is the digest of its content.

Checked (`opa check --strict`, with the core's schemas and capabilities where it has them, and the
rules of `packages`) and built before anybody can load it. The revision also stands in the data as
`data.remit.revision`, so that a decision can echo what it was made with. Works on a private copy
of the sources; touches nothing else.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSONObject
from remit.cli.stack.errors import PolicyError, StackCode
from remit.cli.stack.opa_run import run_opa
from remit.cli.stack.packages import PARSE_QUERY, PARSED, ParsedFile, check_project_rules
from remit.cli.stack.signing import ALGORITHM, SigningKey
from remit.cli.stack.sources import ROOT, PolicySources
from remit.decision.overlay import settled

_MAX_MESSAGE = 4000


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle ready to be served."""

    revision: str
    """`sha256:…` of its content."""
    content: bytes
    """The archive, signed when its builder has a key."""
    key: str = ""
    """Id of the key that signed it."""


@dataclass(frozen=True, slots=True)
class BundleBuilder:
    """Builds bundles with one OPA binary, and signs them with one key."""

    opa: Path
    key: SigningKey | None = None
    """Without one the bundle is not signed: to be looked at, never to be served."""

    def build(self, sources: PolicySources) -> Bundle:
        """Return the bundle of `sources`.

        Raises:
            PolicyError: the sources do not pass; the message names the user's own files.
        """
        data = sources.data()
        revision = sources.revision(data)
        with tempfile.TemporaryDirectory(prefix="remit-bundle-") as folder:
            stage = Path(folder, "stage")
            _write_stage(stage, sources, {**settled(data), "revision": revision})
            capabilities = _write_checks(Path(folder), sources)
            self._run(sources, stage, ("check", "--strict", *capabilities, *_schemas(folder)))
            parsed = self._parsed(sources, Path(folder))
            check_project_rules(sources, parsed)
            _disarm_annotations(stage, parsed)
            archive = Path(folder, "bundle.tar.gz")
            named = ("--revision", revision, "--output", str(archive))
            signed = self._signing(Path(folder, "claims.json"))
            self._run(sources, stage, ("build", *named, *signed, *capabilities))
            key = self.key.public.id if self.key else ""
            return Bundle(revision, archive.read_bytes(), key)

    def _signing(self, claims: Path) -> Sequence[str]:
        if self.key is None:
            return ()
        # Both are covered by the signature: whoever verifies asks for this key and this scope.
        claimed = {"keyid": self.key.public.id, "scope": self.key.scope}
        _write(claims, json.dumps(claimed).encode())
        signing = ("--signing-key", str(self.key.file.resolve()), "--signing-alg", ALGORITHM)
        return (*signing, "--claims-file", str(claims))

    def _run(self, sources: PolicySources, stage: Path, arguments: Sequence[str]) -> None:
        # From within the stage, so that the archive and OPA's words hold no private path.
        done = run_opa(self.opa, *arguments, "--bundle", ".", folder=stage)
        if done.returncode != 0:
            said = _with_own_names(done.stderr or done.stdout, sources).removeprefix("bundle .: ")
            raise PolicyError(
                StackCode.POLICY_CHECK_FAILED,
                said.strip()[:_MAX_MESSAGE] or f"`opa {arguments[0]}` gave {done.returncode}",
                hint="correct the policy; the last good bundle stays active meanwhile",
            )

    def _parsed(self, sources: PolicySources, folder: Path) -> Sequence[ParsedFile]:
        """Return what each rule file defines."""
        texts = {file.staged: file.content.decode() for file in sources.rules}
        _write(folder / "rules.json", json.dumps(texts).encode())
        asked = ("eval", "--format", "raw", "--input", "rules.json", PARSE_QUERY)
        done = run_opa(self.opa, *asked, folder=folder)
        try:
            return PARSED.validate_json(done.stdout)
        except ValidationError as error:
            raise PolicyError(
                StackCode.POLICY_CHECK_FAILED,
                f"`opa eval` could not list the rules: {done.stderr.strip()[:300]}",
                hint="check the version of `opa` with `remit status`",
            ) from error


def _write_stage(stage: Path, sources: PolicySources, data: JSONObject) -> None:
    for file in sources.rules:
        _write(stage / file.staged, file.content)
    _write(stage / "data.json", json.dumps({ROOT: data}).encode())
    _write(stage / ".manifest", json.dumps({"roots": [ROOT], "rego_version": 1}).encode())


def _disarm_annotations(stage: Path, parsed: Sequence[ParsedFile]) -> None:
    """Make plain comments of the annotations, which only the checks need.

    While one rule of a bundle has labels, OPA gathers those of every rule that it evaluates, asked
    for or not: a tenth of a decision's time. No line is added or lost, so places still fit.
    """
    for found in parsed:
        file = stage / found.file
        lines = file.read_bytes().split(b"\n")
        for row in found.annotations:
            lines[row - 1] = lines[row - 1].replace(b"METADATA", b"Metadata", 1)
        file.write_bytes(b"\n".join(lines))


def _write_checks(folder: Path, sources: PolicySources) -> Sequence[str]:
    """Write what only the checks use, and return the options for capabilities."""
    for schema in sources.schemas:
        _write(folder / schema.path, schema.content)
    if sources.capabilities is None:
        return ()
    _write(folder / "capabilities.json", sources.capabilities.content)
    return ("--capabilities", str(folder / "capabilities.json"))


def _schemas(folder: str) -> Sequence[str]:
    schemas = Path(folder, "schemas")
    return ("--schema", str(schemas)) if schemas.is_dir() else ()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _with_own_names(text: str, sources: PolicySources) -> str:
    """Return `text` with the names of the user's files in place of the staged copies."""
    origins = {file.staged: str(file.origin) for file in sources.rules}
    staged = "|".join(re.escape(name) for name in sorted(origins, key=len, reverse=True))
    return re.sub(staged, lambda match: origins[match[0]], text) if staged else text
