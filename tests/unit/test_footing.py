"""What moves together and what both ERPs need: plans that tear billing apart are refused, masters reach both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cutover.plan.footing import BILLED, MASTERS, SHARED, torn
from cutover.plan.model import Plan
from cutover.plan.reading import read_plan
from cutover.plan.stages import Stage, StageBook
from router.canonical import Document
from router.canonical.examples import example
from router.canonical.kinds import KINDS
from router.errors import BadConfig
from router.landscape import default_file, read_landscape
from router.model import Decision
from router.routing.tables import Tables

LANDSCAPE = read_landscape()
LEDGER = ("revenue_schedule", "journal_entry")


def written(folder: Path, waves: list[dict[str, Any]], **of_step: Any) -> Path:
    """The default plan with other waves: the steps of its first wave for the first, manual ones for the rest."""
    data = dict(default_file("plans/weekend.yaml").data)
    steps = [dict(step) for step in data["steps"] if step["wave"] == "emea"]
    for step in steps:
        step["wave"] = waves[0]["id"]
        if step["kind"] in ("dual_run", "switch"):
            step.update(of_step)
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({**data, "waves": waves, "steps": steps}, sort_keys=False))
    return path


@pytest.mark.parametrize(
    ("kinds", "missing"),
    [
        (("time_entry", "expense_item"), "billing_event"),
        (("billing_event", "invoice", "credit_memo", "payment", "write_off"), "time_entry"),
        (tuple(kind for kind in BILLED if kind != "milestone"), "milestone"),
        (("payment",), "invoice"),
    ],
    ids=["time before its billing", "billing before its time", "all but one", "payments without invoices"],
)
def test_billing_is_not_torn_from_its_work(tmp_path: Path, kinds: tuple[str, ...], missing: str) -> None:
    """An ERP bills the time it holds: the plan is refused where it is read, with what to add or take out."""
    path = written(tmp_path, [{"id": "some", "entities": ["UK01"], "kinds": list(kinds)}])
    with pytest.raises(BadConfig, match="an ERP makes invoices of the work it holds") as wave:
        read_plan(path, LANDSCAPE)
    assert missing in str(wave.value.mend)
    assert "plan.yaml:" in str(wave.value)
    path = written(tmp_path, [{"id": "all", "entities": ["UK01"]}], kinds=list(kinds))
    with pytest.raises(BadConfig, match="step emea-dual-run: moves"):
        read_plan(path, LANDSCAPE)


@pytest.mark.parametrize(
    "kinds",
    [BILLED, MASTERS, LEDGER, (*BILLED, *LEDGER), (), tuple(KINDS)],
    ids=["work and billing", "masters", "ledger", "all but masters", "nothing named", "all"],
)
def test_what_makes_sense_alone_is_read(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """Masters first, work later, the ledger last: allowed."""
    plan = read_plan(
        written(tmp_path, [{"id": "some", "entities": ["UK01"], "kinds": list(kinds)}]), LANDSCAPE
    )
    assert torn(plan.waves[0].kinds) == ()
    assert plan.business_units == LANDSCAPE.business_units


def plan_of(*waves: dict[str, Any]) -> Plan:
    return Plan.model_validate(
        {
            "name": "p", "start": "2026-10-30T00:00:00Z", "end": "2026-11-01T00:00:00Z", "from": "sap_ecc",
            "to": "netsuite", "window": {"opens": "2026-10-30T00:00:00Z", "closes": "2026-11-01T00:00:00Z"},
            "waves": [{"entities": ["UK01", "DE01"], **wave} for wave in waves],
            "steps": [{"id": "task", "kind": "manual", "wave": waves[0]["id"]}],
            "business_units": list(LANDSCAPE.business_units),
        }
    )  # fmt: skip


def document(kind: str, unit: str, entity: str = "UK01") -> Document:
    return example(kind).model_copy(update={"business_unit": unit, "legal_entity": entity})


def decided(book: StageBook, kind: str, unit: str, entity: str = "UK01") -> Decision:
    tables = Tables(landscape=LANDSCAPE)
    tables.publish(book.table_text(2))
    return tables(document(kind, unit, entity), table_version=2, lineage=None, pin=None)


def erps(decision: Decision) -> tuple[str | None, str | None]:
    """Authority and shadow."""
    return decision.authority, decision.shadow


OLD, NEW = "sap_ecc", "netsuite"
UNITS = plan_of({"id": "one", "business_units": ["CONSULTING"]}, {"id": "two", "business_units": ["MANAGED"]})


def test_masters_that_units_share_are_in_both_erps_while_units_are_apart() -> None:
    """Each has one authority, its own unit's ERP; the other ERP is fed. Units in no wave count: they stay behind."""
    book = StageBook(UNITS)
    for stage, frozen in (("shadow", True), ("cloud", False)):
        book.move("one", stage=stage, frozen=frozen)  # type: ignore[arg-type]  # stages
    for kind in SHARED:
        assert erps(decided(book, kind, "CONSULTING")) == (NEW, OLD)
        assert erps(decided(book, kind, "MANAGED")) == (OLD, NEW)
        assert erps(decided(book, kind, "DIGITAL")) == (OLD, NEW), "in no wave"
    assert erps(decided(book, "project", "CONSULTING")) == (NEW, None), "a project is one unit's"
    assert erps(decided(book, "project", "MANAGED")) == (OLD, None)
    assert erps(decided(book, "time_entry", "DIGITAL")) == (OLD, None)
    book.move("two", stage="shadow", frozen=True)
    assert decided(book, "customer", "MANAGED").hold, "a freeze is a freeze"
    book.move("two", stage="cloud", frozen=False)
    assert erps(decided(book, "customer", "MANAGED")) == (NEW, OLD), "DIGITAL is still behind"


