"""The ownership matrix: who may change what from which day on, and mistakes in its file with their place."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import KINDS, parse
from router.canonical.documents import Document
from router.canonical.examples import example
from router.canonical.ownership import (
    OF_THE_EVENT,
    Ownership,
    Role,
    as_ownership,
    judge,
    read_ownership,
)
from router.configfile import loads
from router.errors import BadConfig, NotOwner
from router.landscape import default_file

TEXT = """
version: 1
senders:
  - {source: /crm/gate, role: psa}
  - {source: /crm, role: crm}
  - {client: payroll, role: hcm}
otherwise: steward
objects:
  customer:
    default: {owner: crm, conflict: record}
    attributes:
      currency: {owner: erp, conflict: refuse}
      email: {update: anyone}
      address: {owner: erp, conflict: ignore}
      country: {update: create_only, conflict: refuse}
      payment_terms_days:
        - {owner: erp, until: 2026-11-01}
        - {owner: crm, conflict: refuse, from: 2026-11-01}
"""
MATRIX = as_ownership(loads(TEXT, name="own.yaml"))


def customer(**changed: Any) -> Document:
    """A customer with some fields changed; None takes one out."""
    data = example("customer").model_dump(mode="json", exclude_none=True) | {"payment_terms_days": 30}
    return parse({name: value for name, value in (data | changed).items() if value is not None})


def kept(sender: Role, stored: Document, offered: Document) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The document as accepted, and the changes that were not made with their rule."""
    found = judge(stored, offered, sender=sender, matrix=MATRIX)
    return found.document.model_dump(mode="json"), [(one.attribute, one.rule) for one in found.kept]


def test_only_what_changed_concerns_anybody() -> None:
    """The same document from a stranger is no conflict, whenever it is dated."""
    again = customer(accounting_date="2026-11-20")
    assert kept("hcm", customer(), again) == (again.model_dump(mode="json"), [])


def test_each_rule_does_what_it_says() -> None:
    """Recorded, ignored and anybody's, in one document."""
    offered = customer(name="Contoso", email="a@b.example", address="Elsewhere")
    document, clashes = kept("psa", customer(address="Here"), offered)
    assert (document["name"], document["email"], document["address"]) == (
        "Northwind Trading Ltd",
        "a@b.example",
        "Here",
    )
    assert clashes == [("name", "record"), ("address", "ignore")]


def test_a_refused_change_names_attribute_owner_values_and_mend() -> None:
    """Whoever sent it knows where to change it."""
    with pytest.raises(NotOwner) as told:
        judge(customer(), customer(currency="EUR"), sender="crm", matrix=MATRIX)
    assert told.value.message == (
        "customer C-100: currency belongs to the erp; the crm would change it from 'GBP' to 'EUR'"
    )
    assert told.value.mend == "change currency in the erp, or leave it out"
    assert (told.value.status, told.value.facts) == (422, {"attribute": "currency", "owner": "erp"})


def test_what_is_set_once_is_nobodys_to_change() -> None:
    """Not even a steward's."""
    with pytest.raises(NotOwner, match="country is set when it is created and not changed after"):
        judge(customer(), customer(country="IE"), sender="steward", matrix=MATRIX)


@pytest.mark.parametrize(
    ("sender", "on", "terms", "clashes"),
    [
        ("crm", "2026-10-31", 30, [("payment_terms_days", "record")]),
        ("erp", "2026-10-31", 60, []),
        ("crm", "2026-11-01", 60, []),
        ("steward", "2026-11-01", 60, []),
    ],
)
def test_an_owner_changes_on_a_day(sender: Role, on: str, terms: int, clashes: list[Any]) -> None:
    """Until the cutover the ERP's, from then on the CRM's, by the accounting date of the change."""
    document, told = kept(sender, customer(), customer(payment_terms_days=60, accounting_date=on))
    assert (document["payment_terms_days"], told) == (terms, clashes)


def test_after_that_day_the_former_owner_is_refused() -> None:
    """The rule may change with the owner."""
    late = customer(payment_terms_days=60, accounting_date="2026-11-01")
    with pytest.raises(NotOwner, match="belongs to the crm"):
        judge(customer(), late, sender="erp", matrix=MATRIX)


def test_what_is_left_out_is_kept_unless_its_owner_left_it_out() -> None:
    """A PSA that knows no tax number does not delete it; the CRM that owns it does."""
    stored = customer(tax_registration="GB123456789")
    document, told = kept("psa", stored, customer(payment_terms_days=None))
    assert (document["tax_registration"], document["payment_terms_days"], told) == ("GB123456789", 30, [])
    document, told = kept("crm", stored, customer())
    assert (document["tax_registration"], told) == (None, [])


