"""The rows a load verdict reads are the same from either database, and from what the gateway tells of itself."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copy

import httpx
import orjson
import pytest
import sqlalchemy

from loadtests.verdict.invariants import invariants
from loadtests.verdict.journal import JobRow, ToldJournal, TransactionRow, ask_gateway, sql_journal
from router.journal.schema import jobs, transactions

AT = "2026-10-30T12:00:00.000000Z"
COUNT = 7
TOLD = ("kind", "document_id", "source", "event_id", "deliver", "accepted_at")


def _transaction(seq: int) -> dict[str, object]:
    """A posted time entry."""
    return {
        "seq": seq, "client": "psa", "idempotency_key": f"k{seq}", "fingerprint": "f", "kind": "time_entry",
        "document_id": f"LT-{seq}", "transactional": 1, "source": "/load", "event_id": f"E{seq}", "verb": "approved",
        "received": b"{}", "canonical": "{}", "problem": "", "correlation_id": "c", "legal_entity": "UK01",
        "accounting_date": "2026-10-30", "ordering_key": "P-1", "currency": "GBP", "amount_minor": 100, "deliver": 1,
        "state": "queued", "job_id": seq * 1000, "authority": "sap_ecc", "accepted_at": AT,
    }  # fmt: skip


def _job(seq: int) -> dict[str, object]:
    """Its delivery."""
    return {
        "job_id": seq * 1000, "target": "sap_ecc", "lane": "P-1", "role": "authority", "operation": "create",
        "kind": "time_entry", "external_id": f"LT-{seq}", "legal_entity": "UK01", "commutes": 1, "state": "posted",
        "attempts": 1, "due": AT, "waiting_since": AT, "settled_at": AT, "code": "", "why": "", "doubtful": 0,
    }  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite: Path) -> str:
    """A journal with some rows, written in no order."""
    if request.param == "sqlite":
        copy(migrated_sqlite, tmp_path / "journal.sqlite")
        made = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    else:
        fresh: Callable[[], str] = request.getfixturevalue("fresh_postgres")
        made = fresh()
    engine = sqlalchemy.create_engine(made.replace("postgresql://", "postgresql+psycopg://"))
    order = [4, 1, 7, 2, 6, 3, 5]
    with engine.begin() as connection:
        connection.execute(transactions.insert(), [_transaction(seq) for seq in order])
        connection.execute(jobs.insert(), [_job(seq) for seq in order])
    engine.dispose()
    return made


def test_rows_come_by_number_and_more_than_once(url: str) -> None:
    """Each reading gives all rows, in order, with the fields the verdict needs."""
    with sql_journal(url) as journal:
        for _ in range(2):
            taken, sent = list(journal.transactions()), list(journal.jobs())
            assert [row.seq for row in taken] == [row.seq for row in sent] == list(range(1, COUNT + 1))
    assert taken[0] == TransactionRow(1, "time_entry", "LT-1", 1, "/load", "E1", 1, "queued", 1000, AT, "c")
    assert sent[0] == JobRow(
        1000, "sap_ecc", "P-1", "authority", "create", "time_entry", "LT-1", "posted", AT, AT
    )


def test_invariants_in_pieces_are_those_of_the_whole(url: str) -> None:
    """Looked at two by two, everything is counted once; what is not seen across pieces is said."""
    whole, _ = invariants(url, first=1, last=COUNT, replays=[("T1", True)])
    pieces, _ = invariants(url, first=1, last=COUNT, replays=[("T1", True)], piece=2)
    names = ("name", "held", "violations")
    assert [[row[name] for name in names] for row in pieces] == [
        [row[name] for name in names] for row in whole
    ]
    # A lane lies in several pieces; of all else there is one.
    assert [row["checked"] for row in pieces if row["name"] != "I4"] == [
        row["checked"] for row in whole if row["name"] != "I4"
    ]
    assert all("stretches of 2 " in row["not_checked"] for row in pieces)
    assert {row["name"]: row["checked"] for row in whole}["I1"] == COUNT
    outside, _ = invariants(url, first=100, last=200, replays=())
    assert not any(row["held"] for row in outside)


def test_what_the_gateway_tells_is_the_same() -> None:
    """The account of `GET /v1/transactions/{id}` gives the rows of the database."""
    told = [
        {name: _transaction(seq)[name] for name in TOLD}
        | {"transaction_id": f"T{seq:012d}", "state": "posted", "jobs": [{name: _job(seq)[name] for name in JobRow._fields}]}
        for seq in (2, 1)
    ]  # fmt: skip
    journal = ToldJournal(told)
    assert [row.seq for row in journal.transactions()] == [1, 2]
    assert [row.job_id for row in journal.transactions()] == [1000, 2000]
    assert [row.external_id for row in journal.jobs()] == ["LT-1", "LT-2"]


class _Gateway(BaseHTTPRequestHandler):
    """A gateway that knows transaction 1, knows nothing of 2, and is no help with 3 and 4."""

    def do_GET(self) -> None:
        """By the last digit of the path."""
        told = {name: _transaction(1)[name] for name in TOLD} | {
            "transaction_id": "T000000000001", "state": "posted",
            "jobs": [{name: _job(1)[name] for name in JobRow._fields}],
        }  # fmt: skip
        status, body = {"1": (200, orjson.dumps(told)), "2": (404, b""), "3": (401, b""), "4": (200, b"[]")}[
            self.path[-1]
        ]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_what_the_gateway_will_not_tell_is_not_known_to_be_lost() -> None:
    """404 says that there is none; a refusal or nonsense says nothing, and is raised."""
    with HTTPServer(("127.0.0.1", 0), _Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert [row.seq for row in ask_gateway(url, [1, 2]).transactions()] == [1]
            for number in (3, 4):
                with pytest.raises(ExceptionGroup) as caught:
                    ask_gateway(url, [1, number])
                assert caught.group_contains(httpx.HTTPError)
        finally:
            server.shutdown()
            thread.join()
