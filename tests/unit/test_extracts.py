"""Extracts: the user's own files become a firm; what is wrong in them is listed with place and mend."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.canonical import events
from router.canonical.billing import Invoice
from simulators.firm import Action, BadExtracts, Firm, PayInvoice, RowError, read_extracts, workload
from simulators.firm.extract_mapping import FIELDS, FileMapping
from simulators.firm.extract_values import Bad, Known, typed

SAMPLE = Path(str(resources.files("fixtures").joinpath("extracts/sample")))
FILES = {
    "customers.csv": "customer_id,name,legal_entity\nC-1,Acme,UK01\nC-2,Baker,DE01\n",
    "people.csv": "person_id,name,legal_entity\nR-1,Ada,UK01\n",
    "projects.csv": "project_id,customer_id,name,currency\nP-1,C-1,Build,\nP-2,C-2,Run,\n",
    "time.csv": "person_id,project_id,worked_on,hours\nR-1,P-1,2026-10-05,7.5\nR-1,P-2,2026-10-06,2\n",
}


@cache
def landscape() -> Mapping[str, Any]:
    """The default landscape as plain data."""
    found: Mapping[str, Any] = yaml.safe_load(
        resources.files("fixtures").joinpath("landscapes/default.yaml").read_bytes()
    )
    return found


def write(folder: Path, mapping: Mapping[str, Any] | None = None, **files: str | bytes) -> Path:
    """A folder of extracts; `customers="…"` replaces a file, the mapping follows the headers."""
    described: dict[str, Any] = {}
    for name in [*FILES, *(f"{name}.csv" for name in files if f"{name}.csv" not in FILES)]:
        content = files.get(name.removesuffix(".csv"), FILES.get(name, ""))
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
        header = raw.partition(b"\n")[0].decode("latin-1").removeprefix("\xef\xbb\xbf").strip()
        columns = {column: column for column in header.split(",") if column in FIELDS[name]}
        described[name] = {"columns": columns} | dict((mapping or {}).get(name, {}))
    (folder / "mapping.yaml").write_text(yaml.safe_dump({"files": described}), encoding="utf-8")
    return folder


def errors_of(folder: Path) -> list[RowError]:
    """The row errors of a folder."""
    return read_extracts(folder, landscape())[1]


def only(errors: list[RowError]) -> RowError:
    """The one error there is."""
    assert len(errors) == 1, [str(error) for error in errors]
    return errors[0]


# --- the sample ---------------------------------------------------------------------------------


@cache
def sample() -> tuple[Firm, list[RowError]]:
    """The sample folder, read once."""
    return read_extracts(SAMPLE, landscape())


def test_the_sample_is_a_whole_firm() -> None:
    """Eight customers, fifteen projects, twenty people, about 800 time rows, all valid to the router."""
    firm, _ = sample()
    sizes = (len(firm.customers), len(firm.projects), len(firm.people))
    assert sizes == (8, 15, 20)
    assert 780 <= len(firm.time) <= 800
    assert firm.month == date(2026, 10, 1)
    seen: set[tuple[str, str]] = set()
    for event in firm.masters():
        document = events.read(event).document
        assert set(document.needs) <= seen, document.document_id
        assert (document.kind, document.document_id) not in seen
        seen.add((document.kind, document.document_id))


def test_the_samples_bad_rows_are_those_its_mapping_announces() -> None:
    """Each row that is wrong on purpose is listed at its place, with the value as the file has it."""
    found = [(error.file, error.line, error.column, error.value) for error in sample()[1]]
    assert found == [
        ("customers.csv", 10, "BUKRS", "9000"),
        ("time.csv", 138, "Project Code", "PRJ-UK01-0099"),
        ("time.csv", 405, "Time (minutes)", "1.530"),
        ("time.csv", 521, "ID", "88000667"),
        ("open_invoices.csv", 11, "WRBTR", "125,50-"),
    ]
    text = (SAMPLE / "mapping.yaml").read_text(encoding="utf-8")
    for file, line, _, _ in found:
        assert f"{file:<17}  line {line}" in text
    assert all(error.why and error.mend for error in sample()[1])


def test_amounts_are_read_in_the_files_own_locale() -> None:
    """`18.183,18` is 18183.18 pounds, a yen amount has no decimals, umlauts survive cp1252."""
    firm, _ = sample()
    invoice = next(row for row in firm.open_invoices if row.invoice_id == "1800000001")
    assert (invoice.net_minor, invoice.tax_minor) == (1_515_265, 303_053)
    assert {row.currency for row in firm.contracts} == {"GBP", "EUR", "JPY"}
    assert "Schmidt & Söhne GmbH" in {row.name for row in firm.customers}
    fixed = [row for row in firm.contracts if row.billing == "fixed_fee"]
    assert fixed
    assert len(firm.milestones) == len(fixed)


def test_open_invoices_are_documents_that_payments_refer_to() -> None:
    """They come after the projects, tie to the cent, and some are paid during the rehearsed days."""
    firm, _ = sample()
    documents = [events.read(event).document for event in firm.masters()]
    kinds = [document.kind for document in documents]
    assert kinds.index("invoice") > max(at for at, kind in enumerate(kinds) if kind == "project")
    invoices = {document.document_id for document in documents if isinstance(document, Invoice)}
    start, end = datetime(2026, 10, 29, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC)
    steps = list(workload(firm, start=start, end=end, seed=1))
    paid = {step.invoice_id for step in steps if isinstance(step, PayInvoice) and step.invoice_id}
    assert paid
    assert paid < invoices
    assert sum(step.documents for step in steps if isinstance(step, Action)) > 700


def test_what_was_filled_in_is_stated() -> None:
    """Assumed prices, costs and dimensions are told, with the number of rows."""
    told = "\n".join(sample()[0].assumptions)
    assert "rate cards were not given" in told
    assert "an hour of a person costs 41% of the role's list price (6 rows)" in told
    assert "a project without a contract runs by the hour under one of its own (3 rows)" in told


# --- one bad thing at a time --------------------------------------------------------------------

BAD_ROWS = {
    "duplicate": ("customers", FILES["customers.csv"] + "C-1,Again,UK01\n", 4, "customer_id", "stands twice, first in line 2"),
    "unknown entity": ("customers", FILES["customers.csv"] + "C-3,Cook,XX99\n", 4, "legal_entity", "is none of"),
    "empty": ("customers", FILES["customers.csv"] + "C-3,,UK01\n", 4, "name", "is empty"),
    "control character": ("customers", FILES["customers.csv"] + "C-3,B\x07ell,UK01\n", 4, "name", "control"),
    "long id": ("customers", FILES["customers.csv"] + "C-12345678901234567,Long,UK01\n", 4, "customer_id", "holds 16"),
    "odd id": ("customers", FILES["customers.csv"] + "C 3,Odd,UK01\n", 4, "customer_id", "is no id"),
    "long name": ("customers", FILES["customers.csv"] + f"C-3,{'x' * 300},UK01\n", 4, "name", "at most 255"),
    "huge field": ("customers", FILES["customers.csv"] + f"C-3,{'x' * 20_000},UK01\n", 4, "name", "20000 characters"),
    "csv limit": ("customers", FILES["customers.csv"] + f"C-3,{'x' * 200_000},UK01\n", 4, "", "field limit"),
    "too few fields": ("customers", FILES["customers.csv"] + "C-3,Short\n", 4, "", "2 fields, the header has 3"),
    "lost quotation mark": ("customers", FILES["customers.csv"] + 'C-3,"Lost,UK01\nC-4,Next,UK01\n', 4, "", "lines 4 to 5"),
    "nul": ("customers", FILES["customers.csv"] + "C-3,Nu\0l,UK01\n", 4, "", "NUL"),
    "unknown customer": ("projects", FILES["projects.csv"] + "P-3,C-9,Lost,\n", 4, "customer_id", "none of the customers"),
    "unknown currency": ("projects", FILES["projects.csv"] + "P-3,C-1,Odd,XYZ\n", 4, "currency", "ISO 4217"),
    "unknown person": ("time", FILES["time.csv"] + "R-9,P-1,2026-10-07,1\n", 4, "person_id", "people.csv"),
    "no date": ("time", FILES["time.csv"] + "R-1,P-1,2026-02-30,1\n", 4, "worked_on", "is no date"),
    "far date": ("time", FILES["time.csv"] + "R-1,P-1,1026-10-07,1\n", 4, "worked_on", "2000 to 2100"),
    "other month": ("time", FILES["time.csv"] + "R-1,P-1,2026-09-30,1\n", 4, "worked_on", "outside 2026-10"),
    "no number": ("time", FILES["time.csv"] + "R-1,P-1,2026-10-07,1h\n", 4, "hours", "is no number"),
    "not a number": ("time", FILES["time.csv"] + "R-1,P-1,2026-10-07,NaN\n", 4, "hours", "is no number"),
    "nothing": ("time", FILES["time.csv"] + "R-1,P-1,2026-10-07,0\n", 4, "hours", "above zero"),
    "more than a day": ("time", FILES["time.csv"] + "R-1,P-1,2026-10-07,25\n", 4, "hours", "at most a day"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_left_out_and_listed(case: tuple[str, str, int, str, str], tmp_path: Path) -> None:
    """One error with file, line, their column and why; the good rows stay."""
    file, content, line, column, why = case
    folder = write(tmp_path, None, **{file: content})
    firm, errors = read_extracts(folder, landscape())
    error = only(errors)
    assert (error.file, error.line, error.column) == (f"{file}.csv", line, column)
    assert why in str(error)
    assert error.mend
    assert (len(firm.customers), len(firm.projects), len(firm.time)) == (2, 2, 2)


def test_rows_that_refer_to_a_bad_row_are_listed_too(tmp_path: Path) -> None:
    """A customer that was refused takes project and time with it, each named."""
    folder = write(tmp_path, customers="customer_id,name,legal_entity\nC-1,Acme,ZZ\nC-2,Baker,DE01\n")
    errors = errors_of(folder)
    assert [error.file for error in errors] == ["customers.csv", "projects.csv", "time.csv"]


CONTRACTS = "contract_id,billing,amount\n"
BAD_TERMS = {
    "fee without amount": (CONTRACTS + "K-1,fixed_fee,\n", "amount above zero"),
    "too many decimals": (CONTRACTS + "K-1,fixed_fee,10.005\n", "2 decimal places of GBP"),
    "unknown billing": (CONTRACTS + "K-1,barter,5\n", "is none of"),
}


@pytest.mark.parametrize("case", BAD_TERMS.values(), ids=BAD_TERMS)
def test_a_project_without_usable_terms_is_refused(case: tuple[str, str], tmp_path: Path) -> None:
    """The contract is listed, then the project under it, then its time."""
    content, why = case
    projects = "project_id,customer_id,name,contract_id\nP-1,C-1,Build,K-1\nP-2,C-2,Run,\n"
    firm, errors = read_extracts(write(tmp_path, contracts=content, projects=projects), landscape())
    assert [error.file for error in errors] == ["contracts.csv", "projects.csv", "time.csv"]
    assert why in errors[0].why
    assert [row.project_id for row in firm.projects] == ["P-2"]


def test_one_contract_serves_one_customer(tmp_path: Path) -> None:
    """A second project of another customer under the same contract is refused, not given a copy of the fee."""
    projects = "project_id,customer_id,name,contract_id\nP-1,C-1,Build,K-1\nP-2,C-2,Run,K-1\n"
    folder = write(tmp_path, contracts=CONTRACTS + "K-1,fixed_fee,100.00\n", projects=projects)
    errors = errors_of(folder)
    assert [error.file for error in errors] == ["projects.csv", "time.csv"]
    assert "is C-1's, in GBP, with UK01" in errors[0].why


def test_open_invoices_have_to_tie(tmp_path: Path) -> None:
    """Net plus tax must be the total; two of the three are enough; credits are left out."""
    rows = "I-1,C-1,2026-10-20,100.00,20.00,120.00\nI-2,C-1,2026-10-20,100.00,20.00,121.00\nI-3,C-1,2026-10-20,,20.00,120.00\nI-4,C-1,2026-10-20,-5,,\nI-5,C-1,2026-10-20,,,\nI-6,C-1,2026-10-20,100.00,,120.00\n"
    content = "invoice_id,customer_id,due_on,net,tax,total\n" + rows
    firm, errors = read_extracts(write(tmp_path, open_invoices=content), landscape())
    assert [(row.invoice_id, row.net_minor, row.tax_minor) for row in firm.open_invoices] == [
        ("I-1", 10_000, 2_000),
        ("I-3", 10_000, 2_000),
        ("I-6", 10_000, 2_000),
    ]
    assert [error.line for error in errors] == [3, 5, 6]


def test_expenses_are_checked(tmp_path: Path) -> None:
    """Another currency than the project's, nothing, or half a penny is refused."""
    rows = "R-1,P-1,2026-10-05,10.50,GBP\nR-1,P-1,2026-10-05,10,USD\nR-1,P-1,2026-10-05,0,GBP\nR-1,P-1,2026-10-05,1.005,GBP\nR-1,P-1,2026-09-05,1,GBP\n"
    content = "person_id,project_id,spent_on,amount,currency\n" + rows
    firm, errors = read_extracts(write(tmp_path, expenses=content), landscape())
    assert [row.amount_minor for row in firm.expenses] == [1050]
    assert [error.line for error in errors] == [3, 4, 5, 6]


