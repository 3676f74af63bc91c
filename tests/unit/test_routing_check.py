"""`check`: gaps, unreachable rules and overlaps, complete and without false alarms."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import KINDS
from router.landscape import Landscape, read_landscape
from router.routing import CheckReport, check, oracle, table_from
from router.routing.boxes import Box, without
from router.routing.facts import Fact

LANDSCAPE = read_landscape()


def checked(rules: str, *, default: str = "", landscape: Landscape = LANDSCAPE) -> CheckReport:
    """A table of these rules, checked."""
    head = f"default: {{authority: {default}}}\n" if default else ""
    return check(table_from(f"version: 1\n{head}rules:\n{rules}", name="t"), landscape)


def test_a_default_leaves_no_gap() -> None:
    """The public example is clean; its exception is told for information."""
    report = checked(
        '  - {id: dual, when: \'legal_entity == "UK01" and kind == "invoice"\', from: 2026-10-01,'
        " until: 2026-11-01, authority: sap_ecc, shadow: netsuite}\n"
        "  - {id: freeze, when: 'legal_entity == \"UK01\"', hold: true}\n",
        default="sap_ecc",
    )
    assert report.clean
    assert [(one.first, one.second, one.exception) for one in report.overlaps] == [("dual", "freeze", True)]
    assert report.lines() == [
        "overlap: dual an exception within freeze; both match UK01/EMEA/CONSULTING/invoice, dual wins",
        "table 1 is clean: 0 gaps, 0 unreachable rules, 1 overlaps",
    ]


def test_gaps_are_merged_cells_with_their_days() -> None:
    """What is left open is told once, as few products, in a fixed order."""
    report = checked(
        '  - {id: most, when: \'not (legal_entity == "UK01") and region != "APAC"\', authority: sap_ecc}\n'
        '  - {id: uk, when: \'legal_entity == "UK01" and not (kind == "payment")\', authority: sap_ecc}\n'
        '  - {id: pay, when: \'legal_entity == "UK01" and business_unit != "DIGITAL"\', authority: sap_ecc}\n'
        "  - {id: old, when: 'legal_entity == \"UK01\"', until: 2026-11-01, authority: sap_ecc}\n"
        "  - {id: far, when: 'legal_entity == \"SG01\"', from: 2026-10-01, authority: sap_ecc}\n"
    )
    assert [gap.cells for gap in report.gaps] == [
        "JP01/APAC/*/*",
        "SG01/APAC/*/* until 2026-10-01",
        "UK01/EMEA/DIGITAL/payment from 2026-11-01",
    ]
    assert not report.clean
    assert report.to_json()["gaps"][2]["from"] == "2026-11-01"
    assert report.lines()[-1] == "table 1 is not clean: 3 gaps, 0 unreachable rules, 0 overlaps"


def test_an_empty_table_is_one_gap() -> None:
    """Everything, everywhere."""
    assert [gap.cells for gap in check(table_from("version: 1"), LANDSCAPE).gaps] == ["*/*/*/*"]


def test_windows_that_meet_leave_no_gap() -> None:
    """Until the 1st and from the 1st meet; until the 1st and from the 3rd leave two days open."""
    rules = "  - {{id: a, when: true, until: 2026-11-01, authority: x}}\n  - {{id: b, when: true, from: {}, authority: y}}\n"
    assert checked(rules.format("2026-11-01")).clean
    assert [gap.cells for gap in checked(rules.format("2026-11-03")).gaps] == [
        "*/*/*/* from 2026-11-01 until 2026-11-03"
    ]


def test_there_is_no_day_between_two_that_follow_each_other() -> None:
    """Before the 1st, the 1st itself and from the 2nd are all days there are."""
    assert checked(
        "  - {id: a, when: true, until: 2026-11-01, authority: x}\n"
        "  - {id: b, when: 'accounting_date == d\"2026-11-01\"', authority: y}\n"
        "  - {id: c, when: true, from: 2026-11-02, authority: x}\n"
    ).clean


@given(box=st.tuples(*[st.integers(1, 31)] * 3), cut=st.tuples(*[st.integers(1, 31)] * 3))
def test_a_box_less_another_is_exact_and_disjoint(box: Box, cut: Box) -> None:
    """Every point of the first that is not in the other is in exactly one piece, and no other point is."""
    pieces = without(box, cut)
    for point in product(range(5), repeat=3):
        inside, taken = (
            all(side >> at & 1 for side, at in zip(one, point, strict=True)) for one in (box, cut)
        )
        found = sum(all(side >> at & 1 for side, at in zip(piece, point, strict=True)) for piece in pieces)
        assert found == (inside and not taken)


def test_rules_on_other_fields_cover_together() -> None:
    """Small and big amounts cover all, and what lies between them is told as such."""
    rules = (
        "  - {{id: none, when: amount == null, authority: x}}\n"
        "  - {{id: big, when: amount >= 100, authority: x}}\n"
        "  - {{id: small, when: amount < {}, authority: y}}\n"
    )
    assert checked(rules.format(100)).clean
    (gap,) = checked(rules.format(50)).gaps
    assert gap.when == "amount is at least 50 and below 100"
    assert "payment" in gap.kinds
    assert "contact" not in gap.kinds


def test_a_rule_that_would_raise_is_a_gap_despite_the_default() -> None:
    """Documents without an amount would be unroutable; the mend is told."""
    (gap,) = checked("  - {id: big, when: amount > 100, authority: x}\n", default="y").gaps
    assert gap.why == (
        "rule big can't be evaluated: amount is missing; write `amount != null and …` before comparing it"
    )
    assert "contact" in gap.kinds
    assert "invoice" not in gap.kinds
    assert checked("  - {id: big, when: amount != null and amount > 100, authority: x}\n", default="y").clean


def test_a_pattern_is_no_cover() -> None:
    """What must be evaluated may match, so it is reached, but it covers nothing for sure."""
    report = checked("  - {id: p, when: 'legal_entity =~ \"U.*\"', authority: x}\n")
    assert [gap.cells for gap in report.gaps] == ["*/*/*/*"]
    assert not report.unreachable


def test_unreachable_rules_name_who_takes_their_documents() -> None:
    """One earlier rule, several together, a window that is used up, and nothing to match at all."""
    report = checked(
        "  - {id: uk, when: 'legal_entity == \"UK01\"', authority: x}\n"
        '  - {id: uk-inv, when: \'legal_entity == "UK01" and kind == "invoice"\', authority: y}\n'
        "  - {id: early, when: 'legal_entity == \"DE01\"', until: 2026-11-01, authority: x}\n"
        "  - {id: late, when: 'legal_entity == \"DE01\"', from: 2026-11-01, authority: x}\n"
        '  - {id: both, when: \'legal_entity in ["DE01", "UK01"]\', authority: y}\n'
        '  - {id: nowhere, when: \'legal_entity == "JP01" and region == "EMEA"\', authority: y}\n',
        default="z",
    )
    assert [(one.rule, one.line, one.covered_by) for one in report.unreachable] == [
        ("uk-inv", 5, ("uk",)),
        ("both", 8, ("uk", "early", "late")),
        ("nowhere", 9, ()),
    ]
    assert "unreachable: t:5: rule uk-inv: earlier rules take all it would match: uk" in report.lines()
    assert "unreachable: t:9: rule nowhere: it matches no document of this landscape" in report.lines()


def test_a_rule_that_only_holds_takes_nothing_from_later_ones() -> None:
    """It lets documents pass on, so what follows is reached, and it fills no gap."""
    report = checked("  - {id: f, when: true, hold: true}\n  - {id: a, when: true, authority: x}\n")
    assert report.clean
    assert not checked("  - {id: f, when: true, hold: true}\n").clean


def test_rules_that_cross_are_told_before_exceptions() -> None:
    """Crossing rules of the same effect are nobody's concern."""
    rules = (
        '  - {{id: inner, when: \'legal_entity == "UK01" and kind == "invoice"\', authority: z}}\n'
        "  - {{id: uk, when: 'legal_entity == \"UK01\"', authority: x}}\n"
        "  - {{id: inv, when: 'kind == \"invoice\"', authority: {}}}\n"
    )
    report = checked(rules.format("y"), default="d")
    assert [(one.first, one.second, one.exception, one.example) for one in report.overlaps] == [
        ("uk", "inv", False, "UK01/EMEA/CONSULTING/invoice"),
        ("inner", "uk", True, "UK01/EMEA/CONSULTING/invoice"),
        ("inner", "inv", True, "UK01/EMEA/CONSULTING/invoice"),
    ]
    assert [(one.first, one.second) for one in checked(rules.format("x"), default="d").overlaps] == [
        ("inner", "uk"),
        ("inner", "inv"),
    ]


