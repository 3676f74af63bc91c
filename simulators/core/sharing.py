"""One object for values that are equal: what keeps a month of rows small.

Every request is parsed by itself, so that ten thousand rows of one project bring ten thousand texts of its
id. A row keeps the first of each instead. Rejected: `sys.intern`, which never forgets, and keeps texts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from simulators.core.masterdata import Row

KEPT = 65_536
"""Values remembered at most; then it starts again, which costs memory and changes nothing."""
OWN = frozenset({"external_id", "vendor_id", "number"})
"""What is another text in every row."""


class Shared:
    """The first of each value it was shown, bounded."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._dims: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._named: dict[type[Row], tuple[str, ...]] = {}

    def text(self, value: str) -> str:
        """The text first seen that is equal to this one."""
        found = self._texts.setdefault(value, value)
        if len(self._texts) > KEPT:
            self._texts.clear()
        return found

    def value(self, value: Any) -> Any:
        """Texts shared at any depth of mappings and lists; mappings and lists are new, so they stay their owner's."""
        if type(value) is str:
            return self.text(value)
        if type(value) is dict:
            return {self.text(name): self.value(inner) for name, inner in value.items()}
        return [self.value(inner) for inner in value] if type(value) is list else value

    def dims(self, dims: Mapping[str, str]) -> dict[str, str]:
        """The dimensions first seen that are equal: nobody changes a row's in place."""
        key = tuple(dims.items())
        found = self._dims.get(key)
        if found is None:
            if len(self._dims) >= KEPT:
                self._dims.clear()
            found = self._dims[key] = {self.text(name): self.text(code) for name, code in key}
        return found

    def row(self, row: Row) -> None:
        """Put shared values in the place of a new row's own; they stay equal."""
        cls = type(row)
        names = self._named.get(cls)
        if names is None:
            names = tuple(one.name for one in fields(cls) if one.name not in OWN)
            self._named[cls] = names
        for name in names:
            value = getattr(row, name)
            if type(value) is str:
                setattr(row, name, self.text(value))
            elif name == "dims":
                row.dims = self.dims(value)  # type: ignore[attr-defined]  # rows with that field have it
            elif name == "extra" and value:
                row.extra = self.value(value)
