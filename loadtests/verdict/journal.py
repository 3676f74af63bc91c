"""The journal of a run, read row by row: plain SQL on either database, or the gateway's own account of each id.

Nothing here judges. Rows come in the order of their numbers, a few thousand at a time, so that a journal of
millions is read in bounded memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import httpx
import orjson
from sqlalchemy import Connection, text

from cutover.reading import reading

CHUNK = 5_000
"""Rows fetched at once."""
ASKED_AT_ONCE = 8
ANSWER_S = 30
JOBS_PER_TRANSACTION = 1000


class TransactionRow(NamedTuple):
    """A row of `transactions`, as far as a load run needs it."""

    seq: int
    kind: str
    document_id: str
    transactional: int
    source: str
    event_id: str
    deliver: int
    state: str
    job_id: int | None
    accepted_at: str
    correlation_id: str = ""
    """The transaction it follows from; not told by the gateway."""


class JobRow(NamedTuple):
    """A row of `jobs`."""

    job_id: int
    target: str
    lane: str
    role: str
    operation: str
    kind: str
    external_id: str
    state: str
    waiting_since: str
    settled_at: str | None

    @property
    def seq(self) -> int:
        """The number of its transaction."""
        return self.job_id // JOBS_PER_TRANSACTION


class JournalRows(Protocol):
    """Who can tell what was accepted and what became of it. Each may be read more than once."""

    def transactions(self) -> Iterator[TransactionRow]:
        """All transactions, by number."""
        ...

    def jobs(self) -> Iterator[JobRow]:
        """All deliveries, by number."""
        ...


class SqlJournal:
    """A journal at a database's URL."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def transactions(self) -> Iterator[TransactionRow]:
        """All transactions, by number."""
        for row in self._rows("transactions", TransactionRow._fields, "seq"):
            yield TransactionRow(*row)

    def jobs(self) -> Iterator[JobRow]:
        """All deliveries, by number."""
        for row in self._rows("jobs", JobRow._fields, "job_id"):
            yield JobRow(*row)

    def _rows(self, table: str, columns: Sequence[str], order: str) -> Iterator[Any]:
        sql = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"  # noqa: S608 - the names are this module's own
        with self._connection.execution_options(stream_results=True).execute(text(sql)) as result:
            for part in result.partitions(CHUNK):
                yield from part


@contextmanager
def sql_journal(url: str) -> Iterator[SqlJournal]:
    """The journal at a URL, for reading; raises BadConfig where there is none."""
    with reading(url) as connection:
        yield SqlJournal(connection)


class ToldJournal:
    """What a gateway says of the transactions it was asked for, where nobody may read its database."""

    def __init__(self, told: Sequence[Mapping[str, Any]]) -> None:
        self._told = sorted(told, key=lambda one: int(one["transaction_id"][1:]))

    def transactions(self) -> Iterator[TransactionRow]:
        """Those it was asked for and knows."""
        for one in self._told:
            seq = int(one["transaction_id"][1:])
            owner = next((job["job_id"] for job in one["jobs"] if job["role"] == "authority"), None)
            yield TransactionRow(
                seq, str(one["kind"]), str(one["document_id"] or ""), 0, str(one["source"]), str(one["event_id"]),
                int(one["deliver"]), str(one["state"]), owner, str(one["accepted_at"]),
            )  # fmt: skip

    def jobs(self) -> Iterator[JobRow]:
        """Their deliveries."""
        for one in self._told:
            for job in one["jobs"]:
                yield JobRow(*(job[name] for name in JobRow._fields))


def ask_gateway(url: str, numbers: Sequence[int]) -> ToldJournal:
    """`GET /v1/transactions/{id}` of each; one it does not know (404) is left out.

    Raises httpx.HTTPError, in a group, where the gateway does not answer, refuses to, or tells nonsense: what it
    does not tell is not known to be lost. COEXIST_TOKEN is sent as a bearer token.
    """
    return ToldJournal(asyncio.run(_ask(url, numbers)))


async def _ask(url: str, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    waiting = iter(numbers)

    async def ask(http: httpx.AsyncClient) -> None:
        for number in waiting:
            answer = await http.get(f"/v1/transactions/T{number:012d}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                continue
            one = _told(answer.raise_for_status().content, number)
            if one is None:
                raise httpx.DecodingError(f"nonsense of T{number:012d}", request=answer.request)
            found.append(one)

    limits = httpx.Limits(max_connections=ASKED_AT_ONCE)
    token = os.environ.get("COEXIST_TOKEN", "")
    badge = {"authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(
            base_url=url, headers=badge, trust_env=False, timeout=ANSWER_S, limits=limits
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(ASKED_AT_ONCE):
            group.create_task(ask(http))
    return found


def _told(body: bytes, number: int) -> Mapping[str, Any] | None:
    """An answer that has the shape and the id it should have."""
    try:
        one = orjson.loads(body)
        kept = {
            "transaction_id": f"T{number:012d}",
            **{name: one[name] for name in ("kind", "document_id", "source", "event_id", "deliver", "state")},
            "accepted_at": one["accepted_at"],
            # What the row below reads, and not the exchanges, which are most of it.
            "jobs": [{name: job[name] for name in JobRow._fields} for job in one["jobs"]],
        }
    except (ValueError, KeyError, TypeError):
        return None
    return kept if one["transaction_id"] == kept["transaction_id"] else None
