"""Bundles taken apart and put together again: their data, and hybrids of two of them.

A hybrid has the rules of one bundle and the data of another. It tells whether a difference between
the two comes of rules or of data.
"""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from remit.canonical import JSONObject
from remit.cli.stack.sources import ROOT

_DATA, _MANIFEST, _SIGNATURES = "data.json", ".manifest", ".signatures.json"
_LARGEST = 64 * 2**20


class Parts:
    """A bundle in parts."""

    def __init__(self, archive: bytes) -> None:
        """Take an archive apart that was built here, or is named by its digest."""
        self.files = dict(_files(archive))

    @property
    def data(self) -> JSONObject:
        """The document at `data.remit`."""
        found = json.loads(self.files.get(_DATA, b"{}")).get(ROOT)
        return found if isinstance(found, dict) else {}

    @property
    def rules(self) -> Mapping[str, bytes]:
        """The files with rules."""
        return {name: body for name, body in self.files.items() if name.endswith(".rego")}

    def with_data(self, data: JSONObject, revision: str) -> bytes:
        """Return an unsigned archive of these rules and other data, under a name of its own."""
        files = {name: body for name, body in self.files.items() if name != _SIGNATURES}
        files[_DATA] = json.dumps({ROOT: {**data, "revision": revision}}).encode()
        manifest = {"revision": revision, "roots": [ROOT], "rego_version": 1}
        files[_MANIFEST] = json.dumps(manifest).encode()
        return _packed(files)

    def write(self, folder: Path) -> None:
        """Write rules and data below a folder, as `opa test` reads them."""
        for name, body in {**self.rules, _DATA: self.files.get(_DATA, b"{}")}.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)


def _files(archive: bytes) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        size = 0
        for member in tar:
            name = PurePosixPath("/", member.name).relative_to("/")
            body = tar.extractfile(member) if member.isfile() else None
            size += member.size
            # No link, no way out of the folder, and no archive that grows without bound.
            if body is not None and ".." not in name.parts and size <= _LARGEST:
                found[str(name)] = body.read()
    return found


def _packed(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()
