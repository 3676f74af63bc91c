"""Explanations: which rule, and for each rule before it the part that does not hold."""

from __future__ import annotations

import json

import pytest

from router.canonical import parse
from router.canonical.documents import Document
from router.routing import Tables, compile_table, explain, explain_lines, facts, table_from
from router.routing.explain import why_not

TABLE = """
version: 7
default: {authority: sap_ecc}
rules:
  - {id: later, when: true, from: 2026-12-01, authority: netsuite}
  - {id: ended, when: true, until: 2026-10-01, authority: netsuite}
  - {id: other, when: 'legal_entity in ["US01", "DE01"] and kind == "contact"', authority: netsuite}
  - {id: kinds, when: 'legal_entity == "UK01" and kind in ["invoice", "payment", "project"]', authority: netsuite}
  - {id: alt, when: 'region == "APAC" or business_unit == "MANAGED"', authority: netsuite}
  - {id: but, when: 'not (customer_id == "C1")', authority: netsuite}
  - {id: unlike, when: 'customer_id != "C1"', authority: netsuite}
  - {id: big, when: amount != null and amount >= 100, authority: netsuite}
  - {id: early, when: 'accounting_date < d"2026-10-15"', authority: netsuite}
  - {id: pattern, when: 'customer_id =~ "Z.*"', authority: netsuite}
  - {id: freeze, when: true, hold: true}
  - {id: here, when: 'legal_entity == "UK01"', authority: netsuite, shadow: sap_ecc}
"""


def contact(name: str = "D1", entity: str = "UK01") -> Document:
    """A document of the kind that needs least."""
    return parse(
        {
            "kind": "contact",
            "document_id": name,
            "legal_entity": entity,
            "region": "EMEA",
            "business_unit": "DIGITAL",
            "accounting_date": "2026-10-30",
            "customer_id": "C1",
            "name": "Ada",
        }
    )


def test_each_earlier_rule_says_why_it_did_not_decide() -> None:
    """The window, the first part of an `and`, all parts of an `or`, and a freeze that let it pass."""
    told = explain(compile_table(table_from(TABLE)), contact())
    assert (told.decision.rule, told.decision.authority, told.decision.hold) == ("freeze", "netsuite", True)
    assert [(one.rule, one.why) for one in told.passed] == [
        ("later", "in force only from 2026-12-01; the accounting date is 2026-10-30"),
        ("ended", "in force only until 2026-10-01; the accounting date is 2026-10-30"),
        ("other", "legal_entity is UK01, not US01 or DE01"),
        ("kinds", "kind is contact, not invoice, payment or project"),
        ("alt", "region is EMEA, not APAC, and business_unit is DIGITAL, not MANAGED"),
        ("but", "customer_id is C1, which it leaves out"),
        ("unlike", "customer_id is C1, which it leaves out"),
        ("big", "amount is missing, which it leaves out"),
        ("early", "accounting_date is 2026-10-30, not below 2026-10-15"),
        ("pattern", "a pattern or function in it does not hold"),
        ("freeze", "it matches, but only holds; where the document goes is for a later rule to say"),
    ]
    assert told.to_json()["rule"] == "freeze"


def test_long_lists_and_long_tables_are_cut_and_say_so() -> None:
    """A list of customers is told by its first five; of very many rules the number is told."""
    many = ", ".join(f'"X{n}"' for n in range(9))
    rules = "".join(f" - {{id: r{n}, when: 'customer_id in [{many}]', authority: a}}\n" for n in range(502))
    told = explain(compile_table(table_from("version: 1\nrules:\n" + rules)), contact())
    assert told.passed[0].why == "customer_id is C1, not X0, X1, X2, X3, X4 or 4 more"
    assert (len(told.passed), told.more) == (500, 2)


def test_lines_have_the_published_keys() -> None:
    """What scripts rely on: exactly these keys, in order, one row a document."""
    tables = Tables()
    tables.publish("version: 3\ndefault: {authority: old}")
    tables.publish(TABLE)
    rows = list(explain_lines(tables, [contact(), ("event-2", contact(entity="US01"))]))
    assert [list(row) for row in rows] == [
        ["id", "rule", "table_version", "authority", "shadow", "hold", "why"]
    ] * 2
    assert [(row["id"], row["rule"], row["table_version"], row["hold"]) for row in rows] == [
        ("D1", "freeze", 7, True),
        ("event-2", "other", 7, False),
    ]
    assert json.dumps(rows)
    (older,) = explain_lines(tables, [contact()], version=3)
    assert (older["rule"], older["authority"]) == ("default", "old")


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("amount > 5", "amount is missing, not above 5"),
        ("false", "it never applies"),
        ('not (region == "EMEA" or kind == "invoice")', "what it leaves out holds here"),
        ('customer_id in {"X4", "X1", null, "X3", "X2"}', "not X1, X2, X3, X4 or missing"),
        (
            '(region == "APAC" or business_unit == "DIGITAL") and kind == "invoice"',
            "kind is contact, not invoice",
        ),
        ("amount * 2 > 5", "a part of it can't be evaluated"),
    ],
)
def test_other_reasons(when: str, said: str) -> None:
    """Less usual conditions are told too."""
    rules = f"version: 1\nrules:\n - {{id: a, when: 'customer_id == \"C1\" and {when}', authority: a}}\n"
    assert said in why_not(table_from(rules).rules[0], facts(contact()))
