"""A rehearsal's differences follow from the ERPs' personalities: all have a cause, and one trait less is one cluster less."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.rehearsal.memory import in_memory
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.rehearse import rehearse
from router.configfile import ConfigFile
from router.landscape import as_landscape, default_file
from simulators.firm.model import Size

MEDIUM = Size(name="medium", consultants=70, projects=60, customers=25, wins=4)
"""Enough invoices for every habit to show."""
Personalities = Mapping[str, Mapping[str, str]]
"""By system: the traits that differ from the landscape's."""
Shares = dict[tuple[str, str, str, str], dict[str, int]]
"""(kind, level, key, column) to what each code accounts for, in minor units."""


def options(size: str | None, firm: Size | None, personalities: Personalities) -> Options:
    """The default weekend, with some ERPs of another personality."""
    given = make_options(seed=7, size=size, command="test")
    file = default_file("landscapes/default.yaml")
    systems = {
        name: {**row, "personality": {**row.get("personality", {}), **personalities.get(name, {})}}
        if row["role"] == "erp"
        else row
        for name, row in file.data["systems"].items()
    }
    data = in_memory({**file.data, "systems": systems})
    return replace(
        given,
        landscape=as_landscape(ConfigFile(file.name, data, file.places)),
        landscape_data=data,
        firm=firm,
    )


def differences(
    folder: Path,
    size: str | None = "small",
    *,
    firm: Size | None = None,
    personalities: Personalities | None = None,
) -> Shares:
    """What a rehearsal's comparisons stored; nothing of it is unexplained."""
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    done = rehearse(options(size, firm, personalities or {}), journal=path)
    assert [row["unexplained"] for row in done.report["differences"]] == [0] * len(done.report["differences"])
    with closing(sqlite3.connect(path)) as journal:
        rows: list[dict[str, Any]] = [
            orjson.loads(row[0])
            for row in journal.execute(
                # What cross-checks found beside the comparisons has causes of its own.
                "SELECT data FROM breaks WHERE run_id LIKE 'weekend/%' ORDER BY break_id"
            )
        ]
    return {
        (row["kind"], row["level"], " ".join(row["key"].values()), row["column"]): {
            part["code"]: part["delta_minor"] for part in row["parts"]
        }
        or {row["code"]: row["delta_minor"] or 0}
        for row in rows
    }


def without(shares: Shares, code: str) -> Shares:
    """What is left of the breaks of amounts when one code is taken away."""
    left = {
        key: {one: minor for one, minor in parts.items() if one != code}
        for key, parts in shares.items()
        if key[3] != "status"
    }
    return {key: parts for key, parts in left.items() if sum(parts.values())}


def codes(shares: Shares) -> set[str]:
    """The codes that account for anything."""
    return {code for parts in shares.values() for code in parts}


def test_exact_hours_in_the_legacy_take_their_cluster_along(tmp_path: Path) -> None:
    """The same weekend with a legacy ERP that keeps minutes: every other break of an amount is the same, to the minor unit."""
    before = differences(tmp_path)
    assert codes(before) == {"hours-in-hundredths", "rounded-per-line"}
    after = differences(tmp_path, personalities={"sap_ecc": {"hours": "minutes"}})
    assert "hours-in-hundredths" not in codes(after)
    assert without(after, "") == without(before, "hours-in-hundredths")
    assert without(after, "")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_default_weekend_differs_by_three_habits_and_nothing_else(tmp_path: Path) -> None:
    """A firm of hundreds: every one of its differences is made of hours, rounding and tax, none is unexplained."""
    assert codes(differences(tmp_path, None)) == {"hours-in-hundredths", "rounded-per-line", "tax-per-line"}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("system", "trait", "code"),
    [
        ("sap_ecc", {"hours": "minutes"}, "hours-in-hundredths"),
        ("netsuite", {"tax": "document"}, "tax-per-line"),
    ],
)
def test_a_trait_less_in_a_weekend_with_every_habit(
    tmp_path: Path, system: str, trait: Mapping[str, str], code: str
) -> None:
    """Its code is in no break any more, and every other break is the same to the minor unit.

    Beside them stand columns whose shares had cancelled out, so that they did not differ before.
    """
    before = differences(tmp_path, firm=MEDIUM)
    assert codes(before) == {"hours-in-hundredths", "rounded-per-line", "tax-per-line"}
    after = without(differences(tmp_path, firm=MEDIUM, personalities={system: trait}), "")
    assert code not in codes(after)
    assert {key: parts for key, parts in after.items() if key in before} == without(before, code)
    assert all(key[3] in ("net", "tax", "total") for key in after if key not in before)
