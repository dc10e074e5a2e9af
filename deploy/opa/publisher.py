"""The one publisher of a deployment: it releases, signs and serves policies to every OPA.

    python publisher.py --private /var/lib/policy --public /run/policy --project /project

The private key stands in `--private`, a volume of this container alone; the public one is left in
`--public` for the OPAs. The ledger is the workers' (`REMIT_LEDGER_URL`), the environment that
policies are signed for is `REMIT_ENVIRONMENT`. Everything else is the publisher of `remit up`.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from remit.cli.stack.components import core_policies
from remit.cli.stack.project import load_project
from remit.cli.stack.publisher import run
from remit.cli.stack.publisher_settings import PublisherSettings
from remit.cli.stack.signing import keep_key, scope_of
from remit.stores.atomic import write_atomically

PUBLIC_KEY = "policy.pub"
"""Name of the public key's file, which `sidecar.py` reads."""


def settings(given: argparse.Namespace) -> PublisherSettings:
    """Make folders and key, leave the public one, and return what the publisher works with."""
    folder, logs = given.private / "bundle", given.private / "logs"
    for made in (folder, logs):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = keep_key(given.private / "policy.key", scope_of())
    write_atomically(given.public / PUBLIC_KEY, key.public.pem.encode(), mode=0o644)
    return PublisherSettings(
        opa=given.binary,
        key_file=key.file,
        scope=key.scope,
        ledger=os.environ["REMIT_LEDGER_URL"],
        reviewed=load_project(given.project).policy.is_reviewed("light"),
        folder=folder,
        port=given.port,
        core=given.core,
        project=given.project / "policies",
        logs=logs,
        host=given.host,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--private", type=Path, required=True)
    parser.add_argument("--public", type=Path, required=True)
    parser.add_argument("--project", type=Path, default=Path("/project"))
    parser.add_argument("--binary", type=Path, default=Path("/usr/local/bin/opa"))
    parser.add_argument("--core", type=Path, default=core_policies())
    # Nobody but the OPAs is on the container's network, and what it serves is no secret.
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104
    parser.add_argument("--port", type=int, default=8181)
    os.umask(0o077)
    return run(settings(parser.parse_args(arguments)))


if __name__ == "__main__":
    raise SystemExit(main())
