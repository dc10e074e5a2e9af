"""URL templates of `http` tools.

    https://erp.example/orders/{order}
    http://127.0.0.1:${env:REMIT_PORT_BACKOFFICE}/erp/orders/{order}
    ${env:BACKOFFICE_URL}/erp/orders/{order}
    ${env:BACKOFFICE_URL|http://127.0.0.1:${env:REMIT_PORT_BACKOFFICE}}/erp/orders/{order}

An argument stands for one path segment, or part of one, and is percent-encoded; host and port are
literal or come from the environment, never from arguments. What follows `|` holds where a variable
is not set. Query parameters have a table of their own in the contract. Which hosts may be reached
says `remit.tool.reach`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from remit.canonical import JSON
from remit.tool.template import TemplateError, as_text

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ENV = rf"\$\{{env:{_NAME}\}}"
_BASE = (
    rf"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._-]|{_ENV})+)(?::(?:\d{{1,5}}|{_ENV}))?"
)
_URL = re.compile(
    rf"^(?:\$\{{env:(?P<variable>{_NAME})(?:\|(?P<fallback>https?://[^|/\s]+))?\}}|(?P<base>https?://[^/\s]+))"
    r"(?P<path>/[^?#\\\s]*)?$"
)
_SERVER = re.compile(_BASE)
_VARIABLE = re.compile(rf"\$\{{env:({_NAME})\}}")
_ARGUMENT = re.compile(rf"\{{({_NAME})\}}")


class AddressError(ValueError):
    """The template is malformed, or cannot be filled with these arguments or this environment."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL template, taken apart."""

    variable: str | None
    """Environment variable with a base URL that goes before `base`."""
    base: str | None
    """Scheme, host and port."""
    host: str | None
    """The literal host of `base`; `None` when it comes from the environment."""
    path: str
    """Path template, empty or beginning with `/`."""

    @classmethod
    def parse(cls, template: str) -> "Address":
        """Take `template` apart.

        Raises:
            AddressError: it is not of a form that this module describes.
        """
        found = _URL.match(template)
        if found is None:
            raise _malformed(template)
        base = found["base"] or found["fallback"]
        server = None if base is None else _SERVER.fullmatch(base)
        if base is not None and server is None:
            raise _malformed(template)
        host = None if server is None else server["host"]
        path = found["path"] or ""
        if any(brace in _ARGUMENT.sub("", path) for brace in "{}"):
            raise AddressError(f"{template!r}: braces in the path hold one argument name")
        literal = host if host is not None and not _VARIABLE.search(host) else None
        return cls(found["variable"], base, literal, path)

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
        base = environ.get(self.variable or "", "")
        if not base and self.base is None:
            raise AddressError(f"the environment variable {self.variable!r} is not set")
        base = base or _VARIABLE.sub(lambda found: _variable(found[1], environ), self.base or "")
        path = _ARGUMENT.sub(lambda found: _segment(found[1], arguments), self.path)
        return base.rstrip("/") + path


def normal_host(host: str) -> str:
    """Return the form in which two spellings of one host are equal."""
    return host.strip("[]").removesuffix(".").lower()


def _malformed(template: str) -> AddressError:
    forms = "`http(s)://host[:port]/path` or `${env:NAME}/path`"
    return AddressError(f"{template!r} is not {forms}")


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
