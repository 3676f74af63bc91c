"""What the commands print, and to whom: a reader that goes away ends them quietly, JSON is JSON."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from router.clock import WallClock
from router.journal.journal import Journal
from router.journal.periods import PeriodMark
from tests.integration.router_stand import Stand, event, on_stand


def unread(*words: str) -> tuple[int, str]:
    """Exit code and complaints of a command whose reader has gone before it prints."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cutover", *words],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    return done.returncode, done.stderr


def test_events_end_quietly_when_nobody_reads_on(tmp_path: Path) -> None:
    """`coexist events | head`: exit code 0, not a word."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"

    async def closed() -> None:
        journal = Journal.open(url, clock=WallClock())
        try:
            mark = PeriodMark(
                legal_entity="UK01", period="2026-10", state="closed", by="ann", why="month end", detail={}
            )
            await journal.mark_period(mark)
        finally:
            journal.close()

    asyncio.run(closed())
    assert unread("events", "--database", url) == (0, "")


def test_a_refusal_still_says_so_when_nobody_reads() -> None:
    """The error goes to standard error with its exit code: only the lost output is no error."""
    code, said = unread("schema", "nothing")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("coexist: ")


@pytest.mark.parametrize("asked", [1, 2])
def test_a_replay_tells_what_became_of_each_as_json(tmp_path: Path, asked: int) -> None:
    """What its ERP had refused is on its way again; a posted one beside it has nothing to send: exit 1."""
    names: list[str] = []

    async def story(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
        books.close_period("UK01", "2026-10")
        names.append((await stand.post(event("time_entry"))).json()["transaction_id"])
        await stand.settled()
        names.extend(row["transaction_id"] for row in await stand.of_kind("customer"))

    on_stand(tmp_path, story)
    words = ["replay", *names[:asked], "--by", "ann", "--why", "re-opened", "--json"]
    done = CliRunner().invoke(app, [*words, "--database", f"sqlite:///{tmp_path}/journal.sqlite"])
    told = orjson.loads(done.stdout)
    assert done.exit_code == (0 if asked == 1 else 1)
    assert (told["asked"], told["sent_again"]) == (asked, 1)
    states = [(row["kind"], row["document_id"], row["state"]) for row in told["transactions"]]
    assert states == [("time_entry", "TE-100", "queued"), ("customer", "C-100", "posted")][:asked]
