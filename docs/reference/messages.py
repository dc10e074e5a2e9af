"""Writes `messages.md`: `python -m docs.reference.messages > docs/reference/messages.md`.

Names, descriptions, fields and codes are read from the code, so that the page cannot drift from it;
`tests/docs/test_messages.py` fails when the committed page is not what this module writes.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from docs.reference import runbooks
from docs.reference.codes import GROUPS, HOST, Entry
from remit.cli.errors import ExitCode
from remit.cli.stack import errors as stack_errors
from remit.client import errors as client_errors
from remit.plan import wire
from workers.fleet import SEARCH_ATTRIBUTES
from workflows.execute_plan import ExecutePlan
from workflows.messages import MESSAGES
from workflows.propose_plan import ProposePlan

ROOT = Path(__file__).parents[2]

STATUSES: Mapping[str, tuple[str, str]] = {
    "admitting": ("open", "the plan is being checked; nothing was called"),
    "running": ("open", "steps are done"),
    "awaiting_approval": ("open", "a gate waits for a person; other steps may go on"),
    "held": ("open", "an operator, or the deadline, holds it; nothing begins"),
    "in_doubt": ("open", "nobody can tell whether a call happened; a person must say"),
    "unwinding": ("open", "what happened is being undone"),
    "needs_repair": ("open", "an undo was refused or failed; a person must settle it"),
    "completed": ("Completed", "all went through"),
    "refused": ("Completed", "denied at admission or by policy, and undone"),
    "rejected": ("Completed", "a person said no at a gate, and it is undone"),
    "expired": ("Completed", "nobody answered a gate in time, and it is undone"),
    "rolled_back": ("Completed", "ordered back by an operator, at work or later, and undone"),
    "cancelled": ("Canceled", "cancelled, and undone; the result stands in the memo `RemitResult`"),
    "invalid": ("Failed", "not a plan; the failure of `remit.admit` holds all diagnostics"),
    "failed": ("Failed", "a step failed for good, and it is undone"),
    "proposing": ("open", "a planner is asked for a plan; nothing runs"),
    "proposed": ("Completed", "a planner proposed a plan that would be admitted; nothing runs"),
    "repaired": ("Completed", "a `RepairRun` undid what another run had left"),
}
"""`RemitStatus` to Temporal's close status and when it is."""

ATTRIBUTES: Mapping[str, str] = {
    "RemitPlan": "`name@version` of the plan",
    "RemitStatus": "the status above",
    "RemitAgent": "agent and version that proposed it",
    "RemitTenant": "tenant",
    "RemitOwner": "who looks after it",
    "RemitRisk": "risk level that policy gave the plan at admission",
    "RemitAwaits": "roles, or owners, for whom something waits; absent when nothing does",
}

FAILURES: Mapping[str, str] = {
    wire.DENIED: "Policy said no; certainly nothing was called.",
    wire.REFUSED: "Certainly no effect: a precondition, an argument, or the tool itself refused.",
    wire.FAILED: "It happened, but not as it must; it is undone.",
    wire.UNAVAILABLE: "OPA or the ledger could not be asked; nothing was called. "
    "Temporal tries again; no attempt of the step is used.",
    wire.AGAIN: "The outcome is unknown, or a lease still runs. Temporal tries again.",
    wire.INVALID: "Not a plan; all diagnostics are in the details.",
}

_HEAD = """\
# What a run says, and what may be said to it

*Generated from the code by `python -m docs.reference.messages`; a test holds it to the code.*
Codes of plans stand in [diagnostics.md](diagnostics.md). Each code and status links the runbook
that says what to do; something red in the web UI: [what it is](../runbooks/red-task.md).
"""

