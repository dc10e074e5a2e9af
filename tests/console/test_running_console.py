"""The console on the real stack: a browser that reads a card and approves, and the run goes on."""

import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright
from temporalio.client import Client

from remit.cli.stack import stack
from remit.cli.stack.ports import choose
from remit.client.errors import ClientError, RefusedError
from remit.client.voting import Word, send_vote
from remit.console.serving import furnished, server_of
from remit.console.settings import ConsoleSettings
from remit.stores.inbox import open_readonly
from tests.console.place import running
from tests.running import Running, burn, ended, plan, put, start, waits

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(240)]

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
BOSS = "boss@lab.example"


@pytest.fixture
async def console(lab: Running, lab_client: Client) -> AsyncIterator[str]:
    """The address of a console over the lab's ledger and Temporal."""
    told = stack.environment(lab.project)
    settings = ConsoleSettings(
        console_port=choose(()),
        ledger_url=told.ledger_url,
        temporal_ui=told.temporal_ui,
        project=lab.project,
    )
    reader = await open_readonly(told.ledger_url)
    async with running(server_of(furnished(settings, reader, lab_client))):
        yield f"http://127.0.0.1:{settings.console_port}"
    await reader.close()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """A page of a real browser with an empty profile."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=program, args=FLAGS, locale="en-GB"
        )
        opened = await context.new_page()
        opened.set_default_timeout(20_000)
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        # What the content security policy forbids is told there.
        opened.on("console", lambda said: faults.append(said.text))
        yield opened
        await context.close()
    # A refused form is answered by 409, which the browser tells too.
    assert [fault for fault in faults if "409" not in fault] == []


async def sign_in(page: Page, console: str, name: str) -> None:
    """Sign in by name."""
    await page.goto(f"{console}/login")
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("heading", name="Inbox").wait_for()


async def test_a_person_reads_and_approves_in_a_browser(
    lab_client: Client, console: str, page: Page
) -> None:
    """The open inbox shows the new gate by itself; the card tells; approved, the run goes on."""
    tag = f"b{uuid.uuid4().hex[:8]}"
    await sign_in(page, console, BOSS)
    assert await page.get_by_text("Names are unverified here.").is_visible()
    handle = await start(lab_client, plan(f"{tag}-plan", [put("a", tag), burn("b", tag, "a")]))
    row = page.get_by_role("listitem").filter(has_text=tag)
    await row.wait_for()
    await row.get_by_role("link").click()

    card = page.get_by_role("main")
    await card.get_by_role("heading", name="What exactly").wait_for()
    told = await card.inner_text()
    assert await page.locator(".drawing svg .at-here").count() == 1
    assert await page.locator(".drawing svg .at-done").count() == 1
    await page.get_by_label("Comment").first.fill("<b>fine</b> by me")
    await page.get_by_role("button", name="Approve once").click()
    await page.get_by_text("Recorded: you approved this.").wait_for()
    said = await page.locator("#said").inner_text()
    outcome = await ended(handle)
    await (
        page.get_by_text("This needs no answer any more")
        .or_(page.locator("#state").get_by_text("approved"))
        .first.wait_for()
    )
    await page.goto(f"{console}/runs/{handle.first_execution_run_id}")
    await page.get_by_role("heading", name="Everything in order").wait_for()
    await page.get_by_text("completed", exact=True).first.wait_for()

    for words in (tag, "This cannot be undone.", "asker@lab.example", "your turn as operator"):
        assert words in told
    assert "<b>fine</b> by me" in said
    assert outcome["status"] == "completed"


async def test_an_edit_and_two_people_in_a_browser(
    lab: Running, lab_client: Client, console: str, page: Page
) -> None:
    """One person changes an argument and agrees, a second completes the quorum, the run goes on."""
    tag = f"two{uuid.uuid4().hex[:8]}"
    asked = {"approval": {"role": "keeper_of_names", "quorum": 2}}
    handle = await start(lab_client, plan(f"{tag}-plan", [put("a", tag, **asked)]))
    await waits(handle)
    await sign_in(page, console, BOSS)
    await page.goto(f"{console}/?role=&q={tag}")
    await page.get_by_role("main").get_by_role("listitem").get_by_role("link").click()
    await page.locator("summary", has_text="Change the arguments").click()
    await page.get_by_label("name (needed)").fill(f"{tag}-better")
    await page.get_by_role("button", name="Send the changed call").click()
    await page.get_by_text("Recorded: you changed the arguments").wait_for()
    await page.goto(f"{console}/?role=&q={tag}")
    # The new request appears by itself, with what was changed.
    await page.locator('a.title[href*="/2/"]').click()
    # A second one compares with what another test may have approved.
    changed = await page.locator("table.diff").first.inner_text()
    await page.get_by_role("button", name="Approve once").click()
    await page.get_by_text("1 of 2 have agreed").wait_for()
    card = page.url.partition("?")[0]
    await page.get_by_role("button", name="Sign out").click()
    await sign_in(page, console, "second@lab.example")
    await page.goto(card)
    await page.get_by_role("button", name="Approve once").click()
    await page.get_by_text("Recorded: you approved this.").wait_for()

    assert (await ended(handle))["status"] == "completed"
    assert f"{tag}-better" in changed
    assert lab.effects(tag) == [f"put {tag}-better"]


async def test_the_requester_is_refused_in_words(
    lab_client: Client, console: str, page: Page
) -> None:
    """Policy's reason and its code stand on the page; the gate goes on waiting."""
    tag = f"b{uuid.uuid4().hex[:8]}"
    handle = await start(lab_client, plan(f"{tag}-plan", [burn("a", tag)]))
    await waits(handle)
    await sign_in(page, console, "asker@lab.example")
    await page.goto(f"{console}/?role=&q={tag}")
    await page.get_by_role("link", name="Burn").click()
    await page.get_by_role("button", name="Approve once").click()
    alert = page.get_by_role("alert")
    await alert.wait_for()
    told = await alert.inner_text()
    still = await waits(handle)
    await page.locator("summary", has_text="Say no").click()
    await page.get_by_label("Why?").fill("not mine to say")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_text("did not count").nth(1).wait_for()
    await handle.execute_update(
        "reject", {"step": "a", "by": BOSS, "comment": "no"}, result_type=str
    )

    assert "It did not count. Code: vote." in told
    assert still[0]["step"] == "a"
    assert (await ended(handle))["status"] == "rejected"


