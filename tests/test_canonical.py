"""The canonical form is that of RFC 8785, whichever way it was made."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON, NotCanonicalError, canonical

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**53), 2**53).map(float)
    | st.decimals(-1000, 1000, allow_nan=False, places=3).map(float)
    | st.text(max_size=12)
    | st.text('abc"\\\x00\x1f\x7f/<\u2028é', max_size=8)
    | st.text('0129.e+-,:[]}"', max_size=24)
    | st.sampled_from(["\ud7ff", "\ue000", "\uffff", "\U00010000", -0.0, 1e16, 1e-7, 5e-324, 30.0])
)
_NAMES = st.text(max_size=6) | st.text("a\ud7ff\ue000\U00010000", max_size=2)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_canonical_is_what_the_reference_writes(value: JSON) -> None:
    """Any JSON value has the bytes that the reference implementation gives it."""
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53 + 1, float("nan"), float("inf"), {"a": [-(2**60)]}])
def test_what_has_no_canonical_form_is_refused(value: JSON) -> None:
    """Integers beyond 2^53, NaN and infinities are refused."""
    with pytest.raises(NotCanonicalError):
        canonical(value)
