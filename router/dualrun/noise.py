"""The noise floor: which fields differ when the legacy ERP is compared with itself. Pure.

A control run compares the legacy ERP with itself, so whatever differs there is not deterministic and
needs no difference between two ERPs to come about. The idea is Diffy's (primary against secondary);
the rules are stricter, as money is at stake:

- counts are exact, by kind, level, column, class and currency, over any number of control runs;
- a field that never differed in a control run is never called noise;
- a field is called noise only where the control's rate is at least half of the rate observed: then at
  least one in two of the breaks would be there without the cloud ERP; a rarer noise is only mentioned;
- a better cause stays; noise is said only where nothing better is known;
- what bears money is explained at most (no cause known, and apart by no more than the control was):
  it stays a break that fails the comparison. A row that is missing or doubled is never noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from router.canonical.money import Money
from router.dualrun.breaks import Break
from router.dualrun.policy import DualRunPolicy, Policy, Role
from router.errors import BadInput

FORMAT = "coexist-noise/1"
QUIET = "control-run-differs"
"""Code of noise in a field that bears no money: listed and counted, but no reason to fail."""
LOUD = "control-run-differs-in-money"
"""Code of noise in a field that bears money: explained, and still a break that fails the comparison."""
FIELDS = ("amount", "status", "dimension", "date", "text", "currency")
"""Classes of break that are about a field; in all others a row stands alone or is paired wrongly."""
IN_CURRENCY = ("amount", "currency")
ONLY_NAMED = ("unexplained", "number")
"""Codes that say that something differs and not why."""
PLACES: tuple[Role, ...] = ("legal_entity", "currency", "period", "accounting_date")
"""What says into which sum an amount goes bears money, though it is no amount."""
TEXT_MAX = 200
_MEND = "make it again: coexist noise LEGACY LEGACY_AGAIN --policy POLICY --out noise.json"


class Field(NamedTuple):
    """What can differ: a column of a kind of document, in one way, and in one currency where it is money."""

    kind: str
    level: str
    column: str
    what: str
    currency: str


@dataclass(slots=True)
class Seen:
    """How often a field differed, and by how much at most."""

    differing: int = 0
    most_minor: int | None = None
    """Largest absolute difference in minor units; None where nothing could be subtracted."""

    def add(self, differing: int, most_minor: int | None) -> None:
        """Count more of it."""
        self.differing += differing
        if most_minor is not None:
            self.most_minor = max(self.most_minor or 0, most_minor)


@dataclass(slots=True)
class Measure:
    """Pairs compared and pairs differing; the same for control runs and for what they are held against."""

    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    """By kind and level."""
    fields: dict[Field, Seen] = field(default_factory=dict)
    apart: int = 0
    """Rows without a partner, or with too many."""

    def compared(self, kind: str, level: str, pairs: int) -> None:
        """Count pairs that were compared."""
        self.pairs[kind, level] = self.pairs.get((kind, level), 0) + pairs

    def add(self, one: Break) -> None:
        """Count a break."""
        name = field_of(one)
        if name is None:
            self.apart += 1
            return
        self.fields.setdefault(name, Seen()).add(1, None if one.delta_minor is None else abs(one.delta_minor))

    def rate(self, name: Field) -> tuple[int, int]:
        """Pairs that differed in a field, and pairs compared."""
        seen = self.fields.get(name)
        return (0 if seen is None else seen.differing), self.pairs.get((name.kind, name.level), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRun:
    """One comparison of the legacy ERP with itself."""

    name: str
    inputs: Mapping[str, str]
    """What was compared: name to SHA-256 of an extract, or how a rehearsal was made."""
    pairs: int
    differing: int
    """Breaks that were found."""

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {
            "name": self.name, "inputs": dict(self.inputs), "pairs": self.pairs, "differing": self.differing,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """What some control runs taught; good for comparisons under the same policy."""

    policy_hash: str
    runs: tuple[ControlRun, ...]
    seen: Measure

    @property
    def pairs(self) -> int:
        """Pairs compared in all runs together."""
        return sum(self.seen.pairs.values())

    @property
    def money(self) -> tuple[Field, ...]:
        """The fields of amounts that differ in the legacy ERP itself; there should be none."""
        return tuple(sorted(name for name in self.seen.fields if name.what in IN_CURRENCY and name.currency))

    def says(self) -> str:
        """All of it in a sentence or two."""
        runs = f"{_many(len(self.runs), 'control run')} compared the legacy ERP with itself over {_many(self.pairs, 'pair')}"
        if not self.seen.fields:
            return f"{runs}: no field differed, so none can be called noise."
        money = (
            f" {_many(len(self.money), 'amount')} among them: that explains no cloud ERP's difference away."
            if self.money
            else " No amount is among them."
        )
        return f"{runs}: {_many(len(self.seen.fields), 'field')} differed.{money}"

    def to_json(self) -> dict[str, Any]:
        """The object of `noise.json`: same runs, same bytes."""
        return {
            "format": FORMAT,
            "policy_hash": self.policy_hash,
            "runs": [run.to_json() for run in self.runs],
            "pairs": [
                {"kind": kind, "level": level, "pairs": pairs}
                for (kind, level), pairs in sorted(self.seen.pairs.items())
            ],
            "rows_apart": self.seen.apart,
            "fields": [field_row(name, self.seen) for name in sorted(self.seen.fields)],
            "says": self.says(),
        }


def learned(policy_hash: str, runs: Sequence[tuple[ControlRun, Measure]]) -> NoiseFloor:
    """One floor from all control runs."""
    whole = Measure()
    for _, measure in runs:
        for (kind, level), pairs in measure.pairs.items():
            whole.compared(kind, level, pairs)
        for name, seen in measure.fields.items():
            whole.fields.setdefault(name, Seen()).add(seen.differing, seen.most_minor)
        whole.apart += measure.apart
    return NoiseFloor(policy_hash=policy_hash, runs=tuple(run for run, _ in runs), seen=whole)


def field_of(one: Break) -> Field | None:
    """The field a break is about; None where a row stands alone, too often or in the wrong pair."""
    if not one.column or one.what not in FIELDS:
        return None
    currency = one.currency if one.what in IN_CURRENCY else ""
    return Field(one.kind, one.level, one.column, one.what, currency)


def field_row(name: Field, measure: Measure) -> dict[str, Any]:
    """A field with its counts, for files and reports."""
    differing, pairs = measure.rate(name)
    most = measure.fields[name].most_minor
    return {
        "kind": name.kind, "level": name.level, "column": name.column, "class": name.what,
        "currency": name.currency, "pairs": pairs, "differing": differing, "most_minor": most,
        "most": str(Money(most, name.currency)) if most is not None and name.currency else None,
    }  # fmt: skip


def bears_money(policy: Policy, column: str) -> bool:
    """Whether a column is a number, or says into which control total an amount goes."""
    rule = policy.columns.get(column)
    if rule is None or rule.numeric or rule.type == "money":
        return True
    currencies = {one.currency_column for one in policy.columns.values() if one.type == "money"}
    places = {policy.role(role) for role in PLACES}
    return column in currencies or column in places or any(column in group for group in policy.control_totals)


def often_enough(control: tuple[int, int], here: tuple[int, int]) -> bool:
    """Whether the control's rate is at least half of the one observed; (differing, pairs) each, exact."""
    return control[0] > 0 and 2 * control[0] * here[1] >= here[0] * control[1]


