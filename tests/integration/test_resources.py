"""People: payroll runs, utilisation, backlog, and assignments of those who leave; through the API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.router_stand import START, Stand, event, on_stand

SPLIT = {
    "line": 1, "bills": "milestones", "description": "Fee", "tax_code": "GB-STD", "service_line": "CONSULTING",
    "fee": "25000.00",
}  # fmt: skip


async def send(stand: Stand, kind: str, document_id: str, /, **fields: Any) -> dict[str, Any]:
    """Send the example of a kind under an id; the first answer."""
    told_again = f"{kind} {document_id} {sorted(fields.items())}"
    answer = await stand.post(event(kind, told_again, **fields, document_id=document_id))
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def until(day: int) -> None:
    """Let time pass to the morning of a day of November 2026."""
    then = datetime(2026, 11, day, 9, tzinfo=UTC)
    await asyncio.sleep((then - START).total_seconds())


def test_work_approved_after_the_cut_off_is_paid_with_the_next_run(tmp_path: Path) -> None:
    """Cut-off on the 25th, today the 30th: October's hours are November's pay, with November's own.

    A correction approved later lowers the run it was approved for; every entry is in one run.
    """

    async def test(stand: Stand) -> None:
        await send(stand, "resource", "R-100")
        await send(stand, "resource", "R-2", legal_entity="DE01", name="D. Dietrich")
        await send(stand, "time_entry", "TE-1", minutes=440)
        await send(stand, "time_entry", "TE-2", minutes=100, resource_id="R-2")
        await send(
            stand, "time_entry", "TE-3", minutes=60, work_date="2026-11-02", accounting_date="2026-11-02"
        )
        await until(27)
        await send(stand, "time_entry", "TE-4", minutes=-40, adjusts="TE-1", accounting_date="2026-11-27")
        october = await stand.get("/v1/payroll?entity=UK01&period=2026-10")
        assert (october["people"], october["cut_off"], october["final"]) == ([], "2026-10-25", True)
        november = await stand.get("/v1/payroll?entity=UK01&period=2026-11")
        assert november["people"] == [
            {"resource_id": "R-100", "name": "B. Baker", "minutes": 500, "late_minutes": 440, "entries": ["TE-1", "TE-3"]}
        ]  # fmt: skip
        december = await stand.get("/v1/payroll?entity=UK01&period=2026-12")
        assert [row["minutes"] for row in december["people"]] == [-40]
        assert december["final"] is False
        (other,) = (await stand.get("/v1/payroll?entity=DE01&period=2026-11"))["people"]
        assert (other["resource_id"], other["minutes"]) == ("R-2", 100), (
            "paid by the employer, wherever it was worked"
        )
        assert november["unknown_people"] == []
        await send(stand, "time_entry", "TE-5", minutes=50, resource_id="R-9", accounting_date="2026-11-27")
        december = await stand.get("/v1/payroll?entity=UK01&period=2026-12")
        assert december["unknown_people"] == [{"resource_id": "R-9", "minutes": 50, "entries": ["TE-5"]}], (
            "whom nobody has sent is not left out in silence"
        )

    on_stand(tmp_path, test, work=False)


def test_work_that_was_parked_is_paid_with_the_run_of_its_completion(tmp_path: Path) -> None:
    """Sent on 30 October and parked, completed on 28 November: November's run is over, December's pays."""

    def waits(data: dict[str, Any]) -> None:
        data["calendars"]["monthly"]["late"] = "reopen"

    async def test(stand: Stand) -> None:
        await send(stand, "resource", "R-100")
        path = "/v1/periods/UK01/2026-10"
        assert (await stand.post({"why": "month end"}, f"{path}:close")).status_code == 200
        told = await send(stand, "time_entry", "TE-1", minutes=440)
        await until(28)
        november = await stand.get("/v1/payroll?entity=UK01&period=2026-11")
        assert (november["people"], november["final"]) == ([], True)
        await stand.post({"why": "late work", "by": "ann", "approved_by": "bob"}, f"{path}:reopen")
        ids = [told["transaction_id"]]
        assert await stand.router.replays.replay(ids, route="again", by="ann", why="re-opened") == 1
        assert await stand.get("/v1/payroll?entity=UK01&period=2026-11") == november
        (paid,) = (await stand.get("/v1/payroll?entity=UK01&period=2026-12"))["people"]
        assert (paid["minutes"], paid["late_minutes"], paid["entries"]) == (440, 440, ["TE-1"])

    on_stand(tmp_path, test, work=False, landscape=waits)


def test_who_moves_to_another_employer_is_paid_by_each_for_their_days(tmp_path: Path) -> None:
    """October's hours stay in UK01's run, though DE01 employs the person from 1 December on."""

    async def test(stand: Stand) -> None:
        await send(stand, "resource", "R-100")
        await send(stand, "time_entry", "TE-1", minutes=440)
        await until(28)
        before = await stand.get("/v1/payroll?entity=UK01&period=2026-11")
        assert [row["minutes"] for row in before["people"]] == [440]
        await send(stand, "resource", "R-100", legal_entity="DE01", accounting_date="2026-12-01")
        day = {"work_date": "2026-12-01", "accounting_date": "2026-12-01"}
        await send(stand, "time_entry", "TE-2", minutes=60, **day)
        assert await stand.get("/v1/payroll?entity=UK01&period=2026-11") == before
        assert (await stand.get("/v1/payroll?entity=DE01&period=2026-11"))["people"] == []
        assert (await stand.get("/v1/payroll?entity=UK01&period=2026-12"))["people"] == []
        (paid,) = (await stand.get("/v1/payroll?entity=DE01&period=2026-12"))["people"]
        assert (paid["minutes"], paid["entries"]) == (60, ["TE-2"])

    on_stand(tmp_path, test, work=False)


def test_utilisation_by_person_department_practice_and_employer(tmp_path: Path) -> None:
    """October has 22 working days: 10,560 minutes of 40 hours a week; 440 billable are 417 basis points."""

    async def test(stand: Stand) -> None:
        await send(stand, "resource", "R-100")
        await send(stand, "resource", "R-2", legal_entity="DE01", department="SUPPORT", weekly_minutes=1200)
        await send(stand, "time_entry", "TE-1")
        await send(stand, "time_entry", "TE-2", resource_id="R-2", billable=False, practice="CLOUD")
        found = await stand.get("/v1/resources/utilisation?period=2026-10")
        assert [
            (
                row["resource_id"],
                row["billable_minutes"],
                row["capacity_minutes"],
                row["utilisation_basis_points"],
            )
            for row in found["people"]
        ] == [("R-100", 440, 10_560, 417), ("R-2", 0, 5_280, 0)]
        assert [(row["department"], row["minutes"]) for row in found["by_department"]] == [
            ("DELIVERY", 440), ("SUPPORT", 440),
        ]  # fmt: skip
        assert [(row["practice"], row["minutes"]) for row in found["by_practice"]] == [
            ("ADVISORY", 440), ("CLOUD", 440),
        ]  # fmt: skip
        assert [row["legal_entity"] for row in found["by_legal_entity"]] == ["DE01", "UK01"]
        only = await stand.get("/v1/resources/utilisation?period=2026-10&entity=DE01")
        assert [row["resource_id"] for row in only["people"]] == ["R-2"]

    on_stand(tmp_path, test, work=False)


def test_the_backlog_is_what_was_sold_less_what_was_billed(tmp_path: Path) -> None:
    """A fee of 25,000.00 with 12,500.00 billed leaves 12,500.00; 28,800 planned minutes less 440 worked."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer")
        await send(stand, "contract", "K-100", billing="fixed_fee", lines=[SPLIT], ends="2026-12-31")
        await send(stand, "project", "P-100")
        await send(stand, "assignment", "AS-100")
        await send(stand, "milestone", "MS-100")
        await send(stand, "time_entry", "TE-100")
        await send(stand, "billing_event", "BE-100", milestone_ids=["MS-100"])
        await asyncio.sleep(300)  # CRM and PSA don't know the project, so telling them never settles
        found = await stand.get("/v1/backlog?entity=UK01")
        (row,) = found["contracts"]
        assert (row["value"], row["billed"], row["backlog"]) == ("25000.00", "12500.00", "12500.00")
        assert (row["planned_minutes_left"], row["department"], row["cost_center"]) == (
            28_360,
            "DELIVERY",
            "CC-UK01",
        )
        assert found["by_practice"] == [
            {"practice": "ADVISORY", "currency": "GBP", "backlog": "12500.00", "planned_minutes_left": 28_360,
             "open_ended_contracts": 0}
        ]  # fmt: skip
        assert (await stand.get("/v1/backlog?entity=DE01"))["contracts"] == []

    on_stand(tmp_path, test)


