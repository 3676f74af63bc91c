"""What the checkers look at: rows of the journal read with plain SQL, and what the ERPs hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import Connection, text

from cutover.reading import reading


class Transaction(NamedTuple):
    """A row of `transactions`."""

    seq: int
    client: str
    kind: str
    document_id: str | None
    source: str
    event_id: str
    legal_entity: str
    accounting_date: str
    currency: str
    amount_minor: int
    deliver: int
    state: str
    job_id: int | None
    authority: str | None
    accepted_at: str
    problem: str = ""


class Decided(NamedTuple):
    """A row of `decisions`."""

    seq: int
    n: int
    at: str
    rule: str
    table_version: int
    authority: str | None
    shadow: str | None
    hold: int
    epoch: int
    why: str = ""


class JobRow(NamedTuple):
    """A row of `jobs`."""

    job_id: int
    target: str
    lane: str
    role: str
    operation: str
    kind: str
    external_id: str
    legal_entity: str
    commutes: int
    state: str
    settled_at: str | None
    code: str
    why: str
    waiting_since: str = ""


class AttemptRow(NamedTuple):
    """A row of `attempts`."""

    job_id: int
    token: int
    purpose: str
    claimed_at: str
    settled_at: str | None
    event: str | None


class Detail(Mapping[str, Any]):
    """The detail of a line of history, read when somebody looks: few of a month's lines are looked into."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return self._text

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = orjson.loads(self._text)
        return read


class HistoryRow(NamedTuple):
    """A row of `history`."""

    history_id: int
    seq: int | None
    at: str
    what: str
    detail: Mapping[str, Any]


class StepRow(NamedTuple):
    """A row of `steps`: the log of a plan's run."""

    run_id: str
    step: str
    event: str
    at: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpDocument:
    """A document as an ERP's own back door shows it."""

    system: str
    kind: str
    external_id: str
    vendor_id: str
    status: str
    currency: str
    total_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the checkers need, read once."""

    transactions: Sequence[Transaction]
    decisions: Sequence[Decided]
    jobs: Sequence[JobRow]
    attempts: Sequence[AttemptRow]
    history: Sequence[HistoryRow]
    breaks: Mapping[str, int]
    """Stored breaks by run."""
    erp_documents: Sequence[ErpDocument] | None = None
    """None: the ERPs were not asked (a live journal)."""
    trial_balances: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """System → entity → account → minor units."""
    approved: Sequence[tuple[str, str]] | None = None
    """(feed, source row id) of everything approved in CRM and PSA; None: they were not asked."""
    replays: Sequence[tuple[str, bool]] = ()
    """(transaction id, whether a repeated request got the first answer)."""
    compared: Sequence[Mapping[str, Any]] = ()
    """The comparisons of the run, as reported."""
    steps: Sequence[StepRow] = ()
    """The logs of the runs of plans, oldest first."""


JOBS_PER_TRANSACTION = 1000


def transaction_of(job_id: int) -> int:
    """The transaction number a job belongs to."""
    return job_id // JOBS_PER_TRANSACTION


def read_facts(url: str, *, span: range | None = None, **asked: Any) -> Facts:
    """Read a journal; raises BadConfig when there is none at `url`.

    With a `span`, only these transactions and what belongs to them: one too large for memory is checked in pieces.
    """
    with reading(url) as connection:
        rows = [_rows(connection, row, table, order, span) for row, table, order in _TABLES]
        lines = f"SELECT history_id, seq, at, what, detail FROM history{_of(span)} ORDER BY history_id"  # noqa: S608 - whole numbers only
        share: dict[str, str] = {}
        with connection.exec_driver_sql(lines) as result:
            cursor: Any = result.cursor
            history = [
                HistoryRow(
                    number, seq, share.setdefault(at, at), share.setdefault(what, what), Detail(told or "{}")
                )
                for number, seq, at, what, told in cursor
            ]
        counted = connection.execute(
            text("SELECT run_id, count(*) FROM breaks GROUP BY run_id ORDER BY run_id")
        )
        breaks = {str(run): int(count) for run, count in counted}
        steps = [
            StepRow(r[0], r[1], r[2], r[3], orjson.loads(r[4] or "{}"))
            for r in connection.execute(
                text("SELECT run_id, step, event, at, data FROM steps ORDER BY step_id")
            )
        ]
    transactions, decisions, jobs, attempts = rows
    return Facts(
        transactions=transactions,
        decisions=decisions,
        jobs=jobs,
        attempts=attempts,
        history=history,
        breaks=breaks,
        steps=steps,
        **asked,
    )


_TABLES: tuple[tuple[Any, str, str], ...] = (
    (Transaction, "transactions", "seq"),
    (Decided, "decisions", "seq, n"),
    (JobRow, "jobs", "job_id"),
    (AttemptRow, "attempts", "job_id, token"),
)


_OWN = frozenset({"seq", "n", "job_id", "token", "document_id", "event_id", "external_id", "amount_minor"})
"""Columns that hardly ever hold the same twice."""


def _of(span: range | None) -> str:
    """Of the history, what a span needs: its transactions' lines, and those of none, such as switches."""
    return "" if span is None else f" WHERE seq IS NULL OR (seq >= {span.start} AND seq < {span.stop})"


def _rows(connection: Connection, row: Any, table: str, order: str, span: range | None) -> list[Any]:
    columns = ", ".join(row._fields)
    key = order.partition(",")[0]
    many = 1 if key == "seq" else JOBS_PER_TRANSACTION
    where = "" if span is None else f" WHERE {key} >= {span.start * many} AND {key} < {span.stop * many}"
    sql = f"SELECT {columns} FROM {table}{where} ORDER BY {order}"  # noqa: S608 - the names are this module's own
    with connection.exec_driver_sql(sql) as result:
        # The driver's own rows: a quarter of a million go through here, and each is made a tuple once. Words and
        # instants come again and again, each time as a new text: the first of each is kept.
        own = [name in _OWN for name in row._fields]
        first: dict[Any, Any] = {}
        keep, cursor = first.setdefault, cast("Any", result.cursor)
        return [
            row._make(
                [value if alone else keep(value, value) for value, alone in zip(values, own, strict=True)]
            )
            for values in cursor
        ]
