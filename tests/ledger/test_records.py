"""The chain of records: what it notices."""

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.canonical import JSONObject, canonical
from remit.ledger.records import chain_hash, genesis, link, verify_chain
from tests.effort import examples

SAFE = 2**53 - 1
texts = st.text(max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def _chain(bodies: list[JSONObject], root: str = "run-1") -> list[JSONObject]:
    records: list[JSONObject] = []
    prev = genesis(root)
    for number, body in enumerate(bodies, start=1):
        record: JSONObject = {
            "root": root,
            "seq": number,
            "at_ms": 1000 + number,
            "kind": "intent",
            "body": body,
        }
        sealed = chain_hash(prev, record)
        records.append({**record, "prev": prev, "hash": sealed})
        prev = sealed
    return records


@settings(max_examples=examples(60), deadline=None)
@given(root=texts, seq=st.integers(1, SAFE), body=st.dictionaries(texts, values, max_size=4))
def test_link_is_chain_hash(root: str, seq: int, body: JSONObject) -> None:
    """The quick way to a record's hash gives what the documented way gives."""
    record: JSONObject = {"root": root, "seq": seq, "at_ms": 7, "kind": "outcome", "body": body}
    prev = genesis("any")

    assert chain_hash(prev, record) == link(
        prev, canonical(root), seq, 7, "outcome", canonical(body)
    )


def test_an_untouched_chain_holds() -> None:
    """A chain as it was written verifies, in one piece and in pages."""
    records = _chain([{"n": n} for n in range(5)])

    assert verify_chain(records) is None
    assert verify_chain(records, head=str(records[-1]["hash"])) is None
    assert verify_chain(records[3:], before=records[2]) is None
    assert verify_chain([]) is None


@given(
    at=st.integers(0, 4),
    field=st.sampled_from(["body", "kind", "at_ms", "seq", "prev", "hash", "root"]),
)
def test_an_edited_record_is_named(at: int, field: str) -> None:
    """Whatever is changed in a record, its index is the first bad one."""
    records = _chain([{"n": n} for n in range(5)])
    records[at] = {**records[at], field: {"n": 99} if field == "body" else "forged"}

    # A forged root of the first record makes all others strangers to it, itself included.
    assert verify_chain(records) == at


def test_a_removed_or_moved_record_is_named() -> None:
    """A gap, a swap and a foreign chain's record are noticed where they stand."""
    records = _chain([{"n": n} for n in range(5)])
    foreign = _chain([{"n": n} for n in range(5)], root="run-2")

    assert verify_chain(records[:2] + records[3:]) == 2
    assert verify_chain([records[1], records[0], *records[2:]]) == 0
    assert verify_chain(records[1:]) == 0
    assert verify_chain([*records[:3], foreign[3], records[4]]) == 3


def test_a_cut_tail_is_noticed_against_a_known_head() -> None:
    """Cutting the end leaves a chain that holds, but not up to the head that is known."""
    records = _chain([{"n": n} for n in range(5)])
    head = str(records[-1]["hash"])

    assert verify_chain(records[:4]) is None
    assert verify_chain(records[:4], head=head) == 4
    assert verify_chain([], head=head) == 0


def test_a_rebuilt_record_breaks_the_next() -> None:
    """Who edits a record and its hash breaks the record behind it."""
    records = _chain([{"n": n} for n in range(3)])
    content = {name: records[1][name] for name in ("root", "seq", "at_ms", "kind")}
    forged: JSONObject = {**content, "body": {"n": 99}}
    prev = str(records[1]["prev"])
    records[1] = {**forged, "prev": prev, "hash": chain_hash(prev, forged)}

    assert verify_chain(records) == 2


def test_an_unwritable_value_is_a_bad_record() -> None:
    """A record that has no canonical form is bad, not a crash of the verifier."""
    records = _chain([{"n": 1}])
    records[0] = {**records[0], "body": {"n": float("inf")}}

    assert verify_chain(records) == 0
