"""`remit policy build`, and what it shares with publishing: the project's signed bundle."""

import os
from pathlib import Path

from remit.canonical import digest_bytes
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer, note
from remit.cli.place import find_project
from remit.cli.policy.checking import refuse_unsound
from remit.cli.stack.binaries import OPA, cache_folder, ensure
from remit.cli.stack.bundle import Bundle, BundleBuilder
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import StackError
from remit.cli.stack.layout import Layout
from remit.cli.stack.project import load_project
from remit.cli.stack.signing import SigningKey, read_key, read_public, scope_of
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from remit.stores.atomic import write_atomically


def build(output: Path, key: Path | None, project: Path | None, *, as_json: bool) -> int:
    """Write the bundle of the project's policies."""
    layout = Layout(find_project(project))
    signing = signing_key(layout, key)
    bundle = built(layout, signing)
    try:
        write_atomically(output, bundle.content, mode=0o644)
    except OSError as error:
        message = f"{str(output)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message) from error
    document = {
        "ok": True,
        "file": str(output),
        "revision": bundle.revision,
        "archive": digest_bytes(bundle.content),
        "key": bundle.key,
        "scope": signing.scope,
    }
    lines = [
        f"{output}: revision {bundle.revision}",
        f"signed by {bundle.key} for {signing.scope}; nothing is in force by it",
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def built(layout: Layout, key: SigningKey, policies: Path | None = None) -> Bundle:
    """Return the bundle of the project's policies, or of those in another folder.

    Raises:
        PolicyError: they do not pass the checks, a code of theirs means two things, or a rule is
            of another owner than `OWNERS` says.
    """
    opa = ensure(OPA, note, cache=cache_folder(), search=os.environ.get("PATH", "")).path
    folder = policies or layout.project / "policies"
    roots = (PolicyRoot(CORE, core_policies()), PolicyRoot(PROJECT, folder))
    bundle = BundleBuilder(opa, key).build(read_sources(roots))
    refuse_unsound(opa, folder)
    return bundle


def signing_key(layout: Layout, named: Path | None) -> SigningKey:
    """Return the key to sign with, which must be the one that the project's OPAs verify with.

    Raises:
        StackError: `POLICY-KEY`.
        CliError: `POLICY-KEY`, when OPA would refuse its signatures.
    """
    file = named or layout.policy_key
    theirs = load_project(layout.project).policy.public_key
    try:
        key = read_key(file, scope_of())
    except StackError as error:
        if named is not None or file.exists():
            raise
        hint = "`--key FILE` names one; `remit up` makes one for a stack of its own"
        raise usage("POLICY-KEY", "the project has no key to sign policies with", hint) from error
    if theirs is not None and read_public(layout.project / theirs).id != key.public.id:
        hint = f"{theirs} in remit.toml says what every OPA of the project verifies with"
        raise usage("POLICY-KEY", f"OPA takes nothing that {str(file)!r} signs", hint)
    return key
