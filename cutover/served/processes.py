"""`coexist simulate` and `coexist serve` as processes of their own, from the moment they are ready to their end."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx
import orjson

from router.errors import BadInput, Broken

READY_S = 60
"""A busy machine may take this long to make certificates and start the simulators."""
STOP_S = 20
LONG_S = 120
"""The longest an answer to a seed or a whole batch may take."""
SAID_MAX = 500
_DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux' prctl."""


@contextmanager
def running(
    *words: str,
    ready: Callable[[], bool],
    log: Path | None = None,
    command: Sequence[str] = ("-m", "cutover"),
) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours from the moment it is ready to the end of the block, frozen or not.

    `log`: where what it says on standard error goes; `command`: what of Python runs it. Raises Broken when it ends
    before it is ready, or never is.
    """
    # A file, for nobody reads a pipe for hours, and a full one would stop the process.
    with log.open("w+b") if log is not None else tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - our own command with our own words
            [sys.executable, *command, *words],
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for whoever started us; we end it in our own order
            preexec_fn=dies_with_parent,  # noqa: PLW1509 - it makes one system call
        )
        try:
            _wait(process, words[0], ready, said)
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process by SIGTERM, or by SIGKILL when it does not listen; a frozen one is let go first."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dies_with_parent() -> None:
    """Where the system can do it (Linux): have this process end when the one that started it is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], name: str, ready: Callable[[], bool], said: IO[bytes]) -> None:
    for _ in range(READY_S * 10):
        if process.poll() is not None:
            said.seek(max(0, said.seek(0, os.SEEK_END) - SAID_MAX))
            raise Broken(f"coexist {name} ended: {said.read().decode(errors='replace')}")
        if ready():
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise Broken(f"coexist {name} was not ready in {READY_S} s")


def seed(ready: Mapping[str, Mapping[str, str]], seeds: Mapping[str, Any]) -> None:
    """Seed running simulators through their back door; raises BadInput, Broken."""
    with httpx.Client(trust_env=False, timeout=LONG_S) as http:
        for system, data in seeds.items():
            if system not in ready:
                raise BadInput(
                    f"there is no simulator of {system} to seed",
                    mend="give the ready file of a `coexist simulate` of the same landscape",
                )
            try:
                answer = http.post(f"{ready[system]['url']}/_sim/seed", content=orjson.dumps(data))
            except httpx.TransportError as error:
                raise BadInput(
                    f"the simulator of {system} does not answer at {ready[system]['url']}: {error}",
                    mend="start `coexist simulate`",
                ) from error
            if answer.status_code != httpx.codes.OK:
                raise Broken(f"{system} did not take its seed: {answer.text[:300]}")


def answers(gateway: str) -> bool:
    """Whether a gateway is ready."""
    try:
        return httpx.get(f"{gateway}/readyz", trust_env=False, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def free_port(*, apart_from: int | None = None) -> int:
    """A port nobody listens on, below those the system hands out by itself, so that no client of others gets it."""
    for at in range(1_000):
        port = 20_000 + (os.getpid() * 7_919 + at) % 10_000
        if port == apart_from:
            continue
        with socket.socket() as door, suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port
    raise BadInput("no port from 20000 to 29999 is free", mend="stop what listens there")


def own_drops(landscape: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The landscape with file drops in a folder of its own."""
    systems = {
        name: {**system, "options": {**system["options"], "idoc_drop": f"file://{folder}/{name}"}}
        if "idoc_drop" in system.get("options", {})
        else dict(system)
        for name, system in landscape["systems"].items()
    }
    return {**landscape, "systems": systems}
