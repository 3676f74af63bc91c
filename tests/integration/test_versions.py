"""Versions: first versions of events and stored documents stay readable; a replay says which mapping it is by."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import yaml
from alembic import command
from typer.testing import CliRunner

from cutover.cli import app
from router.canonical.examples import example
from router.canonical.masters import Contract, Resource
from router.connectors.port import Delivery
from router.journal import migrate
from router.journal.journal import Journal
from router.landscape import default_file
from tests.contract.journal_kit import OLD, Hands, claim, routes, submission, with_tables
from tests.integration.router_stand import Stand, event, on_stand

LINE_V1 = {
    "line": 1, "bills": "time", "description": "Time", "tax_code": "GB-STD", "service_line": "CONSULTING", "amount": "900.00",
}  # fmt: skip
FEE_V1 = {**LINE_V1, "line": 2, "bills": "milestones", "description": "Design", "amount": "12500.00"}


def v1(kind: str, **changed: Any) -> dict[str, Any]:
    """An event of a kind's first version."""
    made = event(kind, **changed)
    return made | {"type": made["type"].rpartition(".")[0] + ".v1"}


def test_events_of_first_versions_are_taken_and_shown_as_the_newest(tmp_path: Path) -> None:
    """A contract and a person of v1: accepted, posted, and read back as v2; a repeat is a replay."""

    async def story(stand: Stand) -> None:
        await stand.posted("customer", "rate_card")
        contract = v1("contract", lines=[LINE_V1, FEE_V1])
        person = v1("resource", cost_rate="70.00", cost_rates=None)
        for body in (contract, person):
            answer = await stand.post(body)
            assert answer.status_code == 202, answer.text
            assert (await stand.post(body)).status_code == 200
        await stand.settled()
        found = await stand.get("/v1/documents/contract/K-100")
        assert [(line.get("cap"), line.get("fee")) for line in found["lines"]] == [
            ("900.00", None),
            (None, "12500.00"),
        ]
        found = await stand.get("/v1/documents/resource/R-100")
        assert found["cost_rates"] == [{"hourly": "70.00", "starts": "2026-10-30"}]
        assert [row["state"] for row in await stand.of_kind("contract")] == ["posted"]

        old = await stand.get("/v1/schemas/contract/v1")
        assert old["$id"] == "urn:coexist:schema:contract:v1"
        assert "amount" in old["$defs"]["ContractLine"]["properties"]
        new = await stand.get("/v1/schemas/contract/v2")
        assert "amount" not in new["$defs"]["ContractLine"]["properties"]
        assert (await stand.http.get("/v1/schemas/contract/v3")).status_code == 404

    on_stand(tmp_path, story)


def mapped(folder: Path) -> Callable[[dict[str, Any]], None]:
    """A landscape whose legacy ERP learns the tax code GB-STD only with a mapping of November."""
    data = yaml.safe_load(default_file("mappings/sap_ecc.yaml").text)
    for version in data["versions"]:
        code = version.get("codes", {}).get("tax_codes", {}).pop("GB-STD", None)
        assert code is None or version is data["versions"][0]
    newest = {"version": 99, "published": "2026-11-01", "codes": {"tax_codes": {"GB-STD": "A1"}}}
    path = folder / "sap_ecc.yaml"
    path.write_bytes(orjson.dumps({"versions": [*data["versions"], newest]}))

    def change(landscape: dict[str, Any]) -> None:
        landscape["systems"]["sap_ecc"]["mapping"] = str(path)

    return change


def test_a_replay_is_written_by_the_mapping_of_its_day_or_the_newest(tmp_path: Path) -> None:
    """Refused for a missing code; by the mapping of its day refused again, by the newest posted."""

    async def story(stand: Stand) -> None:
        await stand.posted("customer", "rate_card")
        answer = await stand.post(v1("contract", lines=[LINE_V1]))
        name = answer.json()["transaction_id"]

        async def state() -> tuple[str, str]:
            await stand.settled()
            found = await stand.get(f"/v1/transactions/{name}")
            return found["state"], found["jobs"][0]["code"]

        assert await state() == ("refused", "UNMAPPED")
        replay = stand.router.replays.replay
        assert await replay([name], route="pinned", mapping="day", by="ann", why="tried") == 1
        assert await state() == ("refused", "UNMAPPED")
        assert await replay([name], route="pinned", by="ann", why="mapped") == 1
        assert (await state())[0] == "posted"

    on_stand(tmp_path, story, landscape=mapped(tmp_path))


