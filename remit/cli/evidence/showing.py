"""`remit evidence show`: an archive as one HTML page, together with what the verifier says."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSON, Digest, JSONObject
from remit.cli.errors import ExitCode, usage
from remit.cli.evidence.page import Exhibit, page
from remit.cli.evidence.place import own_keys, public_keys, unreadable
from remit.cli.evidence.verifying import documented, headline, judged, lines
from remit.cli.output import answer
from remit.evidence import chain, history
from remit.evidence.archive import CHECKPOINT, Archive
from remit.evidence.chain import Chain
from remit.evidence.finding import EvidenceError, Verdict
from remit.evidence.story import Story, tell
from remit.plan.compiled import CompiledPlan
from remit.plan.contract import Provenance
from remit.plan.graphic.picture import picture
from remit.plan.graphic.svg import svg
from remit.tool.contract import ToolContract


def show(
    file: Path,
    output: Path | None,
    keys: Sequence[Path],
    kept: Sequence[Path],
    project: Path | None,
    *,
    as_json: bool,
) -> int:
    """Write the page of an archive."""
    target = output or file.with_name(file.name.removesuffix(".zip") + ".html")
    known = public_keys(keys, project) if keys else own_keys(project)
    verdict = judged(file, known, kept)
    try:
        with file.open("rb") as opened:
            archive = Archive(opened)
            story = tell(archive.manifest.root, _records(archive))
            made = page(_exhibit(archive, story, verdict, is_checked=bool(known)))
    except EvidenceError as error:
        raise usage(error.found.code.value, str(error), "there is nothing to show of it") from error
    except OSError as error:
        raise unreadable(file, error) from error
    try:
        target.write_text(made, encoding="utf-8")
    except OSError as error:
        message = f"{str(target)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message, "name a file in a folder of yours") from error
    document = {"ok": verdict.holds, "file": str(target), **documented(verdict)}
    answer(document, [f"{target}: {headline(verdict)}", *lines(verdict)], as_json=as_json)
    return ExitCode.OK if verdict.holds else ExitCode.FINDINGS


def _records(archive: Archive) -> Iterator[tuple[JSONObject, Digest]]:
    for entry in chain.read(archive.lines(), Chain(archive.manifest.root)):
        yield entry.record, entry.hash


def _exhibit(archive: Archive, story: Story, verdict: Verdict, *, is_checked: bool) -> Exhibit:
    compiled = _compiled(archive, story.run.get("compiled", ""))
    note = archive.part(CHECKPOINT)
    return Exhibit(
        story=story,
        verdict=verdict,
        is_checked=is_checked,
        drawing=svg(picture(compiled, _contracts(archive, compiled))) if compiled else "",
        goal=compiled.goal if compiled else "",
        proposed=_proposed(compiled.provenance) if compiled else "",
        reasons={step.id: step.reason for step in compiled.steps} if compiled else {},
        documents=list(_documents(archive, story)),
        executions=list(_executions(archive, story)),
        policies=archive.named("policies"),
        checkpoint=note.decode(errors="replace") if note else "",
    )


def _proposed(stated: Provenance | None) -> str:
    if stated is None or stated.proposal_id is None:
        return ""
    return f"{stated.proposal_id}, round {stated.proposal_round or '?'} (as the plan states)"


def _compiled(archive: Archive, name: Digest) -> CompiledPlan | None:
    content = archive.content(name) if name else None
    try:
        return CompiledPlan.model_validate_json(content) if content else None
    except ValidationError:
        return None


def _contracts(archive: Archive, plan: CompiledPlan) -> dict[Digest, ToolContract]:
    found: dict[Digest, ToolContract] = {}
    for name in plan.contracts.values():
        content = archive.content(name)
        try:
            if content:
                found[name] = ToolContract.model_validate_json(content)
        except ValidationError:
            continue
    return found


def _documents(archive: Archive, story: Story) -> Iterator[tuple[str, JSON]]:
    for label, name in (
        ("The plan, as it was proposed", story.run.get("plan_digest", "")),
        ("The plan, as it was compiled", story.run.get("compiled", "")),
    ):
        content = archive.content(name) if name else None
        try:
            if content:
                yield label, json.loads(content)
        except (ValueError, RecursionError):
            continue


def _executions(archive: Archive, story: Story) -> Iterator[history.Execution]:
    for name in history.digests_in(story.seal):
        content = archive.content(name)
        try:
            if content:
                yield history.Execution.model_validate_json(content)
        except ValidationError:
            continue
