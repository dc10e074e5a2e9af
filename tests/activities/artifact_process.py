"""A process that stores a large answer and sends it on, and tells what memory that took.

python -m tests.activities.artifact_process PORT FOLDER
"""

import asyncio
import json
import resource
import sys
from pathlib import Path

from activities.tools.registry import Tools
from remit.stores.artifact_folder import ArtifactFolder
from remit.stores.vault import load_vault
from remit.tool.call import Happened
from tests.activities.calling import ask
from tests.activities.origin import http_contract

KINDS = {"media_types": ["text/csv"]}


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def _main(port: str, folder: Path) -> None:
    vault = load_vault("env:KEY", {"KEY": "ab" * 32})
    environ = {"ORIGIN": f"http://127.0.0.1:{port}"}
    tools = Tools({}, folder, environ, artifacts=ArtifactFolder(folder / "store", vault))
    get = http_contract(method="GET", body=None, artifact=KINDS)
    put = http_contract(method="PUT", body=None, upload={"argument": "/file", **KINDS})
    before = _peak_kib()
    brought = await ask(tools, get, within_s=50)
    assert isinstance(brought, Happened), brought
    assert isinstance(brought.output, dict)
    named = brought.output["artifact"]
    assert isinstance(named, dict)
    sent = await ask(tools, put, {"file": named}, within_s=50)
    grown = _peak_kib() - before
    await tools.aclose()
    told = {"stored": named["bytes"], "sent": sent == Happened(None), "grown_kib": grown}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
