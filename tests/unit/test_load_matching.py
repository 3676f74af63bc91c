"""What was sent against what the books have: each way to lose or double a document is found, and only where it is."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.ledger.rows import DROPPED, NO_ANSWER, Sent
from loadtests.scenario.schedule import Arrival, Schedule
from loadtests.traffic.model import Document, Request
from loadtests.verdict.erps import ErpDocument, Metered, Second
from loadtests.verdict.journal import JobRow, TransactionRow
from loadtests.verdict.limits import erp_use
from loadtests.verdict.matching import Matched, Matching, states
from loadtests.verdict.moments import Beginning
from loadtests.verdict.sent import Documents, documents_of, named, pairs
from loadtests.verdict.series import Series, backlog_peak
from loadtests.verdict.waiting import Waiting, without

ZERO = "2026-10-30T12:00:00.000000Z"
BEGIN = Beginning(ZERO)
LINES = 2


def moment(seconds: float) -> str:
    """An instant of the run as the journal writes it."""
    return f"2026-10-30T12:{int(seconds // 60):02d}:{seconds % 60:09.6f}Z"


class Traffic:
    """Requests of two documents each."""

    def seeds(self) -> dict[str, Any]:
        """None."""
        return {}

    def masters(self) -> Sequence[dict[str, Any]]:
        """None."""
        return []

    def request(self, arrival: Arrival) -> Request:
        """Two time entries of the arrival."""
        documents = tuple(
            Document("time_entry", f"LT-x-{arrival.number}-{n}", "/load", f"E{arrival.number}-{n}", "UK01")
            for n in range(LINES)
        )
        return Request("/v1/transactions:batch", b"", "application/x-ndjson", "psa", documents)


def plan(count: int) -> Schedule:
    """A start a second."""
    starts = array("q", [n * 1_000_000 for n in range(count)])
    return Schedule(starts_us=starts, streams=bytes(count), length_us=count * 1_000_000)


def sent(number: int, *ids: str, status: int = 200, repeat: bool = False) -> Sent:
    """A row of the ledger, answered in 5 ms."""
    at = number * 1_000_000
    return Sent(number, at, at + 1_000, at + 5_000, status, ids, "", repeat)


@dataclass
class Rows:
    """A journal in memory."""

    taken: list[TransactionRow] = field(default_factory=list)
    deliveries: list[JobRow] = field(default_factory=list)

    def transactions(self) -> Iterator[TransactionRow]:
        """All of them."""
        return iter(self.taken)

    def jobs(self) -> Iterator[JobRow]:
        """All of them."""
        return iter(self.deliveries)


def taken(seq: int, **changes: Any) -> TransactionRow:
    """The journal's row of the document with this number, from 1."""
    number, line = divmod(seq - 1, LINES)
    row = TransactionRow(
        seq=seq, kind="time_entry", document_id=f"LT-x-{number}-{line}", transactional=1, source="/load",
        event_id=f"E{number}-{line}", deliver=1, state="queued", job_id=seq * 1000, accepted_at=moment(number + 0.004),
    )  # fmt: skip
    return row._replace(**changes)


def delivery(seq: int, **changes: Any) -> JobRow:
    """Its delivery, posted two seconds after it was accepted."""
    number, line = divmod(seq - 1, LINES)
    row = JobRow(
        job_id=seq * 1000, target="sap_ecc", lane=f"P-{seq}", role="authority", operation="create", kind="time_entry",
        external_id=f"LT-x-{number}-{line}", state="posted", waiting_since=moment(number + 0.004),
        settled_at=moment(number + 2),
    )  # fmt: skip
    return row._replace(**changes)


def held(seq: int, **changes: Any) -> ErpDocument:
    """The ERP's document of it."""
    number, line = divmod(seq - 1, LINES)
    row = ErpDocument("time_entry", f"LT-x-{number}-{line}", f"V{seq}", "posted", moment(number + 1.9))
    return row._replace(**changes)


def tx(*seqs: int) -> tuple[str, ...]:
    """Transaction ids as answered."""
    return tuple(f"T{seq:012d}" if seq else "" for seq in seqs)


