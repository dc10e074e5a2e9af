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
)

from remit.stores.columns import TEXT, few, number, step_key_columns, text

metadata = MetaData()

contents = Table(
    "contents",
    metadata,
    text("digest", key=True),
    Column("body", LargeBinary, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
)
"""Values by the digest of their plain text; `key` is the id of what encrypts the body, if any."""

chains = Table(
    "chains",
    metadata,
    text("root", key=True),
    text("head"),
    number("length"),
    number("calls"),
    number("effects"),
    number("denials"),
    number("undone"),
    number("spent_micros"),
    number("reserved_micros"),
    number("barriers"),
    number("stray_votes"),
)

records = Table(
    "records",
    metadata,
    Column("root", TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    number("seq", key=True),
    number("at_ms"),
    text("kind"),
    text("body"),
    text("prev"),
    text("hash"),
    few("records_told", "at_ms", "root", "seq", only="kind IN ('gate_end', 'notice')"),
)

runs = Table(
    "runs",
    metadata,
    Column("root", TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    *(text(name) for name in ("workflow_id", "plan", "plan_digest", "compiled")),
    *(text(name) for name in ("agent", "on_behalf_of", "tenant", "owner")),
    number("started_ms"),
    number("deadline_ms"),
    text("currency"),
    number("limit_micros", absent=True),
    text("closed"),
    text("starter"),
    Index("runs_closed", "closed", "root"),
    Index("runs_workflow", "workflow_id", "started_ms"),
    Index("runs_started", "started_ms", "root"),
)

admissions = Table(
    "admissions",
    metadata,
    Column("root", TEXT, ForeignKey("runs.root"), primary_key=True, nullable=False),
    text("path", key=True),
    text("compiled"),
    text("inputs"),
    text("decision_id"),
    text("revision"),
)

actions = Table(
    "actions",
    metadata,
    Column("root", TEXT, ForeignKey("runs.root"), primary_key=True, nullable=False),
    text("path", key=True),
    text("direction", key=True),
    text("parent"),
    text("step"),
    number("item"),
    number("iteration"),
    number("generation"),
    text("compiled"),
    text("tool"),
    text("contract"),
    text("operation"),
    text("state"),
    number("attempts"),
    number("refusals"),
    text("owner"),
    number("lease_until_ms"),
    text("request_digest"),
    text("proposed_digest"),
    text("enforced_digest"),
    text("arguments"),
    Column("output", Text),
    Column("undo_tool", Text),
    Column("undo_contract", Text),
    Column("undo_arguments", Text),
    text("decision_id"),
    text("revision"),
    number("begun_ms"),
    number("ended_ms", absent=True),
    number("effect_order"),
    text("code"),
    Column("faulty", Integer, nullable=False),
    number("reserved_micros"),
    number("spent_micros"),
    Column("resource", TEXT, nullable=False, server_default=""),
    Index("actions_place", "root", "parent", "step"),
    few(
        *("actions_broken", "root", "path"),
        only="direction = 'undo' AND state IN ('failed', 'refused') AND code <> 'UNDO-HANDED-OVER'",
    ),
)

deeds = Table("deeds", metadata, text("scope", key=True), text("tool", key=True), number("times"))
"""How many calls of a tool happened as they had to and were not undone: in a run, by its root, and
about a thing, by its digest. Rows of runs are as many as their tools, whatever the calls."""

attempts = Table(
    "attempts",
    metadata,
    *step_key_columns(),
    number("attempt", key=True),
    text("owner"),
    number("lease_until_ms"),
    number("begun_ms"),
    number("ended_ms", absent=True),
    text("outcome"),
    text("code"),
    text("message"),
    ForeignKeyConstraint(
        ["root", "path", "direction"], ["actions.root", "actions.path", "actions.direction"]
    ),
)

barriers = Table(
    "barriers",
    metadata,
    Column("root", TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    text("path", key=True),
    number("generation"),
)

counters = Table("counters", metadata, text("name", key=True), number("value"))

reservations = Table(
    "reservations",
    metadata,
    *step_key_columns(),
    Column("counter", TEXT, ForeignKey("counters.name"), primary_key=True, nullable=False),
    number("amount"),
    text("state"),
)

gates = Table(
    "gates",
    metadata,
    Column("root", TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    text("gate", key=True),
    text("step_key"),
    number("number"),
    text("code"),
    text("role"),
    number("quorum"),
    text("request_digest"),
    text("proposed_digest"),
    text("enforced_digest"),
    text("tool"),
    text("domain"),
    text("card"),
    number("opened_ms"),
    number("expires_ms"),
    text("state"),
    text("voters"),
    text("consumed_by"),
    number("refused_votes"),
    Column("turns", TEXT, nullable=False, server_default="[]"),
    Column("remind_ms", BigInteger, nullable=False, server_default="0"),
    Index("gates_step_key", "root", "step_key"),
    Index("gates_state", "state", "expires_ms", "root", "gate"),
    Index("gates_tool", "tool", "state", "opened_ms"),
)

votes = Table(
    "votes",
    metadata,
    Column("root", TEXT, ForeignKey("chains.root"), primary_key=True, nullable=False),
    text("event", key=True),
    number("seq"),
    text("gate"),
    text("by"),
    text("verdict"),
    Column("counted", Integer, nullable=False),
    text("code"),
    text("reason"),
    text("body"),
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
    text("root"),
    number("seq"),
    text("hash"),
)
"""Records that are no leaf yet; a trigger of `records` fills it, the sequencer empties it."""

leaves = Table(
    "leaves",
    metadata,
    number("position", key=True),
    text("root"),
    number("seq"),
    Column("hash", LargeBinary, nullable=False),
    Index("leaves_record", "root", "seq", unique=True),
)
"""The one log of all runs, in its order."""

nodes = Table(
    "nodes",
    metadata,
    number("level", key=True),
    number("position", key=True),
    Column("hash", LargeBinary, nullable=False),
)
"""Complete subtrees over many leaves; the small ones are made of their leaves when asked for."""

checkpoints = Table(
    "checkpoints",
    metadata,
    number("size", key=True),
    number("at_ms"),
    text("key"),
    text("note"),
)

bundles = Table(
    "bundles",
    metadata,
    text("revision", key=True),
    text("digest"),
    number("at_ms"),
    Column("body", LargeBinary, nullable=False),
)
"""Policy bundles as they were served."""

releases = Table(
    "releases",
    metadata,
    number("serial", key=True),
    *(text(name) for name in ("revision", "archive", "key", "origin")),
    *(text(name) for name in ("author", "reason", "approvals", "report")),
    number("floor"),
    number("published_ms"),
    Index("releases_revision", "revision", "serial"),
)
"""Which policies decide, in the order in which they were released."""

unsealed = Table("unsealed", metadata, text("root", key=True), text("workflow_id"))
"""Closed runs whose repair goes on behind their first seal."""

unindexed = Table("unindexed", metadata, text("root", key=True), number("upto"))
"""Chains with records, behind `upto`, whose contents are not in `holdings` yet."""

holdings = Table(
    "holdings",
    metadata,
    text("root", key=True),
    number("seq", key=True),
    text("digest", key=True),
    *(text(name) for name in ("kind", "classes", "place", "state")),
    number("ended_ms"),
    number("gone"),
    Index("holdings_digest", "digest", "root"),
    Index("holdings_due", "state", "classes", "ended_ms"),
)
"""Which record names which content, and what that content is; see `remit.stores.holding`."""

tombstones = Table("tombstones", metadata, text("digest", key=True), text("root"), number("seq"))
"""Contents whose body is gone, and the `forgotten` record that says so."""

retained = Table(
    "retained", metadata, text("root", key=True), text("by"), text("reason"), number("at_ms")
)
"""Runs of which nothing is forgotten until somebody releases them."""

content_keys = Table("content_keys", metadata, text("key", key=True), number("since_ms"))
"""Keys that contents are, or may be, encrypted with; empty for none at all."""

stops = Table(
    "stops",
    metadata,
    text("name", key=True),
    text("state"),
    number("undos"),
    text("by"),
    text("reason"),
    number("at_ms"),
    Index("stops_in_force", "state", "name"),
)
"""What is called no more until somebody lets it go on; see `remit.ledger.stops`."""

slots = Table(
    "slots",
    metadata,
    text("name", key=True),
    *step_key_columns(),
    number("until_ms"),
)
"""Calls at work where only so many may be at once; after `until_ms` a row counts for nothing."""

breakers = Table(
    "breakers",
    metadata,
    text("name", key=True),
    text("state"),
    number("failures"),
    number("since_ms"),
    number("until_ms"),
    text("trial"),
)
"""Services whose calls failed; see `remit.ledger.limits`."""

sent = Table(
    "sent",
    metadata,
    text("notice", key=True),
    text("channel", key=True),
    text("state"),
    number("at_ms"),
)
"""What people were told, by channel; see `remit.stores.sent`."""

nonces = Table(
    "nonces",
    metadata,
    text("issuer", key=True),
    text("nonce", key=True),
    text("root"),
    text("event"),
    number("expires_ms"),
    number("at_ms"),
)
"""Tokens that proved something, so that none proves anything else; see `remit.stores.nonces`."""

detected = Table(
    "detected", metadata, *(text(name, key=True) for name in ("root", "place", "data_class"))
)
"""Classes of data found in a run; see `remit.stores.detected`."""

quarantine = Table(
    "quarantine",
    metadata,
    text("reference", key=True),
    *(text(name) for name in ("root", "path", "tenant", "tool", "contract", "owner")),
    *(text(name) for name in ("code", "misses", "output")),
    *(number("size"), number("at_ms")),
    *(text(name) for name in ("state", "by", "reason")),
    number("ended_ms"),
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
