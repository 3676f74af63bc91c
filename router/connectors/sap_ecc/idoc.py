"""Flat IDocs of time and expenses, and the status records that come back. Pure.

One line a record: EDI_DC40 (524 characters), then EDI_DD40 (1063) a segment; ARCKEY carries our external id. One document is one IDoc,
so one document's error concerns no other. Segment layouts are this installation's agreement with ECC (BAPI-like
names, then customer fields ZZ…): places, so no field name is on the wire. A document that does not fit is refused
here, free text is cut. Codes come translated, as `coding`: department, practice, service line and cost centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from router.canonical.work import ExpenseItem, TimeEntry
from router.connectors.port import Missing, SaidNo
from router.connectors.sap_ecc.formats import AMOUNT_WIDTH, day_text, hundredths, one_line, stored
from router.connectors.sap_ecc.keys import external_key, reference

TIME, TIME_TYPE = "CATIMESHEETMGR_INSERT", "CATIMESHEETMGR_INSERT01"
EXPENSE, EXPENSE_TYPE = "ACC_EMPLOYEE_EXP", "ACC_EMPLOYEE_EXP02"
DS40 = (
    ("TABNAM", 10), ("MANDT", 3), ("DOCNUM", 16), ("LOGDAT", 8), ("LOGTIM", 6), ("STATUS", 2), ("STAMQU", 3), ("STAMID", 20),
    ("STAMNO", 3), ("STATYP", 1), ("STAPA1", 50), ("STAPA2", 50), ("STAPA3", 50), ("STAPA4", 50), ("STATXT", 70), ("UNAME", 12),
    ("REPID", 30), ("ROUTID", 30), ("SEGNUM", 6), ("SEGFLD", 30), ("REFINT", 14), ("REFGRP", 14), ("REFMES", 14), ("ARCKEY", 70),
)  # fmt: skip
DS40_WIDTH = sum(width for _, width in DS40)
DC40_WIDTH, DD40_WIDTH, SDATA_WIDTH = 524, 1063, 1000


class Unfit(Exception):
    """The document can't be written yet, or never; carries the answer."""

    def __init__(self, answer: Missing | SaidNo) -> None:
        super().__init__(answer)
        self.answer = answer


class Sender:
    """Writes IDocs from one sender to one ECC client. `at` is the file's moment, UTC."""

    def __init__(self, *, client: str, logical_system: str, sender: str, at: datetime) -> None:
        self._client = client.ljust(3)[:3]
        self._heads: dict[tuple[str, str], str] = {}
        self._logical_system, self._sender = logical_system, sender
        self._stamp = f"{at:%Y%m%d}{at:%H%M%S}"

    def control(self, idoc_type: str, message: str, arckey: str, serial: int) -> str:
        """The control record; DOCNUM is left to ECC."""
        head = self._heads.get((idoc_type, message))
        if head is None:
            partner = self._sender.ljust(10)[:10]
            receiver = self._logical_system.ljust(10)[:10]
            head = "".join((
                "EDI_DC40".ljust(10), self._client, " " * 16, "700".ljust(4), "  ", "2", " ", " ", " ",
                idoc_type.ljust(30), " " * 30, message.ljust(30), " " * 3, " " * 3, " ", " " * 6, " " * 6,
                partner, "LS", "  ", partner, " " * 21, " " * 70,
                receiver, "LS", "  ", receiver, " " * 21, " " * 70, self._stamp, " " * 14, " " * 14,
            ))  # fmt: skip
            self._heads[idoc_type, message] = head
        number = f"{serial:06d}"
        record = f"{head}{number:<14}{arckey:<70}{number:<20}"
        assert len(record) == DC40_WIDTH
        return record

    def segment(self, name: str, number: int, sdata: str, parent: int = 0) -> str:
        """A data record."""
        assert len(sdata) <= SDATA_WIDTH
        level = "02" if parent else "01"
        return f"{name:<30}{self._client}{'':<16}{number:06d}{parent:06d}{level}{sdata:<{SDATA_WIDTH}}"

    def time_entry(
        self, document: TimeEntry, external_id: str, *, wbs: str, coding: Sequence[str], serial: int
    ) -> str:
        """A time entry as an IDoc of two lines; raises Unfit when a number does not fit its field."""
        key = external_key(external_id)
        notes = one_line(document.notes, 255)
        department, practice, service_line, cost_center = coding
        sdata = (
            f"{'':<8}{day_text(document.work_date)}{'':<6}{wbs:<24}{amount_text(hundredths(document.minutes), 8, 'minutes'):<8}H  "
            f"{day_text(document.accounting_date)}{'X' if document.billable else ' '}"
            f"{amount_text(document.bill_rate.minor, AMOUNT_WIDTH, 'bill_rate'):<16}{document.currency:<5}{notes[:40]:<40}"
            f"{key:<70}{document.resource_id:<64}{document.role:<32}{department:<32}{practice:<32}"
            f"{service_line:<32}{cost_center:<32}{document.task_id or '':<64}"
            f"{_key(document.adjusts):<70}{notes:<255}{'R' if document.covered_by else ' '}{_key(document.part_of):<70}"
        )
        return f"{self.control(TIME_TYPE, TIME, key, serial)}\n{self.segment('E1BPCATS1', 1, sdata)}\n"

    def expense_item(
        self,
        document: ExpenseItem,
        external_id: str,
        *,
        wbs: str,
        company: str,
        coding: Sequence[str],
        serial: int,
    ) -> str:
        """An expense as an IDoc of three lines: control, document header, item; raises Unfit."""
        key = external_key(external_id)
        notes = one_line(document.notes, 255)
        department, practice, service_line, cost_center = coding
        bill = document.bill_amount
        header = (
            f"{company:<4}{day_text(document.expense_date)}{day_text(document.accounting_date)}KR"
            f"{reference(external_id):<16}{document.category[:25]:<25}"
        )
        item = (
            f"{notes[:50]:<50}{'':<8}{wbs:<24}{amount_text(document.amount.minor, AMOUNT_WIDTH, 'amount'):<16}"
            f"{document.currency:<5}{'X' if document.billable else ' '}{key:<70}{document.resource_id:<64}"
            f"{document.category:<32}{department:<32}{practice:<32}{service_line:<32}{cost_center:<32}{notes:<255}"
            f"{'' if bill is None else amount_text(bill.minor, AMOUNT_WIDTH, 'bill_amount'):<16}"
            f"{_key(document.adjusts):<70}{_key(document.part_of):<70}"
        )
        return (
            f"{self.control(EXPENSE_TYPE, EXPENSE, key, serial)}\n{self.segment('E1BPACHE09', 1, header)}\n"
            f"{self.segment('E1BPACGL09', 2, item, parent=1)}\n"
        )


def _key(document_id: str | None) -> str:
    return external_key(document_id) if document_id else ""


def amount_text(minor: int, width: int, field: str) -> str:
    """Minor units as a segment stores them; raises Unfit when they do not fit."""
    text = stored(minor)
    if len(text) > width:
        raise Unfit(SaidNo(code="TOO_LARGE", message=f"{text} does not fit {width} characters", field=field))
    return text


def read_status(text: str) -> list[Mapping[str, str]]:
    """The complete status records of a file; a record that is cut short (half a file) is not there yet."""
    records: list[Mapping[str, str]] = []
    for line in text.split("\n"):
        if len(line) != DS40_WIDTH or not line.startswith("EDI_DS40"):
            continue
        record: dict[str, str] = {}
        at = 0
        for name, width in DS40:
            record[name] = line[at : at + width].strip()
            at += width
        records.append(record)
    return records
