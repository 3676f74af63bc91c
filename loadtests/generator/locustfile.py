"""Locust's way in: `COEXIST_RUN=FOLDER python -m locust -f loadtests/generator/locustfile.py --headless`.

The folder holds `run.json`; a worker of a distributed run needs none, its master sends it. `--host` sends the
requests elsewhere than the run says. With COEXIST_CLOSED=1 the same traffic goes through ordinary users that wait
for their answers: the model whose figures are shown for contrast. COEXIST_TOKEN is sent as a bearer token.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.generator.alone import Alone
from loadtests.generator.master import Master
from loadtests.generator.parts import Part, enter, part_of
from loadtests.generator.wire import Target
from loadtests.generator.worker import Worker
from loadtests.running.run import read_run

IS_CLOSED = os.environ.get("COEXIST_CLOSED", "") == "1"
if IS_CLOSED:
    from loadtests.generator.closed import AsManyAsNeeded, Closed, WaitsForAnswers

    __all__ = ["AsManyAsNeeded", "WaitsForAnswers"]
else:
    from loadtests.generator.arriving import AsScheduled, OpenArrivals

    __all__ = ["AsScheduled", "OpenArrivals"]

FILES = 65_536
"""Open files wanted: a request under way is one."""


def take_part(environment: Environment, runner: Any, **_: object) -> None:
    """Find out what this process is; raises when the run's folder has no run."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # While a shape is played Locust has no handler yet: it would die with the summary unwritten.
    gevent.signal_handler(signal.SIGTERM, end, environment)
    token = os.environ.get("COEXIST_TOKEN", "")
    if isinstance(runner, WorkerRunner) and not IS_CLOSED:
        enter(environment, Worker(environment, runner, token=token))
        return
    folder = Path(os.environ["COEXIST_RUN"])
    run = read_run(folder)
    environment.host = environment.host or run.gateway
    target = Target.of(environment.host, token)
    part: Part
    if IS_CLOSED:
        part = Closed(environment, run, folder, token=token)
    elif isinstance(runner, MasterRunner):
        part = Master(environment, runner, run, folder, host=environment.host)
    else:
        part = Alone(environment, run, folder, target)
    enter(environment, part)


def end(environment: Environment) -> None:
    """Somebody wants this process to end."""
    part_of(environment).stop()
    if environment.runner is not None:
        environment.runner.quit()


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
