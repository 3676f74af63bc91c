"""Freezes: what the router held is told by sender; what somebody posts beside it is found, and stops the cutover."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.freeze.beside import NAME
from cutover.proving.tiny import WAVES, rehearse_tiny
from cutover.rehearsal import rehearse as rehearsing
from cutover.rehearsal.world import World
from cutover.report.html import render
from router.connectors.netsuite.signing import TokenCredentials, authorization
from router.model import SystemId

JOURNAL = "/services/rest/record/v1/journalEntry"
ENTRY = {
    "externalId": "HAND-1",
    "subsidiary": {"id": "2"},
    "currency": {"refName": "USD"},
    "tranDate": "2026-10-31",
    "memo": "Year-end bonus, by hand",
    "line": {
        "items": [
            {"account": {"refName": "400000"}, "debit": "250.00"},
            {"account": {"refName": "140000"}, "credit": "250.00"},
        ]
    },
}
CLERK = TokenCredentials(
    consumer_key="ck",
    consumer_secret="cs",
    token_id="clerk",
    token_secret="hers",
)


async def post_by_hand(world: World, at: datetime, said: list[int]) -> None:
    """Somebody with a token of her own posts a ledger entry in the new ERP."""
    await world.clock.sleep_until(at)
    client, address = world.network.client(SystemId("netsuite")), world.address("netsuite") + JOURNAL
    header = authorization(
        CLERK,
        realm=str(
            world.options.landscape.systems[SystemId("netsuite")].options.get("account", "1234567_SB1")
        ),
        method="POST",
        address=address,
        query=(),
        nonce="once",
        timestamp=int(world.clock.now().timestamp()),
    )
    answer = await client.post(
        address,
        content=orjson.dumps(ENTRY),
        headers={"authorization": header, "content-type": "application/json"},
    )
    said.append(answer.status_code)


def rehearsed_with_a_clerk(folder: Path, at: datetime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiny cutover in which a clerk posts by hand at an instant."""
    said: list[int] = []

    class Watched(World):
        async def start(self) -> None:
            await super().start()
            if self.lives == 1:
                await self.seed(
                    {
                        "netsuite": {
                            "credentials": {"tokens": {"clerk": "hers"}, "users": {"clerk": "A. Clerk"}}
                        }
                    }
                )
                self.clerk = asyncio.create_task(post_by_hand(self, at, said))

    monkeypatch.setattr(rehearsing, "World", Watched)
    done = rehearse_tiny(folder)
    assert said == [204]
    return done.report


def gates(report: Any) -> dict[str, str]:
    """The gate's verdict by step."""
    return {row["step"]: row["verdict"] for row in report["gates"] if row["name"] == NAME}


def test_a_posting_by_hand_during_the_freeze_stops_the_cutover_and_names_who(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate of the frozen wave fails, the other passes; report and page say who posted what and when."""
    at = datetime(2026, 10, 31, 9, 0, 5, tzinfo=UTC)
    report = rehearsed_with_a_clerk(tmp_path, at, monkeypatch)
    assert gates(report) == {"uk-reconcile": "pass", "us-reconcile": "fail"}
    assert report["verdict"] == "no-go"
    assert any(NAME in reason for reason in report["because"])
    row = next(one for one in report["freezes"] if one["wave"] == "us")
    (posted,) = row["beside"]
    assert (posted["by"], posted["system"], posted["external_id"]) == ("A. Clerk", "netsuite", "HAND-1")
    assert posted["at"].startswith("2026-10-31T09:00:05")
    assert "A. Clerk" in render(report)


def test_a_posting_before_the_freeze_is_nobodys_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People may post until the freeze; what the router held in it is told by sender, kind and time."""
    at = datetime(2026, 10, 31, 8, 50, tzinfo=UTC)
    report = rehearsed_with_a_clerk(tmp_path, at, monkeypatch)
    assert set(gates(report).values()) == {"pass"}
    assert [one["wave"] for one in report["freezes"]] == sorted(WAVES, reverse=True)
    uk = next(one for one in report["freezes"] if one["wave"] == "uk")
    assert uk["beside"] == []
    assert uk["beside_asked"] == ["netsuite", "sap_ecc"]
    assert uk["held"] == sum(one["count"] for one in uk["held_by"]) > 0
    for one in uk["held_by"]:
        assert uk["from"] <= one["first"] <= one["last"] < uk["until"]
        assert one["client"]
        assert one["source"]
