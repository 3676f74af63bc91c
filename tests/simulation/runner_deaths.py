"""A small cutover over real simulators, run by the live runner in virtual time, whose runner dies where a test likes.

The people are a script that reads the run's log as people read a screen: it works, reviews, approves and says done
at fixed points of the plan, so that what is posted does not depend on when a runner died. A runner that died is
replaced by another one as soon as the lease lets it; what a dead one had begun never ends.

`python -m tests.simulation.runner_deaths` tries every point of both stories, two at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cutover.gates.measuring import RouterMeasures
from cutover.live.run import Order, run_id_of, run_live
from cutover.live.standing import results_of
from cutover.plan.model import Plan
from cutover.runner.controls import RouterControls
from cutover.runner.port import Controls
from router.errors import InProgress
from router.journal.journal import Journal
from router.journal.run_words import Said, state_of
from tests.integration.router_stand import START, Stand, event, on_stand

Story = Literal["through", "given back"]
STORIES: tuple[Story, ...] = ("through", "given back")
MASTERS = ("resource", "rate_card", "customer", "contract", "project")
SEEN = ("publish", "switch", "load_masters", "open_lanes", "release", "compare", "record")
"""Calls that change something, or are long; between two of them a runner only looks."""
AGAIN = frozenset(
    {
        "polls",
        "masters",
        "released",
        "given_back",
        "table_version",
        "epochs",
        "comparison",
        "held_by",
        "unwound",
        "beside",
    }
)
"""Evidence that counts what this runner did, names which try it was, or has instants in it."""
MOST_S = 6 * 3600
SIDES = ("before", "after")
Point = tuple[Story, int, str]


class RunnerDied(BaseException):
    """The runner's process ends here."""


@dataclass
class Calls:
    """Counts the calls of all runners of a run, and kills one of them at one of them."""

    at: int = 0
    side: str = ""
    names: list[str] = field(default_factory=list)
    deaths: int = 0


class Mortal:
    """Controls whose runner dies at a call, before or after it acted."""

    def __init__(self, controls: Controls, calls: Calls) -> None:
        self._controls = controls
        self._calls = calls
        self._dead = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._controls, name)
        if name not in SEEN:
            return found

        async def call(*given: Any, **named: Any) -> Any:
            calls = self._calls
            if self._dead:
                raise RunnerDied
            calls.names.append(f"{name} {given[1]} {given[2]}" if name == "record" else name)
            mine = not calls.deaths and len(calls.names) == calls.at
            if mine and calls.side == "before":
                self._die()
            answer = await found(*given, **named)
            if mine:
                self._die()
            return answer

        return call

    def _die(self) -> None:
        self._dead = True
        self._calls.deaths += 1
        raise RunnerDied


def small_plan() -> Plan:
    """One entity, every kind of step the live runner treats in a way of its own."""
    kinds = (
        "dual_run", "manual", "freeze", "manual", "drain", "reconcile", "approval", "switch", "release", "manual",
        "verify",
    )  # fmt: skip
    steps: list[dict[str, Any]] = []
    for at, kind in enumerate(kinds):
        after = [steps[-1]["id"]] if steps else []
        steps.append({"id": f"s{at}-{kind.replace('_', '-')}", "kind": kind, "wave": "uk", "after": after})
    end = START + timedelta(days=2)
    window = {"opens": START, "closes": end}
    return Plan.model_validate(
        {
            "name": "small", "start": START, "end": end, "window": window, "from": "sap_ecc", "to": "netsuite",
            "waves": [{"id": "uk", "entities": ["UK01"]}], "steps": steps,
        }
    )  # fmt: skip


async def _people(stand: Stand, run_id: str, story: Story, plan: Plan) -> None:
    """Work, review, approve and say done, each when the log says that it is time."""
    journal = stand.router.journal

    async def until(step: str) -> None:
        while state_of(await journal.steps(run_id), step) != "running":  # noqa: ASYNC110 - people look now and then
            await asyncio.sleep(5)

    async def work(name: str) -> None:
        answer = await stand.post(event("time_entry", name, document_id=name))
        assert answer.status_code == 202, answer.text

    await until("s1-manual")
    await work("T-in-both")
    await stand.settled()
    await journal.say(run_id, Said(word="done", by="bob", step="s1-manual"))
    await until("s3-manual")
    await work("T-frozen")
    if story == "given back":
        await journal.say(run_id, Said(word="fail", by="bob", step="s3-manual", why="two rates are wrong"))
        return
    await journal.say(run_id, Said(word="done", by="bob", step="s3-manual"))
    await until("s6-approval")
    await journal.say(run_id, Said(word="approve", by="bob", step="s6-approval", digest=plan.digest()))
    await until("s9-manual")
    await work("T-after")
    await stand.settled()
    await journal.say(run_id, Said(word="done", by="bob", step="s9-manual"))


async def _cutover(stand: Stand, folder: Path, story: Story, calls: Calls) -> None:
    """Runners, one after the other, until the plan has ended."""
    plan, router = small_plan(), stand.router
    run_id, clock = run_id_of(plan), router.close._clock
    await router.journal.say(run_id, Said(word="approve", by="bob", digest=plan.digest()))
    this = asyncio.current_task()
    assert this is not None
    people = asyncio.create_task(_people(stand, run_id, story, plan))
    # People who meet something unforeseen end the test, which would wait for them.
    people.add_done_callback(
        lambda one: None if one.cancelled() or one.exception() is None else this.cancel()
    )

    def controls(journal: Journal) -> Any:
        inner = RouterControls(
            journal=journal, tables=router.tables, dual_run=router.dual_run, clock=clock,
            measures=RouterMeasures.of(router, database=f"sqlite:///{folder}/journal.sqlite", clock=clock),
        )  # fmt: skip
        return Mortal(inner, calls)

    for life in range(40):
        order = Order(plan=plan, run_id=run_id, by="ann", holder=f"life {life}")
        try:
            went_well = await run_live(order, journal=_Unleaving(router.journal, calls), controls=controls)  # type: ignore[arg-type]  # the same, but for its last act
        except RunnerDied:
            continue
        except InProgress:
            await asyncio.sleep(5)
            continue
        assert went_well == (story == "through")
        await people
        return
    raise AssertionError("no runner came through")


