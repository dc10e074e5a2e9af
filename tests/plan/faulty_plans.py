"""For every code the smallest plan that has it, and the place to which it must point."""

from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.plan.codes import Code
from remit.plan.compiled import Limits
from tests.plan.compiling import part, plan, purchase

LOOK: JSONObject = {"id": "look", "tool": "crm.get_contact@1", "args": {"id": "c-1"}}
QUOTE: JSONObject = {"id": "quote", "tool": "supplier.get_quote@1", "args": {"supplier": "s"}}
MAIL: JSONObject = {
    "id": "mail",
    "tool": "mail.send@1",
    "args": {"to": "a@acme.example"},
    "irreversible": True,
}
RESERVE: JSONObject = {
    "id": "reserve",
    "tool": "finance.reserve_budget@1",
    "args": {"amount_micros": 500},
    "compensate": {"tool": "finance.release_budget@1", "args": {"reservation": "${output.id}"}},
}


def look(step_id: str = "look", **more: JSON) -> JSONObject:
    """Return a step that reads a contact."""
    return {**LOOK, "id": step_id, **more}


def after_quote(**more: JSON) -> JSONObject:
    """Return a plan whose second step needs the first, and has `more`."""
    return plan(
        QUOTE, look(needs=["quote"], **more), inputs={"n": 1, "x": 1.5, "names": {"a": "b"}}
    )


def deep(levels: int) -> JSON:
    """Return objects inside one another."""
    value: JSON = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@dataclass(frozen=True)
class Case:
    """A document, and the one code and place that it must give."""

    code: Code
    path: str
    document: JSON
    says: str = ""
    """A part of message or hint."""
    library: tuple[JSON, ...] = ()
    name: str = ""
    limits: Limits | None = field(default=None)