@dataclass
class Case:
    """Three requests of two documents, all posted, each once in the ERP; and what is changed."""

    ledger: list[Sent] = field(default_factory=lambda: [sent(n, *tx(2 * n + 1, 2 * n + 2)) for n in range(3)])
    taken: list[TransactionRow] = field(default_factory=lambda: [taken(seq) for seq in range(1, 7)])
    jobs: list[JobRow] = field(default_factory=lambda: [delivery(seq) for seq in range(1, 7)])
    erp: list[ErpDocument] = field(default_factory=lambda: [held(seq) for seq in range(1, 7)])
    cloud: list[ErpDocument] = field(default_factory=list)

    def documents(self) -> Documents:
        """What was sent."""
        return documents_of(plan(3), Traffic(), pairs(self.ledger))

    def found(self) -> Matched:
        """What became of it."""
        matching = Matching(self.documents(), Rows(self.taken, self.jobs), BEGIN, Waiting(BEGIN))
        matching.journal()
        matching.erp("sap_ecc", self.erp)
        matching.erp("netsuite", self.cloud)
        matching.confirmed(("sap_ecc", "netsuite"))
        return matching.found

    def lost(self) -> list[str]:
        """The ids of what is lost."""
        rows = named(plan(3), Traffic(), self.documents(), self.found().lost)
        return sorted(row.document_id for row in rows.values())


def test_a_sound_run_loses_and_doubles_nothing() -> None:
    """Six documents are accepted, posted and held once."""
    found = Case().found()
    assert (found.lost, found.doubled, found.strangers, found.open) == ({}, [], [], 0)
    assert states(found) == {"posted": 6}
    assert found.per_erp == {"sap_ecc": 6}
    assert (found.first_seq, found.last_us) == (1, 4_000_000)


def test_promised_and_not_in_the_journal_is_lost() -> None:
    """The second document of the first request was answered, and nobody has it."""
    case = Case()
    del case.taken[1], case.jobs[1], case.erp[1]
    assert case.lost() == ["LT-x-0-1"]


def test_what_was_not_promised_is_not_lost() -> None:
    """A refused line, a request without an answer, an error: the sender knows, and asks again."""
    ledger = [
        sent(0, *tx(1, 0)),
        sent(1, status=NO_ANSWER),
        sent(2, status=503),
    ]
    case = Case(ledger=ledger, taken=[taken(1)], jobs=[delivery(1)], erp=[held(1)])
    assert case.lost() == []
    assert case.documents().refused == 1


def test_accepted_without_an_answer_is_known() -> None:
    """What the journal has though nobody heard so is neither lost nor a stranger."""
    case = Case(ledger=[sent(0, *tx(1, 2)), sent(1, status=NO_ANSWER), sent(2, *tx(5, 6))])
    found = case.found()
    assert (found.lost, found.strangers) == ({}, [])
    promised = case.documents().promised
    assert sum(seq > 0 and not heard for seq, heard in zip(found.seq, promised, strict=True)) == 2


def test_a_repeat_can_make_the_promise() -> None:
    """The first sending had no answer, the second one had: what it promised counts."""
    case = Case(
        ledger=[
            sent(0, status=NO_ANSWER),
            sent(0, *tx(1, 2), repeat=True),
            sent(1, *tx(3, 4)),
            sent(2, *tx(5, 6)),
        ]
    )
    del case.taken[0], case.jobs[0], case.erp[0]
    assert case.lost() == ["LT-x-0-0"]


def test_one_name_for_several_promises_all() -> None:
    """A process accepts its documents in one commit and names one transaction."""
    case = Case(ledger=[sent(0, *tx(1)), sent(1, *tx(3, 4)), sent(2, *tx(5, 6))])
    del case.taken[1], case.jobs[1], case.erp[1]
    assert case.lost() == ["LT-x-0-1"]


def test_a_refused_line_promises_nothing_of_what_would_follow() -> None:
    """What a process makes of a document it refused was never promised."""
    case = Case(ledger=[sent(0, ""), sent(1, *tx(3, 4)), sent(2, *tx(5, 6))])
    assert list(case.documents().promised) == [0, 0, 1, 1, 1, 1]


def test_success_that_names_nothing_promises_nothing_of_a_batch() -> None:
    """Whether its lines were taken can't be told: counted, for the errors."""
    case = Case(ledger=[sent(0), sent(1, *tx(3, 4)), sent(2, *tx(5, 6))])
    documents = case.documents()
    assert (documents.without_promise, sum(documents.promised)) == (1, 4)


def test_an_answer_that_names_another_transaction_is_a_loss() -> None:
    """The sender would follow the wrong document."""
    case = Case(ledger=[sent(0, *tx(1, 5)), sent(1, *tx(3, 4)), sent(2, *tx(5, 6))])
    assert case.lost() == ["LT-x-0-1"]


LOSSES: dict[str, dict[str, Any]] = {
    "no delivery carries it": {"jobs": [delivery(seq) for seq in range(2, 7)]},
    "it never got a delivery": {
        "taken": [taken(1, job_id=None), *(taken(seq) for seq in range(2, 7))],
        "jobs": [delivery(seq) for seq in range(2, 7)],
    },
    "posted and not in the ERP": {"erp": [held(seq) for seq in range(2, 7)]},
    "posted to a shadow that has not got it": {
        "jobs": [delivery(1), delivery(1, job_id=1001, role="shadow", target="netsuite"), *(delivery(seq) for seq in range(2, 7))]
    },
}  # fmt: skip


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.replace(" ", "-"))
def test_each_loss_is_found(case: str) -> None:
    """The first document is lost, no other; what else the ERP holds may look doubled, where nothing sent it."""
    changed = Case(**LOSSES[case])
    assert changed.lost() == ["LT-x-0-0"]


