"""SQL for the typed cells of one side: text to minor units, decimals, dates and common words. Pure.

Numbers are read twice at most. The plain way takes what nearly all files hold, `-?digits[.digits]` of
moderate size, by one look over all numbers of a row and 64-bit arithmetic; a row with any other number
makes the side be read again in the exact way, by text, in 128 bits and in the file's own format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.canonical.money import exponent
from router.dualrun.engine.normalising import ascii_sql, mapped_sql
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.extracts.numbers import number_sql
from router.dualrun.policy import Column
from router.dualrun.workbench import Source, literal, quoted

_COMMON = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "INR", "SGD", "HKD", "CNY")
_PLAIN = quoted("coexist plain numbers")
DECIMALS = 10
"""Decimal places a count or a decimal may have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one side is read."""

    plan: Plan
    source: Source
    odd_places: Mapping[str, int]
    """Currencies that have not two decimal places."""
    exact: bool
    """Read numbers the exact way."""

    def table_sql(self, name: str) -> str:
        """CREATE TABLE with the cells of every field, and `odd`: a cell that could not be read."""
        fields = self.plan.fields
        numbers = [self._raw(one) for one in fields if one.numeric]
        given = f"SELECT * FROM {self.source.relation}"
        if numbers and not self.exact:
            pattern = literal(r"[^0-9.,\-]|\.[0-9]{5}")
            given = (
                f"SELECT *, NOT regexp_matches(concat_ws(',', {', '.join(numbers)}), {pattern}) AS {_PLAIN} "
                f"FROM {self.source.relation}"
            )
        read = ", ".join(
            [*(sql for one in fields for sql in self._read(one)), *([] if self.exact else self._scales())]
        )
        made = ", ".join(sql for one in fields for sql in self._made(one))
        odd = " OR ".join(sql for one in fields for sql in self._odd(one)) or "false"
        return (
            f"CREATE TABLE {name} AS SELECT {made}, coalesce({odd}, false) AS odd "
            f"FROM (SELECT {read} FROM ({given}))"
        )

    def _raw(self, one: Field) -> str:
        return quoted(one.name) if one.name in self.source.columns else "NULL::VARCHAR"

    def _read(self, one: Field) -> list[str]:
        """The first look: texts as they are, numbers and dates read."""
        raw = self._raw(one)
        if one.numeric:
            if not self.exact:
                width = "14, 4" if one.money else "18, 4"
                read = f"CASE WHEN {_PLAIN} THEN TRY_CAST({raw} AS DECIMAL({width})) END"
                return [f"{read} AS n{one.place}", f"{raw} <> '' AS g{one.place}"]
            return [f"{number_sql(raw, self.source.numbers)} AS n{one.place}", f"{raw} <> '' AS g{one.place}"]
        read_as = [f"{raw} AS t{one.place}"]
        if one.kind == "date":
            assert one.rule is not None
            read_as.append(f"{self._date(raw, one.rule)} AS d{one.place}")
        elif one.worded:
            assert one.rule is not None
            word, other = ascii_sql(raw, one.rule), mapped_sql(raw, one.rule)
            ascii_only = f"strlen({raw}) = length({raw})"
            read_as.append(f"CASE WHEN {ascii_only} THEN {word} ELSE {other} END AS w{one.place}")
        return read_as

    def _made(self, one: Field) -> list[str]:
        """The columns of the table."""
        place = one.place
        if one.money:
            return [f"{self._minor(one)} AS c{place}"]
        if one.numeric:
            if not self.exact:
                return [f"n{place} AS c{place}"]
            return [f"TRY_CAST(n{place} AS DECIMAL(38, {DECIMALS})) AS c{place}"]
        if one.kind == "date":
            return [f"d{place} AS c{place}", f"t{place}"]
        return [f"t{place} AS c{place}", *([f"w{place}"] if one.worded else [])]

    def _odd(self, one: Field) -> list[str]:
        """Conditions under which a cell can't be taken."""
        place = one.place
        if one.kind == "date":
            return [f"(t{place} <> '' AND d{place} IS NULL)"]
        if not one.numeric:
            return []
        odd = [f"(g{place} AND {f'c{place}'} IS NULL)"]
        if one.money and one.currency is not None:
            code = f"t{one.currency.place}"
            odd.append(f"(g{place} AND ({code} IS NULL OR {code} = ''))")
        if one.money and not self.exact:
            odd.append(f"n{place} * {self._scale(one)} <> c{place}")
        if not one.money and self.exact:
            odd.append(f"length({_fraction(place)}) > {DECIMALS}")
        return odd

    def _currency(self, one: Field) -> str:
        column = one.currency
        assert column is not None
        return f"{'w' if column.worded else 't'}{column.place}"

    def _scale(self, one: Field) -> str:
        """How many minor units make one, as SMALLINT."""
        if one.currency is not None:
            return f"s{one.currency.place}"
        return self._by_currency(one, _minor_units)

    def _scales(self) -> list[str]:
        """The same for every currency column, worked out once a row for all the money in it."""
        first = {
            one.currency.place: one for one in self.plan.fields if one.money and one.currency is not None
        }
        return [f"{self._by_currency(one, _minor_units)} AS s{place}" for place, one in first.items()]

    def _by_currency(self, one: Field, told: Callable[[int], str]) -> str:
        assert one.rule is not None
        if one.currency is None:
            return told(exponent(one.rule.currency or ""))
        usual = " ".join(f"WHEN '{code}' THEN {told(2)}" for code in _COMMON)
        odd = " ".join(f"WHEN '{code}' THEN {told(places)}" for code, places in self.odd_places.items())
        return f"CASE {self._currency(one)} {usual} {odd} ELSE {told(2)} END"

    def _minor(self, one: Field) -> str:
        """Minor units; NULL where there is no value or it is no amount of that currency."""
        place = one.place
        if not self.exact:
            return f"CAST(n{place} * {self._scale(one)} AS BIGINT)"
        places = self._by_currency(one, str)
        fraction = _fraction(place)
        digits = f"split_part(n{place}, '.', 1) || rpad({fraction}, {places}, '0')"
        return f"CASE WHEN length({fraction}) <= {places} THEN TRY_CAST({digits} AS HUGEINT) END"

    def _date(self, raw: str, rule: Column) -> str:
        """A date: of the instant in the legacy column's zone where a time and zones are given."""
        side = self.source.side
        form, zone = rule.formats.get(side), rule.time_zones.get(side)
        home = rule.time_zones.get("legacy") or zone
        cell = f"nullif({raw}, '')"
        if form is not None:
            read = f"try_strptime({cell}, {literal(form)})"
            if zone is None or home is None or not any(mark in form for mark in ("%H", "%I", "%c", "%X")):
                return f"CAST({read} AS DATE)"
            there = read if "%z" in form else f"timezone({literal(zone)}, {read})"
            return f"CAST(timezone({literal(home)}, {there}) AS DATE)"
        day = f"TRY_CAST(left({cell}, 10) AS DATE)"
        moment = f"TRY_CAST({cell} AS TIMESTAMP)"
        if zone is None or home is None:
            later = f"CASE WHEN {moment} IS NOT NULL THEN {day} END"
        else:
            offset = f"regexp_matches({cell}, '(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
            local = f"timezone({literal(zone)}, {moment})"
            there = f"CASE WHEN {offset} THEN TRY_CAST({cell} AS TIMESTAMPTZ) ELSE {local} END"
            later = f"CAST(timezone({literal(home)}, {there}) AS DATE)"
        return f"CASE WHEN length({cell}) <= 10 THEN TRY_CAST({cell} AS DATE) ELSE {later} END"


def _minor_units(places: int) -> str:
    return f"{10**places}::SMALLINT"


def _fraction(place: int) -> str:
    return f"rtrim(split_part(n{place}, '.', 2), '0')"
