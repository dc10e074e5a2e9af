"""Files that are whole or absent: written beside their place, synced, then moved there.

A reader never sees half a state file, half a key or half a bundle, whatever is killed when.
"""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `content`, with permission bits `mode`.

    Raises:
        OSError: the folder is missing, full or not ours; the old file is then untouched.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def keep_secret(path: Path) -> str:
    """Return the secret in `path`, made at random (256 bits, hexadecimal) if there is none."""
    if path.is_file() and (kept := path.read_text(encoding="ascii").strip()):
        path.chmod(0o600)
        return kept
    made = secrets.token_hex(32)
    write_atomically(path, made.encode("ascii"))
    return made
