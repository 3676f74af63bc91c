"""The index answers what rule-engine's own linear scan answers, errors included."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import BadConfig
from router.routing import oracle, table_from
from router.routing.axis import Axis, bits, runs
from router.routing.compile import MAX_CLAUSES
from router.routing.compiled import Compiled
from router.routing.expression import Test as Probe
from router.routing.facts import Fact

ENTITIES = ["UK01", "US01", "DE01", "XX", ""]
DAYS = [date(2026, 9, 29) + timedelta(days=n) for n in range(14)]


def quoted(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([f'"{value}"' for value in values])


def listed(values: list[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(quoted(values), max_size=most).map(", ".join)


ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
LEAVES = st.one_of(
    st.builds("legal_entity {} {}".format, ORDER, quoted(ENTITIES)),
    st.builds("{} {} legal_entity".format, quoted(ENTITIES), ORDER),
    st.builds("legal_entity in [{}]".format, listed(ENTITIES, 3)),
    st.builds("kind in [{}, null]".format, quoted(["invoice", "payment"])),
    st.builds("not (customer_id in {{{}, {}}})".format, quoted(["C1", "C2"]), quoted(["C2", "C3"])),
    st.builds("customer_id {} {}".format, ORDER, quoted(["C1", "C2"])),
    st.builds("amount {} {}".format, ORDER, st.sampled_from(["5", "10.50", "0", "-3", "null"])).filter(
        lambda text: "null" not in text or "==" in text or "!=" in text
    ),
    st.builds('accounting_date {} d"{}"'.format, ORDER, st.sampled_from(DAYS)),
    st.builds('region {} "E.*"'.format, st.sampled_from(["=~", "!~", "=~~", "!~~"])),
    st.sampled_from(
        [
            "amount * 2 > 9",
            "customer_id == project_id",
            "true",
            "false",
            "1 == 1",
            '"U" in legal_entity',
            "legal_entity.length > 3",
            "customer_id.length == 2",
            "amount",
        ]
    ),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """One to six rules, some with windows, some that only hold."""
    text = ["version: 1", "rules:"]
    for number in range(draw(st.integers(1, 6))):
        text.append(f"  - id: r{number}\n    when: '{draw(EXPRESSIONS)}'")
        since, until = draw(
            st.sampled_from([(None, None), (DAYS[3], None), (None, DAYS[8]), (DAYS[3], DAYS[8])])
        )
        text += [f"    from: {since}"] if since else []
        text += [f"    until: {until}"] if until else []
        text.append(draw(st.sampled_from(["    authority: a", "    authority: b", "    hold: true"])))
    return "\n".join(text)


def missing_too(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, None])


DOCUMENTS: st.SearchStrategy[dict[str, Fact]] = st.fixed_dictionaries(
    {},
    optional={
        "legal_entity": missing_too(["UK01", "US01", "DE01", "ZZ", "AA", "", "UK010"]),
        "region": missing_too(["EMEA", "AMER"]),
        "kind": missing_too(["invoice", "payment", "project"]),
        "accounting_date": missing_too(DAYS),
        "amount": missing_too([Decimal(5), Decimal("10.5"), Decimal("5.00"), Decimal(7), Decimal(-9)]),
        "customer_id": missing_too(["C1", "C2", "C3"]),
        "project_id": missing_too(["C1"]),
    },
)


@settings(deadline=None, max_examples=200)
@given(text=rules(), documents=st.lists(DOCUMENTS, min_size=1, max_size=12))
def test_the_index_agrees_with_the_scan(text: str, documents: list[dict[str, Fact]]) -> None:
    """Same freeze, same rule, same raised rule and reason, for any table and any document."""
    table = table_from(text)
    compiled = Compiled(table)
    for document in documents:
        assert compiled.first_match(document) == oracle.first_match(table, document)


def one(when: str, **window: str) -> Compiled:
    """A table of one rule."""
    extra = "".join(f", {key}: {value}" for key, value in window.items())
    return Compiled(table_from(f"version: 1\nrules:\n  - {{id: r, when: '{when}', authority: a{extra}}}"))


def test_most_expressions_need_no_evaluation() -> None:
    """Equality, lists, orders, windows and their combinations are wholly in the index."""
    compiled = one(
        'legal_entity == "UK01" and not (kind in ["invoice", "payment"]) '
        'and (region != "EMEA" or business_unit == "DIGITAL") and accounting_date >= d"2026-10-01"'
    )
    assert {
        clause.verdict for clause in compiled.index.clauses if clause.tests[0].field == "legal_entity"
    } == {
        "match",
        "raise",
    }
    # The one way to raise is a document without a date, which no canonical document is.
    raising = [clause for clause in compiled.index.clauses if clause.verdict == "raise"]
    assert all(Probe("accounting_date", "in", (None,)) in clause.tests for clause in raising)


def test_what_multiplies_out_too_far_is_evaluated_instead() -> None:
    """Twelve alternatives of two, in conjunction, would be 4,096 clauses; the answer stays the scan's."""
    when = " and ".join(f'(customer_id != "C{n}" or project_id == "P{n}")' for n in range(12))
    compiled = one(when)
    assert len(compiled.index.clauses) <= MAX_CLAUSES
    for document in ({"customer_id": "C3"}, {"customer_id": "C3", "project_id": "P3"}, {"customer_id": "X"}):
        assert compiled.first_match(document) == oracle.first_match(compiled.table, document)
    assert compiled.first_match({"customer_id": "C3"}).rule is None
    assert compiled.first_match({"customer_id": "X"}).rule == 0


