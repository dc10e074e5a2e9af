"""The ledger's tables, as SQLAlchemy describes them; the migrations make them.

A test holds both together. Text, integers and bytes only, so that every dialect gives back what it
was given. Moments are milliseconds of Unix time; an absent item is -1; digests stand as text.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData()


_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that is compared byte by byte, whatever the database's language."""


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, primary_key=key, nullable=False)


def _few(name: str, *columns: str, only: str) -> Index:
    """Return an index of the few rows for which `only` holds."""
    condition = text(only)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _whole(name: str, *, key: bool = False, absent: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=absent, autoincrement=False)


contents = Table(
    "contents",
    metadata,
    _text("digest", key=True),
    Column("body", LargeBinary, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
)
"""Values by the digest of their plain text; `key` is the id of what encrypts the body, if any."""

chains = Table(
    "chains",
    metadata,
    _text("root", key=True),
    _text("head"),
    _whole("length"),
    _whole("calls"),
    _whole("effects"),
    _whole("denials"),
    _whole("undone"),
    _whole("spent_micros"),
    _whole("reserved_micros"),
    _whole("barriers"),
    _whole("stray_votes"),
)

records = Table(
    "records",
    metadata,
    Column("root", _TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    _whole("seq", key=True),
    _whole("at_ms"),
    _text("kind"),
    _text("body"),
    _text("prev"),
    _text("hash"),
    _few("records_told", "at_ms", "root", "seq", only="kind IN ('gate_end', 'notice')"),
)

runs = Table(
    "runs",
    metadata,
    Column("root", _TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    _text("workflow_id"),
    _text("plan"),
    _text("plan_digest"),
    _text("compiled"),
    _text("agent"),
    _text("on_behalf_of"),
    _text("tenant"),
    _text("owner"),
    _whole("started_ms"),
    _whole("deadline_ms"),
    _text("currency"),
    _whole("limit_micros", absent=True),
    _text("closed"),
    _text("starter"),
    Index("runs_closed", "closed", "root"),
    Index("runs_workflow", "workflow_id", "started_ms"),
    Index("runs_started", "started_ms", "root"),
)

admissions = Table(
    "admissions",
    metadata,
    Column("root", _TEXT, ForeignKey("runs.root"), primary_key=True, nullable=False),
    _text("path", key=True),
    _text("compiled"),
    _text("inputs"),
    _text("decision_id"),
    _text("revision"),
)

actions = Table(
    "actions",
    metadata,
    Column("root", _TEXT, ForeignKey("runs.root"), primary_key=True, nullable=False),
    _text("path", key=True),
    _text("direction", key=True),
    _text("parent"),
    _text("step"),
    _whole("item"),
    _whole("iteration"),
    _whole("generation"),
    _text("compiled"),
    _text("tool"),
    _text("contract"),
    _text("operation"),
    _text("state"),
    _whole("attempts"),
    _whole("refusals"),
    _text("owner"),
    _whole("lease_until_ms"),
    _text("request_digest"),
    _text("proposed_digest"),
    _text("enforced_digest"),
    _text("arguments"),
    Column("output", Text),
    Column("undo_tool", Text),
    Column("undo_contract", Text),
    Column("undo_arguments", Text),
    _text("decision_id"),
    _text("revision"),
    _whole("begun_ms"),
    _whole("ended_ms", absent=True),
    _whole("effect_order"),
    _text("code"),
    Column("faulty", Integer, nullable=False),
    _whole("reserved_micros"),
    _whole("spent_micros"),
    Column("resource", _TEXT, nullable=False, server_default=""),
    Index("actions_place", "root", "parent", "step"),
    _few(
        *("actions_broken", "root", "path"),
        only="direction = 'undo' AND state IN ('failed', 'refused') AND code <> 'UNDO-HANDED-OVER'",
    ),
)

deeds = Table("deeds", metadata, _text("scope", key=True), _text("tool", key=True), _whole("times"))
"""How many calls of a tool happened as they had to and were not undone: in a run, by its root, and
about a thing, by its digest. Rows of runs are as many as their tools, whatever the calls."""

attempts = Table(
    "attempts",
    metadata,
    _text("root", key=True),
    _text("path", key=True),
    _text("direction", key=True),
    _whole("attempt", key=True),
    _text("owner"),
    _whole("lease_until_ms"),
    _whole("begun_ms"),
    _whole("ended_ms", absent=True),
    _text("outcome"),
    _text("code"),
    _text("message"),
    ForeignKeyConstraint(
        ["root", "path", "direction"], ["actions.root", "actions.path", "actions.direction"]
    ),
)

barriers = Table(
    "barriers",
    metadata,
    Column("root", _TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    _text("path", key=True),
    _whole("generation"),
)

counters = Table("counters", metadata, _text("name", key=True), _whole("value"))

reservations = Table(
    "reservations",
    metadata,
    _text("root", key=True),
    _text("path", key=True),
    _text("direction", key=True),
    Column("counter", _TEXT, ForeignKey("counters.name"), primary_key=True, nullable=False),
    _whole("amount"),
    _text("state"),
)

gates = Table(
    "gates",
    metadata,
    Column("root", _TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    _text("gate", key=True),
    _text("step_key"),
    _whole("number"),
    _text("code"),
    _text("role"),
    _whole("quorum"),
    _text("request_digest"),
    _text("proposed_digest"),
    _text("enforced_digest"),
    _text("tool"),
    _text("domain"),
    _text("card"),
    _whole("opened_ms"),
    _whole("expires_ms"),
    _text("state"),
    _text("voters"),
    _text("consumed_by"),
    _whole("refused_votes"),
    Column("turns", _TEXT, nullable=False, server_default="[]"),
    Column("remind_ms", BigInteger, nullable=False, server_default="0"),
    Index("gates_step_key", "root", "step_key"),
    Index("gates_state", "state", "expires_ms", "root", "gate"),
    Index("gates_tool", "tool", "state", "opened_ms"),
)

votes = Table(
    "votes",
    metadata,
    Column("root", _TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    _text("event", key=True),
    _whole("seq"),
    _text("gate"),
    _text("by"),
    _text("verdict"),
    Column("counted", Integer, nullable=False),
    _text("code"),
    _text("reason"),
    _text("body"),
    Column("at_ms", BigInteger, nullable=False, server_default="0"),
    Index("votes_gate", "root", "gate", "seq"),
)

pending = Table(
    "pending",
    metadata,
    Column(
        "id",
        Integer().with_variant(BigInteger, "postgresql"),
        primary_key=True,
        nullable=False,
        autoincrement=True,
    ),
    _text("root"),
    _whole("seq"),
    _text("hash"),
)
"""Records that are no leaf yet; a trigger of `records` fills it, the sequencer empties it."""

leaves = Table(
    "leaves",
    metadata,
    _whole("position", key=True),
    _text("root"),
    _whole("seq"),
    Column("hash", LargeBinary, nullable=False),
    Index("leaves_record", "root", "seq", unique=True),
)
"""The one log of all runs, in its order."""

nodes = Table(
    "nodes",
    metadata,
    _whole("level", key=True),
    _whole("position", key=True),
    Column("hash", LargeBinary, nullable=False),
)
"""Complete subtrees over many leaves; the small ones are made of their leaves when asked for."""

checkpoints = Table(
    "checkpoints",
    metadata,
    _whole("size", key=True),
    _whole("at_ms"),
    _text("key"),
    _text("note"),
)

bundles = Table(
    "bundles",
    metadata,
    _text("revision", key=True),
    _text("digest"),
    _whole("at_ms"),
    Column("body", LargeBinary, nullable=False),
)
"""Policy bundles as they were served."""

releases = Table(
    "releases",
    metadata,
    _whole("serial", key=True),
    _text("revision"),
    _text("archive"),
    _text("key"),
    _text("origin"),
    _text("author"),
    _text("reason"),
    _text("approvals"),
    _text("report"),
    _whole("floor"),
    _whole("published_ms"),
    Index("releases_revision", "revision", "serial"),
)
"""Which policies decide, in the order in which they were released."""

unsealed = Table("unsealed", metadata, _text("root", key=True), _text("workflow_id"))
"""Closed runs whose repair goes on behind their first seal."""

unindexed = Table("unindexed", metadata, _text("root", key=True), _whole("upto"))
"""Chains with records, behind `upto`, whose contents are not in `holdings` yet."""

holdings = Table(
    "holdings",
    metadata,
    _text("root", key=True),
    _whole("seq", key=True),
    _text("digest", key=True),
    _text("kind"),
    _text("classes"),
    _text("place"),
    _text("state"),
    _whole("ended_ms"),
    _whole("gone"),
    Index("holdings_digest", "digest", "root"),
    Index("holdings_due", "state", "classes", "ended_ms"),
)
"""Which record names which content, and what that content is; see `remit.stores.holding`."""

tombstones = Table("tombstones", metadata, _text("digest", key=True), _text("root"), _whole("seq"))
"""Contents whose body is gone, and the `forgotten` record that says so."""

retained = Table(
    "retained", metadata, _text("root", key=True), _text("by"), _text("reason"), _whole("at_ms")
)
"""Runs of which nothing is forgotten until somebody releases them."""

content_keys = Table("content_keys", metadata, _text("key", key=True), _whole("since_ms"))
"""Keys that contents are, or may be, encrypted with; empty for none at all."""

stops = Table(
    "stops",
    metadata,
    _text("name", key=True),
    _text("state"),
    _whole("undos"),
    _text("by"),
    _text("reason"),
    _whole("at_ms"),
    Index("stops_in_force", "state", "name"),
)
"""What is called no more until somebody lets it go on; see `remit.ledger.stops`."""

slots = Table(
    "slots",
    metadata,
    _text("name", key=True),
    _text("root", key=True),
    _text("path", key=True),
    _text("direction", key=True),
    _whole("until_ms"),
)
"""Calls at work where only so many may be at once; after `until_ms` a row counts for nothing."""

breakers = Table(
    "breakers",
    metadata,
    _text("name", key=True),
    _text("state"),
    _whole("failures"),
    _whole("since_ms"),
    _whole("until_ms"),
    _text("trial"),
)
"""Services whose calls failed; see `remit.ledger.limits`."""

sent = Table(
    "sent",
    metadata,
    _text("notice", key=True),
    _text("channel", key=True),
    _text("state"),
    _whole("at_ms"),
)
"""What people were told, by channel; see `remit.stores.sent`."""

nonces = Table(
    "nonces",
    metadata,
    _text("issuer", key=True),
    _text("nonce", key=True),
    _text("root"),
    _text("event"),
    _whole("expires_ms"),
    _whole("at_ms"),
)
"""Tokens that proved something, so that none proves anything else; see `remit.stores.nonces`."""

detected = Table(
    "detected",
    metadata,
    _text("root", key=True),
    _text("place", key=True),
    _text("data_class", key=True),
)
"""Classes of data found in a run; see `remit.stores.detected`."""

quarantine = Table(
    "quarantine",
    metadata,
    _text("reference", key=True),
    _text("root"),
    _text("path"),
    _text("tenant"),
    _text("tool"),
    _text("contract"),
    _text("owner"),
    _text("code"),
    _text("misses"),
    _text("output"),
    _whole("size"),
    _whole("at_ms"),
    _text("state"),
    _text("by"),
    _text("reason"),
    _whole("ended_ms"),
    Index("quarantine_state", "state", "at_ms"),
    Index("quarantine_output", "output", "tenant", "tool"),
)
"""Answers that were not good enough; see `remit.ledger.quarantine`."""

APPEND_ONLY = (
    *("contents", "records", "leaves", "nodes", "checkpoints", "bundles", "releases", "nonces"),
)
"""Tables whose rows the database itself refuses to change or to delete."""

FED_BY = {"pending": "records"}
"""Tables that a trigger fills, and the one whose rows it follows."""
