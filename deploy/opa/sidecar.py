"""OPA beside the workers of one role.

    python sidecar.py --shared /run/opa --public /run/policy --policies http://policy:8181
    python sidecar.py --shared /run/opa --check                               # 0 when it can decide

In `--shared`, a folder of the workers and OPA alone, stand the socket and the token that OPA asks
for. Policies come from the deployment's one publisher (`publisher.py`), and OPA takes those alone
that are signed by the key whose public half stands in `--public`, for this environment. The last
good ones are kept in `--private`, so that OPA starts while the publisher is away. Configuration and
access rules are those of `remit up`. This program becomes OPA.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from remit.cli.stack import opa
from remit.cli.stack.errors import StackError
from remit.cli.stack.signing import read_public, scope_of
from remit.stores.atomic import keep_secret

PUBLIC_KEY = "policy.pub"
"""Name of the public key's file, which `publisher.py` writes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is."""

    binary: Path
    shared: Path
    private: Path
    public: Path
    policies: str
    """Address of the publisher."""

    @property
    def socket(self) -> Path:
        """OPA's socket."""
        return self.shared / "opa.sock"

    @property
    def token(self) -> Path:
        """The token that OPA asks for."""
        return self.shared / "opa.token"


def command(place: Place) -> Sequence[str]:
    """Write token and configuration; return OPA's command line.

    Raises:
        StackError: `POLICY-KEY`: the publisher has left no public key.
    """
    key = read_public(place.public / PUBLIC_KEY)
    place.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = opa.write_configuration(
        place.private,
        token=keep_secret(place.token),
        source=opa.BundleSource(place.policies, key, scope_of()),
    )
    return opa.argv(place.binary, configuration=configuration, socket=place.socket)


def run(place: Place) -> NoReturn:
    """Become OPA."""
    try:
        argv = command(place)
    except StackError as error:
        raise SystemExit(str(error)) from error
    # A socket that an OPA of before left behind is nobody's.
    place.socket.unlink(missing_ok=True)
    os.execve(argv[0], argv, {**os.environ, **opa.VARIABLES})  # noqa: S606


def check(place: Place) -> int:
    """Return 0 when OPA has a bundle and decides; else say what is missing."""
    problem = opa.health(place.socket, place.token).problem()
    if problem is not None:
        sys.stderr.write(problem + "\n")
    return 0 if problem is None else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; run, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--private", type=Path, default=Path("/var/lib/opa"))
    parser.add_argument("--public", type=Path, default=Path("/run/policy"))
    parser.add_argument("--policies", default="http://policy:8181")
    parser.add_argument("--binary", type=Path, default=Path("/usr/local/bin/opa"))
    given = vars(parser.parse_args(arguments))
    is_check = given.pop("check")
    place = Place(**given)
    os.umask(0o077)
    return check(place) if is_check else run(place)


if __name__ == "__main__":
    raise SystemExit(main())