CASES = [
    # The document
    Case(Code.TOO_LARGE, "", plan(LOOK, inputs={"text": "x" * 1_100_000}), "bytes"),
    Case(Code.TOO_DEEP, "/inputs" + "/a" * 63, plan(LOOK, inputs={"a": deep(70)})),
    Case(Code.NUMBER, "/inputs/n", plan(LOOK, inputs={"n": 2**53 + 1}), "as text"),
    Case(Code.NUMBER, "/inputs/n", plan(LOOK, inputs={"n": float("inf")}), name="infinity"),
    Case(Code.TEXT, "/inputs/t", plan(LOOK, inputs={"t": "\ud800"})),
    # Shape
    Case(Code.SHAPE, "", [1], "a list"),
    Case(Code.SHAPE, "/steps/0/irreversible", plan(look(irreversible="yes")), name="coerced"),
    Case(Code.SHAPE, "/steps/0/timeout", plan(look(timeout="30s")), "PT30S", name="duration"),
    Case(Code.SHAPE, "/steps/0/join", plan(look(join="most")), "quorum", name="join"),
    Case(Code.SHAPE, "/on_behalf_of", plan(LOOK, on_behalf_of="a\0@acme.example"), name="party"),
    Case(Code.SCHEMA_VERSION, "/schema", plan(LOOK, schema="remit.plan/v9"), "v9"),
    Case(
        Code.SCHEMA_VERSION,
        "",
        {k: v for k, v in plan(LOOK).items() if k != "schema"},
        name="absent",
    ),
    Case(Code.UNKNOWN_FIELD, "/steps/0/require_", plan(look(require_=[])), "'require'"),
    Case(Code.UNKNOWN_FIELD, "/stepz", plan(LOOK, stepz=[]), "'steps'", name="top"),
    Case(Code.MISSING_FIELD, "", {k: v for k, v in plan(LOOK).items() if k != "owner"}, "'owner'"),
    Case(Code.TOO_MANY_STEPS, "/steps", plan(*[look(f"s{n}") for n in range(10_000)]), "5000"),
    Case(Code.DURATION, "/steps/0/timeout", plan(look(timeout="PT"))),
    Case(Code.DURATION, "/steps/0/timeout", plan(look(timeout="PT0S")), name="zero"),
    Case(
        Code.DURATION,
        "/steps/0/retry/max",
        plan(look(retry={"max": "P99999999999D"})),
        name="for ever",
    ),
    Case(
        Code.DURATION,
        "/constraints/deadline",
        plan(LOOK, constraints={"deadline": "P"}),
        name="d",
    ),
    Case(Code.RESERVED_NAME, "/steps/0/id", plan(look("in"))),
    Case(
        Code.RESERVED_NAME,
        "/steps/0/for_each/as",
        plan(look(for_each={"items": [1], "as": "output"})),
        name="variable",
    ),
    Case(Code.ACTION, "/steps/0", plan({"id": "nothing"})),
    Case(Code.ACTION, "/steps/0", plan(look(plan="part@1.0.0")), library=(part(),), name="both"),
    Case(
        Code.SUBPLAN_FIELD,
        "/steps/0/ensure",
        plan({"id": "sub", "plan": "part@1.0.0", "args": {"who": "c"}, "ensure": ["true"]}),
        library=(part(),),
    ),
    Case(
        Code.LOOP,
        "/steps/0/repeat",
        plan(
            look(
                for_each={"items": [1], "as": "n"},
                repeat={"until": "output.id != ''", "max_times": 2},
            )
        ),
    ),
    # Graph
    Case(Code.DUPLICATE_ID, "/steps/1/id", plan(LOOK, LOOK)),
    Case(Code.UNKNOWN_STEP, "/steps/1/needs/0", plan(QUOTE, look(needs=["qoute"])), "'quote'"),
    Case(Code.UNKNOWN_STEP, "/steps/0/on_failed", plan(look(on_failed="nobody")), name="fallback"),
    Case(
        Code.UNKNOWN_STEP,
        "/steps/1/args/id",
        after_quote(args={"id": "${steps.qoute.output.note}"}),
        name="reference",
    ),
    Case(
        Code.CYCLE,
        "/steps/0",
        plan(look("a", needs=["c"]), look("b", needs=["a"]), look("c", needs=["b"])),
        "→",
    ),
    Case(Code.CYCLE, "/steps/0", plan(look("a", needs=["a"])), "a → a", name="itself"),
    Case(
        Code.UNREACHABLE,
        "/steps/2/needs/0",
        plan(look("a", on_failed="b"), look("b"), look("c", needs=["b"])),
        "need 'a'",
    ),
    Case(Code.JOIN, "/steps/0/join", plan(look(join="any"))),
    Case(
        Code.JOIN,
        "/steps/1/join/quorum",
        plan(QUOTE, look(needs=["quote", "quote"], join={"quorum": 2})),
        name="quorum",
    ),
    Case(
        Code.FALLBACK,
        "/steps/1/on_failed",
        plan(look("a", on_failed="c"), look("b", on_failed="c"), look("c")),
        "'a'",
    ),
    Case(
        Code.FALLBACK,
        "/steps/1/needs/0",
        plan(look("a", on_failed="b"), look("b", needs=["c"]), look("c")),
        name="waits",
    ),
    Case(
        Code.FALLBACK_OUTPUT,
        "/steps/0/on_failed",
        plan(
            look("a", on_failed="b"),
            {**QUOTE, "id": "b"},
            look("c", needs=["a"], args={"id": "${steps.a.output.email}"}),
        ),
        "`output.email`",
    ),
    # Catalogue
    Case(
        Code.UNKNOWN_TOOL,
        "/steps/0/tool",
        plan(look(tool="crm.get_contct@1")),
        "crm.get_contact@1",
    ),
    Case(Code.UNKNOWN_TOOL, "/steps/0/tool", plan(look(tool="crm.get_contact@2")), name="version"),
    Case(
        Code.UNKNOWN_TOOL,
        "/steps/0/compensate/tool",
        plan({**MAIL, "irreversible": False, "compensate": {"tool": "mail.unsend@1"}}),
        name="compensation",
    ),
    Case(Code.UNKNOWN_PLAN, "/steps/0/plan", plan({"id": "sub", "plan": "part@1.0.0"})),
    Case(Code.UNKNOWN_PLAN, "/plan", {"plan": "purhcase-laptops@1.0.0"}, "purchase", (purchase(),)),
    Case(
        Code.RECURSION,
        "/steps/0/plan",
        plan({"id": "again", "plan": "small@1.0.0"}),
        "small@1.0.0 → small@1.0.0",
        (plan({"id": "again", "plan": "small@1.0.0"}),),
    ),
    Case(
        Code.TENANT,
        "/steps/0/plan",
        plan({"id": "sub", "plan": "part@1.0.0", "args": {"who": "c"}}),
        library=({**part(), "tenant": "others"},),
    ),
    # Inputs, references, arguments
    Case(
        Code.INPUTS,
        "/inputs/n",
        plan(
            LOOK,
            inputs={"n": "1"},
            inputs_schema={"type": "object", "properties": {"n": {"type": "integer"}}},
        ),
    ),
    Case(Code.INPUTS_SCHEMA, "/inputs_schema", plan(LOOK, inputs_schema={"type": "strng"})),
    Case(
        Code.INPUTS_SCHEMA,
        "/inputs_schema",
        plan(LOOK, inputs_schema={"type": "array"}),
        name="l",
    ),
    Case(
        Code.INPUTS_SCHEMA,
        "/inputs_schema",
        plan(LOOK, inputs_schema={"type": "object", "$ref": "https://other.example/schema"}),
        name="elsewhere",
    ),
    Case(Code.REFERENCE_SYNTAX, "/steps/1/args/id", after_quote(args={"id": "${inputs.n + 1}"})),
    Case(
        Code.REFERENCE_SYNTAX,
        "/steps/1/args/id",
        after_quote(args={"id": "${inputs.n"}),
        name="o",
    ),
    Case(
        Code.REFERENCE_SYNTAX,
        "/steps/1/args/id",
        after_quote(args={"id": "${steps.quote.note}"}),
        name="no output",
    ),
    Case(
        Code.REFERENCE_SYNTAX,
        "/steps/1/require/0",
        after_quote(require=["steps == steps"]),
        name="s",
    ),
    Case(
        Code.REFERENCE_SCOPE,
        "/steps/1/args/id",
        plan(QUOTE, look(args={"id": "${steps.quote.output.comment}"})),
        "add 'quote'",
    ),
    Case(
        Code.REFERENCE_SCOPE,
        "/steps/0/args/id",
        plan(look(args={"id": "${output.id}"})),
        name="out",
    ),
    Case(
        Code.REFERENCE_SCOPE,
        "/steps/0/args/id",
        plan(look(args={"id": "${steps.look.output.id}"})),
        name="own output",
    ),
    Case(
        Code.REFERENCE_SCOPE,
        "/steps/1/when",
        plan(QUOTE, look(when="steps.quote.output.total_micros > 1")),
        name="expression",
    ),
    Case(
        Code.REFERENCE_FIELD,
        "/steps/1/args/id",
        after_quote(args={"id": "${steps.quote.output.coment}"}),
        "'comment'",
    ),
    Case(
        Code.REFERENCE_FIELD,
        "/steps/1/args/id",
        after_quote(args={"id": "${inputs.m}"}),
        name="input",
    ),
    Case(
        Code.REFERENCE_FIELD,
        "/steps/1/args/id",
        after_quote(args={"id": "${inputs.n.x}"}),
        name="scalar",
    ),
    Case(
        Code.REFERENCE_ABSENT,
        "/steps/1/args/id",
        plan(
            look("maybe", when="inputs.n > 0"),
            look("use", needs=["maybe"], args={"id": "${steps.maybe.output.id}"}),
            inputs={"n": 1},
        ),
        "skipped",
    ),
    Case(
        Code.REFERENCE_ABSENT,
        "/steps/2/args/id",
        plan(
            look("a"),
            look("b"),
            look("c", needs=["a", "b"], join="any", args={"id": "${steps.a.output.id}"}),
        ),
        "`any`",
        name="join",
    ),
    Case(
        Code.REFERENCE_ABSENT,
        "/steps/1/require/0",
        plan(
            look("maybe", when="inputs.n > 0"),
            look("use", needs=["maybe"], require=["steps.maybe.output.id == 'x'"]),
            inputs={"n": 1},
        ),
        "has(steps.maybe.output)",
        name="unguarded",
    ),
    Case(
        Code.REFERENCE_TEXT,
        "/steps/1/args/id",
        after_quote(args={"id": "lines: ${steps.quote.output.lines}"}),
    ),
    Case(Code.ARGUMENT_MISSING, "/steps/0/args", plan(look(args={})), "'id'"),
    Case(
        Code.ARGUMENT_UNKNOWN,
        "/steps/0/args/idd",
        plan(look(args={"id": "c", "idd": 1})),
        "'id'",
    ),
    Case(Code.ARGUMENT_TYPE, "/steps/0/args/id", plan(look(args={"id": 7})), "string"),
    Case(
        Code.ARGUMENT_TYPE,
        "/steps/1/args/id",
        after_quote(args={"id": "${steps.quote.output.total_micros}"}),
        name="reference",
    ),
    Case(
        Code.ARGUMENT_VALUE,
        "/steps/0/args/to",
        plan({**MAIL, "args": {"to": "nobody"}}),
        "email",
    ),
    Case(
        Code.ARGUMENT_TYPE,
        "/steps/0/args/who",
        plan({"id": "sub", "plan": "part@1.0.0", "args": {"who": 7}}),
        library=(part(),),
        name="sub-plan",
    ),
    Case(
        Code.ITEMS,
        "/steps/0/for_each/items",
        plan(look(for_each={"items": "${inputs.n}", "as": "x"}), inputs={"n": 1}),
        "integer",
    ),
    Case(
        Code.ITEMS,
        "/steps/0/for_each/items",
        plan(look(for_each={"items": "${inputs.n}", "as": "x"}), inputs={"n": [0] * 11}),
        "11 items",
        name="too many",
        limits=Limits(max_items=10),
    ),
    # Expressions
    Case(Code.EXPRESSION_SYNTAX, "/steps/0/when", plan(look(when="inputs.n >"), inputs={"n": 1})),
    Case(Code.EXPRESSION_NAME, "/steps/1/when", after_quote(when="now() > 1")),
    Case(
        Code.EXPRESSION_NAME,
        "/steps/1/when",
        after_quote(when="output.id == 'x'"),
        "`ensure`",
        name="o",
    ),
    Case(
        Code.EXPRESSION_FIELD,
        "/steps/1/when",
        after_quote(when="steps.quote.output.coment == 'x'"),
        "'comment'",
    ),
    Case(
        Code.UNKNOWN_STEP,
        "/steps/1/when",
        after_quote(when="steps.qoute.output.x == 1"),
        "'quote'",
        name="expression",
    ),
    Case(
        Code.EXPRESSION_TYPE,
        "/steps/1/when",
        after_quote(when="steps.quote.output.total_micros == 'x'"),
    ),
    Case(
        Code.EXPRESSION_TYPE,
        "/steps/1/when",
        after_quote(when="inputs.n + 1"),
        "INT",
        name="no condition",
    ),
    Case(
        Code.EXPRESSION_TYPE,
        "/steps/1/when",
        after_quote(when="inputs.x < 2"),
        "point",
        name="mixed",
    ),
    Case(
        Code.EXPRESSION_NUMBER,
        "/steps/1/when",
        after_quote(when="inputs.x * 2.0 > 3.0"),
        "double(x)",
    ),
    Case(Code.EXPRESSION_BOMB, "/steps/1/when", after_quote(when="(" * 40 + "true" + ")" * 40)),
    Case(
        Code.EXPRESSION_BOMB,
        "/steps/1/when",
        after_quote(
            when="steps.quote.output.lines.all(a, steps.quote.output.lines.all(b,"
            " steps.quote.output.lines.all(c, a.count + b.count + c.count > 0)))"
        ),
        name="loops",
    ),
    Case(
        Code.EXPRESSION_ORDER,
        "/steps/1/when",
        plan(LOOK, look("b", needs=["look"], when="steps.look.output.tags.map(k, k).size() > 1")),
    ),
    # Undoing and constraints
    Case(Code.NO_COMPENSATION, "/steps/0", plan({**MAIL, "irreversible": False}), "irreversible"),
    Case(
        Code.REFERENCE_FIELD,
        "/steps/0/compensate/args/reservation",
        plan(
            {
                **RESERVE,
                "compensate": {
                    "tool": "finance.release_budget@1",
                    "args": {"reservation": "${output.ident}"},
                },
            }
        ),
        name="undo",
    ),
    Case(Code.MAX_STEPS, "/constraints/max_steps", plan(QUOTE, LOOK, constraints={"max_steps": 1})),
    Case(
        Code.MAX_STEPS,
        "/constraints/max_steps",
        plan(
            {"id": "sub", "plan": "part@1.0.0", "args": {"who": "c"}}, constraints={"max_steps": 1}
        ),
        library=(part(),),
        name="nested",
    ),
    Case(
        Code.FORBIDDEN_TOOL,
        "/steps/0/tool",
        plan(LOOK, constraints={"forbidden_tools": ["crm.get_contact@1"]}),
    ),
    Case(
        Code.FORBIDDEN_TOOL,
        "/steps/0/plan",
        plan(
            {"id": "sub", "plan": "part@1.0.0", "args": {"who": "c"}},
            constraints={"forbidden_tools": ["crm.get_contact@1"]},
        ),
        library=(part(),),
        name="nested",
    ),
    Case(
        Code.REGION,
        "/steps/0/tool",
        plan(
            {"id": "a", "tool": "us.archive@1", "args": {"text": "x"}},
            constraints={"regions": ["eu"]},
        ),
    ),
    Case(
        Code.OVER_BUDGET,
        "/constraints/cost",
        plan(RESERVE, constraints={"cost": {"micros": 499, "currency": "EUR"}}),
        "500",
    ),
    Case(
        Code.CURRENCY,
        "/constraints/cost/currency",
        plan(
            {"id": "p", "tool": "print.page@1", "args": {}},
            constraints={"cost": {"micros": 499, "currency": "USD"}},
        ),
        "EUR",
    ),
    Case(
        Code.DEADLINE,
        "/steps/0/repeat/every",
        plan(
            look(repeat={"until": "output.id != ''", "max_times": 3, "every": "P1D"}),
            constraints={"deadline": "PT1H"},
        ),
    ),
]

WARNINGS = [
    (Code.MAY_BE_NULL, "/steps/1/args/id", after_quote(args={"id": "${steps.quote.output.note}"})),
    (
        Code.MAY_BE_MISSING,
        "/steps/1/args/id",
        after_quote(args={"id": "${steps.quote.output.comment}"}),
    ),
    (
        Code.MAY_EXCEED_BUDGET,
        "/constraints/cost",
        plan(
            {**RESERVE, "when": "inputs.a"},
            {**RESERVE, "id": "other", "when": "!inputs.a"},
            inputs={"a": True},
            constraints={"cost": {"micros": 600, "currency": "EUR"}},
        ),
    ),
    (Code.TWO_UNDOS, "/steps/0/irreversible", plan({**RESERVE, "irreversible": True})),
]
"""Code, place and plan of what is only a warning."""
