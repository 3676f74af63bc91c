"""A plan moves its waves and nothing else: what the table before it said of the rest goes on deciding."""

from __future__ import annotations

from typing import Any

from cutover.plan.model import Plan
from cutover.plan.moved_before import moved_before
from cutover.plan.reading import read_plan
from cutover.plan.stages import StageBook
from router.canonical.documents import Document
from router.canonical.examples import example
from router.landscape import read_landscape
from router.model import Decision
from router.routing.tables import Tables

LANDSCAPE = read_landscape()
PILOT = read_plan("pilot", LANDSCAPE)


def moved_uk() -> str:
    """The table a pilot left behind: the United Kingdom is in the new ERP."""
    book = StageBook(PILOT)
    book.move("uk", stage="cloud")
    return book.table_text(5)


def rest_of_europe() -> Plan:
    """The weekend's plan with what the pilot left: Germany and Bahrain."""
    plan = read_plan(None, LANDSCAPE)
    wave = plan.waves[0].model_copy(update={"entities": ("DE01", "BH01")})
    return plan.model_copy(update={"waves": (wave, *plan.waves[1:])})


def decided(table: str, version: int, **changes: Any) -> Decision:
    """Where a time entry goes by a table."""
    tables = Tables(landscape=LANDSCAPE)
    tables.publish(table)
    document: Document = example("time_entry").model_copy(update=changes)
    return tables(document, table_version=version, lineage=None, pin=None)


def test_what_an_earlier_plan_moved_stays_where_it_is() -> None:
    """The second weekend must not send the pilot's entity back to the old ERP."""
    book = StageBook(rest_of_europe(), moved_uk())
    book.move("emea", stage="shadow")
    table = book.table_text(6)
    assert decided(table, 6).authority == "netsuite"
    german = decided(table, 6, legal_entity="DE01")
    assert (german.authority, german.shadow) == ("sap_ecc", "netsuite")
    assert decided(table, 6, legal_entity="US01", region="AMER").authority == "sap_ecc"


def test_a_wave_that_has_not_begun_is_decided_as_before() -> None:
    """Until its first step a wave stands where the table before the run put it, whoever put it there."""
    before = "version: 3\ndefault: {authority: sap_ecc}\nrules:\n  - {id: us-early, when: 'legal_entity == \"US01\"', authority: sap_ecc, shadow: netsuite}\n"
    book = StageBook(read_plan(None, LANDSCAPE), before)
    book.move("emea", stage="shadow")
    american = decided(book.table_text(4), 4, legal_entity="US01", region="AMER")
    assert (american.rule, american.shadow) == ("us-early", "netsuite")


def test_rules_that_carry_one_name_are_both_kept() -> None:
    """The same plan run once more names its rules alike; the older ones get a name of their own."""
    book = StageBook(PILOT, moved_uk())
    book.move("uk", stage="cloud")
    table = book.table_text(6)
    assert "id: uk-cloud\n" in table
    assert "id: uk-cloud-5\n" in table
    assert decided(table, 6).rule == "uk-cloud"


def test_effective_dates_and_a_missing_default_survive() -> None:
    """A day in the older table stays a day, and a table without a default gets none."""
    before = "version: 3\nrules:\n  - {id: de, when: 'legal_entity == \"DE01\"', from: 2026-10-01, until: 2026-11-01, authority: sap_ecc}\n"
    table = StageBook(PILOT, before).table_text(4)
    assert decided(table, 4, legal_entity="DE01").authority == "sap_ecc"
    assert decided(table, 4, legal_entity="US01", region="AMER").rule == "unroutable"


def test_a_wave_that_was_moved_before_is_named() -> None:
    """Taking the pilot's entity into the weekend again would send its work back to the old ERP."""

    def after_the_pilot(document: Document) -> Decision:
        return tables(document, table_version=5, lineage=None, pin=None)

    tables = Tables(landscape=LANDSCAPE)
    tables.publish(moved_uk())
    named = moved_before(read_plan(None, LANDSCAPE), LANDSCAPE, after_the_pilot)
    assert named == [f"time_entry of UK01 {unit}" for unit in LANDSCAPE.business_units]
    assert moved_before(rest_of_europe(), LANDSCAPE, after_the_pilot) == []