RESTING: dict[str, dict[str, Any]] = {
    "held": {"taken": [taken(1, job_id=None, state="held")], "open": 1},
    "parked": {"taken": [taken(1, job_id=None, state="parked")], "open": 0},
    "queued": {"taken": [taken(1)], "jobs": [delivery(1, state="queued", settled_at=None)], "open": 1},
    "in doubt": {"taken": [taken(1)], "jobs": [delivery(1, state="in_doubt", settled_at=None)], "open": 1},
    "refused": {"taken": [taken(1)], "jobs": [delivery(1, state="refused")], "open": 0},
    "not to be delivered": {"taken": [taken(1, deliver=0, job_id=None, state="posted")], "open": 0},
}


@pytest.mark.parametrize("case", RESTING)
def test_what_waits_or_was_refused_is_not_lost(case: str) -> None:
    """It is where the journal says, and known to be open or not."""
    given = dict(RESTING[case])
    wanted = given.pop("open")
    found = Case(ledger=[sent(0, *tx(1, 0))], **{"jobs": [], "erp": [], **given}).found()
    assert (found.lost, found.doubled, found.open) == ({}, [], wanted)


DOUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "the same event twice": ({"taken": [*(taken(seq) for seq in range(1, 7)), taken(1)._replace(seq=7)]}, "T000000000007"),
    "the same document under another event": (
        {"taken": [*(taken(seq) for seq in range(1, 7)), taken(1, event_id="other")._replace(seq=7)]},
        "once more",
    ),
    "two deliveries posted": ({"jobs": sorted([*(delivery(seq) for seq in range(1, 7)), delivery(1, job_id=1002)])}, "two deliveries"),
    "twice in one ERP": ({"erp": [*(held(seq) for seq in range(1, 7)), held(1, vendor_id="V9")]}, "more than once"),
    "under an id nobody sent": ({"erp": [*(held(seq) for seq in range(1, 7)), held(1, external_id="LT-x-0-0b")]}, "never sent"),
    "without an id": ({"erp": [*(held(seq) for seq in range(1, 7)), held(1, external_id="")]}, "without our id"),
    "in an ERP it was not sent to": ({"cloud": [held(1)]}, "netsuite"),
    "authoritative in two ERPs": (
        {
            "jobs": sorted([*(delivery(seq) for seq in range(1, 7)), delivery(1, job_id=1002, target="netsuite")]),
            "cloud": [held(1)],
        },
        "sap_ecc",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBLES, ids=lambda case: case.replace(" ", "-"))
def test_each_double_is_found(case: str) -> None:
    """It is told with where it stands, and nothing is called lost."""
    changes, words = DOUBLES[case]
    found = Case(**changes).found()
    assert found.lost == {}
    assert found.doubled
    assert any(words in row for row in found.doubled)


SINGLE: dict[str, dict[str, Any]] = {
    "a cancelled copy": {"erp": [*(held(seq) for seq in range(1, 7)), held(1, vendor_id="V9", status="cancelled")]},
    "another run's document": {
        "erp": [*(held(seq) for seq in range(1, 7)), held(1, external_id="OLD", created_at="2026-10-30T11:59:59Z")]
    },
    "an update of the same": {"jobs": sorted([*(delivery(seq) for seq in range(1, 7)), delivery(9, external_id="LT-x-0-0")])},
    "a shadow of the same": {
        "jobs": sorted([*(delivery(seq) for seq in range(1, 7)), delivery(1, job_id=1001, role="shadow", target="netsuite")]),
        "cloud": [held(1)],
    },
    "somebody else's transaction": {
        "taken": [*(taken(seq) for seq in range(1, 7)), taken(9, source="/other"), taken(10, document_id="other", event_id="o")]
    },
}  # fmt: skip


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.replace(" ", "-"))
def test_what_only_looks_doubled_is_not(case: str) -> None:
    """No false alarm: the checks would be switched off after the second one."""
    found = Case(**SINGLE[case]).found()
    assert (found.lost, found.doubled, found.strangers) == ({}, [], [])


def test_a_document_of_the_run_that_nobody_sent_is_a_stranger() -> None:
    """Its id begins as this run's do, it came from the run's source, and no request carried it."""
    case = Case(taken=[*(taken(seq) for seq in range(1, 7)), taken(99)])
    assert case.found().strangers == ["time_entry LT-x-49-0 (T000000000099)"]


