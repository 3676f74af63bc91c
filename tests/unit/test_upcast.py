"""First versions of kinds, frozen here as they were published: what each means in the newest, what is refused."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import KINDS, events, parse
from router.canonical.kinds import model_of
from router.canonical.masters import Contract, Resource
from router.canonical.published import schema_of
from router.canonical.upcast import UPCASTERS, upcast
from router.canonical.work import ChangeOrder
from router.errors import BadInput, NotFound

HEADER = {
    "legal_entity": "UK01",
    "region": "EMEA",
    "business_unit": "CONSULTING",
    "accounting_date": "2026-10-30",
}
TIME = {"line": 1, "bills": "time", "description": "Time", "tax_code": "GB-STD", "service_line": "CONSULTING"}
FIRST: dict[str, dict[str, Any]] = {
    "contract": {
        **HEADER, "kind": "contract", "document_id": "K-100", "customer_id": "C-100", "currency": "GBP",
        "billing": "time_and_materials", "rate_card_id": "RC-UK01", "starts": "2026-10-01", "ends": "2027-03-31",
        "purchase_order": "PO-7",
        "lines": [TIME | {"amount": "90000.00"}, TIME | {"line": 2, "bills": "expenses"},
                  TIME | {"line": 3, "bills": "milestones", "amount": "12500.00"}],
    },
    "change_order": {
        **HEADER, "kind": "change_order", "document_id": "CO-100", "project_id": "P-100", "contract_id": "K-100",
        "currency": "GBP", "contract_version": 2, "effective": "2026-11-01", "reason": "Two more weeks",
        "lines": [TIME | {"amount": "98000.00"}],
    },
    "resource": {
        **HEADER, "kind": "resource", "document_id": "R-100", "name": "B. Baker", "role": "CONSULTANT",
        "department": "DELIVERY", "cost_center": "CC-UK01", "currency": "GBP", "cost_rate": "70.00", "email": "b@example.com",
    },
}  # fmt: skip
"""Samples of v1, never to be edited: a journal may hold such documents for years."""


def sample(kind: str) -> dict[str, Any]:
    """A frozen sample, to be changed."""
    return dict(FIRST[kind])


def test_every_kind_with_a_newer_version_has_steps_samples_and_schemas() -> None:
    """No version in between is forgotten."""
    newer = {kind: model.version for kind, model in KINDS.items() if model.version > 1}
    assert set(UPCASTERS) == {(kind, step) for kind, newest in newer.items() for step in range(1, newest)}
    assert set(FIRST) == set(newer)
    for kind, newest in newer.items():
        for version in range(1, newest + 1):
            jsonschema.Draft202012Validator.check_schema(schema_of(kind, version))
        for version in (0, newest + 1):
            with pytest.raises(NotFound, match=rf"no schema of {kind} v{version}"):
                schema_of(kind, version)


@pytest.mark.parametrize("kind", FIRST)
def test_the_samples_are_what_was_published(kind: str) -> None:
    """The schema of v1 takes the sample of v1, and the newest schema takes what became of it."""
    jsonschema.validate(sample(kind), schema_of(kind, 1))
    document = parse(sample(kind), 1)
    newest = document.model_dump(mode="json", exclude_none=True)
    jsonschema.validate(newest, schema_of(kind, model_of(kind).version))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(newest, schema_of(kind, 1))


def test_an_amount_of_a_line_is_a_fee_or_a_cap() -> None:
    """The fee of milestones, the cap of everything else, nothing where there was none."""
    for kind, model in (("contract", Contract), ("change_order", ChangeOrder)):
        found = parse(sample(kind), 1)
        assert isinstance(found, model)
        line = found.lines[0]
        assert (str(line.cap), line.fee) == ({"contract": "90000.00", "change_order": "98000.00"}[kind], None)
    found = parse(sample("contract"), 1)
    assert isinstance(found, Contract)
    assert (found.contract_version, found.group_by, found.rate_type) == (1, "project", "spot")
    assert (found.lines[1].cap, found.lines[1].fee) == (None, None)
    assert (found.lines[2].cap, str(found.lines[2].fee)) == (None, "12500.00")


def test_a_cost_rate_is_in_force_from_the_accounting_date() -> None:
    """One rate becomes a history of one."""
    found = parse(sample("resource"), 1)
    assert isinstance(found, Resource)
    assert [(str(row.hourly), row.starts.isoformat()) for row in found.cost_rates] == [
        ("70.00", "2026-10-30")
    ]
    assert (found.weekly_minutes, str(found.cost_rate)) == (2_400, "70.00")


def test_a_document_of_the_newest_version_is_not_touched() -> None:
    """Read, written as the newest, read again: the same."""
    for kind in FIRST:
        found = parse(sample(kind), 1)
        data = found.model_dump(mode="json", exclude_none=True)
        assert parse(data) == parse(data, found.version) == found


HOSTILE: dict[str, tuple[str, dict[str, Any], str]] = {
    "lines no list": ("contract", {"lines": "abc"}, "lines"),
    "lines a mapping": ("contract", {"lines": {"0": TIME}}, "lines"),
    "a line no object": ("contract", {"lines": [None, 7, "x"]}, "lines.0"),
    "no lines": ("contract", {"lines": None}, "lines"),
    "an amount no text": ("contract", {"lines": [TIME | {"amount": {"deep": [1]}}]}, "cap"),
    "an amount of another currency's decimals": ("contract", {"lines": [TIME | {"amount": "1.005"}]}, "cap"),
    "both versions at once": ("contract", {"lines": [TIME | {"amount": "1.00", "cap": "2.00"}]}, "amount"),
    "a fee and an amount": (
        "contract", {"lines": [TIME | {"bills": "milestones", "amount": "1.00", "fee": "2.00"}]}, "amount",
    ),
    "bills no text": ("contract", {"lines": [TIME | {"bills": ["time"], "amount": "1.00"}]}, "bills"),
    "a rate no text": ("resource", {"cost_rate": 70.0}, "hourly"),
    "a rate of nothing": ("resource", {"cost_rate": None}, "hourly"),
    "no day": ("resource", {"accounting_date": None}, "accounting_date"),
    "a day that is none": ("resource", {"accounting_date": "2026-02-30"}, "accounting_date"),
    "both rates": (
        "resource", {"cost_rates": [{"hourly": "1.00", "starts": "2026-01-01"}]}, "cost_rate",
    ),
    "no rate at all": ("resource", {"cost_rate": ...}, "cost_rates"),
    "an unknown field": ("change_order", {"surprise": 1}, "surprise"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_first_versions_are_refused_with_the_field(name: str) -> None:
    """Never a crash, never a guess: the newest model says what is wrong."""
    kind, changed, field = HOSTILE[name]
    data = {key: value for key, value in (sample(kind) | changed).items() if value is not ...}
    with pytest.raises(BadInput, match=field):
        parse(data, 1)


@pytest.mark.parametrize("version", [0, -1, 3, 9999])
def test_a_version_that_never_was_is_refused(version: int) -> None:
    """By name, with what to use."""
    with pytest.raises(BadInput, match=rf"version v{version} of contract is not known"):
        upcast("contract", version, sample("contract"), newest=2)


def test_an_event_of_the_first_version_is_read() -> None:
    """Its type says v1; v3 is refused; what it carries is the newest document."""
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/old",
        "type": "coexist.contract.signed.v1",
        "data": sample("contract"),
    }
    assert events.read(event).document == parse(sample("contract"), 1)
    with pytest.raises(BadInput, match="v3 of contract"):
        events.read(event | {"type": "coexist.contract.signed.v3"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(
    kind=st.sampled_from(sorted(FIRST)),
    field=st.sampled_from(["lines", "cost_rate", "accounting_date", "currency", "kind"]),
    value=JSON,
)
def test_anything_in_a_field_is_a_document_or_a_refusal(kind: str, field: str, value: Any) -> None:
    """Whatever JSON stands there, it is read or refused in words."""
    data = sample(kind) | {field: value}
    said = ""
    try:
        parse(data, 1)
    except BadInput as error:
        said = error.message
    else:
        said = "read"
    assert said
