"""Following JSON pointers (RFC 6901) into values: amounts in arguments, parts of answers."""

import re

from remit.canonical import JSON


class PointerError(ValueError):
    """The pointer is malformed, or leads nowhere."""


def split(pointer: str) -> tuple[str, ...]:
    """Return the unescaped tokens of `pointer`; none for the empty one.

    Raises:
        PointerError: it is not empty and does not begin with `/`.
    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise PointerError(f"{pointer!r} is not a JSON pointer: it must begin with '/'")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def follow(document: JSON, pointer: str) -> JSON:
    """Return what `pointer` leads to in `document`.

    Raises:
        PointerError: it is malformed or leads nowhere.
    """
    found = document
    for token in split(pointer):
        if isinstance(found, dict) and token in found:
            found = found[token]
        elif isinstance(found, list) and _is_index(token) and int(token) < len(found):
            found = found[int(token)]
        else:
            raise PointerError(f"{pointer!r} leads nowhere")
    return found


def put(document: JSON, pointer: str, value: JSON) -> bool:
    """Put `value` in the place of what stands at `pointer`; say whether anything stands there."""
    above, _, _ = pointer.rpartition("/")
    try:
        follow(document, pointer)
        holder, (*_, name) = follow(document, above), split(pointer)
    except ValueError:
        return False
    if isinstance(holder, list):
        holder[int(name)] = value
    elif isinstance(holder, dict):
        holder[name] = value
    return True


def _is_index(token: str) -> bool:
    return re.fullmatch(r"0|[1-9][0-9]*", token) is not None
