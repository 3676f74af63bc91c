"""The rehearsed world: the simulators, and a router that can die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson

from cutover.gates.measuring import RouterMeasures
from cutover.rehearsal.memory import empty_drops
from cutover.rehearsal.network import Network, asked
from cutover.rehearsal.options import Options
from cutover.rehearsal.virtual_time import VirtualClock
from cutover.rollback.door import RouterWayBack
from cutover.runner.controls import RouterControls
from cutover.runner.port import Controls
from router.app import Outside, Router, build
from router.delivery.policy import DeliveryPolicy
from router.dualrun.comparison import Comparison
from router.errors import Broken
from router.model import SystemId
from router.settings import Settings
from simulators.core.credentials import known_credentials
from simulators.core.fleet import build_fleet
from simulators.core.host import Hosted

TOGETHER = timedelta(milliseconds=10)
"""Stretches at a limit that lie closer together are one."""
TOKEN_PATHS = {"salesforce": "/services/oauth2/token", "kantata": "/oauth/token"}


class RouterDied(BaseException):
    """The router process ends here: nothing after this line of it runs. No `except Exception` catches it."""


class GatewayGone(Exception):
    """The gateway died with the request under way: the caller does not know whether it was taken."""


class _Recording(RouterControls):
    """The door for the plan's runner, which keeps what was compared through it."""

    def __init__(self, compared: dict[str, Comparison], **given: Any) -> None:
        super().__init__(**given)
        self._compared = compared

    async def compare(self, *, run_id: str, **given: Any) -> Comparison:
        found = await super().compare(run_id=run_id, **given)
        self._compared[run_id] = found
        return found


