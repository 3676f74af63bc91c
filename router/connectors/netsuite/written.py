"""Who wrote what since when: NetSuite's `transaction` with `createdby` and `createddate`. Pure.

Orders are no postings and are left out, and time is no transaction in NetSuite's sense. Times are the account's, which
this project's accounts keep in UTC.
"""

# ruff: noqa: S608  # names come from the mapping and are checked when it is read; values are parameters

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from router.canonical.kinds import Kind
from router.connectors.netsuite.records import RECORD_TYPES
from router.connectors.port import Written
from router.errors import VendorUnknown
from router.model import SystemId

_STAMP = "YYYY-MM-DD HH24:MI:SS"
KIND_OF: Mapping[str, Kind] = {
    RECORD_TYPES[kind].lower(): kind
    for kind in ("expense_item", "invoice", "credit_memo", "payment", "journal_entry")
}


def sql(external_id: str, marks: str) -> str:
    """The query; parameters are subsidiaries, since, until, last key. A ledger entry has no main line to join by."""
    return (
        f"SELECT DISTINCT t.id, t.{external_id} AS document_id, t.tranid AS document_number, t.recordtype AS record_type,"
        f" BUILTIN.DF(t.createdby) AS created_by, TO_CHAR(t.createddate, '{_STAMP}') AS created_at,"
        " l.subsidiary AS legal_entity FROM transaction t JOIN transactionline l ON l.transaction = t.id"
        f" WHERE t.posting = 'T' AND l.subsidiary IN ({marks})"
        f" AND t.createddate >= TO_DATE(?, '{_STAMP}') AND t.createddate <= TO_DATE(?, '{_STAMP}')"
        " AND t.id > ? ORDER BY t.id"
    )


def stamp(at: datetime) -> str:
    """An instant as the query's parameter, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def written_of(row: Mapping[str, Any], *, system: SystemId, entities: Mapping[str, str]) -> Written:
    """A row as the port has it; raises VendorUnknown for one that makes no sense."""
    try:
        at = datetime.fromisoformat(str(row["created_at"])).replace(tzinfo=UTC)
        what = str(row["record_type"])
        return Written(
            system=system,
            what=what[:40],
            kind=KIND_OF.get(what.lower(), ""),
            vendor_id=str(row["id"]),
            number=str(row.get("document_number") or row["id"]),
            external_id=str(row.get("document_id") or ""),
            legal_entity=entities[str(row["legal_entity"])],
            created_at=at.isoformat().replace("+00:00", "Z"),
            created_by=str(row.get("created_by") or "")[:64],
        )
    except (KeyError, ValueError) as error:
        raise VendorUnknown(f"{system} gave an unreadable transaction: {error}") from error