async def test_an_operator_answers_and_settles_in_a_browser(
    lab: Running, lab_client: Client, console: str, page: Page
) -> None:
    """A doubt appears on the open page, what is being typed outlives the next change; the run is
    ordered back, and what cannot be undone is left to people."""
    tag = f"o{uuid.uuid4().hex[:8]}"
    lost = {
        "args": {"name": f"stuck{tag}", "fail": "after", "wait_s": 4},
        "retry": {"max_attempts": 1, "initial": "PT0.1S"},
    }
    steps = [burn("wait", f"{tag}w"), put("lost", f"stuck{tag}", **lost), burn("z", tag, "lost")]
    await sign_in(page, console, BOSS)
    handle = await start(lab_client, plan(f"{tag}-plan", steps))
    await waits(handle)
    await page.goto(f"{console}/runs/{handle.first_execution_run_id}")
    doubt = page.locator("section", has=page.get_by_role("heading", name="Did lost happen?"))
    await doubt.wait_for()
    await doubt.get_by_label("What did you see").fill("it lies there")
    waiting = next(one for one in await waits(handle) if one["step"] == "wait")
    word = {"step": "wait", "by": BOSS, "digest": waiting["digest"]}
    await handle.execute_update("approve", word, result_type=str)
    await page.locator("#deeds").get_by_text("wait").wait_for()
    assert await doubt.get_by_label("What did you see").input_value() == "it lies there"
    await doubt.get_by_role("radio", name="It happened").check()
    await doubt.get_by_role("button", name="Answer").click()
    await page.get_by_text("Recorded: you said whether").wait_for()
    await page.get_by_role("link", name="Burn").first.wait_for()

    await page.locator("summary", has_text="Stop and undo everything").click()
    undone = await page.locator("details[open]").inner_text()
    await page.locator("details[open]").get_by_label("Why?").fill("not wanted any more")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_text("Recorded: you ordered the run back").wait_for()
    residue = page.locator("section", has_text="could not be undone").last
    await residue.wait_for()
    await residue.get_by_role("radio", name="Leave it").check()
    await residue.get_by_label("Why?").fill("the crew fetches it")
    await residue.get_by_role("button", name="Settle it").click()
    await page.get_by_text("Recorded: you settled").wait_for()

    outcome = await ended(handle)
    orders = lab.records(str(handle.first_execution_run_id), "order")
    assert "This would undo: put (lost)" in " ".join(undone.split())
    assert (outcome["status"], [left["path"] for left in outcome["residue"]]) == (
        "rolled_back",
        ["wait", "lost"],
    )
    assert [(one["order"], one["by"]) for one in orders] == [
        ("resolve_doubt", BOSS),
        ("rollback", BOSS),
        ("repair", BOSS),
    ]


async def test_a_vote_finds_its_run_and_no_other(lab: Running, lab_client: Client) -> None:
    """Counted once however often it is sent; a run that is over, or another one, hears nothing."""
    tag = f"b{uuid.uuid4().hex[:8]}"
    name = f"lab-{tag}"
    handle = await start(lab_client, plan("voted", [burn("a", tag)]), id=name)
    (wait,) = await waits(handle)
    root = str(handle.first_execution_run_id)
    body = {"step": "a", "digest": wait["gate"]["proposed_digest"], "by": "clerk@lab.example"}
    for word in (Word("approve", body, "one"), Word("claim", body, "two")):
        with pytest.raises(RefusedError) as refused:
            await send_vote(lab_client, name, root, word)
        assert refused.value.diagnostics[0].code.startswith("vote.")
    with pytest.raises(RefusedError, match="VOTE-LATE"):
        await send_vote(lab_client, name, str(uuid.uuid4()), Word("approve", body, "three"))
    counted = Word("approve", {**body, "by": BOSS}, "four")

    told = await send_vote(lab_client, name, root, counted)
    assert (await ended(handle))["status"] == "completed"
    with pytest.raises(RefusedError, match="VOTE-LATE"):
        await send_vote(lab_client, name, root, counted)
    with pytest.raises((RefusedError, ClientError)):
        await send_vote(lab_client, "nobody", root, counted)

    votes = lab.records(root, "vote")
    assert told
    assert [(vote["by"], vote["counted"]) for vote in votes] == [
        ("clerk@lab.example", False),
        ("clerk@lab.example", False),
        (BOSS, True),
    ]
