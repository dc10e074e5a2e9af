"""The plan compiler: any JSON in, a compiled plan or diagnostics out (design.md §4).

It decides everything that needs no policy and no run: shape, graph, references, types, sagas, the
author's own bounds. It never raises for bad input, reports all it finds at once, reads no clock and
no file, and gives the same bytes for the same plan and catalogue in every process.
"""

from dataclasses import dataclass, field

from remit.canonical import JSON, Digest, JSONObject, digest_bytes
from remit.diagnostic import Diagnostic
from remit.plan.compiled import CompiledPlan, Limits
from remit.plan.findings import Findings
from remit.plan.library import Library
from remit.plan.plain import check_plain
from remit.plan.reading import read_plan, resolve_reference
from remit.plan.subplans import Subplans
from remit.plan.toolbox import Toolbox, ToolSource
from remit.tool.contract import ToolContract


@dataclass(frozen=True, slots=True)
class Compilation:
    """What became of a document."""

    compiled: CompiledPlan | None
    """The compiled plan; `None` when there are diagnostics."""
    document: JSONObject
    """The plan, after resolving a reference to the catalogue; empty when it is no object."""
    diagnostics: tuple[Diagnostic, ...]
    """Every error, by place."""
    warnings: tuple[Diagnostic, ...] = ()
    """What is allowed but worth a look."""
    digest: Digest = ""
    """Digest of `compiled`, worked out once; empty without one."""
    parts: dict[Digest, CompiledPlan] = field(default_factory=dict)
    """Every compiled sub-plan, nested ones too."""
    contracts: dict[Digest, ToolContract] = field(default_factory=dict)
    """Every tool contract that the plan and its sub-plans pin."""


def compile_plan(
    document: JSON,
    tools: ToolSource,
    library: Library,
    *,
    limits: Limits | None = None,
    queue: str | None = None,
    as_part: bool = False,
) -> Compilation:
    """Check `document` and compile it.

    Args:
        document: Any JSON: a plan, or `{"plan": "name@version", "inputs": {…}}`.
        tools: The catalogue that tools are looked up in.
        library: The plans that references and sub-plan steps are looked up in.
        limits: Bounds that are pinned in the compiled plan.
        queue: Task queue of tools whose contract names none; `None` for the run's own.
        as_part: Compile it as a sub-plan would be: its inputs are examples, and the caller's count.
    """
    findings = Findings()
    text = check_plain(document, findings)
    if findings.is_empty:
        given, document = document, resolve_reference(document, library, findings)
        text = text if document is given else check_plain(document, findings)
    shown = document if isinstance(document, dict) else {}
    plan = read_plan(document, findings) if findings.is_empty else None
    if plan is None:
        return Compilation(None, shown, findings.errors)
    subplans = Subplans(library, Toolbox(tools, limits or Limits(), queue))
    part = subplans.compile(plan, digest_bytes(text), findings, as_part=as_part)
    if part is None:
        return Compilation(None, shown, findings.errors, findings.warnings)
    return Compilation(
        compiled=part.compiled,
        document=shown,
        diagnostics=(),
        warnings=findings.warnings,
        digest=part.digest,
        parts=dict(part.parts),
        contracts=dict(part.contracts),
    )