def test_kept_values_that_fit_no_more_are_refused_and_not_accepted_broken() -> None:
    """Prices stay in pounds while the currency moves to yen: neither half is taken alone."""
    matrix = Ownership.model_validate(
        {
            "objects": {
                "rate_card": {
                    "default": {"owner": "psa"},
                    "attributes": {"currency": {"update": "anyone"}},
                }
            }
        }
    )
    stored = example("rate_card")
    data = stored.model_dump(mode="json", exclude_none=True)
    priced = [{**data["rates"][0], "hourly": "150.50"}]
    pence = parse(data | {"rates": priced})
    yen = parse(data | {"currency": "JPY", "rates": [{**data["rates"][0], "hourly": "20000"}]})
    with pytest.raises(NotOwner, match="rates can't be kept beside the rest of the change"):
        judge(pence, yen, sender="crm", matrix=matrix)


@pytest.mark.parametrize(
    ("client", "source", "role"),
    [
        ("x", "/crm/accounts", "crm"),
        ("x", "/crm/gate/9", "psa"),
        ("payroll", "/people", "hcm"),
        ("x", "/people", "steward"),
    ],
)
def test_a_sender_has_the_role_of_the_first_line_that_names_it(client: str, source: str, role: str) -> None:
    """By the beginning of its source, by its client's name, else what is said for others."""
    assert MATRIX.role_of(client, source) == role


@settings(deadline=None, max_examples=150)
@given(
    sender=st.sampled_from(["crm", "psa", "erp", "hcm"]),
    name=st.sampled_from(["Northwind Trading Ltd", "A", "B"]),
    terms=st.integers(0, 90),
    address=st.sampled_from([None, "Here", "There"]),
)
def test_nothing_changes_without_its_owner(sender: Role, name: str, terms: int, address: str | None) -> None:
    """Whatever is sent: an attribute that changed belongs to the sender, or to anybody."""
    stored = customer(address="Here")
    found = judge(
        stored, customer(name=name, payment_terms_days=terms, address=address), sender=sender, matrix=MATRIX
    )
    for attribute in type(stored).model_fields:
        if attribute not in OF_THE_EVENT and getattr(found.document, attribute) != getattr(stored, attribute):
            owner, update, _ = MATRIX.rule("customer", attribute, stored.accounting_date)
            assert update == "anyone" or owner == sender
    again = judge(stored, found.document, sender=sender, matrix=MATRIX)
    assert again.document == found.document


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("email:", "emial:", r"own.yaml:13:14: .*no such attribute.*owned"),
        ("customer:\n    default", "invoice:\n    default", r"own.yaml:10:5: objects.invoice: is no kind of master"),
        ("owner: crm, conflict: record}", "owner: sales, conflict: record}", r"own.yaml:10:22: .*Input should be 'crm'"),
        ("until: 2026-11-01}", "from: 2026-12-01, until: 2026-11-01}", r"own.yaml:17:11: .*is not after from"),
        ("{client: payroll, role: hcm}", "{role: hcm}", r"own.yaml:6:5: .*named by `client`"),
        ("otherwise: steward", "others: steward", r"own.yaml:7:9: others: Extra inputs"),
        ("update: anyone", "update: everyone", r"own.yaml:13:14: .*Input should be 'owner'"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_with_its_place(old: str, new: str, said: str) -> None:
    """Line, column, what is wrong; a near miss with what was meant."""
    assert old in TEXT
    with pytest.raises(BadConfig, match=said) as told:
        as_ownership(loads(TEXT.replace(old, new), name="own.yaml"))
    if new == "emial:":
        assert told.value.mend == "did you mean email?"


def test_the_default_matrix_covers_every_master_and_its_schema_takes_the_file() -> None:
    """Customer, contact, contract, rate card, project, task, assignment, resource: every attribute has an owner."""
    matrix = read_ownership()
    masters = {"customer", "contact", "contract", "rate_card", "project", "task", "assignment", "resource"}
    assert set(matrix.objects) == masters
    schema = Ownership.model_json_schema(by_alias=True)
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in sorted(masters):
        day = example(kind).accounting_date
        for attribute in KINDS[kind].model_fields:
            assert matrix.rule(kind, attribute, day)[0] in ("crm", "psa", "erp", "hcm")
    file = default_file("ownership/default.yaml")
    as_ownership(file)
    jsonschema.validate(file.data, schema)
