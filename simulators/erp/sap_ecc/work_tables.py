"""Work as tables: CATSDB time, COVP expenses, MLST milestones, and EDIDC, the IDocs they came in."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.core.money import rounded
from simulators.core.rows import ChargeRow, MilestoneRow, TimeRow
from simulators.erp.sap_ecc.formats import day_text, hours_text, inside_amount
from simulators.erp.sap_ecc.table import DIM_COLUMNS, Getter, Hints, Table, columns, constant, dims, source

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def catsdb(ecc: Ecc) -> Table:
    """CATSDB: time, hours with two decimals; CATSQUANTITY has it in the unit it was recorded in."""

    def hours(row: TimeRow) -> str:
        if row.hundredths is not None:
            return hours_text(row.hundredths)
        return hours_text(rounded(Fraction(row.minutes * 100, 60), "half_up"))

    getters: dict[str, Getter] = {
        "COUNTER": lambda row: row.vendor_id,
        "PERNR": lambda row: str(row.extra.get("pernr", "00000000")),
        "WORKDATE": lambda row: day_text(row.work_date),
        "BUDAT": lambda row: day_text(row.posting_date),
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "POSID": lambda row: row.project,
        "CATSHOURS": hours,
        "CATSQUANTITY": lambda row: quantity(row)[0],
        "UNIT": lambda row: quantity(row)[1],
        "PRICE": lambda row: inside_amount(row.rate_minor),
        "TCURR": lambda row: row.currency,
        "STATUS": lambda row: "60" if row.status == "cancelled" else "30",
        "LTXA1": lambda row: row.notes[:40],
        "ZZBILL": lambda row: "X" if row.billable else "",
        "ZZCOVER": lambda row: "R" if row.covered else "",
        "ZZADJ": lambda row: row.adjusts,
        "ZZROLE": lambda row: row.role,
        "ZZRESID": lambda row: row.employee,
        "ZZEXTID": lambda row: row.external_id,
        **dims(lambda row: row.dims),
    }
    described = columns(
        "COUNTER N12, PERNR N8, WORKDATE D8, BUDAT D8, BUKRS C4, POSID C24, CATSHOURS P8.2, CATSQUANTITY P15.3, UNIT C3, PRICE P16.2,"
        f"TCURR C5, STATUS C2, LTXA1 C40, ZZBILL C1, ZZCOVER C1, ZZADJ C70, ZZROLE C32, ZZRESID C64, ZZEXTID C70, {DIM_COLUMNS}",
        getters,
    )
    return Table(described, source(ecc, "time", "COUNTER"))


def quantity(row: TimeRow) -> tuple[str, str]:
    """Quantity and unit as kept: hours with two decimals, or minutes."""
    if row.hundredths is None:
        return f"{abs(row.minutes)}.000" + ("-" if row.minutes < 0 else ""), "MIN"
    text = hours_text(row.hundredths)
    return (f"{text[:-1]}0-" if text.endswith("-") else f"{text}0"), "H"


def covp(ecc: Ecc) -> Table:
    """COVP: expenses as cost line items."""

    getters: dict[str, Getter] = {
        "REFBN": lambda row: row.number,
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "GJAHR": lambda row: f"{row.posting_date.year:04d}",
        "BLDAT": lambda row: day_text(row.expense_date),
        "BUDAT": lambda row: day_text(row.posting_date),
        "POSID": lambda row: row.project,
        "WTGBTR": lambda row: inside_amount(row.amount_minor),
        "TWAER": lambda row: row.currency,
        "SGTXT": lambda row: row.notes[:50],
        "STOKZ": lambda row: "X" if row.status == "cancelled" else "",
        "ZZBILLED": lambda row: inside_amount(row.billed_minor if row.billable else 0),
        "ZZADJ": lambda row: row.adjusts,
        "ZZCATEG": lambda row: row.category,
        "ZZEXTID": lambda row: row.external_id,
        **dims(lambda row: row.dims),
    }
    described = columns(
        "REFBN C10, BUKRS C4, GJAHR N4, BLDAT D8, BUDAT D8, POSID C24, WTGBTR P16.2, TWAER C5, SGTXT C50, STOKZ C1,"
        f"ZZBILLED P16.2, ZZADJ C70, ZZCATEG C32, ZZEXTID C70, {DIM_COLUMNS}",
        getters,
    )
    return Table(described, source(ecc, "expense", ""))


def mlst(ecc: Ecc) -> Table:
    """MLST: completed milestones (usage M), and fees for spans of days (usage C)."""
    of_type = {usage: source(ecc, kind, "MLSTN") for usage, kind in (("M", "milestone"), ("C", "charge"))}

    def rows(hints: Hints) -> Iterable[Any]:
        return [
            row for usage in hints.get("ZZUSAGE", "MC") if usage in of_type for row in of_type[usage](hints)
        ]

    def done(row: MilestoneRow | ChargeRow) -> str:
        return day_text(row.service_until if isinstance(row, ChargeRow) else row.completed_on)

    getters: dict[str, Getter] = {
        "MLSTN": lambda row: row.vendor_id,
        "POSID": lambda row: row.project,
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "BUDAT": lambda row: day_text(row.posting_date),
        "LST_ACTDT": done,
        "ZZUSAGE": lambda row: "C" if isinstance(row, ChargeRow) else "M",
        "KTEXT": lambda row: row.name[:40],
        "WTGBTR": lambda row: inside_amount(row.amount_minor),
        "WAERS": lambda row: row.currency,
        "VBELN": lambda row: row.contract,
        "STOKZ": lambda row: "X" if row.status == "cancelled" else "",
        "ZZEXTID": lambda row: row.external_id,
        **dims(lambda row: row.dims),
    }
    described = columns(
        "MLSTN N12, POSID C24, BUKRS C4, BUDAT D8, LST_ACTDT D8, KTEXT C40, WTGBTR P16.2, WAERS C5, VBELN C10,"
        f"STOKZ C1, ZZUSAGE C1, ZZEXTID C70, {DIM_COLUMNS}",
        getters,
    )
    return Table(described, rows)


def edidc(ecc: Ecc) -> Table:
    """EDIDC: control records of inbound IDocs."""

    def rows(hints: Hints) -> Iterable[Any]:
        if "ARCKEY" in hints:
            return [idoc for value in hints["ARCKEY"] for idoc in ecc.idocs.by_arckey(value)]
        return ecc.idocs.every()

    getters: dict[str, Getter] = {
        "DOCNUM": lambda idoc: idoc.docnum,
        "STATUS": lambda idoc: idoc.status,
        "DIRECT": constant("2"),
        "MESTYP": lambda idoc: idoc.mestyp,
        "SNDPRN": lambda idoc: idoc.sender,
        "ARCKEY": lambda idoc: idoc.arckey,
    }
    described = columns("DOCNUM N16, STATUS C2, DIRECT C1, MESTYP C30, SNDPRN C10, ARCKEY C70", getters)
    return Table(described, rows)
