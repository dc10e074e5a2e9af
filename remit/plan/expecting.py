"""Contracts held against what consumers expect of them, and an example of theirs as a plan.

The answer is one-sided, as that of `remit.plan.succession` is, and by the same comparison: what is
not named is so. Whether a call is right the compiler says, of the very plan that tries it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, pointer
from remit.plan.compiled import Limits
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.toolbox import Toolbox, ToolSource
from remit.tool.contract import ToolContract
from remit.tool.expectation import Consumer, Example, Expectation, is_within
from remit.tool.within import Comparison

CALL = "call"
"""Step of a trial that makes the call."""
TAKE_BACK = "take_back"
"""Step behind a call with an effect, whose precondition never holds: so the run is undone."""
_NO_PLANS = Library()
_ARGS = "/steps/0/args"
_TALK = "talk to {owner}, or give the tool a new major and leave this one beside it"


@dataclass(frozen=True, slots=True)
class Trial:
    """One example of a consumer, and what it would be tried on."""

    consumer: Consumer
    expectation: Expectation
    example: Example
    contract: ToolContract
    """The one that serves it, which may be a later major's."""
    path: str
    """JSON pointer to the example in the consumer's document."""

    @property
    def has_effect(self) -> bool:
        """Whether the call may change something."""
        return self.contract.operation.has_effect

    @property
    def untried(self) -> str:
        """Why it must not be tried, in words; empty when it may be."""
        if not self.has_effect:
            return ""
        if self.consumer.sandbox is None:
            return "it has an effect, and the consumer names no `sandbox`"
        return "" if self.contract.compensation else "it has an effect, and nothing undoes it"

    @property
    def plan(self) -> JSONObject:
        """The plan that makes the call, and takes back what it did."""
        consumer = self.consumer
        call: JSONObject = {"tool": self.expectation.tool, "args": self.example.args}
        steps: list[JSON] = [{"id": CALL, **call}]
        if self.has_effect and self.contract.compensation is None:
            steps = [{"id": CALL, "irreversible": True, **call}]  # to be compiled, never tried
        elif self.has_effect:
            steps.append({"id": TAKE_BACK, "needs": [CALL], "require": ["false"], **call})
        return {
            "schema": "remit.plan/v1",
            "name": f"verify-{consumer.consumer}",
            "version": "1.0.0",
            "goal": f"See whether {self.expectation.tool} is as {consumer.consumer} expects it",
            "agent": consumer.agent,
            "on_behalf_of": consumer.on_behalf_of,
            "tenant": consumer.sandbox or consumer.tenant if self.has_effect else consumer.tenant,
            "owner": consumer.owner,
            "steps": steps,
        }


def trials(consumer: Consumer, tools: ToolSource) -> Iterator[Trial]:
    """Yield every example of whose tool there is a contract."""
    for at, each in enumerate(consumer.expects):
        contract = _serving(each.tool, tools)
        if contract is None:
            continue
        for number, example in enumerate(each.examples):
            path = pointer("expects", at, "examples", number)
            yield Trial(consumer, each, example, contract, path)


def unmet(consumer: Consumer, tools: ToolSource) -> Iterator[Diagnostic]:
    """Yield what contracts do not promise that a consumer expects; paths are in its document."""
    for at, each in enumerate(consumer.expects):
        contract = _serving(each.tool, tools)
        if contract is None:
            message = f"{consumer.consumer} calls {each.tool}, and there is no such contract"
            hint = "keep it, or give a later major an `upcast` of it"
            yield _finding("EXPECTATION-TOOL", pointer("expects", at, "tool"), message, hint)
        else:
            yield from _misfits(consumer, at, each, contract)
    for trial in trials(consumer, tools):
        yield from _arguments(trial, tools)


def _misfits(
    consumer: Consumer, at: int, each: Expectation, contract: ToolContract
) -> Iterator[Diagnostic]:
    name, known = consumer.consumer, f"{contract.ref} ({contract.version})"
    hint = _TALK.format(owner=consumer.owner)
    if each.version is not None and not is_within(contract.version, each.version):
        message = f"{name} can do with {each.version}, and there is {known}"
        yield _finding("EXPECTATION-VERSION", pointer("expects", at, "version"), message, hint)
    for place in Comparison(contract.output_schema, each.reads).differences():
        message = f"{name} reads what {known} does not promise, at {place or 'the top'}"
        path = pointer("expects", at, "reads") + place
        yield _finding("EXPECTATION-ANSWER", path, message, hint)


def _arguments(trial: Trial, tools: ToolSource) -> Iterator[Diagnostic]:
    for found in compile_plan(trial.plan, tools, _NO_PLANS).diagnostics:
        if not found.path.startswith("/steps/0"):
            continue  # what is wrong with the call is said of the call itself
        place = found.path.removeprefix(_ARGS) if found.path.startswith(_ARGS) else ""
        who, ref = trial.consumer.consumer, trial.contract.ref
        message = f"{who} makes a call that {ref} does not take: {found.code}, {found.message}"
        path = trial.path + pointer("args") + place
        yield _finding("EXPECTATION-ARGUMENTS", path, message, found.hint)


def _serving(ref: str, tools: ToolSource) -> ToolContract | None:
    """Return the contract of `name@major`, or of the later major that serves its plans."""
    return tools.find(ref) or Toolbox(tools, Limits(), None).successor(ref)


def _finding(code: str, path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, path=path, message=message, hint=hint)
