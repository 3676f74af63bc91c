"""The comparison against datacompy (Polars) and pandas: the same two CSV files to all breaks as JSON lines.

Every contender runs in a process of its own and is charged for everything: start, reading, comparing,
writing, and its peak memory as the kernel counts it. The others read numbers as floats, which is their
fastest way and not exact; ours reads minor units, proves causes and ties totals, and is charged for that
too. All must find the same pairs.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from tests.bench.rounds import Row, ratio_of, tell
from tests.bench.scratch import scratch

PAIRS = 1_000_000
ROUNDS = 2
MEMORY = "600MB"
"""What our database may hold before it spills; half of what the others take has to be enough."""
_CENTS = "((({0}) // 100)::VARCHAR || '.' || lpad((({0}) % 100)::VARCHAR, 2, '0'))"


def write_extracts(folder: Path, pairs: int) -> None:
    """Two files of `pairs` rows and 16 columns, the cloud's in another order and 1% of it broken."""
    import duckdb  # noqa: PLC0415 - the measuring process itself stays small

    drawn = [f"(hash(i + {seed}) >> 2)::BIGINT" for seed in range(13)]
    net, tax, rate = f"{drawn[0]} % 10000000", f"({drawn[0]} % 10000000) // 5", f"{drawn[1]} % 30000"
    base = f"""
        SELECT i, 'INV' || lpad((i * 7919 % {pairs * 10})::VARCHAR, 11, '0') || '-' || i AS key,
        'E' || lpad(({drawn[2]} % 40)::VARCHAR, 2, '0') AS entity, 'CUST' || {drawn[3]} % 5000 AS customer,
        'PRJ-' || {drawn[4]} % 20000 AS project, ['posted', 'open', 'paid'][1 + {drawn[5]} % 3] AS status,
        (DATE '2026-01-01' + ({drawn[6]} % 365)::INT)::VARCHAR AS date, 'CC' || 1000 + {drawn[7]} % 300 AS cost_centre,
        ['Consulting', 'Managed services', 'Digital'][1 + {drawn[8]} % 3] AS department,
        ['EUR', 'GBP', 'USD', 'CHF'][1 + {drawn[9]} % 4] AS currency,
        {net} AS net, {tax} AS tax, ({drawn[10]} % 800) * 25 AS hours, {rate} AS rate,
        'Time and expenses of week ' || {drawn[11]} % 52 AS memo, 'V' || {drawn[12]} % 8 AS tax_code
        FROM range({pairs}) AS numbers(i)"""
    for name, order, broken in (("legacy", "i", "false"), ("cloud", "hash(i)", "i % 100 = 7")):
        changed = {
            "project": f"CASE WHEN {broken} AND i % 500 = 107 THEN project || 'X' ELSE project END",
            "status": f"CASE WHEN {broken} AND i % 500 = 207 THEN 'void' ELSE status END",
            "tax": _CENTS.format(f"tax + CASE WHEN {broken} AND i % 500 > 300 THEN 1 ELSE 0 END"),
            "net": _CENTS.format("net"), "total": _CENTS.format("net + tax"),
            "hours": _CENTS.format("hours"), "rate": _CENTS.format("rate"),
        }  # fmt: skip
        columns = ", ".join(f"{changed.get(column, column)} AS {column}" for column in COLUMNS)
        with duckdb.connect(":memory:", config={"threads": "2"}) as db:
            db.execute(
                f"COPY (SELECT {columns} FROM ({base}) WHERE NOT ({broken} AND i % 500 = 7) ORDER BY {order}) "
                f"TO '{folder / name}.csv' (HEADER)"
            )


COLUMNS = (
    "key", "entity", "customer", "project", "status", "date", "cost_centre", "department",
    "currency", "net", "tax", "total", "hours", "rate", "memo", "tax_code",
)  # fmt: skip
_TYPES = {"net": "money", "tax": "money", "total": "money", "rate": "money", "hours": "decimal"} | {
    "status": "status", "date": "date", "memo": "text", "currency": "dimension",
}  # fmt: skip


def coexist(folder: Path, *, memory: str = MEMORY) -> int:
    """Ours, from files to breaks with their causes."""
    from router.dualrun.causes.judge import ExtractJudge  # noqa: PLC0415 - charged to its own process
    from router.dualrun.engine import TableComparison  # noqa: PLC0415
    from router.dualrun.explain import explained  # noqa: PLC0415
    from router.dualrun.extracts import read_extract  # noqa: PLC0415
    from router.dualrun.policy import Policy  # noqa: PLC0415
    from router.dualrun.workbench import Workbench  # noqa: PLC0415

    columns = {name: {"type": _TYPES.get(name, "dimension")} for name in COLUMNS[1:]}
    policy = Policy.model_validate(
        {"key": ["key"], "columns": columns, "control_totals": [["entity", "currency"]]}
    )
    keys = set()
    with Workbench(memory=memory, threads=2, spill_to=folder) as bench, _out(folder).open("wb") as file:
        legacy = read_extract(bench, "legacy", folder / "legacy.csv", policy)
        cloud = read_extract(bench, "cloud", folder / "cloud.csv", policy)
        compared = TableComparison(bench, policy, legacy, cloud, today=date(2026, 11, 1))
        compared.run()
        assert all(total.ties for total in compared.totals)
        for one in explained(compared.documents, ExtractJudge(policy, agreement=compared.agreement), policy):
            file.write(orjson.dumps(one.to_json()) + b"\n")
            keys.add(one.key["key"])
    return len(keys)


