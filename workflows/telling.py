"""Writes the web UI's current details when somebody asks for them, not whenever something changes.

They are the answer of a query and stand in no history, so a run that nobody watches need not write
them at all.
"""

from typing import Any

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.worker import HandleQueryInput, WorkflowInboundInterceptor

with workflow.unsafe.imports_passed_through():
    from workflows.governed import Governed


class DetailsWhenAsked(WorkflowInboundInterceptor):
    """Puts a governed workflow's details into the metadata that the web UI asks for."""

    async def handle_query(self, input: HandleQueryInput) -> Any:
        """Answer a query."""
        answer = await super().handle_query(input)
        run = workflow.instance()
        if isinstance(answer, WorkflowMetadata) and isinstance(run, Governed):
            answer.current_details = run.details()
        return answer
