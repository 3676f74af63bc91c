"""A run in virtual time: its own schedule and documents sent to a rehearsed gateway, at the same moments.

What is played beside it (faults, frozen gateway, cutover switch) comes at the same times as in the run itself,
and the router delivers as patiently as a served one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from cutover.montecarlo.whatif import apply, read_settings
from cutover.plan.reading import as_plan, plan_file
from cutover.rehearsal.memory import in_memory
from cutover.rehearsal.network import InProcessClient, Served
from cutover.rehearsal.options import Options
from cutover.rehearsal.virtual_time import VirtualClock
from cutover.rehearsal.virtual_time import run as in_virtual_time
from cutover.rehearsal.world import World
from cutover.runner.controls import RouterControls
from cutover.served.connecting import SHARED_SWEEP_S
from loadtests.ledger.rows import Sent
from loadtests.predict.standing_still import StandingNetwork, Stillness
from loadtests.running.drained import CALM, waiting
from loadtests.running.run import Run
from loadtests.running.stand import Stand
from loadtests.running.switching import Switching
from loadtests.running.timeline import at_s, freezes, system_faults
from loadtests.scenario.routing import routes_of
from loadtests.scenario.schedule import Schedule
from loadtests.traffic.model import Request
from loadtests.traffic.port import Traffic
from router.clock import to_text
from router.configfile import ConfigFile
from router.delivery.policy import DeliveryPolicy
from router.errors import Broken, CoexistError
from router.landscape import as_landscape, default_file
from router.model import SystemId

Say = Callable[[str], None]
GATEWAY = "http://gateway"
MASTERS_CLIENT = "load-masters"
LINES = 1_000
REFUSED = 400
POLL_S = 0.5
MASTERS_WITHIN_S = 7_200
"""Virtual seconds: a large firm's masters take one."""
SECOND_US = 1_000_000


@dataclass(slots=True)
class Played:
    """What is left of a run in virtual time, beside its journal."""

    rows: list[Sent]
    started_at: str
    """When the run's microsecond 0 was, in virtual time."""
    meters: Mapping[str, Mapping[str, Any]]
    """ERP → what its meter says (`simulators.core.meter`)."""
    landscape: Mapping[str, Any]
    problems: tuple[str, ...]
    """What could not be played as planned."""


def play(run: Run, schedule: Schedule, traffic: Traffic, database: Path, *, say: Say) -> Played:
    """Play a run into a journal of its own; raises BadInput, BadConfig, Broken. No loop may be running."""
    options = options_of(run)

    async def main(clock: VirtualClock) -> Played:
        world = World(
            options=options, clock=clock, database=database, policy=DeliveryPolicy(sweep_s=SHARED_SWEEP_S)
        )
        still = Stillness(freezes(run))
        apps = {SystemId(name): app for name, app in world.simulators.items()}
        world.network = StandingNetwork(apps, still.over)
        await world.seed(traffic.seeds())
        await world.start()
        played = await _Playing(run, world, traffic, database, still, say).through(schedule)
        await world.stop()
        if world.bugs:
            raise Broken("; ".join(world.bugs[:3]))
        return played

    return in_virtual_time(main, start=options.plan.start)


def options_of(run: Run) -> Options:
    """The world of a run: its landscape with the scenario's settings, its table; nothing goes wrong yet."""
    scenario = run.scenario
    name = scenario.switch.plan if scenario.switch is not None else "pilot"
    file = default_file("landscapes/default.yaml")
    if run.landscape is not None:
        file = ConfigFile("the run's landscape", dict(run.landscape), {})
    plan, changed = apply(read_settings(scenario.settings), plan=plan_file(name), landscape=file)
    data = in_memory(changed.data)
    landscape = as_landscape(ConfigFile(changed.name, data, changed.places))
    return Options(
        plan=as_plan(plan, landscape),
        landscape=landscape,
        landscape_data=data,
        routes=routes_of(scenario, default_file("routes/default.yaml").text),
        seed=run.seed,
        size=scenario.size,
        faults={},
        command="coexist load",
    )


