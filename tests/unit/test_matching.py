"""How alike customers and projects are: what is no difference, what tells two firms apart, how fast."""

from __future__ import annotations

from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import events, parse
from router.canonical.examples import example
from router.canonical.masters import Customer, Project
from router.canonical.matching import (
    Candidate,
    Likeness,
    Lookalikes,
    likeness,
    name_words,
    place_of,
    profile_of,
    registration_of,
)
from router.canonical.ownership import read_ownership
from router.landscape import default_file
from simulators.firm.build import build
from simulators.firm.masters import master_events
from simulators.firm.model import SIZES

POLICY = Likeness()
MATCHING = read_ownership().duplicates


def customer(document_id: str = "C-1", **changed: Any) -> Customer:
    """A customer with some fields changed."""
    data = example("customer").model_dump(mode="json", exclude_none=True)
    found = parse({**data, "document_id": document_id, **changed})
    assert isinstance(found, Customer)
    return found


def project(document_id: str = "P-1", **changed: Any) -> Project:
    """A project with some fields changed."""
    data = example("project").model_dump(mode="json", exclude_none=True)
    found = parse({**data, "document_id": document_id, **changed})
    assert isinstance(found, Project)
    return found


def compared(one: Customer | Project, other: Customer | Project) -> Candidate:
    """How alike two documents are."""
    first, second = profile_of(one), profile_of(other)
    assert first is not None
    assert second is not None
    return likeness(first, second)


def found_among(one: Customer | Project, *others: Customer | Project) -> list[str]:
    """The ids that a document looks like, through the blocks."""
    index = Lookalikes()
    for other in others:
        profile = profile_of(other)
        assert profile is not None
        index.put(profile)
    profile = profile_of(one)
    assert profile is not None
    policy = MATCHING.of(one.kind)
    return [candidate.document_id for candidate in index.like(profile, policy)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller GmbH", "MULLER  G.m.b.H."),
        ("Northwind Trading Ltd", "Northwind Trading Limited"),
        ("Acme, Inc.", "ACME Incorporated"),
        ("Société Générale S.A.", "societe generale sa"),
        ("Smith and Jones LLP", "Smith & Jones"),
        ("Al-Khalifa W.L.L.", "Al Khalifa WLL"),
    ],
)
def test_legal_forms_case_accents_and_punctuation_are_no_difference(one: str, other: str) -> None:
    """The words that tell a firm apart are the same."""
    assert name_words(one) == name_words(other)


def test_a_name_of_legal_forms_only_keeps_them() -> None:
    """A firm called `Holding AG` is not nameless."""
    assert name_words("Holding AG") == ("holding", "ag")


@pytest.mark.parametrize(
    ("text", "country", "plain"),
    [
        ("GB 123 4567 89", "GB", "GB123456789"),
        ("123456789", "GB", "GB123456789"),
        ("de-123.456.789", "DE", "DE123456789"),
        ("EL 094019245", "GR", "GR094019245"),
        (None, "GB", ""),
        ("n/a", "GB", ""),
        ("pending", "DE", ""),
    ],
)
def test_a_registration_is_compared_digit_by_digit(text: str | None, country: str, plain: str) -> None:
    """With its country in front; a text without a digit is none."""
    assert registration_of(text, country) == plain


def test_an_address_is_compared_without_its_writing() -> None:
    """Street or St., comma or not, city in its own field or not."""
    assert place_of("1 High Street, Leeds") == place_of("1, High St.", None, "LEEDS")


def test_the_same_registration_is_the_same_firm_whatever_its_name() -> None:
    """Score 100, and the candidate says it is the registration."""
    found = compared(
        customer(tax_registration="GB123456789", name="Northwind"),
        customer("C-2", tax_registration="123 4567 89", name="Something Else"),
    )
    assert (found.score, found.registration, found.document_id) == (100, True, "C-2")


def test_two_registrations_of_a_country_are_two_firms() -> None:
    """One name, two registrations: nobody is bothered."""
    one, other = customer(tax_registration="GB1"), customer("C-2", tax_registration="GB2")
    assert compared(one, other).score == 0
    assert found_among(one, other) == []


def test_one_name_in_two_towns_is_below_the_threshold() -> None:
    """`Smith Ltd` of Leeds and of Truro are two until somebody says otherwise."""
    leeds = customer(name="Smith Ltd", address="1 High Street", city="Leeds")
    truro = customer("C-2", name="Smith Limited", address="9 Quay Walk", city="Truro")
    same = customer("C-3", name="SMITH LTD.", address="1 High St", city="Leeds")
    assert found_among(leeds, truro, same) == ["C-3"]