class World:
    """Simulators that live through everything, and the current router, if one is up."""

    def __init__(
        self,
        *,
        options: Options,
        clock: VirtualClock,
        database: Path,
        policy: DeliveryPolicy | None = None,
    ) -> None:
        """`policy`: how patient delivery is; None: as a router that has its journal for itself."""
        self.options = options
        self._policy = policy
        self.clock = clock
        self._database = database
        empty_drops()
        self.simulators: dict[str, Hosted] = build_fleet(
            options.landscape_data, clock=clock, seed=options.timing_seed, faults=options.faults
        )
        self.network = Network({SystemId(name): app for name, app in self.simulators.items()})
        self._credentials = known_credentials(options.landscape_data)
        self._badges: dict[str, str] = {}
        self.lives = 0
        self.bugs: list[str] = []
        """What ended a router other than a planned death: must be empty."""
        self.compared: dict[str, Comparison] = {}
        """Comparisons by run id, the last of each."""
        self.at_limit: dict[tuple[str, str], list[list[datetime]]] = {}
        """When each target stood at which limit of its budget: stretches [from, until], in order."""
        self.commits = 0
        self._router: Router | None = None
        self._work: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._died = asyncio.Event()
        self._restarting = asyncio.Lock()
        asyncio.get_running_loop().set_exception_handler(self._loop_error)

    async def router(self) -> Router:
        """The router, waiting for its restart when it is down."""
        await self._up.wait()
        assert self._router is not None
        return self._router

    async def call(
        self, method: str, path: str, *, content: bytes = b"", client: str = "rehearsal"
    ) -> httpx.Response:
        """A request to the gateway; waits while it is down, raises GatewayGone when it dies meanwhile."""
        router = await self.router()
        headers = {"x-coexist-client": client, "content-type": "application/json"}
        work = asked(router.api, method, f"http://gateway{path}", content=content, headers=headers)
        request = asyncio.create_task(work)
        death = asyncio.create_task(self._down.wait())
        await asyncio.wait({request, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if not request.done():
            request.cancel()
            await asyncio.wait({request})
            raise GatewayGone
        try:
            answer = request.result()
        except BaseException:
            if self._down.is_set():
                raise GatewayGone from None
            raise
        if self._down.is_set() and answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # The last words of a dying gateway: a caller could not have heard them.
            raise GatewayGone
        return answer

    async def controls(self) -> Controls:
        """The door for the plan's runner."""
        router = await self.router()
        return _Recording(
            self.compared,
            journal=router.journal,
            tables=router.tables,
            dual_run=router.dual_run,
            clock=self.clock,
            measures=RouterMeasures.of(router, database=f"sqlite:///{self._database}", clock=self.clock),
            way_back=RouterWayBack(router, clock=self.clock),
        )

    async def seed(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Fill the simulators through their back doors."""
        for system, data in rows.items():
            answer = await self.network.client(SystemId(system)).post(
                f"{self.address(system)}/_sim/seed", content=orjson.dumps(data)
            )
            if answer.status_code != HTTPStatus.OK:
                raise Broken(f"{system} did not take its seed: {answer.text[:500]}")

    def address(self, system: str) -> str:
        """Where a system is reached."""
        return self.options.landscape.systems[SystemId(system)].base_url.rstrip("/")

    async def badge(self, system: str, *, fresh: bool = False) -> str:
        """The Authorization header people use at CRM and PSA; `fresh`: the last one has expired."""
        if fresh or system not in self._badges:
            config = self.options.landscape.systems[SystemId(system)]
            form = {
                "grant_type": "client_credentials",
                "client_id": self._credentials[config.credentials["client_id"]],
                "client_secret": self._credentials[config.credentials["client_secret"]],
            }
            url = self.address(system) + TOKEN_PATHS[config.vendor]
            answer = await self.network.client(SystemId(system)).post(url, data=form)
            token = _token(answer)
            if token is None:
                return self._badges.get(system, "")
            self._badges[system] = f"Bearer {token}"
        return self._badges[system]

    async def start(self) -> None:
        """Start a router on the journal; the first one migrates it, the next ones recover.

        One that dies while it starts is started again.
        """
        router = self._build()
        while not await self._until_death(router.start(self.options.routes)):
            router.journal.close()
            router = self._build()
        self._router = router
        self._down.clear()
        self._work = asyncio.create_task(router.work(), name=f"router-{self.lives}")
        self._work.add_done_callback(self._ended)
        self._up.set()

    def _build(self) -> Router:
        self.lives += 1
        self._died.clear()
        return build(
            landscape=self.options.landscape,
            settings=Settings(),
            database=f"sqlite:///{self._database}",
            outside=Outside(
                clock=self.clock,
                random=Random(f"{self.options.timing_seed}/router/{self.lives}"),  # noqa: S311 - reproducible on purpose
                http=self.network.client,
                secrets=self._credentials.__getitem__,
                on_commit=self._on_commit,
                throwaway=True,
                at_limit=self._stood,
            ),
            policy=self._policy,
            noise=self.options.noise,
        )

    def _stood(self, target: SystemId, limit: str, since: datetime, until: datetime) -> None:
        stretches = self.at_limit.setdefault((target, limit), [])
        if stretches and since - stretches[-1][1] <= TOGETHER:
            stretches[-1][1] = max(stretches[-1][1], until)
        else:
            stretches.append([since, until])

    async def _until_death(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether the work came to its end before the router died; what a dead router had begun never ends."""
        task, death = asyncio.create_task(work), asyncio.create_task(self._died.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        died = self._died.is_set()
        death.cancel()
        if died:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            task.result()
        return not died

    async def kill(self) -> None:
        """End the router as a process ends: no clean-up of its own runs to completion."""
        self._up.clear()
        self._down.set()
        router, work = self._router, self._work
        self._router = self._work = None
        if work is not None:
            work.remove_done_callback(self._ended)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        if router is not None:
            router.journal.close()

    async def restart(self, down_s: float) -> None:
        """Kill the router, wait, start it."""
        async with self._restarting:
            await self._restart(down_s)

    async def live(self, down_s: float = 0.0) -> None:
        """Bring the router back each time it dies of itself (a planted crash at a commit)."""
        while True:
            await self._died.wait()
            async with self._restarting:
                # It may have died while a planned restart was starting it, which then started another.
                if self._died.is_set():
                    await self._restart(down_s)

    async def _restart(self, down_s: float) -> None:
        await self.kill()
        await asyncio.sleep(down_s)
        await self.start()

    async def while_up(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do some work with the router that is up; False: it died meanwhile, and the work with it."""
        task, death = asyncio.create_task(work), asyncio.create_task(self._down.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if not self._down.is_set():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    async def stop(self) -> None:
        """The end of the rehearsal."""
        await self.kill()

    def _ended(self, work: asyncio.Task[None]) -> None:
        if work.cancelled():
            return
        error = work.exception()
        if _holds(error, RouterDied):
            self._died.set()
        elif error is not None:
            self.bugs.append(f"{type(error).__name__}: {error}")
            self._died.set()

    def _loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A router that dies at a commit dies inside a callback of the loop: planted, and known.
        if "handle" not in context:
            loop.default_exception_handler(context)
        elif not isinstance(context.get("exception"), RouterDied):
            self.bugs.append(f"{context['message']}: {context.get('exception')!r}")

    def _on_commit(self, when: str, number: int) -> None:
        del number
        if when == "before":
            self.commits += 1
        if self.options.crash_commit == (when, self.commits):
            self._up.clear()
            self._down.set()
            self._died.set()
            raise RouterDied


def _token(answer: httpx.Response) -> str | None:
    """The token of an answer; None of one that is no answer, or was spoilt on its way."""
    try:
        told = answer.json() if answer.status_code == HTTPStatus.OK else None
    except ValueError:
        return None
    token = told.get("access_token") if isinstance(told, Mapping) else None
    return token if isinstance(token, str) else None


def _holds(error: BaseException | None, kind: type[BaseException]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_holds(inner, kind) for inner in error.exceptions)
    return isinstance(error, kind)
