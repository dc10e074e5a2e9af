"""The only way to stdout and stderr: one JSON document, or plain lines that cannot forge anything.

With `--json`, stdout holds exactly one document and nothing else; progress goes to stderr. Texts
come from plans, tools and people: control characters in them are shown, never obeyed, so that no
plan can move the cursor or repaint an answer.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from remit.cli.errors import CliError, Finding

Document = Mapping[str, object]
"""What `--json` prints: built of JSON's own types."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return `text` with control characters spelt out; line breaks and tabs stay."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def answer(document: Document, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a command's answer to stdout, in the form that was asked for."""
    if as_json:
        _write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return
    for each in lines:
        line(each)


def line(text: str) -> None:
    """Print one line to stdout."""
    _write(clean(text))


def raw(text: str) -> None:
    """Print a document of another format, such as SVG, as it is."""
    _write(text)


def note(text: str) -> None:
    """Tell the user, on stderr, what is going on."""
    print(clean(text), file=sys.stderr, flush=True)


def shown(findings: Sequence[Finding]) -> list[str]:
    """Return findings as lines: code and place, message, hint."""
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.code}  {finding.path}".rstrip())
        lines.append(f"    {finding.message}")
        if finding.hint:
            lines.append(f"    → {finding.hint}")
    return lines


def documented(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return findings as `--json` prints them."""
    return [
        {"code": f.code, "path": f.path, "message": f.message, "hint": f.hint, **f.repair}
        for f in findings
    ]


def failed(error: CliError, *, as_json: bool) -> int:
    """Print why a command ended early, and return its exit code."""
    if as_json:
        answer({"ok": False, "diagnostics": documented(error.findings)}, (), as_json=True)
    else:
        for line in shown(error.findings):
            note(line)
    return int(error.exit_code)


def _write(text: str) -> None:
    # A plan's texts may hold what the terminal's encoding lacks, or lone surrogates.
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
