"""IDoc files to the byte, status files whole or half: the connector's writer and the simulator's reader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.kinds import parse
from router.canonical.work import ExpenseItem, TimeEntry
from router.connectors.port import NoAnswer, Posted, SaidNo
from router.connectors.sap_ecc import idoc as writer
from router.connectors.sap_ecc.decisions import of_status
from simulators.erp.sap_ecc import idoc as reader

AT = datetime(2026, 10, 30, 18, 5, 9, tzinfo=UTC)
HEAD = {
    "legal_entity": "UK01", "region": "EMEA", "business_unit": "CONSULTING", "accounting_date": "2026-10-30",
    "project_id": "P-1", "resource_id": "E-7", "billable": True, "currency": "GBP", "department": "DELIVERY",
    "practice": "ADVISORY", "service_line": "BUILD", "cost_center": "UK01200",
}  # fmt: skip


CODING = ("DELIVERY", "ADVISORY", "BUILD", "UK01200")


def sender() -> writer.Sender:
    return writer.Sender(client="100", logical_system="P01CLNT100", sender="COEXIST", at=AT)


def time_entry(**fields: Any) -> TimeEntry:
    given_ = {
        "kind": "time_entry", "document_id": "TE-1", "work_date": "2026-10-29", "minutes": -440, "role": "SENIOR",
        "bill_rate": "150.50", "notes": "Größe\nzwei",
    }  # fmt: skip
    found = parse(HEAD | given_ | fields)
    assert isinstance(found, TimeEntry)
    return found


def expense_item() -> ExpenseItem:
    found = parse(
        HEAD | {"kind": "expense_item", "document_id": "EX-1", "expense_date": "2026-10-28", "category": "TRAVEL", "amount": "84.20"}
    )  # fmt: skip
    assert isinstance(found, ExpenseItem)
    return found


def golden(*pieces: str | int) -> str:
    """Text and runs of blanks."""
    return "".join(" " * piece if isinstance(piece, int) else piece for piece in pieces)


CONTROL = golden(
    "EDI_DC40  ", "100", 16, "700 ", 2, "2", 3, "CATIMESHEETMGR_INSERT01", 7, 30, "CATIMESHEETMGR_INSERT", 9, 19,
    "COEXIST   ", "LS", 2, "COEXIST   ", 21, 70, "P01CLNT100", "LS", 2, "P01CLNT100", 21, 70, "20261030", "180509", 28,
    "000042", 8, "TE-1", 66, "000042", 14,
)  # fmt: skip


def test_a_time_entry_is_these_bytes() -> None:
    """EDI_DC40 at 524, EDI_DD40 at 1063, every field at its place, one line each."""
    control, data, rest = (
        sender().time_entry(time_entry(), "TE-1", wbs="P-1", coding=CODING, serial=42).split("\n")
    )
    assert rest == ""
    assert control == CONTROL
    assert (len(control), len(data)) == (524, 1063)
    assert data[:63] == golden("E1BPCATS1", 21, "100", 16, "000001", "000000", "01")
    assert data[63:].rstrip() == golden(
        8, "20261029", 6, "P-1", 21, "7.33-", 3, "H  ", "20261030", "X", "150.50", 10, "GBP  ", "Größe zwei", 30,
        "TE-1", 66, "E-7", 61, "SENIOR", 26, "DELIVERY", 24, "ADVISORY", 24, "BUILD", 27, "UK01200", 25, 64, 70, "Größe zwei",
    ).rstrip()  # fmt: skip


def test_an_expense_is_a_header_and_an_item() -> None:
    """Three records; REF_DOC_NO holds an id of up to 16 characters, or 16 of its digest."""
    control, head, item, _ = (
        sender()
        .expense_item(expense_item(), "EX-1", wbs="P-1", company="UK01", coding=CODING, serial=1)
        .split("\n")
    )
    assert (len(control), len(head), len(item)) == (524, 1063, 1063)
    assert head[63:].rstrip() == golden("UK01", "20261028", "20261030", "KR", "EX-1", 12, "TRAVEL")
    assert item[49:63] == "00000200000102"
    assert item[63 + 82 : 63 + 104] == golden("84.20", 11, "GBP  ", "X")
    long = sender().expense_item(
        expense_item(), "EX-" + "9" * 20, wbs="P-1", company="UK01", coding=CODING, serial=1
    )
    assert long.split("\n")[1][63 + 22 : 63 + 38] == "UWJDHC67IRKMFVH3"


def test_the_simulator_reads_what_the_connector_writes() -> None:
    """Two implementations of one layout agree field by field."""
    text = sender().time_entry(time_entry(), "TE-1", wbs="P-1", coding=CODING, serial=1)
    text += sender().expense_item(expense_item(), "EX-1", wbs="P-1", company="UK01", coding=CODING, serial=2)
    first, second = reader.read_file(text)
    assert (first.mestyp, first.arckey, first.sender, first.problem) == (reader.TIME, "TE-1", "COEXIST", "")
    cells = reader.cells(*first.segments[0])
    assert (cells["CATSHOURS"], cells["PRICE"], cells["ZZNOTES"]) == ("7.33-", "150.50", "Größe zwei")
    assert (cells["WBS_ELEMENT"], cells["ZZKOSTL"], cells["BILLABLE"]) == ("P-1", "UK01200", "X")
    assert [name for name, _ in second.segments] == ["E1BPACHE09", "E1BPACGL09"]
    assert reader.cells(*second.segments[1])["ZZEXTID"] == "EX-1"


@settings(deadline=None, max_examples=60)
@given(notes=st.text(max_size=255), minutes=st.integers(-599_999, 599_999))
def test_no_text_breaks_a_record(notes: str, minutes: int) -> None:
    """Line ends, separators and control characters of any alphabet leave widths and neighbours alone."""
    text = sender().time_entry(
        time_entry(notes=notes, minutes=minutes), "TE-1", wbs="P-1", coding=CODING, serial=1
    )
    (found,) = reader.read_file(text)
    assert found.problem == ""
    cells = reader.cells(*found.segments[0])
    assert (cells["ZZEXTID"], cells["ZZRESID"], cells["UNIT"]) == ("TE-1", "E-7", "H")


def test_hours_that_fit_no_field_are_refused() -> None:
    """Never cut: ten thousand hours in one entry are somebody's mistake."""
    with pytest.raises(writer.Unfit) as caught:
        sender().time_entry(time_entry(minutes=-600_000), "TE-1", wbs="P-1", coding=CODING, serial=1)
    assert caught.value.answer == SaidNo(
        code="TOO_LARGE", message="10000.00- does not fit 8 characters", field="minutes"
    )


