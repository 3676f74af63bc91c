"""Route tables: what is accepted, and that every mistake names its place and its mend."""

from __future__ import annotations

import pytest

from router.errors import BadConfig
from router.landscape import default_file, read_landscape
from router.routing import read_table, table_from

LANDSCAPE = read_landscape()


def test_a_table_is_read_as_written() -> None:
    """The public example: windows, shadow, hold, default, and the line of each rule."""
    table = table_from(
        "version: 7\n"
        "default: {authority: sap_ecc}\n"
        "rules:\n"
        "  - id: uk-dual-run\n"
        '    when: legal_entity == "UK01" and kind in ["time_entry", "invoice"]\n'
        "    from: 2026-10-01\n"
        "    until: '2026-11-01'\n"
        "    authority: sap_ecc\n"
        "    shadow: netsuite\n"
        "    why: first dual run\n"
        "  - {id: freeze, when: true, hold: true}\n",
        LANDSCAPE,
    )
    first, second = table.rules
    assert (table.version, table.authority, table.shadow) == (7, "sap_ecc", None)
    assert (first.id, str(first.since), str(first.until)) == ("uk-dual-run", "2026-10-01", "2026-11-01")
    assert (first.authority, first.shadow, first.hold, first.why) == (
        "sap_ecc",
        "netsuite",
        False,
        "first dual run",
    )
    assert (first.line, second.line) == (4, 11)
    assert (second.authority, second.hold) == (None, True)


def test_the_default_table_fits_the_default_landscape() -> None:
    """What travels in the wheel works together."""
    assert table_from(default_file("routes/default.yaml"), LANDSCAPE).authority == "sap_ecc"


def test_three_erps_work() -> None:
    """Nothing counts to two."""
    rules = "".join(
        f"  - {{id: r{n}, when: true, authority: erp{n}, shadow: erp{n + 1}}}\n" for n in range(3)
    )
    assert [rule.shadow for rule in table_from("version: 1\nrules:\n" + rules).rules] == [
        "erp1",
        "erp2",
        "erp3",
    ]


RULE = "version: 1\nrules:\n  - {{id: a, when: '{when}', authority: sap_ecc{more}}}\n"


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('legal_entty == "UK01"', "there is no field 'legal_entty' a rule may read — did you mean 'legal_entity'?"),
        ('verb == "approved"', "there is no field 'verb' a rule may read — known are legal_entity, region"),
        ('legal_entity == "uk01"', "there is no legal_entity 'uk01' — did you mean 'UK01'?"),
        ('kind in ["invoise"]', "there is no kind 'invoise' — did you mean 'invoice'?"),
        ('not (region == "EMAE")', "there is no region 'EMAE' — did you mean 'EMEA'?"),
        ('business_unit != "DIGTAL"', "there is no business_unit 'DIGTAL' — did you mean 'DIGITAL'?"),
        ('currency == "GPB"', "'GPB' is not an ISO 4217 currency code"),
        ("kind == 1", "kind is a text, but is compared to 1 — write a text in quotes"),
        ('amount == "5"', "amount is a number, but is compared to '5' — write a number without quotes"),
        ('accounting_date == "2026-10-01"', "accounting_date is a day, but is compared to"),
        ('accounting_date > d"2026-10-01T10:00"', "is compared to a time of day — write a day as"),
        ('accounting_date > "2026-10-01"', "compares values of different types"),
        ("accounting_date > $today", "$today changes from one moment to the next"),
        ("kind ==", "the expression can't be read: syntax error at: EOF"),
        ('kind =~ "["', "the pattern '[' is not a regular expression"),
        (" or ".join(['kind == "invoice"'] * 150), "nests deeper than 100 levels"),
        (" or ".join(['kind == "invoice"'] * 700), "nests deeper than 100 levels"),
        (" or ".join(['kind == "invoice"'] * 2000), "longer than 20000 characters"),
    ],
)  # fmt: skip
def test_a_wrong_expression_is_told_with_place_and_mend(when: str, said: str) -> None:
    """File, line and column of the expression, what is wrong, and what to write instead."""
    with pytest.raises(BadConfig) as caught:
        table_from(RULE.format(when=when, more=""), LANDSCAPE, name="routes.yaml")
    told = caught.value.one_line()
    assert told.startswith("routes.yaml:3:19: rule a: ")
    assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "t:1:1: a route table is a mapping — start with version: 1"),
        ("version: 0", "t:1:10: version: Input should be greater than or equal to 1"),
        ("version: true", "t:1:10: version: Input should be a valid integer"),
        ("rules: []", "t:1:1: version: Field required"),
        ("version: 1\ndefalt: {authority: sap_ecc}", "t:2:9: there is no key 'defalt' here — did you mean 'default'?"),
        ("version: 1\ndefault: {authority: sap}", "t:2:22: there is no ERP 'sap' in the landscape — did you mean 'sap_ecc'?"),
        ("version: 1\ndefault: {authority: salesforce}", "t:2:22: there is no ERP 'salesforce'"),
        ("version: 1\ndefault: {authority: sap_ecc, shadow: sap_ecc}", "t:2:39: the shadow is the authority itself"),
        ("version: 1\nrules: [3]", "t:2:9: a rule is a mapping"),
        ("version: 1\nrules:\n- {id: a, when: true, authorty: sap_ecc}", "t:3:33: there is no key 'authorty' here — did you mean 'authority'?"),
        ("version: 1\nrules:\n- {id: a, when: true}", "t:3:3: rule a says neither where nor to wait"),
        ("version: 1\nrules:\n- {id: a, when: true, hold: true, shadow: netsuite}", "t:3:43: a shadow without an authority"),
        ("version: 1\nrules:\n- {id: pin, when: true, hold: true}", "t:3:8: 'pin' is a reserved id"),
        ("version: 1\nrules:\n- {id: a, when: true, hold: true}\n- {id: a, when: true, hold: true}", "t:4:8: the id 'a' stands twice (rule 1 has it too)"),
        ("version: 1\nrules:\n- {id: a, when: true, hold: true, from: 2026-10-01, until: 2026-10-01}", "t:3:41: rule a is never in force"),
        ("version: 1\nrules:\n- {id: a, when: true, hold: true, from: 20261001}", "t:3:41: rules.0.from: Input should be a valid date"),
        ("version: 1\nrules:\n- {id: a, when: true, hold: true, from: 2026-10-01T10:00:00}", "t:3:41: rules.0.from"),
        ("version: 1\nrules:\n- {id: a, id: b, when: true, hold: true}", "t:3:11: 'id' stands twice"),
        ("version: 1\nrules:\n- {id: a, when: [, hold: true}", "is not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_told_with_place_and_mend(text: str, said: str) -> None:
    """The same for what is around the expressions."""
    with pytest.raises(BadConfig) as caught:
        table_from(text, LANDSCAPE, name="t")
    assert said in caught.value.one_line()


def test_a_missing_file_is_told() -> None:
    """No traceback for a mistyped name."""
    with pytest.raises(BadConfig, match="there is no such file"):
        read_table("/nowhere/routes.yaml")


def test_without_a_landscape_names_are_taken_as_given() -> None:
    """Entities and systems can't be judged without one; kinds can."""
    assert table_from(RULE.format(when='legal_entity == "FR09"', more="")).rules[0].id == "a"
    with pytest.raises(BadConfig, match="there is no kind"):
        table_from(RULE.format(when='kind == "bill"', more=""))
