"""Whatever the documents point to is there: files, headings, tests, modules, pictures."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages, prose

MAX_PICTURE_BYTES = 300_000
_PATH = re.compile(
    r"`((?:remit|workflows|activities|proposing|workers|policies|examples|docs|deploy|tests|benchmarks)"
    r"/[\w./-]*\w/?)(?:::(\w+))?`"
)
_CAPTION = re.compile(r"`[^`]+`")
"""What stands alone names the text below it, in a folder of the reader's own."""
_MORE_TESTS = re.compile(r"`::(\w+)`")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file, and every anchor a heading in it."""
    for link in links(page):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page

        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: no heading {link}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_named_files_and_tests_exist(page: Path) -> None:
    """Every path in backticks is there, and every test that a page cites is defined in it."""
    for paragraph in prose(page).split("\n\n"):
        cited: Path | None = None
        if _CAPTION.fullmatch(paragraph.strip()):
            continue
        for match in re.finditer(f"{_PATH.pattern}|{_MORE_TESTS.pattern}", paragraph):
            name, test, another = match.groups()
            if name is not None:
                cited = ROOT / name
                assert cited.exists(), f"{page.name} names {name}"
            test = test or another
            if test is not None:
                assert cited is not None
                text = cited.read_text(encoding="utf-8")
                defined = f"def {test}(" if cited.suffix == ".py" else f"\n{test} if "
                assert defined in text, f"{page.name}: {test}"


def test_pictures_are_small() -> None:
    """A clone stays quick."""
    large = [
        file.name
        for file in (ROOT / "docs" / "img").iterdir()
        if file.stat().st_size > MAX_PICTURE_BYTES
    ]

    assert large == []


def test_no_page_names_this_machine() -> None:
    """No absolute path of a developer's machine stands in a document."""
    tracked = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    homes = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/")
    for name in tracked.stdout.split():
        found = homes.search((ROOT / name).read_text(encoding="utf-8"))

        assert found is None, name
