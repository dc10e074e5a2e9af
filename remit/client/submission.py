"""Handing a plan over: `submit` starts it once, however often it is called.

The workflow id is made of what is started, and Temporal refuses a second start of it, running or
finished. So a repeated start, by a person, a retrying agent or a broken connection, finds the same
run and adds no effect. What it never does: judge the plan, or set timeouts and retries (a run's
deadline is the plan's).
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from remit.canonical import JSON, Digest, JSONObject, NotCanonicalError, digest, digest_bytes
from remit.client.errors import from_rpc

WORKFLOW = "ExecutePlan"
"""Workflow type that runs plans."""
DOCUMENT = "RemitDocument"
"""Memo that holds the digest of what a run was started with."""

START_S = timedelta(seconds=10)
"""How long the server may take to begin a workflow."""
_SUMMARY = 180
_SURPRISE = re.compile(r"[^A-Za-z0-9._@-]")


@dataclass(frozen=True, slots=True)
class Handle:
    """A run that was handed over, now or before."""

    workflow: WorkflowHandle[object, JSONObject]
    """Of the whole chain of runs, however often it continues as new."""
    is_new: bool
    """Whether this very submission started it."""

    @property
    def id(self) -> str:
        """Workflow id."""
        return self.workflow.id


@dataclass(frozen=True, slots=True)
class Looks:
    """How the run introduces itself in the web UI, before any worker has seen it."""

    summary: str
    """One line."""
    details: str
    """Markdown."""


def workflow_id_of(document: JSON) -> str:
    """Return the id under which `document` starts: the same for the same document, for ever.

    `remit/<tenant>/<name>@<version>/<16 hexadecimal digits of the document's digest>`; a reference
    to the catalogue states no tenant and has `-` there, and what is no plan is called `invalid`.
    """
    named = digest_of(document).removeprefix("sha256:")[:16]
    match document:
        case {"tenant": str(tenant), "name": str(name), "version": str(version)}:
            return f"remit/{_part(tenant)}/{_part(name)}@{_part(version)}/{named}"
        case {"plan": str(ref)}:
            return f"remit/-/{_part(ref)}/{named}"
    return f"remit/-/invalid/{named}"


def digest_of(document: JSON) -> Digest:
    """Return the digest of `document`, also when it has no canonical form."""
    try:
        return digest(document)
    except (NotCanonicalError, UnicodeEncodeError):
        return digest_bytes(repr(document).encode("utf-8", "backslashreplace"))


async def submit(
    client: Client,
    document: JSON,
    *,
    workflow_id: str | None = None,
    queue: str = "remit",
    looks: Looks | None = None,
    submission: JSONObject | None = None,
) -> Handle:
    """Start `document`, or find the run that an earlier start made.

    Args:
        client: with the converter of `connect`.
        document: a plan, or `{"plan": "name@version", "inputs": {…}}`.
        workflow_id: in place of the one that follows from the document.
        queue: task queue of the workers that run plans.
        looks: texts for the web UI; made of the document's head without them.
        submission: `{"token": …}`, the proof of who starts it; see `remit.client.signing`.

    Raises:
        ClientError: the server is away, or refuses.
    """
    chosen = workflow_id or workflow_id_of(document)
    seen = looks or looks_of(document)
    try:
        handle = await client.start_workflow(
            WORKFLOW,
            args=[document] if submission is None else [document, submission],
            id=chosen,
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={DOCUMENT: digest_of(document)},
            static_summary=seen.summary[:_SUMMARY],
            static_details=seen.details,
            rpc_timeout=START_S,
        )
    except WorkflowAlreadyStartedError:
        return handle_of(client, chosen)
    except RPCError as error:
        raise from_rpc(error, f"run {chosen!r}") from error
    return Handle(client.get_workflow_handle(handle.id, result_type=dict), is_new=True)


def handle_of(client: Client, workflow_id: str) -> Handle:
    """Return the handle of a run that was started before, by whatever means."""
    return Handle(client.get_workflow_handle(workflow_id, result_type=dict), is_new=False)


def looks_of(document: JSON) -> Looks:
    """Return what the head of `document` says, as far as it has one."""
    match document:
        case {"name": str(name), "version": str(version), "goal": str(goal)}:
            head = f"{name} {version}: {' '.join(goal.split())}"
            return Looks(head, f"# {_part(name)} {_part(version)}\n\n{goal[:1000]}")
        case {"plan": str(ref)}:
            return Looks(f"{ref} of the catalogue", f"`{_part(ref)}` of the catalogue")
    return Looks("something that may not be a plan", "")


def _part(text: str) -> str:
    """Return a document's own text as a part of an id: short, and without surprises."""
    return _SURPRISE.sub("_", text)[:80] or "_"
