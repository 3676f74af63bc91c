"""What journal and ERPs tell of a run's documents, gathered; whoever can't be asked is named in the notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from loadtests.running.run import Run
from loadtests.verdict.erps import BackDoor, Metered, back_doors
from loadtests.verdict.invariants import invariants
from loadtests.verdict.journal import JournalRows, ToldJournal, ask_gateway, sql_journal
from loadtests.verdict.limits import allowed, erp_use
from loadtests.verdict.matching import Matched, Matching
from loadtests.verdict.model import Erp
from loadtests.verdict.moments import SECOND_US, Beginning
from loadtests.verdict.sent import NOTHING, Documents
from loadtests.verdict.waiting import Waiting
from router.errors import Broken

Say = Callable[[str], None]
Replays = Sequence[tuple[str, bool]]
"""(transaction id, whether a repeated request got the first answer)."""


@dataclass(slots=True)
class Books:
    """What was told."""

    found: Matched
    erps: tuple[Erp, ...] = ()
    meters: Mapping[str, Metered] = field(default_factory=dict)
    invariants: Sequence[Mapping[str, Any]] = ()
    notes: list[str] = field(default_factory=list)
    journal_asked: bool = True
    erps_asked: bool = False


class Asking:
    """Asks everybody about one run."""

    def __init__(
        self, run: Run, *, begin: Beginning, database: str | None, simulated: Mapping[str, Any] | None, say: Say
    ) -> None:  # fmt: skip
        self._run, self._begin, self._say = run, begin, say
        self._database, self._simulated = database, simulated
        self._notes: list[str] = []

    def books(self, documents: Documents, replays: Replays, bands: Sequence[Mapping[str, Any]]) -> Books:
        """Match with the journal, then with the ERPs, then check the invariants. Raises BadConfig, Broken."""
        waiting = Waiting(self._begin)
        with self._journal(documents) as rows:
            if rows is None:
                nobody = Matching(documents, ToldJournal(()), self._begin, waiting)
                return Books(nobody.found, notes=self._notes, journal_asked=False)
            self._say("matching what was sent with the journal")
            matching = Matching(documents, rows, self._begin, waiting)
            matching.journal()
            meters = self._erps(matching)
            if meters:
                matching.confirmed(meters)
        found = matching.found
        if self._database is None:
            self._forget_unnamed(documents, found)
        erps = tuple(
            erp_use(
                system, meter, allowed(self._run, system, meter), waiting,
                bands=bands, begin=self._begin, documents=found.per_erp.get(system, 0),
            )
            for system, meter in sorted(meters.items())
        )  # fmt: skip
        return Books(
            found, erps, meters, self._invariants(found, replays), self._notes, erps_asked=bool(meters)
        )

    @contextmanager
    def _journal(self, documents: Documents) -> Iterator[JournalRows | None]:
        if self._database is not None:
            with sql_journal(self._database) as journal:
                yield journal
            return
        numbers = sorted({one for one in documents.answered if one != NOTHING})
        self._notes.append(f"no database was given: the gateway was asked for {len(numbers)} transactions")
        told: JournalRows | None = None
        try:
            told = ask_gateway(self._run.gateway, numbers)
        except* httpx.HTTPError as errors:
            first = errors.exceptions[0]
            self._notes.append(f"the gateway did not tell what became of the documents: {first!r}"[:300])
        yield told

    def _erps(self, matching: Matching) -> dict[str, Metered]:
        if self._simulated is None:
            self._notes.append("the ERPs were not asked what they hold: only simulated ones can be")
            return {}
        wanted = sorted({*matching.targets, *(use.system for use in self._run.scenario.limits.erps)})
        meters: dict[str, Metered] = {}
        try:
            for door in back_doors(self._simulated, wanted):
                meters[door.system] = self._erp(matching, door)
        except httpx.HTTPError as error:
            raise Broken(f"a simulated ERP does not answer any more: {error!r}"[:300]) from error
        return meters

    def _erp(self, matching: Matching, door: BackDoor) -> Metered:
        self._say(f"asking {door.system} what it holds")
        matching.erp(door.system, door.documents())
        return door.meter(self._begin.epoch_us // SECOND_US)

    def _forget_unnamed(self, documents: Documents, found: Matched) -> None:
        """Without a database, a document whose answer named no transaction can't be looked up."""
        unnamed = [at for at in found.lost if documents.answered[at] == NOTHING and not found.seq[at]]
        for at in unnamed:
            del found.lost[at]
        if unnamed:
            self._notes.append(
                f"{len(unnamed)} documents were accepted under no name of their own: not asked for"
            )

    def _invariants(self, found: Matched, replays: Replays) -> Sequence[Mapping[str, Any]]:
        if self._database is None:
            self._notes.append("the invariants were not checked: no database was given")
            return ()
        self._say("checking the invariants")
        first, last = max(found.first_seq, 1), max([*found.seq, 1])
        checked, notes = invariants(self._database, first=first, last=last, replays=replays)
        self._notes += notes
        return checked
