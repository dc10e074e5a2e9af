"""Type-checking the expressions of one plan against the shapes of what they name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from cel_expr_python import cel

from remit.diagnostic import NO_REPAIR, Repair
from remit.plan.codes import Code
from remit.plan.expression import MAX_LENGTH
from remit.plan.findings import name_repair
from remit.plan.guards import Reading, every, nesting, readings
from remit.plan.likeness import Likeness
from remit.plan.proto import DYN, LIST, MAP, PACKAGE, Messages, Spec
from remit.plan.shape import Shape
from remit.plan.syntax import Aggregate, Call, Expr, Fold, Literal, Tree

MAX_NESTING = 2
"""Deepest nesting of `exists`, `all`, `map`, `filter` in one another."""
MAX_TYPINGS = 1000
"""Most combinations of names and types that the expressions of one plan may see."""
_MAX_PROBLEMS = 3
_ERROR = re.compile(r"ERROR: <input>:-?\d+:(?P<column>-?\d+): (?P<said>.*)")
_UNKNOWN_FIELD = re.compile(
    r"undefined field '(?P<field>[^']*)' not found in struct '(?P<of>[^']*)'"
)
_UNKNOWN_NAME = re.compile(r"undeclared reference to '(?P<name>[^']*)'")
_OVERLOAD = re.compile(
    r"found no matching overload for '(?P<what>[^']*)' applied to '\((?P<to>.*)\)'"
)
_FLOAT_ARITHMETIC = frozenset({"add_double", "subtract_double", "multiply_double", "divide_double"})
_STEPS = "Steps"
_SCALARS = {1: "DOUBLE", 3: "INT", 8: "BOOL", 9: "STRING"}

Names = tuple[tuple[str, Spec], ...]
"""The names that an expression may see, with their types."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an expression."""

    code: Code
    message: str
    hint: str = ""
    repair: Repair = NO_REPAIR


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking an expression gave."""

    problems: tuple[Problem, ...]
    readings: tuple[Reading, ...] = ()

    def about(self, steps: Mapping[str, str]) -> "Verdict":
        """Return the same with other steps in their places."""
        return Verdict(self.problems, tuple(reading.about(steps) for reading in self.readings))


class Checker:
    """Checks expressions over the inputs and step outputs of one plan."""

    def __init__(self, inputs: Shape, outputs: Mapping[str, Shape]) -> None:
        self._messages = Messages()
        self._inputs = inputs
        self._outputs = outputs
        self._steps: Spec | None = None
        self._likeness = Likeness({})
        self._environments: dict[Names, Any] = {}
        self._known: dict[tuple[str, tuple[tuple[str, Shape], ...]], Verdict] = {}
        self._verdicts: dict[tuple[str, Names], Verdict] = {}
        self._shared: dict[tuple[str, Names], Verdict] = {}

    def check(self, source: str, variables: Mapping[str, Shape]) -> Verdict:
        """Return what is wrong with `source`, and what it reads.

        `variables` are the names beside `inputs` and `steps`: a loop variable, `output`.
        """
        key = (source, tuple(variables.items()))
        verdict = self._known.get(key)
        if verdict is None:
            verdict = self._known[key] = self._judge(source, variables)
        return verdict

    def _judge(self, source: str, variables: Mapping[str, Shape]) -> Verdict:
        if len(source) > MAX_LENGTH:
            message = f"the expression has more than {MAX_LENGTH} characters"
            return Verdict((Problem(Code.EXPRESSION_BOMB, message, "let a tool work it out"),))
        names = tuple(
            (name, self._spec(name, variables))
            for name in sorted({"inputs", "steps", *variables})
            if name in source
        )
        if names not in self._environments and len(self._environments) >= MAX_TYPINGS:
            message = f"the plan's expressions see more than {MAX_TYPINGS} kinds of variables"
            hint = "give loop variables of one kind one name"
            return Verdict((Problem(Code.EXPRESSION_BOMB, message, hint),))
        return self._alike(source, names, variables) or self._verdict(source, names, variables)

    def _alike(self, source: str, names: Names, variables: Mapping[str, Shape]) -> Verdict | None:
        """Return the verdict on what `source` has in common with others, if it is a good one.

        A bad one speaks of the text that it was found in, and of the names that are known there.
        It is kept apart, so that every text gets its own.
        """
        like = None
        if self._steps is not None and ("steps", self._steps) in names:
            like = self._likeness.of(source)
        if like is None:
            return None
        key = (like.source, names)
        if key not in self._shared:
            self._shared[key] = self._check(like.source, names, variables)
        verdict = self._shared[key]
        return None if verdict.problems else verdict.about(like.meant)

    def _verdict(self, source: str, names: Names, variables: Mapping[str, Shape]) -> Verdict:
        key = (source, names)
        if key not in self._verdicts:
            self._verdicts[key] = self._check(source, names, variables)
        return self._verdicts[key]

    def _check(self, source: str, names: Names, variables: Mapping[str, Shape]) -> Verdict:
        try:
            compiled = self._environment(names).compile(source)
        except RuntimeError as error:
            known = sorted({"inputs", "steps", *variables})
            return Verdict(tuple(self._explain(str(error), known)))
        tree = Tree(compiled.serialize())
        problems = _problems(tree)
        given = compiled.return_type().name()
        if "bool" not in given.lower() and given.lower() != "dyn":
            message = f"it gives {_plain(given)}, and a condition is true or false"
            problems.append(Problem(Code.EXPRESSION_TYPE, message, "compare it with something"))
        return Verdict(tuple(problems), tuple(readings(tree.root)))

    def _environment(self, names: Names) -> Any:
        if names not in self._environments:
            types = {name: _type(spec) for name, spec in names}
            pool = _pool(self._messages.file(spec for _, spec in names))
            self._environments[names] = cel.NewEnv(descriptor_pool=pool, variables=types)
        return self._environments[names]

    def _spec(self, name: str, variables: Mapping[str, Shape]) -> Spec:
        if name in variables:
            return self._messages.spec(variables[name])
        if name == "inputs":
            return self._messages.spec(self._inputs)
        if self._steps is None:
            self._steps = self._add_steps()
        return self._steps

    def _add_steps(self) -> Spec:
        """Write the message type behind `steps`; steps with equal outputs share theirs."""
        kinds: dict[Spec, Spec] = {}
        outputs = {step: self._messages.spec(shape) for step, shape in self._outputs.items()}
        for output in outputs.values():
            if output not in kinds:
                kinds[output] = self._messages.add(f"S{len(kinds)}", {"output": output})
        self._likeness = Likeness(outputs)
        return self._messages.add(_STEPS, {step: kinds[of] for step, of in outputs.items()})

    def _explain(self, said: str, known: list[str]) -> list[Problem]:
        if "recursion" in said:
            message = "the expression is nested too deeply"
            return [Problem(Code.EXPRESSION_BOMB, message, "split it over `require` entries")]
        found = [
            self._explain_one(match["said"], int(match["column"]), known)
            for match in _ERROR.finditer(said)
            if "*error*" not in match["said"]
        ]
        message = f"it cannot be read: {said[:200]}"
        return found[:_MAX_PROBLEMS] or [Problem(Code.EXPRESSION_SYNTAX, message)]

    def _explain_one(self, said: str, column: int, known: list[str]) -> Problem:
        where = f" (column {column})"
        field = _UNKNOWN_FIELD.search(said)
        if field is not None:
            return self._explain_field(field["field"], field["of"], where)
        name = _UNKNOWN_NAME.search(said)
        if name is not None:
            return _explain_name(name["name"].split(".")[0], known, where)
        overload = _OVERLOAD.search(said)
        if overload is not None:
            return _explain_overload(overload["what"], overload["to"], where)
        if "Syntax error" in said or "reserved" in said:
            reason = said.removeprefix("Syntax error: ").split(" expecting ")[0]
            hint = "write CEL, e.g. `steps.quote.output.total <= inputs.limit && output.ok`"
            return Problem(Code.EXPRESSION_SYNTAX, f"it is no CEL: {reason}{where}", hint)
        return Problem(Code.EXPRESSION_TYPE, f"{_plain(said)[:300]}{where}")

    def _explain_field(self, field: str, of: str, where: str) -> Problem:
        if of == f"{PACKAGE}.{_STEPS}":
            repair = name_repair(field, self._outputs)
            hint = repair.hint or "name a step of this plan"
            return Problem(Code.UNKNOWN_STEP, f"there is no step {field!r}{where}", hint, repair)
        shape = self._messages.shapes.get(of)
        if shape is None:
            message = f"a step has an `output` and nothing else, so no {field!r}{where}"
            return Problem(Code.EXPRESSION_FIELD, message, "write `steps.<id>.output`")
        fields = ", ".join(list(shape.fields)[:12]) or "nothing"
        repair = name_repair(field, shape.fields)
        message = f"there is no field {field!r} there{where}"
        return Problem(Code.EXPRESSION_FIELD, message, repair.hint or f"it has: {fields}", repair)


def _pool(serialized: bytes) -> SimpleNamespace:
    """Return what the engine asks of a Python descriptor pool: the one file of our types.

    It has the well-known types itself, and asks for others in vain.
    """
    file = SimpleNamespace(serialized_pb=serialized)

    def containing(symbol: str) -> SimpleNamespace:
        if not symbol.startswith(f"{PACKAGE}."):
            raise KeyError(symbol)
        return file

    def named(name: str) -> SimpleNamespace:
        raise KeyError(name)

    return SimpleNamespace(FindFileContainingSymbol=containing, FindFileByName=named)


def _type(spec: Spec) -> Any:
    """Return the engine's type of a variable."""
    if spec.is_list:
        return cel.Type.List(_type(Spec(spec.number, spec.message)))
    if spec.value is not None:
        return cel.Type.Map(cel.Type.STRING, _type(spec.value))
    if spec == DYN:
        return cel.Type.DYN
    if spec == LIST:
        return cel.Type.List(cel.Type.DYN)
    if spec == MAP:
        return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.Type(spec.message) if spec.message else getattr(cel.Type, _SCALARS[spec.number])


