"""What ECC holds, as port records: masters whole, everything else by accounting date.

Amounts are exact minor units of stored values. A time entry's worth is its quantity, hours or minutes as ECC keeps them,
x price, rounded half up; minutes of hours come back by the rule in `formats`. Projects and customers are named by
our ids, read once and remembered, as ECC's keys mean nothing to the other side of a comparison. Columns have the
names of the newest mapping, codes are turned back by any version of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from router.canonical.kinds import Kind
from router.connectors.http import Trace
from router.connectors.port import Record
from router.connectors.sap_ecc.accounting import ENTRY, ITEM, REVENUE, TYPES, entry_line, revenue_line
from router.connectors.sap_ecc.formats import day_iso, half_up, minutes_of, of_stored
from router.connectors.sap_ecc.found import PLACES
from router.connectors.sap_ecc.invoices import BILLED, HEADER, coding_of, kept_hours, line_of, work_of
from router.connectors.sap_ecc.invoices import ITEM as BILLED_ITEM
from router.connectors.sap_ecc.names import DIMENSIONS, Names, Section
from router.connectors.sap_ecc.tables import TableReader, Where, among, equal, from_until
from router.model import SystemId

Row = Mapping[str, str]
_POSTED = ("company", "date", "project")
PLAIN: Mapping[Kind, tuple[str, ...]] = {
    "customer": ("company", "currency"),
    "contact": ("company", "customer"),
    "contract": ("company", "currency", "customer"),
    "project": ("company", "currency", "status", "customer", *DIMENSIONS),
    "task": ("company", "project"),
    "assignment": ("company", "project", "hours"),
    "time_entry": (*_POSTED, "hours", "bill_rate", "currency", *DIMENSIONS),
    "expense_item": ("date", "project", "amount", "currency", *DIMENSIONS),
    "milestone": (*_POSTED, "amount", "currency", *DIMENSIONS),
    "charge": (*_POSTED, "amount", "currency", *DIMENSIONS),
    "change_order": (*_POSTED, "currency"),
    "revenue_schedule": (*_POSTED, "amount", "currency"),
}
"""What is read of a kind that is one row of its table, beside what a look-up asks for."""
RECORDED = ("quantity", "unit")
"""Of CATSDB, where the mapping names them: a time entry in hours or minutes, as ECC keeps it."""
PERIOD = ("vendor_id", "line", "period", "amount")
WHOLE = frozenset({"customer", "contact", "contract", "project", "task", "assignment"})
"""Masters and plans: given whatever their date."""
READABLE = frozenset({*PLAIN, "invoice", *TYPES, "journal_entry"})


@dataclass(slots=True)
class Met:
    """Our ids by ECC's keys."""

    projects: dict[str, tuple[str, str]] = field(default_factory=dict)
    """PSPID to (our id, KUNNR)."""
    customers: dict[str, str] = field(default_factory=dict)