# --- how files are written ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + FILES["customers.csv"].encode(),
        b"\xff\xfe" + FILES["customers.csv"].encode("utf-16-le"),
        b"\xfe\xff" + FILES["customers.csv"].encode("utf-16-be"),
        FILES["customers.csv"].replace("\n", "\r\n").encode(),
        FILES["customers.csv"].replace("\n", "\r").encode(),
        FILES["customers.csv"].encode() + b"\n\n,,\n",
    ],
    ids=["utf-8 mark", "utf-16 le", "utf-16 be", "crlf", "cr", "blank lines"],
)
def test_byte_order_marks_and_line_ends_do_not_matter(raw: bytes, tmp_path: Path) -> None:
    """A byte order mark wins over the mapping; any line end will do; blank rows are nothing."""
    columns = {name: name for name in ("customer_id", "name", "legal_entity")}
    firm, errors = read_extracts(
        write(tmp_path, {"customers.csv": {"columns": columns}}, customers=raw), landscape()
    )
    assert not errors
    assert [row.name for row in firm.customers] == ["Acme", "Baker"]


def test_a_wrong_encoding_is_told_by_line(tmp_path: Path) -> None:
    """A Windows file read as UTF-8 loses just the rows that can't be read, with the mend."""
    content = FILES["customers.csv"].encode() + "C-3,Müller,DE01\n".encode("cp1252")
    error = only(errors_of(write(tmp_path, customers=content)))
    assert (error.line, error.why) == (4, "is not utf-8")
    assert "encoding" in error.mend
    folder = write(tmp_path, {"customers.csv": {"encoding": "cp1252"}}, customers=content)
    firm, errors = read_extracts(folder, landscape())
    assert not errors
    assert firm.customers[-1].name == "Müller"


