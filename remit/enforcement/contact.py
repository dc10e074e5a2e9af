"""When an OPA last heard from whoever serves policies: read from its status, and kept in a file.

Apart from what watches over it, so that `remit status` loads nothing else.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from remit.canonical import JSON, JSONObject

CONTACT_FILE = "opa.contact.json"
"""Usual name, beside OPA's token, of the file that the contact is kept in."""


def contact_ms(bundle: JSONObject) -> int:
    """Return the contact that OPA tells of, as milliseconds of Unix time; 0 for none.

    An OPA that started from its disk tells of none. Not of the last answer that it could read: one
    that it does not take is contact too, and an error of its own.
    """
    text = str(bundle.get("last_successful_request"))[:19]
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return 0
    return max(0, int(moment.timestamp() * 1000))


def error_of(bundle: JSONObject) -> str:
    """Return why OPA cannot take what it is served; empty when it can."""
    return str(bundle.get("message") or bundle["code"]) if bundle.get("code") else ""


def kept_contact(file: Path | None) -> int:
    """Return the contact that was kept in a file; 0 for none."""
    if file is None:
        return 0
    try:
        found: JSON = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return 0
    kept = found.get("contact_ms") if isinstance(found, dict) else None
    return kept if isinstance(kept, int) and not isinstance(kept, bool) else 0
