"""Each trait of a personality makes its own differences: taken away, exactly these are gone.

A column breaks when its parts do not cancel out. So what is compared is, for every invoice of both ERPs and for
each of net, tax and total, whether it differs or not: what each habit adds. After a trait is gone, a column must
differ by exactly what the other habits added before, and break exactly where that is not nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from router.dualrun.breaks import Break
from router.dualrun.live_causes.amounts import COLUMNS, Amounts
from router.dualrun.live_causes.path import parts_of
from tests.simulation.trait_stand import CLOUD, LEGACY, facts, found, shares

Made = dict[tuple[str, str], dict[str, int]]
"""(our id, column) to what each code adds; nothing where a code adds nothing."""


def made(legacy: Mapping[str, str], cloud: Mapping[str, str]) -> Made:
    """What the habits add to every invoice, also where it cancels out."""
    known = facts(legacy, cloud)
    amounts = Amounts(known)
    all_of: Made = {}
    for (kind, key), old in known.legacy.records.items():
        if kind != "invoice":
            continue
        new, taken = known.cloud.records[kind, key], amounts.way_of(key)
        assert taken is not None
        assert taken.legacy_again
        assert taken.cloud_again
        for column in COLUMNS:
            delta = getattr(new, f"{column}_minor") - getattr(old, f"{column}_minor")
            all_of[key, column] = {part.code: part.delta_minor for part in parts_of(taken, column, delta)}
    return all_of


def without(all_of: Made, code: str) -> Made:
    """The same with one code taken away."""
    return {key: {one: minor for one, minor in parts.items() if one != code} for key, parts in all_of.items()}


def breaking(breaks: list[Break]) -> Made:
    """The breaks of invoices' amounts as documents."""
    return {
        (one.key["document_id"], one.column): {part.code: part.delta_minor for part in one.shares()}
        for one in breaks
        if one.kind == "invoice" and one.level == "document"
    }


def differing(all_of: Made) -> Made:
    """What must break: where the parts do not cancel out."""
    return {key: parts for key, parts in all_of.items() if sum(parts.values())}


def test_all_of_it_is_explained() -> None:
    """Two ERPs of unlike habits and the same work: every break has its cause, hours, rounding and tax among them."""
    breaks = found(LEGACY, CLOUD)
    assert breaks
    assert [one for one in breaks if one.cause == "unexplained"] == []
    codes = {code for *_, code in shares(breaks)}
    assert codes == {"hours-in-hundredths", "rounded-per-line", "tax-per-line"}
    assert breaking(breaks) == differing(made(LEGACY, CLOUD))


def test_two_alike_differ_in_nothing() -> None:
    """Without any trait apart there is no break at all."""
    assert found(CLOUD, CLOUD) == []


ALIKE = [
    pytest.param({"hours": "minutes"}, {}, "hours-in-hundredths", id="hours"),
    pytest.param({}, {"tax": "document"}, "tax-per-line", id="tax"),
]


@pytest.mark.parametrize(("legacy", "cloud", "code"), ALIKE)
def test_a_trait_taken_away_takes_exactly_its_cluster(
    legacy: dict[str, str], cloud: dict[str, str], code: str
) -> None:
    """No part has its code any more, and every other part of every invoice is what it was to the minor unit."""
    before = made(LEGACY, CLOUD)
    after = {**LEGACY, **legacy}, {**CLOUD, **cloud}
    assert any(code in parts for parts in before.values())
    assert made(*after) == without(before, code)
    breaks = found(*after)
    assert breaking(breaks) == differing(without(before, code))
    assert code not in {one for *_, one in shares(breaks)}
    # Time entries differ by how their hours are kept and by nothing else.
    entries = {key for key in shares(found(LEGACY, CLOUD)) if key[0] == "time_entry"}
    assert {key for key in shares(breaks) if key[0] == "time_entry"} == (
        set() if "hours" in legacy else entries
    )


def test_a_mode_of_its_own_makes_its_cluster_and_nothing_else() -> None:
    """Half to even in the legacy ERP adds a cluster; without it everything is what it was to the minor unit."""
    before = made(LEGACY, CLOUD)
    even = {**LEGACY, "mode": "half_even"}, CLOUD
    assert any("half-up-half-even" in parts for parts in made(*even).values())
    assert without(made(*even), "half-up-half-even") == before
    breaks = found(*even)
    assert [one for one in breaks if one.cause == "unexplained"] == []
    assert breaking(breaks) == differing(made(*even))


def test_rates_and_clocks_of_an_erp_bear_on_nothing_that_is_compared() -> None:
    """Every foreign document brings its exchange rate and every document its posting date: an ERP with another
    source of rates, in another time zone, makes no difference, and no cause of that name is ever given."""
    other = {**LEGACY, "fx": "average", "time_zone": "Asia/Tokyo"}
    assert {one.currency for one in found(LEGACY, CLOUD)} == {"GBP", "EUR", "JPY", "BHD"}
    assert found(other, CLOUD) == found(LEGACY, CLOUD)


def test_rounding_taken_away_leaves_tax_on_other_nets() -> None:
    """Without it every net is what the other habits made it. Tax is then on those nets: only what tax
    adds to an invoice whose net rounding had moved may be another cent."""
    before = made(LEGACY, CLOUD)
    after = made(LEGACY, {**CLOUD, "rounding": "document"})
    left = without(before, "rounded-per-line")
    assert any("rounded-per-line" in parts for parts in before.values())
    assert "rounded-per-line" not in {code for parts in after.values() for code in parts}
    assert {key: parts for key, parts in after.items() if key[1] == "net"} == {
        key: parts for key, parts in left.items() if key[1] == "net"
    }
    for key, parts in after.items():
        assert without({key: parts}, "tax-per-line") == without({key: left[key]}, "tax-per-line")
    breaks = found(LEGACY, {**CLOUD, "rounding": "document"})
    assert breaking(breaks) == differing(after)
    assert [one for one in breaks if one.cause == "unexplained"] == []
