"""The parts of the bench, and how one is measured: alone, in a process group of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import orjson

from tests.bench.rounds import Row

PARTS = ("routing", "single", "batch", "delivery", "flat", "rehearsal", "comparison")
STOPS_S = 15
"""Seconds a stopped part has to take down its servers and remove its files."""


def measure(part: str, *arguments: str, seconds: float) -> list[Row]:
    """The rows of a part, run alone in a process group of its own; raises TimeoutExpired."""
    command = [sys.executable, "-m", f"tests.bench.{part}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            told, _ = process.communicate(timeout=seconds)
        except BaseException:
            stop(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    rows: list[Row] = orjson.loads(told)
    return rows


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a part and what it started: first as Ctrl-C would, so that it cleans up."""
    for how in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_S)
