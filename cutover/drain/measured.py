"""The scenario on real sockets: `coexist simulate` and `coexist serve` in processes of their own, on the wall clock."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import yaml

from cutover.drain.scenario import CLIENT, Drained, Say, measure, play
from cutover.rehearsal.options import Options
from cutover.runner.controls import RouterControls
from cutover.runner.port import Controls
from cutover.served.connecting import connected
from cutover.served.processes import LONG_S, answers, free_port, own_drops, running, seed
from router.clock import WallClock
from router.errors import Broken


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
        landscape.write_text(yaml.safe_dump(own_drops(options.landscape_data, folder)), encoding="utf-8")
        routes = folder / "routes.yaml"
        routes.write_text(options.routes, encoding="utf-8")
        database, port = f"sqlite:///{folder / 'journal.sqlite'}", free_port()
        say("starting coexist simulate and coexist serve")
        stack.enter_context(
            running(
                "simulate", "--landscape", str(landscape), "--ports", "free", "--ready-file", str(ready),
                "--seed", str(options.seed), ready=ready.exists,
            )
        )  # fmt: skip
        seed(orjson.loads(ready.read_bytes()), seeds)
        gateway = f"http://127.0.0.1:{port}"
        stack.enter_context(
            running(
                "serve", "--landscape", str(landscape), "--database", database, "--routes", str(routes),
                "--simulated", str(ready), "--port", str(port), ready=lambda: answers(gateway),
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
