"""Faults as data: what goes wrong, where, when, how often; drawn from the injected generator.

A fault is a mapping `{"name", "kind", "method"?, "path"?, "from"?, "until"?, "skip"?, "first"?,
"probability"?, "params"?}`. `path` is a prefix, or a regular expression when it begins with `^`.
The window is [from, until) on the injected clock; of the requests that fit, the first `skip` pass, then
at most `first` are hit, each with `probability` (a decimal string). `fired` counts by name.

Kinds of the host: refuse(status=503, retry_after_s), throttle(retry_after_s), delay(seconds, when=before|after),
hang(seconds), drop_answer(seconds), answer_twice(answer=first|second), malformed(body), truncated.
Kinds a simulator asks for itself through `fires`: period_lock(entity), webhook_duplicate, webhook_reorder.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from simulators.core.clock import Clock

REQUEST_KINDS = (
    "refuse",
    "throttle",
    "delay",
    "hang",
    "drop_answer",
    "answer_twice",
    "malformed",
    "truncated",
)
ASKED_KINDS = ("period_lock", "webhook_duplicate", "webhook_reorder")
FIELDS = ("name", "kind", "method", "path", "from", "until", "skip", "first", "probability", "params")
MAX_FAULTS = 200
"""A plan has a handful; every request looks at each."""


@dataclass(slots=True)
class Fault:
    """One fault, read and checked; `fits` and `hits` count what it saw and did."""

    name: str
    kind: str
    data: Mapping[str, Any]
    method: str | None
    prefix: str
    pattern: re.Pattern[str] | None
    starts: datetime | None
    ends: datetime | None
    skip: int
    first: int | None
    probability: float
    params: dict[str, Any] = field(default_factory=dict)
    fits: int = 0
    hits: int = 0

    def seconds(self, default: float) -> float:
        """The `seconds` parameter."""
        return float(self.params.get("seconds", default))

    def in_window(self, now: datetime) -> bool:
        """Whether the fault can fire at an instant."""
        if self.first is not None and self.hits >= self.first:
            return False
        return (self.starts is None or now >= self.starts) and (self.ends is None or now < self.ends)

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is of the kind the fault is for."""
        if self.method is not None and method != self.method:
            return False
        return self.pattern.search(path) is not None if self.pattern else path.startswith(self.prefix)


class Asks(Protocol):
    """What books ask of faults; see `Faults.fires`."""

    def fires(self, kind: str, **facts: str) -> Fault | None:
        """The fault of a kind that hits now, if any."""
        ...


class NoFaults:
    """Nothing ever goes wrong."""

    def fires(self, kind: str, **facts: str) -> Fault | None:
        """Never."""
        del kind, facts
        return None


class Faults:
    """The faults of one simulator; replaceable while it runs."""

    def __init__(self, faults: Iterable[Mapping[str, Any]] = (), *, clock: Clock, rng: random.Random) -> None:
        self.fired: dict[str, int] = {}
        self._clock = clock
        self._rng = rng
        self._on_request: list[Fault] = []
        self._asked: dict[str, list[Fault]] = {}
        self.set(faults)

    def set(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Replace all faults; raises ValueError naming the field, and then nothing changed. Counts stay."""
        read = [read_fault(data) for data in faults]
        if len(read) > MAX_FAULTS:
            msg = f"{len(read)} faults are more than {MAX_FAULTS}"
            raise ValueError(msg)
        self._on_request = [fault for fault in read if fault.kind in REQUEST_KINDS]
        self._asked = {kind: [fault for fault in read if fault.kind == kind] for kind in ASKED_KINDS}
        for fault in read:
            self.fired.setdefault(fault.name, 0)

    def data(self) -> list[Mapping[str, Any]]:
        """The faults as they were given, request kinds first."""
        asked = [fault for faults in self._asked.values() for fault in faults]
        return [fault.data for fault in (*self._on_request, *asked)]

    def on_request(self, method: str, path: str) -> list[Fault]:
        """The faults that hit this request, in their order: any delays, and at most one other."""
        hit: list[Fault] = []
        if not self._on_request:
            return hit
        now = self._clock.now()
        decided = False
        for fault in self._on_request:
            if decided and fault.kind != "delay":
                continue
            if fault.in_window(now) and fault.matches(method, path) and self._draw(fault):
                hit.append(fault)
                decided = decided or fault.kind != "delay"
        return hit

    def fires(self, kind: str, **facts: str) -> Fault | None:
        """The fault of a kind that hits now; `facts` must agree with its params of the same name, if given."""
        faults = self._asked.get(kind)
        if not faults:
            return None
        now = self._clock.now()
        for fault in faults:
            agrees = all(fault.params.get(name, fact) == fact for name, fact in facts.items())
            if agrees and fault.in_window(now) and self._draw(fault):
                return fault
        return None

    def active(self, kind: str) -> list[Fault]:
        """Faults of a kind that could fire now; draws and counts nothing."""
        now = self._clock.now()
        every = (*self._on_request, *self._asked.get(kind, ()))
        return [fault for fault in every if fault.kind == kind and fault.in_window(now)]

    def _draw(self, fault: Fault) -> bool:
        fault.fits += 1
        if fault.fits <= fault.skip:
            return False
        if fault.probability < 1 and self._rng.random() >= fault.probability:
            return False
        fault.hits += 1
        self.fired[fault.name] += 1
        return True


def read_fault(data: Mapping[str, Any]) -> Fault:
    """A fault from its data; raises ValueError naming what is wrong."""
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, re.error) as error:
        named = data.get("name") if isinstance(data, Mapping) else None
        msg = f"fault {named!r}: {error}"
        raise ValueError(msg) from error


def _read(data: Mapping[str, Any]) -> Fault:
    for name in data:
        if name not in FIELDS:
            msg = f"{name!r} is none of {', '.join(FIELDS)}"
            raise ValueError(msg)
    kind = str(data["kind"])
    if kind not in (*REQUEST_KINDS, *ASKED_KINDS):
        msg = f"kind {kind!r} is none of {', '.join((*REQUEST_KINDS, *ASKED_KINDS))}"
        raise ValueError(msg)
    path = str(data.get("path") or "")
    probability = float(data.get("probability", "1"))
    if not 0 <= probability <= 1:
        msg = f"probability {data['probability']!r} is not between 0 and 1"
        raise ValueError(msg)
    params = dict(data.get("params") or {})
    if not 0 <= float(params.get("seconds", 0)) < float("inf"):
        msg = f"params.seconds {params['seconds']!r} is not a number of seconds"
        raise ValueError(msg)
    return Fault(
        name=str(data["name"]),
        kind=kind,
        data=dict(data),
        method=str(data["method"]).upper() if data.get("method") else None,
        prefix="" if path.startswith("^") else path,
        pattern=re.compile(path) if path.startswith("^") else None,
        starts=_instant(data.get("from"), "from"),
        ends=_instant(data.get("until"), "until"),
        skip=int(data.get("skip", 0)),
        first=None if data.get("first") is None else int(data["first"]),
        probability=probability,
        params=params,
    )


def _instant(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        msg = f"{name} {value!s} has no time zone"
        raise ValueError(msg)
    return at
