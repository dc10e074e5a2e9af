"""The retention of a project, from `policies/data.yaml`.

The publisher refuses to publish a file that is not as `remit.decision.registry` says; here the same
file is read for the keeper. What cannot be read, or is not so, means that nothing is forgotten.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from remit.decision.periods import milliseconds
from remit.decision.registry import Registry
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.ledger.retention import WINDOW_MS, Periods, Rule

FILE = Path("policies") / "data.yaml"
_MOST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept."""

    periods: Periods
    window_ms: int
    """How long behind its end a run may be ordered back; nothing is forgotten before."""


def load_retention(project: Path) -> Retention:
    """Return the retention of `project`; without a file, or a word about it, there are no periods.

    Raises:
        InvalidDocumentError: `RETENTION-INVALID`.
    """
    file = project / FILE
    try:
        with file.open("rb") as opened:
            document = yaml.safe_load(opened.read(_MOST))
    except FileNotFoundError:
        return Retention({}, WINDOW_MS)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _invalid("", str(error)) from error
    data = document.get("remit") if isinstance(document, dict) else None
    given = data.get("registry") if isinstance(data, dict) else None
    try:
        registry = Registry.model_validate(given or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(pointer("remit", "registry", *first["loc"]), first["msg"]) from error
    window = registry.thresholds.get("rollback_window_ms", WINDOW_MS)
    if not isinstance(window, int) or isinstance(window, bool) or window < 0:
        raise _invalid(pointer("remit", "registry", "thresholds"), "the rollback window is none")
    rules = {
        name: Rule(f"{name} {period}", milliseconds(period))
        for name, period in registry.retention.items()
    }
    return Retention(rules, window)


def _invalid(path: str, why: str) -> InvalidDocumentError:
    hint = "nothing is forgotten until it is put right; `default: P10Y` is a period"
    place = f"{FILE}#{path}"
    return InvalidDocumentError(
        [Diagnostic(code="RETENTION-INVALID", path=place, message=why[:300], hint=hint)]
    )
