"""Plans: what is wrong is named with file, line and mend; tables follow from stages; gates never guess."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cutover.plan.model import Plan
from cutover.plan.reading import plan_file, read_plan
from cutover.plan.stages import Stage, StageBook
from cutover.plan.steps import Thresholds
from cutover.runner.gates import Gate, counted, reconciled, worst
from router.canonical.examples import example
from router.dualrun.breaks import Break
from router.dualrun.service import Comparison
from router.errors import BadConfig
from router.landscape import default_file, read_landscape
from router.routing.tables import Tables

LANDSCAPE = read_landscape()


def written(tmp_path: Any, **changes: Any) -> Any:
    """The default plan with changes, as a file."""
    data = default_file("plans/weekend.yaml").data | changes
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_the_default_plan_is_sound() -> None:
    """It reads, and its order respects what comes after what."""
    plan = read_plan(None, LANDSCAPE)
    order = [step.id for step in plan.order()]
    for step in plan.steps:
        assert all(order.index(name) < order.index(step.id) for name in step.after)


STEP = {"kind": "freeze", "wave": "emea"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"from": "oracle"}, "there is no ERP 'oracle'"),
        ({"to": "sap_ecc"}, "the same system"),
        ({"waves": [{"id": "emea", "entities": ["UK01", "XX99"]}]}, "there is no entity 'XX99'"),
        (
            {"waves": [{"id": "emea", "entities": ["UK01"]}, {"id": "amer-apac", "entities": ["UK01"]}]},
            "UK01 is in wave emea and in wave amer-apac",
        ),
        (
            {"steps": [{**STEP, "id": "a", "after": ["b"]}, {**STEP, "id": "b", "after": ["a"]}]},
            "in a circle: ",
        ),
        ({"steps": [{**STEP, "id": "a", "after": ["a"]}]}, "in a circle: a → a"),
        ({"steps": [{**STEP, "id": "a"}, {**STEP, "id": "a"}]}, "step a stands twice"),
        ({"steps": [{**STEP, "id": "a", "after": ["z"]}]}, "there is no step 'z'"),
        ({"steps": [{**STEP, "id": "a", "wave": "z"}]}, "there is no wave 'z'"),
        ({"steps": [{**STEP, "id": "a", "kind": "switch"}]}, "needs a dual_run before it"),
        ({"steps": [{**STEP, "id": "a", "kind": "dance"}]}, "steps.0.kind"),
        ({"steps": []}, "steps"),
        ({"end": "2026-10-01T00:00:00Z"}, "does not hold"),
        ({"start": "never"}, "start"),
        ({"faults": {"oracle": []}}, "there is no system 'oracle'"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_plan_is_refused_with_its_place(tmp_path: Any, changes: dict[str, Any], said: str) -> None:
    """File and line lead to the mistake."""
    path = written(tmp_path, **changes)
    with pytest.raises(BadConfig, match=r"plan\.yaml:\d+:\d+: ") as caught:
        read_plan(path, LANDSCAPE)
    assert said in caught.value.message


def test_broken_yaml_and_missing_files_are_told(tmp_path: Any) -> None:
    """No traceback for what is no YAML, no UTF-8, empty, doubled or not there."""
    path = tmp_path / "plan.yaml"
    for raw, said in (
        (b"a: [1", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "empty"),
        (b"a: 1\na: 2", "twice"),
    ):
        path.write_bytes(raw)
        with pytest.raises(BadConfig, match=said):
            read_plan(path, LANDSCAPE)
    with pytest.raises(BadConfig, match="no such file"):
        read_plan(tmp_path / "none.yaml", LANDSCAPE)


@pytest.mark.parametrize(
    ("stage", "frozen", "authority", "shadow", "hold"),
    [
        ("legacy", False, "sap_ecc", None, False),
        ("shadow", False, "sap_ecc", "netsuite", False),
        ("shadow", True, "sap_ecc", "netsuite", True),
        ("legacy", True, "sap_ecc", None, True),
        ("live", False, "netsuite", "sap_ecc", False),
        ("live", True, "netsuite", "sap_ecc", True),
        ("cloud", False, "netsuite", None, False),
    ],
)
def test_stages_become_tables(
    stage: Stage, frozen: bool, authority: str, shadow: str | None, hold: bool
) -> None:
    """Each stage of a wave routes its entities as it says, and leaves the other wave alone."""
    plan = read_plan(None, LANDSCAPE)
    book = StageBook(plan)
    book.move("emea", stage=stage, frozen=frozen)
    tables = Tables(landscape=LANDSCAPE)
    tables.publish(book.table_text(9))
    decision = tables(example("time_entry"), table_version=9, lineage=None, pin=None)
    assert (decision.authority, decision.shadow, decision.hold) == (authority, shadow, hold)
    other = example("time_entry").model_copy(update={"legal_entity": "US01", "region": "AMER"})
    assert tables(other, table_version=9, lineage=None, pin=None).authority == "sap_ecc"


def test_kinds_of_a_wave_stand_at_stages_of_their_own() -> None:
    """Time has switched, invoices have not: each goes to its own authority by one table."""
    book = StageBook(read_plan(None, LANDSCAPE))
    book.move("emea", stage="shadow")
    book.move("emea", ("time_entry", "expense_item"), stage="cloud")
    tables = Tables(landscape=LANDSCAPE)
    tables.publish(book.table_text(9))
    for kind, authority in (("time_entry", "netsuite"), ("invoice", "sap_ecc")):
        assert tables(example(kind), table_version=9, lineage=None, pin=None).authority == authority
    assert book.kinds_at("emea", ["cloud"]) == ("time_entry", "expense_item")


def test_illegal_jumps_are_refused() -> None:
    """No switch without a dual run or without a freeze, and no way back past the point of no return."""
    book = StageBook(read_plan(None, LANDSCAPE))
    assert "can't go from legacy to cloud" in book.refusal("emea", stage="cloud")
    book.move("emea", stage="shadow")
    assert "must stand frozen" in book.refusal("emea", stage="live")
    book.move("emea", frozen=True)
    assert book.refusal("emea", stage="live") == ""
    book.move("emea", stage="live", final=True)
    assert "point of no return" in book.refusal("emea", stage="shadow")
    assert book.refusal("emea", stage="cloud") == ""


def comparison(**changes: Any) -> Comparison:
    """A clean comparison with changes."""
    facts: dict[str, Any] = {
        "run_id": "r", "legacy": "sap_ecc", "cloud": "netsuite", "entities": ("UK01",), "consistency": {"state": "quiescent"},
        "compared": 10, "pending": 0,
        "money": {"GBP": {"legacy_minor": 1_000_000, "cloud_minor": 1_000_100, "variance_minor": 100}},
    }  # fmt: skip
    return Comparison(**(facts | changes))


MISSING = Break(key={"document_id": "A"}, what="missing_in_cloud", cause="refused")
UNEXPLAINED = Break(key={"document_id": "A"}, what="amount", cause="unexplained")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "pass"),
        ({"compared": 0}, "inconclusive"),
        ({"breaks": (MISSING,)}, "fail"),
        ({"breaks": (UNEXPLAINED,)}, "fail"),
        ({"pending": 1}, "fail"),
        ({"held_back": 1}, "fail"),
        ({"hidden": ({"pairs": 3, "expired": False},)}, "pass"),
        ({"hidden": ({"pairs": 3, "expired": True},)}, "fail"),
        ({"untied_documents": ("B-1",)}, "fail"),
        ({"untied_walks": ("invoice total of UK01 GBP 2026-10",)}, "fail"),
        ({"money": {"GBP": {"legacy_minor": 10_000, "cloud_minor": 10_051, "variance_minor": 51}}}, "fail"),
        ({"money": {"GBP": {"legacy_minor": 10_000, "cloud_minor": 10_050, "variance_minor": 50}}}, "pass"),
        ({"money": {"GBP": {"legacy_minor": 0, "cloud_minor": 0, "variance_minor": 0}}}, "inconclusive"),
        ({"money": {"GBP": {"legacy_minor": 0, "cloud_minor": 5, "variance_minor": 5}}}, "fail"),
    ],
)
def test_gates_are_three_valued_and_exact(changes: dict[str, Any], verdict: str) -> None:
    """Thresholds are compared in integers; no data never passes."""
    assert worst(reconciled(comparison(**changes), Thresholds())) == verdict


def test_no_gate_is_no_pass() -> None:
    """A step without a gate has proven nothing."""
    assert worst(()) == "inconclusive"
    assert counted("x", 1).verdict == "fail"
    assert isinstance(counted("x", 0), Gate)
    assert isinstance(read_plan(None, LANDSCAPE), Plan)


def test_a_folder_hides_no_built_in_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`coexist rehearse pilot --out pilot` can be given twice: only a file takes the place of a built-in plan."""
    (tmp_path / "pilot").mkdir()
    monkeypatch.chdir(tmp_path)
    assert plan_file("pilot").name.endswith("plans/pilot.yaml")
    (tmp_path / "big-bang").write_text("name: mine\n")
    assert plan_file("big-bang").data == {"name": "mine"}


def test_a_plan_there_is_not_is_answered_with_those_there_are() -> None:
    """Who misspells a built-in name sees the names."""
    with pytest.raises(BadConfig, match="pilott") as refused:
        plan_file("pilott")
    assert "weekend" in refused.value.mend
