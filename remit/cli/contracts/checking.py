"""`remit tools export` and `remit tools check`: contracts held against those of yesterday, and
against what consumers expect of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from remit.cli.compiling import Workshop, findings_of
from remit.cli.contracts.baseline import baseline
from remit.cli.contracts.expecting import consumers_of
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer, documented, raw, shown
from remit.cli.place import find_project
from remit.plan.expecting import unmet
from remit.plan.succession import breaking, by_ref, exported
from remit.tool.contract import ToolContract


def export(output: Path | None, project: Path | None) -> int:
    """Print or write every contract of the catalogue, whole."""
    catalogue = Workshop.of(find_project(project)).project.catalogue
    text = json.dumps(exported(catalogue), indent=1, ensure_ascii=False, sort_keys=True)
    if output is None:
        raw(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
    return ExitCode.OK


def check(
    against: str | None, places: Sequence[Path], project: Path | None, *, as_json: bool
) -> int:
    """Say what today's contracts break: for those who know the ones of `against`, for consumers."""
    folder = find_project(project)
    stated = consumers_of(folder, places)
    if against is None and not stated:
        hint = "`--against FILE|DIR|COMMIT`, or expectations of consumers, see docs/contracts.md"
        raise usage("CLI-USAGE", "there is nothing to hold contracts against", hint)
    catalogue = Workshop.of(folder).project.catalogue
    today = by_ref(catalogue)
    before = {} if against is None else baseline(against, folder)
    found = breaking(before, today)
    found += [each.told(one) for each in stated for one in unmet(each.consumer, catalogue)]
    document: dict[str, object] = {
        "ok": not found,
        "contracts": len(today),
        "consumers": sorted(each.consumer.consumer for each in stated),
        "diagnostics": documented(findings_of(found)),
    }
    lines = [f"{len(today)} contracts, {len(stated)} consumers"]
    if against is not None:
        compared = _compared(before, today)
        document |= {"against": against, **compared}
        told = ", ".join(f"{len(refs)} {word}" for word, refs in compared.items())
        lines = [f"{lines[0]}; since {against}: {told}"]
    verdict = f"{len(found)} findings" if found else "nothing breaks that can be told"
    answer(document, [*shown(findings_of(found)), f"{lines[0]}; {verdict}"], as_json=as_json)
    return ExitCode.FINDINGS if found else ExitCode.OK


def _compared(
    before: Mapping[str, ToolContract], today: Mapping[str, ToolContract]
) -> dict[str, list[str]]:
    """Return what changed, by `name@major`."""
    both = sorted(before.keys() & today.keys())
    return {
        "changed": [ref for ref in both if before[ref].digest != today[ref].digest],
        "added": sorted(today.keys() - before.keys()),
    }
