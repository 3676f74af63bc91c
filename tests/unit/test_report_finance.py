"""The month in money: revenue and margin to the cent by hand, and ties that notice every planted gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cutover.report.data import judge
from cutover.report.finance import Bill, Books, Entry, Held, Work, finance
from router.canonical.money import Money

OLD, NEW = "sap_ecc", "netsuite"


def work(document_id: str, value: int, minutes: int = 60, system: str = OLD, **given: Any) -> Work:
    """An hour of UK01 in pounds, in pence."""
    made: dict[str, Any] = {
        "system": system,
        "kind": "time_entry",
        "document_id": document_id,
        "entity": "UK01",
        "currency": "GBP",
        "minutes": minutes,
        "value_minor": value,
        "employer": "UK01",
        "cost": Money(4000, "GBP"),
    } | given
    return Work(**made)


def bill(document_id: str, net: int, system: str = OLD, deferred: int = 0) -> Bill:
    """An invoice of UK01."""
    return Bill(
        system=system, kind="invoice", document_id=document_id, entity="UK01", currency="GBP",
        net_minor=net, deferred_minor=deferred,
    )  # fmt: skip


def entry(
    document_id: str, purpose: str, lines: dict[str, int], entity: str = "UK01", system: str = OLD
) -> Entry:
    """A ledger entry."""
    return Entry(
        system=system, kind="journal_entry", document_id=document_id, entity=entity, currency="GBP",
        purpose=purpose, lines=lines,
    )  # fmt: skip


def sides() -> dict[str, Any]:
    """Journal and ERPs that agree: two hours billed, one not, a deferred fee, its share, a charge to DE01."""
    entries = [
        entry("RR-1", "revenue", {"DEFERRED_REVENUE": 2500, "REVENUE": -2500}),
        entry("IC-1.from", "intercompany", {"DUE_FROM": 4400, "INTERCOMPANY_REVENUE": -4400}),
        entry("IC-1.to", "intercompany", {"INTERCOMPANY_COST": 4400, "DUE_TO": -4400}, "DE01", NEW),
    ]
    return {
        "journal": Books(
            work=[work("TE-1", 15000), work("TE-2", 15000), work("TE-3", 10005, 40)],
            bills=[bill("INV-B-1", 30000), bill("INV-B-2", 10000)],
            entries=list(entries),
        ),
        "erps": Books(
            work=[
                work("TE-1", 15000, billed_by="B-1", wip_minor=15000),
                work("TE-2", 15000, billed_by="B-1", wip_minor=15000),
                # 40 minutes kept as 0.67 hours.
                work("TE-3", 10050, 40, wip_minor=10050),
                # The shadow's copy counts nowhere.
                work("TE-3", 10005, 40, system=NEW, wip_minor=10005),
            ],
            bills=[bill("B-1", 30000), bill("B-2", 10000, deferred=10000)],
            entries=list(entries),
        ),
        "held": [Held(system=OLD, entity="UK01", currency="GBP", rows_minor=10050, ledger_minor=10050)],
        "psa": {"TE-1": 60, "TE-2": 60, "TE-3": 40},
    }


def told(sides: dict[str, Any]) -> dict[str, Any]:
    """The report's section; a pound is 1.25 dollars, a euro has no rate."""

    def convert(amount: Money, currency: str) -> Money | None:
        if amount.currency == currency:
            return amount
        return Money(amount.minor * 5 // 4, currency) if amount.currency == "GBP" else None

    return finance(**sides, entities={"UK01": "GBP", "DE01": "EUR"}, convert=convert, group="USD")


def test_revenue_and_margin_are_what_a_bookkeeper_reckons() -> None:
    """Billed 400.00 less deferred 100.00 plus unbilled 100.50 plus recognised 25.00; then cost and charges."""
    uk, de = told(sides())["entities"]
    assert uk["revenue"] == "425.50"
    assert (uk["billed"], uk["unbilled"], uk["cost"], uk["charged"]) == (
        "400.00",
        "100.50",
        "120.00",
        "44.00",
    )
    assert uk["margin"] == "349.50"
    assert uk["margin_in_group"] == "436.87"
    # What DE01 was charged is in pounds: 44.00 times 1.25 is what the rate of this test makes of it.
    assert de["charged_by"] == "55.00"
    assert de["margin"] == "-55.00"


def test_all_ties_hold_and_rounding_is_shown() -> None:
    """Hundredths of an hour are 0.45 of rounding, not a gap."""
    ties = told(sides())["ties"]
    assert all(row["ties"] for row in ties), [row for row in ties if not row["ties"]]
    (values,) = [row for row in ties if row["what"] == "value of work"]
    assert (values["left_amount"], values["right_amount"], values["rounding"]) == ("400.05", "400.50", "0.45")
    assert {row["what"] for row in ties} == {
        "hours", "value of work", "billed", "unbilled work", "revenue entries", "intercompany entries", "intercompany",
    }  # fmt: skip


def drop_time(side: dict[str, Any]) -> None:
    """The ERP lost a row."""
    del side["erps"].work[0]


def reprice(side: dict[str, Any]) -> None:
    """The ERP has another price: far beyond what hundredths can do."""
    side["erps"].work[1] = replace(side["erps"].work[1], value_minor=15200)


def forget_approval(side: dict[str, Any]) -> None:
    """The PSA approved something that never came."""
    side["psa"]["TE-4"] = 30


def change_invoice(side: dict[str, Any]) -> None:
    """Somebody edited an invoice in the ERP by a penny."""
    side["erps"].bills[0] = bill("B-1", 30001)


def move_ledger(side: dict[str, Any]) -> None:
    """A manual posting on the work-in-progress account."""
    side["held"] = [replace(side["held"][0], ledger_minor=10049)]


def edit_leg(side: dict[str, Any]) -> None:
    """One leg of an intercompany charge was changed."""
    side["erps"].entries[2] = entry(
        "IC-1.to", "intercompany", {"INTERCOMPANY_COST": 4300, "DUE_TO": -4300}, "DE01", NEW
    )


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (drop_time, "hours"),
        (reprice, "value of work"),
        (forget_approval, "hours"),
        (change_invoice, "billed"),
        (move_ledger, "unbilled work"),
        (edit_leg, "intercompany"),
    ],
)
def test_every_planted_gap_is_found(plant: Callable[[dict[str, Any]], None], what: str) -> None:
    """A lost row, a price, a missing approval, a penny, a manual posting, an edited leg: each breaks its tie."""
    side = sides()
    plant(side)
    assert what in {row["what"] for row in told(side)["ties"] if not row["ties"]}


