"""Records are read without trust: what has not the expected form counts as empty."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.evidence.fields import inner, items, objects, path_of, text, whole

STRANGE: tuple[JSON, ...] = (None, True, 1.5, "words", 7, ["x"], {"name": "x"})


@pytest.mark.parametrize("value", STRANGE)
def test_a_field_is_its_kind_or_empty(value: JSON) -> None:
    """Whatever stands in a field, each reader returns its own kind; `true` is no number."""
    body: JSONObject = {"field": value}
    expected = {
        text: value if isinstance(value, str) else "",
        whole: 7 if value == 7 else 0,
        inner: value if isinstance(value, dict) else {},
        items: value if isinstance(value, list) else [],
    }

    assert {read: read(body, "field") for read in expected} == expected
    assert [read({}, "field") for read in expected] == ["", 0, {}, []]


@pytest.mark.parametrize("value", STRANGE)
def test_what_is_no_object_has_no_fields(value: JSON) -> None:
    """A value that is no object at all reads like an empty one."""
    readers = (text, whole, inner, items)

    assert [read(value, "field") for read in readers] == ["", 0, {}, []]


def test_only_objects_of_a_list_are_read() -> None:
    """What stands between them is passed over."""
    assert objects({"reasons": ["x", {"code": "A"}, None, {}]}, "reasons") == [{"code": "A"}, {}]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"path": "a/b", "step_key": "root:c:do"}, "a/b"),
        ({"step_key": "root:part/b[2]:undo"}, "part/b[2]"),
        ({"step_key": "nothing"}, ""),
        ({"path": 7}, ""),
    ],
)
def test_a_record_is_about_its_path_or_its_keys(body: JSONObject, path: str) -> None:
    """The path that stands there comes first, then the one in the step key."""
    assert path_of(body) == path
