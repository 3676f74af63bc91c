"""Number formats, files and policies that tests of the extracts share."""

from pathlib import Path
from typing import Any

import pytest

from router.dualrun.extracts import read_extract
from router.dualrun.policy import NumberFormat, Policy, Side
from router.dualrun.workbench import Source, Workbench, quoted
from router.errors import BadConfig

POINT = NumberFormat()
COMMA = NumberFormat(decimal=",")
ENGLISH = NumberFormat(grouping=",")
GERMAN = NumberFormat(decimal=",", grouping=".")
FRENCH = NumberFormat(decimal=",", grouping="\u202f")
SWISS = NumberFormat(grouping="'")
FORMATS = (POINT, COMMA, ENGLISH, GERMAN, FRENCH, SWISS, NumberFormat(decimal=",", grouping=" "))


def policy(**more: Any) -> Policy:
    """A small policy with money, text and a date."""
    return Policy.model_validate(
        {
            "key": ["id"],
            "columns": {
                "total": {"type": "money", "currency": "GBP"},
                "memo": {"type": "text"},
                "posted": {"type": "date"},
            },
            **more,
        }
    )


def cells(source: Source, bench: Workbench, *names: str) -> list[tuple[str | None, ...]]:
    """The rows of a source, of the named columns or all."""
    columns = ", ".join(quoted(name) for name in names or source.columns)
    return bench.rows(f"SELECT {columns} FROM {source.relation}")


def read(
    path: Path, given: Policy | None = None, side: Side = "legacy", **more: Any
) -> tuple[Source, list[tuple[str | None, ...]]]:
    """The source of a file, and its rows."""
    with Workbench(threads=2) as bench:
        source = read_extract(bench, side, path, given or policy(**more))
        return source, cells(source, bench)


def refusal(path: Path, given: Policy | None = None, **more: Any) -> str:
    """The one line a file is refused with."""
    with pytest.raises(BadConfig) as caught:
        read(path, given, **more)
    line = caught.value.one_line()
    assert "\n" not in line
    assert str(path) in line
    for leaked in (
        "duckdb",
        "read_csv",
        "Possible fix",
        "strict_mode",
        "Binder",
        "null_padding",
        "Traceback",
    ):
        assert leaked not in line
    return line.replace(str(path), "FILE")
