"""Which columns of a policy are needed, under which names they stand in the typed tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.dualrun.breaks import BreakClass
from router.dualrun.policy import Column, Policy, Role

_CLASSES: Mapping[str, BreakClass] = {
    "money": "amount", "count": "amount", "decimal": "amount",
    "status": "status", "dimension": "dimension", "date": "date", "text": "text",
}  # fmt: skip

_PRICES: tuple[Role, ...] = ("rate", "tax_rate", "fx_rate")


@dataclass(frozen=True, slots=True)
class Field:
    """One column in the typed tables of both sides."""

    name: str
    place: int
    rule: Column | None
    """None: only carried along, because the key, a group or a role needs it."""
    currency: Field | None = None
    """For money whose currency stands in a column."""

    @property
    def cell(self) -> str:
        """The column with the cell: as written for texts, typed for numbers and dates."""
        return f"c{self.place}"

    @property
    def word(self) -> str:
        """The column that is compared: the common word where the policy normalises or maps."""
        return f"w{self.place}" if self.worded else self.cell

    @property
    def written(self) -> str:
        """The column with the text as it was written."""
        return f"t{self.place}" if self.kind == "date" else self.cell

    @property
    def kind(self) -> str:
        """The policy's type; `carried` where it has none."""
        return "carried" if self.rule is None else self.rule.type

    @property
    def worded(self) -> bool:
        """Whether cells are compared by a common word."""
        return self.rule is not None and bool(self.rule.normalise or self.rule.map)

    @property
    def money(self) -> bool:
        """Whether its cells are minor units."""
        return self.kind == "money"

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.rule is not None and self.rule.numeric

    @property
    def ignored(self) -> bool:
        """Whether the policy ignores it."""
        return self.rule is not None and self.rule.ignore

    @property
    def what(self) -> BreakClass:
        """The class of a difference in it."""
        return _CLASSES[self.kind]

    def currency_sql(self, alias: str) -> str:
        """For money: SQL for its currency in a row of `alias`."""
        assert self.rule is not None
        if self.currency is None:
            return f"'{self.rule.currency}'"
        return f"{alias}.{self.currency.word}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The policy by typed columns."""

    policy: Policy
    fields: tuple[Field, ...]
    """Everything that is held, the policy's columns first and in its order."""
    key: tuple[Field, ...]
    document: tuple[Field, ...]
    compared: tuple[Field, ...]
    """Columns with a rule that is not to ignore; the key is compared by pairing."""
    amount: Field | None
    """The money a missing or doubled row is worth: total, else net, else the first."""
    by_name: Mapping[str, Field] = field(default_factory=dict)
    prices: frozenset[str] = frozenset()
    """Columns of rates, by their role: rows that belong together share one, they don't add it up."""

    def groups(self) -> list[tuple[Field, ...]]:
        """The columns of each control total."""
        return [tuple(self.by_name[name] for name in names) for names in _groups(self.policy)]

    def monies(self) -> list[Field]:
        """The money columns, ignored ones too."""
        return [one for one in self.fields if one.money]


def _groups(policy: Policy) -> list[tuple[str, ...]]:
    """The groups of control totals; the currency is part of each anyway, so where nothing else names its column it may be absent."""
    named = {*policy.columns, *policy.key, *policy.document, *policy.roles.values()}
    named.update(rule.currency_column for rule in policy.columns.values() if _by_column(rule))
    return [
        tuple(name for name in names if name != "currency" or name in named)
        for names in policy.control_totals
    ]


def plan_for(policy: Policy) -> Plan:
    """Lay out the typed tables of a policy."""
    rules = policy.columns
    carried = [*policy.key, *policy.document, *(name for names in _groups(policy) for name in names)]
    carried += [rule.currency_column for rule in rules.values() if _by_column(rule)]
    carried += [column for _, column in sorted(policy.roles.items())]
    if policy.fallback is not None:
        carried += policy.fallback.same
    order = list(dict.fromkeys([*rules, *carried]))
    plain = {name: Field(name, order.index(name), rules.get(name)) for name in order}
    fields = {
        name: Field(name, one.place, one.rule, plain[one.rule.currency_column])
        if one.rule is not None and _by_column(one.rule)
        else one
        for name, one in plain.items()
    }
    monies = [name for name, rule in rules.items() if rule.type == "money" and not rule.ignore]
    wished = [policy.role("total"), policy.role("net"), *monies]
    amount = next((fields[name] for name in wished if name in monies and name is not None), None)
    return Plan(
        policy=policy,
        fields=tuple(fields.values()),
        key=tuple(fields[name] for name in policy.key),
        document=tuple(fields[name] for name in policy.document),
        compared=tuple(
            one
            for one in fields.values()
            if one.rule is not None and not one.ignored and one.name not in policy.key
        ),
        amount=amount,
        by_name=fields,
        prices=frozenset(name for role in _PRICES if (name := policy.role(role)) is not None),
    )


def _by_column(rule: Column) -> bool:
    return rule.type == "money" and rule.currency is None
