"""The two servers that are compared: the gateway, and a bare FastAPI endpoint validating the same body.

`python -m tests.bench.served gateway|bare` listens on a free port of the loopback and prints it. Both
run under uvicorn with the settings of `coexist serve`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Annotated, Any, Literal

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, StringConstraints

from cutover.collecting import collect_rarely
from router.app import Outside, Router, build
from router.clock import WallClock
from router.landscape import default_file, read_landscape
from router.settings import Settings
from simulators.core.credentials import known_credentials

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


class Entry(BaseModel):
    """A time entry as plain pydantic has it: checked by the compiled core alone, nothing of ours."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["time_entry"]
    document_id: Identifier
    legal_entity: Code
    region: Code
    business_unit: Code
    accounting_date: date
    project_id: Identifier
    resource_id: Identifier
    task_id: Identifier | None = None
    work_date: date
    minutes: int
    role: Code
    billable: bool
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    bill_rate: Decimal
    cost_center: Code
    department: Code
    practice: Code
    service_line: Code
    notes: Annotated[str, StringConstraints(max_length=255)] = ""
    adjusts: Identifier | None = None


class Event(BaseModel):
    """A CloudEvent around it."""

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    type: Annotated[str, StringConstraints(pattern=r"^coexist\.[a-z_]+\.[a-z_]+\.v[0-9]+$")]
    time: datetime | None = None
    datacontenttype: str | None = None
    data: Entry


def bare() -> FastAPI:
    """An endpoint that validates and says 202, keeping nothing."""
    app = FastAPI()

    @app.post("/v1/transactions", status_code=202)
    async def accept(event: Event) -> dict[str, Any]:
        return {"transaction_id": event.id}

    return app


async def gateway(database: str, *, settings: Settings | None = None) -> Router:
    """A started router on the default landscape; nothing is delivered, a worker would do that elsewhere."""
    file = default_file("landscapes/default.yaml")
    router = build(
        landscape=read_landscape(),
        settings=settings or Settings(backlog_max=5_000_000),
        database=database,
        outside=Outside(
            clock=WallClock(),
            random=Random(1),
            http=lambda _: httpx.AsyncClient(trust_env=False),
            secrets=known_credentials(file.data).__getitem__,
        ),
    )
    await router.start(default_file("routes/default.yaml").text)
    return router


async def main(which: str, database: str) -> None:
    """Serve until stopped; SIGTERM ends it as it ends `coexist serve`."""
    collect_rarely()
    router = await gateway(database) if which == "gateway" else None
    app = router.api if router is not None else bare()
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    try:
        await server.serve(sockets=[listening])
    finally:
        if router is not None:
            await router.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
