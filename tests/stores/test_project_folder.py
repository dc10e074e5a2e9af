"""Reading a project's folder: tools, functions and plans, and all that can be wrong with them."""

import json
import sys
from pathlib import Path

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.stores import tool_files
from remit.stores.project import Project, load_project

CONTRACT = """
name: shop.get
version: 1.2.0
owner: team:shop
description: Look at a thing.
domain: shop
operation: read
idempotency: natural
input_schema: {type: object, properties: {id: {type: string}}, required: [id]}
output_schema: {type: object}
destinations: [shop.example]
call: {kind: http, method: GET, url: "https://shop.example/{id}"}
"""

FUNCTION = '''
from remit.tool.python import tool
from tools.rates import RATE


@tool(domain="shop", operation="read", idempotency="natural", owner="team:shop", version="1.0.0")
def price(micros: int) -> int:
    """Price with tax."""
    return micros * RATE
'''


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _load(folder: Path, files: dict[str, str]) -> Project:
    return load_project(_write(folder, files))


def _faults(folder: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDocumentError) as raised:
        _load(folder, files)
    return [(each.code, each.path) for each in raised.value.diagnostics]


def test_an_empty_folder_is_an_empty_project(tmp_path: Path) -> None:
    """Missing sub-folders count as empty."""
    project = load_project(tmp_path)

    assert len(project.catalogue) == 0
    assert project.library_documents == {}
    assert project.findings == ()


def test_reads_contracts_functions_and_plans(tmp_path: Path) -> None:
    """YAML and JSON, one or many in a file, decorated functions, and plans by name and version."""
    many = {"defaults": {"owner": "team:x", "destinations": ["x.example"]}, "tools": []}
    base = {
        "version": "1.0.0",
        "description": "Look.",
        "domain": "shop",
        "operation": "read",
        "idempotency": "natural",
        "input_schema": {"type": "object"},
        "output_schema": {},
        "call": {"kind": "http", "method": "GET", "url": "https://x.example/"},
    }
    many["tools"] = [base | {"name": "shop.one"}, base | {"name": "shop.two", "owner": "team:y"}]

    project = _load(
        tmp_path,
        {
            "tools/get.yaml": CONTRACT,
            "tools/many.json": json.dumps(many),
            "tools/prices.py": FUNCTION,
            "tools/rates.py": "RATE = 2\n",
            "tools/.hidden.yaml": "not: a contract",
            "tools/notes.txt": "nothing",
            "plans/buy.json": '{"name": "buy", "version": "1.0.0", "steps": []}',
            "plans/more.yaml": "name: sell\nversion: 2.0.0\n---\nname: lend\nversion: 1.0.0\n",
        },
    )

    assert project.catalogue.refs == ("shop.get@1", "shop.one@1", "shop.price@1", "shop.two@1")
    found = project.catalogue.find("shop.two@1")
    assert found is not None
    assert found.owner == "team:y"
    assert found.destinations == ["x.example"]
    price = project.functions["tools.prices:price"]
    assert price.function(**price.binding.keywords({"micros": 21}, "k")) == 42
    assert set(project.library_documents) == {"buy@1.0.0", "sell@2.0.0", "lend@1.0.0"}
    assert project.plan_files["lend@1.0.0"] == "plans/more.yaml"


def test_leaves_the_interpreter_as_it_was(tmp_path: Path) -> None:
    """Neither `sys.path` nor `sys.modules` nor the folder keep a trace; a second read is fresh."""
    before = (list(sys.path), {name for name in sys.modules if name.startswith("tools")})

    _load(tmp_path, {"tools/prices.py": FUNCTION, "tools/rates.py": "RATE = 2\n"})
    project = _load(tmp_path, {"tools/rates.py": "RATE = 3\n"})

    assert project.functions["tools.prices:price"].function(micros=1) == 3
    assert (list(sys.path), {n for n in sys.modules if n.startswith("tools")}) == before
    assert not (tmp_path / "tools" / "__pycache__").exists()


