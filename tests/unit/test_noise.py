"""The rules of the noise floor: what may be called noise, what is only mentioned, and what a file must hold."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun.breaks import Break, Part
from router.dualrun.noise import (
    ControlRun,
    Field,
    Measure,
    Noise,
    NoiseFloor,
    bears_money,
    learned,
    measured,
    often_enough,
    read_floor,
)
from router.dualrun.policy import Policy
from router.errors import BadInput

POLICY = Policy.model_validate(
    {
        "key": ["id"],
        "columns": {
            "total": {"type": "money"}, "hours": {"type": "decimal"}, "memo": {"type": "text"},
            "entity": {"type": "dimension"}, "practice": {"type": "dimension"}, "status": {"type": "status"},
            "posted": {"type": "date"}, "period": {"type": "text"}, "region": {"type": "dimension"},
        },
        "control_totals": [["currency", "region"]],
        "roles": {"legal_entity": "entity", "accounting_date": "posted"},
    }
)  # fmt: skip
PLACE = ("", "document")


def text(at: int, column: str = "memo", **changed: Any) -> Break:
    """A text that differs, and nobody knows why."""
    return replace(Break(key={"id": str(at)}, what="text", column=column, legacy="a", cloud="b"), **changed)


def amount(at: int, minor: int | None, currency: str = "GBP", **changed: Any) -> Break:
    """An amount that differs by so much."""
    made = Break(key={"id": str(at)}, what="amount", column="total", currency=currency, delta_minor=minor)
    return replace(made, **changed)


def floor(pairs: int, *breaks: Break) -> NoiseFloor:
    """What one control run teaches that found these breaks."""
    run = ControlRun(name="c", inputs={"legacy: a.csv": "00"}, pairs=pairs, differing=len(breaks))
    return learned(POLICY.fingerprint, [(run, measured({PLACE: pairs}, breaks))])


def heard(known: NoiseFloor, pairs: int, *breaks: Break) -> tuple[list[Break], dict[str, Any]]:
    """These breaks as a comparison of so many pairs tells them, and what it says of its noise."""
    noise = Noise(known, measured({PLACE: pairs}, breaks), lambda one: bears_money(POLICY, one.column))
    return [noise(one) for one in breaks], noise.to_json()


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_noise_must_be_at_least_half_as_frequent_as_what_it_explains(a: int, n: int, b: int, m: int) -> None:
    """The rule in fractions; whatever was silent in the control explains nothing."""
    wanted = a > 0 and Fraction(a, n) * 2 >= Fraction(b, m)
    assert often_enough((a, n), (b, m)) == wanted


def test_the_rate_decides_at_the_very_pair() -> None:
    """Five of a hundred explain ten of a hundred, and not eleven."""
    known = floor(100, *(text(at) for at in range(5)))
    ten, said = heard(known, 100, *(text(at) for at in range(10)))
    assert {one.code for one in ten} == {"control-run-differs"}
    assert said["explained"] == 10
    eleven, said = heard(known, 100, *(text(at) for at in range(11)))
    assert {one.cause for one in eleven} == {"unexplained"}
    assert (said["explained"], said["fields"][0]["mentioned"]) == (0, 11)
    assert eleven[0].evidence == (
        "memo differs in 5 of 100 pairs of the legacy ERP with itself, but here in 11 of 100: more than noise"
    )


def test_a_better_cause_stays_with_the_evidence_added() -> None:
    """What is known to be a mapping is no noise, though the field is not deterministic."""
    (told,), said = heard(
        floor(2, text(1)), 2, text(1, cause="mapping", code="dimension-mapping", evidence="A is B")
    )
    assert (told.cause, told.code) == ("mapping", "dimension-mapping")
    assert told.evidence == "A is B; memo differs in 1 of 2 pairs of the legacy ERP with itself"
    (told,), _ = heard(floor(2, text(1)), 2, text(1, cause="numbering", code="number"))
    assert (told.cause, told.code) == ("noise", "control-run-differs")
    assert said["explained"] == 0


@pytest.mark.parametrize(
    ("delta", "known", "cause"),
    [(37, 37, "noise"), (-37, 37, "noise"), (38, 37, "unexplained"), (None, 37, "unexplained"), (1, None, "unexplained")],
)  # fmt: skip
def test_an_amount_is_noise_only_within_what_the_control_was_apart(
    delta: int | None, known: int | None, cause: str
) -> None:
    """By the absolute size in minor units; where nothing can be subtracted nothing is explained."""
    (told,), said = heard(floor(3, amount(1, known)), 3, amount(1, delta))
    assert told.cause == cause
    assert told.code in ("control-run-differs-in-money", "unexplained")
    assert told.delta_minor == delta
    assert "differs in 1 of 3 pairs" in told.evidence
    assert (said["explained"], said["explained_in_money"]) == (0, int(cause == "noise"))


def test_an_amount_with_a_cause_keeps_it_and_its_parts() -> None:
    """Noise never takes the place of a proven cause of money."""
    parts = (Part(cause="tax", code="tax-per-line", delta_minor=1),)
    one = amount(1, 1, cause="tax", code="tax-per-line", parts=parts)
    (told,), _ = heard(floor(1, amount(1, 5)), 1, one)
    assert (told.cause, told.parts) == ("tax", parts)


def test_currencies_are_learned_apart() -> None:
    """Pounds that jitter explain no yen."""
    (told,), _ = heard(floor(2, amount(1, 5)), 2, amount(1, 1, "JPY"))
    assert told == amount(1, 1, "JPY")


def test_a_row_without_a_partner_is_never_noise() -> None:
    """It is counted in the control run, and nothing is said of such a row here."""
    gone = Break(key={"id": "1"}, what="missing_in_cloud", currency="GBP", delta_minor=-100)
    known = floor(2, gone, gone)
    assert (known.seen.apart, known.seen.fields) == (2, {})
    (told,), said = heard(known, 2, gone)
    assert told == gone
    assert said["rows_apart"] == 2


@pytest.mark.parametrize(
    ("column", "bears"),
    [("total", True), ("hours", True), ("entity", True), ("posted", True), ("period", True), ("currency", True),
     ("region", True), ("not a column", True), ("memo", False), ("practice", False), ("status", False)],
)  # fmt: skip
def test_what_says_into_which_sum_an_amount_goes_bears_money(column: str, bears: bool) -> None:
    """Numbers, the columns of control totals, entity, currency, period and accounting date; what nobody knows too."""
    assert bears_money(POLICY, column) == bears
    if bears:
        (told,), _ = heard(floor(1, text(1, column)), 1, text(1, column))
        assert told.cause == "unexplained"


def test_runs_add_up_and_the_largest_amount_of_all_counts() -> None:
    """Pairs and differing pairs are sums over the runs."""
    one, two = floor(10, amount(1, -5), text(1)), floor(20, amount(1, 9))
    whole = learned(POLICY.fingerprint, [(one.runs[0], one.seen), (two.runs[0], two.seen)])
    total = Field("", "document", "total", "amount", "GBP")
    assert whole.seen.rate(total) == (2, 30)
    assert whole.seen.fields[total].most_minor == 9
    assert whole.seen.rate(Field("", "document", "memo", "text", "")) == (1, 30)
    assert whole.money == (total,)
    assert (one.seen.rate(total), two.seen.rate(total)) == ((1, 10), (1, 20))


def test_a_file_gives_the_floor_it_was_written_from() -> None:
    """Nothing is lost on the way, and its order does not depend on what was found first."""
    rows = [amount(1, 5), amount(2, None, "BHD"), text(1), text(2)]
    known = floor(9, *rows)
    data = orjson.loads(orjson.dumps(known.to_json()))
    assert read_floor(data, POLICY, name="noise.json").to_json() == known.to_json()
    assert floor(9, *reversed(rows)).to_json() == known.to_json()
    assert "1 amount" not in floor(9, text(1)).says()


def spoilt(**changed: Any) -> dict[str, Any]:
    """A file with something odd in it."""
    data = orjson.loads(orjson.dumps(floor(9, amount(1, 5)).to_json()))
    row = {
        **data["fields"][0],
        **{name: value for name, value in changed.items() if name in data["fields"][0]},
    }
    rest = {name: value for name, value in changed.items() if name not in row}
    return {**data, "fields": [row], **rest}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "is no noise floor"),
        ({"format": "coexist-noise/2"}, "is no noise floor"),
        (spoilt(policy_hash="0"), "its policy is another one"),
        (spoilt(differing=10), "10 of 9 pairs"),
        (spoilt(differing=0), "0 of 9 pairs"),
        (spoilt(differing=True), "is no count"),
        (spoilt(most_minor=-1), "is no count"),
        (spoilt(most_minor="5"), "is no count"),
        (spoilt(column=7), "is no text"),
        (spoilt(kind="invoice"), "invoice"),
        (spoilt(runs=[{}]), "name"),
        (spoilt(runs=7), "is no noise floor"),
        (spoilt(rows_apart=1.5), "is no count"),
    ],
)
def test_an_odd_file_is_refused_by_name_with_a_mend(data: Any, why: str) -> None:
    """Whatever stands in it, it is a BadInput that names the file."""
    with pytest.raises(BadInput, match=why) as refused:
        read_floor(data, POLICY, name="noise.json")
    assert "noise.json" in refused.value.one_line()
    assert "coexist noise" in refused.value.one_line()


def test_a_floor_without_fields_says_nothing_of_any_break() -> None:
    """A silent control run calls nothing noise."""
    (told,), said = heard(learned(POLICY.fingerprint, [(floor(5).runs[0], Measure())]), 1, text(1))
    assert told == text(1)
    assert "none can be called noise" in said["says"]
