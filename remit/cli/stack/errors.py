"""What the stack says when it cannot go on: one error type with a stable code and a way out.

    StackError
    └── PolicyError    the policy sources cannot become a bundle; the last good one stays

Every message names the thing; every hint is something to type or to change.
"""

from enum import StrEnum

from remit.diagnostic import Diagnostic


class StackCode(StrEnum):
    """Every code that this package gives."""

    BINARY_MISSING = "STACK-BINARY-MISSING"
    """No usable `temporal` or `opa`, and none could be installed."""
    LOCKED = "STACK-LOCKED"
    """Another `remit` works on the same folder for longer than we wait."""
    NO_PORT = "STACK-NO-PORT"
    """The machine gave no free loopback port."""
    START_FAILED = "STACK-START-FAILED"
    """A component ended, or was not healthy in time; its last log lines are in the message."""
    PORT_TAKEN = "STACK-PORT-TAKEN"
    """Somebody else got a component's port between our choice and its start."""
    STOP_FAILED = "STACK-STOP-FAILED"
    """A component outlived SIGKILL."""
    PROFILE = "STACK-PROFILE"
    """The project's stack has another profile, or other databases, than the ones asked for."""
    POSTGRES_MISSING = "STACK-POSTGRES-MISSING"
    """The profile `full` needs PostgreSQL's programs, and the system has none."""
    UNKNOWN_COMPONENT = "STACK-UNKNOWN-COMPONENT"
    """A component was named that this stack does not have."""
    NOT_RUNNING = "STACK-NOT-RUNNING"
    """The stack of this project has not been started."""
    PROJECT_MISSING = "PROJECT-MISSING"
    """The folder has no `remit.toml`."""
    PROJECT_INVALID = "PROJECT-INVALID"
    """`remit.toml` is not what the reference describes."""
    POLICY_UNREADABLE = "POLICY-UNREADABLE"
    """A policy file or data document cannot be read or parsed."""
    POLICY_TOO_LARGE = "POLICY-TOO-LARGE"
    """The policy folders hold more files or bytes than a bundle may."""
    POLICY_DATA_INVALID = "POLICY-DATA-INVALID"
    """The data documents together are not what policies read."""
    POLICY_DATA_CONFLICT = "POLICY-DATA-CONFLICT"
    """Two data documents give one path different values."""
    POLICY_OUTSIDE_ROOT = "POLICY-OUTSIDE-ROOT"
    """A data document defines what is not its to define."""
    POLICY_PACKAGE = "POLICY-PACKAGE"
    """A project's rules stand elsewhere than in a topic of a domain."""
    POLICY_CORE_PACKAGE = "POLICY-CORE-PACKAGE"
    """A project adds rules to a package that Remit's own policies define."""
    POLICY_REGO_VERSION = "POLICY-REGO-VERSION"
    """A project's rule file does not `import rego.v2`, so that `not` would mean something else."""
    POLICY_UNREAD_RULE = "POLICY-UNREAD-RULE"
    """A project's rule has a name that nobody reads: most likely misspelt."""
    POLICY_CHECK_FAILED = "POLICY-CHECK-FAILED"
    """`opa check --strict` or `opa build` refused the policies."""
    POLICY_CONFLICT = "POLICY-CONFLICT"
    """A code means two things: of two packages, for and against, or asking two roles."""
    POLICY_OWNER = "POLICY-OWNER"
    """A rule file has no owner, or another one than the project's `OWNERS` names for it."""
    POLICY_TEST_FAILED = "POLICY-TEST-FAILED"
    """A test of the project's policies does not hold; `remit policy check` alone says so."""
    POLICY_FORMAT = "POLICY-FORMAT"
    """A rule file is not written as `opa fmt` writes it; `remit policy check` alone says so."""
    POLICY_KEY = "POLICY-KEY"
    """A file is no key that bundles can be signed or verified with."""


class StackError(Exception):
    """The stack cannot do what was asked; `diagnostic` says why and what to do."""

    def __init__(self, code: StackCode, message: str, *, hint: str, path: str = "") -> None:
        self.diagnostic = Diagnostic(code=code.value, path=path, message=message, hint=hint)
        super().__init__(f"{code.value}: {message}\n  {hint}")


class PolicyError(StackError):
    """The policy sources, as they are now, cannot become a bundle."""
