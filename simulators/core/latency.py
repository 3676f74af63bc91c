"""How long an answer takes: drawn from the injected generator, longer under load."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Protocol

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?\Z", re.ASCII)


class Latency(Protocol):
    """A model of a system's time to answer."""

    def seconds(self, rng: random.Random, in_flight: int) -> float:
        """Seconds one request takes while `in_flight` others are being served."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same, times 1 + load per other request in flight."""

    s: float
    load: float = 0.0

    def seconds(self, rng: random.Random, in_flight: int) -> float:
        """Seconds; draws nothing."""
        del rng
        return self.s * (1 + self.load * in_flight)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Evenly between two bounds, times 1 + load per other request in flight."""

    low_s: float
    high_s: float
    load: float = 0.0

    def seconds(self, rng: random.Random, in_flight: int) -> float:
        """Seconds; draws once."""
        return rng.uniform(self.low_s, self.high_s) * (1 + self.load * in_flight)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Mostly near the median with a long tail, as network services are; times 1 + load per other request."""

    median_s: float
    sigma: float
    load: float = 0.0
    most_s: float = 30.0
    """Cuts the tail: one draw in a million must not look like a hang."""

    def seconds(self, rng: random.Random, in_flight: int) -> float:
        """Seconds; draws once."""
        drawn = min(rng.lognormvariate(math.log(self.median_s), self.sigma), self.most_s)
        return drawn * (1 + self.load * in_flight)


def latency_from(text: str) -> Latency | None:
    """Reads `none`, `fixed S [LOAD]`, `uniform LOW HIGH [LOAD]` or `lognormal MEDIAN SIGMA [LOAD]`; seconds.

    Raises ValueError for anything else.
    """
    word, *rest = text.split() or [""]
    if all(_NUMBER.match(part) for part in rest):
        match word, [float(part) for part in rest]:
            case "none", []:
                return None
            case "fixed", [s, *load] if len(load) < 2:
                return Fixed(s, *load)
            case "uniform", [low, high, *load] if len(load) < 2:
                return Uniform(low, high, *load)
            case "lognormal", [median, sigma, *load] if median > 0 and len(load) < 2:
                return Lognormal(median, sigma, *load)
    msg = f"latency {text!r} is none of: none, fixed S, uniform LOW HIGH, lognormal MEDIAN SIGMA"
    raise ValueError(msg)
