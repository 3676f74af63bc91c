"""What ECC holds, as port records: masters whole, everything else by accounting date.

Amounts are exact minor units of stored values. A time entry's worth is hours x price as ECC reckons it, from the
stored hundredths, rounded half up; its minutes come back by the rule in `formats`. Projects and customers are named by
our ids, read once and remembered, as ECC's keys mean nothing to the other side of a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.canonical.kinds import Kind
from router.connectors.http import Trace
from router.connectors.port import Record
from router.connectors.sap_ecc.formats import (
    day_iso,
    half_up,
    minutes_of,
    minutes_of_thousandths,
    of_stored,
    of_thousandths,
)
from router.connectors.sap_ecc.invoices import HEADER, ITEM, line_of
from router.connectors.sap_ecc.keys import Codes
from router.connectors.sap_ecc.payloads import DIMENSIONS
from router.connectors.sap_ecc.tables import TableReader, Where, among, equal, from_until
from router.model import SystemId

Row = Mapping[str, str]
_DIMS = tuple(DIMENSIONS.values())
_ITEM = (
    "BUKRS", "BELNR", "GJAHR", "BUDAT", "WAERS", "KUNNR", "SHKZG", "WRBTR", "WMWST", "PROJK", "STBLG", "ZZEXTID",
)  # fmt: skip
_REVENUE = (
    "BUKRS", "BELNR", "GJAHR", "BUZEI", "SHKZG", "WRBTR", "ZZTAX", "MENGE", "MEINS", "MWSKZ", "SGTXT", *_DIMS,
)  # fmt: skip
_TYPES = {"credit_memo": "DG", "payment": "DZ"}


@dataclass(slots=True)
class Names:
    """Our ids by ECC's keys."""

    projects: dict[str, tuple[str, str]] = field(default_factory=dict)
    """PSPID to (our id, KUNNR)."""
    customers: dict[str, str] = field(default_factory=dict)