def test_an_assignment_of_somebody_who_leaves_is_parked(tmp_path: Path) -> None:
    """It names the person, the day and both mends; the date put right in the HCM, a replay takes it."""

    async def test(stand: Stand) -> None:
        await send(stand, "assignment", "AS-1", resource_id="R-9")
        await send(stand, "resource", "R-100", left_on="2026-11-30")
        told = await send(stand, "assignment", "AS-100")
        found = await stand.get(told["status_url"])
        assert (found["state"], found["document"]) == ("parked", None)
        assert "B. Baker (R-100) leaves UK01 on 2026-11-30, before 2026-12-31" in found["problem"]
        await send(stand, "assignment", "AS-2", ends="2026-11-30")
        await send(stand, "resource", "R-100", left_on="2026-12-31")
        ids = [told["transaction_id"]]
        assert await stand.router.replays.replay(ids, route="again", by="pmo", why="date corrected") == 1
        await send(stand, "resource", "R-100", left_on="2026-10-31")
        leaving = (await stand.get("/v1/backlog"))["leaving"]
        assert [row["assignment_id"] for row in leaving] == ["AS-100", "AS-2"]
        states = [row["state"] for row in await stand.of_kind("assignment")]
        assert states == ["queued", "queued", "queued"], "one of an unknown person waits for the person"

    on_stand(tmp_path, test, work=False)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/payroll?period=2026-10", "entity: is missing"),
        ("/v1/payroll?entity=UK01", "period: is missing"),
        ("/v1/payroll?entity=UK01&period=October", "is no month"),
        ("/v1/payroll?entity=ZZ&period=2026-10", "there is no 'ZZ'"),
        ("/v1/resources/utilisation?period=2026-99", "is no fiscal period"),
        ("/v1/resources/utilisation?period=2026-10&entity=ZZ", "there is no 'ZZ'"),
        ("/v1/backlog?entity=ZZ", "there is no 'ZZ'"),
        ("/v1/intercompany", "period: is missing"),
        ("/v1/periods", "entity: is missing"),
    ],
)
def test_bad_questions_are_refused_in_words(tmp_path: Path, path: str, said: str) -> None:
    """Each names the parameter."""

    async def test(stand: Stand) -> None:
        answer = await stand.http.get(path)
        assert answer.status_code == 422
        assert said in answer.json()["detail"]

    on_stand(tmp_path, test, work=False)
