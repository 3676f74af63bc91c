"""Mapping tables: what the firm's codes and attributes are called at a vendor, versioned and effective-dated.

One YAML file a vendor holds every version ever used, oldest first. A code has a value from a day on
(accounting date); a field name has one per version. A delivery is written by the version of the day
it was accepted, or by the newest, as a replay asks; so a vendor's rename is a new version in one file.
A version says only what changed: codes and names it does not give are those of the version before.

    versions:
      - version: 1
        published: 2026-01-01
        codes:
          accounts: {REVENUE: "400000"}
          tax_codes: {GB-STD: [{to: V1}, {from: 2027-01-01, to: V9}]}
          departments: same            # every code is the vendor's own
        fields:
          time_entry: {work_date: tranDate, practice: custcol_practice}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from router.configfile import ConfigFile, load, loads
from router.errors import Refused

Table = Literal[
    "accounts", "tax_codes", "departments", "practices", "service_lines", "cost_centers", "entities", "items"
]


class Unmapped(Refused):
    """A code or an attribute the mapping does not cover."""

    code = "unmapped"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Dated(_Strict):
    to: str
    from_: Annotated[date | None, Field(alias="from")] = None


class _Version(_Strict):
    version: Annotated[int, Field(ge=1)]
    published: date
    codes: Mapping[Table, Literal["same"] | Mapping[str, str | list[_Dated]]] = {}
    fields: Mapping[str, Mapping[str, str]] = {}


class _File(_Strict):
    versions: Annotated[list[_Version], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> _File:
        for before, after in zip(self.versions, self.versions[1:], strict=False):
            if after.version <= before.version or after.published < before.published:
                msg = f"versions: {after.version} comes after {before.version}, but is not newer"
                raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class VendorMapping:
    """One version of a vendor's mapping."""

    name: str
    """The file, for messages."""
    version: int
    published: date
    codes: Mapping[str, Literal["same"] | Mapping[str, tuple[tuple[date | None, str], ...]]]
    fields: Mapping[str, Mapping[str, str]]

    def code(self, table: Table, code: str, on: date) -> str:
        """The vendor's code on an accounting date; raises Unmapped naming file, table and mend."""
        rows = self.codes.get(table)
        if rows == "same":
            return code
        fitting = [row for row in (rows or {}).get(code, ()) if row[0] is None or row[0] <= on]
        if not fitting:
            raise Unmapped(
                f"{self.name} (version {self.version}) has no {table} entry for {code!r} on {on}",
                mend=f"add it under codes.{table} in a new version, then replay with the newest mapping",
            )
        return max(fitting, key=lambda row: row[0] or date.min)[1]

    def field(self, kind: str, attribute: str) -> str:
        """The vendor's name of an attribute; raises Unmapped."""
        found = self.fields.get(kind, {}).get(attribute)
        if found is None:
            raise Unmapped(
                f"{self.name} (version {self.version}) does not map {kind}.{attribute}",
                mend=f"add it under fields.{kind} in a new version, then replay with the newest mapping",
            )
        return found

    def missing(self, required: Mapping[str, tuple[str, ...]]) -> list[str]:
        """`kind.attribute` of what a connector requires and this version does not cover."""
        return [
            f"{kind}.{attribute}"
            for kind, attributes in required.items()
            for attribute in attributes
            if attribute not in self.fields.get(kind, {})
        ]


class Mappings:
    """All versions of one vendor's mapping."""

    def __init__(self, versions: tuple[VendorMapping, ...]) -> None:
        self.versions = versions
        self._ours: dict[tuple[str, str], str] = {}
        for version in reversed(versions):
            for table, rows in version.codes.items():
                for code, dated in () if rows == "same" else rows.items():
                    for _, theirs in dated:
                        self._ours.setdefault((table, theirs), code)

    @property
    def newest(self) -> VendorMapping:
        """The version published last."""
        return self.versions[-1]

    def as_of(self, day: date | None) -> VendorMapping:
        """The newest version published by a day (None: the newest of all); before the first, the first."""
        fitting = [one for one in self.versions if day is None or one.published <= day]
        return fitting[-1] if fitting else self.versions[0]

    def ours(self, table: Table, theirs: str) -> str:
        """Our code of a vendor's, by any version, newer ones first; the vendor's own where no table has it."""
        return self._ours.get((table, theirs), theirs)


def read_mappings(vendor: str, path: str | None = None) -> Mappings:
    """The mappings of a vendor, from a file or the one that travels with the program; raises BadConfig."""
    return as_mappings(load(path)) if path is not None else _shipped(vendor)


@cache
def _shipped(vendor: str) -> Mappings:
    """The file that travels with the program; parsed once, since it takes a tenth of a second."""
    name = f"mappings/{vendor}.yaml"
    return as_mappings(
        loads(resources.files("fixtures").joinpath(name).read_bytes(), name=f"fixtures/{name}")
    )


def as_mappings(file: ConfigFile) -> Mappings:
    """Mappings from a parsed file; raises BadConfig with line and column."""
    versions: list[VendorMapping] = []
    for one in file.as_model(_File).versions:
        before = versions[-1] if versions else None
        codes = dict(before.codes) if before else {}
        fields = dict(before.fields) if before else {}
        for table, rows in one.codes.items():
            kept = codes.get(table, {})
            codes[table] = (
                "same"
                if rows == "same"
                else ({} if kept == "same" else dict(kept))
                | {code: _dated(given) for code, given in rows.items()}
            )
        for kind, names in one.fields.items():
            fields[kind] = {**fields.get(kind, {}), **names}
        versions.append(
            VendorMapping(
                name=file.name, version=one.version, published=one.published, codes=codes, fields=fields
            )
        )
    return Mappings(tuple(versions))


def _dated(given: str | list[_Dated]) -> tuple[tuple[date | None, str], ...]:
    return ((None, given),) if isinstance(given, str) else tuple((row.from_, row.to) for row in given)
