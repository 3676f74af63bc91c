"""The hint that a target has work. Hints may be lost or repeated: the journal is the truth (D5)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from router.model import SystemId


class Signal(Protocol):
    """Carries pokes between whoever accepts work and the workers."""

    def poke(self, target: SystemId) -> None:
        """Say that a target has work; never waits, never fails."""
        ...

    async def wait(self, target: SystemId, timeout_s: float) -> bool:
        """Wait for a poke; False when none came in time. Pokes between two waits are kept, as one."""
        ...


class LocalSignal:
    """Pokes within one process and event loop."""

    def __init__(self) -> None:
        self._events: dict[SystemId, asyncio.Event] = {}

    def _event(self, target: SystemId) -> asyncio.Event:
        return self._events.setdefault(target, asyncio.Event())

    def poke(self, target: SystemId) -> None:
        """Say that a target has work."""
        self._event(target).set()

    async def wait(self, target: SystemId, timeout_s: float) -> bool:
        """Wait for a poke; False when none came in time."""
        event = self._event(target)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        event.clear()
        return True
