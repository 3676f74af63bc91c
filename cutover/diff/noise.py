"""The noise floor of extracts: what differed when the legacy ERP was compared with itself.

Two extracts of the legacy ERP taken one after the other, compared by `coexist diff` under the same policy,
show which columns are not deterministic. That explains a difference without a better cause; it
silences nothing, and in a money column it is only mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from cutover.report.wording import number, plural
from router.dualrun.breaks import Break
from router.dualrun.policy import Policy
from router.errors import BadInput

SUMMARY = "summary.json"
_MEND = "give the folder that `coexist diff LEGACY LEGACY_AGAIN --policy POLICY` wrote"


class Noise:
    """The columns a control run found to differ, and how often."""

    def __init__(
        self, policy: Policy, columns: Mapping[tuple[str, str], int], pairs: int, run_id: str
    ) -> None:
        self._money = frozenset(name for name, column in policy.columns.items() if column.type == "money")
        self._columns = columns
        self._pairs = pairs
        self._run_id = run_id
        self.explained = 0
        """Breaks that got this as their cause."""

    def __call__(self, one: Break) -> Break:
        """The break, with noise as its cause where nothing better is known; money keeps the cause it has."""
        times = self._columns.get((one.column, one.what), 0) if one.column else 0
        if not times:
            return one
        told = (
            f"{one.column} differs in {number(times)} of {plural(self._pairs, 'pair')} "
            f"of the legacy ERP compared with itself (control run {self._run_id})"
        )
        if one.cause != "unexplained" or one.column in self._money:
            return replace(one, facts={**one.facts, "noise": told})
        self.explained += 1
        return replace(one, cause="noise", code="not-deterministic", evidence=told)

    def to_json(self) -> dict[str, Any]:
        """What `summary.json` says of it."""
        rows = [
            {"column": column, "class": what, "pairs": count, "money": column in self._money}
            for (column, what), count in sorted(self._columns.items())
        ]
        return {
            "control_run": self._run_id,
            "pairs": self._pairs,
            "columns": rows,
            "explained": self.explained,
            "says": (
                f"Control run {self._run_id} compared the legacy ERP with itself over {plural(self._pairs, 'pair')}: "
                f"{plural(len(rows), 'field')} differed. That explains {plural(self.explained, 'break')} without "
                "a better cause; money is never explained away."
            ),
        }


def read_noise(path: Path, policy: Policy) -> Noise:
    """The noise a control run's folder or `summary.json` tells of; raises BadInput naming file and mend."""
    file = path / SUMMARY if path.is_dir() else path
    try:
        data = orjson.loads(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file}: can't be read: {error.strerror}", mend=_MEND) from error
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{file}: is no JSON: {error}", mend=_MEND) from error
    try:
        if data["policy"]["hash"] != policy.fingerprint:
            raise BadInput(
                f"{file}: its policy is another one", mend="make the control run with the same policy"
            )
        columns = {
            (str(row["column"]), str(row["class"])): int(row["breaks"])
            for row in data["breaks"]["by_column"]
            if row["column"]
        }
        return Noise(policy, columns, int(data["levels"]["count"]["pairs"]["all"]), str(data["run_id"])[:80])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{file}: is no summary of a comparison: {error!r} is missing or odd", mend=_MEND
        ) from error
