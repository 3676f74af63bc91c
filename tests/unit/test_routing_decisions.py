"""Decisions: precedence, holds that let the route be seen, and never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from router.canonical import parse
from router.canonical.documents import Document
from router.errors import BadConfig, NotFound
from router.journal.port import Decide, Pin
from router.landscape import read_landscape
from router.model import Decision, SystemId
from router.routing import Tables, compile_table, decide, facts, table_from
from router.routing.facts import possible
from router.routing.tables import MAX_COMPILED

SAP, NETSUITE = SystemId("sap_ecc"), SystemId("netsuite")
TABLE = """
version: 7
default: {authority: sap_ecc}
rules:
  - id: uk-dual-run
    when: legal_entity == "UK01" and kind in ["contact", "payment"]
    from: 2026-10-01
    until: 2026-11-01
    authority: sap_ecc
    shadow: netsuite
  - {id: uk-freeze, when: legal_entity == "UK01", hold: true, why: year end}
  - {id: uk-new, when: legal_entity == "UK01" and kind == "payment", authority: netsuite}
  - {id: de-wait, when: legal_entity == "DE01", authority: netsuite, shadow: sap_ecc, hold: true}
"""


def contact(entity: str = "UK01", on: str = "2026-10-30", **more: Any) -> Document:
    """A document without money."""
    return parse(
        {
            "kind": "contact",
            "document_id": "D1",
            "legal_entity": entity,
            "region": "EMEA",
            "business_unit": "DIGITAL",
            "accounting_date": on,
            "customer_id": "C1",
            "name": "Ada",
            **more,
        }
    )


def payment(entity: str = "UK01", on: str = "2026-10-30", amount: str = "10.00") -> Document:
    """A document with money that refers to another."""
    return parse(
        {
            "kind": "payment",
            "document_id": "P1",
            "legal_entity": entity,
            "region": "EMEA",
            "business_unit": "DIGITAL",
            "accounting_date": on,
            "customer_id": "C1",
            "invoice_id": "INV-1",
            "amount": amount,
            "currency": "GBP",
            "paid_on": on,
        }
    )


def by(table: str, document: Document, **more: Any) -> Decision:
    """One decision by a table."""
    return decide(compile_table(table_from(table)), document, **more)


def pinned(to: SystemId) -> Pin:
    return Pin(scope="project:P9", authority=to, why="pilot", by="kim")


def test_the_first_rule_that_matches_wins() -> None:
    """Rule, authority, shadow and a sentence a reviewer understands."""
    assert by(TABLE, contact()) == Decision(
        rule="uk-dual-run",
        table_version=7,
        authority=SAP,
        shadow=NETSUITE,
        why="rule uk-dual-run of table 7 covers UK01 contact dated 2026-10-30; shadow netsuite",
    )


def test_a_rule_that_only_holds_lets_the_next_say_where() -> None:
    """The freeze names the decision; the route is the next rule's, or the default's."""
    frozen = by(TABLE, payment(on="2026-11-01"))
    assert (frozen.rule, frozen.authority, frozen.hold) == ("uk-freeze", NETSUITE, True)
    assert frozen.why == (
        "rule uk-freeze of table 7 holds UK01 payment dated 2026-11-01 (year end); "
        "once released, rule uk-new sends it to netsuite"
    )
    by_default = by(TABLE, contact(on="2026-11-01"))
    assert (by_default.rule, by_default.authority, by_default.hold) == ("uk-freeze", SAP, True)
    assert by_default.why.endswith("once released, the default sends it to sap_ecc")


def test_a_rule_may_hold_and_say_where() -> None:
    """Authority and hold in one rule."""
    decision = by(TABLE, contact("DE01"))
    assert (decision.rule, decision.authority, decision.shadow, decision.hold) == (
        "de-wait",
        NETSUITE,
        SAP,
        True,
    )


def test_what_no_rule_covers_takes_the_default_or_is_unroutable() -> None:
    """Never a guess: without default there is no authority."""
    assert (by(TABLE, contact("US01")).rule, by(TABLE, contact("US01")).authority) == ("default", SAP)
    lost = by("version: 3", contact("US01"))
    assert (lost.rule, lost.authority, lost.hold) == ("unroutable", None, False)
    assert lost.why == (
        "no rule of table 3 says where US01 contact dated 2026-10-30 goes, and it has no default"
    )


def test_a_held_document_without_a_route_is_unroutable() -> None:
    """Holding what nobody can deliver would hide that a person must decide."""
    table = "version: 1\nrules:\n - {id: f, when: true, hold: true}"
    assert (by(table, contact()).rule, by(table, contact()).hold) == ("unroutable", False)
    assert by(table, contact(), pin=pinned(SAP)).hold is True


RAISING = "version: 2\ndefault: {authority: sap_ecc}\nrules:\n - {id: big, when: amount > 100, authority: netsuite}\n"


def test_a_rule_that_raised_makes_it_unroutable_despite_the_default() -> None:
    """The default is for what no rule covers, not for what a rule could not judge."""
    decision = by(RAISING, contact())
    assert (decision.rule, decision.authority) == ("unroutable", None)
    assert decision.why == (
        "rule big of table 2 could not be evaluated for UK01 contact dated 2026-10-30: amount is missing"
    )
    assert by(RAISING, payment(amount="100.01")).authority == NETSUITE
    assert by(RAISING, payment(amount="100.00")).authority == SAP


def test_pin_before_lineage_before_table_before_default() -> None:
    """The order of precedence; a pin or lineage needs no rule that can be evaluated."""
    assert by(TABLE, payment("US01"), lineage=NETSUITE, pin=pinned(SAP)).rule == "pin"
    following = by(TABLE, payment("US01"), lineage=NETSUITE)
    assert (following.rule, following.authority, following.shadow) == ("lineage", NETSUITE, None)
    assert following.why == "US01 payment dated 2026-10-30 follows invoice INV-1, which is in netsuite"
    assert by(RAISING, contact(), pin=pinned(NETSUITE)).authority == NETSUITE
    assert by(RAISING, contact(), pin=pinned(NETSUITE)).hold is False
    told = by(TABLE, payment("US01"), pin=pinned(NETSUITE)).why
    assert told == "pinned to netsuite by kim (project:P9): pilot"


def test_a_follower_to_the_other_side_of_a_dual_run_is_in_both_the_other_way_round() -> None:
    """After a switch that keeps the old ERP fed, a payment of an old invoice is the old ERP's, fed to the new one."""
    live = "version: 3\nrules:\n - {id: live, when: 'legal_entity == \"UK01\"', authority: netsuite, shadow: sap_ecc}\n"
    following = by(live, payment(), lineage=SAP)
    assert (following.rule, following.authority, following.shadow) == ("lineage", SAP, NETSUITE)
    assert by(live, payment(), pin=pinned(SAP)).shadow is None


