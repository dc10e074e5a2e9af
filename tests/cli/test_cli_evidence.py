"""`remit evidence verify | show` on archives made by hand: codes, exit codes, and a safe page."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from remit.cli.main import main
from remit.evidence.checkpoint import SigningKey
from tests.cli.test_cli_cold import HEAVY
from tests.evidence.made import KEY, ORIGIN, Made
from tests.running import ROOT

EVIL = "<script>document.title='x'</script><img src=x onerror=alert(1)>\"'&\u202e\x1b[2J"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The log's public key, as an auditor got it."""
    file = tmp_path / "log.pub"
    file.write_text(KEY.public.text + "\n")
    return file


def archive(folder: Path, made: Made, name: str = "run.zip") -> Path:
    """Write an archive."""
    file = folder / name
    file.write_bytes(made.packed().getvalue())
    return file


def flipped(lines: list[bytes]) -> list[bytes]:
    """Flip one byte of record 3."""
    return [*lines[:2], lines[2].replace(b"happened", b"hbppened"), *lines[3:]]


def test_a_good_archive_verifies(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What holds ends with 0 and says how many records are signed."""
    code = main(["evidence", "verify", str(archive(tmp_path, Made())), "--key", str(key)])

    assert code == 0
    assert "6 of 6 records stand in the signed log of 11" in capsys.readouterr().out


def test_what_was_altered_is_named_and_ends_with_1(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--json` every finding has code, place and whether it refutes."""
    file = archive(tmp_path, Made(bend=flipped))
    code = main(["evidence", "verify", str(file), "--key", str(key), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (code, told["ok"], told["holds"]) == (1, False, False)
    assert [(one["code"], one["place"], one["refutes"]) for one in told["findings"]] == [
        ("EVIDENCE-EDITED", "record 3", True)
    ]


def test_a_kept_checkpoint_is_held_against_the_archive(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log written anew with its own key fails against what the auditor kept."""
    kept = tmp_path / "kept.checkpoint"
    kept.write_bytes(KEY.sign(Made().head(7)))
    file = archive(tmp_path, Made(kept=[7], salt="another history"))
    given = ["evidence", "verify", str(file), "--key", str(key)]

    assert main(given) == 0
    assert main([*given, "--checkpoint", str(kept)]) == 1
    assert f"EVIDENCE-FORKED  kept checkpoint {kept}" in capsys.readouterr().out


def bomb(file: Path) -> None:
    """Write an archive whose records unpack out of proportion."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(
            "manifest.json",
            json.dumps({"format": "remit.evidence/v1", "root": "r", "origin": "o", "records": 1}),
        )
        packed.writestr("records.jsonl", b"\0" * 30_000_000)


def future(file: Path) -> None:
    """Write an archive of a format that is not known yet."""
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("manifest.json", '{"format": "remit.evidence/v9"}')


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (bomb, "EVIDENCE-TOO-LARGE"),
        (future, "EVIDENCE-VERSION"),
        (lambda file: file.write_bytes(b"no archive"), "EVIDENCE-FORMAT"),
        (
            lambda file: file.write_bytes(Made().packed().getvalue()[:900]),
            "EVIDENCE-FORMAT",
        ),
        (lambda file: file.write_bytes(b""), "EVIDENCE-FORMAT"),
    ],
    ids=["bomb", "future", "garbage", "truncated", "empty"],
)
def test_what_is_no_evidence_is_refused_with_a_code(
    tmp_path: Path,
    key: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], object],
    expected: str,
) -> None:
    """Bombs, other formats, cut files and garbage are refuted, never a traceback."""
    file = tmp_path / "bad.zip"
    make(file)

    assert main(["evidence", "verify", str(file), "--key", str(key)]) == 1
    assert expected in capsys.readouterr().out
    assert main(["evidence", "show", str(file), "--key", str(key)]) in (1, 2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "EVIDENCE-KEY"),
        ("not a key\n", "EVIDENCE-KEY"),
        (KEY.text, "EVIDENCE-KEY"),
        (None, "FILE-UNREADABLE"),
    ],
    ids=["empty", "garbage", "private", "absent"],
)
def test_a_bad_key_file_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, expected: str
) -> None:
    """Without a usable public key nothing is verified; a private key's text is not repeated."""
    file = tmp_path / "bad.pub"
    if content is not None:
        file.write_text(content)
    code = main(["evidence", "verify", str(archive(tmp_path, Made())), "--key", str(file)])
    said = capsys.readouterr().err

    assert code == 2
    assert expected in said
    assert KEY.text not in said


