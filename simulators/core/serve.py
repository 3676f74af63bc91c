"""The fleet on real sockets: one http and one https port per system, in one process, on the wall clock.

This is the one file of `simulators` that may read the machine's clock. It listens on loopback only: a
simulator accepts made-up credentials and has a back door.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.core.fleet import build_fleet
from simulators.core.host import DROP, GONE
from simulators.core.tls import Certificates, write_certificates

TLS_OFFSET = 100
"""A system whose base_url says http on port N has https on N + 100; one that says https has http there."""
GRACE_S = 1
"""Seconds open requests get at shutdown; a `hang` fault would hold it for an hour."""
Ports = Literal["landscape", "free"]


class CannotListen(Exception):
    """A port can't be had; the message names the system and the port."""


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class Listener:
    """A system's app with its bound sockets."""

    name: str
    app: ASGIApp
    plain: socket.socket
    tls: socket.socket

    def ready(self, ca: Path) -> dict[str, str]:
        """The system's entry in the ready file."""
        return {
            "url": f"http://127.0.0.1:{self.plain.getsockname()[1]}",
            "tls_url": f"https://127.0.0.1:{self.tls.getsockname()[1]}",
            "ca": str(ca),
        }


def serve(
    landscape: Mapping[str, Any],
    *,
    ready_file: Path | str | None,
    seed: int,
    ports: Ports = "landscape",
    state_dir: Path | None = None,
    latency: bool = True,
) -> None:
    """Serve every system of a landscape until SIGTERM or SIGINT; blocks.

    `ready_file` appears, whole, once all ports answer, and is removed at the end. `state_dir` keeps the
    certificates; without one they live in a temporary folder. Raises CannotListen, ValueError.
    """
    apps = build_fleet(landscape, clock=WallClock(), seed=seed, latency=latency)
    wanted = {name: _ports(config["base_url"], ports) for name, config in landscape["systems"].items()}
    serve_apps(apps, wanted, ready_file=ready_file, state_dir=state_dir)


def serve_apps(
    apps: Mapping[str, ASGIApp],
    ports: Mapping[str, tuple[int, int]],
    *,
    ready_file: Path | str | None,
    state_dir: Path | None = None,
) -> None:
    """Serve apps on their (http, https) ports, 0 being any free one; see `serve`."""
    folder = Path(tempfile.mkdtemp(prefix="coexist-simulate-")) if state_dir is None else state_dir
    listeners: list[Listener] = []
    ready = None if ready_file is None else Path(ready_file)
    try:
        if ready is not None:
            ready.unlink(missing_ok=True)  # one left by a killed run would send people to dead ports
        for name, app in apps.items():
            plain, tls = ports[name]
            bound = bind(name, plain)
            try:
                listeners.append(Listener(name, app, bound, bind(name, tls)))
            except CannotListen:
                bound.close()
                raise
        certificates = write_certificates(folder, WallClock().now())
        asyncio.run(_run(listeners, certificates, ready))
    finally:
        for listener in listeners:
            listener.plain.close()
            listener.tls.close()
        if ready is not None:
            ready.unlink(missing_ok=True)
        if state_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us: there are two of them per system."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(listeners: list[Listener], certificates: Certificates, ready: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = [
        (_Server(_config(listener.app, certificates if is_tls else None)), bound)
        for listener in listeners
        for is_tls, bound in ((False, listener.plain), (True, listener.tls))
    ]
    async with asyncio.TaskGroup() as tasks:
        for server, bound in servers:
            tasks.create_task(server.serve(sockets=[bound]))
        for server, _ in servers:
            await server.up.wait()
        if ready is not None:
            write_ready(ready, {listener.name: listener.ready(certificates.ca) for listener in listeners})
        await stop.wait()
        for server, _ in servers:
            server.should_exit = True


def write_ready(path: Path, content: Mapping[str, Any]) -> None:
    """Write the ready file so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _config(app: ASGIApp, certificates: Certificates | None) -> uvicorn.Config:
    return uvicorn.Config(
        _droppable(app),
        interface="asgi3",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=certificates.certificate if certificates else None,
        ssl_keyfile=certificates.key if certificates else None,
    )


def _droppable(app: ASGIApp) -> ASGIApp:
    """Lets a `drop_answer` fault cut the connection. ASGI has no word for it, so it goes by uvicorn's send."""

    async def droppable(scope: Scope, receive: Receive, send: Send) -> None:
        cycle: Any = getattr(send, "__self__", None)

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async def drop() -> None:
            cycle.transport.abort()
            await gone()

        if hasattr(cycle, "transport"):
            scope.setdefault("extensions", {}).update({DROP: drop, GONE: gone})
        await app(scope, receive, send)

    return droppable


def bind(name: str, port: int) -> socket.socket:
    """A socket of a system, its connections without Nagle's algorithm; raises CannotListen."""
    # Named, or asyncio leaves the algorithm on: a body would wait 40 ms for its head's acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        bound.close()
        msg = f"{name} can't listen on 127.0.0.1:{port}: {getattr(error, 'strerror', None) or error}"
        raise CannotListen(msg) from error
    return bound


def _ports(base_url: str, ports: Ports) -> tuple[int, int]:
    if ports == "free":
        return 0, 0
    parts = urlsplit(base_url)
    port = parts.port or 0
    other = port + TLS_OFFSET if port else 0
    return (other, port) if parts.scheme == "https" else (port, other)
