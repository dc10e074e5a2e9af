"""What an operation becomes: arguments, sending, risk, repeating, undoing, secrets, servers."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.tool.contract import Idempotency, Operation
from remit.tool.kinds import HttpKind
from tests.tool.openapi.described import (
    OK,
    Described,
    answering,
    body,
    contracts,
    notes,
    one,
    only,
    operation,
    reasons,
)

STRING: JSONObject = {"type": "string"}
STRINGS: JSONObject = {"type": "array", "items": STRING}
RANGE: JSONObject = {"type": "object", "properties": {"from": STRING}}


def parameter(name: str, inside: str, schema: JSON = STRING, **more: JSON) -> JSONObject:
    """Return a parameter."""
    return {"name": name, "in": inside, "schema": schema, **more}


def call_of(contract: object) -> HttpKind:
    """Return the `http` part of a contract."""
    call = getattr(contract, "call", None)
    assert isinstance(call, HttpKind)
    return call


def test_members_of_a_plain_body_are_arguments() -> None:
    """Beside path and query; what is not declared is closed out."""
    schema: JSONObject = {
        "type": "object",
        "properties": {"amount": {"type": "integer"}},
        "required": ["amount"],
    }
    parameters: JSON = [parameter("order-id", "path", required=True), parameter("dry", "query")]
    entry = operation(parameters=parameters, requestBody=body(schema))
    contract = only(one(entry, path="/orders/{order-id}"))

    assert contract.input_schema["required"] == ["order_id", "amount"]
    assert contract.input_schema["additionalProperties"] is False
    assert call_of(contract).url == "/orders/{order_id}"
    assert (call_of(contract).query, call_of(contract).body) == ({"dry": "/dry"}, "*")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": STRING},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": True},
        {"allOf": [{"type": "object", "properties": {"a": STRING}}]},
        {"type": "object", "properties": {"id": STRING}},
    ],
    ids=["a list", "open", "combined", "a name taken twice"],
)
def test_any_other_body_is_one_argument(schema: JSON) -> None:
    """So that no member of it is lost or mistaken."""
    entry = operation(parameters=[parameter("id", "path", required=True)], requestBody=body(schema))
    contract = only(one(entry, path="/orders/{id}"))

    assert contract.input_schema["required"] == ["id", "body"]
    assert call_of(contract).body == "${args.body}"


@pytest.mark.parametrize(
    ("given", "style"),
    [
        (parameter("q", "query", STRINGS), None),
        (parameter("q", "query", STRINGS, explode=False), "comma"),
        (parameter("q", "query", STRINGS, style="pipeDelimited", explode=False), "pipe"),
        (parameter("q", "query", RANGE), "members"),
        (parameter("q", "query", RANGE, style="deepObject", explode=True), "deep"),
        ({"name": "q", "in": "query", "content": {"application/json": {"schema": RANGE}}}, "json"),
    ],
)
def test_styles_of_the_query(given: JSONObject, style: str | None) -> None:
    """Each form of OpenAPI is one that is sent so."""
    contract = only(one(operation(parameters=[given]), "get"))

    assert call_of(contract).query == {"q": "/q"}
    assert call_of(contract).query_styles.get("q") == style


@pytest.mark.parametrize(
    "given",
    [
        parameter("q", "query", RANGE, explode=False),
        parameter("q", "query", allowReserved=True),
        parameter("q", "cookie"),
        parameter("Host", "header"),
        parameter("X-List", "header", STRINGS),
        {"name": "q", "in": "query"},
    ],
    ids=["object in one", "reserved", "cookie", "reserved header", "list header", "no schema"],
)
def test_what_cannot_be_sent_is_never_left_out_silently(given: JSONObject) -> None:
    """An optional parameter is left out and told; a required one takes its operation with it."""
    made = one(operation(parameters=[given]), "get").imported()
    paths: JSONObject = {
        "/a": {"get": operation(operationId="a", parameters=[{**given, "required": True}])},
        "/b": {"get": operation(operationId="b")},
    }
    without = Described(paths).imported()

    assert "OPENAPI-PARAMETER" in notes(made)
    assert contracts(made)["shop.make"].input_schema["properties"] == {}
    assert reasons(without) == [("OPENAPI-PARAMETER", "/paths/~1a/get/parameters/0")]
    assert list(contracts(without)) == ["shop.b"]


def test_headers_and_the_key() -> None:
    """A header is an argument; the one for the step key is not."""
    entry = operation(
        parameters=[parameter("X-Trace", "header"), parameter("Idempotency-Key", "header")]
    )
    contract = only(one(entry))

    assert call_of(contract).header_arguments == {"X-Trace": "/X_Trace"}
    assert call_of(contract).idempotency_header == "Idempotency-Key"
    assert contract.idempotency is Idempotency.KEY
    assert contract.input_schema["properties"] == {"X_Trace": STRING}


@pytest.mark.parametrize(
    ("method", "usual", "repeated"),
    [
        ("get", Operation.READ, Idempotency.NATURAL),
        ("put", Operation.WRITE, Idempotency.NATURAL),
        ("delete", Operation.DELETE, Idempotency.NATURAL),
        ("post", Operation.WRITE, Idempotency.NONE),
        ("patch", Operation.WRITE, Idempotency.NONE),
    ],
)
def test_a_method_says_what_a_call_does(
    method: str, usual: Operation, repeated: Idempotency
) -> None:
    """And how it may be repeated; what takes no key, or nothing undoes, is said aloud."""
    made = one(operation(), method).imported()
    contract = contracts(made)["shop.make"]

    assert (contract.operation, contract.idempotency) == (usual, repeated)
    assert contract.irreversible == usual.has_effect
    assert ("OPENAPI-NO-KEY" in notes(made)) == (repeated is Idempotency.NONE)
    assert ("OPENAPI-NO-UNDO" in notes(made)) == usual.has_effect


@pytest.mark.parametrize(
    ("method", "said", "told"),
    [
        ("post", "spend", Operation.SPEND),
        ("post", "delete", Operation.DELETE),
        ("get", "trigger", Operation.TRIGGER),
        ("post", "read", Operation.WRITE),
        ("delete", "write", Operation.DELETE),
        ("delete", "spend", Operation.DELETE),
    ],
)
def test_annotations_only_raise_the_risk(method: str, said: str, told: Operation) -> None:
    """What would lower it is left aside, and told."""
    more: JSONObject = {"x-remit-operation": said}
    if said == "spend":
        more["x-remit-cost"] = {"estimate": {"micros": 1, "currency": "EUR"}}
    made = one(operation(**more), method).imported()

    assert contracts(made)["shop.make"].operation is told
    assert ("OPENAPI-ANNOTATION" in notes(made)) == (told.value != said)


def test_a_compensation_is_another_operation() -> None:
    """By the operation's id; what undoes need not be undone."""
    undo: JSONObject = {"operation": "unmake", "args": {"id": "${output.id}"}}
    made_of: JSONObject = {"type": "object", "properties": {"id": STRING}, "required": ["id"]}
    paths: JSONObject = {
        "/things": {
            "post": operation(responses=answering(made_of), **{"x-remit-compensate": undo})
        },
        "/things/{id}": {
            "delete": operation(
                operationId="unmake", parameters=[parameter("id", "path", required=True)]
            )
        },
    }
    found = contracts(Described(paths).imported())
    alone = Described(paths).imported(only=("make",))

    assert found["shop.make"].compensation is not None
    assert found["shop.make"].compensation.tool == "shop.unmake@1"
    assert (found["shop.make"].irreversible, found["shop.unmake"].irreversible) == (False, False)
    assert contracts(alone)["shop.make"].irreversible
    assert "OPENAPI-ANNOTATION" in notes(alone)


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        (
            {"type": "http", "scheme": "Bearer"},
            {"authorization": "Bearer ${env:REMIT_SECRET_SHOP_LOGIN}"},
        ),
        (
            {"type": "http", "scheme": "basic"},
            {"authorization": "Basic ${env:REMIT_SECRET_SHOP_LOGIN}"},
        ),
        (
            {"type": "apiKey", "in": "header", "name": "X-Key"},
            {"x-key": "${env:REMIT_SECRET_SHOP_LOGIN}"},
        ),
        (
            {"type": "apiKey", "in": "cookie", "name": "sid"},
            {"cookie": "sid=${env:REMIT_SECRET_SHOP_LOGIN}"},
        ),
        (
            {"type": "oauth2", "flows": {}},
            {"authorization": "Bearer ${env:REMIT_SECRET_SHOP_LOGIN}"},
        ),
        ({"type": "apiKey", "in": "query", "name": "key"}, None),
        ({"type": "mutualTLS"}, None),
    ],
)
def test_security_is_a_header_with_a_reference(
    scheme: JSONObject, headers: dict[str, str] | None
) -> None:
    """No secret is in a URL, and the document does not choose which secret is sent."""
    paths: JSONObject = {
        "/a": {"get": operation(operationId="a", security=[{"login": []}])},
        "/b": {"get": operation(operationId="b", security=[])},
    }
    made = Described(paths, {"securitySchemes": {"login": scheme}}).imported()
    found = contracts(made)

    assert call_of(found["shop.b"]).headers == {}
    if headers is None:
        assert reasons(made) == [("OPENAPI-AUTH", "/components/securitySchemes/login")]
    else:
        assert call_of(found["shop.a"]).headers == headers
        assert "OPENAPI-SECRET" in notes(made)


