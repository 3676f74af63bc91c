"""Every name the connector reads or writes by: the shipped mapping covers all of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.connectors.mapping import Mappings, Unmapped, VendorMapping

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "opportunity": (
        "name", "stage", "won", "amount", "currency", "close_date", "billing", "template", "legal_entity",
        "business_unit", "customer_id", "customer_name", "country", "country_text",
    ),
    "project": ("project_code", "status", "problem"),
    "invoice": ("number", "status", "total"),
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(\.[A-Za-z][A-Za-z0-9_]{0,79})?\Z", re.ASCII)
"""A field, or a field of a parent record: it stands in queries and paths as it is."""

Names = Mapping[str, Mapping[str, str]]
"""Group to attribute to the org's field."""


def names_of(mapping: VendorMapping) -> Names:
    """The names of one version; raises Unmapped for one that lacks some, or has what is no field's name."""
    missing = mapping.missing(REQUIRED)
    if missing:
        raise Unmapped(
            f"{mapping.name} (version {mapping.version}) does not map {', '.join(missing)}",
            mend="add it under fields in a new version",
        )
    found = {
        group: {attribute: mapping.field(group, attribute) for attribute in attributes}
        for group, attributes in REQUIRED.items()
    }
    for group, fields in found.items():
        for attribute, name in fields.items():
            if not _NAME.match(name):
                raise Unmapped(
                    f"{mapping.name} (version {mapping.version}): {group}.{attribute} is {name[:80]!r},"
                    " which is no field's name",
                    mend="use the API name, such as Project_Code__c",
                )
    return found


def all_names(mappings: Mappings) -> Mapping[int, Names]:
    """The names of every version, by its number; raises Unmapped."""
    return {one.version: names_of(one) for one in mappings.versions}


def value_at(row: Mapping[str, Any], name: str) -> Any:
    """A field of a record, or of its parent's record inside it; None when it is not there."""
    parent, _, field = name.rpartition(".")
    if not parent:
        return row.get(field)
    inside = row.get(parent)
    return inside.get(field) if isinstance(inside, Mapping) else None
