"""What people say: forms become votes, votes become updates, and the answer comes back in words.

The vote carries the digest of the page that was read, not of what stands in the ledger by now.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from remit.approval.ballot import VERBS
from remit.canonical import JSON, JSONObject, NotCanonicalError, canonical
from remit.client.errors import RefusedError
from remit.client.voting import Word, send_vote
from remit.console.card import Card
from remit.console.differences import differences
from remit.console.fields import read_form
from remit.console.forms import COMMENT, NAME, Form, read
from remit.console.inbox import Item, item_of
from remit.console.office import Office, office_of, see, viewer_of
from remit.console.reviewing import card_of, show_card
from remit.console.signing import Binding, signed
from remit.console.standing import stand_of
from remit.console.viewing import Viewer
from remit.decision.facts import Verb
from remit.ledger.entries import RunRow
from remit.tool.contract import ToolContract
from remit.tool.validation import SchemaError, check

_EVENT = 64
_FIELD = "arg."
_NEEDS_WHY = ("reject", "request_changes")


class WrongFormError(Exception):
    """The form lacks something; `wrong` says what, by field."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.wrong = wrong
        super().__init__("; ".join(wrong.values()))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one vote among several."""

    item: Item
    code: str
    """Empty when it was taken."""
    told: str


async def decide(request: Request) -> Response:
    """Take a form of a card, send the vote, and show what it did."""
    office, viewer = office_of(request), viewer_of(request)
    form = await own_form(request)
    found = await card_of(request)
    verb = _verb(form)
    try:
        body = _body(verb, form, found, viewer)
    except WrongFormError as error:
        return show_card(
            request,
            found,
            422,
            filled=form.below(""),
            wrong=error.wrong,
            verb=verb,
            refusal=("", "Something in the form is not right yet. Nothing was sent.", ""),
        )
    try:
        await _send(office, viewer, found.run, verb, body, form.one("event"))
    except RefusedError as error:
        first = error.diagnostics[0]
        fresh = await card_of(request)
        return show_card(
            request,
            fresh,
            409,
            filled=form.below(""),
            verb=verb,
            refusal=(first.code, first.message, first.hint),
        )
    return see(f"{found.item.href}?done={verb}")


async def decide_alike(request: Request) -> Response:
    """Approve several gates of one and the same action; each run hears of its own."""
    office, viewer = office_of(request), viewer_of(request)
    form = await own_form(request)
    chosen = set(form.all("gate"))
    digest = form.one("request_digest")
    found = await office.store.open()
    runs: dict[str, list[Item]] = {}
    for gate in found.gates:
        run = found.runs.get(gate.root)
        is_chosen = f"{gate.root} {gate.id}" in chosen and gate.request_digest == digest
        if run is None or not is_chosen or not viewer.sees(run.tenant):
            continue
        stand = stand_of(gate, found.votes.get((gate.root, gate.id), ()), office.clock())
        runs.setdefault(gate.root, []).append(item_of(gate, run, stand, viewer))
    if not runs:
        raise HTTPException(409, "None of these waits any more.")
    results: list[Result] = []
    for items in runs.values():
        results += await _approve(office, viewer, items, digest, form)
    return office.page(request, "alike.html", results=results)


async def _approve(
    office: Office, viewer: Viewer, items: Sequence[Item], digest: str, form: Form
) -> list[Result]:
    comment = form.one("comment")[:COMMENT]
    first = items[0]
    body: JSONObject = {"step": first.path, "digest": first.gate.proposed_digest}
    if len(items) > 1:
        steps: list[JSON] = [item.path for item in items]
        body = {"steps": steps, "digest": digest}
    body |= {"by": viewer.name, **({"comment": comment} if comment else {})}
    try:
        event = f"{form.one('event')[:_EVENT]}-{first.run.root}"
        await _send(office, viewer, first.run, "approve", body, event)
    except RefusedError as error:
        found = error.diagnostics[0]
        return [Result(item, found.code, found.message) for item in items]
    return [Result(item, "", "approved") for item in items]


async def own_form(request: Request) -> Form:
    """Return the form of a request.

    Raises:
        HTTPException: it is no form of this session.
    """
    form = await read(request)
    if not office_of(request).sessions.is_own_form(viewer_of(request).session, form.one("token")):
        raise HTTPException(403, "The form is not of this session; reload the page and try again.")
    return form


def _verb(form: Form) -> Verb:
    for verb in VERBS:
        if form.one("verb") == verb:
            return verb
    raise HTTPException(400, "The form says nothing that the console knows.")


async def _send(
    office: Office, viewer: Viewer, run: RunRow, verb: Verb, body: JSONObject, event: str
) -> None:
    binding = Binding(run.root, verb, body, viewer.session.verified)
    word = Word(verb, signed(office.signer, binding), event[: 2 * _EVENT] or secrets.token_hex(16))
    await send_vote(office.temporal, run.workflow_id, run.root, word)


def _body(verb: Verb, form: Form, card: Card, viewer: Viewer) -> JSONObject:
    """Return the message that a form means.

    Raises:
        WrongFormError: something is missing, too long, or no value.
    """
    comment = form.one("comment")
    if len(comment) > COMMENT:
        raise WrongFormError({"comment": f"at most {COMMENT} characters"})
    if not comment and verb in _NEEDS_WHY:
        raise WrongFormError({"comment": "say why: whoever planned it will read this"})
    body: JSONObject = {"step": card.item.path, "by": viewer.name}
    if verb not in ("claim", "release", "delegate"):
        body["digest"] = form.one("digest")
    if comment and verb not in ("claim", "release"):
        body["comment"] = comment
    if verb == "edit":
        body["args"] = _arguments(form, card)
    elif verb == "delegate":
        body["to"] = _person(form.one("to"))
    elif verb == "take_over":
        body["output"] = _output(form, card)
    return body


def _person(name: str) -> str:
    if not name or len(name) > NAME:
        raise WrongFormError({"to": "say who, by the name that policies know"})
    return name


def _arguments(form: Form, card: Card) -> JSONObject:
    if card.form is None or card.contract is None:
        raise WrongFormError({"verb": "the arguments of this call cannot be edited here"})
    made, wrong = read_form(card.form, form.below(_FIELD), card.proposed)
    if wrong:
        raise WrongFormError({_FIELD + name: why for name, why in wrong.items()})
    found = _checked(card.contract.input_schema, made)
    if found:
        raise WrongFormError(found)
    if not differences(card.proposed, made):
        raise WrongFormError({"verb": "nothing was changed: approve it as it is, or change it"})
    return made


def _output(form: Form, card: Card) -> JSON:
    """Return what came of a call that somebody made, from its form or as JSON."""
    if card.answer is None or card.contract is None:
        return read_output(form.one("output"), card.contract)
    made, wrong = read_form(card.answer, form.below(_FIELD), {})
    if wrong:
        raise WrongFormError({_FIELD + name: why for name, why in wrong.items()})
    if found := _checked(card.contract.output_schema, made):
        raise WrongFormError(found)
    return made


def _checked(schema: JSONObject, value: JSON) -> dict[str, str]:
    """Return what a tool's schema finds wrong, by field."""
    try:
        canonical(value)
        return {
            _FIELD + found.path.lstrip("/").partition("/")[0]: found.message
            for found in check(schema, value, "VOTE-EDIT-INVALID")
        }
    except (SchemaError, NotCanonicalError) as error:
        return {"verb": str(error)[:300]}


def read_output(text: str, contract: ToolContract | None) -> JSON:
    """Return what somebody says that a tool answered.

    Raises:
        WrongFormError: it is no JSON, or none that the tool may answer.
    """
    try:
        output: JSON = json.loads(text or "null")
        canonical(output)
    except (ValueError, RecursionError, NotCanonicalError) as error:
        raise WrongFormError({"output": f"this must be JSON: {str(error)[:200]}"}) from error
    found = _checked(contract.output_schema, output) if contract else {}
    if found:
        raise WrongFormError({"output": "; ".join(found.values())[:500]})
    return output
