"""A built router over the real simulators, in this process and in virtual time, for tests of its edges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson

from cutover.rehearsal.memory import empty_drops, in_memory
from cutover.rehearsal.network import Network
from cutover.rehearsal.virtual_time import VirtualClock, run
from router.app import Outside, Router, build
from router.canonical import events
from router.canonical.examples import example
from router.configfile import ConfigFile
from router.delivery.policy import DeliveryPolicy
from router.landscape import as_landscape, default_file
from router.model import SystemId
from router.settings import Settings
from simulators.core.credentials import known_credentials
from simulators.core.fleet import build_fleet
from simulators.core.host import Hosted

START = datetime(2026, 10, 30, 9, tzinfo=UTC)
TOKEN_PATHS = {"salesforce": "/services/oauth2/token", "kantata": "/oauth/token"}
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A router, the simulators it talks to, and a client of its gateway."""

    router: Router
    simulators: Mapping[str, Hosted]
    network: Network
    http: httpx.AsyncClient
    badges: dict[str, str]

    async def post(self, body: Any, path: str = "/v1/transactions", **headers: str) -> httpx.Response:
        """POST bytes as they are, anything else as JSON; `Idempotency_Key` becomes a header."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=content, headers=named)

    async def get(self, path: str) -> Any:
        """The JSON of a page that must be there."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def count(self) -> int:
        """Transactions in the journal."""
        return sum(int(row["count"]) for row in await self.router.journal.totals())

    async def settled(self, *, most_s: int = 7200) -> None:
        """Wait (in virtual time) until nothing is on its way any more."""
        for _ in range(most_s):
            if not await self.router.journal.waiting():
                return
            await asyncio.sleep(1)
        raise AssertionError([await self.router.journal.lanes()])

    async def posted(self, *kinds: str) -> None:
        """Accept the examples of some kinds and wait until all are in their ERP."""
        for kind in kinds:
            answer = await self.post(event(kind))
            assert answer.status_code == 202, answer.text
        await self.settled()

    async def sim(self, system: str, path: str, body: Any) -> Any:
        """Use a simulator's back door under `/_sim`."""
        client = self.network.client(SystemId(system))
        answer = await client.post(f"http://{system}.test/_sim/{path}", content=orjson.dumps(body))
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    async def person(self, system: str, method: str, path: str, body: Any) -> Any:
        """What somebody does on a source system's own API; the answer's JSON."""
        base = str(self.router.landscape.systems[SystemId(system)].base_url)
        client = self.network.client(SystemId(system))
        if system not in self.badges:
            known = known_credentials(in_memory(default_file("landscapes/default.yaml").data))
            login = self.router.landscape.systems[SystemId(system)].credentials
            form = {name: known[login[name]] for name in ("client_id", "client_secret")}
            form["grant_type"] = "client_credentials"
            given = await client.post(base + TOKEN_PATHS[system], data=form)
            self.badges[system] = f"Bearer {given.json()['access_token']}"
        headers = {"authorization": self.badges[system], "content-type": "application/json"}
        answer = await client.request(method, base + path, content=orjson.dumps(body), headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def records(self, system: str) -> Any:
        """What a simulator holds."""
        return self.simulators[system].sim.state()["records"]

    async def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The journal's transactions of a kind, oldest first."""
        return [row async for row in self.router.journal.transactions() if row["kind"] == kind]


@asynccontextmanager
async def stand(
    folder: Path,
    clock: VirtualClock,
    *,
    settings: Settings | None = None,
    faults: Mapping[str, Any] | None = None,
    routes: str | None = None,
    work: bool = True,
    policy: DeliveryPolicy | None = None,
    landscape: Callable[[dict[str, Any]], None] | None = None,
    simulators: Mapping[str, Hosted] | None = None,
) -> AsyncIterator[Stand]:
    """Start a router on a SQLite journal in `folder`; `work` False: nothing is delivered or polled.

    `landscape` may change a copy of the default landscape before anything reads it. `simulators` are those
    of an earlier stand on the same folder: the router was restarted, the other systems were not.
    """
    file = default_file("landscapes/default.yaml")
    data = deepcopy(in_memory(file.data))
    if landscape is not None:
        landscape(data)
    if simulators is None:
        empty_drops()
        simulators = build_fleet(data, clock=clock, seed=7, faults=faults)
    network = Network({SystemId(name): app for name, app in simulators.items()})
    router = build(
        landscape=as_landscape(ConfigFile(file.name, data, file.places)),
        settings=settings or Settings(),
        database=f"sqlite:///{folder}/journal.sqlite",
        policy=policy,
        outside=Outside(
            clock=clock,
            random=Random(7),
            http=network.client,
            secrets=known_credentials(data).__getitem__,
            throwaway=True,
        ),
    )
    await router.start(routes or default_file("routes/default.yaml").text)
    task = asyncio.create_task(router.work()) if work else None
    transport = httpx.ASGITransport(app=router.api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", trust_env=False) as http:
        try:
            yield Stand(router=router, simulators=simulators, network=network, http=http, badges={})
        finally:
            if task is not None:
                task.cancel()
                ended = (await asyncio.gather(task, return_exceptions=True))[0]
                assert ended is None or isinstance(ended, asyncio.CancelledError), repr(ended)
            await router.aclose()


def on_stand(folder: Path, test: Callable[[Stand], Awaitable[None]], **options: Any) -> None:
    """Run a test on a stand of its own, in virtual time."""

    async def main(clock: VirtualClock) -> None:
        async with stand(folder, clock, **options) as made:
            await test(made)

    run(main, start=START)


def event(kind: str, event_id: str | None = None, /, **changed: Any) -> dict[str, Any]:
    """The example of a kind as a CloudEvent, with some fields of its data changed; None takes one out."""
    made = events.wrap(example(kind), source="/test", event_id=event_id or f"{kind}-1")
    made["data"] = {name: value for name, value in (made["data"] | changed).items() if value is not None}
    return made
