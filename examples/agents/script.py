"""What the stand-in for a model proposes in the demos, in place of a model."""

from typing import Any, Final

GOAL: Final = "Find out what ten laptops of supplier sup-7 cost"
_QUOTE: Final = {"supplier": "sup-7", "item": "laptop", "quantity": 10}
PROPOSALS: Final[tuple[dict[str, Any], ...]] = (
    {"steps": [{"id": "quote", "tool": "supplier.get_qoute@1", "args": _QUOTE}]},
    {
        "steps": [
            {"id": "bill", "tool": "finance.get_subscription@1", "args": {"subscription": "sub-1"}}
        ]
    },
    {
        "steps": [{"id": "quote", "tool": "supplier.get_quote@1", "args": _QUOTE}],
        "outputs": {"total_micros": "${steps.quote.output.total_micros}"},
    },
)
"""What the stand-in proposes, in turn."""
