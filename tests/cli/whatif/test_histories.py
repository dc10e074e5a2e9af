"""Which decisions Temporal's histories tell of."""

import json

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import ActivityTaskCompletedEventAttributes, HistoryEvent

from remit.cli.whatif.histories import named
from remit.client.codec import ENCODING
from remit.client.errors import ClientError


def _event(payload: Payload) -> HistoryEvent:
    result = ActivityTaskCompletedEventAttributes(result=Payloads(payloads=[payload]))
    return HistoryEvent(activity_task_completed_event_attributes=result)


def test_an_answer_names_its_decision() -> None:
    """However deep in it the id stands."""
    answer = json.dumps({"gate": {"decision_id": "d1"}}).encode()

    assert list(named(_event(Payload(data=answer)))) == ["d1"]


def test_what_cannot_be_read_is_not_taken_for_an_answer_without_one() -> None:
    """Else a ledger that lacks decisions would look complete."""
    sealed = Payload(metadata={"encoding": ENCODING}, data=b"\x00" * 40)

    with pytest.raises(ClientError, match="PAYLOAD-KEY"):
        list(named(_event(sealed)))
