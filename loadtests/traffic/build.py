"""The traffic of a run, put together: the same in every process that reads the same run.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadtests.running.run import Run
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.schedule import Arrival
from loadtests.traffic import onboarding, work
from loadtests.traffic.billing import Billed, entry_forms
from loadtests.traffic.chance import code_of, key_of
from loadtests.traffic.forms import Alike, Form, Sheet
from loadtests.traffic.ground import Ground, ground_of
from loadtests.traffic.model import Request
from loadtests.traffic.processes import ClientAccounts, ProjectStarts, TimeApprovals
from loadtests.traffic.seeds import seeds_of
from simulators.firm.model import Customer

LONGEST_TAG = 16
REFERRED_TO = frozenset({"customer", "rate_card", "contract", "project", "resource"})
"""Masters that the documents of a run name: each further one makes whoever starts it wait."""


class FirmTraffic:
    """See `loadtests.traffic.port.Traffic`."""

    def __init__(self, run: Run, ground: Ground, sheets: Sequence[Sheet]) -> None:
        self._run = run
        self._ground = ground
        self._sheets = sheets
        self._requests = [sheet.request for sheet in sheets]

    def seeds(self) -> Mapping[str, Any]:
        """The firm's rows in CRM, PSA and HCM, and a deal for every project the run will start."""
        return seeds_of(self._ground, self._run.tag, self._deals())

    def masters(self) -> Sequence[Mapping[str, Any]]:
        """What the run's entities are worked for by, with the run's own agreements; no plans, contacts or tasks."""
        wanted = frozenset(self._ground.entities)
        return [
            one
            for one in self._ground.firm.masters()
            if one["data"]["kind"] in REFERRED_TO and one["data"]["legal_entity"] in wanted
        ]

    def request(self, arrival: Arrival) -> Request:
        """What an arrival sends: a pure function of its stream and ordinal."""
        return self._requests[arrival.stream](arrival.ordinal)

    def _deals(self) -> Iterator[tuple[str, Customer]]:
        starts = {at: sheet for at, sheet in enumerate(self._sheets) if isinstance(sheet, ProjectStarts)}
        counted = schedule(self._run).streams if starts else b""
        for at, sheet in starts.items():
            for ordinal in range(counted.count(at)):
                yield sheet.record_id(ordinal), sheet.customer(ordinal)


def traffic_of(run: Run) -> FirmTraffic:
    """The traffic of a run; raises BadInput for a stream nothing can be sent for."""
    ground = ground_of(run)
    return FirmTraffic(run, ground, [_sheet(run, ground, at) for at in range(len(run.scenario.streams))])


def _sheet(run: Run, ground: Ground, at: int) -> Sheet:
    stream = run.scenario.streams[at]
    # A long or odd tag gives way to a code of it: an id has 64 characters, and few signs.
    good = run.tag.isascii() and run.tag.isalnum() and len(run.tag) <= LONGEST_TAG
    tag = run.tag if good or not run.tag else code_of(run.tag, 8)
    prefix = f"LT-{tag}-{at}-" if tag else f"LT-{at}-"
    key = key_of(f"{run.seed}/{stream.name}")
    match stream.sends:
        case "customer" | "contract" | "project":
            return onboarding.Onboarding(ground, stream, prefix=prefix, key=key)
        case "billing_event":
            return Billed(ground, stream, prefix=prefix, key=key)
        case "client_account":
            return ClientAccounts(ground, stream, prefix=prefix, key=key)
        case "project_start":
            return ProjectStarts(ground, stream, at=at, tag=run.tag, key=key)
        case "time_approval":
            return TimeApprovals(ground, stream, prefix=prefix, key=key)
        case "change_order":
            forms = onboarding.change_forms(ground, at)
            return onboarding.InVersions(forms, prefix=prefix, lines=stream.lines, client=stream.client)
        case _:
            forms = _forms(ground, run, at, key)
            return Alike(forms, prefix=prefix, key=key, lines=stream.lines, client=stream.client)


def _forms(ground: Ground, run: Run, at: int, key: int) -> Sequence[Form]:
    stream = run.scenario.streams[at]
    match stream.sends:
        case "time_entry":
            return work.time_forms(ground, stream)
        case "historical_time":
            return work.historical_forms(ground, stream)
        case "expense_item":
            return work.expense_forms(ground, stream)
        case "milestone":
            return work.milestone_forms(ground, at, key)
        case "charge":
            return work.charge_forms(ground, at, key)
        case "assignment":
            return onboarding.assignment_forms(ground, stream)
        case "journal_entry":
            return entry_forms(ground, stream, key)
        case _:
            raise AssertionError(stream.sends)
