"""Number ranges: what a vendor calls its rows and its documents, one counter a range.

The vendor supplies the formats. A *vendor id* names a row in the vendor's API; a *number* is what is
printed on the document. By default ids run per type and numbers per type and entity.
"""

from __future__ import annotations

from collections.abc import Callable

Format = Callable[[str, str, int], str]
"""(type, entity, n) to text; n counts from the range's start."""
Range = Callable[[str, str], str]
"""(type, entity) to the name of a range; types that share a range share its counter."""


def _plain(row_type: str, entity: str, n: int) -> str:
    del row_type, entity
    return str(n)


def _document(row_type: str, entity: str, n: int) -> str:
    return f"{row_type.upper()}-{entity}-{n:06d}"


def by_type(row_type: str, entity: str) -> str:
    """One range per type, whatever the entity."""
    del entity
    return row_type


def by_type_and_entity(row_type: str, entity: str) -> str:
    """One range per type and entity."""
    return f"{row_type}/{entity}"


class Numbering:
    """Hands out ids and numbers without gaps, in the order rows are made."""

    def __init__(
        self,
        *,
        id_format: Format = _plain,
        number_format: Format = _document,
        id_range: Range = by_type,
        number_range: Range = by_type_and_entity,
        starts: int = 1,
    ) -> None:
        self.counters: dict[str, int] = {}
        """The next number by range; part of a snapshot."""
        self._id_format, self._number_format = id_format, number_format
        self._id_range, self._number_range = id_range, number_range
        self._starts = starts

    def vendor_id(self, row_type: str, entity: str) -> str:
        """The next id of the type's range."""
        return self._id_format(row_type, entity, self._next(f"id:{self._id_range(row_type, entity)}"))

    def number(self, row_type: str, entity: str) -> str:
        """The next document number of the type's range."""
        return self._number_format(
            row_type, entity, self._next(f"number:{self._number_range(row_type, entity)}")
        )

    def _next(self, name: str) -> int:
        n = self.counters.get(name, self._starts)
        self.counters[name] = n + 1
        return n