def test_contracts_may_name_functions(tmp_path: Path) -> None:
    """A YAML contract of kind `python` finds its function in the folder or where installed."""
    contract = CONTRACT.replace("https://shop.example/{id}", "").replace(
        'call: {kind: http, method: GET, url: ""}', "call: {kind: python, function: 'FUNCTION'}"
    )
    plain = "def look(id: str) -> dict[str, str]:\n    return {'id': id}\n"

    project = _load(
        tmp_path,
        {"tools/a.yaml": contract.replace("FUNCTION", "tools.plain:look"), "tools/plain.py": plain},
    )
    assert set(project.functions) == {"tools.plain:look"}

    for wrong in ("tools.plain:gone", "tools.gone:look", "nowhere.at.all:look"):
        files = {"tools/a.yaml": contract.replace("FUNCTION", wrong)}
        assert _faults(tmp_path, files) == [("TOOL-FUNCTION", "tools/a.yaml")]


def test_every_fault_of_every_file_comes_at_once(tmp_path: Path) -> None:
    """A broken file hides nothing in the others, and each finding names its file and place."""
    found = _faults(
        tmp_path,
        {
            "tools/a.yaml": "a: [",
            "tools/b.yaml": "---\n" + CONTRACT + "\n---\nname: Shop\n",
            "tools/c.yaml": CONTRACT.replace("owner: team:shop", "owner: ' '"),
            "tools/d.py": "raise RuntimeError('boom')\n",
            "tools/e-f.py": "",
            "tools/g.py": FUNCTION.replace("micros: int", "micros"),
            "tools/h.py": "import sys\nsys.exit(3)\n",
            "tools/rates.py": "RATE = 1\n",
        },
    )

    assert ("PROJECT-NOT-READ", "tools/a.yaml") in found
    assert ("TOOL-SHAPE", "tools/b.yaml#/1/name") in found
    assert ("TOOL-SHAPE", "tools/b.yaml#/1/call") in found
    assert ("TOOL-DUPLICATE", "tools/b.yaml#/shop.get@1") in found
    assert ("TOOL-MODULE", "tools/d.py") in found
    assert ("TOOL-MODULE", "tools/e-f.py") in found
    assert ("TOOL-HINTS", "tools/g.py#/price/micros") in found
    assert ("TOOL-MODULE", "tools/h.py") in found


def test_plans_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    """A bad plan does not take the tools down with it."""
    project = _load(
        tmp_path,
        {
            "tools/get.yaml": CONTRACT,
            "plans/a.json": "{",
            "plans/b.json": "[1]",
            "plans/c.json": '{"name": "c", "version": "1.0.0"}',
            "plans/d.json": '{"name": "c", "version": "1.0.0"}',
        },
    )

    assert set(project.library_documents) == {"c@1.0.0"}
    assert [(each.code, each.path) for each in project.findings] == [
        ("PROJECT-NOT-READ", "plans/a.json"),
        ("PLAN-UNNAMED", "plans/b.json"),
        ("PLAN-DUPLICATE", "plans/d.json"),
    ]


def test_warnings_name_their_file(tmp_path: Path) -> None:
    """What is worth a look is told with the file it stands in."""
    project = _load(tmp_path, {"tools/a.yaml": CONTRACT.replace("read", "write")})

    assert [(each.code, each.path) for each in project.findings] == [
        ("TOOL-NO-UNDO", "tools/a.yaml#/shop.get@1/compensation")
    ]


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders that are too large are refused unread."""
    large = "# " + "x" * tool_files.MAX_TOOLS_BYTES
    assert _faults(tmp_path, {"tools/a.yaml": large}) == [("PROJECT-TOO-LARGE", "tools/a.yaml")]

    monkeypatch.setattr(tool_files, "MAX_FILES", 1)
    files = {"tools/a.yaml": "", "tools/b.yaml": ""}
    assert _faults(tmp_path, files) == [("PROJECT-TOO-LARGE", "tools")]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is a finding, not a project without tools."""
    with pytest.raises(InvalidDocumentError) as raised:
        load_project(tmp_path / "nowhere")

    assert [each.code for each in raised.value.diagnostics] == ["PROJECT-MISSING"]