def _problems(tree: Tree) -> list[Problem]:
    """Return what the engine would let pass and the run would not."""
    found: list[Problem] = []
    if nesting(tree.root) > MAX_NESTING:
        message = f"more than {MAX_NESTING} of `exists`, `all`, `map`, `filter` inside one another"
        found.append(Problem(Code.EXPRESSION_BOMB, message, "let a tool work it out"))
    for expr in every(tree.root):
        if isinstance(expr, Fold) and isinstance(expr.start, Aggregate):
            if expr.range.number in tree.maps:
                message = "it makes a list of a map, whose order differs from process to process"
                hint = "ask with `exists` or `all`, or let a tool give a list"
                found.append(Problem(Code.EXPRESSION_ORDER, message, hint))
        elif isinstance(expr, Aggregate) and expr.message:
            message = f"it makes a message of type {expr.message!r}; values are JSON here"
            found.append(Problem(Code.EXPRESSION_TYPE, message, "write `{'name': value}`"))
        elif isinstance(expr, Call) and _mixes_numbers(expr, tree):
            message = (
                f"`{expr.function.strip('_')}` on a number that JSON may write without a point"
            )
            hint = "5.0 and 5 are one number in JSON and two types in CEL: write `double(x)`"
            found.append(Problem(Code.EXPRESSION_NUMBER, message, hint))
    return found


