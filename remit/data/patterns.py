"""What of people and secrets stands in one text: places, classes, and how surely.

Every pattern takes time that goes with the text's length, whatever the text: no quantifier stands
inside another that may take the same characters, and each look from a place goes a bounded way. A
text that was made to hold very many candidates ends the look (`TooManyError`); it is never looked
through by half and taken for clean.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from remit.data import checksums
from remit.data.findings import Match

MOST_CANDIDATES = 100_000
"""Places of one value that are looked at more closely."""


class TooManyError(Exception):
    """There are more candidates than are looked at."""


@dataclass(slots=True)
class Effort:
    """How many candidates may still be looked at."""

    left: int = MOST_CANDIDATES

    def spend(self) -> None:
        """Count one candidate."""
        self.left -= 1
        if self.left < 0:
            raise TooManyError


_MARKING_WORDS = (
    "CONFID",
    "SECRET",
    "NOFORN",
    "EYES ONLY",
    "GEHEIM",
    "VERTRAU",
    "NfD",
    "NUR F",
    "TLP:",
)
_MARKING = re.compile(
    r"(?<![\w-])(?:TOP SECRET|(?:NATO|EU|UK) (?:SECRET|CONFIDENTIAL)|SECRET//[A-Z]|SECRET UE"
    r"|(?:STRICTLY |COMPANY |HIGHLY )?CONFIDENTIAL|EYES ONLY|NOFORN|(?:STRENG )?GEHEIM"
    r"|(?:STRENG )?VERTRAULICH|VS-VERTRAULICH|VS-NfD|VS-NUR FÜR DEN DIENSTGEBRAUCH"
    r"|TLP:(?:RED|AMBER))(?![\w-])"
)
"""Words by which people mark what must not go further; in capitals, as marks are written."""
_HINT = re.compile(r"[0-9@:=_-]")
_DIGITS = re.compile(r"\d(?:\D*\d){5}")
_MARKS = (
    "-----BEGIN",
    "AKIA",
    "ASIA",
    "gh",
    "glpat-",
    "xox",
    "AIza",
    "_live_",
    "sk-",
    "hvs.",
    "eyJ",
)
_SHORTEST_SHAPE = 18
_LOCAL = re.compile(r"[\w.+%'-]{1,64}")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_NUMBER = re.compile(r"[+(]{0,2}\d(?:[ .\-/()\u00a0]{0,2}\d)*+")
_GROUP = re.compile(r"\d+")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{4}")
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]?\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
)
_DNI = re.compile(r"(?<!\w)(?:\d{8}|[XYZ]\d{7})-?[A-Z](?!\w)")
_CODICE = re.compile(
    r"(?<!\w)[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?!\w)"
)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----"
    r"|(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|gh[pousr]_[A-Za-z0-9]{36,255}"
    r"|github_pat_[A-Za-z0-9_]{22,255}"
    r"|glpat-[A-Za-z0-9_-]{20,255}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,255}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|[srp]k_live_[A-Za-z0-9]{16,255}"
    r"|sk-[A-Za-z0-9_-]{20,255}"
    r"|hvs\.[A-Za-z0-9_-]{20,255}"
    r"|eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+"
    r")"
)
_LOGIN = re.compile(r"://[^\s/:@]{1,64}:([^\s/@]{1,128})@")
_SAID = re.compile(
    r"(?<![a-z])(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)"
    r"""["']?\s{0,3}[=:]\s{0,3}["']?(?=[^\s"',;]{0,127}\d)([^\s"',;<>{}\[\]*$]{8,128})"""
    r"|(?<![a-z])bearer\s{1,3}(?=[^\s]{0,127}\d)[\w.~+/=-]{16,255}",
    re.IGNORECASE,
)
"""A password that a text tells; without a digit it is taken for a word."""
_LONGEST = 19
_MOST_GROUPS = 8
_NUMBERED = {
    11: (
        (checksums.is_cpf, 80),
        (checksums.is_belgian, 80),
        (checksums.is_pesel, 70),
        (checksums.is_german_tax_id, 60),
    ),
    13: ((checksums.is_ahv, 95),),
    15: ((checksums.is_nir, 90),),
}
"""Identity numbers by their length."""


def matches(text: str, effort: Effort) -> Iterator[Match]:
    """Yield what stands in a text; places may overlap."""
    if len(text) < 6:
        return
    if any(word in text for word in _MARKING_WORDS):
        yield from _markings(text, effort)
    if _HINT.search(text) is None:
        return
    # Most texts hold none of it: what is cheap to see spares the patterns.
    if "@" in text:
        yield from _emails(text, effort)
    if len(text) >= _SHORTEST_SHAPE and any(mark in text for mark in _MARKS):
        yield from _shapes(text, effort)
    if "=" in text or ":" in text or "earer" in text or "EARER" in text:
        yield from _told(text, effort)
    if text.count(".") >= 3 or text.count(":") >= 2:
        yield from _addresses(text, effort)
    if _DIGITS.search(text) is not None:
        yield from _numbers(text, effort)
        yield from _accounts(text, effort)
        yield from _identities(text, effort)


def _emails(text: str, effort: Effort) -> Iterator[Match]:
    at = text.find("@")
    while at >= 0:
        effort.spend()
        domain = _DOMAIN.match(text, at + 1, min(at + 254, len(text)))
        local = _LOCAL.match(text[max(0, at - 64) : at][::-1]) if domain else None
        if local and domain:
            yield Match(at - local.end(), domain.end(), "email", 95)
        at = text.find("@", at + 1)


def _numbers(text: str, effort: Effort) -> Iterator[Match]:
    """Yield cards, identity numbers and phones among runs of digits in groups."""
    for run in _NUMBER.finditer(text):
        if run.end() - run.start() < 7 or _is_in_word(text, run.start(), run.end()):
            continue
        effort.spend()
        groups = [one.span() for one in _GROUP.finditer(text, run.start(), run.end())]
        found = list(_in_groups(text, groups, effort))
        yield from found
        if not any(one.data_class == "payment_card" for one in found):
            yield from _phones(text, run.start(), groups)


def _is_in_word(text: str, begin: int, end: int) -> bool:
    """Whether a number is part of a name, such as an id: then its digits mean nothing."""
    before = text[begin - 1] if begin else " "
    behind = text[end] if end < len(text) else " "
    return any(character.isalpha() or character == "_" for character in (before, behind))


def _in_groups(text: str, groups: list[tuple[int, int]], effort: Effort) -> Iterator[Match]:
    """Yield the numbers that begin and end with a group of digits."""
    free = 0
    for first, (begin, _) in enumerate(groups):
        if begin < free:
            continue
        effort.spend()
        for digits, end, between in _windows(text, groups, first):
            name, sure = _known(digits, between)
            if sure:
                yield Match(begin, end, name, sure)
                free = end
                break


def _windows(
    text: str, groups: list[tuple[int, int]], first: int
) -> Iterator[tuple[str, int, str]]:
    """Yield digits from one group on, where they end, and what stands between them."""
    digits, between, last = "", "", groups[first][0]
    for begin, end in groups[first : first + _MOST_GROUPS]:
        gap = text[last:begin]
        if len(gap) > 1 or len(digits) + end - begin > _LONGEST:
            return
        digits, between, last = digits + text[begin:end], between + gap, end
        yield digits, end, between


def _known(digits: str, between: str) -> tuple[str, int]:
    """Return what a number is, and how surely; 0 when its digits say nothing."""
    if len(digits) >= 13 and not between.strip(" -\u00a0") and checksums.is_card(digits):
        return "payment_card", 95
    for check, sure in _NUMBERED.get(len(digits), ()):
        if check(digits):
            return "national_id", sure
    return "", 0


def _phones(text: str, begin: int, groups: list[tuple[int, int]]) -> Iterator[Match]:
    """Yield the phone number that a run begins with, if it does."""
    digits, end = "", begin
    for start, stop in groups:
        if len(digits) + stop - start > 15:
            break
        digits, end = digits + text[start:stop], stop
    sure = _phone(text[begin:end], digits, groups[0][1] - groups[0][0])
    if sure:
        yield Match(begin, end, "phone", sure)


def _phone(written: str, digits: str, first: int) -> int:
    """Return how surely a number is a phone's, whose first group has `first` digits."""
    if _DATE.match(written):
        return 0
    if written.lstrip("(").startswith("+"):
        return 85 if len(digits) >= 8 and digits[0] != "0" else 0
    if digits.startswith("00"):
        return 60 if len(digits) >= 10 and digits[2] != "0" else 0
    if written.startswith("("):
        return 60 if ")" in written and 9 <= len(digits) <= 12 else 0
    is_grouped = written != digits and first > 1
    return 55 if is_grouped and digits[:1] == "0" and 9 <= len(digits) <= 12 else 0


def _accounts(text: str, effort: Effort) -> Iterator[Match]:
    for found in _IBAN.finditer(text):
        wanted = checksums.IBAN_LENGTHS.get(found.group()[:2].upper())
        if wanted is None:
            continue
        effort.spend()
        taken, at = "", found.start()
        while at < len(text) and len(taken) < wanted:
            character = text[at]
            if character.isascii() and character.isalnum():
                taken += character.upper()
            elif character not in " -\u00a0" or not text[at - 1].isalnum():
                break
            at += 1
        is_cut = at < len(text) and text[at].isalnum()
        if not is_cut and checksums.is_iban(taken):
            yield Match(found.start(), at, "iban", 95)


def _addresses(text: str, effort: Effort) -> Iterator[Match]:
    for pattern in (_IPV4, _IPV6):
        for found in pattern.finditer(text):
            effort.spend()
            try:
                address = ipaddress.ip_address(found.group())
            except ValueError:
                continue
            # An address of one's own network leads to nobody outside of it.
            yield Match(*found.span(), "ip_address", 70 if address.is_global else 30)


def _identities(text: str, effort: Effort) -> Iterator[Match]:
    for pattern, sure in ((_SSN, 75), (_NINO, 75)):
        for found in pattern.finditer(text):
            effort.spend()
            yield Match(*found.span(), "national_id", sure)
    for found in _DNI.finditer(text):
        effort.spend()
        if checksums.is_dni(found.group().replace("-", "")):
            yield Match(*found.span(), "national_id", 85)
    for found in _CODICE.finditer(text):
        effort.spend()
        if checksums.is_codice_fiscale(found.group()):
            yield Match(*found.span(), "national_id", 95)


def _markings(text: str, effort: Effort) -> Iterator[Match]:
    if _MARKING.search(text) is not None:
        effort.spend()
        # Without its mark the text would be the same text, unmarked: it goes as a whole.
        yield Match(0, len(text), "marking", 80)


def _shapes(text: str, effort: Effort) -> Iterator[Match]:
    for found in _SHAPES.finditer(text):
        effort.spend()
        yield Match(*found.span(), "secret", 95)


def _told(text: str, effort: Effort) -> Iterator[Match]:
    for pattern, sure in ((_LOGIN, 90), (_SAID, 60)):
        for found in pattern.finditer(text):
            effort.spend()
            yield Match(*found.span(1 if found.group(1) else 0), "secret", sure)
