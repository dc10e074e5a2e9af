"""Whether access tokens can be had, for whoever looks after secrets: one JSON object in, one out.

    python -m activities.tools.token_asking  <<< '{"asked": […], "principal": {…}, "folder": "…"}'

`remit secrets check` starts this as a process of its own: tokens are asked for as a worker does it.
Answers `{"answers": [{"code", "message"}]}` in the order of what was asked, both empty where there
is a token. Never tells the token.
"""

import asyncio
import json
import sys
from pathlib import Path

import httpx2

from activities.tools.egress import EgressError
from activities.tools.outside import Outside
from activities.tools.tunnel import ProxyRefusedError
from remit.canonical import JSON
from remit.secrets.errors import SecretError
from remit.tool.address import AddressError
from remit.tool.model import Model
from remit.tool.reach import reach


class Needed(Model):
    """A token that a tool needs."""

    reference: str
    destinations: tuple[str, ...]
    private: tuple[str, ...]


class Question(Model):
    """What is asked."""

    folder: Path
    principal: dict[str, str]
    asked: tuple[Needed, ...]


async def answers(question: Question) -> list[JSON]:
    """Ask for each token, all at once."""
    try:
        outside = Outside.of_command(question.folder)
    except (SecretError, ValueError) as error:
        return [{"code": "TOOL-EGRESS", "message": str(error)} for _ in question.asked]
    try:
        asked = [_answer(outside, question, needed) for needed in question.asked]
        return [*await asyncio.gather(*asked)]
    finally:
        await outside.aclose()


async def _answer(outside: Outside, question: Question, needed: Needed) -> JSON:
    within = reach(needed.destinations, needed.private)
    secrets = outside.secrets_within(within, question.principal)
    try:
        await secrets.read([needed.reference])
        secrets.resolve(needed.reference)
    except SecretError as error:
        return {"code": error.code, "message": str(error)}
    except (AddressError, EgressError, ProxyRefusedError, httpx2.InvalidURL) as error:
        return {"code": "TOOL-EGRESS", "message": f"the secret {needed.reference}: {error}"}
    return {"code": "", "message": ""}


def main() -> None:
    """Read the question from standard input, and write the answer to standard output."""
    question = Question.model_validate_json(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps({"answers": asyncio.run(answers(question))}))


if __name__ == "__main__":
    main()
