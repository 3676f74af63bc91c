"""Master data as tables: customers, contracts, projects, prices, people's external ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from simulators.core.rows import Contract, Customer, Project
from simulators.erp.sap_ecc.formats import day_text
from simulators.erp.sap_ecc.table import (
    DIM_COLUMNS,
    Getter,
    Hints,
    Table,
    columns,
    constant,
    created,
    dims,
    extra,
    source,
)

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def master_tables(ecc: Ecc) -> dict[str, Table]:
    """KNA1, VBAK, PROJ, KONH and PA0105."""
    return {
        "KNA1": _kna1(ecc),
        "VBAK": _vbak(ecc),
        "PROJ": _proj(ecc),
        "KONH": _konh(ecc),
        "PA0105": _pa0105(ecc),
    }


def _customer(row: Contract | Project) -> str:
    return row.customer


def _name(n: int) -> Getter:
    def part(row: Customer) -> str:
        return row.name[n * 35 : n * 35 + 35].strip()

    return part


def _kna1(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "KUNNR": lambda row: row.vendor_id,
        **{f"NAME{n}": _name(n - 1) for n in range(1, 5)},
        "LAND1": lambda row: row.country,
        "ERDAT": created,
        "STCEG": lambda row: row.tax_registration or "",
        "LOEVM": lambda row: "" if row.active else "X",
        "ZZWAERS": lambda row: row.currency,
        "ZZBUKRS": lambda row: ecc.bukrs(row.entity),
        "ZZBUDAT": extra("budat"),
        "ZZTERM": lambda row: f"{row.terms_days:03d}",
        "ZZEXTID": lambda row: row.external_id,
    }
    text = (
        "KUNNR C10, NAME1 C35, NAME2 C35, NAME3 C35, NAME4 C35, LAND1 C3, ERDAT D8, STCEG C20, LOEVM C1,"
        "ZZWAERS C5, ZZBUKRS C4, ZZBUDAT D8, ZZTERM N3, ZZEXTID C70"
    )
    return Table(columns(text, getters), source(ecc, "customer", "KUNNR"))


def _vbak(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "VBELN": lambda row: row.vendor_id,
        "ERDAT": created,
        "AUART": constant("ZPS"),
        "KUNNR": _customer,
        "WAERK": lambda row: row.currency,
        "BUKRS_VF": lambda row: ecc.bukrs(row.entity),
        "GUEBG": lambda row: day_text(row.starts),
        "GUEEN": lambda row: day_text(row.ends),
        "BSTNK": extra("bstnk"),
        "ABGRU": lambda row: "" if row.active else "01",
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
    }
    text = (
        "VBELN C10, ERDAT D8, AUART C4, KUNNR C10, WAERK C5, BUKRS_VF C4, GUEBG D8, GUEEN D8, BSTNK C35,"
        "ABGRU C2, ZZBUDAT D8, ZZEXTID C70"
    )
    return Table(columns(text, getters), source(ecc, "contract", "VBELN"))


def _proj(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "PSPID": lambda row: row.vendor_id,
        "POST1": lambda row: row.name,
        "VBUKR": lambda row: ecc.bukrs(row.entity),
        "PWHIE": lambda row: row.currency,
        "PLFAZ": lambda row: day_text(row.starts),
        "PLSEZ": lambda row: day_text(row.ends),
        "ZZSTAT": lambda row: "REL" if row.status == "active" else "CLSD",
        "LOEVM": lambda row: str(row.extra.get("loevm", "")),
        "ZZKUNNR": _customer,
        "ZZVBELN": lambda row: row.contract,
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
        **dims(lambda row: row.dims),
    }
    text = (
        "PSPID C24, POST1 C40, VBUKR C4, PWHIE C5, PLFAZ D8, PLSEZ D8, ZZSTAT C4, LOEVM C1, ZZKUNNR C10,"
        f"ZZVBELN C10, ZZBUDAT D8, ZZEXTID C70, {DIM_COLUMNS}"
    )
    return Table(columns(text, getters), source(ecc, "project", "PSPID"))


def _konh(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "KNUMH": lambda row: row.vendor_id,
        "KSCHL": constant("ZHR0"),
        "ERDAT": created,
        "VAKEY": lambda row: row.external_id,
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "KNUMH C10, KSCHL C4, ERDAT D8, VAKEY C100, ZZEXTID C70"
    return Table(columns(text, getters), source(ecc, "rate_card", "KNUMH"))


def _pa0105(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "PERNR": lambda row: row.vendor_id,
        "SUBTY": constant("9001"),
        "BEGDA": constant("19000101"),
        "ENDDA": constant("99991231"),
        "USRID_LONG": lambda row: row.external_id,
    }
    people = source(ecc, "master", "PERNR", "USRID_LONG")

    def rows(hints: Hints) -> Iterable[Any]:
        return [row for row in people(hints) if row.of == "resource"]

    return Table(columns("PERNR N8, SUBTY C4, BEGDA D8, ENDDA D8, USRID_LONG C241", getters), rows)
