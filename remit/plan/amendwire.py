"""What travels between a workflow and `remit.amend`; the same rules as for `remit.plan.wire`."""

from remit.canonical import Digest
from remit.plan.deskwire import Answered, Message
from remit.plan.wire import Admitted, Model


class Amend(Model):
    """Input of `remit.amend`: somebody proposes to change the plan of a run at work."""

    root: str
    compiled: Digest
    """The plan that the workflow follows."""
    message: Message
    against: dict[str, str]
    """What the workflow knows against it, step id to status in words: steps named that have begun,
    and steps needed of which nothing comes any more."""


class Amended(Model):
    """What became of a proposal."""

    answer: Answered
    admitted: Admitted | None = None
    """The amended plan, once it is in force; `None` when nothing was changed."""
