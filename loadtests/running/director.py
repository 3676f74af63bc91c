"""Plays what goes wrong in a run at its times: faults of the simulators, the gateway frozen, a cutover switch."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import orjson

from loadtests.running.run import PLAYED, Run
from loadtests.running.stand import Stand
from loadtests.running.switching import Switching, switching
from loadtests.running.timeline import Freeze, at_s, freezes, system_faults
from router.errors import BadInput, Broken, CoexistError

ANSWER_S = 10
Say = Callable[[str], None]


class Director:
    """What happens to the systems while the generator sends; `async with` it around the run.

    At the end of the block the gateway goes on and the simulators have the faults they had before.
    """

    def __init__(self, run: Run, stand: Stand, folder: Path, *, say: Say) -> None:
        """Raises BadInput when the scenario asks for what can't be done to this stand."""
        self._run, self._stand, self._folder, self._say = run, stand, folder, say
        self._refuse_unplayable()
        self._rows: list[dict[str, Any]] = []
        self._before: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._switching: Switching | None = None
        self._open = AsyncExitStack()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be played as planned."""
        return tuple(f"{row['name']}: {row['problem']}" for row in self._rows if row["problem"])

    async def __aenter__(self) -> Self:
        if self._run.scenario.switch is not None:
            self._switching = await self._open.enter_async_context(
                switching(self._run.scenario.switch, self._stand)
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        # Whatever of it fails, the rest is still done.
        async with AsyncExitStack() as rest:
            rest.callback(self._write)
            rest.push_async_callback(self._open.aclose)
            rest.push_async_callback(self._restore_faults)
            rest.callback(self._thaw)

    def _write(self) -> None:
        (self._folder / PLAYED).write_bytes(orjson.dumps(self._rows, option=orjson.OPT_INDENT_2) + b"\n")

    async def before_masters(self) -> None:
        """What must be so before masters are loaded: a wave that will be switched is run in both ERPs."""
        if self._switching is not None:
            self._say("starting the dual run of the wave that will be switched")
            await self._switching.dual_run()

    async def play(self, started: datetime) -> None:
        """Play everything, times counted from `started`; returns after the last."""
        await self._put_faults(started)
        parts: list[Coroutine[Any, Any, None]] = [self._freeze(one, started) for one in freezes(self._run)]
        if self._switching is not None:
            parts.append(self._switch(self._switching, started))
        await asyncio.gather(*parts)

    async def _freeze(self, freeze: Freeze, started: datetime) -> None:
        await _until(started, freeze.from_s)
        self._say(f"{freeze.name}: the gateway stands still")
        row = self._begun(freeze.name, started)
        self._signal(signal.SIGSTOP)
        try:
            await _until(started, freeze.until_s)
        finally:
            self._thaw()
            row["until_s"] = _since(started)
        self._say(f"{freeze.name}: it goes on")

    async def _switch(self, wanted: Switching, started: datetime) -> None:
        planned = self._run.scenario.switch
        assert planned is not None
        await _until(started, at_s(self._run, planned.at))
        name = f"switch of wave {planned.wave}"
        self._say(f"{name}: frozen, drained, switched, released")
        row = self._begun(name, started)
        try:
            await wanted.switch(drain_s=float(self._run.drained_within_s))
        except CoexistError as error:
            row["problem"] = error.message
            self._say(f"{name}: FAILED: {error.message}")
        row["until_s"] = _since(started)

    async def _put_faults(self, started: datetime) -> None:
        simulators = self._stand.simulators() or {}
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            for system, faults in system_faults(self._run, started).items():
                url = simulators[system]["url"] + "/_sim/faults"
                self._before[system] = await _faults(http, url)
                await _put(http, url, [*self._before[system], *faults])
        for fault in self._run.scenario.faults:
            if fault.system:
                times = {"from_s": at_s(self._run, fault.at), "until_s": at_s(self._run, fault.until)}
                self._rows.append({"name": fault.name, **times, "problem": ""})

    async def _restore_faults(self) -> None:
        simulators = self._stand.simulators() if self._before else None
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            while self._before:
                assert simulators is not None
                system, faults = self._before.popitem()
                await _put(http, simulators[system]["url"] + "/_sim/faults", faults)

    def _thaw(self) -> None:
        if self._stand.pid is not None:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._stand.pid is not None
        # One that died under the load is no reason to give up: its answers, or none, are what is judged.
        with suppress(ProcessLookupError):
            os.kill(self._stand.pid, number)

    def _begun(self, name: str, started: datetime) -> dict[str, Any]:
        row = {"name": name, "from_s": _since(started), "until_s": None, "problem": ""}
        self._rows.append(row)
        return row

    def _refuse_unplayable(self) -> None:
        scenario, stand = self._run.scenario, self._stand
        known = stand.simulators()
        for fault in scenario.faults:
            if fault.kind == "freeze" and stand.pid is None:
                raise BadInput(
                    f"scenario {scenario.name} freezes the gateway, and its process is not known",
                    mend="give it with --gateway-pid, or leave --url out",
                )
            if fault.kind != "freeze" and (known is None or fault.system not in known):
                raise BadInput(
                    f"scenario {scenario.name} plays a fault of {fault.system}, and its simulator is not known",
                    mend="give the ready file with --simulated, or leave --url out",
                )
        if scenario.switch is not None and stand.database is None:
            raise BadInput(
                f"scenario {scenario.name} makes a cutover switch, which needs the gateway's journal",
                mend="give it with --database, or leave --url out",
            )
        if stand.pid is not None:
            try:
                os.kill(stand.pid, 0)
            except (ProcessLookupError, PermissionError) as error:
                raise BadInput(f"--gateway-pid {stand.pid} is no process of yours") from error


async def _faults(http: httpx.AsyncClient, url: str) -> Sequence[Mapping[str, Any]]:
    try:
        told = (await http.get(url)).json()["faults"]
    except (httpx.TransportError, ValueError, KeyError, TypeError) as error:
        raise Broken(f"{url} does not tell its faults: {error!r}") from error
    return told if isinstance(told, list) else []


async def _put(http: httpx.AsyncClient, url: str, faults: Sequence[Mapping[str, Any]]) -> None:
    try:
        answer = await http.put(url, content=orjson.dumps(faults))
    except httpx.TransportError as error:
        raise Broken(f"{url} does not take the scenario's faults: {error!r}") from error
    if answer.status_code != httpx.codes.OK:
        raise BadInput(f"{url} did not take the scenario's faults: {answer.text[:300]}")


async def _until(started: datetime, seconds: float) -> None:
    await asyncio.sleep(max(0.0, seconds - _since(started)))


def _since(started: datetime) -> float:
    return (datetime.now(UTC) - started).total_seconds()
