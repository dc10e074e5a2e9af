"""`--input`: what a value becomes."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.errors import CliError
from remit.cli.inputs import read_inputs, with_inputs


@pytest.mark.parametrize(
    ("stated", "inputs"),
    [
        (["amount=5"], {"amount": 5}),
        (["supplier=sup-7"], {"supplier": "sup-7"}),
        (['code="007"'], {"code": "007"}),
        (["code=007"], {"code": "007"}),
        (["query=a=b"], {"query": "a=b"}),
        (["text="], {"text": ""}),
        (['team=[{"email": "a@b.example"}]'], {"team": [{"email": "a@b.example"}]}),
        (['{"a": 1, "b": 2}', "b=3"], {"a": 1, "b": 3}),
    ],
)
def test_a_value_is_json_where_it_reads_as_json(stated: list[str], inputs: JSONObject) -> None:
    """Numbers, lists and objects are what they look like; everything else is text."""
    assert read_inputs(stated) == inputs


@pytest.mark.parametrize("stated", ["amount", "=5", "{", '{"a": 1, "a": 2}'])
def test_what_names_nothing_is_refused(stated: str) -> None:
    """An input without a name, or half an object, is wrong usage."""
    with pytest.raises(CliError) as caught:
        read_inputs([stated])

    assert caught.value.findings[0].code == "CLI-INPUT"


def test_inputs_are_laid_over_the_plans_own() -> None:
    """Those not stated stay; a document that is no object stays what it is."""
    stated: JSONObject = {"a": 2}
    document: JSON = {"inputs": {"a": 1, "b": 1}, "x": 0}

    assert with_inputs(document, stated) == {"inputs": {"a": 2, "b": 1}, "x": 0}
    assert with_inputs([], stated) == []
