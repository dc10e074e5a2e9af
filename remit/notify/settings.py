"""Who is told where: `[notify]` of a project's `remit.toml`, or a file that it names.

    [notify]
    file = "notify.toml"                # optional: the rest stands there
    default = ["ops"]                   # channels of roles that have none of their own
    console = "https://remit.example"   # optional: links lead there too
    temporal_ui = "https://…"           # optional: instead of the stack's own

    [notify.channels]                   # apprise URLs, by where they are kept
    ops = "env:OPS_WEBHOOK"
    committee = "file:secrets/committee.url"

    [notify.roles]
    risk_committee = ["committee", "ops"]

An address is a secret: only where it is kept stands here, and it is read when something is sent.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FILE = "remit.toml"
_MOST_BYTES = 64 * 1024
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
_Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Kept = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$", max_length=500)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=8)]
_Base = Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$", max_length=300)]


class NotifyError(Exception):
    """The settings, or what they lead to, cannot be used; the message holds no secret."""


class NotifySettings(BaseModel):
    """Channels, and the roles that are told by them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(max_length=300)] = ""
    """File that holds these settings instead, relative to the project."""
    default: _Names = ()
    """Channels of roles that `roles` does not name."""
    console: _Base = ""
    temporal_ui: _Base = ""
    channels: Annotated[dict[_Name, _Kept], Field(max_length=32)] = {}
    """Where each channel's apprise URL is kept: `env:NAME` or `file:PATH`."""
    roles: dict[_Role, _Names] = {}

    @model_validator(mode="after")
    def _known(self) -> "NotifySettings":
        named = {name for names in (self.default, *self.roles.values()) for name in names}
        if unknown := sorted(named - set(self.channels)):
            raise ValueError(f"no channel is called {unknown[0]!r}")
        if self.file and self.channels:
            raise ValueError("channels stand in `file` or here, not in both")
        return self

    def channels_of(self, roles: Sequence[str]) -> Sequence[str]:
        """Return the names of the channels by which these roles are told, each once."""
        named = (name for role in roles for name in self.roles.get(role, self.default))
        return list(dict.fromkeys(named))


def load(project: Path) -> NotifySettings:
    """Read the settings of a project; without any, nobody is told anything.

    Raises:
        NotifyError: they cannot be read.
    """
    settings = _parsed(_tables(project / FILE).get("notify", {}), FILE)
    if not settings.file:
        return settings
    return _parsed(_tables(project / settings.file), settings.file)


def files(project: Path, settings: NotifySettings | None) -> tuple[Path, ...]:
    """Return the files that settings came from, and that changing them changes."""
    further = (project / settings.file,) if settings and settings.file else ()
    return (project / FILE, *further)


def secret(kept: str, project: Path, variables: Mapping[str, str] = os.environ) -> str:
    """Return a channel's address from where it is kept.

    Raises:
        NotifyError: it is not there.
    """
    way, _, name = kept.partition(":")
    if way == "env":
        found = variables.get(name, "")
    else:
        try:
            found = (project / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotifyError(f"{kept!r} cannot be read") from error
    if not found.strip():
        raise NotifyError(f"{kept!r} is empty")
    return found.strip()


def _tables(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()[: _MOST_BYTES + 1]
    except OSError as error:
        if file.name == FILE:
            return {}
        raise NotifyError(f"{file.name!r} cannot be read ({error.strerror})") from error
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NotifyError(f"{file.name!r}: {error}") from error


def _parsed(tables: object, name: str) -> NotifySettings:
    try:
        return NotifySettings.model_validate(tables)
    except ValidationError as error:
        # Not what was given: somebody may have written an address where its place belongs.
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NotifyError(f"{name!r}: notify.{place}: {first['msg']}") from error
