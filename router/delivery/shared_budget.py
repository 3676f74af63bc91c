"""One budget for all workers of a target, in a table beside the journal.

The rules are `Pace`'s; here they are read, applied and written back under one row lock, so that
processes see one budget. A grant is a row that expires, because a crashed worker gives nothing back.
On SQLite the statements run inline, elsewhere in a worker thread (D3). The workers' clocks must agree
to about a second, as for leases. Price: two short transactions a call, guarded by the row lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from router.clock import Clock, from_text, to_text
from router.delivery.budget import BudgetStatus, Grant, Pace, status_of
from router.delivery.policy import DeliveryPolicy
from router.errors import Overloaded
from router.landscape import Budget as Limits
from router.model import SystemId

T = TypeVar("T")
metadata = sa.MetaData()
budgets = sa.Table(
    "delivery_budgets",
    metadata,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("ceiling", sa.Integer, nullable=False),
    sa.Column("per_minute", sa.Integer),
    sa.Column("allowed", sa.Float, nullable=False),
    sa.Column("tokens", sa.Float, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("paused_until", sa.Text, nullable=False),
    sa.Column("era", sa.Integer, nullable=False, server_default="0"),
    sa.Column("streak", sa.Integer, nullable=False, server_default="0"),
    sa.Column("throttled", sa.Integer, nullable=False, server_default="0"),
)
grants = sa.Table(
    "delivery_grants",
    metadata,
    sa.Column("grant_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("target", sa.Text, nullable=False, index=True),
    sa.Column("until", sa.Text, nullable=False),
)
POLL_S = 0.05
"""A slot somebody else gives back is noticed after this, doubling to a second."""
POLL_MAX_S = 1.0


class SharedBudget:
    """Budgets of targets that several processes call. `engine` is the journal's database."""

    def __init__(
        self, engine: sa.Engine, limits: Mapping[SystemId, Limits], *, clock: Clock,
        policy: DeliveryPolicy | None = None,
    ) -> None:  # fmt: skip
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._inline = engine.dialect.name == "sqlite"
        self._limits = dict(limits)
        self._clock = clock
        self._policy = policy or DeliveryPolicy()
        self._turns = {target: asyncio.Lock() for target in limits}

    async def prepare(self) -> None:
        """Make the tables if missing, and rows for the targets; limits given here replace older ones."""
        await self._run(self._prepare)

    async def take(self, target: SystemId, cost: int = 1) -> Grant:
        """Wait until `cost` calls may be made; first come first served within this process."""
        poll_s = POLL_S
        async with self._turns[target]:
            while True:
                found = await self._ask(target, cost)
                if isinstance(found, Grant):
                    return found
                if found > 0.0:
                    await asyncio.sleep(found)
                else:
                    await asyncio.sleep(poll_s)
                    poll_s = min(POLL_MAX_S, poll_s * 2.0)

    async def done(
        self, grant: Grant, *, throttled: bool = False, after_s: float | None = None, used: bool = True
    ) -> None:
        """Give a grant back; one that has expired only tells what it learnt."""

        def work(connection: sa.Connection) -> None:
            pace = self._locked(connection, grant.target)
            connection.execute(sa.delete(grants).where(grants.c.grant_id == grant.grant_id))
            now = self._clock.now()
            pace.learn(grant, now, self._policy, throttled=throttled, after_s=after_s, used=used)
            _write(connection, grant.target, pace)

        await self._run(work)

    async def status(self, target: SystemId) -> BudgetStatus:
        """How the target's budget stands, over all workers."""

        def work(connection: sa.Connection) -> BudgetStatus:
            now = self._clock.now()
            row = connection.execute(sa.select(budgets).where(budgets.c.target == target)).one()
            return status_of(_pace(row), self._out(connection, target, now), now)

        return await self._run(work)

    async def _ask(self, target: SystemId, cost: int) -> Grant | float:
        asked = asyncio.ensure_future(self._run(lambda connection: self._try(connection, target, cost)))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            # A thread can't be cancelled: what it is granted after we left goes back.
            found = await asked
            if isinstance(found, Grant):
                await self.done(found, used=False)
            raise

    def _prepare(self, connection: sa.Connection) -> None:
        if not self._inline:  # two workers that start together would both find the tables missing
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(budgets.name))))
        metadata.create_all(connection)
        insert = sqlite.insert if self._inline else postgresql.insert
        for target, limits in self._limits.items():
            row = _row(Pace.of(limits, self._clock.now()))
            newer = {"ceiling": limits.concurrency, "per_minute": limits.per_minute}
            connection.execute(
                insert(budgets)
                .values(target=target, **row)
                .on_conflict_do_update(index_elements=["target"], set_=newer)
            )

    def _try(self, connection: sa.Connection, target: SystemId, cost: int) -> Grant | float:
        """A grant; or the seconds to wait, 0 when it is for a slot of somebody else."""
        pace = self._locked(connection, target)
        now = self._clock.now()
        connection.execute(sa.delete(grants).where(grants.c.target == target, grants.c.until <= to_text(now)))
        if self._out(connection, target, now) >= min(int(pace.limit), pace.ceiling):
            return 0.0
        wait = pace.wait_s(now, cost)
        if wait == 0.0:
            pace.spend(cost)
        _write(connection, target, pace)
        if wait > 0.0:
            return wait
        # Twice a call's limit: a live worker's grant must not expire under it.
        until = now + timedelta(seconds=2 * self._policy.call_limit_s)
        grant = sa.insert(grants).values(target=target, until=to_text(until)).returning(grants.c.grant_id)
        grant_id = connection.execute(grant).scalar_one()
        return Grant(target=target, cost=cost, era=pace.era, grant_id=grant_id)

    def _locked(self, connection: sa.Connection, target: SystemId) -> Pace:
        rows = sa.select(budgets).where(budgets.c.target == target).with_for_update()
        return _pace(connection.execute(rows).one())

    def _out(self, connection: sa.Connection, target: SystemId, now: datetime) -> int:
        count = sa.select(sa.func.count()).where(grants.c.target == target, grants.c.until > to_text(now))
        return int(connection.execute(count).scalar_one())

    async def _run(self, work: Callable[[sa.Connection], T]) -> T:
        if self._inline:
            return self._transaction(work)
        return await asyncio.to_thread(self._transaction, work)

    def _transaction(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                # SQLite has no row locks: it must begin as the one writer, or two could read one slot.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if self._inline else "BEGIN")
                try:
                    found = work(connection)
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
                return found
        except SQLAlchemyError as error:
            raise Overloaded(f"the shared budget can't be read: {type(error).__name__}") from error


def _row(pace: Pace) -> dict[str, object]:
    return {
        "ceiling": pace.ceiling,
        "per_minute": pace.per_minute,
        "allowed": pace.limit,
        "tokens": pace.tokens,
        "at": to_text(pace.at),
        "paused_until": to_text(pace.paused_until),
        "era": pace.era,
        "streak": pace.streak,
        "throttled": pace.throttled,
    }


def _write(connection: sa.Connection, target: SystemId, pace: Pace) -> None:
    connection.execute(sa.update(budgets).where(budgets.c.target == target).values(_row(pace)))


def _pace(row: sa.Row[tuple[object, ...]]) -> Pace:
    return Pace(
        ceiling=row.ceiling, per_minute=row.per_minute, limit=min(row.allowed, float(row.ceiling)),
        tokens=row.tokens, at=from_text(row.at), paused_until=from_text(row.paused_until),
        era=row.era, streak=row.streak, throttled=row.throttled,
    )  # fmt: skip