class _Playing:
    """One run, step by step."""

    def __init__(
        self, run: Run, world: World, traffic: Traffic, database: Path, still: Stillness, say: Say
    ) -> None:
        self._run, self._world, self._traffic, self._still, self._say = run, world, traffic, still, say
        self._stand = Stand(gateway=GATEWAY, database=f"sqlite:///{database}")
        self._rows: list[Sent] = []
        self._problems: list[str] = []

    async def through(self, schedule: Schedule) -> Played:
        """Masters, the run, and whatever then still waits."""
        router = await self._world.router()
        async with InProcessClient(Served(router.api)) as http:
            switching = await self._switching()
            if switching is not None:
                await switching.dual_run()
            await self._masters(http)
            self._say(f"sending {len(schedule):,} requests")
            zero = self._world.clock.now()
            self._still.begin()
            for system, faults in system_faults(self._run, zero).items():
                self._world.simulators[system].faults.set(faults)
            beside = asyncio.create_task(self._switch(switching))
            await self._send(http, schedule)
            self._say("waiting for the backlog")
            await beside
            await self._drained(float(self._run.drained_within_s))
        return Played(
            rows=self._rows,
            started_at=to_text(zero),
            meters=self._meters(int(zero.timestamp())),
            landscape=self._world.options.landscape_data,
            problems=tuple(self._problems),
        )

    async def _masters(self, http: httpx.AsyncClient) -> None:
        events = self._traffic.masters()
        self._say(f"loading {len(events):,} masters")
        for start in range(0, len(events), LINES):
            body = b"\n".join(orjson.dumps(one) for one in events[start : start + LINES])
            request = Request("/v1/transactions:batch", body, "application/x-ndjson", MASTERS_CLIENT, ())
            answer = await _post(http, request)
            told = answer.json()
            refused = [row for row in told.get("results", [told]) if row.get("status", REFUSED) >= REFUSED]
            if refused:
                raise Broken(f"{len(refused)} masters were refused, the first: {refused[0]}"[:500])
        if not await self._drained(MASTERS_WITHIN_S):
            raise Broken(f"the masters were not delivered in {MASTERS_WITHIN_S} s of virtual time")

    async def _send(self, http: httpx.AsyncClient, schedule: Schedule) -> None:
        """Start every request at its moment; a schedule of millions has only those under way as tasks."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        under_way: set[asyncio.Task[None]] = set()
        for arrival in schedule:
            delay = began + arrival.at_us / SECOND_US - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            request = self._traffic.request(arrival)
            task = asyncio.create_task(self._exchange(http, request, arrival.number, arrival.at_us, began))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        rest = began + schedule.length_us / SECOND_US - loop.time()
        await asyncio.sleep(max(0.0, rest))
        while under_way:
            await asyncio.wait(list(under_way))

    async def _exchange(
        self, http: httpx.AsyncClient, request: Request, number: int, at_us: int, began: float
    ) -> None:
        loop = asyncio.get_running_loop()
        await self._still.over()
        answer = await _post(http, request)
        ended = round((loop.time() - began) * SECOND_US)
        ids = _ids(answer)
        self._rows.append(
            Sent(
                number,
                at_us,
                at_us,
                max(ended, at_us),
                answer.status_code,
                ids,
                "" if ids else "no transaction",
            )
        )

    async def _switching(self) -> Switching | None:
        switch = self._run.scenario.switch
        if switch is None:
            return None
        router = await self._world.router()
        controls = RouterControls(
            journal=router.journal, tables=router.tables, dual_run=router.dual_run, clock=self._world.clock
        )
        versions = sorted(int(row["version"]) for row in await router.journal.tables())
        base = await router.journal.table_text(versions[-1]) if versions else None
        newest = versions[-1] if versions else 1
        return Switching(controls, self._world.options.plan, switch.wave, base=base, newest=newest)

    async def _switch(self, switching: Switching | None) -> None:
        switch = self._run.scenario.switch
        if switching is None or switch is None:
            return
        await asyncio.sleep(at_s(self._run, switch.at))
        try:
            await switching.switch(drain_s=float(self._run.drained_within_s))
        except CoexistError as error:
            self._problems.append(f"switch of wave {switch.wave}: {error.message}")

    async def _drained(self, within_s: float) -> bool:
        """Whether nothing waited, some looks in a row, within so many virtual seconds."""
        calm, waited = 0, 0.0
        while True:
            left = waiting(self._stand)
            calm = calm + 1 if not left else 0
            if calm >= CALM:
                return True
            if waited > within_s and left:
                return False
            await asyncio.sleep(POLL_S)
            waited += POLL_S

    def _meters(self, since: int) -> dict[str, Mapping[str, Any]]:
        now = self._world.clock.now()
        landscape = self._world.options.landscape
        return {
            name: self._world.simulators[name].meter.data(now, since) for name in landscape.of_role("erp")
        }


async def _post(http: httpx.AsyncClient, request: Request) -> httpx.Response:
    headers = {"x-coexist-client": request.client, "content-type": request.content_type}
    return await http.post(GATEWAY + request.path, content=request.body, headers=headers)


def _ids(answer: httpx.Response) -> tuple[str, ...]:
    """Ids of the transactions an answer of success names, line by line."""
    if not answer.is_success:
        return ()
    told = answer.json()
    rows = told.get("results", [told])
    return tuple(str(row.get("transaction_id") or "") for row in rows)