def datacompy(folder: Path) -> int:
    """Datacompy on Polars, at its fastest: numbers as floats."""
    import polars as pl  # noqa: PLC0415
    from datacompy import PolarsCompare  # noqa: PLC0415

    legacy, cloud = (pl.read_csv(folder / f"{side}.csv") for side in ("legacy", "cloud"))
    compared = PolarsCompare(legacy, cloud, join_columns="key", df1_name="legacy", df2_name="cloud")
    wrong = [compared.all_mismatch(), compared.df1_unq_rows, compared.df2_unq_rows]
    with _out(folder).open("wb") as file:
        for rows in wrong:
            rows.write_ndjson(file)
    return sum(len(rows) for rows in wrong)


def pandas(folder: Path) -> int:
    """Pandas by hand: an outer merge, then column by column."""
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415

    legacy, cloud = (pd.read_csv(folder / f"{side}.csv") for side in ("legacy", "cloud"))
    both = legacy.merge(cloud, on="key", how="outer", suffixes=("_legacy", "_cloud"), indicator=True)
    keys = set(both.loc[both["_merge"] != "both", "key"])
    paired = both["_merge"] == "both"
    with _out(folder).open("w", encoding="utf-8") as file:
        both.loc[~paired, ["key", "_merge"]].to_json(file, orient="records", lines=True)
        for name in COLUMNS[1:]:
            left, right = both[f"{name}_legacy"], both[f"{name}_cloud"]
            differs = paired & (left != right) & ~(left.isna() & right.isna())
            wrong = both.loc[differs, ["key", f"{name}_legacy", f"{name}_cloud"]]
            wrong.to_json(file, orient="records", lines=True)
            keys.update(wrong["key"])
    return len(keys)


CONTENDERS: dict[str, Callable[[Path], int]] = {"coexist": coexist, "datacompy": datacompy, "pandas": pandas}


def _out(folder: Path) -> Path:
    return folder / "breaks.jsonl"


def contend(name: str, folder: Path) -> dict[str, Any]:
    """Run a contender in a process of its own: seconds, processor seconds, peak megabytes, pairs found."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.comparison", name, str(folder)],
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, Any] = orjson.loads(done.stdout)
    return told | {"seconds": time.perf_counter() - start}


def charged(name: str, folder: Path) -> dict[str, Any]:
    """What a contender found, and what this process has used."""
    found = CONTENDERS[name](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "found": found,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * unit / 1e6,
    }


def run(pairs: int = PAIRS, rounds: int = ROUNDS) -> list[Row]:
    """Ratios of time and peak memory to the faster of the others."""
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    with scratch() as folder:
        write_extracts(folder, pairs)
        for _ in range(rounds):
            for name in CONTENDERS:
                measured[name].append(contend(name, folder))
    found = {name: {one["found"] for one in those} for name, those in measured.items()}
    if len(set().union(*found.values())) != 1:
        raise AssertionError(f"they don't find the same pairs: {found}")
    (broken,) = found["coexist"]

    def of(name: str, what: str) -> list[float]:
        return [one[what] for one in measured[name]]

    fastest = min(("datacompy", "pandas"), key=lambda name: sum(of(name, "seconds")))
    told = "; ".join(
        f"{name} {min(of(name, 'seconds')):.1f} s ({min(of(name, 'cpu')):.1f} s of processor), {max(of(name, 'peak_mb')):,.0f} MB"
        for name in CONTENDERS
    )
    size = f"{pairs:,} pairs × {len(COLUMNS)} columns, {broken:,} broken, all breaks written"
    return [
        {
            "name": f"comparing {size}: against the faster of datacompy and pandas",
            "ratio": ratio_of(of(fastest, "seconds"), of("coexist", "seconds")),
            "target": 3,
            "detail": f"{told}; best of {rounds} rounds, the ratio is their median",
        },
        {
            "name": f"peak memory of the same, against {fastest}",
            "ratio": ratio_of(of(fastest, "peak_mb"), of("coexist", "peak_mb")),
            "target": 2,
            "detail": f"ours is told to spill beyond {MEMORY}",
        },
    ]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.stdout.buffer.write(orjson.dumps(charged(sys.argv[1], Path(sys.argv[2]))))
    else:
        tell(run())
