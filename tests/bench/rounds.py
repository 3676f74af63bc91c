"""A row of the bench, and the arithmetic of alternating rounds."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import orjson


class Row(TypedDict):
    """One figure: a ratio, what it should at least be (None: only told), and how it came about."""

    name: str
    ratio: float
    target: float | None
    detail: str
    machine: NotRequired[bool]
    """True: the ratio is to a clock or a fixed figure, so it says as much of the machine as of the program."""


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours / theirs: both sides of a round met the same machine."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def spread(values: Sequence[float]) -> str:
    """The median, with the least and the most."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def tell(rows: Sequence[Row]) -> None:
    """Hand rows to whoever started this part."""
    sys.stdout.buffer.write(orjson.dumps(list(rows)) + b"\n")
