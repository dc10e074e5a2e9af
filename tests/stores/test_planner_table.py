"""`[planner]` of a project: what it may say, and the function that it names."""

from pathlib import Path

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.stores.planner import PlannerTable, load_planner, load_table
from tests.running import ROOT


def project(folder: Path, table: str, **files: str) -> Path:
    """Write a project with this table and these planners."""
    (folder / "planners").mkdir()
    (folder / "remit.toml").write_text(table)
    for name, text in files.items():
        (folder / "planners" / f"{name}.py").write_text(text)
    return folder


def test_without_a_table_there_is_no_planner(tmp_path: Path) -> None:
    """Nor without a file."""
    assert load_table(tmp_path) is None
    assert load_table(project(tmp_path, "name = 'x'\n")) is None


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("[planner]\n", "#/planner/function"),
        ("[planner]\nfunction = 'nowhere'\n", "#/planner/function"),
        ("[planner]\nfunction = 'a:b'\ndeadline_s = 0\n", "#/planner/deadline_s"),
        ("[planner]\nfunction = 'a:b'\nrounds = 11\n", "#/planner/rounds"),
        ("[planner]\nfunction = 'a:b'\nmodel = 'x'\n", "#/planner/model"),
        ("[planner]\nfunction = 'a:b'\nbudget_micros = 5\n", "#/planner/cost"),
        ("[planner\n", ""),
    ],
)
def test_a_table_that_cannot_be_used_is_told_by_place(
    tmp_path: Path, table: str, path: str
) -> None:
    """One code, and the key that is wrong."""
    with pytest.raises(InvalidDocumentError) as refused:
        load_table(project(tmp_path, table))

    (found,) = refused.value.diagnostics
    assert (found.code, found.path) == ("PLANNER-INVALID", f"remit.toml{path}")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("planners.absent:propose", "ModuleNotFoundError"),
        ("no_such_package.x:propose", "ModuleNotFoundError"),
        ("planners.own:absent", "is no function"),
        ("planners.own:plain", "is not `async def`"),
        ("planners.own:number", "is no function"),
        ("planners.broken:propose", "raised SyntaxError"),
        ("planners.leaves:propose", "raised SystemExit"),
    ],
)
def test_a_function_that_is_not_there_is_told(tmp_path: Path, function: str, words: str) -> None:
    """Whatever the module does when it is imported."""
    folder = project(
        tmp_path,
        "",
        own="number = 1\ndef plain(wish): ...\n",
        broken="def",
        leaves="raise SystemExit(1)",
    )
    with pytest.raises(InvalidDocumentError) as refused:
        load_planner(folder, PlannerTable(function=function))

    (found,) = refused.value.diagnostics
    assert found.code == "PLANNER-FUNCTION"
    assert words in found.message


async def test_planners_of_a_project_import_each_other(tmp_path: Path) -> None:
    """The folder is a package while it is read, and leaves nothing behind."""
    folder = project(
        tmp_path,
        "",
        own="from planners.words import WORD\nasync def propose(wish): return {'name': WORD}\n",
        words="WORD = 'mine'\n",
    )
    planner = load_planner(folder, PlannerTable(function="planners.own:propose"))

    wish: object = None
    assert await planner(wish) == {"name": "mine"}  # type: ignore[arg-type]


def test_the_back_office_names_a_planner() -> None:
    """The example's table and function can be used."""
    folder = ROOT / "examples" / "backoffice"
    table = load_table(folder)

    assert table is not None
    assert table.agent == "buyer@1.4.0"
    assert load_planner(folder, table).__name__ == "propose"  # type: ignore[attr-defined]
