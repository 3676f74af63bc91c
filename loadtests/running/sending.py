"""Locust's processes on this machine: started, watched, ended; nothing of them is imported."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import orjson

import loadtests
from cutover.served.processes import dies_with_parent, free_port
from loadtests.running.run import STARTED
from router.errors import Broken

LOCUSTFILE = Path(loadtests.__file__).parent / "generator" / "locustfile.py"
LOG = "locust.log"
LOCAL = "127.0.0.1"
LOOK_S = 0.05
STOP_S = 20
"""A generator that is stopped writes rows for what it did not send; a million take seconds."""
SAID_MAX = 600
AUTOQUIT_S = 3
"""How long the web pages stay after the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How requests are sent."""

    workers: int = 0
    """0: one process is everything; else a master and so many workers."""
    web_port: int | None = None
    """Locust's own pages are served there."""
    closed: bool = False
    """Ordinary users that wait for their answers, for contrast."""


class Generator:
    """The processes of one generator; the first of them is the master, or the only one."""

    def __init__(self, folder: Path, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._folder = folder
        self._processes = processes

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes, the master first."""
        return tuple(process.pid for process in self._processes)

    async def started(self, *, within_s: float) -> datetime:
        """Moment 0 of the run, once it is fixed; raises Broken when the generator ends before, or never says."""
        for _ in range(int(within_s / LOOK_S)):
            if (self._folder / STARTED).exists():
                told = orjson.loads((self._folder / STARTED).read_bytes())
                return datetime.fromisoformat(told["started_at"])
            if self._processes[0].returncode is not None:
                break
            await asyncio.sleep(LOOK_S)
        raise Broken(f"the load generator did not start: {self.said()}")

    async def ended(self, *, within_s: float) -> bool:
        """Wait for its end; False: it went on for longer than that."""
        try:
            await asyncio.wait_for(self._processes[0].wait(), within_s)
        except TimeoutError:
            return False
        return True

    def said(self) -> str:
        """The end of what it logged, on one line."""
        text = (self._folder / LOG).read_text(encoding="utf-8", errors="replace")
        return " ".join(text[-SAID_MAX:].split())

    async def stop(self) -> None:
        """End all its processes, the master first, for it has what the others told it."""
        for process in self._processes:
            if process.returncode is not None:
                continue
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def sending(folder: Path, manner: Manner) -> AsyncIterator[Generator]:
    """A generator for the run of a folder; whatever happens, it has ended with the block."""
    (folder / STARTED).unlink(missing_ok=True)
    processes: list[asyncio.subprocess.Process] = []
    generator = Generator(folder, processes)
    with (folder / LOG).open("wb") as log:
        try:
            for words in _commands(manner):
                process = await _started(folder, manner, words, log)
                processes.append(process)
            yield generator
        finally:
            # Shielded: a second Ctrl-C must not leave half of them running.
            await asyncio.shield(generator.stop())


async def _started(
    folder: Path, manner: Manner, words: Sequence[str], log: IO[bytes]
) -> asyncio.subprocess.Process:
    # In the run's folder, for Locust takes options from a locust.conf or pyproject.toml of where it stands.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *words,
        cwd=folder, env=_environment(folder, manner), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        start_new_session=True, preexec_fn=dies_with_parent,
    )  # fmt: skip


def _commands(manner: Manner) -> list[list[str]]:
    head = ["--headless", "--only-summary"]
    if manner.web_port is not None:
        pages = ["--web-host", LOCAL, "--web-port", str(manner.web_port)]
        head = [*pages, "--autostart", "--autoquit", str(AUTOQUIT_S)]
    if not manner.workers:
        return [head]
    port = str(free_port(apart_from=manner.web_port))
    wanted = ["--expect-workers", str(manner.workers)]
    master = ["--master", "--master-bind-host", LOCAL, "--master-bind-port", port, *wanted]
    worker = ["--worker", "--master-host", LOCAL, "--master-port", port]
    return [[*head, *master], *([worker] * manner.workers)]


def _environment(folder: Path, manner: Manner) -> dict[str, str]:
    """Ours, without what Locust would take for options of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LOCUST_", "COEXIST_CLOSED"))
    }
    root = str(Path(loadtests.__file__).parent.parent)
    paths = [root, *filter(None, [kept.get("PYTHONPATH")])]
    closed = {"COEXIST_CLOSED": "1"} if manner.closed else {}
    return kept | {"COEXIST_RUN": str(folder.resolve()), "PYTHONPATH": os.pathsep.join(paths)} | closed
