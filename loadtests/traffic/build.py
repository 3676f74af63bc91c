"""The traffic of a run, put together: the same in every process that reads the same run.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadtests.running.run import Run
from loadtests.scenario.model import Stream
from loadtests.scenario.schedule import Arrival
from loadtests.traffic.chance import code_of, key_of
from loadtests.traffic.forms import Alike, Form, Sheet
from loadtests.traffic.ground import Ground, ground_of
from loadtests.traffic.model import Request
from loadtests.traffic.work import time_forms

LONGEST_TAG = 16


class FirmTraffic:
    """See `loadtests.traffic.port.Traffic`."""

    def __init__(self, ground: Ground, sheets: Sequence[Sheet]) -> None:
        self._ground = ground
        self._requests = [sheet.request for sheet in sheets]

    def seeds(self) -> Mapping[str, Any]:
        """The firm's rows in CRM, PSA and HCM."""
        return self._ground.firm.seeds()

    def masters(self) -> Sequence[Mapping[str, Any]]:
        """The initial load of the run's entities, with the run's own agreements."""
        wanted = frozenset(self._ground.entities)
        return [one for one in self._ground.firm.masters() if one["data"]["legal_entity"] in wanted]

    def request(self, arrival: Arrival) -> Request:
        """What an arrival sends: a pure function of its stream and ordinal."""
        return self._requests[arrival.stream](arrival.ordinal)


def traffic_of(run: Run) -> FirmTraffic:
    """The traffic of a run; raises BadInput for a stream nothing can be sent for."""
    ground = ground_of(run)
    return FirmTraffic(ground, [_sheet(run, ground, at) for at in range(len(run.scenario.streams))])


def _sheet(run: Run, ground: Ground, at: int) -> Sheet:
    stream = run.scenario.streams[at]
    tag = run.tag if run.tag.isalnum() and run.tag.isascii() and len(run.tag) <= LONGEST_TAG else ""
    tag = tag or (code_of(run.tag, 8) if run.tag else "")
    prefix = f"LT-{tag}-{at}-" if tag else f"LT-{at}-"
    key = key_of(f"{run.seed}/{stream.name}")
    return Alike(_forms(ground, stream), prefix=prefix, key=key, lines=stream.lines, client=stream.client)


def _forms(ground: Ground, stream: Stream) -> list[Form]:
    return time_forms(ground, stream)
