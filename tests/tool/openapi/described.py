"""OpenAPI documents for tests: whole ones, of the parts that a test is about."""

import json
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.tool.contract import ToolContract
from remit.tool.imported import Imported
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.wanted import Wanted
from remit.tool.written import contracts_in

OK: JSONObject = {"200": {"description": "OK", "content": {"application/json": {"schema": {}}}}}


@dataclass(frozen=True)
class Described:
    """A service with these parts."""

    paths: JSONObject
    components: JSONObject = field(default_factory=dict)
    version: str = "3.1.0"
    more: JSONObject = field(default_factory=dict)

    @property
    def document(self) -> JSONObject:
        """The document."""
        return {
            "openapi": self.version,
            "info": {"title": "Shop", "version": "1"},
            "servers": [{"url": "https://shop.example/v1"}],
            "paths": self.paths,
            "components": self.components,
            **self.more,
        }

    def imported(self, **wanted: object) -> Imported:
        """Import it into the domain `shop`."""
        said = {"domains": ("shop",), "owner": "team:shop", "source": "shop.json", **wanted}
        return import_openapi(json.dumps(self.document).encode(), Wanted(**said))  # type: ignore[arg-type]


def operation(**more: JSON) -> JSONObject:
    """Return an operation that answers any JSON."""
    return {"operationId": "make", "responses": OK, **more}


def body(schema: JSON, **more: JSON) -> JSONObject:
    """Return a required JSON body."""
    return {"required": True, "content": {"application/json": {"schema": schema}}, **more}


def answering(schema: JSON) -> JSONObject:
    """Return responses of one success."""
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


def one(entry: JSONObject, method: str = "post", path: str = "/things", **parts: JSON) -> Described:
    """Return a service of one operation."""
    components, version = parts.get("components", {}), parts.get("version", "3.1.0")
    assert isinstance(components, dict)
    return Described({path: {method: entry}}, components, str(version))


def contracts(made: Imported) -> dict[str, ToolContract]:
    """Return the contracts as a project reads them, by name."""
    read = [ToolContract.model_validate(each.document) for each in contracts_in(made.body())]
    return {contract.name: contract for contract in read}


def only(service: Described, **wanted: object) -> ToolContract:
    """Return the one contract of a service."""
    (contract,) = contracts(service.imported(**wanted)).values()
    return contract


def reasons(made: Imported) -> list[tuple[str, str]]:
    """Return code and path of what was left out."""
    return [(each.code, each.path) for each in made.left_out]


def notes(made: Imported) -> set[str]:
    """Return the codes of what is worth a look."""
    return {each.code for each in made.notes}