def test_whole_entities_need_no_feeding() -> None:
    """Waves of whole entities, and waves that have all arrived, make tables without a word of masters."""
    book = StageBook(plan_of({"id": "uk", "entities": ["UK01"]}, {"id": "de", "entities": ["DE01"]}))
    book.move("uk", stage="cloud")
    assert "masters" not in book.table_text(2)
    three = plan_of(*({"id": unit.lower(), "business_units": [unit]} for unit in LANDSCAPE.business_units))
    book = StageBook(three)
    for n, wave in enumerate(three.waves, 1):
        book.move(wave.id, stage="cloud")
        assert ("masters" in book.table_text(2)) == (n < 3)


def test_masters_and_work_apart() -> None:
    """Masters first: the old ERP still gets them for the work it has; masters last: the new one does."""
    plan = plan_of({"id": "masters", "kinds": list(MASTERS)}, {"id": "work", "kinds": list(BILLED)})
    book = StageBook(plan)
    book.move("masters", stage="cloud")
    assert erps(decided(book, "project", "CONSULTING")) == (NEW, OLD)
    assert erps(decided(book, "time_entry", "CONSULTING")) == (OLD, None)
    book = StageBook(plan)
    book.move("work", stage="cloud")
    assert erps(decided(book, "project", "CONSULTING")) == (OLD, NEW)
    assert erps(decided(book, "time_entry", "CONSULTING")) == (NEW, None)


STAGES = st.sampled_from(["legacy", "shadow", "live", "cloud"])


@given(
    st.lists(STAGES, min_size=2, max_size=2),
    st.sampled_from(LANDSCAPE.business_units),
    st.sampled_from(list(KINDS)),
)
def test_every_document_has_one_authority_and_it_is_its_own_stage_s(
    stages: list[Stage], unit: str, kind: str
) -> None:
    """Feeding masters to both never changes who is the authority (I3), and reaches whoever has work on them."""
    book = StageBook(UNITS)
    for wave, stage in zip(UNITS.waves, stages, strict=True):
        book.move(wave.id, stage=stage)
    standing: dict[str, Stage] = {"CONSULTING": stages[0], "MANAGED": stages[1], "DIGITAL": "legacy"}
    found = decided(book, kind, unit)
    assert found.authority == (NEW if standing[unit] in ("live", "cloud") else OLD)
    if kind in SHARED:
        reached = {found.authority, found.shadow}
        assert NEW in reached or set(standing.values()) == {"legacy"}
        assert OLD in reached
