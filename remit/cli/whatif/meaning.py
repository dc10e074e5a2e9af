"""What each class of difference means for a call, in words."""

from collections.abc import Mapping

from remit.decision.whatif import Kind

MEANING: Mapping[Kind, str] = {
    "breaks": "would be refused",
    "widens": "would not be refused any more",
    "adds_gate": "would wait for a person",
    "removes_gate": "would wait for nobody, or for less",
    "obligation": "would be made with other arguments",
    "reserve": "would be held to other limits",
    "reason": "would come out the same for other reasons",
    "error": "would get no answer, and so be refused",
}
