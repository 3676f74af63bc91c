"""What the rest of the load tests ask of the traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from loadtests.scenario.schedule import Arrival
from loadtests.traffic.model import Request


class Traffic(Protocol):
    """The documents of a run: `loadtests.traffic.build.traffic_of(run)` makes it."""

    def seeds(self) -> Mapping[str, Any]:
        """System → rows its simulator is seeded with (`/_sim/seed`) before the run."""
        ...

    def masters(self) -> Sequence[Mapping[str, Any]]:
        """The events loaded, and delivered, before the run: what its documents refer to, in order."""
        ...

    def request(self, arrival: Arrival) -> Request:
        """What an arrival sends: the same bytes in every process."""
        ...
