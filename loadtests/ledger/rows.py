"""A line of the ledger. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

LATE_US = 50_000
"""A start later than this is late: the generator, not the gateway, was slow."""
NO_ANSWER = 0
"""The status of a request nobody answered in time."""
ROWS_MAX = 50_000_000
"""Requests of a run; more don't fit into memory, and were never sent by one run."""
DROPPED = -1
"""The status of a start that never became a request: the generator had no room for it."""


class Sent(NamedTuple):
    """A request as the generator saw it."""

    number: int
    intended_us: int
    started_us: int
    ended_us: int
    status: int
    """The HTTP status, NO_ANSWER or DROPPED."""
    transactions: tuple[str, ...]
    """Ids the gateway answered with, line by line; an empty one: that line was refused."""
    error: str
    """Why there is no answer, or the problem's type; bounded."""
    repeat: bool = False
    """A second sending of the same request."""

    @property
    def latency_us(self) -> int:
        """From the intended start to the whole answer: what whoever waits would say."""
        return self.ended_us - self.intended_us

    @property
    def service_us(self) -> int:
        """From the real start to the whole answer: what a closed model would have measured."""
        return self.ended_us - self.started_us

    @property
    def late(self) -> bool:
        """Whether the generator was late with it."""
        return self.started_us - self.intended_us > LATE_US

    def as_line(self) -> list[Any]:
        """The row as JSON."""
        return [*self[:5], list(self.transactions), self.error, self.repeat]


def from_line(line: list[Any]) -> Sent:
    """A row from its JSON; raises ValueError or TypeError when it is none."""
    index, intended, started, ended, status, transactions, error, repeat = line
    return Sent(
        int(index), int(intended), int(started), int(ended), int(status), tuple(map(str, transactions)),
        str(error), bool(repeat),
    )  # fmt: skip
