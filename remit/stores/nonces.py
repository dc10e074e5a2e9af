"""Nonces as rows: a token proves one thing, in the transaction that writes what it proves."""

from sqlalchemy import bindparam, select

from remit.ledger.errors import LedgerError
from remit.ledger.proofs import REPLAYED, Proof
from remit.stores.inserting import insert_once
from remit.stores.schema import nonces
from remit.stores.statements import Value
from remit.stores.transaction import Transaction

_ONE = select(nonces.c.root, nonces.c.event).where(
    nonces.c.issuer == bindparam("issuer"), nonces.c.nonce == bindparam("nonce")
)


def use(tx: Transaction, root: str, proof: Proof) -> bool:
    """Use a token up for one event of a run; return whether it was not used for another before."""
    row: dict[str, Value] = {
        "issuer": proof.issuer,
        "nonce": proof.nonce,
        "root": root,
        "event": proof.event,
        "expires_ms": proof.expires_ms,
        "at_ms": tx.now_ms,
    }
    tx.insert(insert_once, nonces, row)
    # Asked behind it: whoever uses it side by side, in another run say, is waited for.
    standing = tx.one(_ONE, issuer=proof.issuer, nonce=proof.nonce)
    return standing is not None and tuple(standing) == (root, proof.event)


def need(tx: Transaction, root: str, proof: Proof | None) -> None:
    """Use a token up, if there is one.

    Raises:
        LedgerError: `TOKEN-REPLAYED`.
    """
    if proof is not None and not use(tx, root, proof):
        raise LedgerError(REPLAYED, "the token was used before, for something else")