def test_a_strangers_key_is_no_proof(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An archive that another key signed does not hold."""
    stranger = tmp_path / "stranger.pub"
    stranger.write_text(SigningKey(ORIGIN, bytes(32)).public.text)

    assert main(["evidence", "verify", str(archive(tmp_path, Made())), "--key", str(stranger)]) == 1
    assert "EVIDENCE-SIGNATURE  checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "show"])
def test_auditors_need_neither_temporal_nor_a_database(
    tmp_path: Path, key: Path, command: str
) -> None:
    """Both commands load no engine, no expression language and no database."""
    script = (
        "import json, sys\n"
        "from remit.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.stderr.write(json.dumps([code, sorted({n.split('.')[0] for n in sys.modules})]))"
    )
    ran = subprocess.run(
        [
            *(sys.executable, "-c", script, "evidence", command),
            *(str(archive(tmp_path, Made())), "--key", str(key)),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])

    assert code == 0
    assert {*HEAVY, "cel_expr_python", "google", "opa_client"} & set(modules) == set()


class Inventory(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data


def hostile(folder: Path) -> Path:
    """Write an archive whose every text is an attack."""
    run = dict.fromkeys(("plan", "agent", "on_behalf_of", "tenant", "owner"), EVIL)
    return archive(folder, Made(calls=[EVIL, f"b{EVIL}"], run={**run, "workflow_id": EVIL}))


def test_no_text_of_a_run_becomes_markup(tmp_path: Path, key: Path) -> None:
    """The page has no script and no link, and loads nothing, whatever the records say."""
    page = tmp_path / "page.html"
    code = main(["evidence", "show", str(hostile(tmp_path)), "--key", str(key), "-o", str(page)])
    html = page.read_text()
    found = Inventory(html)

    assert code == 0
    assert not {"script", "img", "a", "link", "iframe", "object", "form"} & found.tags
    assert not {"src", "href", "onerror", "onclick", "style"} & found.attributes
    assert "<script>document.title" in found.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", html)


def test_a_page_without_a_key_claims_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a public key the page says that no signature was checked."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "remit.toml").write_text("")
    monkeypatch.setenv("REMIT_PROJECT", str(project))
    page = tmp_path / "page.html"
    code = main(["evidence", "show", str(archive(tmp_path, Made())), "-o", str(page)])

    assert code == 1
    assert "Nobody's signature was checked" in Inventory(page.read_text()).text
    assert "This evidence holds" not in page.read_text()


def test_a_broken_page_says_so_first(tmp_path: Path, key: Path) -> None:
    """The page of an altered archive begins with what was found and where."""
    page = tmp_path / "page.html"
    file = archive(tmp_path, Made(bend=flipped))

    assert main(["evidence", "show", str(file), "--key", str(key), "-o", str(page)]) == 1
    text = Inventory(page.read_text()).text
    assert text.index("does not hold") < text.index("record 3") < text.index("Everything in order")


def browsed(page: Path, profile: Path, *options: str) -> str:
    """Open a page in a real browser; return the document as the browser read it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no browser here")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    plain = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    ran = subprocess.run(
        [
            *(program, *plain, *quiet, f"--user-data-dir={profile}", *options),
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    return ran.stdout


def test_a_browser_reads_the_page_as_it_is_meant(tmp_path: Path, key: Path) -> None:
    """In a real browser the hostile page has its tables and text, and nothing of its own ran."""
    page = tmp_path / "page.html"
    main(["evidence", "show", str(hostile(tmp_path)), "--key", str(key), "-o", str(page)])
    found = Inventory(browsed(page, tmp_path / "profile", "--dump-dom"))
    picture = tmp_path / "page.png"
    browsed(page, tmp_path / "profile", f"--screenshot={picture}", "--window-size=1000,1400")

    assert {"table", "section", "details", "dl", "title"} <= found.tags
    assert not {"script", "img"} & found.tags
    assert "Evidence: <script>" in found.text
    assert "This evidence holds." in found.text
    assert picture.stat().st_size > 20_000
