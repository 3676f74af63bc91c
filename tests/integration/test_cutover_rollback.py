"""Going back live: one kind, then one entity, on the word of two people; the rest of the wave stays in the new ERP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from cutover.cli.cutover import app
from cutover.cli.rollback import gone, scope_of, told
from cutover.live.going_back import GoBack, go_back, note_rehearsal
from cutover.live.run import Order, run_id_of, run_live
from cutover.plan.model import Plan
from cutover.plan.steps import Thresholds
from cutover.rollback.asking import priced
from cutover.rollback.door import RouterWayBack
from cutover.runner.controls import RouterControls
from cutover.runner.results import StepFailed, WayBack
from cutover.runner.steps.rolling_back import rehearsed
from router.errors import BadInput, FourEyes, InProgress, NotFound, Refused
from router.journal.journal import Journal
from router.journal.run_words import Said
from tests.integration.router_stand import START, Stand, event, on_stand

MASTERS = ("resource", "rate_card", "customer", "contract", "project")


def plan_of(name: str = "pair") -> Plan:
    """Two entities in one wave, switched with the old ERP kept fed."""
    steps: list[dict[str, Any]] = []
    for kind in ("dual_run", "arm", "freeze", "drain", "switch", "release"):
        after = [steps[-1]["id"]] if steps else []
        more = {"reverse": True} if kind == "switch" else {}
        steps.append({"id": kind.replace("_", "-"), "kind": kind, "wave": "both", "after": after, **more})
    end = START + timedelta(days=2)
    return Plan.model_validate(
        {
            "name": name, "start": START, "end": end, "window": {"opens": START, "closes": end},
            "from": "sap_ecc", "to": "netsuite",
            "waves": [{"id": "both", "entities": ["UK01", "US01"]}], "steps": steps,
        }
    )  # fmt: skip


class Weekend:
    """A stand with the plan run live on it."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.plan = plan_of()
        self.run_id = run_id_of(self.plan)
        self.clock = stand.router.close._clock

    def controls(self, journal: Journal) -> RouterControls:
        """Under the lease of the run, as the command makes them."""
        router = self.stand.router
        return RouterControls(
            journal=journal,
            tables=router.tables,
            dual_run=router.dual_run,
            clock=self.clock,
            way_back=RouterWayBack(router, clock=self.clock, journal=journal),
        )

    async def switched(self) -> None:
        """Run the plan to its end."""
        journal = self.stand.router.journal
        await self.stand.posted(*MASTERS)
        await journal.say(self.run_id, Said(word="approve", by="bob", digest=self.plan.digest()))
        order = Order(plan=self.plan, run_id=self.run_id, by="ann", holder="test")
        assert await run_live(order, journal=journal, controls=self.controls)

    async def work(self, kind: str, name: str, **changed: Any) -> tuple[str, list[tuple[str, str]]]:
        """Accept a document; its authority, and its deliveries once all is settled."""
        answer = await self.stand.post(event(kind, name, document_id=name, **changed))
        assert answer.status_code == 202, answer.text
        await self.stand.settled()
        return await self.placed(answer.json()["transaction_id"])

    async def placed(self, transaction_id: str) -> tuple[str, list[tuple[str, str]]]:
        """The authority of a transaction, and (system, role) of each of its deliveries to an ERP, all posted."""
        found = await self.stand.router.journal.transaction(transaction_id)
        assert found is not None
        jobs = [job for job in found["jobs"] if job["role"] != "feedback"]
        assert {job["state"] for job in jobs} == {"posted"}, jobs
        return found["authority"], sorted((job["target"], job["role"]) for job in jobs)

    async def back(
        self, by: str = "ann", approved_by: str = "bob", why: str = "too slow", **changes: Any
    ) -> WayBack:
        """Go back with some of the wave."""
        given: dict[str, Any] = {"plan": self.plan, "run_id": self.run_id, "wave": "both", **changes}
        order = GoBack(by=by, approved_by=approved_by, why=why, holder=f"{by} at a desk", **given)
        return await go_back(order, journal=self.stand.router.journal, controls=self.controls)


LIVE = ("netsuite", [("netsuite", "authority"), ("sap_ecc", "shadow")])
HOME = ("sap_ecc", [("netsuite", "shadow"), ("sap_ecc", "authority")])


def test_a_kind_and_then_an_entity_go_back_alone(tmp_path: Path) -> None:
    """Each document is where its kind and entity are, before and after; what is accepted next follows."""

    async def test(stand: Stand) -> None:
        weekend = Weekend(stand)
        await weekend.switched()
        assert await weekend.work("time_entry", "T-1") == LIVE
        assert await weekend.work("milestone", "M-1") == LIVE
        us = {"legal_entity": "US01", "region": "AMER"}
        assert await weekend.work("customer", "C-US", **us) == LIVE
        door = RouterWayBack(stand.router, clock=weekend.clock)
        scope = scope_of(weekend.plan, "both", "", "UK01")
        cost = await priced(door, scope, old=weekend.plan.source, new=weekend.plan.target)
        assert (cost.count("armed"), len(cost.fates)) == (2, 2)
        assert any("2 armed" in line for line in told({**cost.to_json(), "wave": "both", "entities": ["UK01"], "from": "netsuite", "to": "sap_ecc"}))  # fmt: skip

        done = await weekend.back(kinds=("time_entry",), entities=("UK01",))
        assert done.evidence["moved"] == {"swapped": 1, "entered": 0, "copied": 0, "caught_up": 0}
        assert done.evidence["ok"], done.evidence["gates"]
        assert await weekend.work("time_entry", "T-2") == HOME
        assert await weekend.work("milestone", "M-2") == LIVE

        done = await weekend.back(entities=("UK01",))
        assert done.evidence["moved"]["swapped"] == 2
        assert gone(done.evidence)[-1] == "both ERPs agree"
        assert await weekend.work("milestone", "M-3") == HOME
        assert await weekend.work("customer", "C-US-2", **us) == LIVE
        (first,) = [row for row in await stand.of_kind("milestone") if row["document_id"] == "M-1"]
        assert await weekend.placed(first["transaction_id"]) == HOME

        with pytest.raises(StepFailed, match="nothing to roll back"):
            await weekend.back(entities=("UK01",))

    on_stand(tmp_path, test)


