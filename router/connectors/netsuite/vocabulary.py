"""One version of the mapping, made ready: names resolved once, what it lacks known before a document comes. Pure.

A document then costs dictionary look-ups. A kind with a gap is refused as a whole, naming file, table and mend;
other kinds go on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from router.canonical.kinds import Kind
from router.connectors.mapping import Mappings, Table, Unmapped, VendorMapping
from router.connectors.netsuite.required import REQUIRED
from router.connectors.port import SaidNo

UNMAPPED = "UNMAPPED"
"""Our code of a document the mapping does not cover."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z", re.ASCII)
Names = Mapping[str, str]
_ALSO_WRITES: Mapping[Kind, tuple[str, ...]] = {
    "billing_event": ("billing_event", "invoice"),
    "credit_memo": ("credit_memo", "applied_to"),
    "payment": ("payment", "applied_to"),
    "write_off": ("write_off", "applied_to"),
}
"""Kinds that need the names of others: an event answers with its invoice, credits are applied to one."""
_ALSO_READS = ("customer", "project", "currency", "subsidiary")
"""What rows of any kind are shown with."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What attributes and codes are called at NetSuite, in one version."""

    mapping: VendorMapping
    fields: Mapping[str, Names]
    """By group: a kind, or a part of one, such as `contract.lines`."""
    gaps: Mapping[str, Unmapped]
    """By group: the first required name that is missing or is no name at all."""

    def gap(self, kind: Kind) -> SaidNo | None:
        """Why no document of a kind can be written by this version, if so."""
        wanted = _ALSO_WRITES.get(kind, (kind,))
        for group, why in self.gaps.items():
            if group.partition(".")[0] in wanted and not group.endswith("columns"):
                return no(why)
        return None

    def unreadable(self, kind: Kind) -> Unmapped | None:
        """Why no document of a kind can be read back by this version, if so."""
        wanted = (*_ALSO_WRITES.get(kind, (kind,)), *_ALSO_READS)
        for group, why in self.gaps.items():
            if group.partition(".")[0] in wanted and group.endswith("columns"):
                return why
        return None

    def code(self, table: Table, code: str, on: date) -> str:
        """The vendor's code on an accounting date; raises Unmapped."""
        if self.mapping.codes.get(table) == "same":
            return code
        return self.mapping.code(table, code, on)


class Vocabularies:
    """The versions of one account's mapping, each made ready at first use."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings
        self._ready: dict[int, Vocabulary] = {}

    @property
    def newest(self) -> Vocabulary:
        """What everything is read by."""
        return self.as_of(None)

    def as_of(self, day: date | None) -> Vocabulary:
        """What a document is written by that was accepted on a day (None: by the newest)."""
        mapping = self.mappings.as_of(day)
        found = self._ready.get(mapping.version)
        if found is None:
            found = self._ready[mapping.version] = vocabulary(mapping)
        return found


def vocabulary(mapping: VendorMapping) -> Vocabulary:
    """One version with its gaps."""
    gaps: dict[str, Unmapped] = {}
    for group, attributes in REQUIRED.items():
        for attribute in attributes:
            try:
                name = mapping.field(group, attribute)
            except Unmapped as unmapped:
                gaps.setdefault(group, unmapped)
                continue
            if not _NAME.match(name):
                gaps.setdefault(
                    group,
                    Unmapped(
                        f"{mapping.name} (version {mapping.version}): {group}.{attribute} is {name[:60]!r}, "
                        "which is no field name",
                        mend="give letters, digits and underscores",
                    ),
                )
    return Vocabulary(mapping, mapping.fields, gaps)


def no(why: Unmapped) -> SaidNo:
    """The answer for a document the mapping does not cover."""
    return SaidNo(code=UNMAPPED, message=f"{why.message}; {why.mend}" if why.mend else why.message)
