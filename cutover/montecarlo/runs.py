"""Runs a task over many seeds in processes of their own: each row kept as it comes, none lost.

Decision: processes from a fork server that has imported everything once, each fed one seed at a time over a pipe.
`concurrent.futures` would do but for one thing: there a worker that dies takes every run with it and does not say
which seed killed it. Guard: tests/simulation/test_many_runs.py kills a worker.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import orjson

from cutover.montecarlo.worker import Task, work
from router.errors import BadInput

JOBS_MAX = 64
RUNS_A_PROCESS = 25
"""Then a fresh one takes over, a tenth of a second's work: libraries in C keep some 7 MB a run for themselves."""
OnRow = Callable[[Mapping[str, Any], float], None]
"""Told of each row as it comes, with the wall seconds it took."""


def jobs_of(asked: int | None) -> int:
    """How many processes: as asked, else one a core this process may use."""
    return max(1, min(asked or len(os.sched_getaffinity(0)), JOBS_MAX))


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    seed: int | None = None
    fed: int = 0


@dataclass(slots=True)
class _Pool:
    task: Task
    workers: list[_Worker] = field(default_factory=list)

    def start(self) -> _Worker:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["cutover.montecarlo.worker"])
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self.task), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def release(self, worker: _Worker) -> None:
        """Let one go that has nothing to do: with its pipe closed it ends."""
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.join()

    def end(self) -> None:
        for worker in self.workers:
            worker.pipe.close()
            worker.process.terminate()
            worker.process.join()
        self.workers.clear()


def run_seeds(seeds: Sequence[int], task: Task, *, jobs: int, on_row: OnRow) -> list[dict[str, Any]]:
    """The rows of all seeds, in the seeds' order.

    A seed whose process died gets a row with verdict `died`, and the others go on.
    """
    left = list(reversed(seeds))
    rows: dict[int, dict[str, Any]] = {}
    pool = _Pool(task)
    try:
        for _ in range(min(jobs, len(left))):
            _feed(pool.start(), left)
        while pool.workers:
            ready = wait([worker.pipe for worker in pool.workers])
            for worker in [one for one in pool.workers if one.pipe in ready]:
                row, seconds = _hear(worker)
                rows[row["seed"]] = row
                on_row(row, seconds)
                if left and row["verdict"] != "died" and worker.fed < RUNS_A_PROCESS:
                    _feed(worker, left)
                    continue
                pool.release(worker)
                if left:
                    _feed(pool.start(), left)
    finally:
        pool.end()
    return [rows[seed] for seed in seeds]


def _feed(worker: _Worker, left: list[int]) -> None:
    worker.seed = left.pop()
    worker.fed += 1
    with suppress(OSError):  # one that died meanwhile is heard of next
        worker.pipe.send(worker.seed)


def _hear(worker: _Worker) -> tuple[dict[str, Any], float]:
    try:
        row, seconds = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        return {"seed": worker.seed, "verdict": "died", "because": [f"its process {how}"]}, 0.0
    return row, seconds


@contextmanager
def kept_rows(path: Path, header: Mapping[str, Any]) -> Iterator[tuple[dict[int, dict[str, Any]], OnRow]]:
    """The rows a file has from before, and where each new one is written at once.

    `header` says what the rows are of; raises BadInput when the file has rows of something else. A last line
    cut off by a crash is forgotten, and its seed is run again.
    """
    told = orjson.dumps({"of": header}, option=orjson.OPT_SORT_KEYS)
    try:
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        known = _known(path, lines, header)
        path.write_bytes(b"".join(line + b"\n" for line in lines) or told + b"\n")
        file = path.open("ab")
    except OSError as error:
        raise BadInput(
            f"{path} can't be written: {error.strerror}", mend="give another folder with --out"
        ) from error
    with file:

        def keep(row: Mapping[str, Any], seconds: float) -> None:
            if row["verdict"] != "died":
                file.write(orjson.dumps({**row, "wall_s": round(seconds, 2)}) + b"\n")
                file.flush()

        yield known, keep


def _known(path: Path, lines: Sequence[bytes], header: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """The rows of a file by their seeds; raises BadInput naming the line that is none."""
    known: dict[int, dict[str, Any]] = {}
    for at, line in enumerate(lines, start=1):
        try:
            row = orjson.loads(line)
            if at == 1:
                other = _differs(row["of"], header)
            else:
                row.pop("wall_s", None)
                known[int(row["seed"])] = {**row, "verdict": row["verdict"]}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(
                f"{path}:{at}: is no row of rehearsals", mend="give another --out, or remove the file"
            ) from error
        if at == 1 and other:
            raise BadInput(
                f"{path} has runs of another {' and another '.join(other)}",
                mend="give another --out, or remove the file",
            )
    return known


def _differs(known: Mapping[str, Any], header: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted({*known, *header}) if known.get(name) != header.get(name)]
