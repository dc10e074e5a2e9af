"""Reads OPA's answer strictly: a decision that can be trusted, or an error that says why not.

Only `parse` makes a `Decision`; no field of an answer that is not wholly understood is used.
`PolicyUnavailableError` means that no policy has judged (wait and ask again), `PolicyInvalidError`
that the answer cannot be trusted (a deny). Neither ever leads to a call. Codes begin with `host:`,
which no policy may emit.
"""

import json
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError

from remit.canonical import JSON, Digest, JSONObject
from remit.decision.decision import Decision

BUNDLE = "remit"
"""Name of the bundle that holds the policies."""
ACCESS_BUNDLE = "system"
"""Name of the bundle with OPA's own access rules, which judges nothing."""
_FAULTY_EVALUATION = "eval_"
"""How OPA's error codes begin when the policy itself failed."""


class PolicyUnavailableError(Exception):
    """Nobody judged: OPA was not asked, or did not answer in time. Nothing may be called."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class PolicyInvalidError(Exception):
    """OPA gave an answer that cannot be trusted. It counts as a deny."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """A trusted answer."""

    decision: Decision
    decision_id: str
    """OPA's own id for its decision log; empty when it keeps none."""
    version: str = ""
    """OPA's own."""


def parse(status: int, body: bytes, proposed_digest: Digest | None) -> Answer:
    """Return the decision in OPA's answer.

    Args:
        status: HTTP status.
        body: The whole body.
        proposed_digest: What the decision must echo.

    Raises:
        PolicyUnavailableError: no policy judged.
        PolicyInvalidError: anything else that is not exactly a decision about these facts.
    """
    if 300 <= status < 400:
        raise PolicyInvalidError("host:redirect", f"OPA answered with a redirect ({status})")
    document = _document(status, body)
    if status != 200:
        _refuse(status, document)
    active = _revisions(document)
    if "warning" in document:
        raise PolicyInvalidError("host:bad_question", "OPA warns that it was asked wrongly")
    if "result" not in document:
        raise PolicyInvalidError("host:undefined", "the entry point of the policies is undefined")
    decision = trusted(document["result"], proposed_digest, active)
    decision_id = document.get("decision_id")
    return Answer(decision, decision_id if isinstance(decision_id, str) else "", _version(document))


def trusted(result: JSON, proposed_digest: Digest | None, active: str) -> Decision:
    """Return what OPA said as a decision.

    Args:
        result: What the entry point returned.
        proposed_digest: What the decision must echo.
        active: Revision of the bundle that was asked.

    Raises:
        PolicyInvalidError: it is not exactly a decision about these facts under that revision.
    """
    decision = _decision(result)
    if decision.proposed_digest != proposed_digest:
        raise PolicyInvalidError("host:digest_mismatch", "the decision is about another call")
    if decision.policy_revision != active:
        raise PolicyInvalidError(
            "host:revision_mismatch",
            f"decided under {decision.policy_revision!r}, but {active!r} is active",
        )
    return decision


def read_status(status: int, body: bytes) -> JSONObject:
    """Return what OPA's status says of itself.

    Raises:
        PolicyUnavailableError: it cannot say.
        PolicyInvalidError: that is no status.
    """
    document = _document(status, body)
    if status != 200:
        _refuse(status, document)
    result = document.get("result")
    return result if isinstance(result, dict) else {}


def _document(status: int, body: bytes) -> JSONObject:
    """Return the body as an object; of a 5xx from something that is not OPA, an empty one."""
    try:
        # As text: given bytes, the library would guess at UTF-16 and UTF-32 too.
        text = body.decode("utf-8")
        found: JSON = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if status >= 500:
            return {}
        raise PolicyInvalidError("host:bad_answer", f"OPA's answer is not JSON: {error}") from error
    if isinstance(found, dict):
        return found
    raise PolicyInvalidError("host:bad_answer", "OPA's answer is not an object")


def _refuse(status: int, document: JSONObject) -> NoReturn:
    """Tell a policy that failed, which fails again, from an OPA that could not judge."""
    codes = _codes(document)
    text = f"OPA answered {status} {', '.join(codes)}".rstrip()
    if any(code.startswith(_FAULTY_EVALUATION) for code in codes):
        why = "the policy contradicts itself, or a rule fails on such facts"
        raise PolicyInvalidError("host:evaluation_failed", f"{text}: {why}")
    if status in (401, 403):
        raise PolicyUnavailableError("host:unauthorized", f"{text}: it does not know our token")
    if status >= 500 or status == 429:
        raise PolicyUnavailableError("host:opa_unavailable", text)
    raise PolicyInvalidError("host:bad_question", f"{text}: it cannot read the facts")


def _codes(document: JSONObject) -> list[str]:
    errors = document.get("errors")
    found = [document.get("code")]
    found += (
        [e.get("code") for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    )
    return [code[:80] for code in found if isinstance(code, str)]


def _revisions(document: JSONObject) -> str:
    """Return the revision of the active policy bundle."""
    provenance = document.get("provenance")
    bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
    if not isinstance(bundles, dict) or not bundles:
        # A fresh OPA serves before its first bundle is active: nobody has judged yet.
        raise PolicyUnavailableError("host:no_bundle", "no policy bundle is active yet")
    # OPA's own access rules may be active first, and they judge nothing.
    judging = {name: bundle for name, bundle in bundles.items() if name != ACCESS_BUNDLE}
    only = next(iter(judging.values())) if len(judging) == 1 else None
    bundle = judging.get(BUNDLE, only)
    revision = bundle.get("revision") if isinstance(bundle, dict) else None
    if not isinstance(revision, str) or not revision:
        raise PolicyUnavailableError("host:no_bundle", f"no bundle {BUNDLE!r} with a revision")
    return revision


def _version(document: JSONObject) -> str:
    provenance = document.get("provenance")
    version = provenance.get("version") if isinstance(provenance, dict) else None
    return version if isinstance(version, str) else ""


def _decision(result: JSON) -> Decision:
    try:
        return Decision.model_validate(result, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise PolicyInvalidError(
            "host:bad_decision", f"the decision is malformed at /{place}: {first['msg']}"
        ) from error


def _unique(pairs: list[tuple[str, JSON]]) -> JSONObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