def test_the_command_says_the_price_and_changes_nothing(tmp_path: Path) -> None:
    """Without --live it only reads: exit code 0 where all comes home, a clear line for a wave there is not."""

    async def test(stand: Stand) -> None:
        weekend = Weekend(stand)
        await weekend.switched()
        assert await weekend.work("time_entry", "T-1") == LIVE
        assert await weekend.work("milestone", "M-1") == LIVE

    on_stand(tmp_path, test)
    file, database = tmp_path / "pair.yaml", f"sqlite:///{tmp_path}/journal.sqlite"
    file.write_text(yaml.safe_dump(plan_of().model_dump(mode="json", by_alias=True, exclude_defaults=True)))
    asked = ["rollback", str(file), "--wave", "both", "--database", database]
    before = (tmp_path / "journal.sqlite").read_bytes()
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "2 armed: their copy stands in sap_ecc, nothing is sent" in told.output
    price = orjson.loads(CliRunner().invoke(app, [*asked, "--kinds", "milestone", "--json"]).output)
    assert (price["armed"], price["rows"][0]["amount"], price["rows"][0]["currency"]) == (
        1,
        "12500.00",
        "GBP",
    )
    wrong = CliRunner().invoke(app, [*asked[:3], "neither", *asked[4:]])
    assert "there is no" in str(wrong.exception) or "has no wave 'neither'" in str(wrong.exception)
    assert (tmp_path / "journal.sqlite").read_bytes() == before


def test_going_back_needs_two_people_a_reason_and_the_run_to_stand_still(tmp_path: Path) -> None:
    """One person, no reason, another plan, a run nobody began, or one whose runner lives: refused, nothing moves."""

    async def test(stand: Stand) -> None:
        weekend = Weekend(stand)
        with pytest.raises(NotFound, match="there is no run"):
            await weekend.back()
        await weekend.switched()
        before = dict(await stand.router.journal.epochs())
        for by, approved_by in (("ann", "ANN "), ("ann", ""), ("", "bob")):
            with pytest.raises(FourEyes):
                await weekend.back(by, approved_by)
        with pytest.raises(BadInput, match="reason"):
            await weekend.back(why=" ")
        with pytest.raises(Refused, match="begun with plan"):
            await weekend.back(plan=plan_of().model_copy(update={"title": "another"}))
        token = await stand.router.journal.lease_run(weekend.run_id, holder="a runner", lease_s=30)
        with pytest.raises(InProgress):
            await weekend.back()
        await stand.router.journal.leave_run(weekend.run_id, token)
        assert dict(await stand.router.journal.epochs()) == before

    on_stand(tmp_path, test)


def test_a_rehearsed_rollback_is_evidence_for_this_very_plan_only(tmp_path: Path) -> None:
    """Of another plan, not turned back, or too old: never a pass."""

    async def test(stand: Stand) -> None:
        journal, plan = stand.router.journal, plan_of()
        clock, digest = stand.router.close._clock, plan.digest()

        async def gate(minutes: int = 0) -> tuple[str, str]:
            now = clock.now() + timedelta(minutes=minutes)
            found = rehearsed(await journal.steps("r"), digest, now, Thresholds())
            return found.verdict, found.measured

        async def note(report: dict[str, Any]) -> dict[str, Any]:
            return await note_rehearsal(report, plan=plan, run_id="r", journal=journal, clock=clock, by="ann")

        assert (await gate())[0] == "inconclusive"
        with pytest.raises(BadInput, match="not of a rehearsal that was turned back"):
            await note({"plan": {"digest": digest}, "rollback": {"done": []}})
        with pytest.raises(BadInput, match="not of a rehearsal that was turned back"):
            await note({"plan": 5, "rollback": []})
        turned = {"turned_back": {"after": "release"}}
        with pytest.raises(BadInput, match="the report is of plan 0000"):
            await note({"plan": {"digest": "0" * 64}, "verdict": "rolled-back", "rollback": turned})
        await note({"plan": {"digest": digest}, "verdict": "no-go", "rollback": turned})
        assert (await gate())[0] == "fail"
        await note({"plan": {"digest": digest}, "verdict": "rolled-back", "seed": 7, "rollback": turned})
        assert await gate() == ("pass", "rolled-back after release")
        assert (await gate(24 * 60))[0] == "inconclusive"

    on_stand(tmp_path, test)
