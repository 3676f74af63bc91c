"""A gateway that is not drained goes on delivering while it is measured: what moves between two readings is no loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from loadtests.ledger.rows import Sent
from loadtests.verdict.journal import JobRow, TransactionRow
from loadtests.verdict.matching import Matched, Matching
from loadtests.verdict.moments import Beginning
from loadtests.verdict.sent import documents_of, pairs
from loadtests.verdict.waiting import Waiting
from tests.unit.test_load_matching import ZERO, Case, Traffic, delivery, held, plan, sent, taken, tx

BEGIN = Beginning(ZERO)
LEDGER: Sequence[Sent] = [sent(0, *tx(1, 2))]


@dataclass
class Moving:
    """A journal whose deliveries are others each time they are read."""

    readings: list[list[JobRow]]

    def transactions(self) -> Iterator[TransactionRow]:
        """Two documents, both accepted."""
        return iter([taken(1), taken(2)])

    def jobs(self) -> Iterator[JobRow]:
        """The next reading; the last one stays."""
        return iter(self.readings.pop(0) if len(self.readings) > 1 else self.readings[0])


def found(before: list[JobRow], after: list[JobRow], erp: list[int]) -> Matched:
    """What a matching finds when the journal is read, the ERP asked, and the journal read again."""
    rows = Moving([before, after])
    matching = Matching(documents_of(plan(1), Traffic(), pairs(LEDGER)), rows, BEGIN, Waiting(BEGIN))
    matching.journal()
    matching.erp("sap_ecc", [held(seq) for seq in erp])
    matching.confirmed(("sap_ecc",))
    return matching.found


QUEUED = delivery(2, state="queued", settled_at=None)


def test_what_was_posted_after_the_erp_was_asked_is_not_lost() -> None:
    """The ERP's list is older than the second reading of the journal: only the first reading may be held against it."""
    seen = found([delivery(1), QUEUED], [delivery(1), delivery(2)], erp=[1])
    assert (seen.lost, seen.doubled) == ({}, [])


def test_what_was_posted_before_the_erp_was_asked_still_is() -> None:
    """The control: it was confirmed, and the ERP has not got it."""
    seen = found([delivery(1), delivery(2)], [delivery(1), delivery(2)], erp=[1])
    assert list(seen.lost) == [1]


def test_what_the_router_made_meanwhile_stands_in_the_erp_by_right() -> None:
    """A follow-up queued and posted between the two readings is known to the second one."""
    late = delivery(3)
    seen = found([delivery(1), delivery(2)], [delivery(1), delivery(2), late], erp=[1, 2, 3])
    assert (seen.lost, seen.doubled) == ({}, [])


def test_what_no_reading_knows_is_still_a_double() -> None:
    """The control: the ERP holds what nobody ever sent there."""
    seen = found([delivery(1), delivery(2)], [delivery(1), delivery(2)], erp=[1, 2, 3])
    assert len(seen.doubled) == 1
    assert "never sent there" in seen.doubled[0]


@pytest.mark.parametrize(("correlation", "waiting"), [("T000000000001", 1), ("T000000000009", 0), ("", 0)])
def test_what_follows_from_the_runs_documents_belongs_to_its_backlog(correlation: str, waiting: int) -> None:
    """An invoice the ERP made of a billing event must still be told to CRM and PSA; other people's is not ours."""
    case = Case()
    follow_up = taken(
        9, kind="invoice", source="erp:sap_ecc", event_id="invoice 1", correlation_id=correlation
    )
    case.taken.append(follow_up)
    case.jobs.append(delivery(9, role="feedback", target="kantata", state="queued", settled_at=None))
    seen = case.found()
    assert (seen.open, seen.strangers) == (waiting, [])
