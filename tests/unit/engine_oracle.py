"""The comparison once more in plain Python, row by row, as the oracle of the engine; for small tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = Mapping[str, str | None]
Found = tuple[tuple[str, ...], tuple[str, str, str | None, str | None, int | None]]
PLACES = {"EUR": 2, "JPY": 0, "BHD": 3}
WORDS = {"P": "posted", "open": "posted"}


@dataclass
class Oracle:
    """Columns: id, total (money), hours (decimal), status (mapped), memo (trimmed, case folded)."""

    tolerance_minor: int = 0
    empty_is_zero: bool = False
    complete: bool = False
    found: list[Found] = field(default_factory=list)
    paired: Counter[str] = field(default_factory=Counter)
    tolerated: Counter[str] = field(default_factory=Counter)

    def run(
        self, legacy: Sequence[Row], cloud: Sequence[Row], entries: Sequence[tuple[str, str]] | None
    ) -> None:
        """Fill `found`."""
        sides = [dict(enumerate(legacy)), dict(enumerate(cloud))]
        keys: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list)]
        for side, rows in enumerate(sides):
            for number, row in rows.items():
                if row["id"]:
                    keys[side][row["id"]].append(number)
        told_wrong: list[set[int]] = [set(), set()]
        free = [set(sides[0]), set(sides[1])]
        edges = []
        for a, b in sorted(set(entries or ())):
            here, there = keys[0].get(a, []), keys[1].get(b, [])
            if here and there:
                edges.append((a, b))
            elif here or there:
                row = legacy[here[0]] if here else cloud[there[0]]
                self.found.append(((row["id"] or "",), ("crosswalk", "", a, b, None)))
                if here:
                    told_wrong[0].add(here[0])
                else:
                    told_wrong[1].add(there[0])
        singles, groups = self._split(edges, keys)
        agreeing = {
            (one, other) for one, other in singles if self._worth(legacy[one]) == self._worth(cloud[other])
        }
        grouped = [{n for group in groups for n in group[side]} for side in (0, 1)]
        for one, other in singles:
            if self._disproved(one, other, legacy, cloud, agreeing, grouped):
                said = (legacy[one]["id"], cloud[other]["id"])
                self.found.append(((said[0] or "",), ("crosswalk", "", *said, None)))
                told_wrong[0].add(one)
                told_wrong[1].add(other)
            else:
                groups.append(([one], [other]))
        for group in groups:
            self._group(*([rows[n] for n in group[side]] for side, rows in enumerate(sides)), how="crosswalk")
            for side in (0, 1):
                free[side] -= set(group[side])
        self._by_key(legacy, cloud, free, told_wrong, crosswalk=entries is not None)

    def _by_key(
        self, legacy: Sequence[Row], cloud: Sequence[Row], free: list[set[int]], told_wrong: list[set[int]], *, crosswalk: bool
    ) -> None:  # fmt: skip
        left: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list)]
        for side, rows in enumerate((legacy, cloud)):
            for number in sorted(free[side]):
                left[side][rows[number]["id"] or f"\0{side}{number}"].append(number)
        for key in sorted({*left[0], *left[1]}):
            here, there = left[0].get(key, []), left[1].get(key, [])
            fresh = len(here) == len(there) == 1 and not ({*here} & told_wrong[0] or {*there} & told_wrong[1])
            if crosswalk and self.complete and fresh:
                self.found.append(((key,), ("crosswalk", "", key, key, None)))
            self._group(
                [legacy[n] for n in here], [cloud[n] for n in there], how="key", numbers=(here, there)
            )

    def _disproved(
        self, a: int, b: int, legacy: Sequence[Row], cloud: Sequence[Row], agreeing: set[tuple[int, int]], grouped: list[set[int]]
    ) -> bool:  # fmt: skip
        if legacy[a]["id"] == cloud[b]["id"] or (a, b) in agreeing:
            return False
        taken = [{pair[side] for pair in agreeing} | grouped[side] for side in (0, 1)]
        fits_cloud = any(
            n not in taken[1] and row["id"] == legacy[a]["id"] and self._worth(row) == self._worth(legacy[a])
            for n, row in enumerate(cloud)
        )
        fits_legacy = any(
            n not in taken[0] and row["id"] == cloud[b]["id"] and self._worth(row) == self._worth(cloud[b])
            for n, row in enumerate(legacy)
        )
        return fits_cloud or fits_legacy

    @staticmethod
    def _worth(row: Row) -> tuple[int | None, str | None]:
        return minor(row), row["currency"]

    def _split(
        self, edges: list[tuple[str, str]], keys: list[dict[str, list[int]]]
    ) -> tuple[list[tuple[int, int]], list[tuple[list[int], list[int]]]]:
        singles, groups, seen = [], [], set[tuple[int, str]]()
        for a, _ in edges:
            if (0, a) in seen:
                continue
            reached, new = set[tuple[int, str]](), {(0, a)}
            while new:
                reached |= new
                new = {
                    end
                    for x, y in edges
                    for end in ((0, x), (1, y))
                    if ((0, x) in reached or (1, y) in reached) and end not in reached
                }
            seen |= reached
            rows = tuple(
                sorted(n for side, key in reached if side == at for n in keys[side][key]) for at in (0, 1)
            )
            if len(rows[0]) == len(rows[1]) == 1:
                singles.append((rows[0][0], rows[1][0]))
            else:
                groups.append((rows[0], rows[1]))
        return singles, groups

    def _group(
        self, here: list[Row], there: list[Row], *, how: str, numbers: tuple[list[int], list[int]] = ([], [])
    ) -> None:
        first = min(here or there, key=lambda row: row["id"] or "")
        key = (first["id"],) if first["id"] else ("", str((numbers[0] or numbers[1])[0] + 1))
        twice = [max(Counter(row["id"] for row in rows).values(), default=0) > 1 for rows in (here, there)]
        if any(twice):
            self._doubled(key, here, there, twice)
            return
        if not here or not there:
            told = shown(minor(first), first["currency"])
            worth = minor(first)
            if here:
                less = None if worth is None else -worth
                self.found.append((key, ("missing_in_cloud", "", told, None, less)))
            else:
                self.found.append((key, ("missing_in_legacy", "", None, told, worth)))
            return
        self.paired[how] += 1
        self._columns(key, here, there)

    def _doubled(self, key: tuple[str, ...], here: list[Row], there: list[Row], twice: list[bool]) -> None:
        said = [f"{len(rows)} row{'s' if len(rows) != 1 else ''}" for rows in (here, there)]
        codes = {row["currency"] for row in (*here, *there) if minor(row) is not None}
        before, after = (sum(minor(row) or 0 for row in rows) for rows in (here, there))
        amounts = [worth for row in (*here, *there) if (worth := minor(row)) is not None]
        once = min(amounts, default=0)
        deltas = [once - before, after - once] if all(twice) else [after - before] * 2
        for side, name in enumerate(("legacy", "cloud")):
            if twice[side]:
                delta = deltas[side] if len(codes) == 1 else None
                self.found.append((key, (f"duplicate_in_{name}", "", said[0], said[1], delta)))

    def _columns(self, key: tuple[str, ...], here: list[Row], there: list[Row]) -> None:
        codes = [{row["currency"] for row in rows if row["currency"]} for rows in (here, there)]
        if codes[0] and codes[1] and codes[0] != codes[1]:
            said = [bars(row["currency"] for row in rows) for rows in (here, there)]
            self.found.append((key, ("currency", "currency", said[0], said[1], None)))
        else:
            for code in sorted({row["currency"] or "" for row in (*here, *there)}):
                was, now = (
                    [m for row in rows if (row["currency"] or "") == code and (m := minor(row)) is not None]
                    for rows in (here, there)
                )
                self._amount(key, sum(was) if was else None, sum(now) if now else None, code)
        hours = [[Decimal(row["hours"]) for row in rows if row["hours"]] for rows in (here, there)]
        sums = [sum(values, Decimal()) if values else None for values in hours]
        if sums[0] != sums[1]:
            far = (sums[1] or Decimal()) - (sums[0] or Decimal())
            whole = int(far) if far == int(far) else None
            self.found.append((key, ("amount", "hours", plain(sums[0]), plain(sums[1]), whole)))
        for name, what in (("status", "status"), ("memo", "text")):
            words = [{word(name, row[name]) for row in rows} for rows in (here, there)]
            if words[0] != words[1]:
                firsts = [
                    [least(name, rows, one) for one in words[at]] for at, rows in enumerate((here, there))
                ]
                self.found.append((key, (what, name, bars(firsts[0]), bars(firsts[1]), None)))

    def _amount(self, key: tuple[str, ...], was: int | None, now: int | None, code: str) -> None:
        left, right = (was or 0, now or 0) if self.empty_is_zero else (was, now)
        if left is None or right is None:
            if left is not right:
                self.found.append(
                    (key, ("amount", "total", shown(was, code), shown(now, code), (now or 0) - (was or 0)))
                )
        elif abs(right - left) > self.tolerance_minor:
            self.found.append((key, ("amount", "total", shown(was, code), shown(now, code), right - left)))
        elif right != left:
            self.tolerated[code] += abs(right - left)


def minor(row: Row) -> int | None:
    """The total in minor units."""
    total = row["total"]
    return None if total is None else int(Decimal(total).scaleb(PLACES[row["currency"] or ""]))


def shown(amount: int | None, code: str | None) -> str | None:
    """An amount as a person reads it."""
    return None if amount is None else f"{Decimal(amount).scaleb(-PLACES[code or '']):f}"


def plain(number: Decimal | None) -> str | None:
    """A decimal without zeros behind."""
    return None if number is None else f"{number.normalize():f}"


def word(name: str, text: str | None) -> str | None:
    """What a text is compared as."""
    if text is None:
        return None
    return WORDS.get(text, text) if name == "status" else text.strip().casefold()


def least(name: str, rows: list[Row], wanted: str | None) -> str | None:
    """The least of the texts that are compared as one word."""
    texts = [row[name] for row in rows if word(name, row[name]) == wanted]
    return None if wanted is None else min(text or "" for text in texts)


def bars(texts: Iterable[str | None]) -> str | None:
    """One text, or several with bars between."""
    given = list(texts)
    several = sorted({text or "" for text in given})
    return " | ".join(several) if len(several) > 1 else given[0]


def policy(oracle: Oracle) -> dict[str, Any]:
    """The same rules as a policy."""
    total = {
        "type": "money",
        "tolerance_minor": oracle.tolerance_minor,
        "empty_is_zero": oracle.empty_is_zero,
    }
    return {
        "key": ["id"],
        "columns": {
            "total": total,
            "hours": {"type": "decimal"},
            "status": {"type": "status", "map": WORDS},
            "memo": {"type": "text", "normalise": ["trim", "casefold"]},
        },
        "crosswalk_complete": oracle.complete,
        "control_totals": [["entity"], []],
        "roles": {"legal_entity": "entity"},
    }
