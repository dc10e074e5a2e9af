"""What operators order on a run's page: a form becomes an update, and the answer comes in words.

An answer is for the call as the page showed it: when the ledger knows more of it by now, nothing
is sent. Everything else is judged by policy and by the run.
"""

import secrets
from typing import get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from remit.canonical import JSONObject
from remit.client.commanding import Command, OrderName, send_order
from remit.client.errors import RefusedError
from remit.console.deciding import WrongFormError, own_form, read_output
from remit.console.forms import COMMENT, Form
from remit.console.needs import Need, Needs
from remit.console.office import Office, office_of, see, viewer_of
from remit.console.reviewing import RunPage, run_page, show_run
from remit.console.signing import Binding, signed
from remit.ledger.rules import REPAIRS

_EVENT = 128
_CHANGED = "This has changed since you read the page. Nothing was sent; look again."


async def order(request: Request) -> Response:
    """Take a form of a run's page, send the order, and show what it did."""
    form = await own_form(request)
    found = await run_page(request)
    name = _name(form)
    try:
        need = _need(name, form, found.needs)
        body = await _body(name, form, need, office_of(request))
    except WrongFormError as error:
        told = error.wrong.get("", "Something in the form is not right yet. Nothing was sent.")
        status = 409 if "" in error.wrong else 422
        return show_run(
            request, found, status, said=form, wrong=error.wrong, refusal=("", told, "")
        )
    try:
        await _send(request, found, name, body, form.one("event"))
    except RefusedError as error:
        first = error.diagnostics[0]
        refusal = (first.code, first.message, first.hint)
        fresh = await run_page(request)
        return show_run(request, fresh, 409, said=form, refusal=refusal)
    return see(f"/runs/{found.run.root}?done={name}")


def _name(form: Form) -> OrderName:
    for name in get_args(OrderName):
        if form.one("order") == name:
            found: OrderName = name
            return found
    raise HTTPException(400, "The form says nothing that the console knows.")


def _need(name: OrderName, form: Form, needs: Needs) -> Need | None:
    """Return the question that is answered; `None` for an order about the whole run.

    Raises:
        WrongFormError: it is none of those that wait now, or not as the page showed it.
    """
    if needs.trouble:
        raise WrongFormError({"": f"Nothing was sent: {needs.trouble}"})
    if name in ("resolve_doubt", "repair"):
        need = needs.named(name, form.one("step"))
        if need is None or need.mark != form.one("mark"):
            raise WrongFormError({"": _CHANGED})
        return need
    if name not in needs.orders or needs.mark != form.one("mark"):
        raise WrongFormError({"": _CHANGED})
    return None


async def _body(name: OrderName, form: Form, need: Need | None, office: Office) -> JSONObject:
    """Return the message that a form means, but for who says it.

    Raises:
        WrongFormError: something is missing, too long, or no value.
    """
    said = form.one("comment")
    if not said:
        raise WrongFormError({"comment": "say why: it is kept with the order"})
    if len(said) > COMMENT:
        raise WrongFormError({"comment": f"at most {COMMENT} characters"})
    if need is None:
        return {"reason": said}
    if name == "repair":
        do = form.one("do")
        if do not in REPAIRS:
            raise WrongFormError({"do": "choose one of them"})
        return {"step": need.step, "do": do, "reason": said}
    happened = {"yes": True, "no": False}.get(form.one("happened"))
    if happened is None:
        raise WrongFormError({"happened": "say whether it happened"})
    evidence: JSONObject = {"seen": said}
    if happened and form.one("output"):
        contract = await office.plans.contract(need.call.contract) if need.call else None
        evidence["output"] = read_output(form.one("output"), contract)
    return {"step": need.step, "happened": happened, "evidence": evidence}


async def _send(
    request: Request, found: RunPage, name: OrderName, body: JSONObject, event: str
) -> None:
    office, viewer = office_of(request), viewer_of(request)
    run = found.run
    whole: JSONObject = {**body, "by": viewer.name}
    binding = Binding(run.root, name, whole, viewer.session.verified, "order")
    command = Command(name, signed(office.signer, binding), event[:_EVENT] or secrets.token_hex(16))
    await send_order(office.temporal, run.workflow_id, run.root, command)
