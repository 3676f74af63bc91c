"""Exceptions that are mended in a file the gateway reads when it starts: mended, restarted, replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.landscape import default_file
from tests.integration.router_stand import START, Stand, stand
from tests.integration.test_exceptions import MASTERS, SAP, sent
from tests.integration.test_exceptions_followed import (
    Follow,
    Options,
    as_told,
    fixed,
    nothing,
    nothing_left,
    posted,
    told,
)


def without_average(data: dict[str, Any]) -> None:
    """The month's average rates are not published yet."""
    data["fx_rates"] = [row for row in data["fx_rates"] if row["type"] != "average"]


async def fx_rate_missing(at: Stand) -> None:
    # A bill in dollars waits for its milestone; when that has come, the rate is what is missing.
    await sent(at, "rate_card", "resource")
    await sent(at, "customer", currency="USD")
    await sent(at, "contract", billing="fixed_fee", currency="USD", rate_type="average", rate_card_id=None,
               lines=[fixed("5000.00")])  # fmt: skip
    await sent(at, "project", currency="USD")
    await sent(at, "billing_event", currency="USD", milestone_ids=["MS-100"])
    await sent(at, "milestone", currency="USD", amount="1000.00")
    await asyncio.sleep(60)


async def then_published(at: Stand) -> None:
    (invoice,) = await at.of_kind("invoice")
    document = (await at.get(f"/v1/transactions/{invoice['transaction_id']}"))["document"]
    assert (document["currency"], document["net"]) == ("USD", "1000.00")
    (bill,) = await at.of_kind("billing_event")
    document = (await at.get(f"/v1/transactions/{bill['transaction_id']}"))["document"]
    assert document["exchange_rate"].startswith("0.762"), "1 / 1.3119"


async def erp_unmapped(at: Stand) -> None:
    await sent(at, *MASTERS[:4])
    await sent(at, "project", department="SUPPORT")


async def then_mapped(at: Stand) -> None:
    await posted(at, "project", "P-100")


VERSION_2 = (
    "  - {version: 2, published: 2026-01-02, codes: {departments: {DELIVERY: '10', ENGINEERING: '30'}}}\n"
)
VERSION_3 = "  - {version: 3, published: 2026-10-31, codes: {departments: {SUPPORT: '40'}}}\n"


def mapped(folder: Path, *versions: str) -> Callable[[dict[str, Any]], None]:
    """The legacy ERP's mapping with versions of our own."""
    file = folder / "sap_ecc.yaml"
    file.write_text(default_file("mappings/sap_ecc.yaml").text + "".join(versions))

    def landscape(data: dict[str, Any]) -> None:
        data["systems"]["sap_ecc"]["mapping"] = str(file)

    return landscape


RESTARTED: Mapping[str, tuple[Follow, Options, Options, Follow]] = {
    "fx-rate-missing": (
        fx_rate_missing, lambda _: {"landscape": without_average}, nothing, then_published,
    ),
    "erp-unmapped": (
        erp_unmapped,
        lambda folder: {"landscape": mapped(folder, VERSION_2)},
        lambda folder: {"landscape": mapped(folder, VERSION_2, VERSION_3)},
        then_mapped,
    ),
}  # fmt: skip
"""What is produced, under which landscape, under which it is mended, and what must have come of it."""


@pytest.mark.parametrize("name", RESTARTED)
def test_a_mended_file_a_restart_and_a_replay_leave_nothing(tmp_path: Path, name: str) -> None:
    """The file is mended as the page says, the gateway restarted over the same systems, the replay goes through."""
    produce, before, after, check = RESTARTED[name]

    async def main(clock: VirtualClock) -> None:
        async with stand(tmp_path, clock, routes=SAP, **before(tmp_path)) as first:
            await produce(first)
            row = await told(first, name)
            assert "restart" in row["guidance"]["mend"]
        async with stand(tmp_path, clock, routes=SAP, simulators=first.simulators, **after(tmp_path)) as at:
            await as_told(at, row)
            await nothing_left(at)
            await check(at)

    run(main, start=START)
