"""A user's own folder as `remit.toml` describes it.

    name = "acme"                      # optional; shown in messages

    [[service]]                        # optional, any number: programs that the tools call
    name = "backoffice"
    command = ["${python}", "-m", "examples.backoffice", "--port", "${port:backoffice}"]
    health = "http://127.0.0.1:${port:backoffice}/health"
    environment = { BACKOFFICE_DATA = "${data}/backoffice.db" }

    [policy]                           # optional
    review = "required"                # policies take effect by `remit policy publish` alone
    public_key = "keys/policy.pub"     # of whoever publishes; else a key of the stack's own

    [identity]                         # optional
    file = "identity.yaml"             # whom to trust to say who somebody is
    required = true                    # refuse names that nobody proved

    [egress]                           # optional: tools' connections go through a forward proxy
    proxy = "http://${file:secrets/proxy-user}@proxy.acme.example:3128"

    [secrets]                          # optional: files of secrets may lie here too
    folders = ["/run/secrets"]

    [oauth.crm]                        # optional, any number: see `remit.tool.oauth`

    [payloads]                         # optional
    encrypted = true                   # what Temporal keeps; by default in the profile `full`
    keys = ["file:keys/payload.key"]   # the first encrypts, all decrypt; else the stack's own

    [console]                          # optional: `remit up` starts the console too
    port = 8234

    [planner]                          # optional: `remit up` starts a worker that asks it
    function = "planners.buyer:propose"    # see `remit.stores.planner` for the rest

    [limits]                           # optional, see docs/limits.md

    [data]                             # optional, see docs/data-care.md
    detector = "presidio"

`${port:NAME}` is a free loopback port, the same wherever the name stands, given to every process
of the stack as `REMIT_PORT_<NAME>` too. `${python}` is the interpreter that runs Remit, `${data}`
the folder for databases, `${project}` the project. Owns reading and substitution; starts nothing.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remit.cli.stack.errors import StackCode, StackError
from remit.console.table import ConsoleTable
from remit.diagnostic import pointer
from remit.notify.settings import NotifySettings
from remit.stores.planner import PlannerTable
from remit.tool.oauth import ClientName, OAuthClient

FILE = "remit.toml"
_MAX_BYTES = 256 * 1024
_NAME = r"^[a-z][a-z0-9-]{0,31}$"
_PORT = re.compile(r"\$\{port:([a-z][a-z0-9-]{0,31})\}")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_RESERVED = frozenset(
    {
        *("temporal", "publisher", "opa", "workers", "keeper", "postgres", "temporal-ui"),
        *("shadow", "canary", "console", "codec", "planner"),
    }
)

Text = Annotated[str, Field(min_length=1, max_length=4096)]
KeyReference = Annotated[
    str, Field(max_length=4096, pattern=r"^(plain|file:[^,\n]+|env:[A-Za-z_][A-Za-z0-9_]*)$")
]
"""Never a key itself: what stands here is told to processes on their command lines."""


class Service(BaseModel):
    """A program that runs beside the stack, started before the workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    command: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)]
    """Program and arguments; no shell reads them."""
    health: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost)[:/]")]
    """Address that answers 2xx when the service is ready."""
    environment: dict[str, Text] = {}
    ready_within_s: Annotated[float, Field(gt=0, le=300)] = 20.0

    def ports(self) -> Iterator[str]:
        """Yield the port names that it mentions."""
        for text in (*self.command, self.health, *self.environment.values()):
            yield from _PORT.findall(text)


class PolicySettings(BaseModel):
    """How policies come into force."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: Literal["none", "required"] | None = None
    """`none`: what is saved in the policy folder decides from then on. `required`: only what
    somebody published does, and widening needs consent. By default `required` in the profile
    `full`, and where nobody on this machine can sign."""
    public_key: Text | None = None
    """File of the public key, where the private one is not on this machine."""

    def is_reviewed(self, profile: str) -> bool:
        """Whether only `remit policy publish` puts policies in force."""
        is_usual = profile == "full" or self.public_key is not None
        return self.review == "required" or (self.review is None and is_usual)


class IdentitySettings(BaseModel):
    """Who proves who they are, and whether everybody must."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Text
    """File of whom to trust, see docs/identity.md."""
    required: bool = True
    """Whether votes, orders and starts without a token are refused, whatever the profile."""


class EgressSettings(BaseModel):
    """How tools get out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proxy: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=1024)] | None = None
    """Forward proxy of all tools' connections; see docs/egress.md."""


