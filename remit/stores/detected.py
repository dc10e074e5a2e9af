"""Which classes of data were found where in a run, by the ids of the steps on the way there.

Items, iterations and generations of a step are one place: rows are as many as steps and classes,
however long the run is.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, select

from remit.plan.path import StepKey, steps_on
from remit.stores.inserting import insert_once
from remit.stores.schema import detected
from remit.stores.transaction import Question, Transaction

_FIND = select(detected.c.place, detected.c.data_class).where(detected.c.root == bindparam("root"))


def about(root: str) -> Question:
    """Return the question that `find` asks."""
    return _FIND, {"root": root}


def find(tx: Transaction, root: str) -> Sequence[tuple[str, str]]:
    """Return places and classes of a run; sorted."""
    return sorted((str(row[0]), str(row[1])) for row in tx.all(_FIND, root=root))


def note(tx: Transaction, key: StepKey, classes: Iterable[str]) -> None:
    """Write what was found in a call's arguments and answer; again changes nothing."""
    place = steps_on(key.path)
    for name in classes:
        tx.insert(insert_once, detected, {"root": key.root, "place": place, "data_class": name})
