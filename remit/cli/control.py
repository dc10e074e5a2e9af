"""`remit up`, `down`, `status`, `env`: the stack from the command line.

What happens to processes is `remit.cli.stack`'s; here it is told. Progress goes to stderr.
"""

import shlex
from pathlib import Path

from remit.cli.errors import ExitCode
from remit.cli.output import Document, answer, note
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.components import core_policies
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.outline import CONSOLE
from remit.cli.stack.profile import LACKS
from remit.cli.stack.state import Profile
from remit.cli.stack.status import ComponentStatus, StackStatus, environment_line


def up(project: Path | None, profile: Profile | None, *, as_json: bool) -> int:
    """Bring the stack up and print how it is."""
    told = stack.up(find_project(project), note, profile=profile)
    if told.profile == "full":
        note(LACKS)
    answer(_document(told), _lines(told), as_json=as_json)
    return ExitCode.OK


def down(project: Path | None, *, as_json: bool) -> int:
    """Stop the stack and print how it is."""
    told = stack.down(find_project(project), note)
    answer(_document(told), [f"{told.project}: {told.condition}"], as_json=as_json)
    return ExitCode.OK


def status(project: Path | None, *, as_json: bool) -> int:
    """Print how the stack is."""
    told = stack.status(find_project(project))
    answer(_document(told), _lines(told), as_json=as_json)
    return ExitCode.OK if told.condition == "running" else ExitCode.STACK


def env(project: Path | None, *, as_json: bool) -> int:
    """Print the shell line that points the same `temporal` and `opa` at this stack."""
    environment = stack.environment(find_project(project))
    line = shell_line(environment)
    document = {
        "ok": True,
        "line": line,
        "variables": environment.variables(),
        "policies": str(core_policies()),
    }
    answer(document, [line], as_json=as_json)
    return ExitCode.OK


def shell_line(environment: StackEnvironment) -> str:
    """Return the line to type; it also names Remit's own policies, which `opa test` needs."""
    policies = shlex.quote(str(core_policies()))
    return f"{environment_line(environment)} REMIT_POLICIES={policies}"


def _document(told: StackStatus) -> Document:
    return {"ok": told.condition == "running", **told.model_dump(mode="json")}


def _lines(told: StackStatus) -> list[str]:
    lines = [f"{told.project}: {told.condition}, profile {told.profile}"]
    width = max((len(part.name) for part in told.components), default=0)
    lines += [f"  {part.name:<{width}}  {_part(part)}" for part in told.components]
    lines += _policy_lines(told)
    if told.web_ui:
        lines.append(f"web UI   {told.web_ui}")
    lines += [
        f"console  http://{part.address}/" for part in told.components if part.name == CONSOLE
    ]
    if told.environment_line:
        lines.append('shell    eval "$(remit env)"')
    return lines


def _part(part: ComponentStatus) -> str:
    if part.condition == "healthy":
        return f"healthy    {part.address or 'pid ' + str(part.pid)}"
    where = f"; see {part.log}" if part.log else ""
    return f"{part.condition:<9}  {part.detail}{where}".rstrip()


def _policy_lines(told: StackStatus) -> list[str]:
    lines = []
    policy, published = told.policy, told.policy.published
    if policy.active_revision:
        lines.append(f"policies {policy.active_revision}")
        age = "never" if policy.age_s is None else f"{policy.age_s:.0f} s ago"
        place = f"release {published.serial}"
        if policy.active_revision != published.revision:
            place = f"behind {place} for {policy.behind_s:.0f} s"
        lines.append(f"  {place}; OPA's last contact: {age}")
    if policy.refused and policy.active_revision:
        lines.append(f"  OPA does not take what it is served: {policy.refused}")
    broken = published.error
    if broken is not None:
        lines.append(f"  the last edit is not active: {broken.code}: {broken.message}")
        lines.append(f"    → {broken.hint}")
    return lines
