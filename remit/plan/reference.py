"""What every diagnostic code means: the one table behind the reference and `remit explain CODE`.

Each entry says what is wrong, shows the smallest plan part that has it, and names the way out. A
test holds that every code has an entry and that the committed reference is this table.
"""

from dataclasses import dataclass

from remit.plan.codes import Code


@dataclass(frozen=True, slots=True)
class Entry:
    """One code."""

    meaning: str
    example: str
    """A part of a plan that has the fault."""
    way_out: str
    is_warning: bool = False


GROUPS: dict[str, dict[Code, Entry]] = {
    "The document": {
        Code.NOT_JSON: Entry(
            "The text is not JSON (or not the part of YAML that says the same): it is malformed,"
            " not UTF-8, or uses YAML's aliases, merge keys or tags.",
            '{"schema": "remit.plan/v1",,}',
            "The message gives line and column. Write YAML values out in full.",
        ),
        Code.TOO_LARGE: Entry(
            "The plan is larger than 1 MiB. It travels through Temporal's histories and the"
            " ledger, and people must be able to read it.",
            '"inputs": {"report": "…2 MB of text…"}',
            "Pass data by reference: a tool reads it where it lies. Move steps into sub-plans.",
        ),
        Code.TOO_DEEP: Entry(
            "Objects and lists are nested more than 64 deep.",
            '"inputs": {"a": {"a": {"a": {}}}}',
            "Flatten the value, or send it as text.",
        ),
        Code.DUPLICATE_KEY: Entry(
            "An object names a member twice. Readers differ in which of them counts, so two"
            " parties could see two plans under one digest.",
            '{"tool": "crm.read@1", "tool": "crm.delete@1"}',
            "Keep one of them.",
        ),
        Code.NUMBER: Entry(
            "An integer lies beyond 2^53, or a number is NaN or infinite. Other readers would"
            " round it, and the canonical form (RFC 8785) has no way to write it.",
            '"inputs": {"account": 9007199254740993}',
            "Send it as text. Money is an integer of micros and fits.",
        ),
        Code.TEXT: Entry(
            "A text holds half of a surrogate pair, which UTF-8 cannot write.",
            '"goal": "\\ud800"',
            "Write the whole character.",
        ),
    },
    "Its shape": {
        Code.SCHEMA_VERSION: Entry(
            "The plan does not say which contract it follows, or one that this version does not"
            " read.",
            '"schema": "remit.plan/v2"',
            'Write `"schema": "remit.plan/v1"`.',
        ),
        Code.SHAPE: Entry(
            "A field has the wrong type, form or size.",
            '"timeout": 30',
            "The hint shows the expected form, e.g. `PT30S`. `remit schema plan` prints all.",
        ),
        Code.UNKNOWN_FIELD: Entry(
            "There is no such field. Unknown fields are refused, because one that is silently"
            " ignored could have been a safeguard.",
            '{"id": "order", "tool": "erp.place_order@1", "requires": ["…"]}',
            "The hint names the closest field.",
        ),
        Code.MISSING_FIELD: Entry(
            "A field that every plan needs is missing.",
            '{"schema": "remit.plan/v1", "name": "purchase"}',
            "Add the field that the message names.",
        ),
        Code.TOO_MANY_STEPS: Entry(
            "The plan has more than 5,000 steps.",
            '"steps": [ …10,000 steps… ]',
            "Use `for_each` over a list, or sub-plans.",
        ),
        Code.DURATION: Entry(
            "A duration says nothing (`PT`), is zero where that makes no sense, or is longer than"
            " a year.",
            '"timeout": "PT0S"',
            "Write e.g. `PT30S`, `PT5M` or `P1DT12H`.",
        ),
        Code.RESERVED_NAME: Entry(
            "A step or loop variable has a name that expressions read in another way, such as"
            " `inputs`, `output` or `in`.",
            '"for_each": {"items": "${inputs.team}", "as": "output"}',
            "Choose another name.",
        ),
        Code.ACTION: Entry(
            "A step must call exactly one thing: `tool` or `plan`.",
            '{"id": "order"}',
            "Add `tool` or `plan`, or drop one of the two.",
        ),
        Code.SUBPLAN_FIELD: Entry(
            "The field means nothing for a step that runs a sub-plan. A finished sub-plan is"
            " undone as a whole, from the ledger; gates, retries and checks belong to the calls"
            " inside it.",
            '{"id": "onboard", "plan": "onboard-crm@1.0.0", "compensate": {…}}',
            "Put the field on the steps of the sub-plan.",
        ),
        Code.LOOP: Entry(
            "`for_each` and `repeat` stand in one step: it would be unclear which of them the"
            " item, the iteration and the output belong to.",
            '{"id": "poll", "for_each": {…}, "repeat": {…}}',
            "Put the repeating step into a sub-plan and loop over that.",
        ),
    },
    "The graph": {
        Code.DUPLICATE_ID: Entry(
            "Two steps have one id, or two different plans of the catalogue have one name and"
            " version.",
            '"steps": [{"id": "a", …}, {"id": "a", …}]',
            "Give each an id of its own; give a changed plan a new version.",
        ),
        Code.UNKNOWN_STEP: Entry(
            "A need, a fallback, a reference or an expression names a step that does not exist.",
            '"needs": ["budgte"]',
            "The hint names the closest id.",
        ),
        Code.CYCLE: Entry(
            "Steps wait for each other in a circle, so none of them could start.",
            '{"id": "a", "needs": ["b"], …}, {"id": "b", "needs": ["a"], …}',
            "The message shows the circle; take one need away. To do something again, use"
            " `repeat`.",
        ),
        Code.UNREACHABLE: Entry(
            "The step needs a fallback. A fallback starts only when its original was refused or"
            " failed, so the step might never start.",
            '{"id": "pay", "needs": ["order_elsewhere"], …}',
            "Need the original: its fallback's output stands in for its own.",
        ),
        Code.JOIN: Entry(
            "The join cannot be met: there is nothing to join, or the quorum is larger than the"
            " number of needs.",
            '{"id": "pick", "needs": ["a", "b"], "join": {"quorum": 3}, …}',
            "Lower the quorum, or add needs.",
        ),
        Code.FALLBACK: Entry(
            "The fallback cannot work: it stands in for two steps or for itself, ends too long a"
            " row of fallbacks, or needs something that its original need not have waited for.",
            '{"id": "other", "needs": ["later"], …} as `on_failed` of a step before `later`',
            "Give each step a fallback of its own, which needs no more than the original does.",
        ),
        Code.FALLBACK_OUTPUT: Entry(
            "The fallback's output stands in for the original's, and lacks or changes something"
            " that others read of it.",
            '"on_failed": "order_by_mail", while others read `steps.order.output.id`',
            "Choose a tool whose output schema fits, or wrap it in a sub-plan that shapes it.",
        ),
    },
    "The catalogue": {
        Code.UNKNOWN_TOOL: Entry(
            "The catalogue has no such tool, or not in that major version. Compensations, probes"
            " and read-backs count too.",
            '"tool": "erp.place_ordr@1"',
            "The hint names the closest tool; `remit tools` lists all.",
        ),
        Code.UPCAST: Entry(
            "The catalogue has a later major of the tool, which takes over calls of this one"
            " (`upcast`), but not this call: it needs an argument that the plan does not give, or"
            " reaches into a text; or the step's own `compensate` reads `args`.",
            '"tool": "crm.update@1", "args": {"customer": "Mr ${inputs.name}"}',
            "Write the step for the later major.",
        ),
        Code.UNKNOWN_PLAN: Entry(
            "The catalogue has no such plan in that version.",
            '"plan": "onboard-crm@2.0.0"',
            "The hint names the closest plan. Versions are exact.",
        ),
        Code.RECURSION: Entry(
            "A plan contains itself, directly or through others, or sub-plans are nested more than"
            " eight deep.",
            '"plan": "purchase@1.0.0" inside `purchase@1.0.0`',
            "Use `repeat` or `for_each` for loops.",
        ),
        Code.TENANT: Entry(
            "The sub-plan belongs to another tenant.",
            '"plan": "other-tenants-plan@1.0.0"',
            "Use a plan of the tenant that runs it.",
        ),
    },
    "Inputs, references, arguments": {
        Code.INPUTS: Entry(
            "The inputs break the plan's own `inputs_schema`.",
            '"inputs": {"amount_micros": "4200"}, where the schema says integer',
            "The path points at the value, the hint into the schema.",
        ),
        Code.INPUTS_SCHEMA: Entry(
            "`inputs_schema` is not a JSON Schema 2020-12 that stands by itself, or describes no"
            " object, or its `x-data-classes` is no list of classes of data.",
            '"inputs_schema": {"type": "strng"}',
            "Put the schema right. `$ref` may lead to its own `$defs` only.",
        ),
        Code.REFERENCE_SYNTAX: Entry(
            "`${…}` holds something other than a reference, is not closed, stands in a member's"
            " name, or does not say which step's output it wants.",
            '"total": "${inputs.price * 2}"',
            "Write `${inputs.x}`, `${steps.<id>.output.x}` or a loop variable. Conditions stand"
            " in `when`, `require`, `ensure`; arithmetic belongs to tools. `$${` writes `${`.",
        ),
        Code.REFERENCE_SCOPE: Entry(
            "The name is not to be seen from here: the step is not among the transitive `needs`,"
            " or `output`, `args` or a loop variable stands outside its place.",
            '{"id": "order", "args": {"total": "${steps.quote.output.total}"}} without `needs`',
            "Add the step to `needs`.",
        ),
        Code.REFERENCE_FIELD: Entry(
            "The schema of what is referred to has no such field.",
            '"${steps.quote.output.totl}"',
            "The hint names the closest field. If it is there after all, declare it in the tool's"
            " `output_schema`.",
        ),
        Code.REFERENCE_ABSENT: Entry(
            "The output may not be there: the step can be skipped by its `when`, or a join of"
            " `any` or a quorum can go on without it.",
            '"args": {"id": "${steps.maybe.output.id}"}, where `maybe` has a `when`',
            "In an expression, guard it: `has(steps.maybe.output) && …`. Arguments cannot do"
            " without a value: use `require` in place of `when`, need the step by `all`, or put"
            " both into a sub-plan that carries the `when`. In the plan's `outputs` it is null.",
        ),
        Code.REFERENCE_TEXT: Entry(
            "An object or a list is put inside a text.",
            '"body": "Lines: ${steps.quote.output.lines}"',
            "Refer to a text, a number or a boolean of it.",
        ),
        Code.ARGUMENT_MISSING: Entry(
            "The tool or sub-plan expects an argument that is not given.",
            '{"tool": "erp.place_order@1", "args": {}}',
            "Add it to `args`.",
        ),
        Code.ARGUMENT_UNKNOWN: Entry(
            "The tool or sub-plan declares no such argument.",
            '"args": {"suplier": "sup-7"}',
            "The hint names the closest one.",
        ),
        Code.ARGUMENT_TYPE: Entry(
            "The argument has, or surely will have, another type than expected.",
            '"args": {"total_micros": "${inputs.supplier}"}',
            "Refer to something of that type.",
        ),
        Code.ARGUMENT_VALUE: Entry(
            "The argument breaks the tool's input schema: a pattern, a bound, a list of values.",
            '"args": {"to": "nobody"}, where the schema says `format: email`',
            "The hint points into the schema.",
        ),
        Code.ARGUMENT_UNIT: Entry(
            "A number counts something else than the tool expects (`x-unit` of both schemas).",
            '"args": {"wait": "${steps.measure.output.minutes}"}, where seconds are expected',
            "Let a tool convert it.",
        ),
        Code.ARGUMENT_CURRENCY: Entry(
            "An amount is in another currency than the tool expects (`x-currency` of both schemas,"
            " or the argument beside it that says the currency).",
            '"args": {"micros": "${steps.quote.output.usd_micros}", "currency": "EUR"}',
            "Let a tool convert it; another currency is never taken for the same.",
        ),
        Code.ARGUMENT_RANGE: Entry(
            "No value that the tool may give is one that the other takes (`minimum`, `maximum`).",
            '"args": {"amount": "${steps.correct.output.loss}"}, at most -1 where 0 is the least',
            "Refer to something else, or let a tool work it out.",
        ),
        Code.ITEMS: Entry(
            "`for_each` does not run over a list, or over one with too many items.",
            '"for_each": {"items": "${inputs.supplier}", "as": "item"}',
            "Refer to a list. Split more than 10,000 items over several plans.",
        ),
    },
    "Expressions": {
        Code.EXPRESSION_SYNTAX: Entry(
            "The expression is no CEL.",
            '"when": "inputs.amount >"',
            "The message gives the column. `&&`, `||`, `!`, `==`, `<`, `in`, `has(x.y)`,"
            " `x.exists(i, …)`, `x.all(i, …)`, `size(x)` are the usual means.",
        ),
        Code.EXPRESSION_NAME: Entry(
            "Nothing has that name here: neither a variable nor a function. There is no clock and"
            " no chance.",
            '"when": "now() > inputs.until"',
            "`inputs`, `steps` and the loop variable are always there, `output` in `ensure` and"
            " `until`. A read tool can tell the time.",
        ),
        Code.EXPRESSION_FIELD: Entry(
            "The schema of what is read has no such field.",
            '"when": "steps.quote.output.totl > 5"',
            "The hint names the closest field.",
        ),
        Code.EXPRESSION_TYPE: Entry(
            "The types do not go together, or the result is neither true nor false.",
            '"when": "steps.quote.output.total == \'5\'"',
            "Compare like with like: a `number` with `5.0`, an `integer` with `5`; convert with"
            " `double(x)`, `int(x)`, `string(x)`.",
        ),
        Code.EXPRESSION_NUMBER: Entry(
            "The expression computes with a `number`. JSON does not tell 5.0 from 5, CEL does,"
            " and adds or divides them differently or not at all.",
            '"when": "steps.quote.output.price + 1.0 > 2.0"',
            "Write `double(steps.quote.output.price) + 1.0`. Comparing needs no conversion.",
        ),
        Code.EXPRESSION_BOMB: Entry(
            "The expression is too long (2,000 characters), too deep (32), or loops inside loops"
            " inside loops.",
            '"when": "a.all(x, b.all(y, c.all(z, x + y + z > 0)))"',
            "Split it over several `require`, or let a tool work it out.",
        ),
        Code.EXPRESSION_ORDER: Entry(
            "The expression makes a list of an object's names, whose order differs from process to"
            " process.",
            '"when": "inputs.limits.map(name, name)[0] == \'a\'"',
            "Ask with `exists` or `all`, or let a tool give a list.",
        ),
    },
    "Undoing": {
        Code.NO_COMPENSATION: Entry(
            "The step has an effect and nothing says how it is undone: neither it nor its tool has"
            " a compensation, and neither says `irreversible`.",
            '{"id": "send", "tool": "mail.send@1", "args": {…}}',
            "Add `compensate`, or say `irreversible: true`, which demands a gate.",
        ),
    },
    "The plan's own constraints": {
        Code.MAX_STEPS: Entry(
            "The plan has more steps than its `max_steps`, those of sub-plans included.",
            '"constraints": {"max_steps": 3}',
            "Do less, or raise the bound.",
        ),
        Code.FORBIDDEN_TOOL: Entry(
            "The plan, a compensation, a probe or a sub-plan uses a tool that the plan forbids.",
            '"constraints": {"forbidden_tools": ["crm.delete@1"]}',
            "Use another tool.",
        ),
        Code.REGION: Entry(
            "A tool acts in a region that the plan does not allow.",
            '"constraints": {"regions": ["eu"]} and a tool in `us`',
            "Use a tool of an allowed region.",
        ),
        Code.OVER_BUDGET: Entry(
            "What is known of the costs before the run already exceeds `constraints.cost`.",
            '"constraints": {"cost": {"micros": 1, "currency": "EUR"}}',
            "Raise the bound, or do less.",
        ),
        Code.CURRENCY: Entry(
            "A call is priced in another currency than the plan's bound. Amounts are never"
            " converted.",
            '"cost": {"micros": 5, "currency": "USD"} and a tool priced in EUR',
            "Bound the plan in the currency in which it pays.",
        ),
        Code.DEADLINE: Entry(
            "The deadline leaves no time for what the plan says: a step pauses longer between two"
            " rounds than the whole run may take.",
            '"deadline": "PT1H" and "repeat": {"every": "P1D", …}',
            "Pause less, or allow more time.",
        ),
    },
    "Warnings": {
        Code.MAY_BE_NULL: Entry(
            "A value may be null where that would make the step fail.",
            '"body": "${steps.quote.output.note}", where the schema allows null',
            "Fine if you know better; otherwise refer to something that is always there.",
            is_warning=True,
        ),
        Code.MAY_BE_MISSING: Entry(
            "A field need not be there; without it, the step fails before anything is called.",
            '"body": "${steps.quote.output.comment}", which is not `required`',
            "Make it `required` in the tool's schema, or refer to something that is.",
            is_warning=True,
        ),
        Code.MAY_BE_OUT_OF_RANGE: Entry(
            "A number's own bounds are wider than those of the argument that it is given to.",
            '"args": {"amount": "${steps.balance.output.difference}"}',
            "Fine if it never is: otherwise the step fails before anything is called.",
            is_warning=True,
        ),
        Code.OLD_MAJOR: Entry(
            "The step names a major that the catalogue has no more; a later one serves it, with the"
            " arguments that its `upcast` makes.",
            '"tool": "crm.update@1", where there is only `crm.update@2`',
            "Write the step for the later major when you can. Policy decides about that one.",
            is_warning=True,
        ),
        Code.MAY_EXCEED_BUDGET: Entry(
            "If every step runs, the costs exceed `constraints.cost`; not all need run.",
            "two alternatives of 6 each, and a bound of 10",
            "Fine if some are alternatives: what goes beyond is refused at run time.",
            is_warning=True,
        ),
        Code.TWO_UNDOS: Entry(
            "The step says `irreversible` and also how to undo it.",
            '{"irreversible": true, "compensate": {…}}',
            "Keep one. As it stands it needs a gate and is undone.",
            is_warning=True,
        ),
    },
    "The list itself": {
        Code.MORE: Entry(
            "There are more findings than are shown: at most 200 are.",
            "a plan with a thousand mistakes",
            "Put these right first, then check again.",
        ),
    },
}
"""Entries by group, in the order of the reference."""

ENTRIES: dict[Code, Entry] = {
    code: entry for entries in GROUPS.values() for code, entry in entries.items()
}
"""Entries by code."""
