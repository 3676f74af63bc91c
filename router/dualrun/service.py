"""Runs a comparison: reads both ERPs back, compares, waits out the grace period, explains, stores every break."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from router.canonical.ledger import OPENING
from router.clock import Clock, from_text
from router.connectors.port import Connector, Record, Written
from router.dualrun import comparison as outcome
from router.dualrun.books import Books, Patience, Reading
from router.dualrun.breaks import Break, Level
from router.dualrun.clusters import Clusters
from router.dualrun.comparison import Comparison, KindCluster
from router.dualrun.drilldown import examples
from router.dualrun.explain import explained
from router.dualrun.grace import MAKES, Afoot, Judged, Name, afoot, consistency, to_read_again
from router.dualrun.kind_comparison import KindResult, TableResult, compare_kind, kinds_bench
from router.dualrun.lifecycle import Scope
from router.dualrun.live_causes import LiveFacts, LiveJudge
from router.dualrun.live_causes.amounts import Amounts
from router.dualrun.membership import gather
from router.dualrun.noise import Noise, NoiseFloor, live_bears, measured
from router.dualrun.policy import DualRunPolicy, Policy
from router.dualrun.reading_back import PeriodOf, compared_columns, identity
from router.errors import BadInput
from router.finance.calendar import Calendars
from router.journal.break_states import BreakRun
from router.journal.journal import Journal
from router.journal.port import Position
from router.journal.port import Scope as JournalScope
from router.model import SystemId

__all__ = ["Comparison", "DualRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a comparison is about."""

    run_id: str
    legacy: SystemId
    cloud: SystemId
    entities: tuple[str, ...]
    since: str
    until: str
    business_units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Of the policy's, those that are compared."""
    left_behind: AbstractSet[tuple[str, str]] = frozenset()
    """(kind, our id) of the legacy ERP's own history."""
    patience: Patience | None = None

    @property
    def scope(self) -> JournalScope:
        """Whose deliveries count; what is not compared may be on its way."""
        return JournalScope(
            entities=self.entities,
            business_units=self.business_units,
            kinds=(*self.kinds, *(sent for sent, made in MAKES.items() if made in self.kinds)),
        )

    @property
    def systems(self) -> tuple[SystemId, SystemId]:
        """Legacy, cloud."""
        return self.legacy, self.cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Both ERPs as they were read, and where the journal stood."""

    legacy: Reading
    cloud: Reading
    before: Position
    between: Position
    after: Position
    afoot: Afoot


class DualRun:
    """Compares what two ERPs hold."""

    def __init__(
        self,
        *,
        journal: Journal,
        connectors: Mapping[SystemId, Connector],
        policy: DualRunPolicy,
        calendars: Calendars,
        tax_rates: Mapping[str, int],
        clock: Clock,
        noise: NoiseFloor | None = None,
    ) -> None:
        """`noise`: what control runs of the legacy ERP with itself taught; None: no such run was made."""
        self._journal = journal
        self._books = Books(connectors=connectors, clock=clock)
        self._policy = policy
        self._period = _period_of(calendars)
        self._tax_rates = tax_rates
        self._clock = clock
        if noise is not None and noise.policy_hash != policy.fingerprint:
            raise BadInput(
                "the noise floor was learned under another comparison policy",
                mend="make its control runs again",
            )
        self._noise = noise
        self._grace = timedelta(minutes=policy.grace_minutes)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of document the policy compares."""
        return tuple(self._policy.kinds)

    async def compare(
        self,
        *,
        run_id: str,
        legacy: SystemId,
        cloud: SystemId,
        entities: Sequence[str],
        since: str,
        until: str,
        business_units: Sequence[str] = (),
        kinds: Sequence[str] = (),
        left_behind: AbstractSet[tuple[str, str]] = frozenset(),
        patience: Patience | None = None,
    ) -> Comparison:
        """Compare all kinds of the policy for some entities and accounting dates in [since, until).

        `business_units` and `kinds` narrow it to the part of a wave (empty: all). An ERP's record need not say
        its unit: the journal does; a record the journal never had is judged whatever the unit. `left_behind`:
        (kind, our id) of what only the legacy ERP was ever given, before a load; it is not compared.
        `patience`: how long an ERP that can't be read is asked again (None: for a storm).

        Documents that differ and were touched within the grace period are read once more when it has passed.
        Raises VendorUnknown or VendorRefused when an ERP can't be read; then nothing is stored. Interrupted
        and made again under its run id, it stores the same.
        """
        asked = Asked(
            run_id=run_id,
            legacy=legacy,
            cloud=cloud,
            entities=tuple(entities),
            since=since,
            until=until,
            business_units=tuple(business_units),
            kinds=tuple(kinds),
            left_behind=left_behind,
            patience=patience,
        )
        read = await self._read(asked, self._kinds(asked))
        results = await self._compared(read.legacy.records, read.cloud.records)
        recheck, due = to_read_again(
            _to_judge(results, Judged(first=read.afoot)), read.afoot, at=self._clock.now(), grace=self._grace
        )
        again: Read | None = None
        if due is not None:
            # What was on its way may have come when the grace of the others has passed.
            recheck |= {name for name in _differing(results) if name in read.afoot.pending}
            await asyncio.sleep(max(0.0, (due - self._clock.now()).total_seconds()))
            again = await self._read(asked, tuple(dict.fromkeys(kind for kind, _ in sorted(recheck))))
            results |= await self._compared(*_with_read_again(read, again, recheck))
        return await self._told(asked, read, again, results, recheck)

    async def beside(
        self,
        systems: Sequence[SystemId],
        *,
        entities: Sequence[str],
        since: datetime,
        until: datetime,
        patience: Patience | None = None,
    ) -> dict[SystemId, list[Written] | None]:
        """What was written in these ERPs in [since, until] that nobody here sent; None where one can't tell.

        Raises VendorUnknown or VendorRefused when an ERP can't be read.
        """
        found: dict[SystemId, list[Written] | None] = {}
        for system in systems:
            rows = await self._books.written(
                system, entities=entities, since=since, until=until, patience=patience
            )
            if rows is None:
                found[system] = None
                continue
            sent = await self._journal.sent(system, [row.external_id for row in rows if row.external_id])
            found[system] = [row for row in rows if row.external_id not in sent]
        return found

    async def _read(self, asked: Asked, kinds: Sequence[str]) -> Read:
        """Legacy first, then cloud, with the journal's position before, between and after."""
        span: dict[str, Any] = {
            "entities": asked.entities, "since": asked.since, "until": asked.until, "patience": asked.patience,
        }  # fmt: skip
        entities, targets = asked.scope, asked.systems
        before = await self._journal.position(entities=entities, targets=targets)
        old = await self._books.read(asked.legacy, kinds, **span)
        between = await self._journal.position(entities=entities, targets=targets)
        new = await self._books.read(asked.cloud, kinds, **span)
        after = await self._journal.position(entities=entities, targets=targets)
        moving = await self._journal.moving(
            entities=entities, targets=targets, since=self._clock.now() - self._grace
        )
        # Opening balances stand for what the legacy ERP holds in documents of its own.
        new = _without(new, {name for name in _names(new) if name[1].startswith(OPENING)})
        if asked.left_behind:
            old = _without(old, asked.left_behind)
        if asked.business_units:
            units = await self._journal.units_of(asked.entities)
            old, new = (_of_units(one, asked.business_units, units) for one in (old, new))
        return Read(legacy=old, cloud=new, before=before, between=between, after=after, afoot=afoot(moving))

    def _kinds(self, asked: Asked) -> tuple[str, ...]:
        return tuple(kind for kind in self._policy.kinds if not asked.kinds or kind in asked.kinds)

    async def _compared(
        self, legacy: Mapping[str, Sequence[Any]], cloud: Mapping[str, Sequence[Any]]
    ) -> dict[str, KindResult]:
        today, found = self._clock.now().date(), {}
        with kinds_bench() as bench:
            for kind, rules in self._policy.kinds.items():
                old, new = legacy.get(kind, ()), cloud.get(kind, ())
                if old or new:
                    found[kind] = compare_kind(
                        kind, rules, old, new, period=self._period, today=today, bench=bench
                    )
                    # Deliveries go on between two kinds.
                    await asyncio.sleep(0)
        return found

    async def _told(
        self,
        asked: Asked,
        read: Read,
        again: Read | None,
        results: Mapping[str, KindResult],
        recheck: frozenset[Name],
    ) -> Comparison:
        now, differing = (again or read).afoot, set(_differing(results))
        judged = Judged(first=read.afoot) if again is None else _judged(read, again, recheck)
        facts = await self._facts(asked, results)
        amounts = Amounts(facts)
        breaks: list[Break] = []
        held_back: list[str] = []
        clusters: list[KindCluster] = []
        levels: list[Mapping[str, Any]] = []
        pairs, noise = _pairs(results), None
        observed = measured(pairs, ())
        if self._noise is not None:
            noise = Noise(self._noise, observed, live_bears(_policies(results)))
        for kind, result in results.items():
            mine, gathered = [], Clusters(document=("document_id",))
            for row in _breaks(result, facts, amounts):
                name = (kind, row.key["document_id"])
                if judged.waits(name, (row.column,)):
                    held_back.append(row.identity)
                    continue
                mine.append(row)
                observed.add(row)
            if noise is not None:
                mine = [noise(row) for row in mine]
            for row in mine:
                gathered.add(row)
            clusters += [KindCluster(kind, cluster) for cluster in gathered.ranked()]
            levels += outcome.levels_of(result, mine, self._period)
            breaks += mine
        ranked = outcome.ranked(clusters)
        found = Comparison(
            run_id=asked.run_id,
            legacy=asked.legacy,
            cloud=asked.cloud,
            entities=asked.entities,
            consistency=_point(read, again),
            compared=sum(result.headers.counts.pairs for result in results.values()),
            pending=now.deliveries,
            held_back=len(held_back),
            settled_in_grace=sum(name not in differing and name not in now.pending for name in recheck),
            read_again=len(recheck),
            levels=tuple(levels),
            walks=tuple(row for result in results.values() for row in outcome.walks_of(result)),
            hidden=tuple(row for result in results.values() for row in outcome.hidden_of(result)),
            breaks=tuple(breaks),
            clusters=ranked,
            habits=tuple(row for row in facts.habits() if row["invoices"] or row["entries"]),
            examples=tuple(examples(ranked, results)),
            money=outcome.invoice_money(results["invoice"].legacy, results["invoice"].cloud)
            if "invoice" in results
            else {},
            untied_documents=tuple(name for result in results.values() for name in result.untied_documents),
            untied_walks=tuple(name for result in results.values() for name in result.untied_walks),
            policy_hash=self._policy.fingerprint,
            pairs=pairs,
            noise=noise.to_json() if noise is not None else None,
        )
        await self._store(asked, found, frozenset(held_back), judged.pending)
        return found

    async def _facts(self, asked: Asked, results: Mapping[str, KindResult]) -> LiveFacts:
        return await gather(
            self._journal,
            legacy=[row for result in results.values() for row in result.legacy],
            cloud=[row for result in results.values() for row in result.cloud],
            target=asked.cloud,
            entities=asked.entities,
            tax_rates=self._tax_rates,
        )

    async def _store(
        self, asked: Asked, found: Comparison, undecided: frozenset[str], pending: frozenset[Name]
    ) -> None:
        scope = Scope.dual_run(
            asked.legacy,
            asked.cloud,
            kinds=self._kinds(asked),
            entities=asked.entities,
            since=asked.since,
            until=asked.until,
            business_units=asked.business_units,
        )
        run = BreakRun(
            run_id=asked.run_id,
            scope=scope,
            policy_hash=found.policy_hash,
            consistency=found.consistency["state"],
            position=str(found.consistency["position"]),
            undecided=undecided,
            pending=pending,
            columns=compared_columns(self._policy.kinds),
            facts={
                "compared": found.compared,
                "pending": found.pending,
                "settled_in_grace": found.settled_in_grace,
                "untied": found.untied,
                "missing": found.missing,
                "unexplained": found.unexplained,
                "expired": found.expired,
                "held_back": found.held_back,
                "invoices": {currency: dict(row) for currency, row in sorted(found.money.items())},
            },
        )
        await self._journal.store_run(run, found.breaks)


