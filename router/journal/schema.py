"""The tables of the journal, one place for both databases.

Times are RFC 3339 text with microseconds (`router.clock.to_text`), so text order is time order;
PostgreSQL columns use the C collation for the same reason. Flags are 0/1. A job's id is its
transaction's number × `JOBS_PER_TRANSACTION` + n: order of id is order of acceptance, also for work
that is released or added later, and a transaction's jobs are one range of the primary key.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

HEAD = "0005"
"""The migration these tables correspond to; a test holds it to the newest script."""
JOBS_PER_TRANSACTION = 1000
"""Room for jobs of one transaction: an authority, shadows, and feedback over its whole life."""
UNSETTLED = "state IN ('queued','in_flight','in_doubt')"
"""A literal, because a partial index serves only queries that repeat its condition."""
FAILED = "state IN ('refused','dead')"
RESTING = "state IN ('held','parked')"

metadata = MetaData()
Words = Text().with_variant(Text(collation="C"), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Words, nullable=null)


def _number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Number, nullable=null)


def _added(name: str, default: str = "") -> Column[str]:
    """A text column that an existing table was given later."""
    return Column(name, Words, nullable=False, server_default=default)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


transactions = Table(
    "transactions",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    _text("client"),
    _text("idempotency_key"),
    _text("fingerprint"),
    _text("kind"),
    _text("document_id", null=True),
    _number("transactional"),
    _text("source"),
    _text("event_id"),
    _text("verb"),
    Column("received", LargeBinary, nullable=False),
    _text("canonical", null=True),
    _text("problem"),
    _text("correlation_id"),
    _text("legal_entity"),
    _text("accounting_date"),
    _text("ordering_key"),
    _text("currency"),
    _number("amount_minor"),
    _number("deliver"),
    _text("state"),  # held, parked or posted; once `job_id` is set, that job's state counts instead
    _number("job_id", null=True),  # the authority job
    _text("authority", null=True),  # what lineage follows: the routed ERP, or the one that made it
    _text("accepted_at"),
    Column("schema_version", Number, nullable=False, server_default="1"),  # of `canonical`
    Column("problem_code", Words, nullable=False, server_default=""),
    _added("business_unit"),
    Index("transactions_key", "client", "idempotency_key", unique=True),
    _partial("transactions_once", "kind", "document_id", where="transactional = 1", unique=True),
    _partial("transactions_again", "kind", "document_id", where="transactional = 0"),
    _partial("transactions_resting", "state", "legal_entity", where=RESTING),
    Index("transactions_process", "correlation_id"),
    Index("transactions_lane", "ordering_key", "kind"),  # what a project has
)

decisions = Table(
    "decisions",
    metadata,
    _number("seq"),
    _number("n"),
    _text("at"),
    _text("rule"),
    _number("table_version"),
    _text("authority", null=True),
    _text("shadow", null=True),
    _number("hold"),
    _text("why"),
    _number("epoch"),
    PrimaryKeyConstraint("seq", "n"),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Number, primary_key=True, autoincrement=False),
    _text("target"),
    _text("lane"),
    _text("role"),
    _text("operation"),
    _text("kind"),
    _text("external_id"),
    _text("legal_entity"),
    _number("commutes"),
    _text("state"),
    _number("attempts"),
    _text("due"),
    _text("waiting_since"),
    _text("settled_at", null=True),
    _text("code"),
    _text("why"),
    _number("doubtful"),  # 1: it died in doubt, so a replay looks it up before it sends
    _text("facts", null=True),
    _added("business_unit"),
    _partial("jobs_heads", "target", "lane", "job_id", where=UNSETTLED),
    _partial("jobs_failed", "target", "state", where=FAILED),
)

lanes = Table(
    "lanes",
    metadata,
    _text("target"),
    _text("lane"),
    _text("legal_entity"),  # of the head job, as is the role
    _text("role"),
    _number("head"),  # transaction number of the head job: the tie-break between lanes due at once
    _text("due", null=True),  # when the head may go, or the lease ends; null: nothing waits
    _text("lease_until", null=True),
    _number("token"),
    _text("worker"),
    _added("business_unit"),  # of the head job, as is the kind
    _added("kind"),
    PrimaryKeyConstraint("target", "lane"),
    _partial("lanes_due", "target", "due", "head", where="due IS NOT NULL"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    _number("job_id"),
    _number("token"),
    _text("purpose"),  # send, or look up
    _text("worker"),
    _text("claimed_at"),
    _text("settled_at", null=True),
    _text("event", null=True),
    _text("code", null=True),
    _text("why", null=True),
    _number("exchange_id", null=True),
    _text("outcome", null=True),  # vendor id and created documents, as JSON
    PrimaryKeyConstraint("job_id", "token"),
    sqlite_with_rowid=False,
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("exchange_id", Number, primary_key=True, autoincrement=True),
    _text("at"),
    _text("target"),
    Column("request", LargeBinary, nullable=False),  # compressed
    Column("response", LargeBinary, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("history_id", Number, primary_key=True, autoincrement=True),
    _number("seq", null=True),
    _text("at"),
    _text("what"),
    _text("detail"),
    _partial("history_of", "seq", where="seq IS NOT NULL"),
)

crosswalk = Table(
    "crosswalk",
    metadata,
    _text("system"),
    _text("kind"),
    _text("document_id"),
    _text("vendor_id"),
    _text("at"),
    PrimaryKeyConstraint("system", "kind", "document_id"),
    sqlite_with_rowid=False,
)

route_tables = Table(
    "route_tables",
    metadata,
    Column("version", Number, primary_key=True, autoincrement=False),
    _text("body"),
    _text("actor"),
    _text("at"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("legal_entity", Words, primary_key=True),
    _number("epoch"),
    _number("table_version"),
    _text("at"),
    sqlite_with_rowid=False,
)

gates = Table(
    "gates",
    metadata,
    _text("target"),
    _text("legal_entity"),
    _text("business_unit"),  # empty: all, as with the kind
    _text("kind"),
    _text("at"),
    PrimaryKeyConstraint("target", "legal_entity", "business_unit", "kind"),
    sqlite_with_rowid=False,
)

pins = Table(
    "pins",
    metadata,
    Column("scope", Words, primary_key=True),
    _text("authority"),
    _text("actor"),
    _text("why"),
    _text("at"),
    sqlite_with_rowid=False,
)

cursors = Table(
    "cursors",
    metadata,
    _text("system"),
    _text("feed"),
    _text("position"),
    _text("at"),
    PrimaryKeyConstraint("system", "feed"),
    sqlite_with_rowid=False,
)

processes = Table(
    "processes",
    metadata,
    Column("correlation_id", Words, primary_key=True),
    _text("state"),
    _text("at"),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    metadata,
    Column("step_id", Number, primary_key=True, autoincrement=True),
    _text("run_id"),
    _text("step"),
    _text("event"),
    _text("at"),
    _text("data"),
    Index("steps_of_run", "run_id"),
)

breaks = Table(
    "breaks",
    metadata,
    Column("break_id", Number, primary_key=True, autoincrement=True),
    _text("run_id"),
    _text("at"),
    _text("data"),
    # What `data` says too, for questions to be answered without reading all of it.
    _added("identity"),
    _added("state"),
    _added("kind"),
    _added("legal_entity"),
    _added("what"),
    _added("column_name"),
    _added("cause"),
    _added("code"),
    _added("currency"),
    _number("delta_minor", null=True),
    Column("money_minor", Number, nullable=False, server_default="0"),  # of the delta, what sums count
    Index("breaks_of_run", "run_id"),
    Index("breaks_of_identity", "identity"),
)

break_runs = Table(
    "break_runs",
    metadata,
    Column("run_id", Words, primary_key=True),
    _text("at"),
    _text("subject"),
    _text("scope", null=True),  # what it looked at, as JSON; null: it did not say
    _text("policy_hash"),
    _text("consistency"),
    _text("position"),
    _text("counts"),  # breaks by state and money by currency, as JSON
    Index("break_runs_at", "at", "run_id"),
    sqlite_with_rowid=False,
)

break_states = Table(
    "break_states",
    metadata,
    Column("identity", Words, primary_key=True),
    _text("state"),
    _text("first_seen"),
    _text("last_seen"),
    _text("opened_at"),
    _text("fixed_at", null=True),
    _text("run_id"),  # the last run that said something of it
    _number("runs"),  # how many found it
    _text("place"),  # where it lies, as JSON: what a run must have looked at to call it fixed
    _text("subject"),
    _text("note"),
    _text("acceptance"),  # the number of the acceptance it is under, or nothing
    _text("accepted_until"),
    _text("kind"),
    _text("legal_entity"),
    _text("what"),
    _text("column_name"),
    _text("cause"),
    _text("code"),
    _text("currency"),
    _number("delta_minor", null=True),
    _number("money_minor"),
    _text("data"),  # as found last
    _text("before", null=True),  # what it was before `run_id`, so that the run can be made again
    Index("break_states_run", "run_id"),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("acceptance_id", Number, primary_key=True, autoincrement=True),
    _text("identity"),
    _text("cause"),
    _text("code"),
    _text("legal_entity"),
    _text("kind"),
    _text("owner"),
    _text("reason"),
    _text("approved_by"),
    _text("expires"),
    _text("max_amount"),
    _text("currency"),
    _text("actor"),
    _text("at"),
    _text("withdrawn_at", null=True),
    _text("withdrawn_by"),
    _text("withdrawn_why"),
    Index("acceptances_of", "identity"),
)

registers = Table(
    "registers",
    metadata,
    Column("name", Words, primary_key=True),
    _number("value"),  # minor units of `currency`, or a version where that is empty
    _text("currency"),
    _text("at"),
    sqlite_with_rowid=False,
)

periods = Table(
    "periods",
    metadata,
    _text("legal_entity"),
    _text("period"),
    _text("state"),  # open, soft_closed, closed
    _text("actor"),
    _text("why"),
    _text("at"),
    PrimaryKeyConstraint("legal_entity", "period"),
    sqlite_with_rowid=False,
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", Words, primary_key=True),  # the exception's id
    _text("state"),  # open, assigned, resolved
    _text("owner"),
    _text("note"),
    _text("actor"),
    _text("at"),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    metadata,
    _text("kind"),
    _text("alias"),  # an id that means another document of the kind
    _text("document_id"),
    _text("actor"),
    _text("why"),
    _text("at"),
    PrimaryKeyConstraint("kind", "alias"),
    sqlite_with_rowid=False,
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("conflict_id", Number, primary_key=True, autoincrement=True),
    _text("at"),
    _text("kind"),
    _text("document_id"),
    _text("legal_entity"),
    _text("attribute"),
    _text("sender"),  # crm, psa, erp, hcm
    _text("owner"),
    _text("rule"),  # refuse, ignore, record
    _text("kept"),
    _text("offered"),
    _text("event_id"),
    Index("conflicts_of", "kind", "document_id"),
)

crosswalk_past = Table(
    "crosswalk_past",
    metadata,
    _text("system"),
    _text("kind"),
    _text("vendor_id"),  # an id the document had before
    _text("document_id"),
    _text("until"),
    PrimaryKeyConstraint("system", "kind", "vendor_id"),
    sqlite_with_rowid=False,
)
