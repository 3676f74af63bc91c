"""A services firm's month in a rehearsed cutover, reckoned by hand: one rehearsal, a scenario a project.

UK01 stays on the legacy ERP until the afternoon of the second day, US01 has moved by noon. Both ERPs
take everything until an entity has moved, so what is booked before is the same in both, to the cent.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest

from cutover.rehearsal.memory import in_memory
from cutover.rehearsal.rehearse import Rehearsal, rehearse
from router.configfile import ConfigFile
from router.landscape import as_landscape, default_file
from tests.simulation.finance_month import month
from tests.simulation.tiny import WAVES, tiny_options

OLD, NEW = "sap_ecc", "netsuite"
AR, WIP, DUE_FROM, TAX, DUE_TO, DEFERRED = "120000", "140000", "130000", "230000", "235000", "250000"
REVENUE, UNBILLED, IC_REVENUE, IC_COST, BAD_DEBT = "400000", "410000", "450000", "650000", "660000"
CASH, EMPLOYEES, EXPENSE, FX = "100000", "240000", "600000", "700000"


@cache
def rehearsed() -> Rehearsal:
    """The rehearsal, once a process; without CRM and PSA, which know nothing of these projects."""
    file = default_file("landscapes/default.yaml")
    entities = {code: file.data["legal_entities"][code] for code, _ in WAVES.values()}
    systems = {name: file.data["systems"][name] for name in (OLD, NEW)}
    data = in_memory({**file.data, "legal_entities": entities, "systems": systems})
    options = tiny_options(
        landscape=as_landscape(ConfigFile(file.name, data, file.places)), landscape_data=data
    )
    folder = Path(tempfile.mkdtemp(prefix="month"))
    return rehearse(options, journal=folder / "journal.sqlite", work=month)


def booked(erp: str, *rows: tuple[str, str], base: bool = False) -> dict[str, int]:
    """What the entries of some documents come to, by account, in minor units; zeros left out.

    The document's currency, or with `base` the entity's.
    """
    books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
    sums: dict[str, int] = {}
    for row_type, external_id in rows:
        row = books.get(row_type, external_id)
        assert row is not None, f"{erp} has no {row_type} {external_id}"
        for line in books.ledger.entries[row.entry - 1].lines if row.entry else ():
            minor = line.base_minor if base else line.minor
            sums[line.account] = sums.get(line.account, 0) + minor
    return {account: minor for account, minor in sorted(sums.items()) if minor}


def has(erp: str, row_type: str, external_id: str) -> bool:
    """Whether an ERP holds a document."""
    return rehearsed().world.simulators[erp].sim.books.get(row_type, external_id) is not None  # type: ignore[attr-defined]


def test_the_cutover_goes_through_with_all_of_it() -> None:
    """Every step done, every invariant held, nothing left for a person."""
    report = rehearsed().report
    assert report["verdict"] == "go", report["because"]
    assert report["exceptions"]["rows"] == []
    assert report["input"]["refused_by_gateway"] == []
    assert all(row["ties"] for row in report["finance"]["ties"])


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_cap_holds_across_the_switch(erp: str) -> None:
    """Under the cap of 900.00: 6 of 8 hours. Raised to 1,500.00 meanwhile: 4 of the next 8 hours, in the new ERP alone."""
    assert booked(erp, ("time", "T-11")) == {WIP: 90_000, UNBILLED: -90_000}
    assert booked(erp, ("time", "T-11.beyond")) == {}
    if erp == OLD:
        assert not has(OLD, "time", "T-12")
        return
    assert booked(NEW, ("time", "T-12")) == {WIP: 60_000, UNBILLED: -60_000}
    assert booked(NEW, ("invoice", "BE-1")) == {
        AR: 180_000, WIP: -150_000, TAX: -30_000, REVENUE: -150_000, UNBILLED: 150_000,
    }  # fmt: skip


def test_versions_take_effect_in_their_order() -> None:
    """Version 3, accepted first, was applied after version 2 in both ERPs."""
    for erp in (OLD, NEW):
        books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
        contract = books.get("contract", "K-1")
        assert (contract.version, contract.lines[0].cap_minor) == (3, 150_000)


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_retainer_is_drawn_down(erp: str) -> None:
    """Fee 900.00 deferred, overage 300.00 earned: 1,200.00 and 240.00 tax."""
    assert booked(erp, ("time", "T-21"), ("time", "T-21.beyond")) == {WIP: 30_000, UNBILLED: -30_000}
    assert booked(erp, ("invoice", "BE-2")) == {
        AR: 144_000, WIP: -30_000, TAX: -24_000, DEFERRED: -90_000, REVENUE: -30_000, UNBILLED: 30_000,
    }  # fmt: skip


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_subscription_is_prorated(erp: str) -> None:
    """712.90 deferred and 142.58 tax; as a charge it raises no work in progress."""
    assert booked(erp, ("invoice", "BE-3")) == {AR: 85_548, TAX: -14_258, DEFERRED: -71_290}
    assert booked(erp, ("charge", "CH-K-3-1-202610")) == {}


def test_revenue_is_recognised_in_the_erp_in_charge() -> None:
    """712.90 of the subscription and 900.00 of the retainer, after the switch: in the new ERP alone."""
    new, old = (rehearsed().world.simulators[erp].sim.books for erp in (NEW, OLD))  # type: ignore[attr-defined]
    ours = {new.get("project", project).vendor_id for project in ("P-2", "P-3")}
    entries = [row for row in new.rows("journal_entry") if row.purpose == "revenue" and row.project in ours]
    moved = sorted((line.account, line.minor) for row in entries for line in row.lines)
    assert moved == [(DEFERRED, 71_290), (DEFERRED, 90_000), (REVENUE, -90_000), (REVENUE, -71_290)]
    assert [row for row in old.rows("journal_entry") if row.purpose == "revenue"] == []


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_no_invoice_before_completion(erp: str) -> None:
    """Asked for an hour too early, the invoice of 12,500.00 and 2,500.00 tax is dated after the milestone."""
    books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
    assert booked(erp, ("milestone", "MS-4"), ("invoice", "BE-4")) == {
        AR: 1_500_000, TAX: -250_000, REVENUE: -1_250_000,
    }  # fmt: skip
    assert books.get("milestone", "MS-4").created_at < books.get("invoice", "BE-4").created_at


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_corrections_leave_what_is_right(erp: str) -> None:
    """An hour and its reversal are nothing; 360.00 credited, billed again, 20.00 of it written off."""
    assert booked(erp, ("time", "T-52"), ("time", "T-53")) == {}
    first = {AR: 36_000, WIP: -30_000, TAX: -6_000, REVENUE: -30_000, UNBILLED: 30_000}
    assert booked(erp, ("invoice", "BE-5")) == first
    assert booked(erp, ("invoice", "BE-5"), ("credit_memo", "INV-BE-5.credit")) == {
        WIP: -30_000,
        UNBILLED: 30_000,
    }
    assert booked(erp, ("invoice", "INV-BE-5.rebill")) == {AR: 36_000, TAX: -6_000, REVENUE: -30_000}
    (off,) = rehearsed().world.simulators[erp].sim.books.rows("write_off")  # type: ignore[attr-defined]
    assert booked(erp, ("write_off", off.external_id)) == {AR: -2_000, BAD_DEBT: 2_000}


def test_intercompany_meets_across_the_erps() -> None:
    """90 minutes at 70.00 plus 8%: 113.40 pounds due from US01 in the old ERP, due to UK01 in the new one."""
    assert booked(OLD, ("journal_entry", "IC-T-61.from")) == {DUE_FROM: 11_340, IC_REVENUE: -11_340}
    assert booked(NEW, ("journal_entry", "IC-T-61.to")) == {DUE_TO: -11_340, IC_COST: 11_340}
    assert not has(OLD, "journal_entry", "IC-T-61.to")
    assert booked(NEW, ("time", "T-61")) == {WIP: 22_500, UNBILLED: -22_500}


def test_two_entities_bill_one_engagement_each_in_its_own_erp() -> None:
    """UK01 (old ERP, the new one shadows) bills 500.00 and 100.00 tax; US01 (moved) 500.00 in the new one alone."""
    ours = {AR: 60_000, WIP: -50_000, TAX: -10_000, REVENUE: -50_000, UNBILLED: 50_000}
    for erp in (OLD, NEW):
        assert booked(erp, ("invoice", "BE-7")) == ours
    theirs = {AR: 50_000, REVENUE: -50_000}
    assert booked(NEW, ("milestone", "MS-7-US"), ("invoice", "BE-7-US")) == theirs
    assert not has(OLD, "milestone", "MS-7-US")
    assert not has(OLD, "invoice", "BE-7-US")


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_expenses_carry_a_mark_up_within_policy(erp: str) -> None:
    """120.00 of a meal of 150.00 at 12.5% are 135.00; 30.00 and the entertainment's 80.00 are the firm's cost."""
    assert booked(erp, ("expense", "EX-81")) == {
        WIP: 13_500, EMPLOYEES: -12_000, UNBILLED: -13_500, EXPENSE: 12_000,
    }  # fmt: skip
    own = (("expense", "EX-81.beyond"), ("expense", "EX-82"))
    assert booked(erp, *own) == {EMPLOYEES: -11_000, EXPENSE: 11_000}
    assert booked(erp, ("invoice", "BE-8")) == {
        AR: 16_200, WIP: -13_500, TAX: -2_700, REVENUE: -13_500, UNBILLED: 13_500,
    }  # fmt: skip


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_one_invoice_for_two_projects(erp: str) -> None:
    """6 and 2 hours at 150.00: 900.00 and 300.00 on one invoice of 1,200.00 and 240.00 tax."""
    assert booked(erp, ("time", "T-91")) == {WIP: 90_000, UNBILLED: -90_000}
    assert booked(erp, ("time", "T-101")) == {WIP: 30_000, UNBILLED: -30_000}
    assert booked(erp, ("invoice", "BE-9")) == {
        AR: 144_000, WIP: -120_000, TAX: -24_000, REVENUE: -120_000, UNBILLED: 120_000,
    }  # fmt: skip


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_euros_are_booked_at_the_rate_of_their_day(erp: str) -> None:
    """900.00 and 180.00 euros at 0.8573276518 are 771.59 and 154.32 pounds; paid at 0.8571974328: 0.14 are lost.

    The rates are crossed through dollars: 1.1267 / 1.3142 on the 30th, 1.1219 / 1.3088 on the 31st.
    """
    bill = ("invoice", "BE-11")
    euros = {AR: 108_000, WIP: -90_000, TAX: -18_000, REVENUE: -90_000, UNBILLED: 90_000}
    assert booked(erp, bill) == euros
    assert booked(erp, ("time", "T-111"), bill, base=True) == {AR: 92_591, TAX: -15_432, REVENUE: -77_159}
    assert booked(erp, ("payment", "PAY-11"), base=True) == {CASH: 92_577, AR: -92_591, FX: 14}


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_a_business_abroad_owes_no_tax_here(erp: str) -> None:
    """4 hours at 150.00: 600.00, and nothing on the tax account."""
    assert booked(erp, ("time", "T-121"), ("invoice", "BE-12")) == {AR: 60_000, REVENUE: -60_000}


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_a_project_is_closed_only_when_its_invoice_is_paid(erp: str) -> None:
    """Asked for ten minutes before 360.00 are paid, and refused once a minute until then."""
    everything = (("time", "T-131"), ("invoice", "BE-13"), ("payment", "PAY-13"))
    assert booked(erp, *everything) == {CASH: 36_000, TAX: -6_000, REVENUE: -30_000}
    projects = rehearsed().world.simulators[erp].sim.books.rows("project")  # type: ignore[attr-defined]
    assert [row.external_id for row in projects if row.status == "closed"] == ["P-13"]
    assert rehearsed().report["resilience"]["people_retried"] >= 10, "nobody else is told to try again"


def test_what_comes_after_the_soft_close_is_booked_in_november() -> None:
    """An hour and a half of 31 October, 225.00, is posted on 1 November, in the new ERP alone."""
    books = rehearsed().world.simulators[NEW].sim.books  # type: ignore[attr-defined]
    late, before = books.get("time", "T-141"), books.get("time", "T-12")
    assert booked(NEW, ("time", "T-141")) == {WIP: 22_500, UNBILLED: -22_500}
    dates = [(str(row.work_date), str(books.ledger.entries[row.entry - 1].on)) for row in (before, late)]
    assert dates == [("2026-10-31", "2026-10-31"), ("2026-10-31", "2026-11-01")]
    earned = [row for row in books.rows("journal_entry") if row.purpose == "revenue"]
    assert earned, "recognised before the close"
    assert {str(books.ledger.entries[row.entry - 1].on) for row in earned} == {"2026-10-31"}
    assert not has(OLD, "time", "T-141")
