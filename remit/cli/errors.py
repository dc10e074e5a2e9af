"""What a command says when it cannot do what was asked: a stable code, a way out, an exit code.

    CliError       anything that ends a command early

Kept free of heavy imports: whoever only types a wrong option waits for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum


class ExitCode(IntEnum):
    """What every command returns to the shell."""

    OK = 0
    """Done, and nothing was found."""
    FINDINGS = 1
    """The run did not complete, or something was found."""
    USAGE = 2
    """The command line, a file or the project is not what the command takes."""
    STACK = 3
    """Temporal, OPA or another part of the stack is down or refused."""


EXIT_CODES = (
    "Exit codes: 0 ok; 1 findings, or the run did not complete; 2 wrong usage; "
    "3 the stack is down or refused."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, as the command line shows it."""

    code: str
    message: str
    hint: str = ""
    path: str = ""
    """JSON pointer, or `file#pointer`."""
    repair: Mapping[str, object] = field(default_factory=dict)
    """The hint as a program reads it: `found`, `did_you_mean`, `allowed`, `expected`, if any."""


class CliError(Exception):
    """A command ends here."""

    def __init__(self, findings: Sequence[Finding], exit_code: ExitCode) -> None:
        self.findings = tuple(findings)
        self.exit_code = exit_code
        super().__init__("; ".join(f"{f.code}: {f.message}" for f in self.findings))


def from_library(error: Exception) -> CliError | None:
    """Return what a coded error of Remit's own libraries means to the shell, else `None`.

    They carry `diagnostic` or `diagnostics`; asking for those spares importing their modules here.
    """
    many = getattr(error, "diagnostics", None)
    found = many if isinstance(many, tuple) else (getattr(error, "diagnostic", None),)
    findings = [finding_of(each) for each in found if each is not None]
    if not findings:
        return None
    if isinstance(many, tuple):
        return CliError(findings, ExitCode.FINDINGS)
    return CliError(findings, _exit_code(findings[0].code))


_REPAIR = ("found", "did_you_mean", "allowed", "expected")


def finding_of(diagnostic: object) -> Finding:
    """Return a diagnostic as the command line shows it."""
    code, message, hint, path = (
        str(getattr(diagnostic, name)) for name in ("code", "message", "hint", "path")
    )
    repair = {name: getattr(diagnostic, name, None) for name in _REPAIR}
    return Finding(code, message, hint, path, {name: v for name, v in repair.items() if v})


_USAGE_CODES = ("STACK-UNKNOWN-COMPONENT", "RUN-UNKNOWN", "RUN-NOT-OURS")


def _exit_code(code: str) -> ExitCode:
    if code.startswith("PROJECT-") or code in _USAGE_CODES:
        return ExitCode.USAGE
    return ExitCode.FINDINGS if code.startswith("POLICY-") else ExitCode.STACK


def usage(code: str, message: str, hint: str = "") -> CliError:
    """Return the error for something that was typed wrongly."""
    return CliError([Finding(code, message, hint)], ExitCode.USAGE)


def stack(code: str, message: str, hint: str = "") -> CliError:
    """Return the error for a part of the stack that does not answer."""
    return CliError([Finding(code, message, hint)], ExitCode.STACK)
