"""Amending a running plan, seen from its workflow: hold back, ask, then follow or let go.

While `remit.amend` decides, the steps that the proposal names do not begin and the run does not
complete, so nothing that is asked about changes meanwhile. Everything else goes on.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from remit.plan import deskwire, wire
    from remit.plan.amendment import read_proposal
    from remit.plan.amendwire import Amend, Amended
    from workflows.answers import failure_of
    from workflows.driver import Driver
    from workflows.options import system_options
    from workflows.scope import Scope


async def propose(driver: Driver, scope: Scope, message: deskwire.Message) -> Amended:
    """Return what became of a proposal; when it was taken, `driver` follows it already."""
    proposal = read_proposal(message.payload)
    against: dict[str, str] = {}
    if not isinstance(proposal, tuple):
        against = driver.freeze(proposal.named, proposal.needed)
    ask = Amend(root=scope.root, compiled=scope.compiled, message=message, against=against)
    try:
        amended: Amended = await workflow.execute_activity(
            wire.AMEND, ask, result_type=Amended, summary="amend the plan", **system_options()
        )
    except ActivityError as error:
        failure = failure_of(error)
        answer = deskwire.Answered(taken=False, code=failure.code, reason=failure.message)
        amended = Amended(answer=answer)
    if amended.admitted is None:
        driver.thaw()
    else:
        driver.amend(amended.admitted.schedule)
    return amended