NUMBERS = [
    ("1.234,50-", ",", ".", "-1234.50"),
    ("1.234.567,89", ",", ".", "1234567.89"),
    ("1'234.50", ".", "'", "1234.50"),
    ("1 234.50", ".", "", "1234.50"),
    ("-12", ".", "", "-12"),
    ("0,5", ",", "", "0.5"),
    ("12.34,5", ",", ".", None),
    ("1,234.50", ",", ".", None),
    ("1.5", ",", "", None),
    ("1,234", ".", "", None),
    ("1e5", ".", "", None),
    ("--5", ".", "", None),
    ("\uff11\uff12", ".", "", None),
    ("Infinity", ".", "", None),
]


@pytest.mark.parametrize(("text", "decimal", "thousands", "value"), NUMBERS)
def test_numbers_are_read_as_the_file_writes_them_or_refused(
    text: str, decimal: str, thousands: str, value: str | None
) -> None:
    """Trailing minus, decimal comma and groups are read exactly; what does not fit is never guessed."""
    mapping = FileMapping(
        name="time.csv", columns={}, constants={}, values={}, decimal=decimal, thousands=thousands
    )
    known = Known({}, None)  # type: ignore[arg-type]  # no code is looked up
    if value is None:
        with pytest.raises(Bad):
            typed("amount", text, field="amount", mapping=mapping, known=known)
    else:
        found = typed("amount", text, field="amount", mapping=mapping, known=known)
        assert found == Decimal(value)


