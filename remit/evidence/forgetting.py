"""What `forgotten` records say: which contents are gone, why, and by whose order.

Reads one record's body and trusts nothing: what has not the expected form says nothing. Nothing
here does I/O.
"""

from collections.abc import Iterator, Sequence

from remit.canonical import JSONObject
from remit.evidence.fields import items, objects, text
from remit.evidence.finding import Forgotten


def forgotten_in(seq: int, body: JSONObject) -> Iterator[Forgotten]:
    """Yield the contents that the record `seq` says were forgotten."""
    for one in objects(body, "contents"):
        yield Forgotten(
            digest=text(one, "digest"),
            kind=text(one, "kind"),
            classes=tuple(str(each) for each in items(one, "classes")),
            rule=text(one, "rule"),
            how=text(body, "how"),
            by=text(body, "by"),
            reason=text(body, "reason"),
            seq=seq,
        )


def told(forgotten: Sequence[Forgotten]) -> Iterator[str]:
    """Yield a line for each record, about the contents that it says were forgotten."""
    by_record: dict[int, list[Forgotten]] = {}
    for one in forgotten:
        by_record.setdefault(one.seq, []).append(one)
    for seq, those in sorted(by_record.items()):
        first, rules = those[0], sorted({one.rule for one in those if one.rule})
        why = f"{', '.join(rules)}: {first.reason}" if first.reason else ", ".join(rules)
        plural = "content" if len(those) == 1 else "contents"
        yield f"{len(those)} {plural} forgotten, record {seq}: {first.how} by {first.by} ({why})"
