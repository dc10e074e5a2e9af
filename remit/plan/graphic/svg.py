"""A picture as SVG: one self-contained file, readable on light and dark ground.

Made by hand, without a program that draws. Texts are escaped and stripped of what XML cannot hold;
there is no script, no link and no font to load.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from remit.plan.graphic.layout import Layout, Point, Size, Upright, lay_out
from remit.plan.graphic.picture import Edge, Node, Picture

_MARGIN = 24.0
_HEAD = 58.0
_FOOT = 40.0
_LINE = 17.0
_PAD_X = 14.0
_PAD_Y = 11.0
_CHARACTER = 6.9
"""Width of an average character at the size that boxes are written in, in pixels."""
_BOLD = 7.9
_SMALLEST = 130.0
_NOT_XML = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

_LEGEND = (
    ("read", "reads"),
    ("effect", "has an effect"),
    ("plan", "sub-plan"),
    ("gate", "waits for a person"),
    ("undo", "can be undone"),
    ("irreversible", "cannot be undone"),
    ("loop", "runs many times"),
    ("condition", "on a condition"),
    ("differs", "differs"),
)

_LIGHT = {
    "ground": "#ffffff",
    "ink": "#1b2733",
    "faint": "#5d6b79",
    "edge": "#7d8a97",
    "read": "#2f6fb3",
    "read-fill": "#eef5fc",
    "effect": "#a36f0a",
    "effect-fill": "#fdf6e6",
    "plan": "#6b4bb8",
    "plan-fill": "#f4effc",
    "gate": "#c2410c",
    "undo": "#2c7a4b",
    "irreversible": "#c0392b",
    "loop": "#0e7490",
    "condition": "#5d6b79",
    "differs": "#b3007a",
}
_DARK = {
    "ground": "#12181f",
    "ink": "#e6edf3",
    "faint": "#a3afbb",
    "edge": "#75828f",
    "read": "#6aa9e9",
    "read-fill": "#16283a",
    "effect": "#d9a441",
    "effect-fill": "#2e2612",
    "plan": "#a78bea",
    "plan-fill": "#261f3a",
    "gate": "#fb923c",
    "undo": "#5fbf86",
    "irreversible": "#f0796b",
    "loop": "#22d3ee",
    "condition": "#9aa7b4",
    "differs": "#ff6ec7",
}
_SHAPES = """
text { font: 12.5px system-ui, "DejaVu Sans", sans-serif; }
.title { font-size: 17px; font-weight: 600; }
.id { font-weight: 600; }
.edge { fill: none; stroke-width: 1.4; }
.fallback { stroke-dasharray: 5 4; }
.box { stroke-width: 1.4; }
.inner { fill: none; stroke-width: 1; }
.behind { stroke-width: 1; }
.lost .box { stroke-width: 2.2; }
.differs .box { stroke-width: 3.4; }
.label { stroke-width: 4; paint-order: stroke; }
"""


def _colours(of: Mapping[str, str]) -> str:
    """Return the rules of one palette; no variables, which few programs besides browsers read."""
    rules = [
        f"text {{ fill: {of['ink']}; }}",
        f".goal, .calls, .mark, .label {{ fill: {of['faint']}; }}",
        f".ground {{ fill: {of['ground']}; }}",
        f".edge {{ stroke: {of['edge']}; }}",
        f".tip {{ fill: {of['edge']}; }}",
        f".label {{ stroke: {of['ground']}; }}",
        f".behind {{ fill: {of['ground']}; stroke: {of['edge']}; }}",
        f".plan .inner {{ stroke: {of['plan']}; }}",
    ]
    rules += [
        f".{kind} .box {{ fill: {of[f'{kind}-fill']}; stroke: {of[kind]}; }}"
        for kind in ("read", "effect", "plan")
    ]
    rules.append(f".lost .box {{ stroke: {of['irreversible']}; }}")
    rules.append(f".differs .box {{ stroke: {of['differs']}; }}")
    rules += [f".dot-{kind} {{ fill: {of[kind]}; }}" for kind, _ in _LEGEND]
    return "\n".join(rules)


STYLE = (
    f"{_SHAPES}{_colours(_LIGHT)}\n@media (prefers-color-scheme: dark) {{\n{_colours(_DARK)}\n}}\n"
)


def svg(drawn: Picture, *, is_styled: bool = True) -> str:
    """Return the drawing as an SVG document, ending without a line break.

    Args:
        drawn: what to draw.
        is_styled: whether the document brings `STYLE` along; a page may have it already.
    """
    sizes = [_size(node) for node in drawn.nodes]
    placed = lay_out(sizes, [(edge.source, edge.target) for edge in drawn.edges])
    legend = _legend(drawn)
    texts = (len(drawn.title) * 10.0, len(_goal(drawn)) * _CHARACTER)
    least = max(*texts, sum(_legend_width(words) for _, words in legend))
    width = max(placed.width, least) + 2 * _MARGIN
    height = placed.height + 2 * _MARGIN + _HEAD + _FOOT
    left = (width - placed.width) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" role="img" aria-labelledby="title">',
        f'<title id="title">{_text(drawn.title)}</title>',
        *([f"<style>{STYLE}</style>"] if is_styled else []),
        _TIP,
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text class="title" x="{_n(_MARGIN)}" y="36">{_text(drawn.title)}</text>',
        f'<text class="goal" x="{_n(_MARGIN)}" y="57">{_text(_goal(drawn))}</text>',
        f'<g transform="translate({_n(left)} {_n(_MARGIN + _HEAD)})">',
        *_edges(drawn, placed),
        *(
            line
            for node, size, corner in zip(drawn.nodes, sizes, placed.corners, strict=True)
            for line in _box(node, size, corner)
        ),
        "</g>",
        *_legend_lines(legend, height - 22.0),
        "</svg>",
    ]
    return "\n".join(lines)


_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path class="tip" d="M0 0.6 L8 4 L0 7.4 z"/></marker></defs>'
)


def _size(node: Node) -> Size:
    longest = max([len(node.calls), *(len(mark.text) + 2 for mark in node.marks)])
    width = max(longest * _CHARACTER, len(node.id) * _BOLD) + 2 * _PAD_X
    return Size(max(width, _SMALLEST), (2 + len(node.marks)) * _LINE + 2 * _PAD_Y - 4)


def _box(node: Node, size: Size, corner: Point) -> Iterator[str]:
    x, y = corner
    kinds = {mark.kind for mark in node.marks}
    lost = " lost" if "irreversible" in kinds else ""
    many = " many" if "loop" in kinds else ""
    differs = " differs" if "differs" in kinds else ""
    stage = f" at-{node.stage}" if node.stage else ""
    yield f'<g class="{node.kind}{lost}{many}{differs}{stage}">'
    yield f"<title>{_text(_whole(node))}</title>"
    if "loop" in kinds:
        yield _rect("behind", x + 5, y + 5, size)
    yield _rect("box", x, y, size)
    if node.kind == "plan":
        yield _rect("inner", x + 4, y + 4, Size(size.width - 8, size.height - 8))
    left, line = x + _PAD_X, y + _PAD_Y + 11
    yield f'<text class="id" x="{_n(left)}" y="{_n(line)}">{_text(node.id)}</text>'
    yield f'<text class="calls" x="{_n(left)}" y="{_n(line + _LINE)}">{_text(node.calls)}</text>'
    for position, mark in enumerate(node.marks, start=2):
        at = line + position * _LINE
        yield _dot(mark.kind, left + 4, at - 4.3)
        css = "mark stage" if mark.kind == "stage" else "mark"
        yield f'<text class="{css}" x="{_n(left + 13)}" y="{_n(at)}">{_text(mark.text)}</text>'
    yield "</g>"


def _whole(node: Node) -> str:
    told = [node.id, node.calls, *(mark.text for mark in node.marks), node.told]
    return "\n".join(text for text in told if text)


def _rect(name: str, x: float, y: float, size: Size) -> str:
    return (
        f'<rect class="{name}" x="{_n(x)}" y="{_n(y)}" width="{_n(size.width)}" '
        f'height="{_n(size.height)}" rx="7"/>'
    )


def _dot(kind: str, x: float, y: float) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="4" class="dot-{kind}"/>'


def _edges(drawn: Picture, placed: Layout) -> Iterator[str]:
    for edge, way in zip(drawn.edges, placed.ways, strict=True):
        extra = "" if edge.kind == "needs" else " fallback"
        yield f'<path class="edge{extra}" marker-end="url(#tip)" d="{_line(way)}"/>'
    for edge, way in zip(drawn.edges, placed.ways, strict=True):
        if edge.kind != "needs":
            yield _label(edge, way)


def _line(way: Sequence[Upright]) -> str:
    """Return a path that is upright in the layers and bends between them."""
    parts = [f"M{_n(way[0].x)} {_n(way[0].top)} V{_n(way[0].bottom)}"]
    for above, below in pairwise(way):
        middle = _n((above.bottom + below.top) / 2)
        curve = f"C{_n(above.x)} {middle} {_n(below.x)} {middle} {_n(below.x)} {_n(below.top)}"
        parts.append(curve if below.bottom == below.top else f"{curve} V{_n(below.bottom)}")
    return " ".join(parts)


def _label(edge: Edge, way: Sequence[Upright]) -> str:
    x, y = (way[0].x + way[1].x) / 2 + 6, (way[0].bottom + way[1].top) / 2 + 4
    return f'<text class="label" x="{_n(x)}" y="{_n(y)}">{edge.kind.replace("_", " ")}</text>'


def _legend(drawn: Picture) -> list[tuple[str, str]]:
    """Return the marks and kinds that stand in the drawing, with what they mean."""
    present = {node.kind for node in drawn.nodes} | {m.kind for n in drawn.nodes for m in n.marks}
    return [(kind, words) for kind, words in _LEGEND if kind in present]


def _legend_width(words: str) -> float:
    return 13 + len(words) * _CHARACTER + 18


def _legend_lines(legend: list[tuple[str, str]], y: float) -> Iterator[str]:
    x = _MARGIN
    for kind, words in legend:
        yield _dot(kind, x + 4, y - 4.3)
        yield f'<text class="label" x="{_n(x + 13)}" y="{_n(y)}">{words}</text>'
        x += _legend_width(words)


def _goal(drawn: Picture) -> str:
    line = " ".join(drawn.goal.split())
    return line if len(line) <= 110 else line[:109] + "…"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=True)


def _n(value: float) -> str:
    """Return a number as short as SVG takes it."""
    return f"{value:.1f}".removesuffix(".0")
