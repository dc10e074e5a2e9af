"""The README lists every operation as it is declared: tool contracts are written from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.backoffice.running import FOLDER

if TYPE_CHECKING:
    from examples.backoffice.service.contract import Operation

README = (FOLDER.parent / "README.md").read_text()


def _ticked(names: list[str], joint: str) -> str:
    return joint.join(f"`{name}`" for name in names) or "-"


def _row(operation: Operation) -> str:
    """The row of an operation; optional fields carry a question mark."""
    says = operation.says
    fields = [
        name if field.is_required() else f"{name}?"
        for name, field in operation.asks.model_fields.items()
        if name not in (*says.path_fields, "missing")
    ]
    cells = (
        f"`{says.name}`",
        f"`{says.method} {says.path}`",
        _ticked(fields, ", "),
        f"{says.success} `{operation.answers.__name__}`",
        _ticked([refusal.code for refusal in says.refuses], " "),
        _ticked([says.undo] if says.undo else [], ""),
    )
    return f"| {' | '.join(cells)} |"


def test_readme_has_the_row_of_each_operation(every: list[Operation]) -> None:
    """Path, fields, answer, refusals and undo in the README are the declared ones."""
    assert [row for row in map(_row, every) if row not in README] == []


def test_readme_names_the_fields_of_each_answer(every: list[Operation]) -> None:
    """The table of answers has every answer with every field."""
    for operation in every:
        fields = operation.answers.model_fields
        (row,) = [
            r for r in README.splitlines() if r.startswith(f"| `{operation.answers.__name__}`")
        ]

        assert all(f"`{name}` " in row for name in fields)


def test_readme_names_the_natural_and_the_irreversible(business: list[Operation]) -> None:
    """What is natural besides the undos, and what is irreversible, is said as declared."""
    declared = [operation.says for operation in business]
    undos = {says.undo for says in declared}
    prose = README.partition("Natural, besides the undos:")[2].partition("\n\n")[0]
    natural, _, irreversible = prose.partition("Irreversible:")

    assert {s.name for s in declared if s.natural and s.name not in undos} == {
        s.name for s in declared if f"`{s.name}`" in natural
    }
    assert {s.name for s in declared if s.irreversible} == {
        s.name for s in declared if f"`{s.name}`" in irreversible
    }
