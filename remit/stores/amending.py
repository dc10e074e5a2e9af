"""Recording an amendment: one transaction, or the plan in force stays.

The race it settles: a call of a step that is replaced may be on its way. Either its intent stands
first, then the amendment is refused; or the barrier stands first, then the intent is.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

from sqlalchemy import bindparam, update

from remit.canonical import JSONObject
from remit.ledger.amendments import Amending, earlier
from remit.ledger.barriers import fence_path
from remit.ledger.entries import Admission, Content, Record
from remit.ledger.errors import LedgerError
from remit.plan.path import Segment, join_path
from remit.stores import actions, reading, runs
from remit.stores.chain import Chain
from remit.stores.contents import store_contents
from remit.stores.inserting import insert_new
from remit.stores.schema import admissions
from remit.stores.transaction import Transaction

_ADMISSION = [field.name for field in fields(Admission)]
_MOVE = (
    update(admissions)
    .where(
        admissions.c.root == bindparam("at_root"),
        admissions.c.path == bindparam("at_path"),
        admissions.c.compiled == bindparam("at_base"),
    )
    .values({name: bindparam(name) for name in _ADMISSION if name not in ("root", "path")})
)


def amend(
    tx: Transaction, amending: Amending, given: Sequence[Content], further: Sequence[Record]
) -> Admission:
    """Put the amended plan in force, once; return the admission that stands."""
    after = amending.admission
    chain = Chain(tx, after.root)
    standing = runs.find_admission(tx, after.root, after.path)
    if standing is None:
        raise LedgerError("ADMISSION-ABSENT", f"nothing was admitted for {after.root!r}")
    if standing.compiled == after.compiled:
        return standing
    if chain.closed:
        raise LedgerError("RUN-CLOSED", f"{after.root!r} is {chain.closed}; it cannot be amended")
    if actions.find_barriers(tx, after.root, [fence_path(after.path, "")]):
        raise LedgerError("RUN-NOT-AT-WORK", f"{after.root!r} is being undone; nothing is amended")
    if standing.compiled != amending.base:
        raise LedgerError("AMEND-STALE", f"{standing.compiled} is in force, not {amending.base}")
    for step, generation in amending.generations.items():
        _supersede(tx, chain, after, step, generation)
    store_contents(tx, given)
    kept = replace(standing, path=earlier(after.path, standing.compiled))
    tx.insert(insert_new, admissions, {name: getattr(kept, name) for name in _ADMISSION})
    values = {name: getattr(after, name) for name in _ADMISSION if name not in ("root", "path")}
    tx.run(_MOVE, at_root=after.root, at_path=after.path, at_base=amending.base, **values)
    body: JSONObject = {name: getattr(after, name) for name in _ADMISSION if name != "root"}
    generations: JSONObject = dict(amending.generations)
    chain.append("amendment", {**body, "base": amending.base, "generations": generations})
    chain.append_all(further)
    chain.save()
    return after


def _supersede(tx: Transaction, chain: Chain, after: Admission, step: str, generation: int) -> None:
    skipped = actions.find_step(tx, after.root, after.path, step, actions.SKIPPED)
    if skipped or reading.begun(tx, after.root, after.path, step):
        raise LedgerError("AMEND-BEGUN", f"step {step!r} has begun and stays as it is")
    path = join_path(after.path, Segment(step))
    standing = actions.find_barriers(tx, after.root, [path])
    if generation > standing.get(path, 0):
        actions.save_barrier(tx, after.root, path, generation)
        chain.barriers += path not in standing