def test_a_slip_of_the_pen_is_found() -> None:
    """One letter less, two swapped: the blocks still hold both."""
    there = customer(name="Northwind Trading Ltd")
    for name in ("Nortwind Trading Ltd", "Northwind Tradign", "Trading Northwind", "NorthWind-Trading"):
        assert found_among(customer("C-9", name=name), there) == ["C-1"], name
    for name in ("Southwind Foods", "Northern Trust"):
        assert found_among(customer("C-9", name=name), there) == [], name


def test_phases_of_a_project_are_not_one() -> None:
    """Phase 1 and phase 2 differ in a number; another customer or start is another project."""
    there = project(name="Data platform, phase 1")
    assert found_among(project("P-2", name="Data Platform - Phase 1"), there) == ["P-1"]
    for changed in (
        {"name": "Data platform, phase 2"},
        {"name": "Data platform, phase 1", "customer_id": "C-200"},
        {"name": "Data platform, phase 1", "starts": "2026-11-01"},
    ):
        assert found_among(project("P-2", **changed), there) == [], changed
    two = project("P-2", name="Data platform, phase 1", ends="2027-01-31")
    assert found_among(two, project(name="Data platform, phase 1", ends="2026-12-31")) == []


def test_a_document_is_never_its_own_lookalike_and_a_change_replaces_what_it_was() -> None:
    """Sent again it finds nothing; renamed it is found under its new name only."""
    index = Lookalikes()
    for one in (customer(), customer(name="Contoso Pharma")):
        profile = profile_of(one)
        assert profile is not None
        assert index.like(profile, POLICY) == ()
        index.put(profile)
    old, new = profile_of(customer("C-2")), profile_of(customer("C-2", name="Contoso Pharma Ltd"))
    assert old is not None
    assert new is not None
    assert index.like(old, POLICY) == ()
    assert [one.document_id for one in index.like(new, POLICY)] == ["C-1"]
    index.drop("C-1")
    assert index.like(new, POLICY) == ()
    assert len(index) == 0


@settings(deadline=None, max_examples=100)
@given(
    st.text(min_size=1, max_size=30),
    st.text(min_size=1, max_size=30),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_likeness_is_mutual_and_bounded(one: str, other: str, place: str, reg: str) -> None:
    """For any names: the same both ways, 0 to 100, and a document is wholly like its copy."""
    first = profile_of(customer(name=one, address=place, tax_registration=reg))
    second = profile_of(customer("C-2", name=other))
    assert first is not None
    assert second is not None
    there, back = likeness(first, second), likeness(second, first)
    assert there.score == back.score
    assert 0 <= there.score <= 100
    copy = profile_of(customer("C-3", name=one, address=place, tax_registration=reg))
    assert copy is not None
    if copy.name:
        assert likeness(first, copy).score == 100


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_fictional_firms_have_no_false_alarm(seed: int) -> None:
    """Its masters are all different: none is parked, none is suggested."""
    data = default_file("landscapes/default.yaml").data
    index = {"customer": Lookalikes(), "project": Lookalikes()}
    for event in master_events(build(data, seed=seed, size=SIZES["default" if seed < 6 else "small"])):
        kind = event["data"]["kind"]
        if kind in index:
            profile = profile_of(events.read(event).document)
            assert profile is not None
            assert index[kind].like(profile, MATCHING.of(kind)) == ()
            index[kind].put(profile)


def test_ten_thousand_customers_stay_fast() -> None:
    """A look among 10,000 customers that share their words takes some milliseconds at most."""
    rng = Random(1)
    names = [f"{a}{b}" for a in ("Nor", "Sou", "Eas", "Wes", "Mid") for b in ("wind", "gate", "field", "ham")]
    trades = ("Trading", "Foods", "Energy", "Media", "Shipping", "Retail", "Steel", "Paper")
    index = Lookalikes()
    base = customer()
    for number in range(10_000):
        name = f"{rng.choice(names)} {rng.choice(trades)} {rng.choice(names)} Ltd"
        profile = profile_of(base.model_copy(update={"document_id": f"C-{number}", "name": name}))
        assert profile is not None
        index.put(profile)
    wanted = profile_of(base.model_copy(update={"document_id": "X", "name": "Smithfield Energy Norwind"}))
    assert wanted is not None
    began = process_time()
    for _ in range(50):
        index.like(wanted, POLICY)
    assert (process_time() - began) / 50 < 0.05