@pytest.mark.parametrize("cut", [1, 30, 1000, 1063])
def test_a_file_cut_short_spoils_only_its_end(cut: int) -> None:
    """A record that is not whole is a syntax error of its IDoc; a cut control record makes no IDoc."""
    text = "".join(
        sender().time_entry(time_entry(), f"TE-{n}", wbs="P-1", coding=CODING, serial=n) for n in range(3)
    )
    whole, second, last = reader.read_file(text[: -cut - 1])
    assert (whole.problem, second.problem) == ("", "")
    assert last.problem
    assert [idoc.arckey for idoc in reader.read_file(text[: -1064 - 200])] == ["TE-0", "TE-1"]


def status(**fields: str) -> str:
    base = {"TABNAM": "EDI_DS40", "DOCNUM": "0000000000000007", "STATUS": "53", "ARCKEY": "TE-1"}
    return reader.record(reader.DS40, base | fields)


def test_a_status_file_is_read_as_far_as_it_is_whole() -> None:
    """The connector takes complete records only; half a record is not there yet."""
    assert writer.DS40_WIDTH == reader.DS40_WIDTH == 562
    text = status(STAPA1="000000000042") + "\n" + status(STATUS="51")
    assert [row["STATUS"] for row in writer.read_status(text)] == ["53", "51"]
    assert [row["STATUS"] for row in writer.read_status(text[:-1])] == ["53"]
    assert writer.read_status("<html>" + text) == writer.read_status(text)[1:]


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"STAPA1": "000000000042"}, Posted(vendor_id="000000000042")),
        ({"STAPA1": "BKPFF", "STAPA2": "1900000001UK012026"}, Posted(vendor_id="1900000001UK012026")),
        ({}, NoAnswer(reason="status 53 without a document")),
        (
            {"STATUS": "51", "STAMID": "F5", "STAMNO": "201", "STATXT": "Posting period is not open"},
            SaidNo(code="F5201", message="Posting period is not open", field=None),
        ),
        ({"STATUS": "60", "SEGFLD": "WORKDATE"}, SaidNo(code="IDOC60", message="", field="WORKDATE")),
        ({"STATUS": "64"}, None),
    ],
)
def test_a_status_says_what_became_of_an_idoc(fields: dict[str, str], answer: object) -> None:
    """53 with a document posted, 51 and 60 refused, anything before that is under way."""
    (record,) = writer.read_status(status(**fields))
    assert of_status(record) == answer
