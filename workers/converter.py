"""The data converter of workers: the SDK's for Pydantic, made once.

The SDK makes a payload converter for every run of a workflow and two for every workflow task, each
with an empty cache of the types that it has seen. Ours keeps nothing but that cache and what never
changes, so one serves all of them, from any thread.
"""

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter


class OnePayloadConverter(PydanticPayloadConverter):
    """The same instance whenever one is asked for."""

    _one: "OnePayloadConverter | None" = None

    def __new__(cls) -> "OnePayloadConverter":
        """Return the one converter."""
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __init__(self) -> None:
        """Set it up, the first time."""
        if not hasattr(self, "converters"):
            super().__init__()


DATA_CONVERTER = DataConverter(payload_converter_class=OnePayloadConverter)
