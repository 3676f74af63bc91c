"""The mapping of SAP ECC: the shipped file covers the connector, and a rename in ECC is a new version of the file, no code."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from router.canonical.documents import Document
from router.connectors import sap_ecc
from router.connectors.mapping import read_mappings
from router.connectors.port import Answer, NoAnswer, NotThere, Posted, SaidNo
from router.connectors.sap_ecc.names import Names
from router.connectors.sap_ecc.required import ACCOUNTS, OPTIONAL, REQUIRED, TABLES
from router.errors import BadConfig, VendorRefused
from router.landscape import read_landscape
from simulators.core.ledger import ACCOUNTS as BOOKS
from tests.contract.erp_contract import (
    Bench,
    assignment,
    chain,
    contact,
    invoice,
    journal_entry,
    resource,
    time_entry,
)
from tests.contract.sap_ecc_bench import run, sap

SHIPPED = read_mappings("sap_ecc")
TEXT = Path("fixtures/mappings/sap_ecc.yaml").read_text(encoding="utf-8")
BEFORE, AFTER = date(2026, 10, 1), date(2026, 10, 30)
"""Before and after the second version of the files below."""
Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("version", SHIPPED.versions, ids=lambda version: f"v{version.version}")
def test_every_version_covers_the_connector(version: Any) -> None:
    """Every field name and table of codes the connector asks for is there; tax codes have two characters and are distinct."""
    assert version.missing(REQUIRED) == []
    assert [table for table in TABLES if table not in version.codes] == []
    taxes = [version.code("tax_codes", code, AFTER) for code in read_landscape().tax_codes]
    assert [len(code) for code in taxes] == [2] * len(taxes)
    assert len(set(taxes)) == len(taxes)
    accounts = [version.code("accounts", name, AFTER) for name in ACCOUNTS]
    assert sorted(accounts) == sorted(BOOKS)


def test_a_version_that_covers_less_is_told_so() -> None:
    """The check above bites: without one name it names kind and attribute."""
    fields = {kind: dict(names) for kind, names in SHIPPED.newest.fields.items()}
    del fields["assignment"]["minutes"]
    assert replace(SHIPPED.newest, fields=fields).missing(REQUIRED) == ["assignment.minutes"]


def test_nothing_in_the_file_is_idle() -> None:
    """What the connector asks for nowhere would mislead whoever mends the file."""
    idle = [
        f"{section}.{attribute}"
        for version in SHIPPED.versions
        for section, names in version.fields.items()
        for attribute in names
        if attribute not in (*REQUIRED.get(section, ()), *OPTIONAL.get(section, ()))
    ]
    assert idle == []


STRUCTURAL = {"STATUS", "PERNR", "SUBTY", "BEGDA", "ENDDA"}
"""Of the status record, and of the frame that carries an infotype's fields: they happen to have names that are mapped elsewhere."""


LEDGER = {("balances.py", "BUDAT")}
"""A standard field of the new general ledger's own table; documents carry their posting date under the same name."""


def test_no_field_name_is_written_in_the_connector() -> None:
    """A name of the mapping file stands in no string of the connector's code."""
    mapped = {name for section in SHIPPED.newest.fields.values() for name in section.values()} - STRUCTURAL
    folder = Path(sap_ecc.__file__).parent
    found = [
        f"{path.name}:{line}: {text}"
        for path in sorted(folder.glob("*.py"))
        for text, line in _strings(path.read_text(encoding="utf-8"))
        if text in mapped and (path.name, text) not in LEDGER
    ]
    assert found == []
    assert list(_strings('"""KUNNR."""\nx = {"KUNNR": f"{1}ZZROLE"}')) == [("KUNNR", 2), ("ZZROLE", 2)]


def _strings(code: str) -> Iterator[tuple[str, int]]:
    """String constants of a module that are no docstrings."""
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not re.search(r"[.:\n]", node.value)
        ):
            yield node.value, node.lineno


def with_mapping(folder: Path, more: str, **options: str) -> Change:
    """The shipped file with another version published on 15 October 2026, and options of the system."""
    path = folder / "sap_ecc.yaml"
    path.write_text(f"{TEXT}  - version: 2\n    published: 2026-10-15\n{more}", encoding="utf-8")

    def change(config: dict[str, Any]) -> None:
        config["mapping"] = str(path)
        config["options"] |= options

    return change


