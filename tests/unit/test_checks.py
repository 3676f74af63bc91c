"""Each checker bites: a planted violation is found by it, and a sound run passes all."""

from dataclasses import replace
from typing import Any

import pytest

from cutover.checks import Facts, check_all
from cutover.checks.facts import AttemptRow, Decided, ErpDocument, HistoryRow, JobRow, Transaction


def transaction(seq: int, **changes: Any) -> Transaction:
    """A posted time entry."""
    row = Transaction(
        seq=seq, client="feed:kantata", kind="time_entry", document_id=f"TE-{seq}", source="/kantata/time_entries",
        event_id=f"TE-{seq}@1", legal_entity="UK01", accounting_date="2026-10-30", currency="GBP", amount_minor=1000,
        deliver=1, state="queued", job_id=seq * 1000, authority="sap_ecc", accepted_at="2026-10-30T10:00:00.000000Z",
    )  # fmt: skip
    return row._replace(**changes)


def job(seq: int, **changes: Any) -> JobRow:
    """Its authority job, posted."""
    row = JobRow(
        job_id=seq * 1000, target="sap_ecc", lane="P-1", role="authority", operation="create", kind="time_entry",
        external_id=f"TE-{seq}", legal_entity="UK01", commutes=1, state="posted",
        settled_at=f"2026-10-30T10:0{seq}:30.000000Z", code="", why="",
    )  # fmt: skip
    return row._replace(**changes)


def decided(seq: int, **changes: Any) -> Decided:
    """Its decision."""
    row = Decided(
        seq=seq, n=1, at="2026-10-30T10:00:00.000000Z", rule="default", table_version=1, authority="sap_ecc", shadow=None,
        hold=0, epoch=0,
    )  # fmt: skip
    return row._replace(**changes)


def sent(seq: int, at: str = "") -> AttemptRow:
    """The attempt that posted it."""
    return AttemptRow(
        job_id=seq * 1000, token=1, purpose="send", claimed_at=at or f"2026-10-30T10:0{seq}:00.000000Z",
        settled_at=f"2026-10-30T10:0{seq}:30.000000Z", event="answered yes",
    )  # fmt: skip


def accepted(at: int, seq: int, epoch: int) -> HistoryRow:
    """The line its acceptance wrote."""
    return HistoryRow(at, seq, "2026-10-30T10:00:00.000000Z", "accepted", {"epoch": epoch})


def switched(at: int, epoch: int) -> HistoryRow:
    """The line a switch of UK01 wrote."""
    return HistoryRow(at, None, "2026-10-30T12:00:00.000000Z", "switched", {"epochs": {"UK01": epoch}})


def erp(seq: int, system: str = "sap_ecc") -> ErpDocument:
    """The document as the ERP has it."""
    return ErpDocument(
        system=system, kind="time_entry", external_id=f"TE-{seq}", vendor_id=f"V{seq}", status="posted", currency="GBP",
        total_minor=1000,
    )  # fmt: skip


WALK = {
    "kind": "invoice", "level": "document", "by": {"legal_entity": "UK01"}, "column": "total", "currency": "GBP",
    "legacy": "12.00", "cloud": "9.99", "ties": True,
    "walk": {"missing_in_cloud": "5.00", "missing_in_legacy": "3.00", "duplicates": "0.00", "amounts": "-0.01", "moved": "0.00"},
}  # fmt: skip

SOUND = Facts(
    transactions=[transaction(1), transaction(2)],
    decisions=[decided(1), decided(2)],
    jobs=[job(1), job(2)],
    attempts=[sent(1), sent(2)],
    history=[accepted(1, 1, 0), accepted(2, 2, 0)],
    breaks={"run": 1},
    erp_documents=[erp(1), erp(2)],
    trial_balances={"sap_ecc": {"UK01": {"cash": 5, "revenue": -5}}},
    approved=[("/kantata/time_entries", "TE-1"), ("/kantata/time_entries", "TE-2")],
    replays=[("T000000000001", True)],
    compared=[{"run_id": "run", "breaks": 1, "untied": 0, "walk": [WALK]}],
)


def violated(facts: Facts) -> set[str]:
    """Names of the invariants that do not hold."""
    return {finding.name for finding in check_all(facts) if not finding.held}


def test_a_sound_run_passes_everything() -> None:
    """All seven hold, and each looked at something and says what it leaves out."""
    findings = check_all(SOUND)
    assert [finding.name for finding in findings] == ["I1", "I2", "I3", "I4", "I5", "I6", "I7"]
    assert violated(SOUND) == set()
    assert all(finding.checked and finding.not_checked for finding in findings)


PLANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "a state nobody knows": ("I1", {"jobs": [job(1), job(2, state="gone")]}),
    "a job that vanished": ("I1", {"jobs": [job(1)], "erp_documents": [erp(1)], "attempts": [sent(1)]}),
    "an approval nobody took": ("I1", {"approved": [("/kantata/time_entries", "TE-9")]}),
    "posted twice in one ERP": ("I2", {"erp_documents": [erp(1), erp(1), erp(2)]}),
    "posted where nothing was sent": ("I2", {"erp_documents": [erp(1), erp(2), erp(1, "netsuite")]}),
    "two authority jobs posted": ("I2", {"jobs": [job(1), job(1, job_id=1001), job(2)]}),
    "one epoch, two tables": ("I3", {"decisions": [decided(1), decided(2, table_version=2)]}),
    "sent elsewhere than decided": ("I3", {"decisions": [decided(1), decided(2, authority="netsuite")]}),
    "a dependent one overtook": (
        "I4",
        {"jobs": [job(1, kind="project", commutes=0), job(2)], "attempts": [sent(1), sent(2, "2026-10-30T10:00:59.000000Z")]},
    ),
    "decided by the old epoch after the switch": (
        "I5", {"history": [accepted(1, 1, 0), switched(2, 1), accepted(3, 2, 0)]},
    ),
    "a replay answered differently": ("I6", {"replays": [("T000000000001", False)]}),
    "one event accepted twice": (
        "I6", {"transactions": [transaction(1), transaction(2, event_id="TE-1@1")]},
    ),
    "a break that is not stored": ("I7", {"breaks": {}}),
    "a ledger out of balance": ("I7", {"trial_balances": {"sap_ecc": {"UK01": {"cash": 5, "revenue": -4}}}}),
    "totals that do not tie": ("I7", {"compared": [{"run_id": "run", "breaks": 1, "untied": 1}]}),
    "a walk that does not arrive": (
        "I7",
        {"compared": [{"run_id": "run", "breaks": 1, "untied": 0, "walk": [WALK | {"cloud": "10.00"}]}]},
    ),
    "a walk the engine called untied": (
        "I7", {"compared": [{"run_id": "run", "breaks": 1, "untied": 1, "untied_walks": ["invoice net"]}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found_by_its_checker(name: str) -> None:
    """The checker whose claim is broken says so."""
    invariant, changes = PLANTED[name]
    assert invariant in violated(replace(SOUND, **changes))


def test_commuting_documents_may_share_a_batch() -> None:
    """Two time entries of a lane sent at once are in order; a project between them is not."""
    at = "2026-10-30T10:01:00.000000Z"
    together = replace(SOUND, attempts=[sent(1, at), sent(2, at)])
    assert "I4" not in violated(together)
    other_kind = replace(together, jobs=[job(1), job(2, kind="expense_item")])
    assert "I4" in violated(other_kind)


def test_what_was_parked_takes_its_place_when_it_is_completed() -> None:
    """A version that waited for the next one was accepted first and enters the lane second; before, it overtakes."""
    first, second = (
        job(n, kind="change_order", commutes=0, waiting_since=f"2026-10-30T10:0{n}:00.000000Z")
        for n in (1, 2)
    )
    late = first._replace(
        waiting_since="2026-10-30T10:03:00.000000Z", settled_at="2026-10-30T10:03:30.000000Z"
    )
    attempts = [sent(1, "2026-10-30T10:03:10.000000Z"), sent(2)]
    assert "I4" not in violated(replace(SOUND, jobs=[late, second], attempts=attempts))
    waited = late._replace(waiting_since=first.waiting_since)
    assert "I4" in violated(replace(SOUND, jobs=[waited, second], attempts=attempts))


def test_what_a_freeze_held_keeps_its_place_until_a_rollback_moves_it() -> None:
    """Let go, it goes before what was accepted after it; entered again by a rollback, it comes when it comes."""
    early, late = (
        job(n, kind="change_order", commutes=0, waiting_since=f"2026-10-30T10:0{4 - n}:00.000000Z")
        for n in (1, 2)
    )
    early = early._replace(settled_at="2026-10-30T10:03:30.000000Z")
    transactions = [transaction(1), transaction(2, accepted_at="2026-10-30T10:02:00.000000Z")]
    let_go = decided(1, n=2, at="2026-10-30T10:03:00.000000Z")
    released = HistoryRow(3, 1, let_go.at, "queued", {"event": "released", "epoch": 0})
    held = replace(
        SOUND, transactions=transactions, jobs=[early, late], decisions=[decided(1, hold=1), let_go, decided(2)],
        history=[*SOUND.history, released], attempts=[sent(1, "2026-10-30T10:03:10.000000Z"), sent(2)],
    )  # fmt: skip
    assert "I4" in violated(held)
    in_order = [sent(1, "2026-10-30T10:03:10.000000Z"), sent(2, "2026-10-30T10:03:40.000000Z")]
    after = late._replace(settled_at="2026-10-30T10:03:50.000000Z")
    assert "I4" not in violated(replace(held, attempts=in_order, jobs=[early, after]))
    elsewhere = let_go._replace(authority="netsuite")
    back = decided(1, n=3, at="2026-10-30T10:03:05.000000Z", rule="rollback")
    again = early._replace(waiting_since=back.at)
    entered = replace(held, decisions=[decided(1, hold=1), elsewhere, back, decided(2)], jobs=[again, late])
    assert "I4" not in violated(entered)
    back_to_the_same = replace(
        held, decisions=[decided(1, hold=1), let_go, back, decided(2)], jobs=[again, late]
    )
    assert "I4" not in violated(back_to_the_same)


def test_no_data_never_passes() -> None:
    """An empty run proves nothing."""
    empty = Facts(transactions=[], decisions=[], jobs=[], attempts=[], history=[], breaks={})
    assert violated(empty) == {"I1", "I2", "I3", "I4", "I5", "I6", "I7"}


def test_what_a_dual_run_loads_stands_at_the_head_of_its_lane() -> None:
    """New time waits for the project that is loaded after it; sent before it, it would be the project's overtaker."""

    def shadow(seq: int, kind: str, since: str, at: str) -> JobRow:
        return job(
            seq, job_id=seq * 1000 + 1, target="netsuite", role="shadow", lane="shadow P-1", kind=kind,
            commutes=int(kind == "time_entry"), waiting_since=since, settled_at=f"{at}:30.000000Z",
        )  # fmt: skip

    def sent_at(seq: int, at: str) -> AttemptRow:
        return sent(seq, f"{at}:00.000000Z")._replace(job_id=seq * 1000 + 1)

    started = HistoryRow(
        3, 1, "2026-10-30T10:20:00.000000Z", "queued", {"event": "dual run started", "target": "netsuite"}
    )
    project = shadow(1, "project", "2026-10-30T10:20:00.000000Z", "2026-10-30T10:21")
    time = shadow(2, "time_entry", "2026-10-30T10:10:00.000000Z", "2026-10-30T10:22")
    sound = replace(
        SOUND,
        history=[*SOUND.history, started],
        jobs=[job(1), job(2), project, time],
        attempts=[*SOUND.attempts, sent_at(1, "2026-10-30T10:21"), sent_at(2, "2026-10-30T10:22")],
    )
    assert "I4" not in violated(sound)
    overtaken = replace(
        sound,
        jobs=[job(1), job(2), project, time._replace(settled_at="2026-10-30T10:21:10.000000Z")],
        attempts=[*SOUND.attempts, sent_at(1, "2026-10-30T10:21"), sent_at(2, "2026-10-30T10:21")],
    )
    assert "I4" in violated(overtaken)
    # Before the dual run came to it, the lane had nothing else to wait for.
    earlier = replace(
        sound,
        jobs=[job(1), job(2), project, time._replace(settled_at="2026-10-30T10:11:30.000000Z")],
        attempts=[*SOUND.attempts, sent_at(1, "2026-10-30T10:21"), sent_at(2, "2026-10-30T10:11")],
    )
    assert "I4" not in violated(earlier)


def test_what_a_release_lets_go_stands_before_what_still_waits_in_a_shadows_lane() -> None:
    """A correction asked for its original eight times before that was let go; being asked is not being sent."""

    def shadow(seq: int, kind: str, since: str, at: str) -> JobRow:
        return job(
            seq, job_id=seq * 1000 + 1, role="shadow", target="netsuite", lane="shadow P-1", kind=kind,
            waiting_since=since, settled_at=f"{at}:30.000000Z",
        )  # fmt: skip

    def tried(seq: int, at: str, token: int, event: str) -> AttemptRow:
        row = sent(seq, f"{at}:00.000000Z")
        return row._replace(job_id=seq * 1000 + 1, token=token, event=event)

    let_go = HistoryRow(3, 1, "2026-10-30T10:20:00.000000Z", "queued", {"event": "released"})
    held = shadow(1, "expense_item", "2026-10-30T10:20:00.000000Z", "2026-10-30T10:21")
    correction = shadow(2, "time_entry", "2026-10-30T10:10:00.000000Z", "2026-10-30T10:22")
    asked = [
        tried(2, "2026-10-30T10:11", 1, "not taken, try later"),
        tried(1, "2026-10-30T10:21", 1, "answered yes"),
        tried(2, "2026-10-30T10:22", 2, "answered yes"),
    ]
    sound = replace(
        SOUND,
        history=[*SOUND.history, let_go],
        decisions=[*SOUND.decisions, decided(1, n=2, at="2026-10-30T10:20:00.000000Z")],
        jobs=[job(1), job(2), held, correction],
        attempts=[*SOUND.attempts, *asked],
    )
    assert "I4" not in violated(sound)
    overtook = [*asked[:2], tried(2, "2026-10-30T10:21", 2, "answered yes")]
    early = correction._replace(settled_at="2026-10-30T10:21:10.000000Z")
    assert "I4" in violated(
        replace(sound, jobs=[job(1), job(2), held, early], attempts=[*SOUND.attempts, *overtook])
    )
