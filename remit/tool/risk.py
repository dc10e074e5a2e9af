"""How much is at stake in a call: policy judges it, and whoever makes the call may go by it."""

from typing import Literal, get_args

Risk = Literal["low", "medium", "high", "critical"]
_ORDER = get_args(Risk)


def exceeds(risk: Risk, most: Risk) -> bool:
    """Say whether more is at stake than `most`."""
    return _ORDER.index(risk) > _ORDER.index(most)
