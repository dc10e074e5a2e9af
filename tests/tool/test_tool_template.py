"""Templates, pointers and addresses: what they take, and what they refuse."""

import pytest

from remit.canonical import JSON
from remit.tool.address import Address, AddressError
from remit.tool.pointer import PointerError, follow
from remit.tool.template import TemplateError, fill, references

VALUES: dict[str, JSON] = {
    "args": {"n": 7, "list": [{"id": "a"}], "on": True, "none": None},
    "step_key": "r:a:do",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${args.n}", 7),
        ("no. ${args.n}, ${args.on}", "no. 7, true"),
        ("${args.list[0].id}", "a"),
        ('${args["list"][0]}', {"id": "a"}),
        ("${args.none}", None),
        ("$${args.n} is ${args.n}", "${args.n} is 7"),
        ({"a": ["${step_key}", 1]}, {"a": ["r:a:do", 1]}),
        ({"a": "${args.gone}", "b": "${args.n}"}, {"b": 7}),
    ],
)
def test_fill(template: JSON, expected: JSON) -> None:
    """Whole references keep their type; absent members of an object are left out."""
    assert fill(template, VALUES) == expected


@pytest.mark.parametrize(
    "template",
    ["${args.gone}", ["${args.gone}"], {"a": "x${args.gone}"}, "x${args.list}", "${args..n}"],
)
def test_fill_refuses(template: JSON) -> None:
    """A reference that is malformed, leads nowhere or does not fit a text is an error."""
    with pytest.raises(TemplateError):
        fill(template, VALUES)


def test_references() -> None:
    """References are found wherever they stand; escaped ones are none."""
    template: JSON = {"a": ["${args.x}", "$${args.no} ${step_key}"], "b": 1}

    assert list(references(template)) == [("args", "x"), ("step_key",)]


def test_pointers() -> None:
    """RFC 6901 with its escapes."""
    document: JSON = {"a/b": [{"m~n": 1}], "": 2}

    assert follow(document, "") == document
    assert follow(document, "/a~1b/0/m~0n") == 1
    assert follow(document, "/") == 2
    for wrong in ("a", "/a~1b/00", "/a~1b/-", "/a~1b/1", "/x", "//x"):
        with pytest.raises(PointerError):
            follow(document, wrong)


def test_addresses_are_filled() -> None:
    """The base comes from the environment, arguments are encoded segments."""
    environ = {"BASE": "https://shop.example/api/", "PORT": "81"}

    whole = Address.parse("${env:BASE}/things/{id}/x-{n}")
    assert whole.host is None
    assert whole.arguments == ("id", "n")
    assert whole.fill({"id": "a/ü?#", "n": 3}, environ) == (
        "https://shop.example/api/things/a%2F%C3%BC%3F%23/x-3"
    )
    either = Address.parse("${env:GONE|http://127.0.0.1:${env:PORT}}/x")
    assert either.host == "127.0.0.1"
    assert either.fill({}, environ) == "http://127.0.0.1:81/x"
    assert either.fill({}, environ | {"GONE": "https://h"}) == "https://h/x"
    assert Address.parse("http://h.example:${env:PORT}").host == "h.example"
    assert Address.parse("http://h.example:${env:PORT}").fill({}, environ) == "http://h.example:81"


@pytest.mark.parametrize(
    ("template", "arguments"),
    [
        ("${env:GONE}/x", {}),
        ("http://h/{id}", {}),
        ("http://h/{id}", {"id": ".."}),
        ("http://h/{id}", {"id": ["a"]}),
        ("http://h/{id", {"id": "a"}),
        ("//h/x", {}),
        ("http://h/x#y", {}),
        ("http://a@h/x", {}),
        ("http://h\\x/y", {}),
        ("http://{id}/y", {"id": "h"}),
        ("x${env:BASE}", {}),
        ("${env:GONE|http://h:${env:GONE}}/x", {}),
        ("${env:GONE|ftp://h}/x", {}),
        ("${env:BASE|http://a@h}/x", {}),
        ("${env:BASE}@h/x", {}),
    ],
)
def test_addresses_are_refused(template: str, arguments: dict[str, JSON]) -> None:
    """What could lead elsewhere than the template says is an error."""
    with pytest.raises(AddressError):
        Address.parse(template).fill(arguments, {"BASE": "http://h"})