SMALL = Landscape.model_validate(
    {
        "legal_entities": {
            "UK01": {"name": "U", "region": "EMEA", "currency": "GBP", "country": "GB"},
            "US01": {"name": "S", "region": "AMER", "currency": "USD", "country": "US"},
        },
        "business_units": ["A", "B"],
        "systems": {"x": {"vendor": "sap_ecc", "role": "erp", "base_url": "http://a"}},
    }
)
SOME_KINDS = ("contact", "invoice", "project")
DAYS = [date(2026, 10, 1) + timedelta(days=n) for n in range(6)]
PARTS = st.sampled_from(
    [
        'legal_entity == "UK01"',
        'legal_entity != "UK01"',
        'region == "AMER"',
        'business_unit == "A"',
        'kind == "invoice"',
        'kind in ["contact", "project"]',
        'accounting_date <= d"2026-10-03"',
        'accounting_date == d"2026-10-02"',
        "true",
    ]
)
CONDITIONS = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
WINDOWS = st.sampled_from(
    ["", ", from: 2026-10-02", ", until: 2026-10-04", ", from: 2026-10-02, until: 2026-10-05"]
)
EFFECTS = st.sampled_from([", authority: x", ", authority: y", ", hold: true"])
LINES = st.lists(st.tuples(CONDITIONS, WINDOWS, EFFECTS), min_size=1, max_size=5)