_MESSAGES = """\

## Messages

Each message is a signal and an update of one name, with one JSON object. A signal is taken and not
answered; what came of it stands in the run's details. An update waits and is answered, or fails
with the code and reason of the refusal. The run prints the complete command, digest included,
wherever it says that it waits: `remit run`, `remit explain`, the query `pending`, the web UI's
current details, the memo `RemitWaits`.

```sh
temporal workflow signal --workflow-id 'ID' --name approve \\
  --input '{"step":"order","digest":"sha256:…","by":"you@acme.example"}'
temporal workflow update execute --workflow-id 'ID' --name approve \\
  --input '{"step":"order","digest":"sha256:…","by":"you@acme.example"}'
```

Send it to the top-level workflow also when the step stands in a sub-plan; `step` is the path as
`pending` prints it (`onboard/crm[3]`). `by` is a claim: see the [trust model](../trust-model.md).
Messages that come before the plan is admitted are kept until it is.
"""

_RESULT = """\

## The result

Every run ends with one form: as its result when it is Completed, as the first detail of its
failure when it is Failed, in the memo `RemitResult` when it is Canceled.

| field | |
|---|---|
| `status` | one of the above |
| `code` | why it did not complete; empty when it did |
| `step` | path of the step at which it happened |
| `reason` | the same in words |
| `undone` | how many calls were undone |
| `residue` | what could not be: `{path, tool, code, reason, owner}` each |
| `diagnostics`, `diagnostics_total` | of an `invalid` run: findings, at most twenty; their number |
| `outputs` | when completed, and the plan has outputs: a small redacted view |
| `outputs_digest` | digest of the whole, under which the ledger holds it |
"""

_FAILURES = """\

## Failures of activities

A failed activity carries one form as its first detail: `{code, message, step, rule, revision,
decision_id, effect, next, command}`. `effect` says `none` (certainly nothing was called),
`happened` or `unknown`. Its type says what follows. A gate is no failure: the activity completes,
and says `status: gate`.
"""

_HOST = """\

## When policy could not be asked

No policy may emit these. *wait*: nobody judged; nothing is called, and the question is asked
again. *deny*: the answer cannot be trusted, so it counts as a deny.
"""

_POLICY = """\

## Codes of Remit's own policies

A project's policies add their own, in the same form: `domain.word`. Permits are left out.
Codes of a deny: [a call is denied](../runbooks/call-denied.md). `vote.…`: [a gate
waits](../runbooks/gate-waits.md). `order.…`: [a message is
refused](../runbooks/message-refused.md).
"""


def text() -> str:
    """Return the page."""
    parts: list[str] = [_HEAD, _MESSAGES, "\n"]
    parts += _table(("message", "takes"), (_message(name) for name in MESSAGES))
    parts += ["\n## Queries\n\n"]
    parts += _table(("query", ""), _queries())
    parts += [
        "\n## Statuses\n\n",
        "`RemitStatus`, in the search attribute, in results and queries.\n\n",
    ]
    rows = (
        (f"`{name}`", closed, when, _runbook(runbooks.STATUSES.get(name)))
        for name, (closed, when) in STATUSES.items()
    )
    parts += _table(("status", "Temporal's close status", "when", ""), rows)
    parts += [_RESULT, "\n## Search attributes and memo\n\n", *_attributes(), _FAILURES, "\n"]
    parts += _table(("type", ""), ((f"`{name}`", FAILURES[name]) for name in FAILURES))
    parts += ["\n## Codes\n"]
    for title, codes in GROUPS.items():
        parts += [f"\n### {title}\n\n", *_codes(title, codes)]
    parts += ["\n### The stack and its policies\n\n", *_enumerated(stack_errors, "StackCode")]
    parts += ["\n### The client\n\n", *_enumerated(client_errors, "ClientCode")]
    parts += [_HOST, "\n"]
    parts += _table(("code", "then", "meaning", ""), (_host(code, HOST[code]) for code in HOST))
    parts += [_POLICY, "\n", *_table(("code", "says", "policy"), policy_codes(ROOT / "policies"))]
    parts += ["\n## Exit codes of commands\n\n", *_exits()]
    return "".join(parts)


