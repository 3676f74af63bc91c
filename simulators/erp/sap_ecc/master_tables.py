"""Master data as tables: customers, contracts, projects, prices, people's external ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.core.rows import Contract, Customer, Project
from simulators.erp.sap_ecc.formats import day_text
from simulators.erp.sap_ecc.table import (
    DIM_COLUMNS,
    Getter,
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
    bukrs = ecc.bukrs

    def customer(row: Contract | Project) -> str:
        return row.customer

    def name(n: int) -> Getter:
        def part(row: Customer) -> str:
            return row.name[n * 35 : n * 35 + 35].strip()

        return part

    kna1 = {
        "KUNNR": lambda row: row.vendor_id,
        **{f"NAME{n}": name(n - 1) for n in range(1, 5)},
        "LAND1": lambda row: row.country,
        "ERDAT": created,
        "STCEG": lambda row: row.tax_registration or "",
        "LOEVM": lambda row: "" if row.active else "X",
        "ZZWAERS": lambda row: row.currency,
        "ZZBUKRS": lambda row: bukrs(row.entity),
        "ZZBUDAT": extra("budat"),
        "ZZTERM": lambda row: f"{row.terms_days:03d}",
        "ZZEXTID": lambda row: row.external_id,
    }
    vbak = {
        "VBELN": lambda row: row.vendor_id,
        "ERDAT": created,
        "AUART": constant("ZPS"),
        "KUNNR": customer,
        "WAERK": lambda row: row.currency,
        "BUKRS_VF": lambda row: bukrs(row.entity),
        "GUEBG": lambda row: day_text(row.starts),
        "GUEEN": lambda row: day_text(row.ends),
        "BSTNK": extra("bstnk"),
        "ABGRU": lambda row: "" if row.active else "01",
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
    }
    proj = {
        "PSPID": lambda row: row.vendor_id,
        "POST1": lambda row: row.name,
        "VBUKR": lambda row: bukrs(row.entity),
        "PWHIE": lambda row: row.currency,
        "PLFAZ": lambda row: day_text(row.starts),
        "PLSEZ": lambda row: day_text(row.ends),
        "ZZSTAT": lambda row: "REL" if row.status == "active" else "CLSD",
        "LOEVM": lambda row: str(row.extra.get("loevm", "")),
        "ZZKUNNR": customer,
        "ZZVBELN": lambda row: row.contract,
        "ZZBUDAT": extra("budat"),
        "ZZEXTID": lambda row: row.external_id,
        **dims(lambda row: row.dims),
    }
    konh = {
        "KNUMH": lambda row: row.vendor_id,
        "KSCHL": constant("ZHR0"),
        "ERDAT": created,
        "VAKEY": lambda row: row.external_id,
        "ZZEXTID": lambda row: row.external_id,
    }
    pa0105 = {
        "PERNR": lambda row: row.vendor_id,
        "SUBTY": constant("9001"),
        "BEGDA": constant("19000101"),
        "ENDDA": constant("99991231"),
        "USRID_LONG": lambda row: row.external_id,
    }
    people = source(ecc, "master", "PERNR", "USRID_LONG")
    return {
        "KNA1": Table(
            columns(
                "KUNNR C10, NAME1 C35, NAME2 C35, NAME3 C35, NAME4 C35, LAND1 C3, ERDAT D8, STCEG C20, LOEVM C1,"
                "ZZWAERS C5, ZZBUKRS C4, ZZBUDAT D8, ZZTERM N3, ZZEXTID C70",
                kna1,
            ),
            source(ecc, "customer", "KUNNR"),
        ),
        "VBAK": Table(
            columns(
                "VBELN C10, ERDAT D8, AUART C4, KUNNR C10, WAERK C5, BUKRS_VF C4, GUEBG D8, GUEEN D8, BSTNK C35,"
                "ABGRU C2, ZZBUDAT D8, ZZEXTID C70",
                vbak,
            ),
            source(ecc, "contract", "VBELN"),
        ),
        "PROJ": Table(
            columns(
                "PSPID C24, POST1 C40, VBUKR C4, PWHIE C5, PLFAZ D8, PLSEZ D8, ZZSTAT C4, LOEVM C1, ZZKUNNR C10,"
                f"ZZVBELN C10, ZZBUDAT D8, ZZEXTID C70, {DIM_COLUMNS}",
                proj,
            ),
            source(ecc, "project", "PSPID"),
        ),
        "KONH": Table(
            columns("KNUMH C10, KSCHL C4, ERDAT D8, VAKEY C100, ZZEXTID C70", konh),
            source(ecc, "rate_card", "KNUMH"),
        ),
        "PA0105": Table(
            columns("PERNR N8, SUBTY C4, BEGDA D8, ENDDA D8, USRID_LONG C241", pa0105),
            lambda hints: [row for row in people(hints) if row.of == "resource"],
        ),
    }