@settings(deadline=None, max_examples=100)
@given(lines=LINES)
def test_check_agrees_with_asking_for_every_document(lines: list[tuple[str, str, str]]) -> None:
    """Gaps hold exactly the unroutable documents; unreachable are exactly the rules nothing reaches."""
    rules = "".join(f" - {{id: r{n}, when: '{w}'{d}{e}}}\n" for n, (w, d, e) in enumerate(lines))
    table = table_from("version: 1\nrules:\n" + rules)
    report = check(table, SMALL, kinds=SOME_KINDS)
    reached: set[str] = set()
    for entity, unit, kind, on in (
        (e, u, k, d)
        for e in SMALL.legal_entities
        for u in SMALL.business_units
        for k in SOME_KINDS
        for d in DAYS
    ):
        region = SMALL.legal_entities[entity].region
        document: dict[str, Fact] = {
            "legal_entity": entity,
            "region": region,
            "business_unit": unit,
            "kind": kind,
            "accounting_date": on,
        }
        told = [
            gap
            for gap in report.gaps
            if all(
                part in some or some == ("*",)
                for part, some in (
                    (entity, gap.legal_entities),
                    (region, gap.regions),
                    (unit, gap.business_units),
                    (kind, gap.kinds),
                )
            )
            and (gap.since is None or gap.since <= str(on))
            and (gap.until is None or str(on) < gap.until)
        ]
        outcome = oracle.first_match(table, document)
        assert len(told) == (outcome.rule is None)
        end = len(table.rules) if outcome.rule is None else outcome.rule
        for rule in table.rules[: end + 1]:
            if rule.in_force(on) and rule.condition.matches(document):
                reached.add(rule.id)
    # The days before and after those asked are like the first and the last one.
    assert {one.rule for one in report.unreachable} == {rule.id for rule in table.rules} - reached


def test_a_check_is_the_same_every_time() -> None:
    """Findings come in a fixed order, whatever the order of kinds given."""
    rules = "  - {id: a, when: 'kind == \"invoice\"', until: 2026-11-01, authority: x}\n"
    table = table_from("version: 1\nrules:\n" + rules)
    kinds = list(KINDS)
    assert check(table, LANDSCAPE, kinds=kinds).gaps == check(table, LANDSCAPE, kinds=kinds[::-1]).gaps
