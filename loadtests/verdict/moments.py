"""Moments of a run: texts of the journal and the ERPs as microseconds from the run's start. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Beginning:
    """The moment a run's microsecond 0 was."""

    __slots__ = ("at", "epoch_us", "text")

    def __init__(self, text: str) -> None:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(f"{text!r} has no time zone")
        self.at = at.astimezone(UTC)
        self.epoch_us = (self.at - _EPOCH) // _MICROSECOND
        self.text = self.at.isoformat(timespec="microseconds")[:-6] + "Z"
        """Sorts among the times of journals and simulators."""

    def us(self, text: str) -> int:
        """Microseconds from the beginning; negative before it. Raises ValueError for what is no time."""
        return (datetime.fromisoformat(text) - self.at) // _MICROSECOND
