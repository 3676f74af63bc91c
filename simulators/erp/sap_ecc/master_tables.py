"""Master data as tables: customers and their contact persons, projects and tasks, prices, people and assignments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from simulators.core.rows import Customer, MasterRow
from simulators.erp.sap_ecc.formats import day_text, hours_text, of_outside_amount
from simulators.erp.sap_ecc.table import (
    DIM_COLUMNS,
    Getter,
    Hints,
    Source,
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
    """KNA1, KNVK, PROJ, PRPS, KONH, PA0105 and ZPSASSIGN."""
    return {
        "KNA1": _kna1(ecc),
        "KNVK": _knvk(ecc),
        "PROJ": _proj(ecc),
        "PRPS": _prps(ecc),
        "KONH": _konh(ecc),
        "PA0105": _pa0105(ecc),
        "ZPSASSIGN": _zpsassign(ecc),
    }


def _of(ecc: Ecc, of: str, key: str, external: str = "ZZEXTID") -> Source:
    """Master rows of one sort."""
    every = source(ecc, "master", key, external)

    def rows(hints: Hints) -> Iterable[Any]:
        return [row for row in every(hints) if row.of == of]

    return rows


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
        "ORT01": lambda row: row.city[:35],
        "PSTLZ": lambda row: row.postal_code[:10],
        "HKUNNR": lambda row: row.parent[:10],
        "STCEG": lambda row: row.tax_registration or "",
        "LOEVM": lambda row: "" if row.active else "X",
        "ZZWAERS": lambda row: row.currency,
        "ZZBUKRS": lambda row: ecc.bukrs(row.entity),
        "ZZBUDAT": extra("budat"),
        "ZZTERM": lambda row: f"{row.terms_days:03d}",
        "ZZEXTID": lambda row: row.external_id,
    }
    text = (
        "KUNNR C10, NAME1 C35, NAME2 C35, NAME3 C35, NAME4 C35, LAND1 C3, ORT01 C35, PSTLZ C10, HKUNNR C10, ERDAT D8, STCEG C20, LOEVM C1,"
        "ZZWAERS C5, ZZBUKRS C4, ZZBUDAT D8, ZZTERM N3, ZZEXTID C70"
    )
    return Table(columns(text, getters), source(ecc, "customer", "KUNNR"))


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
        "ZZKUNNR": lambda row: row.customer,
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
    return Table(
        columns("PERNR N8, SUBTY C4, BEGDA D8, ENDDA D8, USRID_LONG C241", getters),
        _of(ecc, "resource", "PERNR", "USRID_LONG"),
    )


def _knvk(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "PARNR": lambda row: row.vendor_id,
        "KUNNR": extra("customer"),
        "NAME1": lambda row: str(row.extra.get("name", ""))[:35],
        "ZZBUKRS": lambda row: ecc.bukrs(row.entity),
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "PARNR C10, KUNNR C10, NAME1 C35, ZZBUKRS C4, ZZBUDAT D8, ZZEXTID C70"
    return Table(columns(text, getters), _of(ecc, "contact", "PARNR"))


def _prps(ecc: Ecc) -> Table:
    getters: dict[str, Getter] = {
        "POSID": lambda row: row.vendor_id,
        "POST1": extra("name"),
        "PBUKR": lambda row: ecc.bukrs(row.entity),
        "FAKKZ": extra("billable"),
        "ZZPSPID": extra("project"),
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "POSID C24, POST1 C40, PBUKR C4, FAKKZ C1, ZZPSPID C24, ZZBUDAT D8, ZZEXTID C70"
    return Table(columns(text, getters), _of(ecc, "task", "POSID"))


def _zpsassign(ecc: Ecc) -> Table:
    def hours(row: MasterRow) -> str:
        return hours_text(of_outside_amount(str(row.extra["hours"]), "EUR"))

    getters: dict[str, Getter] = {
        "ZZASSNR": lambda row: row.vendor_id,
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "BUDAT": extra("budat"),
        "POSID": extra("project"),
        "PERNR": extra("resource"),
        "ZZROLE": extra("role"),
        "BEGDA": lambda row: str(row.extra["starts"]).replace("-", ""),
        "ENDDA": lambda row: str(row.extra["ends"]).replace("-", ""),
        "ZZSTUNDEN": hours,
        "ZZEXTID": lambda row: row.external_id,
    }
    text = "ZZASSNR C12, BUKRS C4, BUDAT D8, POSID C24, PERNR N8, ZZROLE C32, BEGDA D8, ENDDA D8, ZZSTUNDEN P10.2, ZZEXTID C70"
    return Table(columns(text, getters), _of(ecc, "assignment", "ZZASSNR"))
