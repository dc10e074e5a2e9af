"""Documents that are wrong, hostile or huge: a code, a pointer and a way out for each."""

import json
import time

import pytest

from remit.canonical import JSON, JSONObject
from remit.diagnostic import InvalidDocumentError
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.source import MAX_BYTES
from remit.tool.openapi.wanted import Wanted
from tests.tool.openapi.described import (
    OK,
    Described,
    answering,
    body,
    contracts,
    notes,
    one,
    operation,
    reasons,
)

WANTED = Wanted(("shop",), "team:shop", "shop.yaml")
BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n"
KEPT: JSONObject = {"get": {"operationId": "kept", "responses": OK}}


@pytest.mark.parametrize(
    ("content", "code", "path"),
    [
        (b"x" * (MAX_BYTES + 1), "OPENAPI-TOO-LARGE", ""),
        (b'{"openapi": "3.1.0", "openapi": "3.1.0"}', "OPENAPI-NOT-READ", ""),
        (b"a: [", "OPENAPI-NOT-READ", ""),
        (b"\xff\xfe", "OPENAPI-NOT-READ", ""),
        (BOMB.encode(), "OPENAPI-NOT-READ", ""),
        (b"--- {}\n--- {}\n", "OPENAPI-NOT-READ", ""),
        (b"[" * 5000 + b"]" * 5000, "OPENAPI-NOT-READ", ""),
        (b"[]", "OPENAPI-VERSION", ""),
        (b'{"swagger": "2.0", "paths": {}}', "OPENAPI-VERSION", "/openapi"),
        (b'{"openapi": "3.2.0", "paths": {}}', "OPENAPI-VERSION", "/openapi"),
        (b'{"paths": {}}', "OPENAPI-VERSION", "/openapi"),
        (b'{"openapi": "3.1.0"}', "OPENAPI-SHAPE", "/paths"),
        (b'{"openapi": "3.1.0", "paths": {}}', "IMPORT-EMPTY", ""),
        (
            b'{"openapi": "3.1.0", "paths": {}, "jsonSchemaDialect": "urn:x"}',
            "OPENAPI-DIALECT",
            "/jsonSchemaDialect",
        ),
    ],
)
def test_a_document_that_is_none(content: bytes, code: str, path: str) -> None:
    """The first finding says what is wrong with the whole."""
    with pytest.raises(InvalidDocumentError) as raised:
        import_openapi(content, WANTED)

    first = raised.value.diagnostics[0]
    assert (first.code, first.path) == (code, path)
    assert first.hint


def test_yaml_of_others_is_read() -> None:
    """Statuses as numbers and integers beyond 2^53 are what YAML writers of OpenAPI write."""
    text = """
openapi: 3.0.3
servers: [{url: "https://shop.example"}]
paths:
  /things:
    get:
      operationId: things
      responses:
        200:
          content:
            application/json:
              schema: {type: integer, maximum: 9223372036854775807, default: 1}
"""
    (contract,) = contracts(import_openapi(text.encode(), WANTED)).values()

    assert contract.output_schema == {"type": "integer", "default": 1}


WRONG: list[tuple[str, JSONObject, str]] = [
    (
        "a remote reference",
        {"schema": {"$ref": "https://evil.example/a.json"}},
        "OPENAPI-REF-REMOTE",
    ),
    ("a file", {"schema": {"$ref": "file:///etc/passwd"}}, "OPENAPI-REF-REMOTE"),
    ("a dangling reference", {"schema": {"$ref": "#/components/schemas/No"}}, "OPENAPI-REF"),
    ("the document itself", {"schema": {"$ref": "#"}}, "OPENAPI-REF"),
    ("a circle", {"schema": {"$ref": "#/components/schemas/A"}}, "OPENAPI-REF-CYCLE"),
    ("an anchor", {"schema": {"$anchor": "a"}}, "OPENAPI-SCHEMA"),
    ("another base", {"schema": {"$id": "https://evil.example"}}, "OPENAPI-SCHEMA"),
    ("another dialect", {"schema": {"$schema": "urn:x"}}, "OPENAPI-DIALECT"),
    ("no schema", {"schema": 5}, "OPENAPI-SHAPE"),
    ("a pattern that is none", {"schema": {"pattern": "(["}}, "TOOL-OUTPUT-SCHEMA"),
    (
        "a pattern that explodes",
        {"schema": {"pattern": "((a{999}){999}){999}"}},
        "TOOL-OUTPUT-SCHEMA",
    ),
    ("a type that is none", {"schema": {"type": "file"}}, "TOOL-OUTPUT-SCHEMA"),
]


