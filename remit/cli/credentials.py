"""What `remit secrets` does: which references resolve, and where secrets stand that must not."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from remit.canonical import JSON, JSONObject
from remit.cli.apart import ApartError, ask_apart, environment_of
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.stack.layout import Layout
from remit.secrets.errors import SecretError
from remit.secrets.forms import LEAST
from remit.secrets.listed import listed
from remit.secrets.scan import Found, Needle, Scan
from remit.secrets.secrets import Secrets
from remit.stores.project import Project, load_project
from remit.tool.oauth import SCHEME
from remit.tool.secret import Reference

_WAIT_S = 30.0
_TOLD: TypeAdapter[dict[str, list[dict[str, str]]]] = TypeAdapter(dict[str, list[dict[str, str]]])


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one reference."""

    reference: Reference
    tools: Sequence[str]
    value: str | None = None
    """What is there; of an access token nothing is told but that it can be had."""
    code: str = ""
    message: str = ""

    @property
    def is_had(self) -> bool:
        """Whether it leads to a secret."""
        return not self.code

    @property
    def is_open(self) -> bool:
        """Whether nobody said whose it is."""
        return self.code == "SECRET-PRINCIPAL"


def check(
    project: Path | None, agent: str | None, tenant: str | None, *, as_json: bool
) -> ExitCode:
    """Print which references of the catalogue resolve."""
    folder = find_project(project)
    loaded, principal = load_project(folder), {"agent": agent or "", "tenant": tenant or ""}
    answers = _asked(loaded, principal, asyncio.run(_answers(loaded, principal)))
    broken = [each for each in answers if not each.is_had and not each.is_open]
    document = {
        "ok": not broken,
        "project": str(folder),
        "secrets": [
            {
                "reference": str(each.reference),
                "tools": list(each.tools),
                "resolves": None if each.is_open else each.is_had,
                "code": each.code,
                "message": each.message,
            }
            for each in answers
        ],
    }
    lines = [_line(each) for each in answers] or ["no tool refers to a secret"]
    answer(document, lines, as_json=as_json)
    return ExitCode.FINDINGS if broken else ExitCode.OK


def scan(
    places: Sequence[Path],
    values: Path | None,
    project: Path | None,
    agent: str | None,
    tenant: str | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Print where secrets stand that should not."""
    folder = find_project(project)
    principal = {"agent": agent or "", "tenant": tenant or ""}
    answers = asyncio.run(_answers(load_project(folder), principal))
    needles = [Needle.of(str(one.reference), one.value) for one in answers if one.value is not None]
    needles += [] if values is None else _planted(values)
    sought = [each for each in needles if each.forms]
    if not sought:
        hint = "set what `remit secrets check` names, or give `--values FILE`"
        raise usage("SECRET-NOTHING", "there is no secret to look for", hint)
    looked = list(places) or [Layout(folder.resolve()).root]
    for place in looked:
        if not place.exists():
            hint = "start the project's stack once, or name files and folders"
            raise usage("FILE-UNREADABLE", f"{str(place)!r} is not there", hint)
    meant = [folder / one.reference.name for one in answers if one.reference.scheme == "file"]
    looking = Scan(sought)
    found = looking.of(looked, [*meant, *([values] if values else [])])
    document = {
        "ok": not found,
        "looked_for": [each.name for each in sought],
        "not_resolved": [str(each.reference) for each in answers if each.value is None],
        "files": looking.files,
        "bytes": looking.size,
        "found": [
            {
                "code": _code(each),
                "where": each.where,
                "secret": each.needle or None,
                "form": each.form,
            }
            for each in found
        ],
    }
    lines = [_told(each) for each in found]
    missing = [f"not looked for: {each.reference}" for each in answers if each.value is None]
    sum_ = f"{len(sought)} secrets, {looking.files} files, {looking.size} bytes: "
    lines += [*missing, sum_ + (f"{len(found)} findings" if found else "nothing found")]
    answer(document, lines, as_json=as_json)
    return ExitCode.FINDINGS if found else ExitCode.OK


async def _answers(project: Project, principal: Mapping[str, str]) -> list[_Answer]:
    """Return what became of each reference; those to access tokens are not asked for."""
    environ, answers = environment_of(project.folder, os.environ), []
    for reference, tools in listed(project.catalogue, project.clients).items():
        if reference.scheme == SCHEME:
            answers.append(_Answer(reference, tools))
            continue
        secrets, text = Secrets(environ, project.folder, principal), str(reference)
        try:
            await secrets.read([text])
            answers.append(_Answer(reference, tools, secrets.resolve(text)))
        except SecretError as error:
            answers.append(_Answer(reference, tools, None, error.code, str(error)))
    return answers


def _asked(
    project: Project, principal: Mapping[str, str], answers: Sequence[_Answer]
) -> list[_Answer]:
    """Return `answers` with what came of asking for each access token, as a worker would."""
    tokens = [each for each in answers if each.reference.scheme == SCHEME]
    if not tokens:
        return [*answers]
    question: JSONObject = {
        "asked": [_needed(project, each) for each in tokens],
        "principal": {**principal},
    }
    try:
        told = ask_apart("activities.tools.token_asking", question, project.folder, _WAIT_S)
        said = _TOLD.validate_python(told)["answers"]
    except (ApartError, ValidationError) as error:
        message = f"they could not be asked for ({type(error).__name__})"
        said = [{"code": "SECRET-UNREACHABLE", "message": message} for _ in tokens]
    became = {each.reference: one for each, one in zip(tokens, said, strict=True)}
    return [
        replace(each, code=one["code"], message=one["message"])
        if (one := became.get(each.reference))
        else each
        for each in answers
    ]


def _needed(project: Project, token: _Answer) -> JSON:
    tool = project.catalogue.find(token.tools[0])
    reach = () if tool is None else (("destinations", tool.destinations), ("private", tool.private))
    return {"reference": str(token.reference), **{name: [*hosts] for name, hosts in reach}}


def _planted(file: Path) -> list[Needle]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "a text file with one value a line"
        raise usage("FILE-UNREADABLE", f"{str(file)!r} cannot be read", hint) from error
    short = [str(at) for at, line in enumerate(lines, 1) if 0 < len(line.strip()) < LEAST]
    if short:
        hint = f"values of {LEAST} letters or more can be told from harmless words"
        raise usage("SECRET-SHORT", f"{file.name}: lines {', '.join(short)} are too short", hint)
    return [
        Needle.of(f"{file.name} line {at}", line.strip())
        for at, line in enumerate(lines, 1)
        if line.strip()
    ]


def _line(each: _Answer) -> str:
    needed = f"for {', '.join(each.tools)}"
    if each.value is not None:
        return f"ok       {each.reference}  {needed}"
    if each.is_open:
        return f"not read {each.reference}  {needed}: say --agent or --tenant"
    return f"{each.code}  {each.message}  {needed}"


def _told(found: Found) -> str:
    what = f"{found.needle}, {found.form}" if found.needle else found.form
    return f"{_code(found)}  {found.where}: {what}"


def _code(found: Found) -> str:
    return "SECRET-FOUND" if found.needle else "SECRET-SCAN-UNREAD"
