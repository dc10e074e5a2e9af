"""What partial evaluation left over, in words: conditions on values that only the run can tell.

OPA answers with the conditions that remain when everything known has been put in, as a syntax tree.
They are read here and written the way that the facts are named; nothing is evaluated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject, canonical

_IN = "internal.member_2"
_UNION = "object.union"
_INFIX = {
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "eq": "==",
    "equal": "==",
    "assign": "==",
    "neq": "!=",
    "plus": "+",
    "minus": "-",
    "mul": "*",
    "div": "/",
    "rem": "%",
    "and": "&",
    "or": "|",
    _IN: "in",
}
_OPPOSITE = {
    "gt": "<=",
    "gte": "<",
    "lt": ">=",
    "lte": ">",
    "neq": "==",
    _IN: "not in",
}
_EQUAL = ("eq", "assign")
_PREFIXES = ("input.action.", "input.", "data.partial.remit.", "data.remit.")
_NEVER = "not true"
_NAMELESS, _WORKED_OUT = "some value", "a value that is worked out"
_VAGUE = (_NAMELESS, _WORKED_OUT, "a value is there")
_ASKED = "g"
"""The variable of the query that stands for what may come out."""

Support = Mapping[str, list[list[JSON]]]
"""Bodies of the rules that OPA had to make up, by name."""


@dataclass(frozen=True, slots=True)
class Left:
    """One answer that run-time values decide on."""

    code: str
    role: str
    """Whom it asks; empty when it asks nobody."""
    conditions: Sequence[str]
    """When it is given: when any of these holds. Empty when it is given whatever the run tells."""


def left_over(answer: JSONObject) -> list[Left]:
    """Read OPA's answer to `…[g]`: each `g` that may come out, by code, with its conditions."""
    result = _object(answer.get("result"))
    support = _support(result)
    found: dict[tuple[str, str], list[str]] = {}
    certain = set[tuple[str, str]]()
    for query in _list(result.get("queries")):
        reading = _Reading(_list(query), support)
        given = reading.members(_ASKED)
        key = (_text(given.get("code")), _text(given.get("role")))
        condition = reading.words
        if condition == _NEVER:
            continue
        if not condition:
            certain.add(key)
        found.setdefault(key, []).append(condition)
    return [
        Left(code, role, () if (code, role) in certain else sorted(set(conditions)))
        for (code, role), conditions in sorted(found.items())
    ]


