"""The stack's own keys for what Temporal keeps: files in one folder, the newest encrypts.

Old ones stay, because histories were written with them. What the processes of a stack are told are
references, never a key.
"""

from collections.abc import Sequence
from pathlib import Path

from remit.cli.stack.layout import Layout
from remit.cli.stack.project import PayloadSettings
from remit.stores.atomic import keep_secret

_MOST = 9999


def references(layout: Layout, settings: PayloadSettings, profile: str) -> str | None:
    """Return what `REMIT_PAYLOAD_KEYS` says in a stack; `None` where nothing is encrypted.

    The first time, a key of the stack's own is made unless the project names some.
    """
    if not settings.is_encrypted(profile):
        kept = _files(layout)
        # What was encrypted before can be read still.
        return ",".join(["plain", *_named(kept)]) if kept else None
    if settings.keys:
        return ",".join(_placed(one, layout.project) for one in settings.keys)
    return ",".join(_named(_files(layout) or (rotate(layout),)))


def rotate(layout: Layout) -> Path:
    """Make the next key, which encrypts from the next `remit up` on; return its file."""
    layout.payload_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = _files(layout)
    number = int(found[0].stem) + 1 if found else 1
    if number > _MOST:
        raise OverflowError(f"{layout.payload_keys}: no more keys than {_MOST}")
    file = layout.payload_keys / f"{number:04d}.key"
    keep_secret(file)
    return file


def _files(layout: Layout) -> Sequence[Path]:
    """Return the stack's own keys, newest first."""
    return sorted(layout.payload_keys.glob("[0-9][0-9][0-9][0-9].key"), reverse=True)


def _named(files: Sequence[Path]) -> list[str]:
    return [f"file:{file}" for file in files]


def _placed(reference: str, project: Path) -> str:
    scheme, _, name = reference.partition(":")
    return f"file:{project / name}" if scheme == "file" else reference
