"""The console that `remit up` starts with the example's stack, in its own process."""

import re

import httpx2
import pytest
from temporalio.client import Client

from remit.cli.stack import stack
from tests.running import ended
from tests.scenarios.office import Office, begin

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]


async def test_a_purchase_is_approved_in_the_stacks_own_console(
    office: Office, client: Client
) -> None:
    """`status` tells the address, a form of the card is sent, and the ledger has the vote."""
    reference = f"console-{office.project.name}"
    handle = await begin(client, "purchase-laptops@1.0.0", {"reference": reference})
    (part,) = (one for one in stack.status(office.project).components if one.name == "console")
    url = f"http://{part.address}"
    async with httpx2.AsyncClient(base_url=url, headers={"Origin": url}, timeout=30) as browser:
        await browser.post("/login", data={"name": "budget.holder@acme.example"})
        root = str(handle.first_execution_run_id)
        await waits_in(browser, root)
        href = f"/gates/{root}/1/order"
        page = (await browser.get(href)).text
        form = next(
            one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if "Approve" in one
        )
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        answer = await browser.post(href, data={**fields, "comment": "as agreed"})

    assert part.condition == "healthy"
    assert answer.status_code == 303, answer.text
    assert "4,200.00 EUR" in page
    assert (await ended(handle))["status"] == "completed"
    (vote,) = office.records(root, "vote")
    assert (vote["by"], vote["counted"]) == ("budget.holder@acme.example", True)


async def waits_in(browser: httpx2.AsyncClient, root: str) -> None:
    """Wait, by the console's own stream, until the inbox lists a gate of the run."""
    async with browser.stream("GET", "/events/inbox") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:") and root in (await browser.get("/?role=")).text:
                return
