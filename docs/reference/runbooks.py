"""Which runbook a code or a status leads to.

A group of codes has one runbook; the codes that lead elsewhere are named. A test holds every code
of the reference to a page that is there.
"""

from collections.abc import Mapping

from docs.reference.codes import GROUPS

PLANS = "plan-refused"
HOST = "opa-down"
HOST_DENIES = "call-denied"
HOST_STOPS = "stopped"
POLICIES = "call-denied"
STACK = "command-fails"

_OF_GROUP: Mapping[str, str] = {
    "Starting and admission": "plan-refused",
    "Proposals": "plan-refused",
    "Steps": "step-failed",
    "How a run ends": "ended-from-outside",
    "Messages and votes": "message-refused",
    "Who said it": "not-proven",
    "The ledger": "red-task",
    "Calling tools": "step-failed",
    "Reading tool contracts and plans of a project": "project-not-read",
    "Importing tools": "command-fails",
    "Secrets": "step-failed",
    "Commands": "command-fails",
    "Evidence": "evidence-fails",
}

_CODES: Mapping[str, tuple[str, ...]] = {
    "command-fails": ("FAULT-POINTS-REFUSED",),
    "ended-from-outside": ("RUN-OPEN",),
    "forgetting": (
        "CONTENT-FORGOTTEN",
        "CONTENT-KEY",
        "FORGET-BUSY",
        "FORGET-OPEN",
        "FORGET-RETAINED",
        "ROLLBACK-FORGOTTEN",
    ),
    "evidence-fails": ("RECORD-UNREADABLE",),
    "gate-waits": (
        "EDIT-FORGOTTEN",
        "GATE-CHANGES-REQUESTED",
        "GATE-EXPIRED",
        "GATE-NOT-GRANTED",
        "GATE-REJECTED",
        "GRANT-USED",
        "STEP-TOO-MANY-GATES",
        "VOTE-CLAIMED",
        "VOTE-DELEGATED",
        "VOTE-DIGEST",
        "VOTE-EDIT-INVALID",
        "VOTE-EDIT-SAME",
        "VOTE-LATE",
        "VOTE-MALFORMED",
        "VOTE-NO-DIGEST",
        "VOTE-NO-GATE",
        "VOTE-NOT-HELD",
        "VOTE-OUTPUT-INVALID",
        "VOTE-QUORUM",
        "VOTE-REPEATED",
        "VOTE-TOGETHER",
        "VOTE-UNDO",
    ),
    "in-doubt": (
        "NOT-IN-DOUBT",
        "PROBE-ABSENT",
        "PROBE-ARGUMENTS",
        "PROBE-DENIED",
        "PROBE-FAILED",
        "STEP-IN-DOUBT",
        "TOOL-CANCELLED",
        "TOOL-CONNECTION",
        "TOOL-RAISED",
        "TOOL-STATUS",
        "TOOL-TIMEOUT",
    ),
    "ledger-down": (
        "CHAIN-ABSENT",
        "CONTENT-ABSENT",
        "CONTENT-ALTERED",
        "CONTENT-DIFFERS",
        "LEDGER-BROKEN-RULE",
        "LEDGER-UNAVAILABLE",
    ),
    "log-refused": ("LOG-BROKEN", "LOG-OTHER-KEY"),
    "message-refused": ("ROLLBACK-ID", "ROLLBACK-NOT-COMPLETED", "RUN-ENDED"),
    "stopped": ("CALL-STOPPED", "STOP-BUSY", "STOP-UNKNOWN"),
    "needs-repair": (
        "REPAIR-DONE",
        "REPAIR-RETRY",
        "REPAIR-UNKNOWN",
        "STEP-NOT-DONE",
        "UNDO-FAILED",
        "UNDO-HANDED-OVER",
        "UNDO-IRREVERSIBLE",
        "UNDO-NO-ARGUMENTS",
        "UNDO-NOT-DONE",
    ),
    "plan-refused": ("RUN-ABSENT",),
    "project-not-read": ("TOOL-FUNCTION",),
    "red-task": ("PART-UNKNOWN", "PLAN-STUCK", "REMIT-BUG", "RUN-FAILED", "STEP-UNKNOWN"),
    "restore": (
        "BACKUP-ALTERED",
        "BACKUP-FAILED",
        "BACKUP-FOLDER",
        "BACKUP-FORMAT",
        "BACKUP-NOTHING",
        "RESTORE-RUNNING",
    ),
    "run-held": ("RUN-DEADLINE", "RUN-PAST-DEADLINE"),
    "step-failed": ("STEP-EXHAUSTED",),
    "stuck-upgrade": (
        "LEDGER-TOO-NEW",
        "MACHINE-NOT-IDLE",
        "MACHINE-SNAPSHOT",
        "MACHINE-UNKNOWN-ENGINE",
        "RUN-RESULT",
    ),
}
_ELSEWHERE = {code: name for name, codes in _CODES.items() for code in codes}

STATUSES: Mapping[str, str] = {
    "awaiting_approval": "gate-waits",
    "held": "run-held",
    "in_doubt": "in-doubt",
    "unwinding": "step-failed",
    "needs_repair": "needs-repair",
    "refused": "call-denied",
    "rejected": "gate-waits",
    "expired": "gate-waits",
    "invalid": "plan-refused",
    "failed": "step-failed",
    "repaired": "ended-from-outside",
}


def of(group: str, code: str) -> str:
    """Return the name of the runbook for a code of a group."""
    if group == "Starting and admission" and code.startswith("AMEND-"):
        return "message-refused"
    return _ELSEWHERE.get(code, _OF_GROUP[group])


def of_host(code: str, *, waits: bool) -> str:
    """Return the name of the runbook for a code of the enforcement point."""
    if code == "host:stopped":
        return HOST_STOPS
    return HOST if waits else HOST_DENIES


def of_stack(code: str) -> str:
    """Return the name of the runbook for a code of the stack or of the client."""
    if code.startswith("POLICY-"):
        return "policies-not-active"
    return "project-not-read" if code.startswith("PROJECT-") else STACK


def unknown() -> set[str]:
    """Return codes that are sent somewhere and stand in no group."""
    return set(_ELSEWHERE) - {code for group in GROUPS.values() for code in group}