def _of_units(reading: Reading, units: Sequence[str], known: Mapping[tuple[str, str], str]) -> Reading:
    """What belongs to some business units, or to nobody knows which."""

    def belongs(row: Record) -> bool:
        # An ERP's invoice carries the id of the billing event it was made for.
        names = (row.kind, *(sent for sent, made in MAKES.items() if made == row.kind))
        said = (known.get((name, identity(row)), "") for name in names)
        unit = next(filter(None, said), "") or row.dimensions.get("business_unit")
        return not unit or unit in units

    records = {kind: tuple(row for row in rows if belongs(row)) for kind, rows in reading.records.items()}
    return replace(reading, records=records)


def _names(reading: Reading) -> Iterator[tuple[str, str]]:
    return ((kind, identity(row)) for kind, rows in reading.records.items() for row in rows)


def _without(reading: Reading, names: AbstractSet[tuple[str, str]]) -> Reading:
    """The books without some documents."""
    kept = {
        kind: tuple(row for row in rows if (kind, identity(row)) not in names)
        for kind, rows in reading.records.items()
    }
    return replace(reading, records=kept)


def _tables(results: Mapping[str, KindResult]) -> Iterator[tuple[str, Level, TableResult]]:
    for kind, result in results.items():
        yield kind, "document", result.headers
        if result.lines is not None:
            yield kind, "line", result.lines