def renaming(**options: str) -> Change:
    """An ECC with other names, and the shipped mapping."""
    return lambda config: config["options"].update(options)


async def post(bench: Bench, document: Document, day: date | None) -> Answer:
    """Post by the mapping of a day; None: by the newest, as a replay asks for."""
    delivery = replace(bench.delivery(document), mapping_of=day)
    (answer,) = (await bench.connector.post([delivery])).answers
    if isinstance(answer, Posted):
        bench.refs[document.kind, document.document_id] = answer.vendor_id
    return answer


ROLE = "    fields:\n      resource: {role: ZZJOBROLE}\n      assignment: {role: ZZJOBROLE}\n"


def test_a_renamed_field_needs_only_a_new_version(tmp_path: Path) -> None:
    """By the old version ECC refuses the field by name; by the new one it posts; a replay by the newest mends what was refused."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        old = await post(bench, resource(), BEFORE)
        assert isinstance(old, SaidNo)
        assert (old.code, old.field) == ("PG016", "ZZROLE")
        assert isinstance(await post(bench, resource(), None), Posted)
        kept = sap(bench).books.rows("master")[0]
        assert kept.extra["0001-ZZROLE"] == "SENIOR"
        planned = await post(bench, assignment(1), BEFORE)
        assert isinstance(planned, SaidNo)
        assert planned.code == "INTERFACE"
        assert "ZZROLE" in planned.message
        assert await bench.look_up(assignment(1)) == [NotThere()]
        assert isinstance(await post(bench, assignment(1), AFTER), Posted)

    run(test, change=with_mapping(tmp_path, ROLE, renamed_fields="ZZROLE=ZZJOBROLE"))


def test_without_the_new_version_a_rename_is_refused_for_good() -> None:
    """No retry helps: the answer is a refusal, not `later`."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        assert isinstance(await post(bench, resource(), None), SaidNo)

    run(test, change=renaming(renamed_fields="ZZROLE=ZZJOBROLE"))


def test_a_renamed_column_needs_only_a_new_version(tmp_path: Path) -> None:
    """Reading goes by the newest version: dimensions come back; by the old one ECC does not know the column."""

    async def read(bench: Bench) -> Any:
        await bench.chain()
        await bench.posted(time_entry(1))
        (found,) = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        return found.dimensions

    more = "    fields:\n" + "".join(
        f"      {table}: {{practice: ZZPRACTICE}}\n" for table in ("CATSDB", "PROJ")
    )
    found = run(read, change=with_mapping(tmp_path, more, renamed_fields="ZZPRACT=ZZPRACTICE"))
    assert found == {
        "department": "DELIVERY",
        "practice": "ADVISORY",
        "service_line": "CONSULTING",
        "cost_center": "UK01200",
    }

    async def fails(bench: Bench) -> None:
        with pytest.raises(VendorRefused, match="FIELD_NOT_VALID") as caught:
            await read(bench)
        assert "fields.CATSDB" in caught.value.mend

    run(fails, change=renaming(renamed_fields="ZZPRACT=ZZPRACTICE"))


def test_without_our_ids_nothing_is_sent_and_nothing_is_taken_for_absent() -> None:
    """ECC renamed the column look-ups ask by: a master is refused before it is written, a look-up does not know."""

    async def test(bench: Bench) -> None:
        (said,) = await bench.post(chain()[0])
        assert isinstance(said, SaidNo)
        assert (said.code, "fields.KNA1 in a new version" in said.message) == ("UNMAPPED", True)
        (found,) = await bench.look_up(time_entry(1))
        assert isinstance(found, NoAnswer)
        assert "ZZEXTID" in found.reason

    run(test, change=renaming(renamed_fields="ZZEXTID=ZZOURID"))


CODES = """    codes:
      accounts: {REVENUE: [{to: "400000"}, {from: 2027-01-01, to: "400100"}]}
      departments: {DELIVERY: D-100}
      tax_codes: {GB-STD: [{to: A1}, {from: 2026-10-31, to: V9}]}
"""