def test_what_was_dropped_was_not_sent() -> None:
    """A start without a request has no documents."""
    assert len(Case(ledger=[sent(0, *tx(1, 2)), sent(1, status=DROPPED)]).documents()) == 2


def test_a_billing_event_is_its_invoice() -> None:
    """Of a billing event the ERP holds the invoice under its id."""
    case = Case()
    case.jobs[0] = delivery(1, kind="billing_event")
    case.erp[0] = held(1, kind="invoice")
    assert (case.found().lost, case.found().doubled) == ({}, [])


# Time


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 3)), max_size=40),
    st.integers(1, 4),
)
@settings(deadline=None)
def test_waiting_counts_seconds_full_of_lanes(jobs: list[tuple[int, int, int]], lanes: int) -> None:
    """Against every tenth of a second looked at one by one; deliveries in order of their queueing."""
    waiting = Waiting(BEGIN)
    spans = sorted((since, since + length, lane) for since, length, lane in jobs)
    for since, until, lane in spans:
        waiting.took(
            delivery(1, lane=f"L{lane}", waiting_since=moment(since / 10), settled_at=moment(until / 10))
        )
    zero = BEGIN.epoch_us // 1_000_000
    wanted = [
        zero + second
        for second in range(10)
        if sum(_covered([(a, b) for a, b, of in spans if of == lane], second * 10) for lane in range(4))
        >= lanes
    ]
    assert waiting.seconds("sap_ecc", lanes, first=zero, last=zero + 9) == wanted


def _covered(spans: list[tuple[int, int]], start: int) -> bool:
    """Whether each tenth of the second from `start` lies in some span."""
    return all(any(a <= tenth and tenth + 1 <= b for a, b in spans) for tenth in range(start, start + 10))


def test_use_is_place_time_while_lanes_wait() -> None:
    """Four seconds with two lanes waiting, of which one is a fault's: 1.8 of 2 places in the other three."""
    waiting = Waiting(BEGIN)
    for lane in "AB":
        waiting.took(delivery(1, lane=lane, waiting_since=moment(1), settled_at=moment(5)))
    zero = BEGIN.epoch_us // 1_000_000
    seconds = tuple(Second(zero + n, 3, n == 7, 2, 1_800_000 if n < 4 else 0, 0) for n in range(8))
    bands = [{"name": "outage", "from_s": 4, "until_s": 4, "system": "sap_ecc", "kind": "refuse"}]
    use = erp_use(
        "sap_ecc", Metered(zero + 8, 10, None, seconds), 2, waiting, bands=bands, begin=BEGIN, documents=5
    )
    assert (use.used_percent, use.calls, use.refused, use.peak) == (90.0, 24, 1, 2)
    assert use.limit == "concurrency 10, of which the router may use 2"
    idle = erp_use(
        "netsuite", Metered(zero + 8, 15, None, seconds), 15, waiting, bands=(), begin=BEGIN, documents=0
    )
    assert idle.used_percent is None


def test_without_takes_whole_spans_out() -> None:
    """Both ends belong to a span."""
    assert without(range(10), [(2, 4), (7, 7)]) == [0, 1, 5, 6, 8, 9]


def test_the_series_adds_up() -> None:
    """Each start, answer, acceptance and delivery is in one bucket; the backlog ends at nothing."""
    case = Case()
    found = case.found()
    series = Series(5_000_000)
    series.sent(plan(3).starts_us, case.ledger)
    series.documents(found, 1)
    rows = series.rows()
    assert [row["arrivals"] for row in rows] == [1, 1, 1, 0, 0]
    assert sum(row["answered"] for row in rows) == 3
    assert [row["accepted"] for row in rows] == [2, 2, 2, 0, 0]
    assert [row["delivered"] for row in rows] == [0, 0, 2, 2, 2]
    assert [row["backlog"] for row in rows] == [2, 4, 4, 2, 0]
    assert rows[0]["p99_ms"] == 5.0
    assert "p99_ms" not in rows[4]
    assert backlog_peak(found) == 4


def test_what_was_refused_is_settled_and_not_delivered() -> None:
    """It waits no longer, and the curve of deliveries does not count it."""
    case = Case(jobs=[delivery(seq, state="refused" if seq == 1 else "posted") for seq in range(1, 7)])
    series = Series(5_000_000)
    series.documents(case.found(), 1)
    rows = series.rows()
    assert (sum(row["delivered"] for row in rows), rows[-1]["backlog"]) == (5, 0)


def test_a_long_run_has_wider_buckets() -> None:
    """A week has no more rows than two hours."""
    assert len(Series(7 * 86_400 * 1_000_000).rows()) <= 7_200