@pytest.mark.parametrize(("held", "code"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_wrong_schema_takes_its_operation_alone(held: JSONObject, code: str) -> None:
    """The others are taken, and the reason names a place."""
    responses: JSONObject = {"200": {"description": "", "content": {"application/json": held}}}
    circle: JSONObject = {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"$ref": "#/components/schemas/A"},
    }
    paths: JSONObject = {"/bad": {"get": operation(responses=responses)}, "/good": KEPT}
    made = Described(paths, {"schemas": circle}).imported()

    assert [found[0] for found in reasons(made)] == [code]
    assert reasons(made)[0][1].startswith(("/paths/~1bad/get", "/components"))
    assert list(contracts(made)) == ["shop.kept"]


LEFT_OUT: list[tuple[str, JSONObject, str]] = [
    (
        "form body",
        {"requestBody": {"content": {"multipart/form-data": {"schema": {}}}}},
        "OPENAPI-BODY",
    ),
    ("empty body", {"requestBody": {"content": {}}}, "OPENAPI-BODY"),
    ("no responses", {"responses": None}, "OPENAPI-ANSWER"),
    ("errors alone", {"responses": {"default": {"description": ""}}}, "OPENAPI-ANSWER"),
    (
        "html",
        {"responses": {"200": {"description": "", "content": {"text/html": {}}}}},
        "OPENAPI-ANSWER",
    ),
    (
        "a secret as a media type",
        {"responses": {"200": {"description": "", "content": {"env:AWS_SECRET+json": {}}}}},
        "OPENAPI-ANSWER",
    ),
    ("unknown scheme", {"security": [{"no": []}]}, "OPENAPI-AUTH"),
    (
        "two of one name",
        {"parameters": [{"name": "a", "in": "query", "schema": {}}] * 2},
        "OPENAPI-PARAMETER",
    ),
    ("no parameter", {"parameters": ["a"]}, "OPENAPI-SHAPE"),
    ("placeholder", {"parameters": [{"name": "a", "in": "path", "schema": {}}]}, "OPENAPI-PATH"),
    ("money without cost", {"x-remit-operation": "spend"}, "TOOL-COST-MISSING"),
    ("left out on purpose", {"x-remit-skip": True}, "OPENAPI-SKIPPED"),
    ("a bad timeout", {"x-remit-timeout-s": -1}, "TOOL-SHAPE"),
    (
        "private server",
        {"servers": [{"url": "http://169.254.169.254/latest"}]},
        "OPENAPI-SERVER-PRIVATE",
    ),
]


@pytest.mark.parametrize(("more", "code"), [w[1:] for w in LEFT_OUT], ids=[w[0] for w in LEFT_OUT])
def test_what_cannot_be_called_is_left_out_with_a_reason(more: JSONObject, code: str) -> None:
    """Never silently, never half."""
    made = Described({"/bad": {"post": operation(**more)}, "/good": KEPT}).imported()

    assert [found[0] for found in reasons(made)] == [code]
    assert list(contracts(made)) == ["shop.kept"]


@pytest.mark.parametrize(
    "path",
    [
        "/a/{b",
        "/a/{env:HOME}",
        "/${env:AWS_SECRET}",
        "/a?b=c",
        "/a#b",
        "/../a",
        "/a b",
        "/a\u202eb\n",
    ],
)
def test_hostile_paths(path: str) -> None:
    """A path is a path and nothing else."""
    made = Described({path: {"get": operation()}, "/good": KEPT}).imported()

    assert [found[0] for found in reasons(made)] == ["OPENAPI-PATH"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:8080", "OPENAPI-SERVER-PRIVATE"),
        ("http://10.0.0.1", "OPENAPI-SERVER-PRIVATE"),
        ("http://2130706433", "OPENAPI-SERVER-PRIVATE"),
        ("http://0x7f.1", "OPENAPI-SERVER-PRIVATE"),
        ("http://[::ffff:127.0.0.1]", "OPENAPI-SERVER-PRIVATE"),
        ("http://localhost", "OPENAPI-SERVER-PRIVATE"),
        ("http://metadata.google.internal", "OPENAPI-SERVER-PRIVATE"),
        ("https://${env:AWS_SECRET}.evil.example", "OPENAPI-SERVER"),
        ("https://user:pass@shop.example", "OPENAPI-SERVER"),
        ("https://shop.example/../x", "OPENAPI-SERVER"),
        ("ftp://shop.example", "OPENAPI-SERVER"),
        ("/relative", "OPENAPI-SERVER"),
        ("https://{region}.shop.example", "OPENAPI-SERVER"),
    ],
)
def test_servers_that_are_not_taken(url: str, code: str) -> None:
    """A document does not choose an address inside a network, nor read the environment."""
    with pytest.raises(InvalidDocumentError) as raised:
        Described({"/good": KEPT}, more={"servers": [{"url": url}]}).imported()

    assert [each.code for each in raised.value.diagnostics] == ["IMPORT-EMPTY", code]
    assert "--server" in raised.value.diagnostics[1].hint


def test_servers_with_variables_have_their_defaults() -> None:
    """And it is said that another may be named."""
    variables: JSONObject = {"region": {"default": "eu", "enum": ["eu", "us"]}}
    servers: JSON = [{"url": "https://{region}.shop.example/", "variables": variables}]
    made = Described({"/good": KEPT}, more={"servers": servers}).imported()

    assert contracts(made)["shop.kept"].destinations == ["eu.shop.example"]
    assert "OPENAPI-SERVER" in notes(made)


