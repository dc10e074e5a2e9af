"""HTML put together so that no text of a run can become markup; and the page's one style sheet.

`Markup` is text that is HTML already; everything else is escaped where it goes in, and what could
repaint a line (control and direction characters) is spelt out.
"""

from collections.abc import Iterable
from html import escape

from remit.cli.output import clean


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def el(name: str, *content: str, css: str = "", **attributes: str) -> Markup:
    """Return an element; its content is escaped unless it is `Markup`."""
    given = {**({"class": css} if css else {}), **attributes}
    marks = "".join(f' {key}="{_escaped(value)}"' for key, value in given.items())
    return Markup(f"<{name}{marks}>{join(content)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Return parts one behind the other, escaped unless they are `Markup`."""
    return Markup("".join(one if isinstance(one, Markup) else _escaped(one) for one in parts))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], css: str = "") -> Markup:
    """Return a table; without rows nothing."""
    made = [el("tr", *(el("td", cell) for cell in row)) for row in rows]
    if not made:
        return Markup("")
    head = el("thead", el("tr", *(el("th", name) for name in heads)))
    return el("div", el("table", head, el("tbody", *made), css=css), css="scroll")


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return names and values as a list."""
    return el(
        "dl",
        *(join([el("dt", name), el("dd", value)]) for name, value in pairs if value),
        css="facts",
    )


def _escaped(text: str) -> str:
    return escape(clean(text))


STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --faint: #5d6b79; --ground: #f5f7f9;
  --card: #ffffff; --line: #dde3e8; --good: #1f7a44; --good-bg: #e7f5ec; --bad: #b3261e;
  --bad-bg: #fdecea; --wait: #a8590a; --wait-bg: #fdf2e1; --link: #2f6fb3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9aa7b4;
  --ground: #0c1116; --card: #12181f; --line: #2a343e; --good: #5fbf86; --good-bg: #14291d;
  --bad: #f0796b; --bad-bg: #331a18; --wait: #fbbf6b; --wait-bg: #33260f; --link: #6aa9e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 0 0 12px; }
.goal { color: var(--faint); margin: 0 0 18px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px; margin: 0 0 18px; }
.verdict { border-left: 6px solid var(--line); }
.verdict.holds { border-left-color: var(--good); }
.verdict.broken { border-left-color: var(--bad); }
.verdict.unknown { border-left-color: var(--wait); }
.verdict .says { font-size: 18px; font-weight: 600; margin: 0 0 4px; }
.verdict ul { margin: 10px 0 0; padding: 0; list-style: none; }
.verdict li { padding: 7px 0; border-top: 1px solid var(--line); }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 18px;
  margin: 0; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr));
  gap: 3px 40px; }
.pill { display: inline-block; border-radius: 999px; padding: 0 9px; font-size: 13px;
  background: var(--ground); border: 1px solid var(--line); white-space: nowrap; }
.pill.good { color: var(--good); background: var(--good-bg); border-color: transparent; }
.pill.bad { color: var(--bad); background: var(--bad-bg); border-color: transparent; }
.pill.wait { color: var(--wait); background: var(--wait-bg); border-color: transparent; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: 13px; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > td { border-bottom: 0; }
td:first-child, .num { font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
pre { background: var(--ground); border-radius: 6px; padding: 10px 12px; margin: 6px 0;
  white-space: pre-wrap; max-height: 420px; overflow: auto; }
summary { cursor: pointer; color: var(--link); }
.scroll + details { margin-top: 12px; }
td > code, td > div > code, td > strong { white-space: nowrap; }
td details code { font-size: 11.5px; }
.faint { color: var(--faint); } .small { font-size: 13px; }
.drawing { overflow-x: auto; text-align: center; }
.drawing svg { max-width: 100%; height: auto; }
.reason { margin: 0; } .reason + .reason { margin-top: 3px; }
footer { color: var(--faint); font-size: 13px; }
@media print { body { background: none; } .card { break-inside: avoid; }
  details { display: none; } }
"""