@pytest.mark.parametrize(("asked", "kept"), [([], '{"mapping":"newest"}'), (["--mapping", "day"], None)])
def test_the_command_line_says_which_mapping(tmp_path: Path, asked: list[str], kept: str | None) -> None:
    """`coexist replay` is by the newest mapping, with `--mapping day` by that of the day."""
    names: list[str] = []

    async def story(stand: Stand) -> None:
        await stand.posted("customer", "rate_card")
        names.append((await stand.post(v1("contract", lines=[LINE_V1]))).json()["transaction_id"])
        await stand.settled()

    on_stand(tmp_path, story, landscape=mapped(tmp_path))
    path = tmp_path / "journal.sqlite"
    arguments = [
        "replay",
        *names,
        "--by",
        "ann",
        "--why",
        "mapped",
        "--database",
        f"sqlite:///{path}",
        *asked,
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "1 of 1 will be sent again" in done.output
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT state, facts FROM jobs WHERE kind = 'contract'").fetchall()
    connection.close()
    assert rows == [("queued", kept)]


def test_a_delivery_says_by_which_day_it_is_written(tmp_path: Path) -> None:
    """The day of acceptance, not of delivery, until a replay by the newest; then none."""
    asked: list[Any] = []

    async def story(stand: Stand) -> None:
        answer = await stand.post(event("customer"))
        name = answer.json()["transaction_id"]
        connector = stand.router.connectors[OLD]
        post = connector.post

        async def recorded(deliveries: list[Delivery]) -> Any:
            asked.extend(one.mapping_of for one in deliveries)
            return await post(deliveries)

        connector.post = recorded  # type: ignore[method-assign, assignment]
        await asyncio.sleep(36 * 3600)  # accepted on a Friday, delivered on Saturday night
        task = asyncio.create_task(stand.router.work(feeds=False))
        await stand.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [day.isoformat() for day in asked] == ["2026-10-30"]
        assert (await stand.get(f"/v1/transactions/{name}"))["state"] == "posted"

    on_stand(tmp_path, story, work=False)


def first_release(made: Path, path: Path, stored: dict[str, Any]) -> None:
    """What is in a journal, as the first release would have left it: its tables, its documents."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as beginning:
        settings = migrate.config()
        settings.attributes["connection"] = beginning
        command.upgrade(settings, "0001")
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.execute("ATTACH DATABASE ? AS made", (str(made),))
    tables = [
        row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")
    ]
    for table in tables:
        if table not in ("alembic_version", "sqlite_sequence"):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM made.{table}")
    connection.execute("UPDATE main.transactions SET canonical = ?", (orjson.dumps(stored).decode(),))
    connection.commit()
    connection.close()


V1_CONTRACT = example("contract").model_dump(mode="json", exclude_none=True) | {"lines": [LINE_V1]}
V1_RESOURCE = {
    name: value
    for name, value in example("resource").model_dump(mode="json", exclude_none=True).items()
    if name not in ("cost_rates", "weekly_minutes")
} | {"cost_rate": "70.00"}


@pytest.mark.parametrize("stored", [V1_CONTRACT, V1_RESOURCE], ids=["contract", "resource"])
def test_what_the_first_release_stored_is_read(tmp_path: Path, stored: dict[str, Any]) -> None:
    """A file with documents of v1 opens: they are masters, and what of them waited is delivered, as v2."""
    made, path = tmp_path / "made.sqlite", tmp_path / "journal.sqlite"
    kind = stored["kind"]

    async def story() -> None:
        journal = Journal.open(f"sqlite:///{made}", clock=Hands(), decide=routes)
        await with_tables(journal)
        await journal.accept([submission(example(kind))])
        journal.close()
        first_release(made, path, stored)
        again = Journal.open(f"sqlite:///{path}", clock=Hands(), decide=routes)
        try:
            found = await again.master(kind, stored["document_id"])
            (lease,) = await claim(again)
            assert lease.jobs[0].document == found
            assert await again.masters(kind) == [found]
            if isinstance(found, Contract):
                assert str(found.lines[0].cap) == "900.00"
            else:
                assert isinstance(found, Resource)
                assert str(found.cost_rate) == "70.00"
        finally:
            again.close()

    asyncio.run(story())
