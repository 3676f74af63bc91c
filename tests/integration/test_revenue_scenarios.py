"""Revenue is recognised as it is earned, in both ERPs: straight-line, by completion, by milestone, to the cent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.router_stand import Stand, on_stand
from tests.integration.test_billing_scenarios import (
    AR,
    DEFERRED,
    ERPS,
    REVENUE,
    TAX,
    agreed,
    document,
    in_the_erps,
    ledger,
    line,
    nothing_wrong,
    send,
)
from tests.integration.test_workflows import to


async def recognised(stand: Stand, period: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Recognise a period of UK01; what was said of its one deferred line."""
    asked = {"legal_entity": "UK01", "period": period, "dry_run": dry_run}
    answer = await stand.post(asked, "/v1/processes/recognise-revenue")
    assert answer.status_code == 200, answer.text
    await in_the_erps(stand)
    (row,) = answer.json()["lines"]
    assert all(one["status"] in (200, 202) for one in row.get("accepted", ()))
    found: dict[str, Any] = row
    return found


@pytest.mark.parametrize("erp", ERPS)
def test_a_fee_is_earned_over_its_term_and_a_longer_term_is_caught_up(tmp_path: Path, erp: str) -> None:
    """20,000.00 from 1 October to 31 December, 92 days: 31/92 = 6,739.13 in October, asked once or twice.

    Extended to 31 January (123 days) in November: earned to date are 61/123 = 9,918.70, so 3,179.57 more.
    """

    async def test(stand: Stand) -> None:
        fee = line("milestones", fee="20000.00", revenue="straight_line")
        await agreed(stand, fee, billing="fixed_fee", rate_card_id=None, ends="2026-12-31")
        await send(stand, "milestone", None, amount="20000.00")
        await send(stand, "billing_event")
        billed = {AR: 2_400_000, TAX: -400_000}
        assert ledger(stand, erp) == billed | {DEFERRED: -2_000_000}
        dry = await recognised(stand, "2026-10", dry_run=True)
        assert (dry["amount"], dry["journal_entry"]) == ("6739.13", "RR-K-100-1-202610")
        assert ledger(stand, erp) == billed | {DEFERRED: -2_000_000}, "a dry run posts nothing"
        for amount in ("6739.13", "0.00"):
            assert (await recognised(stand, "2026-10"))["amount"] == amount
            assert ledger(stand, erp) == billed | {DEFERRED: -1_326_087, REVENUE: -673_913}
        plan = await document(stand, "revenue_schedule", "RS-K-100-1")
        assert [(row["period"], row["amount"]) for row in plan["lines"]] == [
            ("2026-10", "6739.13"), ("2026-11", "6521.74"), ("2026-12", "6739.13"),
        ]  # fmt: skip
        await send(stand, "change_order", None, effective="2026-11-01", lines=[fee], ends="2027-01-31")
        assert (await recognised(stand, "2026-11"))["amount"] == "3179.57"
        assert ledger(stand, erp) == billed | {DEFERRED: -1_008_130, REVENUE: -991_870}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_completion_is_measured_in_hours_and_may_run_ahead_of_billing(tmp_path: Path, erp: str) -> None:
    """480 of 28,800 planned minutes are a 60th of 20,000.00 = 333.33, before anything is billed: a contract asset."""

    async def test(stand: Stand) -> None:
        fee = line("milestones", fee="20000.00", revenue="percentage_of_completion")
        await agreed(stand, fee, billing="fixed_fee", rate_card_id=None, ends="2026-12-31")
        nobody = await recognised(stand, "2026-10")
        assert "nobody is planned on it: assign people in the PSA" in nobody["problem"]
        await send(stand, "assignment")
        await send(stand, "time_entry", None, minutes=480, bill_rate="0")
        assert (await recognised(stand, "2026-10"))["amount"] == "333.33"
        assert ledger(stand, erp) == {DEFERRED: 33_333, REVENUE: -33_333}
        await send(stand, "milestone", None, amount="20000.00")
        await send(stand, "billing_event")
        assert ledger(stand, erp) == {AR: 2_400_000, TAX: -400_000, DEFERRED: -1_966_667, REVENUE: -33_333}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_milestone_is_earned_when_completed(tmp_path: Path, erp: str) -> None:
    """12,500.00 of 20,000.00 completed in October and billed in advance of nothing: earned as a whole."""

    async def test(stand: Stand) -> None:
        fee = line("milestones", fee="20000.00", revenue="milestone")
        await agreed(stand, fee, billing="fixed_fee", rate_card_id=None)
        assert (await recognised(stand, "2026-09"))["amount"] == "0.00"
        await send(stand, "milestone")
        await send(stand, "billing_event")
        assert ledger(stand, erp) == {AR: 1_500_000, TAX: -250_000, DEFERRED: -1_250_000}
        assert (await recognised(stand, "2026-10"))["amount"] == "12500.00"
        assert ledger(stand, erp) == {AR: 1_500_000, TAX: -250_000, REVENUE: -1_250_000}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))
