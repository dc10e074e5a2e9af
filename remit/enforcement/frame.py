"""Where a governed call comes from: the worker's view of one activity attempt."""

from dataclasses import dataclass, field
from typing import Literal

from temporalio import activity
from temporalio.activity import Info

from remit.enforcement.beats import Beats


@dataclass(frozen=True, slots=True)
class Frame:
    """One activity attempt. The pipeline knows its caller by this alone."""

    workflow_id: str
    run_id: str
    workflow_type: str
    activity: str
    """Activity type as Temporal was asked for it."""
    attempt: int
    """Temporal's attempt; never part of a step key."""
    scheduled_ms: int
    owner: str
    """Name under which leases are held; unique per attempt."""
    role: str
    """Role of the worker."""
    beats: Beats = field(default_factory=Beats, compare=False)
    """Its heartbeats, and what they carry."""

    @classmethod
    def of(cls, info: Info, role: str) -> "Frame":
        """Return the frame of the running activity."""
        return cls(
            workflow_id=info.workflow_id or "",
            run_id=info.workflow_run_id or "",
            workflow_type=info.workflow_type or "",
            activity=info.activity_type,
            attempt=info.attempt,
            scheduled_ms=int(info.current_attempt_scheduled_time.timestamp() * 1000),
            owner=f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}",
            role=role,
            beats=Beats(activity.heartbeat, info.heartbeat_details, info.heartbeat_timeout),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """What the enforcement point knows of its surroundings."""

    environment: str = "dev"
    profile: Literal["light", "full"] = "light"
    region: str = ""
    allow_age_ms: int = 5000
    """An allow older than this is asked for again before it is used."""
