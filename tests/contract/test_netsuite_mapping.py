"""NetSuite's mapping: what it must cover, what a rename takes, what a gap says."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from router.canonical.documents import Document
from router.connectors.mapping import Mappings, VendorMapping, read_mappings
from router.connectors.netsuite.queries import READ_BACKS
from router.connectors.netsuite.records import KINDS, build, cancellation
from router.connectors.netsuite.required import REQUIRED
from router.connectors.netsuite.vocabulary import Vocabularies
from router.connectors.port import Answer, Delivery, NotThere, Posted, SaidNo
from router.errors import VendorRefused
from router.model import JobId
from tests.contract.erp_contract import (
    Bench,
    assignment,
    billing_event,
    chain,
    change_order,
    charge,
    contact,
    contract_line,
    credit_memo,
    expense_item,
    invoice,
    journal_entry,
    make,
    milestone,
    payment,
    promises_every_kind,
    promises_wider_kinds,
    resource,
    revenue_schedule,
    task,
    time_entry,
    write_off,
)
from tests.contract.netsuite_bench import run

SHIPPED = Path(__file__).parents[2] / "fixtures" / "mappings" / "netsuite.yaml"
STRUCTURE = frozenset(
    {"items", "id", "refName", "externalId", "isPerson", "defaultBilling", "addressBookAddress", "apply"}
)
"""What REST itself names, whatever the attribute: wrappers, keys of references, two flags of sublists."""


def shipped() -> dict[str, Any]:
    """The shipped file as plain data, anchors resolved."""
    data: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for version in data["versions"]:
        version["fields"] = {group: dict(names) for group, names in version["fields"].items()}
    return data


def using(tmp_path: Path, data: dict[str, Any], **options: str) -> Callable[[dict[str, Any]], None]:
    """A change of the system's configuration: another mapping file, and options of the account."""
    path = tmp_path / "netsuite.yaml"
    path.write_text(yaml.safe_dump(deepcopy(data)), encoding="utf-8")

    def change(config: dict[str, Any]) -> None:
        config["mapping"] = str(path)
        config["options"] |= {name.replace("__", "."): value for name, value in options.items()}

    return change


async def post_as_of(bench: Bench, document: Document, day: date | None) -> Answer:
    """Post a document by the mapping as published by a day."""
    delivery = replace(bench.delivery(document), mapping_of=day)
    (answer,) = (await bench.connector.post([delivery])).answers
    return answer


def test_every_shipped_version_covers_what_is_required() -> None:
    """Nothing the connector writes or reads is missing from any version."""
    for version in read_mappings("netsuite").versions:
        assert version.missing(REQUIRED) == [], version.version
        assert not Vocabularies(Mappings((version,))).newest.gaps


def test_required_is_all_there_is(tmp_path: Path) -> None:
    """With the required names and no others, every kind is written, found and read back."""
    data = shipped()
    fields = data["versions"][0]["fields"]
    data["versions"][0]["fields"] = {
        group: {name: fields[group][name] for name in names} for group, names in REQUIRED.items()
    }
    changed = partial(run, change=using(tmp_path, data))
    promises_every_kind(changed, sorted(KINDS))
    promises_wider_kinds(changed)


def everything() -> list[Document]:
    """A document of each kind, every optional attribute given."""
    direct = invoice(1)
    terms = contract_line(
        1, "subscription", fee="9", cap="9", markup_basis_points=5, revenue="straight_line",
        starts="2026-09-01", ends="2026-12-31",
    )  # fmt: skip
    customer, _, _, project = chain()
    dims = dict.fromkeys(("department", "practice", "service_line", "cost_center"), "X")
    return [
        customer.model_copy(update={"parent_id": "C-0", "city": "Hull", "postal_code": "HU1"}),
        make("rate_card", "R-UK01", currency="GBP", name="S",
             rates=[{"role": "A", "hourly": "1", "starts": "2026-01-01", "resource_id": "E-1"}]),
        make("contract", "K-UK01", customer_id="C-UK01", currency="GBP", billing="retainer", rate_card_id="R-UK01",
             starts="2026-09-01", ends="2027-08-31", purchase_order="PO", contract_version=2, engagement_id="E",
             group_by="contract", rate_type="contract", exchange_rate="1.5", lines=[terms]),
        project.model_copy(update={"ends": date(2027, 1, 1)}),
        contact(1), task(1), assignment(1),
        resource(email="a@b.example", manager_id="E-0", hired_on="2020-01-01", left_on="2026-12-31"),
        time_entry(1, task_id="TK-1", notes="n", adjusts="T-0", part_of="T-0", covered_by="retainer"),
        expense_item(1, notes="n", bill_amount="1", adjusts="X-0", part_of="X-0"),
        milestone(1), charge(1), change_order(1, 2, [terms], ends="2027-01-01"),
        billing_event().model_copy(update={"with_projects": ("P-UK01",), "exchange_rate": 2}),
        direct.model_copy(update={"rebills": "IN-0", "exchange_rate": 2}),
        credit_memo(1, direct).model_copy(update={"exchange_rate": 2, "contract_id": "K-UK01"}),
        payment(1, direct, "1").model_copy(update={"exchange_rate": 2}),
        write_off(1, direct, "1"), revenue_schedule(1),
        journal_entry(1, exchange_rate="2", counterparty="US01", source_id="T-1", reverses="JE-0",
                      contract_id="K-UK01",
                      lines=[{"line": 1, "account": "CASH", "amount": "1", "text": "t", **dims},
                             {"line": 2, "account": "REVENUE", "amount": "-1"}]),
    ]  # fmt: skip