def test_whoever_imports_names_the_secret() -> None:
    """In place of the variable that follows from domain and scheme."""
    service = Described(
        {"/a": {"get": operation(security=[{"login": []}])}},
        {"securitySchemes": {"login": {"type": "http", "scheme": "bearer"}}},
    )

    assert call_of(only(service, secrets={"login": "file:token"})).headers == {
        "authorization": "Bearer ${file:token}"
    }


def test_answers_and_statuses() -> None:
    """Several successes are one schema; a deletion of what is gone already counts as done."""
    responses: JSONObject = {
        "204": {"description": ""},
        "404": {"description": ""},
        "423": {"description": ""},
    }
    entry = operation(parameters=[parameter("id", "path", required=True)], responses=responses)
    contract = only(one(entry, "delete", "/things/{id}"))
    both: JSONObject = {**answering(STRING), "202": {"description": ""}}
    later = one(operation(responses=both)).imported()

    assert contract.output_schema == {"type": "null"}
    assert call_of(contract).already == [404]
    assert 423 in call_of(contract).refused
    assert contracts(later)["shop.make"].output_schema == {"anyOf": [STRING, {"type": "null"}]}
    assert "OPENAPI-LATER" in notes(later)


def test_vendor_types_are_sent_and_asked_for() -> None:
    """A body of `…+json` is sent as that, an answer asked for as that."""
    entry = operation(
        requestBody={"content": {"application/merge-patch+json": {"schema": STRINGS}}},
        responses={
            "200": {"description": "", "content": {"application/vnd.shop+json": {"schema": {}}}}
        },
    )
    call = call_of(only(one(entry, "patch")))

    assert call.media_type == "application/merge-patch+json"
    assert call.headers == {"accept": "application/vnd.shop+json"}


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("placeOrder", "shop.place_order"),
        ("getHTTPStatus", "shop.get_http_status"),
        ("orders.place", "shop.orders_place"),
        ("shop.place", "shop.place"),
        ("PLACE order!", "shop.place_order"),
        (None, "shop.post_things"),
    ],
)
def test_names(identifier: str | None, name: str) -> None:
    """Of the operation's id, else of method and path; the domain is never the document's choice."""
    entry = operation(operationId=identifier) if identifier else {"responses": OK}
    made = one(entry).imported()

    assert list(contracts(made)) == [name]
    assert ("OPENAPI-NO-ID" in notes(made)) == (identifier is None)


