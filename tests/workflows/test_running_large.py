"""The largest plans on the real stack: they finish, and are still undone when the last step fails.

Each takes minutes, so `make test` leaves them out; `make large` runs them.
"""

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from tests.running import Running, ended, plan, start

pytestmark = [
    pytest.mark.stack,
    pytest.mark.large,
    pytest.mark.xdist_group("lab"),
    pytest.mark.timeout(1200),
]

ITEMS = 2000
STEPS = 1500
WITHIN_S = 900


def effects(lab: Running, tag: str, kind: str) -> list[str]:
    """Return the names that got an effect of this kind, in order."""
    return [name for name, _, what in lab.journal() if what == kind and name.startswith(tag)]


async def continued(client: Client, handle: WorkflowHandle) -> bool:
    """Return whether the run went on in another run of its chain."""
    last = await client.get_workflow_handle(handle.id).describe()
    return last.run_id != handle.first_execution_run_id


async def test_wide_fan_out_is_undone_when_what_follows_fails(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """2,000 items each take effect once, and each is undone once when the next step fails."""
    steps: list[JSON] = [
        {"id": "all", "tool": "lab.look@1", "args": {"name": tag, "count": ITEMS}},
        {
            "id": "each",
            "tool": "lab.put@1",
            "needs": ["all"],
            "for_each": {"items": "${steps.all.output.items}", "as": "n", "max_parallel": 100},
            "args": {"name": f"{tag}-${{n}}"},
        },
        {
            "id": "last",
            "tool": "lab.put@1",
            "needs": ["each"],
            "args": {"name": f"{tag}-last", "fail": "refuse"},
        },
    ]

    outcome = await ended(await start(lab_client, plan("wide", steps)), WITHIN_S)

    put, dropped = effects(lab, tag, "put"), effects(lab, tag, "drop")
    assert (outcome["status"], outcome["undone"], outcome["residue"]) == ("failed", ITEMS, [])
    assert sorted(put) == sorted(f"{tag}-{n}" for n in range(ITEMS))
    assert sorted(dropped) == sorted(put)


async def test_long_chain_is_undone_in_reverse_when_its_last_step_fails(
    lab: Running, lab_client: Client, tag: str
) -> None:
    """1,500 steps one after the other continue as new, and are undone last one first."""
    steps: list[JSON] = [
        {
            "id": f"s{n}",
            "tool": "lab.put@1",
            "needs": [f"s{n - 1}"] if n else [],
            "args": {"name": f"{tag}-{n}", "fail": "refuse" if n == STEPS - 1 else ""},
        }
        for n in range(STEPS)
    ]

    handle = await start(lab_client, plan("long", steps))
    outcome = await ended(handle, WITHIN_S)

    put, dropped = effects(lab, tag, "put"), effects(lab, tag, "drop")
    assert (outcome["status"], outcome["undone"], outcome["residue"]) == ("failed", STEPS - 1, [])
    assert put == [f"{tag}-{n}" for n in range(STEPS - 1)]
    assert dropped == put[::-1]
    assert await continued(lab_client, handle)