def _pairs(results: Mapping[str, KindResult]) -> dict[tuple[str, str], int]:
    return {(kind, level): table.counts.pairs for kind, level, table in _tables(results)}


def _policies(results: Mapping[str, KindResult]) -> dict[tuple[str, str], Policy]:
    return {(kind, level): table.policy for kind, level, table in _tables(results)}


def _breaks(result: KindResult, facts: LiveFacts, amounts: Amounts) -> list[Break]:
    """The breaks of a kind: documents, which carry the money, then their lines, which only show where it is."""
    dated = {
        identity(row): row.accounting_date for row in (*result.cloud, *result.legacy) if row.accounting_date
    }
    found = []
    for table in (result.headers, result.lines):
        if table is None:
            continue
        judge = LiveJudge(result.kind, facts, amounts)
        lines = table is result.lines
        for row in explained(
            table.views,
            judge,
            table.policy,
            kind=result.kind,
            level="line" if lines else "document",
            counts=not lines,
        ):
            on = dated.get(row.key["document_id"])
            # Rows of a read-back have no place that anybody could look up.
            found.append(
                replace(
                    row,
                    legacy_rows=(),
                    cloud_rows=(),
                    facts={**row.facts, **({"accounting_date": on} if on else {})},
                )
            )
    return found


def _judged(read: Read, again: Read, names: frozenset[Name]) -> Judged:
    return Judged(first=read.afoot, again=again.afoot, names=names, begun=from_text(again.before.at))


