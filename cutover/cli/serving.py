"""`coexist simulate`, `serve`, `worker`: on real sockets and the wall clock."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any

import httpx
import orjson
import typer
import uvicorn

from cutover.collecting import collect_rarely
from router.app import Outside, Router, build
from router.clock import WallClock
from router.configfile import ConfigFile, load
from router.delivery.policy import DeliveryPolicy
from router.errors import BadConfig, BadInput, Broken
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

SHARED_SWEEP_S = 2.0
"""How often a process asks its journal for work: what others accept, or let go, gives it no signal. Others are
workers, the runner of a cutover, the command line; an SQLite journal has the last two."""


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
    router, table = connected(landscape, database, routes, simulated)
    door = _listen(host, port)

    async def main() -> None:
        await router.start(table)
        config = uvicorn.Config(router.api, log_level="warning", access_log=False)
        server = _Server(config)

        def stop() -> None:
            server.should_exit = True

        said = f"Gateway on http://{host}:{port}; journal {_shown(database)}; stop with Ctrl-C."
        await _until_stopped(router, said, stop=stop, feeds=True, meanwhile=server.serve(sockets=[door]))

    asyncio.run(main())
    typer.echo("stopped", err=True)


def worker_command(
    landscape: Places = None, database: Database = "sqlite:///coexist.sqlite", simulated: Simulated = None
) -> None:
    """Run a further worker on a journal that a gateway serves (PostgreSQL).

    Example: coexist worker --database postgresql+psycopg://coexist@db/coexist
    """
    router, table = connected(landscape, database, None, simulated)

    async def main() -> None:
        await router.start(table)
        stopped = asyncio.Event()
        said = f"Worker on journal {_shown(database)}; stop with Ctrl-C."
        await _until_stopped(router, said, stop=stopped.set, feeds=False, meanwhile=stopped.wait())

    asyncio.run(main())
    typer.echo("stopped", err=True)


class _Server(uvicorn.Server):
    """A server that leaves signals to us: its own way would end the process before the journal is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


async def _until_stopped(
    router: Router, said: str, *, stop: Callable[[], None], feeds: bool, meanwhile: Coroutine[Any, Any, Any]
) -> None:
    """Work until SIGTERM, Ctrl-C or a bug; then close everything. Raises Broken for the bug."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    typer.echo(said, err=True)
    work = asyncio.create_task(router.work(feeds=feeds), name="work")
    work.add_done_callback(lambda _: stop())
    try:
        await meanwhile
    finally:
        ended = work.done()
        work.cancel()
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
        await router.aclose()
    if ended:
        raise Broken(
            f"delivery ended by itself: {outcome!r}"[:500], mend="restart; the journal has everything"
        )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises BadInput when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen(1024)
    except OSError as error:
        door.close()
        raise BadInput(
            f"can't listen on {host}:{port}: {error.strerror or error}", mend="give another --port or --host"
        ) from error
    return door


def _file(landscape: Path | None) -> ConfigFile:
    return load(landscape) if landscape is not None else default_file("landscapes/default.yaml")


def _shown(database: str) -> str:
    """A database URL without its password."""
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if "@" in rest else database


def connected(
    landscape: Path | None, database: str, routes: Path | None, simulated: Path | None
) -> tuple[Router, str]:
    """A router connected to its systems, and the table of an empty journal; nothing runs yet. Raises BadInput."""
    collect_rarely()
    read = as_landscape(_file(landscape))
    table = load(routes) if routes is not None else default_file("routes/default.yaml")
    authority: Path | None = None
    if simulated is not None:
        read, authority = _at_simulators(read, simulated)
    verify = ssl.create_default_context(cafile=str(authority) if authority else None)
    known = known_credentials(_file(landscape).data) if simulated is not None else None
    secrets = known.__getitem__ if known is not None else secret
    for name, system in read.systems.items():
        for key, reference in system.credentials.items():
            _credential(secrets, reference, f"systems.{name}.credentials.{key}")
    outside = Outside(
        clock=WallClock(),
        random=SystemRandom(),
        http=lambda _: httpx.AsyncClient(follow_redirects=False, timeout=None, verify=verify),  # noqa: S113 - connectors hold their own deadlines
        secrets=secrets,
    )
    policy = DeliveryPolicy(sweep_s=SHARED_SWEEP_S)
    router = build(landscape=read, settings=Settings(), database=database, outside=outside, policy=policy)
    return router, table.text


def _credential(secrets: Callable[[str], str], reference: str, place: str) -> None:
    """Make sure a secret is there before anything starts; raises BadConfig naming variable and place."""
    try:
        secrets(reference)
    except BadConfig as error:
        raise BadInput(
            f"{place}: {error.message.partition(': ')[2]}",
            mend=f"{error.mend or 'make it readable'}, or use --simulated READY_FILE",
        ) from error


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
