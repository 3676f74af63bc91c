"""What other systems call our documents: the crosswalk, and the ids it had before.

A vendor's id changes when accounts are merged or records are moved. The crosswalk has the newest; the
one it replaces is kept, so that a feed that still mentions it is understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.journal.engine import Row, Transaction


def put_names(tx: Transaction, rows: Sequence[Row]) -> None:
    """Store rows of (system, kind, document id, vendor id, at); a vendor id that is replaced is kept."""
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for system, kind, document_id, vendor_id, _ in rows:
        asked.setdefault((system, kind), {})[document_id] = vendor_id
    past = []
    for (system, kind), wanted in asked.items():
        for document_id, vendor_id in tx.among(
            "SELECT document_id, vendor_id FROM crosswalk WHERE system = ? AND kind = ? AND {any}",
            "document_id",
            list(wanted),
            system,
            kind,
        ):
            if vendor_id != wanted[document_id]:
                past.append((system, kind, vendor_id, document_id))
    keep_past(tx, past)
    tx.insert(
        "crosswalk",
        "system,kind,document_id,vendor_id,at",
        rows,
        "ON CONFLICT (system, kind, document_id) DO UPDATE"
        " SET vendor_id = excluded.vendor_id, at = excluded.at",
    )


def keep_past(tx: Transaction, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Keep ids that documents had: (system, kind, vendor id, document id)."""
    tx.insert(
        "crosswalk_past",
        "system,kind,vendor_id,document_id,until",
        [(*row, tx.now) for row in rows],
        "ON CONFLICT (system, kind, vendor_id) DO UPDATE SET document_id = excluded.document_id,"
        " until = excluded.until",
    )