def test_hours_that_are_no_whole_minutes_are_rounded_and_stated(tmp_path: Path) -> None:
    """7.33 h is 440 minutes, and the assumption says how many rows that touched."""
    content = "person_id,project_id,worked_on,hours\nR-1,P-1,2026-10-05,7.33\nR-1,P-2,2026-10-05,1.5\n"
    firm, errors = read_extracts(write(tmp_path, time=content), landscape())
    assert not errors
    assert [row.minutes for row in firm.time] == [440, 90]
    assert any("nearest minute (1 rows)" in line for line in firm.assumptions)


def test_a_missing_or_doubled_column_is_told_once(tmp_path: Path) -> None:
    """Without a column that every row needs, no row is read and the header is shown."""
    folder = write(tmp_path)
    (folder / "people.csv").write_text("person,name,legal_entity\nR-1,Ada,UK01\n", encoding="utf-8")
    errors = errors_of(folder)
    assert errors[0].file == "people.csv"
    assert "no row can be read" in errors[0].why
    assert "person, name" in errors[0].mend
    (folder / "people.csv").write_text(
        "person_id,name,legal_entity,name\nR-1,Ada,UK01,Eve\n", encoding="utf-8"
    )
    assert "stands twice in the header" in errors_of(folder)[0].why


def test_missing_and_empty_files_are_reported(tmp_path: Path) -> None:
    """A file the mapping names but the folder lacks, and one without a byte, are row errors, not crashes."""
    folder = write(tmp_path)
    (folder / "people.csv").unlink()
    (folder / "time.csv").write_bytes(b"")
    firm, errors = read_extracts(folder, landscape())
    assert [error.file for error in errors] == ["people.csv", "time.csv"]
    assert not firm.people
    assert not firm.time