class _Unleaving:
    """The journal of a runner: one that died did not give its lease back."""

    def __init__(self, journal: Journal, calls: Calls) -> None:
        self._journal, self._calls, self._deaths = journal, calls, calls.deaths

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def under(self, run_id: str, token: int) -> Any:
        """The guarded journal, as forgetful."""
        return _Unleaving(self._journal.under(run_id, token), self._calls)

    async def leave_run(self, run_id: str, token: int) -> None:
        """Only the living leave."""
        if self._calls.deaths == self._deaths:
            await self._journal.leave_run(run_id, token)


def played(story: Story, calls: Calls) -> dict[str, Any]:
    """Run the story; what it came to."""
    found: dict[str, Any] = {}

    async def test(stand: Stand) -> None:
        await stand.posted(*MASTERS)
        async with asyncio.timeout(MOST_S):
            await _cutover(stand, Path(folder), story, calls)
        await stand.settled()
        found.update(await outcome(stand))

    with tempfile.TemporaryDirectory() as folder:
        on_stand(Path(folder), test)
    return found


async def outcome(stand: Stand) -> dict[str, Any]:
    """The final state: steps, stages and evidence, where each document is, what happened how often."""
    plan, journal = small_plan(), stand.router.journal
    rows = await journal.steps(run_id_of(plan))
    found: dict[str, Any] = {}
    for step_id, result in results_of(plan, rows).items():
        kept = {name: value for name, value in result.evidence.items() if name not in AGAIN}
        gates = [(gate.name, gate.verdict, gate.measured) for gate in result.gates]
        found[f"step {step_id}"] = (result.outcome, result.why, kept, gates)
        found[f"ended {step_id}"] = sum(
            row["step"] == step_id and row["event"] in ("done", "failed") for row in rows
        )
    stages = [row["data"] for row in rows if row["event"] == "stage"]
    found["stages"] = list(dict.fromkeys((row["what"], row["stage"], row["frozen"]) for row in stages))
    (version,) = {version for _, (_, version) in sorted((await journal.epochs()).items())}
    text = await journal.table_text(version)
    found["table"] = [line for line in text.splitlines() if not line.startswith("version")]
    async for row in journal.transactions():
        shown = await journal.transaction(row["transaction_id"])
        assert shown is not None
        jobs = sorted((job["target"], job["role"], job["operation"], job["state"]) for job in shown["jobs"])
        released = sum(line["what"] == "queued" for line in shown["history"])
        found[f"{row['kind']} {row['document_id']}"] = (row["state"], jobs, released)
    for system in ("sap_ecc", "netsuite"):
        documents = stand.simulators[system].sim.state()["documents"]
        found[f"ERP {system}"] = sorted(
            (row["type"], str(row["external_id"]), row["status"]) for row in documents
        )
    found["gates"] = [row async for row in _gates(stand)]
    found["epochs rise"] = await _rising(stand)
    return found


async def _gates(stand: Stand) -> Any:
    for lane in await stand.router.journal.lanes():
        yield (lane.target, lane.waiting, lane.in_doubt, lane.held)


async def _rising(stand: Stand) -> bool:
    """Whether every switch gave a higher epoch and table version than the one before."""
    seen = [
        (line["detail"]["epochs"]["UK01"], line["detail"]["table_version"])
        async for line in stand.router.journal.history(what="switched")
    ]
    return all(one[0] < other[0] and one[1] < other[1] for one, other in itertools.pairwise(seen))


@cache
def undisturbed(story: Story) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the story comes to when nobody dies, and its calls."""
    calls = Calls()
    return played(story, calls), tuple(calls.names)


def points(story: Story) -> Iterator[Point]:
    """Every point at which a runner may die."""
    for at, _ in enumerate(undisturbed(story)[1], start=1):
        for side in SIDES:
            yield (story, at, side)


def differs(point: Point) -> list[str]:
    """What is different when the runner dies there; nothing is right."""
    story, at, side = point
    expected, names = undisturbed(story)
    calls = Calls(at=at, side=side)
    came = played(story, calls)
    found = [f"{key}: {expected.get(key)} ≠ {came.get(key)}" for key in _keys(expected, came)]
    if calls.deaths != 1:
        found.append(f"the runner died {calls.deaths} times, not at {names[at - 1]}")
    return found


def _keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({**one, **other}) if one.get(key) != other.get(key)]


def main() -> int:
    """Try every point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    tried = [point for story in STORIES for point in points(story)][:: given.every]
    bad = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        for point, found in zip(tried, pool.map(differs, tried), strict=True):
            if found:
                bad += 1
                name = undisturbed(point[0])[1][point[1] - 1]
                sys.stdout.write(f"{point} {name}:\n" + "".join(f"    {row[:1500]}\n" for row in found))
    sys.stdout.write(f"{len(tried) - bad} of {len(tried)} as undisturbed\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
