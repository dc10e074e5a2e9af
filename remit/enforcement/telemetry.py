"""What the enforcement point says of its work: log fields, spans, counters. Never arguments.

Metrics have bounded labels; ids stand in logs and traces alone.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram
from structlog.contextvars import bound_contextvars
from temporalio.exceptions import ApplicationError

from remit.enforcement.frame import Frame

_log = structlog.get_logger("remit.enforcement")
_tracer = trace.get_tracer("remit.enforcement")

CALLS = Counter("remit_governed_calls_total", "Governed activities", ["activity", "ended"])
SECONDS = Histogram(
    "remit_governed_seconds",
    "How long a governed activity took, in seconds",
    ["activity"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
DECISIONS = Counter("remit_decisions_total", "Policy decisions", ["kind", "effect"])
VIOLATIONS = Counter(
    "remit_policy_violations_total", "Reasons of denials, by what was judged", ["kind", "code"]
)
ESCALATIONS = Counter("remit_escalations_total", "Gates that asked a person, by role", ["role"])
DECISION_SECONDS = Histogram(
    "remit_decision_seconds",
    "How long the enforcement point waited for OPA, in seconds",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1),
)
RETRIES = Counter("remit_retries_total", "Calls that are made again, by reason", ["code"])
TOOL_RUNNING = Gauge("remit_tool_running", "Calls of a tool that this worker makes now", ["tool"])
CROWDED = Counter(
    "remit_tool_crowded_total", "Calls handed back because their tool held its share", ["tool"]
)
LIMITED = Counter(
    "remit_limited_total", "Calls that waited for a bound of the fleet, by why", ["tool", "code"]
)
BREAKER_STATE = Gauge(
    "remit_breaker_state", "A service's breaker: 0 closed, 1 tried by one call, 2 open", ["service"]
)
BREAKERS_OPENED = Counter(
    "remit_breaker_opened_total", "How often this worker saw a breaker open", ["service"]
)
READ_BACKS = Counter(
    "remit_read_backs_total", "Read-backs of calls, by what they showed", ["tool", "outcome"]
)
DATA_BOUNDS = Counter(
    "remit_data_bounds_total",
    "Answers held to their contract's bounds of quality, by what came of it",
    ["tool", "outcome"],
)
DATA_READS = Counter(
    "remit_data_reads_total",
    "Values that a further detector was to read, by what came of it",
    ["outcome"],
)
DATA_AGE = Gauge("remit_data_age_seconds", "How old the newest answer says that it is", ["tool"])
MODEL_SECONDS = Histogram(
    "remit_model_seconds",
    "How long an endpoint of a model took over one request, in seconds, by its tier",
    ["tier"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120),
)
MODEL_PASSED_OVER = Counter(
    "remit_model_passed_over_total", "Endpoints that did not give an answer, by why", ["reason"]
)
MODEL_KEPT = Counter(
    "remit_model_kept_total",
    "Questions whose answers may be kept, by whether one was",
    ["tool", "outcome"],
)
POLICY_SERIAL = Gauge("remit_policy_serial", "Release that OPA decides with; 0 for none")
POLICY_NEWEST = Gauge("remit_policy_newest_serial", "Newest release in the ledger")
POLICY_AGE = Gauge("remit_policy_age_seconds", "Since OPA last heard from whoever serves policies")
POLICY_BEHIND = Gauge("remit_policy_behind_seconds", "Since OPA is behind the newest release")
POLICY_ERROR = Gauge("remit_policy_bundle_error", "1 while OPA cannot take what it is served")
POLICY_REFUSED = Counter(
    "remit_policy_refused_total", "Questions without a usable decision, by reason", ["code"]
)
SHADOW_ON = Gauge("remit_shadow_on", "1 while a candidate is asked beside the deciding policies")
SHADOW_DECISIONS = Counter(
    "remit_shadow_decisions_total",
    "Decisions offered to a candidate, by what came of it",
    ["outcome"],
)
SHADOW_SECONDS = Histogram(
    "remit_shadow_seconds",
    "How long a candidate took to answer, in seconds; no call waits for it",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1),
)
SHADOW_WAITING = Gauge("remit_shadow_waiting", "Decisions that wait to be put to a candidate")
CANARY_ON = Gauge("remit_canary_on", "Share of the new runs that a candidate decides, in percent")
CANARY_DECISIONS = Counter(
    "remit_canary_decisions_total",
    "Decisions while a canary is on, by side and by what came of them",
    ["side", "outcome"],
)
CANARY_SECONDS = Histogram(
    "remit_canary_seconds",
    "How long OPA was waited for while a canary is on, in seconds, by side",
    ["side"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1),
)
CANARY_RETURNS = Counter(
    "remit_canary_returns_total", "Canaries that this worker ended by itself, by reason", ["why"]
)
GATES = Counter("remit_gates_total", "Gates by what became of them", ["state"])
GATE_SECONDS = Histogram(
    "remit_gate_seconds",
    "From a gate's opening to the vote that ended it, in seconds, by role",
    ["role"],
    buckets=(1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400),
)
GRANT_SECONDS = Histogram(
    "remit_grant_seconds",
    "From the vote that let a call pass to its intent, in seconds",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)


@contextmanager
def observed(frame: Frame, root: str, path: str) -> Iterator[None]:
    """Log, trace and count one governed activity."""
    begun = time.perf_counter()
    ended = "done"
    with (
        _tracer.start_as_current_span(f"remit {frame.activity}") as span,
        bound_contextvars(
            run=root,
            step=path,
            workflow=frame.workflow_id,
            activity=frame.activity,
            attempt=frame.attempt,
            trace=f"{span.get_span_context().trace_id:032x}",
        ),
    ):
        span.set_attributes({"remit.run": root, "remit.step": path})
        try:
            yield
        except ApplicationError as error:
            ended = error.type or "error"
            if error.next_retry_delay is not None:
                RETRIES.labels(ended).inc()
            _log.warning("not done", error=ended, message=str(error)[:500])
            raise
        except BaseException as error:
            ended = type(error).__name__
            _log.exception("failed", error=ended)
            raise
        finally:
            took = time.perf_counter() - begun
            CALLS.labels(frame.activity, ended).inc()
            SECONDS.labels(frame.activity).observe(took)
            if ended == "done":
                _log.debug("done", ms=round(took * 1000, 2))
