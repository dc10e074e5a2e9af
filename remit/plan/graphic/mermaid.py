"""A picture as Mermaid text.

Every text stands in quotes with Mermaid's own entities, percent signs and braces included, because
Mermaid looks for directives anywhere. Node names are numbers of ours, so none can be a keyword.
"""

import re
from collections.abc import Iterator

from remit.plan.graphic.picture import Edge, Node, Picture

_SPECIAL = re.compile(r"[^\w .,:()@/+*=!?'-]")
_CLASSES = (
    "classDef read fill:#e8f1fb,stroke:#2f6fb3,color:#0d2137",
    "classDef effect fill:#fdf3dc,stroke:#b07a10,color:#33240a",
    "classDef plan fill:#efe9fb,stroke:#6b4bb8,color:#1f1440",
    "classDef irreversible fill:#fde7e4,stroke:#c0392b,color:#3d100b,stroke-width:2px",
    "classDef gated stroke-dasharray:6 3,stroke-width:2px",
)
_BOXES = {"read": ('["', '"]'), "effect": ('["', '"]'), "plan": ('[["', '"]]')}
_ARROWS = {"needs": "-->", "on_denied": "-. on denied .->", "on_failed": "-. on failed .->"}


def mermaid(drawn: Picture) -> str:
    """Return the flow chart of `drawn`, ending without a line break."""
    return "\n".join(["flowchart TD", *_indented(_lines(drawn))])


def _lines(drawn: Picture) -> Iterator[str]:
    for position, node in enumerate(drawn.nodes):
        yield _box(position, node)
    yield from (_arrow(edge) for edge in drawn.edges)
    yield from _CLASSES
    for position, node in enumerate(drawn.nodes):
        yield from (f"class s{position} {name}" for name in _classes(node))


def _box(position: int, node: Node) -> str:
    before, after = _BOXES[node.kind]
    texts = [f"<b>{_escaped(node.id)}</b>", _escaped(node.calls)]
    texts += [f"<i>{_escaped(mark.text)}</i>" for mark in node.marks]
    return f"s{position}{before}{'<br/>'.join(texts)}{after}"


def _arrow(edge: Edge) -> str:
    return f"s{edge.source} {_ARROWS[edge.kind]} s{edge.target}"


def _classes(node: Node) -> list[str]:
    kinds = [mark.kind for mark in node.marks]
    names: list[str] = ["irreversible" if "irreversible" in kinds else node.kind]
    return [*names, "gated"] if "gate" in kinds else names


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