def policy_codes(folder: Path) -> list[Sequence[str]]:
    """Return code, message and file of every reason and gate in a folder's rules, by code."""
    call = re.compile(
        r'lib\.(reason|step_reason|gate)\(\s*"(?P<code>[a-z_.]+)",\s*(?P<rest>.*)$', re.MULTILINE
    )
    found: dict[str, Sequence[str]] = {}
    for file in sorted(folder.rglob("*.rego")):
        if file.name.endswith("_test.rego"):
            continue
        lines = file.read_text(encoding="utf-8")
        for match in call.finditer(lines):
            before = lines[lines.rfind("\n", 0, match.start()) + 1 : match.start()]
            if "permits" in before:
                continue
            says = re.findall(r'\$?"((?:[^"\\]|\\.)*)"', lines[match.start("rest") :][:400])
            message = next((each for each in says if " " in each), "")
            where = file.relative_to(folder).as_posix()
            code = match["code"]
            found.setdefault(code, (f"`{code}`", _plain(message), f"`{where}`"))
    return [found[code] for code in sorted(found)]


def _plain(message: str) -> str:
    return re.sub(r"\{[^}]*(\}|$)", "…", message)


def _message(name: str) -> Sequence[str]:
    described, _, form = MESSAGES[name].partition(": ")
    return f"`{name}`", f"{described}: `{_cell(form)}`"


def _queries() -> Iterator[Sequence[str]]:
    for _, member in (*inspect.getmembers(ExecutePlan), *inspect.getmembers(ProposePlan)):
        definition = getattr(member, "__temporal_query_definition", None)
        if definition is not None:
            yield f"`{definition.name}`", definition.description or ""


def _attributes() -> list[str]:
    rows = ((f"`{name}`", ATTRIBUTES[name]) for name in SEARCH_ATTRIBUTES)
    memo = (
        ("`RemitWaits`", "by step: for whom it waits, why, until when, and the command to type"),
        ("`RemitDocument`", "digest of what the run was started with, when the CLI started it"),
        ("`RemitResult`", "the result of a cancelled run"),
    )
    intro = "Readable with no worker alive, by `temporal workflow describe` and `list --query`.\n\n"
    lines = _table(("search attribute", ""), rows)
    return [intro, *lines, "\n", *_table(("memo", ""), memo)]


def _codes(title: str, codes: Mapping[str, Entry]) -> list[str]:
    rows = (
        (f"`{code}`", entry.meaning, entry.way_out, _runbook(runbooks.of(title, code)))
        for code, entry in codes.items()
    )
    return _table(("code", "meaning", "way out", ""), rows)


def _host(code: str, entry: Entry) -> Sequence[str]:
    runbook = _runbook(runbooks.of_host(code, waits=entry.way_out == "wait"))
    return f"`{code}`", entry.way_out, entry.meaning, runbook


def _runbook(name: str | None) -> str:
    return f"[{name.replace('-', ' ')}](../runbooks/{name}.md)" if name else ""


def _enumerated(module: ModuleType, name: str) -> list[str]:
    """Return a table of an enumeration's values and the docstrings under them."""
    (found,) = (
        node
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    rows = []
    for value, words in pairwise(found.body):
        match value, words:
            case (
                ast.Assign(value=ast.Constant(value=str() as code)),
                ast.Expr(value=ast.Constant(value=str() as told)),
            ):
                runbook = _runbook(runbooks.of_stack(code))
                rows.append((f"`{code}`", " ".join(told.split()), runbook))
    return _table(("code", "meaning", ""), rows)


def _exits() -> list[str]:
    words = {
        ExitCode.OK: "done, and nothing was found",
        ExitCode.FINDINGS: "something was found, or the run did not complete",
        ExitCode.USAGE: "the command line, a file or the project is not what the command takes",
        ExitCode.STACK: "a part of the stack is down or refused",
    }
    return _table(("code", ""), ((str(code.value), words[code]) for code in ExitCode))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |\n", "|" + "---|" * len(head) + "\n"]
    return [*lines, *(f"| {' | '.join(row)} |\n" for row in rows)]


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(text())
