"""A plan drawn as Mermaid and as SVG: what is marked, and that no text of a plan gets loose."""

import re
from xml.parsers.expat import ParserCreate

from remit.canonical import JSON, JSONObject
from remit.plan.graphic.mermaid import mermaid
from remit.plan.graphic.picture import Mark, Node, Picture, picture
from remit.plan.graphic.svg import svg
from tests.plan.compiling import compiled, plan

EVIL = "\x00\x1b[2J</text><script>alert(1)</script>\"'&\u202e\ud800 %%{init: {}}%% `x` #quot;\nend"


def step(name: str, tool: str, **args: JSON) -> JSONObject:
    """Return a step that calls `tool`."""
    return {"id": name, "tool": tool, "args": args}


def drawn(*steps: JSONObject, **more: JSON) -> Picture:
    """Return the picture of a plan of `steps`."""
    compilation = compiled(plan(*steps, **more))
    assert compilation.compiled is not None, compilation.diagnostics
    return picture(compilation.compiled, compilation.contracts)


def marks(node: Node) -> set[tuple[str, str]]:
    """Return what is marked at a node."""
    return {(mark.kind, mark.text) for mark in node.marks}


def elements(text: str) -> list[tuple[str, str]]:
    """Return the name and the text of every element of an SVG; it must be well formed."""
    found: list[tuple[str, str]] = []
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, _: found.append((name, ""))

    def more(data: str) -> None:
        name, before = found[-1]
        found[-1] = (name, before + data)

    parser.CharacterDataHandler = more
    parser.Parse(text.encode("utf-8"), True)
    return found


def evil() -> Picture:
    """A picture every text of which tries to get loose."""
    marked = (Mark("condition", EVIL),)
    return Picture(EVIL, EVIL, (Node(EVIL, EVIL, "read", marked, EVIL),), ())


def test_reads_and_effects_look_different() -> None:
    """The tool's operation decides; undo and irreversible are marked."""
    look = step("look", "crm.get_contact@1", id="c-1")
    update = step("update", "crm.update_contact@1", id="c-1", email="a@b.example")
    send = {**step("send", "mail.send@1", to="a@b.example"), "irreversible": True}

    nodes = drawn(look, update, send).nodes

    assert [node.kind for node in nodes] == ["read", "effect", "effect"]
    assert marks(nodes[1]) == {("undo", "undo: crm.restore_contact@1")}
    assert marks(nodes[2]) == {("irreversible", "irreversible")}


def test_gates_loops_and_conditions_are_marked() -> None:
    """What a plan says of people, repetition and conditions stands at the node."""
    look: JSONObject = {
        **step("look", "crm.get_contact@1", id="${one}"),
        "for_each": {"items": "${inputs.ids}", "as": "one"},
        "when": "size(inputs.ids) > 1",
        "approval": {"role": "operator", "quorum": 2},
    }

    (node,) = drawn(look, inputs={"ids": ["c-1", "c-2"]}).nodes

    assert marks(node) == {
        ("gate", "gate: operator, 2 people"),
        ("loop", "for each one of inputs.ids"),
        ("condition", "when size(inputs.ids) > 1"),
    }


def test_edges_are_needs_and_fallbacks() -> None:
    """A fallback hangs on what it stands in for, by another kind of edge."""
    first = {**step("first", "crm.get_contact@1", id="c-1"), "on_failed": "second"}
    second = step("second", "crm.get_contact@1", id="c-2")
    third: JSONObject = {**step("third", "crm.get_contact@1", id="c-3"), "needs": ["first"]}

    text = mermaid(drawn(first, second, third))

    assert "s0 -. on failed .-> s1" in text
    assert "s0 --> s2" in text


def test_long_texts_are_cut() -> None:
    """A condition of 1,000 characters does not make a box of 7,000 pixels."""
    look = step("look", "crm.get_contact@1", id="c-1")
    long = {**look, "when": " && ".join(["inputs.n > 1"] * 80)}

    (node,) = drawn(long, inputs={"n": 2}).nodes

    assert max(len(mark.text) for mark in node.marks) <= 44


def test_mermaid_takes_texts_as_texts() -> None:
    """No quote, tag, directive or line break of a plan reaches Mermaid as such."""
    text = mermaid(evil())

    label = text.splitlines()[1].split('["', 1)[1].removesuffix('"]')
    for mine in ("<b>", "</b>", "<i>", "</i>", "<br/>"):
        label = label.replace(mine, "")
    assert not set(label) & set('"<>&`%{}[]\\\n\x00\x1b\u202e\ud800')
    assert "#lt;" not in text
    assert "#60;script#62;" in text


def test_svg_takes_texts_as_texts() -> None:
    """A plan's texts add no element and no attribute, and break no XML."""
    found = elements(svg(evil()))

    assert "script" not in {name for name, _ in found}
    assert any("<script>alert(1)</script>" in text for name, text in found if name == "title")


def test_svg_loads_nothing() -> None:
    """No script, link, image or font from anywhere; both colour schemes inside."""
    text = svg(drawn(step("look", "crm.get_contact@1", id="c-1")))

    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href|<image|@import|@font-face|<script|url\((?!#)", text)


def test_svg_names_every_step() -> None:
    """Each step is a group with its id, its tool, and the reason when pointed at."""
    look = {**step("look", "crm.get_contact@1", id="c-1"), "reason": "somebody asked"}

    found = elements(svg(drawn(look)))

    assert {"look", "crm.get_contact@1"} <= {text.strip() for name, text in found if name == "text"}
    assert any("somebody asked" in text for name, text in found if name == "title")