def test_a_second_domain_must_be_said() -> None:
    """`erp.place` is in `erp` when whoever imports says that there is one."""
    service = one(operation(operationId="erp.place"))
    said = only(service, domains=("shop", "erp"))

    assert (said.name, said.domain) == ("erp.place", "erp")
    assert (only(service).name, only(service).domain) == ("shop.erp_place", "shop")


def test_the_same_document_gives_the_same_file() -> None:
    """Whatever the order of hashing."""
    service = one(operation(requestBody=body(STRINGS)))

    assert service.imported().body() == service.imported().body()


def test_a_read_back_says_what_it_must_show() -> None:
    """It is taken as it is, and held against the schemas as every contract is."""
    back: JSONObject = {"operation": "show", "args": {"id": "${output.id}"}, "within_s": 2}
    made_of: JSONObject = {"type": "object", "properties": {"id": STRING}, "required": ["id"]}

    def described(expect: JSON) -> Described:
        said: JSONObject = {"x-remit-read-back": {**back, "expect": expect}}
        shown = parameter("id", "path", required=True)
        read = operation(operationId="show", parameters=[shown], responses=answering(made_of))
        make = operation(responses=answering(made_of), **said)
        return Described({"/things": {"post": make}, "/things/{id}": {"get": read}})

    found = contracts(described({"id": "${output.id}"}).imported())["shop.make"].read_back

    assert found is not None
    assert (found.expect, found.within_s) == ({"id": "${output.id}"}, 2)