def test_too_many_errors_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is bounded and says how many more there were."""
    monkeypatch.setattr("simulators.firm.extract_rows.MAX_ERRORS", 3)
    rows = "".join(f"R-9,P-1,2026-10-{at:02d},1\n" for at in range(1, 11))
    errors = errors_of(write(tmp_path, time=FILES["time.csv"] + rows))
    assert len(errors) == 4
    assert errors[-1].why.startswith("7 more")


# --- mapping.yaml -------------------------------------------------------------------------------

BAD_MAPPINGS = {
    "missing": (None, "mapping.yaml"),
    "no yaml": ("files: [", "is not YAML"),
    "unknown key": ("file: {}\n", "use month and files"),
    "unknown file": ("files:\n  clients.csv: {}\n", "mapping.yaml:2"),
    "file left out": ("files:\n  time.csv: {columns: {a: person_id}}\n", "customers.csv is missing"),
    "unknown field": ("files:\n  customers.csv:\n    columns: {A: nam}\n", "there is no field 'nam'"),
    "no mapping": ("- 1\n", "should be a mapping"),
    "month": ("month: October\n", "is no month"),
    "not utf-8": (b"files: \xff\n", "is not UTF-8"),
    "encoding": ("files:\n  customers.csv:\n    encoding: rot13\n    columns: {A: customer_id, B: name, C: legal_entity}\n", "mapping.yaml:3"),
    "delimiter": ("files:\n  customers.csv:\n    delimiter: ab\n    columns: {A: customer_id, B: name, C: legal_entity}\n", "is no delimiter"),
    "twice": ("files:\n  customers.csv:\n    columns: {A: name, B: name}\n", "mapped twice"),
    "nothing gives it": ("files:\n  customers.csv:\n    columns: {A: name}\n", "no column gives customer_id"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MAPPINGS.values(), ids=BAD_MAPPINGS)
def test_a_mapping_that_cant_be_used_is_one_clear_line(
    case: tuple[str | bytes | None, str], tmp_path: Path
) -> None:
    """BadExtracts names the file, the line where there is one, and the mend."""
    content, why = case
    folder = tmp_path
    if content is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        if why not in (
            "customers.csv is missing",
            "use month and files",
            "should be a mapping",
            "is no month",
        ) and raw.startswith(b"files:\n  customers"):
            raw += b"  people.csv: {}\n  projects.csv: {}\n  time.csv: {}\n"
        if why == "is no month":
            raw += b"files: {customers.csv: {}, people.csv: {}, projects.csv: {}, time.csv: {}}\n"
        (folder / "mapping.yaml").write_bytes(raw)
    with pytest.raises(BadExtracts) as found:
        read_extracts(folder, landscape())
    assert why in str(found.value)
    assert " — " in str(found.value)
    assert "\n" not in str(found.value)


def test_only_what_is_needed_is_needed(tmp_path: Path) -> None:
    """Four files make a firm whose masters the router reads."""
    firm, errors = read_extracts(write(tmp_path), landscape())
    assert not errors
    documents = [events.read(event).document for event in firm.masters()]
    assert [document.kind for document in documents] == [
        *("customer",) * 2, *("rate_card",) * 2, *("contract",) * 2, *("project",) * 2, "resource",
    ]  # fmt: skip
    assert "contracts.csv was not given" in firm.assumptions[0]


# --- properties ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_reading_never_raises_on_what_files_hold(data: st.DataObject, tmp_path: Path) -> None:
    """Random bytes in any file, or spliced into a good one, give a firm and errors, never an exception."""
    folder = tmp_path / "extracts"
    if not folder.exists():
        shutil.copytree(SAMPLE, folder)
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    good = (SAMPLE / name).read_bytes()
    noise = data.draw(
        st.binary(max_size=60)
        | st.text(max_size=30).map(str.encode)
        | st.sampled_from([b'"', b"\0", b"\xff\xfe"])
    )
    at = data.draw(st.integers(0, len(good)))
    whole = data.draw(st.booleans())
    (folder / name).write_bytes(noise if whole else good[:at] + noise + good[at:])
    try:
        firm, errors = read_extracts(folder, landscape())
        for event in firm.masters():
            events.read(event)
        assert all(error.why and error.mend for error in errors)
        if whole and name == "time.csv":
            assert errors or not firm.time
    finally:
        (folder / name).write_bytes(good)


@settings(deadline=None, max_examples=200)
@given(
    minor=st.integers(-(10**14), 10**14),
    style=st.sampled_from([(",", "."), (".", ","), (".", ""), (",", "'")]),
)
def test_any_amount_survives_being_written_and_read(minor: int, style: tuple[str, str]) -> None:
    """Grouped, with a decimal comma and a trailing minus: the amount that comes back is the same."""
    decimal, thousands = style
    digits = str(abs(minor)).rjust(3, "0")
    whole, part = digits[:-2], digits[-2:]
    if thousands:
        whole = f"{int(whole):,}".replace(",", thousands)
    text = whole + decimal + part + ("-" if minor < 0 else "")
    mapping = FileMapping(
        name="time.csv", columns={}, constants={}, values={}, decimal=decimal, thousands=thousands
    )
    found = typed("amount", text, field="amount", mapping=mapping, known=Known({}, None))  # type: ignore[arg-type]
    assert found * 100 == minor
