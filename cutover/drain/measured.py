"""The scenario on real sockets: `coexist simulate` and `coexist serve` in processes of their own, on the wall clock."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import yaml

from cutover.cli.serving import connected
from cutover.drain.scenario import CLIENT, Drained, Say, measure, play
from cutover.rehearsal.options import Options
from cutover.runner.controls import RouterControls
from cutover.runner.port import Controls
from router.clock import WallClock
from router.errors import Broken

READY_S = 60
STOP_S = 20
LONG_S = 120


class ServedDoor:
    """A served gateway, its journal opened beside it as `coexist cutover run --live` does."""

    def __init__(self, http: httpx.AsyncClient, controls: Controls) -> None:
        self._http = http
        self._controls = controls

    async def submit(self, body: bytes) -> Mapping[str, Any]:
        """The answer of `POST /v1/transactions:batch`."""
        headers = {"x-coexist-client": CLIENT, "content-type": "application/x-ndjson"}
        answer = await self._http.post("/v1/transactions:batch", content=body, headers=headers)
        told: Mapping[str, Any] = answer.json()
        if "results" not in told:
            raise Broken(f"the gateway refused a batch: {told}"[:500])
        return told

    async def controls(self) -> Controls:
        """What a plan may do to it."""
        return self._controls


def served(
    options: Options,
    wave_id: str,
    *,
    seeds: Mapping[str, Any],
    masters: Sequence[Any],
    work: Sequence[Any],
    say: Say,
) -> Drained:
    """How long the wave drains by the wall clock. Raises BadInput, Broken."""
    with tempfile.TemporaryDirectory(prefix="coexist-drain-") as name, ExitStack() as stack:
        folder = Path(name)
        landscape, ready = folder / "landscape.yaml", folder / "ready.json"
        landscape.write_text(yaml.safe_dump(_own_drops(options.landscape_data, folder)), encoding="utf-8")
        routes = folder / "routes.yaml"
        routes.write_text(options.routes, encoding="utf-8")
        database, port = f"sqlite:///{folder / 'journal.sqlite'}", _free_port()
        say("starting coexist simulate and coexist serve")
        stack.enter_context(
            _running(
                "simulate", "--landscape", str(landscape), "--ports", "free", "--ready-file", str(ready),
                "--seed", str(options.seed), ready=ready.exists,
            )
        )  # fmt: skip
        _seed(orjson.loads(ready.read_bytes()), seeds)
        gateway = f"http://127.0.0.1:{port}"
        stack.enter_context(
            _running(
                "serve", "--landscape", str(landscape), "--database", database, "--routes", str(routes),
                "--simulated", str(ready), "--port", str(port), ready=lambda: _answers(gateway),
            )
        )  # fmt: skip

        async def main() -> None:
            router, table = connected(landscape, database, routes, ready)
            try:
                await router.start(table)
                controls = RouterControls(
                    journal=router.journal, tables=router.tables, dual_run=router.dual_run, clock=WallClock()
                )
                async with httpx.AsyncClient(base_url=gateway, trust_env=False, timeout=LONG_S) as http:
                    door = ServedDoor(http, controls)
                    await play(door, options.plan, wave_id, masters=masters, work=work, say=say)
            finally:
                await router.aclose()

        asyncio.run(main())
        return measure(database, options.plan.target)


def _own_drops(landscape: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The landscape with file drops in a folder of this check."""
    systems = {
        name: {**system, "options": {**system["options"], "idoc_drop": f"file://{folder}/{name}"}}
        if "idoc_drop" in system.get("options", {})
        else dict(system)
        for name, system in landscape["systems"].items()
    }
    return {**landscape, "systems": systems}


@contextmanager
def _running(*words: str, ready: Any) -> Iterator[None]:
    """A command of ours from the moment it is ready to the end of the block."""
    with subprocess.Popen(  # noqa: S603 - our own command with our own words
        [sys.executable, "-m", "cutover", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait(process, words[0], ready)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[str], name: str, ready: Any) -> None:
    for _ in range(READY_S * 10):
        if process.poll() is not None:
            raise Broken(f"coexist {name} ended: {process.communicate()[1][-500:]}")
        if ready():
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise Broken(f"coexist {name} was not ready in {READY_S} s")


def _seed(ready: Mapping[str, Mapping[str, str]], seeds: Mapping[str, Any]) -> None:
    with httpx.Client(trust_env=False, timeout=LONG_S) as http:
        for system, data in seeds.items():
            answer = http.post(f"{ready[system]['url']}/_sim/seed", content=orjson.dumps(data))
            if answer.status_code != httpx.codes.OK:
                raise Broken(f"{system} did not take its seed: {answer.text[:300]}")


def _answers(gateway: str) -> bool:
    try:
        return httpx.get(f"{gateway}/readyz", trust_env=False, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