class SecretSettings(BaseModel):
    """Where files with secrets may lie, besides the project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folders: Annotated[tuple[Text, ...], Field(max_length=16)] = ()

    def variable(self, project: Path) -> str | None:
        """Return what `REMIT_SECRET_FOLDERS` is to say; `None`: nothing."""
        return os.pathsep.join(str(project / each) for each in self.folders) or None


class PayloadSettings(BaseModel):
    """Whether what Temporal keeps is encrypted, and with which keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encrypted: bool | None = None
    """By default in the profile `full`, and where keys are named."""
    keys: Annotated[tuple[KeyReference, ...], Field(max_length=32)] = ()
    """`file:PATH`, from the project's folder, or `env:NAME`; `plain` first encrypts no more."""

    def is_encrypted(self, profile: str) -> bool:
        """Whether payloads are encrypted in a profile, or were with keys that are named."""
        usual = profile == "full" or bool(self.keys)
        return usual if self.encrypted is None else self.encrypted


class ProjectSettings(BaseModel):
    """The content of `remit.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)] | None = None
    service: Annotated[tuple[Service, ...], Field(max_length=16)] = ()
    policy: PolicySettings = PolicySettings()
    notify: NotifySettings = NotifySettings()
    """Who is told where; see `remit.notify.settings`."""
    identity: IdentitySettings | None = None
    egress: EgressSettings = EgressSettings()
    secrets: SecretSettings = SecretSettings()
    oauth: dict[ClientName, OAuthClient] = {}
    """Where tools' access tokens come from; see `remit.stores.oauth`."""
    payloads: PayloadSettings = PayloadSettings()
    console: ConsoleTable | None = None
    """With the table, be it empty, the console is a part of the stack."""
    planner: PlannerTable | None = None
    """With the table, a worker of the role `plan` is a part of the stack."""
    limits: dict[str, object] = {}
    """Workers read it, and say what is wrong with it; see `remit.enforcement.bounds`."""
    data: dict[str, object] = {}
    """The same; see `remit.enforcement.presidio`."""

    def ports(self) -> tuple[str, ...]:
        """Return the names of all ports that services mention, each once, sorted."""
        return tuple(sorted({name for service in self.service for name in service.ports()}))


def load_project(folder: Path) -> ProjectSettings:
    """Read `folder/remit.toml`.

    Raises:
        StackError: `PROJECT-MISSING` without the file, `PROJECT-INVALID` with the first finding
            in `path` and all of them in the message.
    """
    file = folder / FILE
    try:
        content = file.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        raise StackError(
            StackCode.PROJECT_MISSING,
            f"{str(folder)!r} is not a project of Remit: {FILE} cannot be read ({error.strerror})",
            hint=f"`remit init {folder}` makes one; or name the folder that has it",
        ) from error
    if len(content) > _MAX_BYTES:
        raise _invalid(file, "", f"larger than {_MAX_BYTES} bytes")
    try:
        settings = ProjectSettings.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(file, "", str(error)) from error
    except ValidationError as error:
        findings = [f"{pointer(*e['loc'])}: {e['msg']}" for e in error.errors()]
        raise _invalid(file, pointer(*error.errors()[0]["loc"]), "; ".join(findings)) from error
    _check_names(file, settings)
    return settings


def substitute(text: str, *, ports: Mapping[str, int], project: Path, data: Path) -> str:
    """Return `text` with its `${…}` replaced.

    Raises:
        StackError: `PROJECT-INVALID` for a name that does not exist.
    """
    values = {"python": sys.executable, "project": str(project), "data": str(data)}
    values |= {f"port:{name}": str(port) for name, port in ports.items()}

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise _invalid(project / FILE, "", f"unknown reference {match[0]!r} in {text!r}")
        return values[match[1]]

    return _VARIABLE.sub(value, text)


def _check_names(file: Path, settings: ProjectSettings) -> None:
    seen: set[str] = set()
    for index, service in enumerate(settings.service):
        path = pointer("service", index, "name")
        if service.name in _RESERVED:
            raise _invalid(file, path, f"{service.name!r} is the name of a part of the stack")
        if service.name in seen:
            raise _invalid(file, path, f"two services are called {service.name!r}")
        seen.add(service.name)


def _invalid(file: Path, path: str, why: str) -> StackError:
    return StackError(
        StackCode.PROJECT_INVALID,
        f"{str(file)!r}: {why}",
        hint="put the file right; the reference lists its tables and keys",
        path=path,
    )