def test_the_host_that_gave_the_document_may_serve() -> None:
    """Also when it is inside a network: whoever imports named it."""
    service = Described({"/good": KEPT}, more={"servers": [{"url": "/v2"}]})
    made = service.imported(origin="http://127.0.0.1:8080/openapi.json")
    named = service.imported(origin="http://office:8080/openapi.json")

    assert made.defaults["call"] == {"kind": "http", "base": "http://127.0.0.1:8080/v2"}
    assert "private" not in made.defaults
    assert named.defaults["private"] == ["office"]


def test_duplicate_ids_and_names_are_left_out() -> None:
    """All of them: nobody can tell which one was meant."""
    paths: JSONObject = {
        "/a": {"get": operation(operationId="same")},
        "/b": {"get": operation(operationId="same")},
        "/c": {"get": operation(operationId="getThing")},
        "/d": {"get": operation(operationId="get_thing")},
        "/good": {**KEPT, "head": operation(operationId="head")},
    }
    made = Described(paths).imported()

    assert sorted(code for code, _ in reasons(made)) == [
        "OPENAPI-DUPLICATE-ID",
        "OPENAPI-DUPLICATE-ID",
        "OPENAPI-METHOD",
        "OPENAPI-NAME",
        "OPENAPI-NAME",
    ]


@pytest.mark.parametrize(
    "identifier",
    ["../../etc/passwd", "x" * 100_000, "заказ", "a\u202eb", "\u0440lace", "${env:HOME}", "\n"],
)
def test_hostile_names_are_plain(identifier: str) -> None:
    """Whatever an operation is called, its tool has a plain, bounded name."""
    made = one(operation(operationId=identifier)).imported()

    (name,) = contracts(made)
    assert len(name) <= 80
    assert name.replace("_", "").replace(".", "").isalnum()
    assert name.isascii()


def test_markup_in_descriptions_is_taken_out() -> None:
    """One line of text, without tags and control characters."""
    text = "<script>alert(1)</script>Place\nan <b>order</b>\x1b[31m\u202e" + "x" * 9000
    (contract,) = contracts(one(operation(summary=text)).imported()).values()

    assert contract.description.startswith("alert(1) Place an order [31m")
    assert len(contract.description) <= 300
    assert contract.description.isprintable()


@pytest.mark.parametrize(
    "said",
    [
        {"x-remit-operation": "harmless"},
        {"x-remit-idempotency": "magic"},
        {"x-remit-idempotency": "key"},
        {"x-remit-compensate": {"operation": 5}},
        {"x-remit-compensate": {"operation": "nowhere"}},
        {"x-remit-cost": {"refunded_by_undo": True}},
        {"x-remit-unknown": 1},
        {"x-remit-skip": "yes"},
    ],
)
def test_annotations_that_are_not_taken_are_told(said: JSONObject) -> None:
    """The operation is taken as if they were not there."""
    made = one(operation(**said)).imported()

    assert "OPENAPI-ANNOTATION" in notes(made)
    assert contracts(made)["shop.make"].irreversible


def test_what_reaches_too_much_is_left_out() -> None:
    """A schema that reaches everything would stand in each contract."""
    properties: JSONObject = {
        f"p{n}": {"type": "string", "description": "x" * 250} for n in range(1200)
    }
    components: JSONObject = {"schemas": {"All": {"type": "object", "properties": properties}}}
    many = answering({"type": "array", "items": {"$ref": "#/components/schemas/All"}})
    made = Described(
        {"/bad": {"get": operation(responses=many)}, "/good": KEPT}, components
    ).imported()

    assert [found[0] for found in reasons(made)] == ["OPENAPI-TOO-LARGE"]


def test_long_chains_and_wide_cycles_end() -> None:
    """References are followed without recursion, and each once."""
    schemas: JSONObject = {
        f"S{n}": {
            "type": "object",
            "properties": {
                "next": {"$ref": f"#/components/schemas/S{(n + 1) % 800}"},
                "back": {"$ref": f"#/components/schemas/S{(n * 7) % 800}"},
            },
        }
        for n in range(800)
    }
    entry = operation(requestBody=body({"$ref": "#/components/schemas/S0"}))
    begun = time.process_time()
    made = one(entry, components={"schemas": schemas}).imported()

    assert len(made.schemas) == 800
    assert time.process_time() - begun < 5


def test_nothing_of_a_document_is_read_as_a_reference() -> None:
    """Neither the environment nor a file is in anything that the document wrote."""
    tricks = ["${env:HOME}", "env:HOME", "file:/etc/passwd", "${args.x}"]
    parameters: JSON = [{"name": trick, "in": "query", "schema": {}} for trick in tricks]
    text = json.dumps(
        one(operation(parameters=parameters, summary=tricks[0])).imported().tools[0]["call"]
    )

    assert '"headers"' not in text
    assert '"url": "/things"' in text