def test_codes_change_by_version_and_accounting_date(tmp_path: Path) -> None:
    """A department and a tax code go out as the version of the day has them on the accounting date, and come back as ours."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for n, day in ((1, BEFORE), (2, None)):
            assert isinstance(await post(bench, time_entry(n), day), Posted)
        departments = [row.dims["department"] for row in sap(bench).books.rows("time")]  # type: ignore[attr-defined]
        assert departments == ["DELIVERY", "D-100"]
        found = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [record.dimensions["department"] for record in found] == ["DELIVERY", "DELIVERY"]
        late = invoice(2).model_copy(update={"accounting_date": date(2026, 10, 31)})
        assert isinstance(await post(bench, invoice(1), None), Posted)
        # From 31 October the newest version writes V9, which this ECC does not have; the old one still writes A1.
        said = await post(bench, late, None)
        assert isinstance(said, SaidNo)
        assert (said.code, "V9" in said.message) == ("00058", True)
        assert isinstance(await post(bench, late, BEFORE), Posted)
        records = await bench.connector.read_back(
            "invoice", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [record.lines[0]["tax_code"] for record in records] == ["GB-STD", "GB-STD"]

    run(test, change=with_mapping(tmp_path, CODES))


def test_what_the_mapping_lacks_is_named_and_concerns_no_other(tmp_path: Path) -> None:
    """A refusal with file, table and mend, for a document in a batch as for a single one; the rest of the batch posts."""
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(
        TEXT.replace("departments: same", "departments: {DELIVERY: D1}").replace('        BAD_DEBT: "660000"\n', "")
        .replace("{customer_id: CUSTOMER, name: NAME, email: E_MAIL}", "{customer_id: CUSTOMER, name: NAME}"),
        encoding="utf-8",
    )  # fmt: skip

    def change(config: dict[str, Any]) -> None:
        config["mapping"] = str(lacking)

    async def test(bench: Bench) -> None:
        await bench.chain()
        first, second, third = await bench.post(
            time_entry(1), time_entry(2, department="SUPPORT"), time_entry(3)
        )
        assert (type(first), type(third)) == (Posted, Posted)
        assert isinstance(second, SaidNo)
        assert second.code == "UNMAPPED"
        assert "lacking.yaml (version 1) has no departments entry for 'SUPPORT'" in second.message
        assert "codes.departments in a new version" in second.message
        lines = [
            {"line": 1, "account": "BAD_DEBT", "amount": "1"},
            {"line": 2, "account": "REVENUE", "amount": "-1"},
        ]
        (entry,) = await bench.post(journal_entry(1, lines=lines))
        assert isinstance(entry, SaidNo)
        assert "no accounts entry for 'BAD_DEBT'" in entry.message
        (person,) = await bench.post(contact(1))
        assert isinstance(person, SaidNo)
        assert (person.code, "does not map contact.email" in person.message) == ("UNMAPPED", True)

    run(test, change=change)


def test_a_table_the_mapping_lacks_can_not_be_read(tmp_path: Path) -> None:
    """Reading back says which name is missing, and a look-up that it does not know."""
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(TEXT.replace("        hours: CATSHOURS\n", ""), encoding="utf-8")

    async def test(bench: Bench) -> None:
        with pytest.raises(VendorRefused, match=r"does not map CATSDB\.hours"):
            await bench.connector.read_back(
                "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
            )

    run(test, change=lambda config: config.update(mapping=str(lacking)))


def test_a_mapping_or_option_that_can_not_be_read_is_named_at_start(tmp_path: Path) -> None:
    """File, place and what is wrong."""

    async def nothing(_: Bench) -> None:
        """No test at all."""

    bad = tmp_path / "bad.yaml"
    bad.write_text("versions: [{version: 1, published: soon}]", encoding="utf-8")
    with pytest.raises(BadConfig, match="published"):
        run(nothing, change=lambda config: config.update(mapping=str(bad)))


@pytest.mark.parametrize("option", ["company_codes", "tax_codes"])
def test_a_bad_option_is_named(option: str) -> None:
    """CODE=VALUE pairs, and nothing else."""
    with pytest.raises(BadConfig, match="CODE=VALUE"):
        Names(SHIPPED, {option: "GB-STD"})
