"""`coexist simulate`, `serve`, `worker`: on real sockets and the wall clock."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from cutover.served.connecting import connected, landscape_file
from router.app import Router
from router.errors import BadInput, Broken
from router.landscape import as_landscape
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
    file = landscape_file(landscape)
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
    door = listen(host, port)

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


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises BadInput when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio leaves Nagle's algorithm on, and the body of an answer waits 40 ms for its head's acknowledgement.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _shown(database: str) -> str:
    """A database URL without its password."""
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if "@" in rest else database
