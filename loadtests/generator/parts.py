"""What a process does in a run, found again from Locust's environment: Locust hands its own objects on, not ours."""

from __future__ import annotations

from typing import Protocol

from locust.env import Environment


class Part(Protocol):
    """A process of a run: the whole of it alone, its master, a worker, or the closed model."""

    @property
    def over(self) -> bool:
        """Whether the run is over, with everything written down."""
        ...

    def begin(self) -> None:
        """Start, once; a second call does nothing."""
        ...

    def look(self) -> None:
        """Once a second, where the shape is: what is to be noticed without a message."""
        ...

    def users(self) -> int:
        """Locust users there should be now."""
        ...

    def stop(self) -> None:
        """End now, and write down what there is; when it is over already, nothing."""
        ...


_parts: dict[int, Part] = {}


def enter(environment: Environment, part: Part) -> None:
    """Remember the part of an environment."""
    _parts[id(environment)] = part


def part_of(environment: Environment) -> Part:
    """The part of an environment; raises KeyError before `enter`."""
    return _parts[id(environment)]
