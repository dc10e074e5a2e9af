"""A project's clients of OAuth 2: `[oauth.NAME]` of `remit.toml`, see `remit.tool.oauth`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.tool.oauth import ClientName, OAuthClient

FILE = "remit.toml"
_CLIENTS: TypeAdapter[dict[str, OAuthClient]] = TypeAdapter(dict[ClientName, OAuthClient])


def load_clients(folder: Path) -> Mapping[str, OAuthClient]:
    """Return the clients by name; without a file or a table there are none.

    Raises:
        InvalidDocumentError: `OAUTH-INVALID`.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        return _CLIENTS.validate_python(document.get("oauth", {}))
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        # A value is not repeated: somebody may have written a secret where its reference belongs.
        found = [_invalid(pointer("oauth", *each["loc"]), each["msg"]) for each in error.errors()]
        raise InvalidDocumentError(found) from error
    except (OSError, ValueError) as error:
        raise InvalidDocumentError([_invalid("", f"it cannot be read: {error}")]) from error


def _invalid(place: str, message: str) -> Diagnostic:
    hint = "see docs/egress.md#oauth"
    return Diagnostic(code="OAUTH-INVALID", path=f"{FILE}#{place}", message=message, hint=hint)