def test_the_window_is_inclusive_then_exclusive() -> None:
    """`from` is the first day of a rule, `until` the first day after it."""
    compiled = one("true", **{"from": "2026-10-01", "until": "2026-11-01"})
    asked = [date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)]
    found = [compiled.first_match({"accounting_date": on}).rule for on in asked]
    assert found == [None, 0, 0, None]


@pytest.mark.parametrize("zone", ["Asia/Tokyo"])
def test_days_do_not_depend_on_the_zone_of_the_process(zone: str) -> None:
    """A date literal is that day wherever the router runs, in the index and in evaluated rules."""
    program = (
        "from datetime import date\n"
        "from router.routing import table_from\n"
        "from router.routing.compiled import Compiled\n"
        "for when in ('accounting_date == d\"2026-10-01\"',\n"
        '             \'accounting_date == d"2026-10-01" and legal_entity =~ "U.*"\'):\n'
        '    text = "version: 1\\nrules:\\n - {id: r, when: \'" + when + "\', authority: a}"\n'
        "    c = Compiled(table_from(text))\n"
        "    print([c.first_match({'legal_entity': 'UK01', 'accounting_date': date(2026, *d)}).rule\n"
        "           for d in ((9, 30), (10, 1), (10, 2))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TZ": zone},
    )
    assert done.stdout.splitlines() == ["[None, 0, None]"] * 2


@pytest.mark.parametrize("when", ["amount in [true]", "legal_entity in [1]", "kind == 1", "amount == true"])
def test_a_literal_of_another_type_is_refused(when: str) -> None:
    """rule-engine would let `x in [1]` match True; here it is not even a rule."""
    with pytest.raises(BadConfig, match="is compared to"):
        one(when)


def test_a_missing_amount_raises_only_where_it_is_compared() -> None:
    """The order of evaluation counts, as in rule-engine: a false left side hides the right one."""
    guarded = one('legal_entity == "UK01" and amount > 5')
    assert guarded.first_match({"legal_entity": "US01"}).raised is None
    assert guarded.first_match({"legal_entity": "UK01"}) == (None, None, 0, "amount is missing")
    bare = one('amount > 5 and legal_entity == "UK01"')
    assert bare.first_match({"legal_entity": "US01"}).raised == 0
    safe = one("amount != null and amount > 5")
    assert safe.first_match({}) == (None, None, None, "")
    assert safe.first_match({"amount": Decimal(6)}).rule == 0


def test_positions_and_their_runs() -> None:
    """An axis tells below, at, between, above and missing apart; an order never takes the missing."""
    axis = Axis("amount", [Probe("amount", "lt", (Decimal(5),)), Probe("amount", "ge", (Decimal(9),))])
    assert [axis.at(value) for value in (Decimal(4), Decimal(5), Decimal(7), Decimal(9), Decimal(10), None)] == [
        0, 1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert list(bits(axis.positions(Probe("amount", "lt", (Decimal(5),))))) == [0]
    assert list(bits(axis.positions(Probe("amount", "gt", (Decimal(5),))))) == [2, 3, 4]
    assert list(bits(axis.positions(Probe("amount", "not in", (Decimal(9),))))) == [0, 1, 2, 4, 5]
    assert list(runs(0b1101100)) == [(2, 4), (5, 7)]


def test_the_bench_holds_three_engines_to_one_answer() -> None:
    """The bench's own agreement check passes on a small table, and its rows are complete."""
    spec = importlib.util.spec_from_file_location(
        "bench_routing", Path(__file__).parents[1] / "bench" / "routing.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = module.run(rules=300, sample=40, many=200)
    assert [set(row) for row in rows] == [{"name", "ratio", "target", "detail"}] * 3