def test_time_an_erp_refused_is_in_the_journal_and_no_gap() -> None:
    """It waits for a person, as its exception says; the journal has all that was approved, at its entity."""
    side = sides()
    side["psa"]["TE-9"] = 30
    side["journal"].waiting.append(("TE-9", "UK01", 30))
    hours = {(row["left"], row["legal_entity"]): row for row in told(side)["ties"] if row["what"] == "hours"}
    assert all(row["ties"] for row in hours.values())
    psa, delivered = hours[("PSA", "UK01")], hours[("journal", "UK01")]
    assert int(psa["right_amount"]) == int(delivered["left_amount"]) + 30


def test_work_billed_after_the_switch_is_not_unbilled() -> None:
    """The new ERP bills its copy: the old one's row is left behind, and revenue counts it once."""
    side = sides()
    side["journal"].bills.append(bill("INV-B-3", 10005, NEW))
    side["erps"].bills.append(bill("B-3", 10005, NEW))
    side["erps"].work[3] = replace(side["erps"].work[3], billed_by="B-3")
    found = told(side)
    (row,) = [row for row in found["rows"] if row["legal_entity"] == "UK01"]
    assert (row["unbilled"], row["left_behind"]) == ("0.00", "100.50")
    assert row["revenue"] == "425.05"


def test_without_a_psa_its_hours_are_not_missed() -> None:
    """A landscape that has none is compared without it; the other ties stay."""
    ties = told(sides() | {"psa": None})["ties"]
    assert all(row["ties"] for row in ties)
    assert "PSA" not in {row["left"] for row in ties}
    assert {"ERPs", "general ledger"} <= {row["right"] for row in ties}


def test_what_does_not_tie_is_a_no_go() -> None:
    """However well the cutover went: the verdict counts the comparisons that are apart."""
    side = sides()
    change_invoice(side)
    settled, window = {"settled": True, "left": {}}, {"fits": True, "spare_minutes": 10}
    good = judge([], [], settled, window, [], told(sides())["ties"])
    verdict, because = judge([], [], settled, window, [], told(side)["ties"])
    assert good[0] == "go"
    assert (verdict, because) == ("no-go", ["1 of 9 comparisons of PSA, journal and ERPs do not tie"])
