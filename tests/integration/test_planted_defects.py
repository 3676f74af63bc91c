"""Planted defects: every one is found, nothing else is, and the cause is the one it was planted with.

Forty-odd kinds of defects, at most one in a document, through the whole comparison: pairing,
comparing, explaining. The truth about each comes from the generator, which shares no code with it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from router.configfile import loads
from router.dualrun.breaks import Break
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.clusters import Clusters
from router.dualrun.engine import TableComparison
from router.dualrun.explain import explained
from router.dualrun.extracts import read_crosswalk, read_extract
from router.dualrun.policy import SIDES, Policy, as_policy
from router.dualrun.workbench import Source, Workbench
from simulators.extracts import CROSSWALK, DEFECTS, FILES, Planted, Truth, planted, write

DOCUMENTS = 60
SEEDS = range(200)
IN_CI = [range(start, start + 8) for start in (0, 40, 80, 120, 160)]
"""Forty seeds, eight of them put together into one comparison: most of its time is the same for any size."""
THROUGH_FILES = (3, 77, 141)
TODAY = date(2026, 11, 2)
Place = tuple[tuple[tuple[str, str], ...], str, str]


def compared(
    bench: Workbench, policy: Policy, legacy: Source, cloud: Source, crosswalk: Source
) -> list[Break]:
    """Every break, once totals are known to tie."""
    table = TableComparison(bench, policy, legacy, cloud, crosswalk=crosswalk, today=TODAY)
    table.run()
    assert table.totals
    assert [total.by for total in table.totals if not total.ties] == []
    return list(explained(table.documents, ExtractJudge(policy, agreement=table.agreement), policy))


def breaks_of(extracts: Planted, folder: Path) -> list[Break]:
    """The comparison of rows at hand."""
    policy = as_policy(loads(extracts.policy_yaml))
    path = folder / "crosswalk.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, CROSSWALK)
        writer.writeheader()
        writer.writerows(extracts.crosswalk)
    with Workbench(threads=1) as bench:
        legacy, cloud = (
            bench.source(
                side, side, extracts.columns, ([row[name] for name in extracts.columns] for row in rows)
            )
            for side, rows in zip(SIDES, (extracts.legacy_rows, extracts.cloud_rows), strict=True)
        )
        return compared(bench, policy, legacy, cloud, read_crosswalk(bench, path, policy))


def place(one: Break) -> Place:
    return (tuple(sorted(one.key.items())), one.what, one.column)


def judged(breaks: Sequence[Break], truth: Sequence[Truth]) -> list[str]:
    """The causes that are not those planted; raises when a break is missed or made up."""
    found = Counter(place(one) for one in breaks)
    expected = Counter(one.place for one in truth)
    assert sorted((expected - found).elements()) == [], "missed"
    assert sorted((found - expected).elements()) == [], "made up"
    told = {place(one): one for one in breaks}
    return [
        f"{one.defect} in {one.column or one.what}: {told[one.place].cause}/{told[one.place].code}, "
        f"not {one.cause}/{one.code}: {told[one.place].evidence}"
        for one in truth
        if (one.cause, one.code) != (told[one.place].cause, told[one.place].code)
    ]


def together(seeds: Sequence[int]) -> Planted:
    """The extracts of several seeds as one pair."""
    parts = [planted(seed, documents=DOCUMENTS, first=at * DOCUMENTS) for at, seed in enumerate(seeds)]
    return replace(
        parts[0],
        legacy_rows=[row for part in parts for row in part.legacy_rows],
        cloud_rows=[row for part in parts for row in part.cloud_rows],
        crosswalk=[row for part in parts for row in part.crosswalk],
        truth=[row for part in parts for row in part.truth],
        planted=sum((Counter(part.planted) for part in parts), Counter[str]()),
    )


def over(batches: Sequence[Sequence[int]], folder: Path) -> tuple[int, list[str], Counter[str]]:
    """(breaks, causes that are wrong, how often each defect was planted)."""
    breaks, wrong, kinds = 0, list[str](), Counter[str]()
    for seeds in batches:
        extracts = together(seeds)
        found = breaks_of(extracts, folder)
        wrong += [f"seeds {seeds}: {row}" for row in judged(found, extracts.truth)]
        breaks += len(found)
        kinds.update(extracts.planted)
    return breaks, wrong, kinds


def test_every_planted_defect_is_found_and_nothing_else_and_for_its_cause(tmp_path: Path) -> None:
    """Recall is 100%, no break is false, and no cause is wrong, over forty seeds."""
    breaks, wrong, kinds = over(IN_CI, tmp_path)
    assert breaks > 40 * 80
    assert set(kinds) == set(DEFECTS)
    assert wrong == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_same_holds_over_two_hundred_seeds(tmp_path: Path) -> None:
    """The acceptance asks for 95% of the causes; print the rate, and let it not sink below 99%."""
    breaks, wrong, kinds = over([[seed] for seed in SEEDS], tmp_path)
    rate = 100 * (breaks - len(wrong)) / breaks
    told = f"{breaks} breaks of {kinds.total()} defects over {len(SEEDS)} seeds"
    print(f"{told}, {rate:.2f}% of the causes right")  # noqa: T201 - the figure of the acceptance
    assert rate >= 99, wrong


@pytest.mark.parametrize("seed", THROUGH_FILES)
def test_the_same_holds_through_the_files_of_two_erps(seed: int, tmp_path: Path) -> None:
    """Semicolons, decimal commas and trailing minuses of Windows-1252 against plain UTF-8 change nothing."""
    extracts = planted(seed, documents=DOCUMENTS)
    write(extracts, tmp_path)
    policy = as_policy(loads((tmp_path / FILES[3]).read_text(encoding="utf-8")))
    with Workbench(threads=1) as bench:
        found = compared(
            bench,
            policy,
            read_extract(bench, "legacy", tmp_path / FILES[0], policy),
            read_extract(bench, "cloud", tmp_path / FILES[1], policy),
            read_crosswalk(bench, tmp_path / FILES[2], policy),
        )
    assert judged(found, extracts.truth) == []


def test_extracts_without_defects_have_no_break(tmp_path: Path) -> None:
    """Two orders of rows, documents that pair by the crosswalk only: equal is equal."""
    assert breaks_of(planted(5, documents=40, defects=()), tmp_path) == []


def test_the_money_of_the_clusters_is_what_the_rows_differ(tmp_path: Path) -> None:
    """Whatever was planted, the clusters' money by currency is cloud less legacy of the totals, counted once."""
    extracts = planted(11, documents=DOCUMENTS, defects=[name for name in DEFECTS if name not in ELSEWHERE])
    clusters = Clusters(document=("document",))
    for one in breaks_of(extracts, tmp_path):
        clusters.add(one)
    sums: Counter[str] = Counter()
    for sign, rows in ((-1, extracts.legacy_rows), (1, extracts.cloud_rows)):
        for row in rows:
            sums[row["currency"] or ""] += sign * int((row["total"] or "0").replace(".", ""))
    assert {code: minor for code, minor in clusters.money().items() if minor} == {
        code: minor for code, minor in sums.items() if minor
    }


ELSEWHERE = {"wrong_currency", "fx_rate", "fx_date", "null_versus_zero", "tax_inclusive"}
"""Defects whose money is not in the total: another column counts for them, or none can."""


def test_one_seed_gives_one_pair_of_extracts() -> None:
    """The same seed plants the same defects in the same rows, another seed others."""
    assert planted(3, documents=50) == planted(3, documents=50)
    assert planted(3, documents=50).truth != planted(4, documents=50).truth
