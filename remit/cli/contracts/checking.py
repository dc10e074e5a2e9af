"""`remit tools export` and `remit tools check`: contracts held against those of yesterday."""

import json
from pathlib import Path

from remit.cli.compiling import Workshop, findings_of
from remit.cli.contracts.baseline import baseline
from remit.cli.errors import ExitCode
from remit.cli.output import answer, documented, raw, shown
from remit.cli.place import find_project
from remit.plan.succession import breaking, by_ref, exported


def export(output: Path | None, project: Path | None) -> int:
    """Print or write every contract of the catalogue, whole."""
    catalogue = Workshop.of(find_project(project)).project.catalogue
    text = json.dumps(exported(catalogue), indent=1, ensure_ascii=False, sort_keys=True)
    if output is None:
        raw(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
    return ExitCode.OK


def check(against: str, project: Path | None, *, as_json: bool) -> int:
    """Say what today's contracts break for those who know the ones of `against`."""
    folder = find_project(project)
    today = by_ref(Workshop.of(folder).project.catalogue)
    before = baseline(against, folder)
    found = findings_of(breaking(before, today))
    added = sorted(today.keys() - before.keys())
    changed = [r for r in before if r in today and before[r].digest != today[r].digest]
    document = {
        "ok": not found,
        "against": against,
        "contracts": len(before),
        "changed": sorted(changed),
        "added": added,
        "diagnostics": documented(found),
    }
    counted = f"{len(before)} contracts of {against}: {len(changed)} changed, {len(added)} new"
    verdict = f"{len(found)} findings" if found else "nothing breaks that can be told"
    answer(document, [*shown(found), f"{counted}; {verdict}"], as_json=as_json)
    return ExitCode.FINDINGS if found else ExitCode.OK
