"""Planting: a seam of the product is replaced for the length of one rehearsal, and always put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_INHERITED = object()


class Seams:
    """What was replaced, newest last."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute of a module or class; AttributeError where there is none: it would prove nothing."""
        getattr(owner, name)
        self._kept.append((owner, name, vars(owner).get(name, _INHERITED)))
        setattr(owner, name, value)

    def restore(self) -> None:
        """Put everything back."""
        while self._kept:
            owner, name, value = self._kept.pop()
            if value is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


@contextmanager
def planted(plant: Callable[[Seams], None]) -> Iterator[None]:
    """The product with a bug planted, for the length of the block."""
    seams = Seams()
    try:
        plant(seams)
        yield
    finally:
        seams.restore()
