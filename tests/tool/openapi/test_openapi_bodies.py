"""Bodies and answers that are not JSON: forms, and whole files that go by the artifact store."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.kinds import FORM_TYPE
from tests.tool.openapi.described import Described, contracts, notes, one, only, operation, reasons
from tests.tool.openapi.test_openapi_operations import RANGE, STRING, STRINGS, call_of


def _form(schema: JSONObject, **encoding: JSON) -> JSONObject:
    held: JSONObject = {"schema": schema, "encoding": encoding}
    return {"required": True, "content": {FORM_TYPE: held, "text/csv": {}}}


def _members(**members: JSON) -> JSONObject:
    return {"type": "object", "properties": members}


@pytest.mark.parametrize(
    ("member", "encoding", "style"),
    [
        (STRING, None, None),
        (STRINGS, None, None),
        (STRINGS, {"explode": False, "style": "form"}, "comma"),
        (STRINGS, {"style": "pipeDelimited", "explode": False}, "pipe"),
        (STRINGS, {"contentType": "application/json"}, "json"),
        (RANGE, {"style": "deepObject", "explode": True}, "deep"),
        (RANGE, {"style": "form"}, "members"),
        (RANGE, {"contentType": "application/json"}, "json"),
    ],
)
def test_a_form_is_sent_as_its_encoding_says(
    member: JSONObject, encoding: JSON, style: str | None
) -> None:
    """Its members are arguments, as those of a body of JSON."""
    told = {} if encoding is None else {"q": encoding}
    contract = only(one(operation(requestBody=_form(_members(q=member), **told))))

    assert contract.input_schema["properties"].keys() == {"q"}
    assert (call_of(contract).body, call_of(contract).media_type) == ("*", FORM_TYPE)
    assert call_of(contract).body_styles.get("q") == style


def test_a_member_of_a_form_that_cannot_be_sent_is_never_left_out_silently() -> None:
    """How an object is written must be said; a required one takes its operation with it."""
    schema = _members(name=STRING, range=RANGE)
    made = one(operation(requestBody=_form(schema))).imported()
    needed = {**schema, "required": ["range"]}
    alone = one(operation(requestBody=_form({"type": "array"})))

    assert "OPENAPI-PARAMETER" in notes(made)
    [contract] = contracts(made).values()
    assert contract.input_schema["properties"].keys() == {"name"}
    place = "/paths/~1things/post/requestBody/content/application~1x-www-form-urlencoded/schema"
    for service, found in (
        (one(operation(requestBody=_form(needed))), f"{place}/properties/range"),
        (alone, place),
    ):
        with pytest.raises(InvalidDocumentError) as raised:
            service.imported()
        assert found in {each.path for each in raised.value.diagnostics}


def test_json_is_preferred_to_a_form() -> None:
    """A service that takes both is sent what says most."""
    both = _form(_members(q=STRING))
    content = both["content"]
    assert isinstance(content, dict)
    content["application/json"] = {"schema": _members(q=STRING)}

    assert call_of(only(one(operation(requestBody=both)))).media_type == "application/json"


def test_a_whole_file_is_an_artifact_both_ways() -> None:
    """What is in parts or a stream is none; the output and the argument name it."""
    media: JSONObject = {"text/csv": {}, "multipart/form-data": {}, "image/*": {}}
    answers: JSON = {"200": {"content": {"application/pdf": {}, "text/event-stream": {}}}}
    described = one(operation(requestBody={"content": media}, responses=answers), "put")
    contract = only(described)
    call = call_of(contract)

    assert "OPENAPI-ARTIFACT" in notes(described.imported())
    assert call.upload is not None
    assert (call.upload.argument, call.upload.media_types) == ("/body", ["text/csv", "image/*"])
    assert contract.input_schema["required"] == ["body"]
    assert call.artifact is not None
    assert call.artifact.media_types == ["application/pdf"]
    assert contract.output_schema["required"] == ["artifact"]
    assert Catalogue.of([contract.model_copy(update={"irreversible": True})]) is not None


@pytest.mark.parametrize(
    "answers",
    [
        {"200": {"content": {"application/pdf": {}}}, "204": {"description": "Nothing."}},
        {"200": {"content": {"multipart/mixed": {}}}},
        {"200": {"content": {"text/event-stream": {}}}},
    ],
    ids=["or nothing", "parts", "events"],
)
def test_what_is_no_whole_file_is_left_out(answers: JSON) -> None:
    """An answer that may be one thing or another has no output that a plan can use."""
    paths: JSONObject = {
        "/a": {"get": operation(operationId="a", responses=answers)},
        "/b": {"get": operation(operationId="b")},
    }
    made = Described(paths).imported()

    assert [code for code, _ in reasons(made)] == ["OPENAPI-ANSWER"]
