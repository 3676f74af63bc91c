"""Agreements as tables: contracts, their versions, and plans of their revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.erp.sap_ecc.formats import day_text, inside_amount
from simulators.erp.sap_ecc.table import Getter, Table, columns, constant, created, extra, source

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def agreement_tables(ecc: Ecc) -> dict[str, Table]:
    """VBAK, and the customer's tables ZVBAKV and ZREVPLAN."""
    return {"VBAK": _vbak(ecc), "ZVBAKV": _zvbakv(ecc), "ZREVPLAN": _zrevplan(ecc)}


def _vbak(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "VBELN": lambda row: row.vendor_id,
        "ERDAT": created,
        "AUART": constant("ZPS"),
        "KUNNR": lambda row: row.customer,
        "WAERK": lambda row: row.currency,
        "BUKRS_VF": lambda row: ecc.bukrs(row.entity),
        "GUEBG": lambda row: day_text(row.starts),
        "GUEEN": lambda row: day_text(row.ends),
        "BSTNK": extra("bstnk"),
        "ABGRU": lambda row: "" if row.active else "01",
        "ZZVERSION": lambda row: f"{row.version:04d}",
        "ZZENGAGE": lambda row: row.engagement,
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
    }
    text = (
        "VBELN C10, ERDAT D8, AUART C4, KUNNR C10, WAERK C5, BUKRS_VF C4, GUEBG D8, GUEEN D8, BSTNK C35,"
        "ABGRU C2, ZZVERSION N4, ZZENGAGE C64, ZZBUDAT D8, ZZEXTID C70"
    )
    return Table(columns(text, getters), source(ecc, "contract", "VBELN"))


def _zvbakv(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "VBELN": lambda row: row.contract,
        "ZZVERSION": lambda row: f"{row.version:04d}",
        "ZZEFFDT": lambda row: day_text(row.effective),
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "BUDAT": lambda row: day_text(row.posting_date),
        "WAERK": lambda row: row.currency,
        "POSID": lambda row: row.project,
        "ZZREASON": lambda row: row.reason[:50],
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "VBELN C10, ZZVERSION N4, ZZEFFDT D8, BUKRS C4, BUDAT D8, WAERK C5, POSID C24, ZZREASON C50, ZZEXTID C70"
    return Table(columns(text, getters), source(ecc, "change_order", ""))


def _zrevplan(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "ZZPLANNR": lambda row: row.vendor_id,
        "VBELN": lambda row: row.contract,
        "POSNR": lambda row: f"{int(row.extra.get('item', 0)) * 10:06d}",
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "BUDAT": lambda row: day_text(row.posting_date),
        "WAERS": lambda row: row.currency,
        "POSID": lambda row: row.project,
        "ZZMETHOD": lambda row: row.method[:1].upper(),
        "WRBTR": lambda row: inside_amount(sum(line.amount_minor for line in row.lines)),
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "ZZPLANNR C10, VBELN C10, POSNR N6, BUKRS C4, BUDAT D8, WAERS C5, POSID C24, ZZMETHOD C1, WRBTR P16.2, ZZEXTID C70"
    return Table(columns(text, getters), source(ecc, "revenue_schedule", "ZZPLANNR"))
