"""A worker's side of a distributed run: asks for its share, plays it, and loses no row of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic, monotonic_ns
from typing import Any

import gevent
from gevent.event import AsyncResult, Event
from locust.env import Environment
from locust.rpc import Message
from locust.runners import WorkerRunner

from loadtests.generator import messages
from loadtests.generator.clock import Exchange, RunClock, ahead_ns
from loadtests.generator.playing import Share
from loadtests.generator.wire import Target
from loadtests.running.run import Run, run_from

ASKED_AGAIN_S = 3.0
"""A batch the master does not confirm by then is sent once more; it writes it once."""
STOPPED_WITHIN_S = 5.0
EXCHANGES = 9
logger = logging.getLogger(__name__)


class Outlet:
    """Rows on their way to the master: kept until it has them."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._batches: dict[int, tuple[float, bytes]] = {}
        self._count = 0

    def send(self, lines: Sequence[bytes]) -> None:
        """Send a batch; none of it is forgotten before it is confirmed."""
        self._count += 1
        self._batches[self._count] = (monotonic(), b"".join(lines))
        self._tell(self._count)

    def kept(self, batch: int) -> None:
        """The master has a batch."""
        self._batches.pop(batch, None)

    @property
    def empty(self) -> bool:
        """Whether the master has everything."""
        return not self._batches

    def again(self) -> None:
        """Send what has waited too long."""
        for batch, (sent, lines) in list(self._batches.items()):
            if monotonic() - sent > ASKED_AGAIN_S:
                self._batches[batch] = (monotonic(), lines)
                self._tell(batch)

    def alive(self) -> None:
        """A sign of life."""
        self._runner.send_message(messages.ROWS, {"batch": 0, "lines": b""})

    def _tell(self, batch: int) -> None:
        self._runner.send_message(messages.ROWS, {"batch": batch, "lines": self._batches[batch][1]})


class Worker:
    """One of the processes that send."""

    def __init__(self, environment: Environment, runner: WorkerRunner, *, token: str) -> None:
        self._environment = environment
        self._runner = runner
        self._token = token
        self._outlet = Outlet(runner)
        self._orders: AsyncResult[dict[str, Any]] = AsyncResult()
        self._go: AsyncResult[int] = AsyncResult()
        self._times: AsyncResult[dict[str, int]] = AsyncResult()
        self._played = Event()
        self._share: Share | None = None
        self._playing: gevent.Greenlet[[], None] | None = None
        self.over = False
        for kind, hear in (
            (messages.ORDERS, self._hear_orders),
            (messages.GO, self._hear_go),
            (messages.TIME, self._hear_time),
            (messages.KEPT, self._hear_kept),
            (messages.STOP, self._hear_stop),
        ):
            runner.register_message(kind, hear)

    def begin(self) -> None:
        """Ask for a share and play it; a second call does nothing."""
        if self._playing is None:
            self._playing = gevent.spawn(self._take_part)

    def look(self) -> None:
        """A worker has nobody to look after."""

    def users(self) -> int:
        """The master says how many."""
        return 1

    def stop(self) -> None:
        """End now. The master cannot confirm anything meanwhile: what is sent must do."""
        if self._share is not None and not self._played.is_set():
            self._share.stop()
            self._played.wait(STOPPED_WITHIN_S)

    def _take_part(self) -> None:
        self._runner.send_message(messages.JOIN, {})
        orders = self._orders.get()
        told: dict[str, Any] = {"processor_percent": 0.0, "processor_peak_percent": 0.0}
        beside = gevent.spawn(self._keep_in_touch)
        try:
            run: Run = run_from(orders["run"])
            target = Target.of(orders["host"], self._token)
            self._share = Share(run, index=orders["index"], workers=orders["workers"], target=target)
            ahead = self._ask_the_time()
            self._runner.send_message(messages.BUILT, {"why": ""})
            clock = RunClock(self._go.get() - ahead)
            told |= self._share.play(
                clock, fire=self._environment.events.request.fire, lines=self._outlet.send
            )
        except Exception as error:
            # Whatever it is, the master must hear why nothing was sent.
            logger.exception("the share could not be played")
            told |= {"why": f"{type(error).__name__}: {error}"}
            self._runner.send_message(messages.BUILT, {"why": told["why"]})
        self._played.set()
        while not self._outlet.empty:
            gevent.sleep(0.05)
        while True:
            self._runner.send_message(messages.DONE, told)
            gevent.sleep(ASKED_AGAIN_S)
            beside.kill()

    def _keep_in_touch(self) -> None:
        while True:
            gevent.sleep(1)
            self._outlet.again()
            self._outlet.alive()

    def _ask_the_time(self) -> int:
        exchanges = []
        for _ in range(EXCHANGES):
            self._times = AsyncResult()
            asked = monotonic_ns()
            self._runner.send_message(messages.TIME, {"asked": asked})
            told = self._times.get(timeout=30)
            exchanges.append(Exchange(asked, told["told"], monotonic_ns()))
        return ahead_ns(exchanges)

    def _hear_orders(self, msg: Message, **_: object) -> None:
        if not self._orders.ready():
            self._orders.set(msg.data)

    def _hear_go(self, msg: Message, **_: object) -> None:
        if not self._go.ready():
            self._go.set(int(msg.data["zero"]))

    def _hear_time(self, msg: Message, **_: object) -> None:
        self._times.set(msg.data)

    def _hear_stop(self, **_: object) -> None:
        if self._share is not None:
            self._share.stop()

    def _hear_kept(self, msg: Message, **_: object) -> None:
        self._outlet.kept(int(msg.data["batch"]))
