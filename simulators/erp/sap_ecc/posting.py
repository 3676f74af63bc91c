"""What an inbound IDoc posts: time, expenses, ledger entries. Each is a unit of work of its own."""

from __future__ import annotations

from simulators.core.ledger import ACCOUNTS
from simulators.core.rows import EntryLine, ExpenseRow, JournalEntry, Project, TimeRow
from simulators.erp.sap_ecc.errors import Refusal
from simulators.erp.sap_ecc.extensions import DIMS
from simulators.erp.sap_ecc.formats import day_of, of_hours_text, of_inside_amount
from simulators.erp.sap_ecc.idoc import Idoc, cells
from simulators.erp.sap_ecc.numbers import fi_key
from simulators.erp.sap_ecc.state import Ecc


def post_time(ecc: Ecc, idoc: Idoc) -> tuple[str, str]:
    """Post the time segment of an IDoc; (message, CATSDB counter). Raises BooksError, NotAValue."""
    name, sdata = idoc.segments[0]
    if name != "E1BPCATS1":
        raise Refusal("E0072", idoc.docnum, f"segment {name}")
    data = cells(name, sdata)
    worked = day_of(data["WORKDATE"])
    if worked is None or not data["CATSHOURS"]:
        raise Refusal("B1501", "WORKDATE", data["WORKDATE"])
    hundredths = of_hours_text(data["CATSHOURS"])
    extra = {"pernr": data["EMPLOYEENUMBER"]} if data["EMPLOYEENUMBER"].strip("0") else {}
    if data["ZZPART"]:
        extra["part_of"] = data["ZZPART"]
    row = ecc.books.add_time(
        TimeRow(
            external_id=data["ZZEXTID"],
            project=data["WBS_ELEMENT"],
            employee=data["ZZRESID"] or data["EMPLOYEENUMBER"],
            work_date=worked,
            posting_date=day_of(data["BUDAT"]) or worked,
            minutes=_minutes(hundredths),
            hundredths=hundredths,
            role=data["ZZROLE"] or data["ACTTYPE"],
            billable=bool(data["BILLABLE"]),
            rate_minor=of_inside_amount(data["PRICE"]),
            currency=data["CURRENCY"],
            dims={word: data[field] for word, field in DIMS.items() if data[field]},
            notes=data["ZZNOTES"] or data["SHORTTEXT"],
            adjusts=data["ZZADJ"],
            covered="retainer" if data["ZZCOVER"] else "",
            extra=extra,
        ),
        allow_duplicate=True,
    )
    return "LR005", row.vendor_id


def _minutes(hundredths: int) -> int:
    # A hundredth of an hour is 0.6 minutes, so the nearest whole minute is the one that was meant.
    whole = (abs(hundredths) * 6 + 5) // 10
    return whole if hundredths >= 0 else -whole


def post_expense(ecc: Ecc, idoc: Idoc) -> tuple[str, str, str]:
    """Post the header and item segments of an IDoc; (message, BKPFF, document key). Raises as `post_time`."""
    parts = {name: cells(name, sdata) for name, sdata in idoc.segments}
    if "E1BPACHE09" not in parts or "E1BPACGL09" not in parts:
        raise Refusal("E0072", idoc.docnum, "segment missing")
    head, item = parts["E1BPACHE09"], parts["E1BPACGL09"]
    spent, posted = day_of(head["DOC_DATE"]), day_of(head["PSTNG_DATE"])
    if spent is None or posted is None:
        raise Refusal("B1501", "DOC_DATE", head["DOC_DATE"])
    entity = ecc.entity(head["COMP_CODE"])
    project = ecc.books.active_project(item["WBS_ELEMENT"])
    if project.entity != entity:
        raise Refusal("CJ021", item["WBS_ELEMENT"])
    ecc.books.check_period(entity, posted)
    number = ecc.numbering.draw("KR", head["COMP_CODE"])
    key = fi_key(number, head["COMP_CODE"], posted)
    with ecc.numbering.given(key, number):
        ecc.books.add_expense(
            ExpenseRow(
                external_id=item["ZZEXTID"],
                project=project.vendor_id,
                employee=item["ZZRESID"] or item["EMPLOYEE"],
                expense_date=spent,
                posting_date=posted,
                category=item["ZZCATEG"],
                amount_minor=of_inside_amount(item["AMT_DOCCUR"]),
                currency=item["CURRENCY"],
                billable=bool(item["BILLABLE"]),
                dims={word: item[field] for word, field in DIMS.items() if item[field]},
                notes=item["ZZNOTES"] or item["ITEM_TEXT"],
                bill_minor=of_inside_amount(item["ZZBILL"]) if item["ZZBILL"] else None,
                adjusts=item["ZZADJ"],
                extra={"xblnr": head["REF_DOC_NO"]} | ({"part_of": item["ZZPART"]} if item["ZZPART"] else {}),
            ),
            allow_duplicate=True,
        )
    return "RW605", "BKPFF", key


def post_entry(ecc: Ecc, idoc: Idoc) -> tuple[str, str, str]:
    """Post the header and G/L segments of an ACC_DOCUMENT IDoc; (message, BKPFF, document key). Raises as `post_time`."""
    if not idoc.segments or idoc.segments[0][0] != "E1BPACHE08":
        raise Refusal("E0072", idoc.docnum, "header missing")
    head = cells(*idoc.segments[0])
    items = [cells(name, sdata) for name, sdata in idoc.segments[1:]]
    posted = day_of(head["PSTNG_DATE"])
    if posted is None or head["DOC_TYPE"] != "SA":
        raise Refusal("B1501", "DOC_TYPE", head["DOC_TYPE"])
    entity = ecc.entity(head["COMP_CODE"])
    partner = {item["TRADE_ID"] for item in items}
    row = JournalEntry(
        external_id=head["ZZEXTID"],
        posting_date=posted,
        entity=entity,
        currency=head["CURRENCY"],
        project=head["POSID"],
        purpose=head["ZZPURPOSE"],
        counterparty=ecc.entity(partner.pop()) if len(partner) == 1 and partner != {""} else "",
        source=head["ZZSOURCE"],
        text=head["ZZTEXT"],
        reverses=head["ZZREV"],
        exchange_rate=head["ZZKURSF"] or None,
        lines=[_entry_line(item) for item in items],
        extra={"xblnr": head["REF_DOC_NO"]},
    )
    # Everything the books would refuse by, before a number is drawn.
    if row.project:
        ecc.books.require(Project, row.project)
    if sum(line.minor for line in row.lines):
        raise Refusal("RW022")
    ecc.books.check_period(entity, posted)
    number = ecc.numbering.draw("SA", head["COMP_CODE"])
    key = fi_key(number, head["COMP_CODE"], posted)
    with ecc.numbering.given(key, number):
        ecc.books.add_journal_entry(row, allow_duplicate=True)
    return "RW605", "BKPFF", key


def _entry_line(item: dict[str, str]) -> EntryLine:
    account = item["GL_ACCOUNT"].lstrip("0")
    if account not in ACCOUNTS:
        raise Refusal("F5506", item["GL_ACCOUNT"], field="GL_ACCOUNT")
    return EntryLine(
        account=account,
        minor=of_inside_amount(item["AMT_DOCCUR"]),
        text=item["ITEM_TEXT"],
        dims={word: item[field] for word, field in DIMS.items() if item[field]},
    )