def _to_judge(results: Mapping[str, KindResult], judged: Judged) -> list[Name]:
    """Documents that differ and don't wait for a delivery, in order."""
    return [name for name, columns in _differing(results).items() if not judged.waits(name, columns)]


def _differing(results: Mapping[str, KindResult]) -> dict[Name, frozenset[str]]:
    """Documents that differ, in order, and the columns, with those of their lines."""
    found: dict[Name, frozenset[str]] = {}
    for kind, result in results.items():
        for table in (result.headers, result.lines):
            for key, columns in table.differing() if table else ():
                found[(kind, key)] = found.get((kind, key), frozenset()) | columns
    return found


def _with_read_again(
    read: Read, again: Read, names: frozenset[Name]
) -> tuple[dict[str, Sequence[Any]], dict[str, Sequence[Any]]]:
    """The first reading with the documents in question as they are now, for the kinds they are of."""
    sides: list[dict[str, Sequence[Any]]] = []
    for first, second in ((read.legacy, again.legacy), (read.cloud, again.cloud)):
        rows: dict[str, Sequence[Any]] = {}
        for kind, now in second.records.items():
            kept = [row for row in first.records.get(kind, ()) if (kind, identity(row)) not in names]
            rows[kind] = (*kept, *(row for row in now if (kind, identity(row)) in names))
        sides.append(rows)
    return sides[0], sides[1]


def _point(read: Read, again: Read | None) -> dict[str, Any]:
    found = consistency(read.before, read.between, read.after)
    found["read"] = [read.legacy.to_json(), read.cloud.to_json()]
    if again is not None:
        found["read_again"] = [again.legacy.to_json(), again.cloud.to_json()]
    return found


def _period_of(calendars: Calendars) -> PeriodOf:
    def period(entity: str, on: str) -> str:
        if not on:
            return ""
        try:
            return calendars.on(entity, date.fromisoformat(on)).name
        except (BadInput, ValueError):
            return on[:7]  # an entity we don't know, or no date: the ERP's own words

    return period