def names_in(data: Any) -> set[str]:
    """Every property name of a JSON value."""
    if isinstance(data, list):
        return {name for item in data for name in names_in(item)}
    if not isinstance(data, dict):
        return set()
    return {*data, *(name for value in data.values() for name in names_in(value))}


def test_no_name_of_an_attribute_stands_in_the_code() -> None:
    """Under a mapping of invented names, records hold those, and beside them only REST's own structure."""
    real = read_mappings("netsuite").newest
    invented = {
        group: {name: f"x_{group.replace('.', '_')}_{name}" for name in names}
        for group, names in real.fields.items()
    }
    mapping = VendorMapping("invented", 1, real.published, real.codes, invented)
    words = Vocabularies(Mappings((mapping,))).newest
    refs = {
        ("customer", "C-UK01"): "1", ("rate_card", "R-UK01"): "2", ("contract", "K-UK01"): "3",
        ("project", "P-UK01"): "4", ("task", "TK-1"): "5", ("invoice", "IN-1"): "6",
    }  # fmt: skip
    documents = everything()
    assert {document.kind for document in documents} == KINDS
    written: dict[str, set[str]] = {}
    for document in documents:
        delivery = Delivery(
            job_id=JobId(1),
            external_id=document.document_id,
            operation="create",
            document=document,
            refs=refs,
        )
        call = build(delivery, {"UK01": "2"}, words)
        names = written.setdefault(document.kind, set())
        names |= names_in(orjson.loads(call.body))
        assert {name for name in names if not name.startswith("x_")} <= STRUCTURE, document.kind
        if document.kind in ("customer", "contract", "project"):
            assert all(name.startswith("x_") for name in cancellation(document, words))
    # And nothing required goes unused: what is read alone is named here.
    read = {"number", "status", "net", "tax", "total"}
    for group, attributes in REQUIRED.items():
        kind = group.partition(".")[0]
        if group.endswith("columns") or kind not in KINDS:
            continue
        unused = [
            name for name in attributes if invented[group][name] not in written[kind] and name not in read
        ]
        assert unused in ([], ["cancelled"]), group


@pytest.mark.parametrize("group", [group for group in REQUIRED if group.partition(".")[0] in KINDS])
def test_a_missing_name_refuses_its_kind_alone(group: str) -> None:
    """The answer names the file, the place and the mend; documents of other kinds go on."""
    data = shipped()
    kind, _, part = group.partition(".")
    attribute = REQUIRED[group][-1]
    del data["versions"][0]["fields"][group][attribute]
    real = read_mappings("netsuite").newest
    mapping = VendorMapping("file.yaml", 1, real.published, real.codes, data["versions"][0]["fields"])
    words = Vocabularies(Mappings((mapping,))).newest
    reading = part.endswith("columns")
    told = words.unreadable(kind) if reading else words.gap(kind)
    assert told is not None
    assert f"file.yaml (version 1) does not map {group}.{attribute}" in told.message
    if isinstance(told, SaidNo):
        assert told.code == "UNMAPPED"
        assert f"add it under fields.{group}" in told.message
    for other in KINDS - {kind}:
        borrows = kind == "invoice" and other == "billing_event"
        if not reading:
            assert (words.gap(other) is None) is not borrows, other
        # Whatever can be read is read without the missing name.
        if other in READ_BACKS and words.unreadable(other) is None:
            READ_BACKS[other](words.fields)


