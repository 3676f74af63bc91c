"""What was posted is put right: re-opened timesheets, credit and re-bill, write-offs, with both ERPs' ledgers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_workflows import ERPS, PSA, approve, at_work, polled, refused, to, worked

WIP, UNBILLED = "140000", "410000"


def ledger(stand: Stand, erp: str, entity: str = "UK01") -> dict[str, int]:
    """Account → balance in pence in an ERP's books, debit positive; accounts that stand at nothing left out."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    found: dict[str, int] = books.ledger.base_balance(entity)
    return {account: minor for account, minor in found.items() if minor}


async def re_opened(stand: Stand, submission: str) -> None:
    """An approver takes back the approval of a timesheet: its rows can be changed again."""
    path = f"{PSA}/timesheet_submissions/{submission}/cancel"
    await stand.person("kantata", "PUT", path, {"resolution": {"description": "wrong day"}})


async def changed(stand: Stand, entry: str, **fields: Any) -> None:
    """Somebody edits a row."""
    await stand.person("kantata", "PUT", f"{PSA}/time_entries/{entry}", {"time_entry": fields})


async def documents(stand: Stand, kind: str = "time_entry") -> list[tuple[Any, ...]]:
    """Id, state, minutes and what it corrects of every transaction of a kind, in order of acceptance."""
    found = []
    for row in await stand.of_kind(kind):
        told = await stand.get(f"/v1/transactions/{row['transaction_id']}")
        document = told["document"] or {}
        found.append(
            (document.get("document_id"), told["state"], document.get("minutes"), document.get("adjusts"))
        )
    return found


@pytest.mark.parametrize(("erp", "worth"), [("sap_ecc", 109_950), ("netsuite", 110_000)])
def test_a_re_opened_timesheet_is_reversed_and_posted_anew(tmp_path: Path, erp: str, worth: int) -> None:
    """Three rows, re-opened: one edited, one deleted, one as it was, one added; the ledger is what is right now.

    At 150.00 an hour 60 minutes are 150.00, 90 are 225.00, 30 are 75.00; 440 are 1100.00 or, where an
    ERP keeps hundredths of hours, 7.33 of them: 1099.50.
    """

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        await at_work(stand)
        edited, deleted = await worked(stand, minutes=440), await worked(stand, minutes=60)
        same = await worked(stand, minutes=90)
        sheet = await approve(stand, edited, deleted, same)
        await polled(stand)
        before = worth + 15_000 + 22_500
        assert ledger(stand, erp) == {WIP: before, UNBILLED: -before}
        await re_opened(stand, sheet)
        await polled(stand)
        assert ledger(stand, erp) == {WIP: before, UNBILLED: -before}, "posted until decided anew"
        await changed(stand, edited, time_in_minutes=30)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{deleted}", {})
        await approve(stand, edited, same, await worked(stand, minutes=60))
        await polled(stand)
        assert sorted(await documents(stand)) == sorted(
            [
                (f"TE-{edited}", "posted", 440, None),
                (f"TE-{deleted}", "posted", 60, None),
                (f"TE-{same}", "posted", 90, None),
                (f"TE-{edited}.r1", "posted", -440, f"TE-{edited}"),
                (f"TE-{edited}.v2", "posted", 30, f"TE-{edited}"),
                (f"TE-{deleted}.r1", "posted", -60, f"TE-{deleted}"),
                (f"TE-{int(same) + 1}", "posted", 60, None),
            ]
        )
        assert ledger(stand, erp) == {WIP: 45_000, UNBILLED: -45_000}, "75.00 + 225.00 + 150.00"
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))
