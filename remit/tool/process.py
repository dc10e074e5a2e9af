"""Tools of kind `process`: a decorated function, each call in a process of its own, with bounds.

    @tool(domain="docs", operation="read", idempotency="natural", owner="team:docs",
          version="1.0.0", timeout_s=20, process={"memory_mib": 256, "cpu_s": 10})
    def words(text: str) -> int:
        '''Count the words of a text.'''

Signature, schemas, step key and `Progress` are those of kind `python`. The process begins in an
empty folder, which is removed behind it, with no environment but what the contract names. It is no
sandbox: it runs as the worker's user, and reaches the network and files as that user does.
"""

from typing import Annotated, Literal

from pydantic import Field

from remit.tool.environment import Environment
from remit.tool.model import Model

FunctionAddress = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""`module:function`."""


class ProcessKind(Model):
    """A function that is called in a process of its own."""

    kind: Literal["process"] = "process"
    function: FunctionAddress
    environment: Environment = {}
    """Variable to a secret reference, read for each call and set right before it. Nothing of the
    worker's environment is there unless it is named: `PATH: env:PATH`."""
    cpu_s: Annotated[int, Field(ge=1, le=86400)] = 10
    """Seconds of processor time, of the function and all that it started together."""
    memory_mib: Annotated[int, Field(ge=64, le=1024 * 1024)] = 512
    """Address space of each process, and memory of all of them together."""
    processes: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many processes there may be at once, the function's own among them."""
    descriptors: Annotated[int, Field(ge=16, le=65536)] = 64
    """How many files and connections one process may have open."""
    file_mib: Annotated[int, Field(ge=0, le=1024 * 1024)] = 64
    """Largest file that may be written."""
    max_bytes: Annotated[int, Field(ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """Largest output, as JSON; a larger one is a failure with effect."""
    printed: Literal["dropped", "logged"] = "dropped"
    """What becomes of what it prints: the last lines, masked, may go to the worker's log."""