class Noise:
    """Tells the breaks of one comparison what the control runs know of their fields.

    `observed` must have counted all breaks of the comparison before the first is told.
    """

    def __init__(self, floor: NoiseFloor, observed: Measure, bears: Callable[[Break], bool]) -> None:
        self._floor, self._observed, self._bears = floor, observed, bears
        self._quiet: dict[Field, int] = {}
        self._loud: dict[Field, int] = {}
        self._mentioned: dict[Field, int] = {}

    def __call__(self, one: Break) -> Break:
        """The break with noise as its cause, or with a mention of it; untouched where the control was silent."""
        name = field_of(one)
        seen = None if name is None else self._floor.seen.fields.get(name)
        if name is None or seen is None:
            return one
        told, often = self._told(name)
        if often and self._bears(one):
            within = (
                one.delta_minor is not None
                and seen.most_minor is not None
                and abs(one.delta_minor) <= seen.most_minor
            )
            if one.cause == "unexplained" and within:
                return self._explained(one, name, LOUD, told, self._loud)
        elif often and one.code in ONLY_NAMED:
            return self._explained(one, name, QUIET, told, self._quiet)
        self._mentioned[name] = self._mentioned.get(name, 0) + 1
        return replace(one, evidence=_with(one.evidence, told))

    def _explained(self, one: Break, name: Field, code: str, told: str, counter: dict[Field, int]) -> Break:
        counter[name] = counter.get(name, 0) + 1
        return replace(one, cause="noise", code=code, evidence=_with(one.evidence, told), parts=())

    def _told(self, name: Field) -> tuple[str, bool]:
        control, here = self._floor.seen.rate(name), self._observed.rate(name)
        often = often_enough(control, here)
        seen = self._floor.seen.fields[name]
        most = (
            f", by {Money(seen.most_minor, name.currency)} {name.currency} at most"
            if seen.most_minor is not None and name.currency
            else ""
        )
        told = f"{name.column} differs in {control[0]:,} of {_many(control[1], 'pair')} of the legacy ERP with itself{most}"
        if often:
            return told, True
        return f"{told}, but here in {here[0]:,} of {here[1]:,}: more than noise", False

    def to_json(self) -> dict[str, Any]:
        """What a report says of it."""
        floor = self._floor
        quiet, loud = sum(self._quiet.values()), sum(self._loud.values())
        fields = [
            {
                **field_row(name, floor.seen),
                "observed": self._observed.rate(name)[0],
                "observed_pairs": self._observed.rate(name)[1],
                "noise": self._quiet.get(name, 0) + self._loud.get(name, 0),
                "mentioned": self._mentioned.get(name, 0),
            }
            for name in sorted(floor.seen.fields)
        ]
        done = (
            f"That explains {_many(quiet, 'break')} here that nothing else explains"
            f"{f', and {loud:,} in money, which stay open' if loud else ''}."
            if floor.seen.fields
            else ""
        )
        return {
            "policy_hash": floor.policy_hash,
            "runs": [run.to_json() for run in floor.runs],
            "pairs": floor.pairs,
            "rows_apart": floor.seen.apart,
            "fields": fields,
            "explained": quiet,
            "explained_in_money": loud,
            "says": f"{floor.says()} {done}".strip(),
        }