class _Reading:
    """One conjunction of expressions."""

    def __init__(self, expressions: Sequence[JSON], support: Support) -> None:
        self._support = support
        self._bound: dict[str, JSON] = {}
        self._conditions: list[JSONObject] = []
        for each in expressions:
            expression = _object(each)
            if not self._binds(expression):
                self._conditions.append(expression)

    @property
    def words(self) -> str:
        """The conjunction; empty when it says nothing."""
        said = [self._readable(expression) for expression in self._conditions]
        if _NEVER in said:
            return _NEVER
        return " and ".join(dict.fromkeys(words for words in said if words not in ("", "true")))

    def members(self, name: str) -> JSONObject:
        """Return the known members of the object that a variable stands for."""
        return self._members(self._resolved(name))

    def _members(self, term: JSON) -> JSONObject:
        inner = _object(term)
        if inner.get("type") == "var":
            return self._members(self._resolved(_text(inner.get("value"))))
        parts = _list(inner.get("value"))
        if inner.get("type") != "call" or _named(parts[0]) != _UNION:
            return _members(inner)
        found: JSONObject = {}
        for operand in reversed(parts[1:]):
            known = self._members(operand)
            if not known:
                break  # it may say anything, in place of what is on its left too
            found = {**known, **found}
        return found

    def _resolved(self, name: str) -> JSON:
        """Return the term that a variable stands for."""
        term = self._bound.get(name)
        inner = _object(term)
        if inner.get("type") == "var" and inner.get("value") in self._bound:
            return self._resolved(_text(inner.get("value")))
        return term

    def _binds(self, expression: JSONObject) -> bool:
        """Take note of an expression that only names a term or the answer of a function."""
        terms = expression.get("terms")
        if not isinstance(terms, list) or expression.get("negated"):
            return False
        operator, *operands = terms
        name = _named(operator)
        if name in _EQUAL:
            for at in (0, 1):
                if _is_local(operands[at]):
                    self._bound.setdefault(_variable(operands[at]), operands[1 - at])
                    return True
            return False
        if name in _INFIX or not operands or not _is_local(operands[-1]):
            return False
        call: JSON = {"type": "call", "value": [operator, *operands[:-1]]}
        self._bound.setdefault(_variable(operands[-1]), call)
        return True

    def _readable(self, expression: JSONObject) -> str:
        """Write an expression; of one that would only name nameless values, the facts in it."""
        words = self._expression(expression)
        if not any(vague in words for vague in _VAGUE):
            return words
        used = sorted(set(_inputs(expression)))
        return f"{', '.join(used)} fit a rule that has no short form" if used else ""

    def _expression(self, expression: JSONObject) -> str:
        terms = expression.get("terms")
        is_not = bool(expression.get("negated"))
        if isinstance(terms, list):
            return self._call(terms, is_not=is_not)
        inner = _object(terms)
        if _is_local(terms) and inner.get("value") == _ASKED:
            return ""
        if inner.get("type") == "not":
            return self._negated([_list(inner.get("body"))])
        if "domain" in inner:
            return f"every member of {self._term(inner['domain'])} fits"
        if "symbols" in inner:
            return ""
        name = self._term(terms)
        bodies = self._support.get(_raw(terms))
        if bodies is not None:
            return self._negated(bodies) if is_not else self._any(bodies)
        return f"not {name}" if is_not else name

    def _negated(self, bodies: Sequence[list[JSON]]) -> str:
        said = []
        for body in bodies:
            inner = _Reading(body, self._support)
            if len(inner._conditions) == 1:
                said.append(inner._opposite(inner._conditions[0]))
            elif inner.words != _NEVER:
                said.append(f"not ({inner.words or 'a value is there'})")
        return " and ".join(dict.fromkeys(said))

    def _any(self, bodies: Sequence[list[JSON]]) -> str:
        found = dict.fromkeys(_Reading(body, self._support).words for body in bodies)
        said = [words for words in found if words != _NEVER] or [_NEVER]
        return said[0] if len(said) == 1 else f"({' or '.join(said)})"

    def _opposite(self, expression: JSONObject) -> str:
        """Say when an expression does not hold; a value that is not there makes none hold."""
        terms = expression.get("terms")
        if isinstance(terms, list) and not expression.get("negated"):
            return self._call(terms, is_not=True)
        bodies = self._support.get(_raw(terms))
        if bodies is not None and not expression.get("negated"):
            return self._negated(bodies)
        words = self._expression(expression)
        if words.startswith("not "):
            return words.removeprefix("not ")
        return f"not {words}" if words.startswith("(") or " " not in words else f"not ({words})"

    def _call(self, terms: Sequence[JSON], *, is_not: bool) -> str:
        name = _named(terms[0])
        operands = [self._term(term) for term in terms[1:]]
        if name in _INFIX and len(operands) == 2:
            if is_not and name in _OPPOSITE:
                return f"{operands[0]} {_OPPOSITE[name]} {operands[1]}"
            if is_not:
                return f"{operands[0]} != {operands[1]}"
            return f"{operands[0]} {_INFIX[name]} {operands[1]}"
        words = f"{name}({', '.join(operands)})"
        return f"not {words}" if is_not else words

    def _term(self, term: JSON) -> str:
        inner = _object(term)
        kind, value = inner.get("type"), inner.get("value")
        match kind:
            case "ref":
                return self._reference(_list(value))
            case "var":
                name = _text(value)
                return self._term(self._bound[name]) if name in self._bound else _NAMELESS
            case "call":
                return self._sum(_list(value))
            case "array" | "set":
                opening, closing = "[]" if kind == "array" else "{}"
                return opening + ", ".join(self._term(each) for each in _list(value)) + closing
            case "object":
                pairs = (_list(pair) for pair in _list(value))
                shown = (f"{self._term(pair[0])}: {self._term(pair[1])}" for pair in pairs)
                return "{" + ", ".join(shown) + "}"
            case "null":
                return "null"  # OPA writes its value as `{}`
            case "string" | "number" | "boolean":
                return canonical(value).decode()
        return _WORKED_OUT

    def _sum(self, terms: Sequence[JSON]) -> str:
        """Write a call inside another; adding nothing is left out."""
        operands = [term for term in terms[1:] if _object(term) != {"type": "number", "value": 0}]
        if _named(terms[0]) == "plus" and len(operands) == 1:
            return self._term(operands[0])
        return self._call(terms, is_not=False)

    def _reference(self, parts: Sequence[JSON]) -> str:
        name = _text(_object(parts[0]).get("value"))
        for part in parts[1:]:
            inner = _object(part)
            value = inner.get("value")
            if inner.get("type") == "string" and isinstance(value, str) and value.isidentifier():
                name += f".{value}"
            else:
                name += f"[{self._term(part)}]"
        made_up = self._support.get(name)
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                name = name.removeprefix(prefix)
                break
        if made_up is None:
            return name
        used = {found for body in made_up for found in _inputs(body)}
        return f"{name} (of {', '.join(sorted(used))})"


def _support(result: JSONObject) -> Support:
    """Return the bodies of each rule that OPA had to make up."""
    found: dict[str, list[list[JSON]]] = {}
    for each in _list(result.get("support")):
        module = _object(each)
        path = _list(_object(module.get("package")).get("path"))
        package = [_variable(part) for part in path]
        for rule in _list(module.get("rules")):
            head = _object(_object(rule).get("head"))
            name = ".".join([*package, _text(head.get("name"))])
            found.setdefault(name, []).append(_list(_object(rule).get("body")))
    return found


def _named(operator: JSON) -> str:
    parts = _list(_object(operator).get("value"))
    return ".".join(_text(_object(part).get("value")) for part in parts)


def _raw(term: JSON) -> str:
    """Return a plain reference in full; empty for any other term."""
    parts = _list(_object(term).get("value")) if _object(term).get("type") == "ref" else []
    return ".".join(_variable(part) for part in parts)


def _inputs(node: JSON) -> Iterator[str]:
    """Yield the facts that a tree refers to, as far as they are named by texts."""
    for each in node.values() if isinstance(node, dict) else _list(node):
        yield from _inputs(each)
    name = _raw(node)
    if name.startswith("input."):
        yield next(name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix))


def _is_local(term: JSON) -> bool:
    return _object(term).get("type") == "var"


def _variable(term: JSON) -> str:
    return _text(_object(term).get("value"))


def _members(term: JSON) -> JSONObject:
    """Return the members of an object term whose values are known texts; none of another term."""
    if _object(term).get("type") != "object":
        return {}
    pairs = (_list(pair) for pair in _list(_object(term).get("value")))
    return {_text(_object(p[0]).get("value")): _object(p[1]).get("value") for p in pairs}


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