@pytest.mark.parametrize("more", [{"pin": pinned(NETSUITE)}, {"lineage": NETSUITE}])
def test_a_freeze_holds_pinned_and_following_documents_too(more: dict[str, Any]) -> None:
    """A freeze is a freeze, whoever decided the system."""
    decision = by(TABLE, payment(on="2026-11-01"), **more)
    assert (decision.authority, decision.hold) == (NETSUITE, True)
    assert "held: rule uk-freeze of table 7 holds" in decision.why
    assert by(TABLE, payment("DE01"), **more).hold is True
    assert by(TABLE, payment("UK01"), **more).hold is False


def test_a_freeze_that_can_not_be_ruled_out_holds() -> None:
    """The rule that raised stands before a freeze: a pinned document waits rather than slips through."""
    table = RAISING + ' - {id: f, when: legal_entity == "UK01", hold: true}\n'
    decision = by(table, contact(), pin=pinned(NETSUITE))
    assert decision.hold is True
    assert "a freeze can't be ruled out" in decision.why


def test_documents_no_rule_can_tell_apart_share_a_decision() -> None:
    """The memo returns the very same decision, and is keyed by what the rules read."""
    compiled = compile_table(table_from(RAISING + ' - {id: c, when: customer_id == "C9", authority: b}\n'))
    one, two = decide(compiled, payment(amount="1.00")), decide(compiled, payment(amount="2.00"))
    # `amount` is compared where it can be missing, so the rule may be evaluated: values are told apart.
    assert one == two
    plain = compile_table(
        table_from('version: 1\nrules:\n - {id: c, when: customer_id == "C9", authority: b}\n')
    )
    assert decide(plain, contact(customer_id="C1")) is decide(plain, contact(customer_id="C2"))
    assert decide(plain, contact(customer_id="C9")).authority == "b"
    assert decide(plain, contact(customer_id="C1")).authority is None


def test_facts_are_the_header_and_what_the_document_has() -> None:
    """Amounts in the major unit; a customer is its own customer, a project its own project."""
    found = facts(payment(amount="10.50"))
    assert (str(found["amount"]), found["currency"], found["customer_id"]) == ("10.50", "GBP", "C1")
    assert "project_id" not in found
    assert "amount" not in facts(contact())
    customer = parse(
        {
            "kind": "customer",
            "document_id": "C7",
            "legal_entity": "UK01",
            "region": "EMEA",
            "business_unit": "DIGITAL",
            "accounting_date": "2026-10-01",
            "name": "Acme",
            "currency": "GBP",
            "country": "GB",
        }
    )
    assert facts(customer)["customer_id"] == "C7"
    assert possible("customer", "customer_id") == (False, True)
    assert possible("payment", "project_id") == (True, True)
    assert possible("contact", "amount") == (True, False)
    assert possible("payment", "amount") == (False, True)


def test_tables_answer_by_version() -> None:
    """What the journal holds on to: the protocol, by version, the same for a republished text."""
    tables = Tables(landscape=read_landscape())
    tables.publish(TABLE)
    tables.publish(TABLE.replace("version: 7", "version: 8").replace("default: {authority: sap_ecc}", ""))
    ask: Decide = tables
    assert ask(contact("US01"), table_version=7, lineage=None, pin=None).rule == "default"
    assert ask(contact("US01"), table_version=8, lineage=None, pin=None).rule == "unroutable"
    assert tables.publish(TABLE).version == 7
    assert tables.versions == (7, 8)
    assert tables.text(7) == TABLE
    with pytest.raises(NotFound, match="version 9"):
        ask(contact(), table_version=9, lineage=None, pin=None)


def test_a_published_version_never_changes() -> None:
    """Another text under the same version is refused, wherever the first was published."""
    tables = Tables(source={7: TABLE}.get)
    with pytest.raises(BadConfig, match="version 7 was published before with other rules"):
        tables.publish("version: 7\ndefault: {authority: b}")
    assert tables(contact("US01"), table_version=7, lineage=None, pin=None).authority == SAP


def test_few_tables_are_kept_compiled_and_none_is_lost() -> None:
    """The cache is bounded; an older version is compiled again from its text."""
    tables = Tables()
    for version in range(1, MAX_COMPILED + 6):
        tables.publish(f"version: {version}\ndefault: {{authority: a{version}}}")
    assert len(tables._compiled) == MAX_COMPILED
    assert tables(contact(), table_version=1, lineage=None, pin=None).authority == "a1"
    assert len(tables._compiled) == MAX_COMPILED
