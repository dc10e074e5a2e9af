"""The sandbox that workflows run in, without work for contexts that nobody reads.

For every payload of every workflow task the SDK asks the workflow's instance which serialization
context it stands in, three times on its way in and four times out. The sandbox answers each by
compiling and running a piece of code behind its import hooks, on the event loop that also makes
the tool calls. A data converter that takes no context throws the answers away, and ours takes none.

What the sandbox restricts, and how workflows are activated in it, is the SDK's own, unchanged.
"""

from typing import TYPE_CHECKING

from temporalio.converter import (
    DataConverter,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


def takes_context(converter: DataConverter) -> bool:
    """Return whether any part of `converter` does something else in another context."""
    probe = WorkflowSerializationContext(namespace="probe", workflow_id="probe")
    return converter.external_storage is not None or converter.with_context(probe) is not converter


class ContextFreeSandbox(SandboxedWorkflowRunner):
    """The SDK's sandbox, for data converters that take no context."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a sandboxed workflow."""
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    """A sandboxed workflow that is not asked for contexts."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: "WorkflowActivation") -> "WorkflowActivationCompletion":
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
