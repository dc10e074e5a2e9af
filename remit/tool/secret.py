"""References to secrets, as contracts write them. Pure: nothing is read here.

    env:NAME                      a variable of the worker's environment
    file:PATH                     a file, relative to the project
    keyring:SERVICE/USER          the system's keyring
    vault:MOUNT/PATH#FIELD        a field of a secret in Vault's KV engine, version 2
    oauth:NAME                    an access token, got as `[oauth.NAME]` of `remit.toml` says

A reference may be the whole of a value, or stand inside one as `${env:NAME}`. It may hold `{agent}`
and `{tenant}`, for which the plan's own are put in when a call is made: so each agent has its own
credential, and a tool can tell them apart. The names' form (letters, digits, `-`) cannot lead
anywhere else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_PLACE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PART = r"[A-Za-z0-9_.@{}-]+"
_FORMS = {
    "env": (re.compile(r"[A-Za-z_][A-Za-z0-9_{}-]*"), "env:NAME"),
    "file": (re.compile(r"[^\x00-\x1f]+"), "file:PATH"),
    "keyring": (re.compile(rf"{_PART}(?:/{_PART})+"), "keyring:SERVICE/USER"),
    "vault": (re.compile(rf"{_PART}(?:/{_PART})+#{_PART}"), "vault:MOUNT/PATH#FIELD"),
    "oauth": (re.compile(r"[a-z{][a-z0-9{}-]*"), "oauth:NAME"),
}
SCHEMES = tuple(_FORMS)
_SCHEME = f"({'|'.join(SCHEMES)})"
_WHOLE = re.compile(rf"{_SCHEME}:(.+)", re.DOTALL)
_INSIDE = re.compile(rf"\$\{{{_SCHEME}:((?:[^{{}}]|\{{[^{{}}]*\}})+)\}}")
PLACES = ("agent", "tenant")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept."""

    scheme: str
    name: str

    def __str__(self) -> str:
        """Return it as it was written."""
        return f"{self.scheme}:{self.name}"

    @property
    def fault(self) -> str | None:
        """Say what is wrong with its form, if anything is."""
        form, shown = _FORMS[self.scheme]
        if form.fullmatch(self.name) is None:
            return f"{str(self)!r} is not of the form `{shown}`"
        if self.scheme != "env" and any(part in (".", "..") for part in _parts(self.name)):
            return f"{str(self)!r} goes up a folder"
        unknown = [place for place in self.places if place not in PLACES]
        if unknown or "{" in _PLACE.sub("", self.name) or "}" in _PLACE.sub("", self.name):
            return f"{str(self)!r}: braces hold `agent` or `tenant`"
        return None

    @property
    def places(self) -> tuple[str, ...]:
        """What is put in for each call."""
        return tuple(_PLACE.findall(self.name))

    def of(self, principal: Mapping[str, str]) -> "Reference":
        """Return the reference of one principal.

        Raises:
            ValueError: a name is absent, or of a form that could lead elsewhere.
        """

        def put(found: re.Match[str]) -> str:
            name = principal.get(found[1], "")
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"{str(self)!r} needs the {found[1]}, who is not known here")
            return name

        return Reference(self.scheme, _PLACE.sub(put, self.name))


def references(text: str) -> tuple[Reference, ...]:
    """Return the references in `text`, in order."""
    if ":" not in text:
        return ()  # of nearly all texts; a catalogue of thousands is looked through at each start
    if whole := _WHOLE.fullmatch(text):
        return (Reference(whole[1], whole[2]),)
    return tuple(Reference(found[1], found[2]) for found in _INSIDE.finditer(text))


def is_whole_reference(text: str) -> bool:
    """Whether `text` is a reference and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def replaced(text: str, value: Callable[[Reference], str]) -> str:
    """Return `text` with each reference replaced by its value; once, values are not looked into."""
    if whole := _WHOLE.fullmatch(text):
        return value(Reference(whole[1], whole[2]))
    return _INSIDE.sub(lambda found: value(Reference(found[1], found[2])), text)


def reference_fault(text: str) -> str | None:
    """Say what is wrong with the references in `text`, if anything is."""
    for reference in references(text):
        if fault := reference.fault:
            return fault
    if "${" in replaced(text, lambda _: ""):
        return "`${` begins a reference: `${env:NAME}`, or another scheme for `env`"
    return None


def _parts(name: str) -> list[str]:
    return name.partition("#")[0].split("/")
