"""What connecting a service costs: importing it, loading a large catalogue, calling it, checking.

The document is generated: a thousand operations over a hundred and twenty definitions that refer
to each other. The call is one to a server in a process of its own, by the adapter and by its own
client library bare, by turns. Nothing governs here: it is the adapter alone that is measured, with
its way out.
"""

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
from pydantic import BaseModel, ConfigDict

from activities.tools.registry import Tools
from benchmarks.ratios import Spread, spread_of
from remit.canonical import JSON, JSONObject, canonical
from remit.cli.importing.difference import follow
from remit.cli.importing.file import written
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolCall
from remit.tool.contract import ToolContract
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.wanted import Wanted
from remit.tool.validation import check

OPERATIONS = 1000
TOOLS = 2000
_DEFINITIONS = 120
_BODY = 5000
_ANSWER = b'{"id": "1", "status": "placed"}'


class Connecting(BaseModel):
    """Seconds and milliseconds; wall time beside CPU time where other people's work disturbs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    import_s: float
    import_cpu_s: float
    load_s: float
    load_cpu_s: float
    adapter_ms: Spread
    bare_ms: Spread
    added_ms: Spread
    """Of pairs, one call beside the other."""
    check_us: Spread
    """Of a value of 5 kB."""


def connecting(calls: int) -> Connecting:
    """Measure everything; `calls` of each kind."""
    imported, cpu, _ = _imported(OPERATIONS)
    loaded, load_cpu = _loaded()
    with _serving() as port:
        adapter, bare = asyncio.run(_called(port, calls))
    added = [one - other for one, other in zip(adapter, bare, strict=True)]
    return Connecting(
        import_s=imported,
        import_cpu_s=cpu,
        load_s=loaded,
        load_cpu_s=load_cpu,
        adapter_ms=spread_of(adapter),
        bare_ms=spread_of(bare),
        added_ms=spread_of(added),
        check_us=spread_of(_checked(calls)),
    )


def described(operations: int) -> JSONObject:
    """Return an OpenAPI document with that many operations."""
    schemas: JSONObject = {f"Thing{n}": _thing(n) for n in range(_DEFINITIONS)}
    paths: JSONObject = {}
    for n in range(operations // 2):
        ref: JSONObject = {"$ref": f"#/components/schemas/Thing{n % _DEFINITIONS}"}
        answers: JSONObject = {
            "200": {"description": "OK", "content": {"application/json": {"schema": ref}}},
            "404": {"description": "There is none."},
        }
        key: JSONObject = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
        inside: JSONObject = {
            "name": "thing",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
        }
        query: JSONObject = {"name": "page", "in": "query", "schema": {"type": "integer"}}
        paths[f"/areas{n}/things/{{thing}}"] = {
            "get": {
                "operationId": f"readThing{n}",
                "summary": f"Read thing {n}",
                "parameters": [inside, query],
                "responses": answers,
            },
            "post": {
                "operationId": f"changeThing{n}",
                "summary": f"Change thing {n}",
                "parameters": [inside, key],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref}},
                },
                "responses": answers,
            },
        }
    return {
        "openapi": "3.0.3",
        "info": {"title": "A large service", "version": "1"},
        "servers": [{"url": "https://large.example/v1"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _thing(number: int) -> JSONObject:
    fields: JSONObject = {
        f"field{n}": {"type": "string", "maxLength": 200, "nullable": n % 3 == 0} for n in range(8)
    }
    fields["id"] = {"type": "string", "readOnly": number % 4 == 0}
    if number % 10:
        fields["next"] = {"$ref": f"#/components/schemas/Thing{number - 1}"}
    return {"type": "object", "required": ["id"], "properties": fields}


def _imported(operations: int) -> tuple[float, float, bytes]:
    """Return seconds, CPU seconds and the file of an import, as the command makes it."""
    content = json.dumps(described(operations)).encode()
    begun, cpu = time.perf_counter(), time.process_time()
    made = import_openapi(content, Wanted(("large",), "team:large", "large.json"))
    body, _ = follow({"tools": []}, made.body())
    file = written(Path("large.yaml"), made, body)
    taken = (time.perf_counter() - begun, time.process_time() - cpu)
    if len(made.tools) != operations:
        raise ValueError(f"{len(made.tools)} of {operations} operations were taken")
    return (*taken, file)


def _loaded() -> tuple[float, float]:
    """Return seconds and CPU seconds that a project with many tools takes to load."""
    *_, content = _imported(TOOLS)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools").mkdir()
        (Path(folder) / "tools" / "large.yaml").write_bytes(content)
        begun, cpu = time.perf_counter(), time.process_time()
        project = load_project(Path(folder))
        taken = (time.perf_counter() - begun, time.process_time() - cpu)
    if len(project.catalogue) != TOOLS:
        raise ValueError(f"{len(project.catalogue)} tools were loaded")
    return taken


async def _called(port: int, calls: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of calls by the adapter and by the bare client, by turns."""
    url = f"http://127.0.0.1:{port}/orders"
    contract = _contract(url)
    tools = Tools({}, Path.cwd(), {})
    adapter: list[float] = []
    bare: list[float] = []
    arguments: JSONObject = {"supplier": "sup-7", "total_micros": 4200000000}
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            for number in range(calls + 20):
                deadline = asyncio.get_running_loop().time() + 10
                call = ToolCall(contract, arguments, f"k{number}", deadline)
                begun = time.perf_counter()
                answer = await tools.adapter(contract)(call)
                between = time.perf_counter()
                response = await client.post(url, content=canonical(arguments))
                json.loads(response.content)
                ended = time.perf_counter()
                if not isinstance(answer, Happened):
                    raise ValueError(f"the benchmark's call did not happen: {answer}")
                adapter.append((between - begun) * 1000)
                bare.append((ended - between) * 1000)
    finally:
        await tools.aclose()
    return adapter[20:], bare[20:]


def _contract(url: str) -> ToolContract:
    schema: JSONObject = {"type": "object"}
    return ToolContract.model_validate(
        {
            "name": "bench.order",
            "version": "1.0.0",
            "owner": "team:bench",
            "description": "Place an order.",
            "domain": "bench",
            "operation": "write",
            "idempotency": "key",
            "input_schema": schema,
            "output_schema": schema,
            "destinations": ["127.0.0.1"],
            "call": {
                "kind": "http",
                "method": "POST",
                "url": url,
                "body": "*",
                "idempotency_header": "Idempotency-Key",
            },
        }
    )


def _checked(times: int) -> list[float]:
    """Return the microseconds that a value of 5 kB takes to be checked."""
    row: JSONObject = {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "name", "amount"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9-]{1,40}$"},
            "name": {"type": "string", "maxLength": 200},
            "amount": {"type": "integer", "minimum": 0},
            "status": {"enum": ["open", "closed"]},
        },
    }
    schema: JSONObject = {"type": "array", "items": row}
    rows: list[JSON] = []
    while len(canonical(rows)) < _BODY:
        number = len(rows)
        rows.append({"id": f"row-{number}", "name": "n" * 40, "amount": number, "status": "open"})
    check(schema, rows, "X")
    taken: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        check(schema, rows, "X")
        taken.append((time.perf_counter() - begun) * 1e6)
    return taken


@contextmanager
def _serving() -> Iterator[int]:
    """Yield the port of a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def serve(pipe: Connection) -> None:
    """Answer every request with the same order, for as long as the process lives."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(_ANSWER)}"
    try:
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = asked.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            writer.write(f"{head}\r\n\r\n".encode() + _ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
