"""Ten broken plans of the lab, each with the code that tells what is wrong with it."""

from remit.canonical import JSON, JSONObject
from tests.running import plan, put

_TWO = [put("first", "NAMEa"), put("second", "NAMEb", "first")]


def _with(at: int, **more: JSON) -> list[JSON]:
    return [{**step, **more} if n == at else step for n, step in enumerate(_TWO)]


def _made(steps: list[JSON], **more: JSON) -> JSONObject:
    return plan("mended", steps, **more)


BROKEN: dict[str, JSONObject] = {
    "PLAN-SCHEMA-VERSION": {**_made(list(_TWO)), "schema": "remit.plan/v9"},
    "PLAN-UNKNOWN-FIELD": _made([{**_TWO[0], "reson": "because"}, _TWO[1]]),
    "PLAN-UNKNOWN-TOOL": _made(_with(0, tool="lab.putt@1")),
    "PLAN-UNKNOWN-STEP": _made(_with(1, needs=["frist"])),
    "PLAN-DUPLICATE-ID": _made([_TWO[0], {**put("first", "NAMEb")}]),
    "PLAN-DURATION": _made(_with(0, timeout="PT0S")),
    "PLAN-ARGUMENT-MISSING": _made([_TWO[0], {**_TWO[1], "args": {"fail": ""}}]),
    "PLAN-ARGUMENT-UNKNOWN": _made(_with(0, args={"name": "NAMEa", "wait_z": 0})),
    "PLAN-ARGUMENT-TYPE": _made(_with(0, args={"name": 7})),
    "PLAN-REFERENCE-FIELD": _made(
        _with(1, args={"name": "so ${inputs.nme}"}), inputs={"name": "NAMEb"}
    ),
    "PLAN-JOIN": _made(_with(1, join={"quorum": 3})),
    "PLAN-MAX-STEPS": _made(list(_TWO), constraints={"max_steps": 1}),
    "PLAN-EXPRESSION-NAME": _made(_with(1, require=["inputz.go == true"]), inputs={"go": True}),
}
"""By code; `NAME` stands for what a test puts in its place."""
