"""What the mapping file says, made quick to ask: codes and field names of one version, and codes read back. Pure.

A delivery is written by the version of its day; what is read is read by the newest. Company and tax codes
given in the landscape (`options.company_codes`, `options.tax_codes`: `US01=1010 UK01=2010`) come before
the file's, so that two ECC systems may share one file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import get_args

from router.connectors.mapping import Mappings, Table, VendorMapping
from router.errors import BadConfig

DIMENSIONS: Mapping[str, Table] = {
    "department": "departments",
    "practice": "practices",
    "service_line": "service_lines",
    "cost_center": "cost_centers",
}
"""Dimension of a document to the table of its codes."""


class Section(dict[str, str]):
    """The vendor's field names of one section by attribute; one that is missing raises Unmapped."""

    def __init__(self, mapping: VendorMapping, name: str) -> None:
        super().__init__(mapping.fields.get(name, {}))
        self._mapping, self._name = mapping, name

    def __missing__(self, attribute: str) -> str:
        return self._mapping.field(self._name, attribute)

    def row(self, values: Mapping[str, str]) -> dict[str, str]:
        """Values by attribute as values by field name."""
        return {self[attribute]: value for attribute, value in values.items()}


class Version:
    """One version of the mapping, with the landscape's own codes before it."""

    def __init__(self, mapping: VendorMapping, own: Mapping[Table, Mapping[str, str]]) -> None:
        self._mapping, self._own = mapping, own
        self._sections: dict[str, Section] = {}
        self._codes: dict[tuple[Table, str, date], str] = {}
        self._same = frozenset(
            table for table in get_args(Table) if mapping.codes.get(table) == "same" and not own.get(table)
        )

    def section(self, name: str) -> Section:
        """The names of a kind that is written, or of a table that is read."""
        found = self._sections.get(name)
        if found is None:
            found = self._sections[name] = Section(self._mapping, name)
        return found

    def code(self, table: Table, code: str, on: date) -> str:
        """ECC's code on an accounting date; raises Unmapped naming file, table and mend."""
        if table in self._same:
            return code
        key = (table, code, on)
        found = self._codes.get(key)
        if found is None:
            given = self._own.get(table, {}).get(code)
            found = self._codes[key] = self._mapping.code(table, code, on) if given is None else given
        return found

    def dimension(self, word: str, code: str | None, on: date) -> str:
        """ECC's code of a dimension; empty where the document has none."""
        return self.code(DIMENSIONS[word], code, on) if code else ""


class Names:
    """All versions of one system's mapping."""

    def __init__(self, mappings: Mappings, options: Mapping[str, str]) -> None:
        self._mappings = mappings
        self._own: Mapping[Table, Mapping[str, str]] = {
            "entities": _pairs(options, "company_codes"),
            "tax_codes": _pairs(options, "tax_codes"),
        }
        self._reversed = {
            table: {theirs: code for code, theirs in rows.items()} for table, rows in self._own.items()
        }
        self._versions: dict[int, Version] = {}
        self._by_day: dict[date | None, Version] = {}

    @property
    def newest(self) -> Version:
        """The version everything is read by."""
        return self.as_of(None)

    def as_of(self, day: date | None) -> Version:
        """The version to write by, as a delivery asks for it."""
        found = self._by_day.get(day)
        if found is None:
            mapping = self._mappings.as_of(day)
            if mapping.version not in self._versions:
                self._versions[mapping.version] = Version(mapping, self._own)
            found = self._by_day[day] = self._versions[mapping.version]
        return found

    def ours(self, table: Table, theirs: str) -> str:
        """Our code of one read from ECC, by any version; ECC's own where none has it."""
        return self._reversed.get(table, {}).get(theirs) or self._mappings.ours(table, theirs)

    def companies(self, entities: Sequence[str]) -> list[str]:
        """Every company code these legal entities have or had."""
        found: dict[str, None] = {}
        for entity in entities:
            own = self._own["entities"].get(entity)
            for version in () if own else self._mappings.versions:
                rows = version.codes.get("entities", {})
                dated = ((None, entity),) if rows == "same" else rows.get(entity, ())
                found.update((code, None) for _, code in dated)
            if own:
                found[own] = None
        return list(found)


def _pairs(options: Mapping[str, str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, re.split(r"[\s,]+", options.get(option, ""))):
        name, _, value = part.partition("=")
        if not value:
            raise BadConfig(
                f"options.{option}: {part[:40]!r} is not written CODE=VALUE",
                file="landscape",
                mend=f'write {option}: "US01=1010 UK01=2010"',
            )
        found[name] = value
    return found