class ReadBack:
    """Reads one system back; raises VendorUnknown, Unmapped, and ValueError or KeyError for rows that make no sense."""

    def __init__(self, system: SystemId, reader: TableReader, names: Names) -> None:
        self._system, self._reader, self._names = system, reader, names
        self._met = Met()

    async def read(
        self, kind: Kind, *, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        """Records of a readable kind of these company codes."""
        if kind in PLAIN:
            found = await self._plain(kind, companies, since, until, trace)
            return await self._with_periods(found, trace) if kind == "revenue_schedule" else found
        if kind == "journal_entry":
            return await self._entries(companies, since, until, trace)
        billed = await self._billed(companies, since, until, trace) if kind == "invoice" else []
        return [*billed, *await self._items(kind, companies, since, until, trace)]

    async def _plain(
        self, kind: Kind, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        place = PLACES[kind]
        names = self._section(place.table)
        where = among(names["company"], companies) & place.where(names)
        if kind not in WHOLE:
            where = where & from_until(names["date"], since, until)
        as_recorded = [name for name in RECORDED if kind == "time_entry" and name in names]
        attributes = tuple(dict.fromkeys((*place.attributes, *PLAIN[kind], *as_recorded)))
        rows = await self._reader.select(place.table, names, attributes, where, trace)
        if kind == "project":
            rows = [{**row, "project": row["vendor_id"]} for row in rows]
        await self._learn(
            [row.get("project", "") for row in rows], trace, [row.get("customer", "") for row in rows]
        )
        usual = "active" if kind in WHOLE else "posted"
        records = []
        for row in rows:
            status = "cancelled" if place.is_gone(row) else usual
            if status == "active" and row.get("status") == "CLSD":
                status = "closed"
            hours = of_stored(row["hours"]) if "hours" in row else None
            net = of_stored(row["amount"]) if "amount" in row else None
            minutes, kept, rate = None if hours is None else minutes_of(hours), None, None
            if kind == "time_entry":
                rate = of_stored(row["bill_rate"])
                minutes, kept = kept_hours(row) if as_recorded else (minutes, hours)
                net = half_up((minutes or 0) * rate, 60) if kept is None else half_up(kept * rate, 100)
            vendor_id = place.vendor_id(row)
            records.append(
                self._record(
                    kind,
                    row,
                    number=row.get("number", vendor_id),
                    vendor_id=vendor_id,
                    status=status,
                    net=net,
                    minutes=minutes,
                )
            )
            if kind == "time_entry":
                records[-1] = replace(records[-1], hundredths=kept, rate_minor=rate)
        return records

    async def _with_periods(self, plans: Sequence[Record], trace: Trace) -> list[Record]:
        """Revenue plans with a line a period."""
        names = self._section("ZREVPLANP")
        lines: dict[str, list[dict[str, Any]]] = {}
        for row in await self._reader.select_each(
            "ZREVPLANP", names, PERIOD, "vendor_id", [plan.vendor_id for plan in plans], Where(), trace
        ):
            lines.setdefault(row["vendor_id"], []).append(
                {
                    "line": int(row["line"]),
                    "description": f"{row['period'][:4]}-{row['period'][4:]}",
                    "net_minor": of_stored(row["amount"]),
                }
            )
        return [replace(plan, lines=tuple(lines.get(plan.vendor_id, ()))) for plan in plans]

    # Receivables

    async def _billed(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        heads, items, cleared = self._section("VBRK"), self._section("VBRP"), self._section("BSID")
        window = among(heads["company"], companies) & from_until(heads["date"], since, until)
        headers = await self._reader.select("VBRK", heads, HEADER, window, trace)
        by_number: dict[str, list[Row]] = {}
        for item in await self._reader.select_each(
            "VBRP", items, BILLED_ITEM, "vendor_id", [row["vendor_id"] for row in headers], Where(), trace
        ):
            by_number.setdefault(item["vendor_id"], []).append(item)
        paid_in = among(cleared["company"], companies) & from_until(cleared["date"], since, until)
        paid_in = paid_in & equal(cleared["type"], "RV")
        paid = {
            row["billing"] for row in await self._reader.select("BSAD", cleared, ("billing",), paid_in, trace)
        }
        await self._learn([row["project"] for row in headers], trace, [row["customer"] for row in headers])
        work = await self._work(companies, since, until, trace) if headers else {}
        records = []
        for row in headers:
            number = row["vendor_id"]
            status = "cancelled" if row["cancelled"] == "X" else "paid" if number in paid else "posted"
            records.append(
                self._record(
                    "invoice",
                    row,
                    number=number,
                    status=status,
                    net=of_stored(row["net"]),
                    tax=of_stored(row["tax"]),
                    lines=[line_of(item, self._names) for item in by_number.get(number, [])],
                )
            )
            if number in work:
                records[-1] = replace(records[-1], billed=work_of(work[number]))
        return records

    async def _work(
        self, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> dict[str, list[Row]]:
        """The work on billing documents by number; nothing where the mapping does not name the view."""
        names = self._section("ZDLIBILL")
        found: dict[str, list[Row]] = {}
        if names:
            window = among(names["company"], companies) & from_until(names["date"], since, until)
            for row in await self._reader.select("ZDLIBILL", names, BILLED, window, trace):
                found.setdefault(row["vendor_id"], []).append(row)
        return found

    async def _items(
        self, kind: Kind, companies: Sequence[str], since: str, until: str, trace: Trace
    ) -> list[Record]:
        """FI documents by their customer item, open or cleared, with their revenue items as lines."""
        window = self._window("BSID", TYPES[kind], companies, since, until)
        names = self._section("BSID")
        rows = [(row, False) for row in await self._reader.select("BSID", names, ITEM, window, trace)]
        rows += [(row, True) for row in await self._reader.select("BSAD", names, ITEM, window, trace)]
        revenue: dict[str, list[Row]] = {}
        if rows and kind in ("invoice", "credit_memo"):
            of_type = self._window("BSIS", TYPES[kind], companies, since, until)
            for item in await self._reader.select("BSIS", self._section("BSIS"), REVENUE, of_type, trace):
                revenue.setdefault(_key(item), []).append(item)
        await self._learn([row["project"] for row, _ in rows], trace, [row["customer"] for row, _ in rows])
        # A customer item is a debit for an invoice, a credit for what lowers it; each kind counts positive.
        usual = "S" if kind == "invoice" else "H"
        records = []
        for row, cleared in sorted(rows, key=lambda pair: _key(pair[0])):
            sign = 1 if row["side"] == usual else -1
            total, tax = sign * of_stored(row["amount"]), sign * of_stored(row["tax"])
            status = "paid" if cleared and kind == "invoice" else "posted"
            records.append(
                self._record(
                    kind,
                    row,
                    number=row["number"],
                    vendor_id=_key(row),
                    status="cancelled" if row["cancelled"] else status,
                    net=total - tax,
                    tax=tax if kind in ("invoice", "credit_memo") else None,
                    lines=[revenue_line(item, usual, self._names) for item in revenue.get(_key(row), [])],
                )
            )
        return records

    async def _entries(self, companies: Sequence[str], since: str, until: str, trace: Trace) -> list[Record]:
        """Ledger entries by their G/L items; an entry's net is nothing, its total what it debits."""
        window = self._window("BSIS", "SA", companies, since, until)
        by_entry: dict[str, list[Row]] = {}
        for item in await self._reader.select("BSIS", self._section("BSIS"), ENTRY, window, trace):
            by_entry.setdefault(_key(item), []).append(item)
        await self._learn([items[0]["project"] for items in by_entry.values()], trace)
        records = []
        for key, items in by_entry.items():
            lines = [entry_line(item, self._names) for item in items]
            records.append(
                self._record(
                    "journal_entry",
                    {**items[0], "customer": ""},
                    number=items[0]["number"],
                    vendor_id=key,
                    status="posted",
                    net=sum(line["net_minor"] for line in lines),
                    total=sum(line["net_minor"] for line in lines if line["net_minor"] > 0),
                    lines=lines,
                )
            )
        return records

    # Inside

    def _section(self, table: str) -> Section:
        return self._names.newest.section(table)

    def _window(
        self, table: str, document_type: str, companies: Sequence[str], since: str, until: str
    ) -> Where:
        names = self._section(table)
        when = among(names["company"], companies) & from_until(names["date"], since, until)
        return when & equal(names["type"], document_type)

    async def _learn(self, projects: Sequence[str], trace: Trace, customers: Sequence[str] = ()) -> None:
        """Read our ids of projects and customers not met before."""
        met = self._met
        unknown = [key for key in dict.fromkeys(projects) if key and key not in met.projects]
        asked = ("vendor_id", "external_id", "customer")
        proj, kna1 = self._section("PROJ"), self._section("KNA1")
        for row in await self._reader.select_each("PROJ", proj, asked, "vendor_id", unknown, Where(), trace):
            met.projects[row["vendor_id"]] = (row["external_id"], row["customer"])
        wanted = [*customers, *(met.projects[key][1] for key in projects if key in met.projects)]
        missing = [key for key in dict.fromkeys(wanted) if key and key not in met.customers]
        for row in await self._reader.select_each(
            "KNA1", kna1, asked[:2], "vendor_id", missing, Where(), trace
        ):
            met.customers[row["vendor_id"]] = row["external_id"]

    def _record(
        self,
        kind: Kind,
        row: Row,
        *,
        number: str,
        status: str,
        vendor_id: str = "",
        net: int | None = None,
        tax: int | None = None,
        total: int | None = None,
        minutes: int | None = None,
        lines: Sequence[Mapping[str, Any]] = (),
    ) -> Record:
        project = row.get("project", "")
        own, sold_to = self._met.projects.get(project, (project, ""))
        payer = row.get("customer", sold_to)
        worked = [line["minutes"] for line in lines if line.get("minutes") is not None]
        if total is None and net is not None:
            total = net + (tax or 0)
        return Record(
            system=self._system,
            kind=kind,
            external_id=row["external_id"],
            vendor_id=vendor_id or number,
            number=number,
            status=status,
            legal_entity=self._names.ours("entities", row["company"]),
            accounting_date=day_iso(row["date"]) if "date" in row else "",
            currency=row.get("currency", ""),
            net_minor=net,
            tax_minor=tax,
            total_minor=total,
            minutes=sum(worked) if worked else minutes,
            project_id=own,
            customer_id=self._met.customers.get(payer, payer),
            dimensions=coding_of(row, self._names) if kind in PLAIN else {},
            lines=tuple(lines),
        )


def _key(row: Row) -> str:
    return f"{row['number']}{row['company']:<4}{row['year']}"
