"""What assistive technology needs of every page, and colours that can be read."""

import re
from html.parser import HTMLParser

import pytest

from remit.console.inbox import href_of
from remit.console.rendering import STATIC
from tests.console.place import Place, ask
from tests.stores.ledger_values import ROOT, vote

PAGES = ("/?role=", "/runs", "/agents", "/tools", "/policies", f"/runs/{ROOT}", "card", "out")


class Reader(HTMLParser):
    """Notes what a screen reader would go by."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.refers: list[str] = []
        self._in_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = dict(attrs)
        self.tags.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        for name in ("aria-labelledby", "aria-describedby"):
            self.refers += str(given.get(name) or "").split()
        if tag == "label":
            self._in_label = True
            self.labelled.add(str(given.get("for")))
        is_field = tag in ("select", "textarea") or (
            tag == "input" and given.get("type") != "hidden"
        )
        if is_field and not self._in_label:
            self.controls.append(given)

    def handle_endtag(self, tag: str) -> None:
        """Note an element's end."""
        if tag == "label":
            self._in_label = False


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_can_be_heard_and_tabbed_through(place: Place, page: str) -> None:
    """A language, one heading of the first level, landmarks, labels, and no id twice."""
    gate = await ask(place.ledger)
    await place.ledger.vote(ROOT, [vote("e1", counted=False)])
    async with place.signed_in() as browser:
        if page == "out":
            await browser.get("/")
            browser.cookies.clear()
        path = {"card": href_of(gate), "out": "/login"}.get(page, page)
        text = (await browser.get(path)).text
    read = Reader()
    read.feed(text)

    assert '<html lang="en">' in text
    assert [read.tags.count(tag) for tag in ("h1", "main", "header")] == [1, 1, 1]
    assert sorted(read.ids) == sorted(set(read.ids))
    assert set(read.refers) <= set(read.ids)
    assert [one for one in read.controls if one.get("id") not in read.labelled] == []
    assert 'class="skip" href="#main"' in text
    assert 'tabindex="1' not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(scheme: str) -> None:
    """Text stands out from every ground that it is written on by 4.5 to 1 (WCAG AA)."""
    sheet = (STATIC / "console.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    colours = dict(
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1])
    )
    pairs = [
        *((ink, ground) for ink in ("ink", "faint", "accent") for ground in ("card", "ground")),
        *((tone, f"{tone}-bg") for tone in ("good", "bad", "wait", "accent")),
        *((tone, "card") for tone in ("good", "bad", "wait")),
        ("accent-ink", "accent"),
    ]

    weak = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """Return how far two colours are apart, as WCAG counts."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return how light a colour is."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