def _mixes_numbers(call: Call, tree: Tree) -> bool:
    """Say whether it computes with doubles that may arrive as integers."""
    if call.function not in ("_+_", "_-_", "_*_", "_/_"):
        return False
    chosen = tree.overloads.get(call.number, [])
    if len(chosen) != 1 or chosen[0] not in _FLOAT_ARITHMETIC:
        return False
    return not all(_is_double(part) for part in call.args)


def _is_double(expr: Expr) -> bool:
    match expr:
        case Literal(value=value):
            return isinstance(value, float)
        case Call(function="double" | "_+_" | "_-_" | "_*_" | "_/_"):
            return True  # the arithmetic is checked by itself
        case Call(function="-_", args=(part,)):
            return _is_double(part)
        case Call(function="_?_:_", args=(_, then, otherwise)):
            return _is_double(then) and _is_double(otherwise)
    return False


def _explain_name(name: str, known: list[str], where: str) -> Problem:
    repair = name_repair(name, known)
    hint = repair.hint or f"known here: {', '.join(known)}"
    if name == "output":
        hint = "`output` stands in a step's own `ensure` and `until` only"
    message = f"nothing is called {name!r} here{where}"
    return Problem(Code.EXPRESSION_NAME, message, hint, repair)


def _explain_overload(what: str, to: str, where: str) -> Problem:
    types = _plain(to)
    message = f"`{what.replace('_', ' ').strip()}` does not go with ({types}){where}"
    hint = "compare like with like"
    if "double" in types and "int" in types:
        hint = "write the other number with a point, e.g. `5.0`, or convert it with `double(x)`"
    elif "null_type" in types:
        hint = "only what the schema lets be null compares with null; ask with `has()`"
    elif what == "_[_]":
        hint = "write `.name`; what the schema declares is read by name"
    return Problem(Code.EXPRESSION_TYPE, message, hint)


def _plain(said: str) -> str:
    """Return the engine's words without the names that only this module knows."""
    said = re.sub(rf"{PACKAGE}\.{_STEPS}\b", "the steps", said)
    said = re.sub(rf"{PACKAGE}\.[ST]\d+\b", "object", said)
    return re.sub(r"wrapper\((\w+)\)", r"\1 or null", said)
