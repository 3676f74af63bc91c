"""Group commit: concurrent callers share one commit, and one caller's trouble stays its own.

On SQLite a group is what asked within one turn of the loop, run inline. On PostgreSQL a group runs in
a worker thread while the next one gathers. A group that fails is rolled back and its members are run
one by one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from router.clock import to_text
from router.errors import Broken, CoexistError
from router.journal.engine import Connection, Database, Transaction, TryAgain

Handler = Callable[[Transaction, list[Any]], list[Any]]
GROUP_MOST = 2_000
"""Documents in a group's commit: bounds how long a switch waits for it. One caller's batch stays whole."""
TRIES = 8
"""Times a group is run again because another process got in between, before its members run alone."""

QUIET_TURNS = 2
"""Turns of the loop in which nobody came, after which a group is closed."""
TURNS_MOST = 50
"""Turns a group stays open at most, however many still come."""


@dataclass(slots=True)
class _Item:
    handler: Handler
    payload: Any
    weight: int
    answer: asyncio.Future[Any]


class Writer:
    """The one way to change the journal."""

    def __init__(
        self,
        database: Database,
        *,
        committed: Callable[[Transaction], None],
        on_commit: Callable[[str, int], None] | None,
    ) -> None:
        self._database = database
        self._committed = committed
        self._on_commit = on_commit
        self._commits = 0
        self._done: list[Transaction] = []
        self._dead = False
        self._open: Connection | None = None
        self._queue: deque[_Item] = deque()
        self._scheduled = False
        self._seen = 0
        self._turns = 0
        self._quiet = 0
        self._pump: asyncio.Task[None] | None = None

    async def submit(self, handler: Handler, payload: Any, *, weight: int = GROUP_MOST) -> Any:
        """Run `handler` on this payload, in one commit with others of the same handler up to the limit."""
        self.refuse_dead()
        loop = asyncio.get_running_loop()
        item = _Item(handler, payload, weight, loop.create_future())
        self._queue.append(item)
        if not self._scheduled:
            self._scheduled = True
            if self._database.dialect.inline:
                loop.call_soon(self._flush)
            else:
                self._pump = loop.create_task(self._gather())
        return await item.answer

    def refuse_dead(self) -> None:
        """Raises Broken after a crash or a close."""
        if self._dead:
            raise Broken("this journal was closed or has crashed", mend="open it again")

    @property
    def connection(self) -> Connection:
        """The writer's own connection."""
        if self._open is None:
            self._open = self._database.session()
        return self._open

    def close(self) -> None:
        """Close the connection; whoever waits is refused."""
        self._dead = True
        for item in self._queue:
            if not item.answer.done():
                item.answer.set_exception(Broken("the journal was closed"))
        self._queue.clear()
        self._drop()

    def _flush(self) -> None:
        if self._waits_for_more():
            asyncio.get_running_loop().call_soon(self._flush)
            return
        self._scheduled = False
        while self._queue:
            group = self._take()
            self._answer(group, self._run(group[0].handler, [item.payload for item in group]))

    def _waits_for_more(self) -> bool:
        """Whether the group should stay open for another turn of the loop; closing it resets the count.

        Callers that woke together (the last commit answered them all) reach the journal a few turns
        apart: a request is read in one turn and handled in the next. Turns cost microseconds, the
        commit milliseconds of disk.
        """
        grown, self._seen = len(self._queue) > self._seen, len(self._queue)
        self._turns += 1
        self._quiet = 0 if grown else self._quiet + 1
        if self._quiet < QUIET_TURNS and self._turns < TURNS_MOST:
            return True
        self._seen = self._turns = self._quiet = 0
        return False

    async def _gather(self) -> None:
        while self._queue:
            group = self._take()
            payloads = [item.payload for item in group]
            self._answer(group, await asyncio.to_thread(self._run, group[0].handler, payloads))
        self._scheduled = False

    def _take(self) -> list[_Item]:
        group = [self._queue.popleft()]
        weight = group[0].weight
        while self._queue and self._queue[0].handler == group[0].handler:
            weight += self._queue[0].weight
            if weight > GROUP_MOST:
                break
            group.append(self._queue.popleft())
        return group

    def _answer(self, group: Sequence[_Item], results: Sequence[Any]) -> None:
        """On the loop: tell what was committed, then answer the callers."""
        done, self._done = self._done, []
        for tx in done:
            self._committed(tx)
        for item, result in zip(group, results, strict=True):
            if item.answer.done():
                continue
            if isinstance(result, Exception):
                item.answer.set_exception(result)
            else:
                item.answer.set_result(result)

    def _run(self, handler: Handler, payloads: list[Any]) -> Sequence[Any]:
        """Results, or exceptions in their place."""
        failed: Exception = Broken("the journal was closed or has crashed", mend="open it again")
        for _ in range(TRIES):
            if self._dead:
                break
            try:
                return self._once(handler, payloads)
            except TryAgain as error:
                failed = error
            except Exception as error:  # noqa: BLE001 handed to the callers, who wait for it
                failed = error
                break
        if len(payloads) == 1 or self._dead:
            return [failed] * len(payloads)
        return [self._run(handler, [payload])[0] for payload in payloads]

    def _once(self, handler: Handler, payloads: list[Any]) -> list[Any]:
        dialect = self._database.dialect
        try:
            connection = self.connection
            tx = connection.transaction(now=to_text(self._database.clock.now()))
            connection.say(dialect.begin)
            results = handler(tx, payloads)
            if tx.writes:
                self._tell("before", self._commits + 1)
            connection.say("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, CoexistError) or not dialect.is_of_driver(error):
                raise
            raise dialect.translate(error) or Broken(f"the database refused: {error}") from error
        if tx.writes:
            self._commits += 1
            self._tell("after", self._commits)
            self._done.append(tx)
        return results

    def _tell(self, when: str, count: int) -> None:
        if self._on_commit is None:
            return
        try:
            self._on_commit(when, count)
        except BaseException:
            self._dead = True
            self._drop()
            raise

    def _roll_back(self) -> None:
        if self._open is None:
            return
        try:
            self._open.say("ROLLBACK")
        except Exception as error:
            # The connection is gone, and with it the transaction; the next group opens another.
            if not self._database.dialect.is_of_driver(error):
                raise
            self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            self._open.drop()
            self._open = None
