"""Locust's way in: `COEXIST_RUN=FOLDER python -m locust -f loadtests/generator/locustfile.py --headless`.

The folder holds `run.json`; a worker of a distributed run needs none, its master sends it. `--host` sends the
requests elsewhere than the run says. With COEXIST_CLOSED=1 the same traffic goes through ordinary users that wait
for their answers: the model whose figures are shown for contrast.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.generator.alone import Alone
from loadtests.generator.master import Master
from loadtests.generator.wire import Target
from loadtests.generator.worker import Worker
from loadtests.running.run import read_run

Part = Alone | Master | Worker
_parts: dict[int, Part] = {}
"""What this process does, by its environment: Locust hands its own objects on, not ours."""

FILES = 65_536
"""Open files wanted: a request under way is one."""


def part_of(environment: Environment) -> Part:
    """What this process does in the run."""
    return _parts[id(environment)]


class OpenArrivals(FastHttpUser):
    """One a worker: it starts the worker's share, and stands for it in Locust's pages."""

    host = "http://127.0.0.1"
    wait_time = constant(1)

    @task
    def play(self) -> None:
        """Take part; asked again, it goes on."""
        part_of(self.environment).begin()


class AsScheduled(LoadTestShape):
    """As many users as workers, until the run is over."""

    def tick(self) -> tuple[int, float] | None:
        """Users and how many of them a second; None ends the test."""
        assert self.runner is not None
        part = part_of(self.runner.environment)
        part.look()
        return None if part.over else (part.users, float(part.users))


def take_part(environment: Environment, runner: Any, **_: object) -> None:
    """Find out what this process is; raises when the run's folder has no run."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    token = os.environ.get("COEXIST_TOKEN", "")
    if isinstance(runner, WorkerRunner):
        part: Part = Worker(environment, runner, token=token)
    else:
        folder = Path(os.environ["COEXIST_RUN"])
        run = read_run(folder)
        environment.host = environment.host or run.gateway
        target = Target.of(environment.host, token)
        if isinstance(runner, MasterRunner):
            part = Master(environment, runner, run, folder, host=environment.host)
        else:
            part = Alone(environment, run, folder, target)
    _parts[id(environment)] = part


def broken_off(environment: Environment, **_: object) -> None:
    """The test ends, of itself or because somebody wants it to."""
    part_of(environment).stop()


def leaving(environment: Environment, **_: object) -> None:
    """Whatever was answered badly is the verdict's matter, not the exit code's."""
    part_of(environment).stop()
    environment.process_exit_code = 0


hooks: Any = events
"""Locust's own events; their way of listening has no types."""
hooks.init.add_listener(take_part)
hooks.test_stop.add_listener(broken_off)
hooks.quitting.add_listener(leaving)
