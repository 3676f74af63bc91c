"""`coexist simulate`, `serve`, `worker`: on real sockets and the wall clock."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from random import SystemRandom
from typing import Annotated

import httpx
import orjson
import typer
import uvicorn

from cutover.collecting import collect_rarely
from router.app import Outside, Router, build
from router.clock import WallClock
from router.configfile import ConfigFile, load
from router.errors import BadConfig, BadInput
from router.landscape import Landscape, as_landscape, default_file, secret
from router.model import SystemId
from router.settings import Settings
from simulators.core.credentials import known_credentials
from simulators.core.serve import CannotListen, serve

Places = Annotated[Path | None, typer.Option("--landscape", help="A landscape (YAML); else the default one.")]
Database = Annotated[str, typer.Option(help="The journal: sqlite:///FILE or postgresql+psycopg://…")]
Simulated = Annotated[
    Path | None,
    typer.Option(help="A ready file of `coexist simulate`: use its addresses and test credentials."),
]


def simulate_command(
    landscape: Places = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when all ports answer.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    ports: Annotated[str, typer.Option(help="`landscape`: those of base_url; `free`: any.")] = "landscape",
) -> None:
    """Start the simulators of every system of a landscape, over http and https, until stopped.

    Example: coexist simulate --ports free --ready-file out/ready.json
    """
    file = _file(landscape)
    as_landscape(file)
    if ports not in ("landscape", "free"):
        raise BadInput(f"--ports {ports!r} is neither landscape nor free")
    typer.echo(f"Simulating {', '.join(file.data['systems'])}; stop with Ctrl-C.", err=True)
    try:
        serve(file.data, ready_file=ready_file, seed=seed, ports="free" if ports == "free" else "landscape")
    except CannotListen as error:
        raise BadInput(str(error), mend="stop what listens there, or use --ports free") from error


def serve_command(
    landscape: Places = None,
    database: Database = "sqlite:///coexist.sqlite",
    routes: Annotated[Path | None, typer.Option(help="The route table of an empty journal (YAML).")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8460,
    host: Annotated[str, typer.Option(help="Listen here; authentication is not built in yet.")] = "127.0.0.1",
    simulated: Simulated = None,
) -> None:
    """Serve the gateway with an embedded worker.

    Example: coexist serve --simulated out/ready.json --port 8460
    """
    router, table = _router(landscape, database, routes, simulated)

    async def main() -> None:
        await router.start(table)
        config = uvicorn.Config(router.api, host=host, port=port, log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        work = asyncio.create_task(router.work(), name="work")
        try:
            await server.serve()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await router.aclose()

    typer.echo(f"Gateway on http://{host}:{port}; journal {_shown(database)}; stop with Ctrl-C.", err=True)
    asyncio.run(main())


def worker_command(
    landscape: Places = None, database: Database = "sqlite:///coexist.sqlite", simulated: Simulated = None
) -> None:
    """Run a further worker on a journal that a gateway serves (PostgreSQL).

    Example: coexist worker --database postgresql+psycopg://coexist@db/coexist
    """
    router, table = _router(landscape, database, None, simulated)

    async def main() -> None:
        await router.start(table)
        try:
            await router.work(feeds=False)
        finally:
            await router.aclose()

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


def _file(landscape: Path | None) -> ConfigFile:
    return load(landscape) if landscape is not None else default_file("landscapes/default.yaml")


def _shown(database: str) -> str:
    """A database URL without its password."""
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if "@" in rest else database


def _router(
    landscape: Path | None, database: str, routes: Path | None, simulated: Path | None
) -> tuple[Router, str]:
    collect_rarely()
    read = as_landscape(_file(landscape))
    table = load(routes) if routes is not None else default_file("routes/default.yaml")
    authority: Path | None = None
    if simulated is not None:
        read, authority = _at_simulators(read, simulated)
    verify = ssl.create_default_context(cafile=str(authority) if authority else None)
    outside = Outside(
        clock=WallClock(),
        random=SystemRandom(),
        http=lambda _: httpx.AsyncClient(follow_redirects=False, timeout=None, verify=verify),  # noqa: S113 - connectors hold their own deadlines
        secrets=known_credentials(_file(landscape).data).__getitem__ if simulated is not None else secret,
    )
    return build(landscape=read, settings=Settings(), database=database, outside=outside), table.text


def _at_simulators(landscape: Landscape, ready: Path) -> tuple[Landscape, Path | None]:
    """The landscape with the addresses of running simulators, and their certificate authority."""
    try:
        told = orjson.loads(ready.read_bytes())
        urls = {SystemId(name): str(row["url"]) for name, row in told.items()}
        authority = next((Path(row["ca"]) for row in told.values()), None)
    except OSError as error:
        raise BadConfig(
            f"can't be read: {error.strerror}", file=str(ready), mend="start `coexist simulate`"
        ) from error
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadConfig("is no ready file of `coexist simulate`", file=str(ready)) from error
    systems = {
        name: system.model_copy(update={"base_url": urls[name]}) if name in urls else system
        for name, system in landscape.systems.items()
    }
    return landscape.model_copy(update={"systems": systems}), authority