def live_bears(policies: Mapping[tuple[str, str], Policy]) -> Callable[[Break], bool]:
    """The question whether a break of a live dual run bears money; `policies` by kind and level."""

    def bears(one: Break) -> bool:
        policy = policies.get((one.kind, one.level))
        return policy is None or bears_money(policy, one.column)

    return bears


def measured(pairs: Mapping[tuple[str, str], int], breaks: Iterable[Break]) -> Measure:
    """A comparison's pairs and breaks, counted."""
    found = Measure()
    for (kind, level), count in pairs.items():
        found.compared(kind, level, count)
    for one in breaks:
        found.add(one)
    return found


def read_floor(data: Any, policy: Policy | DualRunPolicy, *, name: str) -> NoiseFloor:
    """The floor of a `noise.json`; raises BadInput naming the file where it is none, or of another policy."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise BadInput(f"{name}: is no noise floor ({FORMAT})", mend=_MEND)
    if data.get("policy_hash") != policy.fingerprint:
        raise BadInput(
            f"{name}: its policy is another one (policy_hash {str(data.get('policy_hash'))[:12]}, "
            f"this comparison's is {policy.fingerprint[:12]})",
            mend="make the control run with the same policy: coexist noise … --policy POLICY",
        )
    try:
        seen = Measure(apart=_count(data["rows_apart"]))
        for row in data["pairs"]:
            seen.compared(_text(row["kind"]), _text(row["level"]), _count(row["pairs"]))
        for row in data["fields"]:
            most = row["most_minor"]
            key = Field(*(_text(row[part]) for part in ("kind", "level", "column", "class", "currency")))
            differing = _share(row["differing"], seen.pairs[key.kind, key.level])
            seen.fields[key] = Seen(differing, None if most is None else _count(most))
        runs = tuple(
            ControlRun(
                name=_text(row["name"]),
                inputs={_text(key): _text(value) for key, value in row["inputs"].items()},
                pairs=_count(row["pairs"]),
                differing=_count(row["differing"]),
            )
            for row in data["runs"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{name}: is no noise floor: {str(error)[:TEXT_MAX]} is missing or odd", mend=_MEND
        ) from error
    return NoiseFloor(policy_hash=policy.fingerprint, runs=runs, seen=seen)


def _with(evidence: str, told: str) -> str:
    return f"{evidence}; {told}" if evidence else told


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is no count")
    return value


def _share(value: Any, pairs: int) -> int:
    if not 0 < _count(value) <= pairs:
        raise ValueError(f"{value:,} of {pairs:,} pairs")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise ValueError(f"{str(value)[:40]!r} is no text")
    return value


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