class ReadBack:
    """Reads one system back; raises VendorUnknown, and ValueError or KeyError for rows that make no sense."""

    def __init__(self, system: SystemId, reader: TableReader, codes: Codes) -> None:
        self._system, self._reader, self._codes = system, reader, codes
        self._names = Names()

    async def read(
        self, kind: Kind, *, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        """Records of a kind of these company codes."""
        readers = {
            "customer": self._customers,
            "project": self._projects,
            "time_entry": self._time,
            "expense_item": self._expenses,
            "milestone": self._milestones,
            "invoice": self._invoices,
            "credit_memo": self._credit_memos,
            "payment": self._payments,
        }
        return await readers[kind](companies, since, until, trace)

    # Masters

    async def _customers(
        self, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        del since, until
        fields = ("KUNNR", "LOEVM", "ZZWAERS", "ZZBUKRS", "ZZEXTID")
        rows = await self._reader.read("KNA1", fields, among("ZZBUKRS", companies), trace)
        return [
            self._record(
                "customer",
                row,
                number=row["KUNNR"],
                company=row["ZZBUKRS"],
                currency=row["ZZWAERS"],
                status="cancelled" if row["LOEVM"] == "X" else "active",
            )
            for row in rows
        ]

    async def _projects(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        del since, until
        fields = ("PSPID", "VBUKR", "PWHIE", "ZZSTAT", "LOEVM", "ZZKUNNR", "ZZEXTID", *_DIMS)
        rows = await self._reader.read("PROJ", fields, among("VBUKR", companies), trace)
        await self._learn([row["PSPID"] for row in rows], trace)
        status = {"X": "cancelled"}
        return [
            self._record(
                "project",
                row,
                number=row["PSPID"],
                company=row["VBUKR"],
                currency=row["PWHIE"],
                project=row["PSPID"],
                status=status.get(row["LOEVM"], "closed" if row["ZZSTAT"] == "CLSD" else "active"),
            )
            for row in rows
        ]

    # Work

    async def _time(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        fields = (
            "COUNTER", "BUDAT", "BUKRS", "POSID", "CATSHOURS", "PRICE", "TCURR", "STATUS", "ZZEXTID", *_DIMS,
        )  # fmt: skip
        rows = await self._dated("CATSDB", fields, companies, since, until, trace)
        records = []
        for row in rows:
            hours = of_stored(row["CATSHOURS"])
            value = half_up(hours * of_stored(row["PRICE"]), 100)
            records.append(
                self._record(
                    "time_entry",
                    row,
                    number=row["COUNTER"],
                    currency=row["TCURR"],
                    project=row["POSID"],
                    status="cancelled" if row["STATUS"] == "60" else "posted",
                    net=value,
                    minutes=minutes_of(hours),
                )
            )
        return records

    async def _expenses(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        fields = ("REFBN", "BUKRS", "GJAHR", "BUDAT", "POSID", "WTGBTR", "TWAER", "STOKZ", "ZZEXTID", *_DIMS)
        rows = await self._dated("COVP", fields, companies, since, until, trace)
        return [
            self._record(
                "expense_item",
                row,
                number=row["REFBN"],
                vendor_id=f"{row['REFBN']}{row['BUKRS']:<4}{row['GJAHR']}",
                currency=row["TWAER"],
                project=row["POSID"],
                status="cancelled" if row["STOKZ"] == "X" else "posted",
                net=of_stored(row["WTGBTR"]),
            )
            for row in rows
        ]

    async def _milestones(
        self, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        fields = ("MLSTN", "POSID", "BUKRS", "BUDAT", "WTGBTR", "WAERS", "STOKZ", "ZZEXTID", *_DIMS)
        rows = await self._dated("MLST", fields, companies, since, until, trace)
        return [
            self._record(
                "milestone",
                row,
                number=row["MLSTN"],
                currency=row["WAERS"],
                project=row["POSID"],
                status="cancelled" if row["STOKZ"] == "X" else "posted",
                net=of_stored(row["WTGBTR"]),
            )
            for row in rows
        ]

    # Receivables

    async def _invoices(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        window = among("BUKRS", companies) & from_until("FKDAT", since, until)
        headers = await self._reader.read("VBRK", HEADER, window, trace)
        numbers = [row["VBELN"] for row in headers]
        items = await self._reader.read_each("VBRP", ITEM, "VBELN", numbers, Where(), trace)
        cleared = among("BUKRS", companies) & from_until("BUDAT", since, until) & equal("BLART", "RV")
        paid = {row["VBELN"] for row in await self._reader.read("BSAD", ("VBELN",), cleared, trace)}
        by_number: dict[str, list[Row]] = {}
        for item in items:
            by_number.setdefault(item["VBELN"], []).append(item)
        await self._learn([row["PS_PSP_PNR"] for row in headers], trace, [row["KUNRG"] for row in headers])
        records = []
        for row in headers:
            lines = [line_of(item, self._codes) for item in by_number.get(row["VBELN"], [])]
            net, tax = of_stored(row["NETWR"]), of_stored(row["MWSBK"])
            status = "cancelled" if row["FKSTO"] == "X" else "paid" if row["VBELN"] in paid else "posted"
            records.append(
                self._record(
                    "invoice",
                    {**row, "BUDAT": row["FKDAT"]},
                    number=row["VBELN"],
                    currency=row["WAERK"],
                    project=row["PS_PSP_PNR"],
                    customer=row["KUNRG"],
                    status=status,
                    net=net,
                    tax=tax,
                    lines=lines,
                )
            )
        return [*records, *await self._items("invoice", "DR", companies, since, until, trace)]

    async def _credit_memos(
        self, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        return await self._items("credit_memo", "DG", companies, since, until, trace)

    async def _payments(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        return await self._items("payment", "DZ", companies, since, until, trace)

    async def _items(
        self, kind: Kind, blart: str, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        """FI documents by their customer item, open or cleared, with their revenue items as lines."""
        window = among("BUKRS", companies) & from_until("BUDAT", since, until) & equal("BLART", blart)
        rows = [(row, False) for row in await self._reader.read("BSID", _ITEM, window, trace)]
        rows += [(row, True) for row in await self._reader.read("BSAD", _ITEM, window, trace)]
        revenue: dict[str, list[Row]] = {}
        if rows and kind != "payment":
            for item in await self._reader.read("BSIS", _REVENUE, window, trace):
                revenue.setdefault(_key(item), []).append(item)
        await self._learn([row["PROJK"] for row, _ in rows], trace, [row["KUNNR"] for row, _ in rows])
        # A customer item is a debit for an invoice, a credit for what lowers it; each kind counts positive.
        usual = "S" if kind == "invoice" else "H"
        records = []
        for row, cleared in sorted(rows, key=lambda pair: _key(pair[0])):
            sign = 1 if row["SHKZG"] == usual else -1
            total, tax = sign * of_stored(row["WRBTR"]), sign * of_stored(row["WMWST"])
            status = "paid" if cleared and kind == "invoice" else "posted"
            records.append(
                self._record(
                    kind,
                    row,
                    number=row["BELNR"],
                    vendor_id=_key(row),
                    currency=row["WAERS"],
                    project=row["PROJK"],
                    customer=row["KUNNR"],
                    status="cancelled" if row["STBLG"] else status,
                    net=total - tax,
                    tax=None if kind == "payment" else tax,
                    lines=[self._revenue_line(item, usual) for item in revenue.get(_key(row), [])],
                )
            )
        return records

    def _revenue_line(self, item: Row, usual: str) -> dict[str, Any]:
        # Revenue stands on the other side than the customer.
        sign = 1 if item["SHKZG"] != usual else -1
        minutes = minutes_of_thousandths(of_thousandths(item["MENGE"])) if item["MEINS"] == "H" else None
        return {
            "line": int(item["BUZEI"]) - 1,
            "description": item["SGTXT"],
            "minutes": minutes,
            "net_minor": sign * of_stored(item["WRBTR"]),
            "tax_minor": of_stored(item["ZZTAX"]),
            "tax_code": self._codes.tax_code_of.get(item["MWSKZ"], item["MWSKZ"]),
            **{word: item[name] for word, name in DIMENSIONS.items() if item[name]},
        }

    # Inside

    async def _dated(
        self,
        table: str,
        fields: Sequence[str],
        companies: Sequence[str],
        since: str,
        until: str,
        trace: Trace,
    ) -> list[dict[str, str]]:
        window = among("BUKRS", companies) & from_until("BUDAT", since, until)
        rows = await self._reader.read(table, fields, window, trace)
        await self._learn([row["POSID"] for row in rows], trace)
        return rows

    async def _learn(self, projects: Sequence[str], trace: Trace, customers: Sequence[str] = ()) -> None:
        """Read our ids of projects and customers not met before."""
        names = self._names
        unknown = [key for key in dict.fromkeys(projects) if key and key not in names.projects]
        fields = ("PSPID", "ZZEXTID", "ZZKUNNR")
        for row in await self._reader.read_each("PROJ", fields, "PSPID", unknown, Where(), trace):
            names.projects[row["PSPID"]] = (row["ZZEXTID"], row["ZZKUNNR"])
        wanted = [*customers, *(names.projects[key][1] for key in projects if key in names.projects)]
        missing = [key for key in dict.fromkeys(wanted) if key and key not in names.customers]
        for row in await self._reader.read_each(
            "KNA1", ("KUNNR", "ZZEXTID"), "KUNNR", missing, Where(), trace
        ):
            names.customers[row["KUNNR"]] = row["ZZEXTID"]

    def _record(
        self,
        kind: Kind,
        row: Row,
        *,
        number: str,
        currency: str,
        status: str,
        vendor_id: str = "",
        company: str = "",
        project: str = "",
        customer: str = "",
        net: int | None = None,
        tax: int | None = None,
        minutes: int | None = None,
        lines: Sequence[Mapping[str, Any]] = (),
    ) -> Record:
        bukrs = company or row["BUKRS"]
        own, sold_to = self._names.projects.get(project, (project, ""))
        payer = customer or sold_to
        worked = [line["minutes"] for line in lines if line["minutes"] is not None]
        return Record(
            system=self._system,
            kind=kind,
            external_id=row["ZZEXTID"],
            vendor_id=vendor_id or number,
            number=number,
            status=status,
            legal_entity=self._codes.entity_of.get(bukrs, bukrs),
            accounting_date=day_iso(row["BUDAT"]) if "BUDAT" in row else "",
            currency=currency,
            net_minor=net,
            tax_minor=tax,
            total_minor=None if net is None else net + (tax or 0),
            minutes=sum(worked) if worked else minutes,
            project_id=own,
            customer_id=self._names.customers.get(payer, payer),
            dimensions={word: row[name] for word, name in DIMENSIONS.items() if row.get(name)},
            lines=tuple(lines),
        )


def _key(row: Row) -> str:
    return f"{row['BELNR']}{row['BUKRS']:<4}{row['GJAHR']}"
