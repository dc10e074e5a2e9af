"""URL templates of `http` tools, and which hosts a tool may reach.

    ${env:BACKOFFICE_URL}/erp/orders/{order}
    http://127.0.0.1:${env:REMIT_PORT_BACKOFFICE}/erp/orders/{order}

An argument stands for one path segment, or part of one, and is percent-encoded; host and port are
literal or come from the environment, never from arguments. Query parameters have a table of their
own in the contract. A host is allowed when it is one of the contract's `destinations`, letter by
letter; nothing resolves names here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from remit.canonical import JSON
from remit.tool.template import TemplateError, as_text

_ENV = r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}"
_URL = re.compile(
    rf"^(?P<base>{_ENV}|https?://(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._-]|{_ENV})+)"
    rf"(?::(?:\d{{1,5}}|{_ENV}))?)(?P<path>/[^?#\\\s]*)?$"
)
_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_ARGUMENT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class AddressError(ValueError):
    """The template is malformed, or cannot be filled with these arguments or this environment."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL template, taken apart."""

    base: str
    """Scheme, host and port, or one `${env:NAME}` for all of them and a path prefix."""
    host: str | None
    """The literal host; `None` when it comes from the environment."""
    path: str
    """Path template, empty or beginning with `/`."""

    @classmethod
    def parse(cls, template: str) -> "Address":
        """Take `template` apart.

        Raises:
            AddressError: it is not of the form that this module describes.
        """
        found = _URL.match(template)
        if found is None:
            raise AddressError(
                f"{template!r} is not `http(s)://host[:port]/path` or `${{env:NAME}}/path`"
            )
        path = found["path"] or ""
        if any(brace in _ARGUMENT.sub("", path) for brace in "{}"):
            raise AddressError(f"{template!r}: braces in the path hold one argument name")
        host = found["host"]
        literal = host is not None and not _VARIABLE.search(host)
        return cls(found["base"], host if literal else None, path)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments that the path takes, in order."""
        return tuple(_ARGUMENT.findall(self.path))

    def fill(self, arguments: Mapping[str, JSON], environ: Mapping[str, str]) -> str:
        """Return the URL, without a query.

        Raises:
            AddressError: an argument is absent, no scalar, or would change the path's shape; a
                variable is not set.
        """
        base = _VARIABLE.sub(lambda found: _variable(found[1], environ), self.base)
        path = _ARGUMENT.sub(lambda found: _segment(found[1], arguments), self.path)
        return base.rstrip("/") + path


def is_allowed(host: str, destinations: Iterable[str]) -> bool:
    """Say whether `host` is one of `destinations`; letter case and a final dot do not count."""
    return normal_host(host) in {normal_host(destination) for destination in destinations}


def normal_host(host: str) -> str:
    """Return the form in which two spellings of one host are equal."""
    return host.strip("[]").removesuffix(".").lower()


def _variable(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "")
    if not value:
        raise AddressError(f"the environment variable {name!r} is not set")
    return value


def _segment(name: str, arguments: Mapping[str, JSON]) -> str:
    if name not in arguments:
        raise AddressError(f"the URL needs the argument {name!r}")
    try:
        text = as_text(arguments[name])
    except TemplateError as error:
        raise AddressError(f"argument {name!r}: {error}") from error
    if text in ("", ".", ".."):
        raise AddressError(f"the argument {name!r} would change the shape of the URL's path")
    return quote(text, safe="")
