"""What the publisher has to say about the policies, as `bundle/status.json` holds it.

Apart from the publisher's own modules, so that `remit status` need not load what builds bundles.
"""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from remit.canonical import Digest
from remit.diagnostic import Diagnostic

STATUS = "status.json"


class BundleStatus(BaseModel):
    """What the publisher has to say; the content of `status.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: str | None = None
    """Of the bundle that is served; `None` before the first good one."""
    serial: int | None = None
    """Of its release."""
    archive_digest: Digest | None = None
    activated_at: datetime | None = None
    """When it began to be served."""
    error: Diagnostic | None = None
    """Why the sources as they are now are not what is served; `None` when they are."""
    failed_at: datetime | None = None
    """When `error` was found."""


def read_status(folder: Path) -> BundleStatus:
    """Return the status in `folder`; an empty one if there is none."""
    try:
        return BundleStatus.model_validate_json((folder / STATUS).read_bytes())
    except (OSError, ValidationError):
        return BundleStatus()