def test_a_missing_name_of_a_list_stops_what_is_shown_with_it() -> None:
    """Applying needs its line's names; every query needs the subsidiary's."""
    real = read_mappings("netsuite").newest
    for lost, kinds in (
        ("applied_to", {"credit_memo", "payment", "write_off"}),
        ("subsidiary.columns", KINDS),
    ):
        fields = {group: names for group, names in real.fields.items() if group != lost}
        words = Vocabularies(Mappings((VendorMapping("f", 1, real.published, real.codes, fields),))).newest
        stopped = {kind for kind in KINDS if words.gap(kind) or words.unreadable(kind)}
        assert stopped == kinds


def test_a_gap_is_an_answer_not_a_crash(tmp_path: Path) -> None:
    """A document of a kind with a gap is refused, others are taken; look-up and read-back say so too."""
    data = shipped()
    del data["versions"][0]["fields"]["time_entry"]["work_date"]
    del data["versions"][0]["fields"]["milestone.columns"]["amount"]
    data["versions"][0]["fields"]["expense_item"]["currency"] = "no name; at all"
    data["versions"][0]["codes"]["accounts"].pop("REVENUE")

    async def test(bench: Bench) -> None:
        await bench.chain()
        (answer,) = await bench.post(time_entry(1))
        assert isinstance(answer, SaidNo)
        assert answer.code == "UNMAPPED"
        assert "does not map time_entry.work_date; add it under fields.time_entry" in answer.message
        (odd,) = await bench.post(expense_item(1))
        assert isinstance(odd, SaidNo)
        assert "is no field name" in odd.message
        (entry,) = await bench.post(journal_entry(1))
        assert isinstance(entry, SaidNo)
        assert entry.code == "UNMAPPED"
        assert "has no accounts entry for 'REVENUE' on 2026-10-30" in entry.message
        await bench.posted(milestone(1))
        assert not isinstance((await bench.look_up(milestone(1)))[0], NotThere | Posted)
        with pytest.raises(VendorRefused, match=r"milestone\.columns\.amount"):
            await bench.connector.read_back(
                "milestone", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
            )

    run(test, change=using(tmp_path, data))


def test_a_renamed_field_takes_one_new_version(tmp_path: Path) -> None:
    """The account renames a custom field: the old words are refused, the new ones post, a replay by the newest succeeds."""
    data = shipped()
    fields = data["versions"][0]["fields"]
    new = {
        group: {"practice": "custcol_firm_practice"}
        for group, names in fields.items()
        if names.get("practice") == "custcol_practice"
    }
    data["versions"].append({"version": 2, "published": date(2026, 10, 15), "fields": new})

    async def test(bench: Bench) -> None:
        await bench.chain()
        old = await post_as_of(bench, time_entry(1), date(2026, 10, 14))
        assert isinstance(old, SaidNo)
        assert (old.code, old.field) == ("INVALID_CONTENT", "custcol_practice")
        assert isinstance(await post_as_of(bench, time_entry(1), None), Posted)
        assert isinstance(await post_as_of(bench, time_entry(2), date(2026, 10, 15)), Posted)
        records = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [record.dimensions["practice"] for record in records] == ["ADVISORY", "ADVISORY"]
        (made,) = (await bench.posted(billing_event())).created
        assert made.model_dump()["lines"][0]["practice"] == "ADVISORY"

    run(test, change=using(tmp_path, data, field__custcol_practice="custcol_firm_practice"))


def test_codes_are_the_vendors_on_their_day_and_ours_again(tmp_path: Path) -> None:
    """A tax code and a department are called otherwise from a day on; read back, they are ours."""
    data = shipped()
    codes = data["versions"][0]["codes"]
    codes["departments"] = {"DELIVERY": [{"to": "D-OLD"}, {"from": date(2026, 10, 30), "to": "D-NEW"}]}
    codes["tax_codes"] = {"GB-STD": "EXPORT"}  # a code the account has, so that it is seen to arrive

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(1, accounting_date="2026-10-29"))
        await bench.posted(time_entry(2, accounting_date="2026-10-30"))
        rows = [row.dims["department"] for row in bench.app.sim.books.rows("time")]  # type: ignore[attr-defined]
        assert rows == ["D-OLD", "D-NEW"]
        records = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [record.dimensions["department"] for record in records] == ["DELIVERY", "DELIVERY"]
        (made,) = (await bench.posted(billing_event())).created
        (line,) = made.model_dump()["lines"]
        assert (line["tax_code"], line["tax"]["minor"]) == ("GB-STD", 0)
        (unknown,) = await bench.post(time_entry(3, department="SUPPORT"))
        assert isinstance(unknown, SaidNo)
        assert "departments entry for 'SUPPORT'" in unknown.message

    run(test, change=using(tmp_path, data))
